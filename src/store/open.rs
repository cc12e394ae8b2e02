//! Making and opening the project folder, and deciding whether this process may write to it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::checkpoint::Checkpointer;
use super::instance::InstanceRecord;
use super::migrate::Opening;
use super::{Drafts, IdentityLine, StoreError, Witness, blobs, identity, io_error, schema, values, witness};
use crate::domain::{CaseId, Digest, ImageId, StreamId, SubjectId};
use crate::journal::{NewValue, Signed, State};
use crate::tasks::{places, platform};

/// Why a project can only be looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhyReadOnly {
    #[error("the disk is full; free some space, everything saved so far is safe")]
    DiskFull,
    #[error("the folder or its disk cannot be written")]
    Media,
    #[error(
        "it lies on a network drive ({kind}), where simultaneous writing can damage it; to work on it, copy it to this computer, for example to {}", better.display()
    )]
    Network { kind: &'static str, better: PathBuf },
    #[error("it was made by a newer version of Shoken; update the program to work on it")]
    NewerVersion,
    #[error("it is a backup; `shoken restore` makes a project of it")]
    Backup,
    #[error("it was opened to look")]
    Asked,
}

/// A new project folder.
pub struct NewStore<'a> {
    pub folder: &'a Path,
    pub home: &'a Path,
}

/// How to open a project folder.
pub struct OpenOptions<'a> {
    pub folder: &'a Path,
    pub home: &'a Path,
    pub write: bool,
}

/// An open project folder.
pub struct Store {
    /// Before the connection, since the last one to close folds the write-ahead log in.
    pub(super) checkpoints: Option<Checkpointer>,
    pub(super) db: Connection,
    pub(super) folder: PathBuf,
    pub(super) home: PathBuf,
    pub(super) instance: String,
    pub(super) record: Option<InstanceRecord>,
    pub(super) last_id: i64,
    /// Row of the log up to which the kept folds go; 0 without any.
    pub(super) kept_row: i64,
    /// Streams whose rows behind the kept folds were looked at since, and whether they are whole.
    pub(super) looked_at: RefCell<BTreeMap<StreamId, bool>>,
    /// The state in the hand of the caller may be another than the log's.
    pub(super) stale: bool,
    pub(super) read_only: Option<WhyReadOnly>,
    drafts: Option<Drafts>,
    /// Rows of the log that do not parse; `verify` names them.
    pub(super) damaged_rows: u64,
    /// Streams whose stored rows do not all fold: never continued, so that no fork is made out of damage.
    pub(super) broken_streams: Vec<StreamId>,
    scratch: Option<PathBuf>,
}

pub(super) fn random_hex() -> Result<String, StoreError> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|_| StoreError::Random)?;
    Ok(data_encoding::HEXLOWER.encode(&bytes))
}

fn tune(db: &Connection) -> Result<(), StoreError> {
    db.busy_timeout(Duration::from_secs(20))?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "secure_delete", "ON")?;
    db.pragma_update(None, "foreign_keys", "ON")?;
    // Indexes of a large project are looked up at random places; in KiB, as the minus says.
    db.pragma_update(None, "cache_size", -16_000)?;
    // Sorting must not spill names into files of the system's temporary folder.
    db.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(())
}

impl Store {
    /// Makes the folder and an empty database in it.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when there is anything of that name; I/O and database errors, after which nothing is left.
    pub fn create(new: &NewStore<'_>) -> Result<Self, StoreError> {
        let folder = new.folder;
        if folder.exists() && !clear_unfounded(folder) {
            return Err(StoreError::Exists(folder.to_owned()));
        }
        let made = (|| {
            fs::create_dir_all(folder.join("blobs")).map_err(io_error(folder))?;
            let path = folder.join("project.sqlite");
            let db = Connection::open(&path)?;
            db.pragma_update(None, "application_id", schema::APPLICATION_ID)?;
            tune(&db)?;
            schema::make(&db)?;
            let instance = random_hex()?;
            db.execute("INSERT INTO meta VALUES ('instance', ?1)", [&instance])?;
            Ok(Self {
                checkpoints: Checkpointer::start(&db, &path),
                db,
                folder: folder.to_owned(),
                home: new.home.to_owned(),
                instance,
                record: None,
                last_id: 0,
                kept_row: 0,
                looked_at: RefCell::default(),
                stale: false,
                read_only: None,
                drafts: Some(Drafts::open(folder)?),
                damaged_rows: 0,
                broken_streams: Vec::new(),
                scratch: None,
            })
        })();
        if made.is_err() {
            fs::remove_dir_all(folder).ok();
        }
        made
    }

