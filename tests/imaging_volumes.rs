//! NIfTI and NRRD against SimpleITK: sizes, spacings, 30 voxels of each file with their place in the patient and their value.
//! Geometry of DICOM series against pydicom's numbers and plain arithmetic.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use shoken::{
    domain::TileKey,
    imaging::{self, ImageSource, Samples},
};

use crate::support::{oracle_python, samples};

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles").join(name)
}

fn value(source: &dyn ImageSource, frame: u32, x: u32, y: u32) -> f64 {
    let meta = source.meta();
    let level = meta.levels[0];
    let key = TileKey { frame, level: 0, col: x / level.tile_px.width, row: y / level.tile_px.height };
    let tile = source.read_tile(key).unwrap();
    let index = ((y % level.tile_px.height) * tile.size_px.width + x % level.tile_px.width) as usize;
    let stored = match &tile.samples {
        Samples::U8(v) => f64::from(v[index]),
        Samples::U16(v) => f64::from(v[index]),
        Samples::I16(v) => f64::from(v[index]),
        Samples::F64(v) => v[index],
    };
    meta.frames[frame as usize].value(stored)
}

/// Largest distance in millimetres and largest difference in value over the oracle's points.
fn compare(source: &dyn ImageSource, answer: &Value) -> (f64, f64) {
    let size: Vec<u64> = answer["size"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
    let meta = source.meta();
    assert_eq!((u64::from(meta.size_px().width), u64::from(meta.size_px().height)), (size[0], size[1]));
    assert_eq!(meta.frames.len() as u64, size[2..].iter().product::<u64>());
    let (mut apart_mm, mut apart) = (0_f64, 0_f64);
    for point in answer["points"].as_array().unwrap() {
        let index: Vec<u32> = point["index"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as u32).collect();
        let frame = index[2] + index.get(3).map_or(0, |time| time * size[2] as u32);
        let pose = meta.frames[frame as usize].pose.unwrap();
        let ours = pose.patient_from_image(f64::from(index[0]) + 0.5, f64::from(index[1]) + 0.5);
        let theirs: Vec<f64> = point["lps_mm"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        let square: f64 = ours.iter().zip(&theirs).map(|(a, b)| (a - b) * (a - b)).sum();
        apart_mm = apart_mm.max(square.sqrt());
        apart = apart.max((value(source, frame, index[0], index[1]) - point["value"].as_f64().unwrap()).abs());
    }
    (apart_mm, apart)
}

fn ask(python: &Path, jobs: &[Value]) -> Vec<Value> {
    let mut child =
        Command::new(python).arg(script("grids.py")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(serde_json::to_string(jobs).unwrap().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the oracle failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn volumes_lie_where_simpleitk_puts_them() {
    let (Some(samples), Some(python)) = (samples(), oracle_python()) else { return };
    let folder = samples.join("radiology/nifti-nrrd");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 10);
    let jobs: Vec<Value> = files.iter().map(|path| json!({ "kind": "volume", "path": path })).collect();
    let answers = ask(&python, &jobs);
    for (path, answer) in files.iter().zip(&answers) {
        let source = imaging::open(path).unwrap();
        let (apart_mm, apart) = compare(&*source, answer);
        let name = path.file_name().unwrap().to_string_lossy();
        println!("{name:<40} {:>4} frames, at most {apart_mm:.6} mm and {apart} apart", source.meta().frames.len());
        // NIfTI keeps its places in single precision.
        assert!(apart_mm < 1e-3 && apart < 1e-3, "{name}: {apart_mm} mm, {apart}");
    }
}

#[test]
fn tilted_and_even_series_give_the_places_distances_areas_and_values_of_plain_arithmetic() {
    let (Some(samples), Some(python)) = (samples(), oracle_python()) else { return };
    let folders =
        ["ct-head-ge", "mr-brain-pd", "ct-philips-phantom-140"].map(|name| samples.join("radiology").join(name));
    let answer = Command::new(python).arg(script("slices.py")).args(&folders).output().unwrap();
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    let answers: Vec<Value> = serde_json::from_slice(&answer.stdout).unwrap();
    for (folder, answer) in folders.iter().zip(&answers) {
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.is_file() && !path.to_string_lossy().ends_with("DIRFILE"));
        let source = imaging::open_series(&files).unwrap();
        let meta = source.meta();
        let frame_of = |name: &Value| {
            let name = name.as_str().unwrap();
            meta.files.iter().position(|file| file.file_name().unwrap() == name).unwrap() as u32
        };
        let whole = |value: &Value| value.as_u64().unwrap() as u32;
        let centre = |frame: u32, at: &Value| {
            let pose = meta.frames[frame as usize].pose.unwrap();
            pose.patient_from_image(at[0].as_f64().unwrap() + 0.5, at[1].as_f64().unwrap() + 0.5)
        };
        let apart = |a: [f64; 3], b: [f64; 3]| a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt();
        let (mut place, mut number, mut length, mut area) = (0_f64, 0_f64, 0_f64, 0_f64);
        for point in answer["points"].as_array().unwrap() {
            let frame = frame_of(&point["file"]);
            let (x, y) = (whole(&point["col"]), whole(&point["row"]));
            let theirs: [f64; 3] = std::array::from_fn(|i| point["lps_mm"][i].as_f64().unwrap());
            place = place.max(apart(centre(frame, &json!([x, y])), theirs));
            number = number.max((value(&*source, frame, x, y) - point["value"].as_f64().unwrap()).abs());
            // And back: the point lies on its own slice, at its own pixel.
            let back = meta.frames[frame as usize].pose.unwrap().image_from_patient(theirs);
            assert!((back.0 - f64::from(x) - 0.5).abs() < 1e-6 && (back.1 - f64::from(y) - 0.5).abs() < 1e-6);
        }
        let spacing = meta.spacing.unwrap();
        for one in answer["distances"].as_array().unwrap() {
            let frame = frame_of(&one["file"]);
            let mm = one["mm"].as_f64().unwrap();
            length = length.max((apart(centre(frame, &one["a"]), centre(frame, &one["b"])) - mm).abs());
            // The ruler of the window works in pixels and the spacing.
            let side = |axis: usize| one["a"][axis].as_f64().unwrap() - one["b"][axis].as_f64().unwrap();
            let ruled = (side(0) * spacing.x_um / 1000.0).hypot(side(1) * spacing.y_um / 1000.0);
            assert!((ruled - mm).abs() < 1e-4 * mm.max(1.0), "{ruled} {mm}");
        }
        for one in answer["areas"].as_array().unwrap() {
            let corner = |i: usize, axis: usize| one["corners"][i][axis].as_f64().unwrap();
            let twice = (corner(1, 0) - corner(0, 0)) * (corner(2, 1) - corner(0, 1))
                - (corner(2, 0) - corner(0, 0)) * (corner(1, 1) - corner(0, 1));
            let ours = 0.5 * twice.abs() * spacing.x_um * spacing.y_um / 1e6;
            area = area.max((ours - one["mm2"].as_f64().unwrap()).abs() / ours.max(1.0));
        }
        let pose = meta.frames[0].pose.unwrap();
        let (right, lower) = (pose.row_letters(), pose.col_letters());
        println!(
            "{}: 30 points, at most {place:.2e} mm and {number} apart; 30 distances {length:.2e} mm, 30 areas {area:.2e} of each; {right} {lower}",
            folder.file_name().unwrap().to_string_lossy()
        );
        assert!(place < 1e-6 && number == 0.0 && length < 1e-6 && area < 1e-4);
        assert_eq!(
            (right.as_str(), lower.as_str()),
            (answer["right"].as_str().unwrap(), answer["lower"].as_str().unwrap())
        );
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_detached_header_finds_its_voxels_and_only_below_its_folder() {
    let dir = tempfile::tempdir().unwrap();
    let header = |file: &str, encoding: &str| {
        format!(
            "NRRD0004\ntype: float\ndimension: 3\nsizes: 2 2 2\nspace: RAS\nspace directions: (0,1,0) (0,0,2) (3,0,0)\nspace origin: (10,20,30)\nendian: big\nencoding: {encoding}\ndata file: {file}\n"
        )
    };
    let voxels: Vec<u8> = (0..8_u8).flat_map(|v| (f32::from(v) * 0.5).to_be_bytes()).collect();
    std::fs::create_dir(dir.path().join("data")).unwrap();
    std::fs::write(dir.path().join("data/v.raw"), &voxels).unwrap();
    std::fs::write(dir.path().join("data/v.gz"), gzip(&voxels)).unwrap();
    let path = dir.path().join("v.nhdr");
    for (file, encoding) in [("data/v.raw", "raw"), ("./data/v.gz", "gzip")] {
        std::fs::write(&path, header(file, encoding)).unwrap();
        let source = imaging::open(&path).unwrap();
        let meta = source.meta();
        assert_eq!((meta.format.as_str(), meta.frames.len(), meta.files.len()), ("NRRD", 2, 2));
        assert_eq!(value(&*source, 1, 1, 0), 2.5);
        let pose = meta.frames[1].pose.unwrap();
        assert_eq!((pose.origin_mm, pose.spacing_mm), ([-13.0, -20.0, 30.0], [1.0, 2.0]));
        assert_eq!((pose.row_dir, pose.col_dir), ([0.0, -1.0, 0.0], [0.0, 0.0, 1.0]));
        // The window opens the image again from its files.
        assert_eq!(imaging::open_series(&meta.files).unwrap().meta().files, meta.files);
    }
    for outside in ["../v.raw", "/etc/passwd", "data/../../v.raw", "LIST", "v%03d.raw 1 9 1"] {
        std::fs::write(&path, header(outside, "raw")).unwrap();
        assert!(imaging::open(&path).is_err(), "{outside}");
    }
}

/// A header of NIfTI-1 with what is asked for.
fn nifti(dims: [i16; 5], datatype: i16, put: &[(usize, Vec<u8>)]) -> Vec<u8> {
    let mut header = vec![0_u8; 352];
    header[..4].copy_from_slice(&348_i32.to_le_bytes());
    for (index, value) in [4].into_iter().chain(dims).enumerate() {
        header[40 + index * 2..42 + index * 2].copy_from_slice(&value.to_le_bytes());
    }
    header[70..72].copy_from_slice(&datatype.to_le_bytes());
    header[108..112].copy_from_slice(&352_f32.to_le_bytes());
    header[344..348].copy_from_slice(b"n+1\0");
    for (at, bytes) in put {
        header[*at..*at + bytes.len()].copy_from_slice(bytes);
    }
    header
}

#[test]
fn headers_that_promise_too_much_or_name_no_place_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("v.nii");
    let open = |bytes: Vec<u8>| {
        std::fs::write(&path, bytes).unwrap();
        imaging::open(&path)
    };
    let with = |mut header: Vec<u8>, voxels: usize| {
        header.resize(352 + voxels, 7);
        header
    };
    let source = open(with(nifti([3, 2, 2, 1, 1], 2, &[]), 12)).unwrap();
    let codes: Vec<&str> = source.meta().warnings.iter().map(|w| w.code).collect();
    assert_eq!(
        (source.meta().frames.len(), source.meta().frames[0].pose, codes),
        (2, None, vec!["volume-no-orientation"])
    );
    assert!(open(with(nifti([3, 2, 2, 1, 1], 2, &[]), 11)).is_err());
    assert!(open(with(nifti([32_000, 32_000, 32_000, 1, 1], 64, &[]), 12)).is_err());
    assert!(open(with(nifti([-3, 2, 2, 1, 1], 2, &[]), 12)).is_err());
    assert!(open(with(nifti([3, 2, 2, 1, 1], 32, &[]), 96)).is_err(), "complex numbers");
    assert!(open(gzip(&with(nifti([30_000, 30_000, 90, 1, 1], 2, &[]), 12))).is_err());
    assert!(open(gzip(b"anything else")).is_err());
    let cut = gzip(&with(nifti([3, 2, 2, 1, 1], 2, &[]), 12));
    let source = open(cut[..cut.len() - 10].to_vec());
    assert!(source.is_err() || source.unwrap().read_tile(TileKey { frame: 1, level: 0, col: 0, row: 0 }).is_err());
    // Slope and offset of the header apply, a slope of zero means none.
    let scaled =
        nifti([3, 2, 2, 1, 1], 2, &[(112, 2_f32.to_le_bytes().to_vec()), (116, (-3_f32).to_le_bytes().to_vec())]);
    assert_eq!(value(&*open(with(scaled, 12)).unwrap(), 1, 2, 1), 11.0);
}
