//! Rows derived from the log, for looking without folding. `rebuild` makes them anew and says what differed.
//!
//! Of a read there is what others go by: its phase, its submissions, and the findings of the newest of them. Work that is
//! not sealed yet is in the log alone, so that a gesture writes no rows beside it.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{Connection, params};

use super::{Store, StoreError};
use crate::domain::{Digest, FindingId};
use crate::journal::{Finding, Fold, Signed, State, Stream};

/// What `rebuild` found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RebuildReport {
    pub rows: usize,
    /// `kind id` of rows that were missing, superfluous or different.
    pub differences: Vec<String>,
}

type Key = (&'static str, String, Digest);

fn json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::Value)
}

/// The row that stands for a stream as a whole; a read's sealed findings have rows of their own.
fn stream_row(stream: &Stream) -> Result<(Key, String), StoreError> {
    let body = match &stream.fold {
        Fold::Read(kept) => {
            let fold = kept.get().ok_or(StoreError::Folds)?;
            let submissions: Vec<_> = fold.submissions.iter().map(|s| (s.seq, s.hash, s.verdict)).collect();
            let fold = serde_json::json!({"phase": fold.phase, "submissions": submissions});
            serde_json::json!({"kind": stream.open.kind, "fold": fold})
        }
        other => {
            let fold = serde_json::to_value(other).map_err(|_| StoreError::Value)?;
            serde_json::json!({"seq": stream.seq, "hash": stream.hash, "kind": stream.open.kind, "fold": fold})
        }
    };
    Ok((("stream", stream.id.to_string(), stream.id), json(&body)?))
}

/// The findings that a read was last sealed with, whether or not it has been taken up again since.
fn sealed(stream: &Stream) -> Result<Option<&BTreeMap<FindingId, Arc<Finding>>>, StoreError> {
    let Fold::Read(kept) = &stream.fold else { return Ok(None) };
    Ok(kept.get().ok_or(StoreError::Folds)?.submissions.last().map(|s| &s.findings))
}

fn finding_row(stream: &Stream, id: &FindingId, finding: &Finding) -> Result<(Key, String), StoreError> {
    Ok((("finding", id.to_string(), stream.id), json(finding)?))
}

fn put(db: &Connection, (kind, id, stream): &Key, body: &str) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO entities (kind, id, stream, body) VALUES (?1, ?2, ?3, ?4)";
    db.prepare_cached(sql)?.execute(params![kind, id, stream.as_bytes().as_slice(), body])?;
    Ok(())
}

/// Whether a transaction leaves the rows of its read as they are.
fn is_unsealed_work(stream: &Stream, signed: &Signed) -> bool {
    let (body, is_finding) = (signed.body(), |kind: &str| kind.starts_with("finding."));
    matches!(stream.fold, Fold::Read(_))
        && body.open.is_none()
        && body.events.iter().all(|e| e.get("kind").and_then(|k| k.as_str()).is_some_and(is_finding))
}

/// Writes the rows that one transaction changed.
pub(super) fn update(db: &Connection, state: &State, signed: &Signed) -> Result<(), StoreError> {
    let Some(stream) = state.streams.get(&signed.stream()) else { return Ok(()) };
    if is_unsealed_work(stream, signed) {
        return Ok(());
    }
    if matches!(stream.fold, Fold::Read(_)) {
        // What was sealed anew may lack findings of the time before.
        let sql = "DELETE FROM entities WHERE stream = ?1 AND kind = 'finding'";
        db.prepare_cached(sql)?.execute([stream.id.as_bytes().as_slice()])?;
    }
    rows_of(stream)?.iter().try_for_each(|(key, body)| put(db, key, body))
}

pub(super) fn rows_of(stream: &Stream) -> Result<Vec<(Key, String)>, StoreError> {
    let mut out = vec![stream_row(stream)?];
    for (id, finding) in sealed(stream)?.into_iter().flatten() {
        out.push(finding_row(stream, id, finding)?);
    }
    Ok(out)
}

impl Store {
    /// Compares the stored rows with those that the state gives.
    ///
    /// # Errors
    /// Database errors.
    pub fn compare_projections(&self, state: &State) -> Result<RebuildReport, StoreError> {
        // Row by row against the state, so that the rows of a large project need not be in memory twice.
        let (mut differences, mut known, mut rows) = (Vec::new(), 0, 0);
        for stream in state.streams.values() {
            rows += 1 + sealed(stream)?.map_or(0, BTreeMap::len);
        }
        let mut query = self.db.prepare("SELECT kind, id, stream, body FROM entities")?;
        let mut stored = query.query([])?;
        while let Some(row) = stored.next()? {
            let (kind, id, stream): (String, String, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let body: String = row.get(3)?;
            let stream = <[u8; 32]>::try_from(stream).ok().and_then(|b| state.streams.get(&Digest::from_bytes(b)));
            let want = match (kind.as_str(), stream) {
                ("stream", Some(stream)) if stream.id.to_string() == id => Some(stream_row(stream)?),
                ("finding", Some(stream)) => match (sealed(stream)?, id.parse()) {
                    (Some(findings), Ok(id)) => {
                        findings.get(&id).map(|finding| finding_row(stream, &id, finding)).transpose()?
                    }
                    _ => None,
                },
                _ => None,
            };
            known += usize::from(want.is_some());
            if want.is_none_or(|(_, want)| want != body) {
                differences.push(format!("{kind} {id}"));
            }
        }
        if known < rows {
            let mut there =
                self.db.prepare("SELECT count(*) FROM entities WHERE kind = ?1 AND id = ?2 AND stream = ?3")?;
            for stream in state.streams.values() {
                for ((kind, id, stream), _) in rows_of(stream)? {
                    if there.query_row(params![kind, id, stream.as_bytes().as_slice()], |r| r.get::<_, i64>(0))? == 0 {
                        differences.push(format!("{kind} {id}"));
                    }
                }
            }
        }
        differences.sort();
        Ok(RebuildReport { rows, differences })
    }

    /// Makes all rows anew from the state, brought up to what others appended meanwhile.
    ///
    /// # Errors
    /// Database errors; the old rows stay then.
    pub fn rebuild(&mut self, state: &mut State) -> Result<RebuildReport, StoreError> {
        if let Some(why) = &self.read_only {
            return Err(StoreError::ReadOnly(why.clone()));
        }
        // The rows of whoever appends after the look at the log must not be taken for superfluous.
        self.db.execute_batch("BEGIN IMMEDIATE")?;
        let done = self.catch_up(state).and_then(|_| {
            let report = self.compare_projections(state)?;
            self.write_projections(state)?;
            self.db.execute("DELETE FROM meta WHERE key = ?1", [super::migrate::REMAKE])?;
            self.db.execute_batch("COMMIT")?;
            Ok(report)
        });
        if done.is_err() {
            self.db.execute_batch("ROLLBACK").ok();
        }
        done
    }

    /// Replaces all rows, within the caller's SQLite transaction.
    pub(super) fn write_projections(&self, state: &State) -> Result<(), StoreError> {
        self.db.execute("DELETE FROM entities", [])?;
        for stream in state.streams.values() {
            for (key, body) in rows_of(stream)? {
                put(&self.db, &key, &body)?;
            }
        }
        Ok(())
    }
}
