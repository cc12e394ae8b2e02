//! Which way up: the Orientation tag of TIFF 6.0 and EXIF 2.32 (274), applied so that everybody sees, draws and exports
//! the picture as it was meant.

use super::{PixelBuffer, Samples};
use crate::domain::SizePx;

/// One of the eight ways to lay rows and columns; 1 is as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Orientation(u8);

impl Orientation {
    pub const AS_STORED: Self = Self(1);

    /// From the tag's value; anything but 2 to 8 is as stored.
    pub fn new(value: Option<u64>) -> Self {
        value.and_then(|v| u8::try_from(v).ok()).filter(|v| (2..=8).contains(v)).map_or(Self::AS_STORED, Self)
    }

    pub fn is_as_stored(self) -> bool {
        self == Self::AS_STORED
    }

    /// Whether rows become columns.
    pub fn swaps_axes(self) -> bool {
        self.0 >= 5
    }

    /// Size of the picture when shown.
    pub fn size(self, stored: SizePx) -> SizePx {
        if self.swaps_axes() { SizePx::new(stored.height, stored.width) } else { stored }
    }

    /// Lays the pixels as they are to be shown.
    pub fn apply(self, pixels: PixelBuffer) -> PixelBuffer {
        if self.is_as_stored() {
            return pixels;
        }
        let stored = pixels.size_px;
        let channels = usize::from(pixels.channels);
        let samples = match &pixels.samples {
            Samples::U8(values) => Samples::U8(self.lay(values, stored, channels)),
            Samples::U16(values) => Samples::U16(self.lay(values, stored, channels)),
            Samples::I16(values) => Samples::I16(self.lay(values, stored, channels)),
            Samples::F64(values) => Samples::F64(self.lay(values, stored, channels)),
        };
        PixelBuffer { size_px: self.size(stored), channels: pixels.channels, samples }
    }

    fn lay<T: Copy>(self, values: &[T], stored: SizePx, channels: usize) -> Vec<T> {
        let (width, height) = (stored.width as usize, stored.height as usize);
        let shown = self.size(stored);
        let mut out = Vec::with_capacity(values.len());
        for y in 0..shown.height as usize {
            for x in 0..shown.width as usize {
                // Where the shown pixel (x, y) stands in the file: the tag says where its row 0 and column 0 belong.
                let (column, row) = match self.0 {
                    2 => (width - 1 - x, y),
                    3 => (width - 1 - x, height - 1 - y),
                    4 => (x, height - 1 - y),
                    5 => (y, x),
                    6 => (y, height - 1 - x),
                    7 => (width - 1 - y, height - 1 - x),
                    8 => (width - 1 - y, x),
                    _ => (x, y),
                };
                let at = (row * width + column) * channels;
                out.extend_from_slice(values.get(at..at + channels).unwrap_or_default());
            }
        }
        out
    }
}
