//! One TIFF page: how its pixels are cut into tiles or strips, and the decoding of one of them.

use super::{
    coding::{Compression, Photometric},
    ifd::{Directory, tag},
    samples::{
        Kept, Kind, Predictor, interleave, pick, reals, rgb_from_cmyk, undo_predictor, unpack, unpack_words,
        ycbcr_from_units,
    },
};
use crate::{
    domain::SizePx,
    imaging::{
        PixelBuffer, Samples,
        bytes::{ByteSource, read_range},
        codec::{Expect, inflate, jpeg, jpeg_deep, jpeg2000, packbits, webp, zstd},
        fault::Fault,
        limits,
    },
};

/// A strip of more bytes than this is cut where its coding allows.
const SPLIT_BYTES: u64 = 8 << 20;

/// A page ready to be decoded piece by piece. A "piece" is a tile or a strip.
#[derive(Clone, Debug)]
pub struct Page {
    pub size_px: SizePx,
    pub piece_px: SizePx,
    pub tiled: bool,
    pub compression: Compression,
    pub photometric: Photometric,
    /// Bits of one stored sample: 1, 2, 4, 8, 10, 12, 14, 16, 24, 32 or 64.
    pub bits: u8,
    pub signed: bool,
    stored_channels: u8,
    planar: bool,
    predictor: Predictor,
    float: bool,
    /// The lowest bit of a byte comes first.
    reversed: bool,
    big_endian: bool,
    offsets: Vec<u64>,
    counts: Vec<u64>,
    tables: Vec<u8>,
    /// RGB of each palette index.
    palette: Vec<[u8; 3]>,
    /// Pixels that share one pair of colours, where YCbCr is stored as such.
    units: Option<(u8, u8)>,
    /// Which stored channel of a grey page is shown.
    shown: u8,
    /// Stored channels that are grey values of their own, the first included.
    greys: u8,
}

impl Page {
    /// Channels after decoding: 1, 3 or 4.
    pub fn channels(&self) -> u8 {
        match self.photometric {
            Photometric::Palette | Photometric::YCbCr | Photometric::Cmyk => 3,
            Photometric::WhiteIsZero | Photometric::BlackIsZero => 1,
            Photometric::Rgb => self.stored_channels.min(4),
        }
    }

    pub fn pieces_across(&self) -> u32 {
        self.size_px.width.div_ceil(self.piece_px.width)
    }

    pub fn pieces_down(&self) -> u32 {
        self.size_px.height.div_ceil(self.piece_px.height)
    }

    /// Bytes of the whole page once decoded.
    pub fn decoded_bytes(&self) -> u64 {
        let each = match self.bits {
            _ if self.is_real() => 8,
            9.. => 2,
            _ if self.signed => 2,
            _ => 1,
        };
        self.size_px.area() * u64::from(self.channels()) * each
    }

    /// Values that 16 bits cannot hold.
    pub fn is_real(&self) -> bool {
        self.bits > 16 || self.float
    }

    /// Bytes of the whole page uncompressed, as stored.
    fn stored_bytes(&self) -> u64 {
        if let Some((across, down)) = self.units {
            let together = u64::from(across) * u64::from(down);
            return self.size_px.area() / together * (together + 2);
        }
        self.size_px.area().saturating_mul(u64::from(self.stored_channels) * u64::from(self.bits)) / 8
    }

