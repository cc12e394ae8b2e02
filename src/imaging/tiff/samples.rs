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

/// Horizontal differencing (TIFF 6.0 section 14): each sample is the difference to the one before it of its channel.
pub fn undo_predictor(data: &mut [u8], row: usize, channels: usize, words: bool) {
    for line in data.chunks_exact_mut(row.max(1)) {
        if words {
            let mut before = vec![0_u16; channels];
            for (index, pair) in line.as_chunks_mut::<2>().0.iter_mut().enumerate() {
                if let Some(sum) = before.get_mut(index % channels) {
                    *sum = sum.wrapping_add(u16::from_le_bytes(*pair));
                    *pair = sum.to_le_bytes();
                }
            }
        } else {
            let mut before = vec![0_u8; channels];
            for (index, value) in line.iter_mut().enumerate() {
                if let Some(sum) = before.get_mut(index % channels) {
                    *sum = sum.wrapping_add(*value);
                    *value = *sum;
                }
            }
        }
    }
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
    fn one_of_several_channels_is_picked() {
        let raw = vec![1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(pick(raw, 4, (3, 1), 2, &Kept { first: 1, count: 1 }), [2, 4, 6]);
    }
}
