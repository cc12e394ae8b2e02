//! From the tiles at hand to the picture: sharp tiles where they are, the best stand-in where they are not, never black
//! when anything at all of the place is known.

use std::{
    collections::{BTreeSet, HashSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use super::{
    demand::{self, Wanted},
    tiles::Tiles,
};
use crate::{
    domain::{Level, TileKey},
    project::tiles::{DisplayState, FrameInfo, GreyMap, ImageMeta, Ramp, Samples},
    render::{GreyRamp, TileDraw, TileId, TileImage, TileSamples},
};

/// Finer tiles that stand in while a coarser level loads after zooming out.
const MOST_FINER: usize = 64;

/// What the composition looks at.
pub struct Source<'a> {
    pub image: u64,
    pub meta: &'a ImageMeta,
    pub display: &'a DisplayState,
    /// The window is what the file asks for, frame by frame.
    pub follows: bool,
    /// Sharp tiles that are on the card already; others may wait for a frame or two and want something beneath.
    pub on_card: &'a HashSet<TileId>,
}

/// Tiles in painting order, and how complete the picture is.
#[derive(Default)]
pub struct Composition {
    pub tiles: Vec<TileDraw>,
    /// Tiles at hand that the next frames will want on the card, most important first.
    pub prefetch: Vec<TileDraw>,
    /// Sharp tiles still to come.
    pub missing: usize,
    /// Visible tiles that can't be read.
    pub failed: Vec<TileKey>,
}

/// Composes a frame's picture.
pub fn compose(source: &Source<'_>, wanted: &Wanted, tiles: &mut Tiles) -> Composition {
    let levels = &source.meta.levels;
    let mut out = Composition::default();
    let mut sharp: Vec<TileKey> = Vec::new();
    let mut beneath: BTreeSet<TileKey> = BTreeSet::new();
    for key in &wanted.visible {
        let ready = tiles.has(key);
        if ready {
            sharp.push(*key);
        } else if tiles.failure(key).is_some() {
            out.failed.push(*key);
        } else {
            out.missing += 1;
        }
        if !ready || !source.on_card.contains(&source.id(*key)) {
            stand_ins(levels, *key, tiles, &mut beneath);
        }
    }
    // Level numbers fall from coarse to fine, and so does the painting order; finer than sharp goes under sharp too.
    let order = beneath.iter().rev().chain(sharp.iter());
    for key in order {
        out.tiles.extend(take(source, *key, tiles));
    }
    for key in wanted.coarse.iter().chain(&wanted.base).chain(&wanted.ahead) {
        out.prefetch.extend(take(source, *key, tiles));
    }
    out
}

impl Source<'_> {
    /// What a tile is called on the card. Levels that went through a map are other tiles than the samples they came from.
    fn id(&self, key: TileKey) -> TileId {
        id(self.image ^ self.map_of(key.frame), key)
    }

    /// How a frame is shown.
    fn display_of(&self, frame: u32) -> DisplayState {
        if self.follows { DisplayState { window: self.meta.window_of(frame), ..*self.display } } else { *self.display }
    }

    /// A number for the frame's grey map where no ramp describes it, else 0.
    fn map_of(&self, frame: u32) -> u64 {
        let Some(info) = self.meta.frames.get(frame as usize).filter(|_| self.meta.channels == 1) else { return 0 };
        if info.grey.is_none() && !self.display.sigmoid {
            return 0;
        }
        let display = self.display_of(frame);
        if GreyMap::new(&Samples::U16(Vec::new()), 1, info, &display).ramp().is_some() {
            return 0;
        }
        let DisplayState { window, invert, sigmoid } = display;
        let mut hasher = DefaultHasher::new();
        (window.map(|w| (w.center.to_bits(), w.width.to_bits())), invert, sigmoid, frame).hash(&mut hasher);
        hasher.finish() | 1 << 63
    }
}

/// A tile at hand as the renderer takes it.
fn take(source: &Source<'_>, key: TileKey, tiles: &mut Tiles) -> Option<TileDraw> {
    let map = source.map_of(key.frame);
    let info = source.meta.frames.get(key.frame as usize).filter(|_| map != 0);
    let Some(info) = info else { return tiles.take(&key).map(|image| draw(source, key, image)) };
    let image = tiles.take_mapped(&key, map, |image| levels_of(image, info, &source.display_of(key.frame)))?;
    Some(TileDraw { id: source.id(key), grey: GreyRamp::IDENTITY, ..draw(source, key, image) })
}