    /// Reads the page's layout.
    ///
    /// # Errors
    /// `Unsupported` with the name of what is not read; `Damaged` when the directory contradicts itself or the file.
    #[allow(clippy::too_many_lines, reason = "one check per tag, in the order of the standard")]
    pub fn new(source: &dyn ByteSource, dir: &Directory) -> Result<Self, Fault> {
        let number = |tag: u16, or: u64| dir.number(source, tag).map(|value| value.unwrap_or(or));
        let side = |tag: u16, what: &str| -> Result<u32, Fault> {
            let value = number(tag, 0)?;
            let fits = u32::try_from(value).ok().filter(|side| *side > 0 && *side <= 1 << 30);
            fits.ok_or_else(|| Fault::damaged(format!("the TIFF {what} is {value}")))
        };
        let size_px = SizePx::new(side(tag::IMAGE_WIDTH, "width")?, side(tag::IMAGE_LENGTH, "height")?);
        let stored_channels = u8::try_from(number(tag::SAMPLES_PER_PIXEL, 1)?)
            .ok()
            .filter(|count| (1..=64).contains(count))
            .ok_or_else(|| Fault::unsupported("TIFF with more than 64 channels per pixel"))?;
        let bits_list = dir.numbers(source, tag::BITS_PER_SAMPLE, 64)?;
        let bits = bits_list.first().copied().unwrap_or(1);
        if bits_list.iter().any(|other| *other != bits) {
            return Err(Fault::unsupported("TIFF with channels of different depth"));
        }
        let (signed, float) = match number(tag::SAMPLE_FORMAT, 1)? {
            1 | 4 => (false, false),
            2 => (true, false),
            3 => (true, true),
            5 | 6 => return Err(Fault::unsupported("TIFF with complex numbers")),
            other => return Err(Fault::unsupported(format!("TIFF sample format {other}"))),
        };
        let bits = match (bits, float, signed) {
            (1 | 2 | 4 | 8 | 16 | 32, false, _) | (10 | 12 | 14, false, false) | (16 | 24 | 32 | 64, true, _) => {
                u8::try_from(bits).unwrap_or(8)
            }
            (_, true, _) => return Err(Fault::unsupported(format!("TIFF with {bits}-bit floating-point samples"))),
            _ => return Err(Fault::unsupported(format!("TIFF with {bits} bits per sample"))),
        };
        let compression = Compression::from_code(number(tag::COMPRESSION, 1)?)?;
        let code = number(tag::PHOTOMETRIC, if stored_channels >= 3 { 2 } else { 1 })?;
        let photometric = Photometric::from_code(code, stored_channels)?;
        let own_colour = matches!(compression, Compression::Jpeg | Compression::Jpeg2000 { .. } | Compression::WebP);
        let units =
            if photometric == Photometric::YCbCr && !own_colour { Some(units(source, dir, bits)?) } else { None };
        let grey = matches!(photometric, Photometric::WhiteIsZero | Photometric::BlackIsZero);
        if bits < 8 && (stored_channels != 1 || signed) {
            return Err(Fault::unsupported("TIFF with several channels of fewer than 8 bits"));
        }
        let packed = matches!(bits, 10 | 12 | 14) && !own_colour && number(tag::PLANAR_CONFIGURATION, 1)? == 2;
        if (bits > 16 || float || packed) && !grey {
            return Err(Fault::unsupported(format!("TIFF with {bits}-bit colour")));
        }
        if photometric == Photometric::Cmyk && (own_colour || !matches!(bits, 8 | 16) || number(tag::INK_SET, 1)? != 1)
        {
            return Err(Fault::unsupported(format!("{bits}-bit {} in inks in TIFF", compression.name())));
        }
        if !matches!((compression, bits), (Compression::Jpeg, 8 | 12) | (Compression::WebP, 8))
            && matches!(compression, Compression::Jpeg | Compression::WebP)
        {
            return Err(Fault::unsupported(format!("{bits}-bit {} in TIFF", compression.name())));
        }
        let predictor = match number(tag::PREDICTOR, 1)? {
            1 => Predictor::None,
            // The codings that know neighbours themselves have no predictor, whatever the tag says; nor have plain samples
            // (libtiff: only LZW, Deflate and Zstandard have one).
            _ if own_colour || matches!(compression, Compression::None | Compression::PackBits) => Predictor::None,
            2 if matches!(bits, 8 | 16 | 32 | 64) && units.is_none() => Predictor::Horizontal,
            3 if float => Predictor::Float,
            other => return Err(Fault::unsupported(format!("TIFF predictor {other} on {bits}-bit samples"))),
        };
        let reversed = number(tag::FILL_ORDER, 1)? == 2 && !own_colour;
        let planar = number(tag::PLANAR_CONFIGURATION, 1)? == 2 && stored_channels > 1;
        let tiled = dir.has(tag::TILE_WIDTH) && dir.has(tag::TILE_OFFSETS);
        let piece_px = if tiled {
            SizePx::new(side(tag::TILE_WIDTH, "tile width")?, side(tag::TILE_LENGTH, "tile height")?)
        } else {
            let rows = number(tag::ROWS_PER_STRIP, u64::from(size_px.height))?.clamp(1, u64::from(size_px.height));
            SizePx::new(size_px.width, u32::try_from(rows).unwrap_or(size_px.height))
        };
        let (offset_tag, count_tag) = if tiled {
            (tag::TILE_OFFSETS, tag::TILE_BYTE_COUNTS)
        } else {
            (tag::STRIP_OFFSETS, tag::STRIP_BYTE_COUNTS)
        };
        let mut page = Self {
            size_px,
            piece_px,
            tiled,
            compression,
            photometric,
            bits,
            signed,
            stored_channels,
            planar,
            predictor,
            float,
            reversed,
            big_endian: dir.layout().is_big_endian(),
            offsets: Vec::new(),
            counts: Vec::new(),
            tables: if compression == Compression::Jpeg { dir.blob(source, tag::JPEG_TABLES)? } else { Vec::new() },
            palette: Vec::new(),
            units,
            shown: 0,
            greys: greys(source, dir, photometric, stored_channels)?,
        };
        let planes = if planar { u64::from(stored_channels) } else { 1 };
        let one_strip = page.split_strip();
        let pieces = if one_strip.is_some() { 1 } else { page.piece_count(planes) };
        Fault::check_size(
            "one tile",
            // The narrowest of the numbers that are handed out as doubles takes two bytes in the file.
            page.piece_bytes() * if page.is_real() { 4 } else { 1 },
            if tiled { limits::TILE_BYTES } else { limits::FRAME_BYTES },
        )?;
        page.offsets = dir.numbers(source, offset_tag, pieces.saturating_mul(2))?;
        page.counts = dir.numbers(source, count_tag, pieces.saturating_mul(2))?;
        if page.counts.is_empty() && pieces == 1 {
            // Very old writers leave the count of a single strip to the reader.
            let start = page.offsets.first().copied().unwrap_or(0);
            page.counts.push(one_strip.unwrap_or(page.piece_bytes()).min(source.len().saturating_sub(start)));
        }
        if (page.offsets.len() as u64) < pieces || (page.counts.len() as u64) < pieces {
            let (have, what) = (page.offsets.len().min(page.counts.len()), if tiled { "tiles" } else { "strips" });
            return Err(Fault::damaged(format!("its header promises {pieces} {what}, it lists {have}")));
        }
        let held: u64 = page.counts.iter().fold(0, |sum: u64, count| sum.saturating_add((*count).min(source.len())));
        // Sparse slides leave tiles out, so only pages that claim to be complete are held to their size.
        let complete = !page.counts.contains(&0);
        if complete && held.saturating_mul(compression.ratio()).saturating_add(4096) < page.stored_bytes() {
            return Err(Fault::damaged(format!(
                "its header claims {} × {} pixels, the file holds {held} bytes for them",
                size_px.width, size_px.height
            )));
        }
        if let Some(whole) = one_strip {
            page.list_rows(whole)?;
        }
        if photometric == Photometric::Palette {
            page.palette = palette(source, dir, bits)?;
        }
        Ok(page)
    }

