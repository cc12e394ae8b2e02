//! The structure of a DICOM file: element headers, sequences, the place of the pixels (PS3.5 section 7, PS3.10 section 7).
//!
//! Nothing is copied and nothing is allocated by a declared length: elements are ranges of the header's bytes, sequences
//! are parsed when asked for, pixels stay in the file. Files without preamble or meta group are tolerated.

use super::syntax::TransferSyntax;
use crate::imaging::{
    bytes::{ByteSource, MemoryBytes, read_exact_at, read_range},
    codec::inflate,
    fault::Fault,
    limits,
};

/// Group in the high half, element in the low half.
pub type Tag = u32;

pub const PIXEL_DATA: Tag = 0x7FE0_0010;
const FLOAT_PIXEL_DATA: Tag = 0x7FE0_0008;
const DOUBLE_PIXEL_DATA: Tag = 0x7FE0_0009;
const ITEM: Tag = 0xFFFE_E000;
const ITEM_END: Tag = 0xFFFE_E00D;
const SEQUENCE_END: Tag = 0xFFFE_E0DD;
const UNDEFINED: u32 = u32::MAX;

/// How element headers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coding {
    pub explicit: bool,
    pub big_endian: bool,
}

#[derive(Clone, Copy, Debug)]
struct Head {
    tag: Tag,
    vr: [u8; 2],
    len: u32,
    /// Bytes of the header itself.
    size: u64,
}

fn cut() -> Fault {
    Fault::damaged("the DICOM file ends in the middle of an element")
}

fn u16_at(bytes: &[u8], at: usize, big_endian: bool) -> Option<u16> {
    let pair = <[u8; 2]>::try_from(bytes.get(at..at + 2)?).ok()?;
    Some(if big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) })
}

fn u32_at(bytes: &[u8], at: usize, big_endian: bool) -> Option<u32> {
    let quad = <[u8; 4]>::try_from(bytes.get(at..at + 4)?).ok()?;
    Some(if big_endian { u32::from_be_bytes(quad) } else { u32::from_le_bytes(quad) })
}

/// Value representations whose explicit header has two reserved bytes and a 32-bit length (PS3.5 table 7.1-1).
fn has_long_length(vr: [u8; 2]) -> bool {
    matches!(&vr, b"OB" | b"OD" | b"OF" | b"OL" | b"OV" | b"OW" | b"SQ" | b"SV" | b"UC" | b"UN" | b"UR" | b"UT" | b"UV")
}

fn is_vr(vr: [u8; 2]) -> bool {
    has_long_length(vr)
        || matches!(
            &vr,
            b"AE"
                | b"AS"
                | b"AT"
                | b"CS"
                | b"DA"
                | b"DS"
                | b"DT"
                | b"FL"
                | b"FD"
                | b"IS"
                | b"LO"
                | b"LT"
                | b"PN"
                | b"SH"
                | b"SL"
                | b"SS"
                | b"ST"
                | b"TM"
                | b"UI"
                | b"UL"
                | b"US"
        )
}

/// One element header at the start of `bytes` (12 bytes suffice).
fn head(bytes: &[u8], coding: Coding) -> Option<Head> {
    let be = coding.big_endian;
    let tag = Tag::from(u16_at(bytes, 0, be)?) << 16 | Tag::from(u16_at(bytes, 2, be)?);
    if !coding.explicit || matches!(tag, ITEM | ITEM_END | SEQUENCE_END) {
        return Some(Head { tag, vr: *b"  ", len: u32_at(bytes, 4, be)?, size: 8 });
    }
    let vr = <[u8; 2]>::try_from(bytes.get(4..6)?).ok()?;
    if has_long_length(vr) {
        return Some(Head { tag, vr, len: u32_at(bytes, 8, be)?, size: 12 });
    }
    if !is_vr(vr) {
        // Some writers put implicit elements into explicit files; the "VR" is then part of the length.
        return Some(Head { tag, vr: *b"  ", len: u32_at(bytes, 4, be)?, size: 8 });
    }
    Some(Head { tag, vr, len: u32::from(u16_at(bytes, 6, be)?), size: 8 })
}

/// Small reads at rising positions without one system call each.
struct Window<'a> {
    source: &'a dyn ByteSource,
    start: u64,
    bytes: Vec<u8>,
}

impl<'a> Window<'a> {
    fn new(source: &'a dyn ByteSource) -> Self {
        Self { source, start: 0, bytes: Vec::new() }
    }

