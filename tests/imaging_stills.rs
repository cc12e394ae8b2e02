//! Photographs of every kind against the pixels that Pillow and imagecodecs read; colour profiles; what is refused.

use std::{path::Path, process::Command};

use serde_json::Value;
use shoken::{
    domain::TileKey,
    imaging::{self, ImageSource, PixelBuffer, Samples},
};

use crate::support::{oracle_python, samples};

fn values(pixels: &PixelBuffer) -> Vec<i32> {
    match &pixels.samples {
        Samples::U8(values) => values.iter().map(|v| i32::from(*v)).collect(),
        Samples::U16(values) => values.iter().map(|v| i32::from(*v)).collect(),
        Samples::I16(values) => values.iter().map(|v| i32::from(*v)).collect(),
        Samples::F64(_) => panic!("no photograph holds real values"),
    }
}

/// The picture put together from its tiles.
fn whole(source: &dyn ImageSource) -> Result<(Vec<u64>, Vec<i32>), String> {
    let shape = source.meta().levels[0];
    let (width, height) = (shape.size_px.width as usize, shape.size_px.height as usize);
    let channels = usize::from(source.meta().channels);
    let mut out = vec![i32::MIN; width * height * channels];
    let (cols, rows) = shape.tiles();
    for (row, col) in (0..rows).flat_map(|row| (0..cols).map(move |col| (row, col))) {
        let tile = source.read_tile(TileKey { frame: 0, level: 0, col, row }).map_err(|error| error.to_string())?;
        if usize::from(tile.channels) != channels {
            return Err(format!("{} channels where {channels} were promised", tile.channels));
        }
        let (x, y) = ((col * shape.tile_px.width) as usize, (row * shape.tile_px.height) as usize);
        let line = tile.size_px.width as usize * channels;
        for (index, from) in values(&tile).chunks_exact(line).enumerate() {
            let start = ((y + index) * width + x) * channels;
            out[start..start + line].copy_from_slice(from);
        }
    }
    let size = [height as u64, width as u64, channels as u64];
    Ok((size[..if channels == 1 { 2 } else { 3 }].to_vec(), out))
}

fn theirs(raw: &[u8], kind: &str) -> Vec<i32> {
    match kind {
        "uint8" => raw.iter().map(|v| i32::from(*v)).collect(),
        "uint16" => raw.chunks_exact(2).map(|b| i32::from(u16::from_le_bytes([b[0], b[1]]))).collect(),
        other => panic!("the oracle gave {other}"),
    }
}

/// Largest and mean difference, or why there is none.
fn compare(folder: &Path, picture: &Value) -> Result<(u32, f64, String), String> {
    let path = folder.join(picture["file"].as_str().unwrap());
    let source = imaging::open(&path).map_err(|error| error.reason())?;
    let (shape, own) = whole(&*source)?;
    let wanted: Vec<u64> = picture["shape"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap()).collect();
    let raw = std::fs::read(folder.join(picture["raw"].as_str().unwrap())).unwrap();
    let other = theirs(&raw, picture["dtype"].as_str().unwrap());
    if shape != wanted || own.len() != other.len() {
        return Err(format!("ours is {shape:?}, theirs {wanted:?}"));
    }
    if picture["icc"].as_bool().unwrap() != source.meta().icc.is_some() {
        return Err(format!("colour profile: ours {}", source.meta().icc.is_some()));
    }
    let apart = || own.iter().zip(&other).map(|(a, b)| (a - b).unsigned_abs());
    let (most, sum) = (apart().max().unwrap(), apart().map(u64::from).sum::<u64>());
    Ok((most, sum as f64 / own.len() as f64, source.meta().reader.to_owned()))
}

