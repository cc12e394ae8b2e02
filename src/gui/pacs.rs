//! Picture archives at the window: one question or fetch at a time, on a thread of its own, counted and stopped at will; what
//! was fetched is opened as any images are.

use std::path::PathBuf;

use zeroize::Zeroizing;

use super::app::App;
use super::look::Look;
use super::model::JobRow;
use super::session::{Message, Session};
use crate::domain::Sensitive;
use crate::project::pacs::{
    FetchLimits, FetchRequest, Fetched, Filter, PacsEntry, PacsError, Page, Secret, StudyRow, fetch, find_studies,
    pacs_servers,
};
use crate::project::{Cancel, Progress};

/// Studies that are listed at once.
const PAGE: usize = 100;

/// What can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PacsAsk {
    Find {
        /// Those after the ones that are listed.
        more: bool,
    },
    Fetch(Sensitive<String>),
    Stop,
}

/// What the person types. It names patients, so that nothing of it is shown in debug output.
#[derive(Clone, Default)]
pub struct PacsForm {
    pub server: usize,
    pub patient_id: String,
    pub name: String,
    pub date: String,
    pub modality: String,
    pub accession: String,
    /// Password or token, for a server whose settings name no file.
    pub secret: Zeroizing<String>,
    /// Empty for the folder that is proposed.
    pub folder: String,
    pub selected: Option<Sensitive<String>>,
}

impl std::fmt::Debug for PacsForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PacsForm(server {})", self.server)
    }
}

/// The question or fetch under way.
#[derive(Clone, Debug)]
pub struct Asking {
    number: u64,
    pub fetching: bool,
    pub images: Progress,
    pub cancel: Cancel,
}

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub struct PacsPage {
    pub servers: Vec<PacsEntry>,
    /// `None` until somebody has asked.
    pub rows: Option<Vec<StudyRow>>,
    /// The list may go on.
    pub more: bool,
    pub asking: Option<Asking>,
    asked: u64,
    /// Fluent key of what went wrong, and its details.
    pub failed: Option<(&'static str, String)>,
    /// Images that are here now, and how many of them came new.
    pub fetched: Option<(usize, usize)>,
}

impl PacsPage {
    /// Whether there is anything to ask, or to say about why not.
    pub const fn is_there(&self) -> bool {
        !self.servers.is_empty() || self.failed.is_some()
    }

    /// The fetch as the status line shows it.
    pub fn job(&self) -> Option<JobRow> {
        let asking = self.asking.as_ref().filter(|a| a.fetching)?;
        let now = asking.images.snapshot();
        let cancelled = asking.cancel.is_cancelled();
        let stop = (!cancelled).then_some(super::action::Job::Pacs(PacsAsk::Stop));
        let key = if cancelled { "job-cancelling" } else { "job-pacs" };
        Some(JobRow { key, done: now.done, total: now.total, stop })
    }
}

/// An answer with the number of its question.
pub struct PacsAnswer {
    number: u64,
    result: Result<Came, PacsError>,
}

enum Came {
    Studies { rows: Vec<StudyRow>, more: bool, after: bool },
    Images(Fetched),
}

/// Fluent key of what a person does about it.
const fn advice(error: &PacsError) -> &'static str {
    match error {
        PacsError::Settings { .. } | PacsError::NotAUid(_) => "pacs-failed-settings",
        PacsError::Unreachable { .. } => "pacs-failed-unreachable",
        PacsError::NotTrusted { .. } => "pacs-failed-untrusted",
        PacsError::TimedOut { .. } => "pacs-failed-silent",
        PacsError::NotAllowed { .. } => "pacs-failed-denied",
        PacsError::Incomplete { .. } => "pacs-failed-incomplete",
        PacsError::Nothing { .. } => "pacs-failed-nothing",
        PacsError::Disk { .. } | PacsError::TooMuch { .. } => "pacs-failed-disk",
        PacsError::Status { .. } | PacsError::Protocol { .. } | PacsError::Listen { .. } | PacsError::Cancelled => {
            "pacs-failed-answer"
        }
    }
}

impl Session {
    /// Reads anew which servers the user wrote into the settings. Nothing connects.
    pub fn read_pacs(&mut self) {
        let Some(home) = &self.home else { return };
        let page = &mut self.model.pacs;
        page.failed = None;
        match pacs_servers(home) {
            Ok(servers) => page.servers = servers,
            Err(e) => {
                page.servers.clear();
                page.failed = Some((advice(&e), e.to_string()));
            }
        }
    }

    /// Where fetched images go unless the person says otherwise: beside the open project, else among Shoken's own files.
    pub fn pacs_folder(&self) -> PathBuf {
        let beside = self.model.keeping.folder.as_ref().and_then(|f| {
            let name = f.file_stem()?.to_string_lossy().into_owned();
            Some(f.with_file_name(format!("{name}-images")))
        });
        beside.or_else(|| Some(self.home.as_ref()?.join("pacs"))).unwrap_or_default()
    }

