//! A section of large bowel that never belonged to anyone, stained H&E-like: mucosa with crypts, submucosa with
//! vessels and fat, muscle; in it a carcinoma, an adenoma and a lymphoid follicle with known outlines.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    clippy::many_single_char_names,
    reason = "pixel arithmetic on images far below 2^24 pixels a side"
)]

use std::path::Path;

use super::noise::{Blob, Rng, Texture, exp_neg, fbm, lerp, perlin, smoothstep, unit2};
use super::slide_objects::{Crypt, Gland, Splat, Stain, Vessel, draw_fat};
use super::tiff_pyramid::{TILE_PX, write_pyramid};
use super::{Planted, PlantedKind};

/// Micrometres of one level-0 pixel, as a 20× scanner gives.
pub const UM_PER_PX: f64 = 0.5;
/// Lattice on which the slow fields (layer, direction, edge) are evaluated, in pixels.
const STEP: usize = 8;
const NODES: usize = TILE_PX / STEP + 1;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Layer {
    Glass,
    Surface,
    LaminaPropria,
    MuscularisMucosae,
    Submucosa,
    Muscle,
    Carcinoma,
    Adenoma,
    Follicle,
}

/// Slowly varying properties at one place.
#[derive(Clone, Copy)]
struct Node {
    h: f32,
    e: f32,
    /// Contrast of the fibre texture and how far clefts open.
    fibre: f32,
    cleft: f32,
    /// Texture coordinates.
    u: f32,
    v: f32,
    /// Pixels inside the tissue (negative: on the glass).
    inside: f32,
}

/// The whole scene; rendering a tile only reads it.
pub struct SlideScene {
    width: usize,
    height: usize,
    seed: u32,
    top: Vec<f32>,
    carcinoma: Blob,
    adenoma: Blob,
    follicle: Blob,
    crypts: Vec<Crypt>,
    glands: Vec<Gland>,
    vessels: Vec<Vessel>,
    fat: Vec<Blob>,
    early: Buckets,
    late: Buckets,
    strands: Texture,
    grain: Texture,
}

/// Splats by tile; a splat that crosses an edge is in every tile it touches.
struct Buckets {
    columns: usize,
    tiles: Vec<Vec<Splat>>,
}

impl Buckets {
    fn new(width: usize, height: usize) -> Self {
        let columns = width.div_ceil(TILE_PX);
        Self { columns, tiles: vec![Vec::new(); columns * height.div_ceil(TILE_PX)] }
    }

    fn insert(&mut self, splats: &[Splat]) {
        for splat in splats {
            let reach = splat.a + 3.0;
            let column = |x: f32| (x.max(0.0) as usize / TILE_PX).min(self.columns - 1);
            let rows = self.tiles.len() / self.columns;
            let row = |y: f32| (y.max(0.0) as usize / TILE_PX).min(rows - 1);
            for r in row(splat.y - reach)..=row(splat.y + reach) {
                for c in column(splat.x - reach)..=column(splat.x + reach) {
                    self.tiles[r * self.columns + c].push(*splat);
                }
            }
        }
    }
}

impl SlideScene {
    pub fn new(seed: u64, width: usize, height: usize) -> Self {
        let mut rng = Rng::new(seed);
        let noise_seed = (rng.next_u64() >> 32) as u32;
        let (w, h) = (width as f32, height as f32);
        let top: Vec<f32> = (0..width)
            .map(|x| {
                let t = x as f32 / w - 0.5;
                h * (0.20 + 0.34 * t * t)
                    + 0.030 * h * perlin(noise_seed, x as f32 / (0.16 * w), 0.5)
                    + 14.0 * perlin(noise_seed ^ 1, x as f32 / 210.0, 0.5)
            })
            .collect();
        let surface = |x: f32| top[(x as usize).min(width - 1)];
        let (cx, ax, fx) = (0.63 * w, 0.27 * w, 0.445 * w);
        let carcinoma = Blob::new(&mut rng, cx, surface(cx) + 0.095 * h, 0.125 * w, 0.165 * h, 0.075, 6);
        let adenoma = Blob::new(&mut rng, ax, surface(ax) + 0.012 * h, 0.062 * w, 0.085 * h, 0.06, 5);
        let follicle = Blob::new(&mut rng, fx, surface(fx) + 0.128 * h, 0.021 * w, 0.024 * h, 0.05, 4);
        let mut scene = Self {
            width,
            height,
            seed: noise_seed,
            top,
            carcinoma,
            adenoma,
            follicle,
            crypts: Vec::new(),
            glands: Vec::new(),
            vessels: Vec::new(),
            fat: Vec::new(),
            early: Buckets::new(width, height),
            late: Buckets::new(width, height),
            strands: Texture::new(noise_seed ^ 0x11, 1024, 64, 8, 4, true),
            grain: Texture::new(noise_seed ^ 0x22, 512, 64, 1, 3, false),
        };
        scene.populate(&mut rng);
        scene
    }

