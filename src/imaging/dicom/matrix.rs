//! Where the frames of a whole-slide instance belong: tile, focal plane, optical path (PS3.3 C.8.12.4 to C.8.12.6), part of a
//! concatenation (C.7.6.16.2.2.4), and how the picture lies on the glass.

use std::sync::Arc;

use super::{
    dataset::{Dataset, Tag},
    functional::PER_FRAME_GROUPS,
    header::{SampleLayout, tag},
};
use crate::{domain::SizePx, imaging::limits};

const FOCAL_PLANES: Tag = 0x0048_0303;
const ABSENT_COLOUR: Tag = 0x0048_0015;
const ORIENTATION: Tag = 0x0048_0102;
const PATH_ID: Tag = 0x0048_0106;
const PATH_DESCRIPTION: Tag = 0x0048_0107;
const PATH_OF_FRAME: Tag = 0x0048_0207;
const MATRIX_ORIGIN: Tag = 0x0048_0008;
const X_OFFSET: Tag = 0x0040_072A;
const Y_OFFSET: Tag = 0x0040_073A;
const Z_OFFSET: Tag = 0x0040_074A;
const SHARED_GROUPS: Tag = 0x5200_9229;
const PIXEL_MEASURES: Tag = 0x0028_9110;
const BETWEEN_SLICES: Tag = 0x0018_0088;
const ICC_PROFILE: Tag = 0x0028_2000;
const CONCATENATION: Tag = 0x0020_9161;
const CONCATENATION_OFFSET: Tag = 0x0020_9228;
/// Planes of one instance: paths times depths. Nobody images more, and a forged number must cost nothing.
const PLANES: u32 = 4096;

/// One way of lighting and filtering; for fluorescence one channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpticalPath {
    pub id: String,
    pub description: String,
    pub icc: Option<Arc<[u8]>>,
}

/// How deep and in which light a plane was taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlaneId {
    pub path: String,
    /// Height above the glass in nanometres, so that equal heights are equal.
    pub height_nm: i64,
}

/// Where one frame belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Index into [`SlideMatrix::planes`].
    pub plane: u32,
    /// Top-left pixel; may lie off the grid of tiles, and outside.
    pub at: (i64, i64),
}

/// Part of an instance that was cut into several files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concatenation {
    pub uid: String,
    /// How many frames the parts before this one hold.
    pub first_frame: u32,
}

/// The whole-slide geometry of an instance.
#[derive(Clone, Debug, PartialEq)]
pub struct SlideMatrix {
    pub total_px: SizePx,
    /// The file says `TILED_FULL`: tiles follow in row order, plane by plane, path by path.
    pub full: bool,
    pub paths: Vec<OpticalPath>,
    /// Planes in the order of `TILED_FULL`, or as the frames name them.
    pub planes: Vec<PlaneId>,
    /// The place of each frame of this file, where it lists them.
    listed: Vec<Place>,
    pub concatenation: Option<Concatenation>,
    pub objective_power: Option<f64>,
    /// Directions of a row and of a column in the slide's coordinates; all zero where the file says nothing.
    pub orientation: [f64; 6],
    /// The top-left pixel in the slide's coordinates, in millimetres.
    pub origin_mm: Option<[f64; 2]>,
    /// sRGB of tiles that the file leaves out.
    pub absent: Option<[u8; 3]>,
}

impl SlideMatrix {
    pub fn read(data: &Dataset<'_>, layout: &SampleLayout, frame_count: u32) -> Option<Self> {
        let (columns, rows) = (data.long(tag::MATRIX_COLUMNS)?, data.long(tag::MATRIX_ROWS)?);
        if columns == 0 || rows == 0 {
            return None;
        }
        let total_px = SizePx::new(columns, rows);
        let full = data.text(tag::DIMENSION_ORGANISATION) == "TILED_FULL";
        let paths = data.items(tag::OPTICAL_PATHS);
        let objective_power = paths.first().and_then(|path| path.number(tag::OBJECTIVE_POWER));
        let paths: Vec<OpticalPath> = paths.iter().map(optical_path).collect();
        let origin = data.item(MATRIX_ORIGIN);
        let offset = |tag| origin.as_ref().and_then(|origin| origin.number(tag));
        let uid = data.text(CONCATENATION);
        let concatenation = (!uid.is_empty()).then(|| Concatenation {
            uid,
            first_frame: data.long(CONCATENATION_OFFSET).unwrap_or(0).min(u32::try_from(limits::FRAMES).unwrap_or(0)),
        });
        let (planes, listed) = if full {
            let tiles = tiles(total_px, layout.size_px);
            (full_planes(data, &paths, offset(Z_OFFSET).unwrap_or(0.0), tiles, frame_count), Vec::new())
        } else {
            listed(data, &paths, frame_count)
        };
        Some(Self {
            total_px,
            full,
            paths,
            planes,
            listed,
            concatenation,
            objective_power,
            orientation: data.numbers(ORIENTATION).try_into().unwrap_or_default(),
            origin_mm: offset(X_OFFSET).zip(offset(Y_OFFSET)).map(|(x, y)| [x, y]),
            absent: <[u16; 3]>::try_from(data.words(ABSENT_COLOUR)).ok().map(srgb_from_lab),
        })
    }

