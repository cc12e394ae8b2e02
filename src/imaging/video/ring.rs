//! Decoded frames around the one that is looked at, bounded in bytes, and the thread that fills them.
//!
//! One thread a film runs FFmpeg (`session.rs`) and decodes ahead until the bound is reached; a frame that is near is
//! waited for, one that is far starts a new run. Going backwards, a run begins some frames early, so that the next steps
//! back find their frame here. A film that nobody has looked at for a while keeps neither the thread nor FFmpeg.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::film::Film;
use super::player::{Picture, Player};
use crate::imaging::{ImagingError, fault::Fault};

/// Decoded frames of one film: some sixty of 1920 × 1080 as planes, thirty as RGB.
const RING_BYTES: u64 = 192 << 20;
/// The thread ends after this long without a reader.
const IDLE: Duration = Duration::from_secs(20);
/// A reader waits this long: longer than FFmpeg is allowed to be silent, over the tries of one seek.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// How long nobody must have asked for another frame, before decoding goes on behind the end of a jump.
const SETTLED: Duration = Duration::from_millis(15);
/// Frames that a run is let go on for, instead of a new seek.
const NEAR: u32 = 8;
/// A step back begins its run at most this many frames early.
const MOST_BACK: u32 = 12;

/// See the module text.
#[derive(Default)]
pub struct Ring {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    frames: BTreeMap<u32, Arc<Picture>>,
    /// Frames that readers wait for, each with how many they are.
    waited: HashMap<u32, u32>,
    /// The frame asked for last; what lies far from it goes first.
    at: u32,
    backwards: bool,
    /// The frame asked for last lies far from the one before it.
    jumped: bool,
    /// Frames that could not be decoded, told to whoever waits for them.
    failed: HashMap<u32, String>,
    working: bool,
    /// The film was put away.
    closed: bool,
    asked: Option<Instant>,
}

