//! What went wrong with a copy or a check, as a sentence that says what to do.

use std::io::ErrorKind;

use crate::project::{ProjectError, StoreError};

/// A failure in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Fluent key of the sentence.
    pub key: &'static str,
    /// For "copy details".
    pub details: String,
    /// It was stopped because somebody asked for it.
    pub stopped: bool,
}

impl Trouble {
    pub fn of(e: &ProjectError) -> Self {
        Self { key: key(e), details: e.to_string(), stopped: is_stop(e) }
    }
}

const fn is_stop(e: &ProjectError) -> bool {
    matches!(e, ProjectError::Cancelled | ProjectError::Stopped | ProjectError::Store(StoreError::Stopped))
}

fn key(e: &ProjectError) -> &'static str {
    match e {
        _ if is_stop(e) => "trouble-stopped",
        ProjectError::Store(StoreError::DiskFull) => "trouble-full",
        ProjectError::Store(StoreError::Io { source, .. }) => of_disk(source),
        ProjectError::Store(StoreError::Busy) => "trouble-busy",
        ProjectError::Store(StoreError::CopyDiffers { .. }) => "trouble-differs",
        ProjectError::Store(StoreError::NotABackup { .. }) => "trouble-no-backup",
        // The database on a disk that is gone fails as a database.
        ProjectError::Store(StoreError::Database(_)) => "trouble-disk",
        ProjectError::Store(StoreError::Exists(_)) | ProjectError::Refused { .. } => "trouble-taken",
        ProjectError::Input { .. } => "trouble-absent",
        _ => "trouble-other",
    }
}

fn of_disk(e: &std::io::Error) -> &'static str {
    match e.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => "trouble-full",
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => "trouble-not-writable",
        _ => "trouble-disk",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_and_a_pulled_one_are_told_apart() {
        let io = |kind| {
            let source = std::io::Error::from(kind);
            ProjectError::Store(StoreError::Io { path: "/media/stick".into(), source })
        };
        for (error, key) in [
            (io(ErrorKind::StorageFull), "trouble-full"),
            (ProjectError::Store(StoreError::DiskFull), "trouble-full"),
            (io(ErrorKind::NotFound), "trouble-disk"),
            (io(ErrorKind::ReadOnlyFilesystem), "trouble-not-writable"),
            (ProjectError::Store(StoreError::Stopped), "trouble-stopped"),
        ] {
            let trouble = Trouble::of(&error);
            assert_eq!(trouble.key, key);
            assert_eq!(trouble.stopped, key == "trouble-stopped");
        }
        assert!(Trouble::of(&io(ErrorKind::NotFound)).details.contains("/media/stick"));
    }
}
