//! Backups, restoring, copying to a better place and checking: one piece of work at a time, on a thread with a handle of its
//! own, counted and stopped at will; reading goes on meanwhile.

use std::path::PathBuf;
use std::time::Instant;

use super::model::JobRow;
use super::news::SessionEvent;
use super::releasing::Desk;
use super::session::{Message, Session};
use super::trouble::Trouble;
use crate::domain::{CaseId, ReaderId, StreamId, Verdict};
use crate::project::{
    AccessKind, BackupRequest, Cancel, Clock, Concern, Drill, PlaceReport, Progress, Project, ProjectError,
    ReleaseReport, RestoreRequest, Restored, StoreError, VerifyReport, WhyReadOnly, drill_watched, restore_watched,
    verify_release,
};

/// What can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Back up to where the last ones went, and to one place more.
    BackUp(Option<PathBuf>),
    /// Prove that a backup could be restored.
    Drill(PathBuf),
    Restore {
        backup: PathBuf,
        to: PathBuf,
    },
    /// Copy the open project to this computer, and open the copy.
    CopyHere(PathBuf),
    Verify,
    VerifyRelease(PathBuf),
}

impl Task {
    /// Fluent key of what is said while it runs.
    pub const fn key(&self) -> &'static str {
        match self {
            Self::BackUp(_) => "job-backing-up",
            Self::Drill(_) => "job-drilling",
            Self::Restore { .. } => "job-restoring",
            Self::CopyHere(_) => "job-copying",
            Self::Verify => "job-verifying",
            Self::VerifyRelease(_) => "job-verifying-release",
        }
    }

    /// Its answer is about what is open now, and nobody else's.
    const fn only_looks(&self) -> bool {
        matches!(self, Self::Verify | Self::VerifyRelease(_))
    }

    /// It cannot be stopped half-way, and is left alone to run out when nobody wants its answer any more.
    const fn runs_out(&self) -> bool {
        matches!(self, Self::VerifyRelease(_))
    }
}

/// What came of it.
pub enum Kept {
    Listed(Vec<PlaceReport>),
    BackedUp(Vec<PlaceReport>),
    Drilled(Drill),
    Restored(PathBuf, Restored),
    Copied(PathBuf),
    Checked(Checked),
}

/// An answer with the number of the question: those that nobody waits for are dropped.
pub struct Answer {
    number: u64,
    result: Result<Kept, ProjectError>,
}

