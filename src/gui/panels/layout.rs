//! The stage in the window: its cells side by side, the active one with the tools, the others to look at.

use egui::{PointerButton, Rect, Stroke, StrokeKind, Ui, WidgetInfo};

use super::{Shown, canvas, corners};
use crate::gui::action::{Action, ViewChange};
use crate::gui::model::Availability;
use crate::gui::stage::{CellHand, Seen, Stage};
use crate::gui::theme;
use crate::gui::tools::{Tool, ToolKind};
use crate::gui::widgets::look;

/// Shows every cell that is in view over `rect`.
pub fn show(ui: &mut Ui, rect: Rect, s: Shown<'_>, stage: &mut Stage, tool: &Tool) -> Vec<Action> {
    let mut out = Vec::new();
    let places = stage.places(rect);
    let single = places.len() == 1;
    for (cell, place) in places {
        if cell == stage.active() {
            active_cell(ui, place, s, stage, tool, &mut out);
        } else {
            other_cell(ui, cell, place, s, stage, &mut out);
        }
        if !single {
            let colour = if cell == stage.active() { look(ui).accent } else { look(ui).line };
            ui.painter().rect_stroke(place, 0.0, Stroke::new(1.0, colour), StrokeKind::Inside);
        }
    }
    out
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
    let Some(Seen { cell, response }) = stage.show(ui, stage.active(), rect, s.model, s.look, hand) else { return };
    let facts = stage.facts(cell, s.model, s.look);
    let input = canvas::CanvasInput { tool, viewport: stage.viewport(), seen: &response, facts: &facts };
    out.extend(canvas::show(ui, s, &input));
    super::navigator::show(ui, s, stage.viewport_mut(), rect);
    out.extend(super::adjust::show(ui, s, stage.viewport(), rect));
}

/// A cell to look at: its own slice, zoom and window; a press makes it the active one.
fn other_cell(ui: &mut Ui, cell: usize, rect: Rect, s: Shown<'_>, stage: &mut Stage, out: &mut Vec<Action>) {
    let Some(Seen { response: seen, .. }) = stage.show(ui, cell, rect, s.model, s.look, CellHand::default()) else {
        return;
    };
    let name = s.words.with("image-canvas-other", &[("n", crate::gui::i18n::Arg::from(cell + 1))]);
    seen.response.widget_info(|| WidgetInfo::labeled(egui::Role::Canvas, true, &name));
    let pressed = ui.input(|i| i.pointer.button_pressed(PointerButton::Primary)) && seen.response.contains_pointer();
    if pressed {
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
