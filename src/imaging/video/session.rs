//! One run of FFmpeg over a film from a key frame on: frames come out in order, each with its place in the table.
//!
//! FFmpeg says of every frame that leaves its decoder which time stamp it carries, before it throws away those that were
//! only needed to decode the wanted one. A frame is handed on under the time stamp it had there; the aim of a seek is
//! checked by having seen the key frame itself, and moved back until that is so.

use std::ffi::OsString;

use super::index::{Index, Interlaced};
use super::input::Input;
use super::planes::Layout;
use super::player::Picture;
use super::probe::{FRAME, Stream, fault};
use crate::domain::SizePx;
use crate::imaging::{PixelBuffer, Samples, fault::Fault};
use crate::tasks::ffmpeg::{Pieces, Running, Tools};
use crate::tasks::patience::Patience;

/// FFmpeg aims this much before the asked time in streams whose frames are reordered (ffmpeg_opt.c), which would mostly
/// mean a group of pictures too many: it is added to the aim.
pub const BACKED_OFF_S: f64 = 3.0 / 23.0;
/// How far before the key frame to aim, one try after the other; then the film's beginning.
const STEPS_BACK_S: [f64; 3] = [0.0, 1.5, 8.0];
/// The same for streams without a table of positions, where a seek mostly lands behind its aim.
const LOOSE_STEPS_BACK_S: [f64; 3] = [0.5, 2.0, 8.0];

/// What stays the same over a film's frames.
pub struct Recipe<'a> {
    pub tools: &'a Tools,
    pub input: &'a Input,
    pub stream: &'a Stream,
    pub index: &'a Index,
}

/// Size of the frames as they are shown.
pub fn shown_size(stream: &Stream) -> SizePx {
    let size = SizePx::new(stream.width, stream.height);
    if quarter_turns(stream).is_multiple_of(2) { size } else { SizePx::new(size.height, size.width) }
}

/// Quarter turns clockwise that the film asks for.
pub fn quarter_turns(stream: &Stream) -> u8 {
    match stream.rotation.rem_euclid(360) {
        90 => 3,
        180 => 2,
        270 => 1,
        _ => 0,
    }
}

/// A run of FFmpeg that gives frames one after the other.
pub struct Session {
    run: Running,
    patience: Patience,
    /// The first line, read ahead while the seek was checked.
    pending: Option<Line>,
    /// The first tick that comes out.
    first: i64,
    /// A frame before the first wanted one is decoded for the deinterlacer alone.
    skip: bool,
    counter: u32,
    counted: bool,
    size: SizePx,
    /// Planes come out, to be made RGB here.
    layout: Option<Layout>,
    /// Frames given so far.
    given: u32,
    /// The second that FFmpeg was told to seek to.
    aim_s: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Line {
    tick: Option<i64>,
    number: u32,
}

pub fn is_frame_line(line: &str) -> bool {
    line.starts_with("[Parsed_showinfo") && line.contains(" pts:")
}

/// `[Parsed_showinfo_0 @ 0x55…] n:   1 pts:  34816 pts_time:2.72 …`
fn parse(line: &str) -> Option<Line> {
    let after = |name: &str| {
        let rest = line.split_once(name)?.1.trim_start();
        rest.split_whitespace().next()
    };
    Some(Line { number: after("] n:")?.parse().ok()?, tick: after(" pts:")?.parse().ok() })
}

/// The time stamp in a line about a frame.
pub fn tick_of(line: &str) -> Option<i64> {
    parse(line)?.tick
}

impl Session {
    /// Starts so that `frame` is the first to come out, all tries with one patience.
    ///
    /// # Errors
    /// `Damaged` when no run of FFmpeg gives the key frame before it.
    pub fn start(recipe: &Recipe<'_>, frame: u32, patience: &Patience) -> Result<Self, Fault> {
        let index = recipe.index;
        if index.counted {
            return Self::run(recipe, frame, None, patience);
        }
        // A deinterlacer looks at the frame before as well; it must be the same whatever the run began at.
        let first = if index.interlaced == Interlaced::No { frame } else { frame.saturating_sub(1) };
        let key = index.key_before(first);
        let key_tick = index.tick(key).unwrap_or(0);
        let steps = match (key, recipe.input.container.loose) {
            (0, _) => &[][..],
            (_, true) => &LOOSE_STEPS_BACK_S,
            (_, false) => &STEPS_BACK_S,
        };
        for back in steps {
            let mut session = Self::run(recipe, frame, Some((first, index.seconds(key_tick) - back)), patience)?;
            if session.has_seen(key_tick, index)? {
                return Ok(session);
            }
        }
        Self::run(recipe, frame, Some((first, f64::NEG_INFINITY)), patience)
    }

