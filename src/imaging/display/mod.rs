//! Stored samples to 8-bit RGBA on the CPU: rescale, VOI window, photometric inversion.
//!
//! This is the reference that the shaders are proven against. Every step is one f32 operation in the order below, so that
//! a shader can repeat it; the constants are computed in f64 and rounded to f32 once, by [`Ramp::new`].
//!
//! For a stored sample `s` (an exact small integer in f32) of a grey image:
//!
//! ```text
//! t = (s - ramp.zero_at) * ramp.per_step        // 0 at the low edge of the window, 255 at the high edge
//! t = clamp(t, 0, 255)
//! t = ramp.invert ? 255 - t : t
//! g = floor(t + 0.5)                            // 8-bit grey; R = G = B = g, A = 255
//! ```
//!
//! The ramp is DICOM PS3.3 C.11.2.1.2.1 (VOI LUT function LINEAR) with the rescale (C.7.6.16.2.9, C.11.1) folded in:
//! with centre `c`, width `w`, slope `m`, intercept `b`, output 0 is reached at `x0 = c - 0.5 - (w - 1)/2` and output 255
//! at `x0 + (w - 1)`, where `x = m*s + b`. Hence `zero_at = (x0 - b)/m` and `per_step = 255*m/(w - 1)`. A width of 1 is a
//! step: everything at or below `c - 0.5` is black and everything above is white; the same line expresses it with
//! `zero_at = (c - 0.5 - b)/m` and `per_step = m * STEP_GAIN`, steep enough that the next representable value saturates.
//!
//! Colour and grey without a window use the full range of the sample type: `zero_at` is its lowest value (0, or -32768)
//! and `per_step` is 255/255 or 255/65535. Colour takes no window; inversion applies to R, G and B and never to alpha.
//! `LINEAR_EXACT` windows are turned into the equal `LINEAR` one when the file is read (centre + 0.5, width + 1).

mod colour;
mod grey;
mod icc;
mod region;

pub use colour::{ColourPart, ColourState, Stain};
pub use grey::{GreyMap, GreyRules, LevelColours, Lut};
pub use icc::{IccFault, IccTable};
pub use region::{crop, resize_rgba8, thumbnail};

use super::wide::widest;
use super::{DisplayDefaults, FrameInfo, PixelBuffer, Samples, Window};

/// Output steps per rescaled unit of a window of width 1; 255 output steps within 1/1024 of a unit.
const STEP_GAIN: f64 = 255.0 * 1024.0;

/// What the reader chose: a window in rescaled units and whether bright and dark are swapped.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DisplayState {
    /// `None`: the file's own VOI table where it has one, else the full range of the sample type.
    pub window: Option<Window>,
    /// Swap bright and dark. Starts as `true` for MONOCHROME1 and `WhiteIsZero`.
    pub invert: bool,
    /// The window is the middle of a sigmoid (PS3.3 C.11.2.1.3.1) instead of a straight line.
    pub sigmoid: bool,
}

impl DisplayState {
    /// How the file asks to be shown.
    pub fn from_defaults(defaults: &DisplayDefaults) -> Self {
        Self { window: defaults.window, invert: defaults.invert, sigmoid: defaults.sigmoid }
    }
}

/// The three numbers the shader needs, see the module text for the formula.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ramp {
    /// Stored value shown as 0.
    pub zero_at: f32,
    /// Output steps (of 255) per stored step; negative where the rescale slope is.
    pub per_step: f32,
    pub invert: bool,
}

impl Ramp {
    /// The ramp for samples of this type and number of channels.
    pub fn new(samples: &Samples, channels: u8, frame: &FrameInfo, state: &DisplayState) -> Self {
        let (slope, intercept) = frame.rescale;
        let grey = channels == 1;
        let (zero_at, per_step) = match state.window.filter(|_| grey) {
            Some(Window { center, width }) if width > 1.0 => {
                let low = center - 0.5 - (width - 1.0) / 2.0;
                ((low - intercept) / slope, 255.0 * slope / (width - 1.0))
            }
            Some(Window { center, .. }) => ((center - 0.5 - intercept) / slope, slope * STEP_GAIN),
            None => match samples {
                Samples::U8(_) => (0.0, 1.0),
                Samples::U16(_) => (0.0, 255.0 / 65535.0),
                Samples::I16(_) => (-32768.0, 255.0 / 65535.0),
                // Real values have no full range; readers of such files always name a window.
                Samples::F64(_) => (0.0, 255.0),
            },
        };
        Self { zero_at: to_f32(zero_at), per_step: to_f32(per_step), invert: state.invert }
    }

