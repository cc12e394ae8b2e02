//! The one file that talks to `project::Project`: opens it, executes, and copies out what the panels may show.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use egui::Context;
use serde::{Deserialize, Serialize};

use super::i18n::Lang;
use super::look::Look;
use super::model::{Model, Saved};
use super::views::Lookup;
use crate::domain::{AdjudicationTake, CaseId, ImageId, PointPx, ReaderId, Spacing, UserText};
use crate::project::{
    AccessKind, Cancel, CaseBy, Cause, Command, HashOutcome, ImageSource, Language, Progress, Project, ProjectError,
    Rejection, SettingsFile, StoreError, home_dir,
};

/// Why something was not done.
#[derive(Debug)]
pub enum Failure {
    /// A rule said no; nothing was changed.
    Refused(Rejection),
    /// The project can only be looked at.
    ReadOnly,
    /// Something broke; the text is for "copy details".
    Broke(String),
}

impl From<ProjectError> for Failure {
    fn from(e: ProjectError) -> Self {
        match e {
            ProjectError::Rejected(r) => Self::Refused(r),
            ProjectError::Store(StoreError::ReadOnly(_)) => Self::ReadOnly,
            other => Self::Broke(other.to_string()),
        }
    }
}

/// What happened away from the window's thread.
#[derive(Debug)]
pub enum SessionEvent {
    Opened { images: usize, skipped: usize, first: Option<CaseId>, made_of_images: bool },
    OpenFailed(String),
    Relocated(usize),
    Changed,
}

/// An unfinished outline as it is kept in `drafts.sqlite`. Unknown fields of a newer version are ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptDraft {
    pub version: u32,
    pub image: ImageId,
    pub frame: u32,
    pub points: Vec<PointPx>,
}

struct Arrived {
    project: Project,
    images: usize,
    skipped: usize,
    first: Option<CaseId>,
    made_of_images: bool,
}

enum Message {
    Arrived(Box<Result<Arrived, String>>),
    Hashed(HashOutcome),
    /// Practice images were made; open them.
    Practice(Result<Vec<PathBuf>, String>),
}

/// Makes the practice images in a folder; given by `main`, since the window may not import the demonstration.
pub type Practice = fn(&Path) -> Result<Vec<PathBuf>, String>;

/// The open project, if any, and the values made of it.
pub struct Session {
    ctx: Context,
    home: Option<PathBuf>,
    settings: Option<SettingsFile>,
    project: Option<Project>,
    model: Model,
    opening: bool,
    send: Sender<Message>,
    receive: Receiver<Message>,
    /// Spacing of images that were opened, for areas.
    spacing: HashMap<ImageId, Option<Spacing>>,
    checked: Option<Instant>,
    hash_stop: Arc<AtomicBool>,
    pub(super) practice: Option<Practice>,
    /// Who reads, where the command line says so; otherwise the project's creator.
    pub(super) acting: Option<ReaderId>,
}

/// How often to look for what other programs appended.
const CATCH_UP_EVERY: std::time::Duration = std::time::Duration::from_millis(800);

impl Session {
    pub fn new(ctx: Context) -> Self {
        let (send, receive) = channel();
        let home = Some(home_dir());
        let settings = home.as_deref().and_then(|h| SettingsFile::load(h).ok());
        Self {
            ctx,
            home,
            settings,
            project: None,
            model: Model::default(),
            opening: false,
            send,
            receive,
            spacing: HashMap::new(),
            checked: None,
            hash_stop: Arc::default(),
            practice: None,
            acting: None,
        }
    }

    /// A session whose keys, settings and caches live in `home`; for tests.
    #[must_use]
    pub fn with_home(mut self, home: &Path) -> Self {
        self.settings = SettingsFile::load(home).ok();
        self.home = Some(home.to_owned());
        self
    }

    pub const fn model(&self) -> &Model {
        &self.model
    }

    pub const fn opening(&self) -> bool {
        self.opening
    }

