//! A CT-like chest phantom: body, lungs with vessel trees, heart, great vessels, spine, ribs, and nodules that are
//! exact spheres in known places. Values are Hounsfield units; space is patient LPS millimetres.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::many_single_char_names,
    reason = "voxel arithmetic on a fixed small volume"
)]

use super::noise::{Rng, atan_turn, cos_turn, fbm, lerp, perlin, sin_turn, smoothstep};
use super::{Planted, PlantedKind};

/// Rows and columns of a slice.
pub const SIDE_PX: usize = 512;
/// Distance of pixel centres in a slice.
pub const PIXEL_MM: f32 = 0.7;
/// Distance of slices.
pub const SLICE_MM: f32 = 2.5;
const HALF_MM: f32 = (SIDE_PX as f32 - 1.0) * 0.5 * PIXEL_MM;

/// A planted nodule: a sphere in LPS millimetres.
#[derive(Clone, Copy, Debug)]
pub struct Nodule {
    pub center_mm: [f32; 3],
    pub radius_mm: f32,
    pub kind: PlantedKind,
}

/// The phantom as Hounsfield units, slice by slice from feet to head.
pub struct CtPhantom {
    pub slices: usize,
    pub nodules: Vec<Nodule>,
    voxels: Vec<f32>,
}

/// A tapered piece of vessel.
struct Segment {
    from: [f32; 3],
    to: [f32; 3],
    radius: f32,
    airway: bool,
}

fn ellipse(x: f32, y: f32, cx: f32, cy: f32, a: f32, b: f32) -> f32 {
    let (dx, dy) = ((x - cx) / a, (y - cy) / b);
    1.0 - (dx * dx + dy * dy).sqrt()
}

/// Signed millimetres inside an ellipse, good near its edge.
fn ellipse_mm(x: f32, y: f32, cx: f32, cy: f32, a: f32, b: f32) -> f32 {
    ellipse(x, y, cx, cy, a, b) * a.min(b)
}

fn cover(mm: f32) -> f32 {
    smoothstep(-0.6, 0.6, mm)
}

impl CtPhantom {
    pub fn new(seed: u64, slices: usize) -> Self {
        let mut rng = Rng::new(seed ^ 0xC7);
        let noise_seed = (rng.next_u64() >> 32) as u32;
        let span = slices as f32 * SLICE_MM;
        let nodules = vec![
            Nodule { center_mm: [-84.0, -18.0, span * 0.66], radius_mm: 7.4, kind: PlantedKind::SolidNodule },
            Nodule { center_mm: [82.0, 26.0, span * 0.36], radius_mm: 9.5, kind: PlantedKind::GroundGlassNodule },
            Nodule { center_mm: [-70.0, 40.0, span * 0.27], radius_mm: 4.2, kind: PlantedKind::SolidNodule },
        ];
        let mut phantom = Self { slices, nodules, voxels: vec![-1000.0; SIDE_PX * SIDE_PX * slices] };
        phantom.anatomy(noise_seed);
        for side in [-1.0_f32, 1.0] {
            let tree = vessel_tree(&mut rng, side, span);
            phantom.draw_tree(&tree);
        }
        phantom.draw_nodules();
        phantom.grain(&mut rng);
        phantom
    }

    /// Height of slice `index` above the lowest one.
    pub fn z_mm(index: usize) -> f32 {
        index as f32 * SLICE_MM
    }

    /// Centre of the first pixel of slice `index` (Image Position Patient).
    pub fn origin_mm(index: usize) -> [f64; 3] {
        [f64::from(-HALF_MM), f64::from(-HALF_MM), f64::from(Self::z_mm(index))]
    }

