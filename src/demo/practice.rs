//! The images of "practise for five minutes": one of each field, made once and kept.

use std::path::{Path, PathBuf};

use super::{CtPhantom, EndoscopyScene, PlantedKind, SlideScene, write_series};

const SEED: u64 = 5;
const SLICES: usize = 24;

/// Writes the practice images into `folder` where they are not there yet, and names them in reading order.
///
/// # Errors
/// When a file cannot be written.
pub fn practice_images(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let photo = folder.join("practice-endoscopy.jpg");
    if !photo.exists() {
        EndoscopyScene::new(SEED, 1280, 1024, PlantedKind::Polyp).write(&photo)?;
    }
    let slide = folder.join("practice-slide.tiff");
    if !slide.exists() {
        SlideScene::new(SEED, 3072, 2048).write(&slide)?;
    }
    let series = folder.join("practice-ct");
    if !series.exists() {
        std::fs::create_dir_all(&series)?;
        write_series(&CtPhantom::new(SEED, SLICES), SEED, &series)?;
    }
    Ok(vec![photo, slide, series])
}
