//! Where the slices of a stack lie: one orientation, one pixel spacing, any positions.

use crate::domain::PlanePose;

/// Directions of slices that differ by more than this are no one stack.
const SAME_DIRECTION: f64 = 0.9999;
/// Distances along the normal that differ by less than this are the same place (mm).
const SAME_PLACE_MM: f64 = 1e-3;
/// A step this many times as long as both of its neighbours leaves slices out.
const MISSING: f64 = 1.8;
/// Steps, offsets and rescales that agree this closely count as one: headers round.
const EVEN_STEP: f64 = 0.01;
const EVEN_OFFSET_PX: f64 = 0.01;

/// One slice of a stack. Distances are millimetres along the stack's own axes: row direction, column direction, normal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlicePlace {
    /// The frame of the image that this slice is.
    pub frame: u32,
    /// The centre of the slice's first pixel.
    pub origin_mm: [f64; 3],
    /// Value = sample × slope + intercept.
    pub slope: f64,
    pub intercept: f64,
    /// Slices are missing between this one and the next: nothing was measured there.
    pub hole_after: bool,
}

/// See the module's text.
#[derive(Clone, Debug, PartialEq)]
pub struct StackGeometry {
    /// Row direction, column direction and normal in the patient (LPS).
    axes: [[f64; 3]; 3],
    /// Patient to distances along the axes: the inverse of the axes as columns.
    to_axes: [[f64; 3]; 3],
    /// Pixel spacing along rows (between columns) and along columns.
    spacing_mm: [f64; 2],
    slices: Vec<SlicePlace>,
    even: bool,
}

/// A frame with its pose and rescale, as a reader gives it.
#[derive(Clone, Copy, Debug)]
pub struct Posed {
    pub frame: u32,
    pub pose: PlanePose,
    pub rescale: (f64, f64),
}

impl StackGeometry {
    /// Sorts frames along their common normal. Frames at a place that is taken already are left out, later ones first.
    /// `None` when the frames are fewer than two, differ in direction or spacing, or directions and spacing make no sense.
    pub fn new(frames: &[Posed]) -> Option<Self> {
        let first = frames.first()?.pose;
        let (r, c) = (first.row_dir, first.col_dir);
        let normal = unit(first.normal())?;
        let axes = [r, c, normal];
        let to_axes = inverse(axes)?;
        let spacing_mm = first.spacing_mm;
        if !spacing_mm.iter().all(|s| s.is_finite() && *s > 0.0) {
            return None;
        }
        let fits = |p: &PlanePose| {
            dot(p.row_dir, r) > SAME_DIRECTION
                && dot(p.col_dir, c) > SAME_DIRECTION
                && (0..2).all(|i| (p.spacing_mm[i] / spacing_mm[i] - 1.0).abs() < 1e-3)
                && p.origin_mm.iter().all(|v| v.is_finite())
        };
        if !frames.iter().all(|f| fits(&f.pose)) {
            return None;
        }
        let mut slices: Vec<SlicePlace> = frames
            .iter()
            .map(|f| SlicePlace {
                frame: f.frame,
                origin_mm: apply(to_axes, f.pose.origin_mm),
                slope: f.rescale.0,
                intercept: f.rescale.1,
                hole_after: false,
            })
            .collect();
        slices.sort_by(|a, b| a.origin_mm[2].total_cmp(&b.origin_mm[2]));
        slices.dedup_by(|next, kept| next.origin_mm[2] - kept.origin_mm[2] < SAME_PLACE_MM);
        if slices.len() < 2 {
            return None;
        }
        mark_holes(&mut slices);
        let even = is_even(&slices, spacing_mm);
        Some(Self { axes, to_axes, spacing_mm, slices, even })
    }

    /// Row direction, column direction, normal.
    pub const fn axes(&self) -> [[f64; 3]; 3] {
        self.axes
    }

    pub const fn spacing_mm(&self) -> [f64; 2] {
        self.spacing_mm
    }

    /// In the order of their positions along the normal, at least two.
    pub fn slices(&self) -> &[SlicePlace] {
        &self.slices
    }

    /// One step between all slices, no drift sideways, one rescale: a plain box of voxels.
    pub const fn is_even(&self) -> bool {
        self.even
    }

    /// Shortest and longest step between neighbouring slices (mm).
    pub fn steps_mm(&self) -> (f64, f64) {
        self.steps().fold((f64::INFINITY, 0.0), |(low, high), step| (low.min(step), high.max(step)))
    }

