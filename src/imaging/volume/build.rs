//! From an opened stack to a volume: every slice decoded once, on all cores, into memory that is counted beforehand.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
    thread,
};

use super::{
    StackGeometry, Volume, Voxels,
    geometry::{Posed, SlicePlace},
};
use crate::{
    domain::{SizePx, TileKey},
    imaging::{FrameInfo, ImageSource, ImagingError, PixelBuffer, Samples, guard::caught, limits},
    tasks::{Cancel, Progress},
};

/// Why a stack is no volume, or could not be read as one.
#[derive(Debug, thiserror::Error)]
pub enum VolumeError {
    #[error("the image is in colour; planes are cut through grey stacks. Use the slices as they are.")]
    Colour,
    #[error("the slices have no common place in the patient. Use the slices as they are.")]
    NoStack,
    #[error("samples and size of the volume do not agree. Open the series again.")]
    Size,
    #[error("{0}")]
    Pixels(#[from] ImagingError),
    #[error("stopped")]
    Cancelled,
}

impl VolumeError {
    /// Fluent key of what to tell.
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Colour => "volume-colour",
            Self::NoStack => "volume-no-stack",
            Self::Size | Self::Pixels(_) => "volume-failed",
            Self::Cancelled => "volume-stopped",
        }
    }
}

impl Volume {
    /// Whether an image could be a volume, from its description alone.
    ///
    /// # Errors
    /// [`VolumeError::Colour`], [`VolumeError::NoStack`], `TooLarge` above the limit on a volume's memory.
    pub fn plan(source: &dyn ImageSource) -> Result<StackGeometry, VolumeError> {
        let meta = source.meta();
        if meta.channels != 1 {
            return Err(VolumeError::Colour);
        }
        let posed: Option<Vec<Posed>> = (0..)
            .zip(&meta.frames)
            .map(|(frame, info)| info.pose.map(|pose| Posed { frame, pose, rescale: info.rescale }))
            .collect();
        let geometry = posed.as_deref().and_then(StackGeometry::new).ok_or(VolumeError::NoStack)?;
        let needed = meta.size_px().area().saturating_mul(geometry.slices().len() as u64).saturating_mul(2);
        if needed > limits::VOLUME_BYTES {
            let path = meta.files.first().cloned().unwrap_or_else(PathBuf::new);
            let what = "a volume of this series".to_owned();
            let limit_bytes = limits::VOLUME_BYTES;
            return Err(ImagingError::TooLarge { path, what, needed_bytes: needed, limit_bytes }.into());
        }
        Ok(geometry)
    }

    /// Decodes all slices of a stack on `threads` threads. Progress counts slices.
    ///
    /// # Errors
    /// As [`Volume::plan`]; the first slice that cannot be read; [`VolumeError::Cancelled`].
    pub fn read(
        source: &dyn ImageSource,
        threads: usize,
        progress: &Progress,
        cancel: &Cancel,
    ) -> Result<Self, VolumeError> {
        let mut geometry = Self::plan(source)?;
        let meta = source.meta();
        let size_px = meta.size_px();
        let places = geometry.slices().to_vec();
        progress.set_total(places.len() as u64);
        let (width, height) = (size_px.width as usize, size_px.height as usize);
        let first = places.first().map_or(Ok(true), |place| {
            read_frame(source, place.frame).map(|pixels| matches!(pixels.samples, Samples::I16(_)))
        })?;
        let job = Job { source, places: &places, size_px, threads, progress, cancel };
        let count = width * height * places.len();
        let (voxels, rescales) = if first {
            let (samples, rescales) = job.run::<i16>(count)?;
            (Voxels::I16(samples), rescales)
        } else {
            let (samples, rescales) = job.run::<u16>(count)?;
            (Voxels::U16(samples), rescales)
        };
        geometry.rescale(&rescales);
        Self::new([width, height, places.len()], voxels, geometry, meta.display.unit.clone())
    }
}

/// A sample of a volume.
trait Voxel: Copy + Default + Send {
    /// The samples as they are, where they fit this kind.
    fn plain(samples: &Samples, to: &mut [Self]) -> bool;
    /// Step `n` of 65,536.
    fn step(n: u16) -> Self;
    /// The sample of step 0.
    const LOWEST: f64;
}

