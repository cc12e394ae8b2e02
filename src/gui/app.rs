//! The window: `logic()` carries out what was asked, `ui()` reads and collects what is asked next.

use std::time::{Duration, Instant};

use egui::{CentralPanel, Context, Frame, Margin, Panel, Ui};

use super::action::{Action, Dialog, Job, Workspace};
use super::chooser::Chooser;
use super::i18n::{Lang, Words};
use super::look::{Forms, Look};
use super::model::{Availability, Model};
use super::navigation::{Drag, Hold};
use super::notices::Notices;
use super::panels::{
    Shown, adjudicate, backups, canvas, dialogs, findings, history, keeping, layout, light, palette, profile, release,
    start, status, strip, terms, title, toast, transport, worklist,
};
use super::session::Session;
use super::stage::Stage;
use super::tools::{Tool, ToolKind};
use super::{keyboard, theme};
use crate::domain::Field;

/// The window and everything it holds: eight fields, each with one job.
pub struct App {
    pub(super) words: Words,
    /// The project behind its door, and what the panels may show of it.
    pub(super) session: Session,
    pub(super) look: Look,
    pub(super) tool: Tool,
    /// The images in view: cameras, tiles, outlines.
    pub(super) stage: Stage,
    pub(super) queue: Vec<Action>,
    pub(super) notices: Notices,
    pub(super) chooser: Chooser,
}

/// How long the saved line needs before its figure changes.
const SAVED_TICK: Duration = Duration::from_millis(500);

impl App {
    /// A window without a project. `stage` draws with the given graphics state, or degrades without one.
    pub fn new(ctx: &Context, stage: Stage) -> Self {
        Self::with_session(ctx, stage, Session::new(ctx.clone()))
    }

    /// As [`App::new`], with keys, settings and caches in `home`; for tests.
    pub fn at_home(ctx: &Context, stage: Stage, home: &std::path::Path) -> Self {
        Self::with_session(ctx, stage, Session::new(ctx.clone()).with_home(home))
    }

    fn with_session(ctx: &Context, stage: Stage, mut session: Session) -> Self {
        theme::install(ctx);
        session.begin();
        let (lang, dark) = session.remembered();
        let widths = session.remembered_widths();
        let profile = session.remembered_profile();
        ctx.set_theme(if dark { egui::Theme::Dark } else { egui::Theme::Light });
        Self {
            words: Words::new(lang),
            session,
            look: Look { widths, dark, profile, ..Look::default() },
            tool: Tool::new(ToolKind::Select),
            stage,
            queue: Vec::new(),
            notices: Notices::default(),
            chooser: Chooser::default(),
        }
    }

    /// Reads as somebody else than the project's creator.
    #[must_use]
    pub fn acting(mut self, reader: Option<crate::domain::ReaderId>) -> Self {
        self.session.acting = reader;
        self
    }

    /// Speaks another language for this run, without touching the settings.
    pub fn use_lang(&mut self, lang: Lang) {
        self.words = Words::new(lang);
    }

    /// Asks for something, as a panel would.
    pub fn ask(&mut self, action: Action) {
        self.queue.push(action);
    }

    /// Something is still being opened, read or drawn.
    pub fn is_busy(&self) -> bool {
        self.session.opening() || !self.queue.is_empty() || self.stage.is_busy()
    }

    /// What the panels show; for tests.
    pub const fn model(&self) -> &Model {
        self.session.model()
    }

    pub const fn look(&self) -> &Look {
        &self.look
    }

    /// The shape that the hand may mend now; for tests.
    pub fn in_hand(&self) -> Option<&crate::domain::Shape> {
        self.look.in_hand(self.session.model()).map(|(_, shape)| shape)
    }

    /// Where the planes' cross-hair stands in the patient (LPS, mm), and the planes' thickness; for tests.
    pub fn cross_hair(&self) -> Option<([f64; 3], f64)> {
        self.stage.planes().map(|p| (p.mpr.centre_mm, p.mpr.thickness_mm()))
    }

    /// What the selected outline measures on the slice in view; for tests.
    pub fn measured(&self) -> Option<super::viewport::RoiStatistics> {
        self.stage.facts(self.stage.hand(), self.session.model(), &self.look).measured
    }

    /// What stands in the corners of the image in the hand; for tests.
    pub fn corner_lines(&self) -> Vec<String> {
        let facts = self.stage.facts(self.stage.hand(), self.session.model(), &self.look);
        super::panels::corners::said(&self.words, &facts)
    }

    /// Which frame each cell shows, where it shows an image; for tests.
    pub fn cell_frames(&self) -> Vec<Option<u32>> {
        let frame = |c: &super::cells::Cell| c.image().map(|_| c.viewport().frame());
        self.stage.cells.iter().map(frame).collect()
    }

