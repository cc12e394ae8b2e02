//! The four corners of the image: who and what, which slice or level, scale and window, value under the pointer.

use egui::{Align2, Painter, Pos2, Rect, Stroke, Vec2};

use crate::domain::{Field, PointPx, Spacing};
use crate::gui::i18n::{Arg, Words};
use crate::gui::lights::Light;
use crate::gui::palettes::Palette;
use crate::gui::readings::{self, OtherScale};
use crate::gui::theme;
use crate::gui::viewport::{CoversShown, IccBadge, RoiStatistics};
use crate::gui::widgets::cased_text;
use crate::project::tiles::{ColourPart, ColourState, FrameInfo, IccFault};

/// What is known of the view, as plain values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ViewFacts {
    pub case_label: String,
    pub field: Option<Field>,
    /// Image number and count within the case, from 1.
    pub image: (usize, usize),
    /// Slice number and count, from 1.
    pub frame: (u32, u32),
    /// The frames follow each other in time, not through the body.
    pub moving: bool,
    /// When a film's frame is on.
    pub time: Option<String>,
    /// With which light it was taken.
    pub light: Option<Light>,
    pub levels: usize,
    pub level: usize,
    /// Screen pixels (physical) per image pixel.
    pub zoom: f64,
    /// Points per image pixel along x.
    pub pt_per_px: f64,
    pub spacing: Option<Spacing>,
    pub objective: Option<f64>,
    pub window: Option<(f64, f64)>,
    pub inverted: bool,
    pub pointer: Option<PointPx>,
    /// What the selected outline measures on this slice.
    pub measured: Option<RoiStatistics>,
    /// Unit of the values.
    pub unit: String,
    /// The value under the pointer, with its unit, and in the other units it can be read in.
    pub values: Vec<String>,
    /// Units beside `unit`.
    pub scales: Vec<OtherScale>,
    /// The frame in view, for what nuclear medicine calls it.
    pub parts: Option<FrameInfo>,
    pub hidden: bool,
    /// Where the image's right and bottom edges lie in the patient (`L`, `AL` …), opposite letters on the other edges.
    pub orientation: Option<[String; 4]>,
    /// What became of the colour profile, and what else was done to colour.
    pub icc: IccBadge,
    pub colour: ColourState,
    /// How the image is turned on the screen.
    pub turn_deg: f64,
    pub mirrored: bool,
    /// Codes of what the reader of the file found noteworthy (gap, tilt …).
    pub warnings: Vec<&'static str>,
    /// How much of what is shown has been prepared, in percent; `None` when all has.
    pub preparing: Option<u32>,
    /// Colours of grey values.
    pub palette: Palette,
    /// What the file lays over its pixels and the hand has taken away.
    pub hidden_covers: CoversShown,
}

/// The magnification of the view in objective powers: an objective of power P is taken as 10/P µm per pixel.
pub fn magnification(facts: &ViewFacts) -> Option<f64> {
    let um_per_px = facts.spacing.map(|s| s.x_um).filter(|um| *um > 0.0);
    let native = facts.objective.or_else(|| um_per_px.map(|um| 10.0 / um))?;
    Some(native * facts.zoom)
}

/// Length in µm of a scale bar near `want_pt` points long, from the 1-2-5 series.
fn bar_length_um(um_per_pt: f64, want_pt: f64) -> f64 {
    let raw = um_per_pt * want_pt;
    if !raw.is_finite() || raw <= 0.0 {
        return 0.0;
    }
    let decade = 10_f64.powf(raw.log10().floor());
    [5.0, 2.0, 1.0].into_iter().map(|m| m * decade).find(|v| *v <= raw * 1.001).unwrap_or(decade)
}

/// A length with the unit that keeps it short, and a thin space before it.
pub fn length_text(um: f64) -> String {
    let (value, unit) = if um >= 10_000.0 {
        (um / 10_000.0, "cm")
    } else if um >= 1_000.0 {
        (um / 1_000.0, "mm")
    } else if um >= 1.0 {
        (um, "µm")
    } else {
        (um * 1_000.0, "nm")
    };
    format!("{}\u{2009}{unit}", trimmed(value, 1))
}

