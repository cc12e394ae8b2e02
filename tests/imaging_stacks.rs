//! What belongs together: phases, echoes and directions of a series told apart, frames of enhanced objects ordered in space,
//! discs opened by their index, uptake values, all on files written here element by element.

use std::path::{Path, PathBuf};

use shoken::{
    imaging::{self, ImageMeta},
    tasks::{Cancel, Progress},
};

use crate::support::{
    dicom::{Element, item, sequence, text, us, write},
    samples,
};

fn scan(paths: &[PathBuf]) -> imaging::ScanResult {
    imaging::scan(paths, &Progress::new(), &Cancel::new()).unwrap()
}

fn codes(meta: &ImageMeta) -> Vec<&'static str> {
    meta.warnings.iter().map(|warning| warning.code).collect()
}

fn places(meta: &ImageMeta) -> Vec<f64> {
    meta.frames.iter().map(|frame| frame.pose.unwrap().origin_mm[2]).collect()
}

const AXIAL: &str = "1\\0\\0\\0\\1\\0";
const CORONAL: &str = "1\\0\\0\\0\\0\\-1";

/// A slice of 4 × 3 pixels whose value is its number.
fn slice(number: u16, orientation: &str, z: f64, more: Vec<Element>) -> Vec<Element> {
    let mut all = vec![
        text(0x0008_0016, *b"UI", "1.2.840.10008.5.1.4.1.1.4"),
        text(0x0008_0018, *b"UI", &format!("1.2.3.{number}")),
        text(0x0008_0060, *b"CS", "MR"),
        text(0x0020_000D, *b"UI", "1.2.9"),
        text(0x0020_000E, *b"UI", "1.2.9.1"),
        text(0x0020_0013, *b"IS", &number.to_string()),
        text(0x0020_0032, *b"DS", &format!("0\\0\\{z}")),
        text(0x0020_0037, *b"DS", orientation),
        text(0x0028_0030, *b"DS", "2\\2"),
    ];
    all.extend(pixels(3, 4, vec![number; 12]));
    all.extend(more);
    all
}

fn pixels(rows: u16, columns: u16, words: Vec<u16>) -> Vec<Element> {
    vec![
        us(0x0028_0002, &[1]),
        text(0x0028_0004, *b"CS", "MONOCHROME2"),
        us(0x0028_0010, &[rows]),
        us(0x0028_0011, &[columns]),
        us(0x0028_0100, &[16]),
        us(0x0028_0101, &[16]),
        us(0x0028_0102, &[15]),
        us(0x0028_0103, &[0]),
        (0x7FE0_0010, *b"OW", words.into_iter().flat_map(u16::to_le_bytes).collect()),
    ]
}

fn folder(slices: Vec<Vec<Element>>) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (index, elements) in slices.into_iter().enumerate() {
        std::fs::write(dir.path().join(format!("{index:03}.dcm")), write(elements)).unwrap();
    }
    dir
}

#[test]
fn echoes_become_images_of_their_own_and_open_again_from_their_files() {
    let mut all = Vec::new();
    let mut number = 0;
    for (place, echo) in (0..4).flat_map(|place| [(place, "90"), (place, "9")]) {
        number += 1;
        all.push(slice(number, AXIAL, f64::from(place) * 5.0, vec![text(0x0018_0081, *b"DS", echo)]));
    }
    let dir = folder(all);
    let found = scan(&[dir.path().to_path_buf()]);
    assert_eq!(found.images.len(), 2);
    for image in &found.images {
        let meta = image.source.meta();
        assert_eq!(places(meta), [0.0, 5.0, 10.0, 15.0]);
        assert!(codes(meta).contains(&"series-split"), "{:?}", codes(meta));
        assert!(!codes(meta).contains(&"series-duplicate-position"));
        let again = imaging::open_series(&meta.files).unwrap();
        assert_eq!(again.meta().files, meta.files);
    }
}

#[test]
fn localisers_are_apart_by_direction_and_rotating_views_stay_together() {
    let three = (0..3).map(|i| slice(i + 1, AXIAL, f64::from(i) * 8.0, Vec::new()));
    let two = (0..2).map(|i| slice(i + 10, CORONAL, f64::from(i), Vec::new()));
    let dir = folder(three.chain(two).collect());
    let found = scan(&[dir.path().to_path_buf()]);
    let counts: Vec<usize> = found.images.iter().map(|image| image.source.meta().frames.len()).collect();
    assert_eq!(counts, [3, 2]);
    assert!(found.images.iter().all(|image| codes(image.source.meta()).contains(&"series-mixed-orientation")));

    let rotating = (0..6).map(|i| {
        let angle = f64::from(i) * 0.3;
        let orientation = format!("{:.6}\\{:.6}\\0\\0\\0\\-1", angle.cos(), angle.sin());
        slice(i + 1, &orientation, 0.0, Vec::new())
    });
    let dir = folder(rotating.collect());
    let found = scan(&[dir.path().to_path_buf()]);
    assert_eq!(found.images.len(), 1);
    assert_eq!(found.images[0].source.meta().frames.len(), 6);
}

