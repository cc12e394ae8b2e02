//! Whole-slide microscopy in DICOM (PS3.3 A.32.8): instances are levels, or parts of them; their frames are tiles of one or
//! more focal planes and optical paths; label, overview and thumbnail are associated images.
//!
//! Frames of the image are the planes of its finest level, by optical path, then by height. Tiles are handed out on a
//! regular grid wherever the file has them; what lies off the grid is put together.

use std::collections::{BTreeMap, HashMap};

use super::{
    Instance, decode_frame, frame_info, identity,
    matrix::{OpticalPath, PlaneId, SlideMatrix},
};
use crate::{
    domain::{Field, Level, RectPx, SizePx, TileKey},
    imaging::{
        ImageMeta, ImageSource, ImageWarning, ImagingError, PixelBuffer, Samples,
        canvas::Canvas,
        display::crop,
        fault::Fault,
        frames::{level_of, tile_rect},
    },
};

/// One frame that shows something of a tile, and where its top-left pixel lies seen from that tile's.
#[derive(Clone, Copy, Debug)]
struct Piece {
    part: u32,
    frame: u32,
    offset: (i64, i64),
}

/// The tiles of one plane of one level, by column and row.
type Tiles = HashMap<(u32, u32), Vec<Piece>>;

/// Files of one size: one level of the slide.
struct Pyramid {
    parts: Vec<Instance>,
    total_px: SizePx,
    tile_px: SizePx,
    planes: BTreeMap<PlaneId, Tiles>,
}

/// A slide in one or more DICOM instances of one series.
pub struct DicomSlide {
    meta: ImageMeta,
    levels: Vec<Pyramid>,
    planes: Vec<PlaneId>,
    associated: Vec<(String, Pyramid)>,
}

/// Which of the flavours of value 3 of Image Type an instance is (PS3.3 C.8.12.4.1.1).
fn flavour(image_type: &str) -> Option<&'static str> {
    let third = image_type.split('\\').nth(2).unwrap_or_default();
    match third {
        "LABEL" => Some("label"),
        "OVERVIEW" | "LOCALIZER" => Some("macro"),
        "THUMBNAIL" => Some("thumbnail"),
        _ => None,
    }
}

fn ratio(a: u32, b: u32) -> f64 {
    f64::from(a) / f64::from(b.max(1))
}

fn area(instance: &Instance) -> u64 {
    instance.slide.as_ref().map_or(instance.layout.size_px, |slide| slide.total_px).area()
}

impl DicomSlide {
    /// # Errors
    /// `Damaged` when a file holds fewer tiles than it promises.
    pub fn new(instances: Vec<Instance>, mut warnings: Vec<ImageWarning>) -> Result<Self, ImagingError> {
        let (mut volume, mut beside): (Vec<_>, Vec<_>) =
            instances.into_iter().partition(|one| flavour(&one.image_type).is_none());
        if volume.is_empty() {
            // A label or an overview alone is an image like any other.
            let largest = beside.iter().enumerate().max_by_key(|(_, one)| area(one)).map(|(index, _)| index);
            volume.extend(largest.map(|index| beside.remove(index)));
        }
        let mut by_size: BTreeMap<(u64, u32, u32), Vec<Instance>> = BTreeMap::new();
        for one in volume {
            let total = one.slide.as_ref().map_or(one.layout.size_px, |slide| slide.total_px);
            by_size.entry((u64::MAX - total.area(), total.width, total.height)).or_default().push(one);
        }
        let mut levels = Vec::new();
        for parts in by_size.into_values() {
            let (level, left_out) = Pyramid::new(parts)?;
            if left_out > 0 {
                warnings.push(ImageWarning { code: "slide-files-differ", detail: left_out.to_string() });
            }
            levels.push(level);
        }
        let kind =
            levels.first().and_then(Pyramid::first).map(|one| (one.layout.decoded_channels(), one.layout.bits_stored));
        let count = levels.len();
        levels.retain(|level| level.first().map(|one| (one.layout.decoded_channels(), one.layout.bits_stored)) == kind);
        if levels.len() < count {
            warnings.push(ImageWarning { code: "slide-files-differ", detail: (count - levels.len()).to_string() });
        }
        let mut associated: Vec<(String, Pyramid)> = Vec::new();
        for one in beside {
            let name = flavour(&one.image_type).unwrap_or("macro").to_owned();
            if !associated.iter().any(|(known, _)| *known == name) {
                associated.push((name, Pyramid::new(vec![one])?.0));
            }
        }
        let Some(base) = levels.first() else {
            return Err(ImagingError::OutOfRange { what: "level", index: 0, count: 0 });
        };
        let paths: Vec<OpticalPath> =
            base.parts.iter().filter_map(|part| part.slide.as_ref()).flat_map(|slide| slide.paths.clone()).collect();
        let planes = in_order(base.planes.keys().cloned().collect(), &paths);
        let missing =
            levels.iter().skip(1).filter(|level| planes.iter().any(|plane| !level.planes.contains_key(plane)));
        let missing = missing.count();
        if missing > 0 {
            warnings.push(ImageWarning { code: "slide-planes-missing", detail: missing.to_string() });
        }
        let meta = describe(&levels, &associated, &planes, &paths, warnings);
        Ok(Self { meta, levels, planes, associated })
    }
}