    /// Hounsfield units of one slice, row-major, rounded.
    pub fn slice_hu(&self, index: usize) -> impl Iterator<Item = i16> + '_ {
        let from = index * SIDE_PX * SIDE_PX;
        self.voxels[from..from + SIDE_PX * SIDE_PX].iter().map(|v| (v + 4096.5) as i16 - 4096)
    }

    /// The circle that each nodule cuts from each slice, in pixel edges.
    pub fn planted(&self) -> Vec<Planted> {
        let mut all = Vec::new();
        for nodule in &self.nodules {
            for index in 0..self.slices {
                let dz = Self::z_mm(index) - nodule.center_mm[2];
                let rest = nodule.radius_mm * nodule.radius_mm - dz * dz;
                if rest < 1.0 {
                    continue;
                }
                let edge = |mm: f32| f64::from((mm + HALF_MM) / PIXEL_MM) + 0.5;
                let radius = f64::from(rest.sqrt() / PIXEL_MM);
                let outline = (0..40)
                    .map(|k| {
                        let t = k as f32 / 40.0;
                        (
                            edge(nodule.center_mm[0]) + radius * f64::from(cos_turn(t)),
                            edge(nodule.center_mm[1]) + radius * f64::from(sin_turn(t)),
                        )
                    })
                    .collect();
                all.push(Planted { kind: nodule.kind, frame: index as u32, outline });
            }
        }
        all
    }

    fn anatomy(&mut self, seed: u32) {
        let span = self.slices as f32 * SLICE_MM;
        let slice_len = SIDE_PX * SIDE_PX;
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        let per = self.slices.div_ceil(threads).max(1);
        std::thread::scope(|scope| {
            for (part, chunk) in self.voxels.chunks_mut(per * slice_len).enumerate() {
                scope.spawn(move || {
                    for (index, value) in chunk.iter_mut().enumerate() {
                        let (slice, pixel) = (part * per + index / slice_len, index % slice_len);
                        let x = (pixel % SIDE_PX) as f32 * PIXEL_MM - HALF_MM;
                        let y = (pixel / SIDE_PX) as f32 * PIXEL_MM - HALF_MM;
                        *value = tissue_hu(seed, x, y, Self::z_mm(slice), span);
                    }
                });
            }
        });
    }

    fn draw_tree(&mut self, tree: &[Segment]) {
        for segment in tree {
            let reach = segment.radius + 2.0;
            let (low, high): ([f32; 3], [f32; 3]) = (
                std::array::from_fn(|i| segment.from[i].min(segment.to[i]) - reach),
                std::array::from_fn(|i| segment.from[i].max(segment.to[i]) + reach),
            );
            let axis: [f32; 3] = std::array::from_fn(|i| segment.to[i] - segment.from[i]);
            let length2 = axis.iter().map(|a| a * a).sum::<f32>().max(1e-6);
            self.each(low, high, |p, value| {
                if *value > -350.0 {
                    return;
                }
                let d: [f32; 3] = std::array::from_fn(|i| p[i] - segment.from[i]);
                let t = ((d[0] * axis[0] + d[1] * axis[1] + d[2] * axis[2]) / length2).clamp(0.0, 1.0);
                let r2: f32 = (0..3).map(|i| (d[i] - axis[i] * t) * (d[i] - axis[i] * t)).sum();
                let r = r2.sqrt();
                // Thin vessels fill only part of a 2.5 mm slice.
                let volume = (segment.radius / 1.3).min(1.0);
                let inside = smoothstep(segment.radius + 0.45, segment.radius - 0.45, r);
                if segment.airway {
                    let wall = smoothstep(1.1, 0.3, (r - segment.radius).abs());
                    *value = lerp(*value, -150.0, wall * 0.9);
                    *value = lerp(*value, -990.0, smoothstep(segment.radius - 0.1, segment.radius - 0.9, r));
                } else {
                    *value = value.max(lerp(*value, 45.0, inside * volume));
                }
            });
        }
    }

    fn draw_nodules(&mut self) {
        for nodule in self.nodules.clone() {
            let reach = nodule.radius_mm + 2.0;
            let c = nodule.center_mm;
            let (low, high) = (c.map(|v| v - reach), c.map(|v| v + reach));
            self.each(low, high, |p, value| {
                let r = (0..3).map(|i| (p[i] - c[i]) * (p[i] - c[i])).sum::<f32>().sqrt();
                let inside = smoothstep(nodule.radius_mm + 0.5, nodule.radius_mm - 0.5, r);
                match nodule.kind {
                    PlantedKind::GroundGlassNodule => {
                        let veil = -560.0 + 90.0 * fbm(91, p[0] / 3.5, p[1] / 3.5 + p[2], 2);
                        *value = value.max(lerp(*value, veil, inside));
                    }
                    _ => *value = value.max(lerp(*value, 38.0 + 14.0 * perlin(92, p[0] / 3.0, p[1] / 3.0), inside)),
                }
            });
        }
    }

    /// Visits the voxels of a box; `p` is the voxel centre.
    fn each(&mut self, low: [f32; 3], high: [f32; 3], mut paint: impl FnMut([f32; 3], &mut f32)) {
        let pixel = |mm: f32| ((mm + HALF_MM) / PIXEL_MM).clamp(0.0, SIDE_PX as f32 - 1.0) as usize;
        let slice = |mm: f32| (mm / SLICE_MM).clamp(0.0, self.slices as f32 - 1.0) as usize;
        let (z0, z1) = (slice(low[2]), slice(high[2] + SLICE_MM));
        for iz in z0..=z1 {
            for iy in pixel(low[1])..=pixel(high[1] + PIXEL_MM) {
                for ix in pixel(low[0])..=pixel(high[0] + PIXEL_MM) {
                    let p = [ix as f32 * PIXEL_MM - HALF_MM, iy as f32 * PIXEL_MM - HALF_MM, Self::z_mm(iz)];
                    paint(p, &mut self.voxels[(iz * SIDE_PX + iy) * SIDE_PX + ix]);
                }
            }
        }
    }

    /// Quantum noise: white noise, smoothed as a soft-tissue kernel would, stronger in the thick middle of the body.
    fn grain(&mut self, rng: &mut Rng) {
        let mut noise = vec![0.0_f32; SIDE_PX * SIDE_PX];
        for slice in self.voxels.chunks_mut(SIDE_PX * SIDE_PX) {
            for value in &mut noise {
                *value = rng.normal();
            }
            for (index, voxel) in slice.iter_mut().enumerate() {
                let (x, y) = (index % SIDE_PX, index / SIDE_PX);
                let (x1, y1) = ((x + 1).min(SIDE_PX - 1), (y + 1).min(SIDE_PX - 1));
                let n = noise[index] + noise[y * SIDE_PX + x1] + noise[y1 * SIDE_PX + x] + noise[y1 * SIDE_PX + x1];
                let (mx, my) = (x as f32 * PIXEL_MM - HALF_MM, y as f32 * PIXEL_MM - HALF_MM);
                let thick = ellipse(mx, my, 0.0, 0.0, 175.0, 125.0).clamp(0.0, 1.0);
                let sd = if *voxel < -950.0 { 5.0 } else { 8.0 + 9.0 * thick };
                *voxel = (*voxel + n * 0.5 * sd).clamp(-1024.0, 3000.0);
            }
        }
    }
}

