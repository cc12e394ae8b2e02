//! The course of an audit: streams are read, checked and folded a few at a time on all cores, and what others may ask of them
//! later is kept in little room.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, PoisonError};

use super::audit::{Found, NamedValue, Numbers, Problem, Refused};
use super::audit_rules::{Chain, Kept, unknown_kinds};
use super::audit_stream::{Checked, Folding, Group, read};
use crate::domain::{StreamId, SubjectId};
use crate::journal::{Folded, Signed, State, Stream};

/// What stays in memory of a stream that has been checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// Every fold.
    Everything,
    /// The folds of the project-wide streams; not those about one case, of which there may be any number.
    Office,
}

/// Rows and bytes that make a group of streams worth a core's while; a few groups are in memory at a time.
const GROUP_ROWS: usize = 2048;
const GROUP_BYTES: usize = 4 << 20;

/// An audit under way.
pub(super) struct Run {
    keep: Keep,
    pub problems: Vec<Problem>,
    /// With the number of the stream, for their order.
    pub notes: Vec<(u32, String)>,
    pub transactions: u64,
    pub chains: BTreeMap<StreamId, Chain>,
    pub kept: BTreeMap<StreamId, Kept>,
    pub named: Vec<NamedValue>,
    pub ids: Vec<StreamId>,
    pub subjects: Numbers<SubjectId>,
    folded: Vec<(StreamId, Folded)>,
    /// Streams about a case that go on from others, which have to be read for it once more.
    later: Vec<StreamId>,
    /// Streams in which a newer version has said something.
    newer: Vec<(u32, StreamId)>,
    refused: Refused,
    stray: bool,
}

impl Run {
    pub fn new(keep: Keep) -> Self {
        Self {
            keep,
            problems: Vec::new(),
            notes: Vec::new(),
            transactions: 0,
            chains: BTreeMap::new(),
            kept: BTreeMap::new(),
            named: Vec::new(),
            ids: Vec::new(),
            subjects: Numbers::new(),
            folded: Vec::new(),
            later: Vec::new(),
            newer: Vec::new(),
            refused: BTreeSet::new(),
            stray: false,
        }
    }

    /// Reads one transaction as found; what is wrong with it by itself goes into the report.
    pub fn read(&mut self, item: Found) -> Option<Signed> {
        self.transactions += 1;
        let mut notes = Vec::new();
        let line = format!("transaction {}", self.transactions);
        let signed = read(item, &line, &mut self.problems, &mut notes);
        self.notes.extend(notes.into_iter().map(|note| (0, note)));
        signed
    }

    /// Checks streams that are in memory.
    pub fn check_all(&mut self, ids: &[StreamId], rows: impl Fn(&StreamId) -> Vec<Signed>) {
        self.ids = ids.to_vec();
        let keep = self.keep;
        let shared = Mutex::new(self);
        let feed = |send: &mut dyn FnMut(Group)| {
            let mut group = Group::default();
            for (number, id) in (0..).zip(ids) {
                let rows = rows(id);
                group.add(rows.len(), rows.iter().map(|s| s.text().len()).sum());
                group.streams.push(Checked::of(number, *id, rows));
                if group.is_full() {
                    send(std::mem::take(&mut group));
                }
            }
            send(group);
            Ok::<_, std::convert::Infallible>(())
        };
        let work = |group: Group| take_in(&shared, group.check(keep, &|_| {}));
        match on_all_cores(feed, work) {
            Ok(()) => {}
            Err(never) => match never {},
        }
    }

    /// Loads and checks streams. False when something is filed under another stream than its own: then nothing here counts.
    pub fn check_filed<E>(
        &mut self,
        ids: &[StreamId],
        load: impl Fn(&StreamId) -> Result<Vec<Found>, E>,
        folded: &(dyn Fn(&Stream) + Sync),
    ) -> Result<bool, E> {
        self.ids = ids.to_vec();
        let keep = self.keep;
        let shared = Mutex::new(&mut *self);
        let feed = |send: &mut dyn FnMut(Group)| {
            let mut group = Group::default();
            for (number, id) in (0..).zip(ids) {
                let rows = load(id)?;
                group.add(rows.len(), rows.iter().map(|f| f.text.len()).sum());
                group.found.push((number, *id, rows));
                if group.is_full() {
                    if shared.lock().unwrap_or_else(PoisonError::into_inner).stray {
                        return Ok(());
                    }
                    send(std::mem::take(&mut group));
                }
            }
            send(group);
            Ok(())
        };
        on_all_cores(feed, |group: Group| take_in(&shared, group.check(keep, folded)))?;
        Ok(!self.stray)
    }

