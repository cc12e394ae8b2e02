//! Seeded noise and small mathematics for the synthetic images: the same seed gives the same bytes on every machine.
//!
//! Nothing here calls the platform's libm (its last digits differ between systems): sine, cosine and exponential are
//! polynomials in plain `f32` arithmetic, which IEEE 754 fixes exactly.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    clippy::many_single_char_names,
    reason = "lattice arithmetic on image coordinates far below 2^24"
)]

/// SplitMix64 (Steele, Lea, Flood 2014): enough for texture, never for keys.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_add(0x9E37_79B9_7F4A_7C15))
    }

    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in `[0, 1)`.
    pub fn unit(&mut self) -> f32 {
        (self.next_u64() >> 40) as f32 / 16_777_216.0
    }

    /// Uniform in `[low, high)`.
    pub fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// About normal, mean 0, standard deviation 1: sum of four uniforms (Irwin–Hall), cut at ±3.46.
    pub fn normal(&mut self) -> f32 {
        (self.unit() + self.unit() + self.unit() + self.unit() - 2.0) * 1.732_050_8
    }
}

/// A hash of a lattice point.
pub fn hash2(seed: u32, x: i32, y: i32) -> u32 {
    let mut h = seed ^ (x as u32).wrapping_mul(0x85EB_CA6B) ^ (y as u32).wrapping_mul(0xC2B2_AE35);
    h = (h ^ (h >> 16)).wrapping_mul(0x7FEB_352D);
    h = (h ^ (h >> 15)).wrapping_mul(0x846C_A68B);
    h ^ (h >> 16)
}

/// Uniform in `[0, 1)` for a lattice point.
pub fn unit2(seed: u32, x: i32, y: i32) -> f32 {
    (hash2(seed, x, y) >> 8) as f32 / 16_777_216.0
}