    /// Centre and width of the value window in view; for tests.
    pub fn value_window(&self) -> Option<(f64, f64)> {
        self.stage.viewport().window().map(|w| (w.center, w.width))
    }

    /// How many cells the stage has, and which one is active; for tests.
    pub fn cells(&self) -> (usize, usize) {
        (self.stage.grid().cells(), self.stage.active())
    }

    /// Where a pixel of the image lies on the screen; for tests.
    pub fn screen_from_image(&self, at: crate::domain::PointPx) -> egui::Pos2 {
        self.stage.viewport().screen_from_image(at)
    }

    /// The pixel of the image under a point of the screen; for tests.
    pub fn image_from_screen(&self, at: egui::Pos2) -> crate::domain::PointPx {
        self.stage.viewport().image_from_screen(at)
    }

    /// Ends of the profile line, in its ground's own coordinates; for tests.
    pub fn profile_ends(&self) -> Option<[[f64; 3]; 2]> {
        self.stage.profile.as_ref()?.line().map(|(_, ends)| ends)
    }

    /// Whether clicks lay two images over each other; for tests.
    pub const fn is_registering(&self) -> bool {
        self.stage.registrations.is_asking()
    }

    /// Applies: dropped files, finished jobs, keys, queued actions. Paints nothing.
    pub fn logic(&mut self, ctx: &Context) {
        let dropped: Vec<_> = ctx.input(|i| i.raw.dropped_files.iter().map(|f| f.path().to_owned()).collect());
        if !dropped.is_empty() {
            self.queue.push(Action::Run(Job::Open(dropped)));
        }
        if crate::project::asked_to_stop() {
            ctx.send_viewport_cmd(egui::ViewportCommand::Close);
        }
        self.leave_lost_device(ctx);
        self.queue.extend(self.chooser.poll());
        self.catch_up();
        // What the last frame asked for comes before this frame's keys: they were pressed after it.
        self.perform_queue(ctx);
        keyboard::read(self, ctx);
        self.perform_queue(ctx);
        if let Some(frame) = self.stage.follow(&mut self.session, &self.look) {
            self.look.frame = frame;
        }
        self.follow_planes();
        if let Some(frame) = self.stage.follow_links() {
            self.set_frame(i64::from(frame));
        }
        self.run_player(ctx);
        self.note_second();
        self.follow_profile();
        // A width is kept once the hand lets go of it.
        if !ctx.input(|i| i.pointer.any_down()) {
            self.session.remember_widths(&self.look.widths);
        }
        let now = Instant::now();
        if let Some(left) = self.notices.tick(now) {
            ctx.request_repaint_after(left);
        }
        let saved = self.session.model().saved;
        if saved.is_some_and(|s| now.duration_since(s.at) < Duration::from_secs(60)) {
            ctx.request_repaint_after(SAVED_TICK);
        }
    }

    /// Shows: reads, and fills the queue for the next `logic()`.
    pub fn ui(&mut self, ui: &mut Ui) {
        // The toolkit stops the program when it is given something to draw on a device that is gone.
        if self.is_without_device() {
            return;
        }
        let mut out = Vec::new();
        if self.session.model().project.is_none() {
            self.first_screen(ui, &mut out);
        } else {
            self.frame(ui, &mut out);
        }
        self.show_second(ui, &mut out);
        self.dialogs(ui, &mut out);
        let lift = match self.look.workspace {
            Workspace::Adjudicate if self.look.redraw().is_some() => 124.0,
            Workspace::Adjudicate => 84.0,
            // Over the film's bar and the strip of pictures, which are looked at meanwhile.
            _ => {
                let shown = Shown { words: &self.words, model: self.session.model(), look: &self.look };
                let strip = if self.look.player.strip { transport::STRIP_HEIGHT } else { 0.0 };
                40.0 + strip + if transport::wanted(shown) { transport::HEIGHT } else { 0.0 }
            }
        };
        out.extend(toast::show(ui, &self.words, self.notices.current(), lift));
        if !out.is_empty() {
            ui.ctx().request_repaint();
        }
        self.queue.extend(out);
    }

    fn first_screen(&mut self, ui: &mut Ui, out: &mut Vec<Action>) {
        let shown = Shown { words: &self.words, model: self.session.model(), look: &self.look };
        Panel::top("title")
            .exact_size(theme::TITLE_HEIGHT)
            .frame(strip_frame(ui))
            .show(ui, |ui| out.extend(title::show(ui, shown)));
        if !shown.model.jobs.is_empty() {
            Panel::bottom("status")
                .exact_size(theme::STATUS_HEIGHT)
                .frame(strip_frame(ui))
                .show(ui, |ui| out.extend(status::show(ui, shown, "")));
        }
        CentralPanel::default()
            .frame(Frame::new())
            .show(ui, |ui| out.extend(start::show(ui, shown, self.session.opening())));
    }

