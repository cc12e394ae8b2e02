//! What may differ from frame to frame: pose, rescale and windows, from the plain attributes or the functional groups of
//! enhanced objects (PS3.3 C.7.6.16).

use std::sync::Arc;

use super::{
    dataset::{Dataset, Tag},
    header::{tag, windows},
    real_world,
};
use crate::{
    domain::PlanePose,
    imaging::{
        RealWorld, Window,
        phases::{Keys, number_key},
    },
};

pub(super) const SHARED_GROUPS: Tag = 0x5200_9229;
pub(super) const PER_FRAME_GROUPS: Tag = 0x5200_9230;
const PIXEL_MEASURES: Tag = 0x0028_9110;
const PLANE_POSITION: Tag = 0x0020_9113;
const PLANE_ORIENTATION: Tag = 0x0020_9116;
const FRAME_CONTENT: Tag = 0x0020_9111;
const STACK_ID: Tag = 0x0020_9056;
const TEMPORAL_INDEX: Tag = 0x0020_9128;
const ECHO_MACRO: Tag = 0x0018_9114;
const EFFECTIVE_ECHO: Tag = 0x0018_9082;
const DIFFUSION_MACRO: Tag = 0x0018_9117;
const DIFFUSION_B: Tag = 0x0018_9087;
const CARDIAC_MACRO: Tag = 0x0018_9118;
const CARDIAC_DELAY: Tag = 0x0020_9153;
const DIMENSION_VALUES: Tag = 0x0020_9157;
const VALUE_TRANSFORMATION: Tag = 0x0028_9145;
pub(super) const FRAME_VOI: Tag = 0x0028_9132;
/// Frame types of CT, MR, PET and X-ray, which say Pixel Presentation of a frame.
const FRAME_TYPES: [Tag; 4] = [0x0018_9329, 0x0018_9226, 0x0018_9751, 0x0018_9504];
const PRESENTATION: Tag = 0x0008_9205;

/// One set of per-frame values; what a frame does not say is taken from what is shared.
#[derive(Clone, Debug, Default, PartialEq)]
struct Macros {
    position: Option<[f64; 3]>,
    /// Row direction, then column direction.
    orientation: Option<[f64; 6]>,
    /// Along x, along y.
    spacing_mm: Option<[f64; 2]>,
    rescale: Option<(f64, f64)>,
    windows: Vec<Window>,
    keys: Keys,
    real_world: Option<Arc<[RealWorld]>>,
    /// Pixel Presentation of the frame: grey although the object has colours.
    grey: bool,
}

/// The values of every frame of one instance.
#[derive(Clone, Debug, Default)]
pub struct FrameMacros {
    shared: Macros,
    per_frame: Vec<Macros>,
}

fn array<const N: usize>(values: &[f64]) -> Option<[f64; N]> {
    values.get(..N)?.try_into().ok()
}

/// What tells frames of one place apart (C.7.6.16.2.2 and the macros of MR).
fn keys(group: &Dataset<'_>) -> Keys {
    let content = group.item(FRAME_CONTENT);
    let content = content.as_ref();
    let of = |sequence, tag| number_key(group.item(sequence).and_then(|item| item.number(tag)));
    let long = |tag| number_key(content.and_then(|item| item.long(tag)).map(f64::from));
    let dimensions = content.and_then(|item| item.bytes(DIMENSION_VALUES)).map(<[u8]>::to_vec).unwrap_or_default();
    let last = if dimensions.len() >= 4 { content.map(|item| item.longs(DIMENSION_VALUES)) } else { None };
    let last = number_key(last.and_then(|values| values.last().copied()).map(f64::from));
    [
        content.map(|item| item.text(STACK_ID)).unwrap_or_default(),
        of(ECHO_MACRO, EFFECTIVE_ECHO),
        of(DIFFUSION_MACRO, DIFFUSION_B),
        long(TEMPORAL_INDEX),
        of(CARDIAC_MACRO, CARDIAC_DELAY),
        last,
        String::new(),
        String::new(),
    ]
}

impl Macros {
    fn from_plain(data: &Dataset<'_>, signed: bool) -> Self {
        Self {
            position: array(&data.numbers(tag::POSITION)),
            orientation: array(&data.numbers(tag::ORIENTATION)).filter(is_orientation),
            spacing_mm: spacing(data),
            rescale: rescale(data),
            windows: windows(data),
            keys: Keys::default(),
            real_world: real_world::read(data, signed),
            grey: false,
        }
    }

