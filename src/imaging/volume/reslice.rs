//! Planes through a volume on the CPU: the twin of `shaders/volume.wgsl`, and the proof of it.
//!
//! A pixel's centre is taken to the stack's own axes; there it is read linearly within the two slices that enclose it, each
//! with its own offset, and linearly between them along the normal. Values are rescaled slice by slice before they meet.

#![allow(clippy::inline_always, reason = "compiled twice, see `wide.rs`")]

use std::thread;

use super::{StackGeometry, Volume, Voxels};
use crate::domain::SizePx;
use crate::imaging::wide::widest;

/// A rectangle in the patient, cut into pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plane {
    /// Centre of the first pixel (LPS).
    pub origin_mm: [f64; 3],
    /// Unit vectors of growing x and growing y.
    pub right: [f64; 3],
    pub down: [f64; 3],
    /// Distance of pixel centres along `right` and `down`.
    pub spacing_mm: [f64; 2],
    pub size_px: SizePx,
}

impl Plane {
    /// Unit normal: right × down, away from the viewer.
    pub fn normal(&self) -> [f64; 3] {
        let (a, b) = (self.right, self.down);
        [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    }
}

/// How thick a plane is, in millimetres, half on either side.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Slab {
    #[default]
    Thin,
    Highest(f64),
    Lowest(f64),
    Mean(f64),
}

impl Slab {
    pub const fn thickness_mm(self) -> f64 {
        match self {
            Self::Thin => 0.0,
            Self::Highest(mm) | Self::Lowest(mm) | Self::Mean(mm) => mm,
        }
    }

    /// How many samples are taken across, and how far apart they lie (mm): no farther than the finest spacing of the stack,
    /// one of them on the plane itself.
    pub fn samples(self, geometry: &StackGeometry) -> (u32, f64) {
        let thickness = self.thickness_mm();
        if thickness.is_nan() || thickness <= 0.0 {
            return (1, 0.0);
        }
        let [x, y] = geometry.spacing_mm();
        let finest = geometry.steps_mm().0.min(x).min(y).max(1e-3);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred at most")]
        let steps = 2 * (thickness / finest / 2.0).ceil().clamp(1.0, f64::from(MOST_STEPS / 2)) as u32;
        (steps + 1, thickness / f64::from(steps))
    }
}

/// A plane in the coordinates of a stack: voxel indices where it is even, else millimetres along its axes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StackCut {
    /// The first pixel's centre, at the first sample across the slab.
    pub start: [f64; 3],
    /// For one pixel to the right, one down, one sample across.
    pub per_x: [f64; 3],
    pub per_y: [f64; 3],
    pub per_step: [f64; 3],
    /// Samples across the slab.
    pub steps: u32,
}

impl StackGeometry {
    /// A plane in this stack's own coordinates.
    pub fn cut(&self, plane: &Plane, slab: Slab) -> StackCut {
        let (steps, step_mm) = slab.samples(self);
        let axis = |v: [f64; 3], by: f64| self.direction_along_axes(v.map(|x| x * by));
        let mut start = self.along_axes(plane.origin_mm);
        let mut per_x = axis(plane.right, plane.spacing_mm[0]);
        let mut per_y = axis(plane.down, plane.spacing_mm[1]);
        let mut per_step = axis(plane.normal(), step_mm);
        if let (true, Some(first), Some(last)) = (self.is_even(), self.slices().first(), self.slices().last()) {
            let step = (last.origin_mm[2] - first.origin_mm[2]) / (self.slices().len() - 1) as f64;
            let pitch = [self.spacing_mm()[0], self.spacing_mm()[1], step];
            for i in 0..3 {
                start[i] = (start[i] - first.origin_mm[i]) / pitch[i];
                per_x[i] /= pitch[i];
                per_y[i] /= pitch[i];
                per_step[i] /= pitch[i];
            }
        }
        for i in 0..3 {
            start[i] -= per_step[i] * f64::from(steps - 1) / 2.0;
        }
        StackCut { start, per_x, per_y, per_step, steps }
    }
}

/// Steps across a slab, at most.
const MOST_STEPS: u32 = 512;
/// A position this close to a slice is on it.
const ON_SLICE: f32 = 1e-4;

