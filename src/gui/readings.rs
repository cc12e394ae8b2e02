//! A value as it is written beside the image: its number, its unit, and the other units and quantities it can be read in.

use super::i18n::{Arg, Words};
use crate::project::tiles::{FrameInfo, FramePartKind, ImageMeta, RealValues};

/// A unit that values of a frame can be read in beside their own: `value * factor + offset`.
#[derive(Clone, Debug, PartialEq)]
pub struct OtherScale {
    /// What stands after the number (`SUVbw g/ml`, `mm2/s RCBF`).
    pub unit: String,
    pub factor: f64,
    pub offset: f64,
    /// Values between which it holds.
    pub range: (f64, f64),
}

impl OtherScale {
    pub fn of(&self, value: f64) -> Option<f64> {
        (self.range.0..=self.range.1).contains(&value).then_some(value * self.factor + self.offset)
    }
}

/// A number with a true minus: whole where the values are whole or large, else four figures.
pub fn figure(value: f64) -> String {
    let size = value.abs();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to some digits")]
    let digits = if value.fract() == 0.0 || size >= 1000.0 || size == 0.0 {
        0
    } else {
        (3.0 - size.log10().floor()).clamp(0.0, 9.0) as usize
    };
    format!("{value:.digits$}").replace('-', "−")
}

/// A number and its unit with a thin space between.
pub fn with_unit(number: &str, unit: &str) -> String {
    if unit.is_empty() || unit == "1" { number.to_owned() } else { format!("{number}\u{2009}{unit}") }
}

/// A value with its unit. Hounsfield units are whole numbers, between pixels too: what lies behind the point is noise.
pub fn reading(value: f64, unit: &str) -> String {
    let number = if unit == "HU" { figure(value.round() + 0.0) } else { figure(value) };
    with_unit(&number, unit)
}

/// The scales of a frame that are straight lines over its values: the uptake value of PET first, then real-world values.
pub fn scales(meta: &ImageMeta, frame: &FrameInfo) -> Vec<OtherScale> {
    let everywhere = (f64::NEG_INFINITY, f64::INFINITY);
    let uptake = meta.display.other_units.first();
    let uptake =
        uptake.map(|u| OtherScale { unit: u.name.to_owned(), factor: u.factor, offset: 0.0, range: everywhere });
    let (slope, intercept) = frame.rescale;
    let straight = frame.grey.as_ref().is_none_or(|rules| rules.modality_lut.is_none());
    let mapped = frame.real_world.iter().flat_map(|all| all.iter()).filter(|_| straight).filter_map(|map| {
        let RealValues::Line { slope: real, intercept: base } = map.values else { return None };
        let (a, b) = (frame.value(map.stored.0), frame.value(map.stored.1));
        Some(OtherScale {
            unit: named(map.unit.reveal(), map.label.reveal()),
            factor: real / slope,
            offset: base - real * intercept / slope,
            range: (a.min(b), a.max(b)),
        })
    });
    uptake.into_iter().chain(mapped).collect()
}

/// Unit and name of a quantity; a unit that says nothing is left out.
fn named(unit: &str, label: &str) -> String {
    let unit = if unit == "1" { "" } else { unit };
    [unit, label].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// What the pixel under the pointer reads in every unit, the frame's own first.
pub fn lines(meta: &ImageMeta, frame: &FrameInfo, stored: f64, value: f64) -> Vec<String> {
    let own = reading(value, meta.display.unit.as_deref().unwrap_or_default());
    let uptake = meta.display.other_units.first().map(|u| with_unit(&format!("{:.2}", value * u.factor), u.name));
    let mapped =
        frame.real_world.iter().flat_map(|all| all.iter()).filter_map(|map| {
            Some(with_unit(&figure(map.value(stored)?), &named(map.unit.reveal(), map.label.reveal())))
        });
    std::iter::once(own).chain(uptake).chain(mapped).collect()
}

/// What a frame of nuclear medicine is, for the corner: `Detector 1 (ANT)`.
pub fn parts(words: &Words, frame: &FrameInfo) -> Vec<String> {
    let key = |kind| match kind {
        FramePartKind::EnergyWindow => "frame-energy-window",
        FramePartKind::Detector => "frame-detector",
        FramePartKind::Phase => "frame-phase",
        FramePartKind::Rotation => "frame-rotation",
        FramePartKind::RrInterval => "frame-rr-interval",
        FramePartKind::TimeSlot => "frame-time-slot",
        FramePartKind::AngularView => "frame-angular-view",
        FramePartKind::TimeSlice => "frame-time-slice",
    };
    let all = frame.parts.iter().flat_map(|all| all.iter());
    all.map(|part| {
        let text = words.with(key(part.kind), &[("n", Arg::from(part.number.to_string()))]);
        match part.name.reveal().as_str() {
            "" => text,
            name => format!("{text} · {name}"),
        }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::tiles::{DisplayDefaults, RealWorld};

    #[test]
    fn numbers_have_as_many_figures_as_they_need() {
        for (value, text) in [
            (-1024.0, "−1024"),
            (0.0, "0"),
            (0.000_845_12, "0.0008451"),
            (2.345_67, "2.346"),
            (12_345.678, "12346"),
            (-0.5, "−0.5000"),
        ] {
            assert_eq!(figure(value), text);
        }
        assert_eq!([14.64, -0.3].map(|v| reading(v, "HU")), ["15\u{2009}HU", "0\u{2009}HU"]);
        assert_eq!(reading(0.5, "1"), "0.5000");
    }

    #[test]
    fn a_real_world_value_is_told_beside_the_rescaled_one_and_only_where_it_holds() {
        let map = RealWorld {
            label: "RCBF".into(),
            unit: "ml/100ml/s".into(),
            stored: (0.0, 4095.0),
            values: RealValues::Line { slope: 0.5, intercept: 3.0 },
        };
        let frame = FrameInfo { rescale: (2.0, -1024.0), real_world: Some(vec![map].into()), ..FrameInfo::default() };
        let meta = ImageMeta {
            display: DisplayDefaults { unit: Some("HU".to_owned()), ..DisplayDefaults::default() },
            ..ImageMeta::default()
        };
        let value = frame.value(600.0);
        assert_eq!(lines(&meta, &frame, 600.0, value), ["176\u{2009}HU", "303\u{2009}ml/100ml/s RCBF"]);
        assert_eq!(lines(&meta, &frame, 5000.0, frame.value(5000.0)).len(), 1);
        let scale = &scales(&meta, &frame)[0];
        assert_eq!((scale.of(value), scale.of(frame.value(4096.0))), (Some(303.0), None));
    }
}
