//! A PNG row by row, so that a picture of a gigabyte needs a few megabytes.

use std::{
    io::BufReader,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    ImagingError, PixelBuffer, Samples,
    bands::Bands,
    bytes::{ByteSource, Cursor},
    fault::Fault,
    limits,
};
use crate::domain::SizePx;

/// Rows handed on at once.
const ROWS: u32 = 64;

pub struct PngRows<'a> {
    reader: png::Reader<BufReader<Cursor<'a>>>,
    path: PathBuf,
    left: u32,
    stored: usize,
    channels: u8,
    deep: bool,
}

/// The rows of a PNG whose rows come in order; `None` for an interlaced one, and for one that is broken, of which the whole
/// decoder says what is wrong.
pub fn rows<'a>(bytes: &'a Arc<dyn ByteSource>, path: &Path, channels: u8) -> Option<PngRows<'a>> {
    let bound = png::Limits { bytes: usize::try_from(limits::TILE_BYTES).unwrap_or(usize::MAX) };
    let mut decoder = png::Decoder::new_with_limits(BufReader::new(Cursor::new(&**bytes)), bound);
    decoder.set_transformations(png::Transformations::EXPAND);
    let reader = decoder.read_info().ok().filter(|reader| !reader.info().interlaced)?;
    let (colour, depth) = reader.output_color_type();
    let stored = colour.samples();
    // Transparency of a grey image is left out, as in the whole decoder.
    let fits = matches!((stored, channels), (1 | 2, 1) | (3, 3) | (4, 4));
    let deep = match depth {
        png::BitDepth::Eight => false,
        png::BitDepth::Sixteen => true,
        _ => return None,
    };
    let left = reader.info().height;
    fits.then_some(PngRows { reader, path: path.to_path_buf(), left, stored, channels, deep })
}

impl Bands for PngRows<'_> {
    fn next_band(&mut self) -> Result<Option<PixelBuffer>, ImagingError> {
        let rows = self.left.min(ROWS);
        if rows == 0 {
            return Ok(None);
        }
        let width = self.reader.info().width;
        let broken = |what: String| Fault::damaged(what).at(&self.path);
        let mut raw = Vec::new();
        for _ in 0..rows {
            let row = self.reader.next_row().map_err(|error| broken(error.to_string()))?;
            raw.extend_from_slice(row.ok_or_else(|| broken("it ends before its rows do".to_owned()))?.data());
        }
        self.left -= rows;
        let kept = usize::from(self.channels);
        let samples = if self.deep {
            let words = raw.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair));
            let words: Vec<u16> = words.collect();
            Samples::U16(if kept == self.stored { words } else { words.into_iter().step_by(self.stored).collect() })
        } else {
            Samples::U8(if kept == self.stored { raw } else { raw.into_iter().step_by(self.stored).collect() })
        };
        let band = PixelBuffer { size_px: SizePx::new(width, rows), channels: self.channels, samples };
        if band.sample_count() != band.size_px.area() * u64::from(band.channels) {
            return Err(broken("its rows have another length than promised".to_owned()));
        }
        Ok(Some(band))
    }
}
