//! `restore`: a project out of a backup, with what was erased since kept erased; and the drill that proves it would work.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::backup::{find_generation, state_digest};
use super::{Clock, Project, ProjectError};
use crate::domain::{Digest, SubjectId};
use crate::journal::{Cause, Command, PrivacyCommand};
use crate::store::{Generation, Restoration, copy_out, tombstones};
use crate::tasks::{Cancel, Progress, platform};

/// What to make a project of, and where.
pub struct RestoreRequest<'a> {
    /// A generation, or a place with backups of one project: then its newest sound generation.
    pub backup: &'a Path,
    /// The project folder to make.
    pub to: &'a Path,
    pub home: &'a Path,
    /// A project that is there already is set aside under another name.
    pub replace: bool,
    pub clock: Clock,
}

/// One thing that was compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    pub what: String,
    pub count: u64,
    /// Digest on both sides; they are equal, or there would have been an error.
    pub sha256: Digest,
}

/// What a restoration did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    pub generation: PathBuf,
    /// UTC wall time of the backup.
    pub made: String,
    pub compared: Vec<Compared>,
    /// Problems that the project had when it was copied.
    pub problems: Vec<String>,
    /// Subjects erased after the backup, erased again here.
    pub erased_again: usize,
    /// Of these, tombstones that nobody here may sign; their data is destroyed all the same.
    pub unsigned: usize,
    /// Where the project that was there is now, and how many of its transactions the backup does not have.
    pub set_aside: Option<(PathBuf, u64)>,
}

/// What a drill compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drill {
    pub generation: PathBuf,
    pub made: String,
    pub compared: Vec<Compared>,
    pub problems: Vec<String>,
    /// Subjects that this machine knows to be erased and that the backup still holds.
    pub erased_inside: usize,
}

/// A folder that goes away unless it is kept.
pub(super) struct Temporary(pub(super) PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

fn compared(generation: &Generation) -> Vec<Compared> {
    let manifest = &generation.manifest;
    let mut out: Vec<Compared> =
        manifest.sections.iter().map(|s| Compared { what: s.table.clone(), count: s.rows, sha256: s.sha256 }).collect();
    let names: Vec<u8> = manifest.blobs.values().flat_map(|d| *d.as_bytes()).collect();
    let count = manifest.blobs.len() as u64;
    out.push(Compared { what: "blobs".to_owned(), count, sha256: Digest::of(b"", &names) });
    out.push(Compared { what: "state".to_owned(), count: manifest.heads.len() as u64, sha256: manifest.state });
    out
}

/// What has been done of a restoration, step by step, and the wish that it stop between two steps.
struct Steps<'a> {
    progress: &'a Progress,
    cancel: &'a Cancel,
}

impl Steps<'_> {
    fn done(&self) -> Result<(), ProjectError> {
        self.progress.advance(1);
        self.cancel.check().map_err(|_| ProjectError::Cancelled)
    }
}

/// Steps of [`unpack`].
const UNPACKING: u64 = 3;

/// Copies a generation to `folder`, opens it to look, and proves that nothing differs from what was copied once.
fn unpack(generation: &Generation, folder: &Path, home: &Path, steps: &Steps<'_>) -> Result<Vec<String>, ProjectError> {
    copy_out(generation, folder)?;
    steps.done()?;
    let project = Project::open(folder, home, false)?;
    if state_digest(&project.state) != generation.manifest.state {
        let what = "the folded state".to_owned();
        return Err(super::StoreError::CopyDiffers { path: generation.folder.clone(), what }.into());
    }
    steps.done()?;
    let problems = project.verify()?.problems;
    steps.done()?;
    let words: Vec<String> = problems.iter().map(|p| format!("{}: {}: {}", p.kind.word(), p.place, p.detail)).collect();
    // A witness made after the backup saw more than the backup has; that is no damage.
    Ok(words.into_iter().filter(|w| generation.manifest.problems.contains(w) || !w.starts_with("truncated")).collect())
}

/// Restores into a temporary folder, compares everything with what was copied, and leaves nothing.
///
/// # Errors
/// When there is no backup, or anything differs.
pub fn drill(backup: &Path, scratch: Option<&Path>, home: &Path) -> Result<Drill, ProjectError> {
    drill_watched(backup, scratch, home, &Progress::new(), &Cancel::new())
}

/// As [`drill`], counted in steps and stopped between two of them.
///
/// # Errors
/// As [`drill`]; [`ProjectError::Cancelled`] when it was stopped.
pub fn drill_watched(
    backup: &Path,
    scratch: Option<&Path>,
    home: &Path,
    progress: &Progress,
    cancel: &Cancel,
) -> Result<Drill, ProjectError> {
    let steps = Steps { progress, cancel };
    progress.set_total(UNPACKING);
    let generation = find_generation(backup)?;
    let base = scratch.map_or_else(std::env::temp_dir, Path::to_owned);
    let made = platform::fresh_folder(&base, ".shoken-drill", true);
    let folder = Temporary(made.map_err(|source| super::StoreError::Io { path: base.clone(), source })?);
    let problems = unpack(&generation, &folder.0, home, &steps)?;
    let erased = tombstones(home, &generation.manifest.project);
    Ok(Drill {
        erased_inside: generation.still_holds(&erased)?.len(),
        compared: compared(&generation),
        made: generation.manifest.made.clone(),
        generation: generation.folder,
        problems,
    })
}

