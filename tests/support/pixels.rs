//! Pixels as plain numbers, ours and other readers', for comparison.

use std::path::Path;

use shoken::{
    domain::TileKey,
    imaging::{ImageSource, PixelBuffer, Samples},
};

fn values(pixels: &PixelBuffer) -> Vec<f64> {
    match &pixels.samples {
        Samples::U8(values) => values.iter().map(|v| f64::from(*v)).collect(),
        Samples::U16(values) => values.iter().map(|v| f64::from(*v)).collect(),
        Samples::I16(values) => values.iter().map(|v| f64::from(*v)).collect(),
        Samples::F64(values) => values.clone(),
    }
}

/// Rows, columns and, for colour, channels, as numpy says a shape.
fn shape(width: u32, height: u32, channels: u8) -> Vec<u64> {
    let shape = [u64::from(height), u64::from(width), u64::from(channels)];
    shape[..if channels == 1 { 2 } else { 3 }].to_vec()
}

/// A decoded picture.
pub fn of(pixels: &PixelBuffer) -> (Vec<u64>, Vec<f64>) {
    (shape(pixels.size_px.width, pixels.size_px.height, pixels.channels), values(pixels))
}

/// A whole level put together from its tiles.
///
/// # Errors
/// The reader's reason.
pub fn level(source: &dyn ImageSource, frame: u32, level: u16) -> Result<(Vec<u64>, Vec<f64>), String> {
    let meta = source.meta();
    if frame as usize >= meta.frames.len() {
        return Err(format!("there are {} frames", meta.frames.len()));
    }
    let Some(of_level) = meta.levels.get(usize::from(level)) else {
        return Err(format!("there are {} levels", meta.levels.len()));
    };
    let (width, height) = (of_level.size_px.width as usize, of_level.size_px.height as usize);
    let channels = usize::from(meta.channels);
    let mut out = vec![f64::NAN; width * height * channels];
    let (cols, rows) = of_level.tiles();
    for (row, col) in (0..rows).flat_map(|row| (0..cols).map(move |col| (row, col))) {
        let tile = source.read_tile(TileKey { frame, level, col, row }).map_err(|error| error.reason())?;
        let (x, y) = ((col * of_level.tile_px.width) as usize, (row * of_level.tile_px.height) as usize);
        let line = tile.size_px.width as usize * channels;
        for (index, from) in values(&tile).chunks_exact(line).enumerate() {
            let start = ((y + index) * width + x) * channels;
            out[start..start + line].copy_from_slice(from);
        }
    }
    Ok((shape(of_level.size_px.width, of_level.size_px.height, meta.channels), out))
}

/// The tile of a whole slide that is this frame of its file, tiles following in row order.
///
/// # Errors
/// The reader's reason.
pub fn slide_frame(source: &dyn ImageSource, frame: u32) -> Result<(Vec<u64>, Vec<f64>), String> {
    let (cols, _) = source.meta().levels[0].tiles();
    let key = TileKey { frame: 0, level: 0, col: frame % cols, row: frame / cols };
    source.read_tile(key).map(|tile| of(&tile)).map_err(|error| error.reason())
}

/// What another reader wrote: little-endian samples of a numpy type.
pub fn raw(path: &Path, kind: &str) -> Vec<f64> {
    let raw = std::fs::read(path).unwrap();
    let words = || raw.chunks_exact(2).map(|b| [b[0], b[1]]);
    match kind {
        "uint8" => raw.iter().map(|v| f64::from(*v)).collect(),
        "int8" => raw.iter().map(|v| f64::from(v.cast_signed())).collect(),
        "uint16" => words().map(|b| f64::from(u16::from_le_bytes(b))).collect(),
        "int16" => words().map(|b| f64::from(i16::from_le_bytes(b))).collect(),
        "int32" => raw.chunks_exact(4).map(|b| f64::from(i32::from_le_bytes(b.try_into().unwrap()))).collect(),
        "uint32" => raw.chunks_exact(4).map(|b| f64::from(u32::from_le_bytes(b.try_into().unwrap()))).collect(),
        "float32" => raw.chunks_exact(4).map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap()))).collect(),
        "float64" => raw.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect(),
        other => panic!("the oracle gave {other}"),
    }
}

/// The top-left part of a picture, as large as `to`: a slide's edge tiles are cut, the frames that hold them are not.
pub fn cut(pixels: Vec<f64>, shape: &mut Vec<u64>, to: &[u64]) -> Vec<f64> {
    let (&[_, width, ref rest @ ..], &[rows, cols, ..]) = (shape.as_slice(), to) else { return pixels };
    let samples = usize::try_from(rest.iter().product::<u64>()).unwrap();
    let (line, keep) = (usize::try_from(width).unwrap() * samples, usize::try_from(cols).unwrap() * samples);
    let lines = pixels.chunks_exact(line).take(usize::try_from(rows).unwrap());
    let out = lines.flat_map(|line| line.iter().take(keep).copied()).collect();
    *shape = to.to_vec();
    out
}