    fn ask_pacs(
        &mut self,
        form: &PacsForm,
        fetching: bool,
        work: impl FnOnce(&PacsEntry, Option<&Secret>, &Asking) -> Result<Came, PacsError> + Send + 'static,
    ) {
        let page = &mut self.model.pacs;
        let Some(entry) = page.servers.get(form.server).cloned().filter(|_| page.asking.is_none()) else { return };
        page.asked += 1;
        page.failed = None;
        page.fetched = None;
        let number = page.asked;
        let asking = Asking { number, fetching, images: Progress::new(), cancel: Cancel::new() };
        page.asking = Some(asking.clone());
        self.count_jobs();
        let typed = (entry.must_ask() && !form.secret.is_empty()).then(|| Secret::new(form.secret.to_string()));
        self.aside("pacs", move || {
            let secret = entry.secret().map(|kept| kept.or(typed));
            let result = secret.and_then(|secret| work(&entry, secret.as_ref(), &asking));
            Message::Pacs(Box::new(PacsAnswer { number, result }))
        });
    }

    fn find_in_pacs(&mut self, form: &PacsForm, more: bool) {
        let offset = if more { self.model.pacs.rows.as_ref().map_or(0, Vec::len) } else { 0 };
        if !more {
            self.model.pacs.rows = None;
        }
        let filter = Filter {
            patient_id: Sensitive::new(form.patient_id.clone()),
            patient_name: Sensitive::new(form.name.clone()),
            date: form.date.clone(),
            modality: form.modality.clone(),
            accession: Sensitive::new(form.accession.clone()),
            study: Sensitive::default(),
        };
        self.ask_pacs(form, false, move |entry, secret, asking| {
            let rows = find_studies(&entry.server, secret, &filter, Page { offset, limit: PAGE }, &asking.cancel)?;
            Ok(Came::Studies { more: rows.len() == PAGE, rows, after: offset > 0 })
        });
    }

    fn fetch_from_pacs(&mut self, form: &PacsForm, study: Sensitive<String>) {
        let typed = form.folder.trim();
        let folder = if typed.is_empty() { self.pacs_folder() } else { PathBuf::from(typed) };
        let request = FetchRequest { study, series: Vec::new(), folder, limits: FetchLimits::default() };
        self.ask_pacs(form, true, move |entry, secret, asking| {
            fetch(&entry.server, secret, &request, &asking.images, &Progress::new(), &asking.cancel).map(Came::Images)
        });
    }

    fn stop_pacs(&mut self) {
        if let Some(asking) = &self.model.pacs.asking {
            asking.cancel.cancel();
        }
        self.count_jobs();
    }

    /// Takes an answer in; images that came are opened.
    pub(super) fn pacs_answered(&mut self, answer: PacsAnswer) {
        let page = &mut self.model.pacs;
        if page.asking.take_if(|a| a.number == answer.number).is_none() {
            return;
        }
        match answer.result {
            Ok(Came::Studies { rows, more, after }) => {
                page.more = more;
                match &mut page.rows {
                    Some(before) if after => before.extend(rows),
                    other => *other = Some(rows),
                }
            }
            Ok(Came::Images(done)) => {
                page.fetched = Some((done.files.len(), done.new));
                self.open(done.files);
            }
            Err(PacsError::Cancelled) => {}
            Err(e) => page.failed = Some((advice(&e), e.to_string())),
        }
        self.count_jobs();
    }
}

impl App {
    /// Opens the page with the servers as they stand in the settings now.
    pub(super) fn show_pacs(&mut self) {
        if self.session.model().pacs.asking.is_none() {
            self.session.read_pacs();
        }
        self.look.forms.pacs.server = 0;
        self.look.dialog = super::action::Dialog::Pacs;
    }

    pub(super) fn pacs(&mut self, ask: PacsAsk) {
        let form = &self.look.forms.pacs;
        match ask {
            PacsAsk::Find { more } => self.session.find_in_pacs(form, more),
            PacsAsk::Fetch(study) => self.session.fetch_from_pacs(form, study),
            PacsAsk::Stop => self.session.stop_pacs(),
        }
    }
}

impl super::model::Model {
    /// How many studies are listed; for tests.
    pub fn pacs_rows(&self) -> Option<usize> {
        self.pacs.rows.as_ref().map(Vec::len)
    }

    /// Whether the last question failed; for tests.
    pub const fn pacs_failed(&self) -> bool {
        self.pacs.failed.is_some()
    }
}

impl Look {
    /// The study that is chosen, as long as it is listed.
    pub fn chosen_study<'a>(&self, page: &'a PacsPage) -> Option<&'a StudyRow> {
        let chosen = self.forms.pacs.selected.as_ref()?;
        page.rows.iter().flatten().find(|row| row.study == *chosen)
    }
}