    fn from_group(group: &Dataset<'_>, signed: bool) -> Self {
        let item = |tag| group.item(tag);
        Self {
            position: item(PLANE_POSITION).and_then(|plane| array(&plane.numbers(tag::POSITION))),
            orientation: item(PLANE_ORIENTATION)
                .and_then(|plane| array(&plane.numbers(tag::ORIENTATION)))
                .filter(is_orientation),
            spacing_mm: item(PIXEL_MEASURES).and_then(|measures| spacing(&measures)),
            rescale: item(VALUE_TRANSFORMATION).and_then(|value| rescale(&value)),
            windows: item(FRAME_VOI).map(|voi| windows(&voi)).unwrap_or_default(),
            keys: keys(group),
            real_world: real_world::read(group, signed),
            grey: FRAME_TYPES.iter().any(|tag| item(*tag).is_some_and(|kind| kind.text(PRESENTATION) == "MONOCHROME")),
        }
    }

    fn or(self, fallback: &Self) -> Self {
        Self {
            position: self.position.or(fallback.position),
            orientation: self.orientation.or(fallback.orientation),
            spacing_mm: self.spacing_mm.or(fallback.spacing_mm),
            rescale: self.rescale.or(fallback.rescale),
            windows: if self.windows.is_empty() { fallback.windows.clone() } else { self.windows },
            keys: self.keys,
            real_world: self.real_world.or_else(|| fallback.real_world.clone()),
            grey: self.grey || fallback.grey,
        }
    }
}

/// Two unit vectors at right angles, within what six decimals can say.
fn is_orientation(o: &[f64; 6]) -> bool {
    let [a, b, c, d, e, f] = *o;
    let near = |value: f64, to: f64| (value - to).abs() < 1e-2;
    near(a * a + b * b + c * c, 1.0) && near(d * d + e * e + f * f, 1.0) && near(a * d + b * e + c * f, 0.0)
}

fn spacing(data: &Dataset<'_>) -> Option<[f64; 2]> {
    let [y, x] = array(&data.numbers(tag::SPACING))?;
    (x > 0.0 && y > 0.0).then_some([x, y])
}

/// Slope and intercept; a slope of zero would lose the image and is taken for a missing one.
fn rescale(data: &Dataset<'_>) -> Option<(f64, f64)> {
    let slope = data.number(tag::SLOPE).filter(|slope| *slope != 0.0)?;
    Some((slope, data.number(tag::INTERCEPT).unwrap_or(0.0)))
}

/// The unit that the functional groups of an enhanced object name: of all frames, or of the first.
pub(super) fn rescale_type(data: &Dataset<'_>) -> Option<String> {
    let of = |group: Option<Dataset<'_>>| group?.item(VALUE_TRANSFORMATION).map(|item| item.text(tag::RESCALE_TYPE));
    of(data.item(SHARED_GROUPS)).or_else(|| of(data.item(PER_FRAME_GROUPS)))
}

impl FrameMacros {
    pub fn read(data: &Dataset<'_>, frame_count: u32, signed: bool) -> Self {
        let plain = Macros::from_plain(data, signed);
        let shared =
            data.item(SHARED_GROUPS).map(|group| Macros::from_group(&group, signed)).unwrap_or_default().or(&plain);
        let mut per_frame: Vec<Macros> = data
            .items(PER_FRAME_GROUPS)
            .iter()
            .take(frame_count as usize)
            .map(|group| Macros::from_group(group, signed))
            .collect();
        if per_frame.iter().all(|macros| *macros == Macros::default()) {
            per_frame.clear();
        }
        Self { shared, per_frame }
    }

    fn of(&self, frame: u32) -> Macros {
        match self.per_frame.get(frame as usize) {
            Some(own) => own.clone().or(&self.shared),
            None => self.shared.clone(),
        }
    }

    pub fn spacing_mm(&self, frame: u32) -> Option<[f64; 2]> {
        self.of(frame).spacing_mm
    }

    /// Slope and intercept, (1, 0) where the file names none.
    pub fn rescale(&self, frame: u32) -> (f64, f64) {
        self.of(frame).rescale.unwrap_or((1.0, 0.0))
    }

    pub fn windows(&self, frame: u32) -> Vec<Window> {
        self.of(frame).windows
    }

    pub fn real_world(&self, frame: u32) -> Option<Arc<[RealWorld]>> {
        self.of(frame).real_world
    }

    /// Whether the frame is said to be grey where others of the object are coloured.
    pub fn is_grey(&self, frame: u32) -> bool {
        self.of(frame).grey
    }

    /// What may tell frames of one place apart.
    pub fn keys(&self, frame: u32) -> Keys {
        self.of(frame).keys
    }

    pub fn pose(&self, frame: u32) -> Option<PlanePose> {
        let macros = self.of(frame);
        let [a, b, c, d, e, f] = macros.orientation?;
        // Only the spacing is optional: order and direction are known without it.
        Some(PlanePose {
            origin_mm: macros.position?,
            row_dir: [a, b, c],
            col_dir: [d, e, f],
            spacing_mm: macros.spacing_mm?,
        })
    }
}