    /// Whether the file says where its frames lie. One frame alone can only be the whole.
    pub fn is_placed(&self, frame_count: u32) -> bool {
        self.full || frame_count == 1 || self.listed.len() as u64 == u64::from(frame_count)
    }

    /// The place of a frame of this file; `None` beyond what the file promises.
    pub fn place(&self, frame: u32, tile: SizePx) -> Option<Place> {
        if !self.full {
            let whole = Place { plane: 0, at: (0, 0) };
            return self.listed.get(frame as usize).copied().or((frame == 0).then_some(whole));
        }
        let first = self.concatenation.as_ref().map_or(0, |part| part.first_frame);
        let number = u64::from(first) + u64::from(frame);
        let (across, tiles) = (u64::from(self.total_px.width.div_ceil(tile.width)), tiles(self.total_px, tile));
        let (plane, index) = (u32::try_from(number / tiles).ok()?, number % tiles);
        let at = |index: u64, side: u32| i64::try_from(index * u64::from(side)).ok();
        let place = Place { plane, at: (at(index % across, tile.width)?, at(index / across, tile.height)?) };
        ((plane as usize) < self.planes.len()).then_some(place)
    }
}

/// Tiles of one plane.
pub fn tiles(total: SizePx, tile: SizePx) -> u64 {
    u64::from(total.width.div_ceil(tile.width.max(1))) * u64::from(total.height.div_ceil(tile.height.max(1)))
}

fn optical_path(item: &Dataset<'_>) -> OpticalPath {
    let icc = item.bytes(ICC_PROFILE).filter(|profile| !profile.is_empty()).map(Arc::from);
    OpticalPath { id: item.text(PATH_ID), description: item.text(PATH_DESCRIPTION), icc }
}

#[allow(clippy::cast_possible_truncation, reason = "a cast saturates, and no glass is that thick")]
fn nanometres(um: f64) -> i64 {
    (um * 1000.0).round() as i64
}

/// The planes of `TILED_FULL`: paths slowest, depths within them (C.7.6.17.3). The number of depths is named, or follows
/// from the number of frames.
fn full_planes(data: &Dataset<'_>, paths: &[OpticalPath], base_um: f64, tiles: u64, frame_count: u32) -> Vec<PlaneId> {
    let ids = if paths.is_empty() { vec![String::new()] } else { paths.iter().map(|path| path.id.clone()).collect() };
    let follows = u64::from(frame_count) / tiles.max(1) / ids.len() as u64;
    let depths = data.long(FOCAL_PLANES).map_or(follows, u64::from).clamp(1, u64::from(PLANES));
    let measures = data.item(SHARED_GROUPS).and_then(|shared| shared.item(PIXEL_MEASURES));
    let step_um = measures.and_then(|item| item.number(BETWEEN_SLICES)).unwrap_or(0.0) * 1000.0;
    // Planes without a known distance are still apart; their order is that of the file.
    let step_um = if step_um > 0.0 { step_um } else { 1.0 };
    let planes = ids.iter().flat_map(|id| {
        (0..u32::try_from(depths).unwrap_or(1))
            .map(move |depth| PlaneId { path: id.clone(), height_nm: nanometres(base_um + f64::from(depth) * step_um) })
    });
    planes.take(PLANES as usize).collect()
}

