//! One FFmpeg that is kept running over a film and fed with its coded pictures, so that a jump costs no start of a program
//! and no opening of the file: the next key frame simply follows.
//!
//! Every picture goes in under a time stamp made here: growing over all jumps, even for pictures that are only needed to
//! decode others, odd for those that are to come out. FFmpeg says of every picture that leaves its decoder which time stamp
//! it carries; a frame that does not come when a later one does ends the feed, and the film is read as any other.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::time::Duration;

use super::index::Index;
use super::planes::Layout;
use super::probe::{FRAME, PATIENCE, Stream, fault};
use super::session::{is_frame_line, tick_of};
use super::track::{KeyKind, Track, cluster, end_of_sequence, key_kind, opening};
use crate::imaging::bytes::{FileBytes, read_range};
use crate::imaging::fault::Fault;
use crate::tasks::ffmpeg::{Pieces, Running, Tools};
use crate::tasks::patience::Patience;

/// Pictures under way besides those that the decoder holds back, once frames are read in a row: work for its threads.
const AHEAD: usize = 4;
/// Pictures sent at most before one comes out.
const MOST_UNDER_WAY: usize = 100;
/// No decoder holds back more: sixteen for their order, and its threads.
const LARGEST_WINDOW: usize = 40;
/// Nothing came for so long: the decoder may be waiting for us.
const STARVED: Duration = Duration::from_millis(60);
/// A feed that gives nothing for so long is given up, with as much patience left for the film to be read as any other.
const SILENT: Duration = Duration::from_secs(PATIENCE.as_secs() / 2);
/// Pictures of the film's beginning that push the last ones out.
const PUSH: usize = 24;
/// Between the time stamps of two jumps.
const GAP: i64 = 2000;
/// Decoder threads beyond this hold more pictures back than they are worth.
const MOST_THREADS: usize = 4;

/// See the module text.
pub struct Feed {
    run: Running,
    patience: Patience,
    file: FileBytes,
    /// The next coded picture.
    next: usize,
    /// Time stamp of the first place in the order shown since the last jump.
    base: i64,
    /// The highest time stamp so far.
    highest: i64,
    /// Time stamps since the last jump of pictures that have not come out.
    under_way: VecDeque<i64>,
    /// Wanted pictures that must be under way for one to come out.
    window: usize,
    /// The first place in the order shown that is wanted.
    wanted: usize,
    /// The place that came out last, and one more.
    given: usize,
    /// The film's end was pushed out; its time stamps begin here.
    pushed: Option<i64>,
}

/// What stays the same over a film's frames.
pub struct Source<'a> {
    pub tools: &'a Tools,
    pub stream: &'a Stream,
    pub index: &'a Index,
    pub track: &'a Track,
    pub layout: Layout,
}

fn lost() -> Fault {
    Fault::damaged("FFmpeg gave no picture for a frame")
}

impl Feed {
    /// Starts FFmpeg; nothing is decoded before the first [`Feed::jump`].
    ///
    /// # Errors
    /// When the file cannot be opened or FFmpeg not be started.
    pub fn start(source: &Source<'_>, path: &std::path::Path, patience: &Patience) -> Result<Self, Fault> {
        let file = FileBytes::open(path).map_err(Fault::Io)?;
        let threads = std::thread::available_parallelism().map_or(2, usize::from).min(MOST_THREADS);
        let mut arguments: Vec<OsString> =
            ["-hide_banner", "-nostats", "-nostdin", "-v", "info"].into_iter().map(OsString::from).collect();
        arguments.extend(super::input::limits("pipe"));
        // The stream is known; looking at it first would wait for pictures that are not sent yet.
        for word in
            ["-f", "matroska", "-analyzeduration", "0", "-fpsprobesize", "0", "-copyts", "-noautorotate", "-threads"]
        {
            arguments.push(word.into());
        }
        arguments.push(threads.to_string().into());
        for word in ["-i", "pipe:0", "-map", "0:V:0", "-vsync", "passthrough", "-vf"] {
            arguments.push(word.into());
        }
        arguments.push("showinfo=checksum=0,select=mod(pts\\,2),format=yuv420p|yuvj420p".into());
        // The raw coder would keep a frame for each thread of its own.
        arguments.extend(["-threads", "1", "-flush_packets", "1", "-f", "rawvideo", "pipe:1"].map(OsString::from));
        let bytes =
            usize::try_from(source.layout.bytes()).map_err(|_| Fault::damaged("a frame does not fit in memory"))?;
        let run = Running::start_fed(&source.tools.ffmpeg, &arguments, Pieces::Of(bytes), is_frame_line, patience)
            .map_err(fault)?;
        run.feed(opening(source.stream)).map_err(fault)?;
        Ok(Self {
            run,
            patience: patience.clone(),
            file,
            next: usize::MAX,
            base: 0,
            highest: 0,
            under_way: VecDeque::new(),
            window: (source.stream.held_back as usize + threads).min(LARGEST_WINDOW),
            wanted: 0,
            given: 0,
            pushed: None,
        })
    }

