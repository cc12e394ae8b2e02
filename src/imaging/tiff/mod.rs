//! TIFF and BigTIFF, native: Aperio SVS, generic tiled pyramids, flat pages. Tiles are read one by one; a whole level is
//! never in memory.

mod aperio;
mod ifd;
mod ndpi;
mod page;
mod samples;

use std::{path::PathBuf, sync::Arc};

pub use ifd::is_tiff;

use super::{
    DisplayDefaults, FrameInfo, Identity, ImageMeta, ImageSource, ImageWarning, ImagingError, PixelBuffer,
    bytes::{ByteSource, MemoryBytes},
    fault::Fault,
    frames::{FrameCache, flat_level, level_of, tile_rect},
    guard::caught,
    limits,
    orientation::Orientation,
    values::window_of_values,
};
use crate::domain::{Field, Level, SizePx, Spacing, SpacingSource, TileKey};
use ifd::{Directory, tag};
use page::{Page, Photometric};

/// An opened TIFF file.
pub struct TiffImage {
    meta: ImageMeta,
    path: PathBuf,
    bytes: Arc<dyn ByteSource>,
    pixels: Pixels,
    associated: Vec<(String, Page)>,
    cache: FrameCache,
}

enum Pixels {
    /// Tiles are pieces of the file; finest level first.
    Pyramid(Vec<Page>),
    /// Pages of one size, each decoded whole and laid the way its tag says.
    Flat(Vec<Page>, Orientation),
}

/// The Orientation tag of an EXIF block, which is a TIFF file of its own.
pub fn exif_orientation(exif: &[u8]) -> Option<u64> {
    let source = MemoryBytes::new(exif.to_vec());
    let dirs = is_tiff(exif).then(|| ifd::directories(&source).ok())??;
    dirs.first()?.number(&source, tag::ORIENTATION).ok()?
}

/// Opens a file of the TIFF family: NDPI by its flag, anything else as TIFF.
///
/// # Errors
/// As [`super::open`].
pub fn open(path: PathBuf, bytes: Arc<dyn ByteSource>) -> Result<Arc<dyn ImageSource>, Fault> {
    let dirs = ifd::directories(&*bytes)?;
    if dirs.first().is_some_and(|first| first.has(tag::NDPI_FORMAT)) {
        return Ok(Arc::new(ndpi::Ndpi::open(path, bytes, &dirs)?));
    }
    Ok(Arc::new(TiffImage::open(path, bytes, &dirs)?))
}

impl TiffImage {
    fn open(path: PathBuf, bytes: Arc<dyn ByteSource>, dirs: &[Directory]) -> Result<Self, Fault> {
        let first = dirs.first().ok_or_else(|| Fault::damaged("the TIFF file has no directory"))?;
        let base = Page::new(&*bytes, first)?;
        let description = first.text(&*bytes, tag::IMAGE_DESCRIPTION);
        let slide = aperio::Description::parse(&description);
        let mut warnings = Vec::new();
        let turn = Orientation::new(first.number(&*bytes, tag::ORIENTATION)?);
        // A picture is turned whole. A pyramid stays as it is stored, which is how OpenSlide and what is built on it show
        // it: annotations are exchanged with those programs in stored coordinates.
        let alone = dirs.len() == 1 && first.children(&*bytes).is_empty();
        let turned_whole = alone && !turn.is_as_stored() && base.decoded_bytes() <= limits::FRAME_BYTES;
        if base.tiled && !turn.is_as_stored() && !turned_whole {
            warnings.push(ImageWarning { code: "tiff-orientation-ignored", detail: String::new() });
        }
        let (mut levels, mut frames, mut associated, mut unread) =
            (vec![base.clone()], vec![base.clone()], Vec::new(), 0);
        for (index, dir) in dirs.iter().enumerate().skip(1) {
            let page = Page::new(&*bytes, dir);
            if slide.is_some() {
                match page {
                    Ok(page) if page.tiled => levels.push(page),
                    Ok(page) => associated.push((aperio::associated_name(&*bytes, dir, index), page)),
                    Err(_) => unread += 1,
                }
                continue;
            }
            match page {
                Ok(page) if base.tiled && is_reduction(&base, &page) => levels.push(page),
                Ok(page) if !base.tiled && same_kind(&base, &page) => frames.push(page),
                _ => unread += 1,
            }
        }
        for dir in if base.tiled { first.children(&*bytes) } else { Vec::new() } {
            match Page::new(&*bytes, &dir) {
                Ok(page) if is_reduction(&base, &page) => levels.push(page),
                _ => unread += 1,
            }
        }
        if unread > 0 {
            warnings.push(ImageWarning { code: "tiff-pages-not-shown", detail: unread.to_string() });
        }
        let pixels = if base.tiled && !turned_whole {
            levels.sort_by_key(|page| std::cmp::Reverse(page.size_px.area()));
            levels.dedup_by(|later, earlier| later.size_px == earlier.size_px);
            Pixels::Pyramid(levels)
        } else {
            Fault::check_size("this image", base.decoded_bytes(), limits::FRAME_BYTES)?;
            Pixels::Flat(frames, turn)
        };
        let meta = describe(&path, &*bytes, first, &pixels, slide.as_ref(), (&associated, warnings));
        let mut image = Self { meta, path, bytes, pixels, associated, cache: FrameCache::default() };
        image.meta.display.window = image.default_window();
        Ok(image)
    }

