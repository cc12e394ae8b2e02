//! TIFF and BigTIFF directories read straight from the byte source (TIFF 6.0 section 2, BigTIFF by AWare Systems).
//!
//! Every count and offset is checked against the file's length before anything is allocated, and a chain of directories
//! that bites its own tail ends the file's list.

use std::collections::{HashMap, HashSet};

use crate::imaging::{
    bytes::{ByteSource, read_head, read_range},
    fault::Fault,
    limits,
};

/// Tags used by the reader (TIFF 6.0 section 8 and technical notes 1 and 2).
pub mod tag {
    pub const NEW_SUBFILE_TYPE: u16 = 254;
    pub const IMAGE_WIDTH: u16 = 256;
    pub const IMAGE_LENGTH: u16 = 257;
    pub const BITS_PER_SAMPLE: u16 = 258;
    pub const COMPRESSION: u16 = 259;
    pub const PHOTOMETRIC: u16 = 262;
    pub const FILL_ORDER: u16 = 266;
    pub const IMAGE_DESCRIPTION: u16 = 270;
    pub const STRIP_OFFSETS: u16 = 273;
    pub const ORIENTATION: u16 = 274;
    pub const SAMPLES_PER_PIXEL: u16 = 277;
    pub const ROWS_PER_STRIP: u16 = 278;
    pub const STRIP_BYTE_COUNTS: u16 = 279;
    pub const X_RESOLUTION: u16 = 282;
    pub const Y_RESOLUTION: u16 = 283;
    pub const PLANAR_CONFIGURATION: u16 = 284;
    pub const RESOLUTION_UNIT: u16 = 296;
    pub const SOFTWARE: u16 = 305;
    pub const PREDICTOR: u16 = 317;
    pub const INK_SET: u16 = 332;
    pub const XMP: u16 = 700;
    pub const ICC_PROFILE: u16 = 34675;
    pub const COLOR_MAP: u16 = 320;
    pub const TILE_WIDTH: u16 = 322;
    pub const TILE_LENGTH: u16 = 323;
    pub const TILE_OFFSETS: u16 = 324;
    pub const TILE_BYTE_COUNTS: u16 = 325;
    pub const SUB_IFDS: u16 = 330;
    pub const EXTRA_SAMPLES: u16 = 338;
    pub const SAMPLE_FORMAT: u16 = 339;
    pub const JPEG_TABLES: u16 = 347;
    pub const YCBCR_COEFFICIENTS: u16 = 529;
    pub const YCBCR_SUBSAMPLING: u16 = 530;
    pub const REFERENCE_BLACK_WHITE: u16 = 532;
    /// Hamamatsu NDPI's format flag.
    pub const NDPI_FORMAT: u16 = 65420;
    /// NDPI: magnification of the page; -1 is the macro image, -2 a map of where tissue was looked for.
    pub const NDPI_SOURCE_LENS: u16 = 65421;
    /// NDPI: distance of the focal plane from the middle one, in nanometres.
    pub const NDPI_FOCAL_PLANE: u16 = 65424;
    /// NDPI: where each run of MCUs between restart markers starts, from the start of the strip; low 32 bits.
    pub const NDPI_MCU_STARTS: u16 = 65426;
    /// NDPI: the high 32 bits of the same.
    pub const NDPI_MCU_STARTS_HIGH: u16 = 65432;
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    kind: u16,
    count: u64,
    /// Where the values stand: inside the entry or elsewhere.
    at: u64,
    /// NDPI: the upper half of a 64-bit value whose lower half stands inside the entry.
    high: u64,
}

/// One directory: tags and where their values are.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    entries: HashMap<u16, Entry>,
    layout: Layout,
}

/// Byte order and offset width of the file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Layout {
    big_endian: bool,
    big_tiff: bool,
    /// Hamamatsu's way beyond 4 GiB: the entries of classic TIFF, 64-bit links between directories, and behind each
    /// directory the upper halves of its values.
    ndpi: bool,
}

impl Layout {
    pub fn is_big_endian(self) -> bool {
        self.big_endian
    }

    fn number(self, bytes: &[u8]) -> u64 {
        let fold = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        if self.big_endian { bytes.iter().fold(0, fold) } else { bytes.iter().rev().fold(0, fold) }
    }

    fn read(self, source: &dyn ByteSource, at: u64, width: u64) -> Result<u64, Fault> {
        Ok(self.number(&read_range(source, at, width, "TIFF directory", 8)?))
    }
}