    fn piece_count(&self, planes: u64) -> u64 {
        u64::from(self.pieces_across()) * u64::from(self.pieces_down()) * planes
    }

    /// Cuts one large strip of plain samples into strips of a few rows, which lie one after the other anyway. The bytes of
    /// the whole, when it was cut.
    fn split_strip(&mut self) -> Option<u64> {
        let plain = self.compression == Compression::None && !self.planar && self.units.is_none() && !self.tiled;
        let whole = self.piece_bytes();
        if !plain || self.piece_px.height < self.size_px.height || whole <= SPLIT_BYTES {
            return None;
        }
        let row = (whole / u64::from(self.piece_px.height)).max(1);
        self.piece_px.height = u32::try_from((SPLIT_BYTES / row).max(1)).unwrap_or(1).min(self.size_px.height);
        Some(whole)
    }

    /// Lists the strips that [`Page::split_strip`] made of the only one that the file lists.
    fn list_rows(&mut self, whole: u64) -> Result<(), Fault> {
        let (start, held) = (self.offsets.first().copied().unwrap_or(0), self.counts.first().copied().unwrap_or(0));
        if held < whole {
            return Err(Fault::damaged(format!("its only strip holds {held} bytes instead of {whole}")));
        }
        let each = self.piece_bytes();
        let count = u64::from(self.pieces_down());
        self.offsets = (0..count).map(|index| start.saturating_add(index * each)).collect();
        self.counts = (0..count).map(|index| each.min(whole.saturating_sub(index * each))).collect();
        Ok(())
    }

    /// Bytes of one decoded piece as stored (one plane where planes are apart).
    fn piece_bytes(&self) -> u64 {
        let channels = if self.planar { 1 } else { u64::from(self.stored_channels) };
        let row = (u64::from(self.piece_px.width) * channels * u64::from(self.bits)).div_ceil(8);
        row * u64::from(self.piece_px.height)
    }

