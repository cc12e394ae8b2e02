//! `backup`: whole copies of a project, each proved to be one before it counts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::{Project, ProjectError};
use crate::domain::{Digest, SubjectId};
use crate::journal::State;
use crate::store::{Generation, Manifest, Place, WitnessHead, generations, remove_generation, surplus};
use crate::tasks::{Cancel, Progress, platform};

/// How many generations stay when nothing else is asked for.
pub const KEEP_DEFAULT: usize = 7;

/// Where to copy to, and how many generations are to stay.
#[derive(Clone, Debug, Default)]
pub struct BackupRequest {
    /// Folders; the first must be there or can be made, the others are off-line disks that may be absent. Empty: where the
    /// last backups went.
    pub places: Vec<PathBuf>,
    pub keep: Option<usize>,
    /// Take away generations that still hold what was erased since.
    pub prune_erased: bool,
}

/// A generation for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerationView {
    pub folder: PathBuf,
    pub number: u64,
    pub made: String,
    pub transactions: u64,
    pub sound: bool,
    /// How many subjects that are erased now it still holds.
    pub erased_inside: usize,
}

/// What happened in one place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlaceReport {
    pub path: PathBuf,
    /// Absent: nothing was written, and this is when a backup was last written there (empty: never).
    pub absent_since: Option<String>,
    pub made: Option<PathBuf>,
    pub problems: Vec<String>,
    pub removed: Vec<PathBuf>,
    pub on_project_disk: bool,
    pub generations: Vec<GenerationView>,
}

/// Digest of everything that the transactions amount to.
pub(super) fn state_digest(state: &State) -> Digest {
    let mut hasher = Sha256::new();
    for stream in state.streams.values() {
        hasher.update(stream.id.as_bytes());
        hasher.update(stream.seq.to_be_bytes());
        hasher.update(stream.hash.as_bytes());
        hasher.update(serde_json::to_vec(&stream.fold).unwrap_or_default());
    }
    Digest::from_bytes(hasher.finalize().into())
}

pub(super) fn heads(state: &State) -> BTreeMap<String, WitnessHead> {
    state.streams.values().map(|s| (s.id.to_string(), WitnessHead { seq: s.seq, hash: s.hash })).collect()
}

impl Project {
    /// Subjects that the log says are erased.
    pub(super) fn erased_subjects(&self) -> BTreeSet<SubjectId> {
        self.state.cases().map(|c| c.subject.clone()).filter(|s| self.state.is_erased(s)).collect()
    }

    /// Copies the project into every place that is there, proves each copy, and takes surplus generations away.
    ///
    /// # Errors
    /// The first place cannot be written, the disk is full, the copy differs: then that place holds no new generation.
    pub fn backup(
        &mut self,
        request: &BackupRequest,
        progress: &Progress,
        cancel: &Cancel,
    ) -> Result<Vec<PlaceReport>, ProjectError> {
        let project = self.id().ok_or(ProjectError::NobodyHere)?;
        let mut known = self.store.backup_places()?;
        let own = self.store.home().join("backups");
        let own = std::path::absolute(&own).unwrap_or(own);
        let wanted: Vec<PathBuf> = if !request.places.is_empty() {
            request.places.clone()
        } else if !known.is_empty() {
            known.iter().map(|p| p.path.clone()).collect()
        } else {
            vec![own.clone()]
        };
        let mut out = Vec::new();
        for (index, path) in wanted.iter().enumerate() {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            let before = known.iter().find(|p| p.path == path).cloned();
            // A place that was used before is there when its marker is: made anew, the folder of a disk that is not connected
            // would lie on this computer's own. A new off-line disk must at least be mounted.
            let there = match &before {
                Some(p) => p.is_there() || path == own && !path.exists(),
                None => index == 0 || path.is_dir(),
            };
            if !there {
                let last = before.map(|p| p.last).unwrap_or_default();
                if index == 0 && wanted.len() == 1 {
                    return Err(ProjectError::Input {
                        file: path.display().to_string(),
                        reason: format!("the place of the backups is not there (last used {last})"),
                        hint: "Connect its disk, or name another folder with --to.".to_owned(),
                    });
                }
                out.push(PlaceReport { path, absent_since: Some(last), ..PlaceReport::default() });
                continue;
            }
            let mut place = Place::mark(&path)?;
            let report = self.backup_into(&place, &project, request, progress, cancel)?;
            place.last = (self.clock.now)();
            known.retain(|p| p.path != place.path);
            known.push(place);
            out.push(report);
        }
        // In the order asked for, so that the first one stays the first.
        known.sort_by_key(|p| wanted.iter().position(|w| std::path::absolute(w).is_ok_and(|w| w == p.path)));
        self.store.set_backup_places(&known)?;
        Ok(out)
    }

