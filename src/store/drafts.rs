//! Strokes in the hand, saved outside the log so that a crash loses at most the last move.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;
use crate::domain::{CaseId, ReaderId};

/// An unfinished stroke, opaque to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    pub body: Vec<u8>,
}

/// `drafts.sqlite`: one draft a reader and case. Losing the last write in a power cut is acceptable, blocking a frame is not:
/// WAL with `synchronous=NORMAL`.
pub struct Drafts {
    db: Connection,
}

impl Drafts {
    /// # Errors
    /// When the file cannot be opened or made.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let db = Connection::open(folder.join("drafts.sqlite"))?;
        db.busy_timeout(std::time::Duration::from_secs(2))?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "NORMAL")?;
        db.pragma_update(None, "secure_delete", "ON")?;
        db.execute_batch(
            "CREATE TABLE IF NOT EXISTS drafts (reader TEXT NOT NULL, case_id TEXT NOT NULL, body BLOB NOT NULL,
             PRIMARY KEY (reader, case_id)) WITHOUT ROWID;",
        )?;
        Ok(Self { db })
    }

    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, reader: &ReaderId, case: &CaseId, draft: &Draft) -> Result<(), StoreError> {
        self.db.execute(
            "INSERT INTO drafts (reader, case_id, body) VALUES (?1, ?2, ?3)
             ON CONFLICT (reader, case_id) DO UPDATE SET body = excluded.body",
            params![reader.as_str(), case.as_str(), draft.body],
        )?;
        Ok(())
    }

    /// # Errors
    /// When it cannot be read.
    pub fn load(&self, reader: &ReaderId, case: &CaseId) -> Result<Option<Draft>, StoreError> {
        let sql = "SELECT body FROM drafts WHERE reader = ?1 AND case_id = ?2";
        let row = self.db.query_row(sql, params![reader.as_str(), case.as_str()], |r| Ok(Draft { body: r.get(0)? }));
        Ok(row.optional()?)
    }

    /// # Errors
    /// When it cannot be written.
    pub fn clear(&self, reader: &ReaderId, case: &CaseId) -> Result<(), StoreError> {
        self.db.execute(
            "DELETE FROM drafts WHERE reader = ?1 AND case_id = ?2",
            params![reader.as_str(), case.as_str()],
        )?;
        Ok(())
    }

    /// Removes every reader's draft of these cases without a trace in the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn erase(&self, cases: &[CaseId]) -> Result<(), StoreError> {
        for case in cases {
            self.db.execute("DELETE FROM drafts WHERE case_id = ?1", [case.as_str()])?;
        }
        self.db.pragma_update(None, "wal_checkpoint", "TRUNCATE").ok();
        Ok(())
    }
}
