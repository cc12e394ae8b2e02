//! The one file that talks to `project::Project`: opens it, executes, and copies out what the panels may show.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use egui::Context;

use super::drafts::KeptDraft;
use super::keeping::Answer;
use super::look::Look;
use super::model::{JobRow, Model, Saved};
use super::news::{Failure, SessionEvent};
use super::opening::{self, Arrived, Here, Opening, is_project};
use super::recovery::ResumePlace;
use super::releasing::{Desk, Made, ReleasePage};
use super::views::Lookup;
use super::vocabulary::TermTables;
use super::watch::Watch;
use crate::domain::{AdjudicationTake, CaseId, ImageId, ReaderId, Spacing, UserText};
use crate::project::{
    AccessKind, Cause, Command, FindingDraft, HashOutcome, ImageSource, Project, ProjectError, ReleasePlan,
    SettingsFile, home_dir,
};

pub(super) enum Message {
    Arrived(Result<Arrived, String>),
    Hashed(HashOutcome),
    /// Practice images were made; open them.
    Practice(Result<Vec<PathBuf>, String>),
    Planned(Box<Result<ReleasePlan, ProjectError>>),
    Released(Box<Result<Made, ProjectError>>),
    Kept(Box<Answer>),
    #[cfg(feature = "network")]
    Pacs(Box<super::pacs::PacsAnswer>),
}

/// Makes the practice images in a folder; given by `main`, since the window may not import the demonstration.
pub type Practice = fn(&Path) -> Result<Vec<PathBuf>, String>;

/// The open project, if any, and the values made of it.
pub struct Session {
    ctx: Context,
    pub(super) home: Option<PathBuf>,
    pub(super) settings: Option<SettingsFile>,
    pub(super) project: Option<Project>,
    pub(super) model: Model,
    opening: Option<Opening>,
    /// Dropped while something else was being opened.
    waiting: VecDeque<Vec<PathBuf>>,
    send: Sender<Message>,
    receive: Receiver<Message>,
    /// Spacing of images that were opened, for areas.
    spacing: HashMap<ImageId, Option<Spacing>>,
    terms: TermTables,
    watch: Watch,
    hash_stop: Arc<AtomicBool>,
    pub(super) practice: Option<Practice>,
    /// Who reads, where the command line says so; otherwise the project's creator.
    pub(super) acting: Option<ReaderId>,
    /// What to show first of the project that is being opened.
    pub(super) resume: Option<ResumePlace>,
}

/// How often the count of a job is shown anew.
const JOB_TICK: std::time::Duration = std::time::Duration::from_millis(120);

impl Session {
    pub fn new(ctx: Context) -> Self {
        let (send, receive) = channel();
        let home = Some(home_dir());
        let settings = home.as_deref().and_then(|h| SettingsFile::load(h).ok());
        Self {
            watch: Watch::start(ctx.clone()),
            ctx,
            home,
            settings,
            project: None,
            model: Model::default(),
            opening: None,
            waiting: VecDeque::new(),
            send,
            receive,
            spacing: HashMap::new(),
            terms: TermTables::default(),
            hash_stop: Arc::default(),
            practice: None,
            acting: None,
            resume: None,
        }
    }

    /// A session whose keys, settings and caches live in `home`; for tests.
    #[must_use]
    pub fn with_home(mut self, home: &Path) -> Self {
        self.settings = SettingsFile::load(home).ok();
        self.home = Some(home.to_owned());
        self
    }

    /// What is known before anything is open.
    pub(super) fn begin(&mut self) {
        #[cfg(feature = "network")]
        self.read_pacs();
    }

    pub const fn model(&self) -> &Model {
        &self.model
    }

    pub const fn opening(&self) -> bool {
        self.opening.is_some()
    }

