//! Folds kept from one opening to the next in `cache/folds.bin`, so that a large project opens without folding its log.
//!
//! The file may be deleted at any time. It counts only where it was written: a tag under a secret of `SHOKEN_HOME` covers
//! its header, the header names the row of the log up to which it goes, and holds the SHA-256 of every read's fold. Layout:
//! the reads' folds, the header, then the header's length (u64, little endian), nonce (24 bytes), tag (16) and a magic word.
//! What the log holds beyond that row is applied on top; whatever does not fit is answered by folding the log.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{Key, KeyInit, XChaCha20Poly1305, XNonce};
use rusqlite::OptionalExtension;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Store, StoreError};
use crate::domain::{Digest, StreamId};
use crate::journal::{FoldSource, PackError, Place, State, transaction_hash};
use crate::tasks::platform;

const MAGIC: &[u8; 8] = b"SKNFOLD1";
const TRAILER: usize = 8 + 24 + 16 + 8;
/// What reads the file must be what wrote it. The number rises with every change to what a fold consists of.
const WRITTEN_BY: &str = concat!(env!("CARGO_PKG_VERSION"), "/3");
/// So many transactions are applied at an opening rather than the file written anew at the closing before (some 40 ms); a
/// smaller project has no file at all.
const TAIL: i64 = 1_000;
const SECRET: &str = "folds.key";
const DOMAIN: &[u8] = b"shoken-fold-v1\0";

/// What the file speaks of.
#[derive(Serialize, Deserialize)]
struct Cover {
    written_by: String,
    instance: String,
    /// Greatest row of the log that is in the folds, and that row's transaction.
    row: i64,
    hash: Digest,
}

fn path_of(folder: &Path) -> PathBuf {
    folder.join("cache").join("folds.bin")
}

fn secret(home: &Path, make: bool) -> Option<Zeroizing<[u8; 32]>> {
    let path = home.join(SECRET);
    if let Some(bytes) = fs::read(&path).ok().map(Zeroizing::new) {
        return bytes.as_slice().try_into().ok().map(Zeroizing::new);
    }
    if !make {
        return None;
    }
    let mut fresh = Zeroizing::new([0_u8; 32]);
    getrandom::fill(fresh.as_mut_slice()).ok()?;
    platform::write_atomic(&path, fresh.as_slice(), true).ok()?;
    Some(fresh)
}

fn cipher(secret: &[u8; 32]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(Key::from_slice(secret))
}

struct Kept {
    file: Mutex<File>,
    gave_up: AtomicBool,
    /// Removed when nobody reads from it any more.
    passing: Option<PathBuf>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(path) = &self.passing {
            fs::remove_file(path).ok();
        }
    }
}

/// Where the folds of a large log go while it is being folded, so that memory holds a few of them and never all.
pub(super) struct Shelf {
    kept: Arc<Kept>,
    pub(super) source: Arc<dyn FoldSource>,
}

impl Shelf {
    /// `None` where nothing can be written: then the folds stay in memory.
    fn beside(path: PathBuf) -> Option<Self> {
        let file = File::options().read(true).write(true).create_new(true).open(&path).ok()?;
        // Where an open file may lose its name it does, so that nothing is left however the process ends.
        if cfg!(unix) {
            fs::remove_file(&path).ok();
        }
        let kept = Arc::new(Kept { file: Mutex::new(file), gave_up: AtomicBool::new(false), passing: Some(path) });
        let source: Arc<dyn FoldSource> = kept.clone();
        Some(Self { kept, source })
    }

    pub(super) fn keep(&self, bytes: &[u8]) -> Option<Place> {
        let mut file = self.kept.file.lock().unwrap_or_else(PoisonError::into_inner);
        let at = file.seek(SeekFrom::End(0)).ok()?;
        file.write_all(bytes).ok()?;
        Some(Place { at, length: bytes.len() as u64, sha256: Digest::of(DOMAIN, bytes) })
    }
}

impl Kept {
    fn bytes(&self, place: &Place) -> io::Result<Vec<u8>> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let size = file.metadata()?.len();
        if place.at.checked_add(place.length).is_none_or(|end| end > size) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        file.seek(SeekFrom::Start(place.at))?;
        let mut bytes = vec![0; usize::try_from(place.length).map_err(|_| io::ErrorKind::OutOfMemory)?];
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

impl FoldSource for Kept {
    fn read(&self, place: &Place) -> Option<Vec<u8>> {
        let bytes = self.bytes(place).ok().filter(|b| Digest::of(DOMAIN, b) == place.sha256);
        if bytes.is_none() {
            self.give_up();
        }
        bytes
    }

    fn give_up(&self) {
        self.gave_up.store(true, Ordering::Release);
    }

