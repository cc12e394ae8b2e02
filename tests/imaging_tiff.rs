//! TIFF of every kind that is read, written by tifffile, against the pixels that tifffile and Pillow read; OME-TIFF; and
//! files whose bytes are wrong.

use std::{collections::BTreeSet, path::Path, process::Command, time::Instant};

use serde_json::Value;
use shoken::{
    domain::{Field, TileKey},
    imaging::{self, ImageSource, PixelBuffer, Samples},
};

use crate::support::{oracle_python, samples};

fn values(pixels: &PixelBuffer) -> Vec<f64> {
    match &pixels.samples {
        Samples::U8(values) => values.iter().map(|v| f64::from(*v)).collect(),
        Samples::U16(values) => values.iter().map(|v| f64::from(*v)).collect(),
        Samples::I16(values) => values.iter().map(|v| f64::from(*v)).collect(),
        Samples::F64(values) => values.clone(),
    }
}

/// A whole level put together from its tiles.
fn level(source: &dyn ImageSource, frame: u32, level: u16) -> (Vec<u64>, Vec<f64>) {
    let shape = source.meta().levels[usize::from(level)];
    let (width, height) = (shape.size_px.width as usize, shape.size_px.height as usize);
    let channels = usize::from(source.meta().channels);
    let mut out = vec![f64::NAN; width * height * channels];
    let (cols, rows) = shape.tiles();
    for (row, col) in (0..rows).flat_map(|row| (0..cols).map(move |col| (row, col))) {
        let tile = source.read_tile(TileKey { frame, level, col, row }).unwrap();
        let (x, y) = ((col * shape.tile_px.width) as usize, (row * shape.tile_px.height) as usize);
        let line = tile.size_px.width as usize * channels;
        for (index, from) in values(&tile).chunks_exact(line).enumerate() {
            let start = ((y + index) * width + x) * channels;
            out[start..start + line].copy_from_slice(from);
        }
    }
    let size = [height as u64, width as u64, channels as u64];
    (size[..if channels == 1 { 2 } else { 3 }].to_vec(), out)
}

fn theirs(raw: &[u8], kind: &str) -> Vec<f64> {
    let words = || raw.chunks_exact(2).map(|b| [b[0], b[1]]);
    let longs = || raw.chunks_exact(4).map(|b| <[u8; 4]>::try_from(b).unwrap());
    match kind {
        "uint8" => raw.iter().map(|v| f64::from(*v)).collect(),
        "uint16" => words().map(|b| f64::from(u16::from_le_bytes(b))).collect(),
        "int16" => words().map(|b| f64::from(i16::from_le_bytes(b))).collect(),
        "int32" => longs().map(|b| f64::from(i32::from_le_bytes(b))).collect(),
        "uint32" => longs().map(|b| f64::from(u32::from_le_bytes(b))).collect(),
        "float32" => longs().map(|b| f64::from(f32::from_le_bytes(b))).collect(),
        "float64" => raw.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect(),
        other => panic!("the oracle gave {other}"),
    }
}

