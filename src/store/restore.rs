//! What has to be known around backups: where they go, what was erased since, and that a folder came out of one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

use super::witness::WitnessHead;
use super::{Drafts, Store, StoreError, identity, io_error, values};
use crate::domain::{CaseId, Digest, StreamId, SubjectId};
use crate::tasks::platform;

/// A folder for backups, remembered in the project so that an off-line disk can be asked for by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub path: PathBuf,
    /// What the marker file in it says: an empty mount point is not the disk that was there.
    pub marker: String,
    /// UTC wall time of the last generation written there.
    pub last: String,
}

/// A folder that was made from a backup, and how far the backup went: what a witness saw beyond is missing lawfully.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restoration {
    pub v: u32,
    pub project: Digest,
    /// UTC wall times.
    pub made: String,
    pub restored: String,
    pub heads: BTreeMap<String, WitnessHead>,
}

impl Restoration {
    /// Whether this point of a stream lies beyond what the backup held.
    pub fn is_beyond(&self, stream: &StreamId, seq: u64) -> bool {
        self.heads.get(&stream.to_string()).is_none_or(|h| h.seq < seq)
    }
}

const MARKER: &str = "shoken-backups.txt";

impl Place {
    /// Marks a folder as a place for backups, or recognises it.
    ///
    /// # Errors
    /// I/O errors: the folder cannot be made or written.
    pub fn mark(path: &Path) -> Result<Self, StoreError> {
        let path = std::path::absolute(path).map_err(io_error(path))?;
        fs::create_dir_all(&path).map_err(io_error(&path))?;
        let file = path.join(MARKER);
        let marker = match fs::read_to_string(&file) {
            Ok(text) if !text.trim().is_empty() => text.trim().to_owned(),
            _ => {
                let text = super::open::random_hex()?;
                platform::write_atomic(&file, format!("{text}\n").as_bytes(), false).map_err(io_error(&file))?;
                text
            }
        };
        Ok(Self { path, marker, last: String::new() })
    }

    /// Whether the disk that was there is there now.
    pub fn is_there(&self) -> bool {
        fs::read_to_string(self.path.join(MARKER)).is_ok_and(|t| t.trim() == self.marker)
    }
}

impl Store {
    fn meta(&self, key: &str) -> Result<Option<String>, StoreError> {
        Ok(self.db.query_row("SELECT value FROM meta WHERE key = ?1", [key], |r| r.get(0)).optional()?)
    }

    /// Where backups of this project went so far.
    ///
    /// # Errors
    /// Database errors.
    pub fn backup_places(&self) -> Result<Vec<Place>, StoreError> {
        Ok(self.meta("backup_places")?.and_then(|t| serde_json::from_str(&t).ok()).unwrap_or_default())
    }

    /// # Errors
    /// Database errors; a project open to look remembers nothing.
    pub fn set_backup_places(&self, places: &[Place]) -> Result<(), StoreError> {
        if self.read_only.is_some() {
            return Ok(());
        }
        let text = serde_json::to_string(places).map_err(|_| StoreError::Value)?;
        self.db.execute("INSERT OR REPLACE INTO meta VALUES ('backup_places', ?1)", [text])?;
        Ok(())
    }

    /// What was told about the place of this project, so that it is told once.
    pub fn place_told(&self) -> Option<String> {
        self.meta("place_told").ok().flatten()
    }

    /// # Errors
    /// Database errors; a project open to look remembers nothing.
    pub fn set_place_told(&self, concern: &str) -> Result<(), StoreError> {
        if self.read_only.is_none() {
            self.db.execute("INSERT OR REPLACE INTO meta VALUES ('place_told', ?1)", [concern])?;
        }
        Ok(())
    }

    /// Names the restoration that this folder came out of; `None` for one that was never restored.
    pub fn lineage(&self) -> Option<String> {
        self.meta("restored").ok().flatten()
    }

    /// A restoration that was done on this machine.
    pub fn restoration(&self, project: &Digest, lineage: &str) -> Option<Restoration> {
        let text = fs::read_to_string(restoration_file(&self.home, project, lineage)).ok()?;
        serde_json::from_str(&text).ok().filter(|r: &Restoration| r.project == *project)
    }

    /// Destroys what is stored of a subject without a word in the log: for data that a tombstone elsewhere has condemned.
    ///
    /// # Errors
    /// Database errors.
    pub fn destroy_subject(&self, subject: &SubjectId, cases: &[CaseId]) -> Result<(), StoreError> {
        values::erase(&self.db, &[subject])?;
        identity::erase(&self.db, subject)?;
        if let Some(drafts) = self.drafts() {
            drafts.erase(cases)?;
        }
        self.db.pragma_update(None, "wal_checkpoint", "TRUNCATE").ok();
        Ok(())
    }

    /// Whether anything is stored of a subject.
    ///
    /// # Errors
    /// Database errors.
    pub fn holds_subject(&self, subject: &SubjectId) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM subject_keys WHERE subject = ?1)
                   OR EXISTS (SELECT 1 FROM identity_subjects WHERE subject = ?1)";
        Ok(self.db.query_row(sql, [subject.as_str()], |r| r.get(0))?)
    }
}

fn restoration_file(home: &Path, project: &Digest, token: &str) -> PathBuf {
    home.join("restored").join(format!("{}-{token}.json", project.to_string().get(..16).unwrap_or_default()))
}

impl Restoration {
    /// Makes a copied-out folder a project of its own: it forgets which folder it was copied from, so that it starts new
    /// streams, and this machine notes how far the backup went.
    ///
    /// # Errors
    /// I/O and database errors.
    pub fn settle(&self, folder: &Path, home: &Path) -> Result<(), StoreError> {
        let token = super::open::random_hex()?;
        let db = Connection::open(folder.join("project.sqlite"))?;
        db.execute("DELETE FROM meta WHERE key = 'instance'", [])?;
        db.execute("INSERT OR REPLACE INTO meta VALUES ('restored', ?1)", [&token])?;
        drop(db);
        let path = restoration_file(home, &self.project, &token);
        let text = serde_json::to_string_pretty(self).map_err(|_| StoreError::Value)?;
        platform::write_atomic(&path, text.as_bytes(), true).map_err(io_error(&path))?;
        // Made by the program that wrote the backup, perhaps an older one that kept none.
        Drafts::open(folder)?;
        Ok(())
    }
}

fn tombstone_file(home: &Path, project: &Digest) -> PathBuf {
    home.join("tombstones").join(format!("{project}.json"))
}

/// Subjects of a project that this machine knows to be erased, by their random ids.
pub fn tombstones(home: &Path, project: &Digest) -> BTreeSet<SubjectId> {
    let text = fs::read_to_string(tombstone_file(home, project)).unwrap_or_default();
    let ids: Vec<String> = serde_json::from_str(&text).unwrap_or_default();
    ids.iter().filter_map(|id| SubjectId::new(id).ok()).collect()
}

/// Notes erased subjects outside the project, so that a backup from before cannot bring them back unnoticed.
///
/// # Errors
/// I/O errors.
pub fn remember_tombstones(home: &Path, project: &Digest, erased: &BTreeSet<SubjectId>) -> Result<(), StoreError> {
    let mut known = tombstones(home, project);
    let before = known.len();
    known.extend(erased.iter().cloned());
    if known.len() == before {
        return Ok(());
    }
    let path = tombstone_file(home, project);
    let ids: Vec<&str> = known.iter().map(SubjectId::as_str).collect();
    let text = serde_json::to_string_pretty(&ids).map_err(|_| StoreError::Value)?;
    platform::write_atomic(&path, text.as_bytes(), true).map_err(io_error(&path))
}