    /// Stored channels that are grey values of their own; 1 for a page with colours.
    pub fn greys(&self) -> u8 {
        self.greys
    }

    /// The page with another of its grey channels shown.
    pub fn showing(&self, channel: u8) -> Self {
        Self { shown: channel, ..self.clone() }
    }

    /// How many tiles or strips the page lists.
    pub fn pieces(&self) -> usize {
        self.offsets.len()
    }

    /// Decodes one piece, cut to the page's edge. A piece that the file leaves out is white (colour) or zero (grey).
    pub fn read_piece(&self, source: &dyn ByteSource, col: u32, row: u32) -> Result<PixelBuffer, Fault> {
        let index = row as usize * self.pieces_across() as usize + col as usize;
        let cut = SizePx::new(
            self.piece_px.width.min(self.size_px.width.saturating_sub(col.saturating_mul(self.piece_px.width))),
            self.piece_px.height.min(self.size_px.height.saturating_sub(row.saturating_mul(self.piece_px.height))),
        );
        // The last strip holds only the rows that are left; a tile is always whole.
        let stored = if self.tiled { self.piece_px } else { SizePx::new(self.piece_px.width, cut.height) };
        if self.counts.get(index) == Some(&0) {
            return Ok(self.blank(cut));
        }
        let raw = if self.planar && self.greys > 1 {
            let per_plane = self.pieces_across() as usize * self.pieces_down() as usize;
            let plane = self.read_raw(source, usize::from(self.shown) * per_plane + index, stored, 1)?;
            return self.finish(plane, stored, cut, (1, Kept { first: 0, count: 1 }));
        } else if self.planar {
            let per_plane = self.pieces_across() as usize * self.pieces_down() as usize;
            let planes: Result<Vec<_>, _> = (0..usize::from(self.stored_channels))
                .map(|plane| self.read_raw(source, plane * per_plane + index, stored, 1))
                .collect();
            interleave(&planes?, usize::from(self.bits).div_ceil(8))
        } else {
            self.read_raw(source, index, stored, self.stored_channels)?
        };
        let count = usize::from(match self.photometric {
            Photometric::Palette => 1,
            Photometric::Cmyk => 4,
            _ => self.channels(),
        });
        let kept = Kept { first: usize::from(self.shown), count };
        self.finish(raw, stored, cut, (usize::from(self.stored_channels), kept))
    }

    fn blank(&self, cut: SizePx) -> PixelBuffer {
        let count = usize::try_from(cut.area() * u64::from(self.channels())).unwrap_or(0);
        let samples = match (self.bits, self.signed) {
            _ if self.is_real() => Samples::F64(vec![0.0; count]),
            (_, true) => Samples::I16(vec![0; count]),
            (9.., false) => Samples::U16(vec![if self.channels() == 1 { 0 } else { u16::MAX }; count]),
            _ => Samples::U8(vec![if self.channels() == 1 { 0 } else { u8::MAX }; count]),
        };
        PixelBuffer { size_px: cut, channels: self.channels(), samples }
    }