/// The files that tifffile writes, and what it and Pillow read from them.
fn written(folder: &Path) -> Option<Vec<Value>> {
    let python = oracle_python()?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/tiffs.py");
    let output = Command::new(python).arg(script).arg(folder).output().expect("the oracle's Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn tiff_of_every_kind_agrees_with_tifffile_and_pillow() {
    let folder = tempfile::tempdir().unwrap();
    let Some(pages) = written(folder.path()) else { return };
    let (mut failures, mut files) = (Vec::new(), BTreeSet::new());
    for page in &pages {
        let name = page["file"].as_str().unwrap();
        files.insert(name);
        let source = match imaging::open(&folder.path().join(name)) {
            Ok(source) => source,
            Err(error) => {
                failures.push(format!("{name}: {}", error.reason()));
                continue;
            }
        };
        let number = |key: &str| u32::try_from(page[key].as_u64().unwrap()).unwrap();
        let (frame, number) = (number("frame"), number("level"));
        if source.meta().levels.len() <= number as usize || source.meta().frames.len() <= frame as usize {
            let meta = source.meta();
            failures.push(format!("{name}: {} levels, {} frames", meta.levels.len(), meta.frames.len()));
            continue;
        }
        let (shape, own) = level(&*source, frame, u16::try_from(number).unwrap());
        let wanted: Vec<u64> = page["shape"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap()).collect();
        let raw = std::fs::read(folder.path().join(page["raw"].as_str().unwrap())).unwrap();
        let other = theirs(&raw, page["dtype"].as_str().unwrap());
        if shape != wanted || own.len() != other.len() {
            failures.push(format!("{name}: ours is {shape:?}, theirs {wanted:?}"));
            continue;
        }
        let apart = || own.iter().zip(&other).map(|(a, b)| (a - b).abs());
        // What was never decoded is no number, which the largest of numbers would hide.
        let whole = own.iter().all(|value| value.is_finite());
        let (most, mean) = (apart().fold(0.0, f64::max), apart().sum::<f64>() / own.len() as f64);
        // Two decoders of a lossy coding differ in rounding and in how they enlarge colour.
        let good = if page["exact"].as_bool().unwrap() { whole && most == 0.0 } else { whole && mean < 1.0 };
        if !page["exact"].as_bool().unwrap() {
            println!("{name}: mean {mean:.4}, most {most}, coding {:?}", source.meta().transfer_syntax);
        }
        if !good {
            failures.push(format!("{name} frame {frame} level {number}: mean {mean}, most {most}"));
        }
    }
    println!("{} pages of {} files", pages.len(), files.len());
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(pages.len() > 190, "the oracle wrote only {} pages", pages.len());
    describes_what_it_reads(folder.path());
}

fn describes_what_it_reads(folder: &Path) {
    let planes = imaging::open(&folder.join("planes.ome.tif")).unwrap();
    let meta = planes.meta();
    assert_eq!((meta.format.as_str(), meta.frames.len(), meta.levels.len()), ("OME-TIFF", 6, 2));
    assert_eq!(meta.spacing.map(|s| (s.x_um, (s.y_um * 1e6).round() / 1e6)), Some((0.25, 0.251)));
    assert_eq!(meta.reader, "tiff (native)");
    assert_eq!((meta.field, meta.transfer_syntax.as_deref()), (Field::Pathology, Some("Zstandard")));
    assert_eq!(meta.warnings, []);
    let warned = |name: &str| {
        let source = imaging::open(&folder.join(name)).unwrap();
        let warnings: Vec<_> = source.meta().warnings.iter().map(|w| (w.code, w.detail.clone())).collect();
        (source.meta().frames.len(), source.meta().files.len(), warnings)
    };
    let missing = |count: &str| vec![("tiff-pages-not-shown", count.to_owned())];
    assert_eq!(warned("z0.ome.tif"), (3, 3, missing("1")), "the fourth file of the set is not there");
    assert_eq!(warned("z2.ome.tif"), (1, 1, missing("3")), "a set is opened from the file of its first plane");
    let moved = folder.join("moved");
    std::fs::create_dir(&moved).unwrap();
    for name in ["z1.ome.tif", "z2.ome.tif"] {
        std::fs::copy(folder.join(name), moved.join(name)).unwrap();
    }
    assert_eq!(warned("moved/z1.ome.tif"), (2, 2, missing("2")), "without the first file the next one leads");
    let pyramid = imaging::open(&folder.join("subifd-strip.tif")).unwrap();
    assert_eq!(pyramid.meta().levels.iter().map(|l| l.downsample).collect::<Vec<_>>(), [1.0, 2.0, 4.0]);
    let inks = imaging::open(&folder.join("inks.tif")).unwrap();
    assert_eq!((inks.meta().photometric.as_str(), inks.meta().channels), ("CMYK", 3));
    assert_eq!(inks.meta().icc.as_deref(), Some(b"a profile of no use".as_slice()));
    let numbers = imaging::open(&folder.join("float32-3-big-2.tif")).unwrap();
    assert!(numbers.meta().display.window.is_some() && numbers.meta().bits_stored == 32);
    // A folder holds a set once, and not the parts of it again.
    let set = folder.join("set");
    std::fs::create_dir(&set).unwrap();
    for z in 0..3 {
        std::fs::copy(folder.join(format!("z{z}.ome.tif")), set.join(format!("z{z}.ome.tif"))).unwrap();
    }
    let found = imaging::scan(&[set], &shoken::tasks::Progress::new(), &shoken::tasks::Cancel::new()).unwrap();
    let files: Vec<usize> = found.images.iter().map(|image| image.source.meta().files.len()).collect();
    assert_eq!((files.as_slice(), found.skipped.len()), ([3].as_slice(), 0));
    let kept = imaging::open_series(&found.images[0].source.meta().files).unwrap();
    assert_eq!(kept.meta().frames.len(), 3, "a project opens the set by the files that it wrote down");
    // Black at 16, as video has it: refused rather than shown in wrong colours.
    let mut video = std::fs::read(folder.join("units-22-8.tif")).unwrap();
    let usual: Vec<u8> = [0_u32, 1, 255, 1, 128, 1].into_iter().flat_map(u32::to_le_bytes).collect();
    let at = video.windows(usual.len()).position(|bytes| bytes == usual).unwrap();
    video[at] = 16;
    std::fs::write(folder.join("video.tif"), &video).unwrap();
    let refused = imaging::open(&folder.join("video.tif")).err().unwrap();
    assert!(refused.reason().contains("black and white of its own"), "{}", refused.reason());
    cut_and_flipped(folder);
}

/// Every kind of file cut anywhere and with bytes changed: read or refused in words, never a panic, never for long.
fn cut_and_flipped(folder: &Path) {
    let rounds = if std::env::var_os("SHOKEN_PROOF").is_some() { 2000 } else { 40 };
    let broken = folder.join("broken.tif");
    for name in [
        "rgb8-zstd-tile-True.tif",
        "rgb16-lzw-strip-True.tif",
        "webp-lossless-tile.tif",
        "webp-lossy-strip.tif",
        "j2k-grey16-tile.tif",
        "shared-tables.tif",
        "units-22-8.tif",
        "subifd-tile.tif",
        "planes.ome.tif",
        "five-channels.tif",
        "float32-3-little-0.tif",
        "int32-2-big-2.tif",
        "packed-12.tif",
        "inks.tif",
    ] {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let mut state = 0x71FF_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap()
        };
        for round in 0..rounds {
            let mut bad = bytes.clone();
            if round % 4 == 0 {
                bad.truncate(next() % bytes.len());
            }
            let reach = if round % 2 == 0 { bad.len().min(1024) } else { bad.len() };
            for _ in 0..=next() % 4 {
                if let Some(byte) = bad.get_mut(next() % reach.max(1)) {
                    *byte = u8::try_from(next() % 256).unwrap();
                }
            }
            std::fs::write(&broken, &bad).unwrap();
            let begun = Instant::now();
            let outcome = imaging::open(&broken).and_then(|source| {
                let last = u16::try_from(source.meta().levels.len() - 1).unwrap();
                [0, last]
                    .into_iter()
                    .try_for_each(|level| source.read_tile(TileKey { frame: 0, level, col: 0, row: 0 }).map(|_| ()))
            });
            if let Err(error) = outcome {
                let message = error.to_string();
                assert!(!message.contains("internal fault"), "{name}, round {round}: {message}");
            }
            assert!(begun.elapsed().as_secs() < 10, "{name}, round {round} took {:?}", begun.elapsed());
        }
    }
}

