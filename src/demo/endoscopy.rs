//! Endoscopy-like photographs of a colon: a tube with folds that falls away into the dark, wet highlights, fine
//! vessels; one polyp or erosion in each, with a known outline; a round field on black as the processor gives it.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::many_single_char_names,
    reason = "pixel arithmetic on photographs"
)]

use std::path::Path;

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;

use super::noise::{Blob, Rng, atan_turn, cos_turn, exp_neg, fbm, lerp, perlin, smoothstep, unit2};
use super::{Planted, PlantedKind};

const JPEG_QUALITY: u8 = 92;

/// One photograph.
pub struct EndoscopyScene {
    width: usize,
    height: usize,
    seed: u32,
    lumen: (f32, f32),
    folds: f32,
    hue: f32,
    lesion: Option<(PlantedKind, Blob)>,
}

/// What the light meets at one pixel.
#[derive(Clone, Copy, Default)]
struct Surface {
    height: f32,
    far: f32,
}

impl EndoscopyScene {
    /// A view with one lesion.
    pub fn new(seed: u64, width: usize, height: usize, kind: PlantedKind) -> Self {
        Self::with(seed, width, height, Some(kind))
    }

    /// A view without any lesion.
    pub fn normal(seed: u64, width: usize, height: usize) -> Self {
        Self::with(seed, width, height, None)
    }

    fn with(seed: u64, width: usize, height: usize, kind: Option<PlantedKind>) -> Self {
        let mut rng = Rng::new(seed ^ 0xE4D0);
        let unit = height as f32;
        let lumen = (width as f32 * rng.range(0.50, 0.62), unit * rng.range(0.34, 0.46));
        let turn_x = if lumen.0 > width as f32 * 0.55 { -1.0 } else { 1.0 };
        let size =
            unit * if kind == Some(PlantedKind::Polyp) { rng.range(0.095, 0.125) } else { rng.range(0.06, 0.08) };
        let x = width as f32 * 0.5 + turn_x * unit * rng.range(0.10, 0.22);
        let y = unit * rng.range(0.60, 0.70);
        let radius_x = size * rng.range(1.0, 1.25);
        let lesion =
            Blob::new(&mut rng, x, y, radius_x, size, if kind == Some(PlantedKind::Polyp) { 0.05 } else { 0.14 }, 5);
        Self {
            width,
            height,
            seed: (rng.next_u64() >> 32) as u32,
            lumen,
            folds: rng.range(0.85, 1.15),
            hue: rng.range(-1.0, 1.0),
            lesion: kind.map(|kind| (kind, lesion)),
        }
    }

    pub fn planted(&self) -> Vec<Planted> {
        self.lesion.iter().map(|(kind, blob)| Planted { kind: *kind, frame: 0, outline: blob.outline(64) }).collect()
    }

