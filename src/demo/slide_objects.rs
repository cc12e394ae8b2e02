//! What lies in the synthetic tissue: nuclei, goblet cells, crypts, neoplastic glands, vessels, fat; and how each is
//! laid into a tile of optical densities.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    clippy::many_single_char_names,
    reason = "pixel arithmetic on images far below 2^24 pixels a side"
)]

use super::noise::{Blob, Rng, Texture, atan_turn, cos_turn, lerp, perlin, sin_turn, smoothstep, unit2};

/// A tile of stain amounts: haematoxylin and eosin, in natural-log optical density units, row-major.
pub struct Stain {
    pub x0: i32,
    pub y0: i32,
    pub side: usize,
    pub h: Vec<f32>,
    pub e: Vec<f32>,
}

impl Stain {
    fn mix(&mut self, index: usize, h: f32, e: f32, alpha: f32) {
        self.h[index] = lerp(self.h[index], h, alpha);
        self.e[index] = lerp(self.e[index], e, alpha);
    }

    /// Calls `paint(index, x, y)` for the pixels of this tile inside a square around `(x, y)`.
    fn within(&mut self, x: f32, y: f32, reach: f32, mut paint: impl FnMut(&mut Self, usize, f32, f32)) {
        let side = self.side as i32;
        let low = |v: f32, o: i32| ((v - reach) as i32 - o).clamp(0, side);
        let high = |v: f32, o: i32| ((v + reach) as i32 + 2 - o).clamp(0, side);
        for ty in low(y, self.y0)..high(y, self.y0) {
            for tx in low(x, self.x0)..high(x, self.x0) {
                let index = (ty * side + tx) as usize;
                paint(self, index, (tx + self.x0) as f32 + 0.5, (ty + self.y0) as f32 + 0.5);
            }
        }
    }
}

/// What a small ellipse is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SplatKind {
    Nucleus,
    /// A goblet cell's mucin: pale, slightly blue.
    Mucin,
    RedCell,
}

/// A small ellipse: half axes `a` ≥ `b` in pixels, axis direction as cosine and sine.
#[derive(Clone, Copy, Debug)]
pub struct Splat {
    pub x: f32,
    pub y: f32,
    pub a: f32,
    pub b: f32,
    pub cos: f32,
    pub sin: f32,
    pub strength: f32,
    pub kind: SplatKind,
}

impl Splat {
    pub fn nucleus(x: f32, y: f32, a: f32, b: f32, turns: f32, strength: f32) -> Self {
        Self { x, y, a, b, cos: cos_turn(turns), sin: sin_turn(turns), strength, kind: SplatKind::Nucleus }
    }

    pub fn round(x: f32, y: f32, r: f32, strength: f32, kind: SplatKind) -> Self {
        Self { x, y, a: r, b: r, cos: 1.0, sin: 0.0, strength, kind }
    }

    pub fn draw(&self, tile: &mut Stain, chromatin: &Texture) {
        let splat = *self;
        let wobble = splat.x * 0.37 + splat.y * 0.73;
        tile.within(splat.x, splat.y, splat.a + 2.0, |tile, index, x, y| {
            let (dx, dy) = (x - splat.x, y - splat.y);
            let (along, across) =
                ((dx * splat.cos + dy * splat.sin) / splat.a, (dy * splat.cos - dx * splat.sin) / splat.b);
            let texture = chromatin.at(x * 2.2 + wobble, y * 2.2 - wobble);
            let r = (along * along + across * across).sqrt() + 0.10 * texture;
            let soft = 1.1 / splat.b;
            let alpha = 1.0 - smoothstep(1.0 - soft, 1.0 + soft, r);
            if alpha <= 0.0 {
                return;
            }
            match splat.kind {
                SplatKind::Nucleus => {
                    // The nuclear membrane is darker than the centre; chromatin is clumped.
                    let rim = 0.72 + 0.38 * smoothstep(0.35, 0.95, r);
                    let h = splat.strength * (rim + 0.30 * texture);
                    tile.mix(index, h, 0.16, alpha * 0.95);
                }
                SplatKind::Mucin => {
                    let rim = smoothstep(0.75, 1.0, r);
                    tile.mix(index, 0.10 + 0.20 * rim + 0.05 * texture, 0.05 + 0.18 * rim, alpha * splat.strength);
                }
                SplatKind::RedCell => {
                    tile.mix(index, 0.05, 0.95 - 0.25 * smoothstep(0.8, 0.1, r), alpha * splat.strength);
                }
            }
        });
    }
}

