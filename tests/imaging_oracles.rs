//! Our pixels against those of independent readers: pydicom, OpenSlide and Pillow on named real files, exact where the
//! coding is lossless, within one grey level on average where two decoders may round differently.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use shoken::{
    domain::TileKey,
    imaging::{
        self, ImageSource, PixelBuffer, Samples,
        display::{DisplayState, to_rgba8},
    },
};

use crate::support::{oracle_python, samples};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bound {
    Exact,
    /// Mean absolute difference in grey levels.
    Mean(f64),
}
use Bound::{Exact, Mean};

/// Two JPEG decoders differ in rounding and in how they enlarge colour.
const LOSSY: Bound = Mean(1.0);

#[derive(Clone, Copy, Debug)]
enum Reader {
    /// pydicom, this frame.
    Dicom(u32),
    /// OpenSlide, this level, whole.
    Slide(u16),
    Associated(&'static str),
    /// Pillow, this page.
    Picture(u32),
    /// Pillow writes the file as a bitmap of this mode first.
    Bmp(&'static str),
    /// The picture with this orientation put in, as JPEG or TIFF, turned by Pillow.
    Turned(u8, &'static str),
    /// pydicom's window and level.
    Window,
}
use Reader::{Associated, Bmp, Dicom, Picture, Slide, Turned, Window};

/// One comparison: a field of medicine, a file, who else reads it, and how near the two must be.
const COMPARISONS: &[(&str, &str, Reader, Bound)] = &[
    ("pathology", "pathology/wsi-svs/CMU-1-Small-Region.svs", Slide(0), LOSSY),
    ("pathology", "pathology/wsi-svs/CMU-1-Small-Region.svs", Associated("label"), Exact),
    ("pathology", "pathology/wsi-svs/CMU-1-Small-Region.svs", Associated("macro"), LOSSY),
    ("pathology", "pathology/wsi-svs/CMU-1-Small-Region.svs", Associated("thumbnail"), LOSSY),
    ("pathology", "pathology/wsi-ndpi/test3-DAPI-2-(387).ndpi", Slide(0), LOSSY),
    ("pathology", "pathology/wsi-ndpi/test3-DAPI-2-(387).ndpi", Slide(1), LOSSY),
    ("pathology", "pathology/wsi-ndpi/test3-DAPI-2-(387).ndpi", Slide(3), LOSSY),
    ("pathology", "pathology/wsi-ndpi/test3-DAPI-2-(387).ndpi", Associated("macro"), LOSSY),
    ("pathology", "pathology/wsi-tiff/boxes.tiff", Slide(0), Exact),
    ("pathology", "pathology/wsi-tiff/boxes.tiff", Slide(1), Exact),
    ("pathology", "pathology/wsi-tiff/boxes.tiff", Slide(3), Exact),
    ("pathology", "pathology/wsi-tiff/tiled-jpeg-rgb-u8.tif", Picture(0), LOSSY),
    ("pathology", "pathology/wsi-tiff/BigTIFF.tif", Picture(0), Exact),
    ("pathology", "pathology/wsi-tiff/test_orient1.tif", Picture(0), LOSSY),
    ("pathology", "pathology/tiles-labelled/nct-crc-he/TUM-AACHEHDV.tif", Picture(0), Exact),
    ("pathology", "pathology/tiles-labelled/tcga-qc/no-tissue-red-pen.png", Picture(0), Exact),
    ("pathology", "pathology/wsi-dicom/small_dicom.dcm", Dicom(17), LOSSY),
    ("pathology", "pathology/wsi-dicom/sm_image.dcm", Dicom(7), Exact),
    ("pathology", "pathology/wsi-dicom/boxes_1.dcm", Dicom(0), Exact),
    ("endoscopy", "endoscopy/frames-ead2019/0000600.jpg", Picture(0), Exact),
    ("endoscopy", "endoscopy/frames-ead2019/0000600_mask.tif", Picture(4), Exact),
    ("endoscopy", "endoscopy/frames-ead2019/00016.jpg", Picture(0), LOSSY),
    ("endoscopy", "endoscopy/polyp-masks-kvasir/images__cju0qkwl35piu0993l0dewei2.jpg", Picture(0), LOSSY),
    ("endoscopy", "endoscopy/frame-sequence-sinus/00004584.jpg", Picture(0), LOSSY),
    ("endoscopy", "endoscopy/fov/exemplary_seg.png", Picture(0), Exact),
    ("endoscopy", "endoscopy/polyp-masks-kvasir/images__cju0rx1idathl0835detmsp84.jpg", Bmp("RGB"), Exact),
    ("endoscopy", "endoscopy/polyp-masks-kvasir/images__cju0rx1idathl0835detmsp84.jpg", Bmp("P"), Exact),
    ("endoscopy", "endoscopy/polyp-masks-kvasir/images__cju0rx1idathl0835detmsp84.jpg", Turned(2, "jpeg"), LOSSY),
    ("endoscopy", "endoscopy/polyp-masks-kvasir/images__cju0rx1idathl0835detmsp84.jpg", Turned(3, "jpeg"), LOSSY),
    ("endoscopy", "endoscopy/polyp-masks-kvasir/images__cju0rx1idathl0835detmsp84.jpg", Turned(4, "jpeg"), LOSSY),
    ("endoscopy", "endoscopy/polyp-masks-kvasir/images__cju0rx1idathl0835detmsp84.jpg", Turned(5, "jpeg"), LOSSY),
    ("endoscopy", "endoscopy/polyp-masks-kvasir/images__cju0rx1idathl0835detmsp84.jpg", Turned(6, "jpeg"), LOSSY),
    ("endoscopy", "endoscopy/polyp-masks-kvasir/images__cju0rx1idathl0835detmsp84.jpg", Turned(7, "jpeg"), LOSSY),
    ("endoscopy", "endoscopy/polyp-masks-kvasir/images__cju0rx1idathl0835detmsp84.jpg", Turned(8, "jpeg"), LOSSY),
    ("endoscopy", "endoscopy/polyp-masks-kvasir/images__cju0rx1idathl0835detmsp84.jpg", Turned(3, "tiff"), Exact),
    ("endoscopy", "endoscopy/polyp-masks-kvasir/images__cju0rx1idathl0835detmsp84.jpg", Turned(6, "tiff"), Exact),
    ("endoscopy", "endoscopy/polyp-masks-kvasir/images__cju0rx1idathl0835detmsp84.jpg", Turned(8, "tiff"), Exact),
    ("endoscopy", "endoscopy/dicom-stills-burned-in/VL1_J2KR", Dicom(0), Exact),
    ("endoscopy", "endoscopy/dicom-stills-burned-in/VL1_J2KI", Dicom(0), LOSSY),
    ("endoscopy", "endoscopy/dicom-stills-burned-in/VL1_RLE", Dicom(0), Exact),
    ("radiology", "radiology/ct-head-ge/14.dcm", Dicom(0), Exact),
    ("radiology", "radiology/ct-philips-phantom-140/I1000", Dicom(0), Exact),
    ("radiology", "derived-objects/seg-ct-liver/01.dcm", Dicom(0), Exact),
    ("radiology", "radiology/mr-brain-pd/brain_010.dcm", Dicom(0), Exact),
    ("radiology", "radiology/mr-enhanced/6_1.dcm", Dicom(5), Exact),
    ("radiology", "radiology/mr-enhanced/emri_small.dcm", Dicom(9), Exact),
    ("radiology", "radiology/mr-enhanced/emri_small_RLE.dcm", Dicom(9), Exact),
    ("radiology", "radiology/mr-enhanced/emri_small_big_endian.dcm", Dicom(9), Exact),
    ("radiology", "radiology/mr-enhanced/emri_small_jpeg_2k_lossless.dcm", Dicom(9), Exact),
    ("radiology", "radiology/cr-dx-mg/gdcm-CR-MONO1-10-chest.dcm", Dicom(0), Exact),
    ("radiology", "radiology/cr-dx-mg/dx_image.dcm", Dicom(0), Exact),
    ("radiology", "radiology/cr-dx-mg/MG1_J2KI", Dicom(0), LOSSY),
    ("radiology", "deid/burned-in/0_ORIGINAL_compressed.dcm", Dicom(0), Exact),
    ("radiology", "radiology/cine-us-xa/I_000001.dcm", Dicom(33), LOSSY),
    ("radiology", "radiology/cine-us-xa/I_000009.dcm", Dicom(4), LOSSY),
    ("radiology", "radiology/cine-us-xa/IM00001.fragmented_no_bot_jpeg_baseline.50.dcm", Dicom(7), LOSSY),
    ("radiology", "radiology/cine-us-xa/jpeg8bit.dcm", Dicom(95), LOSSY),
    ("radiology", "radiology/us-still/US-YBR_FULL_422-EVRLE.dcm", Dicom(0), LOSSY),
    ("radiology", "radiology/us-still/no-pixel-spacing.dcm", Dicom(0), Exact),
    ("radiology", "radiology/nm-pt/1.dcm", Dicom(0), Exact),
    ("radiology", "radiology/nm-pt/NM1_JPLL", Dicom(0), Exact),
    ("radiology", "radiology/other-modalities/sample-op.dcm", Dicom(0), LOSSY),
    ("radiology", "radiology/transfer-syntax/nema-mr3/MR3_J2KR", Dicom(0), Exact),
    ("radiology", "radiology/transfer-syntax/nema-mr3/MR3_JPLL", Dicom(0), Exact),
    ("radiology", "radiology/transfer-syntax/nema-mr3/MR3_RLE", Dicom(0), Exact),
    ("radiology", "radiology/transfer-syntax/fragments/CT0012.fragmented_no_bot_jpeg_lossless.57.dcm", Dicom(1), Exact),
    ("radiology", "radiology/transfer-syntax/presentation/signed-raw-9bit.dcm", Dicom(0), Exact),
    ("radiology", "radiology/transfer-syntax/colour/TestPattern_Palette.dcm", Dicom(0), Exact),
    ("radiology", "radiology/transfer-syntax/colour/TestPattern_Palette_16.dcm", Dicom(0), Exact),
    ("radiology", "radiology/transfer-syntax/colour/TestPattern_JPEG-Baseline_YBR422.dcm", Dicom(0), LOSSY),
    ("radiology", "radiology/transfer-syntax/pydicom/SC_rgb_rle_16bit_2frame.dcm", Dicom(1), Exact),
    ("radiology", "radiology/transfer-syntax/pydicom/SC_rgb_small_odd_big_endian.dcm", Dicom(0), Exact),
    ("radiology", "radiology/transfer-syntax/pydicom/MR_small_bigendian.dcm", Dicom(0), Exact),
    ("radiology", "radiology/transfer-syntax/pydicom/image_dfl.dcm", Dicom(0), Exact),
    ("radiology", "radiology/transfer-syntax/pydicom/SC_rgb_jpeg_dcmtk.dcm", Dicom(0), LOSSY),
    ("radiology", "radiology/transfer-syntax/pydicom/SC_jpeg_no_color_transform.dcm", Dicom(0), LOSSY),
    ("radiology", "broken/dicom/J2K_pixelrep_mismatch.dcm", Dicom(0), Exact),
    ("radiology", "radiology/ct-head-ge/14.dcm", Window, Mean(0.01)),
    ("radiology", "derived-objects/seg-ct-liver/01.dcm", Window, Mean(0.01)),
    ("radiology", "radiology/cr-dx-mg/gdcm-CR-MONO1-10-chest.dcm", Window, Mean(0.01)),
];

fn values(pixels: &PixelBuffer) -> Vec<i32> {
    match &pixels.samples {
        Samples::U8(values) => values.iter().map(|v| i32::from(*v)).collect(),
        Samples::U16(values) => values.iter().map(|v| i32::from(*v)).collect(),
        Samples::I16(values) => values.iter().map(|v| i32::from(*v)).collect(),
        Samples::F64(_) => panic!("real values are compared elsewhere"),
    }
}

/// A whole level put together from its tiles.
fn whole(source: &dyn ImageSource, frame: u32, level: u16) -> (u32, u32, usize, Vec<i32>) {
    let shape = source.meta().levels[usize::from(level)];
    let (width, height) = (shape.size_px.width, shape.size_px.height);
    let channels = usize::from(source.meta().channels);
    let mut out = vec![i32::MIN; width as usize * height as usize * channels];
    let (cols, rows) = shape.tiles();
    for row in 0..rows {
        for col in 0..cols {
            let tile = source.read_tile(TileKey { frame, level, col, row }).unwrap();
            let (x, y) = ((col * shape.tile_px.width) as usize, (row * shape.tile_px.height) as usize);
            let line = tile.size_px.width as usize * channels;
            for (index, from) in values(&tile).chunks_exact(line).enumerate() {
                let start = ((y + index) * width as usize + x) * channels;
                out[start..start + line].copy_from_slice(from);
            }
        }
    }
    (width, height, channels, out)
}

/// Our side of a comparison.
fn ours(path: &Path, reader: Reader, made: &Path) -> (u32, u32, usize, Vec<i32>) {
    let source = imaging::open(if matches!(reader, Bmp(_) | Turned(..)) { made } else { path }).unwrap();
    let meta = source.meta();
    match reader {
        Dicom(frame) if meta.format == "DICOM whole slide" => {
            // pydicom knows frames, not slides: the frame's tile is compared where it is not cut.
            let (cols, _) = meta.levels[0].tiles();
            let key = TileKey { frame: 0, level: 0, col: frame % cols, row: frame / cols };
            let tile = source.read_tile(key).unwrap();
            (tile.size_px.width, tile.size_px.height, usize::from(tile.channels), values(&tile))
        }
        Dicom(frame) | Picture(frame) => whole(&*source, frame, 0),
        Slide(level) => whole(&*source, 0, level),
        Bmp(_) | Turned(..) => whole(&*source, 0, 0),
        Associated(name) => {
            let pixels = source.read_associated(name).unwrap();
            (pixels.size_px.width, pixels.size_px.height, usize::from(pixels.channels), values(&pixels))
        }
        Window => {
            let state = DisplayState::from_defaults(&meta.display);
            let size = meta.size_px();
            let mut grey = vec![0; usize::try_from(size.area()).unwrap()];
            let shape = meta.levels[0];
            let (cols, rows) = shape.tiles();
            for (row, col) in (0..rows).flat_map(|row| (0..cols).map(move |col| (row, col))) {
                let tile = source.read_tile(TileKey { frame: 0, level: 0, col, row }).unwrap();
                let shown = to_rgba8(&tile, &meta.frames[0], &state);
                for (index, pixel) in shown.chunks_exact(4).enumerate() {
                    let x = col as usize * shape.tile_px.width as usize + index % tile.size_px.width as usize;
                    let y = row as usize * shape.tile_px.height as usize + index / tile.size_px.width as usize;
                    grey[y * size.width as usize + x] = i32::from(pixel[0]);
                }
            }
            (size.width, size.height, 1, grey)
        }
    }
}

fn theirs(raw: &[u8], kind: &str) -> Vec<i32> {
    let words = || raw.chunks_exact(2).map(|b| [b[0], b[1]]);
    match kind {
        "uint8" => raw.iter().map(|v| i32::from(*v)).collect(),
        "bool" => raw.iter().map(|v| i32::from(*v) * 255).collect(),
        "int8" => raw.iter().map(|v| i32::from(v.cast_signed())).collect(),
        "uint16" => words().map(|b| i32::from(u16::from_le_bytes(b))).collect(),
        "int16" => words().map(|b| i32::from(i16::from_le_bytes(b))).collect(),
        "int32" => raw.chunks_exact(4).map(|b| i32::from_le_bytes(b.try_into().unwrap())).collect(),
        other => panic!("the oracle gave {other}"),
    }
}

fn ask(python: &Path, jobs: &[Value], out: &Path) -> Vec<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/pixels.py");
    let mut child = Command::new(python)
        .arg(script)
        .arg(out)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the oracle's Python starts");
    child.stdin.take().unwrap().write_all(serde_json::to_string(jobs).unwrap().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the oracle failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn pixels_agree_with_independent_readers() {
    let (Some(samples), Some(python)) = (samples(), oracle_python()) else { return };
    let out = tempfile::tempdir().unwrap();
    let made = |number: usize| out.path().join(format!("{number}.bmp"));
    let jobs: Vec<Value> = COMPARISONS
        .iter()
        .enumerate()
        .map(|(number, (_, file, reader, _))| {
            let path = samples.join(file);
            match reader {
                Dicom(frame) => json!({ "kind": "dicom", "path": path, "frame": frame }),
                Slide(level) => json!({ "kind": "slide", "path": path, "level": level }),
                Associated(name) => json!({ "kind": "slide", "path": path, "associated": name }),
                Picture(page) => json!({ "kind": "picture", "path": path, "page": page }),
                Bmp(mode) => json!({ "kind": "bmp", "path": path, "mode": mode, "out": made(number) }),
                Turned(turn, format) => {
                    json!({ "kind": "turned", "path": path, "turn": turn, "format": format, "out": made(number) })
                }
                Window => json!({ "kind": "window", "path": path }),
            }
        })
        .collect();
    let answers = ask(&python, &jobs, out.path());
    let mut failures = Vec::new();
    println!("{:<10} {:<9} {:>8} {:>6} {:>11}  file", "field", "mean", "differ", "most", "samples");
    for (number, ((field, file, reader, bound), answer)) in COMPARISONS.iter().zip(&answers).enumerate() {
        if let Some(error) = answer["error"].as_str() {
            failures.push(format!("{file}: the other reader says {error}"));
            continue;
        }
        let raw = std::fs::read(out.path().join(format!("{number}.raw"))).unwrap();
        let other = theirs(&raw, answer["dtype"].as_str().unwrap());
        let (width, height, channels, own) = ours(&samples.join(file), *reader, &made(number));
        let shape: Vec<u64> = answer["shape"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap()).collect();
        let mut expected = vec![u64::from(height), u64::from(width)];
        if channels > 1 {
            expected.push(channels as u64);
        }
        if shape != expected {
            failures.push(format!("{file}: ours is {expected:?}, theirs {shape:?}"));
            continue;
        }
        let apart = own.iter().zip(&other).map(|(a, b)| (a - b).unsigned_abs());
        let (mut sum, mut differ, mut most) = (0_u64, 0_u64, 0);
        for one in apart {
            sum += u64::from(one);
            differ += u64::from(one > 0);
            most = most.max(one);
        }
        let mean = sum as f64 / own.len() as f64;
        println!(
            "{field:<10} {mean:<9.5} {:>7.3}% {most:>6} {:>11}  {file} {reader:?}",
            differ as f64 * 100.0 / own.len() as f64,
            own.len()
        );
        let good = match bound {
            Exact => differ == 0,
            Mean(limit) => mean < *limit,
        };
        if !good {
            failures.push(format!("{file} {reader:?}: mean {mean}, {differ} differ, most {most}, wanted {bound:?}"));
        }
    }
    let files: std::collections::BTreeSet<_> = COMPARISONS.iter().map(|(_, file, ..)| file).collect();
    println!("{} comparisons on {} files", COMPARISONS.len(), files.len());
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn series_are_in_the_order_that_positions_give() {
    let (Some(samples), Some(python)) = (samples(), oracle_python()) else { return };
    let out = tempfile::tempdir().unwrap();
    for folder in ["radiology/ct-head-ge", "radiology/ct-philips-phantom-140", "radiology/mr-brain-pd"] {
        let path = samples.join(folder);
        let answer = ask(&python, &[json!({ "kind": "order", "path": path })], out.path());
        let theirs: Vec<&str> = answer[0]["order"].as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
        let mut files: Vec<_> = theirs.iter().map(|name| path.join(name)).collect();
        files.sort();
        files.reverse();
        let source = imaging::open_series(&files).unwrap();
        let ours: Vec<_> = source.meta().files.iter().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(ours, theirs, "{folder}");
        println!("{folder}: {} files in the order of their positions", ours.len());
    }
}