fn tissue_hu(seed: u32, x: f32, y: f32, z: f32, span: f32) -> f32 {
    let t = z / span;
    let wobble = 2.5 * perlin(seed, x / 55.0, y / 55.0);
    let body = ellipse_mm(x, y, 0.0, -2.0, 166.0 + 4.0 * t, 112.0) + wobble;
    if body < -1.5 {
        // A carbon table under the back.
        let table = (y - 121.0 - x * x / 2400.0).abs();
        return if table < 2.2 && x.abs() < 190.0 {
            lerp(-1000.0, -180.0, smoothstep(2.2, 1.0, table))
        } else {
            -1000.0
        };
    }
    let texture = fbm(seed ^ 2, x / 6.0, y / 6.0 + z, 2);
    let skin = smoothstep(2.6, 1.4, body);
    let mut hu = lerp(-104.0 + 9.0 * texture, 20.0, skin);

    // Chest wall muscle, thicker at the back beside the spine and at the shoulders.
    let thick = 15.0 + 9.0 * smoothstep(0.5, 1.0, t) * (x.abs() / 150.0);
    let streaks = perlin(seed ^ 3, x / 9.0, y / 4.0 + z / 6.0);
    let wall = ellipse_mm(x, y, 0.0, 0.0, 134.0 + thick, 84.0 + thick * 0.75) + wobble * 1.6;
    let planes = smoothstep(0.42, 0.62, streaks) * 0.8;
    hu = lerp(hu, lerp(52.0 + 9.0 * texture, -90.0, planes), cover(wall));

    let cavity = ellipse_mm(x, y, 0.0, -1.0, 129.0 - 10.0 * smoothstep(0.7, 1.0, t), 79.0) + 0.5 * wobble;
    hu = ribs(seed, x, y, z, hu, texture);
    if cavity > 0.0 {
        hu = lerp(hu, mediastinal_or_lung(seed, x, y, z, t, texture), cover(cavity));
    }
    hu = spine_and_sternum(x, y, z, hu, texture);
    scapulae(x, y, t, hu, texture)
}

