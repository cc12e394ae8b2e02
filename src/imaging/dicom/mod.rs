//! DICOM: single frames, multi-frame objects and series as one stack; whole slides are in `slide.rs`.

mod cine;
mod cover;
pub mod dataset;
pub mod directory;
mod fragments;
mod functional;
mod grey;
pub mod header;
mod matrix;
mod nuclear;
mod palette;
mod real_world;
mod samples;
pub mod slide;
mod spacing;
mod store;
mod suv;
mod syntax;

use std::sync::Arc;

use super::{
    Cover, DisplayDefaults, FrameInfo, Identity, ImageMeta, ImageSource, ImageWarning, ImagingError, PixelBuffer,
    Timing, TimingSource,
    bytes::ByteSource,
    fault::Fault,
    frames::{FrameCache, flat_level, level_of},
    guard::caught,
    phases::{self, Placed},
    values::window_of_frame,
    video,
};
use crate::domain::{PlanePose, TileKey};
use header::{Instance, field_of};

/// Whether images of this transfer syntax are read, for whoever asks before sending them.
pub fn reads_transfer_syntax(uid: &str) -> bool {
    syntax::TransferSyntax::from_uid(uid).check_readable().is_ok()
}

/// A stack of frames of one size: the frames of one file, or the files of one series in order.
pub struct DicomStack {
    meta: ImageMeta,
    instances: Vec<Instance>,
    /// Instance and frame within it, per frame of the stack.
    order: Vec<(usize, u32)>,
    cache: FrameCache,
}

impl DicomStack {
    /// A stack of instances that share size and channels, already in order.
    ///
    /// # Errors
    /// `OutOfRange` without any instance.
    pub fn new(instances: Vec<Instance>, warnings: Vec<ImageWarning>) -> Result<Self, ImagingError> {
        let Some(first) = instances.first() else {
            return Err(ImagingError::OutOfRange { what: "instance", index: 0, count: 0 });
        };
        let (order, groups) = order(&instances);
        let mut warnings = warnings;
        if let Some(last) = groups.last().filter(|last| **last > 0) {
            warnings.push(ImageWarning { code: "dicom-frames-in-groups", detail: (last + 1).to_string() });
        }
        let frames = order
            .iter()
            .zip(groups)
            .filter_map(|((index, frame), group)| {
                Some(FrameInfo { group, ..frame_info(instances.get(*index)?, *index, *frame) })
            })
            .collect();
        let layout = &first.layout;
        let mut meta = ImageMeta {
            format: if instances.len() > 1 { "DICOM series".to_owned() } else { "DICOM".to_owned() },
            reader: "dicom (native)",
            field: field_of(&first.modality),
            levels: vec![flat_level(layout.size_px)],
            frames,
            channels: layout.decoded_channels(),
            bits_stored: layout.bits_stored,
            signed: layout.signed,
            spacing: first.spacing,
            transfer_syntax: Some(first.syntax.label()),
            photometric: layout.photometric.name().to_owned(),
            display: DisplayDefaults {
                window: None,
                invert: first.inverted,
                unit: first.unit.clone(),
                sigmoid: first.sigmoid,
                other_units: first.other_units.clone(),
            },
            warnings,
            files: instances.iter().map(|one| one.path.clone()).collect(),
            identity: identity(&instances),
            ..ImageMeta::default()
        };
        for warning in instances.iter().flat_map(|one| &one.warnings) {
            if !meta.warnings.contains(warning) {
                meta.warnings.push(warning.clone());
            }
        }
        meta.timing = timing(&meta.frames);
        let mut stack = Self { meta, instances, order, cache: FrameCache::default() };
        stack.meta.display.window = stack.default_window();
        Ok(stack)
    }

