//! Volumes stored as one block of voxels (NIfTI, NRRD): frames read from it, each with its place in the patient.

use std::sync::{Arc, Mutex, PoisonError};

use super::{
    ImageMeta, ImageSource, ImagingError, PixelBuffer, Samples,
    bytes::{ByteSource, read_range},
    fault::Fault,
    frames::level_of,
    limits,
};
use crate::domain::{Level, PlanePose, SizePx, TileKey};

/// How a voxel is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
}

impl Kind {
    pub fn bytes(self) -> u64 {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    pub fn signed(self) -> bool {
        !matches!(self, Self::U8 | Self::U16 | Self::U32 | Self::U64)
    }

    /// Bits for [`ImageMeta::bits_stored`].
    pub fn bits(self) -> u8 {
        u8::try_from(self.bytes() * 8).unwrap_or(64)
    }
}

/// Where the voxels lie and how they are written; the fastest axis is x.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    pub at: u64,
    pub kind: Kind,
    pub big_endian: bool,
    pub size_px: SizePx,
    /// 1, or 3 or 4 interleaved 8-bit ones.
    pub channels: u8,
}

impl Block {
    pub fn frame_bytes(&self) -> u64 {
        self.size_px.area() * u64::from(self.channels) * self.kind.bytes()
    }

    fn read(&self, bytes: &dyn ByteSource, frame: u32) -> Result<PixelBuffer, Fault> {
        let size = self.frame_bytes();
        let start = self.at.saturating_add(size.saturating_mul(u64::from(frame)));
        let mut raw = read_range(bytes, start, size, "frame", limits::FRAME_BYTES)?;
        if self.big_endian && self.kind.bytes() > 1 {
            raw.chunks_exact_mut(usize::try_from(self.kind.bytes()).unwrap_or(1)).for_each(<[u8]>::reverse);
        }
        let two = || raw.as_chunks::<2>().0.iter();
        let four = || raw.as_chunks::<4>().0.iter();
        let eight = || raw.as_chunks::<8>().0.iter();
        let samples = match self.kind {
            Kind::U8 => Samples::U8(raw),
            Kind::I8 => Samples::I16(raw.iter().map(|v| i16::from(v.cast_signed())).collect()),
            Kind::U16 => Samples::U16(two().map(|b| u16::from_le_bytes(*b)).collect()),
            Kind::I16 => Samples::I16(two().map(|b| i16::from_le_bytes(*b)).collect()),
            Kind::U32 => Samples::F64(four().map(|b| f64::from(u32::from_le_bytes(*b))).collect()),
            Kind::I32 => Samples::F64(four().map(|b| f64::from(i32::from_le_bytes(*b))).collect()),
            Kind::F32 => Samples::F64(four().map(|b| f64::from(f32::from_le_bytes(*b))).collect()),
            Kind::U64 => Samples::F64(eight().map(|b| u64::from_le_bytes(*b) as f64).collect()),
            Kind::I64 => Samples::F64(eight().map(|b| i64::from_le_bytes(*b) as f64).collect()),
            Kind::F64 => Samples::F64(eight().map(|b| f64::from_le_bytes(*b)).collect()),
        };
        Ok(PixelBuffer { size_px: self.size_px, channels: self.channels, samples })
    }
}

/// An opened volume.
pub struct VoxelFile {
    meta: ImageMeta,
    bytes: Arc<dyn ByteSource>,
    block: Block,
}

impl VoxelFile {
    /// `meta` names everything but levels and channels.
    ///
    /// # Errors
    /// `Damaged` when the block is larger than the file, `TooLarge` for a frame beyond the limit.
    pub fn new(mut meta: ImageMeta, bytes: Arc<dyn ByteSource>, block: Block) -> Result<Self, Fault> {
        Fault::check_size("one frame", block.size_px.area() * u64::from(block.channels) * 8, limits::FRAME_BYTES)?;
        let needed = block.frame_bytes().saturating_mul(meta.frames.len() as u64).saturating_add(block.at);
        if meta.frames.is_empty() || needed > bytes.len() {
            return Err(Fault::damaged(format!("its header promises {needed} bytes, it holds {}", bytes.len())));
        }
        // One tile a frame: real values are shown in steps over their range, which must be one range a frame.
        meta.levels = vec![Level { size_px: block.size_px, tile_px: block.size_px, downsample: 1.0 }];
        meta.channels = block.channels;
        meta.bits_stored = block.kind.bits();
        meta.signed = block.kind.signed();
        if block.channels == 1 { "grey" } else { "RGB" }.clone_into(&mut meta.photometric);
        Ok(Self { meta, bytes, block })
    }

