//! The table of a film's frames in the order they are shown in: what makes frame 1,234 the same frame every time.
//!
//! Where packets carry sound time stamps, a frame is its time stamp, and the table comes from the packets alone; the first
//! and the last group of pictures are decoded once, since there packets may give no picture. Where they do not, the film
//! is decoded once from its beginning, and a frame is its place in what comes out.

use std::sync::Arc;

use super::probe::{Packet, Stream};

/// The table of one file's frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Time stamps in presentation order, growing. In a counted film, made up from the rate.
    pub ticks: Arc<[i64]>,
    pub tick_s: (u32, u32),
    /// Frames that decoding can begin at, growing; the first entry may be later than frame 0.
    pub keys: Arc<[u32]>,
    /// Frames are known by their place in the whole film, not by time stamps.
    pub counted: bool,
    /// Fields are interlaced: frames are flagged so, or the container says so.
    pub interlaced: Interlaced,
    pub troubles: Vec<Trouble>,
}

/// Whether lines of two moments stand in one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interlaced {
    No,
    /// Frames that say so themselves.
    Flagged,
    /// The container says so, the frames do not.
    All,
}

/// Something about the time stamps that the user should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Frames lack time stamps.
    NoTimes,
    /// Time stamps repeat or run backwards.
    TimesJump,
    /// This many packets at the beginning or the end give no picture.
    Undecodable(u32),
}

/// Time stamps and key marks of packets in presentation order, or why they cannot be had from packets.
pub fn from_packets(packets: &[Packet], bare: bool) -> Result<(Vec<i64>, Vec<u32>), Trouble> {
    if bare || packets.iter().any(|packet| packet.pts.is_none()) {
        return Err(Trouble::NoTimes);
    }
    let mut last = i64::MIN;
    for dts in packets.iter().filter_map(|packet| packet.dts) {
        // A recorder that was restarted, or two recordings pasted together.
        if dts < last {
            return Err(Trouble::TimesJump);
        }
        last = dts;
    }
    let mut shown: Vec<(i64, bool)> =
        packets.iter().filter(|packet| !packet.discarded).filter_map(|p| Some((p.pts?, p.key))).collect();
    shown.sort_unstable();
    if shown.is_empty() || shown.iter().zip(shown.iter().skip(1)).any(|(a, b)| a.0 == b.0) {
        return Err(Trouble::TimesJump);
    }
    let keys = (0_u32..).zip(&shown).filter(|(_, (_, key))| *key).map(|(at, _)| at).collect();
    Ok((shown.into_iter().map(|(pts, _)| pts).collect(), keys))
}

/// Made-up ticks of a counted film: its rate, or 25 a second where not even that is known.
pub fn counted_ticks(count: usize, stream: &Stream) -> (Vec<i64>, (u32, u32)) {
    let (num, den) = stream.rate.unwrap_or((25, 1));
    let ticks = (0..count).map(|at| i64::try_from(at).unwrap_or(i64::MAX)).collect();
    (ticks, (den, num))
}

impl Index {
    pub fn len(&self) -> u32 {
        u32::try_from(self.ticks.len()).unwrap_or(u32::MAX)
    }

    /// The frame with exactly this time stamp.
    pub fn frame_of(&self, tick: i64) -> Option<u32> {
        self.ticks.binary_search(&tick).ok().and_then(|at| u32::try_from(at).ok())
    }

    pub fn tick(&self, frame: u32) -> Option<i64> {
        self.ticks.get(frame as usize).copied()
    }

    /// The frame to begin decoding at for this one: the last key frame not behind it, else the first frame of all.
    pub fn key_before(&self, frame: u32) -> u32 {
        let count = self.keys.partition_point(|key| *key <= frame);
        count.checked_sub(1).and_then(|at| self.keys.get(at)).copied().unwrap_or(0)
    }

    /// The frame with this time stamp, or the one that it is nearest to by less than a quarter of the way to the next:
    /// where packets lack time stamps, the decoder's guess depends a little on where it began.
    pub fn frame_near(&self, tick: i64) -> Option<u32> {
        let at = match self.ticks.binary_search(&tick) {
            Ok(at) => return u32::try_from(at).ok(),
            Err(at) => at,
        };
        let (before, after) = (at.checked_sub(1).and_then(|b| self.ticks.get(b)), self.ticks.get(at));
        let (before, after) = (before?, after?);
        let (back, ahead, gap) = (tick - before, after - tick, after - before);
        let near = if back * 4 < gap { at - 1 } else { at };
        (back.min(ahead) * 4 < gap).then(|| u32::try_from(near).ok())?
    }

