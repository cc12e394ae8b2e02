//! What the frames of a nuclear medicine file are: the vectors of PS3.3 C.8.4.8, and the names of what they count.

use std::sync::Arc;

use super::dataset::{Dataset, Tag};
use crate::{
    domain::Sensitive,
    imaging::{FramePart, FramePartKind as Kind},
};

const POINTER: Tag = 0x0028_0009;
const ENERGY_WINDOWS: Tag = 0x0054_0012;
const ENERGY_WINDOW_NAME: Tag = 0x0054_0018;
const DETECTORS: Tag = 0x0054_0022;
const VIEW: Tag = 0x0054_0220;
const PHASES: Tag = 0x0054_0032;
const PHASE_NAME: Tag = 0x0054_0039;
const CODE_MEANING: Tag = 0x0008_0104;

const VECTORS: [(Tag, Kind); 8] = [
    (0x0054_0010, Kind::EnergyWindow),
    (0x0054_0020, Kind::Detector),
    (0x0054_0030, Kind::Phase),
    (0x0054_0050, Kind::Rotation),
    (0x0054_0060, Kind::RrInterval),
    (0x0054_0070, Kind::TimeSlot),
    (0x0054_0090, Kind::AngularView),
    (0x0054_0100, Kind::TimeSlice),
];

/// What each frame belongs to, as far as it tells one frame from another or has a name; empty where the file says nothing.
pub fn parts(data: &Dataset<'_>, frame_count: u32) -> Vec<Arc<[FramePart]>> {
    let pointed: Vec<Tag> = data
        .words(POINTER)
        .as_chunks::<2>()
        .0
        .iter()
        .map(|[group, element]| u32::from(*group) << 16 | u32::from(*element))
        .collect();
    let count = frame_count as usize;
    let vectors: Vec<(Kind, Vec<u16>, Vec<String>)> = VECTORS
        .iter()
        .filter(|(tag, _)| pointed.is_empty() || pointed.contains(tag))
        .map(|(tag, kind)| (*kind, data.words(*tag), names(data, *kind)))
        .filter(|(_, numbers, names)| {
            let varies = numbers.iter().any(|n| Some(n) != numbers.first());
            numbers.len() == count && (varies || names.iter().any(|name| !name.is_empty()))
        })
        .collect();
    if vectors.is_empty() {
        return Vec::new();
    }
    let of = |frame: usize| {
        let part = |(kind, numbers, names): &(Kind, Vec<u16>, Vec<String>)| {
            let number = *numbers.get(frame)?;
            let name = usize::from(number).checked_sub(1).and_then(|n| names.get(n)).cloned().unwrap_or_default();
            Some(FramePart { kind: *kind, number, name: Sensitive::new(name) })
        };
        vectors.iter().filter_map(part).collect()
    };
    (0..count).map(of).collect()
}

/// What the file calls the first, second … of a kind.
fn names(data: &Dataset<'_>, kind: Kind) -> Vec<String> {
    match kind {
        Kind::EnergyWindow => data.items(ENERGY_WINDOWS).iter().map(|item| item.text(ENERGY_WINDOW_NAME)).collect(),
        Kind::Detector => {
            let view = |item: &Dataset<'_>| item.item(VIEW).map(|code| code.text(CODE_MEANING)).unwrap_or_default();
            data.items(DETECTORS).iter().map(view).collect()
        }
        Kind::Phase => data.items(PHASES).iter().map(|item| item.text(PHASE_NAME)).collect(),
        _ => Vec::new(),
    }
}
