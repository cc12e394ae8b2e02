//! Where the coded pictures of a film lie in its file: what a decoder that is kept running is fed from (`feed.rs`).

use std::path::Path;

use super::container::Container;
use super::index::Index;
use super::probe::{Packet, Stream};
use crate::imaging::bytes::{ByteSource, FileBytes, read_range};

/// A table of frames larger than this is none.
const LARGEST_TABLE: u64 = 256 << 20;
/// A coded picture larger than this is none.
const LARGEST: u32 = 64 << 20;

/// One coded picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coded {
    pub at: u64,
    pub len: u32,
    pub pts: i64,
    pub key: bool,
}

/// All coded pictures in the order they lie in, and in the order they are shown in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    coded: Vec<Coded>,
    /// Time stamps in the order shown, those that an edit list cuts away included.
    shown: Vec<i64>,
}

impl Track {
    /// The track of a film whose packets are its coded pictures, each in one piece of the file: H.264 and HEVC in MP4 and
    /// QuickTime, with one set of parameters.
    pub fn of(packets: &[Packet], stream: &Stream, container: Container) -> Option<Self> {
        let known = matches!(stream.codec.as_str(), "h264" | "hevc") && container.demuxer == "mov";
        if !known || stream.setup.is_empty() || packets.iter().any(|packet| packet.new_setup) {
            return None;
        }
        let coded = packets.iter().map(|packet| {
            let len = packet.len.filter(|len| (1..=LARGEST).contains(len))?;
            Some(Coded { at: packet.at?, len, pts: packet.pts?, key: packet.key })
        });
        Self::from_coded(coded.collect::<Option<Vec<_>>>()?)
    }

    pub fn from_coded(coded: Vec<Coded>) -> Option<Self> {
        let mut shown: Vec<i64> = coded.iter().map(|picture| picture.pts).collect();
        shown.sort_unstable();
        (shown.is_sorted_by(|a, b| a < b) && !shown.is_empty()).then_some(Self { coded, shown })
    }

    pub fn coded(&self) -> &[Coded] {
        &self.coded
    }

    /// Place of a time stamp in the order shown.
    pub fn rank(&self, pts: i64) -> Option<usize> {
        self.shown.binary_search(&pts).ok()
    }

    /// The frame at a place in the order shown; `None` for one that the film's table does not hold.
    pub fn frame(&self, rank: usize, index: &Index) -> Option<u32> {
        index.frame_of(*self.shown.get(rank)?)
    }

    /// The coded picture to begin at for a frame: the last key frame that is not shown behind it.
    pub fn key_for(&self, pts: i64) -> Option<usize> {
        let keys = self.coded.iter().enumerate().filter(|(_, picture)| picture.key && picture.pts <= pts);
        keys.max_by_key(|(_, picture)| picture.pts).map(|(at, _)| at)
    }
}

/// The decoder's parameters of an MP4 or QuickTime file, from the box that holds them (14496-15 5.3.3, 8.3.3); `None`
/// where there is none, or where there are several that differ.
pub fn setup_of(path: &Path, codec: &str) -> Option<Vec<u8>> {
    let kind: &[u8; 4] = if codec == "hevc" { b"hvcC" } else { b"avcC" };
    let file = FileBytes::open(path).ok()?;
    let mut at = 0_u64;
    let moov = loop {
        let head = read_range(&file, at, 8, "box", 8).ok()?;
        let (size, name) = head.split_at_checked(4)?;
        let len = match u32::from_be_bytes(size.try_into().ok()?) {
            0 => file.len().checked_sub(at)?,
            1 => u64::from_be_bytes(read_range(&file, at + 8, 8, "box", 8).ok()?.try_into().ok()?),
            len => u64::from(len),
        };
        if name == b"moov" {
            break read_range(&file, at, len, "film's table", LARGEST_TABLE).ok()?;
        }
        at = at.checked_add(len.max(8))?;
    };
    let mut found: Option<&[u8]> = None;
    for (place, _) in moov.windows(4).enumerate().filter(|(_, name)| name == kind) {
        let len = u32::from_be_bytes(moov.get(place.checked_sub(4)?..place)?.try_into().ok()?) as usize;
        let value = moov.get(place + 4..(place - 4).checked_add(len)?)?;
        if found.is_some_and(|other| other != value) {
            return None;
        }
        found = Some(value);
    }
    found.map(<[u8]>::to_vec)
}

/// What kind of key frame a coded picture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Nothing before it is referred to.
    Whole,
    /// HEVC's clean random access: whole when the decoder is told that what came before has ended.
    AfterEnd,
    /// H.264's open groups, and what is not understood.
    Unsure,
}

/// Kinds of NAL units: H.264 table 7-1, H.265 table 7-1.
pub fn key_kind(stream: &Stream, picture: &[u8]) -> KeyKind {
    let hevc = stream.codec == "hevc";
    let Some(width) = stream.setup.get(if hevc { 21 } else { 4 }).map(|byte| usize::from(byte & 3) + 1) else {
        return KeyKind::Unsure;
    };
    let mut rest = picture;
    while let Some((len, body)) = rest.split_at_checked(width) {
        let len = len.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
        let Some((unit, next)) = body.split_at_checked(len) else { break };
        match (hevc, unit.first().copied().unwrap_or(0)) {
            (false, head) if head & 31 == 5 => return KeyKind::Whole,
            (false, head) if (1..5).contains(&(head & 31)) => return KeyKind::Unsure,
            (true, head) if matches!(head >> 1 & 63, 16..=20) => return KeyKind::Whole,
            (true, head) if head >> 1 & 63 == 21 => return KeyKind::AfterEnd,
            (true, head) if head >> 1 & 63 < 16 => return KeyKind::Unsure,
            _ => {}
        }
        rest = next;
    }
    KeyKind::Unsure
}