    /// The language and theme that the settings remember.
    pub fn remembered(&self) -> (Lang, bool) {
        let settings = self.settings.as_ref().map(SettingsFile::settings);
        let lang = settings.map_or(Lang::Ja, |s| if s.language == Language::English { Lang::En } else { Lang::Ja });
        (lang, settings.is_none_or(|s| s.theme == crate::project::Theme::Dark))
    }

    pub fn remember_lang(&mut self, lang: Lang) {
        let language = if lang == Lang::En { Language::English } else { Language::Japanese };
        self.remember(|s| s.language = language);
    }

    pub fn remember_theme(&mut self, dark: bool) {
        let theme = if dark { crate::project::Theme::Dark } else { crate::project::Theme::Light };
        self.remember(|s| s.theme = theme);
    }

    fn remember(&mut self, change: impl FnOnce(&mut crate::project::Settings)) {
        if let Some(file) = &mut self.settings
            && let Err(e) = file.update(change)
        {
            // The choice holds for this run; the next start asks the file again.
            tracing::warn!("the settings could not be written: {e}");
        }
    }

    /// Opens a project folder, or the personal project of images, on a thread of its own.
    pub fn open(&mut self, paths: Vec<PathBuf>) {
        if self.opening || paths.is_empty() {
            return;
        }
        let Some(home) = self.home.clone() else {
            let _ = self.send.send(Message::Arrived(Box::new(Err("no home folder; set SHOKEN_HOME".to_owned()))));
            return;
        };
        self.opening = true;
        // Images join the project that is open; only a project folder replaces it.
        let here = if paths.iter().any(|p| is_project(p)) { None } else { self.project.take() };
        let (send, ctx, acting) = (self.send.clone(), self.ctx.clone(), self.acting.clone());
        let work = move || {
            let _ = send.send(Message::Arrived(Box::new(arrive(here, &paths, &home, acting.as_ref()))));
            ctx.request_repaint();
        };
        if let Err(e) = std::thread::Builder::new().name("open project".to_owned()).spawn(work) {
            self.opening = false;
            let _ = self.send.send(Message::Arrived(Box::new(Err(e.to_string()))));
        }
    }

    /// Makes the practice images and opens them.
    pub fn practise(&mut self) {
        let (Some(make), Some(home)) = (self.practice, self.home.clone()) else { return };
        if self.opening {
            return;
        }
        self.opening = true;
        let (send, ctx) = (self.send.clone(), self.ctx.clone());
        let work = move || {
            let folder = home.join("practice");
            let made = std::fs::create_dir_all(&folder).map_err(|e| e.to_string()).and_then(|()| make(&folder));
            let _ = send.send(Message::Practice(made));
            ctx.request_repaint();
        };
        if std::thread::Builder::new().name("practice images".to_owned()).spawn(work).is_err() {
            self.opening = false;
        }
    }

    pub const fn can_practise(&self) -> bool {
        self.practice.is_some()
    }

    pub fn close(&mut self) {
        self.hash_stop.store(true, Ordering::Relaxed);
        self.project = None;
        self.model = Model::default();
        self.spacing.clear();
    }

    /// What arrived since the last frame.
    pub fn drain(&mut self) -> Vec<SessionEvent> {
        let mut out = Vec::new();
        while let Ok(message) = self.receive.try_recv() {
            match message {
                Message::Arrived(result) => out.push(self.arrived(*result)),
                Message::Hashed(outcome) => self.hashed(&outcome, &mut out),
                Message::Practice(Ok(paths)) => {
                    self.opening = false;
                    self.open(paths);
                }
                Message::Practice(Err(details)) => {
                    self.opening = false;
                    out.push(SessionEvent::OpenFailed(details));
                }
            }
        }
        let due = self.checked.is_none_or(|at| at.elapsed() >= CATCH_UP_EVERY);
        if let Some(project) = self.project.as_mut().filter(|_| due) {
            self.checked = Some(Instant::now());
            match project.catch_up() {
                Ok(true) => out.push(SessionEvent::Changed),
                Ok(false) => {}
                Err(e) => tracing::warn!("catching up failed: {e}"),
            }
        }
        out
    }