#[test]
fn one_place_over_and_over_is_a_film_and_no_fault() {
    let times = (0..5).map(|i| slice(i + 1, AXIAL, 7.0, vec![text(0x0018_1060, *b"DS", &(i * 40).to_string())]));
    let dir = folder(times.collect());
    let found = scan(&[dir.path().to_path_buf()]);
    let [image] = found.images.as_slice() else { panic!("{} images", found.images.len()) };
    assert_eq!((image.source.meta().frames.len(), codes(image.source.meta())), (5, vec![]));
}

/// Six frames: two echoes of three places, stored from the top down and echo by echo within a place.
#[test]
fn frames_of_an_enhanced_object_are_ordered_in_space_phase_by_phase() {
    let double = |tag, value: f64| (tag, *b"FD", value.to_le_bytes().to_vec());
    let mut frames = Vec::new();
    for (place, echo) in [20.0, 10.0, 0.0].into_iter().flat_map(|place| [(place, 9.0), (place, 90.0)]) {
        let position = item(vec![text(0x0020_0032, *b"DS", &format!("0\\0\\{place}"))]);
        let echo = item(vec![double(0x0018_9082, echo)]);
        frames.push(item(vec![sequence(0x0018_9114, &[echo]), sequence(0x0020_9113, &[position])]));
    }
    let measures = item(vec![text(0x0028_0030, *b"DS", "2\\3")]);
    let plane = item(vec![text(0x0020_0037, *b"DS", AXIAL)]);
    let shared = item(vec![sequence(0x0020_9116, &[plane]), sequence(0x0028_9110, &[measures])]);
    let mut all = vec![
        text(0x0008_0016, *b"UI", "1.2.840.10008.5.1.4.1.1.4.1"),
        text(0x0008_0018, *b"UI", "1.2.3.77"),
        text(0x0008_0060, *b"CS", "MR"),
        text(0x0028_0008, *b"IS", "6"),
        sequence(0x5200_9229, &[shared]),
        sequence(0x5200_9230, &frames),
    ];
    all.extend(pixels(1, 2, (0..6_u16).flat_map(|frame| [frame, frame]).collect()));
    let dir = folder(vec![all]);
    let source = imaging::open(&dir.path().join("000.dcm")).unwrap();
    let meta = source.meta();
    assert_eq!(places(meta), [0.0, 10.0, 20.0, 0.0, 10.0, 20.0]);
    assert_eq!(meta.frames.iter().map(|frame| frame.group).collect::<Vec<_>>(), [0, 0, 0, 1, 1, 1]);
    assert_eq!(meta.frames[0].pose.unwrap().spacing_mm, [3.0, 2.0]);
    assert!(codes(meta).contains(&"dicom-frames-in-groups"));
    // The pixels go with their places: the lowest place of the first echo was stored fifth.
    let stored: Vec<f64> = (0..6)
        .map(|frame| {
            let tile = source.read_tile(shoken::domain::TileKey { frame, level: 0, col: 0, row: 0 }).unwrap();
            let imaging::Samples::U16(values) = tile.samples else { panic!("words") };
            f64::from(values[0])
        })
        .collect();
    assert_eq!(stored, [4.0, 2.0, 0.0, 5.0, 3.0, 1.0]);
}

#[test]
fn a_disc_opens_by_its_index_and_tells_what_is_missing() {
    let Some(samples) = samples() else { return };
    let disc = samples.join("radiology/dicomdir");
    let found = scan(&[disc.join("DICOMDIR")]);
    let files: usize = found.images.iter().map(|image| image.source.meta().files.len()).sum();
    let missing: Vec<&Path> = found
        .skipped
        .iter()
        .filter(|skipped| skipped.reason.contains("not there"))
        .map(|skipped| skipped.path.strip_prefix(&disc).unwrap())
        .collect();
    let in_folder = scan(std::slice::from_ref(&disc));
    let there: usize = in_folder.images.iter().map(|image| image.source.meta().files.len()).sum();
    println!("{files} files through the index, {} named and missing", missing.len());
    assert_eq!((files, files > 10), (there, true));
    assert!(missing.iter().any(|path| path.starts_with("98892001")), "{missing:?}");
    assert!(
        missing.iter().any(|path| path.starts_with("77654033/MR700") || path.starts_with("98892003/MR700")),
        "{missing:?}"
    );
}

