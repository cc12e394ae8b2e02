//! The image and what lies on it: outlines, the draft, corner text, the tool strip, and the pointer's gestures.

use egui::{Align2, CursorIcon, Event, PointerButton, Rect, Response, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo};

use super::Shown;
use super::corners::{self, ViewFacts};
use crate::domain::{Field, PointPx, Shape};
use crate::gui::action::{Action, Gesture, Job};
use crate::gui::actions::{ActionId, find};
use crate::gui::model::{Availability, ImageRow};
use crate::gui::tools::{Draft, PointerInput, PointerKind, Tool, ToolCursor, ToolKind};
use crate::gui::widgets::{icon_action, look};
use crate::gui::{icons, theme};

/// The plain part of the camera: how image pixels and screen points map, as of this frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Map {
    /// Screen position of the image's origin.
    pub origin: egui::Pos2,
    /// Points per image pixel.
    pub pt_per_px: f64,
}

impl Map {
    pub fn to_image(self, pos: egui::Pos2) -> PointPx {
        let d = pos - self.origin;
        [f64::from(d.x) / self.pt_per_px, f64::from(d.y) / self.pt_per_px]
    }

    #[allow(clippy::cast_possible_truncation, reason = "screen positions are f32 in egui")]
    pub fn to_screen(self, p: PointPx) -> egui::Pos2 {
        self.origin + Vec2::new((p[0] * self.pt_per_px) as f32, (p[1] * self.pt_per_px) as f32)
    }
}

/// What the canvas needs beside the model.
pub struct CanvasInput<'a> {
    pub tool: &'a Tool,
    pub map: Map,
    pub facts: &'a ViewFacts,
    /// Whether sharper pixels are still on their way.
    pub loading: bool,
}

/// Gestures, menu and overlays over an image that `paint_image` has already drawn in `rect`.
pub fn show(ui: &mut Ui, rect: Rect, s: Shown<'_>, input: &CanvasInput<'_>) -> Vec<Action> {
    let mut out = Vec::new();
    let response = ui.interact(rect, egui::Id::unique("canvas"), Sense::click_and_drag());
    let name = s.words.t("image-canvas");
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Canvas, true, &name));
    gestures(ui, &response, s, input, &mut out);
    context_menu(&response, s, &mut out);
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
    if input.loading {
        // A quiet mark: the coarse level is on show already.
        let t = look(ui);
        painter.circle_filled(rect.center_top() + Vec2::new(0.0, 10.0), 3.0, t.accent);
    }
    tool_strip(ui, rect, s, input.tool.kind(), &mut out);
    if response.hovered() {
        ui.ctx().set_cursor_icon(cursor(ui, &response, s, input));
    }
    out
}

fn is_stack(s: Shown<'_>) -> bool {
    s.look.image.as_ref().and_then(|i| s.model.image(i)).is_some_and(|i| i.frames > 1)
}

fn has_window(s: Shown<'_>) -> bool {
    s.look.field(s.model) == Some(Field::Radiology)
}