    fn arrived(&mut self, result: Result<Arrived, String>) -> SessionEvent {
        self.opening = false;
        match result {
            Err(details) => SessionEvent::OpenFailed(details),
            Ok(arrived) => {
                self.project = Some(arrived.project);
                self.refresh(&Look::default());
                self.start_hashing();
                SessionEvent::Opened {
                    images: arrived.images,
                    skipped: arrived.skipped,
                    first: arrived.first,
                    made_of_images: arrived.made_of_images,
                }
            }
        }
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

    fn hashed(&mut self, outcome: &HashOutcome, out: &mut Vec<SessionEvent>) {
        if let Some(error) = &outcome.error {
            tracing::warn!("an image could not be read to its end");
            out.push(SessionEvent::OpenFailed(error.clone()));
        }
        if let Some(project) = self.project.as_mut()
            && let Err(e) = project.record_hashes(std::slice::from_ref(outcome))
        {
            out.push(SessionEvent::OpenFailed(e.to_string()));
        }
        self.model.hashing =
            self.model.hashing.and_then(|(done, total)| (done + 1 < total).then_some((done + 1, total)));
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
    pub fn adjudicate(&mut self, id: &str, take: AdjudicationTake, reason: &UserText) -> Result<(), Failure> {
        self.with(|project| {
            let discrepancy = project.find_discrepancy(id)?;
            project.resolve(&discrepancy, take, Vec::new(), reason.as_str(), &Cause::Gesture).map(drop)
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

    /// Keeps an unfinished outline, or forgets it when there is none.
    ///
    /// # Errors
    /// When the drafts cannot be written.
    pub fn keep_draft(
        &mut self,
        case: &CaseId,
        image: &ImageId,
        frame: u32,
        points: Vec<PointPx>,
    ) -> Result<(), Failure> {
        let Some(project) = self.project.as_ref() else { return Ok(()) };
        if points.is_empty() {
            return Ok(project.clear_draft(case)?);
        }
        let kept = KeptDraft { version: 1, image: image.clone(), frame, points };
        let body = serde_json::to_vec(&kept).map_err(|e| Failure::Broke(e.to_string()))?;
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
        let lookup = Lookup { project, spacing: &self.spacing };
        self.model = lookup.model(look);
        (self.model.saved, self.model.hashing, self.model.revision) = keep;
    }
}

/// Opens the project of some paths and catalogues the images among them.
fn arrive(here: Option<Project>, paths: &[PathBuf], home: &Path, acting: Option<&ReaderId>) -> Result<Arrived, String> {
    let folder = paths.iter().find(|p| is_project(p));
    if let Some(folder) = folder {
        let mut project = Project::open(folder, home, true).map_err(|e| e.to_string())?;
        if let Some(reader) = acting {
            project.act_as(reader).map_err(|e| e.to_string())?;
        }
        if let Err(e) = project.note_access(AccessKind::Opened, None, None) {
            tracing::warn!("the access log could not be written: {e}");
        }
        return Ok(Arrived { project, images: 0, skipped: 0, first: None, made_of_images: false });
    }
    let mut project = match here {
        Some(project) => project,
        None => Project::open_or_create_personal(paths, home).map_err(|e| e.to_string())?.project,
    };
    let added = project.import(paths, CaseBy::Auto, &Cause::Gesture, &Progress::new(), &Cancel::new());
    match added {
        Ok(added) => {
            let first = added.images.first().or_else(|| added.known.first()).map(|(case, _)| case.clone());
            let images = added.images.len() + added.known.len();
            Ok(Arrived { project, images, skipped: added.skipped.len(), first, made_of_images: true })
        }
        // The folder holds no image; what was open stays open.
        Err(ProjectError::NothingToImport(_)) => {
            Ok(Arrived { project, images: 0, skipped: 0, first: None, made_of_images: true })
        }
        Err(e) => Err(e.to_string()),
    }
}

fn is_project(path: &Path) -> bool {
    path.join("project.sqlite").is_file()
}