    /// The state of what is kept. Every stream is in `self.kept` afterwards, and `folded` has been told of it.
    pub fn assemble<E>(
        &mut self,
        folded: &(dyn Fn(&Stream) + Sync),
        again: impl Fn(&StreamId) -> Result<Vec<Signed>, E>,
    ) -> Result<State, E> {
        let refused = &self.refused;
        let rows_of = |id: &StreamId| {
            let mut rows = again(id)?;
            rows.retain(|s| !refused.contains(s.hash()));
            Ok(rows)
        };
        let state = State::assemble(std::mem::take(&mut self.folded), rows_of)?;
        for stream in state.streams.values() {
            folded(stream);
            self.kept.insert(stream.id, Kept::of(stream));
        }
        for id in &self.later {
            let mut alone = State::assemble([(*id, Folded::of(*id, rows_of(id)?))], rows_of)?;
            if let Some(stream) = alone.streams.remove(id) {
                folded(&stream);
                self.kept.insert(*id, Kept::of(&stream));
            }
        }
        for (number, id) in &self.newer {
            for signed in rows_of(id)? {
                self.notes.extend(unknown_kinds(&signed).map(|note| (*number, note)));
            }
        }
        Ok(state)
    }

    fn add(&mut self, done: Checked) {
        self.problems.extend(done.problems);
        self.notes.extend(done.notes.into_iter().map(|note| (done.number, note)));
        self.transactions += done.read;
        self.stray |= done.stray;
        if done.chain.points.is_empty() {
            return;
        }
        self.chains.insert(done.id, done.chain);
        self.refused.extend(done.refused);
        for (digest, reader) in done.named {
            let owner = reader.map_or(super::audit::NOBODY, |r| self.subjects.number(&r));
            self.named.push(NamedValue { digest, stream: done.number, owner });
        }
        match done.folding {
            Folding::Nothing => {}
            Folding::Kept(folded) => self.folded.push((done.id, *folded)),
            Folding::Alone { kept, newer } => {
                self.kept.insert(done.id, *kept);
                if newer {
                    self.newer.push((done.number, done.id));
                }
            }
            Folding::Later => self.later.push(done.id),
        }
    }
}

fn take_in(run: &Mutex<&mut Run>, done: Vec<Checked>) {
    let mut run = run.lock().unwrap_or_else(PoisonError::into_inner);
    done.into_iter().for_each(|one| run.add(one));
}

impl Group {
    fn add(&mut self, rows: usize, bytes: usize) {
        self.rows += rows;
        self.bytes += bytes;
    }

    const fn is_full(&self) -> bool {
        self.rows >= GROUP_ROWS || self.bytes >= GROUP_BYTES
    }
}

/// Does on all cores what `feed` hands out from this thread. As few things wait as there are cores. A thread that breaks
/// breaks the whole: what it was to check must not pass for checked.
fn on_all_cores<T: Send, E>(
    feed: impl FnOnce(&mut dyn FnMut(T)) -> Result<(), E>,
    work: impl Fn(T) + Sync,
) -> Result<(), E> {
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get().min(16));
    let (send, receive) = sync_channel::<T>(cores);
    let receive = Mutex::new(receive);
    std::thread::scope(|scope| {
        let mut running = 0;
        for n in 0..cores {
            let (receive, work) = (&receive, &work);
            let take = move || {
                loop {
                    // Taken out of the lock before the work begins, so that the others go on taking.
                    let next = receive.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(next) = next else { break };
                    work(next);
                }
            };
            let started = std::thread::Builder::new().name(format!("verify-{n}")).spawn_scoped(scope, take);
            running += usize::from(started.is_ok());
        }
        // By value: dropped when the feeding ends, in whatever way, which ends the threads.
        let send = send;
        feed(&mut |thing| {
            if running == 0 {
                work(thing);
            } else {
                // It fails only when all threads have broken, and that is heard of at the end of the scope.
                send.send(thing).ok();
            }
        })
    })
}