    /// The stored window of the middle frame, else one from its values. Plain 8-bit grey needs none.
    fn default_window(&self) -> Option<super::Window> {
        if self.meta.channels != 1 {
            return None;
        }
        let middle = self.meta.frames.len() / 2;
        let frame = self.meta.frames.get(middle)?;
        // The file's own table says more than a window does (pydicom prefers it too); a window is one gesture away.
        if frame.grey.as_ref().is_some_and(|rules| !rules.voi_luts.is_empty()) {
            return None;
        }
        if let Some(window) = frame.windows.first() {
            return Some(*window);
        }
        let table = frame.grey.as_ref().is_some_and(|rules| rules.modality_lut.is_some());
        if table || self.meta.bits_stored <= 8 && !self.meta.signed && frame.rescale == (1.0, 0.0) {
            return None;
        }
        let pixels = self.decode(u32::try_from(middle).ok()?).ok();
        Some(window_of_frame(pixels.as_ref(), self.meta.bits_stored, self.meta.signed, frame))
    }

    fn decode(&self, frame: u32) -> Result<PixelBuffer, ImagingError> {
        let count = self.order.len() as u64;
        let none = || ImagingError::OutOfRange { what: "frame", index: u64::from(frame), count };
        let (index, inner) = self.order.get(frame as usize).ok_or_else(none)?;
        let instance = self.instances.get(*index).ok_or_else(none)?;
        decode_frame(instance, *inner)
    }
}

/// When frames are shown, in microseconds, where every frame says how long it is.
fn timing(frames: &[FrameInfo]) -> Option<Timing> {
    let durations: Option<Vec<f64>> = frames.iter().map(|frame| frame.duration_ms).collect();
    let mut at = 0.0;
    #[allow(clippy::cast_possible_truncation, reason = "microseconds of a loop")]
    let ticks = durations.filter(|all| all.len() > 1)?.into_iter().map(|ms| {
        let tick = (at * 1000.0_f64).round() as i64;
        at += ms;
        tick
    });
    let (ticks, keys) = (ticks.collect(), Arc::default());
    Some(Timing { ticks, tick_s: (1, 1_000_000), keys, source: TimingSource::Header })
}

/// The frames in the order of the stack, and the group of each. Frames of a single multi-frame object are ordered in space
/// where they have one direction and are not in order: phase by phase, slice by slice. Everything else stays as it came.
fn order(instances: &[Instance]) -> (Vec<(usize, u32)>, Vec<u32>) {
    let all = || instances.iter().enumerate().flat_map(|(index, one)| (0..one.frame_count).map(move |f| (index, f)));
    let as_stored = || (all().collect::<Vec<_>>(), vec![0; all().count()]);
    let [one] = instances else { return as_stored() };
    let poses: Option<Vec<PlanePose>> = (0..one.frame_count).map(|frame| one.pose(frame)).collect();
    let Some((poses, first)) = poses.and_then(|poses| Some((poses.clone(), *poses.first()?))) else {
        return as_stored();
    };
    if poses.len() < 2 || !poses.iter().all(|pose| pose.is_parallel_to(&first)) {
        return as_stored();
    }
    let normal = first.normal();
    let placed: Vec<Placed<u32>> = (0_u32..)
        .zip(&poses)
        .map(|(frame, pose)| Placed {
            at_mm: pose.origin_mm.iter().zip(normal).map(|(a, b)| a * b).sum(),
            keys: one.frames.keys(frame),
            item: frame,
        })
        .collect();
    // From either end they are in order already, and keep the numbers that other programs give them.
    let steady = |up: bool| placed.is_sorted_by(|a, b| if up { a.at_mm < b.at_mm } else { a.at_mm > b.at_mm });
    if steady(true) || steady(false) {
        return as_stored();
    }
    let stacks = phases::split(placed);
    let groups = (0_u32..).zip(&stacks).flat_map(|(group, stack)| vec![group; stack.len()]).collect();
    (stacks.into_iter().flatten().map(|one| (0, one.item)).collect(), groups)
}

/// Decodes one frame of one instance.
fn decode_frame(instance: &Instance, frame: u32) -> Result<PixelBuffer, ImagingError> {
    let palette = (instance.palette.as_slice(), instance.palette_first);
    caught(|| instance.pixels.decode(&instance.layout, palette, frame))
        .unwrap_or_else(|panic| Err(super::fault::Fault::damaged(panic)))
        .map_err(|fault| fault.at(&instance.path))
}

