//! A film of one file or of several in a row: its parts, their tables, and where a frame of the whole lies in them.

use std::ffi::OsString;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::feed::Source;
use super::index::{Index, Interlaced, Trouble, counted_ticks, from_packets};
use super::input::Input;
use super::player::Picture;
use super::probe::{PATIENCE, Stream, fault, probe};
use super::session::{
    BACKED_OFF_S, Decoded, Recipe, Session, aims, decoded_ticks, layout_of, picture_filters, shown_size,
};
use super::track::{Track, setup_of};
use crate::domain::{Digest, SizePx};
use crate::imaging::{PixelBuffer, Samples, fault::Fault};
use crate::tasks::ffmpeg::{Pieces, Running, Tools};
use crate::tasks::patience::Patience;

/// Frames decoded at a film's beginning to see that packets give pictures: some groups of pictures.
const HEAD_FRAMES: u32 = 72;

/// Frames at the end of a counted run that are not to be trusted: as many as decoder threads hold, and more.
const STOP_FRAMES: usize = 24;

/// One file's worth.
pub struct Part {
    pub path: PathBuf,
    pub input: Input,
    pub stream: Stream,
    pub index: Index,
    /// Where its coded pictures lie, when a running FFmpeg can be fed with them.
    pub track: Option<Track>,
}

impl Part {
    /// Asks ffprobe, then looks at the beginning and the end of what it promises.
    ///
    /// # Errors
    /// As [`super::open`].
    pub fn read(tools: &Tools, path: &Path, input: Input) -> Result<Self, Fault> {
        // The beginning is decoded while the packets are read.
        let patience = Patience::new(PATIENCE);
        let (probed, head) = std::thread::scope(|scope| {
            let head = scope.spawn(|| decoded_ticks((tools, &input, &patience), None, Some(HEAD_FRAMES)));
            let probed = probe(tools, &input, &patience);
            if probed.is_err() {
                patience.end();
            }
            (probed, head.join())
        });
        let (mut stream, packets) = probed?;
        if input.container.demuxer == "mov" {
            stream.setup = setup_of(path, &stream.codec).unwrap_or_default();
        }
        let head = head.unwrap_or_else(|_| Err(Fault::damaged("its beginning cannot be decoded")));
        let index = match from_packets(&packets, input.container.bare) {
            Ok((ticks, keys)) => timed((tools, &input, &patience), &stream, (ticks, keys), head?)?,
            Err(trouble) => counted((tools, &input, &patience), &stream, trouble)?,
        };
        let track = Track::of(&packets, &stream, input.container);
        Ok(Self { path: path.to_path_buf(), input, stream, index, track })
    }

    fn recipe<'a>(&'a self, tools: &'a Tools) -> Recipe<'a> {
        Recipe { tools, input: &self.input, stream: &self.stream, index: &self.index }
    }

    /// What a feed needs; `None` for a part that is read by runs of FFmpeg.
    pub fn feed_source<'a>(&'a self, tools: &'a Tools) -> Option<Source<'a>> {
        let (stream, index) = (&self.stream, &self.index);
        let layout = layout_of(stream, index.interlaced).filter(|_| !index.counted)?;
        Some(Source { tools, stream, index, track: self.track.as_ref()?, layout })
    }
}

/// What all steps of opening share.
type Reading<'a> = (&'a Tools, &'a Input, &'a Patience);

