//! The few things the door needs from imaging, in one place.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::domain::Digest;
use crate::imaging::{ImageSource, ImagingError};

/// One image as found on disk: its files in frame order, opened.
pub(super) struct Scanned {
    pub files: Vec<PathBuf>,
    pub source: Arc<dyn ImageSource>,
}

/// Opens an image made of these files.
pub(super) fn open_files(files: &[PathBuf]) -> Result<Arc<dyn ImageSource>, ImagingError> {
    let path = files.first().cloned().unwrap_or_default();
    Err(ImagingError::Unsupported { path, reason: "no reader yet".to_owned(), hint: String::new() })
}

/// Finds the images under some paths; what is none is listed with the reason.
pub(super) fn scan(_paths: &[PathBuf]) -> (Vec<Scanned>, Vec<(PathBuf, String)>) {
    (Vec::new(), Vec::new())
}

/// SHA-256 over length, first and last 64 KiB: enough to know a file again, quick on a network drive.
pub(super) fn fingerprint(path: &Path) -> std::io::Result<Digest> {
    use std::io::{Read, Seek, SeekFrom};
    const PART: u64 = 64 << 10;
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    let mut bytes = length.to_le_bytes().to_vec();
    (&mut file).take(PART).read_to_end(&mut bytes)?;
    file.seek(SeekFrom::Start(length.saturating_sub(PART)))?;
    file.take(PART).read_to_end(&mut bytes)?;
    Ok(Digest::of(b"shoken-fingerprint-v1\0", &bytes))
}

/// Full SHA-256 of a file; `progress` gets the bytes read so far and returns false to stop.
pub(super) fn hash_file(path: &Path, progress: &mut dyn FnMut(u64) -> bool) -> std::io::Result<Option<Digest>> {
    use sha2::{Digest as _, Sha256};
    use std::io::Read;
    let mut file = std::fs::File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0u8; 1 << 20];
    let mut done = 0u64;
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            return Ok(Some(Digest::from_bytes(hasher.finalize().into())));
        }
        hasher.update(buffer.get(..n).unwrap_or_default());
        done += n as u64;
        if !progress(done) {
            return Ok(None);
        }
    }
}