impl Ring {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The film was put away: the thread ends, and FFmpeg and the frames with it.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// A frame from the ring, or decoded now.
    ///
    /// # Errors
    /// What FFmpeg says, or that it takes too long.
    pub fn frame(self: &Arc<Self>, film: &Arc<Film>, frame: u32) -> Result<Arc<Picture>, ImagingError> {
        let mut state = self.lock();
        // A jump far back is no step back: what lies before its frame is not wanted next.
        state.backwards = frame < state.at && state.at - frame <= 2 * MOST_BACK;
        state.jumped = frame.abs_diff(state.at) > NEAR;
        state.at = frame;
        state.asked = Some(Instant::now());
        if let Some(found) = state.frames.get(&frame) {
            let found = Arc::clone(found);
            drop(state);
            self.changed.notify_all();
            return Ok(found);
        }
        state.failed.remove(&frame);
        *state.waited.entry(frame).or_default() += 1;
        if !state.working {
            state.working = true;
            let (ring, pictures) = (Arc::clone(self), Arc::clone(film));
            let thread = std::thread::Builder::new().name("film".to_owned()).spawn(move || ring.work(&pictures));
            if let Err(error) = thread {
                state.working = false;
                state.done_waiting(frame);
                return Err(Fault::Io(error).at(film.path_of(frame)));
            }
        }
        self.changed.notify_all();
        let end = Instant::now() + LONGEST_WAIT;
        loop {
            if let Some(found) = state.frames.get(&frame).map(Arc::clone) {
                state.done_waiting(frame);
                return Ok(found);
            }
            let left = end.saturating_duration_since(Instant::now());
            let reason = state.failed.get(&frame).cloned();
            if reason.is_some() || left.is_zero() {
                state.done_waiting(frame);
                drop(state);
                let reason = reason.unwrap_or_else(|| "FFmpeg takes too long for this frame".to_owned());
                return Err(Fault::damaged(reason).at(film.path_of(frame)));
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// What the thread does next.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// A new run that begins at this frame.
    Seek(u32),
    /// The next frame of the run.
    GoOn,
    Rest,
}

/// The frame that should come next.
struct Run {
    next: u32,
    ended: bool,
}

impl State {
    fn done_waiting(&mut self, frame: u32) {
        if let Some(count) = self.waited.get_mut(&frame) {
            *count -= 1;
            if *count == 0 {
                self.waited.remove(&frame);
            }
        }
    }

    /// Whether a reader waits for a frame that is not here.
    fn waits(&self) -> bool {
        self.waited.keys().any(|frame| !self.frames.contains_key(frame) && !self.failed.contains_key(frame))
    }

    /// What to do, for a run that has this frame next (`None`: no run, or one at its end) and a ring of `room` frames.
    fn step(&self, next: Option<u32>, room: u32) -> Step {
        let back = (room / 2).clamp(1, MOST_BACK);
        let open =
            self.waited.keys().filter(|frame| !self.frames.contains_key(frame) && !self.failed.contains_key(frame));
        if let Some(target) = open.min_by_key(|frame| (frame.abs_diff(self.at), **frame)) {
            return match next {
                // A run that was begun early for steps back must not be begun again on its way to the frame.
                Some(next) if (next..=next.saturating_add(NEAR.max(back))).contains(target) => Step::GoOn,
                _ if self.backwards => Step::Seek(target.saturating_sub(back - 1)),
                _ => Step::Seek(*target),
            };
        }
        if self.backwards {
            // The unbroken row below the frame in view.
            let row = (0..=self.at).rev().take_while(|frame| self.frames.contains_key(frame)).count();
            let lowest = self.at.saturating_sub(u32::try_from(row).unwrap_or(u32::MAX).saturating_sub(1));
            return match next {
                Some(next) if next < lowest => Step::GoOn,
                _ if row > 0 && row < 4 && lowest > 0 => Step::Seek(lowest.saturating_sub(back)),
                _ => Step::Rest,
            };
        }
        match next {
            Some(next) if next >= self.at && next - self.at < room * 2 / 3 && !self.frames.contains_key(&next) => {
                Step::GoOn
            }
            _ => Step::Rest,
        }
    }

    fn insert(&mut self, frame: u32, picture: Picture, room: u32) {
        self.frames.insert(frame, Arc::new(picture));
        while self.frames.len() > room as usize {
            // A frame that lies against the direction of the hand counts as twice as far away.
            let far = |frame: u32| {
                let against = if self.backwards { frame > self.at } else { frame < self.at };
                u64::from(frame.abs_diff(self.at)) * if against { 2 } else { 1 }
            };
            let unwanted = self.frames.keys().copied().filter(|frame| !self.waited.contains_key(frame));
            let Some(farthest) = unwanted.max_by_key(|frame| far(*frame)) else { break };
            self.frames.remove(&farthest);
        }
    }

    /// Tells the readers of frames in a range that they will not come.
    fn fail(&mut self, frames: std::ops::Range<u32>, reason: &str) {
        let lost: Vec<u32> = self.waited.keys().copied().filter(|frame| frames.contains(frame)).collect();
        for frame in lost.into_iter().filter(|frame| !self.frames.contains_key(frame)) {
            self.failed.insert(frame, reason.to_owned());
        }
    }
}

/// Says that the thread is gone, however it ends.
struct Leaving<'a>(&'a Ring);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.working = false;
        // Frames take memory; whoever comes back later decodes anew.
        state.frames.clear();
        state.fail(0..u32::MAX, "the film's thread has stopped");
        drop(state);
        self.0.changed.notify_all();
    }
}

