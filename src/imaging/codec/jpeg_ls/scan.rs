//! One scan of JPEG-LS: context modelling, prediction, Golomb codes and runs (ITU-T T.87 annex A).

use super::Preset;
use crate::imaging::fault::Fault;

/// Lengths of run blocks by run index (A.2.1, code segment A.1).
const RUN_BITS: [u32; 32] =
    [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15];
/// Contexts of regular mode, then one for each kind of run interruption.
const CONTEXTS: usize = 365;

/// The constants of one scan.
pub struct Coding {
    maxval: i32,
    near: i32,
    range: i32,
    /// Bits of an escaped error.
    qbpp: u32,
    limit: u32,
    reset: i32,
    /// Quantised gradient by difference, from `-maxval` to `maxval`.
    levels: Vec<i8>,
    /// Values are taken modulo a power of two: no near-loss and a full range.
    mask: Option<i32>,
}

fn bits_of(value: i32) -> u32 {
    32 - (value - 1).max(0).leading_zeros()
}

impl Coding {
    /// # Errors
    /// `Damaged` for parameters that the standard rules out.
    pub(super) fn new(precision: u32, near: i32, preset: &Preset) -> Result<Self, Fault> {
        let broken = || Fault::damaged("the JPEG-LS parameters contradict one another");
        let top = (1 << precision) - 1;
        let maxval = if preset.maxval == 0 { top } else { preset.maxval };
        if precision == 0 || maxval > top || near > (maxval / 2).min(255) {
            return Err(broken());
        }
        let defaults = thresholds(maxval, near);
        let [t1, t2, t3] = std::array::from_fn(|i| match preset.thresholds.get(i) {
            Some(0) | None => defaults.get(i).copied().unwrap_or_default(),
            Some(own) => *own,
        });
        if !(near < t1 && t1 <= t2 && t2 <= t3 && t3 <= maxval.max(t1)) {
            return Err(broken());
        }
        let range = (maxval + 2 * near) / (2 * near + 1) + 1;
        let (bpp, qbpp) = (bits_of(maxval + 1).max(2), bits_of(range));
        let level = |d: i32| -> i8 {
            let size = d.abs();
            let level = match size {
                _ if size <= near => 0,
                _ if size < t1 => 1,
                _ if size < t2 => 2,
                _ if size < t3 => 3,
                _ => 4,
            };
            if d < 0 { -level } else { level }
        };
        Ok(Self {
            maxval,
            near,
            range,
            qbpp,
            limit: 2 * (bpp + bpp.max(8)),
            reset: if preset.reset == 0 { 64 } else { preset.reset },
            levels: (-maxval..=maxval).map(level).collect(),
            mask: (near == 0 && (maxval + 1).count_ones() == 1).then_some(maxval),
        })
    }

    #[inline]
    fn level(&self, difference: i32) -> i32 {
        let index = usize::try_from(difference + self.maxval).unwrap_or_default();
        i32::from(self.levels.get(index).copied().unwrap_or_default())
    }

    /// Prediction and error to a sample (A.4.5 and A.6).
    #[inline]
    fn sample(&self, prediction: i32, error: i32) -> i32 {
        if let Some(mask) = self.mask {
            return (prediction + error) & mask;
        }
        let step = 2 * self.near + 1;
        let mut value = prediction + error * step;
        if value < -self.near {
            value += self.range * step;
        } else if value > self.maxval + self.near {
            value -= self.range * step;
        }
        value.clamp(0, self.maxval)
    }
}

/// Default thresholds (C.2.4.1.1.1).
fn thresholds(maxval: i32, near: i32) -> [i32; 3] {
    let clamp = |value: i32, low: i32| if value > maxval || value < low { low } else { value };
    let [a, b, c] = if maxval >= 128 {
        let factor = (maxval.min(4095) + 128) / 256;
        [factor + 2, factor * 4 + 3, factor * 17 + 4]
    } else {
        let factor = 256 / (maxval + 1);
        [(3 / factor).max(2), (7 / factor).max(3), (21 / factor).max(4)]
    };
    let t1 = clamp(a + 3 * near, near + 1);
    let t2 = clamp(b + 5 * near, t1);
    [t1, t2, clamp(c + 7 * near, t2)]
}

