//! Opening a project, or images into one: on a thread of its own, counted, and cancelled at any time before the one
//! transaction that takes the images in.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::domain::{CaseId, ReaderId};
use crate::project::{AccessKind, Cancel, CaseBy, Cause, FoundImages, Progress, Project, ProjectError};

/// The work under way, as both threads see it.
#[derive(Clone, Debug)]
pub struct Opening {
    pub begun: Instant,
    /// Files looked at, then files fingerprinted; both unknown while a project is opened.
    pub looked: Progress,
    pub read: Progress,
    pub cancel: Cancel,
}

impl Opening {
    pub fn begin() -> Self {
        Self { begun: Instant::now(), looked: Progress::new(), read: Progress::new(), cancel: Cancel::new() }
    }
}

/// The project that is open already, and who reads in it.
pub struct Here {
    pub folder: PathBuf,
    pub reader: Option<ReaderId>,
}

/// What came of it.
pub enum Arrived {
    /// A project folder.
    Project(Box<Project>),
    /// Images, in a personal project that belongs to them or in the one that is open (then there is none to hand over).
    Images { project: Option<Box<Project>>, images: usize, skipped: usize, first: Option<CaseId> },
    /// There was no image; nothing was made.
    Nothing,
    /// Nothing was made or added.
    Cancelled,
}

pub fn is_project(path: &Path) -> bool {
    path.join("project.sqlite").is_file()
}

/// # Errors
/// What broke, in a sentence.
pub fn project(folder: &Path, home: &Path, acting: Option<&ReaderId>, work: &Opening) -> Result<Arrived, String> {
    let mut project = Project::open(folder, home, true).map_err(|e| e.to_string())?;
    if work.cancel.is_cancelled() {
        return Ok(Arrived::Cancelled);
    }
    if let Some(reader) = acting {
        project.act_as(reader).map_err(|e| e.to_string())?;
    }
    if let Err(e) = project.note_access(AccessKind::Opened, None, None) {
        tracing::warn!("the access log could not be written: {e}");
    }
    Ok(Arrived::Project(Box::new(project)))
}

/// # Errors
/// What broke, in a sentence.
pub fn images(here: Option<Here>, paths: &[PathBuf], home: &Path, work: &Opening) -> Result<Arrived, String> {
    take_in(here, paths, home, work).or_else(|e| match e {
        ProjectError::Cancelled => Ok(Arrived::Cancelled),
        other => Err(other.to_string()),
    })
}

fn take_in(here: Option<Here>, paths: &[PathBuf], home: &Path, work: &Opening) -> Result<Arrived, ProjectError> {
    let found = FoundImages::under(paths, &work.looked, &work.read, &work.cancel)?;
    match found.check() {
        // The images of a personal project have gone elsewhere: it still opens, and asks for them.
        Err(ProjectError::NothingToImport(_)) if here.is_none() && paths.iter().any(|p| has_personal(p)) => {
            let project = Project::open_or_create_personal(paths, home)?.project;
            return Ok(Arrived::Project(Box::new(project)));
        }
        Err(ProjectError::NothingToImport(_)) => return Ok(Arrived::Nothing),
        Err(e) => return Err(e),
        Ok(()) => {}
    }
    work.cancel.check().map_err(|_| ProjectError::Cancelled)?;
    let open_already = here.is_some();
    // A second handle on the open project: the window goes on reading in its own, and catches up.
    let mut project = match here {
        Some(here) => {
            let mut project = Project::open(&here.folder, home, true)?;
            if let Some(reader) = &here.reader {
                project.act_as(reader)?;
            }
            project
        }
        None => Project::open_or_create_personal(paths, home)?.project,
    };
    let added = project.import_found(&found, CaseBy::Auto, &Cause::Gesture)?;
    Ok(Arrived::Images {
        images: added.images.len() + added.known.len(),
        skipped: found.skipped(),
        first: added.images.first().or_else(|| added.known.first()).map(|(case, _)| case.clone()),
        project: (!open_already).then(|| Box::new(project)),
    })
}

fn has_personal(path: &Path) -> bool {
    let folder = if path.is_dir() { Some(path) } else { path.parent() };
    folder.is_some_and(|f| is_project(&f.join("personal.shoken")))
}
