//! JPEG 2000 photographs: JP2 files and bare codestreams to grey, RGB or RGBA, by OpenJPEG.
//!
//! The codestream holds components of any depth and sampling; what they mean stands in the boxes around it (ISO/IEC
//! 15444-1 annex I), whose colour profile, palette and channel order OpenJPEG applies.

use jpeg2k::{ColorSpace, DecodeParameters, Image, ImageComponent};

use super::{PixelBuffer, Samples, codec::jpeg2000::declared_size, colour, fault::Fault, limits};
use crate::domain::SizePx;

/// What the boxes and the size marker say.
pub struct Header {
    pub format: &'static str,
    pub size_px: SizePx,
    pub channels: u8,
    /// Of the samples handed out: 8, or more for deep pictures.
    pub bits: u8,
    pub signed: bool,
    pub model: &'static str,
    pub icc: Option<Vec<u8>>,
}

/// Decodes once, since only the decoder knows what a palette and a channel definition make of the components.
///
/// # Errors
/// `Damaged` or `Unsupported`.
pub fn header(data: &[u8]) -> Result<Header, Fault> {
    let image = open(data)?;
    let shape = Shape::of(&image)?;
    let bits = if shape.deep && shape.channels == 1 {
        shape.bits
    } else if shape.deep {
        16
    } else {
        8
    };
    Ok(Header {
        format: if data.starts_with(&[0xFF, 0x4F]) { "JPEG 2000 codestream" } else { "JP2" },
        size_px: SizePx::new(shape.width, shape.height),
        channels: shape.channels,
        bits,
        signed: shape.signed,
        model: shape.model,
        icc: profile(data),
    })
}

/// Grey as stored, colour as RGB or RGBA; depths other than 8 bits are stretched to 8 or 16 in colour.
///
/// # Errors
/// `Damaged` or `Unsupported`.
pub fn decode(data: &[u8]) -> Result<PixelBuffer, Fault> {
    let image = open(data)?;
    let shape = Shape::of(&image)?;
    let planes: Vec<Vec<i32>> =
        image.components().iter().take(usize::from(shape.used)).map(|plane| shape.full(plane)).collect();
    let size_px = SizePx::new(shape.width, shape.height);
    let kept = planes.get(..usize::from(shape.channels)).unwrap_or_default();
    let area = usize::try_from(size_px.area()).unwrap_or(0);
    if let ([plane], true) = (kept, shape.deep) {
        let samples = if shape.signed {
            Samples::I16(plane.iter().map(|v| i16::try_from(*v).unwrap_or(0)).collect())
        } else {
            Samples::U16(plane.iter().map(|v| u16::try_from(*v).unwrap_or(0)).collect())
        };
        return Ok(PixelBuffer { size_px, channels: 1, samples });
    }
    let top = if shape.deep { 65_535_u64 } else { 255 };
    let lowest = if shape.signed { -(1_i64 << (shape.bits - 1)) } else { 0 };
    let range = (1_u64 << shape.bits) - 1;
    let stretched =
        (0..area).flat_map(|at| kept.iter().map(move |plane| plane.get(at).copied().unwrap_or(0))).map(|v| {
            let from_zero = u64::try_from(i64::from(v) - lowest).unwrap_or(0).min(range);
            if range == top { from_zero } else { (from_zero * top + range / 2) / range }
        });
    let samples = if shape.deep {
        Samples::U16(stretched.map(|v| u16::try_from(v).unwrap_or(u16::MAX)).collect())
    } else {
        let mut bytes: Vec<u8> = stretched.map(|v| u8::try_from(v).unwrap_or(u8::MAX)).collect();
        if shape.model == "sYCC" {
            colour::rgb_from_ybr_full(&mut bytes);
        }
        Samples::U8(bytes)
    };
    Ok(PixelBuffer { size_px, channels: shape.channels, samples })
}

