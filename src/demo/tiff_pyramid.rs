//! Writes a generic tiled pyramidal TIFF (TIFF 6.0 + Technical Note 2): JPEG tiles, one directory per level.
//!
//! Level 0 is produced band by band and never held whole; the coarser levels are 2×2 box means of the finer one.
#![allow(clippy::cast_possible_truncation, reason = "tag values are checked against u32 before they are written")]

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;

/// Side of a tile in pixels.
pub const TILE_PX: usize = 256;
const JPEG_QUALITY: u8 = 85;

/// An RGB raster of one level, rows top to bottom.
struct Raster {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

/// Where the tiles of a level lie in the file. Several may lie in one place.
pub(crate) struct LevelIndex {
    pub width: usize,
    pub height: usize,
    pub offsets: Vec<u32>,
    pub sizes: Vec<u32>,
}

/// Writes `path`. `band(y0, rows, out)` fills `rows × width × 3` bytes of RGB starting at row `y0`.
/// `um_per_px` goes into the resolution tags. Levels halve until both sides fit in two tiles.
///
/// # Errors
/// Whatever writing the file gives; a file larger than 4 GiB is refused.
pub fn write_pyramid(
    path: &Path,
    width: usize,
    height: usize,
    um_per_px: f64,
    description: &str,
    mut band: impl FnMut(usize, usize, &mut [u8]),
) -> std::io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    out.write_all(b"II*\0\0\0\0\0")?;
    let mut levels = Vec::new();

    let (mut half, index) = {
        let mut half = Raster::empty(width / 2, height / 2);
        let mut index = LevelIndex::new(width, height);
        let mut rows = vec![0_u8; width * TILE_PX * 3];
        for y0 in (0..height).step_by(TILE_PX) {
            let count = TILE_PX.min(height - y0);
            band(y0, count, &mut rows[..count * width * 3]);
            write_tile_row(&mut out, &mut index, &rows, width, count)?;
            shrink_into(&mut half, y0, &rows, width, count);
        }
        (half, index)
    };
    levels.push(index);
    loop {
        let mut index = LevelIndex::new(half.width, half.height);
        for y0 in (0..half.height).step_by(TILE_PX) {
            let count = TILE_PX.min(half.height - y0);
            let from = y0 * half.width * 3;
            write_tile_row(&mut out, &mut index, &half.rgb[from..from + count * half.width * 3], half.width, count)?;
        }
        levels.push(index);
        if half.width <= 2 * TILE_PX && half.height <= 2 * TILE_PX {
            break;
        }
        let mut next = Raster::empty(half.width / 2, half.height / 2);
        let height = half.height;
        shrink_into(&mut next, 0, &half.rgb, half.width, height);
        half = next;
    }

    write_directories(&mut out, &levels, um_per_px, description)?;
    out.flush()?;
    out.get_ref().sync_all()
}

/// One directory a level, each linked from the one before, the first from the file's header.
///
/// # Errors
/// Whatever writing the file gives.
pub(crate) fn write_directories(
    out: &mut BufWriter<File>,
    levels: &[LevelIndex],
    um_per_px: f64,
    description: &str,
) -> std::io::Result<()> {
    let width = levels.first().map_or(1, |l| l.width);
    let mut link_at = 4_u64;
    for (number, level) in levels.iter().enumerate() {
        let downsample = width as f64 / level.width as f64;
        let directory = write_directory(out, level, number > 0, um_per_px * downsample, description)?;
        let end = out.stream_position()?;
        out.seek(SeekFrom::Start(link_at))?;
        out.write_all(&directory.start.to_le_bytes())?;
        out.seek(SeekFrom::Start(end))?;
        link_at = u64::from(directory.link_at);
    }
    Ok(())
}

impl Raster {
    fn empty(width: usize, height: usize) -> Self {
        Self { width, height, rgb: vec![0; width * height * 3] }
    }
}

impl LevelIndex {
    fn new(width: usize, height: usize) -> Self {
        Self { width, height, offsets: Vec::new(), sizes: Vec::new() }
    }
}

fn position(out: &mut BufWriter<File>) -> std::io::Result<u32> {
    u32::try_from(out.stream_position()?)
        .map_err(|_| std::io::Error::other("the slide would exceed 4 GiB; make it smaller"))
}

fn write_tile_row(
    out: &mut BufWriter<File>,
    index: &mut LevelIndex,
    rows: &[u8],
    width: usize,
    count: usize,
) -> std::io::Result<()> {
    let columns = width.div_ceil(TILE_PX);
    // Encoding is the slow half of this file; tiles are independent and are written in order afterwards.
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get).min(columns);
    let mut encoded: Vec<std::io::Result<Vec<u8>>> = Vec::with_capacity(columns);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|worker| {
                scope.spawn(move || {
                    (worker..columns).step_by(threads).map(|c| encode_tile(rows, width, count, c)).collect::<Vec<_>>()
                })
            })
            .collect();
        let mut lanes: Vec<_> = workers.into_iter().map(|w| w.join().unwrap_or_default().into_iter()).collect();
        for column in 0..columns {
            let lane = lanes.get_mut(column % threads);
            encoded.push(
                lane.and_then(Iterator::next).unwrap_or_else(|| Err(std::io::Error::other("a tile encoder stopped"))),
            );
        }
    });
    for tile in encoded {
        let tile = tile?;
        index.offsets.push(position(out)?);
        index.sizes.push(tile.len() as u32);
        out.write_all(&tile)?;
    }
    Ok(())
}

