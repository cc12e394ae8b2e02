//! A flat image from top to bottom, a band of rows at a time, so that it need not fit in memory.

use super::{ImageSource, ImagingError, PixelBuffer, Samples, canvas::Canvas, display::crop, fault::Fault, limits};
use crate::domain::{RectPx, SizePx, TileKey};

/// Rows of one image in order.
pub trait Bands {
    /// The next rows, all of the image's width; `None` after the last.
    ///
    /// # Errors
    /// As [`ImageSource::read_tile`].
    fn next_band(&mut self) -> Result<Option<PixelBuffer>, ImagingError>;
}

/// The rows of tiles of a level.
pub struct TileRows<'a> {
    source: &'a dyn ImageSource,
    row: u32,
}

impl<'a> TileRows<'a> {
    pub fn new(source: &'a dyn ImageSource) -> Self {
        Self { source, row: 0 }
    }
}

impl Bands for TileRows<'_> {
    fn next_band(&mut self) -> Result<Option<PixelBuffer>, ImagingError> {
        let meta = self.source.meta();
        let Some(level) = meta.levels.first() else { return Ok(None) };
        let (cols, rows) = level.tiles();
        if self.row >= rows {
            return Ok(None);
        }
        let top = self.row * level.tile_px.height;
        let height = level.tile_px.height.min(level.size_px.height - top);
        let at = |fault: Fault| fault.at(meta.files.first().map_or("".as_ref(), |file| file.as_path()));
        let size_px = SizePx::new(level.size_px.width, height);
        let bytes = size_px.area().saturating_mul(u64::from(meta.channels)).saturating_mul(8);
        Fault::check_size("a row of its tiles", bytes, 8 * limits::FRAME_BYTES).map_err(at)?;
        let mut canvas = Canvas::new(size_px);
        for col in 0..cols {
            let tile = self.source.read_tile(TileKey { frame: 0, level: 0, col, row: self.row })?;
            canvas.put(&tile, col * level.tile_px.width, 0).map_err(at)?;
        }
        self.row += 1;
        canvas.finish().map(Some).map_err(at)
    }
}

/// Rows that come in bands of any height, handed on in bands of one height; the last is what is left.
pub struct Stack {
    width: u32,
    height: u32,
    held: Option<PixelBuffer>,
}

impl Stack {
    pub fn new(width: u32, height: u32) -> Self {
        Self { width, height, held: None }
    }

    /// Adds rows below those that are held.
    pub fn push(&mut self, band: PixelBuffer) {
        match &mut self.held {
            None => self.held = Some(band),
            Some(held) => {
                held.size_px.height += band.size_px.height;
                match (&mut held.samples, band.samples) {
                    (Samples::U8(to), Samples::U8(mut from)) => to.append(&mut from),
                    (Samples::U16(to), Samples::U16(mut from)) => to.append(&mut from),
                    (Samples::I16(to), Samples::I16(mut from)) => to.append(&mut from),
                    (Samples::F64(to), Samples::F64(mut from)) => to.append(&mut from),
                    // A source whose bands differ in kind is none; the missing rows are found by their number.
                    _ => {}
                }
            }
        }
    }

    /// The next full band, or with `last` whatever is left.
    pub fn pop(&mut self, last: bool) -> Option<PixelBuffer> {
        let held = self.held.take()?;
        let rows = held.size_px.height;
        if rows < self.height && !last {
            self.held = Some(held);
            return None;
        }
        if rows <= self.height {
            return Some(held);
        }
        let part = |y: u32, height: u32| crop(&held, RectPx { x: 0, y, width: self.width, height });
        let out = part(0, self.height);
        self.held = Some(part(self.height, rows - self.height));
        Some(out)
    }
}