    /// Opens a project folder, or images into the open project or their personal one, on a thread of its own. What is
    /// dropped meanwhile waits its turn.
    pub fn open(&mut self, paths: Vec<PathBuf>) {
        if paths.is_empty() {
            return;
        }
        if self.opening.is_some() {
            self.waiting.push_back(paths);
            return;
        }
        let Some(home) = self.home.clone() else {
            let _ = self.send.send(Message::Arrived(Err("no home folder; set SHOKEN_HOME".to_owned())));
            return;
        };
        let work = Opening::begin();
        self.opening = Some(work.clone());
        self.count_jobs();
        let here = self.project.as_ref().map(|p| Here { folder: p.folder().to_owned(), reader: p.actor().cloned() });
        let (send, ctx, acting) = (self.send.clone(), self.ctx.clone(), self.acting.clone());
        let task = move || {
            // Images join the project that is open; only a project folder replaces it.
            let arrived = match paths.iter().find(|p| is_project(p)) {
                Some(folder) => opening::project(folder, &home, acting.as_ref(), &work),
                None => opening::images(here, &paths, &home, &work),
            };
            let _ = send.send(Message::Arrived(arrived));
            ctx.request_repaint();
        };
        if let Err(e) = std::thread::Builder::new().name("open project".to_owned()).spawn(task) {
            let _ = self.send.send(Message::Arrived(Err(e.to_string())));
        }
    }

    /// Asks the work of [`Session::open`] to stop; what waits behind it is forgotten.
    pub fn cancel_opening(&mut self) {
        self.waiting.clear();
        if let Some(work) = &self.opening {
            work.cancel.cancel();
        }
        self.count_jobs();
    }

    pub(super) fn desk(&self) -> Option<Desk> {
        let project = self.project.as_ref()?;
        let folder = project.folder().to_owned();
        Some(Desk { folder, home: self.home.clone()?, reader: project.actor().cloned() })
    }

    /// Looks at what a release would hold, on a thread of its own.
    pub fn plan_release(&mut self) {
        let Some(desk) = self.desk().filter(|_| !self.model.release.planning) else { return };
        self.model.release.planning = true;
        self.aside("release plan", move || Message::Planned(Box::new(desk.plan())));
    }

    /// Writes a release, on a thread of its own.
    pub fn release(&mut self, version: String, folder: PathBuf) {
        let Some(desk) = self.desk().filter(|_| !self.model.release.making) else { return };
        self.model.release.making = true;
        self.model.release.made = None;
        self.aside("release", move || Message::Released(Box::new(desk.make(&version, &folder))));
    }

    /// Runs work away from the window's thread; its message arrives in [`Session::drain`].
    pub(super) fn aside(&self, name: &str, work: impl FnOnce() -> Message + Send + 'static) {
        let (send, ctx) = (self.send.clone(), self.ctx.clone());
        let task = move || {
            let _ = send.send(work());
            ctx.request_repaint();
        };
        if let Err(e) = std::thread::Builder::new().name(name.to_owned()).spawn(task) {
            let _ = self.send.send(Message::Arrived(Err(e.to_string())));
        }
    }

    /// Somebody else acts from now on, with a key of this computer. Nothing of the one before stays in the model.
    ///
    /// # Errors
    /// An unknown reader, or a key that cannot be opened.
    pub fn act_as(&mut self, reader: &ReaderId) -> Result<(), Failure> {
        let Some(project) = self.project.as_mut() else { return Ok(()) };
        project.act_as(reader)?;
        if let Err(e) = project.note_access(AccessKind::Opened, None, None) {
            tracing::warn!("the access log could not be written: {e}");
        }
        self.model.release = ReleasePage::default();
        self.refresh(&Look::default());
        Ok(())
    }

    /// What runs in the background, for the status line.
    pub(super) fn count_jobs(&mut self) {
        self.model.jobs.clear();
        if let Some(work) = &self.opening {
            let (looked, read) = (work.looked.snapshot(), work.read.snapshot());
            let (key, now) = match (read.total, looked.total) {
                (0, 0) => ("job-opening", looked),
                (0, _) => ("job-looking", looked),
                _ => ("job-reading", read),
            };
            let key = if work.cancel.is_cancelled() { "job-cancelling" } else { key };
            let stop = (!work.cancel.is_cancelled()).then_some(super::action::Job::CancelOpening);
            self.model.jobs.push(JobRow { key, done: now.done, total: now.total, stop });
            self.ctx.request_repaint_after(JOB_TICK);
        }
        if self.model.release.making {
            self.model.jobs.push(JobRow { key: "job-releasing", done: 0, total: 0, stop: None });
        }
        if let Some(job) = self.model.keeping.job() {
            self.model.jobs.push(job);
            self.ctx.request_repaint_after(JOB_TICK);
        }
        #[cfg(feature = "network")]
        if let Some(job) = self.model.pacs.job() {
            self.model.jobs.push(job);
            self.ctx.request_repaint_after(JOB_TICK);
        }
        if let Some((done, total)) = self.model.hashing {
            let (done, total) = (done as u64, total as u64);
            self.model.jobs.push(JobRow { key: "job-hashing", done, total, stop: None });
        }
    }

