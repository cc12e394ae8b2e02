//! Hamamatsu NDPI: each level is one JPEG as tall as the slide, cut by restart markers. A tile is put together from the
//! runs between markers that it needs; a whole level is never decoded.
//!
//! There is no public specification. The tags are those that OpenSlide's and tifffile's documentation name; what a JPEG
//! may hold is ITU-T T.81 (restart intervals: E.1.4; frame header: B.2.2; a height of 0 or above 65,535 cannot be said
//! there, so the directory's size counts).

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Page, associated, describe_level, ifd::Directory, ifd::tag, resolution, whole};
use crate::{
    domain::{Field, Level, RectPx, SizePx, TileKey},
    imaging::{
        FrameInfo, ImageMeta, ImageSource, ImageWarning, ImagingError, PixelBuffer, Samples,
        bytes::{ByteSource, read_range},
        cache::ByteCache,
        codec::{Expect, jpeg},
        display::crop,
        fault::Fault,
        frames::{level_of, tile_rect},
        guard::caught,
        limits,
    },
};

/// Height that runs are gathered to, in pixels: a run is usually a single row of blocks.
const TILE_HEIGHT: u32 = 512;
/// Tiles are no wider; runs that are (as wide as the slide) are decoded once and cut.
const TILE_WIDTH: u32 = 1024;
/// A header of a level's JPEG is a few hundred bytes.
const HEADER_BYTES: u64 = 64 << 10;

/// Focal plane, level, column of runs, row of tiles.
type Block = (u32, u16, u32, u32);

/// An opened NDPI slide. Frames are focal planes, lowest first.
pub struct Ndpi {
    meta: ImageMeta,
    path: PathBuf,
    bytes: Arc<dyn ByteSource>,
    /// By focal plane, finest level first.
    planes: Vec<Vec<Strip>>,
    associated: Vec<(String, Page)>,
    wide: Mutex<ByteCache<Block, Arc<PixelBuffer>>>,
}

/// One level of one focal plane.
#[derive(Clone)]
struct Strip {
    size_px: SizePx,
    channels: u8,
    colour: jpeg::Colour,
    /// From SOI through the header of the scan.
    header: Vec<u8>,
    /// Where height and width stand in `header`.
    size_at: usize,
    /// Size of one run in pixels.
    run_px: SizePx,
    /// Absolute start of each run, and the end of the last.
    bounds: Vec<u64>,
}

/// What the JPEG header of a level says of its blocks.
struct Frame {
    size_at: usize,
    mcu_px: SizePx,
    restart_interval: u32,
    components: u8,
    /// Bytes through the scan header.
    end: usize,
}

/// Reads the markers before the entropy-coded data.
fn frame_of(data: &[u8]) -> Result<Frame, Fault> {
    let cut = || Fault::damaged("the JPEG header of a level is cut short");
    if data.get(..2) != Some(&[0xFF, 0xD8]) {
        return Err(Fault::unsupported("NDPI level that is not JPEG (JPEG XR, for example)"));
    }
    let (mut at, mut restart_interval, mut found) = (2, 0, None);
    loop {
        let marker = *data.get(at + 1).ok_or_else(cut)?;
        if data.get(at) != Some(&0xFF) {
            return Err(Fault::damaged("the JPEG header of a level is broken"));
        }
        if marker == 0xFF {
            at += 1;
            continue;
        }
        let length = data.get(at + 2..at + 4).ok_or_else(cut)?;
        let length = length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)).max(2);
        let body = data.get(at + 4..at + 2 + length).ok_or_else(cut)?;
        match marker {
            0xC0 | 0xC1 => {
                let &[8, _, _, _, _, components, ..] = body else {
                    return Err(Fault::unsupported("NDPI level with JPEG deeper than 8 bits"));
                };
                let sampling = body.get(7..).unwrap_or_default().iter().step_by(3).take(usize::from(components));
                let most = sampling.fold((1, 1), |(h, v), byte| (h.max(byte >> 4), v.max(byte & 15)));
                // One component alone is not interleaved: its unit is one block whatever it claims (T.81 A.2.2).
                let (h, v) = if components == 1 { (1, 1) } else { most };
                found = Some((at + 5, SizePx::new(u32::from(h) * 8, u32::from(v) * 8), components));
            }
            0xC2..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                return Err(Fault::unsupported("NDPI level with JPEG that is not sequential"));
            }
            0xDD => restart_interval = body.iter().take(2).fold(0, |sum, byte| sum << 8 | u32::from(*byte)),
            _ => {}
        }
        at += 2 + length;
        if marker == 0xDA {
            break;
        }
    }
    let (size_at, mcu_px, components) = found.ok_or_else(cut)?;
    Ok(Frame { size_at, mcu_px, restart_interval, components, end: at })
}

