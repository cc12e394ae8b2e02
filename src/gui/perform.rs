//! Carrying out what was asked: the second half of `App::logic`.

use egui::Context;

use super::action::{Action, Job, ViewChange, Workspace};
use super::actions::Preset;
use super::app::App;
use super::i18n::{Arg, Lang, Words};
use super::look::TextField;
use super::refusals;
use super::session::{Failure, SessionEvent};
use super::tools::{Edit, Outcome, PointerInput, Scene, Tool, ToolKey, ToolKind};
use crate::domain::{FindingId, ImageId, Roi, Role, Shape};
use crate::project::{Command, FindingCommand, FindingDraft, FindingOrigin, ReadCommand};

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

    fn execute(&mut self, command: Command) {
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
            Failure::ReadOnly => self.notices.refused(self.words.t("refused-read-only")),
            Failure::Broke(details) => self.notices.failed(self.words.t("failed-generic"), details.clone()),
        }
    }

    fn undo(&mut self) {
        let Some(case) = self.look.case.clone() else { return };
        match self.session.undo(&case) {
            Ok(what) => self.after_undo("done-undone", &what),
            Err(failure) => self.tell(&failure),
        }
    }

    fn redo(&mut self) {
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
            SessionEvent::Opened { images, skipped, first, made_of_images } => {
                let text = match (images, skipped) {
                    (0, _) => self.words.t("nothing-opened"),
                    (n, 0) => self.words.count("done-opened", n),
                    (n, k) => {
                        format!("{}（{}）", self.words.count("done-opened", n), self.words.count("skipped-files", k))
                    }
                };
                if made_of_images && images == 0 {
                    self.notices.refused(text);
                } else if made_of_images {
                    self.notices.done(text);
                }
                if self.session.model().project.as_ref().is_some_and(|p| p.reader.is_empty()) {
                    self.notices.failed(self.words.t("refused-nobody"), String::new());
                }
                self.first_case(first);
            }
            SessionEvent::OpenFailed(details) => self.notices.failed(self.words.t("failed-open"), details),
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
        self.look.case = Some(case.clone());
        self.look.selected = None;
        self.look.verdict = None;
        self.session.refresh(&self.look);
        let image = self.session.model().case(case).and_then(|c| c.images.first()).map(|i| i.id.clone());
        if let Some(image) = image {
            self.open_image(&image);
        }
        self.resume_draft();
    }

    /// Brings back an outline that a crash or a restart interrupted.
    fn resume_draft(&mut self) {
        let Some(case) = &self.look.case else { return };
        let Some(kept) = self.session.load_draft(case) else { return };
        if self.session.model().image(&kept.image).is_none() || kept.points.is_empty() {
            return;
        }
        self.open_image(&kept.image);
        self.show_frame(kept.frame);
        self.tool = Tool::Polygon(super::tools::PolygonTool::resumed(kept.points));
        self.notices.done(self.words.t("done-draft"));
    }

    fn open_image(&mut self, image: &ImageId) {
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
        let kind =
            if frames > 1 || !self.look.editable(self.session.model()) { ToolKind::Select } else { ToolKind::Polygon };
        self.tool = Tool::new(kind);
        self.session.note_viewed(&self.look);
    }

    /// A draft that is left behind stays in `drafts.sqlite` and comes back with its case.
    fn put_tool_away(&mut self) {
        if self.tool.is_drawing() {
            self.keep_draft();
        }
        self.tool = Tool::new(ToolKind::Select);
    }

    fn change_view(&mut self, ctx: &Context, change: ViewChange) {
        match change {
            ViewChange::Workspace(workspace) => self.set_workspace(workspace),
            ViewChange::Case(case) => self.open_case(&case),
            ViewChange::Image(image) => self.open_image(&image),
            ViewChange::Frame(frame) => self.set_frame(i64::from(frame)),
            ViewChange::WindowByHand => self.look.preset = None,
            ViewChange::SoftwareSeen => self.look.software_seen = true,
            ViewChange::Select(id) => self.look.selected = id,
            ViewChange::Reveal(id) => self.reveal(&id, ctx.input(|i| i.time)),
            ViewChange::Tool(kind) => self.take_tool(kind),
            ViewChange::Window(preset) => self.set_window(preset),
            ViewChange::Lang(lang) => self.set_lang(lang),
            ViewChange::Dialog(dialog) => self.look.dialog = dialog,
            ViewChange::Discrepancy(id) => self.show_discrepancy(&id),
            ViewChange::Verdict(verdict) => self.look.verdict = Some(verdict),
            ViewChange::DismissNotice => self.notices.dismiss(),
        }
        ctx.request_repaint();
    }

    fn set_workspace(&mut self, workspace: Workspace) {
        self.put_tool_away();
        self.look.workspace = workspace;
        self.look.selected = None;
        self.look.forms.reason.clear();
        self.session.refresh(&self.look);
        if workspace == Workspace::Adjudicate {
            let open = self.session.model().discrepancies.iter().find(|d| d.decided.is_none());
            let first = open.or_else(|| self.session.model().discrepancies.first()).map(|d| d.id.clone());
            if let Some(id) = first {
                self.show_discrepancy(&id);
            }
        } else if let Some(case) = self.look.case.clone() {
            self.open_case(&case);
        }
    }

    fn show_discrepancy(&mut self, id: &str) {
        let Some(d) = self.session.model().discrepancies.iter().find(|d| d.id == id).cloned() else { return };
        self.look.discrepancy = Some(d.id.clone());
        if self.look.case.as_ref() != Some(&d.case) {
            self.look.case = Some(d.case.clone());
            self.session.refresh(&self.look);
        }
        if let Some((image, frame, bounds)) = d.place() {
            self.open_image(&image);
            self.tool = Tool::new(ToolKind::Select);
            self.show_frame(frame);
            self.stage.viewport_mut().show_box(bounds, None);
        }
    }

    fn take_tool(&mut self, kind: ToolKind) {
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

    fn show_frame(&mut self, frame: u32) {
        self.look.frame = frame;
        self.stage.viewport_mut().set_frame(frame);
    }

    fn set_window(&mut self, preset: Preset) {
        self.look.preset = Some(preset);
        self.stage.set_window(preset.window());
    }

    /// Selects a finding and brings it into sight without taking the reader's zoom away.
    fn reveal(&mut self, id: &FindingId, now_s: f64) {
        let Some(finding) = self.session.model().finding(id).cloned() else { return };
        if self.look.image.as_ref() != Some(&finding.image) {
            self.open_image(&finding.image);
        }
        if self.tool.kind() != ToolKind::Select && !self.tool.is_drawing() {
            self.tool = Tool::new(ToolKind::Select);
        }
        self.show_frame(finding.frame);
        self.look.selected = Some(finding.id);
        if let Some(bounds) = finding.shape.as_ref().and_then(Shape::bounds) {
            self.stage.viewport_mut().show_box(bounds, Some(now_s));
        }
    }

    fn run(&mut self, ctx: &Context, job: Job) {
        match job {
            Job::Open(paths) => self.session.open(paths),
            Job::ChooseFolder => self.chooser.folder(ctx),
            Job::ChooseFiles => self.chooser.files(ctx),
            Job::Practise => self.session.practise(),
            Job::Relocate => self.chooser.relocate(ctx),
            Job::RelocateTo(paths) => {
                let event = self.session.relocate(&paths);
                self.take_in(event);
            }
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

    fn hand(&mut self, input: PointerInput) {
        let outcome = self.with_scene(input.px_per_pt, |tool, scene| tool.pointer(&input, scene));
        self.after_tool(outcome);
    }

    /// Offers a key to the tool; whether it took it.
    pub(super) fn tool_key(&mut self, key: ToolKey) -> bool {
        let outcome = self.with_scene(1.0, |tool, scene| tool.key(key, scene));
        let taken = outcome.taken;
        self.after_tool(outcome);
        taken
    }

    fn with_scene(&mut self, px_per_pt: f64, act: impl FnOnce(&mut Tool, &Scene<'_>) -> Outcome) -> Outcome {
        let model = self.session.model();
        let editable = self.look.editable(model);
        let on_frame =
            |f: &&super::model::FindingRow| self.look.image.as_ref() == Some(&f.image) && self.look.frame == f.frame;
        let selected = self.look.selected.as_ref().and_then(|id| model.finding(id)).filter(on_frame);
        let shape = selected.filter(|_| editable).and_then(|f| f.shape.as_ref().map(|shape| (&f.id, shape)));
        let pick = |at: [f64; 2]| model.pick(self.look.image.as_ref()?, self.look.frame, at, 6.0 * px_per_pt);
        act(&mut self.tool, &Scene { selected: shape, pick: &pick })
    }

    fn after_tool(&mut self, outcome: Outcome) {
        match outcome.edit {
            Some(Edit::Create(shape)) => self.create(shape),
            Some(Edit::Reshape(finding, shape)) => self.reshape(finding, shape),
            Some(Edit::Select(id)) => self.look.selected = id,
            None => {}
        }
        if outcome.draft_changed {
            self.keep_draft();
        }
    }

    fn keep_draft(&mut self) {
        let (Some(case), Some(image)) = (self.look.case.clone(), self.look.image.clone()) else { return };
        let points = self.tool.keepsake().map(|d| d.points).unwrap_or_default();
        if let Err(failure) = self.session.keep_draft(&case, &image, self.look.frame, points) {
            self.tell(&failure);
        }
    }

    /// A finished outline becomes a finding; the term picker takes the focus.
    fn create(&mut self, shape: Shape) {
        let (Some(case), Some(image)) = (self.look.case.clone(), self.look.image.clone()) else { return };
        let roi = Roi { frame: self.look.frame, space: self.stage.space(self.look.frame), shape };
        let origin = FindingOrigin {
            origin: crate::domain::Origin::Manual,
            tool: tool_code(self.tool.kind()).to_owned(),
            seen: true,
            model: None,
        };
        let draft = FindingDraft {
            rois: vec![(image, roi)],
            terms: Vec::new(),
            certainty: None,
            attributes: std::collections::BTreeMap::new(),
            origin,
            comment: None,
        };
        let ring = match &draft.rois[..] {
            [(_, Roi { shape: Shape::Polygons(parts), .. })] => parts.first().map(|p| p.exterior.clone()),
            _ => None,
        };
        let before: Vec<FindingId> = self.session.model().findings.iter().map(|f| f.id.clone()).collect();
        match self.session.execute(Command::Finding(FindingCommand::Add { case, findings: vec![draft] })) {
            Ok(()) => {
                self.session.refresh(&self.look);
                let new = self
                    .session
                    .model()
                    .findings
                    .iter()
                    .find(|f| !before.contains(&f.id))
                    .map(|f| (f.id.clone(), f.number));
                if let Some((id, number)) = new {
                    self.look.selected = Some(id);
                    self.look.forms.focus = Some(TextField::Terms);
                    self.look.forms.term_query.clear();
                    self.look.right = true;
                    self.look.history = false;
                    self.notices.done(self.words.with("done-drawn", &[("n", Arg::from(number))]));
                }
            }
            Err(failure) => {
                // A full disk or a missing role must not cost the stroke: it stays in the hand, and in the drafts.
                if let Some(points) = ring {
                    self.tool = Tool::Polygon(super::tools::PolygonTool::resumed(points));
                    self.keep_draft();
                }
                self.tell(&failure);
            }
        }
    }

    fn reshape(&mut self, finding: FindingId, shape: Shape) {
        let (Some(case), Some(image)) = (self.look.case.clone(), self.look.image.clone()) else { return };
        let roi = Roi { frame: self.look.frame, space: self.stage.space(self.look.frame), shape };
        self.execute(Command::Finding(FindingCommand::Reshape { case, finding, rois: vec![(image, roi)] }));
    }
}

/// Code of the tool in a finding's origin.
const fn tool_code(kind: ToolKind) -> &'static str {
    match kind {
        ToolKind::Select => "select",
        ToolKind::Polygon => "polygon",
        ToolKind::Rectangle => "rectangle",
        ToolKind::Ellipse => "ellipse",
        ToolKind::Point => "point",
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
        Command::Read(ReadCommand::Amend { .. }) => Some(words.t("done-amending")),
        _ => None,
    }
}
