//! What lies over a plane through a volume: the cross-hair and its handles, where slices were measured, letters, window,
//! value, thickness, and the outlines of findings where the plane cuts them.

use egui::{Align2, Color32, Painter, Pos2, Rect, Stroke, Ui, Vec2, WidgetInfo, vec2};

use super::Shown;
use super::corners::{length_text, orientation, scale_bar};
use crate::domain::{RoiSpace, Shape};
use crate::gui::action::{Action, ViewChange};
use crate::gui::i18n::Arg;
use crate::gui::icons;
use crate::gui::mpr::{PlaneKind, cut_outline};
use crate::gui::palettes::Palette;
use crate::gui::planes::{PlaneFacts, Planes};
use crate::gui::profile::{Ground, ProfileAid};
use crate::gui::readings::{reading, with_unit};
use crate::gui::stage::Stage;
use crate::gui::theme;
use crate::gui::viewport::{GAP_PT, PlaneResponse, PlaneView};
use crate::gui::widgets::{cased_text, look};

/// The colour of a plane's line in the others: blue, vermilion, yellow of Okabe and Ito, apart for every eye.
pub const fn colour(kind: PlaneKind) -> Color32 {
    match kind {
        PlaneKind::Axial => theme::READER_A,
        PlaneKind::Coronal => theme::READER_B,
        PlaneKind::Sagittal => theme::REDRAWN,
    }
}

/// The planes that a plane's two lines stand for: across and upright.
const fn lines(kind: PlaneKind) -> [PlaneKind; 2] {
    match kind {
        PlaneKind::Axial => [PlaneKind::Coronal, PlaneKind::Sagittal],
        PlaneKind::Coronal => [PlaneKind::Axial, PlaneKind::Sagittal],
        PlaneKind::Sagittal => [PlaneKind::Axial, PlaneKind::Coronal],
    }
}

/// Shows a plane's cell.
pub fn show(ui: &mut Ui, cell: usize, rect: Rect, s: Shown<'_>, stage: &mut Stage, out: &mut Vec<Action>) {
    let Some(kind) = stage.plane_of(cell) else { return };
    let Some((seen, slice)) = stage.show_plane(ui, cell, rect, s.look.profile) else { return };
    let name = s.words.t(kind.key());
    seen.response.widget_info(|| WidgetInfo::labeled(egui::Role::Canvas, true, &name));
    if let Some(frame) = slice {
        out.push(Action::Look(ViewChange::Frame(frame)));
    }
    let pressed = ui.input(|i| i.pointer.any_pressed()) && seen.response.contains_pointer();
    if pressed && cell != stage.active() {
        out.push(Action::Look(ViewChange::Activate(cell)));
    }
    let painter = ui.painter_at(seen.rect);
    let (Some(planes), Some(view)) = (stage.planes(), stage.plane_view(cell)) else { return };
    measured(&painter, planes, view, kind, look(ui).text_faint);
    if !s.look.hidden {
        findings(&painter, s, planes, view, kind);
    }
    cross(&painter, view, kind, &seen);
    if let Some((Ground::Plane(_, on), ends)) = stage.profile.as_ref().and_then(ProfileAid::line)
        && *on == kind
    {
        super::layout::measuring_line(&painter, ends.map(|p| view.screen_from_plane(planes.plane_from(kind, p))));
    }
    if stage.profile.as_ref().is_some_and(ProfileAid::is_asking) && seen.response.hovered() {
        ui.ctx().set_cursor_icon(egui::CursorIcon::Crosshair);
    }
    if s.look.corners
        && let Some(facts) = stage.plane_facts(cell, seen.pointer_mm.filter(|_| seen.response.hovered()))
    {
        corners(&painter, seen.rect, s, planes, &facts, &seen);
    }
    if seen.response.hovered() {
        let near = |p: Pos2| seen.response.hover_pos().is_some_and(|at| (at - p).length() < 10.0);
        if near(view.screen_from_plane([0.0; 2])) {
            ui.ctx().set_cursor_icon(egui::CursorIcon::Move);
        } else if seen.handles.iter().any(|h| near(*h)) {
            ui.ctx().set_cursor_icon(egui::CursorIcon::Alias);
        }
    }
}

