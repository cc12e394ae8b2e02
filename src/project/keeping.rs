//! Where a project is kept and how well: how old its last backup is, what speaks against its place, and a copy in a better
//! one.

use std::path::{Path, PathBuf};

use super::restore::Temporary;
use super::{
    BackupRequest, Cancel, Clock, Concern, Progress, Project, ProjectError, RestoreRequest, Restored, StoreError,
    restore_watched,
};
use crate::journal::Signed;
use crate::store::Place;
use crate::tasks::places::better_place;
use crate::tasks::platform;

/// How a concern is remembered once the person at the window has read it. It begins as what the command line remembers:
/// whoever read it here need not be told there, but one line in a terminal is not enough for a whole campaign.
fn code(concern: &Concern) -> String {
    format!("{concern:?} in the window")
}

/// A path in a good place on this computer, named after `name`, at which nothing is yet.
pub fn free_place(name: &Path) -> PathBuf {
    let wanted = better_place(name);
    let stem = wanted.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let numbered = (2..1_000).map(|n| wanted.with_file_name(format!("{stem}-{n}.shoken")));
    std::iter::once(wanted.clone()).chain(numbered).find(|p| !p.exists()).unwrap_or(wanted)
}

impl Project {
    /// UTC wall time of the newest backup that this project knows of.
    ///
    /// # Errors
    /// Store errors.
    pub fn last_backup(&self) -> Result<Option<String>, ProjectError> {
        Ok(self.store.backup_places()?.into_iter().map(|p| p.last).filter(|t| !t.is_empty()).max())
    }

    /// UTC wall time of the first transaction.
    ///
    /// # Errors
    /// Store errors.
    pub fn founded(&self) -> Result<Option<String>, ProjectError> {
        let register = self.state.streams.values().min_by_key(|s| s.lamport);
        let Some(stream) = register else { return Ok(None) };
        let first = self.store.rows_of(&stream.id)?.into_iter().next();
        let signed = first.and_then(|r| Signed::from_own_log(r.text, r.signature.try_into().ok()?).ok());
        Ok(signed.map(|s| s.body().time.clone()))
    }

    /// Whether somebody at a window was told of this concern already; on a project open to look nothing is remembered.
    pub fn knows_place_concern(&self, concern: &Concern) -> bool {
        self.store.place_told().is_some_and(|told| told == code(concern))
    }

    /// Remembers that a concern was read, so that it is not shown at every opening.
    pub fn note_place_concern(&self, concern: &Concern) {
        if let Err(e) = self.store.set_place_told(&code(concern)) {
            tracing::warn!("it could not be noted that a place was told of: {e}");
        }
    }

    /// Makes a proved copy of the project at `to`, which must be free; this one stays as it is. Works on a project that is
    /// open to look, such as one on a network drive. The copy starts new streams, as every copy does.
    ///
    /// # Errors
    /// As [`Project::backup`] and [`restore`](fn@super::restore); then there is nothing at `to`.
    pub fn copy_to(&self, to: &Path, progress: &Progress, cancel: &Cancel) -> Result<Restored, ProjectError> {
        let project = self.id().ok_or(ProjectError::NobodyHere)?;
        let parent = to.parent().map(Path::to_owned).unwrap_or_default();
        let failed = |source| StoreError::Io { path: parent.clone(), source };
        std::fs::create_dir_all(&parent).map_err(failed)?;
        let folder = Temporary(platform::fresh_folder(&parent, ".shoken-copying", true).map_err(failed)?);
        let place = Place::mark(&folder.0)?;
        let made = self.backup_into(&place, &project, &BackupRequest::default(), progress, cancel)?.made;
        cancel.check().map_err(|_| ProjectError::Cancelled)?;
        let backup = made.unwrap_or_else(|| folder.0.clone());
        let home = self.store.home();
        let request = RestoreRequest { backup: &backup, to, home, replace: false, clock: Clock::system() };
        restore_watched(request, &Progress::new(), cancel)
    }
}