/// A classic TIFF of one tile, with a description, whose tags are these.
fn tile_of(entries: &[(u16, u16, u32, u32)], tail: &[u8]) -> Vec<u8> {
    let mut out = b"II*\0\x08\0\0\0".to_vec();
    out.extend(u16::try_from(entries.len()).unwrap().to_le_bytes());
    for (tag, kind, count, value) in entries {
        out.extend(tag.to_le_bytes());
        out.extend(kind.to_le_bytes());
        out.extend(count.to_le_bytes());
        out.extend(value.to_le_bytes());
    }
    out.extend([0; 4]);
    out.extend(tail);
    out
}

#[test]
fn a_tile_that_a_few_bytes_claim_to_hold_is_refused_before_it_is_allocated() {
    let folder = tempfile::tempdir().unwrap();
    for compression in [5, 8, 50000, 32773, 1] {
        let path = folder.path().join("bomb.tif");
        let at = 8 + 2 + 12 * 10 + 4;
        // Two tiles: one that is left out, so that the file need not be complete, and one of 16,000 × 16,000.
        let entries = [
            (256, 4, 1, 32_000),
            (257, 4, 1, 16_000),
            (258, 3, 1, 8),
            (259, 3, 1, compression),
            (262, 3, 1, 1),
            (277, 3, 1, 1),
            (322, 4, 1, 16_000),
            (323, 4, 1, 16_000),
            (324, 4, 2, at),
            (325, 4, 2, at + 8),
        ];
        let tail = [at + 16, 0, 16, 0].into_iter().flat_map(u32::to_le_bytes).chain([0; 16]).collect::<Vec<_>>();
        std::fs::write(&path, tile_of(&entries, &tail)).unwrap();
        let source = imaging::open(&path).unwrap();
        let error = source.read_tile(TileKey { frame: 0, level: 0, col: 0, row: 0 }).unwrap_err().to_string();
        assert!(error.contains("256000000 bytes is said to be held by 16"), "{compression}: {error}");
    }
}

