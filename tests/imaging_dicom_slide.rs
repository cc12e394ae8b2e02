//! Whole slides in DICOM against the planes that they were made of and against OpenSlide: levels in several files, parts,
//! lights, depths, tiles left out and off the grid, label, overview and thumbnail.

use std::{path::Path, process::Command};

use serde_json::Value;
use shoken::{
    domain::{Field, RectPx, SpacingSource},
    imaging::{self, ImageSource, PixelBuffer, Samples, patches::PatchReader},
    tasks::{Cancel, Progress},
};
use std::sync::Arc;

use crate::support::{oracle_python, samples};

fn bytes(pixels: &PixelBuffer) -> Vec<u8> {
    match &pixels.samples {
        Samples::U8(values) => values.clone(),
        Samples::U16(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Samples::I16(_) | Samples::F64(_) => panic!("a slide of numbers with signs"),
    }
}

/// The one image of a folder.
fn open(folder: &Path) -> Arc<dyn ImageSource> {
    let found = imaging::scan(&[folder.to_path_buf()], &Progress::new(), &Cancel::new()).unwrap();
    let reasons: Vec<_> = found.skipped.iter().map(|skipped| &skipped.reason).collect();
    assert_eq!(found.images.len(), 1, "{}: {reasons:?}", folder.display());
    Arc::clone(&found.images[0].source)
}

fn plane(source: &Arc<dyn ImageSource>, frame: u32, level: u16) -> PixelBuffer {
    let size = source.meta().levels[usize::from(level)].size_px;
    let whole = RectPx { x: 0, y: 0, width: size.width, height: size.height };
    PatchReader::new(Arc::clone(source), 0).read(frame, level, whole).unwrap()
}

#[test]
fn slides_in_dicom_hold_the_planes_that_they_were_made_of() {
    let Some(python) = oracle_python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/dicom_slides.py");
    let output = Command::new(python).arg(script).arg(folder.path()).output().expect("the oracle's Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let entries: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let mut failures = Vec::new();
    for entry in &entries {
        let number = |key: &str| u32::try_from(entry[key].as_u64().unwrap()).unwrap();
        let name = entry["folder"].as_str().unwrap();
        let source = open(&folder.path().join(name));
        let (frame, level) = (number("frame"), u16::try_from(number("level")).unwrap());
        let own = match entry["associated"].as_str() {
            Some(name) => source.read_associated(name).unwrap(),
            None => plane(&source, frame, level),
        };
        let shape: Vec<u64> = entry["shape"].as_array().unwrap().iter().map(|side| side.as_u64().unwrap()).collect();
        let theirs = std::fs::read(folder.path().join(entry["raw"].as_str().unwrap())).unwrap();
        let ours = bytes(&own);
        let size = [u64::from(own.size_px.height), u64::from(own.size_px.width)];
        if size != shape[..2] || ours != theirs {
            let differ = ours.iter().zip(&theirs).filter(|(a, b)| a != b).count();
            let by = &entry["by"];
            failures
                .push(format!("{name} frame {frame} level {level} by {by}: {size:?} {shape:?}, {differ} bytes differ"));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(entries.len() == 24, "the oracle wrote {} planes", entries.len());
    describes(folder.path());
}

fn describes(folder: &Path) {
    let whole = open(&folder.join("pyramid"));
    let meta = whole.meta();
    assert_eq!((meta.format.as_str(), meta.field, meta.files.len()), ("DICOM whole slide", Field::Pathology, 7));
    assert_eq!(meta.levels.iter().map(|level| level.size_px.width).collect::<Vec<_>>(), [150, 75, 37]);
    assert_eq!(meta.associated, ["label", "macro", "thumbnail"]);
    assert_eq!(meta.spacing.map(|s| (s.x_um, s.source)), Some((0.5, SpacingSource::DicomPixelMeasures)));
    assert_eq!((meta.objective_power, meta.icc.as_deref()), (Some(20.0), Some(b"profile no 1".as_slice())));
    assert_eq!(meta.warnings, []);
    let planes = open(&folder.join("planes"));
    assert_eq!((planes.meta().frames.len(), planes.meta().levels.len()), (6, 2));
    assert_eq!(planes.meta().icc.as_deref(), Some(b"profile no b".as_slice()), "the first light is that of the file");
    let codes =
        |meta: &imaging::ImageMeta| meta.warnings.iter().map(|w| (w.code, w.detail.clone())).collect::<Vec<_>>();
    assert_eq!(codes(planes.meta()), [("slide-planes-missing", "1".to_owned())]);
    // A part of a concatenation alone is not the slide.
    let part = imaging::open(&folder.join("pyramid/a.dcm")).err().unwrap();
    assert!(part.reason().contains("promises 20 tiles, it holds 13"), "{}", part.reason());
    let label = imaging::open(&folder.join("pyramid/label.dcm")).unwrap();
    assert_eq!((label.meta().size_px().width, label.meta().associated.len()), (40, 0));
}

/// Real files of three vendors' kinds: each opens alone, with the size that its header names.
#[test]
fn real_slides_in_dicom_open() {
    let Some(samples) = samples() else { return };
    let folder = samples.join("pathology/wsi-dicom");
    for (name, size, frames, icc) in [
        ("boxes_0.dcm", (16, 16), 1, true),
        ("multi_frame_jpeg_camelyon_challenge_image.dcm", (1152, 700), 1, false),
        ("sm_image.dcm", (50, 50), 1, true),
        ("test_raw_dicom.dcm", (454, 156), 1, false),
        ("wsi_private_tags.dcm", (234, 117), 1, false),
    ] {
        let source = imaging::open(&folder.join(name)).unwrap_or_else(|error| panic!("{error}"));
        let meta = source.meta();
        let own = (meta.size_px().width, meta.size_px().height);
        assert_eq!((own, meta.frames.len(), meta.icc.is_some()), (size, frames, icc), "{name}");
        assert_eq!(plane(&source, 0, 0).size_px, meta.size_px(), "{name}");
    }
}
