//! What ffprobe says of a film: its video stream, and every packet of it in file order.

use std::ffi::OsString;
use std::time::Duration;

use super::input::Input;
use crate::imaging::{fault::Fault, limits};
use crate::tasks::ffmpeg::{ChildError, Pieces, Running, Tools};
use crate::tasks::patience::Patience;

/// How long a film may keep us waiting in all, while it is opened or until a frame of it comes; what comes gives back.
pub const PATIENCE: Duration = Duration::from_secs(7);
/// What a packet's line gives back: less than this many a second are no film that is worth waiting for.
const PACKET: Duration = Duration::from_millis(50);
/// The same for a decoded frame.
pub const FRAME: Duration = Duration::from_millis(250);
/// Frames larger than this are no camera's.
const LONGEST_SIDE: u32 = 16_384;

/// The video stream as its container describes it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stream {
    pub codec: String,
    pub profile: String,
    pub width: u32,
    pub height: u32,
    pub pixel_format: String,
    pub field_order: String,
    /// Width and height of a pixel.
    pub pixel_shape: Option<(u32, u32)>,
    /// Seconds of a tick, as a fraction.
    pub tick_s: Option<(u32, u32)>,
    /// Mean frames a second, as a fraction.
    pub rate: Option<(u32, u32)>,
    pub colour_space: String,
    /// Degrees counter-clockwise that the display matrix turns by.
    pub rotation: i32,
    /// Frames are stored in another order than they are shown in.
    pub reordered: bool,
    /// Frames that the decoder holds back for their order.
    pub held_back: u32,
    /// Values from 0 to 255 (`color_range=pc`).
    pub full_range: bool,
    /// The decoder's parameters as MP4 and QuickTime hold them (avcC, hvcC); not asked of ffprobe, which would print every
    /// packet with them.
    pub setup: Vec<u8>,
}

/// A packet: one coded frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packet {
    pub pts: Option<i64>,
    pub dts: Option<i64>,
    pub key: bool,
    /// Cut away by an edit list: decoded, never shown.
    pub discarded: bool,
    /// Where it lies in what FFmpeg reads, and how long it is.
    pub at: Option<u64>,
    pub len: Option<u32>,
    /// The decoder's parameters change here.
    pub new_setup: bool,
}

/// Runs ffprobe over the whole film. Only packet headers are looked at where the container has a table of them; streams
/// are read to their end.
///
/// # Errors
/// `Damaged` with FFmpeg's own word, `Unsupported` without a video stream, `TooLarge` beyond a million frames.
pub fn probe(tools: &Tools, input: &Input, patience: &Patience) -> Result<(Stream, Vec<Packet>), Fault> {
    let mut arguments: Vec<OsString> = vec!["-v".into(), "error".into()];
    arguments.extend(input.bounds());
    let entries = "stream=codec_name,profile,width,height,pix_fmt,field_order,sample_aspect_ratio,time_base,\
                   avg_frame_rate,color_space,color_range,has_b_frames:stream_side_data=rotation:\
                   packet=pts,dts,flags,pos,size:packet_side_data=side_data_type";
    for word in ["-select_streams", "V:0", "-show_entries", entries, "-of", "compact"] {
        arguments.push(word.into());
    }
    arguments.push(input.address().clone());
    let mut run =
        Running::start(&tools.ffprobe, &arguments, Pieces::UpTo(64 << 10), |_| false, patience).map_err(fault)?;
    let (mut rest, mut packets, mut stream) = (Vec::new(), Vec::new(), None);
    while let Some(piece) = run.piece().map_err(fault)? {
        rest.extend_from_slice(&piece);
        let before = packets.len();
        let end = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        for line in String::from_utf8_lossy(rest.get(..end).unwrap_or_default()).lines() {
            read_line(line, &mut packets, &mut stream);
        }
        rest.drain(..end);
        patience.gain(PACKET * u32::try_from(packets.len() - before).unwrap_or(u32::MAX));
        Fault::check_size("the table of frames", packets.len() as u64, limits::FRAMES)?;
        Fault::check_size("a line of FFmpeg's", rest.len() as u64, 1 << 20)?;
    }
    let complaint = run.complaint();
    // A film that was cut ends with a complaint; what it holds until then is read.
    let ended = run.finish();
    let stream = match (stream, ended) {
        (Some(stream), _) => stream,
        (None, Err(_)) => return Err(Fault::damaged(format!("FFmpeg says: {complaint}"))),
        (None, Ok(())) => return Err(Fault::unsupported("a film without pictures")),
    };
    check(&stream)?;
    if packets.is_empty() {
        return Err(Fault::damaged("it holds no frame"));
    }
    Ok((stream, packets))
}