#[test]
fn an_ome_text_cannot_reach_files_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("inside");
    std::fs::create_dir(&inside).unwrap();
    let write = |path: &Path, name: &str, id: u32, pixel: u8| {
        let text = format!(
            "<OME UUID=\"urn:uuid:{id}\"><Image><Pixels SizeZ=\"2\" SizeC=\"1\" SizeT=\"1\"><TiffData IFD=\"0\"/><TiffData \
             IFD=\"0\" FirstZ=\"1\"><UUID FileName=\"{name}\">urn:uuid:2</UUID></TiffData></Pixels></Image></OME>\0"
        );
        let at = 8 + 2 + 12 * 9 + 4;
        let length = u32::try_from(text.len()).unwrap();
        let entries = [
            (256, 4, 1, 2),
            (257, 4, 1, 2),
            (258, 3, 1, 8),
            (262, 3, 1, 1),
            (270, 2, length, at),
            (273, 4, 1, at + length),
            (277, 3, 1, 1),
            (278, 4, 1, 2),
            (279, 4, 1, 4),
        ];
        std::fs::write(path, tile_of(&entries, &[text.as_bytes(), &[pixel; 4]].concat())).unwrap();
    };
    let first = inside.join("a.ome.tif");
    write(&folder.path().join("b.ome.tif"), "none", 2, 9);
    write(&inside.join("other.ome.tif"), "none", 3, 9);
    write(&inside.join("b.ome.tif"), "none", 2, 8);
    for (name, frames) in [("../b.ome.tif", 1), ("other.ome.tif", 1), ("/etc/passwd", 1), ("b.ome.tif", 2)] {
        write(&first, name, 1, 7);
        let source = imaging::open(&first).unwrap();
        assert_eq!(source.meta().frames.len(), frames, "{name}");
        assert_eq!(source.meta().warnings.len(), 2 - frames, "{name}: what is missing is said");
        if frames == 2 {
            assert_eq!(level(&*source, 1, 0).1, [8.0; 4]);
        }
    }
}

#[test]
fn the_planes_of_a_real_ome_tiff_are_frames() {
    let Some(samples) = samples() else { return };
    let source = imaging::open(&samples.join("pathology/wsi-ome-tiff/multi-channel-z-series.ome.tif")).unwrap();
    let meta = source.meta();
    assert_eq!((meta.format.as_str(), meta.frames.len(), meta.signed), ("OME-TIFF", 15, true));
    assert_eq!(meta.warnings, []);
    let slide = imaging::open(&samples.join("pathology/wsi-tiff/yb10kx5k.zstd.tiff")).unwrap();
    assert_eq!((slide.meta().levels.len(), slide.meta().transfer_syntax.as_deref()), (5, Some("Zstandard")));
    slide.read_tile(TileKey { frame: 0, level: 0, col: 9, row: 4 }).unwrap();
}
