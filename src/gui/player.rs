//! Films and cine loops in time: which frame is on at a moment, at which speed, in which direction. No drawing, no files.

use std::sync::Arc;

use crate::domain::ImageId;
use crate::project::pixels::{ImageMeta, Timing, TimingSource};

/// Frames a second of a loop whose file names no times.
const ASSUMED_RATE: f64 = 15.0;
/// Speeds on the digit keys.
pub const SPEEDS: [f64; 5] = [0.25, 0.5, 1.0, 2.0, 4.0];
/// J and L double the speed up to this.
const FASTEST: f64 = 8.0;
/// A frame that takes longer than this to appear holds the clock, so that playing slows down instead of showing nothing.
const PATIENCE_S: f64 = 0.15;

/// What the transport can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    PlayPause,
    Forward,
    Pause,
    Reverse,
    /// Index into [`SPEEDS`].
    Speed(u8),
    Loop,
    Jump,
    NextKey,
    PreviousKey,
    Strip,
    FitField,
}

/// When the frames of the image in view are on.
#[derive(Clone, Debug, PartialEq)]
pub struct Clock {
    /// Seconds from the first frame, one a frame, growing.
    times_s: Arc<[f64]>,
    duration_s: f64,
    keys: Arc<[u32]>,
    pub source: ClockSource,
    /// A film or a loop, not a stack through the body.
    pub moving: bool,
}

/// Where the times come from; said beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockSource {
    Film,
    /// From the film's rate: it has no time stamps.
    FilmRate,
    /// From the file's header.
    Header,
    /// No times anywhere: fifteen frames a second.
    Assumed,
}

impl ClockSource {
    /// Fluent key of what is said on the screen, where something must be.
    pub const fn note(self) -> Option<&'static str> {
        match self {
            Self::Film | Self::Header => None,
            Self::FilmRate => Some("transport-film-rate"),
            Self::Assumed => Some("transport-assumed-rate"),
        }
    }
}

impl Clock {
    /// The clock of an image of several frames; `None` for stills.
    pub fn of(meta: &ImageMeta) -> Option<Self> {
        let count = meta.frames.len();
        if count < 2 {
            return None;
        }
        if let Some(timing) = &meta.timing {
            return Some(Self::of_timing(timing));
        }
        let posed = meta.frames.iter().any(|frame| frame.pose.is_some());
        let known = meta.frames.iter().all(|frame| frame.duration_ms.is_some_and(|ms| ms > 0.0 && ms.is_finite()));
        let mut at = 0.0;
        let times: Vec<f64> = meta
            .frames
            .iter()
            .map(|frame| {
                let now = at;
                at += frame.duration_ms.filter(|_| known).map_or(1.0 / ASSUMED_RATE, |ms| ms / 1000.0);
                now
            })
            .collect();
        let source = if known { ClockSource::Header } else { ClockSource::Assumed };
        Some(Self { times_s: times.into(), duration_s: at, keys: Arc::from([]), source, moving: !posed })
    }

    fn of_timing(timing: &Timing) -> Self {
        let count = u32::try_from(timing.ticks.len()).unwrap_or(u32::MAX);
        let source = match timing.source {
            TimingSource::Film => ClockSource::Film,
            TimingSource::FilmRate => ClockSource::FilmRate,
            TimingSource::Header => ClockSource::Header,
        };
        Self {
            times_s: (0..count).map(|frame| timing.seconds(frame)).collect(),
            duration_s: timing.duration_s(),
            keys: Arc::clone(&timing.keys),
            source,
            moving: true,
        }
    }

    pub fn count(&self) -> u32 {
        u32::try_from(self.times_s.len()).unwrap_or(u32::MAX)
    }

    pub const fn duration_s(&self) -> f64 {
        self.duration_s
    }

    pub fn seconds(&self, frame: u32) -> f64 {
        self.times_s.get(frame as usize).copied().unwrap_or(0.0)
    }

    /// The frame that is on at a moment.
    pub fn frame_at(&self, seconds: f64) -> u32 {
        let count = self.times_s.partition_point(|at| *at <= seconds + 1e-6);
        u32::try_from(count.saturating_sub(1)).unwrap_or(u32::MAX)
    }

    /// Frames that decode on their own; empty where all do.
    pub fn keys(&self) -> &[u32] {
        &self.keys
    }

    /// The key frame after this one, or before it; ten frames where every frame is one.
    pub fn key_from(&self, frame: u32, forward: bool) -> u32 {
        let last = self.count().saturating_sub(1);
        if self.keys.is_empty() {
            return if forward { frame.saturating_add(10).min(last) } else { frame.saturating_sub(10) };
        }
        if forward {
            let at = self.keys.partition_point(|key| *key <= frame);
            self.keys.get(at).copied().unwrap_or(last)
        } else {
            let at = self.keys.partition_point(|key| *key < frame);
            at.checked_sub(1).and_then(|at| self.keys.get(at)).copied().unwrap_or(0)
        }
    }

