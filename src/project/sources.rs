//! The few things the door needs from imaging, in one place.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::domain::Digest;
use crate::imaging::identity::{self, HashError};
use crate::imaging::{self, ImageSource, ImagingError};
use crate::tasks::{Cancel, Cancelled, Progress};

/// One image as found on disk: its files in frame order, opened.
pub(super) struct Scanned {
    pub files: Vec<PathBuf>,
    pub source: Arc<dyn ImageSource>,
}

/// Opens an image made of these files.
pub(super) fn open_files(files: &[PathBuf]) -> Result<Arc<dyn ImageSource>, ImagingError> {
    imaging::open_series(files)
}

/// Finds the images under some paths; what is none is listed with the reason.
pub(super) fn scan(paths: &[PathBuf]) -> (Vec<Scanned>, Vec<(PathBuf, String)>) {
    let found = imaging::scan(paths, &Progress::new(), &Cancel::new()).unwrap_or_default();
    let images = found.images.into_iter().map(|image| Scanned {
        files: image.source.meta().files.clone(),
        source: image.source,
    });
    (images.collect(), found.skipped.into_iter().map(|skipped| (skipped.path, skipped.reason)).collect())
}

/// SHA-256 over length, first and last 64 KiB: enough to know a file again, quick on a network drive.
pub(super) fn fingerprint(path: &Path) -> std::io::Result<Digest> {
    identity::quick_fingerprint(path).map_err(into_io)
}

/// Full SHA-256 of a file; `progress` gets the bytes read so far and returns false to stop.
pub(super) fn hash_file(path: &Path, progress: &mut dyn FnMut(u64) -> bool) -> std::io::Result<Option<Digest>> {
    let mut done = 0;
    let hashed = identity::hash_chunks(path, |bytes| {
        done += bytes;
        if progress(done) { Ok(()) } else { Err(Cancelled) }
    });
    match hashed {
        Ok(digest) => Ok(Some(digest)),
        Err(HashError::Cancelled(_)) => Ok(None),
        Err(HashError::Imaging(error)) => Err(into_io(error)),
    }
}

fn into_io(error: ImagingError) -> std::io::Error {
    match error {
        ImagingError::Io { source, .. } => source,
        other => std::io::Error::other(other.reason()),
    }
}