/// Values of a plane in rescaled units, rows top to bottom; not a number where nothing was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Resliced {
    pub size_px: SizePx,
    pub values: Vec<f32>,
}

impl Volume {
    /// The values on a plane, computed on `threads` threads.
    pub fn reslice(&self, plane: &Plane, slab: Slab, threads: usize) -> Resliced {
        let (width, height) = (plane.size_px.width as usize, plane.size_px.height as usize);
        let mut values = vec![f32::NAN; width * height];
        if width > 0 && height > 0 {
            match &self.voxels {
                Voxels::I16(v) => self.fill(v, plane, slab, threads, &mut values),
                Voxels::U16(v) => self.fill(v, plane, slab, threads, &mut values),
            }
        }
        Resliced { size_px: plane.size_px, values }
    }

    /// The value at a patient point, as a plane through it would show it; `None` where nothing was measured.
    pub fn probe(&self, p_mm: [f64; 3]) -> Option<f64> {
        let [row, column, _] = self.geometry.axes();
        let plane =
            Plane { origin_mm: p_mm, right: row, down: column, spacing_mm: [1.0; 2], size_px: SizePx::new(1, 1) };
        let value = self.reslice(&plane, Slab::Thin, 1).values.first().copied()?;
        value.is_finite().then(|| f64::from(value))
    }

    fn fill<T: Copy + Into<f32> + Sync>(
        &self,
        voxels: &[T],
        plane: &Plane,
        slab: Slab,
        threads: usize,
        values: &mut [f32],
    ) {
        let width = plane.size_px.width as usize;
        let cut = Cut::new(self, voxels, plane, slab);
        let rows = values.len() / width;
        let per_thread = rows.div_ceil(threads.max(1)).max(1);
        if per_thread >= rows {
            return cut.rows_widest(0, width, values);
        }
        thread::scope(|scope| {
            let cut = &cut;
            let mut parts = values.chunks_mut(per_thread * width).enumerate();
            let own = parts.next();
            for (n, part) in parts {
                // A thread that cannot be had leaves its rows empty; the next picture has them.
                let _ = thread::Builder::new()
                    .name(format!("reslice-{n}"))
                    .spawn_scoped(scope, move || cut.rows_widest(n * per_thread, width, part));
            }
            if let Some((_, part)) = own {
                cut.rows_widest(0, width, part);
            }
        });
    }
}

/// A plane in the stack's own coordinates. In an even stack they are voxel indices, else millimetres along the axes.
struct Cut<'a, T> {
    voxels: &'a [T],
    size: [usize; 3],
    start: [f64; 3],
    per_x: [f64; 3],
    per_y: [f64; 3],
    /// From one sample of the slab to the next; the first lies half the slab before the plane.
    per_step: [f64; 3],
    steps: u32,
    slab: Slab,
    /// Rescale of an even stack.
    rescale: (f32, f32),
    uneven: Option<Uneven>,
}

/// What an uneven stack is looked up in.
struct Uneven {
    slices: Vec<Place>,
    pixels_per_mm: [f32; 2],
    reach_mm: (f32, f32),
    /// The slice at or before the start of each bin along the normal.
    bins: Vec<u32>,
    bins_per_mm: f32,
}

#[derive(Clone, Copy)]
struct Place {
    at: [f32; 3],
    slope: f32,
    intercept: f32,
    hole_after: bool,
}

#[allow(clippy::cast_possible_truncation, reason = "the shader computes in f32; offsets are small by then")]
#[inline(always)]
fn narrow(v: f64) -> f32 {
    v as f32
}

impl<'a, T: Copy + Into<f32>> Cut<'a, T> {
    fn new(volume: &Volume, voxels: &'a [T], plane: &Plane, slab: Slab) -> Self {
        let geometry = &volume.geometry;
        let StackCut { start, per_x, per_y, per_step, steps } = geometry.cut(plane, slab);
        let first = geometry.slices().first();
        Self {
            voxels,
            size: volume.size,
            start,
            per_x,
            per_y,
            per_step,
            steps,
            slab,
            rescale: first.map_or((1.0, 0.0), |s| (narrow(s.slope), narrow(s.intercept))),
            uneven: (!geometry.is_even()).then(|| Uneven::new(geometry)),
        }
    }