/// Whether the bytes begin like a TIFF or BigTIFF file.
pub fn is_tiff(head: &[u8]) -> bool {
    matches!(head.get(..4), Some(b"II*\0" | b"MM\0*" | b"II+\0" | b"MM\0+"))
}

/// Reads the chain of directories; `SubIFDs` are not followed here.
///
/// # Errors
/// `Damaged` when the first directory cannot be read. A broken later directory ends the list.
pub fn directories(source: &dyn ByteSource) -> Result<Vec<Directory>, Fault> {
    let head = read_head(source, 16)?;
    let mut layout = Layout {
        big_endian: head.first() == Some(&b'M'),
        big_tiff: head.get(2..4).is_some_and(|m| m.contains(&b'+')),
        ndpi: false,
    };
    let mut next = if layout.big_tiff { layout.read(source, 8, 8)? } else { layout.read(source, 4, 4)? };
    if let Some(first) = ndpi_start(source, layout, next) {
        layout.ndpi = true;
        next = first;
    }
    let (mut out, mut seen) = (Vec::new(), HashSet::new());
    while next != 0 && seen.insert(next) && out.len() < limits::TIFF_DIRECTORIES {
        match directory(source, layout, next) {
            Ok((dir, following)) => {
                out.push(dir);
                next = following;
            }
            Err(fault) if out.is_empty() => return Err(fault),
            Err(_) => break,
        }
    }
    if out.is_empty() {
        return Err(Fault::damaged("the TIFF file has no directory"));
    }
    Ok(out)
}

/// Where an NDPI file's first directory stands; `None` for any other TIFF. Files below 4 GiB are known by their tag at
/// once; above, the classic link is only the lower half of the real one.
fn ndpi_start(source: &dyn ByteSource, layout: Layout, classic: u64) -> Option<u64> {
    if layout.big_tiff || layout.big_endian {
        return None;
    }
    let ndpi = Layout { ndpi: true, ..layout };
    let long = layout.read(source, 4, 8).ok()?;
    let starts_at = |at: u64, layout: Layout| directory(source, layout, at).is_ok_and(|(d, _)| d.has(tag::NDPI_FORMAT));
    if starts_at(classic, layout) {
        // A plain link is followed by zeros or by the first directory's own bytes.
        return Some(if starts_at(long, ndpi) { long } else { classic });
    }
    (long != classic && starts_at(long, ndpi)).then_some(long)
}

/// One directory at an offset and the offset of the next.
fn directory(source: &dyn ByteSource, layout: Layout, at: u64) -> Result<(Directory, u64), Fault> {
    let (count_width, entry_width, value_width) = if layout.big_tiff { (8, 20, 8) } else { (2, 12, 4) };
    let count = layout.read(source, at, count_width)?;
    if count == 0 || count > limits::TIFF_ENTRIES {
        return Err(Fault::damaged(format!("a TIFF directory claims {count} entries")));
    }
    let start = at.saturating_add(count_width);
    let table = read_range(source, start, count * entry_width, "TIFF directory", limits::TIFF_ENTRIES * 20)?;
    let next_at = start + count * entry_width;
    let link_width = if layout.ndpi { 8 } else { value_width };
    let highs = if layout.ndpi {
        read_range(source, next_at + link_width, count * 4, "TIFF directory", limits::TIFF_ENTRIES * 4)
            .unwrap_or_default()
    } else {
        Vec::new()
    };
    let mut dir = Directory { entries: HashMap::new(), layout };
    for (index, raw) in table.chunks_exact(usize::from(u8::try_from(entry_width).unwrap_or(20))).enumerate() {
        let field = |from: u64, width: u64| {
            let from = usize::try_from(from).unwrap_or(usize::MAX);
            raw.get(from..from + usize::try_from(width).unwrap_or(0)).map_or(0, |bytes| layout.number(bytes))
        };
        let low = |value: u64| u16::try_from(value).unwrap_or(0);
        let (tag, kind) = (low(field(0, 2)), low(field(2, 2)));
        let count = field(4, value_width);
        let size = u64::from(width_of(kind)).saturating_mul(count);
        let inline = start + index as u64 * entry_width + 4 + value_width;
        let high = highs.chunks_exact(4).nth(index).map_or(0, |bytes| layout.number(bytes)) << 32;
        let outside = || field(4 + value_width, value_width) | high;
        let (at, high) = if size <= value_width { (inline, high) } else { (outside(), 0) };
        dir.entries.entry(tag).or_insert(Entry { kind, count, at, high });
    }
    // Many writers end the file right after the last directory.
    let next = if next_at + link_width <= source.len() { layout.read(source, next_at, link_width)? } else { 0 };
    Ok((dir, next))
}