/// A gland of neoplastic tissue: a wobbling ring of epithelium around a lumen.
#[derive(Clone, Debug)]
pub struct Gland {
    pub outline: Blob,
    pub wall_px: f32,
    /// 0 clean lumen … 1 filled with debris ("dirty" necrosis).
    pub debris: f32,
    pub cytoplasm_h: f32,
}

impl Gland {
    pub fn reach(&self) -> f32 {
        self.outline.reach() + 4.0
    }

    pub fn draw(&self, tile: &mut Stain, grain: &Texture) {
        let gland = self;
        tile.within(gland.outline.x, gland.outline.y, gland.reach(), |tile, index, x, y| {
            let level = gland.outline.level(x, y);
            if level > 1.1 {
                return;
            }
            let depth = (1.0 - level) * gland.outline.radius_x.min(gland.outline.radius_y);
            let inside = smoothstep(-1.5, 1.5, depth);
            let g = grain.at(x * 0.8, y * 0.8);
            tile.mix(index, gland.cytoplasm_h + 0.07 * g, 0.46 + 0.10 * g, inside);
            let lumen =
                smoothstep(gland.wall_px - 3.0, gland.wall_px + 2.0, depth + 5.0 * grain.at(x * 0.13, y * 0.13));
            let clump = smoothstep(0.05, 0.35, grain.at(x * 0.22, y * 0.22)) * gland.debris;
            tile.mix(index, 0.02 + 0.28 * clump + 0.1 * clump * g, 0.03 + 0.42 * clump, lumen);
        });
    }

    /// Nuclei sit at the base of the wall; neoplastic ones are long, crowded and in `rows` rows.
    pub fn nuclei(&self, rng: &mut Rng, rows: u32, length_px: f32, width_px: f32, strength: f32, out: &mut Vec<Splat>) {
        let around = std::f32::consts::TAU * (self.outline.radius_x + self.outline.radius_y) * 0.5;
        let count = (around / (width_px * 1.9)) as u32;
        for row in 0..rows {
            let points = self.outline.outline(count.max(6) as usize);
            for (px, py) in points {
                let (px, py) = (px as f32, py as f32);
                if rng.unit() < 0.06 + 0.25 * row as f32 {
                    continue;
                }
                let (dx, dy) = (self.outline.x - px, self.outline.y - py);
                let distance = (dx * dx + dy * dy).sqrt().max(1.0);
                let inset = length_px * 0.85 + row as f32 * length_px * 1.1 + rng.range(-3.0, 4.0);
                if inset > distance * 0.8 {
                    continue;
                }
                let tilt = rng.normal() * 0.025;
                let turns = atan_turn(dy, dx) + tilt;
                let a = length_px * rng.range(0.75, 1.25);
                let b = width_px * rng.range(0.8, 1.2);
                let (x, y) = (px + dx / distance * inset, py + dy / distance * inset + rng.normal());
                out.push(Splat::nucleus(x, y, a.max(b), b, turns, strength * rng.range(0.75, 1.2)));
            }
        }
    }
}

/// A normal crypt of the mucosa: a test tube that opens at the surface. `axis` maps depth to x.
#[derive(Clone, Debug)]
pub struct Crypt {
    pub x: f32,
    pub top_y: f32,
    pub length: f32,
    pub half_width: f32,
    pub sway: f32,
    pub seed: u32,
}

