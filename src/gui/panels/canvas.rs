//! The image and what lies on it: outlines, the draft, corner text, the tool strip, and the pointer's gestures.

use egui::{Align2, CursorIcon, Event, PointerButton, Rect, Response, Stroke, StrokeKind, Ui, Vec2, WidgetInfo};

use super::Shown;
use super::corners::{self, ViewFacts};
use crate::domain::Shape;
use crate::gui::action::{Action, Job, ViewChange, Workspace};
use crate::gui::actions::{ActionId, find};
use crate::gui::model::{Availability, ImageRow};
use crate::gui::tools::{Draft, PointerInput, PointerKind, Scene, Tool, ToolCursor, ToolKind};
use crate::gui::viewport::{Viewport, ViewportResponse};
use crate::gui::widgets::{icon_action, look};
use crate::gui::{icons, theme};

/// What the canvas needs beside the model.
pub struct CanvasInput<'a> {
    pub tool: &'a Tool,
    pub viewport: &'a Viewport,
    pub seen: &'a ViewportResponse,
    pub facts: &'a ViewFacts,
}

/// The tool's gestures, the menu and the overlays over an image that the viewport has drawn.
pub fn show(ui: &mut Ui, s: Shown<'_>, input: &CanvasInput<'_>) -> Vec<Action> {
    let mut out = Vec::new();
    let (response, rect) = (&input.seen.response, input.seen.rect);
    let name = s.words.t("image-canvas");
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Canvas, true, &name));
    if input.seen.frame_changed {
        out.push(Action::Look(ViewChange::Frame(input.viewport.frame())));
    }
    if input.seen.window_changed {
        out.push(Action::Look(ViewChange::WindowByHand));
    }
    gestures(ui, s, input, &mut out);
    context_menu(response, s, &mut out);
    let painter = ui.painter_at(rect);
    if !s.look.hidden {
        paint_selection(&painter, s, input);
        if let Some(draft) = input.tool.draft() {
            paint_draft(&painter, input, &draft, response.hover_pos());
        }
    }
    if s.look.corners {
        corners::paint(&painter, rect, s.words, input.facts);
    }
    if input.seen.loading > 0 {
        // A quiet mark: the coarse level is on show already.
        painter.circle_filled(rect.center_top() + Vec2::new(0.0, 10.0), 3.0, look(ui).accent);
    }
    let tools: &[ToolKind] = match s.look.workspace {
        Workspace::Read => &ToolKind::ALL,
        Workspace::Adjudicate => &[ToolKind::Select, ToolKind::Polygon],
        Workspace::Release | Workspace::Keeping => &[],
    };
    tool_strip(ui, rect, s, tools, input.tool.kind(), &mut out);
    if response.hovered() {
        ui.ctx().set_cursor_icon(cursor(ui, s, input));
        if let Some(reason) = &input.seen.failure_under_pointer {
            response.show_tooltip_text(reason);
        }
    }
    out
}

/// Whether the left button belongs to the tool at this place.
pub fn tool_armed(s: Shown<'_>, tool: &Tool, viewport: &Viewport, pointer: Option<egui::Pos2>) -> bool {
    if !s.look.may_draw(s.model) {
        return false;
    }
    if tool.kind().draws() {
        return true;
    }
    let at = pointer.map(|p| viewport.image_from_screen(p));
    with_selected(s, |scene| tool.cursor(at, viewport.px_per_pt(), scene)) != ToolCursor::Arrow
}

fn with_selected<R>(s: Shown<'_>, act: impl FnOnce(&Scene<'_>) -> R) -> R {
    act(&Scene { selected: s.look.in_hand(s.model), pick: &|_| None })
}

fn gestures(ui: &Ui, s: Shown<'_>, input: &CanvasInput<'_>, out: &mut Vec<Action>) {
    // Outlines are never edited against the pixels of another slice.
    if input.seen.shown_frame != s.look.frame {
        return;
    }
    let response = &input.seen.response;
    let over = response.contains_pointer();
    let (events, time, modifiers, space) =
        ui.input(|i| (i.events.clone(), i.time, i.modifiers, i.key_down(egui::Key::Space)));
    if space && !ui.ctx().text_edit_focused() {
        return;
    }
    let hand = |kind, pos: egui::Pos2| {
        Action::Hand(PointerInput {
            kind,
            at: input.viewport.image_from_screen(pos),
            px_per_pt: input.viewport.px_per_pt(),
            time_s: time,
            shift: modifiers.shift,
            alt: modifiers.alt,
        })
    };
    let holds = response.is_pointer_button_down_on();
    for event in &events {
        match event {
            Event::PointerButton { pos, button: PointerButton::Primary, pressed: true, .. } if over => {
                out.push(hand(PointerKind::Press, *pos));
            }
            Event::PointerButton { pos, button: PointerButton::Primary, pressed: false, .. } => {
                out.push(hand(PointerKind::Release, *pos));
            }
            Event::PointerMoved(pos) if holds => out.push(hand(PointerKind::Move, *pos)),
            _ => {}
        }
    }
}

