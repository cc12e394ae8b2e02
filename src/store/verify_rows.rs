//! Projections for `verify`: what the log gives against what lies there, stream by stream, so that neither has to be in memory
//! as a whole.
//!
//! The rows of a stream amount to a **mark**: the sum of their hashes under a key that is drawn for one run, so that nobody
//! can prepare other rows of the same mark. Only streams whose marks differ are looked at row by row.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{params, types::ValueRef};

use super::{Store, StoreError, projections};
use crate::domain::{Digest, StreamId};
use crate::journal::Stream;

/// What the derived rows of one stream amount to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    sum: [u64; 4],
    rows: u64,
}

impl Mark {
    fn add(&mut self, row: &Digest) {
        for (sum, part) in self.sum.iter_mut().zip(row.as_bytes().as_chunks::<8>().0) {
            *sum = sum.wrapping_add(u64::from_le_bytes(*part));
        }
        self.rows += 1;
    }
}

/// Makes marks.
pub struct Marks([u8; 32]);

/// Where what lies there differs from what the log gives.
#[derive(Clone, Debug, Default)]
pub struct Differences {
    /// `kind id` of rows that belong to no stream.
    pub strange: Vec<String>,
    /// Streams whose rows differ, with how many lie there.
    pub streams: BTreeMap<StreamId, u64>,
}

impl Marks {
    /// # Errors
    /// [`StoreError::Random`].
    pub fn new() -> Result<Self, StoreError> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|_| StoreError::Random)?;
        Ok(Self(key))
    }

    fn row(&self, kind: &[u8], id: &[u8], body: &[u8]) -> Digest {
        // With their lengths, so that no two rows give the same bytes.
        let length = |part: &[u8]| (part.len() as u64).to_le_bytes();
        Digest::of(&self.0, &[&length(kind), kind, &length(id), id, body].concat())
    }

    /// The mark of the rows that a stream gives.
    ///
    /// # Errors
    /// [`StoreError::Value`] when one cannot be written as JSON.
    pub fn of(&self, stream: &Stream) -> Result<Mark, StoreError> {
        let mut mark = Mark::default();
        for ((kind, id, _), body) in projections::rows_of(stream)? {
            mark.add(&self.row(kind.as_bytes(), id.as_bytes(), body.as_bytes()));
        }
        Ok(mark)
    }
}

/// The bytes of a column; a tag where it is no text, so that no text can be the same.
fn text_of(value: ValueRef<'_>) -> &[u8] {
    match value {
        ValueRef::Text(text) => text,
        _ => b"\xff",
    }
}

fn name_of(kind: &[u8], id: &[u8]) -> String {
    format!("{} {}", String::from_utf8_lossy(kind), String::from_utf8_lossy(id))
}

impl Store {
    /// Compares the rows that lie there with the marks of those that the log gives. `go_on` as in [`Store::check_values`].
    ///
    /// # Errors
    /// Database errors; [`StoreError::Stopped`].
    pub fn compare_marks(
        &self,
        marks: &Marks,
        given: &BTreeMap<StreamId, Mark>,
        go_on: &dyn Fn(u64) -> bool,
    ) -> Result<Differences, StoreError> {
        let mut out = Differences::default();
        let mut there: BTreeMap<StreamId, Mark> = BTreeMap::new();
        let mut query = self.db.prepare("SELECT kind, id, stream, body FROM entities")?;
        let mut stored = query.query([])?;
        let mut count = 0_u64;
        while let Some(row) = stored.next()? {
            count += 1;
            if count.is_multiple_of(1024) && !go_on(1024) {
                return Err(StoreError::Stopped);
            }
            let (kind, id, body) = (text_of(row.get_ref(0)?), text_of(row.get_ref(1)?), text_of(row.get_ref(3)?));
            match row.get::<_, [u8; 32]>(2).map(Digest::from_bytes) {
                Ok(stream) if given.contains_key(&stream) => {
                    there.entry(stream).or_default().add(&marks.row(kind, id, body));
                }
                _ => out.strange.push(name_of(kind, id)),
            }
        }
        for (id, mark) in given {
            let lies = there.get(id).copied().unwrap_or_default();
            if lies != *mark {
                out.streams.insert(*id, lies.rows);
            }
        }
        Ok(out)
    }

    /// `kind id` of the rows of one stream that are missing, superfluous or different; `lying` of them lie there.
    ///
    /// # Errors
    /// Database errors.
    pub fn compare_rows(&self, stream: &Stream, lying: u64) -> Result<Vec<String>, StoreError> {
        let (mut out, mut found) = (Vec::new(), 0);
        let mut expected = BTreeSet::new();
        let mut there =
            self.db.prepare_cached("SELECT body FROM entities WHERE kind = ?1 AND id = ?2 AND stream = ?3")?;
        for ((kind, id, of), body) in projections::rows_of(stream)? {
            let mut rows = there.query(params![kind, id, of.as_bytes().as_slice()])?;
            let row = rows.next()?;
            found += u64::from(row.is_some());
            if !row.is_some_and(|r| r.get_ref(0).is_ok_and(|b| text_of(b) == body.as_bytes())) {
                out.push(name_of(kind.as_bytes(), id.as_bytes()));
            }
            expected.insert((kind.as_bytes().to_vec(), id.into_bytes()));
        }
        if lying > found {
            let mut all = self.db.prepare_cached("SELECT kind, id FROM entities WHERE stream = ?1")?;
            let mut rows = all.query([stream.id.as_bytes().as_slice()])?;
            while let Some(row) = rows.next()? {
                let (kind, id) = (text_of(row.get_ref(0)?), text_of(row.get_ref(1)?));
                if !expected.contains(&(kind.to_vec(), id.to_vec())) {
                    out.push(name_of(kind, id));
                }
            }
        }
        Ok(out)
    }
}
