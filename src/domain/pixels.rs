//! Addressing pixels: levels, tiles, frames and what a pixel measures in the patient or on the glass.

use serde::{Deserialize, Serialize};

/// The medical field that an image belongs to; it decides wheel behaviour, units and presets in the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    Pathology,
    Endoscopy,
    Radiology,
    Other,
}

/// Width and height in whole pixels of one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SizePx {
    pub width: u32,
    pub height: u32,
}

impl SizePx {
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// Number of pixels; `u64`, since a slide easily exceeds 2³² of them.
    pub const fn area(self) -> u64 {
        self.width as u64 * self.height as u64
    }
}

/// A whole-pixel rectangle in one level: `x, y` is its top-left pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RectPx {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

/// One tile: integers only, because a floating-point downsample does not identify a tile.
/// `level` 0 is full resolution; `col`, `row` count tiles of that level; `frame` counts from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TileKey {
    pub frame: u32,
    pub level: u16,
    pub col: u32,
    pub row: u32,
}

/// One resolution level of an image. `downsample` is level-0 pixels per pixel of this level.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Level {
    pub size_px: SizePx,
    pub tile_px: SizePx,
    pub downsample: f64,
}

impl Level {
    /// Columns and rows of tiles; edge tiles may be partial.
    pub const fn tiles(&self) -> (u32, u32) {
        (self.size_px.width.div_ceil(self.tile_px.width), self.size_px.height.div_ceil(self.tile_px.height))
    }
}

/// Where a spacing came from; shown beside every measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpacingSource {
    /// Aperio `MPP` in ImageDescription.
    AperioMpp,
    /// TIFF XResolution/YResolution with a physical unit.
    TiffResolution,
    /// `PhysicalSizeX` and `PhysicalSizeY` of an OME-XML header.
    OmeXml,
    /// DICOM Pixel Spacing (0028,0030): at the patient plane.
    DicomPixelSpacing,
    /// DICOM Imager Pixel Spacing (0018,1164): at the detector, not the patient plane.
    DicomImagerSpacing,
    /// DICOM whole-slide pixel measures.
    DicomPixelMeasures,
    /// A slide vendor's own header, as OpenSlide reads it.
    SlideHeader,
    /// DICOM Pixel Spacing of a projection, corrected for a known geometry (0028,0A02 GEOMETRY).
    DicomCalibratedGeometry,
    /// DICOM Pixel Spacing of a projection, calibrated by an object of known size (0028,0A02 FIDUCIAL).
    DicomCalibratedFiducial,
    /// DICOM Nominal Scanned Pixel Spacing (0018,2010): of a scanned film.
    DicomScannedSpacing,
    /// Scale of the ultrasound region (0018,6011).
    DicomUltrasoundRegion,
    /// Affine or pixel dimensions of a NIfTI header.
    NiftiHeader,
    /// Space directions or spacings of an NRRD header.
    NrrdHeader,
}

/// Physical size of a level-0 pixel in micrometres.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spacing {
    pub x_um: f64,
    pub y_um: f64,
    pub source: SpacingSource,
}

/// Where a frame lies in the patient (DICOM LPS, millimetres).
/// `origin_mm` is the *centre* of the first pixel (Image Position Patient, 0020,0032); `row_dir` points along growing x
/// (columns), `col_dir` along growing y (rows), both unit vectors (Image Orientation Patient, 0020,0037).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanePose {
    pub origin_mm: [f64; 3],
    pub row_dir: [f64; 3],
    pub col_dir: [f64; 3],
    /// Distance between pixel centres along x and along y.
    pub spacing_mm: [f64; 2],
}

impl PlanePose {
    /// Patient position of a point given in pixel edges; the half pixel turns edges into the centres DICOM counts from
    /// (PS3.3 C.7.6.2.1.1).
    pub fn patient_from_image(&self, x_px: f64, y_px: f64) -> [f64; 3] {
        let (dx, dy) = ((x_px - 0.5) * self.spacing_mm[0], (y_px - 0.5) * self.spacing_mm[1]);
        std::array::from_fn(|i| self.origin_mm[i] + self.row_dir[i] * dx + self.col_dir[i] * dy)
    }

    /// Pixel edges of the foot of a patient point on this plane. Solved by least squares, because headers round their
    /// direction cosines: taken as exact unit vectors they would move a point by a hundredth of a pixel and more.
    pub fn image_from_patient(&self, p_mm: [f64; 3]) -> (f64, f64) {
        let dot = |a: &[f64; 3], b: &[f64; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
        let d: [f64; 3] = std::array::from_fn(|i| p_mm[i] - self.origin_mm[i]);
        let (rr, cc, rc) =
            (dot(&self.row_dir, &self.row_dir), dot(&self.col_dir, &self.col_dir), dot(&self.row_dir, &self.col_dir));
        let (dr, dc) = (dot(&d, &self.row_dir), dot(&d, &self.col_dir));
        let det = rr * cc - rc * rc;
        let (along_row, along_col) = ((dr * cc - dc * rc) / det, (dc * rr - dr * rc) / det);
        (along_row / self.spacing_mm[0] + 0.5, along_col / self.spacing_mm[1] + 0.5)
    }

    /// Where the right edge of the image lies in the patient, in letters: L R A P H F, the strongest first (PS3.3 C.7.6.1.1.1).
    pub fn row_letters(&self) -> String {
        letters(self.row_dir)
    }

    /// Where the lower edge of the image lies in the patient.
    pub fn col_letters(&self) -> String {
        letters(self.col_dir)
    }

    /// Whether rows and columns run the same way as another plane's, within a degree.
    pub fn is_parallel_to(&self, other: &Self) -> bool {
        let dot = |a: [f64; 3], b: [f64; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
        dot(self.row_dir, other.row_dir) > 0.9999 && dot(self.col_dir, other.col_dir) > 0.9999
    }

    /// Unit normal: row × column direction.
    pub fn normal(&self) -> [f64; 3] {
        let (a, b) = (self.row_dir, self.col_dir);
        [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    }
}

fn letters(direction: [f64; 3]) -> String {
    let mut axes: Vec<(f64, char)> = direction
        .into_iter()
        .zip([('L', 'R'), ('P', 'A'), ('H', 'F')])
        .map(|(v, (up, down))| (v, if v > 0.0 { up } else { down }))
        .collect();
    axes.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
    // A ten-thousandth is what headers round to.
    axes.into_iter().filter(|(v, _)| v.abs() > 1e-4).map(|(_, letter)| letter).collect()
}
