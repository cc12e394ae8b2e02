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
    phases::{self, Placed, SAME_PLACE_MM},
    video,
};
use crate::domain::PlanePose;

/// Steps may differ from the median step by this share before they are a gap; scanners round positions to 0.01 mm.
const STEP_TOLERANCE: f64 = 0.02;
const STEP_ROUNDING_MM: f64 = 0.02;
/// Directions within one series that are told apart; more are a sequence of views.
const MOST_DIRECTIONS: usize = 8;
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

/// Threads that read headers at once; more only wait for the same disk.
const MOST_HANDS: usize = 8;
/// Files that are worth a thread of their own.
const FILES_EACH: usize = 16;

/// Applies `work` to many files on several threads, when there are enough of them; results in the order of the paths.
pub fn in_parallel<T: Send>(paths: &[PathBuf], work: impl Fn(&Path) -> T + Sync) -> Vec<T> {
    let machine = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let hands = machine.min(MOST_HANDS).min(paths.len() / FILES_EACH);
    let all = |part: &[PathBuf]| part.iter().map(|path| work(path)).collect::<Vec<T>>();
    if hands < 2 {
        return all(paths);
    }
    let all = &all;
    std::thread::scope(|scope| {
        let parts: Vec<_> = paths
            .chunks(paths.len().div_ceil(hands))
            .map(|part| {
                (part, std::thread::Builder::new().name("headers".to_owned()).spawn_scoped(scope, move || all(part)))
            })
            .collect();
        parts
            .into_iter()
            .flat_map(|(part, hand)| match hand.map(std::thread::ScopedJoinHandle::join) {
                Ok(Ok(done)) => done,
                // Without a thread, or when one was stopped, the work is done here.
                _ => all(part),
            })
            .collect()
    })
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

/// Sorts instances into images: slices of one series, size, direction and phase become a stack, a slide's levels one slide, multi-frame
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
            for mut stack in in_order(members) {
                if mixed {
                    stack.warnings.insert(0, warning("series-mixed-size", String::new()));
                }
                stacks.push(stack);
            }
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

/// Slices of one series and size as stacks: by direction, by phase, ordered by place; and what a reader must know.
fn in_order(mut slices: Vec<Instance>) -> Vec<Stack> {
    let by_number =
        |a: &Instance, b: &Instance| a.instance_number.total_cmp(&b.instance_number).then_with(|| a.path.cmp(&b.path));
    slices.sort_by(by_number);
    let poses: Vec<Option<PlanePose>> = slices.iter().map(|one| one.pose(0)).collect();
    let missing = poses.iter().filter(|pose| pose.is_none()).count();
    if slices.len() < 2 || missing > 0 {
        let mut warnings = Vec::new();
        if slices.len() > 1 {
            warnings.push(warning("series-missing-position", missing.to_string()));
        }
        return vec![Stack { instances: slices, warnings }];
    }
    let known: Vec<PlanePose> = poses.into_iter().flatten().collect();
    // Localisers hold a few slices of each direction. Where nearly every slice has its own (rotating projections, radial
    // cuts), the series is one sequence of views.
    let mut directions: Vec<(PlanePose, Vec<Instance>)> = Vec::new();
    let distinct = known.iter().enumerate().filter(|(i, pose)| !known.iter().take(*i).any(|p| p.is_parallel_to(pose)));
    if distinct.count() > MOST_DIRECTIONS.min(known.len().div_ceil(2)) {
        return vec![Stack { instances: slices, warnings: vec![warning("series-mixed-orientation", String::new())] }];
    }
    for (pose, one) in known.into_iter().zip(slices) {
        match directions.iter_mut().find(|(first, _)| first.is_parallel_to(&pose)) {
            Some((_, members)) => members.push(one),
            None => directions.push((pose, vec![one])),
        }
    }
    let mixed = directions.len() > 1;
    let mut out = Vec::new();
    for (first, members) in directions {
        let normal = first.normal();
        let placed: Vec<Placed<Instance>> = members
            .into_iter()
            .filter_map(|one| {
                Some(Placed { at_mm: dot(one.pose(0)?.origin_mm, normal), keys: one.keys.clone(), item: one })
            })
            .collect();
        let stacks = phases::split(placed);
        let count = stacks.len();
        for stack in stacks {
            let mut warnings = spacing_warnings(&stack, normal);
            if mixed {
                warnings.insert(0, warning("series-mixed-orientation", String::new()));
            }
            if count > 1 {
                warnings.insert(0, warning("series-split", count.to_string()));
            }
            out.push(Stack { instances: stack.into_iter().map(|one| one.item).collect(), warnings });
        }
    }
    out
}

fn spacing_warnings(placed: &[Placed<Instance>], normal: [f64; 3]) -> Vec<ImageWarning> {
    let mut out = Vec::new();
    let steps: Vec<f64> = placed.iter().zip(placed.iter().skip(1)).map(|(a, b)| b.at_mm - a.at_mm).collect();
    let duplicates = steps.iter().filter(|step| **step < SAME_PLACE_MM).count();
    // One place over and over is a film, not a fault.
    if duplicates > 0 && duplicates < steps.len() {
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
fn tilt_degrees(placed: &[Placed<Instance>], normal: [f64; 3]) -> Option<f64> {
    let (low, high) = (placed.first()?, placed.last()?);
    let (a, b) = (low.item.pose(0)?, high.item.pose(0)?);
    let along = high.at_mm - low.at_mm;
    let sideways: [f64; 3] = std::array::from_fn(|i| b.origin_mm[i] - a.origin_mm[i] - normal[i] * along);
    let drift = dot(sideways, sideways).sqrt() / along;
    (drift.is_finite() && drift > TILT).then(|| drift.atan().to_degrees())
}

fn is_dicom(path: &Path) -> bool {
    FileBytes::open(path).is_ok_and(|bytes| formats::is_dicom(&bytes).unwrap_or(false))
}

/// Opens files that make one image: one file of any format with those that belong to it, the DICOM files of one series in
/// any order, or films in a row.
///
/// # Errors
/// As [`super::open`]; `Unsupported` when the files make more than one image.
pub fn open_series(paths: &[PathBuf]) -> Result<Arc<dyn ImageSource>, ImagingError> {
    match paths {
        [] => Err(ImagingError::OutOfRange { what: "file", index: 0, count: 0 }),
        [path] => super::open(path),
        [first, ..] if video::is_film(first) => Ok(Arc::new(video::open_joined(paths)?)),
        // The parts of an OME set or of a MIRAX slide are found from its first file.
        [first, ..] if !is_dicom(first) => super::open(first),
        [first, ..] => {
            // A volume whose header and voxels lie in two files; the header comes first.
            let bytes = FileBytes::open(first).map_err(|error| Fault::Io(error).at(first))?;
            if !formats::is_dicom(&bytes).map_err(|fault| fault.at(first))? {
                return super::open(first);
            }
            let instances: Result<Vec<_>, _> = in_parallel(paths, read_instance).into_iter().collect();
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
