//! The segments of a JPEG stream (ITU-T T.81 annex B), for the processes decoded here: lossless, 12-bit and JPEG-LS.

use super::huffman::Table;
use crate::imaging::fault::Fault;

/// A walk over marker segments. Bytes between segments are skipped, as other decoders do.
pub struct Segments<'a> {
    pub data: &'a [u8],
    /// Behind the segment that was read last.
    pub at: usize,
}

pub fn cut() -> Fault {
    Fault::damaged("the JPEG data are cut short")
}

impl<'a> Segments<'a> {
    pub fn new(data: &'a [u8]) -> Self {
        Self { data, at: 2 }
    }

    /// The next segment: marker and body. `None` at the end of the image or of the data.
    ///
    /// # Errors
    /// `Damaged` when a segment reaches past the end.
    pub fn next(&mut self) -> Result<Option<(u8, &'a [u8])>, Fault> {
        loop {
            let rest = self.data.get(self.at..).unwrap_or_default();
            let Some(offset) = rest.iter().position(|byte| *byte == 0xFF) else { return Ok(None) };
            self.at += offset;
            match self.data.get(self.at + 1) {
                None | Some(0xD9) => return Ok(None),
                Some(0xFF) => self.at += 1,
                Some(0x00 | 0x01 | 0xD0..=0xD8) => self.at += 2,
                Some(marker) => {
                    let length = number(self.data.get(self.at + 2..self.at + 4).ok_or_else(cut)?).max(2);
                    let body = self.data.get(self.at + 4..self.at + 2 + length).ok_or_else(cut)?;
                    self.at += 2 + length;
                    return Ok(Some((*marker, body)));
                }
            }
        }
    }
}

/// A big-endian number of a few bytes.
pub fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
}

/// The Huffman tables in force.
#[derive(Default)]
pub struct Tables {
    pub dc: [Option<Table>; 4],
    pub ac: [Option<Table>; 4],
}

impl Tables {
    /// Reads a DHT segment.
    ///
    /// # Errors
    /// `Damaged` when it is broken.
    pub fn define(&mut self, mut body: &[u8]) -> Result<(), Fault> {
        while let Some((&place, rest)) = body.split_first() {
            let (table, used) = Table::read(rest)?;
            let class = if place >> 4 == 0 { &mut self.dc } else { &mut self.ac };
            let slot = class.get_mut(usize::from(place & 15)).ok_or_else(cut)?;
            *slot = Some(table);
            body = rest.get(used..).unwrap_or_default();
        }
        Ok(())
    }
}

/// One component of the frame header (B.2.2).
#[derive(Clone, Copy, Debug)]
pub struct Component {
    pub id: u8,
    pub across: u8,
    pub down: u8,
    pub quantiser: u8,
}

/// The components of a frame header, in order.
///
/// # Errors
/// `Damaged` when the header is cut short.
pub fn components(body: &[u8]) -> Result<Vec<Component>, Fault> {
    let count = usize::from(*body.get(5).ok_or_else(cut)?);
    let list = body.get(6..6 + count * 3).ok_or_else(cut)?;
    let read = |c: &[u8; 3]| Component { id: c[0], across: c[1] >> 4, down: c[1] & 15, quantiser: c[2] };
    Ok(list.as_chunks::<3>().0.iter().map(read).collect())
}

/// One component of a scan header: its index in the frame, its tables for DC and AC.
pub type ScanComponent = (usize, usize, usize);

/// A scan header (B.2.3): its components, then the three bytes behind them.
///
/// # Errors
/// `Damaged` when it names a component that the frame lacks, or one twice.
pub fn scan_header(body: &[u8], frame: &[Component]) -> Result<(Vec<ScanComponent>, [u8; 3]), Fault> {
    let count = usize::from(*body.first().ok_or_else(cut)?);
    let list = body.get(1..1 + count * 2).ok_or_else(cut)?;
    let mut out: Vec<ScanComponent> = Vec::with_capacity(count);
    for &[id, tables] in list.as_chunks::<2>().0 {
        let index = frame.iter().position(|component| component.id == id);
        let index = index.ok_or_else(|| Fault::damaged("a scan of the JPEG data names an unknown component"))?;
        if out.iter().any(|(known, ..)| *known == index) {
            return Err(Fault::damaged("a scan of the JPEG data names a component twice"));
        }
        out.push((index, usize::from(tables >> 4), usize::from(tables & 15)));
    }
    let rest = body.get(1 + count * 2..4 + count * 2).ok_or_else(cut)?;
    if out.is_empty() {
        return Err(cut());
    }
    Ok((out, rest.try_into().unwrap_or_default()))
}
