//! Tiles out of images that can only be decoded whole: each frame is decoded once, its tiles are cut from it.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::{ImagingError, PixelBuffer, display::crop, limits};
use crate::domain::{Level, RectPx, SizePx, TileKey};

/// Side of the tiles that a large flat image is shown in.
const TILE_SIDE: u32 = 512;

/// The single level of an image without a pyramid.
pub fn flat_level(size_px: SizePx) -> Level {
    // A frame of ordinary size is one tile; cutting it would only cost a copy.
    let side = if size_px.width <= 1024 && size_px.height <= 1024 { 1024 } else { TILE_SIDE };
    let tile_px = SizePx::new(size_px.width.min(side).max(1), size_px.height.min(side).max(1));
    Level { size_px, tile_px, downsample: 1.0 }
}

/// The rectangle of a tile within its level, or `OutOfRange`.
pub fn tile_rect(level: &Level, key: TileKey) -> Result<RectPx, ImagingError> {
    let (cols, rows) = level.tiles();
    let outside =
        |what, index, count| ImagingError::OutOfRange { what, index: u64::from(index), count: u64::from(count) };
    if key.col >= cols {
        return Err(outside("tile column", key.col, cols));
    }
    if key.row >= rows {
        return Err(outside("tile row", key.row, rows));
    }
    let (x, y) = (key.col * level.tile_px.width, key.row * level.tile_px.height);
    Ok(RectPx {
        x,
        y,
        width: level.tile_px.width.min(level.size_px.width - x),
        height: level.tile_px.height.min(level.size_px.height - y),
    })
}

/// The level that a key names, or `OutOfRange`.
pub fn level_of(levels: &[Level], key: TileKey) -> Result<&Level, ImagingError> {
    let count = levels.len() as u64;
    levels.get(usize::from(key.level)).ok_or(ImagingError::OutOfRange {
        what: "level",
        index: u64::from(key.level),
        count,
    })
}

type Cell = Arc<OnceLock<Option<Arc<PixelBuffer>>>>;

/// Recently decoded frames of one image, bounded in bytes.
#[derive(Default)]
pub struct FrameCache {
    recent: Mutex<Vec<(u32, Cell)>>,
}

impl FrameCache {
    fn lock(&self) -> MutexGuard<'_, Vec<(u32, Cell)>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One tile of a flat frame. `decode` runs at most once per frame at a time, whoever asks; the list is not locked
    /// while it runs.
    ///
    /// # Errors
    /// `OutOfRange`, or what `decode` says. A failed frame is decoded anew when asked again.
    pub fn tile(
        &self,
        level: &Level,
        key: TileKey,
        decode: impl FnOnce() -> Result<PixelBuffer, ImagingError>,
    ) -> Result<PixelBuffer, ImagingError> {
        let rect = tile_rect(level, key)?;
        if level.tiles() == (1, 1) {
            return decode();
        }
        let cell = {
            let mut recent = self.lock();
            let found = recent.iter().position(|(frame, _)| *frame == key.frame);
            let entry = found.map_or_else(|| (key.frame, Cell::default()), |at| recent.remove(at));
            let cell = Arc::clone(&entry.1);
            recent.insert(0, entry);
            cell
        };
        let (mut decode, mut failure) = (Some(decode), None);
        let frame = cell.get_or_init(|| match decode.take()?() {
            Ok(pixels) => Some(Arc::new(pixels)),
            Err(error) => {
                failure = Some(error);
                None
            }
        });
        let Some(frame) = frame else {
            self.lock().retain(|(frame, _)| *frame != key.frame);
            return match (failure, decode) {
                (Some(error), _) => Err(error),
                // Somebody else's attempt failed while this one waited; it may have been a disk that is back.
                (None, Some(decode)) => Ok(crop(&decode()?, rect)),
                (None, None) => Err(ImagingError::OutOfRange { what: "frame", index: u64::from(key.frame), count: 0 }),
            };
        };
        let out = crop(frame, rect);
        self.trim();
        Ok(out)
    }

    fn trim(&self) {
        let mut left = limits::FRAME_CACHE_BYTES;
        let mut first = true;
        self.lock().retain(|(_, cell)| {
            let bytes = cell.get().and_then(Option::as_ref).map_or(0, |pixels| pixels.bytes());
            let keep = first || bytes <= left;
            first = false;
            left = left.saturating_sub(bytes);
            keep
        });
    }
}
