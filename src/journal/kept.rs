//! A read's fold where it is wanted: in memory, or in a file that holds it from an earlier opening.

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::{Serialize, Serializer};

use super::read::{ReadFold, ReadPhase};
use super::stored::{Reader, Stored, Writer};
use crate::domain::{Digest, Verdict};

/// Where the compact form of a fold lies: offset and length in bytes, and the SHA-256 of what has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub at: u64,
    pub length: u64,
    pub sha256: Digest,
}

/// Gives back what was stored, or `None` when it is not what was stored, which it remembers.
pub trait FoldSource: Send + Sync {
    fn read(&self, place: &Place) -> Option<Vec<u8>>;
    /// Something could not be given back, or did not make sense; the log has to be folded instead.
    fn give_up(&self);
    fn has_given_up(&self) -> bool;
}

/// What lists and rules ask of a read again and again, without its findings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadSummary {
    pub phase: ReadPhase,
    /// Findings that are there.
    pub live: u64,
    /// Number and hash of every submission, and what it concluded; the newest last.
    pub submissions: Vec<(u64, (Digest, Verdict))>,
}

impl ReadSummary {
    fn of(fold: &ReadFold) -> Self {
        Self {
            phase: fold.phase,
            live: fold.live().count() as u64,
            submissions: fold.submissions.iter().map(|s| (s.seq, (s.hash, s.verdict))).collect(),
        }
    }

    /// Number and hash of the submission that stands.
    pub fn sealed(&self) -> Option<(u64, Digest)> {
        let newest = self.submissions.last().filter(|_| self.phase == ReadPhase::Submitted);
        newest.map(|(seq, (hash, _))| (*seq, *hash))
    }
}

#[derive(Clone)]
struct InStore {
    source: Arc<dyn FoldSource>,
    place: Place,
    summary: ReadSummary,
}

/// The fold of one read, read from its store when somebody asks for it.
#[derive(Clone, Default)]
pub struct KeptRead {
    fold: OnceLock<Arc<ReadFold>>,
    stored: Option<InStore>,
}

impl KeptRead {
    pub(super) fn new() -> Self {
        Self { fold: OnceLock::from(Arc::default()), stored: None }
    }

    pub(super) fn in_store(source: Arc<dyn FoldSource>, place: Place, summary: ReadSummary) -> Self {
        Self { fold: OnceLock::new(), stored: Some(InStore { source, place, summary }) }
    }

    /// The fold; `None` when its store no longer gives it, which `State::is_readable` tells afterwards.
    pub fn get(&self) -> Option<&ReadFold> {
        if let Some(fold) = self.fold.get() {
            return Some(fold);
        }
        let stored = self.stored.as_ref()?;
        let bytes = stored.source.read(&stored.place)?;
        let Some(fold) = from_bytes(&bytes) else {
            stored.source.give_up();
            return None;
        };
        Some(self.fold.get_or_init(|| Arc::new(fold)))
    }

    /// The fold to be changed; what lies in the store is no longer its form then.
    pub(super) fn get_mut(&mut self) -> Option<&mut ReadFold> {
        self.get()?;
        self.stored = None;
        self.fold.get_mut().map(Arc::make_mut)
    }

    pub fn summary(&self) -> ReadSummary {
        match (&self.stored, self.fold.get()) {
            (Some(stored), _) => stored.summary.clone(),
            (None, Some(fold)) => ReadSummary::of(fold),
            (None, None) => ReadSummary::of(&ReadFold::default()),
        }
    }

    /// The compact form: copied from its store as long as nothing has changed.
    pub(super) fn to_bytes(&self) -> Option<Vec<u8>> {
        match (&self.stored, self.fold.get()) {
            (Some(stored), _) => stored.source.read(&stored.place),
            (None, Some(fold)) => Some(to_bytes(fold)),
            (None, None) => None,
        }
    }

    /// Moves the fold out of memory, to where `keep` puts its compact form; it stays where that fails.
    pub(super) fn shelve(&mut self, source: &Arc<dyn FoldSource>, keep: impl FnOnce(&[u8]) -> Option<Place>) {
        if let (None, Some(fold)) = (&self.stored, self.fold.get())
            && let Some(place) = keep(&to_bytes(fold))
        {
            *self = Self::in_store(Arc::clone(source), place, ReadSummary::of(fold));
        }
    }

    /// Lets go of what can be read again.
    pub(super) fn forget(&mut self) {
        if self.stored.is_some() {
            self.fold = OnceLock::new();
        }
    }
}

fn to_bytes(fold: &ReadFold) -> Vec<u8> {
    let mut writer = Writer::default();
    fold.put(&mut writer);
    writer.finish()
}

fn from_bytes(bytes: &[u8]) -> Option<ReadFold> {
    let mut reader = Reader::new(bytes)?;
    let fold = ReadFold::get(&mut reader)?;
    reader.is_at_end().then_some(fold)
}

impl PartialEq for KeptRead {
    fn eq(&self, other: &Self) -> bool {
        matches!((self.get(), other.get()), (Some(a), Some(b)) if a == b)
    }
}

impl fmt::Debug for KeptRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.fold.get(), &self.stored) {
            (Some(fold), _) => fold.fmt(f),
            (None, stored) => f.debug_tuple("KeptRead").field(&stored.as_ref().map(|s| s.place)).finish(),
        }
    }
}

impl Serialize for KeptRead {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.get() {
            Some(fold) => fold.serialize(to),
            None => Err(serde::ser::Error::custom("a stored fold cannot be read")),
        }
    }
}