impl Strip {
    fn new(source: &dyn ByteSource, dir: &Directory) -> Result<Self, Fault> {
        let side = |tag: u16| -> Result<u32, Fault> {
            let value = dir.number(source, tag)?.unwrap_or(0);
            let fits = u32::try_from(value).ok().filter(|side| *side > 0 && *side <= 1 << 30);
            fits.ok_or_else(|| Fault::damaged(format!("the size of a level is {value}")))
        };
        let size_px = SizePx::new(side(tag::IMAGE_WIDTH)?, side(tag::IMAGE_LENGTH)?);
        match dir.number(source, tag::COMPRESSION)? {
            Some(7) => {}
            other => {
                let code = other.unwrap_or(1);
                return Err(Fault::unsupported(format!("NDPI level with compression {code} (22610 is JPEG XR)")));
            }
        }
        let (offsets, counts) =
            (dir.numbers(source, tag::STRIP_OFFSETS, 4)?, dir.numbers(source, tag::STRIP_BYTE_COUNTS, 4)?);
        let (&[start], &[count]) = (offsets.as_slice(), counts.as_slice()) else {
            return Err(Fault::unsupported("NDPI level in more than one strip"));
        };
        let end = start.checked_add(count).filter(|end| *end <= source.len());
        let end = end.ok_or_else(|| Fault::damaged("a level lies outside the file"))?;
        let header = read_range(source, start, count.min(HEADER_BYTES), "JPEG header", HEADER_BYTES)?;
        let frame = frame_of(&header)?;
        let across = size_px.width.div_ceil(frame.mcu_px.width);
        let down = size_px.height.div_ceil(frame.mcu_px.height);
        let interval = frame.restart_interval;
        let run_px = if interval > 0 && across % interval == 0 {
            SizePx::new(interval * frame.mcu_px.width, frame.mcu_px.height)
        } else if interval > 0 && interval % across == 0 {
            SizePx::new(across * frame.mcu_px.width, frame.mcu_px.height * (interval / across).min(down))
        } else {
            // Without usable markers the level is one run, which only a small level may be.
            SizePx::new(across * frame.mcu_px.width, down * frame.mcu_px.height)
        };
        let colour = match dir.number(source, tag::PHOTOMETRIC)? {
            Some(2) => jpeg::Colour::Rgb,
            _ => jpeg::Colour::YCbCr,
        };
        let header = header.get(..frame.end).unwrap_or_default().to_vec();
        let mut strip = Self {
            size_px,
            channels: frame.components,
            colour,
            header,
            size_at: frame.size_at,
            run_px,
            bounds: vec![],
        };
        if !matches!(strip.channels, 1 | 3) {
            return Err(Fault::unsupported(format!("NDPI level with {} components", strip.channels)));
        }
        let one = u64::from(strip.run_px.width) * u64::from(strip.run_px.height) * u64::from(strip.channels);
        Fault::check_size("one run of a level", one, limits::TILE_BYTES)?;
        strip.bounds = strip.find_runs(source, dir, (start, end))?;
        Ok(strip)
    }

