//! Rectangles of any place and size out of a tiled image, put together from its tiles. Tiles are kept for the neighbours,
//! since patches are read in rows and every tile is part of several.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::{ImageSource, ImagingError, PixelBuffer, cache::ByteCache, canvas::Canvas, fault::Fault, frames::level_of};
use crate::domain::{Level, RectPx, SizePx, TileKey};

type Cell = Arc<OnceLock<Option<Arc<PixelBuffer>>>>;

/// Reads patches of one image from any number of threads; a tile is decoded once, whoever needs it first.
pub struct PatchReader {
    source: Arc<dyn ImageSource>,
    tiles: Mutex<ByteCache<TileKey, Cell>>,
}

impl PatchReader {
    /// `cache_bytes` bounds the decoded tiles kept.
    pub fn new(source: Arc<dyn ImageSource>, cache_bytes: u64) -> Self {
        Self { source, tiles: Mutex::new(ByteCache::new(cache_bytes)) }
    }

    pub fn source(&self) -> &Arc<dyn ImageSource> {
        &self.source
    }

    fn lock(&self) -> MutexGuard<'_, ByteCache<TileKey, Cell>> {
        self.tiles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pixels of `rect`, in pixels of that level. A patch that is exactly one tile is handed out as decoded, and not
    /// kept: nobody else needs it.
    ///
    /// # Errors
    /// `OutOfRange` for a rectangle that does not lie inside the level; what [`ImageSource::read_tile`] says.
    pub fn read(&self, frame: u32, level: u16, rect: RectPx) -> Result<PixelBuffer, ImagingError> {
        let shape = *level_of(&self.source.meta().levels, TileKey { frame, level, col: 0, row: 0 })?;
        let (cols, rows) = covered(&shape, rect)?;
        let key = |col, row| TileKey { frame, level, col, row };
        if let (true, Some(col), Some(row)) = (is_one_tile(&shape, rect), cols.clone().next(), rows.clone().next()) {
            return self.source.read_tile(key(col, row));
        }
        let mut canvas = Canvas::new(SizePx::new(rect.width, rect.height));
        let at = |fault: Fault| fault.at(self.source.meta().files.first().map_or("".as_ref(), |file| file.as_path()));
        let mut put = |key: TileKey, tile: &PixelBuffer| {
            let (x, y) = (key.col * shape.tile_px.width, key.row * shape.tile_px.height);
            let skip = (rect.x.saturating_sub(x), rect.y.saturating_sub(y));
            canvas.put_part(tile, skip, (x.saturating_sub(rect.x), y.saturating_sub(rect.y))).map_err(at)
        };
        // Somebody else may be decoding a tile just now: the others are decoded meanwhile.
        let mut later = Vec::new();
        for row in rows {
            for col in cols.clone() {
                let key = key(col, row);
                let (cell, own) = self.cell(&shape, key);
                if own || cell.get().is_some() {
                    put(key, &*self.tile(key, &cell)?)?;
                } else {
                    later.push((key, cell));
                }
            }
        }
        for (key, cell) in later {
            put(key, &*self.tile(key, &cell)?)?;
        }
        canvas.finish().map_err(at)
    }

    /// The place of a tile in the cache, and whether it was not there before.
    fn cell(&self, level: &Level, key: TileKey) -> (Cell, bool) {
        let mut tiles = self.lock();
        if let Some(cell) = tiles.get(&key) {
            return (cell, false);
        }
        let meta = self.source.meta();
        let each = match meta.bits_stored {
            17.. => 8,
            9..=16 => 2,
            _ if meta.signed => 2,
            _ => 1,
        };
        let cell = Cell::default();
        tiles.insert(key, Arc::clone(&cell), level.tile_px.area() * u64::from(meta.channels) * each);
        (cell, true)
    }

    fn tile(&self, key: TileKey, cell: &Cell) -> Result<Arc<PixelBuffer>, ImagingError> {
        let mut failure = None;
        let decoded = cell.get_or_init(|| match self.source.read_tile(key) {
            Ok(pixels) => Some(Arc::new(pixels)),
            Err(error) => {
                failure = Some(error);
                None
            }
        });
        match (decoded, failure) {
            (Some(pixels), _) => Ok(Arc::clone(pixels)),
            (None, failure) => {
                // Not kept: the disk may be back next time.
                self.lock().remove(&key);
                failure.map_or_else(|| self.source.read_tile(key).map(Arc::new), Err)
            }
        }
    }
}

fn is_one_tile(level: &Level, rect: RectPx) -> bool {
    let tile = level.tile_px;
    (rect.width, rect.height) == (tile.width, tile.height) && rect.x % tile.width == 0 && rect.y % tile.height == 0
}

