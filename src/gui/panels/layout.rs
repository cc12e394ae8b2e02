//! The stage in the window: its cells side by side, the active one with the tools, the others to look at.

use egui::{PointerButton, Rect, Stroke, StrokeKind, Ui, WidgetInfo};

use super::{Shown, canvas, corners};
use crate::domain::ImageId;
use crate::gui::action::{Action, ViewChange};
use crate::gui::actions::{ActionId, Staging};
use crate::gui::model::Availability;
use crate::gui::mpr::PlaneKind;
use crate::gui::profile::Ground;
use crate::gui::stage::{CellHand, Seen, Stage};
use crate::gui::theme;
use crate::gui::tools::{Tool, ToolKind};
use crate::gui::viewport::{GAP_PT, ViewportResponse};
use crate::gui::widgets::{cased_text, look};

/// Shows every cell that is in view over `rect`.
pub fn show(ui: &mut Ui, rect: Rect, s: Shown<'_>, stage: &mut Stage, tool: &Tool) -> Vec<Action> {
    let mut out = Vec::new();
    let places = stage.places(rect);
    dropped(ui, &places, &mut out);
    let single = places.len() == 1;
    for (cell, place) in places {
        if stage.plane_of(cell).is_some() {
            super::planes::show(ui, cell, place, s, stage, &mut out);
        } else if cell == stage.hand() {
            active_cell(ui, place, s, stage, tool, &mut out);
        } else {
            other_cell(ui, cell, place, s, stage, &mut out);
        }
        if !single {
            let colour = if cell == stage.active() { look(ui).accent } else { look(ui).line };
            ui.painter().rect_stroke(place, 0.0, Stroke::new(1.0, colour), StrokeKind::Inside);
        }
    }
    if let Some(share) = stage.reading_volume() {
        let percent = crate::gui::i18n::Arg::from(format!("{:.0}", share * 100.0));
        let text = s.words.with("planes-reading", &[("percent", percent)]);
        cased_text(ui.painter(), rect.center_top() + egui::vec2(0.0, 24.0), egui::Align2::CENTER_TOP, &text);
    }
    out
}

/// An image that was dragged out of the worklist into a cell.
fn dropped(ui: &Ui, places: &[(usize, Rect)], out: &mut Vec<Action>) {
    let Some(at) =
        ui.ctx().pointer_latest_pos().filter(|_| egui::DragAndDrop::has_payload_of_type::<ImageId>(ui.ctx()))
    else {
        return;
    };
    let Some((cell, place)) = places.iter().find(|(_, place)| place.contains(at)) else { return };
    ui.ctx().layer_painter(egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("drop"))).rect_stroke(
        *place,
        0.0,
        Stroke::new(2.0, look(ui).accent),
        StrokeKind::Inside,
    );
    if ui.input(|i| i.pointer.any_released())
        && let Some(image) = egui::DragAndDrop::take_payload::<ImageId>(ui.ctx())
    {
        out.push(Action::Look(ViewChange::Place(*cell, (*image).clone())));
    }
}

/// A click while two images are being laid over each other; whether it was one.
fn pointed(cell: usize, seen: &ViewportResponse, stage: &Stage, out: &mut Vec<Action>) -> bool {
    let asked = stage.registrations.is_asking();
    if let (true, true, Some(image), Some(at)) =
        (asked, seen.response.clicked(), stage.image(cell), seen.pointer_image_px)
    {
        out.push(Action::Look(ViewChange::Point(image.clone(), at)));
    }
    asked
}

fn active_cell(ui: &mut Ui, rect: Rect, s: Shown<'_>, stage: &mut Stage, tool: &Tool, out: &mut Vec<Action>) {
    let Some(image) = s.look.image.as_ref().and_then(|i| s.model.image(i)) else { return };
    if image.availability != Availability::Ready {
        out.extend(canvas::placeholder(ui, rect, s, image));
        return;
    }
    let pointer = ui.ctx().pointer_latest_pos();
    let hand = CellHand {
        armed: canvas::tool_armed(s, tool, stage.viewport(), pointer),
        editing: tool.kind() == ToolKind::Select && tool.draft().is_some(),
    };
    let Some(Seen { cell, response }) = stage.show(ui, stage.hand(), rect, s.model, s.look, hand) else { return };
    let facts = stage.facts(cell, s.model, s.look);
    let input = canvas::CanvasInput { tool, viewport: stage.viewport(), seen: &response, facts: &facts };
    out.extend(canvas::show(ui, s, &input));
    let _ = pointed(cell, &response, stage, out);
    profile_line(ui, cell, &response, stage, out);
    if response.response.double_clicked() && tool.kind() == ToolKind::Select && stage.grid().cells() > 1 {
        out.push(Action::Call(ActionId::Stage(Staging::Alone)));
    }
    // A press beside an active plane takes the slices in the hand again.
    let pressed = ui.input(|i| i.pointer.any_pressed()) && response.response.contains_pointer();
    if pressed && stage.active() != cell {
        out.push(Action::Look(ViewChange::Activate(cell)));
    }
    slice_cross(ui, rect, stage);
    super::navigator::show(ui, s, stage.viewport_mut(), rect);
    out.extend(super::adjust::show(ui, s, stage.viewport(), rect));
}