fn cursor(ui: &Ui, s: Shown<'_>, input: &CanvasInput<'_>) -> CursorIcon {
    let space = ui.input(|i| i.key_down(egui::Key::Space)) && !ui.ctx().text_edit_focused();
    if space || input.seen.response.dragged_by(PointerButton::Middle) {
        return CursorIcon::Grabbing;
    }
    match with_selected(s, |scene| input.tool.cursor(input.seen.pointer_image_px, input.viewport.px_per_pt(), scene)) {
        ToolCursor::Cross => CursorIcon::Crosshair,
        ToolCursor::Grab => CursorIcon::Grab,
        ToolCursor::Move => CursorIcon::Move,
        ToolCursor::Close => CursorIcon::Cell,
        ToolCursor::AddVertex => CursorIcon::Copy,
        ToolCursor::Arrow => CursorIcon::Default,
    }
}

/// Drawing on the processor is slow; said once, with the way out.
pub fn software_banner(ui: &mut Ui, s: Shown<'_>) -> Vec<Action> {
    let mut out = Vec::new();
    let t = look(ui);
    ui.horizontal_centered(|ui| {
        ui.label(egui::RichText::new(icons::WARNING).color(t.warning));
        ui.label(egui::RichText::new(s.words.t("software-adapter")).font(theme::small()).color(t.text_dim));
        if ui.small_button(s.words.t("dismiss")).clicked() {
            out.push(Action::Look(ViewChange::SoftwareSeen));
        }
    });
    out
}

/// What can be done here, at most nine entries, each with its key.
fn context_menu(response: &Response, s: Shown<'_>, out: &mut Vec<Action>) {
    let mut ids: Vec<ActionId> = Vec::new();
    if s.look.meets(s.model, crate::gui::actions::Needs::Editing) {
        ids.extend([ActionId::FocusTerms, ActionId::Comment, ActionId::ZoomToFinding, ActionId::Delete]);
    }
    if s.look.may_draw(s.model) {
        ids.push(ActionId::Tool(ToolKind::Polygon));
    }
    ids.extend([ActionId::Fit, ActionId::OneToOne, ActionId::HideFindings, ActionId::Corners]);
    response.context_menu(|ui| {
        ui.set_min_width(220.0);
        for def in ids.into_iter().map(find) {
            let name = s.words.t(def.key);
            let button = egui::Button::new(format!("{}  {name}", def.icon)).shortcut_text(s.first_key(def));
            if ui.add(button).accessible_name(name).clicked() {
                out.push(Action::Call(def.id));
                ui.close();
            }
        }
    });
}

/// The handles of the selected outline, when the selection tool is in the hand.
fn paint_selection(painter: &egui::Painter, s: Shown<'_>, input: &CanvasInput<'_>) {
    if input.tool.kind() != ToolKind::Select || input.tool.draft().is_some() {
        return;
    }
    let Some((id, shape)) = s.look.in_hand(s.model) else { return };
    let color = s.model.finding(id).map_or(theme::REDRAWN, |f| f.color);
    if matches!(shape, Shape::WholeImage) || shape.points().count() > 400 {
        return;
    }
    for p in shape.points() {
        handle(painter, input.viewport.screen_from_image(*p), 4.0, theme::brighter(color));
    }
}

fn handle(painter: &egui::Painter, at: egui::Pos2, radius: f32, color: egui::Color32) {
    painter.circle_filled(at, radius + 1.0, theme::CASING);
    painter.circle_filled(at, radius, theme::OVERLAY_TEXT);
    painter.circle_stroke(at, radius, Stroke::new(1.5, color));
}

/// A draft: 2 pt in the accent colour on a dark casing, round handles, the first vertex larger when a click would close.
fn paint_draft(painter: &egui::Painter, input: &CanvasInput<'_>, draft: &Draft, pointer: Option<egui::Pos2>) {
    let accent = theme::DARK.accent;
    let mut line: Vec<egui::Pos2> = draft.points.iter().map(|p| input.viewport.screen_from_image(*p)).collect();
    let vertices = line.clone();
    let px_per_pt = input.viewport.px_per_pt();
    let closing = match (input.tool, pointer) {
        (Tool::Polygon(t), Some(pos)) => t.closes_at(input.viewport.image_from_screen(pos), px_per_pt),
        _ => false,
    };
    if draft.closed || closing {
        line.extend(line.first().copied());
    } else if let Some(pos) = pointer {
        line.push(pos);
    }
    painter.line(line.clone(), Stroke::new(4.0, theme::CASING));
    painter.line(line, Stroke::new(2.0, accent));
    if draft.closed {
        return;
    }
    for at in vertices.iter().skip(1).filter(|_| vertices.len() <= 200) {
        handle(painter, *at, 2.5, accent);
    }
    if let Some(first) = vertices.first() {
        handle(painter, *first, if closing { 7.0 } else { 4.0 }, accent);
    }
}

