//! JPEG-LS (ITU-T T.87), lossless and near-lossless, 2 to 16 bits a sample, every interleave mode.

mod scan;

use super::{
    Expect,
    jpeg_segments::{Segments, components, cut, number, scan_header},
};
use crate::imaging::{fault::Fault, limits};
use scan::{Coding, Scan};

/// How the samples of several channels follow one another (T.87 C.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Interleave {
    /// A scan of its own for each channel.
    None,
    Line,
    Sample,
}

/// The preset parameters of an LSE segment (C.2.4.1.1); 0 is the default of each.
#[derive(Clone, Copy, Default)]
struct Preset {
    maxval: i32,
    thresholds: [i32; 3],
    reset: i32,
}

/// Decodes to interleaved samples.
///
/// # Errors
/// `Damaged` when the data do not fit `expect` or are broken; `Unsupported` for subsampling, mapping tables and restarts.
pub fn decode(data: &[u8], expect: Expect) -> Result<Vec<u16>, Fault> {
    if data.get(..2) != Some(&[0xFF, 0xD8]) {
        return Err(Fault::damaged("the compressed data are no JPEG-LS"));
    }
    let (mut segments, mut preset, mut frame, mut precision) = (Segments::new(data), Preset::default(), Vec::new(), 0);
    let (mut out, mut seen) = (Vec::new(), 0);
    while let Some((marker, body)) = segments.next()? {
        match marker {
            0xF7 => {
                let &[bits, h1, h0, w1, w0, channels, ..] = body else { return Err(cut()) };
                let (width, height) = (u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0]));
                expect.check(u32::from(width), u32::from(height), channels)?;
                Fault::check_size("the JPEG-LS image", expect.samples() * 2, limits::FRAME_BYTES)?;
                // A run of one bit covers at most 2^15 samples, and such runs are found only in blank images.
                if expect.samples() >> 15 > data.len() as u64 || !(2..=16).contains(&bits) {
                    return Err(Fault::damaged("the JPEG-LS data are far too short for the promised size"));
                }
                precision = u32::from(bits);
                frame = components(body)?;
                if frame.iter().any(|component| (component.across, component.down) != (1, 1)) && frame.len() > 1 {
                    return Err(Fault::unsupported("JPEG-LS with subsampled channels"));
                }
                out = vec![0; usize::try_from(expect.samples()).map_err(|_| Fault::damaged("too large"))?];
            }
            0xF8 => match body {
                [1, values @ ..] if values.len() >= 10 => {
                    let value = |at: usize| i32::try_from(number(values.get(at..at + 2).unwrap_or_default()));
                    let read = |at: usize| value(at).unwrap_or_default();
                    preset = Preset { maxval: read(0), thresholds: [read(2), read(4), read(6)], reset: read(8) };
                }
                [2 | 3, ..] => return Err(Fault::unsupported("JPEG-LS with a mapping table")),
                _ => return Err(Fault::unsupported("JPEG-LS of an extended size")),
            },
            0xDD if number(body.get(..2).ok_or_else(cut)?) > 0 => {
                return Err(Fault::unsupported("JPEG-LS with restarts"));
            }
            0xE8 if body.starts_with(b"mrfx") && body.get(4) != Some(&0) => {
                return Err(Fault::unsupported("JPEG-LS with a colour transform of its own"));
            }
            0xDA => {
                let (list, [near, mode, shift]) = scan_header(body, &frame)?;
                let interleave = match (list.len(), mode) {
                    (1, _) => Interleave::None,
                    (_, 1) => Interleave::Line,
                    (_, 2) => Interleave::Sample,
                    _ => return Err(Fault::damaged("a scan of the JPEG-LS data has no interleave mode")),
                };
                if shift & 15 != 0 {
                    return Err(Fault::unsupported("JPEG-LS with a point transform"));
                }
                if list.iter().any(|(_, table, rest)| (*table, *rest) != (0, 0)) {
                    return Err(Fault::unsupported("JPEG-LS with a mapping table"));
                }
                let coding = Coding::new(precision, i32::from(near), &preset)?;
                let channels: Vec<usize> = list.iter().map(|(index, ..)| *index).collect();
                let mut scan = Scan::new(data, segments.at, coding, expect.width as usize);
                match interleave {
                    Interleave::Sample => scan.by_sample(&channels, usize::from(expect.channels), &mut out)?,
                    _ => scan.by_line(&channels, usize::from(expect.channels), &mut out)?,
                }
                seen += channels.len();
                segments.at = scan.end();
                if seen >= frame.len() {
                    break;
                }
            }
            _ => {}
        }
    }
    if seen < usize::from(expect.channels) {
        return Err(Fault::damaged("the JPEG-LS data lack a scan"));
    }
    Ok(out)
}