    fn rows_widest(&self, first: usize, width: usize, out: &mut [f32]) {
        widest(
            #[inline(always)]
            || self.rows(first, width, out),
        );
    }

    #[inline(always)]
    fn rows(&self, first: usize, width: usize, out: &mut [f32]) {
        let mut across = vec![f32::NAN; if self.steps > 1 { width } else { 0 }];
        let mut counts = vec![0_u16; if matches!(self.slab, Slab::Mean(_)) { width } else { 0 }];
        for (n, row) in out.chunks_mut(width).enumerate() {
            let y = (first + n) as f64;
            let at = |step: u32| {
                std::array::from_fn(|i| self.start[i] + self.per_y[i] * y + self.per_step[i] * f64::from(step))
            };
            self.row(at(0), row);
            if self.steps == 1 {
                continue;
            }
            counts.iter_mut().zip(row.iter_mut()).for_each(|(n, v)| {
                *n = u16::from(!v.is_nan());
                *v = if v.is_nan() { 0.0 } else { *v };
            });
            for step in 1..self.steps {
                across.fill(f32::NAN);
                self.row(at(step), &mut across);
                match self.slab {
                    // `max` and `min` pass over what is no number.
                    Slab::Thin | Slab::Highest(_) => row.iter_mut().zip(&across).for_each(|(v, a)| *v = v.max(*a)),
                    Slab::Lowest(_) => row.iter_mut().zip(&across).for_each(|(v, a)| *v = v.min(*a)),
                    Slab::Mean(_) => row.iter_mut().zip(&across).zip(&mut counts).for_each(|((v, a), n)| {
                        if !a.is_nan() {
                            *v += a;
                            *n += 1;
                        }
                    }),
                }
            }
            row.iter_mut().zip(&counts).for_each(|(v, n)| *v = if *n == 0 { f32::NAN } else { *v / f32::from(*n) });
        }
    }

    #[inline(always)]
    fn row(&self, start: [f64; 3], out: &mut [f32]) {
        match &self.uneven {
            None => self.even_row(start, out),
            Some(uneven) => {
                let (start, step) = (start.map(narrow), self.per_x.map(narrow));
                for (x, value) in (0_u16..).zip(out) {
                    let q = std::array::from_fn(|i| start[i] + step[i] * f32::from(x));
                    *value = self.uneven_value(uneven, q);
                }
            }
        }
    }

