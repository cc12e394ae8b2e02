//! What every attack on the readers does with bytes: the tests' mutants and the fuzz targets share it.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use shoken::{
    domain::TileKey,
    imaging::{self, ImagingError, bytes::MemoryBytes},
};

/// Opens the bytes and decodes something of everything: first and last frame, first and last level, edge tiles, and the
/// associated images if asked. The number of tiles and images that gave pixels.
///
/// # Errors
/// The error of opening, or the last one of decoding when nothing gave pixels.
pub fn look(bytes: &[u8], associated: bool) -> Result<u32, ImagingError> {
    let source = imaging::open_bytes(Path::new("mutant"), Arc::new(MemoryBytes::new(bytes.to_vec())))?;
    let meta = source.meta();
    let (mut good, mut last) = (0, None);
    let frames = [0, (meta.frames.len() as u32).saturating_sub(1)];
    let levels = [0, (meta.levels.len() as u16).saturating_sub(1)];
    let mut seen = BTreeSet::new();
    for (frame, level) in frames.into_iter().flat_map(|frame| levels.map(|level| (frame, level))) {
        let Some(shape) = meta.levels.get(usize::from(level)) else { continue };
        let (cols, rows) = shape.tiles();
        for (col, row) in [(0, 0), (cols.saturating_sub(1), rows.saturating_sub(1))] {
            let key = TileKey { frame, level, col, row };
            if seen.insert(key) {
                match source.read_tile(key) {
                    Ok(pixels) => {
                        let area = pixels.size_px.area() * u64::from(pixels.channels);
                        assert_eq!(pixels.sample_count(), area, "a buffer holds what its size says");
                        good += 1;
                    }
                    Err(error) => last = Some(error),
                }
            }
        }
    }
    for name in meta.associated.iter().filter(|_| associated) {
        match source.read_associated(name) {
            Ok(_) => good += 1,
            Err(error) => last = Some(error),
        }
    }
    match last {
        Some(error) if good == 0 => Err(error),
        _ => Ok(good),
    }
}