/// Makes a project of a backup. It starts new streams; what was erased since the backup is erased again.
///
/// # Errors
/// When the target is there (unless it is to be replaced), the backup differs from what was copied, or the disk is full;
/// then what was there is as it was.
pub fn restore(request: RestoreRequest<'_>) -> Result<Restored, ProjectError> {
    restore_watched(request, &Progress::new(), &Cancel::new())
}

/// As [`restore`], counted in steps and stopped between two of them, until the project gets its name.
///
/// # Errors
/// As [`restore`]; [`ProjectError::Cancelled`] when it was stopped.
pub fn restore_watched(
    request: RestoreRequest<'_>,
    progress: &Progress,
    cancel: &Cancel,
) -> Result<Restored, ProjectError> {
    let steps = Steps { progress, cancel };
    progress.set_total(UNPACKING + 1);
    let generation = find_generation(request.backup)?;
    let manifest = generation.manifest.clone();
    let to = std::path::absolute(request.to).unwrap_or_else(|_| request.to.to_owned());
    let mut erased = tombstones(request.home, &manifest.project);
    let mut replaced = None;
    if to.exists() {
        if !request.replace {
            return Err(ProjectError::Refused {
                file: to.display().to_string(),
                reason: "there is something of that name; --replace sets the project that is there aside".to_owned(),
            });
        }
        let old = Project::open(&to, request.home, false)?;
        if old.id() != Some(manifest.project) {
            let reason = "the backup is of another project".to_owned();
            return Err(ProjectError::Refused { file: to.display().to_string(), reason });
        }
        erased.extend(old.erased_subjects());
        replaced = Some(old.newer_than(&manifest.heads));
    }
    let parent = to.parent().map(Path::to_owned).unwrap_or_default();
    std::fs::create_dir_all(&parent).map_err(|source| super::StoreError::Io { path: parent.clone(), source })?;
    let made = platform::fresh_folder(&parent, ".shoken-restoring", false);
    let mut folder = Temporary(made.map_err(|source| super::StoreError::Io { path: parent.clone(), source })?);
    let problems = unpack(&generation, &folder.0, request.home, &steps)?;
    let restoration = Restoration {
        v: 1,
        project: manifest.project,
        made: manifest.made.clone(),
        restored: (request.clock.now)(),
        heads: manifest.heads.clone(),
    };
    restoration.settle(&folder.0, request.home)?;
    let (erased_again, unsigned) = {
        let mut project = Project::open(&folder.0, request.home, true)?.with_clock(request.clock);
        project.erase_again(&erased)?
    };
    steps.done()?;
    let aside = match replaced {
        Some(newer) => Some((set_aside(&to, &restoration.restored)?, newer)),
        None => None,
    };
    std::fs::rename(&folder.0, &to).map_err(|source| super::StoreError::Io { path: to.clone(), source })?;
    folder.0 = PathBuf::new();
    platform::sync_folder(&parent);
    Ok(Restored {
        compared: compared(&generation),
        generation: generation.folder,
        made: manifest.made,
        problems,
        erased_again,
        unsigned,
        set_aside: aside,
    })
}

/// Gives the project that is there another name.
fn set_aside(folder: &Path, time: &str) -> Result<PathBuf, ProjectError> {
    let stem = folder.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let time = time.get(..19).unwrap_or(time).replace(':', "-");
    let name = |n: u32| {
        let again = if n == 0 { String::new() } else { format!("-{n}") };
        folder.with_file_name(format!("{stem}.replaced-{time}Z{again}.shoken"))
    };
    let free = (0..1_000).map(name).find(|p| !p.exists()).ok_or_else(|| ProjectError::Refused {
        file: folder.display().to_string(),
        reason: "every name to set it aside under is taken".to_owned(),
    })?;
    std::fs::rename(folder, &free).map_err(|source| super::StoreError::Io { path: folder.to_owned(), source })?;
    Ok(free)
}

impl Project {
    /// Transactions beyond these heads.
    fn newer_than(&self, heads: &std::collections::BTreeMap<String, crate::store::WitnessHead>) -> u64 {
        let beyond = |s: &crate::journal::Stream| match heads.get(&s.id.to_string()) {
            Some(head) => s.seq.saturating_sub(head.seq),
            None => s.seq + 1,
        };
        self.state.streams.values().map(beyond).sum()
    }

    /// Erases subjects that a tombstone elsewhere condemned. Returns how many there were, and how many tombstones nobody
    /// here may sign.
    fn erase_again(&mut self, erased: &BTreeSet<SubjectId>) -> Result<(usize, usize), ProjectError> {
        let (mut again, mut unsigned) = (0, 0);
        for subject in erased {
            if self.state.is_erased(subject) {
                continue;
            }
            let known = self.state.cases().any(|c| c.subject == *subject);
            if !known && !self.store.holds_subject(subject)? {
                continue;
            }
            again += 1;
            let pseudonym = self.store.pseudonym(subject)?.unwrap_or_default();
            let pseudonym = crate::domain::UserText::new(&pseudonym);
            let command = Command::Privacy(PrivacyCommand::Erase { subject: subject.clone(), pseudonym });
            match self.execute(command, &Cause::Cli) {
                Ok(_) => {}
                Err(ProjectError::Rejected(_) | ProjectError::NobodyHere | ProjectError::Key(_)) => {
                    unsigned += 1;
                    let cases: Vec<_> =
                        self.state.cases().filter(|c| c.subject == *subject).map(|c| c.id.clone()).collect();
                    self.store.destroy_subject(subject, &cases)?;
                }
                Err(e) => return Err(e),
            }
        }
        Ok((again, unsigned))
    }
}