    /// Whether steps differ by more than headers round.
    pub fn is_uneven(&self) -> bool {
        let (low, high) = self.steps_mm();
        high - low > low * 0.02 + 0.02
    }

    /// Slices are missing somewhere.
    pub fn has_holes(&self) -> bool {
        self.slices.iter().any(|s| s.hole_after)
    }

    /// Gives each slice the rescale that its samples were kept with.
    pub(super) fn rescale(&mut self, rescales: &[(f64, f64)]) {
        for (slice, (slope, intercept)) in self.slices.iter_mut().zip(rescales) {
            (slice.slope, slice.intercept) = (*slope, *intercept);
        }
        self.even = is_even(&self.slices, self.spacing_mm);
    }

    fn steps(&self) -> impl Iterator<Item = f64> {
        self.slices.iter().zip(self.slices.iter().skip(1)).map(|(a, b)| b.origin_mm[2] - a.origin_mm[2])
    }

    /// Distances along the axes of a patient point.
    pub fn along_axes(&self, p_mm: [f64; 3]) -> [f64; 3] {
        apply(self.to_axes, p_mm)
    }

    /// A direction in the patient as distances along the axes.
    pub fn direction_along_axes(&self, v: [f64; 3]) -> [f64; 3] {
        apply(self.to_axes, v)
    }

    /// The patient point at distances along the axes.
    pub fn patient(&self, q_mm: [f64; 3]) -> [f64; 3] {
        std::array::from_fn(|i| self.axes[0][i] * q_mm[0] + self.axes[1][i] * q_mm[1] + self.axes[2][i] * q_mm[2])
    }

    /// The slice whose plane is nearest to a patient point, as an index into [`StackGeometry::slices`].
    pub fn nearest_slice(&self, p_mm: [f64; 3]) -> usize {
        let d = self.along_axes(p_mm)[2];
        let next = self.slices.partition_point(|s| s.origin_mm[2] < d);
        let distance = |i: usize| self.slices.get(i).map_or(f64::INFINITY, |s| (s.origin_mm[2] - d).abs());
        if next > 0 && distance(next - 1) <= distance(next) { next - 1 } else { next.min(self.slices.len() - 1) }
    }

    /// Half a step beyond the outer slices: how far their thickness is taken to reach.
    pub fn reach_mm(&self) -> (f64, f64) {
        let at = |i: usize| self.slices.get(i).map_or(0.0, |s| s.origin_mm[2]);
        let n = self.slices.len();
        (at(0) - (at(1) - at(0)) / 2.0, at(n - 1) + (at(n - 1) - at(n - 2)) / 2.0)
    }

    /// The corners of the box around all slices, at the outer edges of the outer pixels; `size` is columns and rows.
    pub fn corners_mm(&self, size: [usize; 2]) -> [[f64; 3]; 8] {
        let (low, high) = self.reach_mm();
        let ends = [(self.slices.first(), low), (self.slices.last(), high)];
        std::array::from_fn(|i| {
            let (slice, d) = ends[i / 4];
            let origin = slice.map_or([0.0; 3], |s| s.origin_mm);
            let edge = |axis: usize, far: bool| {
                let n = if far { size[axis] as f64 - 0.5 } else { -0.5 };
                origin[axis] + n * self.spacing_mm[axis]
            };
            self.patient([edge(0, i % 2 == 1), edge(1, i / 2 % 2 == 1), d])
        })
    }
}

fn mark_holes(slices: &mut [SlicePlace]) {
    let steps: Vec<f64> = slices
        .windows(2)
        .map(|w| w.last().zip(w.first()).map_or(0.0, |(b, a)| b.origin_mm[2] - a.origin_mm[2]))
        .collect();
    for (i, slice) in slices.iter_mut().enumerate() {
        let Some(step) = steps.get(i).copied() else { break };
        // Where a run of thin slices meets a run of thick ones, the step is no longer than the thick ones'; at the ends there
        // is nothing to tell the two apart.
        let neighbours = i.checked_sub(1).and_then(|n| steps.get(n)).zip(steps.get(i + 1));
        slice.hole_after = neighbours.is_some_and(|(before, after)| step > before.max(*after) * MISSING);
    }
}

