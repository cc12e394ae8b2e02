//! The two readers of the demonstration: where each outlines what was planted, how exactly, and by which name. The
//! disagreements are planted too, so that every kind that adjudication knows occurs.
#![allow(clippy::cast_precision_loss, reason = "counts of vertices")]

use super::noise::{Rng, sin_turn};
use super::{Planted, PlantedKind};
use crate::domain::{Ring, Shape};

/// What one reader makes of one planted lesion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Opinion {
    pub term: &'static str,
    /// 1 is the true size; less leaves part of the lesion out.
    pub scale: f64,
}

/// What a reader of this hand calls a lesion; `None` when it was overlooked. `number` counts lesions of a case.
pub fn opinion(reader: usize, kind: PlantedKind, number: usize, case: &str) -> Option<Opinion> {
    let seen = |term| Some(Opinion { term, scale: 1.0 });
    match (kind, reader) {
        // Grade of differentiation: the two disagree by name.
        (PlantedKind::Carcinoma, 0) => seen("P0018"),
        (PlantedKind::Carcinoma, _) => seen("P0019"),
        (PlantedKind::Adenoma, _) => seen("P0024"),
        (PlantedKind::LymphoidFollicle, 0) => seen("P0006"),
        (PlantedKind::LymphoidFollicle, _) => None,
        // The ground-glass nodule has no sharp edge: the second reader outlines its core alone.
        (PlantedKind::GroundGlassNodule, 0) => seen("R0004"),
        (PlantedKind::GroundGlassNodule, _) => Some(Opinion { term: "R0004", scale: 0.62 }),
        (PlantedKind::SolidNodule, 0) if number > 0 => None,
        (PlantedKind::SolidNodule, _) => seen("R0002"),
        (PlantedKind::Polyp, _) => seen("E0004"),
        (PlantedKind::Erosion, 1) if case.ends_with('2') => seen("E0024"),
        (PlantedKind::Erosion, _) => seen("E0023"),
    }
}

/// A drawn outline: the planted one, resized about its middle, with the slow wobble of a hand. Rounded to hundredths of
/// a pixel, as a pointer would give it.
pub fn drawn(planted: &Planted, scale: f64, rng: &mut Rng) -> Shape {
    let n = planted.outline.len() as f64;
    let (cx, cy) = planted.outline.iter().fold((0.0, 0.0), |s, p| (s.0 + p.0 / n, s.1 + p.1 / n));
    let waves: Vec<(f32, f32, f32)> = (2..6).map(|k| (k as f32, rng.range(0.004, 0.012), rng.unit())).collect();
    let ring: Ring = planted
        .outline
        .iter()
        .enumerate()
        .map(|(i, (x, y))| {
            let turns = i as f64 / n;
            let wobble: f32 = waves.iter().map(|(k, a, phase)| a * sin_turn(to_f32(turns) * k + phase)).sum();
            let factor = scale * (1.0 + f64::from(wobble));
            [hundredths(cx + (x - cx) * factor), hundredths(cy + (y - cy) * factor)]
        })
        .collect();
    Shape::from_ring(ring)
}

/// A plain ellipse, for marks where nothing was planted.
pub fn ellipse(cx: f64, cy: f64, rx: f64, ry: f64) -> Shape {
    let point = |i: i32| {
        let t = to_f32(f64::from(i) / 36.0);
        [hundredths(cx + rx * f64::from(sin_turn(t + 0.25))), hundredths(cy + ry * f64::from(sin_turn(t)))]
    };
    Shape::from_ring((0..36).map(point).collect())
}

fn hundredths(v: f64) -> f64 {
    (v * 100.0).round() / 100.0
}

#[allow(clippy::cast_possible_truncation, reason = "an angle in turns")]
fn to_f32(v: f64) -> f32 {
    v as f32
}