/// The profile line on the slices: its clicks, and where it lies.
fn profile_line(ui: &Ui, cell: usize, seen: &ViewportResponse, stage: &Stage, out: &mut Vec<Action>) {
    let (Some(aid), Some(image)) = (&stage.profile, stage.image(cell)) else { return };
    if aid.is_asking() && seen.response.hovered() {
        ui.ctx().set_cursor_icon(egui::CursorIcon::Crosshair);
    }
    if let (true, true, Some(at)) = (aid.is_asking(), seen.response.clicked(), seen.pointer_image_px) {
        out.push(Action::Look(ViewChange::ProfileEnd(image.clone(), at)));
    }
    if let Some((Ground::Slices(of), ends)) = aid.line()
        && of == image
    {
        measuring_line(&ui.painter_at(seen.rect), ends.map(|[x, y, _]| stage.viewport().screen_from_image([x, y])));
    }
}

/// A measuring aid as drafts are drawn: the accent colour on a dark casing.
pub fn measuring_line(painter: &egui::Painter, ends: [egui::Pos2; 2]) {
    let accent = theme::DARK.accent;
    painter.line_segment(ends, Stroke::new(4.0, theme::CASING));
    painter.line_segment(ends, Stroke::new(2.0, accent));
    for end in ends {
        painter.circle(end, 3.5, theme::OVERLAY_TEXT, Stroke::new(1.5, accent));
    }
}

/// Where the planes' cross-hair stands on the slice in view, and the lines along which the planes cut it.
fn slice_cross(ui: &Ui, rect: Rect, stage: &Stage) {
    let Some(planes) = stage.planes() else { return };
    let viewport = stage.viewport();
    let frame = viewport.meta().and_then(|m| m.frames.get(viewport.frame() as usize));
    let Some(pose) = frame.and_then(|f| f.pose) else { return };
    let painter = ui.painter_at(rect);
    let (x, y) = pose.image_from_patient(planes.mpr.centre_mm);
    let middle = viewport.screen_from_image([x, y]);
    let normal = pose.normal();
    for kind in PlaneKind::ALL {
        let n = planes.mpr.normal(kind);
        // The direction that lies in both: on the slice, at a right angle to the plane's normal.
        let along = [
            n[1] * normal[2] - n[2] * normal[1],
            n[2] * normal[0] - n[0] * normal[2],
            n[0] * normal[1] - n[1] * normal[0],
        ];
        if along.iter().map(|v| v * v).sum::<f64>() < 0.25 {
            continue;
        }
        let p = std::array::from_fn(|i| planes.mpr.centre_mm[i] + along[i] * 50.0);
        let (px, py) = pose.image_from_patient(p);
        let towards = (viewport.screen_from_image([px, py]) - middle).normalized();
        let stroke = Stroke::new(1.0, super::planes::colour(kind).gamma_multiply(0.7));
        let far = rect.size().length();
        painter.line_segment([middle + towards * GAP_PT, middle + towards * far], stroke);
        painter.line_segment([middle - towards * GAP_PT, middle - towards * far], stroke);
    }
}

/// A cell to look at: its own slice, zoom and window; a press makes it the active one.
fn other_cell(ui: &mut Ui, cell: usize, rect: Rect, s: Shown<'_>, stage: &mut Stage, out: &mut Vec<Action>) {
    let Some(Seen { response: seen, .. }) = stage.show(ui, cell, rect, s.model, s.look, CellHand::default()) else {
        return;
    };
    let name = s.words.with("image-canvas-other", &[("n", crate::gui::i18n::Arg::from(cell + 1))]);
    seen.response.widget_info(|| WidgetInfo::labeled(egui::Role::Canvas, true, &name));
    let pressed = ui.input(|i| i.pointer.button_pressed(PointerButton::Primary)) && seen.response.contains_pointer();
    if !pointed(cell, &seen, stage, out) && pressed {
        out.push(Action::Look(ViewChange::Activate(cell)));
    }
    if stage.image(cell).is_none() {
        ui.painter().text(
            rect.center(),
            egui::Align2::CENTER_CENTER,
            s.words.t("cell-empty"),
            theme::small(),
            look(ui).text_faint,
        );
    } else if s.look.corners {
        corners::paint(&ui.painter_at(rect), rect, s.words, &stage.facts(cell, s.model, s.look));
    }
}