fn cross(painter: &Painter, view: &PlaneView, kind: PlaneKind, seen: &PlaneResponse) {
    let middle = view.screen_from_plane([0.0; 2]);
    let far = seen.rect.size().length();
    let [across, upright] = lines(kind);
    for (pair, plane) in [(&seen.handles[0..2], across), (&seen.handles[2..4], upright)] {
        let stroke = Stroke::new(1.0, colour(plane));
        for handle in pair {
            let towards = (*handle - middle).normalized();
            painter.line_segment([middle + towards * GAP_PT, middle + towards * far], stroke);
            painter.circle(*handle, 3.5, theme::CASING, Stroke::new(1.5, colour(plane)));
        }
    }
}

/// Ticks at the edge where slices were measured, when they are not evenly spaced, and hatching where some are missing.
fn measured(painter: &Painter, planes: &Planes, view: &PlaneView, kind: PlaneKind, faint: Color32) {
    let geometry = planes.volume.volume.geometry();
    if !geometry.is_uneven() && !geometry.has_holes() {
        return;
    }
    let (right, down) = planes.mpr.axes(kind);
    let (right, down) = view.directions(right, down);
    let normal = geometry.axes()[2];
    let dot = |a: [f64; 3], b: [f64; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    let (along_x, along_y) = (dot(normal, right), dot(normal, down));
    let upright = along_y.abs() >= along_x.abs();
    let slope = if upright { along_y } else { along_x };
    if slope.abs() < 0.5 {
        return;
    }
    let middle = view.screen_from_plane([0.0; 2]);
    let here = geometry.along_axes(planes.mpr.centre_mm)[2];
    let rect = painter.clip_rect();
    #[allow(clippy::cast_possible_truncation, reason = "a place on the screen")]
    let at = |d: f64| ((d - here) / slope * view.zoom()) as f32;
    for (i, slice) in geometry.slices().iter().enumerate() {
        let offset = at(slice.origin_mm[2]);
        let (a, b) = if upright {
            let y = middle.y + offset;
            (Pos2::new(rect.right() - 7.0, y), Pos2::new(rect.right() - 1.0, y))
        } else {
            let x = middle.x + offset;
            (Pos2::new(x, rect.bottom() - 7.0), Pos2::new(x, rect.bottom() - 1.0))
        };
        painter.line_segment([a, b], Stroke::new(1.0, theme::OVERLAY_TEXT));
        if let Some(next) = geometry.slices().get(i + 1).filter(|_| slice.hole_after) {
            let end = at(next.origin_mm[2]);
            let hole = if upright {
                Rect::from_x_y_ranges(rect.x_range(), span(middle.y + offset, middle.y + end))
            } else {
                Rect::from_x_y_ranges(span(middle.x + offset, middle.x + end), rect.y_range())
            };
            hatch(&painter.with_clip_rect(hole.intersect(rect)), hole.intersect(rect), faint);
        }
    }
}

fn span(a: f32, b: f32) -> egui::Rangef {
    egui::Rangef::new(a.min(b), a.max(b))
}

fn hatch(painter: &Painter, rect: Rect, colour: Color32) {
    let mut x = rect.left() - rect.height();
    while x < rect.right() {
        painter.line_segment(
            [Pos2::new(x, rect.bottom()), Pos2::new(x + rect.height(), rect.top())],
            Stroke::new(1.0, colour),
        );
        x += 9.0;
    }
}

/// Outlines of the series' findings where the plane cuts them; to look at, they are drawn on the slices.
fn findings(painter: &Painter, s: Shown<'_>, planes: &Planes, view: &PlaneView, kind: PlaneKind) {
    let (right, down) = planes.mpr.axes(kind);
    let reach = planes.volume.volume.geometry().steps_mm().0 / 2.0;
    for finding in &s.model.findings {
        let selected = s.look.selected.as_ref() == Some(&finding.id);
        let width = if selected { 3.0 } else { 2.0 };
        for roi in finding.rois.iter().filter(|r| r.image == planes.mpr.image) {
            let Some(roi) = &roi.roi else { continue };
            let (RoiSpace::Patient(pose), Shape::Polygons(parts)) = (&roi.space, &roi.shape) else { continue };
            for ring in parts.iter().flat_map(|p| std::iter::once(&p.exterior).chain(&p.holes)) {
                let flat: Vec<[f64; 3]> = ring.iter().map(|p| pose.patient_from_image(p[0], p[1])).collect();
                for piece in cut_outline(&flat, planes.mpr.centre_mm, right, down, reach) {
                    let ends = piece.map(|p| view.screen_from_plane(p));
                    painter.line_segment(ends, Stroke::new(width + 2.0, theme::CASING));
                    painter.line_segment(ends, Stroke::new(width, finding.color));
                }
            }
        }
    }
}

/// A number with a true minus.
fn number(v: f64, digits: usize) -> String {
    format!("{v:.digits$}").replace('-', "−")
}

fn corners(painter: &Painter, rect: Rect, s: Shown<'_>, planes: &Planes, f: &PlaneFacts, seen: &PlaneResponse) {
    let inner = rect.shrink(10.0);
    let step = theme::SIZE_OVERLAY * 1.4;
    let column = |at: Pos2, anchor: Align2, lines: &[String], up: bool| {
        for (n, line) in lines.iter().enumerate() {
            let by = if up { -((lines.len() - 1 - n) as f32) * step } else { n as f32 * step };
            cased_text(painter, at + vec2(0.0, by), anchor, line);
        }
    };
    let name = s.words.t(f.kind.key());
    let mut top = vec![if f.oblique { s.words.with("plane-oblique", &[("name", Arg::from(name))]) } else { name }];
    if let Some((low, high)) = f.uneven_mm {
        let args = [("low", Arg::from(number(low, 2))), ("high", Arg::from(number(high, 2)))];
        top.push(format!("{} {}", icons::WARNING, s.words.with("plane-uneven", &args)));
    }
    if f.holes {
        top.push(format!("{} {}", icons::WARNING, s.words.t("plane-holes")));
    }
    if seen.refused {
        top.push(format!("{} {}", icons::WARNING, s.words.t("plane-refused")));
    }
    column(inner.left_top(), Align2::LEFT_TOP, &top, false);
    let mut right = Vec::new();
    if planes.mpr.thickness_mm() > 0.0 {
        let mm = Arg::from(number(planes.mpr.thickness_mm(), 0));
        right.push(format!("{} {}", s.words.t(planes.mpr.slab.key()), s.words.with("slab-thickness", &[("mm", mm)])));
    }
    if planes.mpr.palette != Palette::Grey {
        right.push(s.words.t(planes.mpr.palette.key()));
    }
    if let Some(fusion) = &planes.fusion {
        let percent = Arg::from(number(f64::from(fusion.opacity) * 100.0, 0));
        right.push(s.words.with("fusion-opacity", &[("percent", percent)]));
        right.push(s.words.t(fusion.palette.key()));
    }
    column(inner.right_top(), Align2::RIGHT_TOP, &right, false);
    let mut left = Vec::new();
    if let Some((center, width)) = f.window {
        let args = [("w", Arg::from(number(width, 0))), ("l", Arg::from(number(center, 0)))];
        let mut text = s.words.with("corner-window", &args);
        if f.inverted {
            text = format!("{text}  {}", s.words.t("corner-inverted"));
        }
        left.push(text);
    }
    column(inner.left_bottom() - vec2(0.0, 14.0), Align2::LEFT_BOTTOM, &left, true);
    scale_bar(painter, inner, (1000.0 / f.pt_per_mm, 100.0), length_text);
    let unit = f.unit.as_deref().unwrap_or_default();
    let mut values = Vec::new();
    match f.value {
        Some(v) => {
            values.push(reading(v, unit));
            values.extend(f.other_units[0].as_ref().map(|u| with_unit(&number(v * u.factor, 2), u.name)));
        }
        None => values.push(s.words.t("plane-nothing")),
    }
    if let (Some(v), Some(fusion)) = (f.second_value, &planes.fusion) {
        values.push(reading(v, fusion.volume.volume.unit().unwrap_or_default()));
        values.extend(f.other_units[1].as_ref().map(|u| with_unit(&number(v * u.factor, 2), u.name)));
    }
    column(inner.right_bottom(), Align2::RIGHT_BOTTOM, &values, true);
    let letters = orientation(f.right, f.down);
    for (at, anchor, text) in [
        (inner.left_center(), Align2::LEFT_CENTER, &letters[0]),
        (inner.right_center(), Align2::RIGHT_CENTER, &letters[1]),
        (inner.center_top(), Align2::CENTER_TOP, &letters[2]),
        (inner.center_bottom(), Align2::CENTER_BOTTOM, &letters[3]),
    ] {
        cased_text(painter, at, anchor, text);
    }
    if seen.waiting {
        painter.circle_filled(inner.center_top() + Vec2::new(0.0, 10.0), 3.0, theme::DARK.accent);
    }
}
