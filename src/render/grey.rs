//! How a raw grey sample becomes a brightness, reduced to three numbers that survive `f32`.

/// `brightness = clamp((raw - pivot) * gain + offset, 0, 255)`, then rounded, then inverted when `invert`.
///
/// The pivot is a whole raw value near the window's centre: the subtraction is then exact in `f32`, so that a narrow window
/// on large stored values loses no grey level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GreyMapping {
    pub pivot: f32,
    pub gain: f32,
    pub offset: f32,
    pub invert: bool,
}

impl GreyMapping {
    /// Stored 8-bit values shown as they are.
    pub const IDENTITY: Self = Self { pivot: 0.0, gain: 1.0, offset: 0.0, invert: false };

    /// The linear VOI window of PS3.3 C.11.2.1.2.1 after `rescale` (slope, intercept); `window` is (centre, width) in
    /// rescaled units, a width under 1 counts as 1 as the standard demands.
    pub fn linear(rescale: (f64, f64), window: (f64, f64), invert: bool) -> Self {
        let (slope, intercept) = rescale;
        let (center, width) = (window.0, window.1.max(1.0));
        let middle = center - 0.5;
        if slope == 0.0 || !slope.is_finite() {
            let value = if width > 1.0 { ((intercept - middle) / (width - 1.0) + 0.5) * 255.0 } else { 0.0 };
            return Self { pivot: 0.0, gain: 0.0, offset: value.clamp(0.0, 255.0) as f32, invert };
        }
        // Far beyond any 16-bit sample the pivot only has to be on the right side.
        let middle_raw = ((middle - intercept) / slope).clamp(-200_000.0, 200_000.0);
        if width - 1.0 < 1e-6 {
            // A step: 0 up to the middle, 255 above it. Between two whole raw values no rounding can move it.
            let edge = if slope > 0.0 { middle_raw.floor() + 0.5 } else { middle_raw.ceil() - 0.5 };
            return Self { pivot: edge as f32, gain: 1e6_f32.copysign(slope as f32), offset: 0.0, invert };
        }
        let pivot = middle_raw.round();
        let gain = slope * 255.0 / (width - 1.0);
        let offset = ((pivot * slope + intercept - middle) / (width - 1.0) + 0.5) * 255.0;
        Self { pivot: pivot as f32, gain: gain as f32, offset: offset as f32, invert }
    }

    /// The brightness that the shader gives `raw`; the same arithmetic, for read-outs and tests.
    pub fn apply(&self, raw: f32) -> u8 {
        let y = ((raw - self.pivot) * self.gain + self.offset).clamp(0.0, 255.0);
        let y = (y + 0.5).floor() as u8;
        if self.invert { 255 - y } else { y }
    }
}

#[cfg(test)]
mod tests {
    use super::GreyMapping;

    fn standard(raw: f64, (slope, intercept): (f64, f64), (c, w): (f64, f64)) -> u8 {
        let x = raw * slope + intercept;
        if x <= c - 0.5 - (w - 1.0) / 2.0 {
            0
        } else if x > c - 0.5 + (w - 1.0) / 2.0 {
            255
        } else {
            (((x - (c - 0.5)) / (w - 1.0) + 0.5) * 255.0).round() as u8
        }
    }

    #[test]
    fn three_numbers_equal_the_standards_three_cases() {
        for window in [(40.0, 400.0), (40.0, 1.0), (-600.0, 1500.0), (0.5, 2.0), (32_000.0, 65_536.0), (30_000.25, 3.0)]
        {
            for rescale in [(1.0, -1024.0), (1.0, 0.0), (0.5, 10.0), (-1.0, 100.0), (2.25, -8192.0)] {
                let m = GreyMapping::linear(rescale, window, false);
                for raw in (-32_768..65_536).step_by(7).chain(-2_000..4_000) {
                    let want = standard(f64::from(raw), rescale, window);
                    let got = m.apply(raw as f32);
                    assert!(got.abs_diff(want) <= 1, "{window:?} {rescale:?} raw {raw}: {got} for {want}");
                }
            }
        }
    }
}
