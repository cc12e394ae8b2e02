//! DICOM files to stacks: grouped by study and series, ordered by position along the slice normal, warned about.
//!
//! File names and instance numbers are not trusted for order: a Philips console exports `I10, I100, I1000, I1010 …`, and
//! reformatted series count backwards. Positions decide where there are any.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    ImageSource, ImageWarning, ImagingError,
    bytes::{FileBytes, ReopenedFile},
    dicom::{self, header::Instance},
    fault::Fault,
    formats,
    guard::caught,
};
use crate::domain::PlanePose;

/// Distances along the normal that differ by less than this are the same place (mm).
const SAME_PLACE_MM: f64 = 1e-3;
/// Steps may differ from the median step by this share before they are a gap; scanners round positions to 0.01 mm.
const STEP_TOLERANCE: f64 = 0.02;
const STEP_ROUNDING_MM: f64 = 0.02;
/// Sideways drift per step along the normal that is no longer rounding: a tilt of about 0.3 degrees.
const TILT: f64 = 5e-3;

/// Reads the header of one DICOM file; the file is not kept open.
///
/// # Errors
/// As [`super::open`].
pub fn read_instance(path: &Path) -> Result<Instance, ImagingError> {
    let len = std::fs::metadata(path).map_err(|error| Fault::Io(error).at(path))?.len();
    let bytes = Arc::new(ReopenedFile::new(path, len));
    caught(|| Instance::read(path.to_path_buf(), bytes))
        .unwrap_or_else(|panic| Err(Fault::damaged(panic)))
        .map_err(|fault| fault.at(path))
}

/// Instances that make one image, in order.
pub struct Stack {
    pub instances: Vec<Instance>,
    pub warnings: Vec<ImageWarning>,
}

impl Stack {
    /// # Errors
    /// As [`super::open`].
    pub fn open(self) -> Result<Arc<dyn ImageSource>, ImagingError> {
        dicom::open_instances(self.instances, self.warnings)
    }
}

/// Sorts instances into images: slices of one series and size become a stack, a slide's levels one slide, multi-frame
/// objects and views without a place in the patient one image each. The second list holds copies of an instance that is
/// already there.
pub fn assemble(instances: Vec<Instance>) -> (Vec<Stack>, Vec<PathBuf>) {
    let (mut copies, mut seen) = (Vec::new(), std::collections::HashSet::new());
    let mut series: BTreeMap<(String, String), Vec<Instance>> = BTreeMap::new();
    for instance in instances {
        if !instance.sop_uid.is_empty() && !seen.insert(instance.sop_uid.clone()) {
            copies.push(instance.path);
            continue;
        }
        series.entry((instance.study_uid.clone(), instance.series_uid.clone())).or_default().push(instance);
    }
    let mut stacks = Vec::new();
    for ((_, series_uid), members) in series {
        let (slides, rest): (Vec<_>, Vec<_>) = members.into_iter().partition(Instance::is_placed_slide);
        if !slides.is_empty() {
            stacks.push(Stack { instances: slides, warnings: Vec::new() });
        }
        let (slices, alone): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|one| !series_uid.is_empty() && is_slice(one));
        stacks.extend(alone.into_iter().map(|one| Stack { instances: vec![one], warnings: Vec::new() }));
        let mut by_shape: BTreeMap<_, Vec<Instance>> = BTreeMap::new();
        for one in slices {
            let size = one.layout.size_px;
            by_shape.entry((size.width, size.height, one.layout.decoded_channels())).or_default().push(one);
        }
        let mixed = by_shape.len() > 1;
        for (_, members) in by_shape {
            let mut stack = in_order(members);
            if mixed {
                stack.warnings.insert(0, warning("series-mixed-size", String::new()));
            }
            stacks.push(stack);
        }
    }
    stacks.sort_by(|a, b| first_path(a).cmp(&first_path(b)));
    (stacks, copies)
}

fn first_path(stack: &Stack) -> Option<&PathBuf> {
    stack.instances.iter().map(|one| &one.path).min()
}

/// A single frame that has a place among others. Views (radiographs, ultrasound stills) have none and stay single.
fn is_slice(instance: &Instance) -> bool {
    instance.frame_count == 1
        && (instance.pose(0).is_some() || matches!(instance.modality.as_str(), "CT" | "MR" | "PT" | "NM"))
}

