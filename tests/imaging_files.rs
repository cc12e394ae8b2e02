//! Real files of every format, and hostile ones: each opens as what it is, or is refused in one line; nothing panics.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use shoken::{
    domain::TileKey,
    imaging::{self, ImageSource, ImagingError},
};

use crate::support::samples;

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { out.push(path) }
        }
    }
    out.sort();
    out
}

/// Decodes a tile in each corner of each level of the first, middle and last frame.
fn touch(source: &dyn ImageSource) -> Result<(), ImagingError> {
    let meta = source.meta();
    let frames = u32::try_from(meta.frames.len()).unwrap();
    for frame in [0, frames / 2, frames.saturating_sub(1)] {
        for (level, shape) in (0..).zip(&meta.levels) {
            let (cols, rows) = shape.tiles();
            for (col, row) in [(0, 0), (cols - 1, rows - 1)] {
                let pixels = source.read_tile(TileKey { frame, level, col, row })?;
                assert_eq!(pixels.sample_count(), pixels.size_px.area() * u64::from(pixels.channels));
                assert_eq!(pixels.channels, meta.channels);
            }
        }
    }
    for name in &meta.associated {
        source.read_associated(name)?;
    }
    Ok(())
}

/// Every file of the corpus is read or refused; the table of what happened is printed.
#[test]
fn every_sample_file_opens_or_is_refused_in_bounded_time() {
    let Some(samples) = samples() else { return };
    let (mut opened, mut refused) = (0, 0);
    for file in files_under(&samples) {
        let begun = Instant::now();
        let name = file.strip_prefix(&samples).unwrap().display().to_string();
        match imaging::open(&file).and_then(|source| touch(&*source).map(|()| source)) {
            Ok(source) => {
                let meta = source.meta();
                opened += 1;
                println!("ok      {name}: {} {:?} {} frame(s)", meta.format, meta.size_px(), meta.frames.len());
            }
            Err(error) => {
                refused += 1;
                let message = error.to_string();
                assert!(!message.contains('\n') && message.len() < 600, "{name}: {message}");
                assert!(!message.contains("internal fault"), "{name}: a decoder panicked: {message}");
                println!("refused {name}: {}", error.reason());
            }
        }
        let took = begun.elapsed();
        assert!(took < Duration::from_mins(1), "{name} took {took:?}");
    }
    println!("opened={opened} refused={refused}");
    assert!(opened > 250, "only {opened} files opened");
}
