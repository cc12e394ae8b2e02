//! Decompressed bytes of a piece to samples in the order they are shown: bits, planes, predictor, subsampled colour.

/// Keeps `to` of `from` channels, beginning with `first`, and the first `kept` pixels of each of `rows` rows.
pub fn pick<T: Copy>(
    values: Vec<T>,
    width: usize,
    (kept, rows): (usize, usize),
    from: usize,
    channels: &Kept,
) -> Vec<T> {
    let Kept { first, count } = *channels;
    if from == count && kept == width && values.len() == width * rows * from {
        // Most tiles are whole; the copy would cost a tenth of their decoding.
        return values;
    }
    let mut out = Vec::with_capacity(rows * kept * count);
    for line in values.chunks_exact((width * from).max(1)).take(rows) {
        let line = line.get(..kept * from).unwrap_or_default();
        if from == count {
            out.extend_from_slice(line);
        } else {
            out.extend(line.chunks_exact(from).flat_map(|pixel| pixel.iter().skip(first).take(count).copied()));
        }
    }
    out
}

/// Which of the stored channels are kept.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    pub first: usize,
    pub count: usize,
}

/// Samples of 1, 2 or 4 bits to bytes; grey is spread over 0..=255, palette indices stay.
pub fn unpack(raw: &[u8], width: usize, rows: usize, bits: u8, spread: bool) -> Vec<u8> {
    let per_byte = 8 / usize::from(bits);
    let top = u8::try_from((1_u16 << bits) - 1).unwrap_or(u8::MAX);
    let factor = if spread { 255 / top } else { 1 };
    let mut out = Vec::with_capacity(width * rows);
    for line in raw.chunks_exact(width.div_ceil(per_byte).max(1)).take(rows) {
        let values = line.iter().flat_map(|byte| (0..per_byte).map(move |i| (byte, i)));
        out.extend(values.take(width).map(|(byte, i)| {
            let shift = 8 - usize::from(bits) * (i + 1);
            (byte >> shift & top) * factor
        }));
    }
    out
}

pub fn interleave(planes: &[Vec<u8>], each: usize) -> Vec<u8> {
    let mut out = vec![0; planes.iter().map(Vec::len).sum()];
    for (index, plane) in planes.iter().enumerate() {
        let places = out.chunks_exact_mut(each * planes.len());
        for (place, value) in places.zip(plane.chunks_exact(each)) {
            if let Some(place) = place.get_mut(index * each..(index + 1) * each) {
                place.copy_from_slice(value);
            }
        }
    }
    out
}

/// How samples were turned into differences before they were compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predictor {
    None,
    /// TIFF 6.0 section 14: each sample is the difference to the one before it of its channel.
    Horizontal,
    /// Adobe's technical note 3: the bytes of a row sorted by their weight, highest first, then differences of bytes.
    Float,
}

/// Undoes a predictor in rows of `row` bytes. Samples of `each` bytes are little-endian, before and after.
pub fn undo_predictor(data: &mut [u8], row: usize, channels: usize, each: usize, predictor: Predictor) {
    for line in data.chunks_exact_mut(row.max(1)) {
        match (predictor, each) {
            (Predictor::None, _) => return,
            (Predictor::Float, _) => {
                sum::<1>(line, channels, |a, b| [a[0].wrapping_add(b[0])]);
                let count = line.len() / each.max(1);
                let sorted = line.to_vec();
                for (index, sample) in line.chunks_exact_mut(each.max(1)).enumerate() {
                    for (weight, byte) in sample.iter_mut().rev().enumerate() {
                        *byte = sorted.get(weight * count + index).copied().unwrap_or(0);
                    }
                }
            }
            (Predictor::Horizontal, 8) => {
                sum::<8>(line, channels, |a, b| {
                    u64::from_le_bytes(a).wrapping_add(u64::from_le_bytes(b)).to_le_bytes()
                });
            }
            (Predictor::Horizontal, 4) => {
                sum::<4>(line, channels, |a, b| {
                    u32::from_le_bytes(a).wrapping_add(u32::from_le_bytes(b)).to_le_bytes()
                });
            }
            (Predictor::Horizontal, 2) => {
                sum::<2>(line, channels, |a, b| {
                    u16::from_le_bytes(a).wrapping_add(u16::from_le_bytes(b)).to_le_bytes()
                });
            }
            (Predictor::Horizontal, _) => sum::<1>(line, channels, |a, b| [a[0].wrapping_add(b[0])]),
        }
    }
}

