//! A display window from the pixel values themselves, for files that name none.

use super::{FrameInfo, PixelBuffer, Samples, Window};

/// As [`window_of_frame`] for images without tables and padding.
pub fn window_of_values(pixels: Option<&PixelBuffer>, bits_stored: u8, signed: bool, rescale: (f64, f64)) -> Window {
    window_of_frame(pixels, bits_stored, signed, &FrameInfo { rescale, ..FrameInfo::default() })
}

/// The window that just holds every rescaled value of a grey buffer; without pixels, or when all are equal, the full range
/// of `bits_stored`. Padding is no image.
pub fn window_of_frame(pixels: Option<&PixelBuffer>, bits_stored: u8, signed: bool, frame: &FrameInfo) -> Window {
    let (slope, intercept) = frame.rescale;
    let sound = |value: &f64| !frame.is_padding(*value);
    let range = pixels.filter(|pixels| pixels.channels == 1).and_then(|pixels| match &pixels.samples {
        Samples::U8(values) => range(values.iter().map(|v| f64::from(*v)).filter(sound)),
        Samples::U16(values) => range(values.iter().map(|v| f64::from(*v)).filter(sound)),
        Samples::I16(values) => range(values.iter().map(|v| f64::from(*v)).filter(sound)),
        Samples::F64(values) => range(values.iter().copied().filter(|v| v.is_finite())),
    });
    let (low, high) = range.filter(|(low, high)| low < high).unwrap_or_else(|| {
        let steps = 2_f64.powi(i32::from(bits_stored));
        if signed { (-steps / 2.0, steps / 2.0 - 1.0) } else { (0.0, steps - 1.0) }
    });
    let (a, b) = (low * slope + intercept, high * slope + intercept);
    let (low, high) = (a.min(b), a.max(b));
    // LINEAR puts its low edge at centre - 0.5 - (width - 1)/2 (PS3.3 C.11.2.1.2.1).
    let width = high - low + 1.0;
    Window { center: low + 0.5 + (width - 1.0) / 2.0, width }
}

fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let span = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    (span.0 <= span.1).then_some(span)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SizePx;

    fn frame(intercept: f64) -> FrameInfo {
        FrameInfo { rescale: (1.0, intercept), ..FrameInfo::default() }
    }

    #[test]
    fn the_window_spans_the_values() {
        let pixels = PixelBuffer { size_px: SizePx::new(3, 1), channels: 1, samples: Samples::I16(vec![-100, 0, 155]) };
        let window = window_of_frame(Some(&pixels), 16, true, &frame(-1000.0));
        assert_eq!((window.center - 0.5 - (window.width - 1.0) / 2.0, window.width), (-1100.0, 256.0));
        let full = window_of_frame(None, 12, false, &frame(0.0));
        assert_eq!((full.center, full.width), (2048.0, 4096.0));
    }
}
