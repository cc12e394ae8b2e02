//! From the planes of a film to RGB as it is shown, with the same values that FFmpeg's scaler gives for
//! `flags=bilinear+accurate_rnd+full_chroma_int` (libswscale 5.1: chroma between its samples across, and the nearer row
//! or the mean of two downwards), but for colours beyond white, where that one wraps round to black and this one stays
//! white. Half the bytes come through the pipe, and the picture is made where it is wanted.

#![allow(clippy::inline_always, reason = "compiled twice, see `wide.rs`")]

use super::probe::Stream;
use crate::domain::SizePx;
use crate::imaging::{PixelBuffer, Samples, wide::widest};

/// Planes in a row, chroma halved both ways (`yuv420p`), and how they become RGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    size: SizePx,
    matrix: Matrix,
}

/// Fixed point of libswscale (`ff_yuv2rgb_c_init_tables`), luma doubled because it is fed at half size here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Matrix {
    black: i16,
    luma: i16,
    red_v: i16,
    green_v: i16,
    green_u: i16,
    blue_u: i16,
}

/// ITU-R BT.709 and BT.601 as 16.16: red of V, blue of U, green of U, green of V (`ff_yuv2rgb_coeffs`).
const BT709: [i64; 4] = [117_489, 138_438, 13_975, 34_925];
const BT601: [i64; 4] = [104_597, 132_201, 25_675, 53_279];

