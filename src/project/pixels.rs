//! Images without a project: what `inspect` and `render` of the command line ask for.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    domain::{RectPx, SizePx, SpacingSource, TileKey},
    imaging::{self, ImagingError, Samples, display},
};

pub use crate::imaging::{
    FrameInfo, ImageMeta, ImageSource, KNOWN_FORMATS, KnownFormat, PixelBuffer, Timing, TimingSource, Verified, Window,
    display::DisplayState,
};

/// The images under a file or folder, and what there is no image, with the reason.
#[derive(Default)]
pub struct Found {
    pub images: Vec<Arc<dyn ImageSource>>,
    pub skipped: Vec<(PathBuf, String)>,
}

/// Opens a file, or everything in a folder.
///
/// # Errors
/// The reader's, for a file; for a folder, that it holds no image.
pub fn look_at(path: &Path) -> Result<Found, ImagingError> {
    if !path.is_dir() {
        return Ok(Found { images: vec![imaging::open(path)?], skipped: Vec::new() });
    }
    let scanned = imaging::scan(&[path.to_path_buf()], &crate::tasks::Progress::new(), &crate::tasks::Cancel::new());
    let scanned = scanned.unwrap_or_default();
    if scanned.images.is_empty() {
        let reason = match scanned.skipped.as_slice() {
            [] => "the folder is empty".to_owned(),
            [one] => format!("its only file is none: {}", one.reason),
            [first, ..] => format!("none of its {} files is one; the first: {}", scanned.skipped.len(), first.reason),
        };
        return Err(ImagingError::Unsupported {
            path: path.to_path_buf(),
            reason,
            hint: "Choose a folder with DICOM, SVS, TIFF, PNG, JPEG or BMP files.".to_owned(),
        });
    }
    Ok(Found {
        images: scanned.images.into_iter().map(|image| image.source).collect(),
        skipped: scanned.skipped.into_iter().map(|skipped| (skipped.path, skipped.reason)).collect(),
    })
}

/// Opens one image to render: a file, or a folder that holds one image (the largest stack when there are more).
///
/// # Errors
/// As [`look_at`].
pub fn open_one(path: &Path) -> Result<Arc<dyn ImageSource>, ImagingError> {
    let found = look_at(path)?;
    let largest = found.images.into_iter().max_by_key(|image| image.meta().frames.len());
    largest.ok_or(ImagingError::OutOfRange { what: "image", index: 0, count: 0 })
}

/// What of an image is to be rendered.
#[derive(Clone, Debug, Default)]
pub struct RenderRequest {
    pub level: u16,
    /// In pixels of that level; `None` is the whole level.
    pub region: Option<RectPx>,
    /// Size of the result; `None` keeps one pixel per pixel.
    pub size: Option<SizePx>,
    pub frame: u32,
    /// `None`: as the file asks to be shown.
    pub window: Option<Window>,
    /// Render this associated image instead.
    pub associated: Option<String>,
    /// Colours as stored, not through the image's profile to sRGB.
    pub stored_colours: bool,
}

/// Rendered pixels, 4 bytes each.
pub struct Rendered {
    pub size_px: SizePx,
    pub rgba: Vec<u8>,
}

/// The largest picture that is rendered at once.
const LARGEST_BYTES: u64 = 1 << 30;