fn mediastinal_or_lung(seed: u32, x: f32, y: f32, z: f32, t: f32, texture: f32) -> f32 {
    // Half width of the mediastinum: wide at the heart, narrow behind the sternum and at the azygo-oesophageal recess.
    let heart_z = smoothstep(0.72, 0.12, t);
    let heart = ellipse_mm(x, y, 16.0, -22.0, 30.0 + 36.0 * heart_z, 26.0 + 24.0 * heart_z);
    let core = ellipse_mm(x, y, 2.0, 8.0, 34.0, 58.0) + 3.0 * perlin(seed ^ 5, z / 30.0, y / 40.0);
    let paraspinal = ellipse_mm(x, y, 0.0, 70.0, 34.0, 27.0);
    let anterior = ellipse_mm(x, y, 3.0, -66.0, 15.0, 26.0);
    let hilum = |side: f32| ellipse_mm(x, y, side * 38.0, 10.0, 17.0, 15.0) - 26.0 * (t - 0.5).abs();
    let solid = heart.max(core).max(paraspinal).max(anterior).max(hilum(-1.0)).max(hilum(1.0));

    let dependent = smoothstep(-70.0, 75.0, y);
    let lung = -884.0 + 46.0 * dependent + 16.0 * texture + 14.0 * fbm(seed ^ 6, x / 3.0, y / 3.0 + z * 0.7, 2);
    let mut hu = lung;
    // Fissures: thin sheets that run obliquely.
    let fissure = (y - 12.0 - 0.9 * (t - 0.5) * 100.0 + 0.08 * x.abs()).abs();
    hu = lerp(hu, -770.0, smoothstep(1.3, 0.3, fissure) * 0.8);

    let fat = -98.0 + 10.0 * texture;
    let mut inner = fat;
    inner = lerp(inner, 42.0 + 7.0 * texture, cover(heart - 3.5));
    // Chambers opacified a little more than muscle, as after contrast medium.
    let left = ellipse_mm(x, y, 32.0, -18.0, 27.0 * heart_z.max(0.05), 19.0 * heart_z.max(0.05));
    let right = ellipse_mm(x, y, -6.0, -34.0, 22.0 * heart_z.max(0.05), 19.0 * heart_z.max(0.05));
    inner = lerp(inner, 165.0 + 8.0 * texture, cover(left.max(right)) * smoothstep(0.05, 0.2, heart_z));
    let vessel = |cx: f32, cy: f32, a: f32, b: f32| cover(ellipse_mm(x, y, cx, cy, a, b));
    let above_heart = smoothstep(0.48, 0.58, t);
    let arch = smoothstep(0.84, 0.88, t) * smoothstep(0.97, 0.93, t);
    let mut blood = vessel(24.0, 50.0, 12.5, 12.5);
    blood = blood.max(above_heart * vessel(-6.0, -20.0, 15.0, 14.5)).max(above_heart * vessel(-27.0, -12.0, 9.0, 11.0));
    let pulmonary = smoothstep(0.50, 0.56, t) * smoothstep(0.74, 0.68, t);
    blood = blood.max(pulmonary * vessel(18.0, -16.0, 15.0, 13.0)).max(pulmonary * vessel(-16.0, 4.0, 25.0, 7.5));
    blood = blood.max(arch * cover(ellipse_mm(x * 0.78 + y * 0.62, y * 0.78 - x * 0.62, 19.0, 1.0, 36.0, 12.0)));
    inner = lerp(inner, 178.0 + 8.0 * texture, blood);
    inner = lerp(inner, 38.0 + 9.0 * texture, vessel(8.0, 40.0, 7.5, 6.0));
    // Trachea above the carina, two main bronchi below.
    let below_carina = smoothstep(0.62, 0.56, t);
    let part = 22.0 * smoothstep(0.62, 0.30, t);
    let airway = ellipse_mm(x, y, -part, 18.0, 8.8 - 2.2 * below_carina, 8.8 - 2.2 * below_carina)
        .max(ellipse_mm(x, y, part, 18.0, 8.8 - 2.2 * below_carina, 8.8 - 2.2 * below_carina))
        .min(if t < 0.26 { -5.0 } else { 99.0 });
    inner = lerp(inner, 30.0, cover(airway + 1.6) * 0.8);
    inner = lerp(inner, -992.0, cover(airway));
    lerp(hu, inner, smoothstep(-0.8, 0.8, solid))
}