    /// Up to 12 bytes at `at`, fewer at the end of the file.
    fn at(&mut self, at: u64) -> Result<&[u8], Fault> {
        let end = (at + 12).min(self.source.len());
        if at < self.start || end > self.start + self.bytes.len() as u64 {
            let len = self.source.len().saturating_sub(at).min(16 << 10);
            self.bytes = read_range(self.source, at.min(self.source.len()), len, "header", 16 << 10)?;
            self.start = at;
        }
        let from = usize::try_from(at - self.start).unwrap_or(usize::MAX);
        let rest = self.bytes.get(from..).unwrap_or_default();
        Ok(rest.get(..rest.len().min(12)).unwrap_or_default())
    }

    fn head(&mut self, at: u64, coding: Coding) -> Result<Head, Fault> {
        head(self.at(at)?, coding).ok_or_else(cut)
    }

    /// The position after a sequence (or encapsulated value) of undefined length.
    fn skip_undefined(&mut self, mut at: u64, coding: Coding, depth: u8) -> Result<u64, Fault> {
        if depth > limits::DICOM_DEPTH {
            return Err(Fault::damaged("its sequences are nested too deeply"));
        }
        loop {
            let item = self.head(at, coding)?;
            at += item.size;
            match item.tag {
                SEQUENCE_END => return Ok(at),
                ITEM if item.len == UNDEFINED => at = self.skip_item(at, coding, depth)?,
                ITEM => at = self.advance(at, item.len)?,
                _ => return Err(Fault::damaged("a DICOM sequence holds something that is no item")),
            }
        }
    }

    fn skip_item(&mut self, mut at: u64, coding: Coding, depth: u8) -> Result<u64, Fault> {
        loop {
            let element = self.head(at, coding)?;
            at += element.size;
            if element.tag == ITEM_END {
                return Ok(at);
            }
            at = self.skip_value(at, element, coding, depth)?;
        }
    }

    fn skip_value(&mut self, at: u64, element: Head, coding: Coding, depth: u8) -> Result<u64, Fault> {
        if element.len == UNDEFINED {
            return self.skip_undefined(at, inside(element, coding), depth + 1);
        }
        self.advance(at, element.len)
    }

    fn advance(&self, at: u64, len: u32) -> Result<u64, Fault> {
        let end = at + u64::from(len);
        if end > self.source.len() { Err(cut()) } else { Ok(end) }
    }
}

/// UN of undefined length holds implicit little endian items (PS3.5 6.2.2 note 2).
fn inside(element: Head, coding: Coding) -> Coding {
    if element.vr == *b"UN" { Coding { explicit: false, big_endian: false } } else { coding }
}

/// Where the pixels are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelPlace {
    /// Native samples: offset and length, whether the value was written as 16-bit words, and whether it holds real values.
    Native { at: u64, len: u64, words: bool, real: bool },
    /// Encapsulated: offset of the first item (the basic offset table).
    Encapsulated { at: u64 },
}

/// The structure of one file.
pub struct FileStructure {
    pub syntax: TransferSyntax,
    pub coding: Coding,
    /// Media Storage SOP Class UID of the meta group, empty when absent.
    pub media_class: String,
    /// Everything before the pixels, from the first element after the meta group.
    pub header: Vec<u8>,
    pub pixels: Option<PixelPlace>,
}

/// Whether the bytes can be a DICOM file: the preamble's mark, or a meta or identifying group at the very start.
pub fn looks_like_dicom(beginning: &[u8]) -> bool {
    if beginning.get(128..132) == Some(b"DICM") {
        return true;
    }
    let plausible = |coding: Coding| {
        head(beginning, coding).is_some_and(|first| {
            let known = matches!(first.tag >> 16, 0x0002 | 0x0008);
            let typed = !coding.explicit || is_vr(first.vr);
            known && typed && first.len != UNDEFINED && first.len <= 1024 && (first.tag & 0xFFFF) <= 0x0100
        })
    };
    [(true, false), (true, true), (false, false)]
        .into_iter()
        .any(|(explicit, big_endian)| plausible(Coding { explicit, big_endian }))
}

/// A deflated data set in memory; everything else stays where it is.
pub type Inflated = Option<MemoryBytes>;