impl Voxel for i16 {
    fn plain(samples: &Samples, to: &mut [Self]) -> bool {
        match samples {
            Samples::I16(v) if v.len() == to.len() => to.copy_from_slice(v),
            Samples::U8(v) if v.len() == to.len() => to.iter_mut().zip(v).for_each(|(t, s)| *t = Self::from(*s)),
            _ => return false,
        }
        true
    }

    fn step(n: u16) -> Self {
        (n ^ 0x8000).cast_signed()
    }

    const LOWEST: f64 = -32_768.0;
}

impl Voxel for u16 {
    fn plain(samples: &Samples, to: &mut [Self]) -> bool {
        match samples {
            Samples::U16(v) if v.len() == to.len() => to.copy_from_slice(v),
            Samples::U8(v) if v.len() == to.len() => to.iter_mut().zip(v).for_each(|(t, s)| *t = Self::from(*s)),
            _ => return false,
        }
        true
    }

    fn step(n: u16) -> Self {
        n
    }

    const LOWEST: f64 = 0.0;
}

/// Slope and intercept of each slice.
type Rescales = Vec<(f64, f64)>;

struct Job<'a> {
    source: &'a dyn ImageSource,
    places: &'a [SlicePlace],
    size_px: SizePx,
    threads: usize,
    progress: &'a Progress,
    cancel: &'a Cancel,
}

impl Job<'_> {
    /// Samples of all slices, and the rescale of each.
    fn run<T: Voxel>(&self, count: usize) -> Result<(Vec<T>, Rescales), VolumeError> {
        let per_slice = usize::try_from(self.size_px.area()).unwrap_or(0).max(1);
        let mut samples = vec![T::default(); count];
        let mut rescales = vec![(1.0, 0.0); self.places.len()];
        let failure: Mutex<Option<VolumeError>> = Mutex::new(None);
        {
            let work = samples.chunks_mut(per_slice).zip(&mut rescales).zip(self.places);
            let work = Mutex::new(work);
            let next = || work.lock().unwrap_or_else(PoisonError::into_inner).next();
            let stop = |error| *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            let run = || {
                while let Some(((to, rescale), place)) = next() {
                    if failure.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
                        return;
                    }
                    if self.cancel.is_cancelled() {
                        return stop(VolumeError::Cancelled);
                    }
                    match self.slice(place, to) {
                        Ok(own) => *rescale = own,
                        Err(error) => return stop(error.into()),
                    }
                    self.progress.advance(1);
                }
            };
            thread::scope(|scope| {
                for n in 1..self.threads.max(1) {
                    // One thread less only makes it slower.
                    let _ = thread::Builder::new().name(format!("volume-{n}")).spawn_scoped(scope, run);
                }
                run();
            });
        }
        match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok((samples, rescales)),
        }
    }

    fn slice<T: Voxel>(&self, place: &SlicePlace, to: &mut [T]) -> Result<(f64, f64), ImagingError> {
        let pixels = read_frame(self.source, place.frame)?;
        let info = self.source.meta().frames.get(place.frame as usize);
        let straight = info.is_none_or(|i| i.grey.as_ref().is_none_or(|rules| rules.modality_lut.is_none()));
        if straight && T::plain(&pixels.samples, to) {
            return Ok((place.slope, place.intercept));
        }
        Ok(in_steps(&pixels, info, to))
    }
}

/// Values that are no plain 16-bit samples (a lookup table, real numbers, another sign than the first slice's), in 65,536
/// steps between the slice's lowest and highest; says the rescale that gives them back.
fn in_steps<T: Voxel>(pixels: &PixelBuffer, info: Option<&FrameInfo>, to: &mut [T]) -> (f64, f64) {
    let value = |stored: f64| info.map_or(stored, |i| i.value(stored));
    let values: Vec<f64> = match &pixels.samples {
        Samples::U8(v) => v.iter().map(|s| value(f64::from(*s))).collect(),
        Samples::U16(v) => v.iter().map(|s| value(f64::from(*s))).collect(),
        Samples::I16(v) => v.iter().map(|s| value(f64::from(*s))).collect(),
        Samples::F64(v) => v.iter().map(|s| value(*s)).collect(),
    };
    let finite = || values.iter().copied().filter(|v| v.is_finite());
    let (low, high) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let low = if low.is_finite() { low } else { 0.0 };
    let step = if high > low { (high - low) / 65_535.0 } else { 1.0 };
    for (to, value) in to.iter_mut().zip(&values) {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 16 bits before")]
        let n = ((value - low) / step).round().clamp(0.0, 65_535.0) as u16;
        *to = T::step(n);
    }
    (step, low - T::LOWEST * step)
}