    /// The displayed grey level of a stored sample.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "compiled twice, see `wide.rs`")]
    pub fn level(&self, stored: f32) -> u8 {
        let t = ((stored - self.zero_at) * self.per_step).clamp(0.0, 255.0);
        let t = if self.invert { 255.0 - t } else { t };
        // Not below zero: to cut is to round down.
        to_u8(t + 0.5)
    }
}

#[allow(clippy::cast_possible_truncation, reason = "rounding to f32 is the point: the shader computes in f32")]
fn to_f32(value: f64) -> f32 {
    value as f32
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=255 before")]
fn to_u8(value: f32) -> u8 {
    value as u8
}

/// The whole buffer as RGBA, 4 bytes a pixel, rows top to bottom.
pub fn to_rgba8(pixels: &PixelBuffer, frame: &FrameInfo, state: &DisplayState) -> Vec<u8> {
    let map = GreyMap::new(&pixels.samples, pixels.channels, frame, state);
    let Some(ramp) = map.ramp() else { return coloured(pixels, &map).unwrap_or_else(|| through_table(pixels, &map)) };
    match &pixels.samples {
        Samples::U16(values) if pixels.channels == 1 => paint_grey(values, &ramp),
        Samples::I16(values) if pixels.channels == 1 => paint_grey(values, &ramp),
        Samples::U8(values) => {
            let table: Vec<u8> = (0..=u8::MAX).map(|v| ramp.level(f32::from(v))).collect();
            paint(values, pixels.channels, |v| table.get(usize::from(v)).copied().unwrap_or_default(), |v| v)
        }
        Samples::U16(values) => paint(values, pixels.channels, |v| ramp.level(f32::from(v)), narrow),
        Samples::I16(values) => {
            paint(values, pixels.channels, |v| ramp.level(f32::from(v)), |v| narrow(v.cast_unsigned() ^ 0x8000))
        }
        Samples::F64(values) => paint(values, pixels.channels, |v| ramp.level(to_f32(v)), |_| u8::MAX),
    }
}

/// As [`to_rgba8`] for grey that turns into colour at high values; `None` where it does not.
fn coloured(pixels: &PixelBuffer, map: &GreyMap<'_>) -> Option<Vec<u8>> {
    fn through<T: Copy>(values: &[T], table: &[[u8; 3]], index: impl Fn(T) -> u16) -> Vec<u8> {
        let of = |v: &T| table.get(usize::from(index(*v))).copied().unwrap_or_default();
        values.iter().map(of).flat_map(|[r, g, b]| [r, g, b, 255]).collect()
    }
    Some(match &pixels.samples {
        Samples::U8(values) => through(values, &map.colours(0.0, 1.0, 1 << 8)?, u16::from),
        Samples::U16(values) => through(values, &map.colours(0.0, 1.0, 1 << 16)?, |v| v),
        Samples::I16(values) => through(values, &map.colours(-32768.0, 1.0, 1 << 16)?, |v| v.cast_unsigned() ^ 0x8000),
        Samples::F64(_) => return None,
    })
}

/// As [`to_rgba8`] for grey that no straight line describes.
fn through_table(pixels: &PixelBuffer, map: &GreyMap<'_>) -> Vec<u8> {
    let at = |table: &[u8], index: u16| table.get(usize::from(index)).copied().unwrap_or_default();
    match &pixels.samples {
        Samples::U8(values) => {
            let table = map.table(0.0, 1.0, 1 << 8);
            paint(values, 1, |v| at(&table, u16::from(v)), |v| v)
        }
        Samples::U16(values) => {
            let table = map.table(0.0, 1.0, 1 << 16);
            paint(values, 1, |v| at(&table, v), narrow)
        }
        Samples::I16(values) => {
            let table = map.table(-32768.0, 1.0, 1 << 16);
            paint(values, 1, |v| at(&table, v.cast_unsigned() ^ 0x8000), |_| u8::MAX)
        }
        Samples::F64(values) => paint(values, 1, |v| map.level(v), |_| u8::MAX),
    }
}

fn narrow(value: u16) -> u8 {
    u8::try_from(value >> 8).unwrap_or(u8::MAX)
}

/// Grey samples of 16 bits without a branch a pixel.
fn paint_grey<T: Copy + Into<f32>>(values: &[T], ramp: &Ramp) -> Vec<u8> {
    let mut out = vec![0; values.len() * 4];
    widest(
        #[inline(always)]
        || {
            for (pixel, value) in out.as_chunks_mut::<4>().0.iter_mut().zip(values) {
                let grey = u32::from(ramp.level((*value).into()));
                *pixel = (0xFF00_0000 | (grey * 0x01_01_01)).to_le_bytes();
            }
        },
    );
    out
}

fn paint<T: Copy>(values: &[T], channels: u8, level: impl Fn(T) -> u8, alpha: impl Fn(T) -> u8) -> Vec<u8> {
    let channels = usize::from(channels.max(1));
    let mut out = Vec::with_capacity(values.len() / channels * 4);
    for pixel in values.chunks_exact(channels) {
        match *pixel {
            [grey] => {
                let g = level(grey);
                out.extend_from_slice(&[g, g, g, 255]);
            }
            [grey, a] => {
                let g = level(grey);
                out.extend_from_slice(&[g, g, g, alpha(a)]);
            }
            [r, g, b] => out.extend_from_slice(&[level(r), level(g), level(b), 255]),
            [r, g, b, a, ..] => out.extend_from_slice(&[level(r), level(g), level(b), alpha(a)]),
            [] => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(slope: f64, intercept: f64) -> FrameInfo {
        FrameInfo { rescale: (slope, intercept), ..FrameInfo::default() }
    }

    /// PS3.3 C.11.2.1.2.1, written as the standard writes it.
    fn by_the_standard(x: f64, c: f64, w: f64) -> f64 {
        if x <= c - 0.5 - (w - 1.0) / 2.0 {
            0.0
        } else if x > c - 0.5 + (w - 1.0) / 2.0 {
            255.0
        } else {
            ((x - (c - 0.5)) / (w - 1.0) + 0.5) * 255.0
        }
    }

    #[test]
    fn the_ramp_is_the_standard_linear_function() {
        for (slope, intercept, center, width) in
            [(1.0, -1024.0, 40.0, 400.0), (1.0, 0.0, 2048.0, 4096.0), (0.5, 3.0, 10.0, 1.0), (-2.0, 100.0, 0.0, 300.0)]
        {
            let state =
                DisplayState { window: Some(Window { center, width }), invert: false, ..DisplayState::default() };
            let ramp = Ramp::new(&Samples::I16(Vec::new()), 1, &frame(slope, intercept), &state);
            for stored in -4096_i16..4096 {
                let expected = by_the_standard(f64::from(stored) * slope + intercept, center, width);
                let shown = f64::from(ramp.level(f32::from(stored)));
                assert!((shown - expected).abs() <= 0.501, "{stored} {slope} {center} {width}: {shown} {expected}");
            }
        }
    }

    #[test]
    fn the_examples_of_the_standard_hold() {
        // C.11.2.1.2.1: window centre 2048 and width 4096 map 0..4095 to the full range; centre 0 width 100 to -50..49.
        let ramp = |center, width| {
            let state =
                DisplayState { window: Some(Window { center, width }), invert: false, ..DisplayState::default() };
            Ramp::new(&Samples::I16(Vec::new()), 1, &frame(1.0, 0.0), &state)
        };
        let full = ramp(2048.0, 4096.0);
        assert_eq!((full.level(0.0), full.level(4095.0)), (0, 255));
        let narrow = ramp(0.0, 100.0);
        assert_eq!((narrow.level(-50.0), narrow.level(49.0), narrow.level(-51.0)), (0, 255, 0));
        let step = ramp(0.0, 1.0);
        assert_eq!((step.level(-1.0), step.level(0.0)), (0, 255));
    }

    #[test]
    fn inversion_swaps_bright_and_dark_but_not_alpha() {
        let pixels = PixelBuffer {
            size_px: crate::domain::SizePx::new(1, 1),
            channels: 4,
            samples: Samples::U8(vec![0, 10, 255, 7]),
        };
        let state = DisplayState { invert: true, ..DisplayState::default() };
        assert_eq!(to_rgba8(&pixels, &frame(1.0, 0.0), &state), vec![255, 245, 0, 7]);
    }
}
