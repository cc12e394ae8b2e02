//! WebP (RFC 9649), lossy and lossless, by image-webp.

use std::io::Cursor;

use image_webp::WebPDecoder;

use super::Expect;
use crate::imaging::{fault::Fault, limits};

/// What a WebP file says of itself.
pub struct Header {
    pub width: u32,
    pub height: u32,
    pub alpha: bool,
    pub lossy: bool,
    /// More than one in an animation.
    pub frames: u32,
    pub icc: Option<Vec<u8>>,
    pub exif: Option<Vec<u8>>,
}

/// Reads a WebP file's chunks without decoding its pixels.
///
/// # Errors
/// `Damaged` when the data are no WebP.
pub fn header(data: &[u8]) -> Result<Header, Fault> {
    let broken = |error: image_webp::DecodingError| Fault::damaged(format!("the WebP data are broken: {error}"));
    let mut decoder = WebPDecoder::new(Cursor::new(data)).map_err(broken)?;
    let (width, height) = decoder.dimensions();
    Ok(Header {
        width,
        height,
        alpha: decoder.has_alpha(),
        lossy: decoder.is_lossy(),
        frames: if decoder.is_animated() { decoder.num_frames() } else { 1 },
        // Neither may keep anybody from the pixels.
        icc: decoder.icc_profile().ok().flatten(),
        exif: decoder.exif_metadata().ok().flatten(),
    })
}

/// Decodes to interleaved 8-bit RGB or RGBA, as `expect` says. The coding leaves an opaque alpha channel away, and may
/// keep one that the container does not count.
///
/// # Errors
/// `Damaged` when the data do not fit `expect` or are broken; `Unsupported` for other than 3 or 4 channels.
pub fn decode(data: &[u8], expect: Expect) -> Result<Vec<u8>, Fault> {
    let broken = |error: &dyn std::fmt::Display| Fault::damaged(format!("the WebP data are broken: {error}"));
    if !matches!(expect.channels, 3 | 4) {
        return Err(Fault::unsupported(format!("WebP as {} channel(s)", expect.channels)));
    }
    Fault::check_size("the WebP image", expect.samples(), limits::FRAME_BYTES)?;
    let mut decoder = WebPDecoder::new(Cursor::new(data)).map_err(|error| broken(&error))?;
    let (width, height) = decoder.dimensions();
    expect.check(width, height, expect.channels)?;
    decoder.set_memory_limit(usize::try_from(limits::FRAME_BYTES).unwrap_or(usize::MAX));
    let held: u8 = if decoder.has_alpha() { 4 } else { 3 };
    let size = decoder.output_buffer_size().ok_or_else(|| Fault::damaged("the WebP image is too large"))?;
    let mut out = vec![0; size];
    decoder.read_image(&mut out).map_err(|error| broken(&error))?;
    Ok(match (held, expect.channels) {
        (4, 3) => out.as_chunks::<4>().0.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect(),
        (3, 4) => out.as_chunks::<3>().0.iter().flat_map(|&[r, g, b]| [r, g, b, u8::MAX]).collect(),
        _ => out,
    })
}