impl Ring {
    fn work(&self, film: &Film) {
        let _leaving = Leaving(self);
        let room = u32::try_from(RING_BYTES / film.frame_bytes().max(1)).unwrap_or(u32::MAX).clamp(4, 512);
        let mut run: Option<Run> = None;
        let mut player = Player::new(film);
        loop {
            let step = {
                let state = self.lock();
                if state.closed {
                    return;
                }
                let next = run.as_ref().filter(|run| !run.ended).map(|run| run.next);
                let step = state.step(next, room);
                // After a jump the next one may follow at once: decoding ahead waits a moment for it.
                if step == Step::GoOn && state.jumped && !state.waits() {
                    let (mut state, wait) =
                        self.changed.wait_timeout(state, SETTLED).unwrap_or_else(PoisonError::into_inner);
                    if wait.timed_out() {
                        state.jumped = false;
                    }
                    continue;
                }
                if step == Step::Rest {
                    let quiet = state.asked.is_none_or(|asked| asked.elapsed() > IDLE);
                    if quiet && state.waited.is_empty() {
                        return;
                    }
                    drop(self.changed.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner));
                    continue;
                }
                step
            };
            match step {
                Step::Seek(frame) => {
                    run = None;
                    match player.seek(frame) {
                        Ok(()) => run = Some(Run { next: frame, ended: false }),
                        Err(fault) => self.give_up(film, frame, &fault),
                    }
                }
                Step::GoOn => {
                    if let Some(going) = &mut run {
                        self.go_on(film, &mut player, going, room);
                    }
                }
                Step::Rest => {}
            }
        }
    }

    /// A run that cannot begin: the frames that it was to give are told so.
    fn give_up(&self, film: &Film, from: u32, fault: &Fault) {
        let part = film.part_of(from);
        self.lock().fail(film.range_of(part), &fault.reason());
        self.changed.notify_all();
    }

    fn go_on(&self, film: &Film, player: &mut Player<'_>, run: &mut Run, room: u32) {
        let range = film.range_of(player.part());
        let given = player.next();
        let mut state = self.lock();
        match given {
            Ok(Some((frame, picture))) => {
                if frame > run.next {
                    state.fail(run.next..frame, "FFmpeg gives no picture for this frame");
                }
                run.next = frame + 1;
                state.insert(frame, picture, room);
            }
            Ok(None) => {
                state.fail(run.next..range.end, "the film ends before this frame");
                run.ended = true;
            }
            Err(fault) => {
                state.fail(run.next..range.end, &fault.reason());
                run.ended = true;
            }
        }
        if run.next >= range.end {
            run.ended = true;
        }
        drop(state);
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SizePx;
    use crate::imaging::{PixelBuffer, Samples};

    fn picture() -> Picture {
        Picture::Rgb(PixelBuffer { size_px: SizePx::new(1, 1), channels: 3, samples: Samples::U8(vec![0; 3]) })
    }

    fn state(frames: &[u32], at: u32, waited: &[u32], backwards: bool) -> State {
        let mut state = State { at, backwards, ..State::default() };
        for frame in frames {
            state.frames.insert(*frame, Arc::new(picture()));
        }
        state.waited = waited.iter().map(|frame| (*frame, 1)).collect();
        state
    }

    #[test]
    fn near_frames_are_waited_for_and_far_ones_sought() {
        assert_eq!(state(&[], 10, &[10], false).step(Some(10), 30), Step::GoOn);
        assert_eq!(state(&[], 18, &[18], false).step(Some(10), 30), Step::GoOn);
        assert_eq!(state(&[], 23, &[23], false).step(Some(10), 30), Step::Seek(23));
        assert_eq!(state(&[], 9, &[9], false).step(Some(10), 30), Step::Seek(9));
        assert_eq!(state(&[], 9, &[9], false).step(None, 30), Step::Seek(9));
    }

    #[test]
    fn a_step_back_begins_early_and_is_filled_up_again() {
        assert_eq!(state(&[], 90, &[90], true).step(None, 30), Step::Seek(79));
        assert_eq!(state(&[], 90, &[90], true).step(Some(79), 30), Step::GoOn, "not sought a second time");
        assert_eq!(state(&[], 3, &[3], true).step(None, 30), Step::Seek(0));
        assert_eq!(state(&[88, 89, 90], 90, &[], true).step(None, 30), Step::Seek(76));
        assert_eq!(state(&[88, 89, 90], 90, &[], true).step(Some(80), 30), Step::GoOn);
        assert_eq!(state(&[87, 88, 89, 90], 90, &[], true).step(Some(91), 30), Step::Rest);
        assert_eq!(state(&[0, 1], 1, &[], true).step(None, 30), Step::Rest);
    }

    #[test]
    fn decoding_ahead_stops_at_the_bound() {
        assert_eq!(state(&[5, 6], 5, &[], false).step(Some(7), 30), Step::GoOn);
        assert_eq!(state(&[5, 6], 5, &[], false).step(Some(25), 30), Step::Rest);
        let mut ring = state(&[], 5, &[], false);
        (0..40).for_each(|frame| ring.insert(frame, picture(), 8));
        assert_eq!(ring.frames.keys().copied().collect::<Vec<_>>(), [3, 4, 5, 6, 7, 8, 9, 10].to_vec());
        let mut kept = state(&[], 5, &[70], false);
        kept.insert(70, picture(), 4);
        (0..9).for_each(|frame| kept.insert(frame, picture(), 4));
        assert!(kept.frames.contains_key(&70), "a reader waits for it");
    }
}
