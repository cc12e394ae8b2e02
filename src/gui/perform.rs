//! Carrying out what was asked: the second half of `App::logic`.

use egui::Context;

use super::action::{Action, Job, ViewChange, Workspace};
use super::actions::Preset;
use super::app::App;
use super::chooser::Chooser;
use super::i18n::{Arg, Lang, Words};
use super::model::RoiRow;
use super::news::{Failure, SessionEvent};
use super::refusals;
use super::tools::{Tool, ToolKind};
use crate::domain::{FindingId, ImageId, Role, Shape};
use crate::project::{CampaignCommand, Command, FindingCommand, ReadCommand};

impl App {
    pub(super) fn perform(&mut self, ctx: &Context, action: Action) {
        match action {
            Action::Do(command) => self.execute(command),
            Action::Undo => self.undo(),
            Action::Redo => self.redo(),
            Action::Look(change) => self.change_view(ctx, change),
            Action::Run(job) => self.run(ctx, job),
            Action::Hand(input) => self.hand(input),
            Action::Call(id) => self.call(ctx, id),
        }
    }

    pub(super) fn execute(&mut self, command: Command) {
        let said = done_words(&self.words, &command, self);
        match self.session.execute(command) {
            Ok(()) => {
                self.session.refresh(&self.look);
                self.prune_selection();
                if let Some(text) = said {
                    self.notices.done(text);
                }
            }
            Err(failure) => self.tell(&failure),
        }
    }

    /// A refusal in words; a failure with its details, and that nothing is lost.
    pub(super) fn tell(&mut self, failure: &Failure) {
        match failure {
            Failure::Refused(rejection) => self.notices.refused(refusals::words(&self.words, rejection)),
            Failure::DiskFull => self.notices.refused(self.words.t("refused-disk-full")),
            Failure::ReadOnly => self.notices.refused(self.words.t("refused-read-only")),
            Failure::Broke(details) => self.notices.failed(self.words.t("failed-generic"), details.clone()),
        }
    }

    fn undo(&mut self) {
        if self.look.workspace == Workspace::Adjudicate {
            // A decision is replaced by another one, never taken back; a region that is still in the making is.
            if !self.reopen_redraw() {
                self.notices.refused(self.words.t("refused-undo-decision"));
            }
            return;
        }
        let Some(case) = self.look.case.clone() else { return };
        match self.session.undo(&case) {
            Ok(what) => self.after_undo("done-undone", &what),
            Err(failure) => self.tell(&failure),
        }
    }

    fn redo(&mut self) {
        if self.look.workspace == Workspace::Adjudicate {
            return;
        }
        let Some(case) = self.look.case.clone() else { return };
        match self.session.redo(&case) {
            Ok(what) => self.after_undo("done-redone", &what),
            Err(failure) => self.tell(&failure),
        }
    }

    fn after_undo(&mut self, key: &str, what: &str) {
        self.session.refresh(&self.look);
        self.prune_selection();
        let what = self.words.t(what);
        self.notices.done(self.words.with(key, &[("what", Arg::from(what))]));
    }

    /// A selection never outlives its finding.
    fn prune_selection(&mut self) {
        let gone = self.look.selected.as_ref().is_some_and(|id| self.session.model().finding(id).is_none());
        if gone {
            self.look.selected = None;
        }
    }

    /// What a background job or another program brought.
    pub(super) fn take_in(&mut self, event: SessionEvent) {
        match event {
            SessionEvent::Opened => {
                self.begin_anew();
                self.after_restoring();
                if self.session.model().project.as_ref().is_some_and(|p| p.reader.is_empty()) {
                    self.notices.failed(self.words.t("refused-nobody"), String::new());
                }
            }
            SessionEvent::Added { images, skipped, first } => {
                let opened = self.words.count("done-opened", images);
                self.notices.done(match skipped {
                    0 => opened,
                    k => format!("{opened}（{}）", self.words.count("skipped-files", k)),
                });
                // Nobody is taken away from what they are drawing on.
                if first.is_some() && !self.tool.is_drawing() || self.look.case.is_none() {
                    self.first_case(first);
                } else {
                    self.session.refresh(&self.look);
                }
            }
            SessionEvent::NothingToOpen => self.notices.refused(self.words.t("nothing-opened")),
            SessionEvent::OpenCancelled => self.notices.done(self.words.t("done-open-cancelled")),
            SessionEvent::OpenFailed(details) => self.notices.failed(self.words.t("failed-open"), details),
            SessionEvent::ReleaseFailed(failure) => self.tell(&failure),
            SessionEvent::Released => {
                self.session.plan_release();
                self.look.forms.release_version.clear();
                self.notices.done(self.words.t("done-released"));
            }
            SessionEvent::BackedUp
            | SessionEvent::Drilled
            | SessionEvent::Restored
            | SessionEvent::Copied
            | SessionEvent::Checked { .. }
            | SessionEvent::KeepingFailed(_) => self.kept(event),
            SessionEvent::Relocated(n) => {
                self.stage.close();
                self.session.refresh(&self.look);
                self.notices.done(self.words.count("done-relocated", n));
            }
            SessionEvent::Changed => {
                self.session.refresh(&self.look);
                self.prune_selection();
            }
        }
    }

