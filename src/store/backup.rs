//! Generations: whole copies of a project, made while others write, that count only once they are proved to be copies.
//!
//! A place for backups holds one folder a project, and in it one folder a generation: `0007-2026-11-20T08-00-00Z`. A
//! generation is written under a hidden name, synced, read back and compared, and only then given its own name. It holds
//! `project.sqlite`, `drafts.sqlite`, `blobs/` and `backup.json`, which says what was copied; never `cache/`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::sections::{self, Section};
use super::witness::WitnessHead;
use super::{Store, StoreError, io_error};
use crate::domain::{Digest, SubjectId};
use crate::tasks::platform;

/// Says of a folder that it is a generation.
pub(super) const MANIFEST: &str = "backup.json";
const PARTIAL: &str = ".partial-";
/// Pages copied between two looks at whether somebody wants it stopped.
const PAGES_A_STEP: i32 = 2_048;

/// What a generation holds, as `backup.json` states it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub v: u32,
    /// Grows by one a generation, whatever the clock does.
    pub number: u64,
    pub project: Digest,
    /// UTC wall time.
    pub made: String,
    pub software: String,
    pub sections: Vec<Section>,
    /// Digest of the folded state.
    pub state: Digest,
    /// How far every stream had got.
    pub heads: BTreeMap<String, WitnessHead>,
    /// Content-addressed files: name, and SHA-256 of the bytes, which is the same unless the project was damaged.
    pub blobs: BTreeMap<String, Digest>,
    /// What `verify` had to say of the project that was copied; empty when it was sound.
    pub problems: Vec<String>,
}

/// One generation in a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    pub folder: PathBuf,
    pub manifest: Manifest,
}

impl Generation {
    /// Reads the folder of a generation.
    ///
    /// # Errors
    /// [`StoreError::NotABackup`] when it is none.
    pub fn read(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join(MANIFEST);
        let bad = |reason: String| StoreError::NotABackup { path: folder.to_owned(), reason };
        let text = fs::read_to_string(&path).map_err(|e| bad(e.to_string()))?;
        let manifest: Manifest = serde_json::from_str(&text).map_err(|e| bad(e.to_string()))?;
        if manifest.v != 1 {
            return Err(bad(format!("its format {} is newer than this program knows; update it", manifest.v)));
        }
        Ok(Self { folder: folder.to_owned(), manifest })
    }

    /// Opens its database without touching it.
    ///
    /// # Errors
    /// Database errors.
    pub fn open(&self) -> Result<Connection, StoreError> {
        open_unchanging(&self.folder.join("project.sqlite"))
    }

    /// Subjects out of `erased` whose data this generation still holds.
    ///
    /// # Errors
    /// Database errors.
    pub fn still_holds(&self, erased: &BTreeSet<SubjectId>) -> Result<Vec<SubjectId>, StoreError> {
        let db = self.open()?;
        let mut out = Vec::new();
        for subject in erased {
            let sql = "SELECT EXISTS (SELECT 1 FROM subject_keys WHERE subject = ?1)
                       OR EXISTS (SELECT 1 FROM identity_subjects WHERE subject = ?1)";
            if db.query_row(sql, [subject.as_str()], |r| r.get(0))? {
                out.push(subject.clone());
            }
        }
        Ok(out)
    }

    pub fn is_sound(&self) -> bool {
        self.manifest.problems.is_empty()
    }
}

/// Opens a database that nobody writes, without making files beside it.
pub(super) fn open_unchanging(path: &Path) -> Result<Connection, StoreError> {
    let absolute = fs::canonicalize(path).map_err(io_error(path))?;
    let escaped = absolute.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    Ok(Connection::open_with_flags(format!("file:{escaped}?immutable=1"), flags)?)
}