fn pet(more: Vec<Element>) -> Vec<Element> {
    let drug = item(vec![
        text(0x0018_1072, *b"TM", "080000"),
        text(0x0018_1074, *b"DS", "400000000"),
        text(0x0018_1075, *b"DS", "6588"),
    ]);
    let mut all = vec![
        text(0x0008_0016, *b"UI", "1.2.840.10008.5.1.4.1.1.128"),
        text(0x0008_0018, *b"UI", "1.2.3.5"),
        text(0x0008_0021, *b"DA", "20260110"),
        text(0x0008_0022, *b"DA", "20260110"),
        text(0x0008_0031, *b"TM", "090000.00"),
        text(0x0008_0032, *b"TM", "090130"),
        text(0x0008_0060, *b"CS", "PT"),
        text(0x0010_0040, *b"CS", "F"),
        text(0x0010_1020, *b"DS", "1.6"),
        text(0x0010_1030, *b"DS", "64"),
        text(0x0028_0051, *b"CS", "DECY\\ATTN\\SCAT"),
        text(0x0054_1001, *b"CS", "BQML"),
        text(0x0054_1102, *b"CS", "START"),
        sequence(0x0054_0016, &[drug]),
    ];
    all.extend(pixels(2, 2, vec![0, 1, 2, 3]));
    for element in more {
        all.retain(|(tag, ..)| *tag != element.0);
        all.push(element);
    }
    all
}

#[test]
fn uptake_values_follow_their_definition_and_refusals_say_why() {
    let open = |more| {
        let dir = folder(vec![pet(more)]);
        let source = imaging::open(&dir.path().join("000.dcm")).unwrap();
        let units: Vec<(&'static str, f64)> =
            source.meta().display.other_units.iter().map(|u| (u.name, u.factor)).collect();
        let refusals: Vec<&'static str> =
            codes(source.meta()).into_iter().filter(|code| code.starts_with("suv-")).collect();
        (units, refusals)
    };
    let (units, refusals) = open(Vec::new());
    // One hour of F-18 (half-life 6588 s) between injection and scan.
    let dose = 400e6 * 2_f64.powf(-3600.0 / 6588.0);
    let body = 64_000.0 / dose;
    // Janmahasatian: 9270 w / (8780 + 244 BMI) with a BMI of 25; Du Bois: 71.84 w^0.425 h^0.725 in cm2.
    let lean = 9270.0 * 64.0 / (8780.0 + 244.0 * 25.0) * 1000.0 / dose;
    let surface = 71.84 * 64_f64.powf(0.425) * 160_f64.powf(0.725) / dose;
    let expected = [("SUVbw g/ml", body), ("SUVlbm g/ml", lean), ("SUVbsa cm2/ml", surface)];
    assert_eq!(units.len(), 3);
    for ((name, factor), (wanted, value)) in units.into_iter().zip(expected) {
        assert_eq!(name, wanted);
        assert!((factor / value - 1.0).abs() < 1e-12, "{name}: {factor} {value}");
    }
    assert!(refusals.is_empty());

    // Decay corrected to the time of injection: the dose itself.
    let (units, _) = open(vec![text(0x0054_1102, *b"CS", "ADMIN")]);
    assert!((units[0].1 - 64_000.0 / 400e6).abs() < 1e-15);
    // A series made anew afterwards: the frame's reference time leads back to the start of the scan.
    let (units, _) = open(vec![
        text(0x0008_0031, *b"TM", "150000"),
        text(0x0008_0032, *b"TM", "090130"),
        text(0x0018_1242, *b"IS", "180000"),
        text(0x0054_1300, *b"DS", "180000"),
    ]);
    let constant = 2_f64.ln() / 6588.0;
    let average = (constant * 180.0 / (1.0 - (-constant * 180.0).exp())).ln() / constant;
    let seconds = 3690.0 - 180.0 + average;
    assert!((units[0].1 / (64_000.0 / (400e6 * 2_f64.powf(-seconds / 6588.0))) - 1.0).abs() < 1e-6);
    // Philips keeps the whole factor in an element of its own.
    let (units, _) = open(vec![text(0x0054_1001, *b"CS", "CNTS"), text(0x7053_1000, *b"DS", "0.00125")]);
    assert!((units[0].1 - 0.00125).abs() < 1e-15);
    let (units, _) = open(vec![text(0x0054_1001, *b"CS", "GML")]);
    assert_eq!(units, [("SUVbw g/ml", 1.0)]);

    for (change, code) in [
        (text(0x0010_1030, *b"DS", ""), "suv-no-weight"),
        (text(0x0054_1001, *b"CS", "PROPCNTS"), "suv-unit-unknown"),
        (text(0x0054_1001, *b"CS", "CNTS"), "suv-unit-unknown"),
        (text(0x0028_0051, *b"CS", "DECY"), "suv-not-attenuation-corrected"),
        (text(0x0028_0051, *b"CS", "ATTN"), "suv-not-decay-corrected"),
        (text(0x0054_1102, *b"CS", "NONE"), "suv-not-decay-corrected"),
        (sequence(0x0054_0016, &[]), "suv-no-dose"),
        (text(0x0008_0031, *b"TM", "993"), "suv-no-times"),
    ] {
        let (units, refusals) = open(vec![change]);
        assert_eq!((units, refusals), (Vec::new(), vec![code]));
    }
}
