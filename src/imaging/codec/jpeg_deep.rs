//! DCT JPEG of 12 bits a sample (ITU-T T.81 processes 4 and 12: sequential and progressive Huffman), which the 8-bit
//! decoder refuses. Samples are those of libjpeg's accurate integer transform and its smooth chroma.

mod coefficients;
mod transform;

use super::{
    Expect,
    jpeg::{self, Colour},
    jpeg_segments::{Component, Segments, Tables, components, cut, number, scan_header},
};
use crate::imaging::{fault::Fault, limits};
use coefficients::{Planes, Progress};

/// Decodes to interleaved 12-bit samples: 1 channel grey, 3 channels RGB.
///
/// # Errors
/// `Unsupported` for other than 12 bits, for arithmetic coding and for odd subsampling; `Damaged` when the data do not fit
/// `expect` or are broken.
pub fn decode(data: &[u8], expect: Expect, colour: Colour) -> Result<Vec<u16>, Fault> {
    let header = jpeg::header(data)?;
    if header.precision != 12 || !matches!(header.process, 1 | 2) {
        return Err(header.not_read());
    }
    expect.check(header.width, header.height, header.components)?;
    Fault::check_size("the JPEG image", expect.samples() * 4, limits::FRAME_BYTES)?;
    if expect.samples() / 8192 > data.len() as u64 {
        return Err(Fault::damaged("the JPEG data are far too short for the promised size"));
    }
    let (mut segments, mut tables) = (Segments::new(data), Tables::default());
    let (mut quantisers, mut restart) = ([[1_u16; 64]; 4], 0);
    let mut frame: Vec<Component> = Vec::new();
    let mut planes = None;
    while let Some((marker, body)) = segments.next()? {
        match marker {
            0xC1 | 0xC2 if planes.is_none() => {
                frame = components(body)?;
                planes = Some(Planes::new(expect, &frame)?);
            }
            0xC4 => tables.define(body)?,
            0xDB => quantiser_tables(body, &mut quantisers)?,
            0xDD => restart = number(body.get(..2).ok_or_else(cut)?),
            0xDA => {
                let planes = planes.as_mut().ok_or_else(cut)?;
                let (list, [first, last, approximation]) = scan_header(body, &frame)?;
                let progress = Progress {
                    progressive: header.process == 2,
                    first: usize::from(first),
                    last: usize::from(last),
                    high: u32::from(approximation >> 4),
                    low: u32::from(approximation & 15),
                };
                segments.at = planes.scan(data, segments.at, &list, &tables, restart, &progress)?;
            }
            _ => {}
        }
    }
    let planes = planes.ok_or_else(cut)?;
    let ycc = match (header.components, colour) {
        (3, Colour::YCbCr) => true,
        (3, Colour::AsMarked) => header.adobe_transform().map_or(!header.has_rgb_ids(), |transform| transform == 1),
        _ => false,
    };
    let decoded = planes.samples(&quantisers)?;
    Ok(join(&decoded, ycc))
}

fn quantiser_tables(mut body: &[u8], out: &mut [[u16; 64]; 4]) -> Result<(), Fault> {
    while let Some((&place, rest)) = body.split_first() {
        let wide = usize::from(place >> 4 != 0) + 1;
        let values = rest.get(..64 * wide).ok_or_else(cut)?;
        let table = out.get_mut(usize::from(place & 15)).ok_or_else(cut)?;
        for (value, natural) in values.chunks_exact(wide).zip(coefficients::NATURAL) {
            if let Some(entry) = table.get_mut(usize::from(natural)) {
                *entry = u16::try_from(number(value)).unwrap_or(u16::MAX);
            }
        }
        body = rest.get(64 * wide..).unwrap_or_default();
    }
    Ok(())
}

/// Full-size planes to interleaved samples; YCbCr to RGB in libjpeg's fixed point (ITU-T T.871 section 7).
fn join(planes: &[Vec<u16>], ycc: bool) -> Vec<u16> {
    if let [grey] = planes {
        return grey.clone();
    }
    let len = planes.first().map_or(0, Vec::len);
    let mut out = Vec::with_capacity(len * planes.len());
    for index in 0..len {
        let at = |plane: usize| planes.get(plane).and_then(|p| p.get(index)).copied().unwrap_or_default();
        if ycc {
            let (y, cb, cr) = (i32::from(at(0)), i32::from(at(1)) - 2048, i32::from(at(2)) - 2048);
            let half = 1 << 15;
            let red = y + ((91_881 * cr + half) >> 16);
            let green = y + ((-22_554 * cb - 46_802 * cr + half) >> 16);
            let blue = y + ((116_130 * cb + half) >> 16);
            out.extend([red, green, blue].map(|v| u16::try_from(v.clamp(0, 4095)).unwrap_or_default()));
        } else {
            out.extend((0..planes.len()).map(at));
        }
    }
    out
}