    /// Gives the image a window over the values of its middle frame, where the file names none.
    pub fn with_window(mut self) -> Self {
        let middle = u32::try_from(self.meta.frames.len() / 2).unwrap_or(0);
        let plain = self.block.kind == Kind::U8;
        if self.meta.display.window.is_none()
            && self.block.channels == 1
            && let Some(frame) = self.meta.frames.get(middle as usize)
            && !(plain && frame.rescale == (1.0, 0.0))
        {
            let pixels = self.block.read(&*self.bytes, middle).ok();
            let bits = self.meta.bits_stored.min(16);
            self.meta.display.window =
                Some(super::values::window_of_frame(pixels.as_ref(), bits, self.meta.signed, frame));
        }
        self
    }
}

impl ImageSource for VoxelFile {
    fn meta(&self) -> &ImageMeta {
        &self.meta
    }

    fn read_tile(&self, key: TileKey) -> Result<PixelBuffer, ImagingError> {
        level_of(&self.meta.levels, key)?;
        let count = self.meta.frames.len() as u64;
        let outside = |what, index: u32, count| ImagingError::OutOfRange { what, index: u64::from(index), count };
        if u64::from(key.frame) >= count {
            return Err(outside("frame", key.frame, count));
        }
        if key.col > 0 || key.row > 0 {
            return Err(outside("tile", key.col.max(key.row), 1));
        }
        let path = self.meta.files.first().cloned().unwrap_or_default();
        self.block.read(&*self.bytes, key.frame).map_err(|fault| fault.at(&path))
    }

    fn read_associated(&self, _name: &str) -> Result<PixelBuffer, ImagingError> {
        Err(ImagingError::OutOfRange { what: "associated image", index: 0, count: 0 })
    }
}

/// The pose of frame `k` of a grid whose voxel (i, j, k) has its centre at `origin + i x + j y + k z`, LPS millimetres;
/// `None` for axes without a length.
pub fn pose([x, y, z]: [[f64; 3]; 3], origin: [f64; 3], k: u32) -> Option<PlanePose> {
    let unit = |v: [f64; 3]| {
        let length = v.iter().map(|c| c * c).sum::<f64>().sqrt();
        (length.is_finite() && length > 0.0).then(|| (v.map(|c| c / length), length))
    };
    let ((row_dir, dx), (col_dir, dy)) = (unit(x)?, unit(y)?);
    let k = f64::from(k);
    let at = |axis: usize| Some(origin.get(axis)? + z.get(axis)? * k);
    let origin_mm = [at(0)?, at(1)?, at(2)?];
    let finite = origin_mm.iter().all(|v| v.is_finite());
    finite.then_some(PlanePose { origin_mm, row_dir, col_dir, spacing_mm: [dx, dy] })
}

/// A gzip stream read as if it were not packed. It is unpacked whole when first read, and kept until [`GzipBytes::forget`].
pub struct GzipBytes {
    inner: Arc<dyn ByteSource>,
    from: u64,
    len: u64,
    open: Mutex<Option<Arc<Vec<u8>>>>,
}

impl GzipBytes {
    /// `len` unpacked bytes of the stream that begins at `from`.
    ///
    /// # Errors
    /// `TooLarge` beyond the limit of what is unpacked.
    pub fn new(inner: Arc<dyn ByteSource>, from: u64, len: u64) -> Result<Self, Fault> {
        Fault::check_size("the unpacked volume", len, limits::INFLATED_BYTES)?;
        Ok(Self { inner, from, len, open: Mutex::default() })
    }

    /// Lets the unpacked bytes go; the next read unpacks them again.
    pub fn forget(&self) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn whole(&self) -> std::io::Result<Arc<Vec<u8>>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = &*open {
            return Ok(Arc::clone(bytes));
        }
        let broken = |reason: String| std::io::Error::new(std::io::ErrorKind::InvalidData, reason);
        let packed =
            read_range(&*self.inner, self.from, self.inner.len() - self.from, "volume", limits::COMPRESSED_BYTES)
                .map_err(|fault| broken(format!("{fault:?}")))?;
        let want = usize::try_from(self.len).unwrap_or(usize::MAX);
        let bytes = super::codec::inflate::gzip(&packed, want).map_err(|fault| broken(format!("{fault:?}")))?;
        let bytes = Arc::new(bytes);
        *open = Some(Arc::clone(&bytes));
        Ok(bytes)
    }
}

impl ByteSource for GzipBytes {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<usize> {
        let whole = self.whole()?;
        let rest = usize::try_from(offset).ok().and_then(|at| whole.get(at..)).unwrap_or_default();
        let count = rest.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        Ok(count)
    }
}