fn frame_info(instance: &Instance, index: usize, frame: u32) -> FrameInfo {
    FrameInfo {
        rescale: instance.frames.rescale(frame),
        pose: instance.pose(frame),
        file: u32::try_from(index).unwrap_or(u32::MAX),
        windows: instance.frames.windows(frame),
        grey: instance.grey_of(frame),
        duration_ms: instance.durations_ms.get(frame as usize).copied(),
        group: 0,
        real_world: instance.frames.real_world(frame),
        parts: instance.parts.get(frame as usize).cloned(),
    }
}

fn identity(instances: &[Instance]) -> Identity {
    let Some(first) = instances.first() else { return Identity::default() };
    Identity {
        study_uid: first.study_uid.clone(),
        series_uid: first.series_uid.clone(),
        patient_id: first.patient_id.clone(),
        patient_name: first.patient_name.clone(),
        modality: first.modality.clone(),
        sop_uids: instances.iter().map(|one| one.sop_uid.clone()).collect(),
        frame_of_reference: first.frame_of_reference.clone(),
        study_date: first.study_date.clone(),
        series_description: first.series_description.clone(),
    }
}

impl ImageSource for DicomStack {
    fn meta(&self) -> &ImageMeta {
        &self.meta
    }

    fn read_tile(&self, key: TileKey) -> Result<PixelBuffer, ImagingError> {
        let level = level_of(&self.meta.levels, key)?;
        self.cache.tile(level, key, || self.decode(key.frame))
    }

    fn read_associated(&self, _name: &str) -> Result<PixelBuffer, ImagingError> {
        Err(ImagingError::OutOfRange { what: "associated image", index: 0, count: 0 })
    }

    fn has_covers(&self) -> bool {
        self.instances.iter().any(|one| !one.covers.is_empty())
    }

    fn cover(&self, frame: u32) -> Result<Option<Cover>, ImagingError> {
        let Some((instance, inner)) = self
            .order
            .get(frame as usize)
            .and_then(|(index, inner)| Some((self.instances.get(*index)?, *inner)))
            .filter(|(instance, _)| !instance.covers.is_empty())
        else {
            return Ok(None);
        };
        let words = if instance.covers.in_pixels() {
            instance.pixels.words(&instance.layout, inner).map_err(|fault| fault.at(&instance.path))?
        } else {
            None
        };
        Ok(instance.covers.of(instance.layout.size_px, inner, words.as_deref()))
    }
}

/// Instances that belong together as one opened image.
pub fn open_instances(
    instances: Vec<Instance>,
    mut warnings: Vec<ImageWarning>,
) -> Result<Arc<dyn ImageSource>, ImagingError> {
    if instances.iter().any(Instance::is_placed_slide) {
        return Ok(Arc::new(slide::DicomSlide::new(instances, warnings)?));
    }
    if let [film] = instances.as_slice()
        && let Some((bytes, pieces)) = film.pixels.film()
    {
        return open_film(film, bytes, &pieces).map_err(|fault| fault.at(&film.path));
    }
    if instances.iter().any(|one| one.slide.is_some()) {
        warnings.push(ImageWarning { code: "slide-tiles-not-placed", detail: String::new() });
    }
    Ok(Arc::new(DicomStack::new(instances, warnings)?))
}

/// A film inside DICOM: the pixels and their times are the stream's, the rest is the header's.
fn open_film(
    instance: &Instance,
    bytes: &dyn ByteSource,
    pieces: &[(u64, u64)],
) -> Result<Arc<dyn ImageSource>, Fault> {
    let mut film = video::open_ranges(instance.path.clone(), bytes, pieces)?;
    let meta = film.meta_mut();
    meta.format = format!("DICOM film ({})", meta.format);
    meta.field = field_of(&instance.modality);
    meta.transfer_syntax = Some(instance.syntax.label());
    meta.identity = identity(std::slice::from_ref(instance));
    Ok(Arc::new(film))
}