/// Decodes a region tile by tile and shows it by the CPU pipeline.
///
/// # Errors
/// `OutOfRange` for a level, frame or region that the image does not have; `TooLarge`; the reader's errors.
pub fn render(source: &dyn ImageSource, request: &RenderRequest) -> Result<Rendered, ImagingError> {
    let meta = source.meta();
    let frame_count = meta.frames.len() as u64;
    let no_frame = ImagingError::OutOfRange { what: "frame", index: u64::from(request.frame), count: frame_count };
    let frame = meta.frames.get(request.frame as usize).ok_or(no_frame)?;
    let state = DisplayState {
        window: request.window.or_else(|| meta.window_of(request.frame)),
        invert: meta.display.invert,
        sigmoid: meta.display.sigmoid,
    };
    if let Some(name) = &request.associated {
        let pixels = source.read_associated(name)?;
        return Ok(finish(display::to_rgba8(&pixels, frame, &state), pixels.size_px, request.size));
    }
    let level_count = meta.levels.len() as u64;
    let no_level = ImagingError::OutOfRange { what: "level", index: u64::from(request.level), count: level_count };
    let level = *meta.levels.get(usize::from(request.level)).ok_or(no_level)?;
    let whole = RectPx { x: 0, y: 0, width: level.size_px.width, height: level.size_px.height };
    let region = request.region.unwrap_or(whole);
    let edge = |at: u32, side: u32| at.saturating_add(side);
    let (right, bottom) = (edge(region.x, region.width), edge(region.y, region.height));
    if right > level.size_px.width || bottom > level.size_px.height || region.width == 0 || region.height == 0 {
        let size = level.size_px;
        return Err(ImagingError::Unsupported {
            path: meta.files.first().cloned().unwrap_or_default(),
            reason: format!(
                "the region does not lie inside level {} of {} × {}",
                request.level, size.width, size.height
            ),
            hint: "Give --region X,Y,WIDTH,HEIGHT in pixels of that level.".to_owned(),
        });
    }
    let size_px = SizePx::new(region.width, region.height);
    let largest = size_px.area().max(request.size.map_or(0, SizePx::area)) * 4;
    if largest > LARGEST_BYTES {
        let path = meta.files.first().cloned().unwrap_or_default();
        let what = "this picture; a coarser --level or a --region makes it smaller, it".to_owned();
        return Err(ImagingError::TooLarge { path, what, needed_bytes: largest, limit_bytes: LARGEST_BYTES });
    }
    // A profile that cannot be used leaves the colours as stored; `inspect` and the window say so.
    let profile = meta.icc.as_ref().filter(|_| meta.channels >= 3 && !request.stored_colours);
    let profile = profile.and_then(|p| display::IccTable::new(p, None).ok()).filter(|table| !table.is_neutral());
    let mut rgba = vec![0; usize::try_from(size_px.area() * 4).unwrap_or(0)];
    for row in region.y / level.tile_px.height..bottom.div_ceil(level.tile_px.height) {
        for col in region.x / level.tile_px.width..right.div_ceil(level.tile_px.width) {
            let key = TileKey { frame: request.frame, level: request.level, col, row };
            let pixels = match source.read_tile(key) {
                Err(ImagingError::NotYet) => {
                    source.prepare()?;
                    source.read_tile(key)?
                }
                read => read?,
            };
            let mut shown = display::to_rgba8(&pixels, frame, &state);
            if !state.invert {
                display::ColourState::default().paint(&mut shown, profile.as_ref());
            }
            let origin = (i64::from(col * level.tile_px.width), i64::from(row * level.tile_px.height));
            let at = (origin.0 - i64::from(region.x), origin.1 - i64::from(region.y));
            blit(&mut rgba, size_px, &shown, pixels.size_px, at);
        }
    }
    // What lies over the pixels is in level-0 pixels; images that have such a thing have one level.
    if let Some(cover) = source.cover(request.frame)?.filter(|_| request.level == 0) {
        let marks = cover.to_rgba8();
        for (y, line) in (region.y as usize..).zip(rgba.chunks_exact_mut(region.width as usize * 4)) {
            let from = (y * cover.size_px.width as usize + region.x as usize) * 4;
            let over = marks.get(from..from + line.len()).unwrap_or_default();
            for (to, mark) in line.as_chunks_mut::<4>().0.iter_mut().zip(over.as_chunks::<4>().0) {
                if mark[3] == u8::MAX {
                    *to = *mark;
                }
            }
        }
    }
    Ok(finish(rgba, size_px, request.size))
}

fn finish(rgba: Vec<u8>, from: SizePx, to: Option<SizePx>) -> Rendered {
    match to {
        Some(size_px) if size_px != from => Rendered { rgba: display::resize_rgba8(&rgba, from, size_px), size_px },
        _ => Rendered { size_px: from, rgba },
    }
}