    fn has_given_up(&self) -> bool {
        self.gave_up.load(Ordering::Acquire)
    }
}

/// Header and source of a file that is what this installation wrote.
fn read_file(path: &Path, home: &Path) -> Option<(Cover, Vec<u8>, Arc<dyn FoldSource>)> {
    let secret = secret(home, false)?;
    let mut file = File::open(path).ok()?;
    let size = file.metadata().ok()?.len();
    let mut trailer = [0_u8; TRAILER];
    let end = size.checked_sub(TRAILER as u64)?;
    file.seek(SeekFrom::Start(end)).ok()?;
    file.read_exact(&mut trailer).ok()?;
    let (length, rest) = trailer.split_first_chunk::<8>()?;
    let (nonce, rest) = rest.split_first_chunk::<24>()?;
    let (tag, magic) = rest.split_first_chunk::<16>()?;
    let length = u64::from_le_bytes(*length);
    let start = end.checked_sub(length).filter(|_| magic == MAGIC)?;
    file.seek(SeekFrom::Start(start)).ok()?;
    let mut header = vec![0; usize::try_from(length).ok()?];
    file.read_exact(&mut header).ok()?;
    let payload = Payload { msg: tag, aad: &header };
    cipher(&secret).decrypt(XNonce::from_slice(nonce), payload).ok()?;
    let (cover_length, rest) = header.split_first_chunk::<4>()?;
    let (cover, packed) = rest.split_at_checked(u32::from_le_bytes(*cover_length) as usize)?;
    let cover: Cover = serde_json::from_slice(cover).ok()?;
    let packed = packed.to_vec();
    Some((cover, packed, Arc::new(Kept { file: Mutex::new(file), gave_up: AtomicBool::new(false), passing: None })))
}

fn write_file(path: &Path, home: &Path, cover: &Cover, state: &State) -> io::Result<()> {
    let secret = secret(home, true).ok_or_else(|| io::Error::other("no secret"))?;
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut at = 0;
    let keep = |bytes: &[u8]| {
        let place = Place { at, length: bytes.len() as u64, sha256: Digest::of(DOMAIN, bytes) };
        at += place.length;
        file.write_all(bytes).map(|()| place)
    };
    let packed = state.pack(keep).map_err(|e| match e {
        PackError::Unreadable => io::Error::other("a fold cannot be read"),
        PackError::Sink(e) => e,
    })?;
    let cover = serde_json::to_vec(cover)?;
    let length = u32::try_from(cover.len()).map_err(io::Error::other)?;
    let header = [length.to_le_bytes().as_slice(), &cover, &packed].concat();
    let mut nonce = [0_u8; 24];
    getrandom::fill(&mut nonce).map_err(io::Error::other)?;
    let sealed = cipher(&secret).encrypt(XNonce::from_slice(&nonce), Payload { msg: &[], aad: &header });
    let tag = sealed.map_err(|_| io::Error::other("no tag"))?;
    file.write_all(&header)?;
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(&nonce)?;
    file.write_all(&tag)?;
    file.write_all(MAGIC)?;
    file.flush()
}

/// What killed processes left: nothing that is still in use is a day old.
fn sweep(folder: &Path) {
    let old = |e: &fs::DirEntry| {
        let age = e.metadata().and_then(|m| m.modified()).ok().and_then(|t| t.elapsed().ok());
        age.is_some_and(|a| a.as_secs() > 86_400) && e.file_name().to_string_lossy().ends_with(".tmp")
    };
    for left in fs::read_dir(folder).into_iter().flatten().flatten().filter(old) {
        fs::remove_file(left.path()).ok();
    }
}

impl Store {
    /// The state as kept, with what the log holds beyond it; `None` where there is nothing of that kind.
    pub(super) fn load_kept(&mut self) -> Option<State> {
        let (cover, packed, source) = read_file(&path_of(&self.folder), &self.home)?;
        if cover.written_by != WRITTEN_BY || cover.instance != self.instance {
            return None;
        }
        // Another log under the same name (a backup put back) has another transaction there, or none.
        let there = self
            .db
            .query_row("SELECT hash FROM transactions WHERE id = ?1", [cover.row], |r| r.get::<_, Vec<u8>>(0))
            .optional()
            .ok()??;
        if there != cover.hash.as_bytes() {
            return None;
        }
        let mut state = State::unpack(&packed, &source)?;
        (self.last_id, self.damaged_rows, self.kept_row) = (cover.row, 0, cover.row);
        self.broken_streams.clear();
        self.catch_up(&mut state).ok()?;
        (self.damaged_rows == 0 && state.is_readable()).then_some(state)
    }

    /// Opens with the kept folds where there are any, else folds the log.
    pub(super) fn load_or_unpack(&mut self) -> Result<State, StoreError> {
        match self.load_kept() {
            Some(state) => Ok(state),
            None => {
                self.kept_row = 0;
                self.load()
            }
        }
    }