/// `t` clamped to `[0, 1]` and eased with zero slope at both ends.
pub fn smoothstep(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

pub fn lerp(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

fn floor_int(x: f32) -> i32 {
    let i = x as i32;
    if (i as f32) > x { i - 1 } else { i }
}

fn gradient(h: u32, dx: f32, dy: f32) -> f32 {
    match h & 7 {
        0 => dx + 0.414 * dy,
        1 => 0.414 * dx + dy,
        2 => -dx + 0.414 * dy,
        3 => -0.414 * dx + dy,
        4 => dx - 0.414 * dy,
        5 => 0.414 * dx - dy,
        6 => -dx - 0.414 * dy,
        _ => -0.414 * dx - dy,
    }
}

/// Gradient noise (Perlin 2002 easing), about `[-1, 1]`, lattice distance 1. `period > 0` makes it repeat.
pub fn perlin_periodic(seed: u32, x: f32, y: f32, period: i32) -> f32 {
    let (ix, iy) = (floor_int(x), floor_int(y));
    let (fx, fy) = (x - ix as f32, y - iy as f32);
    let ease = |t: f32| t * t * t * (t * (t * 6.0 - 15.0) + 10.0);
    let wrap = |i: i32| if period > 0 { i.rem_euclid(period) } else { i };
    let corner = |cx: i32, cy: i32, dx: f32, dy: f32| gradient(hash2(seed, wrap(cx), wrap(cy)), dx, dy);
    let (u, v) = (ease(fx), ease(fy));
    let top = lerp(corner(ix, iy, fx, fy), corner(ix + 1, iy, fx - 1.0, fy), u);
    let low = lerp(corner(ix, iy + 1, fx, fy - 1.0), corner(ix + 1, iy + 1, fx - 1.0, fy - 1.0), u);
    lerp(top, low, v) * 1.35
}

pub fn perlin(seed: u32, x: f32, y: f32) -> f32 {
    perlin_periodic(seed, x, y, 0)
}

/// Sum of `octaves` of gradient noise, each twice as fine and half as strong, scaled to about `[-1, 1]`.
pub fn fbm(seed: u32, x: f32, y: f32, octaves: u32) -> f32 {
    let (mut sum, mut amplitude, mut total, mut scale) = (0.0, 1.0, 0.0, 1.0);
    for octave in 0..octaves {
        sum += amplitude * perlin(seed.wrapping_add(octave * 0x51ED), x * scale, y * scale);
        total += amplitude;
        amplitude *= 0.5;
        scale *= 2.0;
    }
    sum / total
}

/// Sine of an angle in *turns* (1 = full circle), error below 2e-4: Bhaskara-like odd polynomial on a quarter.
pub fn sin_turn(turns: f32) -> f32 {
    let t = turns - floor_int(turns) as f32;
    let (t, sign) = if t >= 0.5 { (t - 0.5, -1.0) } else { (t, 1.0) };
    let q = if t > 0.25 { 0.5 - t } else { t };
    let x = q * core::f32::consts::TAU;
    let x2 = x * x;
    sign * x * (1.0 - x2 * (1.0 / 6.0 - x2 * (1.0 / 120.0 - x2 * (1.0 / 5040.0))))
}

pub fn cos_turn(turns: f32) -> f32 {
    sin_turn(turns + 0.25)
}

/// Angle of `(x, y)` in turns, in `[0, 1)`; error below 1e-3 turns.
pub fn atan_turn(y: f32, x: f32) -> f32 {
    let (ax, ay) = (x.abs(), y.abs());
    let (small, large) = if ax < ay { (ax, ay) } else { (ay, ax) };
    if large == 0.0 {
        return 0.0;
    }
    let r = small / large;
    let mut turns = r * (0.159_15 - r * r * (0.051_2 - r * r * 0.016_8));
    if ay > ax {
        turns = 0.25 - turns;
    }
    if x < 0.0 {
        turns = 0.5 - turns;
    }
    if y < 0.0 {
        turns = 1.0 - turns;
    }
    if turns >= 1.0 { 0.0 } else { turns }
}

/// `exp(-x)` for `x ≥ 0`, relative error below 1e-4: (e^(-x/64))^64 with a Taylor core.
pub fn exp_neg(x: f32) -> f32 {
    if x > 20.0 {
        return 0.0;
    }
    let y = x / 64.0;
    let mut e = 1.0 - y * (1.0 - y * (0.5 - y * (1.0 / 6.0 - y * (1.0 / 24.0))));
    for _ in 0..6 {
        e *= e;
    }
    e
}

/// A square tile of precomputed noise that repeats without a seam; sampling it is far cheaper than computing it.
pub struct Texture {
    side: usize,
    values: Vec<f32>,
}

impl Texture {
    /// `side` is a power of two. `cells` lattice cells per side for the coarsest of `octaves`; `stretch` > 1 makes the
    /// grain longer along x. `ridged` folds the noise into thin bright lines.
    pub fn new(seed: u32, side: usize, cells: i32, stretch: i32, octaves: u32, ridged: bool) -> Self {
        let mut values = vec![0.0_f32; side * side];
        for (index, value) in values.iter_mut().enumerate() {
            let (x, y) = ((index % side) as f32 / side as f32, (index / side) as f32 / side as f32);
            let (mut sum, mut amplitude, mut total) = (0.0, 1.0, 0.0);
            for octave in 0..octaves {
                let period = cells << octave;
                let along = (period / stretch.max(1)).max(1);
                // The two axes repeat with different periods, so both are folded by hand before the lattice is hashed.
                let n = perlin_two_periods(
                    seed.wrapping_add(octave * 7919),
                    x * along as f32,
                    y * period as f32,
                    along,
                    period,
                );
                let n = if ridged { 1.0 - 2.0 * n.abs() } else { n };
                sum += amplitude * n;
                total += amplitude;
                amplitude *= 0.5;
            }
            *value = sum / total;
        }
        Self { side, values }
    }

    /// Bilinear sample at a pixel position of the texture; repeats in both directions.
    pub fn at(&self, x: f32, y: f32) -> f32 {
        let (ix, iy) = (floor_int(x), floor_int(y));
        let (fx, fy) = (x - ix as f32, y - iy as f32);
        let mask = self.side - 1;
        let (x0, y0) = (ix as usize & mask, iy as usize & mask);
        let (x1, y1) = ((x0 + 1) & mask, (y0 + 1) & mask);
        let v = |cx: usize, cy: usize| self.values[cy * self.side + cx];
        lerp(lerp(v(x0, y0), v(x1, y0), fx), lerp(v(x0, y1), v(x1, y1), fx), fy)
    }

    /// Nearest sample at a whole pixel.
    pub fn pixel(&self, x: i32, y: i32) -> f32 {
        let mask = self.side - 1;
        self.values[(y as usize & mask) * self.side + (x as usize & mask)]
    }
}

fn perlin_two_periods(seed: u32, x: f32, y: f32, period_x: i32, period_y: i32) -> f32 {
    let (ix, iy) = (floor_int(x), floor_int(y));
    let (fx, fy) = (x - ix as f32, y - iy as f32);
    let ease = |t: f32| t * t * t * (t * (t * 6.0 - 15.0) + 10.0);
    let corner = |cx: i32, cy: i32, dx: f32, dy: f32| {
        gradient(hash2(seed, cx.rem_euclid(period_x), cy.rem_euclid(period_y)), dx, dy)
    };
    let (u, v) = (ease(fx), ease(fy));
    let top = lerp(corner(ix, iy, fx, fy), corner(ix + 1, iy, fx - 1.0, fy), u);
    let low = lerp(corner(ix, iy + 1, fx, fy - 1.0), corner(ix + 1, iy + 1, fx - 1.0, fy - 1.0), u);
    lerp(top, low, v) * 1.35
}

/// A closed outline around a centre whose radius wobbles: what a lesion's edge looks like. Angles in turns.
#[derive(Clone, Debug)]
pub struct Blob {
    pub x: f32,
    pub y: f32,
    pub radius_x: f32,
    pub radius_y: f32,
    /// Amplitude and phase (turns) of harmonics 2, 3, 4, …
    pub waves: Vec<(f32, f32)>,
}

impl Blob {
    pub fn new(rng: &mut Rng, x: f32, y: f32, radius_x: f32, radius_y: f32, roughness: f32, harmonics: u32) -> Self {
        let waves =
            (0..harmonics).map(|k| (roughness * rng.range(0.3, 1.0) / (1.0 + k as f32 * 0.7), rng.unit())).collect();
        Self { x, y, radius_x, radius_y, waves }
    }

    fn factor(&self, turns: f32) -> f32 {
        let mut f = 1.0;
        for (index, (amplitude, phase)) in self.waves.iter().enumerate() {
            f += amplitude * sin_turn(turns * (index as f32 + 2.0) + phase);
        }
        f
    }

    /// 0 at the centre, 1 on the outline, more outside.
    pub fn level(&self, x: f32, y: f32) -> f32 {
        let (dx, dy) = ((x - self.x) / self.radius_x, (y - self.y) / self.radius_y);
        let r = (dx * dx + dy * dy).sqrt();
        if r < 1e-6 { 0.0 } else { r / self.factor(atan_turn(dy, dx)) }
    }

    /// Largest distance of the outline from the centre, along either axis.
    pub fn reach(&self) -> f32 {
        self.radius_x.max(self.radius_y) * (1.0 + self.waves.iter().map(|w| w.0).sum::<f32>())
    }

    /// `count` points of the outline, anticlockwise in y-down pixels when seen on screen is of no concern here: the
    /// domain turns rings as it needs.
    pub fn outline(&self, count: usize) -> Vec<(f64, f64)> {
        (0..count)
            .map(|i| {
                let turns = i as f32 / count as f32;
                let f = self.factor(turns);
                (
                    f64::from(self.x + self.radius_x * f * cos_turn(turns)),
                    f64::from(self.y + self.radius_y * f * sin_turn(turns)),
                )
            })
            .collect()
    }
}
