//! Ending when asked to: which projects hold what no witness has seen yet, and a last word for those that are not closed in
//! time.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::Project;
use crate::domain::ReaderId;
use crate::tasks::stop;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Unwitnessed {
    folder: PathBuf,
    home: PathBuf,
    reader: ReaderId,
}

static OPEN: Mutex<Vec<Unwitnessed>> = Mutex::new(Vec::new());

/// Watches for Ctrl+C, the end of the session and a closed terminal: then commands and window end as they do on their own,
/// and if they do not within seconds, every project that was written to gets its witness all the same.
///
/// # Errors
/// When the system refuses the thread.
pub fn end_cleanly_when_asked() -> std::io::Result<()> {
    stop::watch(|| {
        let open = OPEN.lock().map_or_else(|e| e.into_inner().clone(), |o| o.clone());
        for project in open {
            leave_last_word(&project);
        }
    })
}

fn leave_last_word(open: &Unwitnessed) {
    let left = Project::open(&open.folder, &open.home, true).and_then(|mut project| {
        project.act_as(&open.reader)?;
        project.leave_witness()
    });
    if let Err(e) = left {
        // The message may name the folder.
        tracing::warn!("no witness could be left, kind of error {}", e.exit_code());
    }
}

impl Project {
    fn as_unwitnessed(&self) -> Option<Unwitnessed> {
        let reader = self.actor()?.clone();
        Some(Unwitnessed { folder: self.folder().to_owned(), home: self.store.home().to_owned(), reader })
    }

    /// Something was written that no witness has seen.
    pub(super) fn mark_unwitnessed(&mut self) {
        if !self.unwitnessed
            && let Some(open) = self.as_unwitnessed()
        {
            OPEN.lock().unwrap_or_else(PoisonError::into_inner).push(open);
        }
        self.unwitnessed = true;
    }

    /// It is closed, and whatever was to be witnessed is.
    pub(super) fn unmark(&mut self) {
        let folder = self.folder().to_owned();
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = open.iter().position(|o| o.folder == folder) {
            open.remove(at);
        }
    }
}