    fn runs(&self) -> (u32, u32) {
        (self.size_px.width.div_ceil(self.run_px.width), self.size_px.height.div_ceil(self.run_px.height))
    }

    /// Where each run starts: from the file's own list, else by looking for the markers.
    fn find_runs(&self, source: &dyn ByteSource, dir: &Directory, (start, end): (u64, u64)) -> Result<Vec<u64>, Fault> {
        let (across, down) = self.runs();
        let wanted = u64::from(across) * u64::from(down);
        let first = start + self.header.len() as u64;
        let low = dir.numbers(source, tag::NDPI_MCU_STARTS, wanted.saturating_mul(2)).unwrap_or_default();
        let high = dir.numbers(source, tag::NDPI_MCU_STARTS_HIGH, wanted.saturating_mul(2)).unwrap_or_default();
        let listed = low.iter().enumerate().map(|(n, low)| {
            let offset = low & 0xFFFF_FFFF | high.get(n).map_or(0, |high| high << 32);
            start.saturating_add(offset)
        });
        let mut bounds: Vec<u64> = listed.collect();
        let rising = bounds.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
        if bounds.len() as u64 != wanted || !rising || bounds.first() != Some(&first) {
            bounds = if wanted == 1 { vec![first] } else { scan(source, first, end)? };
        }
        if bounds.len() as u64 != wanted || bounds.last().is_some_and(|last| *last >= end) {
            let have = bounds.len();
            return Err(Fault::damaged(format!("a level should have {wanted} runs between markers, it has {have}")));
        }
        bounds.push(end);
        Ok(bounds)
    }

    /// Runs gathered into one tile, one above the other.
    fn runs_per_tile(&self) -> u32 {
        (TILE_HEIGHT / self.run_px.height).max(1)
    }

    fn tile_px(&self) -> SizePx {
        let width = if self.run_px.width <= TILE_WIDTH { self.run_px.width } else { TILE_WIDTH };
        SizePx::new(width, self.run_px.height * self.runs_per_tile())
    }

    /// Decodes a column of runs: run column `col`, tile row `row`, cut to the level's edge.
    fn block(&self, source: &dyn ByteSource, col: u32, row: u32) -> Result<PixelBuffer, Fault> {
        let (across, down) = self.runs();
        let top = row * self.runs_per_tile();
        let count = self.runs_per_tile().min(down.saturating_sub(top));
        let size = SizePx::new(
            self.run_px.width.min(self.size_px.width.saturating_sub(col * self.run_px.width)),
            (count * self.run_px.height).min(self.size_px.height.saturating_sub(top * self.run_px.height)),
        );
        let (width, height) = (u16::try_from(size.width), u16::try_from(size.height));
        let (Ok(width), Ok(height)) = (width, height) else {
            return Err(Fault::unsupported("NDPI level wider than a JPEG may be without restart markers"));
        };
        let mut data = self.header.clone();
        if let Some(place) = data.get_mut(self.size_at..self.size_at + 4) {
            place.copy_from_slice(&[height.to_be_bytes(), width.to_be_bytes()].concat());
        }
        for n in 0..count {
            let index = (top + n) as usize * across as usize + col as usize;
            let missing = || Fault::damaged("a run is missing from its list");
            let (from, to) =
                (*self.bounds.get(index).ok_or_else(missing)?, *self.bounds.get(index + 1).ok_or_else(missing)?);
            let run = read_range(source, from, to - from, "run of a level", limits::COMPRESSED_BYTES)?;
            // Every run is followed by its marker, the last by the end of the image; ours are numbered anew.
            let body = match run.as_slice() {
                [body @ .., 0xFF, 0xD0..=0xD7 | 0xD9] => body,
                body if index + 2 == self.bounds.len() => body,
                _ => return Err(Fault::damaged("a restart marker is not where the file says")),
            };
            data.extend_from_slice(body);
            let marker = if n + 1 == count { 0xD9 } else { 0xD0 + u8::try_from(n % 8).unwrap_or(0) };
            data.extend_from_slice(&[0xFF, marker]);
        }
        let expect = Expect { width: size.width, height: size.height, channels: self.channels };
        let samples = jpeg::decode(&mut data, expect, self.colour)?;
        Ok(PixelBuffer { size_px: size, channels: self.channels, samples: Samples::U8(samples) })
    }
}