    /// Grey deeper than 8 bits gets the window of its values, from the coarsest level or the first page.
    fn default_window(&self) -> Option<super::Window> {
        if self.meta.channels != 1 || (self.meta.bits_stored <= 8 && !self.meta.signed) {
            return None;
        }
        let sample = match &self.pixels {
            Pixels::Pyramid(levels) => {
                let coarsest = levels.last().filter(|page| page.size_px.area() <= limits::WINDOW_SAMPLE_PIXELS);
                coarsest.and_then(|page| self.guarded(|| whole(&*self.bytes, page)).ok())
            }
            Pixels::Flat(..) => self.decode_page(0).ok(),
        };
        Some(window_of_values(sample.as_ref(), self.meta.bits_stored, self.meta.signed, (1.0, 0.0)))
    }

    fn guarded<T>(&self, work: impl FnOnce() -> Result<T, Fault>) -> Result<T, ImagingError> {
        caught(work).unwrap_or_else(|panic| Err(Fault::damaged(panic))).map_err(|fault| fault.at(&self.path))
    }

    fn decode_page(&self, frame: u32) -> Result<PixelBuffer, ImagingError> {
        let Pixels::Flat(pages, turn) = &self.pixels else {
            return Err(ImagingError::OutOfRange { what: "frame", index: u64::from(frame), count: 1 });
        };
        let count = pages.len() as u64;
        let page = pages.get(frame as usize);
        let page = page.ok_or(ImagingError::OutOfRange { what: "frame", index: u64::from(frame), count })?;
        self.guarded(|| whole(&*self.bytes, page)).map(|pixels| turn.apply(pixels))
    }
}

/// A page that shows the same field smaller: tiled, coarser, the same shape within a pixel of rounding.
fn is_reduction(base: &Page, page: &Page) -> bool {
    let (bw, bh) = (f64::from(base.size_px.width), f64::from(base.size_px.height));
    let (w, h) = (f64::from(page.size_px.width), f64::from(page.size_px.height));
    let off = (w * bh - h * bw).abs();
    // Each level may round its size down or up by one pixel, so the cross product may be off by one side of each.
    page.tiled && w < bw && h < bh && page.channels() == base.channels() && off <= bw.max(bh) * 2.0
}

fn same_kind(base: &Page, page: &Page) -> bool {
    page.size_px == base.size_px
        && page.channels() == base.channels()
        && (page.bits, page.signed, page.photometric) == (base.bits, base.signed, base.photometric)
}

/// The page of an associated image, or `OutOfRange`.
fn associated<'a>(all: &'a [(String, Page)], name: &str) -> Result<&'a Page, ImagingError> {
    let found = all.iter().find(|(own, _)| own == name).map(|(_, page)| page);
    let count = all.len() as u64;
    found.ok_or(ImagingError::OutOfRange { what: "associated image of that name", index: 0, count })
}

/// A whole page, for flat images and associated images only.
fn whole(source: &dyn ByteSource, page: &Page) -> Result<PixelBuffer, Fault> {
    Fault::check_size("this image", page.decoded_bytes(), limits::FRAME_BYTES)?;
    let mut canvas = super::canvas::Canvas::new(page.size_px);
    for row in 0..page.pieces_down() {
        for col in 0..page.pieces_across() {
            let piece = page.read_piece(source, col, row)?;
            canvas.put(&piece, col * page.piece_px.width, row * page.piece_px.height)?;
        }
    }
    canvas.finish()
}

