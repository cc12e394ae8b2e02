//! Where the frames of one instance lie in its file, and the decoding of one of them.

use std::sync::Arc;

use super::{
    dataset::{PixelPlace, fragments},
    header::{Photometric, SampleLayout},
    syntax::{PixelCoding, TransferSyntax},
};
use crate::{
    domain::SizePx,
    imaging::{
        PixelBuffer, Samples,
        bytes::{ByteSource, read_exact_at, read_range},
        codec::{Expect, jpeg, jpeg_lossless, jpeg2000, rle},
        colour,
        fault::Fault,
        limits,
    },
};

enum Frames {
    /// All of one size, one after the other; `swap` where the file is big endian.
    Native { at: u64, swap: bool },
    /// The fragments of each frame as (offset, length).
    Encapsulated(Vec<Vec<(u64, u64)>>),
}

/// Reads and decodes frames of one instance.
pub struct PixelStore {
    source: Arc<dyn ByteSource>,
    frames: Frames,
    coding: PixelCoding,
}

impl PixelStore {
    /// # Errors
    /// `Damaged` when the file holds fewer pixels than its header says.
    pub fn new(
        source: Arc<dyn ByteSource>,
        place: PixelPlace,
        layout: &SampleLayout,
        syntax: &TransferSyntax,
        count: u32,
    ) -> Result<Self, Fault> {
        let frames = match place {
            PixelPlace::Native { at, len, words } => {
                let needed = layout.native_frame_bytes().saturating_mul(u64::from(count));
                if needed > len {
                    return Err(Fault::damaged(format!(
                        "its header promises {needed} bytes of pixels, it holds {len}"
                    )));
                }
                if syntax.pixels != PixelCoding::Native {
                    return Err(Fault::damaged(format!("it claims {} but its pixels are not compressed", syntax.name)));
                }
                Frames::Native { at, swap: syntax.big_endian && (words || layout.bits_allocated == 16) }
            }
            PixelPlace::Encapsulated { at } => {
                if syntax.pixels == PixelCoding::Native {
                    return Err(Fault::damaged(format!("it claims {} but its pixels are compressed", syntax.name)));
                }
                let (pieces, table) = fragments(&*source, at)?;
                Frames::Encapsulated(assign(&*source, &pieces, &table, count)?)
            }
        };
        Ok(Self { source, frames, coding: syntax.pixels })
    }

    /// Decodes one frame to raw samples: grey as stored, colour as RGB.
    ///
    /// # Errors
    /// `Damaged` when the bytes do not give what the header says.
    pub fn decode(&self, layout: &SampleLayout, palette: (&[[u8; 3]], i32), frame: u32) -> Result<PixelBuffer, Fault> {
        let expect = Expect { width: layout.size_px.width, height: layout.size_px.height, channels: layout.channels };
        let wide = layout.bits_allocated == 16;
        Fault::check_size("one frame", expect.samples() * if wide { 2 } else { 1 }, limits::FRAME_BYTES)?;
        let raw = match &self.frames {
            Frames::Native { at, swap } => self.read_native(layout, *at, *swap, frame)?,
            Frames::Encapsulated(list) => {
                let parts = list.get(frame as usize).ok_or(Fault::OutOfRange {
                    what: "frame",
                    index: u64::from(frame),
                    count: list.len() as u64,
                })?;
                let data = gather(&*self.source, parts)?;
                match self.coding {
                    // The stream itself says which of the two it is; some files claim the other.
                    PixelCoding::Jpeg | PixelCoding::JpegLossless if jpeg::header(&data)?.process != 3 => {
                        return decode_jpeg(data, expect, layout);
                    }
                    PixelCoding::Jpeg | PixelCoding::JpegLossless => {
                        let (bytes, each) = jpeg_lossless::decode(&data, expect)?;
                        fit_width(bytes, each, wide)
                    }
                    PixelCoding::Jpeg2000 => from_i32(&jpeg2000::decode(&data, expect)?, wide),
                    PixelCoding::Rle => rle::decode(&data, expect, if wide { 2 } else { 1 })?,
                    PixelCoding::Native | PixelCoding::NotRead => return Err(Fault::unsupported("this pixel coding")),
                }
            }
        };
        finish(raw, layout, palette, matches!(self.frames, Frames::Native { .. }))
    }

