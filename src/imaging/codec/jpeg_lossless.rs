//! Lossless Huffman JPEG (ITU-T T.81 annex H: process 14 with every predictor), 2 to 16 bits a sample.

use super::{
    Expect,
    huffman::{Bits, Table},
    jpeg,
    jpeg_segments::{Component, Segments, Tables, components, cut, number, scan_header},
};
use crate::imaging::{fault::Fault, limits};

/// Decodes to interleaved samples.
///
/// # Errors
/// `Damaged` when the data do not fit `expect` or are broken; `Unsupported` for subsampled components.
pub fn decode(data: &[u8], expect: Expect) -> Result<Vec<u16>, Fault> {
    let header = jpeg::header(data)?;
    expect.check(header.width, header.height, header.components)?;
    Fault::check_size("the JPEG image", expect.samples() * 2, limits::FRAME_BYTES)?;
    // Huffman codes are at least one bit a sample.
    if expect.samples() / 16 > data.len() as u64 {
        return Err(Fault::damaged("the JPEG data are far too short for the promised size"));
    }
    if !(2..=16).contains(&header.precision) {
        return Err(Fault::damaged(format!("the JPEG data promise {} bits a sample", header.precision)));
    }
    let samples = usize::try_from(expect.samples()).map_err(|_| Fault::damaged("too large"))?;
    let mut out = vec![0; samples];
    let (mut segments, mut tables) = (Segments::new(data), Tables::default());
    let (mut frame, mut restart, mut seen): (Vec<Component>, usize, usize) = (Vec::new(), 0, 0);
    while let Some((marker, body)) = segments.next()? {
        match marker {
            0xC3 => frame = components(body)?,
            0xC4 => tables.define(body)?,
            0xDD => restart = number(body.get(..2).ok_or_else(cut)?),
            0xDA => {
                if frame.iter().any(|component| (component.across, component.down) != (1, 1)) && frame.len() > 1 {
                    return Err(Fault::unsupported("lossless JPEG with subsampled channels"));
                }
                let (list, [predictor, _, approximation]) = scan_header(body, &frame)?;
                let shift = u32::from(approximation & 15);
                if !(1..=7).contains(&predictor) || shift >= u32::from(header.precision) {
                    return Err(Fault::damaged("a scan of the JPEG data names no lossless predictor"));
                }
                let none = || Fault::damaged("a scan of the JPEG data names a table that is not there");
                let channels: Result<Vec<(usize, &Table)>, Fault> = list
                    .iter()
                    .map(|(index, dc, _)| Ok((*index, tables.dc.get(*dc).and_then(Option::as_ref).ok_or_else(none)?)))
                    .collect();
                let scan = Scan {
                    width: expect.width as usize,
                    stride: usize::from(expect.channels),
                    first: 1 << (u32::from(header.precision) - shift - 1),
                    shift,
                    restart,
                };
                let mut bits = Bits::new(data, segments.at);
                scan.decode(predictor, &channels?, &mut bits, &mut out)?;
                if bits.overran() {
                    return Err(cut());
                }
                seen += list.len();
                segments.at = bits.end();
                if seen >= frame.len() {
                    break;
                }
            }
            _ => {}
        }
    }
    if seen < usize::from(expect.channels) {
        return Err(Fault::damaged("the JPEG data lack a scan"));
    }
    Ok(out)
}

struct Scan {
    width: usize,
    /// Samples from one pixel to the next.
    stride: usize,
    /// What the first sample is predicted from: half the range.
    first: i32,
    /// Bits that the point transform took away.
    shift: u32,
    /// Pixels between restart markers, 0 without.
    restart: usize,
}

/// Predictors of table H.1 from left, above, above left.
#[inline]
fn predict<const PREDICTOR: u8>(a: i32, b: i32, c: i32) -> i32 {
    match PREDICTOR {
        1 => a,
        2 => b,
        3 => c,
        4 => a + b - c,
        5 => a + ((b - c) >> 1),
        6 => b + ((a - c) >> 1),
        _ => (a + b) >> 1,
    }
}