    /// Opens a folder and folds its log.
    ///
    /// # Errors
    /// [`StoreError::NotAProject`] when it is none; database errors.
    pub fn open(options: &OpenOptions<'_>) -> Result<(Self, State), StoreError> {
        let folder = options.folder;
        let path = folder.join("project.sqlite");
        if !path.is_file() {
            let reason = "there is no project.sqlite in it".to_owned();
            return Err(StoreError::NotAProject { path: folder.to_owned(), reason });
        }
        let mut why = (!options.write).then_some(WhyReadOnly::Asked);
        match platform::try_writing(folder) {
            platform::Writing::Refused => why = Some(WhyReadOnly::Media),
            platform::Writing::Full => why = Some(WhyReadOnly::DiskFull),
            platform::Writing::Possible => {
                if let Some(kind) = platform::network_file_system(folder) {
                    why = Some(WhyReadOnly::Network { kind, better: places::better_place(folder) });
                }
            }
        }
        if folder.join(super::backup::MANIFEST).is_file() {
            why = Some(WhyReadOnly::Backup);
        }
        let mut opening = Opening::shared(folder);
        let (mut db, scratch) = connect(&path, why.as_ref())?;
        let application: i32 =
            db.pragma_query_value(None, "application_id", |r| r.get(0)).map_err(|e| not_a_project(folder, &e))?;
        if application != schema::APPLICATION_ID {
            return Err(StoreError::NotAProject {
                path: folder.to_owned(),
                reason: "its database is another program's".to_owned(),
            });
        }
        let version: i64 = db.pragma_query_value(None, "user_version", |r| r.get(0))?;
        if version > schema::VERSION {
            why = Some(WhyReadOnly::NewerVersion);
        } else if why.is_none() && version < schema::VERSION {
            drop(db);
            drop(opening);
            super::migrate::bring_up(folder, options.home)?;
            opening = Opening::shared(folder);
            (db, _) = connect(&path, None)?;
        }
        if why.is_none() {
            tune(&db)?;
        } else {
            db.pragma_update(None, "query_only", "ON").ok();
        }
        drop(opening);
        let instance: String =
            db.query_row("SELECT value FROM meta WHERE key = 'instance'", [], |r| r.get(0)).unwrap_or_default();
        let drafts = if why.is_none() { Some(Drafts::open(folder)?) } else { None };
        let checkpoints = if why.is_none() { Checkpointer::start(&db, &path) } else { None };
        let mut store = Self {
            checkpoints,
            db,
            folder: folder.to_owned(),
            home: options.home.to_owned(),
            instance,
            record: None,
            last_id: 0,
            kept_row: 0,
            looked_at: RefCell::default(),
            stale: false,
            read_only: why,
            drafts,
            damaged_rows: 0,
            broken_streams: Vec::new(),
            scratch,
        };
        let mut state = store.load_or_unpack()?;
        if store.read_only.is_none() {
            store.settle_instance(&state)?;
            store.lighten(&mut state);
            store.remake_after_migration(&mut state)?;
            store.finish_erasing(&state);
        }
        if store.read_only.is_none() && holds_newer_events(&state) {
            store.read_only = Some(WhyReadOnly::NewerVersion);
        }
        Ok((store, state))
    }

    /// Makes the derived rows anew, once, in a project that was migrated.
    fn remake_after_migration(&mut self, state: &mut State) -> Result<(), StoreError> {
        let sql = "SELECT count(*) FROM meta WHERE key = ?1";
        if self.db.query_row(sql, [super::migrate::REMAKE], |r| r.get::<_, i64>(0))? > 0 {
            self.rebuild(state)?;
        }
        Ok(())
    }