    /// Pixels of a row that lie in an even stack: half a voxel beyond the outer centres.
    #[inline(always)]
    fn span(&self, start: [f64; 3], len: usize) -> std::ops::Range<usize> {
        let (mut low, mut high) = (0.0_f64, len as f64 - 1.0);
        for ((start, per_x), size) in start.iter().zip(self.per_x).zip(self.size) {
            let (first, last) = (-0.5 - start, size as f64 - 0.5 - start);
            if per_x.abs() < 1e-12 {
                if first > 1e-9 || last < -1e-9 {
                    return 0..0;
                }
                continue;
            }
            let (a, b) = (first / per_x, last / per_x);
            low = low.max(a.min(b) - 1e-9);
            high = high.min(a.max(b) + 1e-9);
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the row")]
        let range = if high < low { 0..0 } else { low.ceil() as usize..(high.floor() as usize + 1).min(len) };
        range
    }

    #[inline(always)]
    fn even_row(&self, start: [f64; 3], out: &mut [f32]) {
        let span = self.span(start, out.len());
        let (first, origin) = (span.start, start);
        let Some(out) = out.get_mut(span) else { return };
        let begin = std::array::from_fn::<f32, 3, _>(|i| narrow(origin[i] + self.per_x[i] * first as f64));
        let step = self.per_x.map(narrow);
        match moving_axis(begin, step, out.len()) {
            Some(axis) => self.straight_row(axis, begin, step[axis], out),
            None => self.slanted_row(begin, step, out),
        }
    }

    #[inline(always)]
    fn slanted_row(&self, begin: [f32; 3], step: [f32; 3], out: &mut [f32]) {
        let [nx, ny, nz] = self.size;
        let top = [nx, ny, nz].map(|n| (n - 1) as f32);
        let (slope, intercept) = self.rescale;
        let (page, along) = (nx * ny, nx);
        for (n, value) in (0_u16..).zip(out) {
            let n = f32::from(n);
            let (x, fx) = cell(begin[0] + step[0] * n, top[0], nx);
            let (y, fy) = cell(begin[1] + step[1] * n, top[1], ny);
            let (z, fz) = cell(begin[2] + step[2] * n, top[2], nz);
            let at = z * page + y * along + x;
            // One bounds check for all eight: the far corner of the cell is the last sample read.
            let Some(cube) = self.voxels.get(at..at + page + along + 2) else { continue };
            let near = bilinear(cube, along, fx, fy);
            let raw = match cube.get(page..) {
                Some(next) if fz > 0.0 => near + (bilinear(next, along, fx, fy) - near) * fz,
                _ => near,
            };
            *value = raw * slope + intercept;
        }
    }

    /// A row along one axis of the grid, with the values that the general way gives: what stays the same on it is
    /// looked up once, and parts of nothing are left out.
    #[inline(always)]
    fn straight_row(&self, axis: usize, begin: [f32; 3], step: f32, out: &mut [f32]) {
        let [nx, ny, nz] = self.size;
        let (slope, intercept) = self.rescale;
        let (page, along) = (nx * ny, nx);
        let count = [nx, ny, nz][axis];
        let place = |i: usize, n: usize| if i == axis { (0, 0.0) } else { cell(begin[i], (n - 1) as f32, n) };
        let ((x, fx), (y, fy), (z, fz)) = (place(0, nx), place(1, ny), place(2, nz));
        let Some(line) = self.voxels.get(z * page + y * along + x..) else { return };
        let stride = [1, along, page][axis];
        let last = begin[axis] + (out.len() - 1) as f32;
        #[allow(clippy::float_cmp, reason = "on the grid or not")]
        let on_grid = step == 1.0 && begin[axis].fract() == 0.0 && begin[axis] >= 0.0 && last < count as f32;
        if on_grid {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the grid")]
            let first = begin[axis] as usize * stride;
            let Some(line) = line.get(first..) else { return };
            let plain = |at: usize| line.get(at..).unwrap_or_default();
            let into = |value: &T| -> f32 { (*value).into() };
            // Between two lines along x or, for planes on both other axes, on one: whole vectors at a time.
            let mut between = [(fx, 1), (fy, along), (fz, page)];
            between.sort_by(|a, b| b.0.total_cmp(&a.0));
            match between.iter().position(|(f, _)| *f <= 0.0).and_then(|count| between.get(..count)).unwrap_or(&between)
            {
                [] if stride == 1 => {
                    out.iter_mut().zip(line).for_each(|(out, v)| *out = into(v) * slope + intercept);
                    return;
                }
                [] => {
                    let values = line.iter().step_by(stride);
                    out.iter_mut().zip(values).for_each(|(out, v)| *out = into(v) * slope + intercept);
                    return;
                }
                [(f, at)] if stride == 1 => {
                    for (out, (near, far)) in out.iter_mut().zip(line.iter().zip(plain(*at))) {
                        let (near, far) = (into(near), into(far));
                        *out = (near + (far - near) * f) * slope + intercept;
                    }
                    return;
                }
                [(f, at)] => {
                    let pairs = line.iter().step_by(stride).zip(plain(*at).iter().step_by(stride));
                    for (out, (near, far)) in out.iter_mut().zip(pairs) {
                        let (near, far) = (into(near), into(far));
                        *out = (near + (far - near) * f) * slope + intercept;
                    }
                    return;
                }
                _ => {}
            }
        }
        let top = (count - 1) as f32;
        for (n, value) in (0_u16..).zip(out) {
            let (whole, f) = cell(begin[axis] + step * f32::from(n), top, count);
            let (fx, fy, fz) = match axis {
                0 => (f, fy, fz),
                1 => (fx, f, fz),
                _ => (fx, fy, f),
            };
            let at = whole * stride;
            let Some(cube) = line.get(at..at + page + along + 2) else { continue };
            let near = bilinear(cube, along, fx, fy);
            let raw = match cube.get(page..) {
                Some(next) if fz > 0.0 => near + (bilinear(next, along, fx, fy) - near) * fz,
                _ => near,
            };
            *value = raw * slope + intercept;
        }
    }

    #[inline(always)]
    fn uneven_value(&self, uneven: &Uneven, q: [f32; 3]) -> f32 {
        let Some((k, t)) = uneven.slice_at(q[2]) else { return f32::NAN };
        let near = if t < 1.0 - ON_SLICE { self.in_slice(uneven, k, q) } else { 0.0 };
        let far = if t > ON_SLICE { self.in_slice(uneven, k + 1, q) } else { 0.0 };
        if t <= ON_SLICE {
            near
        } else if t >= 1.0 - ON_SLICE {
            far
        } else {
            near + (far - near) * t
        }
    }

    #[inline(always)]
    fn in_slice(&self, uneven: &Uneven, k: usize, q: [f32; 3]) -> f32 {
        let Some(place) = uneven.slices.get(k) else { return f32::NAN };
        let [nx, ny, _] = self.size;
        let x = (q[0] - place.at[0]) * uneven.pixels_per_mm[0];
        let y = (q[1] - place.at[1]) * uneven.pixels_per_mm[1];
        let inside = |v: f32, n: usize| (-0.5..=n as f32 - 0.5).contains(&v);
        if !inside(x, nx) || !inside(y, ny) {
            return f32::NAN;
        }
        let (x, fx) = cell(x, (nx - 1) as f32, nx);
        let (y, fy) = cell(y, (ny - 1) as f32, ny);
        let at = (k * ny + y) * nx + x;
        let Some(corner) = self.voxels.get(at..at + nx + 2) else { return f32::NAN };
        bilinear(corner, nx, fx, fy) * place.slope + place.intercept
    }
}

/// The one axis that a row runs along, when it stays at the same place of the two others (in the arithmetic used here).
#[inline(always)]
fn moving_axis(begin: [f32; 3], step: [f32; 3], len: usize) -> Option<usize> {
    let last = u16::try_from(len.checked_sub(1)?).ok()?;
    #[allow(clippy::float_cmp, reason = "not even the last digit may change")]
    let moves = |i: &usize| begin[*i] + step[*i] * f32::from(last) != begin[*i];
    let mut moving = (0..3).filter(moves);
    let axis = moving.next()?;
    moving.next().is_none().then_some(axis)
}

/// The voxel before a coordinate and the way to the next one; outer halves of outer voxels take the outer voxel.
#[inline(always)]
fn cell(v: f32, top: f32, n: usize) -> (usize, f32) {
    let v = v.clamp(0.0, top);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the volume")]
    let whole = (v as usize).min(n - 2);
    (whole, v - whole as f32)
}

/// Between four samples; `samples` begins at the upper left one and holds the lower right one.
#[inline(always)]
fn bilinear<T: Copy + Into<f32>>(samples: &[T], along: usize, fx: f32, fy: f32) -> f32 {
    let (Some([a, b]), Some([c, d])) =
        (samples.first_chunk::<2>(), samples.get(along..).and_then(<[T]>::first_chunk::<2>))
    else {
        return f32::NAN;
    };
    let (a, b, c, d): (f32, f32, f32, f32) = ((*a).into(), (*b).into(), (*c).into(), (*d).into());
    let upper = a + (b - a) * fx;
    let lower = c + (d - c) * fx;
    upper + (lower - upper) * fy
}

impl Uneven {
    fn new(geometry: &StackGeometry) -> Self {
        let slices: Vec<Place> = geometry
            .slices()
            .iter()
            .map(|s| Place {
                at: s.origin_mm.map(narrow),
                slope: narrow(s.slope),
                intercept: narrow(s.intercept),
                hole_after: s.hole_after,
            })
            .collect();
        let reach = geometry.reach_mm();
        let reach_mm = (narrow(reach.0), narrow(reach.1));
        let count = slices.len() * 8;
        let bins_per_mm = count as f32 / (reach_mm.1 - reach_mm.0).max(1e-3);
        let bins = (0..count)
            .map(|n| {
                let start = reach_mm.0 + n as f32 / bins_per_mm;
                let after = slices.partition_point(|s| s.at[2] <= start);
                u32::try_from(after.saturating_sub(1)).unwrap_or(0)
            })
            .collect();
        let pixels_per_mm = geometry.spacing_mm().map(|mm| narrow(1.0 / mm));
        Self { slices, pixels_per_mm, reach_mm, bins, bins_per_mm }
    }