/// What a check of the project, or of a release, found.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The release's folder; `None` for the open project.
    pub release: Option<PathBuf>,
    /// Word of the kind, place, and detail.
    pub problems: Vec<(&'static str, String, String)>,
    pub notes: Vec<String>,
    /// Fluent keys of what was counted, with the count.
    pub counts: Vec<(&'static str, u64)>,
    pub seconds: u64,
}

/// The work under way.
#[derive(Clone, Debug)]
pub struct Running {
    pub task: Task,
    pub progress: Progress,
    pub cancel: Cancel,
    number: u64,
    pub begun: Instant,
    /// The project that it is about, where one was open.
    folder: Option<PathBuf>,
}

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub struct KeepingPage {
    /// The open project's folder.
    pub folder: Option<PathBuf>,
    pub running: Option<Running>,
    /// `None` until somebody has looked.
    pub places: Option<Vec<PlaceReport>>,
    looking: u64,
    /// Number of the newest question.
    asked: u64,
    /// UTC wall time of the newest backup, and of the project's first transaction.
    pub last: Option<String>,
    pub founded: Option<String>,
    /// What speaks against the place of the project, and a better one.
    pub place: Option<(Concern, PathBuf)>,
    /// The person has read it.
    pub place_read: bool,
    /// What is open is itself a backup.
    pub is_backup: bool,
    pub backed_up: bool,
    pub drilled: Option<Drill>,
    pub restored: Option<(PathBuf, Restored)>,
    /// The copy that was just made, until it is open.
    pub copied: Option<PathBuf>,
    pub checked: Option<Checked>,
    /// What failed last, and the Fluent key of the work.
    pub failed: Option<(&'static str, Trouble)>,
}

impl KeepingPage {
    /// Whole days since the last backup, or since the project was made where there is none.
    pub fn days_without(&self) -> Option<i64> {
        let since = chrono::DateTime::parse_from_rfc3339(self.last.as_ref().or(self.founded.as_ref())?).ok()?;
        Some(chrono::Utc::now().signed_duration_since(since).num_days())
    }

    /// Whether a backup would be welcome: a week of work is at stake.
    pub fn is_due(&self) -> bool {
        self.days_without().is_some_and(|d| d >= DUE_AFTER_DAYS)
    }

    /// What is to be said of the place until somebody has read it.
    pub fn unread_place(&self) -> Option<&(Concern, PathBuf)> {
        self.place.as_ref().filter(|_| !self.place_read)
    }

    /// A page without a project: work that was begun goes on.
    #[must_use]
    pub fn alone(&mut self) -> Self {
        Self { running: self.carried(), asked: self.asked, ..Self::default() }
    }

    /// A copy that is being made is finished; the answer of a check would be another project's, and it stops.
    fn carried(&mut self) -> Option<Running> {
        let running = self.running.take()?;
        if running.task.only_looks() {
            running.cancel.cancel();
            return None;
        }
        Some(running)
    }

    /// The work as the status line shows it.
    pub fn job(&self) -> Option<JobRow> {
        let running = self.running.as_ref()?;
        let now = running.progress.snapshot();
        let cancelled = running.cancel.is_cancelled();
        let key = if cancelled { "job-cancelling" } else { running.task.key() };
        let stop = (!cancelled).then_some(super::action::Job::StopKeeping);
        // All is copied; what is left is reading it back, which has no count.
        let (done, total) = if now.done >= now.total { (0, 0) } else { (now.done, now.total) };
        Some(JobRow { key, done, total, stop })
    }
}

/// A week without a backup is said.
const DUE_AFTER_DAYS: i64 = 7;

/// A case that one reader sealed several times.
#[derive(Clone, Debug, PartialEq)]
pub struct ConflictRow {
    pub case: CaseId,
    pub label: String,
    pub reader: ReaderId,
    pub reads: Vec<RivalRow>,
    /// Somebody has chosen already.
    pub decided: bool,
}

/// One of these reads.
#[derive(Clone, Debug, PartialEq)]
pub struct RivalRow {
    pub read: StreamId,
    pub verdict: Verdict,
    pub findings: usize,
    /// Labels of the terms by language, with how many findings have each; empty for a read that was set aside.
    pub terms: Vec<(std::collections::BTreeMap<String, String>, usize)>,
    pub submitted: String,
    pub set_aside: bool,
}

fn back_up(desk: &Desk, to: Option<&PathBuf>, watch: &Running) -> Result<Kept, ProjectError> {
    let mut project = desk.project()?;
    let mut places = Vec::new();
    if let Some(further) = to {
        // The folder is made here: a later place of the list that is not there counts as a disk that is not connected.
        std::fs::create_dir_all(further).map_err(|source| StoreError::Io { path: further.clone(), source })?;
        if project.last_backup()?.is_some() {
            places.extend(project.backups(&[])?.into_iter().map(|p| p.path).filter(|p| p != further));
        }
        places.push(further.clone());
    }
    let request = BackupRequest { places, ..BackupRequest::default() };
    let made = project.backup(&request, &watch.progress, &watch.cancel)?;
    Ok(Kept::BackedUp(made))
}

fn verify(desk: &Desk, watch: &Running) -> Result<VerifyReport, ProjectError> {
    let mut project = desk.project()?;
    let report = project.verify_watched(&watch.progress, &watch.cancel)?;
    project.note_access(AccessKind::Verified, None, None)?;
    Ok(report)
}

fn of_project(report: VerifyReport, begun: Instant) -> Checked {
    Checked {
        release: None,
        problems: report.problems.into_iter().map(|p| (p.kind.word(), p.place, p.detail)).collect(),
        notes: report.notes,
        counts: vec![
            ("checked-transactions", report.transactions),
            ("checked-streams", report.streams),
            ("checked-values", report.values),
            ("checked-absent", report.values_absent),
            ("checked-witnesses", report.witnesses as u64),
            ("checked-uncovered", report.identity_rows),
        ],
        seconds: begun.elapsed().as_secs(),
    }
}

fn of_release(folder: PathBuf, report: ReleaseReport, begun: Instant) -> Checked {
    Checked {
        release: Some(folder),
        problems: report.problems.into_iter().map(|p| (p.kind.word(), p.place, p.detail)).collect(),
        notes: report.notes,
        counts: vec![
            ("checked-files", report.files as u64),
            ("checked-labels", report.labels as u64),
            ("checked-transactions", report.transactions),
        ],
        seconds: begun.elapsed().as_secs(),
    }
}

/// Carries one piece of work out. `desk` is absent where no project is open.
fn work(desk: Option<&Desk>, home: &std::path::Path, watch: &Running) -> Result<Kept, ProjectError> {
    let (progress, cancel) = (&watch.progress, &watch.cancel);
    let here = || desk.ok_or(ProjectError::NobodyHere);
    match &watch.task {
        Task::BackUp(to) => back_up(here()?, to.as_ref(), watch),
        Task::Drill(backup) => Ok(Kept::Drilled(drill_watched(backup, None, home, progress, cancel)?)),
        Task::Restore { backup, to } => {
            let request = RestoreRequest { backup, to, home, replace: false, clock: Clock::system() };
            Ok(Kept::Restored(to.clone(), restore_watched(request, progress, cancel)?))
        }
        Task::CopyHere(to) => {
            here()?.project()?.copy_to(to, progress, cancel)?;
            Ok(Kept::Copied(to.clone()))
        }
        Task::Verify => Ok(Kept::Checked(of_project(verify(here()?, watch)?, watch.begun))),
        Task::VerifyRelease(folder) => {
            Ok(Kept::Checked(of_release(folder.clone(), verify_release(folder), watch.begun)))
        }
    }
}

impl Session {
    /// Begins a piece of work; while one is under way another is refused.
    pub fn keep(&mut self, task: Task) -> bool {
        if self.model.keeping.running.is_some() {
            return false;
        }
        let Some(home) = self.home.clone() else { return false };
        let desk = self.desk();
        let page = &mut self.model.keeping;
        page.asked += 1;
        page.failed = None;
        match &task {
            Task::BackUp(_) => page.backed_up = false,
            Task::Drill(_) => page.drilled = None,
            Task::Restore { .. } | Task::CopyHere(_) => page.restored = None,
            Task::Verify | Task::VerifyRelease(_) => page.checked = None,
        }
        let (progress, cancel) = (Progress::new(), Cancel::new());
        let folder = desk.as_ref().map(|d| d.folder.clone());
        let running = Running { task, progress, cancel, number: page.asked, begun: Instant::now(), folder };
        page.running = Some(running.clone());
        self.count_jobs();
        self.aside("keeping", move || {
            let result = work(desk.as_ref(), &home, &running);
            Message::Kept(Box::new(Answer { number: running.number, result }))
        });
        true
    }

    /// Asks the work to stop; whether it is over with that.
    pub fn stop_keeping(&mut self) -> bool {
        let page = &mut self.model.keeping;
        let Some(running) = &page.running else { return false };
        running.cancel.cancel();
        let over = running.task.runs_out();
        if over {
            page.running = None;
        }
        self.count_jobs();
        over
    }

    /// Looks at the places for backups; a disk that is not there may take its time.
    pub fn list_backups(&mut self) {
        let Some(desk) = self.desk() else { return };
        self.model.keeping.asked += 1;
        let number = self.model.keeping.asked;
        self.model.keeping.looking = number;
        self.aside("list backups", move || {
            let result = desk.project().and_then(|p| p.backups(&[])).map(Kept::Listed);
            Message::Kept(Box::new(Answer { number, result }))
        });
    }

    /// A fresh page for the project that was just opened. What was restored is still said.
    pub(super) fn begin_keeping(&mut self) {
        let Some(project) = &self.project else { return };
        let mut before = std::mem::take(&mut self.model.keeping);
        let running = before.carried();
        let place = project.place_concern();
        self.model.keeping = KeepingPage {
            asked: before.asked,
            running,
            folder: Some(project.folder().to_owned()),
            is_backup: matches!(project.read_only(), Some(WhyReadOnly::Backup)),
            copied: before.copied.filter(|folder| folder == project.folder()),
            restored: before.restored.filter(|(folder, _)| folder == project.folder()),
            last: project.last_backup().unwrap_or_default(),
            founded: project.founded().unwrap_or_default(),
            place_read: place.as_ref().is_some_and(|(c, _)| project.knows_place_concern(c)),
            place,
            ..KeepingPage::default()
        };
    }

    /// The person has read what was said of the place.
    pub fn note_place(&mut self) {
        if let (Some(project), Some((concern, _))) = (&self.project, &self.model.keeping.place) {
            project.note_place_concern(concern);
        }
        self.model.keeping.place_read = true;
    }

    /// Takes an answer in.
    pub(super) fn kept(&mut self, answer: Answer, out: &mut Vec<SessionEvent>) {
        let page = &mut self.model.keeping;
        if let Ok(Kept::Listed(places)) = answer.result {
            if answer.number == page.looking {
                page.places = Some(places);
            }
            return;
        }
        let Some(running) = page.running.take_if(|r| r.number == answer.number) else { return };
        let result = match answer.result {
            Ok(result) => result,
            Err(e) => {
                let trouble = Trouble::of(&e);
                if !trouble.stopped {
                    page.failed = Some((running.task.key(), trouble.clone()));
                }
                out.push(SessionEvent::KeepingFailed(trouble));
                return;
            }
        };
        let here = running.folder == page.folder;
        match result {
            Kept::Listed(_) => {}
            Kept::BackedUp(_) if !here => out.push(SessionEvent::BackedUp),
            Kept::Drilled(_) | Kept::Checked(_) if !here => {}
            Kept::BackedUp(places) => {
                let made = places.iter().flat_map(|p| &p.generations).map(|g| g.made.clone()).max();
                page.last = made.or(page.last.take());
                page.places = Some(places);
                page.backed_up = true;
                out.push(SessionEvent::BackedUp);
            }
            Kept::Drilled(drill) => {
                page.drilled = Some(drill);
                out.push(SessionEvent::Drilled);
            }
            Kept::Restored(folder, restored) => {
                page.restored = Some((folder.clone(), restored));
                self.open(vec![folder]);
                out.push(SessionEvent::Restored);
            }
            Kept::Copied(folder) => {
                page.copied = Some(folder.clone());
                self.open(vec![folder]);
                out.push(SessionEvent::Copied);
            }
            Kept::Checked(checked) => {
                let sound = checked.problems.is_empty();
                page.checked = Some(checked);
                out.push(SessionEvent::Checked { sound });
            }
        }
    }
}

/// Rival reads for whoever may choose between them: all of them on the page, else those that wait.
pub fn conflicts_of(
    project: &Project,
    all: bool,
    labels: impl Fn(&crate::domain::TermRef) -> std::collections::BTreeMap<String, String>,
) -> Vec<ConflictRow> {
    use crate::project::ReadScope;
    let Ok(found) = project.conflicts(all) else { return Vec::new() };
    let waiting = |c: &crate::project::Conflict| c.reads.iter().filter(|r| !r.set_aside).count() > 1;
    let mut rows = Vec::new();
    for conflict in found {
        let decided = !waiting(&conflict);
        let scope = project.actor().cloned().map(ReadScope::Office);
        let seen = scope.and_then(|s| project.view(&conflict.case, &s).ok()).map(|v| v.reads).unwrap_or_default();
        let terms = |read: &StreamId| {
            let mut out: Vec<(std::collections::BTreeMap<String, String>, usize)> = Vec::new();
            let findings = seen.iter().filter(|r| r.stream == *read).flat_map(|r| &r.findings);
            for label in findings.filter_map(|f| f.terms.first()).map(&labels) {
                match out.iter_mut().find(|(l, _)| *l == label) {
                    Some((_, n)) => *n += 1,
                    None => out.push((label, 1)),
                }
            }
            out
        };
        let reads = conflict.reads.iter().map(|r| RivalRow {
            read: r.read,
            verdict: r.verdict,
            findings: r.findings,
            terms: terms(&r.read),
            submitted: r.submitted.clone(),
            set_aside: r.set_aside,
        });
        rows.push(ConflictRow {
            reads: reads.collect(),
            case: conflict.case,
            label: conflict.label,
            reader: conflict.reader,
            decided,
        });
    }
    rows.sort_by_key(|r| r.decided);
    rows
}