    /// Transactions appended after row `id`, and the last row seen.
    pub(super) fn rows_after(&mut self, id: i64) -> Result<(Vec<Signed>, i64), StoreError> {
        let mut query =
            self.db.prepare_cached("SELECT id, body, signature FROM transactions WHERE id > ?1 ORDER BY id")?;
        let mut rows = query.query([id])?;
        let (mut out, mut last, mut damaged) = (Vec::new(), id, 0);
        while let Some(row) = rows.next()? {
            last = row.get(0)?;
            let text: Option<String> = row.get(1).ok();
            let signature: Option<[u8; 64]> = row.get::<_, Vec<u8>>(2).ok().and_then(|s| s.try_into().ok());
            match text.zip(signature).and_then(|(t, s)| Signed::from_own_log(t, s).ok()) {
                Some(signed) => out.push(signed),
                None => damaged += 1,
            }
        }
        self.damaged_rows += damaged;
        Ok((out, last))
    }

    /// Is this the folder that wrote the log, or a copy of it, or a backup put back?
    fn settle_instance(&mut self, state: &State) -> Result<(), StoreError> {
        let Some(project) = state.project else { return Ok(()) };
        let database = self.folder.join("project.sqlite");
        let record = InstanceRecord::at(&self.home, &project, &self.instance);
        let holds = |stream: &StreamId, seq: u64, hash: &Digest| {
            let sql = "SELECT count(*) FROM transactions WHERE stream = ?1 AND seq = ?2 AND hash = ?3";
            let seq = i64::try_from(seq).unwrap_or(i64::MAX);
            let count = self.db.query_row(
                sql,
                rusqlite::params![stream.as_bytes().as_slice(), seq, hash.as_bytes().as_slice()],
                |r| r.get(0),
            );
            count.unwrap_or(0i64) > 0
        };
        if record.is_ours(&database, holds) {
            self.record = Some(record);
            return Ok(());
        }
        self.new_instance(&project)
    }

    pub(super) fn new_instance(&mut self, project: &Digest) -> Result<(), StoreError> {
        let instance = random_hex()?;
        self.db.execute("INSERT OR REPLACE INTO meta VALUES ('instance', ?1)", [&instance])?;
        let record = InstanceRecord::at(&self.home, project, &instance);
        // Without the note every later opening takes the folder for a copy: more streams than needed, but never a fork.
        record.claim(&self.folder.join("project.sqlite")).and_then(|()| record.came_from(&self.instance)).ok();
        self.instance = instance;
        self.record = Some(record);
        Ok(())
    }

    /// Whether a copy of this folder, used on this machine, wrote a transaction that need not be here.
    pub fn copy_wrote(&self, project: &Digest, stream: &StreamId, seq: u64) -> bool {
        InstanceRecord::at(&self.home, project, &self.instance).copy_wrote(stream, seq)
    }

    /// Whether this folder may append to a stream: it began it, and holds all of it.
    ///
    /// # Errors
    /// Database errors.
    pub fn may_continue(&self, stream: &StreamId) -> Result<bool, StoreError> {
        if self.broken_streams.contains(stream) {
            return Ok(false);
        }
        let mut query = self.db.prepare_cached("SELECT 1 FROM local_streams WHERE stream = ?1 AND instance = ?2")?;
        let begun = query.exists(rusqlite::params![stream.as_bytes().as_slice(), self.instance])?;
        Ok(begun && self.is_whole_behind_folds(stream)?)
    }

    /// Whether the tables are still those of an older version, as in a project that is open to look.
    ///
    /// # Errors
    /// Database errors.
    pub fn has_older_tables(&self) -> Result<bool, StoreError> {
        let version: i64 = self.db.pragma_query_value(None, "user_version", |r| r.get(0))?;
        Ok(version < schema::VERSION)
    }

    /// The name people see; local, erasable, not in the log.
    pub fn name(&self) -> String {
        self.db.query_row("SELECT value FROM meta WHERE key = 'name'", [], |r| r.get(0)).unwrap_or_default()
    }