    /// At most so many frames for a strip, evenly over the film, key frames where there are enough.
    pub fn strip(&self, most: u32) -> Vec<u32> {
        let among = |list: &[u32]| {
            let step = list.len().div_ceil(most.max(1) as usize).max(1);
            list.iter().copied().step_by(step).collect::<Vec<_>>()
        };
        if self.keys.len() >= 8 {
            return among(&self.keys);
        }
        among(&(0..self.count()).collect::<Vec<_>>())
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Run {
    /// Window time at which playing was at `from_s` of the film.
    since: f64,
    from_s: f64,
    /// Negative backwards.
    speed: f64,
    /// The frame asked for last, and when.
    asked: (u32, f64),
}

/// The transport of the image in view.
#[derive(Clone, Debug, Default)]
pub struct Player {
    clock: Option<Arc<Clock>>,
    run: Option<Run>,
    speed: Option<f64>,
    once: bool,
    /// The strip of pictures is in view.
    pub strip: bool,
    /// The view is fitted to the endoscope's field.
    pub in_field: bool,
    image: Option<ImageId>,
}

impl Player {
    /// Another image is in view.
    pub fn follow(&mut self, image: Option<ImageId>, clock: Option<Clock>) {
        self.run = None;
        self.in_field = false;
        self.image = image;
        self.clock = clock.map(Arc::new);
    }

    pub const fn image(&self) -> Option<&ImageId> {
        self.image.as_ref()
    }

    /// The frame that playing has asked for.
    pub fn asked(&self) -> Option<u32> {
        self.run.map(|run| run.asked.0)
    }

    pub const fn clock(&self) -> Option<&Arc<Clock>> {
        self.clock.as_ref()
    }

    /// A film or a loop is in view.
    pub fn moves(&self) -> bool {
        self.clock.as_ref().is_some_and(|clock| clock.moving)
    }

    pub const fn playing(&self) -> bool {
        self.run.is_some()
    }

    /// Speed while playing, else the one that playing will have.
    pub fn speed(&self) -> f64 {
        self.run.map_or(self.speed.unwrap_or(1.0), |run| run.speed)
    }

    pub const fn looping(&self) -> bool {
        !self.once
    }

    pub fn set_looping(&mut self, looping: bool) {
        self.once = !looping;
    }

    pub fn pause(&mut self) {
        self.run = None;
    }

    /// Plays from a frame, at a speed; negative backwards.
    pub fn play(&mut self, frame: u32, speed: f64, now: f64) {
        let Some(clock) = &self.clock else { return };
        let last = clock.count().saturating_sub(1);
        // From the end there is nothing to play but the film again.
        let from = match (speed > 0.0, frame) {
            (true, frame) if frame >= last => 0.0,
            (false, 0) => clock.seconds(last),
            _ => clock.seconds(frame),
        };
        self.run = Some(Run { since: now, from_s: from, speed, asked: (frame, now) });
    }

    pub fn toggle(&mut self, frame: u32, now: f64) {
        if self.run.is_some() { self.pause() } else { self.play(frame, self.speed.unwrap_or(1.0), now) }
    }

    /// J and L: plays in a direction, each further press twice as fast.
    pub fn push(&mut self, forward: bool, frame: u32, now: f64) {
        let sign = if forward { 1.0 } else { -1.0 };
        let speed = match self.run {
            Some(run) if run.speed * sign > 0.0 => (run.speed.abs() * 2.0).min(FASTEST),
            _ => 1.0,
        };
        self.play(frame, sign * speed, now);
    }

    pub fn set_speed(&mut self, speed: f64, frame: u32, now: f64) {
        self.speed = Some(speed);
        if let Some(run) = self.run {
            self.play(frame, speed * run.speed.signum(), now);
        }
    }

    /// The frame that is on now. `ready`: the frame asked for last is on the screen.
    pub fn tick(&mut self, now: f64, ready: bool) -> Option<u32> {
        let clock = Arc::clone(self.clock.as_ref()?);
        let run = self.run.as_mut()?;
        if !ready {
            if now - run.asked.1 > PATIENCE_S {
                (run.since, run.from_s) = (now, clock.seconds(run.asked.0));
            }
            return Some(run.asked.0);
        }
        let mut at = run.from_s + (now - run.since) * run.speed;
        if at >= clock.duration_s || at < 0.0 {
            if self.once {
                let end = if at < 0.0 { 0 } else { clock.count().saturating_sub(1) };
                self.run = None;
                return Some(end);
            }
            at = at.rem_euclid(clock.duration_s.max(f64::MIN_POSITIVE));
            (run.since, run.from_s) = (now, at);
        }
        let frame = clock.frame_at(at);
        if frame != run.asked.0 {
            run.asked = (frame, now);
        }
        Some(frame)
    }

    /// Seconds until the next frame is due.
    pub fn due_s(&self, now: f64) -> Option<f64> {
        let (clock, run) = (self.clock.as_ref()?, self.run?);
        let at = run.from_s + (now - run.since) * run.speed;
        let frame = clock.frame_at(at);
        let next = if run.speed > 0.0 { clock.seconds(frame + 1) } else { clock.seconds(frame) };
        Some(((next - at) / run.speed).clamp(0.004, 0.25))
    }
}

/// `1:02:03.45`, `2:03.4`, `95` or `95.5`: a time in a film.
pub fn parse_time(text: &str) -> Option<f64> {
    let mut total = 0.0;
    for part in text.trim().split([':', '：']) {
        let value: f64 = part.trim().parse().ok().filter(|v: &f64| v.is_finite() && *v >= 0.0)?;
        total = total * 60.0 + value;
    }
    Some(total)
}

/// `0:02:03.456`.
pub fn time_text(seconds: f64) -> String {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "hours of film, never negative")]
    let ms = (seconds.max(0.0) * 1000.0).round() as u64;
    format!("{}:{:02}:{:02}.{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::pixels::FrameInfo;

    fn film(ticks: &[i64], keys: &[u32]) -> Clock {
        Clock::of_timing(&Timing {
            ticks: ticks.into(),
            tick_s: (1, 10),
            keys: keys.into(),
            source: TimingSource::Film,
        })
    }

    fn player(clock: Clock) -> Player {
        let mut player = Player::default();
        player.follow(None, Some(clock));
        player
    }

    #[test]
    fn a_film_of_variable_rate_plays_by_its_own_times() {
        let mut player = player(film(&[7, 8, 12, 13, 17], &[0, 3]));
        player.play(0, 1.0, 100.0);
        let seen: Vec<_> = [0.0, 0.09, 0.11, 0.49, 0.51, 0.65].map(|t| player.tick(100.0 + t, true)).to_vec();
        assert_eq!(seen, [0, 0, 1, 1, 2, 3].map(Some).to_vec());
        // It ends where the last frame has had the mean time of all, and begins again.
        assert_eq!(player.tick(101.3, true), Some(0));
        player.set_looping(false);
        player.play(3, 1.0, 200.0);
        assert_eq!((player.tick(205.0, true), player.playing()), (Some(4), false));
    }

    #[test]
    fn j_and_l_change_direction_and_double() {
        let mut player = player(film(&(0..100).collect::<Vec<_>>(), &[]));
        player.push(true, 10, 0.0);
        assert!((player.speed() - 1.0).abs() < 1e-9);
        player.push(true, 10, 0.0);
        player.push(true, 10, 0.0);
        assert!((player.speed() - 4.0).abs() < 1e-9);
        player.push(false, 50, 1.0);
        assert!((player.speed() + 1.0).abs() < 1e-9);
        assert_eq!(player.tick(2.0, true), Some(40));
        player.pause();
        player.set_speed(0.5, 40, 2.0);
        player.toggle(40, 2.0);
        assert_eq!(player.tick(4.0, true), Some(50));
    }

    #[test]
    fn a_slow_decoder_holds_the_clock_and_never_starves_the_eye() {
        let mut player = player(film(&(0..100).collect::<Vec<_>>(), &[]));
        player.play(0, 1.0, 0.0);
        assert_eq!(player.tick(0.11, true), Some(1));
        // Frame 1 is not there yet: nothing else is asked for meanwhile.
        assert_eq!((player.tick(0.2, false), player.tick(5.0, false)), (Some(1), Some(1)));
        assert_eq!(player.tick(5.11, true), Some(2), "goes on from where the eye is");
    }

    #[test]
    fn loops_without_times_say_that_the_rate_is_assumed() {
        let frame = |ms| FrameInfo { duration_ms: ms, ..FrameInfo::default() };
        let meta = |ms: Option<f64>| ImageMeta { frames: vec![frame(ms); 30], ..ImageMeta::default() };
        let known = Clock::of(&meta(Some(40.0))).unwrap();
        assert_eq!((known.source, known.frame_at(0.41), known.moving), (ClockSource::Header, 10, true));
        let assumed = Clock::of(&meta(None)).unwrap();
        assert_eq!((assumed.source, assumed.frame_at(1.0)), (ClockSource::Assumed, 15));
        assert!(Clock::of(&ImageMeta { frames: vec![frame(None)], ..ImageMeta::default() }).is_none());
    }

    #[test]
    fn key_frames_and_times_are_found() {
        let clock = film(&(0..100).collect::<Vec<_>>(), &[0, 40, 80]);
        assert_eq!([clock.key_from(40, true), clock.key_from(80, true), clock.key_from(40, false)], [80, 99, 0]);
        assert_eq!(clock.strip(4), [0, 25, 50, 75]);
        assert_eq!((parse_time("1:02:03.5"), parse_time(" 95 "), parse_time("x")), (Some(3723.5), Some(95.0), None));
        assert_eq!(time_text(3723.4567), "1:02:03.457");
    }
}
