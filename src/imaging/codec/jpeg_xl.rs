//! JPEG XL (ISO/IEC 18181), lossless and lossy, by jxl-oxide.

use jxl_oxide::{AllocTracker, JxlImage};

use super::Expect;
use crate::imaging::{fault::Fault, limits};

/// Decodes to interleaved samples of the codestream's own depth, up to 16 bits; alpha is left out.
///
/// # Errors
/// `Damaged` when the data do not fit `expect` or are broken; `Unsupported` for more than 16 bits.
pub fn decode(data: &[u8], expect: Expect) -> Result<Vec<u16>, Fault> {
    let broken = |error: &dyn std::fmt::Display| Fault::damaged(format!("the JPEG XL data are broken: {error}"));
    // The decoder works in 32-bit planes, a few of them at a time.
    Fault::check_size("the JPEG XL image", expect.samples() * 4, limits::FRAME_BYTES)?;
    let most = usize::try_from(4 * limits::FRAME_BYTES).unwrap_or(usize::MAX);
    let image = JxlImage::builder()
        .pool(jxl_oxide::JxlThreadPool::none())
        .alloc_tracker(AllocTracker::with_limit(most))
        .read(data)
        .map_err(|error| broken(&error))?;
    let channels: u8 = if image.pixel_format().is_grayscale() { 1 } else { 3 };
    expect.check(image.width(), image.height(), channels)?;
    let bits = image.image_header().metadata.bit_depth.bits_per_sample();
    if bits > 16 {
        return Err(Fault::unsupported(format!("JPEG XL of {bits} bits a sample")));
    }
    let render = image.render_frame(0).map_err(|error| broken(&error))?;
    let mut stream = render.stream_no_alpha();
    let count = usize::try_from(expect.samples()).map_err(|_| Fault::damaged("too large"))?;
    if stream.channels() != u32::from(channels) || (stream.width(), stream.height()) != (expect.width, expect.height) {
        return Err(Fault::unsupported("JPEG XL that is turned or has further channels"));
    }
    let mut real = vec![0.0_f32; count];
    if stream.write_to_buffer(&mut real) != count {
        return Err(Fault::damaged("the JPEG XL data gave another number of samples than promised"));
    }
    let white = f32::from(u16::MAX >> (16 - bits.max(1)));
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range of the samples")]
    let whole = |value: f32| (value.clamp(0.0, 1.0) * white + 0.5) as u16;
    Ok(real.into_iter().map(whole).collect())
}
