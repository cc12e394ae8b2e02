//! Decoded bytes to the samples handed out: width, sign, unused bits, colour model, palette.

use super::header::{Photometric, SampleLayout};
use crate::{
    domain::SizePx,
    imaging::{PixelBuffer, Samples, colour, fault::Fault},
};

/// Samples as a codec gives them, interleaved by pixel unless the file is by plane.
pub enum Raw {
    Bytes(Vec<u8>),
    Words(Vec<u16>),
    Longs(Vec<u32>),
    Real(Vec<f64>),
}

impl Raw {
    /// Little-endian bytes of a native frame.
    pub fn from_bytes(bytes: Vec<u8>, layout: &SampleLayout) -> Self {
        match (layout.bits_allocated, layout.real) {
            (16, _) => Self::Words(bytes.as_chunks::<2>().0.iter().map(|b| u16::from_le_bytes(*b)).collect()),
            (32, true) => {
                Self::Real(bytes.as_chunks::<4>().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect())
            }
            (32, false) => Self::Longs(bytes.as_chunks::<4>().0.iter().map(|b| u32::from_le_bytes(*b)).collect()),
            (64, _) => Self::Real(bytes.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect()),
            _ => Self::Bytes(bytes),
        }
    }

    /// One frame of native bytes from a fragment, which may end with a byte of padding.
    pub fn from_frame(mut bytes: Vec<u8>, layout: &SampleLayout) -> Self {
        bytes.truncate(usize::try_from(layout.native_bytes(1)).unwrap_or(usize::MAX));
        if layout.bits_allocated == 1 { Self::from_bits(&bytes, 0, layout) } else { Self::from_bytes(bytes, layout) }
    }

    /// Single bits, the lowest of a byte first (PS3.5 8.1.1), from bit `first` on; 0 or 1 a sample.
    pub fn from_bits(bytes: &[u8], first: u64, layout: &SampleLayout) -> Self {
        let count = usize::try_from(layout.expect().samples()).unwrap_or(0);
        let first = usize::try_from(first).unwrap_or(0);
        let bit = |index: usize| bytes.get(index / 8).map_or(0, |byte| byte >> (index % 8) & 1);
        Self::Bytes((first..first + count).map(bit).collect())
    }

    /// What JPEG 2000 gives; sign and unused bits are settled by [`finish`].
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the low bits are what is wanted")]
    pub fn from_planes(values: &[i32], layout: &SampleLayout) -> Self {
        match layout.bits_allocated {
            8 | 1 => Self::Bytes(values.iter().map(|value| *value as u8).collect()),
            16 => Self::Words(values.iter().map(|value| *value as u16).collect()),
            _ => Self::Longs(values.iter().map(|value| *value as u32).collect()),
        }
    }

    /// Byte planes of DICOM RLE: channel by channel, high bytes first.
    pub fn from_rle(planes: &[Vec<u8>], each: usize) -> Self {
        match (planes, each) {
            ([one], _) => Self::Bytes(one.clone()),
            ([high, low], 2) => {
                Self::Words(high.iter().zip(low).map(|(high, low)| u16::from_be_bytes([*high, *low])).collect())
            }
            (_, 1) => {
                let len = planes.first().map_or(0, Vec::len);
                let mut out = vec![0; len * planes.len()];
                for (channel, plane) in planes.iter().enumerate() {
                    out.iter_mut().skip(channel).step_by(planes.len()).zip(plane).for_each(|(to, from)| *to = *from);
                }
                Self::Bytes(out)
            }
            _ => {
                let len = planes.first().map_or(0, Vec::len);
                let channels = planes.len() / each.max(1);
                let mut longs = vec![0_u32; len * channels];
                for (channel, bytes) in planes.chunks_exact(each).enumerate() {
                    for plane in bytes {
                        let places = longs.iter_mut().skip(channel).step_by(channels.max(1));
                        places.zip(plane).for_each(|(to, from)| *to = *to << 8 | u32::from(*from));
                    }
                }
                if each == 2 {
                    return Self::Words(longs.into_iter().map(|v| u16::try_from(v).unwrap_or(u16::MAX)).collect());
                }
                Self::Longs(longs)
            }
        }
    }