    fn read_native(&self, layout: &SampleLayout, at: u64, swap: bool, frame: u32) -> Result<Vec<u8>, Fault> {
        let size = layout.native_frame_bytes();
        let start = at + size * u64::from(frame);
        if !swap || layout.bits_allocated == 16 {
            let mut raw = read_range(&*self.source, start, size, "frame", limits::FRAME_BYTES)?;
            if swap {
                raw.as_chunks_mut::<2>().0.iter_mut().for_each(|pair| pair.reverse());
            }
            return Ok(raw);
        }
        // Bytes written as big-endian words: the pair that a byte belongs to may begin before the frame.
        let lead = (start % 2) ^ (at % 2);
        let padded = (lead + size).next_multiple_of(2);
        let mut raw = read_range(&*self.source, start - lead, padded, "frame", limits::FRAME_BYTES)?;
        raw.as_chunks_mut::<2>().0.iter_mut().for_each(|pair| pair.reverse());
        let from = usize::try_from(lead).unwrap_or(0);
        let len = usize::try_from(size).unwrap_or(0);
        Ok(raw.get(from..from + len).unwrap_or_default().to_vec())
    }
}

/// Which fragments belong to which frame (PS3.5 A.4): by the offset table, else one each, else by where codestreams start.
fn assign(
    source: &dyn ByteSource,
    pieces: &[(u64, u64)],
    table: &[u64],
    count: u32,
) -> Result<Vec<Vec<(u64, u64)>>, Fault> {
    let wanted = count as usize;
    if pieces.len() < wanted {
        return Err(Fault::damaged(format!("its header promises {count} frames, it holds {}", pieces.len())));
    }
    if wanted == 1 {
        return Ok(vec![pieces.to_vec()]);
    }
    if pieces.len() == wanted {
        return Ok(pieces.iter().map(|piece| vec![*piece]).collect());
    }
    let origin = pieces.first().map_or(0, |(at, _)| at - 8);
    let starts: Vec<usize> = if table.len() == wanted {
        table.iter().filter_map(|offset| pieces.iter().position(|(at, _)| at - 8 - origin == *offset)).collect()
    } else {
        let mut mark = [0; 2];
        let mut begins = |at: u64| read_exact_at(source, at, &mut mark).is_ok() && matches!(mark, [0xFF, 0xD8 | 0x4F]);
        pieces.iter().enumerate().filter(|(_, (at, len))| *len >= 2 && begins(*at)).map(|(index, _)| index).collect()
    };
    if starts.len() != wanted {
        return Err(Fault::damaged(format!("{} fragments cannot be told apart into {count} frames", pieces.len())));
    }
    let ends = starts.iter().skip(1).copied().chain([pieces.len()]);
    Ok(starts.iter().zip(ends).map(|(from, to)| pieces.get(*from..to).unwrap_or_default().to_vec()).collect())
}

fn gather(source: &dyn ByteSource, parts: &[(u64, u64)]) -> Result<Vec<u8>, Fault> {
    let total = parts.iter().fold(0_u64, |sum, (_, len)| sum.saturating_add(*len));
    Fault::check_size("one compressed frame", total, limits::COMPRESSED_BYTES)?;
    let mut out = Vec::with_capacity(usize::try_from(total).unwrap_or(0));
    for (at, len) in parts {
        out.append(&mut read_range(source, *at, *len, "fragment", limits::COMPRESSED_BYTES)?);
    }
    Ok(out)
}

fn decode_jpeg(mut data: Vec<u8>, expect: Expect, layout: &SampleLayout) -> Result<PixelBuffer, Fault> {
    let header = jpeg::header(&data)?;
    let colour = match layout.photometric {
        // An encoder that marked its stream YCbCr knows better than a header that was never changed; converted Aperio
        // slides say RGB around a JFIF stream.
        Photometric::Rgb if header.adobe_transform().map_or(header.jfif, |transform| transform == 1) => {
            jpeg::Colour::YCbCr
        }
        Photometric::Rgb => jpeg::Colour::Rgb,
        _ => jpeg::Colour::YCbCr,
    };
    let samples = jpeg::decode(&mut data, expect, colour)?;
    if layout.photometric == Photometric::Palette {
        return Err(Fault::unsupported("DICOM palette with lossy JPEG"));
    }
    let wide = layout.bits_allocated == 16;
    let samples = if wide { Samples::U16(samples.into_iter().map(u16::from).collect()) } else { Samples::U8(samples) };
    Ok(PixelBuffer { size_px: layout.size_px, channels: layout.channels, samples })
}