fn describe(
    path: &std::path::Path,
    bytes: &dyn ByteSource,
    first: &Directory,
    pixels: &Pixels,
    slide: Option<&aperio::Description>,
    (associated, warnings): (&[(String, Page)], Vec<ImageWarning>),
) -> ImageMeta {
    let pages = match pixels {
        Pixels::Pyramid(pages) | Pixels::Flat(pages, _) => pages,
    };
    let turn = if let Pixels::Flat(_, turn) = pixels { *turn } else { Orientation::AS_STORED };
    let (tiled, frame_count) = match pixels {
        Pixels::Pyramid(_) => (true, 1),
        Pixels::Flat(pages, _) => (false, pages.len()),
    };
    let base = pages.first();
    let full = base.map_or(SizePx::new(0, 0), |page| turn.size(page.size_px));
    let levels: Vec<Level> = if tiled {
        pages.iter().map(|page| describe_level(full, page.size_px, page.piece_px)).collect()
    } else {
        vec![flat_level(full)]
    };
    let spacing = slide.and_then(|slide| slide.spacing).or_else(|| resolution(bytes, first));
    let spacing =
        spacing.map(|s| if turn.swaps_axes() { Spacing { x_um: s.y_um, y_um: s.x_um, source: s.source } } else { s });
    let field = if slide.is_some() || (tiled && (levels.len() > 1 || spacing.is_some())) {
        Field::Pathology
    } else {
        Field::Other
    };
    let format = match (slide, tiled) {
        (Some(_), _) => "Aperio SVS",
        (None, true) if levels.len() > 1 => "tiled pyramidal TIFF",
        (None, true) => "tiled TIFF",
        (None, false) => "TIFF",
    };
    ImageMeta {
        format: format.to_owned(),
        reader: "tiff (native)",
        field,
        levels,
        frames: vec![FrameInfo { rescale: (1.0, 0.0), pose: None, file: 0, windows: Vec::new() }; frame_count],
        channels: base.map_or(1, Page::channels),
        bits_stored: base.map_or(8, |page| page.bits.max(8)),
        signed: base.is_some_and(|page| page.signed),
        spacing,
        objective_power: slide.and_then(|slide| slide.objective_power),
        transfer_syntax: base.map(|page| page.compression.name().to_owned()),
        photometric: base.map_or_else(String::new, |page| page.photometric.name().to_owned()),
        display: DisplayDefaults {
            window: None,
            invert: base.is_some_and(|page| page.photometric == Photometric::WhiteIsZero),
            unit: None,
        },
        associated: associated.iter().map(|(name, _)| name.clone()).collect(),
        warnings,
        files: vec![path.to_path_buf()],
        identity: Identity::default(),
    }
}

fn describe_level(full: SizePx, size_px: SizePx, tile_px: SizePx) -> Level {
    let across = f64::from(full.width) / f64::from(size_px.width);
    let down = f64::from(full.height) / f64::from(size_px.height);
    Level { size_px, tile_px, downsample: f64::midpoint(across, down) }
}

/// Resolution tags as a spacing. Print resolutions (72, 300, 600 dpi) say nothing about the specimen, so only values
/// finer than 20 µm a pixel are taken for a measurement.
fn resolution(bytes: &dyn ByteSource, dir: &Directory) -> Option<Spacing> {
    let unit_um = match dir.number(bytes, tag::RESOLUTION_UNIT).ok()?.unwrap_or(2) {
        2 => 25_400.0,
        3 => 10_000.0,
        _ => return None,
    };
    let side = |tag| dir.rational(bytes, tag).filter(|per_unit| *per_unit > 0.0).map(|per_unit| unit_um / per_unit);
    let (x_um, y_um) = (side(tag::X_RESOLUTION)?, side(tag::Y_RESOLUTION)?);
    let plausible = |um: f64| um > 0.001 && um < 20.0;
    (plausible(x_um) && plausible(y_um)).then_some(Spacing { x_um, y_um, source: SpacingSource::TiffResolution })
}

impl ImageSource for TiffImage {
    fn meta(&self) -> &ImageMeta {
        &self.meta
    }

    fn read_tile(&self, key: TileKey) -> Result<PixelBuffer, ImagingError> {
        let level = level_of(&self.meta.levels, key)?;
        match &self.pixels {
            Pixels::Flat(..) => self.cache.tile(level, key, || self.decode_page(key.frame)),
            Pixels::Pyramid(pages) => {
                let rect = tile_rect(level, key)?;
                let count = pages.len() as u64;
                let none = || ImagingError::OutOfRange { what: "level", index: u64::from(key.level), count };
                if key.frame > 0 {
                    return Err(ImagingError::OutOfRange { what: "frame", index: u64::from(key.frame), count: 1 });
                }
                let page = pages.get(usize::from(key.level)).ok_or_else(none)?;
                let piece = self.guarded(|| page.read_piece(&*self.bytes, key.col, key.row))?;
                debug_assert_eq!((piece.size_px.width, piece.size_px.height), (rect.width, rect.height));
                Ok(piece)
            }
        }
    }

    fn read_associated(&self, name: &str) -> Result<PixelBuffer, ImagingError> {
        let page = associated(&self.associated, name)?;
        self.guarded(|| whole(&*self.bytes, page))
    }
}