/// A film whose frames are known by their time stamps.
fn timed(
    reading: Reading<'_>,
    stream: &Stream,
    (ticks, keys): (Vec<i64>, Vec<u32>),
    mut head: Vec<Decoded>,
) -> Result<Index, Fault> {
    let mut index = Index {
        ticks: ticks.into(),
        tick_s: stream.tick_s.unwrap_or((1, 1000)),
        keys: keys.into(),
        counted: false,
        interlaced: Interlaced::No,
        troubles: Vec::new(),
    };
    if head.len() >= HEAD_FRAMES as usize {
        // When FFmpeg stops at a count, its last frames are what the decoder's threads had at hand, with gaps.
        head.truncate(HEAD_FRAMES as usize - STOP_FRAMES);
    }
    let flagged = head.iter().any(|frame| frame.fields);
    let mut seen: Vec<i64> = head.iter().filter_map(|frame| frame.tick).collect();
    let in_order = seen.is_sorted_by(|a, b| a < b);
    // The decoder's times are not the packets': the table would name other frames than the ones that are shown.
    let strangers = seen.iter().filter(|tick| index.frame_of(**tick).is_none()).count();
    if !in_order || seen.len() < head.len() || strangers * 4 > seen.len() {
        return counted(reading, stream, Trouble::NoTimes);
    }
    seen.retain(|tick| index.frame_of(*tick).is_some());
    if let Some(last) = seen.last().and_then(|tick| index.frame_of(*tick)) {
        index.keep_decoded(0, last + 1, &seen);
    }
    check_tail(reading, stream, &mut index);
    let declared = matches!(stream.field_order.as_str(), "tt" | "bb" | "tb" | "bt");
    index.interlaced = match (flagged, declared) {
        (true, _) => Interlaced::Flagged,
        (false, true) => Interlaced::All,
        (false, false) => Interlaced::No,
    };
    Ok(index)
}

/// The last group of pictures: a film that was cut ends in packets that give none.
fn check_tail(reading: Reading<'_>, stream: &Stream, index: &mut Index) {
    let to = index.len();
    let last = index.keys.len().saturating_sub(1);
    // A run that lands late must still begin at a key frame: where positions are exact the last one is tried first.
    let before = index.keys.get(last.saturating_sub(1)).copied().unwrap_or(0);
    let exact = index.keys.get(last).copied().filter(|_| !reading.1.container.loose);
    for from in exact.into_iter().chain([before]) {
        // A group of thousands of frames is decoded when it is looked at.
        if from == 0 || to - from > 3000 {
            return;
        }
        let ahead = if stream.reordered && Some(from) == exact { BACKED_OFF_S } else { 0.0 };
        let start = index.tick(from).map_or(0.0, |tick| index.seconds(tick)) + ahead;
        let Ok(tail) = decoded_ticks(reading, Some(start), None) else { continue };
        let mut seen: Vec<i64> = tail.iter().filter_map(|frame| frame.tick).collect();
        seen.sort_unstable();
        // Only what lies behind the first key frame that was seen is known to have had everything it refers to.
        let known = index.keys.iter().copied().filter(|key| *key >= from);
        let is_seen = |key: &u32| index.tick(*key).is_some_and(|tick| seen.binary_search(&tick).is_ok());
        if let Some(first) = known.into_iter().find(is_seen) {
            index.keep_decoded(first, to, &seen);
            return;
        }
    }
}

/// A film whose packets do not say enough: it is decoded once. Where the decoder makes sound times of what there is, frames
/// are known by those; else by their place.
fn counted(reading: Reading<'_>, stream: &Stream, trouble: Trouble) -> Result<Index, Fault> {
    let all = decoded_ticks(reading, None, None)?;
    let times: Option<Vec<i64>> = all.iter().map(|frame| frame.tick).collect();
    let sound = times.filter(|times| !reading.1.container.bare && times.is_sorted_by(|a, b| a < b)).zip(stream.tick_s);
    let counted = sound.is_none();
    let (ticks, tick_s) = sound.unwrap_or_else(|| counted_ticks(all.len(), stream));
    let keys = (0_u32..).zip(&all).filter(|(_, frame)| frame.key).map(|(at, _)| at);
    let declared = matches!(stream.field_order.as_str(), "tt" | "bb" | "tb" | "bt");
    Ok(Index {
        ticks: ticks.into(),
        tick_s,
        // Where there are no times, nothing can be sought: every run begins at the film's beginning.
        keys: if counted { Arc::from([0]) } else { keys.collect() },
        counted,
        interlaced: match (all.iter().any(|frame| frame.fields), declared) {
            (true, _) => Interlaced::Flagged,
            (false, true) => Interlaced::All,
            (false, false) => Interlaced::No,
        },
        troubles: if counted { vec![trouble] } else { Vec::new() },
    })
}