fn open(data: &[u8]) -> Result<Image, Fault> {
    let (width, height, components) = declared_size(data)?;
    let samples = u64::from(width).saturating_mul(u64::from(height)).saturating_mul(u64::from(components));
    Fault::check_size("the JPEG 2000 image", samples.saturating_mul(4), limits::FRAME_BYTES)?;
    Image::from_bytes_with(data, DecodeParameters::new().strict(true))
        .map_err(|error| Fault::damaged(format!("the JPEG 2000 data are broken: {error}")))
}

struct Shape {
    width: u32,
    height: u32,
    bits: u8,
    deep: bool,
    signed: bool,
    channels: u8,
    /// Components that carry colour and opacity.
    used: u8,
    model: &'static str,
}

impl Shape {
    fn of(image: &Image) -> Result<Self, Fault> {
        let planes = image.components();
        let first = planes.first().ok_or_else(|| Fault::damaged("the JPEG 2000 data hold no component"))?;
        let bits = first.precision();
        if !(1..=16).contains(&bits) {
            return Err(Fault::unsupported(format!("JPEG 2000 of {bits} bits a sample")));
        }
        if planes.iter().any(|plane| plane.precision() != bits || plane.is_signed() != first.is_signed()) {
            return Err(Fault::unsupported("JPEG 2000 whose channels differ in depth"));
        }
        let alpha = planes.last().is_some_and(ImageComponent::is_alpha);
        let (channels, model) = match (planes.len(), image.color_space()) {
            (1 | 2, _) => (1, "grey"),
            (3, ColorSpace::SYCC | ColorSpace::EYCC) if bits == 8 => (3, "sYCC"),
            (3 | 4, ColorSpace::SYCC | ColorSpace::EYCC) => return Err(Fault::unsupported("deep sYCC JPEG 2000")),
            (4.., ColorSpace::CMYK) => return Err(Fault::unsupported("CMYK JPEG 2000")),
            // Subsampled chroma without a word about colour can only be YCbCr.
            (3, _) if planes.iter().any(|plane| plane.width() != first.width()) && bits == 8 => (3, "sYCC"),
            (3, _) => (3, "RGB"),
            (4, ColorSpace::SRGB) => (4, "RGB"),
            (4, _) if alpha => (4, "RGB"),
            (count, _) => return Err(Fault::unsupported(format!("JPEG 2000 of {count} channels"))),
        };
        Ok(Self {
            width: first.width(),
            height: first.height(),
            bits: u8::try_from(bits).unwrap_or(8),
            deep: bits > 8,
            signed: first.is_signed(),
            channels,
            used: channels,
            model,
        })
    }

    /// A component at the size of the first one; a coarser one is repeated, as the reference viewer does.
    fn full(&self, plane: &ImageComponent) -> Vec<i32> {
        let (w, h) = (plane.width() as usize, plane.height() as usize);
        if (plane.width(), plane.height()) == (self.width, self.height) || w == 0 || h == 0 {
            return plane.data().to_vec();
        }
        let (dx, dy) = ((self.width as usize).div_ceil(w), (self.height as usize).div_ceil(h));
        let data = plane.data();
        (0..self.height as usize)
            .flat_map(|y| (0..self.width as usize).map(move |x| (x, y)))
            .map(|(x, y)| data.get((y / dy).min(h - 1) * w + (x / dx).min(w - 1)).copied().unwrap_or(0))
            .collect()
    }
}

/// The profile of the first colour specification box that has one (I.5.3.3, methods 2 and 3).
fn profile(data: &[u8]) -> Option<Vec<u8>> {
    // The header boxes stand before the codestream.
    let end = data.windows(4).position(|bytes| bytes == b"jp2c").unwrap_or(data.len());
    let head = data.get(..end)?;
    let at = head.windows(4).position(|bytes| bytes == b"colr")?;
    let length = head.get(at.checked_sub(4)?..at)?.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
    let body = head.get(at + 4..at - 4 + length)?;
    matches!(body.first()?, 2 | 3).then(|| body.get(3..).unwrap_or_default().to_vec())
}
