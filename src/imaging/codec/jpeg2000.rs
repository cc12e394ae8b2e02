//! JPEG 2000 (ISO/IEC 15444-1 codestreams and JP2 files), by `OpenJPEG`.

use jpeg2k::{DecodeParameters, Image, ImageComponent};

use super::Expect;
use crate::imaging::{fault::Fault, limits};

/// Decodes to interleaved samples as `OpenJPEG` gives them (colour transform inside the codestream undone, no other).
/// Channels that are stored smaller are enlarged by repeating their samples, as OpenSlide does.
///
/// # Errors
/// `Damaged` when the data do not fit `expect` or are broken.
pub fn decode(data: &[u8], expect: Expect) -> Result<Vec<i32>, Fault> {
    let (width, height, components) = declared_size(data)?;
    expect.check(width, height, u8::try_from(components).unwrap_or(u8::MAX))?;
    Fault::check_size("the JPEG 2000 image", expect.samples() * 4, limits::FRAME_BYTES)?;
    let broken = |error: jpeg2k::error::Error| Fault::damaged(format!("the JPEG 2000 data are broken: {error}"));
    let image = Image::from_bytes_with(data, DecodeParameters::new().strict(true)).map_err(broken)?;
    let planes = image.components();
    let area = usize::try_from(u64::from(width) * u64::from(height)).map_err(|_| Fault::damaged("too large"))?;
    if planes.len() != usize::from(expect.channels) {
        return Err(Fault::damaged("the JPEG 2000 data hold another number of channels than promised"));
    }
    let whole = |plane: &&ImageComponent| (plane.width(), plane.height()) == (width, height);
    for plane in planes {
        let held = u64::from(plane.width()) * u64::from(plane.height());
        let ratio = |full: u32, own: u32| own > 0 && full.div_ceil(own) <= 4 && own <= full;
        if plane.data().len() as u64 != held || !ratio(width, plane.width()) || !ratio(height, plane.height()) {
            return Err(Fault::unsupported("JPEG 2000 with channels of very different size"));
        }
    }
    if let [plane] = planes
        && whole(&plane)
    {
        return Ok(plane.data().to_vec());
    }
    let mut out = vec![0; area * planes.len()];
    if let [a, b, c] = planes
        && planes.iter().all(|plane| whole(&plane))
    {
        // What nearly every slide is; one pass instead of three takes a tenth off its decoding.
        let values = a.data().iter().zip(b.data()).zip(c.data());
        for (to, ((a, b), c)) in out.as_chunks_mut::<3>().0.iter_mut().zip(values) {
            *to = [*a, *b, *c];
        }
        return Ok(out);
    }
    for (channel, plane) in planes.iter().enumerate() {
        let places = out.iter_mut().skip(channel).step_by(planes.len());
        if whole(&plane) {
            for (to, from) in places.zip(plane.data()) {
                *to = *from;
            }
            continue;
        }
        // Sample i of a channel stands for the pixels i * d to (i + 1) * d - 1 (15444-1 B.2, image offset zero).
        let (across, down) = (width.div_ceil(plane.width()) as usize, height.div_ceil(plane.height()) as usize);
        let (width, stride) = (width as usize, plane.width() as usize);
        for (index, to) in places.enumerate() {
            let (x, y) = (index % width / across, index / width / down);
            *to = plane.data().get(y * stride + x).copied().unwrap_or(0);
        }
    }
    Ok(out)
}

/// Width, height and number of components from the SIZ marker (15444-1 A.5.1), so that a forged size never reaches the
/// decoder's allocator.
///
/// # Errors
/// `Damaged` when there is no such marker or it claims what the data cannot hold.
pub fn declared_size(data: &[u8]) -> Result<(u32, u32, u16), Fault> {
    let none = || Fault::damaged("the compressed data are no JPEG 2000");
    let start = if data.starts_with(&[0xFF, 0x4F, 0xFF, 0x51]) {
        0
    } else {
        // Inside a JP2 file the codestream follows some boxes; its first four bytes cannot occur by chance in them.
        let head = data.get(..data.len().min(1 << 16)).unwrap_or_default();
        head.windows(4).position(|bytes| bytes == [0xFF, 0x4F, 0xFF, 0x51]).ok_or_else(none)?
    };
    let siz = data.get(start + 4..start + 42).ok_or_else(none)?;
    let word = |at: usize| {
        let bytes = siz.get(at..at + 4).and_then(|b| <[u8; 4]>::try_from(b).ok());
        bytes.map(u32::from_be_bytes).ok_or_else(none)
    };
    let (x1, y1, x0, y0) = (word(4)?, word(8)?, word(12)?, word(16)?);
    let components = siz.get(36..38).map_or(0, |b| b.iter().fold(0, |sum, byte| sum << 8 | u16::from(*byte)));
    let (tile_w, tile_h) = (word(20)?, word(24)?);
    let (width, height) = (x1.saturating_sub(x0), y1.saturating_sub(y0));
    if width == 0 || height == 0 || components == 0 || tile_w == 0 || tile_h == 0 {
        return Err(none());
    }
    // OpenJPEG keeps a record per tile before it reads any of them.
    let tiles = u64::from(x1.div_ceil(tile_w)) * u64::from(y1.div_ceil(tile_h));
    if tiles > 65_535 || tiles > data.len() as u64 {
        return Err(Fault::damaged("the JPEG 2000 header claims more tiles than the data can hold"));
    }
    Ok((width, height, components))
}
