//! 8-bit DCT JPEG (baseline, extended, progressive), by zune-jpeg.
//!
//! Who knows the colour model differs by container: a photograph says it in its own markers, a TIFF in the photometric
//! tag, a DICOM file in the Photometric Interpretation. The decoder only trusts the markers, so [`Colour`] rewrites the
//! Adobe marker in the copy that is decoded.

use zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};
use zune_jpeg::JpegDecoder;

use super::Expect;
use crate::imaging::{fault::Fault, limits};

/// What the three components mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// As the JPEG's own markers say.
    AsMarked,
    /// YCbCr, to be converted to RGB.
    YCbCr,
    /// Already RGB, whatever the markers say.
    Rgb,
}

/// What the frame header (SOF) and the Adobe marker say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    pub width: u32,
    pub height: u32,
    pub components: u8,
    pub precision: u8,
    /// The low byte of the SOF marker: 0 baseline, 1 extended, 2 progressive, 3 lossless …
    pub process: u8,
    /// Where the Adobe marker stands, and its colour transform.
    adobe: Option<(usize, Option<u8>)>,
    /// Component ids are the letters R, G, B.
    rgb_ids: bool,
    /// A JFIF marker, which promises YCbCr (ITU-T T.871).
    pub jfif: bool,
}

impl Header {
    pub fn is_dct_8bit(&self) -> bool {
        self.process <= 2 && self.precision == 8
    }

    /// What to say of a process that is not read.
    pub fn not_read(&self) -> Fault {
        Fault::unsupported(match self.process {
            0..=2 => format!("{}-bit JPEG is not read yet", self.precision),
            3 => "lossless JPEG outside DICOM is not read".to_owned(),
            5..=7 | 13..=15 => "hierarchical JPEG is not read".to_owned(),
            9..=11 => "JPEG with arithmetic coding is not read".to_owned(),
            other => format!("JPEG process {other} is not read"),
        })
    }

    /// Component ids are the letters R, G, B, which is how some writers say RGB.
    pub fn has_rgb_ids(&self) -> bool {
        self.rgb_ids
    }

    /// What the components mean, for `inspect`.
    pub fn model(&self) -> &'static str {
        match (self.components, self.adobe_transform()) {
            (1, _) => "grey",
            (4, Some(2)) => "YCCK",
            (4, _) => "CMYK",
            (_, Some(0)) => "RGB",
            _ if self.rgb_ids => "RGB",
            _ => "YCbCr",
        }
    }

    pub fn process_name(&self) -> &'static str {
        match self.process {
            0 => "JPEG baseline",
            1 => "JPEG extended",
            2 => "JPEG progressive",
            3 => "JPEG lossless",
            9..=11 => "JPEG arithmetic",
            _ => "JPEG",
        }
    }

    /// The Adobe transform: 0 none, 1 YCbCr, 2 YCCK.
    pub fn adobe_transform(&self) -> Option<u8> {
        self.adobe.and_then(|(_, transform)| transform)
    }
}

/// Reads the markers up to the first scan.
///
/// # Errors
/// `Damaged` when there is no JPEG frame header.
pub fn header(data: &[u8]) -> Result<Header, Fault> {
    let cut = || Fault::damaged("the JPEG data are cut short");
    if data.get(..2) != Some(&[0xFF, 0xD8]) {
        return Err(Fault::damaged("the compressed data are no JPEG"));
    }
    let mut header = Header::default();
    let mut at = 2;
    loop {
        let marker = *data.get(at + 1).ok_or_else(cut)?;
        if data.get(at) != Some(&0xFF) || marker == 0xFF {
            at += 1;
            continue;
        }
        if matches!(marker, 0x00 | 0x01 | 0xD0..=0xD8) {
            at += 2;
            continue;
        }
        let length = data.get(at + 2..at + 4).ok_or_else(cut)?;
        let length = length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        let body = data.get(at + 4..at + 2 + length.max(2)).ok_or_else(cut)?;
        match marker {
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                let &[precision, h1, h0, w1, w0, components, ..] = body else { return Err(cut()) };
                header.precision = precision;
                header.height = u32::from(u16::from_be_bytes([h1, h0]));
                header.width = u32::from(u16::from_be_bytes([w1, w0]));
                header.components = components;
                header.process = marker & 0x0F;
                let ids = body.get(6..).unwrap_or_default().iter().step_by(3);
                header.rgb_ids = components == 3 && ids.take(3).eq(b"RGB");
            }
            0xE0 => header.jfif |= body.starts_with(b"JFIF\0"),
            0xEE => header.adobe = Some((at, body.get(11).copied().filter(|_| body.starts_with(b"Adobe")))),
            0xDA | 0xD9 => break,
            _ => {}
        }
        at += 2 + length.max(2);
    }
    if header.width == 0 || header.height == 0 || header.components == 0 {
        return Err(Fault::damaged("the JPEG data have no frame header"));
    }
    Ok(header)
}