/// Walks the file up to the pixels.
///
/// # Errors
/// `Damaged` when an element reaches past the end of the file.
pub fn read_structure(source: &dyn ByteSource) -> Result<(FileStructure, Inflated), Fault> {
    let mut mark = [0; 4];
    let preamble = source.len() >= 132 && read_exact_at(source, 128, &mut mark).is_ok() && mark == *b"DICM";
    let mut at = if preamble { 132 } else { 0 };
    let (mut uid, mut media_class) = (String::new(), String::new());
    let mut window = Window::new(source);
    let meta = Coding { explicit: true, big_endian: false };
    // The group is walked element by element, since its declared length is wrong in too many files.
    while at + 8 <= source.len() {
        let element = window.head(at, meta)?;
        if element.tag >> 16 != 2 || element.len == UNDEFINED {
            break;
        }
        let end = window.advance(at + element.size, element.len)?;
        if matches!(element.tag, 0x0002_0002 | 0x0002_0010) && element.len <= 64 {
            let value = text_of(&read_range(source, at + element.size, u64::from(element.len), "UID", 64)?);
            if element.tag == 0x0002_0010 { uid = value } else { media_class = value }
        }
        at = end;
    }
    let guessed = guess_coding(window.at(at)?);
    let mut syntax = TransferSyntax::from_uid(if uid.is_empty() {
        match guessed {
            Coding { explicit: true, big_endian: true } => "1.2.840.10008.1.2.2",
            Coding { explicit: true, .. } => "1.2.840.10008.1.2.1",
            Coding { .. } => "1.2.840.10008.1.2",
        }
    } else {
        &uid
    });
    let mut inflated = None;
    if syntax.deflated {
        let packed = read_range(source, at, source.len() - at, "data set", limits::COMPRESSED_BYTES)?;
        let limit = usize::try_from(limits::INFLATED_BYTES).unwrap_or(usize::MAX);
        inflated = Some(MemoryBytes::new(inflate::raw(&packed, limit)?));
        at = 0;
    } else if syntax.explicit != guessed.explicit || syntax.big_endian != guessed.big_endian {
        // The bytes are right when the meta group says something else; compressed syntaxes keep their pixel coding.
        syntax.explicit = guessed.explicit;
        syntax.big_endian = guessed.big_endian;
    }
    let coding = Coding { explicit: syntax.explicit, big_endian: syntax.big_endian };
    let body: &dyn ByteSource = inflated.as_ref().map_or(source, |memory| memory);
    let (end, pixels) = find_pixels(body, at, coding)?;
    let header = read_range(body, at, end - at, "DICOM header", limits::DICOM_HEADER_BYTES)?;
    let structure = FileStructure { syntax, coding, media_class, header, pixels };
    Ok((structure, inflated))
}

fn guess_coding(bytes: &[u8]) -> Coding {
    let big_endian = bytes.first() == Some(&0) && bytes.get(1).is_some_and(|group| *group != 0);
    let vr = bytes.get(4..6).and_then(|vr| <[u8; 2]>::try_from(vr).ok());
    let explicit = vr.is_some_and(is_vr);
    Coding { explicit, big_endian: big_endian && explicit }
}

fn find_pixels(source: &dyn ByteSource, start: u64, coding: Coding) -> Result<(u64, Option<PixelPlace>), Fault> {
    let mut window = Window::new(source);
    let mut at = start;
    while at + 8 <= source.len() {
        let element = window.head(at, coding)?;
        if matches!(element.tag, PIXEL_DATA | FLOAT_PIXEL_DATA | DOUBLE_PIXEL_DATA) {
            let value = at + element.size;
            let place = if element.len == UNDEFINED && element.tag == PIXEL_DATA {
                PixelPlace::Encapsulated { at: value }
            } else {
                window.advance(value, element.len)?;
                PixelPlace::Native {
                    at: value,
                    len: u64::from(element.len),
                    words: element.vr == *b"OW" || !coding.explicit,
                    real: element.tag != PIXEL_DATA,
                }
            };
            return Ok((at, Some(place)));
        }
        if matches!(element.tag, ITEM | ITEM_END | SEQUENCE_END) || element.tag == 0 {
            // Trailing padding or a stray delimiter: what came before is still good.
            break;
        }
        at = window.skip_value(at + element.size, element, coding, 0)?;
    }
    Ok((at.min(source.len()), None))
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_matches(|c: char| c == '\0' || c.is_whitespace()).to_owned()
}

/// Elements of one level, as ranges of the header.
#[derive(Clone)]
pub struct Dataset<'a> {
    coding: Coding,
    elements: Vec<(Head, &'a [u8])>,
}

impl<'a> Dataset<'a> {
    /// Splits the bytes into elements; stops at the first that does not fit.
    pub fn parse(bytes: &'a [u8], coding: Coding) -> Self {
        let (mut elements, mut at) = (Vec::new(), 0_usize);
        let source = SliceSource(bytes);
        while let Some(element) = bytes.get(at..).and_then(|rest| head(rest, coding)) {
            let start = at as u64 + element.size;
            if matches!(element.tag, ITEM_END | SEQUENCE_END) {
                break;
            }
            let Ok(end) = Window::new(&source).skip_value(start, element, coding, 0) else { break };
            let (Ok(from), Ok(to)) = (usize::try_from(start), usize::try_from(end)) else { break };
            let Some(value) = bytes.get(from..to) else { break };
            elements.push((element, value));
            at = to;
        }
        Self { coding, elements }
    }

