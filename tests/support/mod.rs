//! Helpers of the tests: a project in memory, and where to find the real sample files and the independent readers in Python.

#[cfg(feature = "network")]
pub mod archive;
pub mod desk;
pub mod dicom;
pub mod disk;
pub mod look;
#[cfg(feature = "network")]
pub mod orthanc;
pub mod pixels;
pub mod films;
pub mod scene;
#[cfg(feature = "gui")]
pub mod window;
pub mod world;

use std::path::PathBuf;

/// The folder of real sample files, or `None` (said on stdout) where they are not.
pub fn samples() -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/samples");
    let folder = std::env::var_os("SHOKEN_SAMPLES").map_or(beside, PathBuf::from);
    if folder.join("MANIFEST.tsv").is_file() {
        return Some(folder);
    }
    println!("skipped: no samples");
    None
}

/// The pinned Python with the independent readers, or `None` (said on stdout) where `make test` has not made it.
pub fn oracle_python() -> Option<PathBuf> {
    let python = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/python");
    if python.is_file() {
        return Some(python);
    }
    println!("skipped: no .venv with the independent readers (make test makes it)");
    None
}
