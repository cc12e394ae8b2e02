//! Raw material for `verify`: the log as stored.

use std::borrow::Cow;

use rusqlite::OptionalExtension;
use serde::Deserialize;

use super::{Store, StoreError};
use crate::domain::{Digest, StreamId};
use crate::journal::Signed;

/// A row of the log by its place, as filed.
#[derive(Clone, Copy, Debug)]
pub struct RowKey {
    pub id: i64,
    pub lamport: u64,
    pub stream: StreamId,
    pub seq: u64,
    pub hash: Digest,
}

/// A row of the log as stored, unchecked.
#[derive(Clone, Debug)]
pub struct RawRow {
    pub text: String,
    pub signature: Vec<u8>,
    /// The hash column; `None` when it is not 32 bytes.
    pub hash: Option<Digest>,
    /// The stream column; `None` when it is not 32 bytes.
    pub stream: Option<Digest>,
    pub seq: i64,
}

fn raw(row: &rusqlite::Row<'_>) -> RawRow {
    let digest = |column| {
        let bytes = row.get::<_, Vec<u8>>(column).unwrap_or_default();
        <[u8; 32]>::try_from(bytes).ok().map(Digest::from_bytes)
    };
    RawRow {
        text: row.get::<_, String>(0).unwrap_or_default(),
        signature: row.get::<_, Vec<u8>>(1).unwrap_or_default(),
        hash: digest(2),
        stream: digest(3),
        seq: row.get(4).unwrap_or(-1),
    }
}

impl Store {
    /// Every row of the log in the order of appending, whatever its bytes are.
    ///
    /// # Errors
    /// Database errors.
    pub fn raw_rows(&self) -> Result<Vec<RawRow>, StoreError> {
        let sql = "SELECT body, signature, hash, stream, seq FROM transactions ORDER BY id";
        let mut query = self.db.prepare(sql)?;
        let rows = query.query_map([], |r| Ok(raw(r)))?;
        Ok(rows.collect::<Result<Vec<_>, _>>()?)
    }

    /// Looks at one moment of the project, whatever others append meanwhile.
    ///
    /// # Errors
    /// Database errors, and whatever `look` fails with.
    pub fn at_one_moment<T, E: From<StoreError>>(&self, look: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let alone = self.db.is_autocommit();
        if alone {
            self.db.execute_batch("BEGIN").map_err(StoreError::from)?;
        }
        let seen = look();
        if alone {
            self.db.execute_batch("COMMIT").ok();
        }
        seen
    }

    /// The streams that rows are filed under, in the order in which they were begun here; `None` when one of the names is no
    /// stream's.
    ///
    /// # Errors
    /// Database errors.
    pub fn filed_streams(&self) -> Result<Option<Vec<StreamId>>, StoreError> {
        let mut query = self.db.prepare("SELECT stream FROM transactions GROUP BY stream ORDER BY min(id)")?;
        let names = query.query_map([], |r| Ok(r.get::<_, Vec<u8>>(0).unwrap_or_default()))?;
        let mut out = Vec::new();
        for name in names {
            let Ok(id) = <[u8; 32]>::try_from(name?) else { return Ok(None) };
            out.push(Digest::from_bytes(id));
        }
        Ok(Some(out))
    }

    /// How many rows verification looks at: of the log, of sealed values, and of the projections.
    ///
    /// # Errors
    /// Database errors.
    pub fn rows_to_verify(&self) -> Result<u64, StoreError> {
        let sql = "SELECT (SELECT count(*) FROM transactions) + (SELECT count(*) FROM sealed_values) + (SELECT count(*) FROM entities)";
        let count: i64 = self.db.query_row(sql, [], |r| r.get(0))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// The rows of one stream by number, whatever their bytes are.
    ///
    /// # Errors
    /// Database errors.
    pub fn rows_of(&self, stream: &StreamId) -> Result<Vec<RawRow>, StoreError> {
        let sql = "SELECT body, signature, hash, stream, seq FROM transactions WHERE stream = ?1 ORDER BY seq";
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

    /// Tells of every row of the log in the order of appending: its place, and what wrote it. Rows that are no transactions
    /// are left out (`verify` names them).
    ///
    /// # Errors
    /// Database errors.
    pub fn each_row(&self, mut each: impl FnMut(RowKey, &str)) -> Result<(), StoreError> {
        #[derive(Deserialize)]
        struct Outside<'a> {
            lamport: u64,
            #[serde(borrow)]
            software: Cow<'a, str>,
        }
        let mut query = self.db.prepare("SELECT id, stream, seq, hash, body FROM transactions ORDER BY id")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let body = row.get_ref(4)?.as_str().ok().and_then(|text| serde_json::from_str::<Outside<'_>>(text).ok());
            let place = (row.get(0), row.get::<_, [u8; 32]>(1), row.get::<_, i64>(2), row.get::<_, [u8; 32]>(3));
            let (Some(body), (Ok(id), Ok(stream), Ok(seq), Ok(hash))) = (body, place) else { continue };
            let (stream, hash) = (Digest::from_bytes(stream), Digest::from_bytes(hash));
            let Ok(seq) = u64::try_from(seq) else { continue };
            each(RowKey { id, lamport: body.lamport, stream, seq, hash }, &body.software);
        }
        Ok(())
    }

    /// The transaction of a row, checked in its spelling; `None` when it is none.
    ///
    /// # Errors
    /// Database errors.
    pub fn row(&self, id: i64) -> Result<Option<Signed>, StoreError> {
        let mut query = self.db.prepare_cached("SELECT body, signature FROM transactions WHERE id = ?1")?;
        let columns = |r: &rusqlite::Row<'_>| Ok((r.get::<_, String>(0).ok(), r.get::<_, [u8; 64]>(1).ok()));
        let found = query.query_row([id], columns).optional()?;
        Ok(found.and_then(|(text, signature)| Signed::parse(text?, signature?).ok()))
    }

    /// Whether this database, or the one it is a copy of, began a stream: then all its values were here once.
    ///
    /// # Errors
    /// Database errors.
    pub fn began(&self, stream: &StreamId) -> Result<bool, StoreError> {
        let mut query = self.db.prepare_cached("SELECT 1 FROM local_streams WHERE stream = ?1")?;
        Ok(query.exists([stream.as_bytes().as_slice()])?)
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
