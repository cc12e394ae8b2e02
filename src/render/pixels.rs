//! Raw tile pixels in the layouts that the graphics card takes, shared with the read-out under the cursor.

use super::GreyRamp;

/// Raw samples by rows, top to bottom, without padding.
#[derive(Clone, Debug, PartialEq)]
pub enum TileSamples {
    /// Four bytes a pixel, sRGB, alpha not multiplied in.
    Rgba8(Vec<u8>),
    Grey8(Vec<u8>),
    GreyU16(Vec<u16>),
    GreyI16(Vec<i16>),
}

/// One decoded tile.
#[derive(Clone, Debug, PartialEq)]
pub struct TileImage {
    size_px: [u32; 2],
    /// Every pixel covers what lies beneath.
    opaque: bool,
    samples: TileSamples,
    /// Real value of sample 0, and of one step, where grey samples stand for values that 16 bits cannot hold.
    steps: Option<(f64, f64)>,
}

impl TileImage {
    /// `None` when the number of samples does not fit the size, or the tile is empty.
    pub fn new(size_px: [u32; 2], samples: TileSamples) -> Option<Self> {
        let (len, per_pixel) = match &samples {
            TileSamples::Rgba8(v) => (v.len(), 4),
            TileSamples::Grey8(v) => (v.len(), 1),
            TileSamples::GreyU16(v) => (v.len(), 1),
            TileSamples::GreyI16(v) => (v.len(), 1),
        };
        let wanted = u64::from(size_px[0]) * u64::from(size_px[1]) * per_pixel;
        let opaque = match &samples {
            TileSamples::Rgba8(v) => v.as_chunks::<4>().0.iter().all(|p| p[3] == 255),
            _ => true,
        };
        (wanted > 0 && wanted == len as u64).then_some(Self { size_px, opaque, samples, steps: None })
    }

    pub(super) const fn is_opaque(&self) -> bool {
        self.opaque
    }

    /// Real values in 65,536 steps between the lowest and the highest, which is finer than any screen; what is no number
    /// takes the lowest. `None` as for [`TileImage::new`].
    pub fn from_real(size_px: [u32; 2], values: &[f64]) -> Option<Self> {
        let finite = || values.iter().copied().filter(|v| v.is_finite());
        let low = finite().fold(f64::INFINITY, f64::min);
        let high = finite().fold(f64::NEG_INFINITY, f64::max);
        let (low, high) = if low < high { (low, high) } else { (if low.is_finite() { low } else { 0.0 }, low + 1.0) };
        let step = if high.is_finite() { (high - low) / 65_535.0 } else { 1.0 };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the type's range")]
        let raw = values.iter().map(|v| ((v - low) / step).round().clamp(0.0, 65_535.0) as u16).collect();
        let image = Self::new(size_px, TileSamples::GreyU16(raw))?;
        Some(Self { steps: Some((low, step)), ..image })
    }

    /// The value that a raw grey sample stands for: itself, or one step of a real range.
    pub fn stored_of(&self, raw: i32) -> f64 {
        self.steps.map_or(f64::from(raw), |(base, step)| base + f64::from(raw) * step)
    }

    /// A ramp over stored values, turned into one over this tile's raw samples.
    pub fn ramp_over_raw(&self, ramp: GreyRamp) -> GreyRamp {
        let Some((base, step)) = self.steps else { return ramp };
        #[allow(clippy::cast_possible_truncation, reason = "the shader computes in f32")]
        let narrow = |value: f64| value as f32;
        GreyRamp {
            zero_at: narrow((f64::from(ramp.zero_at) - base) / step),
            per_step: narrow(f64::from(ramp.per_step) * step),
            ..ramp
        }
    }

    /// Adds the opaque alpha that graphics cards want; `None` as for [`TileImage::new`].
    pub fn from_rgb(size_px: [u32; 2], rgb: &[u8]) -> Option<Self> {
        // Written into place: a frame may bring dozens of tiles, and growing a vector by pixels is ten times slower.
        let mut rgba = vec![255; rgb.len() / 3 * 4];
        for (to, from) in rgba.chunks_exact_mut(4).zip(rgb.chunks_exact(3)) {
            to[..3].copy_from_slice(from);
        }
        Self::new(size_px, TileSamples::Rgba8(rgba))
    }

    pub fn size_px(&self) -> [u32; 2] {
        self.size_px
    }

    pub fn samples(&self) -> &TileSamples {
        &self.samples
    }

    /// Bytes of pixel memory.
    pub fn bytes(&self) -> usize {
        self.raw_bytes().len()
    }

    /// The samples as bytes in the machine's order, as an upload wants them.
    pub fn raw_bytes(&self) -> &[u8] {
        match &self.samples {
            TileSamples::Rgba8(v) | TileSamples::Grey8(v) => v,
            TileSamples::GreyU16(v) => bytemuck::cast_slice(v),
            TileSamples::GreyI16(v) => bytemuck::cast_slice(v),
        }
    }

    /// Bytes of one pixel.
    pub fn pixel_bytes(&self) -> u32 {
        match &self.samples {
            TileSamples::Rgba8(_) => 4,
            TileSamples::Grey8(_) => 1,
            TileSamples::GreyU16(_) | TileSamples::GreyI16(_) => 2,
        }
    }

    /// Stored sample of a grey tile at a texel; `None` for colour or outside.
    pub fn grey_at(&self, x: u32, y: u32) -> Option<i32> {
        let i = self.index(x, y)?;
        match &self.samples {
            TileSamples::Rgba8(_) => None,
            TileSamples::Grey8(v) => v.get(i).map(|s| i32::from(*s)),
            TileSamples::GreyU16(v) => v.get(i).map(|s| i32::from(*s)),
            TileSamples::GreyI16(v) => v.get(i).map(|s| i32::from(*s)),
        }
    }

    /// Colour at a texel; `None` for grey or outside.
    pub fn rgb_at(&self, x: u32, y: u32) -> Option<[u8; 3]> {
        let i = self.index(x, y)? * 4;
        match &self.samples {
            TileSamples::Rgba8(v) => v.get(i..i + 3).and_then(|s| s.try_into().ok()),
            _ => None,
        }
    }

    fn index(&self, x: u32, y: u32) -> Option<usize> {
        (x < self.size_px[0] && y < self.size_px[1]).then_some(y as usize * self.size_px[0] as usize + x as usize)
    }
}