/// Each sample of `N` bytes becomes the sum of itself and all before it of its channel.
fn sum<const N: usize>(line: &mut [u8], channels: usize, add: impl Fn([u8; N], [u8; N]) -> [u8; N]) {
    let mut before = vec![[0_u8; N]; channels.max(1)];
    for (index, sample) in line.as_chunks_mut::<N>().0.iter_mut().enumerate() {
        if let Some(total) = before.get_mut(index % channels.max(1)) {
            *total = add(*total, *sample);
            *sample = *total;
        }
    }
}

/// What the bits of a sample mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Unsigned,
    Signed,
    /// IEEE 754 of 16, 32 or 64 bits, or the 24 bits of Adobe's technical note 3.
    Float,
}

/// Little-endian samples of `each` bytes as numbers, exact.
pub fn reals(raw: &[u8], each: usize, kind: Kind) -> Vec<f64> {
    match (each, kind) {
        (2, _) => {
            raw.as_chunks::<2>().0.iter().map(|b| small_float(u32::from(u16::from_le_bytes(*b)), 5, 10)).collect()
        }
        (3, _) => raw
            .as_chunks::<3>()
            .0
            .iter()
            .map(|[a, b, c]| small_float(u32::from_le_bytes([*a, *b, *c, 0]), 7, 16))
            .collect(),
        (8, _) => raw.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
        (_, Kind::Float) => raw.as_chunks::<4>().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect(),
        (_, Kind::Signed) => raw.as_chunks::<4>().0.iter().map(|b| f64::from(i32::from_le_bytes(*b))).collect(),
        (_, Kind::Unsigned) => raw.as_chunks::<4>().0.iter().map(|b| f64::from(u32::from_le_bytes(*b))).collect(),
    }
}

/// A floating-point number with a sign, `exponent` bits of exponent and `mantissa` bits of mantissa.
fn small_float(bits: u32, exponent: u32, mantissa: u32) -> f64 {
    let (most, bias) = ((1_u32 << exponent) - 1, (1_i32 << (exponent - 1)) - 1);
    let (power, fraction) = (bits >> mantissa & most, bits & ((1 << mantissa) - 1));
    let fraction = f64::from(fraction) / f64::from(1_u32 << mantissa);
    let power = power.cast_signed();
    let value = if power == most.cast_signed() {
        if fraction == 0.0 { f64::INFINITY } else { f64::NAN }
    } else if power == 0 {
        fraction * 2_f64.powi(1 - bias)
    } else {
        (1.0 + fraction) * 2_f64.powi(power - bias)
    };
    if bits >> (exponent + mantissa) & 1 == 1 { -value } else { value }
}

/// Samples of 9 to 15 bits, packed without gaps, highest bit first, each row beginning with a byte of its own.
pub fn unpack_words(raw: &[u8], samples: usize, rows: usize, bits: u8) -> Vec<u16> {
    let mut out = Vec::with_capacity(samples * rows);
    let row_bytes = (samples * usize::from(bits)).div_ceil(8);
    for line in raw.chunks_exact(row_bytes.max(1)).take(rows) {
        let (mut held, mut count, mut left) = (0_u32, 0_u8, samples);
        for byte in line {
            held = held << 8 | u32::from(*byte);
            count += 8;
            if count >= bits && left > 0 {
                count -= bits;
                out.push(u16::try_from(held >> count & ((1 << bits) - 1)).unwrap_or(0));
                held &= (1 << count) - 1;
                left -= 1;
            }
        }
    }
    out
}

/// A sample that has a largest value.
pub trait Ink: Copy {
    /// This much of the ink's absence times that of black.
    fn through(self, black: Self) -> Self;
}

