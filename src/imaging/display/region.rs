//! Cutting and shrinking pixels for exports and thumbnails.

use crate::{
    domain::{Level, RectPx, SizePx, TileKey},
    imaging::{ImageSource, ImagingError, PixelBuffer, Samples},
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

/// A frame shrunk to at most this many pixels on its longer side, as it is displayed: from the coarsest level that has
/// them.
///
/// # Errors
/// As [`ImageSource::read_tile`].
pub fn thumbnail<S: ImageSource + ?Sized>(
    source: &S,
    frame: u32,
    longest_px: u32,
) -> Result<PixelBuffer, ImagingError> {
    let meta = source.meta();
    let none = ImagingError::OutOfRange { what: "frame", index: frame.into(), count: meta.frames.len() as u64 };
    let Some(info) = meta.frames.get(frame as usize) else { return Err(none) };
    let enough = |level: &Level| level.size_px.width.max(level.size_px.height) >= longest_px;
    let at = meta.levels.iter().rposition(enough).unwrap_or(0);
    let Some(level) = meta.levels.get(at) else { return Err(none) };
    let full = level.size_px;
    let longest = full.width.max(full.height).max(1);
    let scaled = |side: u32| {
        let to = u64::from(side) * u64::from(longest_px.min(longest)) / u64::from(longest);
        u32::try_from(to.max(1)).unwrap_or(1)
    };
    let to = SizePx::new(scaled(full.width), scaled(full.height));
    let state =
        super::DisplayState { window: meta.window_of(frame), ..super::DisplayState::from_defaults(&meta.display) };
    let mut out = vec![0; usize::try_from(to.area() * 4).unwrap_or(0)];
    let (cols, rows) = level.tiles();
    for (row, col) in (0..rows).flat_map(|row| (0..cols).map(move |col| (row, col))) {
        let key = TileKey { frame, level: u16::try_from(at).unwrap_or(0), col, row };
        let tile = source.read_tile(key)?;
        // The part of the picture that this tile covers, tile by tile, so that a large level is never held whole.
        let place = |tile_at: u32, tile_px: u32, len: u32, side: u32, to: u32| {
            let from = u64::from(tile_at) * u64::from(tile_px);
            let at = |px: u64| u32::try_from(px * u64::from(to) / u64::from(side)).unwrap_or(0).min(to);
            (at(from), at(from + u64::from(len)))
        };
        let (x0, x1) = place(col, level.tile_px.width, tile.size_px.width, full.width, to.width);
        let (y0, y1) = place(row, level.tile_px.height, tile.size_px.height, full.height, to.height);
        let part = SizePx::new(x1 - x0, y1 - y0);
        if part.area() == 0 {
            continue;
        }
        let small = resize_rgba8(&super::to_rgba8(&tile, info, &state), tile.size_px, part);
        for (line, y) in small.chunks_exact(part.width as usize * 4).zip(y0..y1) {
            let start = (y as usize * to.width as usize + x0 as usize) * 4;
            if let Some(place) = out.get_mut(start..start + line.len()) {
                place.copy_from_slice(line);
            }
        }
    }
    Ok(PixelBuffer { size_px: to, channels: 4, samples: Samples::U8(out) })
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
