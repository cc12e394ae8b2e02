//! Encapsulated pixel data: which fragments are which frame (PS3.5 A.4).
//!
//! A slide has a hundred thousand frames in gigabytes. Where the file holds a table of offsets, only the table is read, and a
//! frame's fragments are looked up when the frame is wanted; else all fragments are walked once.

use std::collections::HashMap;

use crate::imaging::{
    bytes::{ByteSource, read_exact_at, read_range},
    fault::Fault,
    limits,
};

const ITEM: u32 = 0xFFFE_E000;
const SEQUENCE_END: u32 = 0xFFFE_E0DD;
const UNDEFINED: u32 = u32::MAX;
/// Tag and length of an item.
const HEAD: u64 = 8;

/// The frames of one instance.
pub enum FrameParts {
    /// The fragments of each frame as (offset, length).
    Walked(Vec<Vec<(u64, u64)>>),
    /// Where each frame's first fragment begins, from the end of the offset table.
    Table { origin: u64, starts: Vec<u64> },
}

fn cut() -> Fault {
    Fault::damaged("its compressed pixel data are cut short")
}

/// Tag and length of the item at `at`; `None` at the end of a file that lacks the end mark.
fn item(source: &dyn ByteSource, at: u64) -> Result<Option<(u32, u32)>, Fault> {
    if at == source.len() {
        return Ok(None);
    }
    let mut head = [0; 8];
    if source.len().checked_sub(at).is_none_or(|left| left < HEAD) {
        return Err(cut());
    }
    read_exact_at(source, at, &mut head)?;
    let [g0, g1, e0, e1, l0, l1, l2, l3] = head;
    let tag = u32::from(u16::from_le_bytes([g0, g1])) << 16 | u32::from(u16::from_le_bytes([e0, e1]));
    Ok(Some((tag, u32::from_le_bytes([l0, l1, l2, l3]))))
}

/// The fragment at `at` as (offset, length) of its bytes; `None` at the end of them all.
fn fragment(source: &dyn ByteSource, at: u64) -> Result<Option<(u64, u64)>, Fault> {
    match item(source, at)? {
        None | Some((SEQUENCE_END, _)) => Ok(None),
        Some((ITEM, len)) if len != UNDEFINED => {
            let begin = at + HEAD;
            let inside = begin.checked_add(u64::from(len)).is_some_and(|end| end <= source.len());
            if inside { Ok(Some((begin, u64::from(len)))) } else { Err(cut()) }
        }
        Some(_) => Err(Fault::damaged("its compressed pixel data hold something that is no item")),
    }
}

impl FrameParts {
    /// Finds the frames of the pixel data that begin at `start`. `extended` is the Extended Offset Table, empty where there
    /// is none.
    ///
    /// # Errors
    /// `Damaged` when the fragments are cut short or cannot be told apart into `count` frames.
    pub fn find(source: &dyn ByteSource, start: u64, count: u32, extended: &[u64]) -> Result<Self, Fault> {
        let (at, len) = fragment(source, start)?.ok_or_else(cut)?;
        let bytes = read_range(source, at, len, "offset table", 4 * limits::FRAMES)?;
        let basic = bytes.as_chunks::<4>().0.iter().map(|quad| u64::from(u32::from_le_bytes(*quad)));
        let table = if extended.len() == count as usize { extended.to_vec() } else { basic.collect() };
        let origin = at + len;
        if count > 1 && table.len() == count as usize && is_sound(source, origin, &table) {
            return Ok(Self::Table { origin, starts: table });
        }
        let (mut pieces, mut at) = (Vec::new(), origin);
        while let Some((begin, len)) = fragment(source, at)? {
            pieces.push((begin, len));
            at = begin + len;
        }
        Ok(Self::Walked(assign(source, &pieces, &table, count)?))
    }

    pub fn count(&self) -> usize {
        match self {
            Self::Walked(frames) => frames.len(),
            Self::Table { starts, .. } => starts.len(),
        }
    }

    /// The fragments of one frame as (offset, length).
    ///
    /// # Errors
    /// `OutOfRange`; `Damaged` when the table leads elsewhere.
    pub fn of(&self, source: &dyn ByteSource, frame: u32) -> Result<Vec<(u64, u64)>, Fault> {
        let none = Fault::OutOfRange { what: "frame", index: u64::from(frame), count: self.count() as u64 };
        let (origin, starts) = match self {
            Self::Walked(frames) => return frames.get(frame as usize).cloned().ok_or(none),
            Self::Table { origin, starts } => (*origin, starts),
        };
        let start = starts.get(frame as usize).ok_or(none)?;
        let next = starts.get(frame as usize + 1).map(|next| origin.saturating_add(*next));
        let (mut parts, mut at) = (Vec::new(), origin.saturating_add(*start));
        while next.is_none_or(|next| at < next) {
            let Some((begin, len)) = fragment(source, at)? else { break };
            parts.push((begin, len));
            at = begin + len;
        }
        if parts.is_empty() || next.is_some_and(|next| at != next) {
            return Err(Fault::damaged("its table of frames does not fit its fragments"));
        }
        Ok(parts)
    }
}

