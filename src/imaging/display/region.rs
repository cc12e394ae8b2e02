//! Cutting and shrinking pixels for exports and thumbnails.

use crate::{
    domain::{RectPx, SizePx},
    imaging::{PixelBuffer, Samples},
};

/// The part of a buffer inside `rect`, cut to the buffer's edge; empty where they do not meet.
pub fn crop(pixels: &PixelBuffer, rect: RectPx) -> PixelBuffer {
    let size = pixels.size_px;
    let (x, y) = (rect.x.min(size.width), rect.y.min(size.height));
    let cut = SizePx::new(rect.width.min(size.width - x), rect.height.min(size.height - y));
    let channels = usize::from(pixels.channels);
    let (stride, from, len) = (size.width as usize * channels, x as usize * channels, cut.width as usize * channels);
    let rows = (y as usize)..(y as usize + cut.height as usize);
    let samples = match &pixels.samples {
        Samples::U8(values) => Samples::U8(cut_rows(values, rows, stride, from, len)),
        Samples::U16(values) => Samples::U16(cut_rows(values, rows, stride, from, len)),
        Samples::I16(values) => Samples::I16(cut_rows(values, rows, stride, from, len)),
        Samples::F64(values) => Samples::F64(cut_rows(values, rows, stride, from, len)),
    };
    PixelBuffer { size_px: cut, channels: pixels.channels, samples }
}

fn cut_rows<T: Copy>(values: &[T], rows: std::ops::Range<usize>, stride: usize, from: usize, len: usize) -> Vec<T> {
    let mut out = Vec::with_capacity(rows.len() * len);
    for row in rows {
        let start = row * stride + from;
        out.extend_from_slice(values.get(start..start + len).unwrap_or_default());
    }
    out
}

/// RGBA scaled to another size: the mean of the covered area when shrinking, the nearest pixel when enlarging, so that an
/// enlarged export shows the pixels as they are.
pub fn resize_rgba8(rgba: &[u8], from: SizePx, to: SizePx) -> Vec<u8> {
    let (fw, fh, tw, th) = (u64::from(from.width), u64::from(from.height), u64::from(to.width), u64::from(to.height));
    let mut out = Vec::with_capacity(usize::try_from(to.area() * 4).unwrap_or(0));
    if fw == 0 || fh == 0 {
        return out;
    }
    // The source pixels whose centre region an output pixel covers: at least one, none skipped.
    let span =
        |i: u64, from: u64, to: u64| (i * from / to, ((i + 1) * from).div_ceil(to).clamp(i * from / to + 1, from));
    for y in 0..th {
        let (y0, y1) = if th < fh { span(y, fh, th) } else { (y * fh / th, y * fh / th + 1) };
        for x in 0..tw {
            let (x0, x1) = if tw < fw { span(x, fw, tw) } else { (x * fw / tw, x * fw / tw + 1) };
            let mut sum = [0_u64; 4];
            for sy in y0..y1 {
                let start = usize::try_from((sy * fw + x0) * 4).unwrap_or(usize::MAX);
                let end = usize::try_from((sy * fw + x1) * 4).unwrap_or(usize::MAX);
                for pixel in rgba.get(start..end).unwrap_or_default().chunks_exact(4) {
                    for (total, value) in sum.iter_mut().zip(pixel) {
                        *total += u64::from(*value);
                    }
                }
            }
            let count = ((y1 - y0) * (x1 - x0)).max(1);
            out.extend(sum.map(|total| u8::try_from((total + count / 2) / count).unwrap_or(u8::MAX)));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crop_is_cut_to_the_edge() {
        let pixels =
            PixelBuffer { size_px: SizePx::new(3, 2), channels: 1, samples: Samples::U8(vec![1, 2, 3, 4, 5, 6]) };
        let cut = crop(&pixels, RectPx { x: 1, y: 1, width: 9, height: 9 });
        assert_eq!(cut, PixelBuffer { size_px: SizePx::new(2, 1), channels: 1, samples: Samples::U8(vec![5, 6]) });
        assert_eq!(crop(&pixels, RectPx { x: 7, y: 7, width: 1, height: 1 }).size_px, SizePx::new(0, 0));
    }

    #[test]
    fn shrinking_averages_and_enlarging_repeats() {
        let two = [0, 0, 0, 255, 100, 100, 100, 255];
        assert_eq!(resize_rgba8(&two, SizePx::new(2, 1), SizePx::new(1, 1)), vec![50, 50, 50, 255]);
        let four = resize_rgba8(&two, SizePx::new(2, 1), SizePx::new(4, 1));
        assert_eq!(four.chunks(4).map(|p| p[0]).collect::<Vec<_>>(), vec![0, 0, 100, 100]);
    }
}