/// The parts of a film in a row.
pub struct Film {
    tools: Tools,
    parts: Vec<Part>,
    /// The first frame of each part, and behind the last one.
    starts: Vec<u32>,
}

impl Film {
    /// # Errors
    /// `Unsupported` for parts whose pictures differ in size, which are films of their own.
    pub fn new(tools: Tools, parts: Vec<Part>) -> Result<Self, Fault> {
        let mut starts = vec![0_u32];
        let mut count = 0_u32;
        for part in &parts {
            count = count.checked_add(part.index.len()).ok_or_else(|| Fault::unsupported("more frames than can be"))?;
            starts.push(count);
        }
        let size = |part: &Part| (shown_size(&part.stream), part.stream.pixel_shape);
        if parts.iter().zip(parts.iter().skip(1)).any(|(a, b)| size(a) != size(b)) {
            return Err(Fault::unsupported("films whose pictures differ in size cannot be joined"));
        }
        Ok(Self { tools, parts, starts })
    }

    pub const fn tools(&self) -> &Tools {
        &self.tools
    }

    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    pub fn count(&self) -> u32 {
        self.starts.last().copied().unwrap_or(0)
    }

    pub fn size(&self) -> SizePx {
        self.parts.first().map_or(SizePx::new(0, 0), |part| shown_size(&part.stream))
    }

    /// Bytes that a decoded frame takes while it waits to be looked at.
    pub fn frame_bytes(&self) -> u64 {
        let layout = |part: &Part| layout_of(&part.stream, part.index.interlaced).map(|layout| layout.bytes());
        let sizes = self.parts.iter().map(|part| layout(part).unwrap_or_else(|| self.size().area() * 3));
        sizes.max().unwrap_or(0)
    }

    pub fn part_of(&self, frame: u32) -> usize {
        self.starts.partition_point(|start| *start <= frame).saturating_sub(1).min(self.parts.len().saturating_sub(1))
    }

    /// The frames of a part, counted over the whole film.
    pub fn range_of(&self, part: usize) -> Range<u32> {
        let at = |index: usize| self.starts.get(index).copied().unwrap_or(0);
        at(part)..at(part + 1)
    }

    pub fn path_of(&self, frame: u32) -> &Path {
        self.parts.get(self.part_of(frame)).map_or(Path::new(""), |part| &part.path)
    }

    fn local(&self, frame: u32) -> Result<(&Part, usize, u32), Fault> {
        let none = || Fault::OutOfRange { what: "frame", index: frame.into(), count: self.count().into() };
        let at = self.part_of(frame);
        let part = self.parts.get(at).filter(|_| frame < self.count()).ok_or_else(none)?;
        Ok((part, at, frame - self.range_of(at).start))
    }

    /// A run that gives this frame first, and the part that it runs over.
    ///
    /// # Errors
    /// As [`Session::start`].
    pub fn start(&self, frame: u32, patience: &Patience) -> Result<(Session, usize), Fault> {
        let (part, at, local) = self.local(frame)?;
        Ok((Session::start(&part.recipe(&self.tools), local, patience)?, at))
    }

    /// The next frame of a run, counted over the whole film.
    ///
    /// # Errors
    /// As [`Session::next`].
    pub fn next(&self, part: usize, session: &mut Session) -> Result<Option<(u32, Picture)>, Fault> {
        let Some(source) = self.parts.get(part) else { return Ok(None) };
        let start = self.range_of(part).start;
        Ok(session.next(&source.index)?.map(|(frame, picture)| (start + frame, picture)))
    }