fn gestures(ui: &Ui, response: &Response, s: Shown<'_>, input: &CanvasInput<'_>, out: &mut Vec<Action>) {
    let typing = ui.ctx().text_edit_focused();
    let over = response.contains_pointer();
    let (events, time, space, modifiers, delta) = ui.input(|i| {
        let space = i.key_down(egui::Key::Space) && !typing;
        (i.events.clone(), i.time, space, i.modifiers, i.pointer.delta())
    });
    let px_per_pt = 1.0 / input.map.pt_per_px;
    let hand = |kind, pos: egui::Pos2| {
        let at = input.map.to_image(pos);
        Action::Hand(Gesture::Pointer(PointerInput { kind, at, px_per_pt, time_s: time, shift: modifiers.shift, alt: modifiers.alt }))
    };
    let middle = response.dragged_by(PointerButton::Middle);
    let left = response.dragged_by(PointerButton::Primary) || response.is_pointer_button_down_on();
    let pan = middle || (space && response.dragged_by(PointerButton::Primary));
    for event in &events {
        match event {
            Event::PointerButton { pos, button: PointerButton::Primary, pressed: true, .. } if over && !space => {
                out.push(hand(PointerKind::Press, *pos));
            }
            Event::PointerButton { pos, button: PointerButton::Primary, pressed: false, .. } if !space => {
                out.push(hand(PointerKind::Release, *pos));
            }
            Event::PointerMoved(pos) if (over || left) && !pan => out.push(hand(PointerKind::Move, *pos)),
            Event::MouseWheel { unit, delta, modifiers, .. } if over => wheel(ui, s, *unit, *delta, modifiers.command, input, out),
            Event::Zoom(factor) if over => {
                if let Some(pos) = response.hover_pos() {
                    out.push(Action::Hand(Gesture::Zoom { at: pos, factor: f64::from(*factor) }));
                }
            }
            _ => {}
        }
    }
    if pan && delta != Vec2::ZERO {
        out.push(Action::Hand(Gesture::Pan(delta)));
    } else if response.dragged_by(PointerButton::Primary) && delta != Vec2::ZERO {
        // Only if the tool lets the drag pass; `App` knows.
        out.push(Action::Hand(Gesture::Drag(delta)));
    } else if response.dragged_by(PointerButton::Secondary) && delta.y != 0.0 {
        let at = response.interact_pointer_pos().unwrap_or(response.rect.center());
        out.push(Action::Hand(Gesture::Zoom { at, factor: f64::from(1.0 - delta.y * 0.006) }));
    }
    out.push(Action::Hand(Gesture::Hover(response.hover_pos().map(|p| input.map.to_image(p)))));
}

/// The wheel scrolls a stack and zooms everything else; with Ctrl it always zooms.
fn wheel(ui: &Ui, s: Shown<'_>, unit: egui::MouseWheelUnit, delta: Vec2, ctrl: bool, input: &CanvasInput<'_>, out: &mut Vec<Action>) {
    let notches = match unit {
        egui::MouseWheelUnit::Point => delta.y / 40.0,
        egui::MouseWheelUnit::Line => delta.y,
        egui::MouseWheelUnit::Page => delta.y * 10.0,
    };
    if is_stack(s) && !ctrl {
        out.push(Action::Hand(Gesture::Scroll(-notches)));
        return;
    }
    let Some(pos) = ui.ctx().pointer_latest_pos() else { return };
    // A fifth per notch: five notches double the size, as in QuPath's default.
    let factor = f64::from(notches * 0.1386).exp();
    let _ = input;
    out.push(Action::Hand(Gesture::Zoom { at: pos, factor }));
}

fn cursor(ui: &Ui, response: &Response, s: Shown<'_>, input: &CanvasInput<'_>) -> CursorIcon {
    if response.dragged_by(PointerButton::Middle) || ui.input(|i| i.key_down(egui::Key::Space)) && !ui.ctx().text_edit_focused() {
        return CursorIcon::Grabbing;
    }
    let at = response.hover_pos().map(|p| input.map.to_image(p));
    let selected = s.look.selected.as_ref().and_then(|id| s.model.finding(id)).filter(|_| s.look.editable(s.model));
    let shape = selected.and_then(|f| f.shape.as_ref().map(|shape| (&f.id, shape)));
    let scene = crate::gui::tools::Scene { selected: shape, pick: &|_| None };
    match input.tool.cursor(at, 1.0 / input.map.pt_per_px, &scene) {
        ToolCursor::Cross => CursorIcon::Crosshair,
        ToolCursor::Grab => CursorIcon::Grab,
        ToolCursor::Move => CursorIcon::Move,
        ToolCursor::Close => CursorIcon::Cell,
        ToolCursor::AddVertex => CursorIcon::Copy,
        ToolCursor::Arrow => CursorIcon::Default,
    }
}

/// What can be done here, at most nine entries, each with its key.
fn context_menu(response: &Response, s: Shown<'_>, out: &mut Vec<Action>) {
    let mut ids: Vec<ActionId> = Vec::new();
    if s.look.meets(s.model, crate::gui::actions::Needs::Editing) {
        ids.extend([ActionId::FocusTerms, ActionId::Comment, ActionId::ZoomToFinding, ActionId::Delete]);
    }
    if s.look.editable(s.model) {
        ids.push(ActionId::Tool(ToolKind::Polygon));
    }
    ids.extend([ActionId::Fit, ActionId::OneToOne, ActionId::HideFindings, ActionId::Corners]);
    response.context_menu(|ui| {
        ui.set_min_width(220.0);
        for def in ids.into_iter().map(find) {
            let name = s.words.t(def.key);
            let button = egui::Button::new(format!("{}  {name}", def.icon)).shortcut_text(def.keys());
            if ui.add(button).accessible_name(name).clicked() {
                out.push(Action::Call(def.id));
                ui.close();
            }
        }
    });
}

