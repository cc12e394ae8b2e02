//! Inverse cosine transform and chroma enlargement for 12-bit samples, in the fixed point of libjpeg (`jidctint.c` with
//! `BITS_IN_JSAMPLE` 12, `jdsample.c`), so that both give the same samples.

/// Fractional bits of the constants, and those kept after the first pass (one for 12-bit samples).
const CONST_BITS: i32 = 13;
const PASS1_BITS: i32 = 1;

const F_0_298631336: i32 = 2446;
const F_0_390180644: i32 = 3196;
const F_0_541196100: i32 = 4433;
const F_0_765366865: i32 = 6270;
const F_0_899976223: i32 = 7373;
const F_1_175875602: i32 = 9633;
const F_1_501321110: i32 = 12_299;
const F_1_847759065: i32 = 15_137;
const F_1_961570560: i32 = 16_069;
const F_2_053119869: i32 = 16_819;
const F_2_562915447: i32 = 20_995;
const F_3_072711026: i32 = 25_172;

/// One pass over eight values (Loeffler, Ligtenberg and Moschytz 1989, 11 multiplications).
fn pass(v: [i64; 8], shift: i32) -> [i64; 8] {
    let f = i64::from;
    let z1 = (v[2] + v[6]) * f(F_0_541196100);
    let (t2, t3) = (z1 - v[6] * f(F_1_847759065), z1 + v[2] * f(F_0_765366865));
    let (t0, t1) = ((v[0] + v[4]) << CONST_BITS, (v[0] - v[4]) << CONST_BITS);
    let (e0, e3, e1, e2) = (t0 + t3, t0 - t3, t1 + t2, t1 - t2);
    let (z1, z2, z3, z4) = (v[7] + v[1], v[5] + v[3], v[7] + v[3], v[5] + v[1]);
    let z5 = (z3 + z4) * f(F_1_175875602);
    let (z1, z2) = (-z1 * f(F_0_899976223), -z2 * f(F_2_562915447));
    let (z3, z4) = (z5 - z3 * f(F_1_961570560), z5 - z4 * f(F_0_390180644));
    let o0 = v[7] * f(F_0_298631336) + z1 + z3;
    let o1 = v[5] * f(F_2_053119869) + z2 + z4;
    let o2 = v[3] * f(F_3_072711026) + z2 + z3;
    let o3 = v[1] * f(F_1_501321110) + z1 + z4;
    let half = 1_i64 << (shift - 1);
    [e0 + o3, e1 + o2, e2 + o1, e3 + o0, e3 - o0, e2 - o1, e1 - o2, e0 - o3].map(|sum| (sum + half) >> shift)
}

/// Coefficients in natural order to 64 samples of 12 bits.
pub fn inverse(block: &[i16; 64], quantiser: &[u16; 64]) -> [u16; 64] {
    let mut work = [0_i64; 64];
    for (place, (value, step)) in work.iter_mut().zip(block.iter().zip(quantiser)) {
        *place = i64::from(*value) * i64::from(*step);
    }
    let at = |work: &[i64; 64], index: usize| work.get(index).copied().unwrap_or_default();
    for col in 0..8 {
        let column = std::array::from_fn(|row| at(&work, row * 8 + col));
        for (row, value) in pass(column, CONST_BITS - PASS1_BITS).into_iter().enumerate() {
            if let Some(place) = work.get_mut(row * 8 + col) {
                *place = value;
            }
        }
    }
    let mut out = [0; 64];
    for row in 0..8 {
        let line = std::array::from_fn(|col| at(&work, row * 8 + col));
        for (col, value) in pass(line, CONST_BITS + PASS1_BITS + 3).into_iter().enumerate() {
            if let Some(place) = out.get_mut(row * 8 + col) {
                *place = u16::try_from((value + 2048).clamp(0, 4095)).unwrap_or_default();
            }
        }
    }
    out
}

/// A subsampled plane in full size: libjpeg's triangle filter for factors of two across, repetition otherwise.
pub fn enlarge(
    samples: &[u16],
    stride: usize,
    own: (usize, usize),
    factors: (usize, usize),
    full: (usize, usize),
) -> Vec<u16> {
    let line = |row: usize| {
        let start = row.min(own.1.saturating_sub(1)) * stride;
        samples.get(start..start + own.0).unwrap_or_default()
    };
    let mut out = Vec::with_capacity(full.0 * full.1);
    for y in 0..full.1 {
        match factors {
            (1, 1) => out.extend(line(y).iter().take(full.0)),
            (2, 1) if own.0 > 2 => out.extend(doubled(line(y)).into_iter().take(full.0)),
            (2, 2) if own.0 > 2 => {
                let row = y / 2;
                let other = if y.is_multiple_of(2) { row.saturating_sub(1) } else { row + 1 };
                let sums: Vec<u32> =
                    line(row).iter().zip(line(other)).map(|(a, b)| u32::from(*a) * 3 + u32::from(*b)).collect();
                out.extend(doubled_sums(&sums).into_iter().take(full.0));
            }
            (across, down) => {
                let from = line(y / down);
                out.extend((0..full.0).map(|x| from.get(x / across).copied().unwrap_or_default()));
            }
        }
        out.resize((y + 1) * full.0, 0);
    }
    out
}

fn narrow(value: u32) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}

fn doubled(line: &[u16]) -> Vec<u16> {
    let at = |index: usize| line.get(index).map_or(0, |value| u32::from(*value));
    let last = line.len().saturating_sub(1);
    let pair = |index: usize| {
        let this = at(index);
        let left = if index == 0 { this } else { (this * 3 + at(index - 1) + 1) >> 2 };
        let right = if index == last { this } else { (this * 3 + at(index + 1) + 2) >> 2 };
        [narrow(left), narrow(right)]
    };
    (0..line.len()).flat_map(pair).collect()
}

/// As [`doubled`] for sums of four, the vertical half being done.
fn doubled_sums(line: &[u32]) -> Vec<u16> {
    let at = |index: usize| line.get(index).copied().unwrap_or_default();
    let last = line.len().saturating_sub(1);
    let pair = |index: usize| {
        let this = at(index);
        let left = if index == 0 { (this * 4 + 8) >> 4 } else { (this * 3 + at(index - 1) + 8) >> 4 };
        let right = if index == last { (this * 4 + 7) >> 4 } else { (this * 3 + at(index + 1) + 7) >> 4 };
        [narrow(left), narrow(right)]
    };
    (0..line.len()).flat_map(pair).collect()
}