    /// As wide as the header says: some codecs always give words.
    fn fit(self, layout: &SampleLayout) -> Self {
        match self {
            Self::Words(words) if layout.bits_allocated <= 8 => {
                Self::Bytes(words.into_iter().map(|word| u8::try_from(word & 0xFF).unwrap_or(0)).collect())
            }
            Self::Words(words) if layout.bits_allocated == 32 => {
                Self::Longs(words.into_iter().map(u32::from).collect())
            }
            Self::Bytes(bytes) if layout.bits_allocated == 16 => {
                Self::Words(bytes.into_iter().map(u16::from).collect())
            }
            other => other,
        }
    }
}

/// Raw samples to the buffer handed out: grey as stored, colour as RGB.
///
/// # Errors
/// `Unsupported` for colour models that are not read at this width, `Damaged` for a wrong number of samples.
pub fn finish(raw: Raw, layout: &SampleLayout, palette: (&[[u8; 3]], i32), native: bool) -> Result<PixelBuffer, Fault> {
    let size_px = layout.size_px;
    let raw = if native && layout.planar { by_pixel(raw, size_px) } else { raw };
    let samples = match raw.fit(layout) {
        Raw::Bytes(bytes) if layout.channels == 3 => return colour_bytes(bytes, layout, native),
        Raw::Words(words) if layout.channels == 3 => return colour_words(words, layout),
        Raw::Longs(longs) if layout.channels == 3 => {
            let shift = u32::from(layout.bits_stored).saturating_sub(16);
            let words = longs.into_iter().map(|v| u16::try_from((v >> shift) & 0xFFFF).unwrap_or(0)).collect();
            return colour_words(words, &SampleLayout { bits_stored: 16, ..*layout });
        }
        Raw::Real(values) => Samples::F64(values),
        Raw::Bytes(bytes) => grey_bytes(bytes, layout, native),
        Raw::Words(words) => grey_words(words, layout, native),
        Raw::Longs(longs) => {
            let spare = 32 - u32::from(layout.bits_stored);
            let shift = if native { u32::from(layout.high_bit + 1 - layout.bits_stored) } else { 0 };
            let word = |value: u32| value >> shift << spare;
            let value = |value: u32| {
                if layout.signed {
                    f64::from(word(value).cast_signed() >> spare)
                } else {
                    f64::from(word(value) >> spare)
                }
            };
            Samples::F64(longs.into_iter().map(value).collect())
        }
    };
    if layout.photometric == Photometric::Palette {
        return checked(PixelBuffer { size_px, channels: 3, samples: Samples::U8(through_palette(&samples, palette)) });
    }
    checked(PixelBuffer { size_px, channels: layout.channels, samples })
}

fn colour_bytes(mut bytes: Vec<u8>, layout: &SampleLayout, native: bool) -> Result<PixelBuffer, Fault> {
    if native && layout.photometric == Photometric::YbrFull422 {
        bytes = colour::ybr_full_from_422(&bytes);
    }
    if matches!(layout.photometric, Photometric::YbrFull | Photometric::YbrFull422) {
        colour::rgb_from_ybr_full(&mut bytes);
    }
    checked(PixelBuffer { size_px: layout.size_px, channels: 3, samples: Samples::U8(bytes) })
}

/// Deep colour in the full range of 16 bits, since colour has no window of its own.
fn colour_words(words: Vec<u16>, layout: &SampleLayout) -> Result<PixelBuffer, Fault> {
    if matches!(layout.photometric, Photometric::YbrFull | Photometric::YbrFull422) {
        return Err(Fault::unsupported("16-bit YBR_FULL"));
    }
    let bits = u32::from(layout.bits_stored);
    let white = (1_u32 << bits) - 1;
    let spread = |v: u16| u16::try_from((u32::from(v) & white) * 65_535 / white).unwrap_or(u16::MAX);
    let words = if bits < 16 { words.into_iter().map(spread).collect() } else { words };
    checked(PixelBuffer { size_px: layout.size_px, channels: 3, samples: Samples::U16(words) })
}