/// The generations of a project in a place, oldest first. Folders that are none, or half written, are passed over.
pub fn generations(place: &Path, project: &Digest) -> Vec<Generation> {
    let entries = fs::read_dir(folder_of(place, project));
    let folders = entries.map(|d| d.flatten().map(|e| e.path()).collect::<Vec<_>>()).unwrap_or_default();
    let mut out: Vec<Generation> = folders
        .iter()
        .filter(|f| !f.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.')))
        .filter_map(|f| Generation::read(f).ok())
        .filter(|g| g.manifest.project == *project)
        .collect();
    out.sort_by(|a, b| (a.manifest.number, &a.folder).cmp(&(b.manifest.number, &b.folder)));
    out
}

fn folder_of(place: &Path, project: &Digest) -> PathBuf {
    place.join(format!("shoken-{}", project.to_string().get(..16).unwrap_or_default()))
}

/// Which generations go when at most `keep` are to stay: damaged copies first, then the oldest; of every calendar month the
/// newest stays for a year, and a generation that is the only sound one is never among those that go.
pub fn surplus(all: &[Generation], keep: usize) -> Vec<&Generation> {
    let mut sound: Vec<&Generation> = all.iter().filter(|g| g.is_sound()).collect();
    sound.reverse();
    let mut stays: BTreeSet<&Path> = sound.iter().take(keep.max(1)).map(|g| g.folder.as_path()).collect();
    let mut months: Vec<&str> = Vec::new();
    for generation in &sound {
        let month = generation.manifest.made.get(..7).unwrap_or_default();
        if !months.contains(&month) {
            months.push(month);
            if months.len() <= 12 {
                stays.insert(&generation.folder);
            }
        }
    }
    // The newest copy of a damaged project stays beside them: it may hold what the sound ones do not have yet.
    if let Some(newest) = all.last() {
        stays.insert(&newest.folder);
    }
    all.iter().filter(|g| !stays.contains(g.folder.as_path())).collect()
}

/// Takes a generation away. It first loses its name, so that half of it is never taken for the whole.
///
/// # Errors
/// I/O errors.
pub fn remove(generation: &Generation) -> Result<(), StoreError> {
    let folder = &generation.folder;
    let name = folder.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let doomed = folder.with_file_name(format!("{PARTIAL}{name}"));
    fs::rename(folder, &doomed).map_err(io_error(folder))?;
    fs::remove_dir_all(&doomed).map_err(io_error(&doomed))?;
    platform::sync_folder(folder.parent().unwrap_or(folder));
    Ok(())
}

/// A generation being written. Dropped before [`Writing::keep`], it leaves nothing.
pub struct Writing {
    partial: PathBuf,
    place: PathBuf,
    project: Digest,
    pub sections: Vec<Section>,
    pub blobs: BTreeMap<String, Digest>,
    kept: bool,
    /// Held while the generation is written: a second backup into the same place waits its turn with a message.
    _lock: fs::File,
}

impl Store {
    /// Copies the project as it stands at one moment into a place. Others go on writing meanwhile. `goes_on` gets pages
    /// done and pages in all, and stops the copy by returning false.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while another backup writes there; I/O and database errors, a full disk, [`StoreError::Stopped`].
    /// Nothing is left behind then.
    pub fn begin_backup(
        &self,
        place: &Path,
        project: &Digest,
        goes_on: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<Writing, StoreError> {
        let parent = folder_of(place, project);
        fs::create_dir_all(&parent).map_err(io_error(&parent))?;
        let lock_path = parent.join(".lock");
        let lock = fs::OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(io_error(&lock_path))?;
        match lock.try_lock() {
            Err(fs::TryLockError::WouldBlock) => return Err(StoreError::Busy),
            // A disk that knows no locks is used by one backup at a time or not at all; there is nothing better to do.
            Ok(()) | Err(fs::TryLockError::Error(_)) => {}
        }
        clear_partials(&parent);
        let partial = parent.join(format!("{PARTIAL}{}", super::open::random_hex()?));
        let mut writing = Writing {
            partial,
            place: place.to_owned(),
            project: *project,
            sections: Vec::new(),
            blobs: BTreeMap::new(),
            kept: false,
            _lock: lock,
        };
        let blobs = writing.partial.join("blobs");
        fs::create_dir_all(&blobs).map_err(io_error(&blobs))?;
        writing.sections =
            copy_database(&self.db, &writing.partial.join("project.sqlite"), sections::of_project, goes_on)?;
        let drafts = self.folder.join("drafts.sqlite");
        if drafts.is_file() {
            let db = match self.read_only {
                None => Connection::open_with_flags(&drafts, OpenFlags::SQLITE_OPEN_READ_WRITE)?,
                Some(_) => open_unchanging(&drafts)?,
            };
            db.busy_timeout(std::time::Duration::from_secs(5))?;
            let copied = copy_database(&db, &writing.partial.join("drafts.sqlite"), sections::of_drafts, goes_on)?;
            writing.sections.extend(copied);
        }
        writing.blobs = copy_blobs(&self.folder, &writing.partial)?;
        Ok(writing)
    }
}

impl Writing {
    /// The copy under its hidden name, to be checked.
    pub fn folder(&self) -> &Path {
        &self.partial
    }

    /// Reads back what was written and compares it with what was copied.
    ///
    /// # Errors
    /// [`StoreError::CopyDiffers`] with the name of what differs.
    pub fn compare(&self) -> Result<(), StoreError> {
        compare(&self.partial, &self.sections, &self.blobs)
    }

    /// Writes the manifest and gives the generation its name.
    ///
    /// # Errors
    /// I/O errors; then nothing is left.
    pub fn keep(mut self, mut manifest: Manifest) -> Result<Generation, StoreError> {
        let parent = folder_of(&self.place, &self.project);
        manifest.number = generations(&self.place, &self.project).last().map_or(1, |g| g.manifest.number + 1);
        let text = serde_json::to_string_pretty(&manifest).map_err(|_| StoreError::Value)?;
        let path = self.partial.join(MANIFEST);
        platform::write_atomic(&path, text.as_bytes(), false).map_err(io_error(&path))?;
        platform::sync_folder(&self.partial.join("blobs"));
        platform::sync_folder(&self.partial);
        let time = manifest.made.get(..19).unwrap_or(&manifest.made).replace(':', "-");
        let folder = parent.join(format!("{:04}-{time}Z", manifest.number));
        fs::rename(&self.partial, &folder).map_err(io_error(&folder))?;
        self.kept = true;
        platform::sync_folder(&parent);
        Ok(Generation { folder, manifest })
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if !self.kept {
            fs::remove_dir_all(&self.partial).ok();
        }
    }
}

/// Leftovers of a backup that was killed. Nobody else writes here: the caller holds the lock.
fn clear_partials(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(PARTIAL) {
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}

/// SQLite's online backup of one moment. The source's read transaction is held throughout: in WAL mode writers go on, and
/// what they write neither tears the copy nor makes it start again.
fn copy_database(
    from: &Connection,
    to: &Path,
    digests: impl Fn(&Connection) -> Result<Vec<Section>, StoreError>,
    goes_on: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<Vec<Section>, StoreError> {
    from.execute_batch("BEGIN")?;
    let copied = (|| {
        let digests = digests(from)?;
        let mut db = Connection::open(to)?;
        {
            let backup = Backup::new(from, &mut db)?;
            loop {
                let step = backup.step(PAGES_A_STEP)?;
                let progress = backup.progress();
                let count = |n: i32| u64::try_from(n).unwrap_or(0);
                let (all, left) = (count(progress.pagecount), count(progress.remaining));
                if !goes_on(all.saturating_sub(left), all) {
                    return Err(StoreError::Stopped);
                }
                match step {
                    StepResult::Done => break,
                    StepResult::More => {}
                    _ => std::thread::sleep(std::time::Duration::from_millis(5)),
                }
            }
        }
        // One file without companions: what is backed up is read from media that cannot be written.
        db.pragma_update(None, "journal_mode", "DELETE")?;
        drop(db);
        fs::File::open(to).and_then(|f| f.sync_all()).map_err(io_error(to))?;
        Ok(digests)
    })();
    from.execute_batch("COMMIT").ok();
    copied
}

/// Copies every content-addressed file with its hash; one that does not fit its name is copied as it is, `verify` tells.
fn copy_blobs(from: &Path, to: &Path) -> Result<BTreeMap<String, Digest>, StoreError> {
    let source = from.join("blobs");
    let mut out = BTreeMap::new();
    for entry in fs::read_dir(&source).map_err(io_error(&source))? {
        let path = entry.map_err(io_error(&source))?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if name.parse::<Digest>().is_err() {
            continue;
        }
        copy_file(&path, &to.join("blobs").join(name))?;
        out.insert(name.to_owned(), hash_file(&path)?);
    }
    Ok(out)
}

fn copy_file(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::copy(from, to).map_err(io_error(to))?;
    fs::File::open(to).and_then(|f| f.sync_all()).map_err(io_error(to))
}

/// SHA-256 of a file, in pieces.
fn hash_file(path: &Path) -> Result<Digest, StoreError> {
    let mut file = fs::File::open(path).map_err(io_error(path))?;
    let (mut hasher, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        let n = file.read(&mut buffer).map_err(io_error(path))?;
        let Some(read) = buffer.get(..n).filter(|b| !b.is_empty()) else { break };
        hasher.update(read);
    }
    Ok(Digest::from_bytes(hasher.finalize().into()))
}

/// Whether a folder holds exactly these tables and files.
fn compare(folder: &Path, wanted: &[Section], blobs: &BTreeMap<String, Digest>) -> Result<(), StoreError> {
    let differs = |what: &str| StoreError::CopyDiffers { path: folder.to_owned(), what: what.to_owned() };
    let db = open_unchanging(&folder.join("project.sqlite"))?;
    let sound: String = db.query_row("PRAGMA integrity_check(1)", [], |r| r.get(0))?;
    if sound != "ok" {
        return Err(differs("project.sqlite"));
    }
    let mut found = sections::of_project(&db)?;
    let drafts = folder.join("drafts.sqlite");
    if drafts.is_file() {
        found.extend(sections::of_drafts(&open_unchanging(&drafts)?)?);
    }
    if let Some(other) = wanted.iter().find(|w| !found.contains(w)) {
        return Err(differs(&other.table));
    }
    for (name, content) in blobs {
        let path = folder.join("blobs").join(name);
        if !path.is_file() || hash_file(&path)? != *content {
            return Err(differs(&format!("blobs/{name}")));
        }
    }
    Ok(())
}

/// Copies a generation into a folder that does not exist yet, and compares it with the manifest.
///
/// # Errors
/// I/O errors, a full disk, [`StoreError::CopyDiffers`]; then the folder is gone again.
pub fn copy_out(generation: &Generation, to: &Path) -> Result<(), StoreError> {
    let manifest = &generation.manifest;
    let copied = (|| {
        let blobs = to.join("blobs");
        fs::create_dir_all(&blobs).map_err(io_error(&blobs))?;
        for name in ["project.sqlite", "drafts.sqlite"] {
            let source = generation.folder.join(name);
            if source.is_file() || name == "project.sqlite" {
                copy_file(&source, &to.join(name))?;
            }
        }
        for name in manifest.blobs.keys() {
            copy_file(&generation.folder.join("blobs").join(name), &blobs.join(name))?;
        }
        platform::sync_folder(&blobs);
        platform::sync_folder(to);
        compare(to, &manifest.sections, &manifest.blobs)
    })();
    if copied.is_err() {
        fs::remove_dir_all(to).ok();
    }
    copied
}