/// Bytes of one value of a TIFF field type; 0 for an unknown type.
fn width_of(kind: u16) -> u8 {
    match kind {
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16 | 17 | 18 => 8,
        _ => 0,
    }
}

impl Directory {
    pub fn layout(&self) -> Layout {
        self.layout
    }

    pub fn has(&self, tag: u16) -> bool {
        self.entries.contains_key(&tag)
    }

    /// All values of an integer tag; empty where it is absent. At most `max` values are accepted.
    pub fn numbers(&self, source: &dyn ByteSource, tag: u16, max: u64) -> Result<Vec<u64>, Fault> {
        let Some(entry) = self.entries.get(&tag) else { return Ok(Vec::new()) };
        let width = u64::from(width_of(entry.kind));
        if width == 0 || matches!(entry.kind, 5 | 10 | 11 | 12) {
            return Err(Fault::damaged(format!("TIFF tag {tag} has a type that is no integer")));
        }
        if entry.count > max {
            return Err(Fault::damaged(format!(
                "TIFF tag {tag} claims {} values, at most {max} make sense",
                entry.count
            )));
        }
        let bytes = read_range(source, entry.at, entry.count * width, "TIFF value", u64::MAX)?;
        let each = usize::from(width_of(entry.kind));
        Ok(bytes.chunks_exact(each).map(|value| self.layout.number(value) | entry.high).collect())
    }

    /// A floating-point number (type 11) or a signed integer (type 9); `None` when absent or of another type.
    pub fn real(&self, source: &dyn ByteSource, tag: u16) -> Option<f64> {
        let entry = self.entries.get(&tag).filter(|entry| entry.count >= 1)?;
        let bits = u32::try_from(self.layout.read(source, entry.at, 4).ok()?).ok()?;
        match entry.kind {
            11 => Some(f64::from(f32::from_bits(bits))).filter(|value| value.is_finite()),
            9 => Some(f64::from(bits.cast_signed())),
            _ => None,
        }
    }

    /// The first value of an integer tag.
    pub fn number(&self, source: &dyn ByteSource, tag: u16) -> Result<Option<u64>, Fault> {
        Ok(self.numbers(source, tag, limits::TIFF_BLOB_BYTES)?.first().copied())
    }

    /// A rational as a quotient; `None` when absent, of another type, or divided by zero.
    pub fn rational(&self, source: &dyn ByteSource, tag: u16) -> Option<f64> {
        self.rationals(source, tag, 1)?.first().copied().filter(|value| value.is_finite())
    }

    /// At most `most` rationals as quotients, not finite where they are divided by zero; `None` when absent or of another
    /// type.
    #[allow(clippy::cast_precision_loss, reason = "both parts are below 2^32")]
    pub fn rationals(&self, source: &dyn ByteSource, tag: u16, most: u64) -> Option<Vec<f64>> {
        let entry = self.entries.get(&tag).filter(|entry| entry.kind == 5 && entry.count >= 1)?;
        let bytes =
            read_range(source, entry.at, entry.count.min(most) * 8, "TIFF value", limits::TIFF_BLOB_BYTES).ok()?;
        let quotient = |pair: &[u8; 8]| {
            let (over, under) = pair.split_at(4);
            self.layout.number(over) as f64 / self.layout.number(under) as f64
        };
        Some(bytes.as_chunks::<8>().0.iter().map(quotient).collect())
    }

    /// The bytes of a tag (text, JPEG tables); empty where it is absent.
    pub fn blob(&self, source: &dyn ByteSource, tag: u16) -> Result<Vec<u8>, Fault> {
        let Some(entry) = self.entries.get(&tag) else { return Ok(Vec::new()) };
        let size = entry.count.saturating_mul(u64::from(width_of(entry.kind)));
        read_range(source, entry.at, size, "TIFF value", limits::TIFF_BLOB_BYTES)
    }

    /// A text tag, cut at its NUL.
    pub fn text(&self, source: &dyn ByteSource, tag: u16) -> String {
        let bytes = self.blob(source, tag).unwrap_or_default();
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
    }

    /// The directories that hang below this one.
    pub fn children(&self, source: &dyn ByteSource) -> Vec<Self> {
        let offsets = self.numbers(source, tag::SUB_IFDS, 64).unwrap_or_default();
        offsets.into_iter().map_while(|at| directory(source, self.layout, at).ok().map(|(dir, _)| dir)).collect()
    }
}