/// Starts of the runs by their restart markers, reading the level once in pieces.
fn scan(source: &dyn ByteSource, first: u64, end: u64) -> Result<Vec<u64>, Fault> {
    const PIECE: u64 = 4 << 20;
    let (mut starts, mut at, mut after_ff) = (vec![first], first, false);
    while at < end {
        let piece = read_range(source, at, PIECE.min(end - at), "level", PIECE)?;
        for (n, byte) in piece.iter().enumerate() {
            if after_ff && matches!(byte, 0xD0..=0xD7) {
                starts.push(at + n as u64 + 1);
            }
            after_ff = *byte == 0xFF;
        }
        at += piece.len() as u64;
    }
    Ok(starts)
}

impl Ndpi {
    /// # Errors
    /// `Unsupported` with the name of what is not read, `Damaged` when the first level cannot be read.
    pub fn open(path: PathBuf, bytes: Arc<dyn ByteSource>, dirs: &[Directory]) -> Result<Self, Fault> {
        let source = &*bytes;
        let (mut by_plane, mut associated, mut unread) = (BTreeMap::<i64, Vec<Strip>>::new(), Vec::new(), 0);
        let (mut first, mut power) = (None, None);
        for dir in dirs {
            let lens = dir.real(source, tag::NDPI_SOURCE_LENS).unwrap_or(0.0);
            if lens < 0.0 {
                let name = if lens > -1.5 { "macro" } else { "map" };
                match Page::new(source, dir) {
                    Ok(page) => associated.push((name.to_owned(), page)),
                    Err(_) => unread += 1,
                }
                continue;
            }
            match Strip::new(source, dir) {
                Ok(strip) => {
                    #[allow(clippy::cast_possible_truncation, reason = "a 32-bit number of nanometres")]
                    let plane = dir.real(source, tag::NDPI_FOCAL_PLANE).unwrap_or(0.0) as i64;
                    by_plane.entry(plane).or_default().push(strip);
                    if first.is_none() {
                        (first, power) = (Some(dir), Some(lens).filter(|lens| *lens > 0.0));
                    }
                }
                Err(fault) if first.is_none() => return Err(fault),
                Err(_) => unread += 1,
            }
        }
        let first = first.ok_or_else(|| Fault::damaged("the NDPI file has no level"))?;
        for strips in by_plane.values_mut() {
            strips.sort_by_key(|strip| std::cmp::Reverse(strip.size_px.area()));
        }
        // The middle plane says what the levels are; a plane that lacks some of them cannot be shown beside it.
        let middle = by_plane.iter().min_by_key(|(z, _)| z.abs()).map(|(_, strips)| shape(strips)).unwrap_or_default();
        let before = by_plane.len();
        by_plane.retain(|_, strips| shape(strips) == middle);
        unread += before - by_plane.len();
        let planes: Vec<Vec<Strip>> = by_plane.into_values().collect();
        let mut warnings = Vec::new();
        if unread > 0 {
            warnings.push(ImageWarning { code: "tiff-pages-not-shown", detail: unread.to_string() });
        }
        let base = planes.first().and_then(|strips| strips.first());
        let (full, channels) = base.map_or((SizePx::new(0, 0), 3), |strip| (strip.size_px, strip.channels));
        let levels: Vec<Level> = planes
            .first()
            .into_iter()
            .flatten()
            .map(|strip| describe_level(full, strip.size_px, strip.tile_px()))
            .collect();
        let meta = ImageMeta {
            format: "Hamamatsu NDPI".to_owned(),
            reader: "ndpi (native)",
            field: Field::Pathology,
            levels,
            frames: vec![FrameInfo::default(); planes.len()],
            channels,
            spacing: resolution(source, first),
            objective_power: power,
            transfer_syntax: Some("JPEG".to_owned()),
            photometric: if channels == 1 { "BlackIsZero" } else { "YCbCr" }.to_owned(),
            associated: associated.iter().map(|(name, _)| name.clone()).collect(),
            warnings,
            files: vec![path.clone()],
            icc: super::icc(source, first),
            ..ImageMeta::default()
        };
        let wide = Mutex::new(ByteCache::new(limits::FRAME_CACHE_BYTES));
        Ok(Self { meta, path, bytes, planes, associated, wide })
    }