pub fn fault(error: ChildError) -> Fault {
    match error {
        ChildError::Start(error) => Fault::unsupported(format!("a film, and FFmpeg could not be started: {error}")),
        ChildError::Silent(limit) => {
            Fault::damaged(format!("FFmpeg did not come to an end with it within {} seconds", limit.as_secs()))
        }
        ChildError::Failed(said) => Fault::damaged(format!("FFmpeg says: {said}")),
    }
}

fn check(stream: &Stream) -> Result<(), Fault> {
    if stream.width == 0 || stream.height == 0 || stream.pixel_format.is_empty() {
        return Err(Fault::damaged(format!("its pictures of {} cannot be decoded", stream.codec)));
    }
    if stream.width > LONGEST_SIDE || stream.height > LONGEST_SIDE {
        return Err(Fault::damaged(format!("it claims pictures of {} × {} pixels", stream.width, stream.height)));
    }
    Fault::check_size("one frame", u64::from(stream.width) * u64::from(stream.height) * 3, limits::FRAME_BYTES)
}

fn read_line(line: &str, packets: &mut Vec<Packet>, stream: &mut Option<Stream>) {
    let mut fields = line.split('|');
    let kind = fields.next();
    let pairs = fields.filter_map(|field| field.split_once('='));
    match kind {
        Some("packet") => {
            let mut packet = Packet::default();
            for (name, value) in pairs {
                match name {
                    "pts" => packet.pts = value.parse().ok(),
                    "dts" => packet.dts = value.parse().ok(),
                    "pos" => packet.at = value.parse().ok(),
                    "size" => packet.len = value.parse().ok(),
                    "side_data_type" => packet.new_setup |= value == "New Extradata",
                    "flags" => {
                        packet.key = value.contains('K');
                        packet.discarded = value.contains('D');
                    }
                    _ => {}
                }
            }
            packets.push(packet);
        }
        Some("stream") => {
            let mut found = Stream::default();
            for (name, value) in pairs {
                let text = || if value == "unknown" || value == "N/A" { String::new() } else { value.to_owned() };
                match name {
                    "codec_name" => found.codec = text(),
                    "profile" => found.profile = text(),
                    "width" => found.width = value.parse().unwrap_or(0),
                    "height" => found.height = value.parse().unwrap_or(0),
                    "pix_fmt" => found.pixel_format = text(),
                    "field_order" => found.field_order = text(),
                    "sample_aspect_ratio" => found.pixel_shape = fraction(value, ':'),
                    "time_base" => found.tick_s = fraction(value, '/'),
                    "avg_frame_rate" => found.rate = fraction(value, '/'),
                    "color_space" => found.colour_space = text(),
                    "color_range" => found.full_range = value == "pc",
                    "has_b_frames" => {
                        found.held_back = value.parse().unwrap_or(0);
                        found.reordered = found.held_back > 0;
                    }
                    "rotation" => found.rotation = value.parse().unwrap_or(0),
                    _ => {}
                }
            }
            *stream = Some(found);
        }
        _ => {}
    }
}

fn fraction(text: &str, between: char) -> Option<(u32, u32)> {
    let (a, b) = text.split_once(between)?;
    let (a, b) = (a.parse().ok()?, b.parse().ok()?);
    (a > 0 && b > 0).then_some((a, b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_ffprobe_are_understood() {
        let (mut packets, mut stream) = (Vec::new(), None);
        for line in [
            "packet|pts=-16896|dts=-17920|flags=KD",
            "packet|pts=N/A|dts=3|flags=__",
            "packet|pts=7|dts=7|flags=K_|side_data|",
            "",
            "stream|codec_name=h264|width=640|height=360|sample_aspect_ratio=64:45|pix_fmt=yuv420p|color_space=unknown|\
             time_base=1/12800|avg_frame_rate=0/0|has_b_frames=2|side_data|rotation=-90",
        ] {
            read_line(line, &mut packets, &mut stream);
        }
        let packet = |pts, dts, key, discarded| Packet { pts, dts, key, discarded, ..Packet::default() };
        assert_eq!(
            packets,
            [
                packet(Some(-16896), Some(-17920), true, true),
                packet(None, Some(3), false, false),
                packet(Some(7), Some(7), true, false)
            ]
        );
        let stream = stream.unwrap();
        assert_eq!((stream.width, stream.rotation, stream.reordered), (640, -90, true));
        assert_eq!((stream.pixel_shape, stream.rate, stream.tick_s), (Some((64, 45)), None, Some((1, 12800))));
        assert_eq!(stream.colour_space, "");
    }
}