    /// What to show first: what was just added, else the first case that is not submitted yet.
    fn first_case(&mut self, added: Option<crate::domain::CaseId>) {
        let model = self.session.model();
        if model.project.as_ref().is_some_and(super::model::ProjectHead::only_audits) {
            self.show_keeping(super::action::KeepTab::Check);
            return;
        }
        let roles = model.project.as_ref().map(|p| p.roles.clone()).unwrap_or_default();
        if !roles.contains(&Role::Reader) && roles.contains(&Role::Adjudicator) {
            self.set_workspace(Workspace::Adjudicate);
            return;
        }
        let next = model.cases.iter().find(|c| c.state.editable()).or_else(|| model.cases.first());
        if let Some(case) = added.or_else(|| next.map(|c| c.id.clone())) {
            self.look.image = None;
            self.open_case(&case);
        }
    }

    pub(super) fn open_case(&mut self, case: &crate::domain::CaseId) {
        self.put_tool_away();
        if self.look.case.as_ref() != Some(case) {
            // Nothing of the case before stays in view beside this one.
            self.stage.one_cell();
        }
        let another = self.look.case.as_ref() != Some(case);
        self.look.case = Some(case.clone());
        self.look.selected = None;
        self.look.marked.clear();
        self.look.verdict = None;
        self.session.refresh(&self.look);
        let image = self.session.model().case(case).and_then(|c| c.images.first()).map(|i| i.id.clone());
        if let Some(image) = image {
            self.open_image(&image);
        }
        if another {
            self.second_follows_case();
        }
        self.resume_draft();
    }

    pub(super) fn open_image(&mut self, image: &ImageId) {
        if self.look.image.as_ref() == Some(image) {
            return;
        }
        self.put_tool_away();
        self.look.image = Some(image.clone());
        self.look.preset = None;
        self.look.frame = 0;
        self.session.refresh(&self.look);
        if let Some(frame) = self.stage.follow(&mut self.session, &self.look) {
            self.look.frame = frame;
        }
        let frames = self.session.model().image(image).map_or(1, |i| i.frames);
        // A slide or a photograph is there to be outlined; on a stack the left drag sets the window until a tool is asked for.
        let radiology = self.look.field(self.session.model()) == Some(crate::domain::Field::Radiology);
        let reads_values = radiology && !self.look.profile.opens_radiographs_with_pen();
        let looks = frames > 1 || reads_values || !self.look.editable(self.session.model());
        let kind = if looks { ToolKind::Select } else { ToolKind::Polygon };
        self.tool = Tool::new(kind);
        self.session.note_viewed(&self.look);
    }

    /// Another cell gets the tools; a draft stays with the image it was begun on.
    fn activate(&mut self, cell: usize) {
        if cell == self.stage.active() {
            return;
        }
        self.put_tool_away();
        let Some((image, frame)) = self.stage.activate(cell) else { return };
        self.look.image = image;
        self.look.frame = frame;
        self.look.preset = None;
        match self.next_unseen().filter(|_| self.look.image.is_none()) {
            // An empty cell takes the next image of the case.
            Some(next) => self.open_image(&next),
            None => {
                self.session.refresh(&self.look);
                self.session.note_viewed(&self.look);
            }
        }
    }