    fn find(&self, tag: Tag) -> Option<&(Head, &'a [u8])> {
        self.elements.iter().find(|(head, _)| head.tag == tag)
    }

    pub fn has(&self, tag: Tag) -> bool {
        self.find(tag).is_some()
    }

    pub fn bytes(&self, tag: Tag) -> Option<&'a [u8]> {
        self.find(tag).map(|(_, value)| *value)
    }

    /// The value representation as written; `None` when absent or implicit.
    pub fn vr(&self, tag: Tag) -> Option<[u8; 2]> {
        self.find(tag).map(|(head, _)| head.vr).filter(|vr| *vr != *b"  ")
    }

    /// ASCII text without padding; empty when absent.
    pub fn text(&self, tag: Tag) -> String {
        self.bytes(tag).map(text_of).unwrap_or_default()
    }

    /// US or SS values as written; empty when absent.
    pub fn words(&self, tag: Tag) -> Vec<u16> {
        let bytes = self.bytes(tag).unwrap_or_default();
        (0..bytes.len() / 2).filter_map(|i| u16_at(bytes, i * 2, self.coding.big_endian)).collect()
    }

    pub fn word(&self, tag: Tag) -> Option<u16> {
        u16_at(self.bytes(tag)?, 0, self.coding.big_endian)
    }

    pub fn long(&self, tag: Tag) -> Option<u32> {
        u32_at(self.bytes(tag)?, 0, self.coding.big_endian)
    }

    /// UL values; empty when absent.
    pub fn longs(&self, tag: Tag) -> Vec<u32> {
        let bytes = self.bytes(tag).unwrap_or_default();
        (0..bytes.len() / 4).filter_map(|i| u32_at(bytes, i * 4, self.coding.big_endian)).collect()
    }

    /// 64-bit whole numbers (OV, UV); empty when absent.
    pub fn quads(&self, tag: Tag) -> Vec<u64> {
        let read = |b: &[u8; 8]| if self.coding.big_endian { u64::from_be_bytes(*b) } else { u64::from_le_bytes(*b) };
        self.bytes(tag).unwrap_or_default().as_chunks::<8>().0.iter().map(read).collect()
    }

    /// Decimal or integer strings (DS, IS) or binary doubles (FD); anything that is no finite number is left out.
    pub fn numbers(&self, tag: Tag) -> Vec<f64> {
        let Some((head, value)) = self.find(tag) else { return Vec::new() };
        if head.vr == *b"FD" {
            let quads = value.as_chunks::<8>().0.iter();
            let read =
                |b: &[u8; 8]| if self.coding.big_endian { f64::from_be_bytes(*b) } else { f64::from_le_bytes(*b) };
            return quads.map(read).filter(|number| number.is_finite()).collect();
        }
        let text = text_of(value);
        text.split('\\').filter_map(|part| part.trim().parse().ok()).filter(|number: &f64| number.is_finite()).collect()
    }

    pub fn number(&self, tag: Tag) -> Option<f64> {
        self.numbers(tag).first().copied()
    }

    /// The items of a sequence; empty when absent.
    pub fn items(&self, tag: Tag) -> Vec<Self> {
        let Some((element, value)) = self.find(tag) else { return Vec::new() };
        let coding = if element.len == UNDEFINED { inside(*element, self.coding) } else { self.coding };
        let (mut out, mut at) = (Vec::new(), 0_usize);
        let source = SliceSource(value);
        while let Some(item) = value.get(at..).and_then(|rest| head(rest, coding)).filter(|item| item.tag == ITEM) {
            let start = at + 8;
            let end = if item.len == UNDEFINED {
                Window::new(&source).skip_item(start as u64, coding, 0).ok().and_then(|end| usize::try_from(end).ok())
            } else {
                start.checked_add(item.len as usize)
            };
            let Some((end, bytes)) = end.and_then(|end| Some((end, value.get(start..end)?))) else { break };
            out.push(Self::parse(bytes, coding));
            at = end;
        }
        out
    }

    /// The first item of a sequence.
    pub fn item(&self, tag: Tag) -> Option<Self> {
        self.items(tag).into_iter().next()
    }
}

struct SliceSource<'a>(&'a [u8]);

impl ByteSource for SliceSource<'_> {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|at| self.0.get(at..)).unwrap_or_default();
        let count = rest.len().min(buf.len());
        for (to, from) in buf.iter_mut().zip(rest) {
            *to = *from;
        }
        Ok(count)
    }
}