/// The planes and places that the frames themselves name (C.8.12.6.1): column and row counted from 1.
fn listed(data: &Dataset<'_>, paths: &[OpticalPath], frame_count: u32) -> (Vec<PlaneId>, Vec<Place>) {
    let shared = data.item(SHARED_GROUPS);
    let path_of = |group: &Dataset<'_>| group.item(PATH_OF_FRAME).map(|item| item.text(PATH_ID));
    let shared_path = shared.as_ref().and_then(path_of);
    let usual = shared_path.or_else(|| paths.first().map(|path| path.id.clone())).unwrap_or_default();
    let (mut planes, mut places): (Vec<PlaneId>, Vec<Place>) = (Vec::new(), Vec::new());
    for group in data.items(PER_FRAME_GROUPS).iter().take(frame_count as usize) {
        let Some(place) = group.item(tag::SLIDE_POSITION) else { break };
        let (Some(column), Some(row)) = (place.long(tag::TILE_COLUMN), place.long(tag::TILE_ROW)) else { break };
        let id = PlaneId {
            path: path_of(group).unwrap_or_else(|| usual.clone()),
            height_nm: nanometres(place.number(Z_OFFSET).unwrap_or(0.0)),
        };
        // Frames of one plane follow each other in most files, so the newest is looked at first.
        let plane = planes.iter().rposition(|known| *known == id).unwrap_or_else(|| {
            planes.push(id);
            planes.len() - 1
        });
        if planes.len() > PLANES as usize {
            break;
        }
        // Both are signed (SL); a tile may begin outside.
        let from_zero = |value: u32| i64::from(value.cast_signed()) - 1;
        let plane = u32::try_from(plane).unwrap_or(u32::MAX);
        places.push(Place { plane, at: (from_zero(column), from_zero(row)) });
    }
    if planes.is_empty() {
        planes.push(PlaneId { path: usual, height_nm: 0 });
    }
    (planes, places)
}

/// sRGB of a PCS value in DICOM's 16-bit coding of CIELab (C.10.7.1.1), D50 brought to D65 by Bradford's matrix as ICC.1
/// and IEC 61966-2-1 have them.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0 and 255 before")]
fn srgb_from_lab([l, a, b]: [u16; 3]) -> [u8; 3] {
    let (l, a, b) = (f64::from(l) * 100.0 / 65_535.0, f64::from(a) / 257.0 - 128.0, f64::from(b) / 257.0 - 128.0);
    let fy = (l + 16.0) / 116.0;
    let inverse = |t: f64| if t > 6.0 / 29.0 { t.powi(3) } else { 3.0 * (6.0_f64 / 29.0).powi(2) * (t - 4.0 / 29.0) };
    let (x, y, z) = (0.9642 * inverse(fy + a / 500.0), inverse(fy), 0.8249 * inverse(fy - b / 200.0));
    let linear = [
        3.133_856_1 * x - 1.616_866_7 * y - 0.490_614_6 * z,
        -0.978_768_4 * x + 1.916_141_5 * y + 0.033_454_0 * z,
        0.071_945_3 * x - 0.228_991_4 * y + 1.405_242_7 * z,
    ];
    linear.map(|value| {
        let coded = if value <= 0.003_130_8 { 12.92 * value } else { 1.055 * value.powf(1.0 / 2.4) - 0.055 };
        (coded * 255.0).round().clamp(0.0, 255.0) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_paper_is_white_and_black_is_black() {
        assert_eq!(srgb_from_lab([65_535, 32_896, 32_896]), [255, 255, 255]);
        assert_eq!(srgb_from_lab([0, 32_896, 32_896]), [0, 0, 0]);
        // Lab of sRGB red under D50: 54.29, 80.81, 69.89 (ICC's own sRGB profile).
        let [r, g, b] = srgb_from_lab([35_579, 53_664, 50_858]);
        assert!(r >= 253 && g <= 8 && b <= 8, "{r} {g} {b}");
    }

    #[test]
    fn frames_of_a_full_slide_are_counted_off_by_row_then_depth_then_light() {
        let plane = |path: &str, height_nm| PlaneId { path: path.to_owned(), height_nm };
        let matrix = SlideMatrix {
            total_px: SizePx::new(25, 15),
            full: true,
            paths: Vec::new(),
            planes: vec![plane("1", 0), plane("1", 500), plane("2", 0), plane("2", 500)],
            listed: Vec::new(),
            concatenation: Some(Concatenation { uid: "c".to_owned(), first_frame: 6 }),
            objective_power: None,
            orientation: [0.0; 6],
            origin_mm: None,
            absent: None,
        };
        let tile = SizePx::new(10, 10);
        assert_eq!(matrix.place(0, tile), Some(Place { plane: 1, at: (0, 0) }));
        assert_eq!(matrix.place(10, tile), Some(Place { plane: 2, at: (10, 10) }));
    }
}