    fn change_view(&mut self, ctx: &Context, change: ViewChange) {
        match change {
            ViewChange::Workspace(workspace) => self.set_workspace(workspace),
            ViewChange::Case(case) => self.open_case(&case),
            ViewChange::Image(image) => self.open_image(&image),
            ViewChange::Activate(cell) => self.activate(cell),
            ViewChange::Place(cell, image) => self.place(cell, &image),
            ViewChange::Point(image, at) => self.point(&image, at),
            ViewChange::ProfileEnd(image, at) => self.profile_end(image, at),
            ViewChange::Frame(frame) => self.set_frame(i64::from(frame)),
            ViewChange::WindowByHand => self.look.preset = None,
            ViewChange::SoftwareSeen => self.look.software_seen = true,
            ViewChange::Light(light) => self.set_light(light),
            ViewChange::Mark(place, range) => self.mark(place, range),
            ViewChange::Select(id) => self.look.selected = id,
            ViewChange::Reveal(id) => self.reveal(&id, ctx.input(|i| i.time)),
            ViewChange::Tool(kind) => self.take_tool(kind),
            ViewChange::Window(preset) => self.set_window(preset),
            ViewChange::Lang(lang) => self.set_lang(lang),
            ViewChange::Dialog(dialog) => self.look.dialog = dialog,
            ViewChange::Discrepancy(id) => self.show_discrepancy(&id),
            ViewChange::RedrawTerm(term) => self.name_redraw(term),
            ViewChange::DropRedraw => self.drop_redraw(),
            ViewChange::ActAs(reader) => self.act_as(&reader),
            ViewChange::KeepTab(tab) => self.show_keeping(tab),
            ViewChange::PlaceRead => self.session.note_place(),
            ViewChange::Restore(backup) => self.ask_what_to_restore(&backup),
            ViewChange::Folder(what, folder) => self.folder_chosen(what, folder),
            ViewChange::Colour(state) => self.stage.viewport_mut().set_colour(state),
            ViewChange::Verdict(verdict) => self.look.verdict = Some(verdict),
            ViewChange::NoDialog => self.notices.refused(self.words.t("refused-no-dialog")),
            ViewChange::DismissNotice => self.notices.dismiss(),
        }
        ctx.request_repaint();
    }

    /// Another person takes the seat: nothing of the one before stays in view.
    fn act_as(&mut self, reader: &crate::domain::ReaderId) {
        self.put_tool_away();
        match self.session.act_as(reader) {
            Ok(()) => {
                self.begin_anew();
                self.notices.done(self.words.with("done-acting", &[("reader", Arg::from(reader.to_string()))]));
            }
            Err(failure) => self.tell(&failure),
        }
    }

    /// An empty view, and then the first case of whoever acts.
    fn begin_anew(&mut self) {
        self.stage.close();
        self.tool = Tool::new(ToolKind::Select);
        self.notices.dismiss();
        self.look = self.look.anew();
        if !self.resume_place() {
            self.first_case(None);
        }
    }

    pub(super) fn set_workspace(&mut self, workspace: Workspace) {
        self.put_tool_away();
        self.look.workspace = workspace;
        self.look.selected = None;
        self.look.forms.reason.clear();
        self.session.refresh(&self.look);
        if workspace == Workspace::Release {
            self.session.plan_release();
        } else if workspace == Workspace::Keeping {
            self.session.list_backups();
        } else if workspace == Workspace::Adjudicate {
            let open = self.session.model().discrepancies.iter().find(|d| d.decided.is_none());
            let first = open.or_else(|| self.session.model().discrepancies.first()).map(|d| d.id.clone());
            if let Some(id) = first {
                self.show_discrepancy(&id);
            }
        } else if let Some(case) = self.look.case.clone() {
            self.open_case(&case);
        }
    }

    pub(super) fn take_tool(&mut self, kind: ToolKind) {
        if self.tool.kind() != kind {
            self.put_tool_away();
            self.tool = Tool::new(kind);
            if kind.draws() {
                self.look.selected = None;
            }
        }
    }

    pub(super) fn set_lang(&mut self, lang: Lang) {
        self.words = Words::new(lang);
        self.session.remember_lang(lang);
    }

    pub(super) fn set_frame(&mut self, frame: i64) {
        let Some(image) = self.look.image.as_ref().and_then(|i| self.session.model().image(i)) else { return };
        let last = i64::from(image.frames.max(1)) - 1;
        let frame = u32::try_from(frame.clamp(0, last)).unwrap_or(0);
        if frame != self.look.frame {
            // An outline lives on one slice; it waits there for the hand to come back.
            if self.tool.is_drawing() {
                self.notices.refused(self.words.t("refused-finish-draft"));
            } else {
                self.look.frame = frame;
            }
        }
        self.stage.viewport_mut().set_frame(self.look.frame);
    }