fn ribs(seed: u32, x: f32, y: f32, z: f32, hu: f32, texture: f32) -> f32 {
    let shell = ellipse_mm(x, y, 0.0, 0.0, 139.0, 88.0);
    if !(-7.0..9.0).contains(&shell) || (y < -72.0 && x.abs() < 34.0) {
        return hu;
    }
    // Angle from the spine round to the sternum, 0 … 0.5 turns; a rib falls 95 mm on its way.
    let around = atan_turn(x.abs(), y);
    let drop = 190.0 * around + 3.0 * perlin(seed ^ 7, around * 8.0, 0.5);
    let phase = (z + drop + 400.0) / 27.0;
    let off_mm = (phase - phase.floor() - 0.5).abs() * 27.0;
    let inside = (5.6 - off_mm).min(4.6 - (shell - 1.0).abs() * 1.15);
    let cartilage = smoothstep(0.38, 0.42, around);
    let marrow = lerp(190.0, 95.0, cartilage);
    let cortex = lerp(680.0, 120.0, cartilage);
    let bone = lerp(cortex, marrow + 40.0 * texture, smoothstep(0.4, 2.0, inside));
    lerp(hu, bone, smoothstep(-0.7, 0.5, inside))
}

fn spine_and_sternum(x: f32, y: f32, z: f32, hu: f32, texture: f32) -> f32 {
    let disc_phase = (z + 11.0) / 25.0;
    let disc = smoothstep(0.40, 0.46, (disc_phase - disc_phase.floor() - 0.5).abs());
    let mut out = hu;
    let mut bone = |mm: f32, marrow: f32| {
        let value = lerp(620.0, marrow + 55.0 * texture, smoothstep(0.3, 2.4, mm));
        out = lerp(out, value, cover(mm));
    };
    bone(ellipse_mm(x, y, 0.0, 62.0, 18.5, 14.5), lerp(185.0, 75.0, disc));
    bone(ellipse_mm(x, y, 0.0, 82.0, 16.0, 11.5), 260.0);
    bone((ellipse_mm(x.abs(), y, 26.0, 80.0, 17.0, 4.6)).min(40.0), 240.0 - 150.0 * disc);
    bone(ellipse_mm(x, y, 0.0, 98.0, 4.2, 11.0), 280.0);
    bone(ellipse_mm(x, y, 0.0, -87.0, 19.0, 6.5), 150.0);
    lerp(out, 22.0 + 4.0 * texture, cover(ellipse_mm(x, y, 0.0, 83.0, 9.5, 7.8)))
}

