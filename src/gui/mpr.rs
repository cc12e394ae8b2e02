//! Planes through one volume, linked by a cross-hair: where they lie, how thick they are, how they are shown. Pure; the
//! drawing is `viewport/volume.rs`.

use crate::domain::ImageId;
use crate::gui::palettes::Palette;
use crate::project::tiles::DisplayState;
use crate::project::volumes::{Slab, StackGeometry};

/// Which of the three planes at right angles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaneKind {
    Axial,
    Coronal,
    Sagittal,
}

impl PlaneKind {
    pub const ALL: [Self; 3] = [Self::Axial, Self::Coronal, Self::Sagittal];

    /// Fluent key of its name.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Axial => "plane-axial",
            Self::Coronal => "plane-coronal",
            Self::Sagittal => "plane-sagittal",
        }
    }
}

/// How the samples across a slab become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SlabKind {
    #[default]
    Highest,
    Lowest,
    Mean,
}

impl SlabKind {
    /// Fluent key of its name.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Highest => "slab-highest",
            Self::Lowest => "slab-lowest",
            Self::Mean => "slab-mean",
        }
    }

    pub const fn next(self) -> Self {
        match self {
            Self::Highest => Self::Lowest,
            Self::Lowest => Self::Mean,
            Self::Mean => Self::Highest,
        }
    }
}

/// The steps of a slab's thickness (mm).
const THICKNESSES_MM: [f64; 10] = [0.0, 1.0, 2.0, 3.0, 5.0, 8.0, 10.0, 15.0, 20.0, 30.0];

type Vector = [f64; 3];

/// The state that the planes share. Directions and places are the patient's (LPS, mm).
#[derive(Clone, Debug)]
pub struct Mpr {
    pub image: ImageId,
    /// Where the cross-hair stands.
    pub centre_mm: Vector,
    /// Towards the patient's left, back and head; turned with the cross-hair.
    basis: [Vector; 3],
    pub slab: SlabKind,
    thickness_mm: f64,
    pub display: DisplayState,
    pub palette: Palette,
    /// The volume's corners; the cross-hair stays within their box.
    bounds: [Vector; 2],
    middle_mm: Vector,
    /// Step of a scroll along the stack's own axes.
    pitch_mm: Vector,
    stack_axes: [Vector; 3],
}

