//! What makes a file the same file: a quick fingerprint at once, the full hash in the background.

use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::{
    ImagingError,
    bytes::{ByteSource, FileBytes, read_range},
    fault::Fault,
};
use crate::{
    domain::Digest,
    tasks::{Cancel, Cancelled, Progress},
};

const SAMPLE_BYTES: u64 = 64 << 10;
const CHUNK_BYTES: usize = 1 << 20;
const SERIES_DOMAIN: &[u8] = b"shoken-image-v1\0";
const FINGERPRINT_DOMAIN: &[u8] = b"shoken-fingerprint-v1\0";

/// Why there is no hash.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    #[error(transparent)]
    Imaging(#[from] ImagingError),
}

/// SHA-256 over a domain string, the length (64-bit little-endian), the first and the last 64 KiB. Enough to find a moved
/// file and to begin work; not enough to submit it.
///
/// # Errors
/// [`ImagingError::Io`].
pub fn quick_fingerprint(path: &Path) -> Result<Digest, ImagingError> {
    let read = || {
        let file = FileBytes::open(path)?;
        let first = SAMPLE_BYTES.min(file.len());
        let last = SAMPLE_BYTES.min(file.len() - first);
        let mut hasher = Sha256::new();
        hasher.update(FINGERPRINT_DOMAIN);
        hasher.update(file.len().to_le_bytes());
        hasher.update(read_range(&file, 0, first, "beginning", SAMPLE_BYTES)?);
        hasher.update(read_range(&file, file.len() - last, last, "end", SAMPLE_BYTES)?);
        Ok(Digest::from_bytes(hasher.finalize().into()))
    };
    read().map_err(|fault: Fault| fault.at(path))
}

/// SHA-256 of the whole file, as `sha256sum` gives it. Progress counts bytes; its total is the caller's to set, so that
/// many files can share one.
///
/// # Errors
/// [`HashError::Cancelled`], or [`HashError::Imaging`] when the file cannot be read or changes its length meanwhile.
pub fn full_hash(path: &Path, progress: &Progress, cancel: &Cancel) -> Result<Digest, HashError> {
    hash_chunks(path, |bytes| {
        progress.advance(bytes);
        cancel.check()
    })
}

/// As [`full_hash`] with a callback after every chunk (bytes in it), which may stop the work.
///
/// # Errors
/// As [`full_hash`].
pub fn hash_chunks(path: &Path, mut on_chunk: impl FnMut(u64) -> Result<(), Cancelled>) -> Result<Digest, HashError> {
    let at = |fault: Fault| HashError::Imaging(fault.at(path));
    let file = FileBytes::open(path).map_err(|error| at(Fault::Io(error)))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut done = 0_u64;
    loop {
        let count = match file.read_at(done, &mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(at(Fault::Io(error))),
        };
        let Some(chunk) = buffer.get(..count).filter(|chunk| !chunk.is_empty()) else { break };
        hasher.update(chunk);
        done += count as u64;
        on_chunk(count as u64)?;
    }
    if done != file.len() {
        return Err(at(Fault::damaged("its length changed while it was being read")));
    }
    Ok(Digest::from_bytes(hasher.finalize().into()))
}

/// The hash of an image of several files: SHA-256 over a domain string and the files' hashes, sorted, so that the order
/// in which a folder lists them does not matter. An image of one file has that file's hash.
pub fn image_hash(files: &[Digest]) -> Digest {
    if let [one] = files {
        return *one;
    }
    let mut sorted = files.to_vec();
    sorted.sort_unstable();
    let joined: Vec<u8> = sorted.iter().flat_map(|digest| digest.as_bytes().iter().copied()).collect();
    Digest::of(SERIES_DOMAIN, &joined)
}