/// HEVC's end of sequence (NAL unit 36), in front of a clean random access picture.
pub fn end_of_sequence(stream: &Stream) -> Vec<u8> {
    let width = stream.setup.get(21).map_or(4, |byte| usize::from(byte & 3) + 1);
    let mut out = vec![0; width - 1];
    out.extend([2, 36 << 1, 1]);
    out
}

/// The beginning of an endless Matroska stream with this film's parameters; a tick is a millisecond.
pub fn opening(stream: &Stream) -> Vec<u8> {
    let mut video = Vec::new();
    element(&mut video, &[0xB0], &stream.width.to_be_bytes());
    element(&mut video, &[0xBA], &stream.height.to_be_bytes());
    let codec: &[u8] = if stream.codec == "hevc" { b"V_MPEGH/ISO/HEVC" } else { b"V_MPEG4/ISO/AVC" };
    let mut track = Vec::new();
    for (name, value) in [
        (&[0xD7][..], &[1][..]),
        (&[0x73, 0xC5], &[1]),
        (&[0x83], &[1]),
        (&[0x9C], &[0]),
        (&[0x86], codec),
        (&[0x63, 0xA2], &stream.setup),
        (&[0xE0], &video),
    ] {
        element(&mut track, name, value);
    }
    let mut entries = Vec::new();
    element(&mut entries, &[0xAE], &track);
    let mut head = Vec::new();
    element(&mut head, &[0x42, 0x82], b"matroska");
    let mut info = Vec::new();
    element(&mut info, &[0x2A, 0xD7, 0xB1], &1_000_000_u32.to_be_bytes());
    let mut out = Vec::new();
    element(&mut out, &[0x1A, 0x45, 0xDF, 0xA3], &head);
    // A segment without an end.
    out.extend([0x18, 0x53, 0x80, 0x67, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
    element(&mut out, &[0x15, 0x49, 0xA9, 0x66], &info);
    element(&mut out, &[0x16, 0x54, 0xAE, 0x6B], &entries);
    out
}

/// One coded picture as a cluster of its own.
pub fn cluster(tick: i64, key: bool, picture: &[u8]) -> Vec<u8> {
    let mut block = Vec::with_capacity(picture.len() + 4);
    block.extend([0x81, 0, 0, if key { 0x80 } else { 0 }]);
    block.extend_from_slice(picture);
    let mut inner = Vec::with_capacity(block.len() + 24);
    element(&mut inner, &[0xE7], &tick.to_be_bytes());
    element(&mut inner, &[0xA3], &block);
    let mut out = Vec::with_capacity(inner.len() + 12);
    element(&mut out, &[0x1F, 0x43, 0xB6, 0x75], &inner);
    out
}

/// Matroska's elements: a name, the length in eight bytes (the first of them 1), the value.
fn element(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend((1_u64 << 56 | value.len() as u64).to_be_bytes());
    out.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_frames_are_told_by_their_units() {
        let film = |codec: &str, at: usize| {
            let mut setup = vec![0; 23];
            setup[at] = 0xFF;
            Stream { codec: codec.to_owned(), setup, ..Stream::default() }
        };
        let (avc, hevc) = (film("h264", 4), film("hevc", 21));
        let unit = |head: u8| [&[0, 0, 0, 2, 6, 0][..], &[0, 0, 0, 1, head]].concat();
        assert_eq!(key_kind(&avc, &unit(0x65)), KeyKind::Whole);
        assert_eq!(key_kind(&avc, &unit(0x41)), KeyKind::Unsure);
        assert_eq!(key_kind(&avc, &[0, 0, 1]), KeyKind::Unsure);
        let unit = |head: u8| [&[0, 0, 0, 2, 32 << 1, 0][..], &[0, 0, 0, 1, head << 1]].concat();
        assert_eq!(
            [19, 20, 21, 1].map(|kind| key_kind(&hevc, &unit(kind))),
            [KeyKind::Whole, KeyKind::Whole, KeyKind::AfterEnd, KeyKind::Unsure]
        );
        assert_eq!(end_of_sequence(&hevc), [0, 0, 0, 2, 72, 1]);
    }

    #[test]
    fn a_frame_is_decoded_from_the_key_frame_before_it() {
        let picture = |pts, key| Coded { at: 0, len: 1, pts, key };
        let track = Track::from_coded(vec![
            picture(0, true),
            picture(2, false),
            picture(1, false),
            picture(5, true),
            picture(4, false),
        ])
        .unwrap();
        assert_eq!([0, 2, 4, 5, 9].map(|pts| track.key_for(pts)), [Some(0), Some(0), Some(0), Some(3), Some(3)]);
        assert_eq!([0, 4, 5, 3].map(|pts| track.rank(pts)), [Some(0), Some(3), Some(4), None]);
        assert!(Track::from_coded(vec![picture(1, true), picture(1, false)]).is_none());
    }
}
