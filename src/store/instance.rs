//! Telling the folder itself from a copy of it or a backup put back in its place.
//!
//! `$SHOKEN_HOME/instances/<project>-<instance>/` remembers the identity of the database file and, a file a stream, the
//! last transaction this folder appended. A folder whose file is another one, or whose log lacks what is remembered, is a
//! copy or a backup: it gets a new instance, which remembers the one it came from, and the old streams are never continued
//! from it.

use std::cell::RefCell;
use std::fs;
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};

use crate::domain::{Digest, StreamId};
use crate::journal::Head;
use crate::tasks::platform;

/// Name of the note about where an instance came from.
const PARENT: &str = "parent";

pub(super) struct InstanceRecord {
    folder: PathBuf,
    /// The note that was written last, kept open: opening it costs as much as deciding what the gesture means.
    open: RefCell<Option<(StreamId, fs::File)>>,
}

impl InstanceRecord {
    pub(super) fn at(home: &Path, project: &Digest, instance: &str) -> Self {
        Self {
            folder: home
                .join("instances")
                .join(format!("{}-{instance}", project.to_string().get(..16).unwrap_or_default())),
            open: RefCell::new(None),
        }
    }

    /// Remembers the database file as this instance's own.
    pub(super) fn claim(&self, database: &Path) -> std::io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        fs::write(self.folder.join("identity"), platform::file_identity(database)?)
    }

    /// Remembers which instance this one was a copy of when it was first opened.
    pub(super) fn came_from(&self, parent: &str) -> std::io::Result<()> {
        fs::write(self.folder.join(PARENT), parent)
    }

    /// How far a stream was written by this instance; `None` when it wrote nothing of it.
    fn wrote(folder: &Path, stream: &StreamId) -> Option<u64> {
        let text = fs::read_to_string(folder.join(stream.to_string())).ok()?;
        text.split_whitespace().next()?.parse().ok()
    }

    /// Whether a copy that was made of this folder wrote the transaction, and this folder did not: then it is there and
    /// need not be here. What the folder wrote that this one is a copy of is another matter: this may be all that is left.
    pub(super) fn copy_wrote(&self, stream: &StreamId, seq: u64) -> bool {
        if Self::wrote(&self.folder, stream).is_some_and(|own| own >= seq) {
            return false;
        }
        let (Some(all), Some(own)) = (self.folder.parent(), self.folder.file_name().and_then(|n| n.to_str())) else {
            return false;
        };
        let Some((project, instance)) = own.split_once('-') else { return false };
        let entries = fs::read_dir(all).into_iter().flatten().flatten();
        let others = entries.filter(|e| e.file_name().to_str().is_some_and(|n| n.starts_with(project) && n != own));
        let mut wrote = others.filter(|e| Self::wrote(&e.path(), stream).is_some_and(|last| last >= seq));
        wrote.any(|e| {
            let mut folder = e.path();
            // Copies of copies end somewhere.
            for _ in 0..64 {
                let Ok(parent) = fs::read_to_string(folder.join(PARENT)) else { return false };
                if parent == instance {
                    return true;
                }
                folder = all.join(format!("{project}-{parent}"));
            }
            false
        })
    }

    /// Whether this very file was claimed and its log still holds all that was noted.
    pub(super) fn is_ours(&self, database: &Path, holds: impl Fn(&StreamId, u64, &Digest) -> bool) -> bool {
        let claimed = fs::read_to_string(self.folder.join("identity")).ok();
        if claimed.is_none() || claimed != platform::file_identity(database).ok() {
            return false;
        }
        let Ok(entries) = fs::read_dir(&self.folder) else { return false };
        entries.flatten().all(|entry| {
            let Some(stream) = entry.file_name().to_str().and_then(|n| n.parse::<Digest>().ok()) else { return true };
            let text = fs::read_to_string(entry.path()).unwrap_or_default();
            let mut words = text.split_whitespace();
            match (words.next().and_then(|w| w.parse().ok()), words.next().and_then(|w| w.parse::<Digest>().ok())) {
                (Some(seq), Some(hash)) => holds(&stream, seq, &hash),
                // A note cut short by a power failure proves nothing either way.
                _ => true,
            }
        })
    }

    /// Notes the newest own transaction of a stream. Not synced: it guards against restored backups, not power cuts.
    /// Written over in place, always at the same length: a file cut to nothing and written anew is flushed by some file
    /// systems when it is closed, which would cost more than the gesture itself.
    pub(super) fn note(&self, head: &Head) {
        let mut open = self.open.borrow_mut();
        if open.as_ref().is_none_or(|(stream, _)| *stream != head.stream) {
            let path = self.folder.join(head.stream.to_string());
            let file = fs::OpenOptions::new().write(true).create(true).truncate(false).open(path);
            *open = file.ok().map(|file| (head.stream, file));
        }
        if let Some((_, file)) = open.as_mut() {
            let text = format!("{:020} {}", head.seq, head.hash);
            file.rewind().and_then(|()| file.write_all(text.as_bytes())).ok();
        }
    }
}