    /// The decompressed bytes of one piece: rows padded to whole bytes, 16-bit samples little-endian, predictor undone.
    fn read_raw(&self, source: &dyn ByteSource, index: usize, stored: SizePx, channels: u8) -> Result<Vec<u8>, Fault> {
        let missing = || Fault::damaged("a tile is missing from its list");
        let (offset, count) =
            (*self.offsets.get(index).ok_or_else(missing)?, *self.counts.get(index).ok_or_else(missing)?);
        let mut data = read_range(source, offset, count, "tile", limits::COMPRESSED_BYTES)?;
        let row = (stored.width as usize * usize::from(channels) * usize::from(self.bits)).div_ceil(8);
        let want = match self.units {
            Some((across, down)) => {
                let (across, down) = (usize::from(across), usize::from(down));
                let units = (stored.width as usize).div_ceil(across) * (stored.height as usize).div_ceil(down);
                units * (across * down + 2)
            }
            None => row * stored.height as usize,
        };
        if want as u64 > count.saturating_mul(self.compression.ratio()).saturating_add(4096) {
            return Err(Fault::damaged(format!("a tile of {want} bytes is said to be held by {count}")));
        }
        let expect = Expect { width: stored.width, height: stored.height, channels };
        if self.reversed {
            data.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
        }
        let mut out = match self.compression {
            Compression::None => data,
            Compression::PackBits => packbits::decode(&data, want),
            Compression::Deflate => inflate::zlib(&data, want)?,
            Compression::Lzw => inflate::lzw(&data, want)?,
            Compression::Zstd => zstd::decode(&data, want)?,
            Compression::WebP => return webp::decode(&data, expect),
            Compression::Jpeg => {
                let colour =
                    if self.photometric == Photometric::YCbCr { jpeg::Colour::YCbCr } else { jpeg::Colour::Rgb };
                if !self.tables.is_empty() {
                    data = jpeg::with_tables(&self.tables, &data);
                }
                if self.bits > 8 {
                    let words = jpeg_deep::decode(&data, expect, colour)?;
                    return Ok(words.into_iter().flat_map(u16::to_le_bytes).collect());
                }
                return jpeg::decode(&mut data, expect, colour);
            }
            Compression::Jpeg2000 { ycbcr } => return self.read_jpeg2000(&data, expect, ycbcr),
        };
        if out.len() < want {
            return Err(Fault::damaged(format!("a tile holds {} bytes instead of {want}", out.len())));
        }
        out.truncate(want);
        let each = usize::from(self.bits / 8);
        // The predictor of floating-point numbers has an order of bytes of its own.
        if matches!(self.bits, 16 | 24 | 32 | 64) && self.big_endian && self.predictor != Predictor::Float {
            out.chunks_exact_mut(each).for_each(<[u8]>::reverse);
        }
        undo_predictor(&mut out, row, usize::from(channels), each, self.predictor);
        if let Some((across, down)) = self.units {
            let size = (stored.width as usize, stored.height as usize);
            out = ycbcr_from_units(&out, size.0, size.1, (usize::from(across), usize::from(down)));
            crate::imaging::colour::rgb_from_ybr_full(&mut out);
        }
        Ok(out)
    }

    fn read_jpeg2000(&self, data: &[u8], expect: Expect, ycbcr: bool) -> Result<Vec<u8>, Fault> {
        let values = jpeg2000::decode(data, expect)?;
        if self.is_real() {
            return Err(Fault::unsupported(format!("{}-bit JPEG 2000 in TIFF", self.bits)));
        }
        if self.bits > 8 {
            let words = values.iter().map(|value| {
                if self.signed {
                    i16::try_from((*value).clamp(-0x8000, 0x7FFF)).unwrap_or(0).cast_unsigned()
                } else {
                    u16::try_from((*value).clamp(0, 0xFFFF)).unwrap_or(0)
                }
            });
            return Ok(words.flat_map(u16::to_le_bytes).collect());
        }
        if self.bits != 8 || self.signed {
            return Err(Fault::unsupported("JPEG 2000 of fewer than 8 bits, or of signed bytes, in TIFF"));
        }
        let mut out: Vec<u8> = values.iter().map(|value| u8::try_from((*value).clamp(0, 255)).unwrap_or(0)).collect();
        if ycbcr {
            crate::imaging::colour::rgb_from_ybr_full(&mut out);
        }
        Ok(out)
    }

    /// The codec gives words whatever the number of bits.
    fn is_unpacked(&self) -> bool {
        matches!(self.compression, Compression::Jpeg2000 { .. } | Compression::Jpeg)
    }

    /// Stored samples to the buffer handed out: cut, palette and extra channels resolved.
    fn finish(
        &self,
        raw: Vec<u8>,
        stored: SizePx,
        cut: SizePx,
        (from, channels): (usize, Kept),
    ) -> Result<PixelBuffer, Fault> {
        let width = stored.width as usize;
        let size = (cut.width as usize, cut.height as usize);
        let samples = if self.bits < 8 {
            let unpacked =
                unpack(&raw, width, stored.height as usize, self.bits, self.photometric != Photometric::Palette);
            Samples::U8(pick(unpacked, width, size, 1, &Kept { first: 0, count: 1 }))
        } else if self.bits == 8 {
            let picked = pick(raw, width, size, from, &channels);
            if self.signed {
                Samples::I16(picked.into_iter().map(|value| i16::from(value.cast_signed())).collect())
            } else {
                Samples::U8(picked)
            }
        } else if self.is_real() {
            let kind = if self.float {
                Kind::Float
            } else if self.signed {
                Kind::Signed
            } else {
                Kind::Unsigned
            };
            Samples::F64(pick(reals(&raw, usize::from(self.bits / 8), kind), width, size, from, &channels))
        } else {
            let words: Vec<u16> = if self.bits == 16 || self.is_unpacked() {
                raw.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair)).collect()
            } else {
                unpack_words(&raw, width * from, stored.height as usize, self.bits)
            };
            let picked = pick(words, width, size, from, &channels);
            if self.signed {
                Samples::I16(picked.into_iter().map(u16::cast_signed).collect())
            } else {
                Samples::U16(picked)
            }
        };
        let samples = match (samples, self.photometric) {
            (Samples::U8(indices), Photometric::Palette) => {
                let colour = |index: u8| self.palette.get(usize::from(index)).copied().unwrap_or_default();
                Samples::U8(indices.into_iter().flat_map(colour).collect())
            }
            (_, Photometric::Palette) => return Err(Fault::unsupported("TIFF with a 16-bit palette")),
            (Samples::U8(inks), Photometric::Cmyk) => Samples::U8(rgb_from_cmyk(&inks)),
            (Samples::U16(inks), Photometric::Cmyk) => Samples::U16(rgb_from_cmyk(&inks)),
            (samples, _) => samples,
        };
        let buffer = PixelBuffer { size_px: cut, channels: self.channels(), samples };
        if buffer.sample_count() == cut.area() * u64::from(self.channels()) {
            Ok(buffer)
        } else {
            Err(Fault::damaged("a tile decodes to another size than promised"))
        }
    }
}

