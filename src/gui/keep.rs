//! What the hand does on the pages for backups and checks, and what is said when the work is done.

use std::path::{Path, PathBuf};

use super::action::{Action, Dialog, FolderFor, Job, KeepTab, Workspace};
use super::app::App;
use super::i18n::Arg;
use super::keeping::Task;
use super::news::SessionEvent;
use super::trouble::Trouble;
use crate::project::free_place;

impl App {
    pub(super) fn show_keeping(&mut self, tab: KeepTab) {
        self.look.keep = tab;
        if self.look.workspace != Workspace::Keeping {
            self.set_workspace(Workspace::Keeping);
        }
    }

    /// Begins a piece of work, and says so when another one is in the way.
    pub(super) fn keep(&mut self, task: Task) {
        let backing_up = matches!(task, Task::BackUp(_));
        if !self.session.keep(task) {
            self.notices.refused(self.words.t("refused-keeping-busy"));
        } else if backing_up {
            self.look.forms.backup_folder.clear();
        }
    }

    pub(super) fn copy_here(&mut self) {
        let Some((_, better)) = &self.session.model().keeping.place else { return };
        let to = free_place(better);
        self.ask(Action::Run(Job::Keep(Task::CopyHere(to))));
    }

    /// Tries the newest backup that is at hand.
    pub(super) fn drill_newest(&mut self) {
        self.show_keeping(KeepTab::Backups);
        let places = self.session.model().keeping.places.iter().flatten();
        let newest = places.flat_map(|p| &p.generations).max_by(|a, b| a.made.cmp(&b.made));
        match newest.map(|g| g.folder.clone()) {
            Some(folder) => self.ask(Action::Run(Job::Keep(Task::Drill(folder)))),
            None => self.notices.refused(self.words.t("refused-no-backup")),
        }
    }

    /// The dialog that asks what to restore, and where.
    pub(super) fn ask_what_to_restore(&mut self, backup: &Path) {
        let page = &self.session.model().keeping;
        let stem = page.folder.as_ref().and_then(|f| f.file_stem()).map(|s| s.to_string_lossy().into_owned());
        let name = stem.map_or_else(|| "restored.shoken".to_owned(), |s| format!("{s}-restored.shoken"));
        let forms = &mut self.look.forms;
        forms.restore_from = backup.to_string_lossy().into_owned();
        forms.restore_to = free_place(Path::new(&name)).to_string_lossy().into_owned();
        self.look.dialog = Dialog::Restore;
    }

    pub(super) fn folder_chosen(&mut self, what: FolderFor, folder: PathBuf) {
        let text = folder.to_string_lossy().into_owned();
        let forms = &mut self.look.forms;
        match what {
            FolderFor::Release => forms.release_folder = text,
            FolderFor::Backups => forms.backup_folder = text,
            FolderFor::RestoreFrom => forms.restore_from = text,
            FolderFor::RestoreInto => {
                let name = Path::new(&forms.restore_to).file_name().unwrap_or_else(|| "restored.shoken".as_ref());
                forms.restore_to = folder.join(name).to_string_lossy().into_owned();
            }
            #[cfg(feature = "network")]
            FolderFor::Pacs => forms.pacs.folder = text,
            FolderFor::Check => self.ask(Action::Run(Job::Keep(Task::VerifyRelease(folder)))),
        }
    }

    /// What a piece of work brought.
    pub(super) fn kept(&mut self, event: SessionEvent) {
        match event {
            SessionEvent::BackedUp => self.notices.done(self.words.t("done-backed-up")),
            SessionEvent::Drilled => self.notices.done(self.words.t("done-drilled")),
            SessionEvent::Restored | SessionEvent::Copied => self.notices.done(self.words.t("done-restored")),
            SessionEvent::Checked { sound: true } => self.notices.done(self.words.t("done-checked")),
            SessionEvent::Checked { sound: false } => {
                self.notices.refused(self.words.t("done-checked-problems"));
            }
            SessionEvent::KeepingFailed(trouble) => self.tell_trouble(trouble),
            _ => {}
        }
    }

    fn tell_trouble(&mut self, trouble: Trouble) {
        let text = self.words.t(trouble.key);
        if trouble.stopped {
            self.notices.done(text);
        } else {
            self.notices.failed(text, trouble.details);
        }
    }

    /// A project that was just restored opens on the page that says what came of it.
    pub(super) fn after_restoring(&mut self) {
        let page = &self.session.model().keeping;
        if page.copied.is_some() {
            self.notices.done(self.words.t("done-copied-here"));
            return;
        }
        let said = page.restored.as_ref().filter(|(folder, _)| page.folder.as_ref() == Some(folder));
        if let Some((folder, _)) = said {
            let name = folder.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            self.show_keeping(KeepTab::Backups);
            self.notices.done(self.words.with("done-restored-open", &[("name", Arg::from(name))]));
        }
    }
}