    /// Lesions whose outlines are known exactly, in level-0 pixel edges.
    pub fn planted(&self) -> Vec<Planted> {
        let of = |kind, blob: &Blob, count| Planted { kind, frame: 0, outline: blob.outline(count) };
        vec![
            of(PlantedKind::Carcinoma, &self.carcinoma, 96),
            of(PlantedKind::Adenoma, &self.adenoma, 72),
            of(PlantedKind::LymphoidFollicle, &self.follicle, 48),
        ]
    }

    /// Writes the pyramid; the same seed and size give the same bytes.
    ///
    /// # Errors
    /// Whatever writing the file gives.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        let text = "Synthetic H&E-like section made by the Shoken demo. Not from a patient.";
        write_pyramid(path, self.width, self.height, UM_PER_PX, text, |y0, rows, out| self.band(y0, rows, out))
    }

    fn band(&self, y0: usize, rows: usize, out: &mut [u8]) {
        let columns = self.width.div_ceil(TILE_PX);
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        let tiles: Vec<Vec<(usize, Vec<u8>)>> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|worker| {
                    scope.spawn(move || {
                        (worker..columns).step_by(threads).map(|c| (c, self.tile(c, y0 / TILE_PX))).collect::<Vec<_>>()
                    })
                })
                .collect();
            workers.into_iter().map(|w| w.join().unwrap_or_default()).collect()
        });
        for (column, tile) in tiles.iter().flatten() {
            let x0 = column * TILE_PX;
            let span = TILE_PX.min(self.width - x0) * 3;
            for y in 0..rows {
                let target = (y * self.width + x0) * 3;
                out[target..target + span].copy_from_slice(&tile[y * TILE_PX * 3..y * TILE_PX * 3 + span]);
            }
        }
    }

    fn depth(&self, x: f32, y: f32) -> f32 {
        let column = (x.max(0.0) as usize).min(self.width - 1);
        y - self.top[column]
    }

    fn layer(&self, x: f32, y: f32) -> Layer {
        let h = self.height as f32;
        let depth = self.depth(x, y);
        let bend = depth + 0.010 * h * perlin(self.seed ^ 3, x / 700.0, y / 700.0);
        if self.carcinoma.level(x, y) < 1.0 {
            Layer::Carcinoma
        } else if self.adenoma.level(x, y) < 1.0 {
            Layer::Adenoma
        } else if self.inside(x, y) < 0.0 {
            Layer::Glass
        } else if self.follicle.level(x, y) < 1.0 {
            Layer::Follicle
        } else if depth < 38.0 {
            Layer::Surface
        } else if bend < 0.112 * h {
            Layer::LaminaPropria
        } else if bend < 0.122 * h {
            Layer::MuscularisMucosae
        } else if bend < 0.325 * h {
            Layer::Submucosa
        } else {
            Layer::Muscle
        }
    }

    fn inside(&self, x: f32, y: f32) -> f32 {
        let (w, h) = (self.width as f32, self.height as f32);
        let rough = 26.0 * fbm(self.seed ^ 8, x / 180.0, y / 180.0, 3);
        let below = self.depth(x, y);
        let total = 0.52 * h + 0.02 * h * perlin(self.seed ^ 4, x / 900.0, 0.3);
        let sides = (x - 0.055 * w).min(0.945 * w - x) + 90.0 * fbm(self.seed ^ 6, y / 600.0, x / 900.0, 3);
        let band = below.min(total - below + rough).min(sides + rough);
        let blob = |b: &Blob| (1.0 - b.level(x, y)) * b.radius_x.min(b.radius_y);
        band.max(blob(&self.carcinoma)).max(blob(&self.adenoma))
    }

    fn node(&self, x: f32, y: f32) -> Node {
        let h = self.height as f32;
        let inside = self.inside(x, y);
        let slow = perlin(self.seed ^ 12, x / 420.0, y / 420.0);
        let wave = perlin(self.seed ^ 13, x / 900.0, y / 900.0);
        let depth = self.depth(x, y);
        let mut node = Node { h: 0.0, e: 0.0, fibre: 0.0, cleft: 0.0, u: x * 0.6, v: y * 0.6, inside };
        let (stain_h, stain_e, fibre, cleft) = match self.layer(x, y) {
            Layer::Glass => (0.10, 0.30, 0.1, 0.0),
            Layer::Surface => (0.20, 0.36, 0.06, 0.0),
            Layer::LaminaPropria => (0.17, 0.40, 0.30, 0.25),
            Layer::MuscularisMucosae => (0.14, 0.66, 0.35, 0.15),
            Layer::Submucosa => (0.05, 0.34, 0.75, 0.9),
            Layer::Muscle => (0.10, 0.62, 0.40, 0.45),
            Layer::Carcinoma => (0.15, 0.42, 0.55, 0.35),
            Layer::Adenoma => (0.18, 0.40, 0.30, 0.25),
            Layer::Follicle => (0.32, 0.34, 0.1, 0.0),
        };
        (node.h, node.e, node.fibre, node.cleft) = (stain_h, stain_e * (1.0 + 0.12 * slow), fibre, cleft);
        let layer = self.layer(x, y);
        if layer == Layer::Muscle {
            let outer = smoothstep(0.425 * h, 0.445 * h, depth);
            node.u = lerp(x * 0.55 + 60.0 * slow, x * 1.3 + 120.0 * slow, outer);
            node.v = lerp(depth * 0.9 + 90.0 * wave, depth * 0.55 + 50.0 * wave, outer);
        } else if layer == Layer::Submucosa {
            node.u = x * 0.45 + 190.0 * slow;
            node.v = depth * 0.55 + 170.0 * wave + 60.0 * slow;
        } else if layer == Layer::Carcinoma {
            node.u = x * 0.5 + 240.0 * wave;
            node.v = y * 0.7 + 240.0 * slow;
        }
        node
    }

    fn populate(&mut self, rng: &mut Rng) {
        let (w, h) = (self.width as f32, self.height as f32);
        let (mut early, mut late) = (Vec::new(), Vec::new());
        let mut x = 0.05 * w;
        while x < 0.95 * w {
            let top_y = self.top[(x as usize).min(self.width - 1)];
            let length = (0.104 * h + rng.range(-0.012, 0.004) * h).max(120.0);
            let crypt = Crypt {
                x,
                top_y,
                length,
                half_width: rng.range(38.0, 47.0),
                sway: rng.range(10.0, 26.0),
                seed: self.seed ^ (x as u32),
            };
            let clear = |b: &Blob| b.level(x, top_y + 0.05 * h) > 1.12 && b.level(x, top_y + 20.0) > 1.05;
            let inside =
                self.inside(x - 45.0, top_y + 60.0) > 20.0 && self.inside(x + 45.0, top_y + length * 0.8) > 20.0;
            if clear(&self.carcinoma) && clear(&self.adenoma) && inside {
                crypt.cells(rng, &mut late);
                self.crypts.push(crypt);
            }
            x += rng.range(104.0, 136.0);
        }
        self.surface_cells(rng, &mut late);
        self.neoplastic_glands(rng, &mut late);
        self.vessels_and_fat(rng, &mut late);
        self.stromal_cells(&mut early);
        self.early.insert(&early);
        self.late.insert(&late);
    }

    fn surface_cells(&self, rng: &mut Rng, out: &mut Vec<Splat>) {
        let mut x = 0.05 * self.width as f32;
        while x < 0.95 * self.width as f32 {
            let y = self.top[x as usize] + rng.range(22.0, 29.0);
            if self.layer(x, y) == Layer::Surface {
                out.push(Splat::nucleus(x, y, 8.5, 4.6, 0.25 + rng.range(-0.03, 0.03), rng.range(0.95, 1.25)));
            }
            x += rng.range(9.5, 13.0);
        }
    }

    fn neoplastic_glands(&mut self, rng: &mut Rng, out: &mut Vec<Splat>) {
        let regions = [(self.carcinoma.clone(), 172.0_f32, true), (self.adenoma.clone(), 138.0, false)];
        for (region, spacing, malignant) in regions {
            let reach = region.reach();
            let steps = (reach / spacing) as i32 + 1;
            for gy in -steps..=steps {
                for gx in -steps..=steps {
                    let shift = if gy % 2 == 0 { 0.0 } else { 0.5 };
                    let x = region.x + (gx as f32 + shift + rng.range(-0.24, 0.24)) * spacing;
                    let y = region.y + (gy as f32 + rng.range(-0.24, 0.24)) * spacing * 0.92;
                    let size = spacing * if malignant { rng.range(0.30, 0.60) } else { rng.range(0.36, 0.47) };
                    let edge = size / region.radius_x.min(region.radius_y);
                    let skip = if malignant { 0.10 } else { 0.02 };
                    if rng.unit() < skip || region.level(x, y) > 1.0 - edge {
                        continue;
                    }
                    let aspect = if malignant { rng.range(0.65, 1.35) } else { rng.range(0.85, 1.2) };
                    let rough = if malignant { 0.16 } else { 0.06 };
                    let outline = Blob::new(rng, x, y, size * aspect, size / aspect, rough, 5);
                    let gland = Gland {
                        outline,
                        wall_px: if malignant { rng.range(30.0, 42.0) } else { rng.range(34.0, 40.0) },
                        debris: if malignant { rng.range(0.0, 1.0) } else { 0.1 },
                        cytoplasm_h: if malignant { 0.34 } else { 0.30 },
                    };
                    if malignant {
                        gland.nuclei(rng, 2, 11.5, 6.6, 1.45, out);
                    } else {
                        gland.nuclei(rng, 1, 12.5, 4.4, 1.35, out);
                        gland.nuclei(rng, 1, 11.0, 4.4, 1.25, out);
                    }
                    self.glands.push(gland);
                }
            }
        }
    }

    fn vessels_and_fat(&mut self, rng: &mut Rng, out: &mut Vec<Splat>) {
        let (w, h) = (self.width as f32, self.height as f32);
        for k in 0..5 {
            let x = w * (0.14 + 0.19 * k as f32 + rng.range(-0.04, 0.04));
            let y = self.top[(x as usize).min(self.width - 1)] + h * rng.range(0.24, 0.27);
            let (radius_x, radius_y) = (w * rng.range(0.03, 0.055), h * rng.range(0.025, 0.04));
            let lobule = Blob::new(rng, x, y, radius_x, radius_y, 0.12, 5);
            if self.carcinoma.level(x, y) > 1.5 {
                self.fat.push(lobule);
            }
        }
        for k in 0..22 {
            let x = w * (0.09 + 0.039 * k as f32 + rng.range(-0.012, 0.012));
            let y = self.top[(x as usize).min(self.width - 1)] + h * rng.range(0.15, 0.30);
            let radius = rng.range(28.0, 95.0);
            let aspect = rng.range(0.6, 1.5);
            let outline = Blob::new(rng, x, y, radius * aspect, radius / aspect, 0.07, 4);
            let wall_px = rng.range(0.16, 0.38) * radius / aspect.max(1.0 / aspect);
            let free = self.fat.iter().all(|f| f.level(x, y) > 1.1) && self.carcinoma.level(x, y) > 1.2;
            if free && self.layer(x, y) == Layer::Submucosa {
                let vessel = Vessel { outline, wall_px };
                vessel.red_cells(rng, out);
                self.vessels.push(vessel);
            }
        }
    }

    fn stromal_cells(&self, out: &mut Vec<Splat>) {
        const CELL: usize = 17;
        for gy in 0..self.height / CELL {
            for gx in 0..self.width / CELL {
                let dice = |salt: u32| unit2(self.seed ^ salt, gx as i32, gy as i32);
                let chance = dice(101);
                if chance > 0.88 {
                    continue;
                }
                let x = (gx as f32 + dice(102)) * CELL as f32;
                let y = (gy as f32 + dice(103)) * CELL as f32;
                // Rows far from the tissue are skipped before anything dearer is asked.
                if self.depth(x, y) < -0.25 * self.height as f32 {
                    continue;
                }
                let (density, round) = match self.layer(x, y) {
                    Layer::Glass | Layer::Surface => (0.0, 0.0),
                    Layer::LaminaPropria => (0.42, 0.85),
                    Layer::MuscularisMucosae => (0.10, 0.05),
                    Layer::Submucosa => (0.030, 0.2),
                    Layer::Muscle => (0.065, 0.0),
                    Layer::Carcinoma => (0.20, 0.5),
                    Layer::Adenoma => (0.32, 0.8),
                    Layer::Follicle => (0.88, 1.0),
                };
                let cluster = 1.0 + 0.7 * perlin(self.seed ^ 21, x / 150.0, y / 150.0);
                if chance > density * cluster {
                    continue;
                }
                let strength = 0.95 + 0.45 * dice(104);
                out.push(if dice(105) < round {
                    let r = 5.0 + 1.9 * dice(106);
                    Splat::nucleus(x, y, r * 1.08, r, dice(107), strength)
                } else {
                    let slope = 0.05 * perlin(self.seed ^ 12, x / 420.0, y / 420.0) + 0.03 * (dice(107) - 0.5);
                    Splat::nucleus(x, y, 13.0 + 9.0 * dice(106), 2.5 + 1.1 * dice(108), slope, strength)
                });
            }
        }
    }

    fn tile(&self, column: usize, row: usize) -> Vec<u8> {
        let (x0, y0) = (column * TILE_PX, row * TILE_PX);
        let mut nodes = Vec::with_capacity(NODES * NODES);
        for j in 0..NODES {
            for i in 0..NODES {
                nodes.push(self.node((x0 + i * STEP) as f32, (y0 + j * STEP) as f32));
            }
        }
        if nodes.iter().all(|n| n.inside < -14.0) {
            return self.glass(x0, y0);
        }
        let count = TILE_PX * TILE_PX;
        let mut stain = Stain { x0: x0 as i32, y0: y0 as i32, side: TILE_PX, h: vec![0.0; count], e: vec![0.0; count] };
        let mut cover = vec![0.0_f32; count];
        for y in 0..TILE_PX {
            for x in 0..TILE_PX {
                let index = y * TILE_PX + x;
                cover[index] = self.ground(&nodes, &mut stain, x, y);
            }
        }
        let bucket = row * self.early.columns + column;
        let (px, py, side) = (x0 as f32, y0 as f32, TILE_PX as f32);
        let near = |b: &Blob, extra: f32| {
            let reach = b.reach() + extra;
            b.x + reach > px && b.x - reach < px + side && b.y + reach > py && b.y - reach < py + side
        };
        self.early.tiles[bucket].iter().for_each(|s| s.draw(&mut stain, &self.grain));
        self.fat.iter().filter(|b| near(b, 0.0)).for_each(|b| draw_fat(&mut stain, b, self.seed ^ 31));
        self.vessels.iter().filter(|v| near(&v.outline, 6.0)).for_each(|v| v.draw(&mut stain, &self.strands));
        self.crypts
            .iter()
            .filter(|c| c.x + 120.0 > px && c.x - 120.0 < px + side && c.top_y < py + side && c.top_y + c.length > py)
            .for_each(|c| c.draw(&mut stain, &self.grain));
        self.glands.iter().filter(|g| near(&g.outline, 6.0)).for_each(|g| g.draw(&mut stain, &self.grain));
        self.late.tiles[bucket].iter().for_each(|s| s.draw(&mut stain, &self.grain));
        self.develop(&stain, &cover)
    }

    /// Ground colour of one pixel into `stain`; returns how much of it is tissue.
    fn ground(&self, nodes: &[Node], stain: &mut Stain, x: usize, y: usize) -> f32 {
        // The lattice is read a few pixels beside the place, so that layers end in tissue's own rough line and not in steps.
        let (gx, gy) = ((stain.x0 + x as i32) as f32, (stain.y0 + y as i32) as f32);
        let beside = |at: usize, shift: f32| (at as f32 + shift).clamp(0.0, TILE_PX as f32 - 0.01) / STEP as f32;
        let lx = beside(x, 11.0 * self.grain.at(gx * 0.31, gy * 0.31));
        let ly = beside(y, 11.0 * self.grain.at(gx * 0.31 + 170.0, gy * 0.31 + 60.0));
        let (i, j) = (lx as usize, ly as usize);
        let (fx, fy) = (lx - i as f32, ly - j as f32);
        let corners = [
            &nodes[j * NODES + i],
            &nodes[j * NODES + i + 1],
            &nodes[(j + 1) * NODES + i],
            &nodes[(j + 1) * NODES + i + 1],
        ];
        let blend = |f: fn(&Node) -> f32| {
            lerp(lerp(f(corners[0]), f(corners[1]), fx), lerp(f(corners[2]), f(corners[3]), fx), fy)
        };
        let (u, v) = (blend(|n| n.u), blend(|n| n.v));
        let strand = self.strands.at(u, v * 1.6);
        let wide = self.strands.at(u * 0.31 + 300.0, v * 0.42 + 40.0);
        let fine = self.grain.pixel(stain.x0 + x as i32, stain.y0 + y as i32);
        let fibre = blend(|n| n.fibre);
        let texture = 1.0 + fibre * (0.45 * strand + 0.25 * wide) + 0.10 * fine;
        let cleft = blend(|n| n.cleft) * smoothstep(0.02, -0.42, wide + 0.35 * strand);
        let index = y * TILE_PX + x;
        stain.h[index] = blend(|n| n.h) * texture * (1.0 - 0.9 * cleft);
        stain.e[index] = (blend(|n| n.e) * texture).max(0.02) * (1.0 - 0.9 * cleft);
        smoothstep(-2.0, 2.0, blend(|n| n.inside) + 4.0 * fine)
    }

    /// Beer–Lambert: light left after both stains, over a white field. Absorbances per unit stain are tuned by eye to a
    /// scanner's H&E (after Ruifrok and Johnston 2001, eosin made less magenta).
    fn develop(&self, stain: &Stain, cover: &[f32]) -> Vec<u8> {
        const HAEMATOXYLIN: [f32; 3] = [0.86, 1.08, 0.52];
        const EOSIN: [f32; 3] = [0.11, 0.86, 0.46];
        const WHITE: [f32; 3] = [244.0, 243.0, 245.0];
        let mut rgb = Vec::with_capacity(cover.len() * 3);
        for (index, alpha) in cover.iter().enumerate() {
            let (h, e) = (stain.h[index].max(0.0), stain.e[index].max(0.0));
            let (x, y) = (stain.x0 + (index % TILE_PX) as i32, stain.y0 + (index / TILE_PX) as i32);
            let shot = 2.2 * (unit2(self.seed ^ 41, x, y) - 0.5);
            for c in 0..3 {
                let density = HAEMATOXYLIN[c] * h + EOSIN[c] * e;
                let value = WHITE[c] * lerp(1.0, exp_neg(density), *alpha) + shot;
                rgb.push((value + 0.5).clamp(0.0, 255.0) as u8);
            }
        }
        rgb
    }

    fn glass(&self, x0: usize, y0: usize) -> Vec<u8> {
        let count = TILE_PX * TILE_PX;
        let stain = Stain { x0: x0 as i32, y0: y0 as i32, side: TILE_PX, h: vec![0.0; count], e: vec![0.0; count] };
        self.develop(&stain, &vec![0.0; count])
    }
}