impl Scan {
    fn decode(
        &self,
        predictor: u8,
        channels: &[(usize, &Table)],
        bits: &mut Bits<'_>,
        out: &mut [u16],
    ) -> Result<(), Fault> {
        match predictor {
            1 => self.rows::<1>(channels, bits, out),
            2 => self.rows::<2>(channels, bits, out),
            3 => self.rows::<3>(channels, bits, out),
            4 => self.rows::<4>(channels, bits, out),
            5 => self.rows::<5>(channels, bits, out),
            6 => self.rows::<6>(channels, bits, out),
            _ => self.rows::<7>(channels, bits, out),
        }
    }

    fn rows<const PREDICTOR: u8>(
        &self,
        channels: &[(usize, &Table)],
        bits: &mut Bits<'_>,
        out: &mut [u16],
    ) -> Result<(), Fault> {
        let line = self.width * self.stride;
        if line == 0 || !self.restart.is_multiple_of(self.width) {
            return Err(Fault::unsupported("lossless JPEG with restarts within a line"));
        }
        let lines_each = self.restart / self.width;
        for index in 0..out.len() / line {
            let fresh = index == 0 || (lines_each > 0 && index.is_multiple_of(lines_each));
            if fresh && index > 0 {
                bits.restart()?;
            }
            let (done, rest) = out.split_at_mut(index * line);
            let row = rest.get_mut(..line).unwrap_or_default();
            let above = if fresh { &[] } else { done.get(done.len() - line..).unwrap_or_default() };
            match channels {
                [(0, table)] if self.stride == 1 && self.shift == 0 => {
                    grey_line::<PREDICTOR>(table, bits, self.first, above, row)?;
                }
                _ => self.line::<PREDICTOR>(channels, bits, above, row)?,
            }
            if bits.overran() {
                return Err(cut());
            }
        }
        Ok(())
    }

    /// A line of any number of channels, point transform included.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "arithmetic modulo 2^16 is the standard's"
    )]
    fn line<const PREDICTOR: u8>(
        &self,
        channels: &[(usize, &Table)],
        bits: &mut Bits<'_>,
        above: &[u16],
        row: &mut [u16],
    ) -> Result<(), Fault> {
        let stride = self.stride;
        let at = |values: &[u16], index: usize| i32::from(values.get(index).copied().unwrap_or_default() >> self.shift);
        for pixel in 0..self.width {
            for (channel, table) in channels {
                let place = pixel * stride + channel;
                let prediction = match (pixel, above.is_empty()) {
                    (0, true) => self.first,
                    (0, false) => at(above, place),
                    (_, true) => at(row, place - stride),
                    _ => predict::<PREDICTOR>(at(row, place - stride), at(above, place), at(above, place - stride)),
                };
                let value = prediction + table.difference(bits)?;
                if let Some(sample) = row.get_mut(place) {
                    *sample = (value as u16) << self.shift;
                }
            }
        }
        Ok(())
    }
}

/// The usual case without a branch too many: one channel, no point transform.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "arithmetic modulo 2^16 is the standard's")]
fn grey_line<const PREDICTOR: u8>(
    table: &Table,
    bits: &mut Bits<'_>,
    first: i32,
    above: &[u16],
    row: &mut [u16],
) -> Result<(), Fault> {
    let Some((start, rest)) = row.split_first_mut() else { return Ok(()) };
    let mut left = above.first().map_or(first, |value| i32::from(*value)) + table.difference(bits)?;
    *start = left as u16;
    left = i32::from(*start);
    if PREDICTOR == 1 || above.is_empty() {
        for sample in rest {
            *sample = (left + table.difference(bits)?) as u16;
            left = i32::from(*sample);
        }
        return Ok(());
    }
    let mut corner = above.first().map_or(0, |value| i32::from(*value));
    for (sample, up) in rest.iter_mut().zip(above.iter().skip(1)) {
        let up = i32::from(*up);
        *sample = (predict::<PREDICTOR>(left, up, corner) + table.difference(bits)?) as u16;
        left = i32::from(*sample);
        corner = up;
    }
    Ok(())
}