    /// Makes the practice images and opens them.
    pub fn practise(&mut self) {
        let (Some(make), Some(home)) = (self.practice, self.home.clone()) else { return };
        if self.opening.is_some() {
            return;
        }
        self.opening = Some(Opening::begin());
        self.count_jobs();
        let (send, ctx) = (self.send.clone(), self.ctx.clone());
        let work = move || {
            let folder = home.join("practice");
            let made = std::fs::create_dir_all(&folder).map_err(|e| e.to_string()).and_then(|()| make(&folder));
            let _ = send.send(Message::Practice(made));
            ctx.request_repaint();
        };
        if std::thread::Builder::new().name("practice images".to_owned()).spawn(work).is_err() {
            self.opening = None;
        }
    }

    pub const fn can_practise(&self) -> bool {
        self.practice.is_some()
    }

    pub fn close(&mut self) {
        self.hash_stop.store(true, Ordering::Relaxed);
        self.project = None;
        self.watch.follow(None);
        let keeping = self.model.keeping.alone();
        let before = std::mem::replace(&mut self.model, Model { keeping, ..Model::default() });
        self.model.carry(before);
        self.spacing.clear();
    }

    /// What arrived since the last frame.
    pub fn drain(&mut self) -> Vec<SessionEvent> {
        let (mut out, mut hashed) = (Vec::new(), Vec::new());
        while let Ok(message) = self.receive.try_recv() {
            match message {
                Message::Arrived(result) => out.push(self.arrived(result)),
                Message::Hashed(outcome) => hashed.push(outcome),
                Message::Planned(result) => {
                    self.model.release.planning = false;
                    match *result {
                        Ok(plan) => self.model.release.plan = Some(plan),
                        Err(e) => out.push(SessionEvent::ReleaseFailed(e.into())),
                    }
                }
                Message::Released(result) => {
                    self.model.release.making = false;
                    match *result {
                        Ok(made) => {
                            self.model.release.made = Some(made);
                            out.push(SessionEvent::Released);
                        }
                        Err(e) => out.push(SessionEvent::ReleaseFailed(e.into())),
                    }
                }
                Message::Kept(answer) => self.kept(*answer, &mut out),
                #[cfg(feature = "network")]
                Message::Pacs(answer) => self.pacs_answered(*answer),
                Message::Practice(Ok(paths)) => {
                    self.opening = None;
                    self.open(paths);
                }
                Message::Practice(Err(details)) => {
                    self.opening = None;
                    out.push(SessionEvent::OpenFailed(details));
                }
            }
        }
        if !hashed.is_empty() {
            self.hashed(&hashed, &mut out);
        }
        if let Some(project) = self.project.as_mut().filter(|_| self.watch.take()) {
            match project.catch_up() {
                Ok(true) => out.push(SessionEvent::Changed),
                Ok(false) => {}
                Err(e) => tracing::warn!("catching up failed: {e}"),
            }
        }
        self.count_jobs();
        out
    }