    pub(super) fn backup_into(
        &self,
        place: &Place,
        project: &Digest,
        request: &BackupRequest,
        progress: &Progress,
        cancel: &Cancel,
    ) -> Result<PlaceReport, ProjectError> {
        let mut before = 0;
        let mut goes_on = |done: u64, all: u64| {
            progress.set_total(all);
            progress.advance(done.saturating_sub(before));
            before = done;
            !cancel.is_cancelled()
        };
        let witnesses = self.witnesses_so_far();
        let writing = self.store.begin_backup(&place.path, project, &mut goes_on)?;
        writing.compare()?;
        // Opened as any project is, to look: what `verify` says of the copy is what it would say of the original.
        let copy = Self::open(writing.folder(), self.store.home(), false)?;
        let report = copy.verify_against(witnesses, &Progress::default(), &Cancel::default())?;
        let problems: Vec<String> =
            report.problems.iter().map(|p| format!("{}: {}: {}", p.kind.word(), p.place, p.detail)).collect();
        let manifest = Manifest {
            v: 1,
            number: 0,
            project: *project,
            made: (self.clock.now)(),
            software: concat!("shoken ", env!("CARGO_PKG_VERSION")).to_owned(),
            sections: writing.sections.clone(),
            state: state_digest(&copy.state),
            heads: heads(&copy.state),
            blobs: writing.blobs.clone(),
            problems: problems.clone(),
        };
        drop(copy);
        let made = writing.keep(manifest)?;
        let mut report = PlaceReport {
            path: place.path.clone(),
            made: Some(made.folder),
            problems,
            on_project_disk: platform::on_one_disk(&place.path, self.folder()).unwrap_or(false),
            ..PlaceReport::default()
        };
        let all = generations(&place.path, project);
        for old in surplus(&all, request.keep.unwrap_or(KEEP_DEFAULT)) {
            remove_generation(old)?;
            report.removed.push(old.folder.clone());
        }
        if request.prune_erased {
            let erased = self.erased_subjects();
            for old in generations(&place.path, project) {
                if !old.still_holds(&erased)?.is_empty() {
                    remove_generation(&old)?;
                    report.removed.push(old.folder);
                }
            }
        }
        report.generations = self.views(&generations(&place.path, project))?;
        Ok(report)
    }

    /// The generations in a place, or in every place that was used before.
    ///
    /// # Errors
    /// Store errors.
    pub fn backups(&self, places: &[PathBuf]) -> Result<Vec<PlaceReport>, ProjectError> {
        let project = self.id().ok_or(ProjectError::NobodyHere)?;
        let known = self.store.backup_places()?;
        let mut wanted: Vec<PathBuf> = if places.is_empty() {
            known.iter().map(|p| p.path.clone()).collect()
        } else {
            places.iter().map(|p| std::path::absolute(p).unwrap_or_else(|_| p.clone())).collect()
        };
        if wanted.is_empty() {
            wanted.push(self.store.home().join("backups"));
        }
        let mut out = Vec::new();
        for path in wanted {
            let before = known.iter().find(|p| p.path == path);
            let absent = before.map_or(!path.is_dir(), |p| !p.is_there());
            out.push(PlaceReport {
                absent_since: absent.then(|| before.map(|p| p.last.clone()).unwrap_or_default()),
                generations: self.views(&generations(&path, &project))?,
                on_project_disk: platform::on_one_disk(&path, self.folder()).unwrap_or(false),
                path,
                ..PlaceReport::default()
            });
        }
        Ok(out)
    }

    fn views(&self, all: &[Generation]) -> Result<Vec<GenerationView>, ProjectError> {
        let erased = self.erased_subjects();
        let view = |g: &Generation| {
            let manifest = &g.manifest;
            let rows = manifest.sections.iter().find(|s| s.table == "transactions").map_or(0, |s| s.rows);
            Ok(GenerationView {
                folder: g.folder.clone(),
                number: manifest.number,
                made: manifest.made.clone(),
                transactions: rows,
                sound: g.is_sound(),
                erased_inside: g.still_holds(&erased)?.len(),
            })
        };
        all.iter().map(view).collect()
    }
}

/// The generation that a path means: the folder itself, or the newest sound one of the only project in a place.
///
/// # Errors
/// When there is none, or more than one project.
pub(super) fn find_generation(path: &Path) -> Result<Generation, ProjectError> {
    let first = match Generation::read(path) {
        Ok(found) => return Ok(found),
        Err(e) => e,
    };
    let folders = |of: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(of).map(|d| d.flatten().map(|e| e.path()).collect::<Vec<_>>());
        entries.unwrap_or_default().into_iter().filter(|p| p.is_dir()).collect()
    };
    let below = folders(path);
    let deeper: Vec<PathBuf> = below.iter().flat_map(|f| folders(f)).collect();
    let hidden = |p: &PathBuf| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
    let mut found: Vec<Generation> =
        below.iter().chain(&deeper).filter(|p| !hidden(p)).filter_map(|p| Generation::read(p).ok()).collect();
    found.sort_by_key(|g| (g.is_sound(), g.manifest.number));
    let projects: BTreeSet<Digest> = found.iter().map(|g| g.manifest.project).collect();
    if projects.len() > 1 {
        return Err(ProjectError::Input {
            file: path.display().to_string(),
            reason: format!("it holds backups of {} projects", projects.len()),
            hint: "Name one of the folders in it.".to_owned(),
        });
    }
    found.pop().ok_or_else(|| first.into())
}