/// Half as wide and half as high, rounded up: the mean of each two by two pixels, of fewer at the right and lower edge.
pub fn halved(pixels: &PixelBuffer) -> PixelBuffer {
    let size = pixels.size_px;
    let half = SizePx::new(size.width.div_ceil(2), size.height.div_ceil(2));
    let channels = usize::from(pixels.channels);
    let shape = (size.width as usize * channels, half.width as usize * channels, channels);
    let samples = match &pixels.samples {
        Samples::U8(values) => Samples::U8(means(values, shape, |sum, count| {
            u8::try_from((sum + count / 2).div_euclid(count)).unwrap_or(u8::MAX)
        })),
        Samples::U16(values) => Samples::U16(means(values, shape, |sum, count| {
            u16::try_from((sum + count / 2).div_euclid(count)).unwrap_or(u16::MAX)
        })),
        Samples::I16(values) => Samples::I16(means(values, shape, |sum, count| {
            i16::try_from((sum + count / 2).div_euclid(count)).unwrap_or(i16::MAX)
        })),
        Samples::F64(values) => Samples::F64(real_means(values, shape)),
    };
    PixelBuffer { size_px: half, channels: pixels.channels, samples }
}

/// Stored and halved samples of a row, and channels.
type Shape = (usize, usize, usize);

fn means<T: Copy + Into<i32>>(values: &[T], (row, half, channels): Shape, mean: impl Fn(i32, i32) -> T) -> Vec<T> {
    let mut out = Vec::with_capacity(values.len() / 4 + half);
    for pair in values.chunks((row * 2).max(1)) {
        let (upper, lower) = pair.split_at(row.min(pair.len()));
        for at in 0..half {
            let (pixel, channel) = (at / channels, at % channels);
            let first = pixel * 2 * channels + channel;
            let (mut sum, mut count) = (0, 0);
            for line in [upper, lower] {
                for value in [line.get(first), line.get(first + channels)].into_iter().flatten() {
                    sum += (*value).into();
                    count += 1;
                }
            }
            out.push(mean(sum, count.max(1)));
        }
    }
    out
}

fn real_means(values: &[f64], (row, half, channels): Shape) -> Vec<f64> {
    let mut out = Vec::with_capacity(values.len() / 4 + half);
    for pair in values.chunks((row * 2).max(1)) {
        let (upper, lower) = pair.split_at(row.min(pair.len()));
        for at in 0..half {
            let first = at / channels * 2 * channels + at % channels;
            let four = [upper, lower].into_iter().flat_map(|line| [line.get(first), line.get(first + channels)]);
            let (sum, count) = four.flatten().fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
            out.push(sum / f64::max(count, 1.0));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(width: u32, height: u32, values: Vec<u8>) -> PixelBuffer {
        PixelBuffer { size_px: SizePx::new(width, height), channels: 1, samples: Samples::U8(values) }
    }

    #[test]
    fn halves_are_means_also_at_the_edges() {
        let half = halved(&grey(3, 3, vec![0, 10, 20, 30, 41, 50, 60, 70, 255]));
        assert_eq!(half, grey(2, 2, vec![20, 35, 65, 255]));
        let colour =
            PixelBuffer { size_px: SizePx::new(2, 1), channels: 3, samples: Samples::U16(vec![0, 2, 4, 2, 4, 65_535]) };
        assert_eq!(halved(&colour).samples, Samples::U16(vec![1, 3, 32_770]));
        let signed = PixelBuffer { size_px: SizePx::new(2, 1), channels: 1, samples: Samples::I16(vec![-5, -6]) };
        assert_eq!(halved(&signed).samples, Samples::I16(vec![-5]));
    }

    #[test]
    fn bands_of_any_height_become_bands_of_one() {
        let mut stack = Stack::new(1, 4);
        stack.push(grey(1, 3, vec![1, 2, 3]));
        assert_eq!(stack.pop(false), None);
        stack.push(grey(1, 6, vec![4, 5, 6, 7, 8, 9]));
        assert_eq!(stack.pop(false), Some(grey(1, 4, vec![1, 2, 3, 4])));
        assert_eq!(stack.pop(false), Some(grey(1, 4, vec![5, 6, 7, 8])));
        assert_eq!((stack.pop(false), stack.pop(true), stack.pop(true)), (None, Some(grey(1, 1, vec![9])), None));
    }
}