/// The sample stands in bits `high_bit - bits_stored + 1 ..= high_bit`; above may be overlay bits, below padding. Codecs
/// give it at the low end.
fn grey_words(words: Vec<u16>, layout: &SampleLayout, native: bool) -> Samples {
    let shift = if native { layout.high_bit + 1 - layout.bits_stored } else { 0 };
    let spare = 16 - u32::from(layout.bits_stored);
    match layout.signed {
        false if spare == 0 => Samples::U16(words),
        false => Samples::U16(words.into_iter().map(|word| word >> shift << spare >> spare).collect()),
        true if spare == 0 => Samples::I16(words.into_iter().map(u16::cast_signed).collect()),
        true => Samples::I16(words.into_iter().map(|word| (word >> shift << spare).cast_signed() >> spare).collect()),
    }
}

fn grey_bytes(bytes: Vec<u8>, layout: &SampleLayout, native: bool) -> Samples {
    if layout.bits_allocated == 1 || (layout.bits_stored == 8 && !layout.signed) {
        return Samples::U8(bytes);
    }
    let shift = if native { layout.high_bit + 1 - layout.bits_stored } else { 0 };
    let spare = 8 - u32::from(layout.bits_stored);
    if layout.signed {
        return Samples::I16(
            bytes.into_iter().map(|byte| i16::from((byte >> shift << spare).cast_signed() >> spare)).collect(),
        );
    }
    Samples::U8(bytes.into_iter().map(|byte| byte >> shift << spare >> spare).collect())
}

fn checked(buffer: PixelBuffer) -> Result<PixelBuffer, Fault> {
    let promised = buffer.size_px.area() * u64::from(buffer.channels);
    if buffer.sample_count() == promised {
        return Ok(buffer);
    }
    Err(Fault::damaged(format!("a frame holds {} samples instead of {promised}", buffer.sample_count())))
}

/// Values below the first entry take the first colour, values beyond the last the last (C.7.6.3.1.5).
fn through_palette(samples: &Samples, (palette, first): (&[[u8; 3]], i32)) -> Vec<u8> {
    let last = palette.len().saturating_sub(1);
    let colour = |value: i32| {
        let index = usize::try_from(value - first).unwrap_or(0).min(last);
        palette.get(index).copied().unwrap_or_default()
    };
    match samples {
        Samples::U8(values) => values.iter().flat_map(|value| colour(i32::from(*value))).collect(),
        Samples::U16(values) => values.iter().flat_map(|value| colour(i32::from(*value))).collect(),
        Samples::I16(values) => values.iter().flat_map(|value| colour(i32::from(*value))).collect(),
        Samples::F64(_) => Vec::new(),
    }
}

/// Colour by plane to colour by pixel.
fn by_pixel(raw: Raw, size_px: SizePx) -> Raw {
    fn lay<T: Copy + Default>(values: &[T], plane: usize) -> Vec<T> {
        let mut out = vec![T::default(); values.len()];
        for (channel, values) in values.chunks_exact(plane.max(1)).enumerate() {
            out.iter_mut().skip(channel).step_by(3).zip(values).for_each(|(to, from)| *to = *from);
        }
        out
    }
    let plane = usize::try_from(size_px.area()).unwrap_or(0);
    match raw {
        Raw::Bytes(values) => Raw::Bytes(lay(&values, plane)),
        Raw::Words(values) => Raw::Words(lay(&values, plane)),
        Raw::Longs(values) => Raw::Longs(lay(&values, plane)),
        Raw::Real(values) => Raw::Real(values),
    }
}