impl Matrix {
    const fn of(table: [i64; 4], full: bool) -> Self {
        const fn chroma(value: i64, full: bool) -> i16 {
            rounded((if full { value * 224 / 255 } else { value }) << 13)
        }
        let [red_v, blue_u, green_u, green_v] = table;
        let luma: i64 = if full { 1 << 16 } else { (1 << 16) * 255 / 219 };
        Self {
            black: if full { 0 } else { 16 },
            luma: 2 * rounded(luma << 13),
            red_v: chroma(red_v, full),
            green_v: chroma(-green_v, full),
            green_u: chroma(-green_u, full),
            blue_u: chroma(blue_u, full),
        }
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the tables' entries are below 2^18 and become 16 bits wide")]
const fn rounded(value: i64) -> i16 {
    ((value + (1 << 15)) >> 16) as i16
}

impl Layout {
    /// How the film's planes become RGB here; `None` where FFmpeg does it: other layouts of planes, odd sizes, other
    /// matrices.
    pub fn of(stream: &Stream) -> Option<Self> {
        let full = match stream.pixel_format.as_str() {
            "yuvj420p" => true,
            "yuv420p" => stream.full_range,
            _ => return None,
        };
        let table = match stream.colour_space.as_str() {
            "bt709" => BT709,
            "" if stream.height >= 720 => BT709,
            "" | "bt470bg" | "smpte170m" => BT601,
            _ => return None,
        };
        let (width, height) = (stream.width, stream.height);
        let halves = width >= 16 && height >= 16 && width.is_multiple_of(2) && height.is_multiple_of(2);
        halves.then(|| Self { size: SizePx::new(width, height), matrix: Matrix::of(table, full) })
    }

    pub fn bytes(&self) -> u64 {
        self.size.area() * 3 / 2
    }

    /// RGB, three bytes a pixel; black where planes are missing.
    pub fn rgb(&self, planes: &[u8]) -> PixelBuffer {
        widest(
            #[inline(always)]
            || self.rgb_of(planes),
        )
    }

    #[inline(always)]
    fn rgb_of(&self, planes: &[u8]) -> PixelBuffer {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let (half, rows) = (width / 2, height / 2);
        let mut out = vec![0; width * height * 3];
        let luma = planes.get(..width * height).unwrap_or_default();
        let chroma = planes.get(width * height..).unwrap_or_default();
        let (u, v) = chroma.split_at_checked(half * rows).unwrap_or_default();
        let row = |plane: &[u8], at: usize, out: &mut [i16]| {
            across(plane.get(at * half..(at + 1) * half).unwrap_or_default(), out);
        };
        let mut work = Work::new(width);
        row(u, 0, &mut work.u_above);
        row(v, 0, &mut work.v_above);
        for (at, (pair, luma)) in out.chunks_exact_mut(width * 6).zip(luma.chunks_exact(width * 2)).enumerate() {
            row(u, at, &mut work.u_here);
            row(v, at, &mut work.v_here);
            let (even, odd) = pair.split_at_mut(width * 3);
            let (even_luma, odd_luma) = luma.split_at(width);
            work.mean();
            self.matrix.line(even_luma, &mut work, even);
            // The last row has none below it and is given the mean again.
            if at + 1 < rows {
                work.nearest();
            }
            self.matrix.line(odd_luma, &mut work, odd);
            std::mem::swap(&mut work.u_above, &mut work.u_here);
            std::mem::swap(&mut work.v_above, &mut work.v_here);
        }
        PixelBuffer { size_px: self.size, channels: 3, samples: Samples::U8(out) }
    }
}

/// Rows in work: chroma across the picture's whole width, four times as large, and as it goes into the matrix.
struct Work {
    u_above: Vec<i16>,
    v_above: Vec<i16>,
    u_here: Vec<i16>,
    v_here: Vec<i16>,
    u: Vec<i16>,
    v: Vec<i16>,
    pixels: Vec<u32>,
}

impl Work {
    fn new(width: usize) -> Self {
        let row = || vec![0; width];
        let (u_above, v_above, u_here, v_here, u, v) = (row(), row(), row(), row(), row(), row());
        Self { u_above, v_above, u_here, v_here, u, v, pixels: vec![0; width] }
    }

    #[inline(always)]
    fn mean(&mut self) {
        let mean = |(out, (above, here)): (&mut i16, (&i16, &i16))| *out = (above + here - 1024) * 32;
        self.u.iter_mut().zip(self.u_above.iter().zip(&self.u_here)).for_each(mean);
        self.v.iter_mut().zip(self.v_above.iter().zip(&self.v_here)).for_each(mean);
    }

    #[inline(always)]
    fn nearest(&mut self) {
        let same = |(out, here): (&mut i16, &i16)| *out = (here - 512) * 64;
        self.u.iter_mut().zip(&self.u_here).for_each(same);
        self.v.iter_mut().zip(&self.v_here).for_each(same);
    }
}

/// Chroma between its samples: three quarters of the nearer one and a quarter of the other, times four.
#[inline(always)]
fn across(samples: &[u8], out: &mut [i16]) {
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else { return out.fill(512) };
    let end = out.len() - 1;
    if let Some(inner) = out.get_mut(1..end) {
        let (pairs, _) = inner.as_chunks_mut::<2>();
        for ([left, right], (a, b)) in pairs.iter_mut().zip(samples.iter().zip(samples.iter().skip(1))) {
            let (a, b) = (i16::from(*a), i16::from(*b));
            *left = 3 * a + b;
            *right = 3 * b + a;
        }
    }
    if let [begin, .., end] = out {
        *begin = 4 * i16::from(*first);
        *end = 4 * i16::from(*last);
    }
}

impl Matrix {
    #[inline(always)]
    fn line(&self, luma: &[u8], work: &mut Work, out: &mut [u8]) {
        let wide = i32::from;
        for (pixel, (y, (u, v))) in work.pixels.iter_mut().zip(luma.iter().zip(work.u.iter().zip(&work.v))) {
            let y = (i16::from(*y) - self.black) * 128;
            // Half of libswscale's 2^30 for white, so that no colour leaves 32 bits.
            let y = wide(y) * wide(self.luma) + (1 << 20);
            let red = y + wide(*v) * wide(self.red_v);
            let green = y + wide(*v) * wide(self.green_v) + wide(*u) * wide(self.green_u);
            let blue = y + wide(*u) * wide(self.blue_u);
            let byte = |value: i32| (value >> 21).clamp(0, 255).cast_unsigned();
            *pixel = byte(red) | byte(green) << 8 | byte(blue) << 16;
        }
        let (fours, rest) = work.pixels.as_chunks::<4>();
        let (words, tail) = out.as_chunks_mut::<12>();
        for (word, [a, b, c, d]) in words.iter_mut().zip(fours) {
            let low = u64::from(*a) | u64::from(*b) << 24 | u64::from(*c) << 48;
            let high = c >> 16 | d << 8;
            let (front, back) = word.split_at_mut(8);
            front.copy_from_slice(&low.to_le_bytes());
            back.copy_from_slice(&high.to_le_bytes());
        }
        for (out, pixel) in tail.as_chunks_mut::<3>().0.iter_mut().zip(rest) {
            let [red, green, blue, _] = pixel.to_le_bytes();
            *out = [red, green, blue];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn film(colour_space: &str, pixel_format: &str, height: u32) -> Stream {
        Stream {
            width: 32,
            height,
            colour_space: colour_space.to_owned(),
            pixel_format: pixel_format.to_owned(),
            ..Stream::default()
        }
    }

    /// Grey, white, black and the primaries by the equations of BT.601 and BT.709, not by libswscale's table.
    #[test]
    fn flat_colours_are_what_the_standards_say() {
        for (space, (kr, kb)) in [("bt470bg", (0.299, 0.114)), ("bt709", (0.2126, 0.0722))] {
            for (format, full) in [("yuv420p", false), ("yuvj420p", true)] {
                let layout = Layout::of(&film(space, format, 16)).unwrap();
                for (y, u, v) in
                    [(16, 128, 128), (235, 128, 128), (81, 90, 240), (145, 54, 34), (41, 240, 110), (120, 90, 160)]
                {
                    let planes: Vec<u8> = [(y, 512), (u, 128), (v, 128)]
                        .into_iter()
                        .flat_map(|(value, count)| std::iter::repeat_n(value, count))
                        .collect();
                    let (luma, chroma) = if full { (255.0, 255.0) } else { (219.0, 224.0) };
                    let y = (f64::from(y) - if full { 0.0 } else { 16.0 }) / luma;
                    let (u, v) = ((f64::from(u) - 128.0) / chroma, (f64::from(v) - 128.0) / chroma);
                    let (red, blue) = (y + 2.0 * (1.0 - kr) * v, y + 2.0 * (1.0 - kb) * u);
                    let green = (y - kr * red - kb * blue) / (1.0 - kr - kb);
                    let Samples::U8(rgb) = layout.rgb(&planes).samples else { panic!("bytes") };
                    for (at, value) in [red, green, blue].into_iter().enumerate() {
                        let wanted = (value * 255.0).clamp(0.0, 255.0);
                        assert!((f64::from(rgb[at]) - wanted).abs() < 1.01, "{space} {format}: {rgb:?} {wanted}");
                    }
                    assert!(rgb.chunks_exact(3).all(|pixel| pixel == &rgb[..3]));
                }
            }
        }
    }

    #[test]
    fn films_that_ffmpeg_converts_are_left_to_it() {
        assert!(Layout::of(&film("", "yuv420p", 16)).is_some());
        assert!(Layout::of(&film("", "yuv420p", 17)).is_none());
        assert!(Layout::of(&film("", "yuv422p", 16)).is_none());
        assert!(Layout::of(&film("bt2020nc", "yuv420p", 16)).is_none());
    }
}