/// What a context has learnt (A.2.1): sum of error sizes, of errors, the correction, the count.
#[derive(Clone, Copy)]
struct Context {
    a: i32,
    b: i32,
    c: i32,
    n: i32,
}

impl Context {
    /// The Golomb parameter: the least `k` with `n << k >= a`.
    #[inline]
    fn k(a: i32, n: i32) -> u32 {
        let (a, n) = (a.max(1).cast_unsigned(), n.max(1).cast_unsigned());
        let guess = n.leading_zeros().saturating_sub(a.leading_zeros());
        if n << guess >= a { guess } else { guess + 1 }
    }

    /// A.6.1 and A.6.2.
    #[inline]
    fn learn(&mut self, error: i32, step: i32, reset: i32) {
        self.a += error.abs();
        self.b += error * step;
        if self.n == reset {
            self.a >>= 1;
            self.b >>= 1;
            self.n >>= 1;
        }
        self.n += 1;
        if self.b + self.n <= 0 {
            self.b = (self.b + self.n).max(1 - self.n);
            self.c = (self.c - 1).max(-128);
        } else if self.b > 0 {
            self.b = (self.b - self.n).min(0);
            self.c = (self.c + 1).min(127);
        }
    }
}

/// Bits of a JPEG-LS segment: a byte of 0xFF is followed by one that holds seven bits (A.1).
struct LsBits<'a> {
    data: &'a [u8],
    at: usize,
    window: u64,
    held: u32,
    missing: u32,
    after_ff: bool,
}

impl LsBits<'_> {
    #[inline]
    fn fill(&mut self) {
        if self.held >= 32 {
            return;
        }
        let four = self.data.get(self.at..self.at + 4).and_then(|b| <[u8; 4]>::try_from(b).ok());
        if let (Some(four), false) = (four, self.after_ff) {
            let word = u32::from_be_bytes(four);
            if (!word).wrapping_sub(0x0101_0101) & word & 0x8080_8080 == 0 {
                self.window |= u64::from(word) << (32 - self.held);
                self.held += 32;
                self.at += 4;
                return;
            }
        }
        self.fill_slowly();
    }

    fn fill_slowly(&mut self) {
        while self.held <= 56 {
            let byte = self.data.get(self.at).copied();
            match byte {
                // A byte behind 0xFF with its high bit set belongs to a marker.
                Some(byte) if !(self.after_ff && byte >= 0x80) => {
                    let bits = if self.after_ff { 7 } else { 8 };
                    self.window |= u64::from(byte) << (64 - bits - self.held);
                    self.held += bits;
                    self.at += 1;
                    self.after_ff = byte == 0xFF;
                }
                _ => {
                    self.held += 8;
                    self.missing += 8;
                }
            }
        }
    }

    #[inline]
    fn skip(&mut self, count: u32) {
        self.window = if count >= 64 { 0 } else { self.window << count };
        self.held = self.held.saturating_sub(count);
    }

    /// The next bits, 0 to 31 of them.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "at most 31 bits are left after the shift")]
    fn take(&mut self, count: u32) -> i32 {
        self.fill();
        let bits = if count == 0 { 0 } else { self.window >> (64 - count) };
        self.skip(count);
        (bits as u32).cast_signed()
    }

    /// A Golomb code of limited length (A.5.3).
    #[inline]
    fn golomb(&mut self, k: u32, limit: u32, qbpp: u32) -> Result<i32, Fault> {
        self.fill();
        let mut zeros = self.window.leading_zeros();
        if zeros >= self.held.min(32) {
            zeros = self.long_zeros(limit)?;
        } else {
            self.skip(zeros + 1);
        }
        if zeros + qbpp + 1 < limit {
            return Ok(((zeros.cast_signed()) << k) + self.take(k));
        }
        Ok(self.take(qbpp) + 1)
    }

    #[cold]
    fn long_zeros(&mut self, limit: u32) -> Result<u32, Fault> {
        let mut zeros = 0;
        while self.take(1) == 0 {
            zeros += 1;
            if zeros > limit || self.overran() {
                return Err(Fault::damaged("the JPEG-LS data hold a code that is too long"));
            }
        }
        Ok(zeros)
    }

    fn overran(&self) -> bool {
        self.missing > self.held + 7
    }
}

