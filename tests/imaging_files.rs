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

fn refusal(path: &Path) -> String {
    match imaging::open(path).map(|source| touch(&*source)) {
        Ok(Ok(())) => panic!("it opened"),
        Ok(Err(error)) | Err(error) => error.to_string(),
    }
}

/// A little-endian TIFF of one strip with these values of ImageWidth, ImageLength and compression.
fn tiff_claiming(width: u32, height: u32, compression: u32, data: &[u8]) -> Vec<u8> {
    let entries: [(u16, u32); 9] = [
        (256, width),
        (257, height),
        (258, 8),
        (259, compression),
        (262, 1),
        (273, 8 + 2 + 9 * 12 + 4),
        (277, 1),
        (278, height),
        (279, u32::try_from(data.len()).unwrap()),
    ];
    let mut out = b"II*\0\x08\0\0\0\x09\0".to_vec();
    for (tag, value) in entries {
        out.extend(tag.to_le_bytes());
        out.extend(4_u16.to_le_bytes());
        out.extend(1_u32.to_le_bytes());
        out.extend(value.to_le_bytes());
    }
    out.extend([0; 4]);
    out.extend(data);
    out
}

#[test]
fn a_tiff_that_claims_four_billion_pixels_is_refused_before_anything_is_allocated() {
    let dir = tempfile::tempdir().unwrap();
    for (width, height, compression) in [(65536, 65536, 1), (65536, 65536, 8), (30000, 30000, 5), (u32::MAX, 1, 1)] {
        let path = dir.path().join("claims.tif");
        std::fs::write(&path, tiff_claiming(width, height, compression, &[0; 64])).unwrap();
        let begun = Instant::now();
        let message = refusal(&path);
        assert!(message.contains("claims.tif") && !message.contains("internal fault"), "{message}");
        assert!(begun.elapsed() < Duration::from_secs(1), "{message}");
    }
    let sound = dir.path().join("sound.tif");
    std::fs::write(&sound, tiff_claiming(8, 8, 1, &[7; 64])).unwrap();
    let pixels = imaging::open(&sound).unwrap().read_tile(TileKey { frame: 0, level: 0, col: 0, row: 0 }).unwrap();
    assert_eq!(pixels.samples, imaging::Samples::U8(vec![7; 64]));
}

#[test]
fn a_file_is_known_by_its_bytes_and_not_by_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("slide.svs");
    std::fs::write(&text, "This is a report, not a slide.\n").unwrap();
    assert!(refusal(&text).contains("it is a text file"));
    let empty = dir.path().join("empty.dcm");
    std::fs::write(&empty, b"").unwrap();
    assert!(refusal(&empty).contains("empty"));
    let Some(samples) = samples() else { return };
    let disguised = dir.path().join("photo.txt");
    std::fs::copy(samples.join("pathology/wsi-svs/CMU-1-Small-Region.svs"), &disguised).unwrap();
    assert_eq!(imaging::open(&disguised).unwrap().meta().format, "Aperio SVS");
}

#[test]
fn a_dicom_file_cut_anywhere_is_refused_or_whole() {
    let Some(samples) = samples() else { return };
    let dir = tempfile::tempdir().unwrap();
    for file in [
        "radiology/transfer-syntax/pydicom/MR_small.dcm",
        "radiology/transfer-syntax/pydicom/MR_small_RLE.dcm",
        "radiology/transfer-syntax/pydicom/MR_small_jp2klossless.dcm",
        "pathology/wsi-dicom/boxes_0.dcm",
    ] {
        let bytes = std::fs::read(samples.join(file)).unwrap();
        let cut = dir.path().join("cut.dcm");
        for part in 1..24 {
            std::fs::write(&cut, &bytes[..bytes.len() * part / 24]).unwrap();
            let message = match imaging::open(&cut).and_then(|source| touch(&*source)) {
                // Only the padding or the end mark after the last fragment may be missing.
                Ok(()) => continue,
                Err(error) => error.to_string(),
            };
            assert!(!message.contains("internal fault"), "{file} cut to {part}/24: {message}");
        }
        std::fs::write(&cut, &bytes[..bytes.len() * 3 / 4]).unwrap();
        assert!(refusal(&cut).contains("damaged"), "{file}");
    }
}