/// Planes in the order in which the file lists its optical paths, lowest first within each.
fn in_order(mut planes: Vec<PlaneId>, paths: &[OpticalPath]) -> Vec<PlaneId> {
    let rank = |plane: &PlaneId| paths.iter().position(|path| path.id == plane.path).unwrap_or(usize::MAX);
    planes.sort_by(|a, b| (rank(a), &a.path, a.height_nm).cmp(&(rank(b), &b.path, b.height_nm)));
    planes
}

fn describe(
    levels: &[Pyramid],
    associated: &[(String, Pyramid)],
    planes: &[PlaneId],
    paths: &[OpticalPath],
    warnings: Vec<ImageWarning>,
) -> ImageMeta {
    let full = levels.first().map_or(SizePx::new(1, 1), |level| level.total_px);
    let shapes = levels.iter().map(|level| {
        let size_px = level.total_px;
        let downsample = f64::midpoint(ratio(full.width, size_px.width), ratio(full.height, size_px.height));
        Level { size_px, tile_px: level.tile_px, downsample }
    });
    let all = || levels.iter().chain(associated.iter().map(|(_, level)| level)).flat_map(|level| &level.parts);
    let mut meta = ImageMeta {
        format: "DICOM whole slide".to_owned(),
        reader: "dicom (native)",
        field: Field::Pathology,
        levels: shapes.collect(),
        icc: paths.iter().find_map(|path| path.icc.clone()),
        associated: associated.iter().map(|(name, _)| name.clone()).collect(),
        warnings,
        files: all().map(|instance| instance.path.clone()).collect(),
        ..ImageMeta::default()
    };
    if let Some(base) = levels.first().and_then(Pyramid::first) {
        let layout = &base.layout;
        let slide = base.slide.as_ref();
        meta.frames = vec![frame_info(base, 0, 0); planes.len().max(1)];
        meta.channels = layout.decoded_channels();
        meta.bits_stored = layout.bits_stored;
        meta.signed = layout.signed;
        meta.spacing = base.spacing;
        meta.objective_power = slide.and_then(|slide| slide.objective_power);
        meta.transfer_syntax = Some(base.syntax.label());
        layout.photometric.name().clone_into(&mut meta.photometric);
        meta.identity = identity(std::slice::from_ref(base));
        // Slides are shown as they are stored, as OpenSlide does; whoever measures on the glass must know.
        let usual = [0.0, -1.0, 0.0, -1.0, 0.0, 0.0];
        let other = slide.map(|slide| slide.orientation).filter(|own| own.iter().any(|value| *value != 0.0));
        if other.is_some_and(|own| own.iter().zip(usual).any(|(a, b)| (a - b).abs() > 1e-3)) {
            meta.warnings.push(ImageWarning { code: "slide-turned-on-glass", detail: String::new() });
        }
    }
    meta.identity.sop_uids = all().map(|instance| instance.sop_uid.clone()).collect();
    meta
}

