//! Raw material for `verify`: the log as stored, and values that no longer fit their digest.

use std::collections::BTreeSet;

use super::{Store, StoreError, values};
use crate::domain::{Digest, StreamId};
use crate::journal::Signed;

/// A row of the log as stored, unchecked.
#[derive(Clone, Debug)]
pub struct RawRow {
    pub text: String,
    pub signature: Vec<u8>,
    /// The hash column; `None` when it is not 32 bytes.
    pub hash: Option<Digest>,
}

/// Which sealed values are here, and which of them are damaged.
#[derive(Clone, Debug, Default)]
pub struct ValueCheck {
    pub present: BTreeSet<Digest>,
    pub damaged: Vec<Digest>,
}

fn raw(row: &rusqlite::Row<'_>) -> RawRow {
    let hash = row.get::<_, Vec<u8>>(2).unwrap_or_default();
    RawRow {
        text: row.get::<_, String>(0).unwrap_or_default(),
        signature: row.get::<_, Vec<u8>>(1).unwrap_or_default(),
        hash: <[u8; 32]>::try_from(hash).ok().map(Digest::from_bytes),
    }
}

impl Store {
    /// Every row of the log in the order of appending, whatever its bytes are.
    ///
    /// # Errors
    /// Database errors.
    pub fn raw_rows(&self) -> Result<Vec<RawRow>, StoreError> {
        let mut query = self.db.prepare("SELECT body, signature, hash FROM transactions ORDER BY id")?;
        let rows = query.query_map([], |r| Ok(raw(r)))?;
        Ok(rows.collect::<Result<Vec<_>, _>>()?)
    }

    /// The rows of one stream by number, whatever their bytes are.
    ///
    /// # Errors
    /// Database errors.
    pub fn rows_of(&self, stream: &StreamId) -> Result<Vec<RawRow>, StoreError> {
        let sql = "SELECT body, signature, hash FROM transactions WHERE stream = ?1 ORDER BY seq";
        let mut query = self.db.prepare_cached(sql)?;
        let rows = query.query_map([stream.as_bytes().as_slice()], |r| Ok(raw(r)))?;
        Ok(rows.collect::<Result<Vec<_>, _>>()?)
    }

    /// Every well-formed transaction, checked in its spelling, in the order of appending.
    ///
    /// # Errors
    /// Database errors; rows that do not parse are left out (`verify` names them).
    pub fn signed_rows(&self) -> Result<Vec<Signed>, StoreError> {
        let rows = self.raw_rows()?.into_iter();
        Ok(rows.filter_map(|r| Signed::parse(r.text, r.signature.try_into().ok()?).ok()).collect())
    }

    /// Opens every sealed value and compares it with its digest.
    ///
    /// # Errors
    /// Database errors.
    pub fn check_values(&self) -> Result<ValueCheck, StoreError> {
        let mut out = ValueCheck::default();
        for digest in values::digests(&self.db)? {
            if !matches!(values::get(&self.db, &digest), Ok(Some(_))) {
                out.damaged.push(digest);
            }
            out.present.insert(digest);
        }
        Ok(out)
    }

    /// Hashes of the transactions stored under a stream and number.
    ///
    /// # Errors
    /// Database errors.
    pub fn hashes_at(&self, stream: &StreamId, seq: u64) -> Result<Vec<Digest>, StoreError> {
        let mut query = self.db.prepare_cached("SELECT hash FROM transactions WHERE stream = ?1 AND seq = ?2")?;
        let number = i64::try_from(seq).unwrap_or(i64::MAX);
        let rows =
            query.query_map(rusqlite::params![stream.as_bytes().as_slice(), number], |r| r.get::<_, Vec<u8>>(0))?;
        rows.map(|r| {
            r.map_err(StoreError::from)
                .and_then(|b| b.try_into().map(Digest::from_bytes).map_err(|_| StoreError::Value))
        })
        .collect()
    }
}