impl Ink for u8 {
    fn through(self, black: Self) -> Self {
        let product = u32::from(Self::MAX - self) * u32::from(Self::MAX - black);
        Self::try_from((product + 127) / 255).unwrap_or(Self::MAX)
    }
}

impl Ink for u16 {
    fn through(self, black: Self) -> Self {
        let product = u64::from(Self::MAX - self) * u64::from(Self::MAX - black);
        Self::try_from((product + 32_767) / 65_535).unwrap_or(Self::MAX)
    }
}

/// Cyan, magenta, yellow and black to RGB as screens show them without a profile: what no ink takes away.
pub fn rgb_from_cmyk<T: Ink>(inks: &[T]) -> Vec<T> {
    inks.as_chunks::<4>().0.iter().flat_map(|[c, m, y, k]| [c.through(*k), m.through(*k), y.through(*k)]).collect()
}

/// Luminance and colour of one plane, stored as units of `across` × `down` luminances and one pair of colours (TIFF 6.0
/// section 21), to interleaved YCbCr of every pixel. Colours are repeated, as the standard's own reader does. `raw` holds
/// the rows of units of an image of this size; missing units are left zero.
pub fn ycbcr_from_units(raw: &[u8], width: usize, height: usize, (across, down): (usize, usize)) -> Vec<u8> {
    let mut out = vec![0; width * height * 3];
    let unit = across * down + 2;
    let per_row = width.div_ceil(across);
    for (index, unit) in raw.chunks_exact(unit).enumerate() {
        let (left, top) = (index % per_row * across, index / per_row * down);
        let [luminances @ .., cb, cr] = unit else { continue };
        for (n, y) in luminances.iter().enumerate() {
            let (x, row) = (left + n % across, top + n / across);
            let at = (row * width + x) * 3;
            if let (true, Some(pixel)) = (x < width, out.get_mut(at..at + 3)) {
                pixel.copy_from_slice(&[*y, *cb, *cr]);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_of_a_unit_are_those_of_all_its_pixels() {
        // Three pixels by two in units of two by two: the second unit hangs over the edge.
        let raw = [1, 2, 3, 4, 90, 91, 5, 6, 7, 8, 92, 93];
        let pixels = ycbcr_from_units(&raw, 3, 2, (2, 2));
        assert_eq!(pixels, [1, 90, 91, 2, 90, 91, 5, 92, 93, 3, 90, 91, 4, 90, 91, 7, 92, 93]);
        assert_eq!(ycbcr_from_units(&raw[..6], 3, 2, (2, 2))[6..9], [0, 0, 0]);
    }

    #[test]
    fn packed_words_and_small_floats_are_what_their_bits_say() {
        // 0xABC, 0xDEF, 0x123 of 12 bits in a row of five bytes.
        assert_eq!(unpack_words(&[0xAB, 0xCD, 0xEF, 0x12, 0x30], 3, 1, 12), [0xABC, 0xDEF, 0x123]);
        assert_eq!(unpack_words(&[0b1111_1111, 0b1100_0000, 0b0001_0000], 2, 1, 10), [1023, 1]);
        let half = |bits: u16| reals(&bits.to_le_bytes(), 2, Kind::Float)[0];
        let halves = [half(0x3C00), half(0xC000), half(0x0001), half(0x7BFF)];
        assert_eq!(halves.map(f64::to_bits), [1.0, -2.0, 2_f64.powi(-24), 65_504.0].map(f64::to_bits));
        assert!(half(0xFC00).is_infinite() && half(0x7E00).is_nan());
    }

    #[test]
    fn inks_take_light_away() {
        assert_eq!(rgb_from_cmyk(&[0_u8, 255, 128, 0, 10, 10, 10, 255]), [255, 0, 127, 0, 0, 0]);
        assert_eq!(rgb_from_cmyk(&[0_u16, 65_535, 0, 0]), [65_535, 0, 65_535]);
    }

    #[test]
    fn one_of_several_channels_is_picked() {
        let raw = vec![1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(pick(raw, 4, (3, 1), 2, &Kept { first: 1, count: 1 }), [2, 4, 6]);
    }
}