    /// The slice before a position along the normal and the way to the next one, 0 to 1; `None` outside and in a hole.
    fn slice_at(&self, d: f32) -> Option<(usize, f32)> {
        if !(self.reach_mm.0..=self.reach_mm.1).contains(&d) {
            return None;
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not before the first bin")]
        let bin = ((d - self.reach_mm.0) * self.bins_per_mm) as usize;
        let mut k = *self.bins.get(bin.min(self.bins.len() - 1))? as usize;
        while self.slices.get(k + 1).is_some_and(|next| next.at[2] <= d) {
            k += 1;
        }
        // Rounding may have put a bin's start a hair behind its first slice.
        while k > 0 && self.slices.get(k).is_some_and(|s| s.at[2] > d) {
            k -= 1;
        }
        let k = k.min(self.slices.len() - 2);
        let (near, far) = (self.slices.get(k)?, self.slices.get(k + 1)?);
        let t = ((d - near.at[2]) / (far.at[2] - near.at[2])).clamp(0.0, 1.0);
        (!near.hole_after || !(ON_SLICE..=1.0 - ON_SLICE).contains(&t)).then_some((k, t))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::PlanePose;
    use crate::imaging::volume::Posed;

    /// Rows along each axis, on the grid and off it, forwards and backwards, with every number of parts between voxels.
    #[test]
    fn rows_along_the_grid_have_the_values_of_the_general_way() {
        let size = [9, 8, 7];
        let frames: Vec<Posed> = (0..7)
            .map(|z| Posed {
                frame: z,
                pose: PlanePose {
                    origin_mm: [0.0, 0.0, f64::from(z)],
                    row_dir: [1.0, 0.0, 0.0],
                    col_dir: [0.0, 1.0, 0.0],
                    spacing_mm: [1.0, 1.0],
                },
                rescale: (1.5, -1000.0),
            })
            .collect();
        let samples: Vec<i16> =
            (0..9 * 8 * 7_i64).map(|i| i16::try_from(i * i * 7919 % 4001 - 2000).unwrap()).collect();
        let geometry = StackGeometry::new(&frames).unwrap();
        let volume = Volume::new(size, Voxels::I16(samples), geometry, None).unwrap();
        let Voxels::I16(voxels) = &volume.voxels else { panic!("16 bits") };
        let plane = Plane {
            origin_mm: [0.0; 3],
            right: [1.0, 0.0, 0.0],
            down: [0.0, 1.0, 0.0],
            spacing_mm: [1.0; 2],
            size_px: SizePx::new(4, 4),
        };
        let cut = Cut::new(&volume, voxels, &plane, Slab::Thin);
        let mut rows = 0;
        for axis in 0..3 {
            for places in 0..27_u8 {
                let part = |n: u8| [2.0, 3.375, 5.0][usize::from(places / 3_u8.pow(u32::from(n)) % 3)];
                for (from, by) in [(0.0, 1.0), (2.0, 1.0), (0.25, 1.0), (5.0, -1.0), (-0.5, 0.375), (3.0, 1.0)] {
                    let mut begin = [part(0), part(1), part(2)];
                    begin[axis] = from;
                    let mut step = [0.0; 3];
                    step[axis] = by;
                    let len = if from > 2.5 && by > 0.0 { size[axis] - 3 } else { 5 };
                    let (mut straight, mut general) = (vec![f32::NAN; len], vec![f32::NAN; len]);
                    assert_eq!(moving_axis(begin, step, len), Some(axis));
                    cut.straight_row(axis, begin, by, &mut straight);
                    cut.slanted_row(begin, step, &mut general);
                    let bits = |row: &[f32]| row.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                    assert_eq!(bits(&straight), bits(&general), "axis {axis}, {begin:?} by {by}");
                    assert!(straight.iter().all(|v| v.is_finite()));
                    rows += 1;
                }
            }
        }
        assert_eq!(rows, 3 * 27 * 6);
        assert_eq!(moving_axis([0.0; 3], [1.0, 1e-3, 0.0], 4), None);
    }
}
