//! Where the frames of one instance lie in its file, and the decoding of one of them.

use std::sync::Arc;

use super::{
    dataset::PixelPlace,
    fragments::FrameParts,
    header::{Photometric, SampleLayout},
    samples::{Raw, finish},
    syntax::{PixelCoding, TransferSyntax},
};
use crate::imaging::{
    PixelBuffer, Samples,
    bytes::{ByteSource, read_range},
    codec::{Expect, inflate, jpeg, jpeg_deep, jpeg_lossless, jpeg_ls, jpeg_xl, jpeg2000, rle},
    fault::Fault,
    limits,
};

enum Frames {
    /// All of one size, one after the other; `swap` where the file is big endian.
    Native {
        at: u64,
        swap: bool,
    },
    Encapsulated(FrameParts),
}

/// A film's stream: the bytes that it lies in, and its pieces (start, length) in a row.
pub type Film<'a> = (&'a dyn ByteSource, Vec<(u64, u64)>);

/// Reads and decodes frames of one instance.
pub struct PixelStore {
    source: Arc<dyn ByteSource>,
    frames: Frames,
    coding: PixelCoding,
}

impl PixelStore {
    /// `offsets` is the Extended Offset Table, empty where there is none.
    ///
    /// # Errors
    /// `Damaged` when the file holds fewer pixels than its header says.
    pub fn new(
        source: Arc<dyn ByteSource>,
        place: PixelPlace,
        layout: &SampleLayout,
        syntax: &TransferSyntax,
        count: u32,
        offsets: &[u64],
    ) -> Result<Self, Fault> {
        let frames = match place {
            PixelPlace::Native { at, len, words, .. } => {
                let needed = layout.native_bytes(count);
                if needed > len {
                    return Err(Fault::damaged(format!(
                        "its header promises {needed} bytes of pixels, it holds {len}"
                    )));
                }
                if syntax.pixels != PixelCoding::Native {
                    return Err(Fault::damaged(format!("it claims {} but its pixels are not compressed", syntax.name)));
                }
                Frames::Native { at, swap: syntax.big_endian && (words || layout.bits_allocated > 8) }
            }
            PixelPlace::Encapsulated { at } => {
                if syntax.pixels == PixelCoding::Native {
                    return Err(Fault::damaged(format!("it claims {} but its pixels are compressed", syntax.name)));
                }
                // A film's fragments are cut anywhere: all of them are one stream.
                let (count, offsets) = if syntax.pixels == PixelCoding::Film { (1, &[][..]) } else { (count, offsets) };
                Frames::Encapsulated(FrameParts::find(&*source, at, count, offsets)?)
            }
        };
        Ok(Self { source, frames, coding: syntax.pixels })
    }