    /// Seconds of a time stamp, as FFmpeg counts them.
    pub fn seconds(&self, tick: i64) -> f64 {
        tick as f64 * f64::from(self.tick_s.0) / f64::from(self.tick_s.1)
    }

    /// Whether time between frames differs by more than the rounding of a tick.
    pub fn is_variable(&self) -> bool {
        let steps = self.ticks.iter().zip(self.ticks.iter().skip(1)).map(|(a, b)| b.saturating_sub(*a));
        let (least, most) = steps.fold((i64::MAX, 0), |(least, most), step| (least.min(step), most.max(step)));
        most > least.saturating_add(2)
    }

    /// Leaves out frames that gave no picture. `from..to` was decoded whole and gave exactly these time stamps (growing).
    pub fn keep_decoded(&mut self, from: u32, to: u32, decoded: &[i64]) {
        let inside = |at: usize| (from as usize..to as usize).contains(&at);
        let keep: Vec<bool> = self
            .ticks
            .iter()
            .enumerate()
            .map(|(at, tick)| !inside(at) || decoded.binary_search(tick).is_ok())
            .collect();
        let gone = keep.iter().filter(|kept| !**kept).count();
        if gone == 0 {
            return;
        }
        let mut place = 0;
        let places: Vec<Option<u32>> = keep
            .iter()
            .map(|kept| {
                kept.then(|| {
                    place += 1;
                    place - 1
                })
            })
            .collect();
        self.keys = self.keys.iter().filter_map(|key| places.get(*key as usize).copied().flatten()).collect();
        self.ticks = self.ticks.iter().zip(&keep).filter(|(_, kept)| **kept).map(|(tick, _)| *tick).collect();
        self.troubles.push(Trouble::Undecodable(u32::try_from(gone).unwrap_or(u32::MAX)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(pts: i64, dts: i64, key: bool) -> Packet {
        Packet { pts: Some(pts), dts: Some(dts), key, ..Packet::default() }
    }

    #[test]
    fn packets_in_coding_order_become_frames_in_the_order_shown() {
        let coded =
            [packet(0, -2, true), packet(3, -1, false), packet(1, 0, false), packet(2, 1, false), packet(4, 2, true)];
        assert_eq!(from_packets(&coded, false), Ok((vec![0, 1, 2, 3, 4], vec![0, 4])));
        assert_eq!(from_packets(&coded, true), Err(Trouble::NoTimes));
        let twice = [packet(0, 0, true), packet(0, 1, false)];
        assert_eq!(from_packets(&twice, false), Err(Trouble::TimesJump));
        let restarted = [packet(0, 0, true), packet(9, 9, false), packet(1, 1, true)];
        assert_eq!(from_packets(&restarted, false), Err(Trouble::TimesJump));
        let none = [Packet { dts: Some(0), key: true, ..Packet::default() }];
        assert_eq!(from_packets(&none, false), Err(Trouble::NoTimes));
    }

    fn index(ticks: &[i64], keys: &[u32]) -> Index {
        Index {
            ticks: ticks.into(),
            tick_s: (1, 10),
            keys: keys.into(),
            counted: false,
            interlaced: Interlaced::No,
            troubles: Vec::new(),
        }
    }

    #[test]
    fn frames_without_a_picture_leave_the_table() {
        let mut index = index(&[0, 1, 2, 3, 4, 5], &[2, 4]);
        index.keep_decoded(0, 4, &[2, 3]);
        assert_eq!((&*index.ticks, &*index.keys), (&[2, 3, 4, 5][..], &[0, 2][..]));
        assert_eq!(index.troubles, [Trouble::Undecodable(2)]);
        assert_eq!((index.key_before(1), index.key_before(3)), (0, 2));
        assert_eq!((index.frame_of(4), index.frame_of(9)), (Some(2), None));
        let wide = super::tests::index(&[0, 100, 200], &[0]);
        let near = [-1, 0, 24, 25, 76, 100, 199, 201].map(|tick| wide.frame_near(tick));
        assert_eq!(near, [None, Some(0), Some(0), None, Some(1), Some(1), Some(2), None]);
    }

    #[test]
    fn rounding_of_ticks_is_no_variable_rate() {
        assert!(!index(&[0, 33, 67, 100, 133], &[0]).is_variable());
        assert!(index(&[0, 33, 67, 200, 233], &[0]).is_variable());
    }
}
