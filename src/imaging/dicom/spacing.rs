//! What a pixel measures, and who says so.
//!
//! On a projection (radiograph, angiogram) Imager Pixel Spacing is a distance at the detector, larger than the patient by the
//! magnification; Pixel Spacing equal to it without a calibration says nothing more (PS3.3 10.7.1.3, CP 586).

use super::{
    dataset::{Dataset, Tag},
    functional::FrameMacros,
    header::tag,
};
use crate::{
    domain::{Spacing, SpacingSource},
    imaging::ImageWarning,
};

const CALIBRATION_TYPE: Tag = 0x0028_0A02;
const SCANNED_SPACING: Tag = 0x0018_2010;
const REGIONS: Tag = 0x0018_6011;
const REGION_FORMAT: Tag = 0x0018_6012;
const REGION_UNITS_X: Tag = 0x0018_6024;
const REGION_UNITS_Y: Tag = 0x0018_6026;
const REGION_DELTA_X: Tag = 0x0018_602C;
const REGION_DELTA_Y: Tag = 0x0018_602E;
/// Physical units of a region: centimetres.
const CENTIMETRES: u16 = 3;

/// Row spacing (down) comes first (PS3.3 10.7.1.3).
fn of(values: &[f64], source: SpacingSource) -> Option<Spacing> {
    match *values {
        [y, x, ..] if x > 0.0 && y > 0.0 => Some(Spacing { x_um: x * 1000.0, y_um: y * 1000.0, source }),
        _ => None,
    }
}

/// The spacing of an instance and what has to be said about it.
pub fn read(data: &Dataset<'_>, frames: &FrameMacros, modality: &str) -> (Option<Spacing>, Vec<ImageWarning>) {
    let mut warnings = Vec::new();
    let mut warn = |code| warnings.push(ImageWarning { code, detail: String::new() });
    let plain = data.numbers(tag::SPACING);
    let imager = data.numbers(tag::IMAGER_SPACING);
    let projection = matches!(modality, "CR" | "DX" | "DR" | "MG" | "XA" | "RF" | "IO" | "PX" | "RG");
    let source = match data.text(CALIBRATION_TYPE).as_str() {
        "GEOMETRY" => SpacingSource::DicomCalibratedGeometry,
        "FIDUCIAL" => SpacingSource::DicomCalibratedFiducial,
        _ if projection && !imager.is_empty() && same(&plain, &imager) => SpacingSource::DicomImagerSpacing,
        _ => SpacingSource::DicomPixelSpacing,
    };
    let slide = data.has(tag::MATRIX_COLUMNS);
    let measures = if slide { SpacingSource::DicomPixelMeasures } else { SpacingSource::DicomPixelSpacing };
    let shared = frames.spacing_mm(0).map(|[x, y]| [y, x]);
    let found = of(&plain, source)
        .or_else(|| of(&shared?, measures))
        .or_else(|| of(&imager, SpacingSource::DicomImagerSpacing))
        .or_else(|| of(&data.numbers(SCANNED_SPACING), SpacingSource::DicomScannedSpacing))
        .or_else(|| {
            let (spacing, differ) = ultrasound(data)?;
            if differ {
                warn("us-regions-differ");
            }
            Some(spacing)
        });
    if found.is_some_and(|spacing| spacing.source == SpacingSource::DicomImagerSpacing) {
        warn("spacing-at-detector");
    }
    (found, warnings)
}

fn same(a: &[f64], b: &[f64]) -> bool {
    a.len() >= 2 && b.len() >= 2 && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-6 * a.abs())
}

/// The scale of the two-dimensional tissue regions in centimetres, and whether they differ among themselves (C.8.5.5).
fn ultrasound(data: &Dataset<'_>) -> Option<(Spacing, bool)> {
    let scales: Vec<[f64; 2]> = data
        .items(REGIONS)
        .iter()
        .filter(|region| region.word(REGION_FORMAT) == Some(1))
        .filter(|region| [REGION_UNITS_X, REGION_UNITS_Y].iter().all(|tag| region.word(*tag) == Some(CENTIMETRES)))
        .filter_map(|region| Some([region.number(REGION_DELTA_X)?.abs(), region.number(REGION_DELTA_Y)?.abs()]))
        .filter(|[x, y]| *x > 0.0 && *y > 0.0)
        .collect();
    let first = *scales.first()?;
    let differ = !scales.iter().all(|scale| same(scale, &first));
    let [x, y] = first.map(|cm| cm * 10_000.0);
    Some((Spacing { x_um: x, y_um: y, source: SpacingSource::DicomUltrasoundRegion }, differ))
}
