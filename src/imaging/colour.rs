//! Colour models of stored samples to RGB.

/// `YBR_FULL` to RGB in place, interleaved by pixel (PS3.3 C.7.6.3.1.2; the same numbers as ITU-T T.871).
pub fn rgb_from_ybr_full(samples: &mut [u8]) {
    // Fixed point with 16 fractional bits: 1.402, 0.344136, 0.714136, 1.772.
    for pixel in samples.as_chunks_mut::<3>().0 {
        let [y, cb, cr] = pixel.map(i32::from);
        let (y, cb, cr) = (y << 16, cb - 128, cr - 128);
        let half = 1 << 15;
        let rgb = [y + 91_881 * cr, y - 22_554 * cb - 46_802 * cr, y + 116_130 * cb];
        *pixel = rgb.map(|value| u8::try_from(((value + half) >> 16).clamp(0, 255)).unwrap_or(0));
    }
}

/// `YBR_FULL_422` (Y1 Y2 Cb Cr for each pair of pixels) to `YBR_FULL`; an odd last pixel is left out by the standard.
pub fn ybr_full_from_422(data: &[u8]) -> Vec<u8> {
    data.as_chunks::<4>().0.iter().flat_map(|[y1, y2, cb, cr]| [*y1, *cb, *cr, *y2, *cb, *cr]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_stays_grey_and_the_primaries_come_back() {
        let mut grey = [128, 128, 128, 0, 128, 128, 255, 128, 128];
        rgb_from_ybr_full(&mut grey);
        assert_eq!(grey, [128, 128, 128, 0, 0, 0, 255, 255, 255]);
        let mut red = [76, 85, 255];
        rgb_from_ybr_full(&mut red);
        assert_eq!(red, [254, 0, 0]);
    }
}