/// A whole frame at full resolution, put together from its tiles.
fn read_frame(source: &dyn ImageSource, frame: u32) -> Result<PixelBuffer, ImagingError> {
    let meta = source.meta();
    let missing = || ImagingError::OutOfRange { what: "level", index: 0, count: 0 };
    let level = meta.levels.first().ok_or_else(missing)?;
    let read = |col, row| {
        let key = TileKey { frame, level: 0, col, row };
        caught(|| source.read_tile(key)).unwrap_or_else(|reason| {
            let path = meta.files.first().cloned().unwrap_or_default();
            Err(ImagingError::Damaged { path, reason })
        })
    };
    let (cols, rows) = level.tiles();
    if (cols, rows) == (1, 1) {
        return read(0, 0);
    }
    let mut whole: Option<PixelBuffer> = None;
    for row in 0..rows {
        for col in 0..cols {
            let tile = read(col, row)?;
            let at = [(col * level.tile_px.width) as usize, (row * level.tile_px.height) as usize];
            let to = whole.get_or_insert_with(|| blank(&tile.samples, level.size_px));
            lay(to, &tile, at);
        }
    }
    whole.ok_or_else(missing)
}

fn blank(like: &Samples, size_px: SizePx) -> PixelBuffer {
    let n = usize::try_from(size_px.area()).unwrap_or(0);
    let samples = match like {
        Samples::U8(_) => Samples::U8(vec![0; n]),
        Samples::U16(_) => Samples::U16(vec![0; n]),
        Samples::I16(_) => Samples::I16(vec![0; n]),
        Samples::F64(_) => Samples::F64(vec![0.0; n]),
    };
    PixelBuffer { size_px, channels: 1, samples }
}

fn lay(to: &mut PixelBuffer, tile: &PixelBuffer, at: [usize; 2]) {
    fn rows<T: Copy>(to: &mut [T], width: usize, from: &[T], tile_width: usize, at: [usize; 2]) {
        for (row, from) in from.chunks_exact(tile_width.max(1)).enumerate() {
            let start = (at[1] + row) * width + at[0];
            if let Some(place) = to.get_mut(start..start + from.len()) {
                place.copy_from_slice(from);
            }
        }
    }
    let (width, tile_width) = (to.size_px.width as usize, tile.size_px.width as usize);
    match (&mut to.samples, &tile.samples) {
        (Samples::U8(to), Samples::U8(from)) => rows(to, width, from, tile_width, at),
        (Samples::U16(to), Samples::U16(from)) => rows(to, width, from, tile_width, at),
        (Samples::I16(to), Samples::I16(from)) => rows(to, width, from, tile_width, at),
        (Samples::F64(to), Samples::F64(from)) => rows(to, width, from, tile_width, at),
        // Tiles of one frame are of one kind.
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{Voxel, in_steps};
    use crate::{
        domain::SizePx,
        imaging::{PixelBuffer, Samples},
    };

    #[test]
    fn real_values_come_back_within_half_a_step() {
        let values = vec![-3.25, 0.0, 1.5, 1000.0];
        let pixels = PixelBuffer { size_px: SizePx::new(4, 1), channels: 1, samples: Samples::F64(values.clone()) };
        let mut signed = [0_i16; 4];
        let (slope, intercept) = in_steps(&pixels, None, &mut signed);
        let mut unsigned = [0_u16; 4];
        let (slope_u, intercept_u) = in_steps(&pixels, None, &mut unsigned);
        for ((value, s), u) in values.iter().zip(signed).zip(unsigned) {
            assert!((f64::from(s) * slope + intercept - value).abs() <= slope / 2.0 + 1e-9);
            assert!((f64::from(u) * slope_u + intercept_u - value).abs() <= slope_u / 2.0 + 1e-9);
        }
        assert_eq!((i16::step(0), i16::step(65_535), u16::step(7)), (i16::MIN, i16::MAX, 7));
    }
}