impl Pyramid {
    /// A level of files of one size. Files whose samples differ from the first are left out; their number is the second
    /// value.
    fn new(mut parts: Vec<Instance>) -> Result<(Self, usize), ImagingError> {
        // Parts of a concatenation follow each other; between other files the order of their names decides.
        let place = |one: &Instance| {
            one.slide
                .as_ref()
                .and_then(|slide| slide.concatenation.as_ref())
                .map(|part| (part.uid.clone(), part.first_frame))
        };
        parts.sort_by(|a, b| {
            (place(a), a.instance_number, &a.path)
                .partial_cmp(&(place(b), b.instance_number, &b.path))
                .unwrap_or(std::cmp::Ordering::Equal)
        });
        let count = parts.len();
        let first = parts.first().map(|one| one.layout);
        parts.retain(|one| Some(one.layout) == first);
        let left_out = count - parts.len();
        let Some(first) = parts.first() else {
            return Err(ImagingError::OutOfRange { what: "instance", index: 0, count: 0 });
        };
        let tile_px = first.layout.size_px;
        let total_px = first.slide.as_ref().map_or(tile_px, |slide| slide.total_px);
        let mut level = Self { parts: Vec::new(), total_px, tile_px, planes: BTreeMap::new() };
        let mut promised: HashMap<String, (u64, u64)> = HashMap::new();
        for (number, part) in (0_u32..).zip(&parts) {
            let Some(slide) = &part.slide else {
                let whole = Piece { part: number, frame: 0, offset: (0, 0) };
                level
                    .planes
                    .entry(PlaneId { path: String::new(), height_nm: 0 })
                    .or_default()
                    .insert((0, 0), vec![whole]);
                continue;
            };
            if slide.full {
                let name = slide.concatenation.as_ref().map_or_else(|| format!("file {number}"), |c| c.uid.clone());
                let all = super::matrix::tiles(slide.total_px, tile_px) * slide.planes.len() as u64;
                promised.entry(name).or_insert((all, 0)).1 += u64::from(part.frame_count);
            }
            level.place_frames(number, part, slide);
        }
        if let Some((promised, held)) = promised.values().find(|(promised, held)| held < promised) {
            let reason = format!("its header promises {promised} tiles, it holds {held}");
            let path = parts.first().map(|one| one.path.clone()).unwrap_or_default();
            return Err(Fault::damaged(reason).at(&path));
        }
        level.parts = parts;
        Ok((level, left_out))
    }

    fn place_frames(&mut self, number: u32, part: &Instance, slide: &SlideMatrix) {
        let (width, height) = (i64::from(self.tile_px.width), i64::from(self.tile_px.height));
        let (cols, rows) =
            (self.total_px.width.div_ceil(self.tile_px.width), self.total_px.height.div_ceil(self.tile_px.height));
        for frame in 0..part.frame_count {
            let Some(place) = slide.place(frame, self.tile_px) else { break };
            let Some(id) = slide.planes.get(place.plane as usize) else { break };
            let tiles = self.planes.entry(id.clone()).or_default();
            let (x, y) = place.at;
            // A frame on the grid is one tile; off it, it shows a corner of up to four.
            let span = |at: i64, side: i64| at.div_euclid(side)..=(at + side - 1).div_euclid(side);
            for row in span(y, height) {
                for col in span(x, width) {
                    let (Ok(col), Ok(row)) = (u32::try_from(col), u32::try_from(row)) else { continue };
                    if col < cols && row < rows {
                        let offset = (x - i64::from(col) * width, y - i64::from(row) * height);
                        tiles.entry((col, row)).or_default().push(Piece { part: number, frame, offset });
                    }
                }
            }
        }
    }

    fn first(&self) -> Option<&Instance> {
        self.parts.first()
    }

    /// The tiles of a plane; where this level lacks it, those of the nearest height in the same light.
    fn tiles(&self, plane: &PlaneId) -> Option<&Tiles> {
        self.planes.get(plane).or_else(|| {
            let alike = self.planes.iter().filter(|(id, _)| id.path == plane.path);
            alike.min_by_key(|(id, _)| id.height_nm.abs_diff(plane.height_nm)).map(|(_, tiles)| tiles)
        })
    }

    fn decode(&self, piece: Piece) -> Result<PixelBuffer, ImagingError> {
        let none =
            ImagingError::OutOfRange { what: "file", index: u64::from(piece.part), count: self.parts.len() as u64 };
        decode_frame(self.parts.get(piece.part as usize).ok_or(none)?, piece.frame)
    }