/// The samples of a tile as levels of grey, by the CPU pipeline: tables, sigmoid and padding are no straight line.
fn levels_of(image: &TileImage, frame: &FrameInfo, display: &DisplayState) -> Option<TileImage> {
    let (kind, first, count) = match image.samples() {
        TileSamples::Rgba8(_) => return None,
        TileSamples::Grey8(_) => (Samples::U8(Vec::new()), 0, 1 << 8),
        TileSamples::GreyU16(_) => (Samples::U16(Vec::new()), 0, 1 << 16),
        TileSamples::GreyI16(_) => (Samples::I16(Vec::new()), -32_768, 1 << 16),
    };
    let map = GreyMap::new(&kind, 1, frame, display);
    let (zero, one) = (image.stored_of(first), image.stored_of(first + 1));
    if let Some(colours) = map.colours(zero, one - zero, count) {
        let at = |index: u16| colours.get(usize::from(index)).copied().unwrap_or_default();
        let rgb: Vec<[u8; 3]> = match image.samples() {
            TileSamples::Rgba8(_) => return None,
            TileSamples::Grey8(v) => v.iter().map(|raw| at(u16::from(*raw))).collect(),
            TileSamples::GreyU16(v) => v.iter().map(|raw| at(*raw)).collect(),
            TileSamples::GreyI16(v) => v.iter().map(|raw| at(raw.cast_unsigned() ^ 0x8000)).collect(),
        };
        return TileImage::from_rgb(image.size_px(), rgb.as_flattened());
    }
    let table = map.table(zero, one - zero, count);
    let at = |table: &[u8], index: u16| table.get(usize::from(index)).copied().unwrap_or_default();
    let levels = match image.samples() {
        TileSamples::Rgba8(_) => return None,
        TileSamples::Grey8(v) => v.iter().map(|raw| at(&table, u16::from(*raw))).collect(),
        TileSamples::GreyU16(v) => v.iter().map(|raw| at(&table, *raw)).collect(),
        TileSamples::GreyI16(v) => v.iter().map(|raw| at(&table, raw.cast_unsigned() ^ 0x8000)).collect(),
    };
    TileImage::new(image.size_px(), TileSamples::Grey8(levels))
}

/// A tile as the renderer takes it.
pub fn draw(source: &Source<'_>, key: TileKey, image: Arc<TileImage>) -> TileDraw {
    let levels = &source.meta.levels;
    let tile_px = levels.get(usize::from(key.level)).map_or([0, 0], |l| [l.tile_px.width, l.tile_px.height]);
    let grey = source
        .meta
        .frames
        .get(key.frame as usize)
        .map_or(GreyRamp::IDENTITY, |f| ramp(&image, f, &source.display_of(key.frame)));
    TileDraw {
        id: id(source.image, key),
        origin_texel: [key.col * tile_px[0], key.row * tile_px[1]],
        scale: demand::texel_px(levels, key.level),
        grey,
        image,
    }
}

pub fn id(image: u64, key: TileKey) -> TileId {
    TileId { image, frame: key.frame, level: key.level, col: key.col, row: key.row }
}

/// The ramp of the CPU pipeline for this tile's kind of samples.
fn ramp(image: &TileImage, frame: &FrameInfo, display: &DisplayState) -> GreyRamp {
    let kind = match image.samples() {
        TileSamples::Rgba8(_) | TileSamples::Grey8(_) => Samples::U8(Vec::new()),
        TileSamples::GreyU16(_) => Samples::U16(Vec::new()),
        TileSamples::GreyI16(_) => Samples::I16(Vec::new()),
    };
    let channels = if matches!(image.samples(), TileSamples::Rgba8(_)) { 4 } else { 1 };
    let Ramp { zero_at, per_step, invert } = Ramp::new(&kind, channels, frame, display);
    image.ramp_over_raw(GreyRamp { zero_at, per_step, invert })
}

/// The nearest coarser tiles that cover this one's place, and failing those the finer ones that are at hand.
fn stand_ins(levels: &[Level], key: TileKey, tiles: &Tiles, out: &mut BTreeSet<TileKey>) {
    let Some(area) = demand::tile_box(levels, key) else { return };
    let count = u16::try_from(levels.len()).unwrap_or(u16::MAX);
    for level in key.level + 1..count {
        let cover = demand::tiles_in(levels, level, key.frame, area, 0);
        let whole = cover.iter().all(|k| tiles.has(k));
        out.extend(cover.into_iter().filter(|k| tiles.has(k)));
        if whole {
            return;
        }
    }
    if let Some(finer) = key.level.checked_sub(1) {
        let cover = demand::tiles_in(levels, finer, key.frame, area, 0);
        let at_hand = cover.into_iter().filter(|k| tiles.has(k));
        out.extend(at_hand.take(MOST_FINER.saturating_sub(out.len())));
    }
}

#[cfg(test)]
mod tests {
    use super::{GreyRamp, Source, TileSamples, compose, take};
    use crate::{
        domain::{Field, Level, SizePx, TileKey},
        gui::viewport::{
            demand,
            tiles::{Tiles, tile_image},
        },
        project::tiles::{DisplayState, FrameInfo, GreyRules, ImageMeta, Lut, PixelBuffer, Samples, to_rgba8},
    };
    use std::{collections::HashSet, sync::Arc};

    fn meta() -> ImageMeta {
        let level = |downsample: f64, side: u32| Level {
            size_px: SizePx::new(side, side),
            tile_px: SizePx::new(256, 256),
            downsample,
        };
        ImageMeta {
            format: "test".to_owned(),
            reader: "test",
            field: Field::Pathology,
            levels: vec![level(1.0, 4096), level(2.0, 2048), level(4.0, 1024), level(16.0, 256)],
            frames: vec![FrameInfo::default()],
            channels: 3,
            photometric: "RGB".to_owned(),
            ..ImageMeta::default()
        }
    }