/// The strip of tools at the left edge of the image.
fn tool_strip(ui: &mut Ui, rect: Rect, s: Shown<'_>, tools: &[ToolKind], current: ToolKind, out: &mut Vec<Action>) {
    let t = look(ui);
    let size = Vec2::new(36.0, tools.len() as f32 * 32.0 + 4.0);
    let area = Rect::from_min_size(rect.left_center() + Vec2::new(10.0, -size.y / 2.0), size);
    if rect.height() < size.y + 120.0 {
        return;
    }
    ui.painter().rect(area, f32::from(theme::CORNER), t.panel, Stroke::new(1.0, t.line), StrokeKind::Inside);
    ui.scope_builder(egui::UiBuilder::new().max_rect(area.shrink(4.0)), |ui| {
        ui.spacing_mut().item_spacing = Vec2::new(0.0, 4.0);
        ui.spacing_mut().button_padding = Vec2::new(4.0, 1.0);
        for kind in tools.iter().copied() {
            let enabled = !kind.draws() || s.look.may_draw(s.model);
            if icon_action(ui, s.words, ActionId::Tool(kind), kind == current, enabled) {
                out.push(Action::Call(ActionId::Tool(kind)));
            }
        }
    });
}

/// Where the pixels would be when the file is not at hand: the findings on an empty sheet, what happened, that nothing is
/// lost, what to do.
pub fn placeholder(ui: &mut Ui, rect: Rect, s: Shown<'_>, image: &ImageRow) -> Vec<Action> {
    let mut out = Vec::new();
    let t = look(ui);
    sheet(&ui.painter_at(rect), rect, s, image, t);
    let area = Align2::CENTER_BOTTOM.align_size_within_rect(Vec2::new(520.0, 150.0), rect.shrink(24.0));
    ui.painter().rect(area, f32::from(theme::CORNER), t.panel, Stroke::new(1.0, t.line), StrokeKind::Inside);
    ui.scope_builder(egui::UiBuilder::new().max_rect(area.shrink(12.0)), |ui| {
        ui.vertical_centered(|ui| {
            let (icon, title, text) = match &image.availability {
                Availability::Missing { disk } if disk.len() > 1 => {
                    let args = [("disk", crate::gui::i18n::Arg::from(disk.clone()))];
                    (icons::HARD_DRIVES, s.words.t("missing-title"), s.words.with("missing-text", &args))
                }
                // The system's own disk cannot be plugged in: the file was moved or deleted.
                Availability::Missing { .. } => {
                    (icons::HARD_DRIVES, s.words.t("missing-title"), s.words.t("missing-moved"))
                }
                Availability::Failed { reason } => (icons::LINK_BREAK, s.words.t("failed-title"), reason.clone()),
                Availability::Ready => (icons::IMAGE_SQUARE, s.words.t("loading"), String::new()),
            };
            ui.label(egui::RichText::new(format!("{icon}  {title}")).font(theme::title()).color(t.text));
            ui.add_space(4.0);
            ui.label(egui::RichText::new(&text).color(t.text_dim));
            ui.add_space(8.0);
            match &image.availability {
                Availability::Missing { .. } if ui.button(s.words.t("image-relocate")).clicked() => {
                    out.push(Action::Run(Job::Relocate));
                }
                Availability::Failed { reason } if ui.button(s.words.t("copy-details")).clicked() => {
                    out.push(Action::Run(Job::CopyText(reason.clone())));
                }
                _ => {}
            }
        });
    });
    out
}

/// An empty sheet of the image's proportions with the outlines of the frame in view.
fn sheet(painter: &egui::Painter, rect: Rect, s: Shown<'_>, image: &ImageRow, t: &theme::Tokens) {
    #[allow(clippy::cast_precision_loss, reason = "a picture of the place, not a measurement")]
    let size = Vec2::new(image.size_px.width.max(1) as f32, image.size_px.height.max(1) as f32);
    let scale = (rect.width() / size.x).min(rect.height() / size.y) * 0.9;
    let page = Rect::from_center_size(rect.center(), size * scale);
    painter.rect(page, 0.0, theme::SHEET, Stroke::new(1.0, t.text_faint), StrokeKind::Inside);
    #[allow(clippy::cast_possible_truncation, reason = "screen positions are f32 in egui")]
    let to_screen = |p: &[f64; 2]| page.min + Vec2::new(p[0] as f32, p[1] as f32) * scale;
    let outlines = s.model.findings.iter().flat_map(|f| f.on(&image.id, s.look.frame).map(move |r| (f, r)));
    for (f, roi) in outlines {
        let width = if s.look.selected.as_ref() == Some(&f.id) { 3.0 } else { 2.0 };
        match roi.shape() {
            Some(Shape::Polygons(parts)) => {
                for ring in parts.iter().flat_map(|p| std::iter::once(&p.exterior).chain(&p.holes)) {
                    let line: Vec<egui::Pos2> = ring.iter().map(to_screen).collect();
                    painter.add(egui::Shape::closed_line(line, Stroke::new(width, f.color)));
                }
            }
            Some(Shape::Line(line)) => {
                painter.line(line.iter().map(to_screen).collect(), Stroke::new(width, f.color));
            }
            Some(Shape::Point(p)) => {
                painter.circle_filled(to_screen(p), 4.0, f.color);
            }
            Some(Shape::WholeImage) | None => {}
        }
    }
}