fn is_even(slices: &[SlicePlace], spacing_mm: [f64; 2]) -> bool {
    let (Some(first), Some(last)) = (slices.first(), slices.last()) else { return false };
    let step = (last.origin_mm[2] - first.origin_mm[2]) / (slices.len() - 1) as f64;
    slices.iter().enumerate().all(|(i, s)| {
        (s.origin_mm[2] - first.origin_mm[2] - step * i as f64).abs() < step * EVEN_STEP
            && (0..2).all(|axis| {
                let drift = s.origin_mm.get(axis).zip(first.origin_mm.get(axis)).map_or(0.0, |(a, b)| a - b);
                drift.abs() < spacing_mm.get(axis).map_or(0.0, |px| px * EVEN_OFFSET_PX)
            })
            && s.slope.to_bits() == first.slope.to_bits()
            && s.intercept.to_bits() == first.intercept.to_bits()
    })
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn unit(v: [f64; 3]) -> Option<[f64; 3]> {
    let length = dot(v, v).sqrt();
    (length.is_finite() && length > 0.5).then(|| v.map(|x| x / length))
}

fn apply(rows: [[f64; 3]; 3], v: [f64; 3]) -> [f64; 3] {
    rows.map(|row| dot(row, v))
}

/// Rows of the inverse of the matrix whose columns are `axes`.
fn inverse(axes: [[f64; 3]; 3]) -> Option<[[f64; 3]; 3]> {
    let cross =
        |a: [f64; 3], b: [f64; 3]| [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
    let [a, b, c] = axes;
    let det = dot(a, cross(b, c));
    if !det.is_finite() || det.abs() < 0.5 {
        return None;
    }
    Some([cross(b, c), cross(c, a), cross(a, b)].map(|row| row.map(|v| v / det)))
}

#[cfg(test)]
mod tests {
    use super::{Posed, StackGeometry};
    use crate::domain::PlanePose;

    fn near(a: [f64; 3], b: [f64; 3]) -> bool {
        a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12)
    }

    fn posed(frame: u32, origin_mm: [f64; 3]) -> Posed {
        let pose = PlanePose { origin_mm, row_dir: [1.0, 0.0, 0.0], col_dir: [0.0, 1.0, 0.0], spacing_mm: [0.5, 0.75] };
        Posed { frame, pose, rescale: (1.0, -1024.0) }
    }

    #[test]
    fn slices_are_sorted_and_copies_of_a_place_left_out() {
        let stack = StackGeometry::new(&[
            posed(0, [0.0, 0.0, 9.0]),
            posed(1, [0.0, 0.0, 3.0]),
            posed(2, [0.0, 0.0, 6.0]),
            posed(3, [0.0, 0.0, 6.0]),
        ])
        .unwrap();
        assert_eq!(stack.slices().iter().map(|s| s.frame).collect::<Vec<_>>(), [1, 2, 0]);
        assert!(stack.is_even() && !stack.is_uneven() && !stack.has_holes());
        assert_eq!(stack.nearest_slice([7.0, 1.0, 7.4]), 1);
        assert_eq!(stack.nearest_slice([7.0, 1.0, 70.0]), 2);
        assert!(near(stack.corners_mm([4, 2])[7], [1.75, 1.125, 10.5]));
    }

    #[test]
    fn a_missing_slice_is_a_hole_but_a_change_of_step_is_none() {
        let at = |zs: &[f64]| {
            let frames: Vec<Posed> = zs.iter().zip(0..).map(|(z, i)| posed(i, [0.0, 0.0, *z])).collect();
            StackGeometry::new(&frames).unwrap()
        };
        let missing = at(&[0.0, 2.0, 4.0, 8.0, 10.0]);
        assert_eq!(
            missing.slices().iter().map(|s| s.hole_after).collect::<Vec<_>>(),
            [false, false, true, false, false]
        );
        let two_regions = at(&[0.0, 1.0, 2.0, 6.0, 10.0, 14.0]);
        assert!(!two_regions.has_holes() && two_regions.is_uneven() && !two_regions.is_even());
    }

    #[test]
    fn a_tilted_stack_keeps_its_drift() {
        let stack = StackGeometry::new(&[posed(0, [0.0, 0.0, 0.0]), posed(1, [0.0, -1.0, 3.0])]).unwrap();
        assert!(!stack.is_even());
        assert!(near(stack.slices()[1].origin_mm, [0.0, -1.0, 3.0]));
        assert!(!stack.is_uneven(), "the steps along the normal are the same");
    }

    #[test]
    fn a_single_slice_and_mixed_directions_are_no_stack() {
        assert!(StackGeometry::new(&[posed(0, [0.0; 3])]).is_none());
        let mut turned = posed(1, [0.0, 0.0, 3.0]);
        turned.pose.col_dir = [0.0, 0.0, 1.0];
        assert!(StackGeometry::new(&[posed(0, [0.0; 3]), turned]).is_none());
    }
}