    /// Looks at lines up to the key frame's; `false` when the run began behind it.
    fn has_seen(&mut self, key_tick: i64, index: &Index) -> Result<bool, Fault> {
        loop {
            let Some(line) = self.next_line()? else { return Ok(false) };
            let Some(tick) = line.tick else { continue };
            if tick == key_tick {
                if tick >= self.first {
                    self.pending = Some(line);
                }
                return Ok(true);
            }
            // Leading pictures of an open group come before their key frame; a time stamp behind it means it is gone.
            if tick > key_tick {
                let key_is_first = index.keys.is_empty();
                if key_is_first && tick >= self.first {
                    self.pending = Some(line);
                }
                return Ok(key_is_first);
            }
        }
    }

    /// `aim`: the first frame to let through, and the second to seek to.
    fn run(recipe: &Recipe<'_>, frame: u32, aim: Option<(u32, f64)>, patience: &Patience) -> Result<Self, Fault> {
        let Recipe { tools, input, stream, index } = recipe;
        let text = |word: &str| OsString::from(word);
        let mut arguments: Vec<OsString> =
            ["-hide_banner", "-nostats", "-nostdin", "-v", "info"].into_iter().map(text).collect();
        arguments.extend(input.decoding());
        arguments.extend(["-noautorotate", "-copyts"].map(text));
        let mut select = String::new();
        let (mut first_tick, mut skip, mut aim_s) = (i64::MIN, false, None);
        if let Some((first, seconds)) = aim {
            if seconds.is_finite() && first > 0 {
                let ahead = if stream.reordered && !input.container.loose { BACKED_OFF_S } else { -0.001 };
                arguments.extend(["-noaccurate_seek", "-seek_timestamp", "1", "-ss"].map(text));
                arguments.push(format!("{:.6}", seconds + ahead + 0.001).into());
                aim_s = Some(seconds + ahead + 0.001);
            }
            first_tick = index.tick(first).unwrap_or(i64::MIN);
            skip = first < frame;
            select = format!("select=gte(pts\\,{first_tick}),");
        } else if frame > 0 {
            let first = if index.interlaced == Interlaced::No { frame } else { frame - 1 };
            skip = first < frame;
            select = format!("select=gte(n\\,{first}),");
        }
        arguments.push("-i".into());
        arguments.push(input.address().clone());
        arguments.extend(["-map", "0:V:0", "-an", "-sn", "-dn", "-vsync", "passthrough", "-vf"].map(text));
        let layout = layout_of(stream, index.interlaced);
        let filters = match layout {
            Some(_) => "format=yuv420p|yuvj420p".to_owned(),
            None => picture_filters(stream, index.interlaced),
        };
        arguments.push(format!("showinfo=checksum=0,{select}{filters}").into());
        // The raw coder would keep a frame for each thread of its own.
        arguments.extend(["-threads", "1", "-f", "rawvideo", "pipe:1"].map(text));
        let size = shown_size(stream);
        let bytes = layout.map_or(size.area() * 3, |layout| layout.bytes());
        let bytes = usize::try_from(bytes).map_err(|_| Fault::damaged("a frame does not fit in memory"))?;
        let run =
            Running::start(&tools.ffmpeg, &arguments, Pieces::Of(bytes), is_frame_line, patience).map_err(fault)?;
        Ok(Self {
            run,
            patience: patience.clone(),
            pending: None,
            first: first_tick,
            skip,
            counter: frame.saturating_sub(u32::from(skip)),
            counted: index.counted,
            size,
            layout,
            given: 0,
            aim_s,
        })
    }