fn warning(code: &'static str, detail: String) -> ImageWarning {
    ImageWarning { code, detail }
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// Orders slices of one series and says what a reader of the stack must know.
fn in_order(mut slices: Vec<Instance>) -> Stack {
    let by_number =
        |a: &Instance, b: &Instance| a.instance_number.total_cmp(&b.instance_number).then_with(|| a.path.cmp(&b.path));
    slices.sort_by(by_number);
    let poses: Vec<Option<PlanePose>> = slices.iter().map(|one| one.pose(0)).collect();
    let missing = poses.iter().filter(|pose| pose.is_none()).count();
    let mut warnings = Vec::new();
    if slices.len() > 1 && missing > 0 {
        warnings.push(warning("series-missing-position", missing.to_string()));
    }
    let known: Vec<PlanePose> = poses.into_iter().flatten().collect();
    let Some(first) = known.first().filter(|_| missing == 0 && slices.len() > 1) else {
        return Stack { instances: slices, warnings };
    };
    let same =
        |pose: &PlanePose| dot(pose.row_dir, first.row_dir) > 0.9999 && dot(pose.col_dir, first.col_dir) > 0.9999;
    if !known.iter().all(same) {
        warnings.push(warning("series-mixed-orientation", String::new()));
        return Stack { instances: slices, warnings };
    }
    let normal = first.normal();
    let mut placed: Vec<(f64, PlanePose, Instance)> =
        known.iter().zip(slices).map(|(pose, one)| (dot(pose.origin_mm, normal), *pose, one)).collect();
    // A stable sort: slices at one place stay in the order of their instance numbers.
    placed.sort_by(|a, b| a.0.total_cmp(&b.0));
    warnings.extend(spacing_warnings(&placed, normal));
    Stack { instances: placed.into_iter().map(|(_, _, one)| one).collect(), warnings }
}

fn spacing_warnings(placed: &[(f64, PlanePose, Instance)], normal: [f64; 3]) -> Vec<ImageWarning> {
    let mut out = Vec::new();
    let steps: Vec<f64> = placed.iter().zip(placed.iter().skip(1)).map(|(a, b)| b.0 - a.0).collect();
    let duplicates = steps.iter().filter(|step| **step < SAME_PLACE_MM).count();
    if duplicates > 0 {
        out.push(warning("series-duplicate-position", duplicates.to_string()));
    }
    let mut real: Vec<f64> = steps.into_iter().filter(|step| *step >= SAME_PLACE_MM).collect();
    real.sort_by(f64::total_cmp);
    let (Some(least), Some(most), Some(median)) = (real.first(), real.last(), real.get(real.len() / 2)) else {
        return out;
    };
    let tolerance = median * STEP_TOLERANCE + STEP_ROUNDING_MM;
    let uneven = real.iter().filter(|step| (**step - median).abs() > tolerance).count();
    if uneven > 0 {
        out.push(warning(
            "series-gap",
            format!("steps={uneven} min_mm={least:.3} median_mm={median:.3} max_mm={most:.3}"),
        ));
    }
    if let Some(degrees) = tilt_degrees(placed, normal) {
        out.push(warning("series-tilt", format!("degrees={degrees:.1}")));
    }
    out
}

/// The angle between the line through the slices' origins and the slice normal, when it is more than rounding.
#[allow(clippy::indexing_slicing, reason = "three axes in arrays of three")]
fn tilt_degrees(placed: &[(f64, PlanePose, Instance)], normal: [f64; 3]) -> Option<f64> {
    let ((low, a, _), (high, b, _)) = (placed.first()?, placed.last()?);
    let along = high - low;
    let sideways: [f64; 3] = std::array::from_fn(|i| b.origin_mm[i] - a.origin_mm[i] - normal[i] * along);
    let drift = dot(sideways, sideways).sqrt() / along;
    (drift.is_finite() && drift > TILT).then(|| drift.atan().to_degrees())
}

fn is_dicom(path: &Path) -> bool {
    FileBytes::open(path).is_ok_and(|bytes| formats::is_dicom(&bytes).unwrap_or(false))
}

/// Opens files that make one image: one file of any format with those that belong to it, or the DICOM files of one series in
/// any order.
///
/// # Errors
/// As [`super::open`]; `Unsupported` when the files make more than one image.
pub fn open_series(paths: &[PathBuf]) -> Result<Arc<dyn ImageSource>, ImagingError> {
    match paths {
        [] => Err(ImagingError::OutOfRange { what: "file", index: 0, count: 0 }),
        [path] => super::open(path),
        // The parts of an OME set or of a MIRAX slide are found from its first file.
        [first, ..] if !is_dicom(first) => super::open(first),
        [first, ..] => {
            let instances: Result<Vec<_>, _> = paths.iter().map(|path| read_instance(path)).collect();
            let (stacks, _) = assemble(instances?);
            let count = stacks.len();
            let mut stacks = stacks.into_iter();
            match (stacks.next(), stacks.next()) {
                (Some(stack), None) => stack.open(),
                _ => Err(Fault::not_an_image(format!("these files make {count} images, not one")).at(first)),
            }
        }
    }
}