const PATIENT: [Vector; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

fn dot(a: Vector, b: Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// `a·s + b·t`.
fn mix(a: Vector, s: f64, b: Vector, t: f64) -> Vector {
    std::array::from_fn(|i| a[i] * s + b[i] * t)
}

impl Mpr {
    /// Planes along the patient's axes through the middle of the volume.
    pub fn new(image: ImageId, geometry: &StackGeometry, corners: [Vector; 8], display: DisplayState) -> Self {
        let low = std::array::from_fn(|i| corners.iter().map(|c| c[i]).fold(f64::INFINITY, f64::min));
        let high = std::array::from_fn(|i| corners.iter().map(|c| c[i]).fold(f64::NEG_INFINITY, f64::max));
        let middle_mm = std::array::from_fn(|i| corners.iter().map(|c| c[i]).sum::<f64>() / 8.0);
        let [x, y] = geometry.spacing_mm();
        Self {
            image,
            centre_mm: middle_mm,
            basis: PATIENT,
            slab: SlabKind::default(),
            thickness_mm: 0.0,
            display,
            palette: Palette::Grey,
            bounds: [low, high],
            middle_mm,
            pitch_mm: [x, y, geometry.steps_mm().0],
            stack_axes: geometry.axes(),
        }
    }

    /// Unit vectors of a plane's right and down.
    pub const fn axes(&self, kind: PlaneKind) -> (Vector, Vector) {
        let [x, y, z] = self.basis;
        let up = [-z[0], -z[1], -z[2]];
        match kind {
            PlaneKind::Axial => (x, y),
            PlaneKind::Coronal => (x, up),
            PlaneKind::Sagittal => (y, up),
        }
    }

    /// Unit normal of a plane, in the direction that a scroll forward goes: to the head, to the back, to the left.
    pub const fn normal(&self, kind: PlaneKind) -> Vector {
        match kind {
            PlaneKind::Axial => self.basis[2],
            PlaneKind::Coronal => self.basis[1],
            PlaneKind::Sagittal => self.basis[0],
        }
    }

    /// Distance of neighbouring samples along a direction.
    fn step_mm(&self, direction: Vector) -> f64 {
        let per_mm = (0..3).map(|i| (dot(direction, self.stack_axes[i]) / self.pitch_mm[i]).powi(2)).sum::<f64>();
        1.0 / per_mm.sqrt().max(1e-6)
    }

    /// Moves the cross-hair across a plane by whole samples.
    pub fn scroll(&mut self, kind: PlaneKind, steps: i32) {
        let normal = self.normal(kind);
        let by = self.step_mm(normal) * f64::from(steps);
        self.set_centre(mix(self.centre_mm, 1.0, normal, by));
    }

    /// Puts the cross-hair somewhere within the volume's box.
    pub fn set_centre(&mut self, p_mm: Vector) {
        if p_mm.iter().all(|v| v.is_finite()) {
            self.centre_mm = std::array::from_fn(|i| p_mm[i].clamp(self.bounds[0][i], self.bounds[1][i]));
        }
    }

    /// Turns the other two planes about the normal of this one; positive from right to down.
    pub fn turn(&mut self, kind: PlaneKind, radians: f64) {
        let (right, down) = self.axes(kind);
        let (sin, cos) = radians.sin_cos();
        let (r, d) = (mix(right, cos, down, sin), mix(down, cos, right, -sin));
        let minus = |v: Vector| v.map(|c| -c);
        match kind {
            PlaneKind::Axial => (self.basis[0], self.basis[1]) = (r, d),
            PlaneKind::Coronal => (self.basis[0], self.basis[2]) = (r, minus(d)),
            PlaneKind::Sagittal => (self.basis[1], self.basis[2]) = (r, minus(d)),
        }
        self.tidy();
    }

    /// Rounding of many small turns must not bend the axes.
    fn tidy(&mut self) {
        let unit = |v: Vector| {
            let length = dot(v, v).sqrt().max(1e-12);
            v.map(|c| c / length)
        };
        let x = unit(self.basis[0]);
        let y = unit(mix(self.basis[1], 1.0, x, -dot(self.basis[1], x)));
        let z = [x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]];
        self.basis = [x, y, z];
    }

    /// Planes along the patient's axes again, through the middle.
    pub fn reset(&mut self) {
        self.basis = PATIENT;
        self.centre_mm = self.middle_mm;
    }

    /// Whether a plane stands out of the patient's axes.
    pub fn is_oblique(&self, kind: PlaneKind) -> bool {
        let normal = self.normal(kind);
        PATIENT.iter().all(|axis| dot(normal, *axis).abs() < 0.9999)
    }

    /// Thicker or thinner by a step of the list.
    pub fn thicken(&mut self, by: i32) {
        let here = THICKNESSES_MM.iter().rposition(|t| *t <= self.thickness_mm).unwrap_or(0);
        let to = here.saturating_add_signed(by as isize).min(THICKNESSES_MM.len() - 1);
        self.thickness_mm = THICKNESSES_MM[to];
    }

    pub const fn thickness_mm(&self) -> f64 {
        self.thickness_mm
    }

    pub fn thickness(&self) -> Slab {
        match self.slab {
            _ if self.thickness_mm <= 0.0 => Slab::Thin,
            SlabKind::Highest => Slab::Highest(self.thickness_mm),
            SlabKind::Lowest => Slab::Lowest(self.thickness_mm),
            SlabKind::Mean => Slab::Mean(self.thickness_mm),
        }
    }

    /// Moves the cross-hair along a stack's normal onto one of its slices.
    pub fn onto_slice(&mut self, normal: Vector, slice_origin_mm: Vector) {
        let by = dot(normal, slice_origin_mm) - dot(normal, self.centre_mm);
        self.set_centre(mix(self.centre_mm, 1.0, normal, by));
    }
}

/// Where a flat outline in the patient meets a plane: pieces of a line, in the plane's own millimetres about its centre.
/// An outline that lies in the plane (its normal is the plane's, and it is nearer than `reach_mm`) is given whole.
pub fn cut_outline(
    ring: &[Vector],
    centre_mm: Vector,
    right: Vector,
    down: Vector,
    reach_mm: f64,
) -> Vec<[[f64; 2]; 2]> {
    let normal = [
        right[1] * down[2] - right[2] * down[1],
        right[2] * down[0] - right[0] * down[2],
        right[0] * down[1] - right[1] * down[0],
    ];
    let local: Vec<([f64; 2], f64)> = ring
        .iter()
        .map(|p| {
            let d = mix(*p, 1.0, centre_mm, -1.0);
            ([dot(d, right), dot(d, down)], dot(d, normal))
        })
        .collect();
    let edges = || local.iter().zip(local.iter().cycle().skip(1)).take(if local.len() < 2 { 0 } else { local.len() });
    let (low, high) = local.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), (_, d)| (l.min(*d), h.max(*d)));
    if high - low < 1e-3 {
        return if low.abs().max(high.abs()) <= reach_mm {
            edges().map(|(a, b)| [a.0, b.0]).collect()
        } else {
            Vec::new()
        };
    }
    let mut met: Vec<[f64; 2]> = edges()
        .filter(|(a, b)| (a.1 < 0.0) != (b.1 < 0.0))
        .map(|(a, b)| {
            let t = a.1 / (a.1 - b.1);
            [a.0[0] + (b.0[0] - a.0[0]) * t, a.0[1] + (b.0[1] - a.0[1]) * t]
        })
        .collect();
    // All on one line: every second stretch lies inside.
    met.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    met.as_chunks::<2>().0.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::PlanePose;
    use crate::project::volumes::Posed;

    fn mpr() -> Mpr {
        let frames: Vec<Posed> = (0..5_u8)
            .map(|z| Posed {
                frame: u32::from(z),
                pose: PlanePose {
                    origin_mm: [0.0, 0.0, f64::from(z) * 3.0],
                    row_dir: [1.0, 0.0, 0.0],
                    col_dir: [0.0, 1.0, 0.0],
                    spacing_mm: [0.5, 0.75],
                },
                rescale: (1.0, 0.0),
            })
            .collect();
        let geometry = StackGeometry::new(&frames).unwrap();
        let corners = geometry.corners_mm([40, 40]);
        let id = ImageId::new("I-1").unwrap();
        Mpr::new(id, &geometry, corners, DisplayState::default())
    }

    #[test]
    fn a_scroll_goes_from_sample_to_sample_and_stops_at_the_end() {
        let mut m = mpr();
        let z = m.centre_mm[2];
        m.scroll(PlaneKind::Axial, 1);
        assert!((m.centre_mm[2] - z - 3.0).abs() < 1e-9);
        m.scroll(PlaneKind::Sagittal, 2);
        assert!((m.centre_mm[0] - 9.75 - 1.0).abs() < 1e-9, "{:?}", m.centre_mm);
        m.scroll(PlaneKind::Axial, 100);
        assert!((m.centre_mm[2] - 13.5).abs() < 1e-9, "{:?}", m.centre_mm);
    }

    #[test]
    fn planes_stay_at_right_angles_however_often_they_are_turned() {
        let mut m = mpr();
        for n in 0..1000 {
            m.turn(PlaneKind::ALL[n % 3], 0.013);
        }
        assert!(PlaneKind::ALL.iter().all(|k| m.is_oblique(*k)));
        let [a, b, c] = PlaneKind::ALL.map(|k| m.normal(k));
        for (u, v) in [(a, b), (b, c), (c, a)] {
            assert!(dot(u, v).abs() < 1e-12 && (dot(u, u) - 1.0).abs() < 1e-12);
        }
        m.reset();
        assert_eq!(m.axes(PlaneKind::Coronal), ([1.0, 0.0, 0.0], [0.0, 0.0, -1.0]));
        assert!(!m.is_oblique(PlaneKind::Axial));
    }

    #[test]
    fn turning_an_axial_plane_by_a_quarter_swaps_the_other_two() {
        let mut m = mpr();
        let coronal = m.normal(PlaneKind::Coronal);
        m.turn(PlaneKind::Axial, std::f64::consts::FRAC_PI_2);
        let sagittal = m.normal(PlaneKind::Sagittal);
        assert!((dot(sagittal, coronal).abs() - 1.0).abs() < 1e-9);
        assert!((m.normal(PlaneKind::Axial)[2] - 1.0).abs() < 1e-9);
    }

    #[test]
    fn slabs_grow_by_the_list_and_end() {
        let mut m = mpr();
        assert_eq!(m.thickness(), Slab::Thin);
        m.thicken(4);
        m.slab = m.slab.next();
        assert_eq!(m.thickness(), Slab::Lowest(5.0));
        m.thicken(100);
        assert!((m.thickness_mm() - 30.0).abs() < 1e-9);
        m.thicken(-100);
        assert_eq!(m.thickness(), Slab::Thin);
    }

    #[test]
    fn an_outline_is_cut_into_the_stretches_that_lie_inside() {
        // A U in the plane z = 4, cut by the plane y = 5.
        let u = [[0.0, 0.0], [10.0, 0.0], [10.0, 8.0], [7.0, 8.0], [7.0, 3.0], [3.0, 3.0], [3.0, 8.0], [0.0, 8.0]]
            .map(|[x, y]| [x, y, 4.0]);
        let cut = cut_outline(&u, [0.0, 5.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0], 0.5);
        assert_eq!(cut, vec![[[0.0, -4.0], [3.0, -4.0]], [[7.0, -4.0], [10.0, -4.0]]]);
        // In its own plane it is whole; two millimetres off it is not seen.
        let whole = cut_outline(&u, [0.0, 0.0, 4.2], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], 0.5);
        assert_eq!(whole.len(), 8);
        assert!(cut_outline(&u, [0.0, 0.0, 6.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], 0.5).is_empty());
    }
}