    /// The second that FFmpeg was told to seek to; `None` for a run from the film's beginning.
    pub const fn aim_s(&self) -> Option<f64> {
        self.aim_s
    }

    fn next_line(&mut self) -> Result<Option<Line>, Fault> {
        if let Some(line) = self.pending.take() {
            return Ok(Some(line));
        }
        while let Some(text) = self.run.line().map_err(fault)? {
            if let Some(line) = parse(&text) {
                self.patience.gain(FRAME);
                return Ok(Some(line));
            }
        }
        Ok(None)
    }

    /// The next frame and its place in the table; `None` at the film's end. Frames that the table does not hold are left
    /// out.
    ///
    /// # Errors
    /// `Damaged` when FFmpeg stops early or gives nothing for too long.
    pub fn next(&mut self, index: &Index) -> Result<Option<(u32, Picture)>, Fault> {
        loop {
            let Some(line) = self.next_line()? else {
                return self.end();
            };
            let place = if self.counted {
                if line.number < self.counter {
                    continue;
                }
                Some(line.number)
            } else {
                let Some(tick) = line.tick.filter(|tick| *tick >= self.first) else { continue };
                index.frame_near(tick)
            };
            let Some(samples) = self.run.piece().map_err(fault)? else {
                return self.end();
            };
            if std::mem::take(&mut self.skip) {
                continue;
            }
            if let Some(place) = place {
                self.given += 1;
                let picture = match self.layout {
                    Some(layout) => Picture::Planes(layout, samples),
                    None => {
                        Picture::Rgb(PixelBuffer { size_px: self.size, channels: 3, samples: Samples::U8(samples) })
                    }
                };
                return Ok(Some((place, picture)));
            }
        }
    }

    fn end<T>(&self) -> Result<Option<T>, Fault> {
        if self.given == 0 {
            return Err(Fault::damaged(format!("FFmpeg says: {}", self.run.complaint())));
        }
        Ok(None)
    }
}

/// How the film's planes become RGB here; `None` where FFmpeg makes the picture: fields, films on their side, and what
/// [`Layout::of`] leaves to it.
pub fn layout_of(stream: &Stream, interlaced: Interlaced) -> Option<Layout> {
    let plain = interlaced == Interlaced::No && quarter_turns(stream) == 0;
    if plain { Layout::of(stream) } else { None }
}

/// Where FFmpeg is told to seek to, in seconds, so that decoding begins at a key frame; the last is the beginning.
pub fn aims(recipe: &Recipe<'_>, frame: u32) -> Vec<Option<f64>> {
    let key = recipe.index.key_before(frame);
    if key == 0 || recipe.index.counted {
        return vec![None];
    }
    let at = recipe.index.tick(key).map_or(0.0, |tick| recipe.index.seconds(tick));
    let ahead = if recipe.stream.reordered && !recipe.input.container.loose { BACKED_OFF_S } else { 0.0 };
    let steps = if recipe.input.container.loose { LOOSE_STEPS_BACK_S } else { STEPS_BACK_S };
    steps.iter().map(|back| Some(at - back + ahead)).chain([None]).collect()
}

/// From decoded planes to RGB as it is shown: fields made whole, colour by the film's own matrix (BT.709 for films of
/// 720 lines and more that name none, BT.601 for smaller ones, as players do), turned upright.
pub fn picture_filters(stream: &Stream, interlaced: Interlaced) -> String {
    let fields = match interlaced {
        Interlaced::No => "",
        Interlaced::Flagged => "bwdif=mode=send_frame:parity=auto:deint=interlaced,",
        Interlaced::All => "bwdif=mode=send_frame:parity=auto:deint=all,",
    };
    let matrix = match stream.colour_space.as_str() {
        "" if stream.height >= 720 => "bt709",
        "" => "bt601",
        _ => "auto",
    };
    let turn = match quarter_turns(stream) {
        1 => ",transpose=clock",
        2 => ",hflip,vflip",
        3 => ",transpose=cclock",
        _ => "",
    };
    // Chroma is interpolated and values are rounded; FFmpeg's default repeats chroma and cuts.
    format!("{fields}scale=in_color_matrix={matrix}:flags=bilinear+accurate_rnd+full_chroma_int,format=rgb24{turn}")
}

/// What is known of a decoded frame without its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded {
    pub tick: Option<i64>,
    /// Flagged as interlaced.
    pub fields: bool,
    pub key: bool,
}

