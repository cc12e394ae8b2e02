//! TIFF and BigTIFF, native: Aperio SVS, OME-TIFF, generic pyramids, flat pages. Tiles are read one by one; only a page in
//! strips is decoded whole.
//!
//! Frames are what a file holds of one size: pages, the planes of an OME-TIFF by time, channel and depth (depth fastest),
//! and each channel of a grey page that has several.

mod aperio;
mod assemble;
mod coding;
mod ifd;
mod ndpi;
mod ome;
mod page;
mod samples;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

pub use ifd::is_tiff;

use super::{
    DisplayDefaults, FrameInfo, ImageMeta, ImageSource, ImageWarning, ImagingError, PixelBuffer,
    bytes::{ByteSource, MemoryBytes},
    fault::Fault,
    frames::{FrameCache, flat_level, level_of, tile_rect},
    guard::caught,
    limits, openslide,
    orientation::Orientation,
    values::window_of_values,
};
use crate::domain::{Field, Level, SizePx, Spacing, SpacingSource, TileKey};
use assemble::{Assembled, Frame, Opened, Part};
use coding::Photometric;
use ifd::{Directory, tag};
use ome::Ome;
use page::Page;

/// An opened TIFF file.
pub struct TiffImage {
    meta: ImageMeta,
    path: PathBuf,
    bytes: Arc<dyn ByteSource>,
    parts: Vec<Part>,
    frames: Vec<Frame>,
    /// How a picture is to be laid; `None` for a pyramid, whose tiles are handed out as stored.
    turn: Option<Orientation>,
    associated: Vec<(String, Page)>,
    cache: FrameCache,
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
    if let Some(vendor) = vendor(&*bytes, &dirs) {
        match openslide::open(path.clone(), Arc::clone(&bytes)) {
            // A plain pyramid is shown by our own reader where there is no library.
            Err(_) if vendor.is_plain_pyramid() => {}
            other => return other,
        }
    }
    Ok(Arc::new(TiffImage::open(path, bytes, &dirs)?))
}

/// The vendor whose files are more than a pyramid.
fn vendor(bytes: &dyn ByteSource, dirs: &[Directory]) -> Option<openslide::Vendor> {
    let first = dirs.first()?;
    let texts = dirs.iter().take(8).filter(|dir| dir.has(tag::XMP)).filter_map(|dir| dir.blob(bytes, tag::XMP).ok());
    openslide::of_tiff(&first.text(bytes, tag::SOFTWARE), &first.text(bytes, tag::IMAGE_DESCRIPTION), texts)
}

impl TiffImage {
    fn open(path: PathBuf, bytes: Arc<dyn ByteSource>, dirs: &[Directory]) -> Result<Self, Fault> {
        let first = dirs.first().ok_or_else(|| Fault::damaged("the TIFF file has no directory"))?;
        let base = Page::new(&*bytes, first)?;
        // A page in strips is read strip by strip when it is too large to be held, which its strips may be as well.
        if !base.tiled && (base.pieces_down() == 1 || dirs.len() > 1) {
            Fault::check_size("this image", base.decoded_bytes(), limits::FRAME_BYTES)?;
        }
        let description = first.text(&*bytes, tag::IMAGE_DESCRIPTION);
        let slide = aperio::Description::parse(&description);
        let ome = if ome::is_ome(&description) { Ome::parse(&description, dirs.len(), base.greys()) } else { None };
        let opened = Opened { path: &path, bytes: &bytes, dirs, base: &base };
        let listed = ome.as_ref().map(|text| opened.ome(text)).filter(|assembled| !assembled.frames.is_empty());
        let assembled = listed.unwrap_or_else(|| if slide.is_some() { opened.aperio() } else { opened.generic() });
        let Assembled { parts, frames, associated, unread } = assembled;
        let mut warnings = Vec::new();
        let turn = Orientation::new(first.number(&*bytes, tag::ORIENTATION)?);
        // A picture is turned whole. A pyramid stays as it is stored, which is how OpenSlide and what is built on it show
        // it: annotations are exchanged with those programs in stored coordinates.
        let flat = frames.iter().all(|frame| frame.levels.len() == 1);
        let alone = dirs.len() == 1 && frames.len() == 1;
        let small = base.decoded_bytes() <= limits::FRAME_BYTES;
        let turned = flat && (!base.tiled || (alone && !turn.is_as_stored() && small));
        if !turned && !turn.is_as_stored() {
            warnings.push(ImageWarning { code: "tiff-orientation-ignored", detail: String::new() });
        }
        if unread > 0 {
            warnings.push(ImageWarning { code: "tiff-pages-not-shown", detail: unread.to_string() });
        }
        let text = Text { slide: slide.as_ref(), ome: ome.as_ref() };
        let mut meta = describe(&*bytes, first, &frames, turned.then_some(turn), &text);
        meta.files = parts.iter().map(|part| part.path.clone()).collect();
        meta.associated = associated.iter().map(|(name, _)| name.clone()).collect();
        meta.warnings = warnings;
        let turn = turned.then_some(turn);
        let mut image = Self { meta, path, bytes, parts, frames, turn, associated, cache: FrameCache::default() };
        image.meta.display.window = image.default_window();
        Ok(image)
    }

