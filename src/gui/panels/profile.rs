//! The values along a line, plotted beside the image.

use egui::{Align2, Pos2, Rect, RichText, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo};

use super::Shown;
use crate::domain::SpacingSource;
use crate::gui::i18n::Arg;
use crate::gui::profile::{LengthBy, LineProfile};
use crate::gui::readings::{figure, reading};
use crate::gui::theme;
use crate::gui::widgets::{look, section};

const HEIGHT: f32 = 132.0;

/// Fluent key of who says how long a pixel is.
const fn by_key(by: LengthBy) -> &'static str {
    use SpacingSource as S;
    match by {
        LengthBy::Pixels => "length-by-pixels",
        LengthBy::Positions => "length-by-positions",
        LengthBy::Spacing(source) => match source {
            S::DicomPixelSpacing | S::DicomPixelMeasures => "length-by-pixel-spacing",
            S::DicomImagerSpacing => "length-by-imager-spacing",
            S::DicomCalibratedGeometry | S::DicomCalibratedFiducial => "length-by-calibration",
            S::DicomScannedSpacing => "length-by-scanned-spacing",
            S::DicomUltrasoundRegion => "length-by-ultrasound-region",
            S::NiftiHeader | S::NrrdHeader | S::AperioMpp | S::TiffResolution | S::OmeXml | S::SlideHeader => {
                "length-by-header"
            }
        },
    }
}

fn distance(profile: &LineProfile, at: f64) -> String {
    match profile.by {
        LengthBy::Pixels => format!("{at:.1}\u{2009}px"),
        LengthBy::Spacing(_) | LengthBy::Positions => format!("{at:.2}\u{2009}mm"),
    }
}

/// What the plot says in words: length, span of the values, who says how long a pixel is.
pub fn said(s: Shown<'_>, profile: &LineProfile) -> Vec<String> {
    let mut out = vec![s.words.with("profile-length", &[("length", Arg::from(distance(profile, profile.length())))])];
    if let Some((low, high)) = profile.range() {
        let args = [("low", Arg::from(reading(low, &profile.unit))), ("high", Arg::from(reading(high, &profile.unit)))];
        out.push(s.words.with("profile-range", &args));
    } else {
        out.push(s.words.t("profile-nothing"));
    }
    out.push(s.words.t(by_key(profile.by)));
    if profile.slab_mm > 0.0 {
        out.push(s.words.with("slab-thickness", &[("mm", Arg::from(figure(profile.slab_mm)))]));
    }
    out
}

#[allow(clippy::cast_possible_truncation, reason = "a place on the screen")]
fn on_screen(area: Rect, share: [f64; 2]) -> Pos2 {
    Pos2::new(area.left() + area.width() * share[0] as f32, area.bottom() - area.height() * share[1] as f32)
}

/// Shows the profile of the line in view, if there is one.
pub fn show(ui: &mut Ui, s: Shown<'_>) {
    let Some(profile) = &s.look.line_profile else { return };
    let t = look(ui);
    let lines = said(s, profile);
    let name = s.words.t("profile");
    section(ui, &name, &distance(profile, profile.length()));
    let (rect, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), HEIGHT), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, format!("{name}: {}", lines.join(", "))));
    let painter = ui.painter_at(rect);
    painter.rect(rect, 0.0, t.surround, Stroke::new(1.0, t.line), StrokeKind::Inside);
    let area = rect.shrink2(Vec2::new(6.0, 18.0));
    if let Some((low, high)) = profile.range() {
        let span = if high > low { high - low } else { 1.0 };
        let length = profile.length().max(f64::MIN_POSITIVE);
        let place = |at: f64, v: f64| on_screen(area, [at / length, (v - low) / span]);
        // A gap in the values is a gap in the line.
        for piece in profile.points.split(|(_, v)| v.is_none()) {
            let line: Vec<Pos2> = piece.iter().filter_map(|(at, v)| Some(place(*at, (*v)?))).collect();
            painter.line(line, Stroke::new(1.5, t.accent));
        }
        let label = |at: Pos2, anchor: Align2, text: String| painter.text(at, anchor, text, theme::small(), t.text_dim);
        label(rect.left_top() + Vec2::new(6.0, 2.0), Align2::LEFT_TOP, reading(high, &profile.unit));
        label(rect.left_bottom() + Vec2::new(6.0, -2.0), Align2::LEFT_BOTTOM, reading(low, &profile.unit));
        if let Some(pointer) = response.hover_pos() {
            let at = f64::from((pointer.x - area.left()) / area.width()).clamp(0.0, 1.0) * length;
            let nearest = profile.points.iter().min_by(|a, b| (a.0 - at).abs().total_cmp(&(b.0 - at).abs()));
            if let Some((at, value)) = nearest {
                let x = on_screen(area, [at / length, 0.0]).x;
                painter.line_segment([Pos2::new(x, rect.top()), Pos2::new(x, rect.bottom())], Stroke::new(1.0, t.line));
                let value = value.map_or_else(|| s.words.t("plane-nothing"), |v| reading(v, &profile.unit));
                let text = format!("{} · {value}", distance(profile, *at));
                label(rect.right_top() + Vec2::new(-6.0, 2.0), Align2::RIGHT_TOP, text);
            }
        }
    }
    for line in lines.iter().skip(1) {
        ui.label(RichText::new(line).font(theme::small()).color(t.text_dim));
    }
}