/// Flipped bytes anywhere in small files of each format: read or refused, never a panic.
#[test]
fn flipped_bytes_never_panic() {
    let Some(samples) = samples() else { return };
    let dir = tempfile::tempdir().unwrap();
    let rounds = if std::env::var_os("SHOKEN_PROOF").is_some() { 2000 } else { 60 };
    for (number, file) in [
        "pathology/wsi-svs/small.svs",
        "pathology/wsi-tiff/boxes.tiff",
        "radiology/transfer-syntax/pydicom/MR_small_RLE.dcm",
        "radiology/transfer-syntax/pydicom/SC_rgb_small_odd_jpeg.dcm",
        "radiology/mr-enhanced/emri_small_jpeg_2k_lossless.dcm",
        "broken/images/x_unexpected_eof.png",
    ]
    .into_iter()
    .enumerate()
    {
        let bytes = std::fs::read(samples.join(file)).unwrap();
        let path = dir.path().join("flipped");
        // A small generator with its own constants (Knuth's MMIX), so that a failure can be repeated.
        let mut state = 0x5EED_u64 + number as u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap()
        };
        for round in 0..rounds {
            let mut broken = bytes.clone();
            // Headers stand at the front in most formats, so half of the flips go there.
            let reach = if round % 2 == 0 { broken.len().min(2048) } else { broken.len() };
            for _ in 0..=next() % 4 {
                broken[next() % reach] = u8::try_from(next() % 256).unwrap();
            }
            std::fs::write(&path, &broken).unwrap();
            if let Err(error) = imaging::open(&path).and_then(|source| touch(&*source)) {
                let message = error.to_string();
                assert!(!message.contains("internal fault"), "{file}, round {round}: {message}");
            }
        }
        println!("{file}: {rounds} rounds, seed {:#x}", 0x5EED + number);
    }
}

#[test]
fn the_pyramid_and_the_series_of_the_demo_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let slide = dir.path().join("slide.tif");
    shoken::demo::SlideScene::new(3, 1600, 1200).write(&slide).unwrap();
    let source = imaging::open(&slide).unwrap();
    let meta = source.meta();
    let sizes: Vec<_> = meta.levels.iter().map(|level| (level.size_px.width, level.size_px.height)).collect();
    assert_eq!(sizes, [(1600, 1200), (800, 600), (400, 300)]);
    assert!(meta.levels.windows(2).all(|pair| pair[1].downsample > 1.9 * pair[0].downsample));
    assert_eq!(meta.field, shoken::domain::Field::Pathology);
    assert!(meta.spacing.is_some());
    touch(&*source).unwrap();
    let series = dir.path().join("ct");
    std::fs::create_dir(&series).unwrap();
    let files = shoken::demo::write_series(&shoken::demo::CtPhantom::new(5, 12), 5, &series).unwrap();
    let mut shuffled = files.clone();
    shuffled.sort();
    let source = imaging::open_series(&shuffled).unwrap();
    assert_eq!(source.meta().files, files, "from feet to head, as they were written");
    assert_eq!(source.meta().warnings, []);
    assert_eq!(source.meta().display.unit.as_deref(), Some("HU"));
    touch(&*source).unwrap();
}

#[test]
fn a_png_palette_of_no_whole_colours_is_damage_and_no_fault_within() {
    // Found by the fuzz target: 52 bytes of palette; the decoder's own fault would be caught and say less.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("palette.png");
    let mut png =
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x0a\0\0\0\x0a\x08\x03\0\0\0\xba\xec?\x8f\0\0\0\x34PLTE".to_vec();
    png.extend([0; 56]);
    png.extend(b"\0\0\0\0IEND\xae\x42\x60\x82");
    std::fs::write(&path, png).unwrap();
    let error = imaging::open(&path).err().unwrap().to_string();
    assert!(error.contains("its palette holds 52 bytes"), "{error}");
}