    pub(super) fn show_frame(&mut self, frame: u32) {
        self.look.frame = frame;
        self.stage.viewport_mut().set_frame(frame);
    }

    fn set_window(&mut self, preset: Preset) {
        if preset.window().is_some() && !self.stage.in_hounsfield() {
            self.notices.refused(self.words.t("refused-no-hu"));
            return;
        }
        self.look.preset = Some(preset);
        self.stage.set_window(preset);
    }

    /// Selects a finding and brings it into sight without taking the reader's zoom away.
    fn reveal(&mut self, id: &FindingId, now_s: f64) {
        let Some(finding) = self.session.model().finding(id).cloned() else { return };
        let Some(roi) = finding.nearest(self.look.image.as_ref(), self.look.frame).cloned() else {
            self.look.selected = Some(finding.id);
            return;
        };
        if self.tool.kind() != ToolKind::Select && !self.tool.is_drawing() {
            self.tool = Tool::new(ToolKind::Select);
        }
        self.show_roi(&roi, Some(now_s));
        self.look.selected = Some(finding.id);
    }

    /// Brings an outline into sight: its image, its slice, its place.
    pub(super) fn show_roi(&mut self, roi: &RoiRow, now_s: Option<f64>) {
        self.open_image(&roi.image);
        self.show_frame(roi.frame);
        if let Some(bounds) = roi.shape().and_then(Shape::bounds) {
            self.stage.viewport_mut().show_box(bounds, now_s);
        }
    }

    /// Asks for a dialog of the system; says so when one is open already, perhaps behind the window.
    fn asked(&mut self, dialog: impl FnOnce(&mut Chooser, &Context) -> bool, ctx: &Context) {
        if !dialog(&mut self.chooser, ctx) {
            self.notices.refused(self.words.t("refused-dialog-open"));
        }
    }

    fn run(&mut self, ctx: &Context, job: Job) {
        match job {
            Job::Open(paths) => self.session.open(paths),
            Job::CancelOpening => self.session.cancel_opening(),
            Job::ChooseFolder => self.asked(Chooser::folder, ctx),
            Job::ChooseFiles => self.asked(Chooser::files, ctx),
            Job::Practise => self.session.practise(),
            Job::Relocate => self.asked(Chooser::relocate, ctx),
            Job::RelocateTo(paths) => {
                let event = self.session.relocate(&paths);
                self.take_in(event);
            }
            Job::PlanRelease => self.session.plan_release(),
            Job::ChooseFolderFor(what) => self.asked(|c, ctx| c.folder_for(ctx, what), ctx),
            Job::Keep(task) => self.keep(task),
            Job::StopKeeping => {
                if self.session.stop_keeping() {
                    self.notices.done(self.words.t("trouble-stopped"));
                }
            }
            #[cfg(feature = "network")]
            Job::Pacs(ask) => self.pacs(ask),
            Job::ListBackups => self.session.list_backups(),
            Job::Release { version, folder } => self.session.release(version, folder),
            Job::ConfirmAgreed => match self.session.confirm_agreed() {
                Ok(n) => {
                    self.session.refresh(&self.look);
                    self.notices.done(self.words.with("done-agreed", &[("n", Arg::from(n))]));
                }
                Err(failure) => self.tell(&failure),
            },
            Job::CopyText(text) => {
                ctx.copy_text(text);
                self.notices.dismiss();
                self.notices.done(self.words.t("done-copied"));
            }
        }
    }
}

/// What to say after a command; `None` where the change speaks for itself.
fn done_words(words: &Words, command: &Command, app: &App) -> Option<String> {
    match command {
        Command::Finding(FindingCommand::Delete { findings, .. }) => {
            let number = findings.first().and_then(|id| app.session.model().finding(id)).map_or(0, |f| f.number);
            Some(words.with("done-deleted", &[("n", Arg::from(number))]))
        }
        Command::Read(ReadCommand::Submit { .. }) => Some(words.t("done-submitted")),
        Command::Campaign(CampaignCommand::ChooseRead { .. }) => Some(words.t("done-chosen")),
        Command::Read(ReadCommand::Amend { .. }) => Some(words.t("done-amending")),
        _ => None,
    }
}