/// The EXIF block (a TIFF file of its own), when there is one.
pub fn exif(data: &[u8]) -> Option<&[u8]> {
    let head = data.get(..data.len().min(1 << 17))?;
    let at = head.windows(6).position(|bytes| bytes == b"Exif\0\0")?;
    head.get(at + 6..)
}

/// Decodes to interleaved 8-bit samples: 1 channel grey, 3 channels RGB. `data` may be changed.
///
/// # Errors
/// `Unsupported` for 12-bit and arithmetic JPEG, `Damaged` when the data do not fit `expect` or are broken.
pub fn decode(data: &mut [u8], expect: Expect, colour: Colour) -> Result<Vec<u8>, Fault> {
    let header = header(data)?;
    if !header.is_dct_8bit() {
        return Err(header.not_read());
    }
    let channels = if header.components == 4 { 3 } else { header.components };
    expect.check(header.width, header.height, channels)?;
    Fault::check_size("the JPEG image", expect.samples(), limits::FRAME_BYTES)?;
    // A coded block of 64 samples takes at least two bits, in a progressive file a run of empty blocks a little less.
    if expect.samples() / 8192 > data.len() as u64 {
        return Err(Fault::damaged("the JPEG data are far too short for the promised size"));
    }
    let mut raw = colour == Colour::Rgb;
    if let (3, Some((at, transform))) = (header.components, header.adobe) {
        // Colour is settled here, and the decoder takes transform 0 of three channels for CMYK and refuses short markers:
        // it gets to see a marker without meaning instead.
        raw |= colour == Colour::AsMarked && transform == Some(0);
        if let Some(byte) = data.get_mut(at + 1) {
            *byte = 0xEF;
        }
    }
    let out = match channels {
        1 => ColorSpace::Luma,
        // "YCbCr in, YCbCr out" is how the decoder is told to leave samples alone.
        _ if raw && header.components == 3 && !header.rgb_ids => ColorSpace::YCbCr,
        _ => ColorSpace::RGB,
    };
    run(data, expect, out)
}

fn run(data: &[u8], expect: Expect, out: ColorSpace) -> Result<Vec<u8>, Fault> {
    let options = DecoderOptions::default()
        .jpeg_set_out_colorspace(out)
        .set_max_width(expect.width as usize)
        .set_max_height(expect.height as usize)
        .set_strict_mode(false);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(data), options);
    let samples = decoder.decode().map_err(|error| Fault::damaged(format!("the JPEG data are broken: {error:?}")))?;
    if samples.len() as u64 != expect.samples() {
        return Err(Fault::damaged(format!(
            "the JPEG data gave {} samples instead of {}",
            samples.len(),
            expect.samples()
        )));
    }
    Ok(samples)
}

/// An abbreviated JPEG completed with the tables stored elsewhere (TIFF `JPEGTables`): tables first, both without the
/// marker where they meet.
pub fn with_tables(tables: &[u8], data: &[u8]) -> Vec<u8> {
    let tables = tables.strip_suffix(&[0xFF, 0xD9]).unwrap_or(tables);
    let data = if tables.is_empty() { data } else { data.strip_prefix(&[0xFF, 0xD8]).unwrap_or(data) };
    [tables, data].concat()
}