    fn guarded<T>(&self, work: impl FnOnce() -> Result<T, Fault>) -> Result<T, ImagingError> {
        caught(work).unwrap_or_else(|panic| Err(Fault::damaged(panic))).map_err(|fault| fault.at(&self.path))
    }

    /// A column of runs that is wider than a tile, decoded once for all its tiles.
    fn wide_block(&self, strip: &Strip, key: TileKey, col: u32) -> Result<Arc<PixelBuffer>, ImagingError> {
        let place = (key.frame, key.level, col, key.row);
        let cached = self.wide.lock().unwrap_or_else(PoisonError::into_inner).get(&place);
        if let Some(block) = cached {
            return Ok(block);
        }
        let block = Arc::new(self.guarded(|| strip.block(&*self.bytes, col, key.row))?);
        let mut cache = self.wide.lock().unwrap_or_else(PoisonError::into_inner);
        cache.insert(place, Arc::clone(&block), block.bytes());
        Ok(block)
    }
}

fn shape(strips: &[Strip]) -> Vec<(SizePx, SizePx, u8)> {
    strips.iter().map(|strip| (strip.size_px, strip.tile_px(), strip.channels)).collect()
}

impl ImageSource for Ndpi {
    fn meta(&self) -> &ImageMeta {
        &self.meta
    }

    fn read_tile(&self, key: TileKey) -> Result<PixelBuffer, ImagingError> {
        let level = level_of(&self.meta.levels, key)?;
        let rect = tile_rect(level, key)?;
        let count = self.planes.len() as u64;
        let outside = || ImagingError::OutOfRange { what: "focal plane", index: u64::from(key.frame), count };
        let plane = self.planes.get(key.frame as usize).ok_or_else(outside)?;
        let strip = plane.get(usize::from(key.level)).ok_or_else(outside)?;
        if strip.run_px.width == level.tile_px.width {
            return self.guarded(|| strip.block(&*self.bytes, key.col, key.row));
        }
        // A run that is wider than a tile is as wide as it likes, so a tile may lie across two of them.
        let (from, to) = (rect.x / strip.run_px.width, (rect.x + rect.width - 1) / strip.run_px.width);
        let mut canvas = crate::imaging::canvas::Canvas::new(SizePx::new(rect.width, rect.height));
        for col in from..=to {
            let block = self.wide_block(strip, key, col)?;
            let left = col * strip.run_px.width;
            let x = rect.x.max(left);
            let width = (rect.x + rect.width).min(left + block.size_px.width).saturating_sub(x);
            let piece = crop(&block, RectPx { x: x - left, y: 0, width, height: rect.height });
            self.guarded(|| canvas.put(&piece, x - rect.x, 0))?;
        }
        self.guarded(|| canvas.finish())
    }

    fn read_associated(&self, name: &str) -> Result<PixelBuffer, ImagingError> {
        let page = associated(&self.associated, name)?;
        self.guarded(|| whole(&*self.bytes, page))
    }
}