    /// A frame made small by FFmpeg, apart from the ring: RGBA of at most this many pixels on its longer side.
    ///
    /// # Errors
    /// As [`Session::start`].
    pub fn thumbnail(&self, frame: u32, longest_px: u32) -> Result<PixelBuffer, Fault> {
        let (part, _, local) = self.local(frame)?;
        let recipe = part.recipe(&self.tools);
        let full = self.size();
        let longest = full.width.max(full.height).max(1);
        let scaled = |side: u32| (side * longest_px.min(longest) / longest).max(1);
        let size = SizePx::new(scaled(full.width), scaled(full.height));
        let select = match part.index.tick(local).filter(|_| !part.index.counted) {
            Some(tick) => format!("select=gte(pts\\,{tick})"),
            None => format!("select=gte(n\\,{local})"),
        };
        let filters = picture_filters(&part.stream, Interlaced::No);
        let filters = format!("{select},{filters},scale={}:{}:flags=area,format=rgba", size.width, size.height);
        let bytes = usize::try_from(size.area() * 4).map_err(|_| Fault::damaged("a frame does not fit in memory"))?;
        let (mut said, patience) = (String::new(), Patience::new(PATIENCE));
        for aim in aims(&recipe, local) {
            let mut arguments = Self::quiet(part, aim);
            arguments.push(filters.clone().into());
            arguments.extend(["-frames:v", "1", "-f", "rawvideo", "pipe:1"].map(OsString::from));
            let mut run = Running::start(&self.tools.ffmpeg, &arguments, Pieces::Of(bytes), |_| false, &patience)
                .map_err(fault)?;
            if let Some(samples) = run.piece().map_err(fault)? {
                return Ok(PixelBuffer { size_px: size, channels: 4, samples: Samples::U8(samples) });
            }
            said = run.complaint();
        }
        Err(Fault::damaged(format!("FFmpeg gives no picture for this frame ({said})")))
    }

    /// Arguments up to the filters of a run without messages.
    fn quiet(part: &Part, aim_s: Option<f64>) -> Vec<OsString> {
        let mut out: Vec<OsString> =
            ["-hide_banner", "-nostats", "-nostdin", "-v", "error"].into_iter().map(OsString::from).collect();
        out.extend(part.input.decoding());
        out.extend(["-noautorotate", "-copyts"].map(OsString::from));
        if let Some(seconds) = aim_s {
            out.extend(["-noaccurate_seek", "-seek_timestamp", "1", "-ss"].map(OsString::from));
            out.push(format!("{seconds:.6}").into());
        }
        out.extend([OsString::from("-i"), part.input.address().clone()]);
        out.extend(["-map", "0:V:0", "-an", "-sn", "-dn", "-vsync", "passthrough", "-vf"].map(OsString::from));
        out
    }

    /// SHA-256 of a frame's planes as the decoder gives them: unscaled, unturned, fields apart, in the film's own pixel
    /// format. The same as FFmpeg's `framehash` muxer says of it with `-hash sha256` (its raw video is the planes, row by
    /// row, without padding).
    ///
    /// # Errors
    /// As [`Session::start`].
    pub fn planes_hash(&self, frame: u32) -> Result<Digest, Fault> {
        let (part, _, local) = self.local(frame)?;
        // A run for pixels finds the seek that works; the planes come from a second one over the same packets.
        let recipe = part.recipe(&self.tools);
        let patience = Patience::new(PATIENCE);
        let (select, aim_s) = if part.index.counted {
            (format!("select=eq(n\\,{local})"), None)
        } else {
            let tick = part.index.tick(local).unwrap_or(0);
            (format!("select=eq(pts\\,{tick})"), Session::start(&recipe, local, &patience)?.aim_s())
        };
        let mut arguments = Self::quiet(part, aim_s);
        arguments.push(select.into());
        arguments.extend(["-frames:v", "1", "-f", "rawvideo", "pipe:1"].map(OsString::from));
        let mut run = Running::start(&self.tools.ffmpeg, &arguments, Pieces::UpTo(1 << 20), |_| false, &patience)
            .map_err(fault)?;
        let (mut hasher, mut bytes) = (Sha256::new(), 0_u64);
        while let Some(piece) = run.piece().map_err(fault)? {
            bytes += piece.len() as u64;
            hasher.update(&piece);
        }
        if bytes == 0 {
            return Err(Fault::damaged(format!("FFmpeg gives no picture for this frame ({})", run.complaint())));
        }
        Ok(Digest::from_bytes(hasher.finalize().into()))
    }
}
