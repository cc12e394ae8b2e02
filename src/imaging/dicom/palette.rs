//! Colour tables of palette images (PS3.3 C.7.6.3.1.5, C.7.6.3.1.6, segmented ones C.7.9.2).

use super::{dataset::Dataset, header::tag};
use crate::imaging::fault::Fault;

/// The palette as 8-bit RGB, and the stored value of its first entry.
///
/// # Errors
/// `Damaged` or `Unsupported` when a table is missing or cut short.
pub fn read(data: &Dataset<'_>) -> Result<(Vec<[u8; 3]>, i32), Fault> {
    let missing = || Fault::unsupported("DICOM with a missing palette");
    let mut out: Vec<[u8; 3]> = Vec::new();
    let mut first = 0;
    for channel in 0..3 {
        let (Some(descriptor), Some(table), Some(segments)) =
            (tag::PALETTE.get(channel), tag::PALETTE_DATA.get(channel), tag::PALETTE_SEGMENTS.get(channel))
        else {
            continue;
        };
        let &[count, start, bits] = data.words(*descriptor).as_slice() else { return Err(missing()) };
        first = i32::from(start.cast_signed());
        let count = if count == 0 { 1 << 16 } else { usize::from(count) };
        let entries = match data.bytes(*table) {
            Some(bytes) if bits == 16 || bytes.len() >= 2 * count => data.words(*table),
            Some(bytes) => bytes.iter().map(|byte| u16::from(*byte)).collect(),
            None => {
                let bytes = data.bytes(*segments).ok_or_else(missing)?;
                let units: Vec<u16> =
                    if bits == 8 { bytes.iter().map(|byte| u16::from(*byte)).collect() } else { data.words(*segments) };
                expand(&units, bits, count)?
            }
        };
        if entries.len() < count {
            return Err(Fault::damaged("its palette is cut short"));
        }
        // Some writers put 8-bit values into 16-bit words without scaling them.
        let wide = entries.iter().take(count).any(|entry| *entry > 0xFF);
        out.resize(out.len().max(count), [0; 3]);
        for (place, value) in out.iter_mut().zip(entries) {
            if let Some(place) = place.get_mut(channel) {
                *place = u8::try_from(if wide { value >> 8 } else { value }).unwrap_or(u8::MAX);
            }
        }
    }
    Ok((out, first))
}

/// Discrete, linear and indirect segments to entries.
fn expand(units: &[u16], bits: u16, count: usize) -> Result<Vec<u16>, Fault> {
    let broken = || Fault::damaged("its segmented palette is broken");
    let mut out: Vec<u16> = Vec::with_capacity(count.min(1 << 16));
    // What is still to be read, as ranges of the units with a number of segments; an indirect segment puts one on top.
    let mut work: Vec<(usize, Option<u32>)> = vec![(0, None)];
    while let Some((at, left)) = work.pop() {
        if left == Some(0) || (left.is_none() && at >= units.len()) || out.len() >= count {
            continue;
        }
        let unit = |index: usize| units.get(at + index).copied().ok_or_else(broken);
        // A byte of padding may stand at the end.
        let (Ok(opcode), Ok(length)) = (unit(0), unit(1)) else { continue };
        let steps = usize::from(length);
        let next = left.map(|left| left - 1);
        match opcode {
            0 => {
                out.extend_from_slice(units.get(at + 2..at + 2 + steps).ok_or_else(broken)?);
                work.push((at + 2 + steps, next));
            }
            1 => {
                let end = i64::from(unit(2)?);
                let start = i64::from(*out.last().ok_or_else(broken)?);
                let span = i64::from(length).max(1);
                let value = |step: i64| u16::try_from(start + (end - start) * step / span).unwrap_or(u16::MAX);
                out.extend((1..=i64::from(length)).map(value));
                work.push((at + 3, next));
            }
            2 => {
                if left.is_some() {
                    // Indirect segments must not nest (C.7.9.2.3).
                    return Err(broken());
                }
                let (offset, size) = if bits == 8 {
                    let bytes = [unit(2)?, unit(3)?, unit(4)?, unit(5)?];
                    (bytes.iter().rev().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte)), 6)
                } else {
                    (usize::from(unit(2)?) | usize::from(unit(3)?) << 16, 4)
                };
                work.push((at + size, next));
                work.push((offset, Some(u32::from(length))));
            }
            _ => return Err(broken()),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::expand;

    #[test]
    fn the_three_kinds_of_segments_give_their_entries() {
        // Discrete 0 10; linear of 4 steps to 50; again both, indirectly, from the start.
        let units = [0, 2, 0, 10, 1, 4, 50, 2, 2, 0, 0];
        let entries = expand(&units, 16, 12).unwrap();
        assert_eq!(entries, [0, 10, 20, 30, 40, 50, 0, 10, 20, 30, 40, 50]);
        assert!(expand(&[9, 1, 0], 16, 4).is_err());
        assert!(expand(&[1, 4, 50], 16, 4).is_err());
        assert!(expand(&[0, 9, 50], 16, 4).is_err());
    }

    #[test]
    fn offsets_of_eight_bit_tables_take_four_bytes() {
        assert_eq!(expand(&[0, 2, 7, 9, 2, 1, 0, 0, 0, 0], 8, 4).unwrap(), [7, 9, 7, 9]);
    }
}
