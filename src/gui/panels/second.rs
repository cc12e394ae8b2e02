//! The second window's contents: one image with its outlines and corner text, to look at; under it what its keys do.

use egui::{Align2, Rect, RichText, Sense, Ui, WidgetInfo};

use super::{Shown, corners};
use crate::gui::cells::{Cell, CellInput};
use crate::gui::theme;
use crate::gui::widgets::look;

const HINT_HEIGHT: f32 = 24.0;

/// Draws the image over all of the window but the line of keys.
pub fn show(ui: &mut Ui, s: Shown<'_>, cell: &mut Cell) {
    let t = look(ui);
    let all = ui.available_rect_before_wrap();
    ui.painter().rect_filled(all, 0.0, t.surround);
    let (image, hint) = all.split_top_bottom_at_y(all.bottom() - if s.look.bare { 0.0 } else { HINT_HEIGHT });
    let name = s.words.t("second-canvas");
    if cell.image().is_none() {
        let response = ui.allocate_rect(image, Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(egui::Role::Canvas, true, &name));
        let text = s.words.t("second-empty");
        ui.painter().text(
            image.center(),
            Align2::CENTER_CENTER,
            text,
            egui::TextStyle::Body.resolve(ui.style()),
            t.text_dim,
        );
    } else {
        let frame = cell.viewport().frame();
        let input = CellInput { tool_armed: false, editing: false, frame };
        let seen = cell.show(ui, image, s.model, s.look, input);
        seen.response.widget_info(|| WidgetInfo::labeled(egui::Role::Canvas, true, &name));
        if s.look.corners {
            let facts = cell.facts(s.model, s.look, cell.viewport().frame());
            corners::paint(&ui.painter_at(image), image, s.words, &facts);
        }
    }
    hint_line(ui, s, hint);
}

fn hint_line(ui: &mut Ui, s: Shown<'_>, rect: Rect) {
    if rect.height() < 1.0 {
        return;
    }
    let t = look(ui);
    ui.painter().rect_filled(rect, 0.0, t.panel);
    let inner = rect.shrink2(egui::vec2(8.0, 0.0));
    ui.scope_builder(egui::UiBuilder::new().max_rect(inner), |ui| {
        ui.horizontal_centered(|ui| {
            let text = RichText::new(s.words.t("second-hint")).font(theme::small()).color(t.text_dim);
            ui.add(egui::Label::new(text).truncate());
        });
    });
}
