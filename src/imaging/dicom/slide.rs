//! Whole-slide microscopy in DICOM (PS3.3 A.32.8): each instance is a level whose frames are its tiles, label and overview
//! are associated images.

use std::collections::HashMap;

use super::{Instance, decode_frame, frame_info, identity};
use crate::{
    domain::{Field, Level, RectPx, SizePx, TileKey},
    imaging::{
        ImageMeta, ImageSource, ImageWarning, ImagingError, PixelBuffer, Samples,
        display::crop,
        fault::Fault,
        frames::{level_of, tile_rect},
    },
};

struct Plane {
    instance: Instance,
    /// Frame of each tile by column and row; `None` when frames are simply in row order.
    places: Option<HashMap<(u32, u32), u32>>,
    cols: u32,
}

/// A slide in one or more DICOM instances of one series.
pub struct DicomSlide {
    meta: ImageMeta,
    planes: Vec<Plane>,
    associated: Vec<(String, Instance)>,
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

impl DicomSlide {
    /// # Errors
    /// `Unsupported` when the tiles of an instance cannot be placed.
    pub fn new(instances: Vec<Instance>, mut warnings: Vec<ImageWarning>) -> Result<Self, ImagingError> {
        let alone = instances.len() == 1;
        let (mut planes, mut associated) = (Vec::new(), Vec::new());
        for instance in instances {
            match flavour(&instance.image_type) {
                Some(name) if !alone && instance.frame_count == 1 => associated.push((name.to_owned(), instance)),
                _ => planes.push(plane(instance)?),
            }
        }
        planes.sort_by_key(|plane| std::cmp::Reverse(plane.total().area()));
        planes.dedup_by(|later, earlier| later.total() == earlier.total());
        let Some(base) = planes.first() else {
            return Err(ImagingError::OutOfRange { what: "level", index: 0, count: 0 });
        };
        let full = base.total();
        let levels = planes.iter().map(|plane| {
            let size_px = plane.total();
            let downsample = f64::midpoint(ratio(full.width, size_px.width), ratio(full.height, size_px.height));
            Level { size_px, tile_px: plane.instance.layout.size_px, downsample }
        });
        let slide = base.instance.slide.as_ref();
        if slide.is_some_and(|slide| slide.focal_planes * slide.optical_paths > 1) {
            warnings.push(ImageWarning { code: "slide-only-first-plane", detail: String::new() });
        }
        let layout = &base.instance.layout;
        let meta = ImageMeta {
            format: "DICOM whole slide".to_owned(),
            reader: "dicom (native)",
            field: Field::Pathology,
            levels: levels.collect(),
            frames: vec![frame_info(&base.instance, 0, 0)],
            channels: layout.decoded_channels(),
            bits_stored: layout.bits_stored,
            signed: layout.signed,
            spacing: base.instance.spacing,
            objective_power: slide.and_then(|slide| slide.objective_power),
            transfer_syntax: Some(base.instance.syntax.label()),
            photometric: layout.photometric.name().to_owned(),
            associated: associated.iter().map(|(name, _)| name.clone()).collect(),
            warnings,
            files: planes
                .iter()
                .map(|p| &p.instance)
                .chain(associated.iter().map(|(_, i)| i))
                .map(|i| i.path.clone())
                .collect(),
            identity: identity_of(&planes, &associated),
            ..ImageMeta::default()
        };
        Ok(Self { meta, planes, associated })
    }
}

fn identity_of(planes: &[Plane], associated: &[(String, Instance)]) -> crate::imaging::Identity {
    let mut out = planes.first().map(|plane| identity(std::slice::from_ref(&plane.instance))).unwrap_or_default();
    let all = planes.iter().map(|plane| &plane.instance).chain(associated.iter().map(|(_, instance)| instance));
    out.sop_uids = all.map(|instance| instance.sop_uid.clone()).collect();
    out
}

impl Plane {
    fn total(&self) -> SizePx {
        self.instance.slide.as_ref().map_or(self.instance.layout.size_px, |slide| slide.total_px)
    }
}

fn plane(instance: Instance) -> Result<Plane, ImagingError> {
    let tile = instance.layout.size_px;
    let total = instance.slide.as_ref().map_or(tile, |slide| slide.total_px);
    let (cols, rows) = (total.width.div_ceil(tile.width), total.height.div_ceil(tile.height));
    let tiles = u64::from(cols) * u64::from(rows);
    let sparse = instance.slide.as_ref().is_some_and(|slide| !slide.tile_origins.is_empty());
    let places = if sparse {
        let origins = instance.slide.iter().flat_map(|slide| &slide.tile_origins);
        let mut places = HashMap::new();
        for (frame, (x, y)) in (0_u32..).zip(origins) {
            if x % tile.width != 0 || y % tile.height != 0 {
                return Err(Fault::unsupported("DICOM slide with tiles off the grid").at(&instance.path));
            }
            places.entry((x / tile.width, y / tile.height)).or_insert(frame);
        }
        Some(places)
    } else if u64::from(instance.frame_count) >= tiles {
        None
    } else {
        let reason = format!("its header promises {tiles} tiles, it holds {}", instance.frame_count);
        return Err(Fault::damaged(reason).at(&instance.path));
    };
    Ok(Plane { instance, places, cols })
}

impl ImageSource for DicomSlide {
    fn meta(&self) -> &ImageMeta {
        &self.meta
    }

    fn read_tile(&self, key: TileKey) -> Result<PixelBuffer, ImagingError> {
        let level = level_of(&self.meta.levels, key)?;
        let rect = tile_rect(level, key)?;
        if key.frame > 0 {
            return Err(ImagingError::OutOfRange { what: "frame", index: u64::from(key.frame), count: 1 });
        }
        let none =
            || ImagingError::OutOfRange { what: "level", index: u64::from(key.level), count: self.planes.len() as u64 };
        let plane = self.planes.get(usize::from(key.level)).ok_or_else(none)?;
        let cut = RectPx { x: 0, y: 0, width: rect.width, height: rect.height };
        let frame = match &plane.places {
            None => Some(key.row * plane.cols + key.col),
            Some(places) => places.get(&(key.col, key.row)).copied(),
        };
        match frame {
            Some(frame) => {
                let pixels = decode_frame(&plane.instance, frame)?;
                let whole = pixels.size_px == SizePx::new(cut.width, cut.height);
                Ok(if whole { pixels } else { crop(&pixels, cut) })
            }
            None => Ok(blank(SizePx::new(rect.width, rect.height), self.meta.channels)),
        }
    }

    fn read_associated(&self, name: &str) -> Result<PixelBuffer, ImagingError> {
        let count = self.associated.len() as u64;
        let found = self.associated.iter().find(|(own, _)| own == name);
        let (_, instance) =
            found.ok_or(ImagingError::OutOfRange { what: "associated image of that name", index: 0, count })?;
        decode_frame(instance, 0)
    }
}

/// A tile that a sparse slide leaves out: bare glass.
fn blank(size_px: SizePx, channels: u8) -> PixelBuffer {
    let count = usize::try_from(size_px.area() * u64::from(channels)).unwrap_or(0);
    PixelBuffer { size_px, channels, samples: Samples::U8(vec![u8::MAX; count]) }
}
