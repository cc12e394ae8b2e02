//! A display window from the pixel values themselves, for files that name none.

use super::{PixelBuffer, Samples, Window};

/// The window that just holds every rescaled value of a grey buffer; without pixels, or when all are equal, the full range
/// of `bits_stored`.
pub fn window_of_values(
    pixels: Option<&PixelBuffer>,
    bits_stored: u8,
    signed: bool,
    (slope, intercept): (f64, f64),
) -> Window {
    let range = pixels.filter(|pixels| pixels.channels == 1).and_then(|pixels| match &pixels.samples {
        Samples::U8(values) => range(values),
        Samples::U16(values) => range(values),
        Samples::I16(values) => range(values),
        Samples::F64(values) => real_range(values),
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

fn range<T: Copy + Ord + Into<f64>>(values: &[T]) -> Option<(f64, f64)> {
    let low = values.iter().min()?;
    let high = values.iter().max()?;
    Some(((*low).into(), (*high).into()))
}

fn real_range(values: &[f64]) -> Option<(f64, f64)> {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    Some((finite().reduce(f64::min)?, finite().reduce(f64::max)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SizePx;

    #[test]
    fn the_window_spans_the_values() {
        let pixels = PixelBuffer { size_px: SizePx::new(3, 1), channels: 1, samples: Samples::I16(vec![-100, 0, 155]) };
        let window = window_of_values(Some(&pixels), 16, true, (1.0, -1000.0));
        assert_eq!((window.center - 0.5 - (window.width - 1.0) / 2.0, window.width), (-1100.0, 256.0));
        let full = window_of_values(None, 12, false, (1.0, 0.0));
        assert_eq!((full.center, full.width), (2048.0, 4096.0));
    }
}