    /// Goes on so that this frame comes out next.
    ///
    /// # Errors
    /// When the key frame before it refers to what lies before itself.
    pub fn jump(&mut self, source: &Source<'_>, frame: u32) -> Result<(), Fault> {
        let pts = source.index.tick(frame).ok_or_else(lost)?;
        let rank = source.track.rank(pts).ok_or_else(lost)?;
        let key = source.track.key_for(pts).ok_or_else(lost)?;
        let on_the_way = self.pushed.is_none() && rank >= self.given.max(self.wanted) && key <= self.next;
        self.wanted = rank;
        if on_the_way && self.next != usize::MAX {
            return Ok(());
        }
        let picture = self.read(source, key)?;
        let before = match key_kind(source.stream, &picture) {
            KeyKind::Whole => Vec::new(),
            KeyKind::AfterEnd => end_of_sequence(source.stream),
            KeyKind::Unsure => return Err(Fault::unsupported("a key frame that refers to frames before it")),
        };
        let first = source.track.coded().get(key).and_then(|coded| source.track.rank(coded.pts)).ok_or_else(lost)?;
        self.base = self.highest + GAP - 2 * i64::try_from(first).unwrap_or(0);
        self.under_way.clear();
        self.pushed = None;
        self.given = first;
        let picture = if before.is_empty() { picture } else { [before, picture].concat() };
        self.send(source, key, &picture, true)
    }

    fn read(&self, source: &Source<'_>, at: usize) -> Result<Vec<u8>, Fault> {
        let coded = source.track.coded().get(at).ok_or_else(lost)?;
        read_range(&self.file, coded.at, u64::from(coded.len), "coded picture", u64::from(coded.len))
    }

    fn send(&mut self, source: &Source<'_>, at: usize, picture: &[u8], counts: bool) -> Result<(), Fault> {
        let coded = source.track.coded().get(at).ok_or_else(lost)?;
        let rank = source.track.rank(coded.pts).ok_or_else(lost)?;
        let shown = counts && rank >= self.wanted && source.track.frame(rank, source.index).is_some();
        let tick = self.base + 2 * i64::try_from(rank).unwrap_or(0) + i64::from(shown);
        self.highest = self.highest.max(tick & !1);
        if counts {
            self.under_way.push_back(tick);
            self.next = at + 1;
        }
        self.run.feed(cluster(tick, coded.key, picture)).map_err(fault)
    }

    /// Sends what the decoder needs to give its next picture.
    fn fill(&mut self, source: &Source<'_>) -> Result<(), Fault> {
        // What leads to the wanted frame is sent at once; behind it no more than makes it come out, since a jump waits for
        // what is under way.
        let most = self.window + if self.given > self.wanted { AHEAD } else { 0 };
        let wanted = |feed: &Self| feed.under_way.iter().filter(|tick| *tick & 1 == 1).count();
        while wanted(self) < most && self.under_way.len() < MOST_UNDER_WAY && self.next < source.track.coded().len() {
            let picture = self.read(source, self.next)?;
            self.send(source, self.next, &picture, true)?;
        }
        if self.next >= source.track.coded().len() && self.pushed.is_none() {
            // The decoder lets go of its last pictures when others follow: those of the film's beginning, which come out
            // nowhere.
            let first =
                source.track.key_for(source.track.coded().first().map_or(0, |coded| coded.pts)).ok_or_else(lost)?;
            let rank = source.track.coded().get(first).and_then(|coded| source.track.rank(coded.pts)).unwrap_or(0);
            let base = self.base;
            self.base = self.highest + GAP - 2 * i64::try_from(rank).unwrap_or(0);
            self.pushed = Some(self.highest + 2);
            let count = source.track.coded().len();
            for number in 0..PUSH {
                // A film shorter than the push is sent again and again.
                if number > 0 && number % count == 0 {
                    self.base = self.highest + GAP;
                }
                let at = (first + number) % count;
                let picture = self.read(source, at)?;
                self.send(source, at, &picture, false)?;
            }
            self.base = base;
        }
        Ok(())
    }

    /// The planes of the next wanted frame, and its place in the table; `None` at the film's end.
    ///
    /// # Errors
    /// When a frame does not come, or FFmpeg gives nothing for too long.
    pub fn next(&mut self, source: &Source<'_>) -> Result<Option<(u32, Vec<u8>)>, Fault> {
        let mut waited = Duration::ZERO;
        loop {
            self.fill(source)?;
            let Some(line) = self.run.line_within(STARVED).map_err(fault)? else {
                waited += STARVED;
                if waited >= SILENT {
                    return Err(lost());
                }
                // The decoder holds more back than was thought, or it is slow.
                self.window = (self.window + 1).min(LARGEST_WINDOW);
                continue;
            };
            let Some(line) = line else { return Err(lost()) };
            let Some(tick) = tick_of(&line) else { continue };
            waited = Duration::ZERO;
            self.patience.gain(FRAME);
            let shown = tick & 1 == 1;
            let piece = if shown { Some(self.run.piece().map_err(fault)?.ok_or_else(lost)?) } else { None };
            if self.pushed.is_some_and(|pushed| tick >= pushed) {
                // Pictures come out in the order shown: what is under way still will not come.
                return if self.under_way.iter().any(|tick| tick & 1 == 1) { Err(lost()) } else { Ok(None) };
            }
            let Ok(rank) = usize::try_from((tick - self.base) >> 1) else { continue };
            if !self.under_way.contains(&tick) {
                continue;
            }
            if self.under_way.iter().any(|other| other & 1 == 1 && *other < tick) {
                return Err(lost());
            }
            self.under_way.retain(|other| *other > tick);
            self.given = rank + 1;
            if let (Some(planes), Some(frame)) = (piece, source.track.frame(rank, source.index))
                && rank >= self.wanted
            {
                return Ok(Some((frame, planes)));
            }
        }
    }
}
