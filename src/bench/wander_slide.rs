//! A real tiled TIFF of 100,000 × 80,000 pixels that is small on the disk: a pattern of 8,192 pixels repeats, and every
//! repetition points at the same compressed tiles. Each tile is read and decoded as any other would be.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "colours of a picture, and rows of a buffer of its own making"
)]

use std::fs::File;
use std::io::{BufWriter, Seek as _, Write as _};
use std::path::Path;

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;

use crate::demo::tiff_pyramid::{LevelIndex, TILE_PX, write_directories};

pub const WIDTH: usize = 100_000;
pub const HEIGHT: usize = 80_000;
/// Side of what repeats, at full resolution.
const PERIOD: usize = 8192;
const DOWNSAMPLES: [usize; 4] = [1, 4, 16, 64];

/// Writes the slide.
///
/// # Errors
/// Whatever writing the file gives.
pub fn write(path: &Path) -> std::io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    out.write_all(b"II*\0\0\0\0\0")?;
    let mut raster = tissue();
    let mut side = PERIOD;
    let mut levels = Vec::new();
    for (number, downsample) in DOWNSAMPLES.into_iter().enumerate() {
        if number > 0 {
            raster = quartered(&quartered(&raster, side), side / 2);
            side /= 4;
        }
        let mut index = LevelIndex {
            width: WIDTH / downsample,
            height: HEIGHT / downsample,
            offsets: Vec::new(),
            sizes: Vec::new(),
        };
        // Where a level's period is smaller than a tile, one tile holds several.
        let tiles = side.div_ceil(TILE_PX);
        let mut places = Vec::with_capacity(tiles * tiles);
        for (row, col) in (0..tiles).flat_map(|row| (0..tiles).map(move |col| (row, col))) {
            let bytes = tile(&raster, side, col, row)?;
            places.push((out.stream_position()? as u32, bytes.len() as u32));
            out.write_all(&bytes)?;
        }
        for row in 0..index.height.div_ceil(TILE_PX) {
            for col in 0..index.width.div_ceil(TILE_PX) {
                let (offset, size) = places[row % tiles * tiles + col % tiles];
                index.offsets.push(offset);
                index.sizes.push(size);
            }
        }
        levels.push(index);
    }
    write_directories(&mut out, &levels, 0.25, "Shoken bench: a pattern that repeats")?;
    out.flush()
}

fn tile(raster: &[u8], side: usize, col: usize, row: usize) -> std::io::Result<Vec<u8>> {
    let mut rgb = Vec::with_capacity(TILE_PX * TILE_PX * 3);
    for y in 0..TILE_PX {
        for x in 0..TILE_PX {
            let at = ((row * TILE_PX + y) % side * side + (col * TILE_PX + x) % side) * 3;
            rgb.extend_from_slice(&raster[at..at + 3]);
        }
    }
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 80)
        .encode(&rgb, TILE_PX as u32, TILE_PX as u32, ExtendedColorType::Rgb8)
        .map_err(std::io::Error::other)?;
    Ok(bytes)
}

/// Half the side, each pixel the mean of four.
fn quartered(rgb: &[u8], side: usize) -> Vec<u8> {
    let half = side / 2;
    let mut out = vec![0; half * half * 3];
    for y in 0..half {
        for x in 0..half {
            for c in 0..3 {
                let at = |dx: usize, dy: usize| u32::from(rgb[((2 * y + dy) * side + 2 * x + dx) * 3 + c]);
                out[(y * half + x) * 3 + c] = ((at(0, 0) + at(1, 0) + at(0, 1) + at(1, 1) + 2) / 4) as u8;
            }
        }
    }
    out
}

fn hash(x: u32, y: u32, salt: u32) -> u32 {
    let mut h = x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca77) ^ salt.wrapping_mul(0xc2b2_ae3d);
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    h ^ (h >> 15)
}

/// Smooth noise from 0 to 1 with features of `cell` pixels, seamless over the period.
fn noise(x: usize, y: usize, cell: usize, salt: u32) -> f32 {
    let wrap = (PERIOD / cell) as u32;
    let (cx, cy) = ((x / cell) as u32, (y / cell) as u32);
    let (fx, fy) = ((x % cell) as f32 / cell as f32, (y % cell) as f32 / cell as f32);
    let smooth = |t: f32| t * t * (3.0 - 2.0 * t);
    let at = |dx: u32, dy: u32| (hash((cx + dx) % wrap, (cy + dy) % wrap, salt) >> 8) as f32 / 16_777_216.0;
    let (sx, sy) = (smooth(fx), smooth(fy));
    let upper = at(0, 0) + (at(1, 0) - at(0, 0)) * sx;
    let lower = at(0, 1) + (at(1, 1) - at(0, 1)) * sx;
    upper + (lower - upper) * sy
}

/// One round core of pink tissue with glands and nuclei on glass.
fn tissue() -> Vec<u8> {
    let mut out = vec![0; PERIOD * PERIOD * 3];
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get);
    let rows = PERIOD.div_ceil(threads);
    std::thread::scope(|scope| {
        for (part, band) in out.chunks_mut(rows * PERIOD * 3).enumerate() {
            scope.spawn(move || {
                for (i, pixel) in band.as_chunks_mut::<3>().0.iter_mut().enumerate() {
                    *pixel = colour(i % PERIOD, part * rows + i / PERIOD);
                }
            });
        }
    });
    out
}

fn colour(x: usize, y: usize) -> [u8; 3] {
    let grain = (hash(x as u32, y as u32, 9) >> 28) as f32 * 0.6;
    let middle = PERIOD as f32 / 2.0;
    let from_middle = (x as f32 - middle).hypot(y as f32 - middle);
    let edge = 3600.0 + 300.0 * noise(x, y, 512, 1);
    if from_middle > edge {
        return [244.0 - grain, 243.0 - grain, 246.0 - grain].map(|v| v as u8);
    }
    let gland = noise(x, y, 256, 2);
    if gland > 0.66 {
        return [240.0 - grain, 236.0 - grain, 241.0 - grain].map(|v| v as u8);
    }
    let texture = noise(x, y, 32, 3) * 0.6 + noise(x, y, 8, 4) * 0.4;
    let mut rgb = [226.0 - 40.0 * texture, 160.0 - 70.0 * texture, 196.0 - 45.0 * texture];
    // Nuclei on a jittered grid, crowded around the glands.
    let (cx, cy) = ((x / 28) as u32, (y / 28) as u32);
    let h = hash(cx, cy, 5);
    let centre = [(h & 15) as f32 + 6.0, (h >> 4 & 15) as f32 + 6.0];
    let radius = 4.0 + (h >> 8 & 7) as f32 * if gland > 0.5 { 0.9 } else { 0.4 };
    let away = ((x % 28) as f32 - centre[0]).hypot((y % 28) as f32 - centre[1]);
    if away < radius && (gland > 0.5 || (h >> 16) % 4 == 0) {
        let chromatin = noise(x, y, 4, 6) * 40.0;
        rgb = [86.0 + chromatin, 52.0 + chromatin, 132.0 + chromatin];
    }
    rgb.map(|v| (v - grain).clamp(0.0, 255.0) as u8)
}