/// Decodes without making pixels.
///
/// `from`: the key frame to seek to, and `count` how many frames to decode at most.
///
/// # Errors
/// `Damaged` when FFmpeg gives nothing.
pub fn decoded_ticks(
    (tools, input, patience): (&Tools, &Input, &Patience),
    from: Option<f64>,
    count: Option<u32>,
) -> Result<Vec<Decoded>, Fault> {
    let text = |word: &str| OsString::from(word);
    let mut arguments: Vec<OsString> =
        ["-hide_banner", "-nostats", "-nostdin", "-v", "info"].into_iter().map(text).collect();
    arguments.extend(input.decoding());
    arguments.push("-copyts".into());
    if let Some(seconds) = from {
        arguments.extend(["-noaccurate_seek", "-seek_timestamp", "1", "-ss"].map(text));
        arguments.push(format!("{seconds:.6}").into());
    }
    // Nobody looks at these pictures.
    arguments.extend(["-skip_loop_filter", "all", "-i"].map(text));
    arguments.push(input.address().clone());
    arguments.extend(["-map", "0:V:0", "-an", "-sn", "-dn", "-vsync", "passthrough"].map(text));
    if let Some(count) = count {
        arguments.extend(["-frames:v".into(), count.to_string().into()]);
    }
    arguments.extend(["-vf", "showinfo=checksum=0", "-f", "null", "-"].map(text));
    let mut run =
        Running::start(&tools.ffmpeg, &arguments, Pieces::UpTo(4096), is_frame_line, patience).map_err(fault)?;
    let mut out = Vec::new();
    while let Some(text) = run.line().map_err(fault)? {
        if let Some(line) = parse(&text) {
            patience.gain(FRAME);
            let fields = text.contains(" i:T ") || text.contains(" i:B ");
            out.push(Decoded { tick: line.tick, fields, key: text.contains(" iskey:1 ") });
            Fault::check_size("the table of frames", out.len() as u64, crate::imaging::limits::FRAMES)?;
        }
    }
    if out.is_empty() {
        return Err(Fault::damaged(format!("FFmpeg says: {}", run.complaint())));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_lines_are_told_from_messages() {
        let line =
            "[Parsed_showinfo_0 @ 0x558c3dc613c0] n:   1 pts:  34816 pts_time:2.72    pos:   144476 fmt:yuv420p i:P";
        assert!(is_frame_line(line));
        assert_eq!(parse(line), Some(Line { tick: Some(34816), number: 1 }));
        let untimed = "[Parsed_showinfo_0 @ 0x5] n: 12 pts:NOPTS pts_time:NOPTS pos: 1";
        assert_eq!(parse(untimed), Some(Line { tick: None, number: 12 }));
        let before_zero = "[Parsed_showinfo_0 @ 0x5] n:   0 pts:   -512 pts_time:-0.04";
        assert_eq!(parse(before_zero).and_then(|l| l.tick), Some(-512));
        assert!(!is_frame_line("[Parsed_showinfo_0 @ 0x5] config in time_base: 1/12800, frame_rate: 25/1"));
    }

    #[test]
    fn films_on_their_side_are_turned() {
        let film = |rotation| Stream { width: 4, height: 2, rotation, ..Stream::default() };
        let size = |rotation| shown_size(&film(rotation));
        assert_eq!((size(0), size(-90), size(180)), (SizePx::new(4, 2), SizePx::new(2, 4), SizePx::new(4, 2)));
        assert_eq!([-90, 90, 180, -180, 7].map(|r| quarter_turns(&film(r))), [1, 3, 2, 2, 0]);
    }
}