/// The low bytes of each value, little-endian; sign and unused bits are settled by `finish`.
fn from_i32(values: &[i32], wide: bool) -> Vec<u8> {
    if wide {
        values
            .iter()
            .flat_map(|value| {
                let [a, b, ..] = value.to_le_bytes();
                [a, b]
            })
            .collect()
    } else {
        values
            .iter()
            .map(|value| {
                let [a, ..] = value.to_le_bytes();
                a
            })
            .collect()
    }
}

/// A codec that gives bytes where words were promised, or the other way round.
fn fit_width(bytes: Vec<u8>, each: usize, wide: bool) -> Vec<u8> {
    match (each, wide) {
        (1, true) => bytes.into_iter().flat_map(|low| [low, 0]).collect(),
        (2, false) => bytes.as_chunks::<2>().0.iter().map(|[low, _]| *low).collect(),
        _ => bytes,
    }
}

/// Little-endian stored bytes to the buffer handed out.
fn finish(raw: Vec<u8>, layout: &SampleLayout, palette: (&[[u8; 3]], i32), native: bool) -> Result<PixelBuffer, Fault> {
    let size_px = layout.size_px;
    let mut raw = raw;
    let wide = layout.bits_allocated == 16;
    if native && layout.photometric == Photometric::YbrFull422 {
        if wide {
            return Err(Fault::unsupported("16-bit YBR_FULL_422"));
        }
        raw = colour::ybr_full_from_422(&raw);
    } else if native && layout.planar {
        raw = by_pixel(&raw, size_px, if wide { 2 } else { 1 });
    }
    if layout.channels == 3 && !wide {
        if matches!(layout.photometric, Photometric::YbrFull | Photometric::YbrFull422) {
            colour::rgb_from_ybr_full(&mut raw);
        }
        return checked(PixelBuffer { size_px, channels: 3, samples: Samples::U8(raw) });
    }
    if layout.channels == 3 && matches!(layout.photometric, Photometric::YbrFull | Photometric::YbrFull422) {
        return Err(Fault::unsupported("16-bit YBR_FULL"));
    }
    // The sample stands in bits high_bit-bits_stored+1 ..= high_bit; above may be overlay bits, below padding.
    let shift = layout.high_bit + 1 - layout.bits_stored;
    let spare = 16 - u32::from(layout.bits_stored);
    let word = |value: u16| value >> shift << spare;
    let unsigned = |value: u16| word(value) >> spare;
    let signed = |value: u16| word(value).cast_signed() >> spare;
    let words = || raw.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair));
    let samples = match (wide, layout.signed) {
        (false, false) if layout.bits_stored == 8 => Samples::U8(raw),
        (false, false) => Samples::U8(raw.iter().map(|v| u8::try_from(unsigned(u16::from(*v))).unwrap_or(0)).collect()),
        (false, true) => Samples::I16(raw.iter().map(|v| signed(u16::from(*v))).collect()),
        (true, false) => Samples::U16(words().map(unsigned).collect()),
        (true, true) => Samples::I16(words().map(signed).collect()),
    };
    if layout.photometric == Photometric::Palette {
        return checked(PixelBuffer { size_px, channels: 3, samples: Samples::U8(through_palette(&samples, palette)) });
    }
    checked(PixelBuffer { size_px, channels: layout.channels, samples })
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
fn by_pixel(raw: &[u8], size_px: SizePx, each: usize) -> Vec<u8> {
    let plane = usize::try_from(size_px.area()).unwrap_or(0) * each;
    let mut out = vec![0; raw.len()];
    for (channel, values) in raw.chunks_exact(plane.max(1)).enumerate() {
        for (place, value) in out.chunks_exact_mut(3 * each).zip(values.chunks_exact(each)) {
            if let Some(place) = place.get_mut(channel * each..(channel + 1) * each) {
                place.copy_from_slice(value);
            }
        }
    }
    out
}