impl Crypt {
    pub fn axis(&self, depth: f32) -> f32 {
        self.x
            + self.sway * perlin(self.seed, depth / 260.0, 0.5)
            + 0.35 * self.sway * perlin(self.seed ^ 77, depth / 90.0, 0.5)
    }

    fn half_width_at(&self, depth: f32) -> f32 {
        self.half_width * (1.0 + 0.16 * perlin(self.seed ^ 5, depth / 120.0, 3.5))
    }

    pub fn draw(&self, tile: &mut Stain, grain: &Texture) {
        let (reach_x, side) = (self.half_width * 1.3 + self.sway * 1.6, tile.side as i32);
        let from_x = ((self.x - reach_x) as i32 - tile.x0).clamp(0, side);
        let to_x = ((self.x + reach_x) as i32 - tile.x0).clamp(0, side);
        let from_y = ((self.top_y - 10.0) as i32 - tile.y0).clamp(0, side);
        let to_y = ((self.top_y + self.length + 4.0) as i32 - tile.y0).clamp(0, side);
        if from_x >= to_x {
            return;
        }
        for ty in from_y..to_y {
            let y = (ty + tile.y0) as f32 + 0.5;
            let depth = y - self.top_y;
            let (axis, half) = (self.axis(depth), self.half_width_at(depth));
            let below = (depth - (self.length - half)).max(0.0);
            for tx in from_x..to_x {
                let x = (tx + tile.x0) as f32 + 0.5;
                let side_px = x - axis;
                let r = (side_px * side_px + below * below).sqrt();
                let wall = half - r;
                if wall < -2.0 {
                    continue;
                }
                let index = (ty * side + tx) as usize;
                let g = grain.at(x, y);
                tile.mix(index, 0.20 + 0.05 * g, 0.36 + 0.10 * g, smoothstep(-1.5, 1.5, wall));
                let lumen_half =
                    7.0 + 8.0 * smoothstep(160.0, 0.0, depth) + 3.0 * perlin(self.seed ^ 9, depth / 40.0, 0.5);
                let in_lumen = smoothstep(1.5, -1.5, r - lumen_half)
                    * smoothstep(self.length - half * 0.9, self.length - half * 1.5, depth);
                tile.mix(index, 0.03, 0.04 + 0.06 * g.max(0.0), in_lumen);
            }
        }
    }

    /// Basal nuclei on both sides and goblet vacuoles between nucleus and lumen.
    pub fn cells(&self, rng: &mut Rng, nuclei: &mut Vec<Splat>) {
        for side in [-1.0_f32, 1.0] {
            let mut depth = 46.0 + rng.range(0.0, 8.0);
            while depth < self.length - self.half_width {
                let (axis, half) = (self.axis(depth), self.half_width_at(depth));
                let x = axis + side * (half - 9.0 + rng.range(-1.5, 1.5));
                let goblet = rng.unit() < 0.46;
                if goblet {
                    let r = rng.range(8.5, 12.5);
                    nuclei.push(Splat::round(
                        axis + side * (half - 25.0),
                        self.top_y + depth,
                        r,
                        0.92,
                        SplatKind::Mucin,
                    ));
                }
                let (a, b) = if goblet { (7.0, 3.6) } else { (8.0, 5.0) };
                let turns = if goblet { 0.25 } else { rng.range(-0.06, 0.06) };
                nuclei.push(Splat::nucleus(x, self.top_y + depth, a, b, turns, rng.range(0.95, 1.25)));
                depth += rng.range(11.0, 15.5);
            }
        }
        let (axis, half) = (self.axis(self.length - self.half_width), self.half_width);
        for k in 1..9 {
            let turns = k as f32 / 18.0;
            let (x, y) = (axis + (half - 9.0) * cos_turn(turns), self.length - half + (half - 9.0) * sin_turn(turns));
            nuclei.push(Splat::nucleus(x, self.top_y + y, 8.0, 5.0, turns, rng.range(0.95, 1.25)));
        }
    }
}