    fn frame(&mut self, ui: &mut Ui, out: &mut Vec<Action>) {
        let mut forms = std::mem::take(&mut self.look.forms);
        let shown = Shown { words: &self.words, model: self.session.model(), look: &self.look };
        let page = self.look.workspace.is_page();
        let adjudicating = self.look.workspace == Workspace::Adjudicate;
        let panel = Frame::new().fill(ui.visuals().panel_fill).inner_margin(Margin::symmetric(8, 4));
        let workspace = self.look.workspace.key();
        let panel_id = |side: &str| egui::Id::unique(format!("{side} {workspace}"));
        let mut widths = self.look.panel_widths();
        if !self.look.bare || page {
            Panel::top("title")
                .exact_size(theme::TITLE_HEIGHT)
                .frame(strip_frame(ui))
                .show(ui, |ui| out.extend(title::show(ui, shown)));
            let hint = hint(shown, &self.tool);
            Panel::bottom("status")
                .exact_size(theme::STATUS_HEIGHT)
                .frame(strip_frame(ui))
                .show(ui, |ui| out.extend(status::show(ui, shown, hint)));
            if !page && transport::wanted(shown) {
                Panel::bottom("transport")
                    .exact_size(transport::HEIGHT)
                    .frame(strip_frame(ui))
                    .show(ui, |ui| out.extend(transport::show(ui, shown, &mut forms)));
            }
            if !page && shown.look.player.strip {
                Panel::bottom("filmstrip")
                    .exact_size(transport::STRIP_HEIGHT)
                    .frame(panel)
                    .show(ui, |ui| out.extend(transport::strip(ui, shown, self.stage.strip())));
            }
            if let Some(said) = strip::said(shown) {
                Panel::top("strip")
                    .exact_size(strip::HEIGHT)
                    .frame(panel)
                    .show(ui, |ui| out.extend(strip::show(ui, shown, said)));
            }
            if self.look.left && !page {
                let shown_panel = Panel::left(panel_id("left"))
                    .default_size(widths[0])
                    .size_range(160.0..=420.0)
                    .frame(panel)
                    .show(ui, |ui| {
                        if adjudicating {
                            out.extend(adjudicate::queue(ui, shown));
                        } else {
                            Panel::bottom("add").exact_size(32.0).frame(Frame::new()).show_separator_line(false).show(
                                ui,
                                |ui| {
                                    out.extend(worklist::footer(ui, shown));
                                },
                            );
                            out.extend(worklist::show(ui, shown, &mut forms));
                        }
                    });
                widths[0] = shown_panel.response.rect.width();
            }
            if adjudicating {
                judging(ui, shown, panel, &mut forms, out);
            } else if self.look.right && !page {
                let shown_panel = Panel::right(panel_id("right"))
                    .default_size(widths[1])
                    .size_range(240.0..=480.0)
                    .frame(panel)
                    .show(ui, |ui| {
                        out.extend(right_panel(ui, shown, &mut forms));
                    });
                widths[1] = shown_panel.response.rect.width();
            }
        }
        if self.stage.viewport().is_software() && !self.look.software_seen && !self.look.bare && !page {
            Panel::top("software")
                .exact_size(26.0)
                .frame(panel)
                .show(ui, |ui| out.extend(canvas::software_banner(ui, shown)));
        }
        CentralPanel::default().frame(Frame::new()).show(ui, |ui| {
            let rect = ui.max_rect();
            if page {
                ui.painter().rect_filled(rect, 0.0, ui.visuals().panel_fill);
                out.extend(if shown.look.workspace == Workspace::Release {
                    release::show(ui, shown, &mut forms)
                } else {
                    keeping::show(ui, shown, &mut forms)
                });
                return;
            }
            ui.painter().rect_filled(rect, 0.0, theme::tokens(ui.visuals()).surround);
            out.extend(layout::show(ui, rect, shown, &mut self.stage, &self.tool));
        });
        self.look.forms = forms;
        self.look.set_panel_widths(widths);
    }

    fn dialogs(&mut self, ui: &mut Ui, out: &mut Vec<Action>) {
        let mut forms = std::mem::take(&mut self.look.forms);
        let shown = Shown { words: &self.words, model: self.session.model(), look: &self.look };
        out.extend(match self.look.dialog {
            Dialog::None => Vec::new(),
            Dialog::Palette => palette::show(ui, shown, &mut forms),
            Dialog::Keys => palette::keys(ui, shown),
            Dialog::About => dialogs::about(ui, shown),
            Dialog::Submit => dialogs::submit(ui, shown),
            Dialog::Amend => dialogs::amend(ui, shown, &mut forms),
            #[cfg(feature = "network")]
            Dialog::Pacs => super::panels::pacs::show(ui, shown, &mut forms),
            Dialog::Light => light::show(ui, shown),
            Dialog::Restore => backups::restore(ui, shown, &mut forms),
        });
        self.look.forms = forms;
    }