    /// One tile, cut to the level's edge.
    fn tile(&self, plane: &PlaneId, col: u32, row: u32, cut: SizePx) -> Result<PixelBuffer, ImagingError> {
        let pieces = self.tiles(plane).and_then(|tiles| tiles.get(&(col, row))).map(Vec::as_slice).unwrap_or_default();
        let rect = RectPx { x: 0, y: 0, width: cut.width, height: cut.height };
        if let [only] = pieces
            && only.offset == (0, 0)
        {
            let pixels = self.decode(*only)?;
            return Ok(if pixels.size_px == cut { pixels } else { crop(&pixels, rect) });
        }
        let blank = self.blank(cut);
        if pieces.is_empty() {
            return Ok(blank);
        }
        let path = self.first().map(|one| one.path.clone()).unwrap_or_default();
        let at = |fault: Fault| fault.at(&path);
        let mut canvas = Canvas::new(cut);
        canvas.put(&blank, 0, 0).map_err(at)?;
        // Where frames overlap the later one is on top, as a scanner would have laid it.
        for piece in pieces {
            let inside = |offset: i64| u32::try_from(offset.max(0)).unwrap_or(0);
            let before = |offset: i64| u32::try_from((-offset).max(0)).unwrap_or(0);
            let (x, y) = piece.offset;
            canvas.put_part(&self.decode(*piece)?, (before(x), before(y)), (inside(x), inside(y))).map_err(at)?;
        }
        canvas.finish().map_err(at)
    }

    /// What a slide leaves out: the colour that it names for that, bare glass, or darkness.
    fn blank(&self, size_px: SizePx) -> PixelBuffer {
        let (channels, wide, signed) = self.first().map_or((3, false, false), |one| {
            (one.layout.decoded_channels(), one.layout.bits_allocated == 16, one.layout.signed)
        });
        let pixels = usize::try_from(size_px.area()).unwrap_or(0);
        let samples = if channels == 1 {
            match (wide, signed) {
                (_, true) => Samples::I16(vec![0; pixels]),
                (true, false) => Samples::U16(vec![0; pixels]),
                (false, false) => Samples::U8(vec![0; pixels]),
            }
        } else {
            let colour = self.first().and_then(|one| one.slide.as_ref()).and_then(|slide| slide.absent);
            let colour = colour.unwrap_or([u8::MAX; 3]);
            if wide {
                Samples::U16(colour.map(|value| u16::from(value) * 257).repeat(pixels))
            } else {
                Samples::U8(colour.repeat(pixels))
            }
        };
        PixelBuffer { size_px, channels, samples }
    }

    /// The whole of a small image.
    fn whole(&self) -> Result<PixelBuffer, ImagingError> {
        let path = self.first().map(|one| one.path.clone()).unwrap_or_default();
        let at = |fault: Fault| fault.at(&path);
        let bytes = self.total_px.area().saturating_mul(6);
        Fault::check_size("this image", bytes, crate::imaging::limits::FRAME_BYTES).map_err(at)?;
        let level = Level { size_px: self.total_px, tile_px: self.tile_px, downsample: 1.0 };
        let Some(plane) = self.planes.keys().next() else { return Ok(self.blank(self.total_px)) };
        let mut canvas = Canvas::new(self.total_px);
        let (cols, rows) = level.tiles();
        for (row, col) in (0..rows).flat_map(|row| (0..cols).map(move |col| (row, col))) {
            let rect = tile_rect(&level, TileKey { frame: 0, level: 0, col, row })?;
            let tile = self.tile(plane, col, row, SizePx::new(rect.width, rect.height))?;
            canvas.put(&tile, rect.x, rect.y).map_err(at)?;
        }
        canvas.finish().map_err(at)
    }
}

impl ImageSource for DicomSlide {
    fn meta(&self) -> &ImageMeta {
        &self.meta
    }

    fn read_tile(&self, key: TileKey) -> Result<PixelBuffer, ImagingError> {
        let rect = tile_rect(level_of(&self.meta.levels, key)?, key)?;
        let outside = |what, index: u64, count: usize| ImagingError::OutOfRange { what, index, count: count as u64 };
        let plane = self.planes.get(key.frame as usize);
        let plane = plane.ok_or_else(|| outside("frame", u64::from(key.frame), self.planes.len()))?;
        let level = self.levels.get(usize::from(key.level));
        let level = level.ok_or_else(|| outside("level", u64::from(key.level), self.levels.len()))?;
        level.tile(plane, key.col, key.row, SizePx::new(rect.width, rect.height))
    }

    fn read_associated(&self, name: &str) -> Result<PixelBuffer, ImagingError> {
        let count = self.associated.len() as u64;
        let found = self.associated.iter().find(|(own, _)| own == name);
        let none = ImagingError::OutOfRange { what: "associated image of that name", index: 0, count };
        found.ok_or(none)?.1.whole()
    }
}