type Span = std::ops::Range<u32>;

/// Columns and rows of the tiles that a rectangle touches.
fn covered(level: &Level, rect: RectPx) -> Result<(Span, Span), ImagingError> {
    let span = |at: u32, side: u32, tile: u32, size: u32| {
        let end = at.checked_add(side).filter(|end| *end <= size && side > 0);
        let outside = || ImagingError::OutOfRange {
            what: "pixel",
            index: u64::from(at) + u64::from(side),
            count: u64::from(size),
        };
        Ok(at / tile..end.ok_or_else(outside)?.div_ceil(tile))
    };
    let (size, tile) = (level.size_px, level.tile_px);
    Ok((span(rect.x, rect.width, tile.width, size.width)?, span(rect.y, rect.height, tile.height, size.height)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::{FrameInfo, ImageMeta, Samples};

    /// Pixel (x, y) is x + 10 y; a read of the tile `broken` fails once.
    struct Numbers {
        meta: ImageMeta,
        broken: Mutex<Option<TileKey>>,
        reads: std::sync::atomic::AtomicUsize,
    }

    impl ImageSource for Numbers {
        fn meta(&self) -> &ImageMeta {
            &self.meta
        }

        fn read_tile(&self, key: TileKey) -> Result<PixelBuffer, ImagingError> {
            self.reads.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            if self.broken.lock().unwrap().take_if(|broken| *broken == key).is_some() {
                return Err(ImagingError::OutOfRange { what: "disk", index: 0, count: 0 });
            }
            let rect = crate::imaging::frames::tile_rect(&self.meta.levels[0], key)?;
            let value = |i: u32| u8::try_from(rect.x + i % rect.width + 10 * (rect.y + i / rect.width)).unwrap();
            let samples = Samples::U8((0..rect.width * rect.height).map(value).collect());
            Ok(PixelBuffer { size_px: SizePx::new(rect.width, rect.height), channels: 1, samples })
        }

        fn read_associated(&self, _: &str) -> Result<PixelBuffer, ImagingError> {
            Err(ImagingError::OutOfRange { what: "associated image", index: 0, count: 0 })
        }
    }

    fn numbers() -> Arc<Numbers> {
        let level = Level { size_px: SizePx::new(10, 7), tile_px: SizePx::new(4, 3), downsample: 1.0 };
        let meta = ImageMeta { levels: vec![level], frames: vec![FrameInfo::default()], ..ImageMeta::default() };
        Arc::new(Numbers { meta, broken: Mutex::new(None), reads: 0.into() })
    }

    #[test]
    fn every_rectangle_holds_its_pixels_and_no_other_is_given() {
        let reader = PatchReader::new(numbers(), 1 << 20);
        for (y, height, x, width) in (0..7)
            .flat_map(|y| (1..=7 - y).map(move |h| (y, h)))
            .flat_map(|(y, h)| (0..10).flat_map(move |x| (1..=10 - x).map(move |w| (y, h, x, w))))
        {
            let rect = RectPx { x, y, width, height };
            let expected = (0..width * height).map(|i| u8::try_from(x + i % width + 10 * (y + i / width)).unwrap());
            let found = reader.read(0, 0, rect).unwrap();
            assert_eq!(found.samples, Samples::U8(expected.collect()), "{rect:?}");
            assert_eq!(found.size_px, SizePx::new(width, height));
        }
        for rect in [(9, 0, 2, 1), (0, 7, 1, 1), (0, 0, 0, 1), (u32::MAX, 0, 2, 1)] {
            let rect = RectPx { x: rect.0, y: rect.1, width: rect.2, height: rect.3 };
            assert!(reader.read(0, 0, rect).is_err(), "{rect:?}");
        }
    }

    #[test]
    fn a_tile_is_decoded_once_and_a_failure_is_tried_again() {
        let source = numbers();
        let reader = PatchReader::new(Arc::<Numbers>::clone(&source), 1 << 20);
        let rect = RectPx { x: 1, y: 1, width: 8, height: 5 };
        *source.broken.lock().unwrap() = Some(TileKey { frame: 0, level: 0, col: 1, row: 1 });
        assert!(reader.read(0, 0, rect).is_err());
        let first = reader.read(0, 0, rect).unwrap();
        let reads = source.reads.load(std::sync::atomic::Ordering::SeqCst);
        assert_eq!(reader.read(0, 0, rect).unwrap(), first);
        assert_eq!(source.reads.load(std::sync::atomic::Ordering::SeqCst), reads);
        // Six tiles, one of them read twice.
        assert_eq!(reads, 7);
    }
}