/// Decodes the lines of one scan.
pub struct Scan<'a> {
    bits: LsBits<'a>,
    coding: Coding,
    contexts: Vec<Context>,
    width: usize,
}

fn cut() -> Fault {
    Fault::damaged("the JPEG-LS data are cut short")
}

#[inline]
fn get(line: &[i32], index: usize) -> i32 {
    line.get(index).copied().unwrap_or_default()
}

impl<'a> Scan<'a> {
    pub fn new(data: &'a [u8], at: usize, coding: Coding, width: usize) -> Self {
        let a = ((coding.range + 32) / 64).max(2);
        Self {
            bits: LsBits { data, at, window: 0, held: 0, missing: 0, after_ff: false },
            coding,
            contexts: vec![Context { a, b: 0, c: 0, n: 1 }; CONTEXTS + 2],
            width,
        }
    }

    /// Where the scan ends: the position of the next marker.
    pub fn end(&self) -> usize {
        let from = self.bits.at.saturating_sub(9).max(2);
        let rest = self.bits.data.get(from..).unwrap_or_default();
        let marker = rest.windows(2).position(|pair| matches!(pair, [0xFF, 0x80..=0xFE]));
        marker.map_or(self.bits.data.len(), |offset| from + offset)
    }

    /// Lines of each channel in turn; one channel is the usual case.
    ///
    /// # Errors
    /// `Damaged` when the data are broken.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "samples are at most 65535")]
    pub fn by_line(&mut self, channels: &[usize], stride: usize, out: &mut [u16]) -> Result<(), Fault> {
        let width = self.width;
        // One sample of padding at each end: left of a line is what stood above its start (A.2.1, figure A.1).
        let blank = || (vec![0_i32; width + 2], vec![0_i32; width + 2], 0_usize);
        let mut state: Vec<_> = channels.iter().map(|_| blank()).collect();
        for row in out.chunks_exact_mut(width * stride) {
            for (channel, (above, line, run_index)) in channels.iter().zip(&mut state) {
                std::mem::swap(above, line);
                if let Some(after) = above.get(width).copied()
                    && let Some(place) = above.get_mut(width + 1)
                {
                    *place = after;
                }
                if let (Some(place), Some(first)) = (line.first_mut(), above.get(1)) {
                    *place = *first;
                }
                self.line(above, line, run_index)?;
                let values = line.get(1..=width).unwrap_or_default();
                if stride == 1 {
                    row.iter_mut().zip(values).for_each(|(to, from)| *to = *from as u16);
                } else {
                    row.iter_mut().skip(*channel).step_by(stride).zip(values).for_each(|(to, from)| *to = *from as u16);
                }
            }
            if self.bits.overran() {
                return Err(cut());
            }
        }
        Ok(())
    }