    /// After a log that is not small had to be folded: keeps the folds, and lets them lie in the file instead of in
    /// memory. Nothing but time and memory depends on it, so a failure is none.
    pub(super) fn lighten(&mut self, state: &mut State) {
        if self.last_id - self.kept_row < TAIL {
            return;
        }
        self.keep_folds(state);
        if self.kept_row == self.last_id
            && let Some(light) = self.load_kept()
        {
            *state = light;
        }
    }

    /// Keeps the folds for the next opening, when enough was added since.
    pub fn keep_folds(&mut self, state: &State) {
        let whole = self.damaged_rows == 0 && self.broken_streams.is_empty();
        let sound = whole && self.read_only.is_none() && !self.stale;
        if !sound || self.last_id - self.kept_row < TAIL || !state.is_readable() {
            return;
        }
        match self.write_folds(state) {
            Ok(()) => self.kept_row = self.last_id,
            // The message may name the folder.
            Err(e) => tracing::warn!("the folds could not be kept ({})", e.kind()),
        }
    }

    fn write_folds(&self, state: &State) -> io::Result<()> {
        let hash: Vec<u8> = self
            .db
            .query_row("SELECT hash FROM transactions WHERE id = ?1", [self.last_id], |r| r.get(0))
            .map_err(io::Error::other)?;
        let hash = hash.try_into().map(Digest::from_bytes).map_err(|_| io::ErrorKind::InvalidData)?;
        let cover =
            Cover { written_by: WRITTEN_BY.to_owned(), instance: self.instance.clone(), row: self.last_id, hash };
        let path = path_of(&self.folder);
        let fresh = self.passing_file("folds")?;
        let written = write_file(&fresh, &self.home, &cover, state).and_then(|()| fs::rename(&fresh, &path));
        if written.is_err() {
            fs::remove_file(&fresh).ok();
        }
        written
    }

    /// A file to be in the cache folder, under a name that nobody else has.
    fn passing_file(&self, name: &str) -> io::Result<PathBuf> {
        // A disk that was pulled leaves an empty mount point, into which nothing is to be written.
        if !self.folder.join("project.sqlite").is_file() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let folder = self.folder.join("cache");
        match fs::create_dir(&folder) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
            _ => {
                sweep(&folder);
                let own = super::open::random_hex().map_err(io::Error::other)?;
                Ok(folder.join(format!("{name}-{own}.tmp")))
            }
        }
    }

    /// A shelf for folding a large log.
    pub(super) fn shelf(&self) -> Option<Shelf> {
        if self.last_id < TAIL {
            return None;
        }
        let path = if self.read_only.is_some() {
            std::env::temp_dir().join(format!("shoken-folding-{}.tmp", super::open::random_hex().ok()?))
        } else {
            self.passing_file("folding").ok()?
        };
        Shelf::beside(path)
    }

    /// Damage in the log behind the kept folds does not show in them. Before this opening adds to a stream, its rows are
    /// held against their hashes and numbers, once.
    pub(super) fn is_whole_behind_folds(&self, stream: &StreamId) -> Result<bool, StoreError> {
        if self.kept_row == 0 {
            return Ok(true);
        }
        if let Some(known) = self.looked_at.borrow().get(stream) {
            return Ok(*known);
        }
        let sql = "SELECT seq, hash, body FROM transactions WHERE stream = ?1 ORDER BY seq";
        let mut query = self.db.prepare_cached(sql)?;
        let mut rows = query.query([stream.as_bytes().as_slice()])?;
        let (mut next, mut whole) = (0_i64, true);
        while let Some(row) = rows.next()? {
            let hash = row.get::<_, Vec<u8>>(1).unwrap_or_default();
            let fits = row.get_ref(2)?.as_str().is_ok_and(|body| transaction_hash(body).as_bytes() == hash.as_slice());
            whole &= fits && row.get::<_, i64>(0).is_ok_and(|seq| seq == next);
            next += 1;
        }
        self.looked_at.borrow_mut().insert(*stream, whole);
        Ok(whole)
    }

    /// The log was found to be damaged: the next opening looks at it instead of at the folds.
    pub fn distrust_folds(&self) {
        if self.read_only.is_none() {
            fs::remove_file(path_of(&self.folder)).ok();
        }
    }

    /// Whether this opening came from kept folds.
    pub const fn came_from_folds(&self) -> bool {
        self.kept_row > 0
    }

    /// Kept folds turned out to be unreadable, or something came after them that they should have been founded on: they go,
    /// and the log is folded.
    pub(super) fn fold_anew(&mut self, state: &mut State) -> Result<(), StoreError> {
        fs::remove_file(path_of(&self.folder)).ok();
        self.kept_row = 0;
        *state = self.load()?;
        Ok(())
    }
}