    /// The film that this is; `None` for frames.
    pub fn film(&self) -> Option<Film<'_>> {
        match &self.frames {
            Frames::Encapsulated(parts) if self.coding == PixelCoding::Film => {
                Some((&*self.source, parts.of(&*self.source, 0).ok()?))
            }
            _ => None,
        }
    }

    /// Decodes one frame to raw samples: grey as stored, colour as RGB.
    ///
    /// # Errors
    /// `Damaged` when the bytes do not give what the header says.
    pub fn decode(&self, layout: &SampleLayout, palette: (&[[u8; 3]], i32), frame: u32) -> Result<PixelBuffer, Fault> {
        let each = u64::from(layout.bits_allocated.div_ceil(8)).max(1);
        Fault::check_size("one frame", layout.expect().samples() * each, limits::FRAME_BYTES)?;
        let (raw, native) = self.raw(layout, frame)?;
        match raw {
            Decoded::Raw(raw) => finish(raw, layout, palette, native),
            Decoded::Done(buffer) => Ok(buffer),
        }
    }

    /// The words of one native 16-bit frame, all bits of them: overlays may hide in those above the samples.
    pub fn words(&self, layout: &SampleLayout, frame: u32) -> Result<Option<Vec<u16>>, Fault> {
        if layout.bits_allocated != 16 {
            return Ok(None);
        }
        match self.raw(layout, frame)? {
            (Decoded::Raw(Raw::Words(words)), true) => Ok(Some(words)),
            _ => Ok(None),
        }
    }

    fn raw(&self, layout: &SampleLayout, frame: u32) -> Result<(Decoded, bool), Fault> {
        let list = match &self.frames {
            Frames::Native { at, swap } => {
                return Ok((Decoded::Raw(self.read_native(layout, *at, *swap, frame)?), true));
            }
            Frames::Encapsulated(list) => list,
        };
        let data = gather(&*self.source, &list.of(&*self.source, frame)?)?;
        let expect = layout.expect();
        let raw = match self.coding {
            // The stream itself says which of the two it is; some files claim the other.
            PixelCoding::Jpeg | PixelCoding::JpegLossless => match jpeg::header(&data)? {
                header if header.process == 3 => Raw::Words(jpeg_lossless::decode(&data, expect)?),
                header if header.precision == 12 => {
                    let words = Raw::Words(jpeg_deep::decode(&data, expect, colour_of(&header, layout))?);
                    if layout.channels == 1 {
                        words
                    } else {
                        // The decoder has turned YCbCr into RGB.
                        let rgb = SampleLayout { photometric: Photometric::Rgb, planar: false, ..*layout };
                        return Ok((Decoded::Done(finish(words, &rgb, (&[], 0), false)?), false));
                    }
                }
                header => return decode_jpeg(data, &header, expect, layout).map(|done| (Decoded::Done(done), false)),
            },
            PixelCoding::JpegLs => Raw::Words(jpeg_ls::decode(&data, expect)?),
            PixelCoding::JpegXl => Raw::Words(jpeg_xl::decode(&data, expect)?),
            PixelCoding::Jpeg2000 => Raw::from_planes(&jpeg2000::decode(&data, expect)?, layout),
            PixelCoding::Rle => {
                let each = usize::from(layout.bits_allocated / 8).max(1);
                return Ok((Decoded::Raw(Raw::from_rle(&rle::planes(&data, expect, each)?, each)), false));
            }
            PixelCoding::DeflatedFrames => {
                let size = usize::try_from(layout.native_bytes(1)).map_err(|_| Fault::damaged("too large"))?;
                let bytes = inflate::raw(&data, size)?;
                return Ok((Decoded::Raw(Raw::from_frame(bytes, layout)), true));
            }
            PixelCoding::Encapsulated => return Ok((Decoded::Raw(Raw::from_frame(data, layout)), true)),
            PixelCoding::Native | PixelCoding::Film | PixelCoding::NotRead => {
                return Err(Fault::unsupported("this pixel coding"));
            }
        };
        Ok((Decoded::Raw(raw), false))
    }

    fn read_native(&self, layout: &SampleLayout, at: u64, swap: bool, frame: u32) -> Result<Raw, Fault> {
        let (start, size, bit) = layout.native_place(frame);
        let start = at + start;
        let read = |start, size| read_range(&*self.source, start, size, "frame", limits::FRAME_BYTES);
        if layout.bits_allocated == 1 {
            return Ok(Raw::from_bits(&read(start, size)?, bit, layout));
        }
        let mut raw;
        if !swap || layout.bits_allocated > 8 {
            raw = read(start, size)?;
            if swap {
                let each = usize::from(layout.bits_allocated / 8);
                raw.chunks_exact_mut(each).for_each(<[u8]>::reverse);
            }
        } else {
            // Bytes written as big-endian words: the pair that a byte belongs to may begin before the frame.
            let lead = (start % 2) ^ (at % 2);
            raw = read(start - lead, (lead + size).next_multiple_of(2))?;
            raw.as_chunks_mut::<2>().0.iter_mut().for_each(|pair| pair.reverse());
            let from = usize::try_from(lead).unwrap_or(0);
            raw.drain(..from.min(raw.len()));
            raw.truncate(usize::try_from(size).unwrap_or(0));
        }
        Ok(Raw::from_bytes(raw, layout))
    }
}

/// What a codec gave: samples to be settled, or a buffer that is ready.
enum Decoded {
    Raw(Raw),
    Done(PixelBuffer),
}

fn gather(source: &dyn ByteSource, parts: &[(u64, u64)]) -> Result<Vec<u8>, Fault> {
    let total = parts.iter().fold(0_u64, |sum, (_, len)| sum.saturating_add(*len));
    Fault::check_size("one compressed frame", total, limits::COMPRESSED_BYTES)?;
    if let [(at, len)] = parts {
        return read_range(source, *at, *len, "fragment", limits::COMPRESSED_BYTES);
    }
    let mut out = Vec::with_capacity(usize::try_from(total).unwrap_or(0));
    for (at, len) in parts {
        out.append(&mut read_range(source, *at, *len, "fragment", limits::COMPRESSED_BYTES)?);
    }
    Ok(out)
}

fn colour_of(header: &jpeg::Header, layout: &SampleLayout) -> jpeg::Colour {
    match layout.photometric {
        // An encoder that marked its stream YCbCr knows better than a header that was never changed; converted Aperio
        // slides say RGB around a JFIF stream.
        Photometric::Rgb if header.adobe_transform().map_or(header.jfif, |transform| transform == 1) => {
            jpeg::Colour::YCbCr
        }
        Photometric::Rgb => jpeg::Colour::Rgb,
        _ => jpeg::Colour::YCbCr,
    }
}

fn decode_jpeg(
    mut data: Vec<u8>,
    header: &jpeg::Header,
    expect: Expect,
    layout: &SampleLayout,
) -> Result<PixelBuffer, Fault> {
    let samples = jpeg::decode(&mut data, expect, colour_of(header, layout))?;
    if layout.photometric == Photometric::Palette {
        return Err(Fault::unsupported("DICOM palette with lossy JPEG"));
    }
    let wide = layout.bits_allocated == 16;
    let samples = if wide { Samples::U16(samples.into_iter().map(u16::from).collect()) } else { Samples::U8(samples) };
    Ok(PixelBuffer { size_px: layout.size_px, channels: layout.channels, samples })
}
