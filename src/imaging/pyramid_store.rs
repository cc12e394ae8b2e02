//! The tiles of a pyramid in one file of the cache: deflated without loss, readable while it is still being written.
//!
//! Layout, little-endian: eight bytes of mark, tiles one after the other, then the index (offset and length of each tile, 64
//! bits each, level by level, row by row), then where the index begins and how many entries it has. Whatever is wrong with a
//! file of the cache, the remedy is to make it again.

use std::{
    fs::File,
    io::{self, BufWriter, Read as _, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use super::{
    PixelBuffer, Samples,
    bytes::{ByteSource, FileBytes, read_range},
    fault::Fault,
    frames::tile_rect,
    limits,
};
use crate::domain::{Level, SizePx, TileKey};

const MARK: &[u8; 8] = b"shokpyr1";

/// The kind of samples of all tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    U8,
    U16,
    I16,
    F64,
}

impl Kind {
    pub fn of(samples: &Samples) -> Self {
        match samples {
            Samples::U8(_) => Self::U8,
            Samples::U16(_) => Self::U16,
            Samples::I16(_) => Self::I16,
            Samples::F64(_) => Self::F64,
        }
    }

    fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::F64 => 8,
        }
    }

    fn code(self) -> u64 {
        match self {
            Self::U8 => 1,
            Self::U16 => 2,
            Self::I16 => 3,
            Self::F64 => 4,
        }
    }

    fn from_code(code: u64) -> Option<Self> {
        [Self::U8, Self::U16, Self::I16, Self::F64].into_iter().find(|kind| kind.code() == code)
    }
}

/// Tiles before those of each level, and their number in all.
fn counts(levels: &[Level]) -> (Vec<usize>, usize) {
    let mut before = Vec::new();
    let mut sum = 0;
    for level in levels {
        before.push(sum);
        let (cols, rows) = level.tiles();
        sum += cols as usize * rows as usize;
    }
    (before, sum)
}

/// Tiles in a file, all of them or as many as are written.
pub struct TileFile {
    file: FileBytes,
    levels: Vec<Level>,
    channels: u8,
    before: Vec<usize>,
    index: Mutex<Index>,
}

/// Kind of samples, and offset and length of each tile; zero for one that is not there yet.
type Index = (Option<Kind>, Vec<(u64, u64)>);

impl TileFile {
    /// A finished file; `None` when it is not one of this shape.
    pub fn open(path: &Path, levels: &[Level], channels: u8) -> Option<Self> {
        let file = FileBytes::open(path).ok()?;
        let (before, count) = counts(levels);
        let tail = read_range(&file, file.len().checked_sub(24)?, 24, "end", 24).ok()?;
        let number = |at: usize| tail.get(at..at + 8).and_then(|b| Some(u64::from_le_bytes(b.try_into().ok()?)));
        let (at, entries, kind) = (number(0)?, number(8)?, Kind::from_code(number(16)?)?);
        let mark = read_range(&file, 0, 8, "mark", 8).ok()?;
        if mark != MARK || entries != count as u64 || at.checked_add(entries.checked_mul(16)?)? + 24 != file.len() {
            return None;
        }
        let raw = read_range(&file, at, entries * 16, "index", limits::COMPRESSED_BYTES).ok()?;
        let pairs = raw.as_chunks::<16>().0.iter().map(|entry| {
            let (low, high) = entry.split_at(8);
            let number = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_le_bytes);
            (number(low), number(high))
        });
        let index = Mutex::new((Some(kind), pairs.collect()));
        Some(Self { file, levels: levels.to_vec(), channels, before, index })
    }

    fn slot(&self, key: TileKey) -> Option<(usize, SizePx)> {
        let level = self.levels.get(usize::from(key.level))?;
        let rect = tile_rect(level, key).ok()?;
        let place =
            self.before.get(usize::from(key.level))? + key.row as usize * level.tiles().0 as usize + key.col as usize;
        Some((place, SizePx::new(rect.width, rect.height)))
    }

    /// A tile; `None` when it is not written yet.
    ///
    /// # Errors
    /// `Damaged` when the file of the cache is.
    pub fn read(&self, key: TileKey) -> Result<Option<PixelBuffer>, Fault> {
        let Some((slot, size_px)) = self.slot(key) else { return Ok(None) };
        let (kind, (at, len)) = {
            let index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
            (index.0, index.1.get(slot).copied().unwrap_or_default())
        };
        let (Some(kind), 1..) = (kind, len) else { return Ok(None) };
        let want = usize::try_from(size_px.area()).unwrap_or(0) * usize::from(self.channels) * kind.bytes();
        let mut data = vec![0; usize::try_from(len.min(limits::TILE_BYTES)).unwrap_or(0)];
        // Not through `read_range`, which knows the length that the file had when it was opened.
        let mut done = 0;
        while let Some(rest) = data.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(at + done as u64, rest)? {
                0 => return Err(Fault::damaged("the cache of its pyramid is cut short")),
                count => done += count,
            }
        }
        let mut raw = Vec::with_capacity(want);
        flate2::read::ZlibDecoder::new(data.as_slice()).take(want as u64).read_to_end(&mut raw)?;
        if raw.len() != want {
            return Err(Fault::damaged("the cache of its pyramid is damaged"));
        }
        let samples = match kind {
            Kind::U8 => Samples::U8(raw),
            Kind::U16 => Samples::U16(raw.as_chunks::<2>().0.iter().map(|b| u16::from_le_bytes(*b)).collect()),
            Kind::I16 => Samples::I16(raw.as_chunks::<2>().0.iter().map(|b| i16::from_le_bytes(*b)).collect()),
            Kind::F64 => Samples::F64(raw.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect()),
        };
        Ok(Some(PixelBuffer { size_px, channels: self.channels, samples }))
    }
}