    /// Writes the photograph as JPEG.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)
            .encode(&self.render(), self.width as u32, self.height as u32, ExtendedColorType::Rgb8)
            .map_err(std::io::Error::other)?;
        std::fs::write(path, bytes)
    }

    fn surface(&self, x: f32, y: f32) -> Surface {
        let unit = self.height as f32;
        let (dx, dy) = ((x - self.lumen.0) / unit, (y - self.lumen.1) / unit);
        let bend = 0.07 * fbm(self.seed, x / unit * 2.2, y / unit * 2.2, 2);
        let r = ((dx * dx + dy * dy).sqrt() + bend * (dx * dx + dy * dy).sqrt().min(0.35) * 2.0).max(0.004);
        // Along the tube: distance from the lens grows as 1/r.
        let far = 0.16 / (r + 0.015);
        // Three bands of muscle pull the folds into a triangle.
        let corner = 0.10 * cos_turn(3.0 * atan_turn(dy, dx) + self.hue);
        let along =
            (far * (1.0 + corner)).sqrt() * 3.1 * self.folds + 0.38 * perlin(self.seed ^ 1, dx * 3.0 + 9.0, dy * 3.0);
        let phase = along - along.floor();
        // A haustral fold: a slow rise towards the viewer, a sharp crest, a shadow behind it.
        let crest = smoothstep(0.0, 0.60, phase) * smoothstep(1.0, 0.66, phase);
        let partial = smoothstep(-0.35, 0.35, perlin(self.seed ^ 2, dx * 2.4 + along.floor() * 3.7, dy * 2.4));
        let fold = crest * lerp(0.45, 1.0, partial) * (0.16 * r).min(0.050) * smoothstep(0.02, 0.10, r);
        let soft = 0.010 * fbm(self.seed ^ 3, x / unit * 9.0, y / unit * 9.0, 3);
        let pits = 0.0011 * perlin(self.seed ^ 4, x / unit * 75.0, y / unit * 75.0);
        let mut height = fold + soft + pits;
        let Some((kind, lesion)) = &self.lesion else { return Surface { height: height * unit, far } };
        let level = lesion.level(x, y);
        if *kind == PlantedKind::Polyp {
            let rest = (1.0 - level * level).max(0.0);
            let dome = rest * (0.55 + 0.45 * rest.sqrt());
            let lobes = 0.007 * fbm(self.seed ^ 5, x / unit * 22.0, y / unit * 22.0, 2) * smoothstep(1.0, 0.8, level);
            height += 0.068 * dome + lobes;
        } else {
            height += 0.006 * smoothstep(1.25, 1.0, level) - 0.013 * smoothstep(1.0, 0.8, level);
        }
        Surface { height: height * unit, far }
    }

    fn render(&self) -> Vec<u8> {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        let rows = self.height.div_ceil(threads);
        let mut rgb = vec![0_u8; self.width * self.height * 3];
        std::thread::scope(|scope| {
            for (part, chunk) in rgb.chunks_mut(rows * self.width * 3).enumerate() {
                scope.spawn(move || self.render_rows(part * rows, chunk));
            }
        });
        rgb
    }

    fn render_rows(&self, y0: usize, out: &mut [u8]) {
        let count = out.len() / (self.width * 3);
        let at = |x: usize, y: usize| self.surface(x as f32 + 0.5, y as f32 + 0.5);
        let mut next: Vec<Surface> = (0..=self.width).map(|x| at(x, y0)).collect();
        for y in 0..count {
            let line = next;
            next = (0..=self.width).map(|x| at(x, y0 + y + 1)).collect();
            for x in 0..self.width {
                let steep = (line[x + 1].height - line[x].height, next[x].height - line[x].height);
                // Light scattered inside mucosa softens every edge: no slope shades to black.
                let soften = 1.0 / (1.0 + 0.75 * (steep.0 * steep.0 + steep.1 * steep.1).sqrt());
                let slope = (steep.0 * soften, steep.1 * soften);
                let pixel = self.shade(x as f32 + 0.5, (y0 + y) as f32 + 0.5, line[x], slope);
                let noise = 3.0 * (unit2(self.seed ^ 50, x as i32, (y0 + y) as i32) - 0.5);
                for c in 0..3 {
                    out[(y * self.width + x) * 3 + c] =
                        (pixel[c] + noise * (pixel[c] / 90.0).min(1.0)).clamp(0.0, 255.0) as u8;
                }
            }
        }
    }

    fn shade(&self, x: f32, y: f32, surface: Surface, slope: (f32, f32)) -> [f32; 3] {
        let unit = self.height as f32;
        let (cx, cy) = ((x - self.width as f32 * 0.5) / unit, (y - unit * 0.5) / unit);
        // The processor's mask: a circle cut flat at top and bottom.
        let edge = (0.535 - (cx * cx + cy * cy).sqrt()).min(0.487 - cy.abs());
        let mask = smoothstep(-0.0015, 0.0015, edge);
        if mask <= 0.0 {
            return [4.0, 4.0, 5.0];
        }
        let (dx, dy) = ((x - self.lumen.0) / unit, (y - self.lumen.1) / unit);
        let r = (dx * dx + dy * dy).sqrt().max(1e-3);
        // The wall of a tube leans towards the lens; folds and bumps tilt it further.
        let lean = 0.55;
        let n = [
            -slope.0 * 1.25 - lean * dx / r * smoothstep(0.0, 0.2, r),
            -slope.1 * 1.25 - lean * dy / r * smoothstep(0.0, 0.2, r),
            1.0_f32,
        ];
        let norm = (n[0] * n[0] + n[1] * n[1] + 1.0).sqrt();
        let light = [-cx * 0.75, -cy * 0.75, 1.0_f32];
        let light_norm = (light[0] * light[0] + light[1] * light[1] + 1.0).sqrt();
        let facing = ((n[0] * light[0] + n[1] * light[1] + n[2] * light[2]) / (norm * light_norm)).max(0.0);
        let near = 1.0 / (1.0 + 1.5 * surface.far * surface.far);
        let vignette = 1.0 - 0.55 * (cx * cx + cy * cy) / 0.28;
        let lit = (0.16 + 1.30 * facing * facing) * (0.03 + 1.25 * near) * vignette.max(0.25);

        let blotch = fbm(self.seed ^ 20, x / unit * 5.0, y / unit * 5.0, 3);
        let mut albedo =
            [236.0 + 8.0 * blotch, 124.0 + 17.0 * blotch - 5.0 * self.hue, 92.0 + 14.0 * blotch + 6.0 * self.hue];
        self.vessels(x / unit, y / unit, &mut albedo);
        self.paint_lesion(x, y, &mut albedo);

        // Wet mucosa: highlights where a rippled normal points back at the two lamps.
        let ripple = |salt: u32| fbm(self.seed ^ salt, x / unit * 17.0, y / unit * 17.0, 2);
        let (rx, ry) = (n[0] / norm + 0.20 * ripple(30) + cx * 0.55, n[1] / norm + 0.20 * ripple(31) + cy * 0.55);
        let mut shine = 0.0_f32;
        for lamp in [-0.055_f32, 0.055] {
            let miss = (rx - lamp) * (rx - lamp) + ry * ry;
            shine += exp_neg(miss * 900.0) * smoothstep(0.25, 0.6, near);
        }
        let patch = smoothstep(-0.12, 0.22, perlin(self.seed ^ 33, x / unit * 7.0, y / unit * 7.0));
        let shine = (shine * 1.6).min(1.0) * patch;
        // A camera's shoulder: bright tissue goes pale instead of clipping in one channel.
        std::array::from_fn(|c| {
            let value = albedo[c] * lit * 1.10;
            let shouldered = 255.0 * (1.0 - exp_neg(value / 175.0)) * 1.12;
            lerp(4.0, lerp(shouldered.min(250.0), 252.0, shine), mask)
        })
    }

    /// Branching submucosal vessels: valleys of warped noise, thick ones rare, thin ones everywhere.
    fn vessels(&self, u: f32, v: f32, albedo: &mut [f32; 3]) {
        let warp = (0.05 * perlin(self.seed ^ 40, u * 6.0, v * 6.0), 0.05 * perlin(self.seed ^ 41, u * 6.0, v * 6.0));
        for (scale, width, strength) in [(5.0_f32, 0.022_f32, 0.28_f32), (11.0, 0.030, 0.20), (24.0, 0.05, 0.14)] {
            let n = perlin(self.seed ^ (scale as u32 * 7), (u + warp.0) * scale, (v + warp.1) * scale).abs();
            let gate =
                smoothstep(-0.1, 0.35, perlin(self.seed ^ (scale as u32 * 11), u * scale * 0.5, v * scale * 0.5));
            let line = smoothstep(width, width * 0.25, n) * strength * gate;
            albedo[0] *= 1.0 - 0.42 * line;
            albedo[1] *= 1.0 - line;
            albedo[2] *= 1.0 - 0.85 * line;
        }
    }

    fn paint_lesion(&self, x: f32, y: f32, albedo: &mut [f32; 3]) {
        let unit = self.height as f32;
        let Some((kind, lesion)) = &self.lesion else { return };
        let level = lesion.level(x, y);
        if level > 1.5 {
            return;
        }
        if *kind == PlantedKind::Polyp {
            let inside = smoothstep(1.03, 0.93, level);
            let pattern = smoothstep(0.0, 0.35, perlin(self.seed ^ 60, x / unit * 62.0, y / unit * 62.0).abs());
            let tint = [214.0, 92.0 + 24.0 * pattern, 84.0 + 18.0 * pattern];
            // The dome turns away from the lamp at its rim and keeps light from the wall behind it.
            let turned = 1.0 - 0.42 * smoothstep(0.55, 1.0, level);
            for c in 0..3 {
                albedo[c] = lerp(albedo[c], tint[c] * turned, inside * 0.85);
            }
            let (dx, dy) = (x - lesion.x, y - lesion.y);
            let outward = (lesion.x - self.width as f32 * 0.5, lesion.y - unit * 0.5);
            let reach = (outward.0 * outward.0 + outward.1 * outward.1).sqrt().max(1.0);
            let behind = (dx * outward.0 + dy * outward.1) / (reach * lesion.reach());
            let shadow = smoothstep(1.42, 1.0, level) * smoothstep(0.97, 1.03, level) * smoothstep(-0.2, 0.9, behind);
            for value in albedo.iter_mut() {
                *value *= 1.0 - 0.45 * shadow;
            }
        } else {
            let halo = smoothstep(1.5, 1.0, level) * smoothstep(0.85, 1.0, level);
            let slough = smoothstep(0.95, 0.72, level);
            let speck = 0.5 + 0.5 * perlin(self.seed ^ 61, x / unit * 80.0, y / unit * 80.0);
            let bed = [236.0, 206.0 - 22.0 * speck, 150.0 - 18.0 * speck];
            let red = [205.0, 70.0, 62.0];
            for c in 0..3 {
                albedo[c] = lerp(albedo[c], red[c], halo * 0.8);
                albedo[c] = lerp(albedo[c], bed[c], slough * 0.9);
            }
        }
    }
}