    fn line(&mut self, above: &[i32], line: &mut [i32], run_index: &mut usize) -> Result<(), Fault> {
        let width = self.width;
        let (Some(above), Some(line)) = (above.get(..width + 2), line.get_mut(..width + 2)) else { return Err(cut()) };
        let mut x = 1;
        let (mut a, mut c, mut b) = (get(line, 0), get(above, 0), get(above, 1));
        while x <= width {
            let d = get(above, x + 1);
            let (q1, q2, q3) = (self.coding.level(d - b), self.coding.level(b - c), self.coding.level(c - a));
            let q = q1 * 81 + q2 * 9 + q3;
            if q == 0 {
                let run = self.run_length(width + 1 - x, run_index)?;
                if let Some(same) = line.get_mut(x..x + run) {
                    same.fill(a);
                }
                x += run;
                if x <= width {
                    let value = self.interruption(a, get(above, x), *run_index)?;
                    *run_index = run_index.saturating_sub(1);
                    if let Some(place) = line.get_mut(x) {
                        *place = value;
                    }
                    a = value;
                    c = get(above, x);
                    b = get(above, x + 1);
                    x += 1;
                }
                continue;
            }
            let value = self.regular(q, a, b, c)?;
            if let Some(place) = line.get_mut(x) {
                *place = value;
            }
            (a, c, b) = (value, b, d);
            x += 1;
        }
        Ok(())
    }

    /// Regular mode (A.4 to A.6).
    #[inline]
    fn regular(&mut self, q: i32, a: i32, b: i32, c: i32) -> Result<i32, Fault> {
        let coding = &self.coding;
        let sign = if q < 0 { -1 } else { 1 };
        let Some(context) = self.contexts.get_mut(q.unsigned_abs() as usize) else { return Err(cut()) };
        // The median of a, b and a + b - c.
        let predicted = a.max(b).min((a + b - c).max(a.min(b)));
        let prediction = (predicted + sign * context.c).clamp(0, coding.maxval);
        let k = Context::k(context.a, context.n);
        if k > 24 {
            return Err(cut());
        }
        let mapped = self.bits.golomb(k, coding.limit, coding.qbpp)?;
        let mut error = (mapped >> 1) ^ -(mapped & 1);
        if k == 0 && coding.near == 0 && 2 * context.b <= -context.n {
            error = !error;
        }
        if error.unsigned_abs() > 1 << 17 {
            return Err(Fault::damaged("the JPEG-LS data hold an impossible error"));
        }
        context.learn(error, 2 * coding.near + 1, coding.reset);
        Ok(coding.sample(prediction, sign * error))
    }

    /// How many samples repeat the one before (A.7.1).
    fn run_length(&mut self, room: usize, run_index: &mut usize) -> Result<usize, Fault> {
        let mut run = 0;
        loop {
            let bits = RUN_BITS.get(*run_index).copied().unwrap_or(15);
            if self.bits.take(1) == 0 {
                run += usize::try_from(self.bits.take(bits)).unwrap_or(0);
                // A run that ends before the line does is followed by a sample that differs.
                return if run < room { Ok(run) } else { Err(cut()) };
            }
            let block = 1_usize << bits;
            run += block;
            if run > room {
                return Ok(room);
            }
            *run_index = (*run_index + 1).min(31);
            if run == room {
                return Ok(room);
            }
            if self.bits.overran() {
                return Err(cut());
            }
        }
    }

    /// The sample that ends a run (A.7.2).
    fn interruption(&mut self, a: i32, b: i32, run_index: usize) -> Result<i32, Fault> {
        let same = (a - b).abs() <= self.coding.near;
        let error = self.interruption_error(same, run_index)?;
        if same {
            return Ok(self.coding.sample(a, error));
        }
        Ok(self.coding.sample(b, if a > b { -error } else { error }))
    }