#[test]
fn photographs_of_every_kind_agree_with_pillow_and_imagecodecs() {
    let Some(python) = oracle_python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/stills.py");
    let mut command = Command::new(python);
    command.arg(script).arg(folder.path());
    if let Some(samples) = samples() {
        command.arg(std::fs::canonicalize(samples).unwrap());
    }
    let output = command.output().expect("the oracle's Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let pictures: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let mut failures = Vec::new();
    println!("{:>5} {:>8}  file, reader", "most", "mean");
    for picture in &pictures {
        let name = picture["file"].as_str().unwrap();
        match compare(folder.path(), picture) {
            Ok((most, mean, reader)) => {
                let bound = picture["bound"].as_f64().unwrap();
                println!("{most:>5} {mean:>8.4}  {name}, {reader}");
                if (bound == 0.0 && most > 0) || mean > bound {
                    failures.push(format!("{name}: most {most}, mean {mean:.4}, wanted {bound}"));
                }
            }
            Err(error) => failures.push(format!("{name}: {error}")),
        }
    }
    println!("{} pictures", pictures.len());
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(pictures.len() >= 84, "the oracle wrote only {} pictures", pictures.len());
}

/// A small baseline JPEG.
fn jpeg() -> Vec<u8> {
    let pixels: Vec<u8> = (0..64 * 48 * 3).map(|i| u8::try_from(i % 251).unwrap()).collect();
    let mut out = Vec::new();
    image::codecs::jpeg::JpegEncoder::new(&mut out).encode(&pixels, 64, 48, image::ExtendedColorType::Rgb8).unwrap();
    out
}

#[test]
fn what_is_not_read_says_what_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        match imaging::open(&path) {
            Ok(_) => panic!("{name} opened"),
            Err(error) => error.to_string(),
        }
    };
    let frame = jpeg().windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    let with = |marker: u8, bits: u8| {
        let mut data = jpeg();
        data[frame + 1] = marker;
        data[frame + 4] = bits;
        data
    };
    assert!(refused("arithmetic.jpg", &with(0xC9, 8)).contains("arithmetic coding"));
    assert!(refused("arithmetic-progressive.jpg", &with(0xCA, 8)).contains("arithmetic coding"));
    assert!(refused("hierarchical.jpg", &with(0xC5, 8)).contains("hierarchical"));
    assert!(refused("lossless.jpg", &with(0xC3, 8)).contains("lossless JPEG"));
    assert!(refused("moving.gif", b"GIF89a\x0a\0\x0a\0\0\0\0;").contains("GIF; save it as PNG"));
}

/// Cut and flipped files of the kinds that have no sample: an error or a picture, never a fault of the decoder.
#[test]
fn damaged_photographs_never_stop_the_program() {
    let Some(python) = oracle_python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/stills.py");
    assert!(Command::new(python).arg(script).arg(folder.path()).output().unwrap().status.success());
    let rounds = if std::env::var_os("SHOKEN_PROOF").is_some() { 2000 } else { 40 };
    let path = folder.path().join("damaged");
    let names =
        ["lossy.webp", "lossless-alpha.webp", "rgb.jp2", "bare.j2k", "cmyk-progressive.jpg", "ipal.png", "rle8.bmp"];
    for (number, name) in names.into_iter().enumerate() {
        let bytes = std::fs::read(folder.path().join(name)).unwrap();
        let mut state = 0x0057_1115_u64 + number as u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap()
        };
        for round in 0..rounds {
            let mut broken = bytes.clone();
            let reach = if round % 2 == 0 { broken.len().min(512) } else { broken.len() };
            for _ in 0..=next() % 4 {
                broken[next() % reach] = u8::try_from(next() % 256).unwrap();
            }
            if round % 5 == 0 {
                broken.truncate(next() % bytes.len());
            }
            std::fs::write(&path, &broken).unwrap();
            let read = imaging::open(&path).map_err(|error| error.to_string()).and_then(|source| whole(&*source));
            if let Err(message) = read {
                assert!(!message.contains("internal fault"), "{name}, round {round}: {message}");
            }
        }
        println!("{name}: {rounds} rounds, seed {:#x}", 0x0057_1115 + number);
    }
}
