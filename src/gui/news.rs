//! What the project answers and what background work brings.

use super::trouble::Trouble;
use crate::domain::CaseId;
use crate::project::{ProjectError, Rejection, StoreError};

/// Why something was not done.
#[derive(Debug)]
pub enum Failure {
    /// A rule said no; nothing was changed.
    Refused(Rejection),
    /// The project can only be looked at.
    ReadOnly,
    /// Nothing of the last act was saved; everything before it is safe.
    DiskFull,
    /// Something broke; the text is for "copy details".
    Broke(String),
}

impl From<ProjectError> for Failure {
    fn from(e: ProjectError) -> Self {
        match e {
            ProjectError::Rejected(r) => Self::Refused(r),
            ProjectError::Store(StoreError::ReadOnly(_)) => Self::ReadOnly,
            ProjectError::Store(StoreError::DiskFull) => Self::DiskFull,
            other => Self::Broke(other.to_string()),
        }
    }
}

/// What happened away from the window's thread.
#[derive(Debug)]
pub enum SessionEvent {
    /// A project folder is open.
    Opened,
    Added {
        images: usize,
        skipped: usize,
        first: Option<CaseId>,
    },
    NothingToOpen,
    /// Opening was cancelled; nothing was made or added.
    OpenCancelled,
    OpenFailed(String),
    /// The plan of a release could not be made, or the release not be written.
    ReleaseFailed(Failure),
    Released,
    BackedUp,
    Drilled,
    /// A project was made of a backup and is being opened.
    Restored,
    /// The project was copied to this computer, and the copy is being opened.
    Copied,
    Checked {
        sound: bool,
    },
    KeepingFailed(Trouble),
    Relocated(usize),
    Changed,
}