/// The handles of the selected outline, when the selection tool is in the hand.
fn paint_selection(painter: &egui::Painter, s: Shown<'_>, input: &CanvasInput<'_>) {
    if input.tool.kind() != ToolKind::Select || input.tool.draft().is_some() || !s.look.editable(s.model) {
        return;
    }
    let Some(finding) = s.look.selected.as_ref().and_then(|id| s.model.finding(id)) else { return };
    if s.look.image.as_ref() != Some(&finding.image) || s.look.frame != finding.frame {
        return;
    }
    let Some(shape) = &finding.shape else { return };
    if matches!(shape, Shape::WholeImage) || shape.points().count() > 400 {
        return;
    }
    for p in shape.points() {
        handle(painter, input.map.to_screen(*p), 4.0, theme::brighter(finding.color));
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
    let mut line: Vec<egui::Pos2> = draft.points.iter().map(|p| input.map.to_screen(*p)).collect();
    let vertices = line.clone();
    let px_per_pt = 1.0 / input.map.pt_per_px;
    let closing = match (input.tool, pointer) {
        (Tool::Polygon(t), Some(pos)) => t.closes_at(input.map.to_image(pos), px_per_pt),
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

const STRIP: [ToolKind; 5] = ToolKind::ALL;

/// The strip of tools at the left edge of the image.
fn tool_strip(ui: &mut Ui, rect: Rect, s: Shown<'_>, current: ToolKind, out: &mut Vec<Action>) {
    let t = look(ui);
    let size = Vec2::new(36.0, STRIP.len() as f32 * 32.0 + 8.0);
    let area = Rect::from_min_size(rect.left_center() + Vec2::new(10.0, -size.y / 2.0), size);
    if rect.height() < size.y + 120.0 {
        return;
    }
    ui.painter().rect(area, f32::from(theme::CORNER), t.panel, Stroke::new(1.0, t.line), StrokeKind::Inside);
    ui.scope_builder(egui::UiBuilder::new().max_rect(area.shrink(4.0)), |ui| {
        ui.spacing_mut().item_spacing = Vec2::new(0.0, 4.0);
        for kind in STRIP {
            let enabled = !kind.draws() || s.look.editable(s.model);
            if icon_action(ui, s.words, ActionId::Tool(kind), kind == current, enabled) {
                out.push(Action::Call(ActionId::Tool(kind)));
            }
        }
    });
}

/// Where the pixels would be when the file is not at hand: what happened, that nothing is lost, what to do.
pub fn placeholder(ui: &mut Ui, rect: Rect, s: Shown<'_>, image: &ImageRow) -> Vec<Action> {
    let mut out = Vec::new();
    let t = look(ui);
    ui.painter().rect_filled(rect, 0.0, t.canvas);
    let area = Align2::CENTER_CENTER.align_size_within_rect(Vec2::new(460.0, 200.0), rect);
    ui.scope_builder(egui::UiBuilder::new().max_rect(area), |ui| {
        ui.vertical_centered(|ui| {
            let (icon, title, text) = match &image.availability {
                Availability::Missing { disk } => {
                    let args = [("disk", crate::gui::i18n::Arg::from(disk.clone()))];
                    (icons::HARD_DRIVES, s.words.t("missing-title"), s.words.with("missing-text", &args))
                }
                Availability::Failed { reason } => (icons::LINK_BREAK, s.words.t("failed-title"), reason.clone()),
                Availability::Ready => (icons::IMAGE_SQUARE, s.words.t("loading"), String::new()),
            };
            ui.label(egui::RichText::new(icon).size(28.0).color(t.text_dim));
            ui.label(egui::RichText::new(title).font(theme::title()).color(t.text));
            ui.add_space(4.0);
            ui.label(egui::RichText::new(&text).color(t.text_dim));
            ui.add_space(12.0);
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
