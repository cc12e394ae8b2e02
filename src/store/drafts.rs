//! Strokes in the hand, saved outside the log so that a crash loses at most the last move.

use std::fs;
use std::path::{Path, PathBuf};

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
    /// Where a damaged predecessor was put aside.
    damaged: PathBuf,
}

const FILE: &str = "drafts.sqlite";
const DAMAGED: &str = "drafts-damaged.sqlite";

fn is_damage(e: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(e.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
}

impl Drafts {
    /// # Errors
    /// When the file cannot be opened or made.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        match Self::open_file(folder) {
            Err(StoreError::Database(e)) if is_damage(&e) => {
                // Strokes in the hand are not worth a project that does not open. What may still be read out of the file is
                // kept beside it until erasing a subject removes it.
                let file = folder.join(FILE);
                fs::rename(&file, folder.join(DAMAGED)).map_err(super::io_error(&file))?;
                for tail in ["-wal", "-shm"] {
                    fs::remove_file(folder.join(format!("{FILE}{tail}"))).ok();
                }
                Self::open_file(folder)
            }
            other => other,
        }
    }

    fn open_file(folder: &Path) -> Result<Self, StoreError> {
        let db = Connection::open(folder.join(FILE))?;
        db.busy_timeout(std::time::Duration::from_secs(2))?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "NORMAL")?;
        db.pragma_update(None, "secure_delete", "ON")?;
        db.execute_batch(
            "CREATE TABLE IF NOT EXISTS drafts (reader TEXT NOT NULL, case_id TEXT NOT NULL, body BLOB NOT NULL,
             PRIMARY KEY (reader, case_id)) WITHOUT ROWID;
             CREATE TABLE IF NOT EXISTS erased (case_id TEXT PRIMARY KEY) WITHOUT ROWID;",
        )?;
        Ok(Self { db, damaged: folder.join(DAMAGED) })
    }

    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, reader: &ReaderId, case: &CaseId, draft: &Draft) -> Result<(), StoreError> {
        self.db.execute(
            "INSERT INTO drafts (reader, case_id, body) SELECT ?1, ?2, ?3
             WHERE NOT EXISTS (SELECT 1 FROM erased WHERE case_id = ?2)
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
        if !cases.is_empty() {
            fs::remove_file(&self.damaged).ok();
        }
        for case in cases {
            // A window that has not looked since goes on saving the stroke in its hand.
            self.db.execute("INSERT OR IGNORE INTO erased (case_id) VALUES (?1)", [case.as_str()])?;
            self.db.execute("DELETE FROM drafts WHERE case_id = ?1", [case.as_str()])?;
        }
        self.db.pragma_update(None, "wal_checkpoint", "TRUNCATE").ok();
        Ok(())
    }
}