fn trimmed(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn top_left(words: &Words, f: &ViewFacts) -> Vec<String> {
    let mut out = vec![f.case_label.clone()];
    if let Some(field) = f.field {
        out.push(words.t(super::title::field_key(field)));
    }
    out.extend(f.light.map(|light| format!("{} {}", crate::gui::icons::CAMERA, words.t(light.key()))));
    out.extend(
        f.warnings.iter().map(|code| format!("{} {}", crate::gui::icons::WARNING, words.t(&format!("warning-{code}")))),
    );
    out
}

fn top_right(words: &Words, f: &ViewFacts) -> Vec<String> {
    let mut out = Vec::new();
    if f.frame.1 > 1 {
        let n = |v: u32| Arg::from(v.to_string());
        let key = if f.moving { "corner-frame" } else { "corner-slice" };
        out.push(words.with(key, &[("n", n(f.frame.0)), ("of", n(f.frame.1))]));
    }
    out.extend(f.parts.iter().flat_map(|frame| readings::parts(words, frame)));
    out.extend(f.time.clone());
    if f.image.1 > 1 {
        let n = |v: usize| Arg::from(v.to_string());
        out.push(words.with("corner-image", &[("n", n(f.image.0)), ("of", n(f.image.1))]));
    }
    if f.field == Some(Field::Pathology)
        && let Some(x) = magnification(f)
    {
        let digits = usize::from(x < 10.0);
        out.push(words.with("corner-magnification", &[("x", Arg::from(trimmed(x, digits)))]));
    }
    if f.levels > 1 {
        out.push(words.with("corner-level", &[("level", Arg::from(f.level.to_string()))]));
    }
    if let Some(percent) = f.preparing {
        out.push(words.with("corner-preparing", &[("percent", Arg::from(percent.to_string()))]));
    }
    out
}

fn bottom_left(words: &Words, f: &ViewFacts) -> Vec<String> {
    let mut out = Vec::new();
    if let Some((center, width)) = f.window {
        let n = |v: f64| Arg::from(trimmed(v, 0).replace('-', "−"));
        let mut text = words.with("corner-window", &[("w", n(width)), ("l", n(center))]);
        if f.inverted {
            text = format!("{text}  {}", words.t("corner-inverted"));
        }
        out.push(text);
    }
    if f.palette != Palette::Grey {
        out.push(format!("{} {}", crate::gui::icons::SLIDERS_HORIZONTAL, words.t(f.palette.key())));
    }
    if f.hidden_covers.graphics {
        out.push(format!("{} {}", crate::gui::icons::EYE_SLASH, words.t("corner-overlays-hidden")));
    }
    if f.hidden_covers.shutter {
        out.push(format!("{} {}", crate::gui::icons::WARNING, words.t("corner-shutter-open")));
    }
    if let Some(m) = &f.measured {
        out.push(roi_line(words, m, &f.unit));
        out.extend(f.scales.iter().filter_map(|scale| Some(roi_line(words, &m.scaled(scale)?, &scale.unit))));
        let pixels = Arg::from(m.pixels.to_string());
        out.push(match m.area_mm2 {
            Some(mm2) => words.with("corner-roi-area", &[("mm2", Arg::from(trimmed(mm2, 1))), ("n", pixels)]),
            None => words.with("corner-roi-pixels", &[("n", pixels)]),
        });
    }
    out.extend(colour_lines(words, f));
    let mut turned = Vec::new();
    if f.turn_deg != 0.0 {
        turned.push(words.with("corner-turned", &[("deg", Arg::from(trimmed(f.turn_deg, 1)))]));
    }
    if f.mirrored {
        turned.push(words.t("corner-mirrored"));
    }
    if !turned.is_empty() {
        out.push(turned.join("  "));
    }
    out
}

/// What an outline measures in one unit.
fn roi_line(words: &Words, m: &RoiStatistics, unit: &str) -> String {
    let largest = m.highest.abs().max(m.lowest.abs());
    // A digit more than the largest value needs to be told apart from its neighbours.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to some digits")]
    let digits =
        if largest >= 100.0 || largest <= 0.0 { 0 } else { (2.0 - largest.log10().floor()).clamp(1.0, 9.0) as usize };
    let n = |v: f64| Arg::from(trimmed(v, digits).replace('-', "−"));
    let args = [
        ("mean", n(m.mean)),
        ("sd", n(m.deviation)),
        ("low", n(m.lowest)),
        ("high", n(m.highest)),
        ("unit", Arg::from(unit.to_owned())),
    ];
    words.with("corner-roi", &args).trim_end().to_owned()
}

/// What stands between the stored colours and the screen.
fn colour_lines(words: &Words, f: &ViewFacts) -> Vec<String> {
    let mut out = Vec::new();
    let icc = match &f.icc {
        IccBadge::NotColour => None,
        IccBadge::None => Some(words.t("corner-icc-none")),
        IccBadge::Srgb => Some(words.t("corner-icc-srgb")),
        IccBadge::Applied(name) if name.is_empty() => Some(words.t("corner-icc-unnamed")),
        IccBadge::Applied(name) => Some(words.with("corner-icc", &[("name", Arg::from(name.clone()))])),
        IccBadge::Off => Some(words.t("corner-icc-off")),
        IccBadge::Broken(fault) => {
            let why = words.t(match fault {
                IccFault::Damaged => "icc-damaged",
                IccFault::NotRgb => "icc-not-rgb",
                IccFault::TooLarge => "icc-too-large",
                IccFault::NoWay => "icc-no-way",
                IccFault::Monitor => "icc-monitor",
            });
            Some(format!(
                "{} {}",
                crate::gui::icons::WARNING,
                words.with("corner-icc-broken", &[("why", Arg::from(why))])
            ))
        }
    };
    out.extend(icc);
    let mut changed = Vec::new();
    if f.colour.part != ColourPart::Whole {
        changed.push(words.t(super::adjust::part_key(f.colour.part)));
    }
    if !(ColourState { part: ColourPart::Whole, ..f.colour }).is_neutral() {
        changed.push(words.t("corner-adjusted"));
    }
    if !changed.is_empty() {
        out.push(format!("{} {}", crate::gui::icons::SLIDERS_HORIZONTAL, changed.join("  ")));
    }
    out
}

fn bottom_right(f: &ViewFacts) -> Vec<String> {
    let mut out = Vec::new();
    if f.pointer.is_some() {
        out.extend(f.values.iter().cloned());
    }
    if let Some([x, y]) = f.pointer {
        out.push(format!("{:.0}, {:.0}", x.floor(), y.floor()));
    }
    let percent = f.zoom * 100.0;
    out.push(format!("{}\u{2009}%", trimmed(percent, usize::from(percent < 10.0))));
    out
}

/// The bar in the lower left corner: `(micrometres a point, longest in points)`, and what is written beside its length.
pub fn scale_bar(painter: &Painter, inner: Rect, scale: (f64, f64), text: impl Fn(f64) -> String) {
    let (um_per_pt, longest_pt) = scale;
    let um = bar_length_um(um_per_pt, longest_pt);
    #[allow(clippy::cast_possible_truncation, reason = "a bar is some tens of points long")]
    let length = (um / um_per_pt) as f32;
    let y = inner.bottom() - 3.0;
    let bar = [Pos2::new(inner.left(), y), Pos2::new(inner.left() + length, y)];
    painter.line_segment(bar, Stroke::new(5.0, theme::OVERLAY_CASING));
    painter.line_segment(bar, Stroke::new(2.0, theme::OVERLAY_TEXT));
    let at = Pos2::new(inner.left() + length + 8.0, inner.bottom() + 3.0);
    cased_text(painter, at, Align2::LEFT_BOTTOM, &text(um));
}

/// Everything that the corners say; for tests.
pub fn said(words: &Words, f: &ViewFacts) -> Vec<String> {
    [top_left(words, f), top_right(words, f), bottom_left(words, f), bottom_right(f)].concat()
}

/// In a small cell the bar and what is written beside it end before the letter of the lower edge.
pub fn longest_bar(rect: Rect) -> f64 {
    f64::from(rect.width() / 2.0 - 80.0).clamp(24.0, 120.0)
}

/// Paints the corners over the image.
pub fn paint(painter: &Painter, rect: Rect, words: &Words, f: &ViewFacts) {
    let inner = rect.shrink(10.0);
    stack(painter, inner.left_top(), Align2::LEFT_TOP, &top_left(words, f));
    stack(painter, inner.right_top(), Align2::RIGHT_TOP, &top_right(words, f));
    stack(painter, inner.right_bottom(), Align2::RIGHT_BOTTOM, &bottom_right(f));
    let mut left = bottom_left(words, f);
    match f.spacing {
        Some(spacing) if f.pt_per_px > 0.0 => {
            scale_bar(painter, inner, (spacing.x_um / f.pt_per_px, longest_bar(rect)), |um| bar_text(words, f, um));
            stack(painter, inner.left_bottom() - Vec2::new(0.0, 14.0), Align2::LEFT_BOTTOM, &left);
        }
        _ => {
            left.push(words.t("uncalibrated"));
            stack(painter, inner.left_bottom(), Align2::LEFT_BOTTOM, &left);
        }
    }
    if let Some([left, right, top, bottom]) = &f.orientation {
        for (at, anchor, letters) in [
            // Beside the tool strip, not under it.
            (inner.left_center() + Vec2::new(46.0, 0.0), Align2::LEFT_CENTER, left),
            (inner.right_center(), Align2::RIGHT_CENTER, right),
            (inner.center_top(), Align2::CENTER_TOP, top),
            (inner.center_bottom(), Align2::CENTER_BOTTOM, bottom),
        ] {
            cased_text(painter, at, anchor, letters);
        }
    }
    if f.hidden {
        cased_text(painter, inner.center_top(), Align2::CENTER_TOP, &words.t("overlay-hidden"));
    }
}

/// The bar's length, and on slides what an objective would be called that shows it so long.
fn bar_text(words: &Words, f: &ViewFacts, um: f64) -> String {
    let length = length_text(um);
    let power = magnification(f).filter(|_| f.field == Some(Field::Pathology));
    power.map_or(length.clone(), |x| {
        let digits = usize::from(x < 10.0);
        format!("{length}  {}", words.with("corner-magnification", &[("x", Arg::from(trimmed(x, digits)))]))
    })
}

/// The letters of left, right, top and bottom edge for the directions of growing x and y in DICOM's LPS space.
pub fn orientation(row_dir: [f64; 3], col_dir: [f64; 3]) -> [String; 4] {
    let minus = |d: [f64; 3]| d.map(|v| -v);
    [minus(row_dir), row_dir, minus(col_dir), col_dir].map(letters)
}

/// Main direction first; a second letter where the plane is oblique by more than about 15°.
fn letters(direction: [f64; 3]) -> String {
    let mut named: Vec<(f64, char)> = [(direction[0], 'L', 'R'), (direction[1], 'P', 'A'), (direction[2], 'H', 'F')]
        .into_iter()
        .map(|(v, plus, minus)| (v.abs(), if v >= 0.0 { plus } else { minus }))
        .filter(|(size, _)| *size > 0.26)
        .collect();
    named.sort_by(|a, b| b.0.total_cmp(&a.0));
    named.into_iter().take(2).map(|(_, letter)| letter).collect()
}

fn stack(painter: &Painter, at: Pos2, anchor: Align2, lines: &[String]) {
    let step = theme::SIZE_OVERLAY * 1.4;
    let down = anchor.y() == egui::Align::Min;
    let mut y = if down { at.y } else { at.y - step * lines.len().saturating_sub(1) as f32 };
    for line in lines {
        cased_text(painter, Pos2::new(at.x, y), anchor, line);
        y += step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SpacingSource;
    use crate::gui::i18n::Lang;

    #[test]
    fn scale_bars_are_round_and_never_longer_than_wanted() {
        for um_per_pt in [0.1, 0.25, 0.7, 3.0, 48.8, 600.0] {
            let um = bar_length_um(um_per_pt, 120.0);
            assert!(um <= um_per_pt * 120.0 * 1.001 && um >= um_per_pt * 120.0 / 2.6, "{um_per_pt}: {um}");
            let mantissa = um / 10_f64.powf(um.log10().floor() + 1e-9);
            assert!([1.0, 2.0, 5.0, 10.0].iter().any(|m| (mantissa - m).abs() < 1e-6), "{um}");
        }
        assert_eq!(length_text(200.0), "200\u{2009}µm");
        assert_eq!(length_text(5_000.0), "5\u{2009}mm");
        assert_eq!(length_text(50_000.0), "5\u{2009}cm");
    }

    #[test]
    fn magnification_counts_from_the_objective_or_the_spacing() {
        let spacing = Spacing { x_um: 0.5, y_um: 0.5, source: SpacingSource::AperioMpp };
        let facts = ViewFacts { zoom: 0.5, spacing: Some(spacing), ..ViewFacts::default() };
        assert_eq!(magnification(&facts), Some(10.0));
        assert_eq!(magnification(&ViewFacts { objective: Some(40.0), ..facts }), Some(20.0));
        assert_eq!(magnification(&ViewFacts { zoom: 1.0, ..ViewFacts::default() }), None);
    }

    #[test]
    fn orientation_letters_follow_dicom() {
        assert_eq!(orientation([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]), ["R", "L", "A", "P"]);
        assert_eq!(orientation([0.0, 1.0, 0.0], [0.0, 0.0, -1.0]), ["A", "P", "H", "F"]);
        assert_eq!(orientation([0.9, 0.435, 0.0], [0.0, 0.0, -1.0])[1], "LP");
    }

    #[test]
    fn the_window_is_written_with_a_true_minus() {
        let words = Words::new(Lang::Ja);
        let facts = ViewFacts { window: Some((-600.0, 1500.0)), ..ViewFacts::default() };
        assert_eq!(bottom_left(&words, &facts), ["W 1500 L −600"]);
    }
}