/// Copies a tile to a place that may lie partly outside.
fn blit(to: &mut [u8], size: SizePx, from: &[u8], tile: SizePx, at: (i64, i64)) {
    let left = at.0.max(0);
    let right = (at.0 + i64::from(tile.width)).min(i64::from(size.width));
    for y in at.1.max(0)..(at.1 + i64::from(tile.height)).min(i64::from(size.height)) {
        if right <= left {
            return;
        }
        let start =
            |row: i64, stride: u32, x: i64| usize::try_from((row * i64::from(stride) + x) * 4).unwrap_or(usize::MAX);
        let length = usize::try_from((right - left) * 4).unwrap_or(0);
        let (target, source) = (start(y, size.width, left), start(y - at.1, tile.width, left - at.0));
        if let (Some(target), Some(source)) =
            (to.get_mut(target..target.saturating_add(length)), from.get(source..source.saturating_add(length)))
        {
            target.copy_from_slice(source);
        }
    }
}

/// Writes rendered pixels as a PNG; the file appears whole or not at all.
///
/// # Errors
/// [`ImagingError::Io`].
pub fn write_png(rendered: &Rendered, out: &Path) -> Result<(), ImagingError> {
    let at = |source| ImagingError::Io { path: out.to_path_buf(), source };
    let mut bytes = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    let size = rendered.size_px;
    image::ImageEncoder::write_image(encoder, &rendered.rgba, size.width, size.height, image::ExtendedColorType::Rgba8)
        .map_err(|error| at(std::io::Error::other(error)))?;
    let mut partial = out.as_os_str().to_owned();
    let _ = write!(partial, ".{}.part", std::process::id());
    let partial = PathBuf::from(partial);
    let written = std::fs::write(&partial, &bytes).and_then(|()| std::fs::rename(&partial, out));
    if written.is_err() {
        // Whatever was written is of no use, and the first error is the one to tell.
        let _ = std::fs::remove_file(&partial);
    }
    written.map_err(at)
}

/// The raw samples of one tile or frame as little-endian bytes, for comparison with other readers.
pub fn raw_bytes(pixels: &PixelBuffer) -> Vec<u8> {
    match &pixels.samples {
        Samples::U8(values) => values.clone(),
        Samples::U16(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Samples::I16(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Samples::F64(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
    }
}

/// A spacing's source in words.
pub const fn spacing_source(source: SpacingSource) -> &'static str {
    match source {
        SpacingSource::DicomCalibratedGeometry => "DICOM Pixel Spacing, calibrated by geometry",
        SpacingSource::DicomCalibratedFiducial => "DICOM Pixel Spacing, calibrated by a fiducial",
        SpacingSource::DicomScannedSpacing => "DICOM Nominal Scanned Pixel Spacing",
        SpacingSource::DicomUltrasoundRegion => "DICOM ultrasound region",
        SpacingSource::NiftiHeader => "NIfTI header",
        SpacingSource::NrrdHeader => "NRRD header",
        SpacingSource::AperioMpp => "Aperio MPP",
        SpacingSource::TiffResolution => "TIFF resolution",
        SpacingSource::OmeXml => "OME-XML",
        SpacingSource::DicomPixelSpacing => "DICOM Pixel Spacing",
        SpacingSource::DicomImagerSpacing => "DICOM Imager Pixel Spacing (at the detector)",
        SpacingSource::DicomPixelMeasures => "DICOM Pixel Measures",
        SpacingSource::SlideHeader => "the slide's header (OpenSlide)",
    }
}

/// Serves one file as child worker, on standard input and output; `false` for a kind of worker that there is not.
///
/// # Errors
/// A pipe that breaks.
pub fn serve_worker(kind: &str, path: &Path) -> std::io::Result<bool> {
    match kind {
        "openslide" => imaging::serve_openslide(path).map(|()| true),
        _ => Ok(false),
    }
}