    fn interruption_error(&mut self, same: bool, run_index: usize) -> Result<i32, Fault> {
        let coding = &self.coding;
        let kind = i32::from(same);
        let Some(context) = self.contexts.get_mut(CONTEXTS + usize::from(same)) else { return Err(cut()) };
        let k = Context::k(context.a + if same { context.n >> 1 } else { 0 }, context.n);
        let used = RUN_BITS.get(run_index).copied().unwrap_or(15) + 1;
        if k > 24 || used + coding.qbpp + 1 >= coding.limit {
            return Err(cut());
        }
        let mapped = self.bits.golomb(k, coding.limit - used, coding.qbpp)?;
        let shifted = mapped + kind;
        let odd = shifted & 1;
        let size = (shifted + odd) >> 1;
        if size > 1 << 17 {
            return Err(Fault::damaged("the JPEG-LS data hold an impossible error"));
        }
        // `b` of these two contexts counts negative errors.
        let usual = k != 0 || 2 * context.b >= context.n;
        let error = if usual == (odd == 1) { -size } else { size };
        context.b += i32::from(error < 0);
        context.a += (mapped + 1 - kind) >> 1;
        if context.n == coding.reset {
            context.a >>= 1;
            context.b >>= 1;
            context.n >>= 1;
        }
        context.n += 1;
        Ok(error)
    }

    /// All channels of a pixel in turn; a run is one of all channels (A.7, C.2.3 mode 2).
    ///
    /// # Errors
    /// `Damaged` when the data are broken.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "samples are at most 65535")]
    pub fn by_sample(&mut self, channels: &[usize], stride: usize, out: &mut [u16]) -> Result<(), Fault> {
        let (width, count) = (self.width, channels.len());
        let (mut above, mut line) = (vec![vec![0_i32; width + 2]; count], vec![vec![0_i32; width + 2]; count]);
        let mut run_index = 0;
        for row in out.chunks_exact_mut(width * stride) {
            std::mem::swap(&mut above, &mut line);
            for (up, now) in above.iter_mut().zip(&mut line) {
                let (first, last) = (get(up, 1), get(up, width));
                if let (Some(end), Some(start)) = (up.get_mut(width + 1), now.first_mut()) {
                    (*end, *start) = (last, first);
                }
            }
            self.pixels(&above, &mut line, &mut run_index)?;
            for (channel, values) in channels.iter().zip(&line) {
                let values = values.get(1..=width).unwrap_or_default();
                row.iter_mut().skip(*channel).step_by(stride).zip(values).for_each(|(to, from)| *to = *from as u16);
            }
            if self.bits.overran() {
                return Err(cut());
            }
        }
        Ok(())
    }

    fn pixels(&mut self, above: &[Vec<i32>], line: &mut [Vec<i32>], run_index: &mut usize) -> Result<(), Fault> {
        let mut x = 1;
        while x <= self.width {
            let context = |coding: &Coding, up: &[i32], now: &[i32]| {
                let (a, b, c, d) = (get(now, x - 1), get(up, x), get(up, x - 1), get(up, x + 1));
                coding.level(d - b) * 81 + coding.level(b - c) * 9 + coding.level(c - a)
            };
            let flat = above.iter().zip(line.iter()).all(|(up, now)| context(&self.coding, up, now) == 0);
            if !flat {
                for (up, now) in above.iter().zip(line.iter_mut()) {
                    let q = context(&self.coding, up, now);
                    let value = self.regular(q, get(now, x - 1), get(up, x), get(up, x - 1))?;
                    if let Some(place) = now.get_mut(x) {
                        *place = value;
                    }
                }
                x += 1;
                continue;
            }
            let run = self.run_length(self.width + 1 - x, run_index)?;
            for now in line.iter_mut() {
                let a = get(now, x - 1);
                if let Some(same) = now.get_mut(x..x + run) {
                    same.fill(a);
                }
            }
            x += run;
            if x > self.width {
                break;
            }
            for (up, now) in above.iter().zip(line.iter_mut()) {
                let (a, b) = (get(now, x - 1), get(up, x));
                let error = self.interruption_error(false, *run_index)?;
                let value = self.coding.sample(b, if a > b { -error } else { error });
                if let Some(place) = now.get_mut(x) {
                    *place = value;
                }
            }
            *run_index = run_index.saturating_sub(1);
            x += 1;
        }
        Ok(())
    }
}