    /// Grey deeper than 8 bits gets the window of its values, from the coarsest level of the first frame.
    fn default_window(&self) -> Option<super::Window> {
        if self.meta.channels != 1 || (self.meta.bits_stored <= 8 && !self.meta.signed) {
            return None;
        }
        let coarsest = u16::try_from(self.meta.levels.len().saturating_sub(1)).unwrap_or(0);
        let small = self.meta.levels.last().is_some_and(|l| l.size_px.area() <= limits::WINDOW_SAMPLE_PIXELS);
        let sample = if small || self.turn.is_some() { self.decode_page(0, coarsest).ok() } else { None };
        Some(window_of_values(sample.as_ref(), self.meta.bits_stored, self.meta.signed, (1.0, 0.0)))
    }

    /// A page and the file that it is in.
    fn page(&self, frame: u32, level: u16) -> Result<(&Part, &Page), ImagingError> {
        let count = self.frames.len() as u64;
        let none = || ImagingError::OutOfRange { what: "frame", index: u64::from(frame), count };
        let found = self.frames.get(frame as usize).ok_or_else(none)?;
        let part = self.parts.get(found.file as usize).ok_or_else(none)?;
        Ok((part, found.levels.get(usize::from(level)).ok_or_else(none)?))
    }

    fn decode_page(&self, frame: u32, level: u16) -> Result<PixelBuffer, ImagingError> {
        let (part, page) = self.page(frame, level)?;
        let pixels = guarded(&part.path, || whole(&*part.bytes, page))?;
        Ok(self.turn.unwrap_or(Orientation::AS_STORED).apply(pixels))
    }
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

/// Runs a decoder; what goes wrong, a panic included, is said of this file.
fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T, Fault>) -> Result<T, ImagingError> {
    caught(work).unwrap_or_else(|panic| Err(Fault::damaged(panic))).map_err(|fault| fault.at(path))
}

/// What the description of the first page turned out to be.
struct Text<'a> {
    slide: Option<&'a aperio::Description>,
    ome: Option<&'a Ome>,
}