/// The palette as 8-bit RGB (TIFF 6.0: 16-bit entries, all reds, then greens, then blues).
fn palette(source: &dyn ByteSource, dir: &Directory, bits: u8) -> Result<Vec<[u8; 3]>, Fault> {
    if bits > 8 {
        return Err(Fault::unsupported("TIFF with a 16-bit palette"));
    }
    let count = 1_usize << bits;
    let map = dir.numbers(source, tag::COLOR_MAP, 3 << 16)?;
    if map.len() < count * 3 {
        return Err(Fault::damaged("the TIFF palette is cut short"));
    }
    let high = |index: usize| map.get(index).map_or(0, |value| u8::try_from(value >> 8 & 0xFF).unwrap_or(0));
    Ok((0..count).map(|index| [high(index), high(count + index), high(2 * count + index)]).collect())
}

/// Pixels that share one pair of colours, across and down, where YCbCr is stored without a coding of its own (TIFF 6.0
/// section 21).
fn units(source: &dyn ByteSource, dir: &Directory, bits: u8) -> Result<(u8, u8), Fault> {
    if bits != 8 {
        return Err(Fault::unsupported(format!("{bits}-bit YCbCr in TIFF")));
    }
    if dir.number(source, tag::PLANAR_CONFIGURATION)? == Some(2) {
        return Err(Fault::unsupported("YCbCr in separate planes in TIFF"));
    }
    // libtiff's defaults, which are those of JFIF; what video equipment writes is not converted by guess.
    let is = |tag: u16, usual: &[f64]| {
        let own = dir.rationals(source, tag, usual.len() as u64);
        own.is_none_or(|own| own.len() == usual.len() && own.iter().zip(usual).all(|(a, b)| (a - b).abs() < 1e-3))
    };
    if !is(tag::YCBCR_COEFFICIENTS, &[0.299, 0.587, 0.114])
        || !is(tag::REFERENCE_BLACK_WHITE, &[0.0, 255.0, 128.0, 255.0, 128.0, 255.0])
    {
        return Err(Fault::unsupported("YCbCr with coefficients or a black and white of its own in TIFF"));
    }
    let side = |value: Option<&u64>| match value.copied().unwrap_or(2) {
        1 => Ok(1),
        2 => Ok(2),
        4 => Ok(4),
        other => Err(Fault::damaged(format!("the TIFF says that {other} pixels share a colour"))),
    };
    let list = dir.numbers(source, tag::YCBCR_SUBSAMPLING, 2)?;
    Ok((side(list.first())?, side(list.get(1))?))
}

/// How many of a grey page's channels are grey values: all but those that ExtraSamples calls transparency.
fn greys(source: &dyn ByteSource, dir: &Directory, photometric: Photometric, channels: u8) -> Result<u8, Fault> {
    if !matches!(photometric, Photometric::WhiteIsZero | Photometric::BlackIsZero) {
        return Ok(1);
    }
    let extra = dir.numbers(source, tag::EXTRA_SAMPLES, 64)?;
    let alpha = u8::try_from(extra.iter().filter(|kind| matches!(kind, 1 | 2)).count()).unwrap_or(0);
    Ok(channels.saturating_sub(alpha).max(1))
}