/// Writes the tiles of a pyramid. What was not finished is removed.
pub struct TileWriter {
    out: BufWriter<File>,
    partial: PathBuf,
    target: PathBuf,
    at: u64,
    finished: bool,
}

impl TileWriter {
    /// A writer, and what has been written so far for those who cannot wait.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(target: &Path, levels: &[Level], channels: u8) -> io::Result<(Self, TileFile)> {
        if let Some(folder) = target.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut partial = target.as_os_str().to_owned();
        partial.push(format!(".{}.part", std::process::id()));
        let partial = PathBuf::from(partial);
        let mut out = BufWriter::new(File::create(&partial)?);
        out.write_all(MARK)?;
        out.flush()?;
        let (before, count) = counts(levels);
        let file = FileBytes::open(&partial)?;
        let index = Mutex::new((None, vec![(0, 0); count]));
        let written = TileFile { file, levels: levels.to_vec(), channels, before, index };
        Ok((Self { out, partial, target: target.to_path_buf(), at: MARK.len() as u64, finished: false }, written))
    }

    /// # Errors
    /// What the system says; a disk that is full.
    pub fn put(&mut self, written: &TileFile, key: TileKey, tile: &PixelBuffer) -> io::Result<()> {
        let raw: Vec<u8> = match &tile.samples {
            Samples::U8(values) => values.clone(),
            Samples::U16(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Samples::I16(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Samples::F64(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        };
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&raw)?;
        let data = encoder.finish()?;
        self.out.write_all(&data)?;
        // Before the index says that it is there.
        self.out.flush()?;
        let mut index = written.index.lock().unwrap_or_else(PoisonError::into_inner);
        index.0 = Some(Kind::of(&tile.samples));
        if let Some(entry) = written.slot(key).and_then(|(slot, _)| index.1.get_mut(slot)) {
            *entry = (self.at, data.len() as u64);
        }
        drop(index);
        self.at += data.len() as u64;
        Ok(())
    }

    /// Writes the index and gives the file its name.
    ///
    /// # Errors
    /// What the system says; `InvalidData` when a tile is missing.
    pub fn finish(mut self, written: &TileFile) -> io::Result<()> {
        let index = written.index.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(kind), true) = (index.0, index.1.iter().all(|(_, len)| *len > 0)) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a tile of the pyramid is missing"));
        };
        for (at, len) in &index.1 {
            self.out.write_all(&at.to_le_bytes())?;
            self.out.write_all(&len.to_le_bytes())?;
        }
        for number in [self.at, index.1.len() as u64, kind.code()] {
            self.out.write_all(&number.to_le_bytes())?;
        }
        drop(index);
        self.out.flush()?;
        std::fs::rename(&self.partial, &self.target)?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for TileWriter {
    fn drop(&mut self) {
        if !self.finished {
            // A leftover would only take room.
            let _ = std::fs::remove_file(&self.partial);
        }
    }
}