/// All that the directories say; files, associated images and warnings are the caller's.
fn describe(
    bytes: &dyn ByteSource,
    first: &Directory,
    frames: &[Frame],
    turn: Option<Orientation>,
    text: &Text<'_>,
) -> ImageMeta {
    let pages = frames.first().map(|frame| frame.levels.as_slice()).unwrap_or_default();
    let base = pages.first();
    let turned = turn.unwrap_or(Orientation::AS_STORED);
    let full = base.map_or(SizePx::new(0, 0), |page| turned.size(page.size_px));
    let shape = |page: &Page| match (turn, page.tiled) {
        (None, true) => page.piece_px,
        _ => flat_level(turned.size(page.size_px)).tile_px,
    };
    let levels: Vec<Level> =
        pages.iter().map(|page| describe_level(full, turned.size(page.size_px), shape(page))).collect();
    let tiled = turn.is_none();
    let measured = text.slide.and_then(|slide| slide.spacing).or_else(|| text.ome.and_then(|ome| ome.spacing));
    let spacing = measured.or_else(|| resolution(bytes, first));
    let spacing = if turned.swaps_axes() {
        spacing.map(|s| Spacing { x_um: s.y_um, y_um: s.x_um, source: s.source })
    } else {
        spacing
    };
    let microscopy = tiled || text.ome.is_some();
    let pathology = text.slide.is_some() || (microscopy && (levels.len() > 1 || spacing.is_some()));
    let format = match text {
        Text { slide: Some(_), .. } => "Aperio SVS",
        Text { ome: Some(_), .. } => "OME-TIFF",
        _ if levels.len() > 1 && base.is_some_and(|page| page.tiled) => "tiled pyramidal TIFF",
        _ if levels.len() > 1 => "pyramidal TIFF",
        _ if tiled => "tiled TIFF",
        _ => "TIFF",
    };
    let frame = |frame: &Frame| FrameInfo { file: frame.file, ..FrameInfo::default() };
    ImageMeta {
        format: format.to_owned(),
        reader: "tiff (native)",
        field: if pathology { Field::Pathology } else { Field::Other },
        levels,
        frames: frames.iter().map(frame).collect(),
        channels: base.map_or(1, Page::channels),
        bits_stored: base.map_or(8, |page| page.bits.max(8)),
        signed: base.is_some_and(|page| page.signed),
        spacing,
        objective_power: match text {
            Text { slide: Some(slide), .. } => slide.objective_power,
            Text { ome, .. } => ome.and_then(|ome| ome.objective_power),
        },
        transfer_syntax: base.map(|page| page.compression.name().to_owned()),
        photometric: base.map_or_else(String::new, |page| page.photometric.name().to_owned()),
        icc: icc(bytes, first),
        display: DisplayDefaults {
            window: None,
            invert: base.is_some_and(|page| page.photometric == Photometric::WhiteIsZero),
            unit: None,
            ..DisplayDefaults::default()
        },
        ..ImageMeta::default()
    }
}

/// The colour profile of a directory, unchecked.
fn icc(bytes: &dyn ByteSource, dir: &Directory) -> Option<Arc<[u8]>> {
    // A profile that cannot be read is as good as none; the pixels are there all the same.
    dir.blob(bytes, tag::ICC_PROFILE).ok().filter(|profile| !profile.is_empty()).map(Arc::from)
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
        let (part, page) = self.page(key.frame, key.level)?;
        if self.turn.is_some() || !page.tiled {
            // Levels of a frame are kept apart in the cache, which knows frames alone.
            let count = u32::try_from(self.meta.levels.len()).unwrap_or(1);
            let place = key.frame.saturating_mul(count).saturating_add(u32::from(key.level));
            let decode = || self.decode_page(key.frame, key.level);
            return self.cache.tile(level, TileKey { frame: place, ..key }, decode);
        }
        let rect = tile_rect(level, key)?;
        let piece = guarded(&part.path, || page.read_piece(&*part.bytes, key.col, key.row))?;
        debug_assert_eq!((piece.size_px.width, piece.size_px.height), (rect.width, rect.height));
        Ok(piece)
    }

    fn reads_single_tiles(&self) -> bool {
        self.turn.is_none() && self.page(0, 0).is_ok_and(|(_, page)| page.tiled)
    }

    fn bands(&self) -> Option<Box<dyn super::bands::Bands + '_>> {
        let (part, page) = self.page(0, 0).ok()?;
        let in_order = !page.tiled && self.turn.is_none_or(Orientation::is_as_stored);
        in_order.then(|| -> Box<dyn super::bands::Bands + '_> { Box::new(StripRows { part, page, row: 0 }) })
    }

    fn read_associated(&self, name: &str) -> Result<PixelBuffer, ImagingError> {
        let page = associated(&self.associated, name)?;
        guarded(&self.path, || whole(&*self.bytes, page))
    }
}

/// The strips of a page from the top.
struct StripRows<'a> {
    part: &'a Part,
    page: &'a Page,
    row: u32,
}

impl super::bands::Bands for StripRows<'_> {
    fn next_band(&mut self) -> Result<Option<PixelBuffer>, ImagingError> {
        if self.row >= self.page.pieces_down() {
            return Ok(None);
        }
        let band = guarded(&self.part.path, || self.page.read_piece(&*self.part.bytes, 0, self.row))?;
        self.row += 1;
        Ok(Some(band))
    }
}
