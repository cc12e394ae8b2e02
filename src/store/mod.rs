//! The project on disk: a folder `NAME.shoken` with `project.sqlite` (signed log, sealed values, identity, projections),
//! `drafts.sqlite`, `blobs/` and a deletable `cache/`.
//!
//! The log is the truth. Append is one SQLite transaction: take the write lock, apply what others appended, decide again,
//! sign, insert, commit (WAL, `synchronous=FULL`). Names, paths and UIDs live in identity tables that erasing empties.

mod append;
mod backup;
mod blobs;
mod checkpoint;
mod drafts;
mod folds;
mod identity;
mod instance;
mod load;
mod merge;
mod migrate;
mod open;
mod projections;
mod restore;
mod schema;
mod sections;
mod values;
mod verify;
mod verify_rows;
mod verify_values;
mod witness;

pub use append::{AppendError, Appended, Author};
pub use backup::{Generation, Manifest, Writing, copy_out, generations, remove as remove_generation, surplus};
pub use drafts::{Draft, Drafts};
pub use identity::{FileRow, IdentityLine, ImageIdentity};
pub use open::{NewStore, OpenOptions, Store, WhyReadOnly};
pub use projections::RebuildReport;
pub use restore::{Place, Restoration, remember_tombstones, tombstones};
pub use sections::Section;
pub use verify::{RawRow, RowKey};
pub use verify_rows::{Differences, Mark, Marks};
pub use verify_values::ValueCheck;
pub use witness::{KeptWitness, Witness, WitnessHead};

use std::path::{Path, PathBuf};

/// What broke. Rules that said no are `Rejection`s and never end up here.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{}: {source}. Check that the disk is connected and that you may write there.", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{} is not a Shoken project: {reason}", path.display())]
    NotAProject { path: PathBuf, reason: String },
    #[error("{} exists already; choose another name", .0.display())]
    Exists(PathBuf),
    #[error(
        "the disk is full: nothing was saved of the last act, everything before it is safe. Free some space and do it again."
    )]
    DiskFull,
    #[error("the project database cannot be used ({0}). Nothing was changed; `shoken verify` tells what is damaged.")]
    Database(rusqlite::Error),
    #[error("this project is open to look only: {0}")]
    ReadOnly(WhyReadOnly),
    #[error("another process holds the project's lock for too long; try again")]
    Busy,
    #[error("{}: {reason}. Choose a folder that `shoken backup` made.", path.display())]
    NotABackup { path: PathBuf, reason: String },
    #[error("{}: {what} is not what was copied; the disk or the copy is damaged. Take another generation or another disk.", path.display())]
    CopyDiffers { path: PathBuf, what: String },
    #[error(
        "part of what the project keeps ready could not be read. Check that the disk is connected and do it once more: it is made anew from the log, in which everything is safe."
    )]
    Folds,
    #[error("stopped; nothing was left behind")]
    Stopped,
    #[error("a value is missing or does not fit its digest")]
    Value,
    #[error("no randomness from the operating system")]
    Random,
    #[error("{0}")]
    Format(#[from] crate::journal::FormatError),
}

impl From<rusqlite::Error> for StoreError {
    fn from(e: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match e.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::ReadOnly) => Self::ReadOnly(WhyReadOnly::Media),
            _ => Self::Database(e),
        }
    }
}

impl From<crate::journal::ComposeError> for StoreError {
    fn from(e: crate::journal::ComposeError) -> Self {
        match e {
            crate::journal::ComposeError::NoSuchStream => Self::Value,
            crate::journal::ComposeError::Random => Self::Random,
        }
    }
}

fn io_error(path: &Path) -> impl FnOnce(std::io::Error) -> StoreError + '_ {
    move |source| {
        if source.kind() == std::io::ErrorKind::StorageFull {
            StoreError::DiskFull
        } else {
            StoreError::Io { path: path.to_owned(), source }
        }
    }
}
