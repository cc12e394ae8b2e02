//! Grey values right to the value: tables, windows, padding, polarity and overlays against pydicom; shutters and cine against
//! the standard's words; uptake values against the arithmetic of their definition.

use std::{path::Path, process::Command};

use serde_json::Value;
use shoken::{
    domain::{SpacingSource, TileKey},
    imaging::{
        self, Cover, ImageSource,
        display::{DisplayState, to_rgba8},
    },
};

use crate::support::{oracle_python, samples};

fn shown(source: &dyn ImageSource) -> Vec<u8> {
    let meta = source.meta();
    let tile = source.read_tile(TileKey { frame: 0, level: 0, col: 0, row: 0 }).unwrap();
    assert_eq!(tile.size_px, meta.size_px(), "one tile");
    let rgba = to_rgba8(&tile, &meta.frames[0], &DisplayState::from_defaults(&meta.display));
    rgba.chunks_exact(4).map(|pixel| pixel[0]).collect()
}

#[test]
fn grey_pipelines_agree_with_pydicom() {
    let (Some(samples), Some(python)) = (samples(), oracle_python()) else { return };
    let out = tempfile::tempdir().unwrap();
    let real = ["mlut_18.dcm", "examples_overlay.dcm"]
        .map(|file| samples.join("radiology/transfer-syntax/pydicom").join(file));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/grey.py");
    let answer = Command::new(python).arg(script).arg(out.path()).args(real).output().unwrap();
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    let listed: Vec<Value> = serde_json::from_slice(&answer.stdout).unwrap();
    assert!(listed.len() > 25, "{} files", listed.len());
    let mut failures = Vec::new();
    for one in &listed {
        let name = one["name"].as_str().unwrap();
        let source = imaging::open(Path::new(one["path"].as_str().unwrap())).unwrap();
        let theirs = std::fs::read(out.path().join(format!("{name}.raw"))).unwrap();
        let ours = shown(&*source);
        assert_eq!(ours.len(), theirs.len(), "{name}");
        let apart: Vec<u8> = ours.iter().zip(&theirs).map(|(a, b)| a.abs_diff(*b)).collect();
        let differ = apart.iter().filter(|d| **d > 0).count();
        let most = apart.into_iter().max().unwrap();
        println!("{name:<28} {:>7} pixels, largest {most}, {differ} differ", ours.len());
        // pydicom rounds whole tables and windows in other places: a level at a boundary may fall the other way.
        if most > 1 || differ * 50 > ours.len() {
            failures.push(format!("{name}: largest {most}, {differ} of {} differ", ours.len()));
        }
        if let Ok(mask) = std::fs::read(out.path().join(format!("{name}.overlay"))) {
            let cover = source.cover(0).unwrap().unwrap();
            let drawn: Vec<u8> = cover.marks.iter().map(|mark| u8::from(*mark == Cover::GRAPHIC)).collect();
            println!("{name:<28} {} overlay pixels", mask.iter().filter(|m| **m > 0).count());
            assert!(mask.iter().any(|m| *m > 0));
            if drawn != mask {
                failures.push(format!("{name}: overlay"));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn a_spacing_names_its_source_and_what_it_does_not_promise() {
    let Some(samples) = samples() else { return };
    let look = |file: &str| {
        let source = imaging::open(&samples.join(file)).unwrap();
        let spacing =
            source.meta().spacing.map(|s| (s.source, (s.x_um * 10.0).round() / 10.0, (s.y_um * 10.0).round() / 10.0));
        let codes: Vec<&str> = source.meta().warnings.iter().map(|w| w.code).collect();
        (spacing, codes)
    };
    let (spacing, codes) = look("radiology/cr-dx-mg/dx_image.dcm");
    assert_eq!(
        spacing,
        Some((SpacingSource::DicomImagerSpacing, 1201.2, 1200.0)),
        "equal to the detector's, uncalibrated"
    );
    assert!(codes.contains(&"spacing-at-detector"));
    let (spacing, codes) = look("radiology/dicomdir/77654033/CR1/6154");
    assert_eq!(spacing, Some((SpacingSource::DicomImagerSpacing, 100.0, 100.0)));
    assert!(codes.contains(&"spacing-at-detector"));
    let (spacing, codes) = look("radiology/ct-head-ge/14.dcm");
    assert_eq!(spacing.unwrap().0, SpacingSource::DicomPixelSpacing);
    assert!(!codes.contains(&"spacing-at-detector"));
    let (spacing, _) = look("radiology/us-still/US-YBR_FULL_422-EVRLE.dcm");
    assert_eq!(spacing.unwrap().0, SpacingSource::DicomUltrasoundRegion);
}

#[test]
fn a_cine_says_how_long_its_frames_are_shown() {
    let Some(samples) = samples() else { return };
    let durations = |file: &str| -> Vec<Option<f64>> {
        imaging::open(&samples.join(file)).unwrap().meta().frames.iter().map(|f| f.duration_ms).collect()
    };
    assert!(durations("radiology/cine-us-xa/I_000001.dcm").iter().all(|d| *d == Some(30.0)));
    assert!(durations("radiology/cine-us-xa/palette-multiframe-jpeg-ls.dcm").iter().all(|d| *d == Some(76.0)));
    assert!(durations("radiology/ct-head-ge/14.dcm").iter().all(Option::is_none));
}

/// PS3.3 C.7.6.19, worked out with the tables as they stand in the file: stored values from the first mapped one on have the
/// palette's colours, those below go through rescale and window.
#[test]
fn a_supplemental_palette_colours_high_values_and_leaves_the_rest_grey() {
    let Some(samples) = samples() else { return };
    let folder = samples.join("radiology/transfer-syntax/fragments");
    let source = imaging::open(&folder.join("CT0012.not_fragmented_bot_rle.dcm")).unwrap();
    let meta = source.meta();
    let key = TileKey { frame: 1, level: 0, col: 0, row: 0 };
    let tile = source.read_tile(key).unwrap();
    let shoken::imaging::Samples::U16(stored) = &tile.samples else { panic!("16-bit grey") };
    let colours = meta.frames[1].grey.as_ref().unwrap().colours.clone().unwrap();
    assert_eq!((colours.first, colours.colours.len()), (1024.0, 100));
    let state = DisplayState::from_defaults(&meta.display);
    let rgba = to_rgba8(&tile, &meta.frames[1], &state);
    let (mut grey, mut coloured) = (0, 0);
    for (value, shown) in stored.iter().zip(rgba.chunks_exact(4)) {
        if *value >= 1024 {
            assert_eq!(shown[..3], colours.colours[usize::from(value - 1024).min(99)]);
            coloured += u32::from(shown[0] != shown[1]);
        } else {
            assert!(shown[0] == shown[1] && shown[1] == shown[2]);
            grey += 1;
        }
    }
    assert!(grey > 10_000 && coloured > 1000, "{grey} grey, {coloured} coloured");
    // Inverted greys leave the colours as they are.
    let inverted = to_rgba8(&tile, &meta.frames[1], &DisplayState { invert: !state.invert, ..state });
    let same = stored.iter().zip(rgba.chunks_exact(4).zip(inverted.chunks_exact(4)));
    assert!(same.filter(|(value, _)| **value >= 1024).all(|(_, (a, b))| a == b));
}
