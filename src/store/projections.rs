//! Rows derived from the log, for looking without folding. `rebuild` makes them anew and says what differed.

use rusqlite::{Connection, params};

use super::{Store, StoreError};
use crate::domain::Digest;
use crate::journal::{Change, Fold, Signed, State, Stream};

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

/// The row that stands for a stream as a whole; a read's findings have rows of their own.
fn stream_row(stream: &Stream) -> Result<(Key, String), StoreError> {
    let body = match &stream.fold {
        Fold::Read(kept) => {
            let fold = kept.get().ok_or(StoreError::Folds)?;
            let submissions: Vec<_> = fold.submissions.iter().map(|s| (s.seq, s.hash, s.verdict)).collect();
            let stacks =
                (fold.undo.last().map(|g| g.tx), fold.redo.last().map(|g| g.tx), fold.undo.len(), fold.redo.len());
            serde_json::json!({"phase": fold.phase, "submissions": submissions, "stacks": stacks})
        }
        other => serde_json::to_value(other).map_err(|_| StoreError::Value)?,
    };
    let body = serde_json::json!({"seq": stream.seq, "hash": stream.hash, "kind": stream.open.kind, "fold": body});
    Ok((("stream", stream.id.to_string(), stream.id), json(&body)?))
}

fn finding_row(stream: &Stream, finding: &crate::domain::FindingId) -> Result<Option<(Key, String)>, StoreError> {
    let Fold::Read(kept) = &stream.fold else { return Ok(None) };
    let fold = kept.get().ok_or(StoreError::Folds)?;
    let Some(found) = fold.findings.get(finding) else { return Ok(None) };
    Ok(Some((("finding", finding.to_string(), stream.id), json(found)?)))
}

fn put(db: &Connection, (kind, id, stream): &Key, body: &str) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO entities (kind, id, stream, body) VALUES (?1, ?2, ?3, ?4)";
    db.prepare_cached(sql)?.execute(params![kind, id, stream.as_bytes().as_slice(), body])?;
    Ok(())
}

/// Writes the rows that one transaction changed.
pub(super) fn update(db: &Connection, state: &State, signed: &Signed, changes: &[Change]) -> Result<(), StoreError> {
    let Some(stream) = state.streams.get(&signed.stream()) else { return Ok(()) };
    let (key, body) = stream_row(stream)?;
    put(db, &key, &body)?;
    let inherited = signed.body().open.as_ref().is_some_and(|o| o.continues.is_some());
    if inherited {
        // A continuing stream starts with the findings of the one it goes on from.
        for (key, body) in rows_of(stream)? {
            put(db, &key, &body)?;
        }
    }
    for change in changes {
        if let Change::Finding { finding, .. } = change
            && let Some((key, body)) = finding_row(stream, finding)?
        {
            put(db, &key, &body)?;
        }
    }
    Ok(())
}

fn rows_of(stream: &Stream) -> Result<Vec<(Key, String)>, StoreError> {
    let mut out = vec![stream_row(stream)?];
    if let Fold::Read(kept) = &stream.fold {
        let fold = kept.get().ok_or(StoreError::Folds)?;
        for id in fold.findings.keys() {
            out.extend(finding_row(stream, id)?);
        }
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
        let per_stream = |s: &Stream| match &s.fold {
            Fold::Read(kept) => 1 + kept.get().map_or(0, |fold| fold.findings.len()),
            _ => 1,
        };
        let rows: usize = state.streams.values().map(per_stream).sum();
        let (mut differences, mut known) = (Vec::new(), 0);
        let mut query = self.db.prepare("SELECT kind, id, stream, body FROM entities")?;
        let mut stored = query.query([])?;
        while let Some(row) = stored.next()? {
            let (kind, id, stream): (String, String, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let body: String = row.get(3)?;
            let stream = <[u8; 32]>::try_from(stream).ok().and_then(|b| state.streams.get(&Digest::from_bytes(b)));
            let want = match (kind.as_str(), stream) {
                ("stream", Some(stream)) if stream.id.to_string() == id => Some(stream_row(stream)?),
                ("finding", Some(stream)) => match id.parse() {
                    Ok(finding) => finding_row(stream, &finding)?,
                    Err(_) => None,
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

    /// Makes all rows anew from the state.
    ///
    /// # Errors
    /// Database errors; the old rows stay then.
    pub fn rebuild(&mut self, state: &State) -> Result<RebuildReport, StoreError> {
        if let Some(why) = &self.read_only {
            return Err(StoreError::ReadOnly(why.clone()));
        }
        let report = self.compare_projections(state)?;
        let tx = self.db.unchecked_transaction()?;
        self.write_projections(state)?;
        tx.commit()?;
        Ok(report)
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