/// A blood vessel in cross-section.
#[derive(Clone, Debug)]
pub struct Vessel {
    pub outline: Blob,
    pub wall_px: f32,
}

impl Vessel {
    pub fn draw(&self, tile: &mut Stain, strands: &Texture) {
        let vessel = self;
        tile.within(vessel.outline.x, vessel.outline.y, vessel.outline.reach() + 4.0, |tile, index, x, y| {
            let level = vessel.outline.level(x, y);
            if level > 1.2 {
                return;
            }
            let depth = (1.0 - level) * vessel.outline.radius_x.min(vessel.outline.radius_y);
            let ring = strands.at(atan_turn(y - vessel.outline.y, x - vessel.outline.x) * 1024.0, depth * 3.0);
            tile.mix(index, 0.13, 0.62 + 0.22 * ring, smoothstep(-2.0, 2.0, depth));
            tile.mix(index, 0.0, 0.015, smoothstep(-1.5, 1.5, depth - vessel.wall_px));
        });
    }

    pub fn red_cells(&self, rng: &mut Rng, out: &mut Vec<Splat>) {
        let inner = 1.0 - self.wall_px / self.outline.radius_x.min(self.outline.radius_y);
        let count = (self.outline.radius_x * self.outline.radius_y / 120.0) as u32;
        for _ in 0..count {
            let (x, y) = (
                self.outline.x + self.outline.radius_x * rng.range(-0.8, 0.8),
                self.outline.y + self.outline.radius_y * rng.range(-0.5, 0.8),
            );
            if self.outline.level(x, y) < inner - 0.12 {
                out.push(Splat::round(x, y, rng.range(5.6, 7.2), 0.9, SplatKind::RedCell));
            }
        }
        for (x, y) in self.outline.outline((self.outline.reach() / 3.5) as usize) {
            let t = self.wall_px * 0.9 / self.outline.reach();
            let (x, y) = (lerp(x as f32, self.outline.x, t), lerp(y as f32, self.outline.y, t));
            if rng.unit() < 0.5 {
                let turns = atan_turn(y - self.outline.y, x - self.outline.x) + 0.25;
                out.push(Splat::nucleus(x, y, 9.0, 2.6, turns, 1.0));
            }
        }
    }
}

/// Fat: a foam of empty cells (lipid is washed out of paraffin sections) with thin eosinophilic membranes.
pub fn draw_fat(tile: &mut Stain, lobule: &Blob, seed: u32) {
    const CELL_PX: f32 = 118.0;
    tile.within(lobule.x, lobule.y, lobule.reach(), |tile, index, x, y| {
        let level = lobule.level(x, y);
        if level > 1.0 {
            return;
        }
        let (cx, cy) = ((x / CELL_PX) as i32, (y / CELL_PX) as i32);
        let (mut first, mut second) = (f32::MAX, f32::MAX);
        for gy in cy - 1..=cy + 1 {
            for gx in cx - 1..=cx + 1 {
                let px = (gx as f32 + 0.15 + 0.7 * unit2(seed, gx, gy)) * CELL_PX;
                let py = (gy as f32 + 0.15 + 0.7 * unit2(seed ^ 0xABCD, gx, gy)) * CELL_PX;
                let d = ((px - x) * (px - x) + (py - y) * (py - y)).sqrt();
                if d < first {
                    second = first;
                    first = d;
                } else if d < second {
                    second = d;
                }
            }
        }
        let membrane = smoothstep(7.0, 2.0, second - first);
        tile.mix(index, 0.02 + 0.08 * membrane, 0.02 + 0.42 * membrane, smoothstep(1.0, 0.97, level));
    });
}
