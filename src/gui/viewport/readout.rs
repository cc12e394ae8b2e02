//! What stands in the corners of the image: the value under the cursor and the scale bar.

use crate::domain::Spacing;

/// The pixel under the cursor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sample {
    /// `stored` as in the file; `value` rescaled (HU for CT).
    Grey {
        stored: f64,
        value: f64,
    },
    Rgb([u8; 3]),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthUnit {
    Micrometre,
    Millimetre,
}

/// A bar of a round length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleBar {
    /// Its length on the screen, in points.
    pub length_pt: f32,
    /// The number to write beside it.
    pub value: f64,
    pub unit: LengthUnit,
}

/// The longest bar of 1, 2 or 5 × 10ⁿ that is at most `longest_pt`. `zoom` is points per level-0 pixel along x.
/// `None` when the spacing or the zoom says nothing.
pub fn scale_bar(spacing: Option<Spacing>, zoom: f64, longest_pt: f64) -> Option<ScaleBar> {
    let um_per_pt = spacing?.x_um / zoom;
    let room_um = um_per_pt * longest_pt;
    if !room_um.is_finite() || room_um <= 0.0 {
        return None;
    }
    let decade = 10_f64.powf(room_um.log10().floor());
    // A hair of grace, so that a bar of exactly the longest length is not lost to rounding.
    let step = [5.0, 2.0, 1.0].into_iter().find(|s| s * decade <= room_um * (1.0 + 1e-9)).unwrap_or(1.0);
    let length_um = step * decade;
    let (value, unit) = if length_um >= 1000.0 {
        (length_um / 1000.0, LengthUnit::Millimetre)
    } else {
        (length_um, LengthUnit::Micrometre)
    };
    #[allow(clippy::cast_possible_truncation, reason = "a length on the screen")]
    let length_pt = (length_um / um_per_pt) as f32;
    Some(ScaleBar { length_pt, value, unit })
}

#[cfg(test)]
mod tests {
    use super::{LengthUnit, scale_bar};
    use crate::domain::{Spacing, SpacingSource};

    fn spacing(um: f64) -> Spacing {
        Spacing { x_um: um, y_um: um, source: SpacingSource::AperioMpp }
    }

    #[test]
    fn bars_are_round_and_fit() {
        // 0.25 µm/px at one point per pixel: 120 pt are 30 µm.
        let bar = scale_bar(Some(spacing(0.25)), 1.0, 120.0).unwrap();
        assert_eq!((bar.value, bar.unit), (20.0, LengthUnit::Micrometre));
        assert!((bar.length_pt - 80.0).abs() < 1e-3);
        // CT, 0.7 mm pixels at 1.5 pt each: 120 pt are 56 mm.
        let bar = scale_bar(Some(spacing(700.0)), 1.5, 120.0).unwrap();
        assert_eq!((bar.value, bar.unit), (50.0, LengthUnit::Millimetre));
        // The whole slide in view: 1 mm exactly.
        let bar = scale_bar(Some(spacing(0.5)), 0.06, 120.0).unwrap();
        assert_eq!((bar.value, bar.unit), (1.0, LengthUnit::Millimetre));
        assert!((bar.length_pt - 120.0).abs() < 1e-3);
    }

    #[test]
    fn without_calibration_there_is_no_bar() {
        assert!(scale_bar(None, 1.0, 120.0).is_none());
        assert!(scale_bar(Some(spacing(0.25)), 0.0, 120.0).is_none());
    }
}
