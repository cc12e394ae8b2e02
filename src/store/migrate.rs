//! Bringing an older project up to this program's tables: on a copy, proved, and swapped in by one rename.
//!
//! Whoever opens a project holds the lock file beside it until it knows the version of the tables, and whoever brings it up
//! holds it alone: nobody has the old file in the hand when the new one takes its place, together with the names of its
//! write-ahead log. Of the original only the way of journalling is changed, and nobody writes to it meanwhile. The copy has this version's tables from the start and
//! takes the rows over, so that it is compact and holds nothing that was erased. Whatever is interrupted before the rename
//! leaves a file `project.sqlite.migrating` that the next opening throws away to begin again; after the rename everything is
//! done. What was signed is carried over byte by byte: a migration changes tables, never transactions.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::sections::{self, Section};
use super::{StoreError, io_error, schema};
use crate::tasks::platform;

/// Tells the next opening that the derived rows are to be made anew.
pub(super) const REMAKE: &str = "remake_projections";

/// Tables that must come through unchanged.
fn carried(db: &Connection) -> Result<Vec<Section>, StoreError> {
    sections::of_tables(db, |table| table != "entities")
}

/// So long is waited for others who have the project open.
const PATIENCE: Duration = Duration::from_secs(20);

/// Held while a project is opened.
pub(super) struct Opening(#[allow(dead_code, reason = "what counts is that it is open")] Option<fs::File>);

impl Opening {
    /// Waits while somebody brings the tables up. Where there is no lock file and none can be made, nobody can bring them
    /// up either.
    pub(super) fn shared(folder: &Path) -> Self {
        let file = lock_file(folder).ok();
        Self(file.filter(|f| f.lock_shared().is_ok()))
    }

    /// Waits until nobody else is opening.
    fn alone(folder: &Path) -> Result<Self, StoreError> {
        let file = lock_file(folder).map_err(io_error(folder))?;
        file.lock().map_err(io_error(folder))?;
        Ok(Self(Some(file)))
    }
}

fn lock_file(folder: &Path) -> std::io::Result<fs::File> {
    fs::File::options().create(true).append(true).open(folder.join("project.sqlite.lock"))
}

/// Migrates the project in a folder. Does nothing when another process has done it meanwhile.
///
/// # Errors
/// [`StoreError::Busy`] while another process has the project open; I/O and database errors, a full disk. The original is
/// as it was then.
pub(super) fn bring_up(folder: &Path, home: &Path) -> Result<(), StoreError> {
    let path = folder.join("project.sqlite");
    let copy = folder.join("project.sqlite.migrating");
    let _alone = Opening::alone(folder)?;
    let original = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    original.busy_timeout(PATIENCE)?;
    // Without a write-ahead log beside it the file is all there is, and can be replaced by another. This needs, and proves,
    // that nobody else has it open.
    // SQLite does not wait for them by itself.
    let asked = Instant::now();
    while !alone_with(&original)? {
        if asked.elapsed() > PATIENCE {
            return Err(StoreError::Busy);
        }
        std::thread::sleep(Duration::from_millis(20));
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
        let db = Connection::open(&copy)?;
        db.pragma_update(None, "application_id", schema::APPLICATION_ID)?;
        db.pragma_update(None, "journal_mode", "DELETE")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        // Sorting must not spill names into files of the system's temporary folder.
        db.pragma_update(None, "temp_store", "MEMORY")?;
        schema::make(&db)?;
        carry_over(&path, &db)?;
        db.execute("INSERT OR REPLACE INTO meta VALUES (?1, '1')", [REMAKE])?;
        let sound: String = db.query_row("PRAGMA integrity_check(1)", [], |r| r.get(0))?;
        let differs = |what: &str| StoreError::CopyDiffers { path: copy.clone(), what: what.to_owned() };
        if sound != "ok" {
            return Err(differs("project.sqlite"));
        }
        let after = carried(&db)?;
        if let Some(lost) = before.iter().find(|b| !after.contains(b)) {
            return Err(differs(&lost.table));
        }
        // Said in the file itself: to say it later takes the file alone, which others may have open by then.
        let mode: String = db.query_row("PRAGMA journal_mode = WAL", [], |r| r.get(0))?;
        if mode == "wal" { Ok(()) } else { Err(StoreError::Busy) }
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

/// Takes the log beside the file away, which only who has the file alone can.
fn alone_with(original: &Connection) -> Result<bool, StoreError> {
    match original.query_row("PRAGMA journal_mode = DELETE", [], |r| r.get::<_, String>(0)) {
        Ok(mode) => Ok(mode == "delete"),
        Err(e) => match e.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Ok(false),
            _ => Err(e.into()),
        },
    }
}

fn clear(copy: &Path) {
    for suffix in ["", "-journal", "-wal", "-shm"] {
        let mut name = copy.as_os_str().to_owned();
        name.push(suffix);
        fs::remove_file(name).ok();
    }
}

/// Takes the rows of every table over that both have, whatever columns the older one lacks, in one step. Reading through a
/// second connection goes on under the lock that the caller holds.
fn carry_over(original: &Path, copy: &Connection) -> Result<(), StoreError> {
    // Paths need not be Unicode; SQLite takes their bytes as they are.
    let name = ToSqlOutput::Borrowed(ValueRef::Text(original.as_os_str().as_encoded_bytes()));
    copy.execute("ATTACH ?1 AS old", [name])?;
    let (older, newer) = (schema::tables(copy, "old")?, schema::tables(copy, "main")?);
    // An immediate transaction would ask for the lock of the original too, which the caller holds.
    copy.execute_batch("BEGIN")?;
    for table in newer.iter().filter(|t| older.contains(t) && *t != "entities") {
        let known = columns(copy, "old", table)?;
        let shared = columns(copy, "main", table)?.into_iter().filter(|c| known.contains(c));
        let shared = shared.collect::<Vec<_>>().join(", ");
        // In the order of the original, which is that of appending.
        copy.execute(&format!("INSERT INTO main.{table} ({shared}) SELECT {shared} FROM old.{table}"), [])?;
    }
    copy.execute_batch("COMMIT; DETACH old")?;
    Ok(())
}

fn columns(db: &Connection, schema: &str, table: &str) -> Result<Vec<String>, StoreError> {
    let mut query = db.prepare("SELECT name FROM pragma_table_info(?1, ?2)")?;
    Ok(query.query_map([table, schema], |r| r.get(0))?.collect::<Result<_, _>>()?)
}

/// The note by which this machine knows the database file as its own, where it does.
fn claim_of(home: &Path, db: &Connection, path: &Path) -> Option<PathBuf> {
    let instance: String = db.query_row("SELECT value FROM meta WHERE key = 'instance'", [], |r| r.get(0)).ok()?;
    let identity = platform::file_identity(path).ok()?;
    let entries = fs::read_dir(home.join("instances")).ok()?;
    let notes = entries.flatten().filter(|e| e.file_name().to_string_lossy().ends_with(&format!("-{instance}")));
    notes.map(|e| e.path().join("identity")).find(|note| fs::read_to_string(note).is_ok_and(|t| t == identity))
}
