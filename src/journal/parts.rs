//! One act on very many findings as several transactions: how many events each of them takes.

use std::ops::Range;

use super::event::{Event, FindingEvent};

/// Events of one transaction at most.
const EVENTS: u32 = 1_000;
/// Outlines of one transaction, a finding over many slices counting each of them. At some 200 bytes each this is below 1 MB.
const OUTLINES: usize = 4_000;

/// Deals events out, in order. Whoever names findings before the events are made deals the same way.
#[derive(Default)]
pub(super) struct Dealing {
    part: u64,
    index: u32,
    outlines: usize,
}

impl Dealing {
    /// Part of the next event and its place therein, both from 0, by how many outlines it carries.
    pub(super) fn next(&mut self, outlines: usize) -> (u64, u32) {
        let full = self.index >= EVENTS || self.outlines + outlines > OUTLINES;
        if full && self.index > 0 {
            *self = Self { part: self.part + 1, ..Self::default() };
        }
        let place = (self.part, self.index);
        self.index += 1;
        self.outlines += outlines;
        place
    }
}

/// The events of each part; one part unless all of them are about findings.
pub(super) fn parts(events: &[Event]) -> Vec<Range<usize>> {
    if !events.iter().all(|e| matches!(e, Event::Finding(_))) {
        return std::iter::once(0..events.len()).collect();
    }
    let mut dealing = Dealing::default();
    let mut starts = Vec::new();
    for (at, event) in events.iter().enumerate() {
        let outlines = match event {
            Event::Finding(FindingEvent::Created { body, .. }) => body.rois.len(),
            Event::Finding(FindingEvent::Reshaped { from, to, .. }) => from.len() + to.len(),
            _ => 0,
        };
        if dealing.next(outlines).1 == 0 {
            starts.push(at);
        }
    }
    let ends = starts.iter().skip(1).copied().chain(std::iter::once(events.len()));
    starts.iter().copied().zip(ends).map(|(from, to)| from..to).collect()
}
