//! The map of a slide in a corner of the image: where the view is, what was looked at and how closely; a press or a drag
//! on it goes there.

use egui::{Color32, Id, Mesh, Rect, Sense, Shape, Stroke, StrokeKind, Ui, Vec2, WidgetInfo};

use super::Shown;
use crate::gui::actions::{ActionId, find};
use crate::gui::theme;
use crate::gui::viewing::Viewing;
use crate::gui::viewport::{SeenMap, Viewport};
use crate::gui::widgets::{look, tooltip};

/// Largest size of the map, in points.
const MOST: Vec2 = Vec2::new(176.0, 150.0);
/// Space for the read-outs in the corner below it.
const BELOW: f32 = 66.0;
/// On a smaller place the map would hide what is looked for.
const LEAST_PLACE: Vec2 = Vec2::new(520.0, 380.0);

/// Shows the map over `rect`, the image's place, and moves the view when it is asked to.
pub fn show(ui: &mut Ui, s: Shown<'_>, viewport: &mut Viewport, rect: Rect) {
    if !s.look.navigator || !viewport.has_overview() || rect.width() < LEAST_PLACE.x || rect.height() < LEAST_PLACE.y {
        return;
    }
    let size = viewport.overview_size(MOST).round();
    let corner = rect.right_bottom() - Vec2::new(10.0, BELOW);
    let place = Rect::from_min_max(corner - size, corner);
    let response = ui.interact(place, Id::unique("navigator"), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, s.words.t("navigator")));
    if let Some(at) = response.interact_pointer_pos() {
        viewport.go_to_overview(place, at);
        ui.ctx().request_repaint();
    }
    let t = look(ui);
    let painter = ui.painter_at(place.expand(2.0));
    painter.rect_filled(place, 0.0, t.surround);
    viewport.paint_overview(&painter, place);
    if let Some(map) = viewport.seen_map() {
        painter.add(Shape::mesh(tint(map, place)));
    }
    painter.rect_stroke(place, 0.0, Stroke::new(1.0, t.line), StrokeKind::Outside);
    let view = viewport.view_in_overview(place);
    let inside = ui.painter_at(place);
    // Deep in a slide the view is smaller than a dot: a mark of a visible size says where.
    let span = Rect::from_points(&view);
    if span.width().max(span.height()) < 6.0 {
        let at = span.center();
        inside.circle_stroke(at, 5.0, Stroke::new(3.0, theme::OVERLAY_CASING));
        inside.circle_stroke(at, 5.0, Stroke::new(1.5, t.accent));
    } else {
        inside.add(Shape::closed_line(view.to_vec(), Stroke::new(3.0, theme::OVERLAY_CASING)));
        inside.add(Shape::closed_line(view.to_vec(), Stroke::new(1.5, t.accent)));
    }
    response.on_hover_text(tooltip(s.words, find(ActionId::View(Viewing::Navigator))));
}

/// One quad a cell that was seen; the closer, the stronger.
fn tint(map: &SeenMap, place: Rect) -> Mesh {
    let mut mesh = Mesh::default();
    let size = Vec2::new(place.width() / map.cols.max(1) as f32, place.height() / map.rows.max(1) as f32);
    for (row, cells) in map.cells.chunks(map.cols.max(1) as usize).enumerate() {
        for (col, level) in cells.iter().enumerate().filter(|(_, level)| **level > 0) {
            let min = place.min + Vec2::new(col as f32 * size.x, row as f32 * size.y);
            mesh.add_colored_rect(Rect::from_min_size(min, size), seen_colour(*level));
        }
    }
    mesh
}

fn seen_colour(level: u8) -> Color32 {
    theme::SEEN.gamma_multiply(0.1 + 0.12 * f32::from(level.min(4)))
}
