//! Bringing an older project up to this program's tables: on a copy, proved, and swapped in by one rename.
//!
//! The original is held under an exclusive lock and is not written. Whatever is interrupted before the rename leaves a file
//! `project.sqlite.migrating` that the next opening throws away to begin again; after the rename everything is done. What
//! was signed is carried over byte by byte: a migration changes tables, never transactions.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::StepResult;
use rusqlite::{Connection, OpenFlags};

use super::sections::{self, Section};
use super::{StoreError, io_error, schema};
use crate::tasks::platform;

/// Tells the next opening that the derived rows are to be made anew.
pub(super) const REMAKE: &str = "remake_projections";

/// Tables that must come through unchanged.
fn carried(db: &Connection) -> Result<Vec<Section>, StoreError> {
    sections::of_tables(db, |table| table != "entities")
}

/// Migrates the project in a folder. Does nothing when another process has done it meanwhile.
///
/// # Errors
/// [`StoreError::Busy`] while another process has the project open; I/O and database errors, a full disk. The original is
/// as it was then.
pub(super) fn bring_up(folder: &Path, home: &Path) -> Result<(), StoreError> {
    let path = folder.join("project.sqlite");
    let copy = folder.join("project.sqlite.migrating");
    let original = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    original.busy_timeout(Duration::from_secs(20))?;
    // Without a write-ahead log beside it the file is all there is, and can be replaced by another. This needs, and proves,
    // that nobody else has it open.
    let mode: String = original.query_row("PRAGMA journal_mode = DELETE", [], |r| r.get(0))?;
    if mode != "delete" {
        return Err(StoreError::Busy);
    }
    // Nobody writes from here on; reading, and so copying through a second connection, goes on.
    original.execute_batch("BEGIN IMMEDIATE")?;
    let version: i64 = original.pragma_query_value(None, "user_version", |r| r.get(0))?;
    if version >= schema::VERSION {
        return Ok(());
    }
    let claimed = claim_of(home, &original, &path);
    let migrated = (|| {
        let before = carried(&original)?;
        clear(&copy);
        copy_over(&path, &copy)?;
        let mut db = Connection::open(&copy)?;
        db.pragma_update(None, "journal_mode", "DELETE")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        schema::migrate(&mut db)
            .map_err(|e| StoreError::NotAProject { path: folder.to_owned(), reason: e.to_string() })?;
        db.execute("INSERT OR REPLACE INTO meta VALUES (?1, '1')", [REMAKE])?;
        let sound: String = db.query_row("PRAGMA integrity_check(1)", [], |r| r.get(0))?;
        let differs = |what: &str| StoreError::CopyDiffers { path: copy.clone(), what: what.to_owned() };
        if sound != "ok" {
            return Err(differs("project.sqlite"));
        }
        let after = carried(&db)?;
        match before.iter().find(|b| !after.contains(b)) {
            Some(lost) => Err(differs(&lost.table)),
            None => Ok(()),
        }
    })();
    if let Err(e) = migrated {
        clear(&copy);
        return Err(e);
    }
    fs::File::open(&copy).and_then(|f| f.sync_all()).map_err(io_error(&copy))?;
    if cfg!(unix) {
        fs::rename(&copy, &path).map_err(io_error(&path))?;
        drop(original);
    } else {
        // An open file cannot be replaced there.
        drop(original);
        fs::rename(&copy, &path).map_err(io_error(&path))?;
    }
    platform::sync_folder(folder);
    if let (Some(note), Ok(identity)) = (claimed, platform::file_identity(&path)) {
        // The folder is the same folder; without the note it would be taken for a copy, which costs new streams only.
        fs::write(note, identity).ok();
    }
    Ok(())
}

fn clear(copy: &Path) {
    for suffix in ["", "-journal", "-wal", "-shm"] {
        let mut name = copy.as_os_str().to_owned();
        name.push(suffix);
        fs::remove_file(name).ok();
    }
}

fn copy_over(original: &Path, copy: &Path) -> Result<(), StoreError> {
    let original = Connection::open_with_flags(original, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut db = Connection::open(copy)?;
    let backup = rusqlite::backup::Backup::new(&original, &mut db)?;
    // The lock is ours, so that nothing can be in the way for more than a moment.
    for _ in 0..1_000 {
        match backup.step(-1)? {
            StepResult::Done => return Ok(()),
            _ => std::thread::sleep(Duration::from_millis(10)),
        }
    }
    Err(StoreError::Busy)
}

/// The note by which this machine knows the database file as its own, where it does.
fn claim_of(home: &Path, db: &Connection, path: &Path) -> Option<PathBuf> {
    let instance: String = db.query_row("SELECT value FROM meta WHERE key = 'instance'", [], |r| r.get(0)).ok()?;
    let identity = platform::file_identity(path).ok()?;
    let entries = fs::read_dir(home.join("instances")).ok()?;
    let notes = entries.flatten().filter(|e| e.file_name().to_string_lossy().ends_with(&format!("-{instance}")));
    notes.map(|e| e.path().join("identity")).find(|note| fs::read_to_string(note).is_ok_and(|t| t == identity))
}