/// Whether a table can be trusted: it rises, begins with the first fragment, and there is one where it says the last frame
/// is. A file that was cut lacks that.
fn is_sound(source: &dyn ByteSource, origin: u64, table: &[u64]) -> bool {
    let there = |start: &u64| origin.checked_add(*start).is_some_and(|at| matches!(fragment(source, at), Ok(Some(_))));
    table.first() == Some(&0) && table.is_sorted_by(|a, b| a < b) && table.last().is_some_and(there)
}

/// Which fragments belong to which frame: by the offset table, else one each, else by where codestreams start.
fn assign(
    source: &dyn ByteSource,
    pieces: &[(u64, u64)],
    table: &[u64],
    count: u32,
) -> Result<Vec<Vec<(u64, u64)>>, Fault> {
    let wanted = count as usize;
    if pieces.len() < wanted {
        return Err(Fault::damaged(format!("its header promises {count} frames, it holds {}", pieces.len())));
    }
    if wanted == 1 {
        return Ok(vec![pieces.to_vec()]);
    }
    if pieces.len() == wanted {
        return Ok(pieces.iter().map(|piece| vec![*piece]).collect());
    }
    let origin = pieces.first().map_or(0, |(at, _)| at - HEAD);
    let starts: Vec<usize> = if table.len() == wanted {
        let index: HashMap<u64, usize> =
            pieces.iter().enumerate().map(|(index, (at, _))| (at - HEAD - origin, index)).collect();
        table.iter().filter_map(|offset| index.get(offset).copied()).collect()
    } else {
        let mut mark = [0; 2];
        let mut begins =
            |at: u64| read_exact_at(source, at, &mut mark).is_ok() && matches!(mark, [0xFF, 0xD8 | 0x4F | 0x0A]);
        pieces.iter().enumerate().filter(|(_, (at, len))| *len >= 2 && begins(*at)).map(|(index, _)| index).collect()
    };
    if starts.len() != wanted || !starts.is_sorted_by(|a, b| a < b) {
        return Err(Fault::damaged(format!("{} fragments cannot be told apart into {count} frames", pieces.len())));
    }
    let ends = starts.iter().skip(1).copied().chain([pieces.len()]);
    Ok(starts.iter().zip(ends).map(|(from, to)| pieces.get(*from..to).unwrap_or_default().to_vec()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::bytes::MemoryBytes;

    fn items(items: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        for bytes in items {
            out.extend([0xFE, 0xFF, 0x00, 0xE0]);
            out.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
            out.extend(*bytes);
        }
        out.extend([0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]);
        out
    }

    fn table(offsets: &[u32]) -> Vec<u8> {
        offsets.iter().flat_map(|offset| offset.to_le_bytes()).collect()
    }

    fn frames(bytes: Vec<u8>, count: u32, extended: &[u64]) -> Result<Vec<Vec<u8>>, Fault> {
        let source = MemoryBytes::new(bytes);
        let parts = FrameParts::find(&source, 0, count, extended)?;
        let frame = |frame| {
            let mut out = Vec::new();
            for (at, len) in parts.of(&source, frame)? {
                out.extend(read_range(&source, at, len, "part", 100)?);
            }
            Ok(out)
        };
        (0..count).map(frame).collect()
    }

    #[test]
    fn the_same_frames_are_found_by_either_table_and_by_walking() {
        let pieces: [&[u8]; 4] = [&[0xFF, 0xD8, 1, 1], &[2, 2], &[0xFF, 0xD8, 3, 3], &[4, 4, 4, 4]];
        let wanted = vec![vec![0xFF, 0xD8, 1, 1, 2, 2], vec![0xFF, 0xD8, 3, 3, 4, 4, 4, 4]];
        let with = |first: &[u8]| items(&[&[first], pieces.as_slice()].concat());
        assert_eq!(frames(with(&table(&[0, 22])), 2, &[]).unwrap(), wanted);
        assert_eq!(frames(with(&[]), 2, &[0, 22]).unwrap(), wanted);
        assert_eq!(frames(with(&[]), 2, &[]).unwrap(), wanted);
        let source = MemoryBytes::new(with(&table(&[0, 22])));
        assert!(matches!(FrameParts::find(&source, 0, 2, &[]), Ok(FrameParts::Table { .. })));
        assert!(matches!(FrameParts::find(&source, 0, 2, &[]).unwrap().of(&source, 2), Err(Fault::OutOfRange { .. })));
    }

    #[test]
    fn a_table_that_leads_nowhere_is_not_followed() {
        let pieces: [&[u8]; 2] = [&[1, 1], &[2, 2]];
        let with = |first: &[u8]| items(&[&[first], pieces.as_slice()].concat());
        // The fragments themselves say which frame they are.
        for wrong in [[0, 0], [10, 0], [0, 11], [0, 4_000_000_000]] {
            assert_eq!(frames(with(&table(&wrong)), 2, &[]).unwrap(), [vec![1, 1], vec![2, 2]], "{wrong:?}");
        }
        let whole = with(&table(&[0, 10]));
        for length in 0..whole.len() - 8 {
            assert!(frames(whole[..length].to_vec(), 2, &[]).is_err(), "cut at {length}");
        }
        // A wrong entry in the middle is found when that frame is wanted.
        let three = items(&[&table(&[0, 9, 20]), &[1, 1], &[2, 2], &[3, 3]]);
        assert!(matches!(frames(three, 3, &[]), Err(Fault::Damaged(_))));
    }
}