    fn arrived(&mut self, result: Result<Arrived, String>) -> SessionEvent {
        let begun = self.opening.take().map(|work| work.begun);
        let event = match result {
            Err(details) => SessionEvent::OpenFailed(details),
            Ok(Arrived::Cancelled) => SessionEvent::OpenCancelled,
            Ok(Arrived::Nothing) => SessionEvent::NothingToOpen,
            Ok(Arrived::Project(project)) => {
                self.take_project(*project);
                SessionEvent::Opened
            }
            Ok(Arrived::Images { project, images, skipped, first }) => {
                match (project, &mut self.project) {
                    (Some(project), _) => self.take_project(*project),
                    (None, Some(open)) => {
                        if let Err(e) = open.catch_up() {
                            tracing::warn!("catching up failed: {e}");
                        }
                        self.refresh(&Look::default());
                        self.start_hashing();
                    }
                    // It was closed meanwhile; the images are in it all the same.
                    (None, None) => {}
                }
                let at_work = begun.zip(self.model.saved).is_some_and(|(begun, saved)| saved.at > begun);
                SessionEvent::Added { images, skipped, first: first.filter(|_| !at_work) }
            }
        };
        if let Some(next) = self.waiting.pop_front() {
            self.open(next);
        }
        event
    }

    fn take_project(&mut self, project: Project) {
        self.watch.follow(Some(project.folder()));
        self.project = Some(project);
        self.spacing.clear();
        self.begin_keeping();
        self.refresh(&Look::default());
        self.start_hashing();
    }

    /// Reads every image once to its end, on a thread of its own; submitting needs it.
    fn start_hashing(&mut self) {
        let jobs = self.project.as_ref().and_then(|p| p.pending_hashes().ok()).unwrap_or_default();
        self.hash_stop.store(true, Ordering::Relaxed);
        self.hash_stop = Arc::default();
        let total = jobs.len();
        self.model.hashing = (total > 0).then_some((0, total));
        if total == 0 {
            return;
        }
        let (send, ctx, stop) = (self.send.clone(), self.ctx.clone(), Arc::clone(&self.hash_stop));
        let work = move || {
            for job in jobs {
                let outcome = job.run(|_| !stop.load(Ordering::Relaxed));
                if stop.load(Ordering::Relaxed) || send.send(Message::Hashed(outcome)).is_err() {
                    return;
                }
                ctx.request_repaint();
            }
        };
        if let Err(e) = std::thread::Builder::new().name("content hashes".to_owned()).spawn(work) {
            tracing::error!("no thread for the content hashes: {e}");
        }
    }

    /// Keeps what was hashed since the last frame, in one transaction.
    fn hashed(&mut self, outcomes: &[HashOutcome], out: &mut Vec<SessionEvent>) {
        if let Some(error) = outcomes.iter().find_map(|o| o.error.clone()) {
            tracing::warn!("an image could not be read to its end");
            out.push(SessionEvent::OpenFailed(error));
        }
        if let Some(project) = self.project.as_mut()
            && let Err(e) = project.record_hashes(outcomes)
        {
            out.push(SessionEvent::OpenFailed(e.to_string()));
        }
        let n = outcomes.len();
        self.model.hashing =
            self.model.hashing.and_then(|(done, total)| (done + n < total).then_some((done + n, total)));
        out.push(SessionEvent::Changed);
    }

    /// Whether the pixels of an image may be at hand.
    pub fn available(&self, image: &ImageId) -> bool {
        self.model.image(image).is_some_and(|i| i.availability == super::model::Availability::Ready)
    }

    /// The pixels of an image; `None` while they are not at hand, with the reason in the model.
    pub fn open_image(&mut self, image: &ImageId) -> Option<Arc<dyn ImageSource>> {
        match self.project.as_mut()?.open_image(image) {
            Ok(source) => {
                self.spacing.insert(image.clone(), source.meta().spacing);
                Some(source)
            }
            Err(e) => {
                self.model.fail(image, &e.to_string());
                None
            }
        }
    }

    /// Looks for moved files in folders that the person chose.
    pub fn relocate(&mut self, folders: &[PathBuf]) -> SessionEvent {
        let mut found = 0;
        for folder in folders {
            match self.project.as_mut().map(|p| p.relocate(folder)) {
                Some(Ok(report)) => found += report.found,
                Some(Err(e)) => return SessionEvent::OpenFailed(e.to_string()),
                None => {}
            }
        }
        self.start_hashing();
        SessionEvent::Relocated(found)
    }

    /// Executes a command of this person's hand.
    ///
    /// # Errors
    /// A rule's no, or a breakage after which nothing has changed.
    pub fn execute(&mut self, command: Command) -> Result<(), Failure> {
        self.with(|project| project.execute(command, &Cause::Gesture).map(drop))
    }