    /// # Errors
    /// Database errors.
    pub fn set_name(&self, name: &str) -> Result<(), StoreError> {
        self.db.execute("INSERT OR REPLACE INTO meta VALUES ('name', ?1)", [name])?;
        Ok(())
    }

    pub fn home(&self) -> &Path {
        &self.home
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where keys, witnesses and notes of this machine are.
    pub const fn read_only(&self) -> Option<&WhyReadOnly> {
        self.read_only.as_ref()
    }

    pub const fn damaged_rows(&self) -> u64 {
        self.damaged_rows
    }

    pub const fn drafts(&self) -> Option<&Drafts> {
        self.drafts.as_ref()
    }

    /// The value behind a digest; `None` when it was erased or never came here.
    ///
    /// # Errors
    /// [`StoreError::Value`] when it does not fit its digest.
    pub fn value(&self, digest: &Digest) -> Result<Option<NewValue>, StoreError> {
        values::get(&self.db, digest)
    }

    /// # Errors
    /// I/O errors, a full disk.
    pub fn put_blob(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        blobs::put(&self.folder, bytes)
    }

    /// # Errors
    /// When it is not there or was altered.
    pub fn blob(&self, digest: &Digest) -> Result<Vec<u8>, StoreError> {
        blobs::get(&self.folder, digest)
    }

    /// # Errors
    /// Database errors.
    pub fn identity(&self) -> Result<Vec<IdentityLine>, StoreError> {
        identity::all(&self.db)
    }

    /// Writes identity rows in one SQLite transaction; rows of erased subjects are passed over.
    ///
    /// # Errors
    /// Database errors, a full disk; then none is written.
    pub fn put_identity(&mut self, state: &mut State, lines: &[IdentityLine]) -> Result<(), StoreError> {
        if let Some(why) = &self.read_only {
            return Err(StoreError::ReadOnly(why.clone()));
        }
        self.db.execute_batch("BEGIN IMMEDIATE")?;
        // Somebody else may have erased a subject since the caller looked.
        let written = self.catch_up(state).and_then(|_| {
            for line in lines.iter().filter(|l| !l.subject().is_some_and(|s| state.is_erased(s))) {
                identity::put(&self.db, line)?;
            }
            Ok(self.db.execute_batch("COMMIT")?)
        });
        if written.is_err() {
            self.db.execute_batch("ROLLBACK").ok();
        }
        written
    }

    /// # Errors
    /// Database errors.
    pub fn files_of(&self, image: &ImageId) -> Result<Vec<super::FileRow>, StoreError> {
        identity::files(&self.db, image)
    }

    /// # Errors
    /// Database errors.
    pub fn image_identity(&self, image: &ImageId) -> Result<Option<super::ImageIdentity>, StoreError> {
        identity::image(&self.db, image)
    }

    /// # Errors
    /// Database errors.
    pub fn images_with_fingerprint(&self, fingerprint: &Digest) -> Result<Vec<ImageId>, StoreError> {
        identity::images_with_fingerprint(&self.db, fingerprint)
    }

    /// # Errors
    /// Database errors.
    pub fn case_label(&self, case: &CaseId) -> Result<Option<String>, StoreError> {
        identity::case_label(&self.db, case)
    }

    /// # Errors
    /// Database errors.
    pub fn case_by_label(&self, label: &str) -> Result<Option<CaseId>, StoreError> {
        identity::case_by_label(&self.db, label)
    }

    /// # Errors
    /// Database errors.
    pub fn subject_by_source(&self, source_id: &str) -> Result<Option<SubjectId>, StoreError> {
        identity::subject_by_source(&self.db, source_id)
    }

    /// # Errors
    /// Database errors.
    pub fn pseudonym(&self, subject: &SubjectId) -> Result<Option<String>, StoreError> {
        identity::pseudonym(&self.db, subject)
    }

    /// The greatest number that a case's label ends with; 0 without any.
    ///
    /// # Errors
    /// Database errors.
    pub fn highest_label(&self) -> Result<u32, StoreError> {
        identity::highest_label(&self.db)
    }

    /// Keeps a witness on this machine, outside the project.
    ///
    /// # Errors
    /// I/O errors.
    pub fn keep_witness(&self, witness: &Witness) -> Result<(), StoreError> {
        let holds = |stream: &StreamId, head: &super::WitnessHead| {
            self.hashes_at(stream, head.seq).is_ok_and(|h| h.contains(&head.hash))
        };
        witness::keep(&self.home, witness, holds)
    }

    /// Witnesses of this project on this machine.
    pub fn witnesses(&self, project: &Digest) -> Vec<super::KeptWitness> {
        witness::all(&self.home, project)
    }
}

/// Removes what an interrupted making left: a folder of our own files in whose log nothing is. Anything else stays.
fn clear_unfounded(folder: &Path) -> bool {
    let ours = |name: &str| {
        name.starts_with("project.sqlite") || name.starts_with("drafts.sqlite") || name.starts_with(".shoken-probe-")
    };
    let Ok(entries) = fs::read_dir(folder) else { return false };
    for entry in entries.flatten() {
        if !entry.file_name().to_str().is_some_and(|n| n == "blobs" || ours(n)) {
            return false;
        }
    }
    let database = folder.join("project.sqlite");
    let empty = || -> Result<bool, rusqlite::Error> {
        let db = Connection::open_with_flags(&database, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_master", [], |r| r.get(0))?;
        if tables == 0 {
            return Ok(true);
        }
        let application: i32 = db.pragma_query_value(None, "application_id", |r| r.get(0))?;
        let rows: i64 = db.query_row("SELECT count(*) FROM transactions", [], |r| r.get(0))?;
        Ok(application == schema::APPLICATION_ID && rows == 0)
    };
    // A folder without a database is only taken when it holds nothing but an empty `blobs`.
    let unfounded = if database.is_file() {
        empty().unwrap_or(false)
    } else {
        fs::read_dir(folder.join("blobs")).is_ok_and(|mut d| d.next().is_none())
    };
    unfounded && fs::remove_dir_all(folder).is_ok()
}

impl Drop for Store {
    fn drop(&mut self) {
        if self.read_only.is_none() {
            self.db.pragma_update(None, "wal_checkpoint", "TRUNCATE").ok();
        }
        if let Some(scratch) = &self.scratch {
            fs::remove_dir_all(scratch).ok();
        }
    }
}

/// Whether a newer version of this program has said something here that this one cannot judge.
fn holds_newer_events(state: &State) -> bool {
    state.streams.values().any(|s| s.unknown_events > 0 && state.is_authorised(s))
}

fn not_a_project(folder: &Path, e: &rusqlite::Error) -> StoreError {
    StoreError::NotAProject { path: folder.to_owned(), reason: format!("its database cannot be read: {e}") }
}

/// Opens the database. On media that cannot be written SQLite may not make its shared-memory file: then the file is taken
/// as unchanging, and an unfinished WAL is read from a private copy, so that nothing committed is overlooked.
fn connect(path: &Path, why: Option<&WhyReadOnly>) -> Result<(Connection, Option<PathBuf>), StoreError> {
    let Some(why) = why else {
        return Ok((Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?, None));
    };
    if *why == WhyReadOnly::Asked || matches!(why, WhyReadOnly::Network { .. }) {
        let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        db.busy_timeout(Duration::from_secs(5))?;
        return Ok((db, None));
    }
    let wal = path.with_extension("sqlite-wal");
    let has_wal = fs::metadata(&wal).is_ok_and(|m| m.len() > 0);
    if has_wal {
        let scratch = std::env::temp_dir().join(format!("shoken-{}", random_hex()?));
        fs::create_dir(&scratch).map_err(io_error(&scratch))?;
        let copy = scratch.join("project.sqlite");
        fs::copy(path, &copy).map_err(io_error(path))?;
        fs::copy(&wal, copy.with_extension("sqlite-wal")).map_err(io_error(&wal))?;
        return Ok((Connection::open_with_flags(copy, OpenFlags::SQLITE_OPEN_READ_WRITE)?, Some(scratch)));
    }
    let absolute = fs::canonicalize(path).map_err(io_error(path))?;
    let escaped = absolute.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let uri = format!("file:{escaped}?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    Ok((Connection::open_with_flags(uri, flags)?, None))
}