fn encode_tile(rows: &[u8], width: usize, count: usize, column: usize) -> std::io::Result<Vec<u8>> {
    let x0 = column * TILE_PX;
    let span = TILE_PX.min(width - x0);
    let mut tile = vec![0_u8; TILE_PX * TILE_PX * 3];
    for y in 0..TILE_PX {
        // Edge tiles are padded with their last row and column, so that no false edge rings into the picture.
        let source = (y.min(count - 1) * width + x0) * 3;
        let target = y * TILE_PX * 3;
        tile[target..target + span * 3].copy_from_slice(&rows[source..source + span * 3]);
        let last: [u8; 3] = std::array::from_fn(|c| rows[source + (span - 1) * 3 + c]);
        for x in span..TILE_PX {
            tile[target + x * 3..target + x * 3 + 3].copy_from_slice(&last);
        }
    }
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)
        .encode(&tile, TILE_PX as u32, TILE_PX as u32, ExtendedColorType::Rgb8)
        .map_err(std::io::Error::other)?;
    Ok(bytes)
}

fn shrink_into(half: &mut Raster, y0: usize, rows: &[u8], width: usize, count: usize) {
    for y in 0..count / 2 {
        let target_y = y0 / 2 + y;
        if target_y >= half.height {
            return;
        }
        let (upper, lower) = (&rows[2 * y * width * 3..], &rows[(2 * y + 1) * width * 3..]);
        let target = &mut half.rgb[target_y * half.width * 3..(target_y + 1) * half.width * 3];
        for (x, pixel) in target.chunks_exact_mut(3).enumerate() {
            for (c, value) in pixel.iter_mut().enumerate() {
                let (a, b) = (x * 6 + c, x * 6 + 3 + c);
                let sum = u16::from(upper[a]) + u16::from(upper[b]) + u16::from(lower[a]) + u16::from(lower[b]);
                *value = ((sum + 2) / 4) as u8;
            }
        }
    }
}

struct Directory {
    start: u32,
    link_at: u32,
}

#[allow(clippy::cast_sign_loss, reason = "a resolution is positive")]
fn write_directory(
    out: &mut BufWriter<File>,
    level: &LevelIndex,
    reduced: bool,
    um_per_px: f64,
    description: &str,
) -> std::io::Result<Directory> {
    const SHORT: u16 = 3;
    const LONG: u16 = 4;
    let text = |s: &str| {
        let mut bytes = s.as_bytes().to_vec();
        bytes.push(0);
        bytes
    };
    let words = |values: &[u32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let shorts = |values: &[u16]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    // 10,000 µm in a centimetre; a thousandth of a pixel per centimetre is far below what a scanner states.
    let resolution = words(&[(10_000_000.0 / um_per_px + 0.5) as u32, 1000]);
    let tile_words = level.offsets.len() as u32;
    let tags: Vec<(u16, u16, u32, Vec<u8>)> = vec![
        (254, LONG, 1, words(&[u32::from(reduced)])),
        (256, LONG, 1, words(&[level.width as u32])),
        (257, LONG, 1, words(&[level.height as u32])),
        (258, SHORT, 3, shorts(&[8, 8, 8])),
        (259, SHORT, 1, shorts(&[7])),
        (262, SHORT, 1, shorts(&[6])),
        (270, 2, description.len() as u32 + 1, text(description)),
        (277, SHORT, 1, shorts(&[3])),
        (282, 5, 1, resolution.clone()),
        (283, 5, 1, resolution),
        (284, SHORT, 1, shorts(&[1])),
        (296, SHORT, 1, shorts(&[3])),
        (305, 2, 12, text("Shoken demo")),
        (322, SHORT, 1, shorts(&[TILE_PX as u16])),
        (323, SHORT, 1, shorts(&[TILE_PX as u16])),
        (324, LONG, tile_words, words(&level.offsets)),
        (325, LONG, tile_words, words(&level.sizes)),
        (530, SHORT, 2, shorts(&[1, 1])),
    ];
    let mut places = Vec::with_capacity(tags.len());
    for (_, _, _, bytes) in &tags {
        if bytes.len() <= 4 {
            let mut inline = bytes.clone();
            inline.resize(4, 0);
            places.push(inline);
        } else {
            if out.stream_position()? % 2 == 1 {
                out.write_all(&[0])?;
            }
            places.push(position(out)?.to_le_bytes().to_vec());
            out.write_all(bytes)?;
        }
    }
    if out.stream_position()? % 2 == 1 {
        out.write_all(&[0])?;
    }
    let start = position(out)?;
    out.write_all(&(tags.len() as u16).to_le_bytes())?;
    for ((tag, kind, count, _), place) in tags.iter().zip(&places) {
        out.write_all(&tag.to_le_bytes())?;
        out.write_all(&kind.to_le_bytes())?;
        out.write_all(&count.to_le_bytes())?;
        out.write_all(place)?;
    }
    let link_at = position(out)?;
    out.write_all(&[0; 4])?;
    Ok(Directory { start, link_at })
}
