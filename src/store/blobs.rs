//! Plain content-addressed files: term packs and guidelines.

use std::fs;
use std::path::{Path, PathBuf};

use super::{StoreError, io_error};
use crate::domain::Digest;
use crate::tasks::platform;

fn path(folder: &Path, digest: &Digest) -> PathBuf {
    folder.join("blobs").join(digest.to_string())
}

/// SHA-256 of the bytes as they are.
pub(super) fn digest(bytes: &[u8]) -> Digest {
    Digest::of(b"", bytes)
}

pub(super) fn put(folder: &Path, bytes: &[u8]) -> Result<Digest, StoreError> {
    let digest = digest(bytes);
    let path = path(folder, &digest);
    if !path.is_file() {
        platform::write_atomic(&path, bytes, false).map_err(io_error(&path))?;
    }
    Ok(digest)
}

/// The bytes behind a digest, checked.
pub(super) fn get(folder: &Path, wanted: &Digest) -> Result<Vec<u8>, StoreError> {
    let path = path(folder, wanted);
    let bytes = fs::read(&path).map_err(io_error(&path))?;
    if digest(&bytes) == *wanted { Ok(bytes) } else { Err(StoreError::Value) }
}