    fn perform_queue(&mut self, ctx: &Context) {
        for action in std::mem::take(&mut self.queue) {
            self.perform(ctx, action);
        }
    }

    /// Takes in what other programs and background jobs have changed.
    fn catch_up(&mut self) {
        for event in self.session.drain() {
            self.take_in(event);
        }
    }
}

fn strip_frame(ui: &Ui) -> Frame {
    Frame::new().fill(ui.visuals().panel_fill).inner_margin(Margin::symmetric(8, 0))
}

/// Around the image in adjudication: A and B at its sides, the decision under it.
fn judging(ui: &mut Ui, s: Shown<'_>, panel: Frame, forms: &mut Forms, out: &mut Vec<Action>) {
    Panel::bottom("decision")
        .exact_size(44.0)
        .frame(panel)
        .show(ui, |ui| out.extend(adjudicate::decision_bar(ui, s, forms)));
    if s.look.redraw().is_some() {
        Panel::bottom("redraw").exact_size(40.0).frame(panel).show(ui, |ui| out.extend(adjudicate::redraw_bar(ui, s)));
    }
    Panel::left("side-a")
        .exact_size(180.0)
        .frame(panel)
        .show(ui, |ui| adjudicate::side(ui, s, crate::domain::AdjudicationTake::A));
    Panel::right("side-b")
        .exact_size(180.0)
        .frame(panel)
        .show(ui, |ui| adjudicate::side(ui, s, crate::domain::AdjudicationTake::B));
}

/// Findings above, then the selected one's details, then terms or history.
fn right_panel(ui: &mut Ui, shown: Shown<'_>, forms: &mut Forms) -> Vec<Action> {
    let mut out = Vec::new();
    let list_height = (ui.available_height() * 0.34).max(120.0);
    ui.allocate_ui(egui::Vec2::new(ui.available_width(), list_height), |ui| {
        ui.set_min_height(list_height);
        out.extend(findings::list(ui, shown, list_height - 28.0));
    });
    ui.separator();
    if shown.look.line_profile.is_some() {
        profile::show(ui, shown);
        ui.separator();
    }
    if shown.look.selected.is_some() {
        out.extend(findings::details(ui, shown, forms));
        ui.separator();
    }
    if shown.look.history {
        history::show(ui, shown);
    } else {
        out.extend(terms::show(ui, shown, forms));
    }
    out
}

/// Fluent key of the hint line for the state of the window.
fn hint(shown: Shown<'_>, tool: &Tool) -> &'static str {
    if shown.look.workspace == Workspace::Adjudicate {
        return match tool.kind() {
            ToolKind::Select if shown.look.redraw().is_some() => "hint-redraw",
            ToolKind::Select => "hint-adjudicate",
            _ => tool.hint(false),
        };
    }
    if shown.look.workspace == Workspace::Release {
        return "hint-release";
    }
    if shown.look.workspace == Workspace::Keeping {
        return "hint-keeping";
    }
    let image = shown.look.image.as_ref().and_then(|i| shown.model.image(i));
    if image.is_some_and(|i| i.availability != Availability::Ready) {
        return "";
    }
    if shown.look.profiling {
        return "hint-profile";
    }
    let sealed = shown.look.case.as_ref().and_then(|c| shown.model.case(c)).is_some_and(|c| !c.state.editable());
    if sealed {
        let reads = shown.model.project.as_ref().is_some_and(|p| p.roles.contains(&crate::domain::Role::Reader));
        return if reads { "hint-sealed" } else { "hint-office" };
    }
    let stack = image.is_some_and(|i| i.frames > 1);
    match tool.hint(shown.look.selected.is_some()) {
        "hint-select" if shown.look.player.moves() && image.is_some_and(|i| i.field == Field::Endoscopy) => {
            "hint-select-film"
        }
        "hint-select" if shown.look.player.moves() => "hint-select-loop",
        "hint-select" if stack => match shown.look.profile.drag(Hold::Left, true) {
            Drag::Window => "hint-select-stack",
            Drag::Pan | Drag::Zoom => "hint-select-stack-pan",
        },
        other => other,
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &Context, _frame: &mut eframe::Frame) {
        Self::logic(self, ctx);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        Self::ui(self, ui);
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        theme::tokens(visuals).canvas.to_normalized_gamma_f32()
    }
}
