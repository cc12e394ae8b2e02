//! Lossless Huffman JPEG (process 14, with or without selection value 1), by jpeg-decoder.

use jpeg_decoder::{ColorTransform, Decoder, PixelFormat};

use super::{Expect, jpeg};
use crate::imaging::{fault::Fault, limits};

/// Decodes to interleaved little-endian samples; the second value is the number of bytes a sample takes (1 or 2).
///
/// # Errors
/// `Damaged` when the data do not fit `expect` or are broken.
pub fn decode(data: &[u8], expect: Expect) -> Result<(Vec<u8>, usize), Fault> {
    let header = jpeg::header(data)?;
    expect.check(header.width, header.height, header.components)?;
    Fault::check_size("the JPEG image", expect.samples() * 2, limits::FRAME_BYTES)?;
    // Huffman codes are at least one bit a sample.
    if expect.samples() / 16 > data.len() as u64 {
        return Err(Fault::damaged("the JPEG data are far too short for the promised size"));
    }
    let mut decoder = Decoder::new(data);
    decoder.set_color_transform(ColorTransform::None);
    decoder.set_max_decoding_buffer_size(usize::try_from(limits::FRAME_BYTES).unwrap_or(usize::MAX));
    let out = decoder.decode().map_err(|error| Fault::damaged(format!("the JPEG data are broken: {error}")))?;
    let info = decoder.info().ok_or_else(|| Fault::damaged("the JPEG data have no frame header"))?;
    let each = if info.pixel_format == PixelFormat::L16 { 2 } else { 1 };
    if out.len() as u64 != expect.samples() * each as u64 {
        return Err(Fault::damaged("the JPEG data gave another number of samples than promised"));
    }
    if each == 2 {
        let swapped = out.chunks_exact(2).flat_map(|pair| match *pair {
            [a, b] => u16::from_ne_bytes([a, b]).to_le_bytes(),
            _ => [0, 0],
        });
        return Ok((swapped.collect(), 2));
    }
    Ok((out, each))
}
