//! Sealed values for `verify`: every one is opened and compared with its digest, on all cores.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{Store, StoreError, WhyReadOnly, values};
use crate::domain::{Digest, SubjectId};
use crate::journal::NewValue;

/// Values that one core takes at a time.
const BLOCK: usize = 256;
/// In place of a subject's number: the value cannot be opened, or does not fit its digest.
const DAMAGED: u32 = u32::MAX;

/// Which sealed values are here, under which subjects, and which of them are damaged.
#[derive(Clone, Debug, Default)]
pub struct ValueCheck {
    /// By digest; 36 bytes each, for there may be millions.
    found: Vec<(Digest, u32)>,
    subjects: Vec<SubjectId>,
}

impl ValueCheck {
    /// Every value by digest with the subject it is filed under; `None` for a damaged one.
    pub fn iter(&self) -> impl Iterator<Item = (&Digest, Option<&SubjectId>)> {
        self.found.iter().map(|(digest, subject)| (digest, self.subjects.get(*subject as usize)))
    }

    pub fn len(&self) -> usize {
        self.found.len()
    }

    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// `None` when it is not here, `Some(None)` when it is damaged.
    pub fn get(&self, digest: &Digest) -> Option<Option<&SubjectId>> {
        let at = self.found.binary_search_by_key(digest, |(d, _)| *d).ok()?;
        self.found.get(at).map(|(_, subject)| self.subjects.get(*subject as usize))
    }
}

/// What one core has found.
#[derive(Default)]
struct Seen {
    found: Vec<(Digest, u32)>,
    subjects: BTreeMap<SubjectId, u32>,
    list: Vec<SubjectId>,
}

impl Seen {
    fn add(&mut self, db: &Connection, digest: &Digest) {
        let number = match values::get(db, digest) {
            Ok(Some(value)) => self.number(value.subject),
            _ => DAMAGED,
        };
        self.found.push((*digest, number));
    }

    fn number(&mut self, subject: SubjectId) -> u32 {
        let next = u32::try_from(self.list.len()).unwrap_or(DAMAGED);
        *self.subjects.entry(subject).or_insert_with_key(|subject| {
            self.list.push(subject.clone());
            next
        })
    }

    fn merge(&mut self, other: Self) {
        let numbers: Vec<u32> = other.list.into_iter().map(|subject| self.number(subject)).collect();
        let renumbered = |(digest, n): (Digest, u32)| (digest, numbers.get(n as usize).copied().unwrap_or(DAMAGED));
        self.found.extend(other.found.into_iter().map(renumbered));
    }
}

impl Store {
    /// Opens every sealed value and compares it with its digest. `go_on` is told how many more have been looked at, and is
    /// asked whether to go on.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Stopped`].
    pub fn check_values(&self, go_on: &(dyn Fn(u64) -> bool + Sync)) -> Result<ValueCheck, StoreError> {
        // In the order in which they lie, which a disk reads faster than that of their digests.
        let mut query = self.db.prepare("SELECT digest FROM sealed_values NOT INDEXED")?;
        let names = query.query_map([], |r| Ok(r.get::<_, Vec<u8>>(0).unwrap_or_default()))?;
        let (mut digests, mut strange) = (Vec::new(), Vec::new());
        for name in names {
            match <[u8; 32]>::try_from(name?) {
                Ok(digest) => digests.push(Digest::from_bytes(digest)),
                Err(other) => strange.push((Digest::of(b"", &other), DAMAGED)),
            }
        }
        let next = AtomicUsize::new(0);
        let blocks: Vec<&[Digest]> = digests.chunks(BLOCK).collect();
        let take = |db: &Connection| {
            let mut seen = Seen::default();
            while let Some(block) = blocks.get(next.fetch_add(1, Ordering::Relaxed)) {
                if !go_on(block.len() as u64) {
                    return Err(StoreError::Stopped);
                }
                block.iter().for_each(|digest| seen.add(db, digest));
            }
            Ok(seen)
        };
        let cores = std::thread::available_parallelism().map_or(1, |n| n.get().min(8));
        let helpers = if digests.len() > 4 * BLOCK { cores.saturating_sub(1) } else { 0 };
        let mut all = std::thread::scope(|scope| {
            let mut running = Vec::new();
            for n in 0..helpers {
                // Where there is no second connection one core does it alone.
                let Some(db) = self.second_connection() else { break };
                let named = std::thread::Builder::new().name(format!("values-{n}"));
                running.extend(named.spawn_scoped(scope, move || take(&db)));
            }
            let mut all = take(&self.db)?;
            for thread in running {
                // A thread that broke would leave its blocks unlooked at.
                all.merge(thread.join().map_err(|_| StoreError::Value)??);
            }
            Ok::<_, StoreError>(all)
        })?;
        // The other connections see a later moment, at which a subject may have been erased; this one decides.
        let suspects: Vec<usize> = (0..).zip(&all.found).filter(|(_, f)| f.1 == DAMAGED).map(|(at, _)| at).collect();
        for at in suspects {
            let Some((digest, _)) = all.found.get(at).copied() else { continue };
            if let Ok(Some(value)) = values::get(&self.db, &digest) {
                let number = all.number(value.subject);
                all.found.iter_mut().skip(at).take(1).for_each(|f| f.1 = number);
            }
        }
        all.found.extend(strange);
        all.found.sort_unstable();
        Ok(ValueCheck { found: all.found, subjects: all.list })
    }

    /// Another look at the same database, where that cannot disturb: not on media that cannot be written, nor on a network.
    fn second_connection(&self) -> Option<Connection> {
        if !matches!(self.read_only, None | Some(WhyReadOnly::Asked)) {
            return None;
        }
        let db = Connection::open_with_flags(self.folder.join("project.sqlite"), OpenFlags::SQLITE_OPEN_READ_WRITE);
        let db = db.ok()?;
        db.busy_timeout(Duration::from_secs(5)).ok()?;
        db.pragma_update(None, "query_only", "ON").ok()?;
        Some(db)
    }

    /// How many sealed values are here.
    ///
    /// # Errors
    /// Database errors.
    pub fn count_values(&self) -> Result<usize, StoreError> {
        let count: i64 = self.db.query_row("SELECT count(*) FROM sealed_values", [], |r| r.get(0))?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

    /// Every value that is here and whole, by digest.
    ///
    /// # Errors
    /// Database errors, and whatever `each` fails with.
    pub fn each_value<E: From<StoreError>>(&self, mut each: impl FnMut(NewValue) -> Result<(), E>) -> Result<(), E> {
        let broken = |e: rusqlite::Error| E::from(e.into());
        let mut query = self.db.prepare("SELECT digest FROM sealed_values ORDER BY digest").map_err(broken)?;
        let mut rows = query.query([]).map_err(broken)?;
        while let Some(row) = rows.next().map_err(broken)? {
            let Ok(digest) = row.get::<_, [u8; 32]>(0) else { continue };
            if let Ok(Some(value)) = values::get(&self.db, &Digest::from_bytes(digest)) {
                each(value)?;
            }
        }
        Ok(())
    }
}