fn scapulae(x: f32, y: f32, t: f32, hu: f32, texture: f32) -> f32 {
    let shown = smoothstep(0.35, 0.5, t);
    if shown == 0.0 {
        return hu;
    }
    let (u, v) = (x.abs() - 108.0, y - 70.0);
    let (along, across) = (u * 0.80 - v * 0.60, u * 0.60 + v * 0.80);
    let mm = ellipse_mm(along, across - along * along * 0.004, 0.0, 0.0, 26.0 + 10.0 * t, 3.2);
    let bone = lerp(560.0, 240.0 + 50.0 * texture, smoothstep(0.4, 1.8, mm));
    lerp(hu, bone, cover(mm) * shown)
}

/// Arteries with their bronchi from one hilum to the pleura. `side` −1 is the patient's right.
fn vessel_tree(rng: &mut Rng, side: f32, span: f32) -> Vec<Segment> {
    let mut tree = Vec::new();
    let root = [side * 44.0, 10.0, span * 0.5];
    let mut open: Vec<([f32; 3], [f32; 3], f32, u32)> = Vec::new();
    for k in 0..16 {
        let turns = k as f32 / 16.0 + rng.range(-0.03, 0.03);
        let up = 1.1 * cos_turn(k as f32 * 0.382) + rng.range(-0.2, 0.2);
        open.push((root, [side * (0.45 + 0.5 * rng.unit()), 1.2 * sin_turn(turns), up], rng.range(2.6, 4.4), 0));
    }
    while let Some((from, direction, radius, depth)) = open.pop() {
        let norm = direction.iter().map(|d| d * d).sum::<f32>().sqrt().max(1e-6);
        let length = rng.range(9.0, 15.0) * (1.0 - 0.05 * depth as f32);
        let to: [f32; 3] = std::array::from_fn(|i| from[i] + direction[i] / norm * length);
        let outside = |p: &[f32; 3]| {
            ellipse_mm(p[0], p[1], 0.0, -1.0, 126.0, 76.0) < 2.5 + radius
                || p[0] * side < 16.0
                || !(-20.0..span + 20.0).contains(&p[2])
        };
        if outside(&to) || depth > 12 {
            // Turned back into the lung once, as vessels run along the pleura; the thinnest just end.
            if radius > 0.5 && depth <= 12 {
                let middle = [side * 78.0, 0.0, span * 0.5];
                let back = std::array::from_fn(|i| {
                    direction[i] / norm + 1.3 * (middle[i] - from[i]) / 70.0 + 0.3 * rng.normal()
                });
                open.push((from, back, radius * 0.72, depth + 2));
            }
            continue;
        }
        tree.push(Segment { from, to, radius, airway: false });
        if depth < 3 && radius > 2.2 {
            let shift = [0.0, radius * 1.7, radius * 0.6];
            let moved = |p: [f32; 3]| std::array::from_fn(|i| p[i] + shift[i]);
            tree.push(Segment { from: moved(from), to: moved(to), radius: radius * 0.75, airway: true });
        }
        let children = if rng.unit() < 0.72 { 2 } else { 1 };
        for child in 0..children {
            let spread = if children == 1 { 0.22 } else { 0.52 };
            let bent = std::array::from_fn(|i| direction[i] / norm + spread * rng.normal());
            let thinner = if child == 0 { rng.range(0.82, 0.93) } else { rng.range(0.58, 0.80) };
            let next = radius * thinner;
            if next > 0.34 {
                open.push((to, bent, next, depth + 1));
            }
        }
    }
    tree
}