    fn put(tiles: &mut Tiles, level: u16, col: u32, row: u32) {
        let pixels =
            PixelBuffer { size_px: SizePx::new(256, 256), channels: 3, samples: Samples::U8(vec![9; 256 * 256 * 3]) };
        tiles.add(TileKey { frame: 0, level, col, row }, Arc::new(tile_image(&pixels).unwrap()));
    }

    #[test]
    fn coarse_lies_under_sharp_and_covers_what_is_missing() {
        let meta = meta();
        let mut tiles = Tiles::new(64 << 20);
        let look = demand::Look {
            levels: &meta.levels,
            frame: 0,
            frames: 1,
            seen: demand::Seen([[0.0, 0.0], [2048.0, 0.0], [2048.0, 2048.0], [0.0, 2048.0]]),
            px_per_screen_px: 2.0,
            direction: 1,
            soon: None,
        };
        let wanted = demand::wanted(&look);
        assert_eq!((wanted.level, wanted.visible.len()), (1, 16));
        put(&mut tiles, 3, 0, 0);
        put(&mut tiles, 1, 0, 0);
        // Level 2 knows only the upper left quarter.
        put(&mut tiles, 2, 0, 0);
        put(&mut tiles, 0, 15, 15);
        let display = DisplayState::default();
        let source = Source { image: 5, meta: &meta, display: &display, follows: false, on_card: &HashSet::new() };
        let picture = compose(&source, &wanted, &mut tiles);
        let order: Vec<u16> = picture.tiles.iter().map(|t| t.id.level).collect();
        assert_eq!(order, [3, 2, 1]);
        assert_eq!((picture.missing, picture.failed.len()), (15, 0));

        // Zooming out: only finer tiles are at hand.
        let mut tiles = Tiles::new(64 << 20);
        put(&mut tiles, 0, 0, 0);
        let picture = compose(&source, &wanted, &mut tiles);
        assert_eq!(picture.tiles.iter().map(|t| t.id.level).collect::<Vec<_>>(), [0]);
        tiles.fail(TileKey { frame: 0, level: 1, col: 3, row: 3 }, "broken".to_owned());
        assert_eq!(compose(&source, &wanted, &mut tiles).failed.len(), 1);
    }

    /// A mammogram's own table is no window: what is drawn are the levels of the CPU pipeline, and the samples stay at hand.
    #[test]
    fn a_lookup_table_is_drawn_as_the_cpu_pipeline_has_it() {
        let lut = Lut { first: 0, entries: (0..4096_u16).rev().collect(), bits: 12 };
        let rules = GreyRules { voi_luts: vec![lut], ..GreyRules::default() };
        let frame = FrameInfo { grey: Some(Arc::new(rules)), ..FrameInfo::default() };
        let size_px = SizePx::new(256, 256);
        let levels = vec![Level { size_px, tile_px: size_px, downsample: 1.0 }];
        let meta = ImageMeta { levels, frames: vec![frame], channels: 1, bits_stored: 12, ..ImageMeta::default() };
        let stored: Vec<u16> = (0..65_536_u32).map(|i| (i % 4096) as u16).collect();
        let pixels = PixelBuffer { size_px, channels: 1, samples: Samples::U16(stored) };
        let key = TileKey { frame: 0, level: 0, col: 0, row: 0 };
        let mut tiles = Tiles::new(64 << 20);
        tiles.add(key, Arc::new(tile_image(&pixels).unwrap()));
        let mut ids = HashSet::new();
        for display in [DisplayState::default(), DisplayState { invert: true, ..DisplayState::default() }] {
            let source = Source { image: 5, meta: &meta, display: &display, follows: false, on_card: &HashSet::new() };
            let drawn = take(&source, key, &mut tiles).unwrap();
            let TileSamples::Grey8(shown) = drawn.image.samples() else { panic!("levels") };
            let expected = to_rgba8(&pixels, &meta.frames[0], &display);
            assert!(shown.iter().zip(expected.chunks_exact(4)).all(|(level, rgba)| *level == rgba[0]));
            assert_eq!(drawn.grey, GreyRamp::IDENTITY);
            ids.insert(drawn.id);
        }
        assert_eq!(ids.len(), 2, "another display is another tile on the card");
        assert_eq!(tiles.peek(&key).unwrap().grey_at(9, 0), Some(9));
        // A chosen window is a ramp over the samples again.
        let window = Some(crate::project::tiles::Window { center: 2048.0, width: 4096.0 });
        let display = DisplayState { window, ..DisplayState::default() };
        let source = Source { image: 5, meta: &meta, display: &display, follows: false, on_card: &HashSet::new() };
        let drawn = take(&source, key, &mut tiles).unwrap();
        assert!(matches!(drawn.image.samples(), TileSamples::GreyU16(_)) && drawn.id.image == 5);
    }
}