    /// Takes back the newest gesture; answers with the Fluent key of what it was.
    ///
    /// # Errors
    /// As [`Session::execute`].
    pub fn undo(&mut self, case: &CaseId) -> Result<String, Failure> {
        let what = self.model.undo.clone().unwrap_or_else(|| "history-other".to_owned());
        self.with(|project| project.undo(case).map(drop))?;
        Ok(what)
    }

    /// Does again what was taken back.
    ///
    /// # Errors
    /// As [`Session::execute`].
    pub fn redo(&mut self, case: &CaseId) -> Result<String, Failure> {
        let what = self.model.redo.clone().unwrap_or_else(|| "history-other".to_owned());
        self.with(|project| project.redo(case).map(drop))?;
        Ok(what)
    }

    /// Decides a discrepancy.
    ///
    /// # Errors
    /// As [`Session::execute`].
    pub fn adjudicate(
        &mut self,
        id: &str,
        take: AdjudicationTake,
        drawn: Vec<FindingDraft>,
        reason: &UserText,
    ) -> Result<(), Failure> {
        self.with(|project| {
            let discrepancy = project.find_discrepancy(id)?;
            project.resolve(&discrepancy, take, drawn, reason.as_str(), &Cause::Gesture).map(drop)
        })
    }

    /// Confirms every case on which both readers agree; how many that were.
    ///
    /// # Errors
    /// As [`Session::execute`].
    pub fn confirm_agreed(&mut self) -> Result<usize, Failure> {
        let mut closed = 0;
        self.with(|project| {
            closed = project.close_agreed(&Cause::Gesture)?;
            Ok(())
        })?;
        Ok(closed)
    }

    fn with(&mut self, act: impl FnOnce(&mut Project) -> Result<(), ProjectError>) -> Result<(), Failure> {
        let Some(project) = self.project.as_mut() else {
            return Err(Failure::Broke("the project is still opening".to_owned()));
        };
        act(project)?;
        self.model.saved = Some(Saved { at: Instant::now() });
        Ok(())
    }

    /// Keeps what is drawn and not yet done, or forgets it when there is nothing.
    ///
    /// # Errors
    /// When the drafts cannot be written.
    pub fn keep_draft(&mut self, case: &CaseId, kept: &KeptDraft) -> Result<(), Failure> {
        let Some(project) = self.project.as_ref() else { return Ok(()) };
        if kept.points.is_empty() && kept.redraws.is_empty() {
            return Ok(project.clear_draft(case)?);
        }
        let body = serde_json::to_vec(kept).map_err(|e| Failure::Broke(e.to_string()))?;
        Ok(project.save_draft(case, body)?)
    }

    pub fn load_draft(&self, case: &CaseId) -> Option<KeptDraft> {
        let body = self.project.as_ref()?.load_draft(case).ok().flatten()?;
        serde_json::from_slice(&body).ok().filter(|k: &KeptDraft| k.version == 1)
    }

    /// Notes in the access log that a case was looked at.
    pub fn note_viewed(&mut self, look: &Look) {
        let Some(project) = self.project.as_mut() else { return };
        if let Err(e) = project.note_access(AccessKind::Viewed, look.case.as_ref(), look.image.as_ref()) {
            tracing::warn!("the access log could not be written: {e}");
        }
    }

    /// Makes the model anew from the project, for what `look` has in view.
    pub fn refresh(&mut self, look: &Look) {
        let Some(project) = self.project.as_ref() else { return };
        let keep = (self.model.saved, self.model.hashing, self.model.revision + 1);
        let (jobs, release) = (std::mem::take(&mut self.model.jobs), std::mem::take(&mut self.model.release));
        let keeping = std::mem::take(&mut self.model.keeping);
        let mut lookup = Lookup { project, spacing: &self.spacing, terms: &mut self.terms };
        let made = lookup.model(look);
        let before = std::mem::replace(&mut self.model, made);
        self.model.carry(before);
        (self.model.saved, self.model.hashing, self.model.revision) = keep;
        (self.model.jobs, self.model.release, self.model.keeping) = (jobs, release, keeping);
    }
}
