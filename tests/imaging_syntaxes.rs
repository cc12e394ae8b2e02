//! Every transfer syntax against independent decoders: all DICOM samples against pydicom, and files of codings that are rare
//! among them, written by imagecodecs.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use shoken::{
    domain::TileKey,
    imaging::{self, ImageSource, Samples},
};

use crate::support::{oracle_python, samples};

fn oracle(python: &Path, mode: &str, out: &Path, input: &str) -> Vec<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/syntaxes.py");
    let mut child = Command::new(python)
        .arg(script)
        .arg(mode)
        .arg(out)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the oracle's Python starts");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the oracle failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn doubles(path: &Path) -> Vec<f64> {
    std::fs::read(path).unwrap().chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect()
}

/// One frame put together from its tiles: channels, values as decoded.
fn frame(source: &dyn ImageSource, frame: u32) -> Result<(u8, Vec<f64>), imaging::ImagingError> {
    let level = source.meta().levels[0];
    let (width, height) = (level.size_px.width as usize, level.size_px.height as usize);
    let channels = usize::from(source.meta().channels);
    let mut out = vec![f64::NAN; width * height * channels];
    let (cols, rows) = level.tiles();
    for (row, col) in (0..rows).flat_map(|row| (0..cols).map(move |col| (row, col))) {
        let tile = source.read_tile(TileKey { frame, level: 0, col, row })?;
        let values: Vec<f64> = match &tile.samples {
            Samples::U8(v) => v.iter().map(|v| f64::from(*v)).collect(),
            Samples::U16(v) => v.iter().map(|v| f64::from(*v)).collect(),
            Samples::I16(v) => v.iter().map(|v| f64::from(*v)).collect(),
            Samples::F64(v) => v.clone(),
        };
        let (x, y) = ((col * level.tile_px.width) as usize, (row * level.tile_px.height) as usize);
        let line = tile.size_px.width as usize * channels;
        for (index, from) in values.chunks_exact(line).enumerate() {
            let start = ((y + index) * width + x) * channels;
            out[start..start + line].copy_from_slice(from);
        }
    }
    Ok((source.meta().channels, out))
}

#[derive(Default)]
struct Apart {
    most: f64,
    sum: f64,
    values: usize,
}

impl Apart {
    fn add(&mut self, ours: &[f64], theirs: &[f64]) {
        for (a, b) in ours.iter().zip(theirs) {
            let apart = if a.to_bits() == b.to_bits() { 0.0 } else { (a - b).abs() };
            self.most = self.most.max(apart);
            self.sum += apart;
        }
        self.values += ours.len();
    }

    fn mean(&self) -> f64 {
        self.sum / self.values.max(1) as f64
    }
}

fn dicom_files(folder: &Path, out: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            dicom_files(&path, out);
        } else {
            let head = std::fs::read(&path).unwrap_or_default();
            if head.get(128..132) == Some(b"DICM") || path.extension().is_some_and(|e| e == "dcm") {
                out.push(path);
            }
        }
    }
}

/// Files that pydicom decodes and Shoken does not, each with the reason that stands.
const NOT_DECODED: &[(&str, &str)] =
    &[("radiology/transfer-syntax/pydicom/liver_1frame.dcm", "a segmentation is no image; it is imported as one")];

/// Where both decode and differ for a reason: the file, and the mean difference that remains.
const DIFFERENT: &[(&str, f64)] = &[
    // Lossy JPEG in truth, whatever its transfer syntax says.
    ("radiology/other-modalities/sample-op.dcm", 0.01),
];

#[test]
fn every_dicom_sample_that_pydicom_decodes_is_decoded_alike() {
    let (Some(samples), Some(python)) = (samples(), oracle_python()) else { return };
    let mut files = Vec::new();
    for folder in ["radiology", "endoscopy", "deid", "broken/dicom", "broken/dicom-hostile"] {
        dicom_files(&samples.join(folder), &mut files);
    }
    // Of a long series of one coding, every tenth slice.
    files.retain(|file| !file.to_string_lossy().contains("phantom-140") || file.to_string_lossy().ends_with("00"));
    let out = tempfile::tempdir().unwrap();
    let mut opened = Vec::new();
    let mut jobs = Vec::new();
    for path in &files {
        let source = imaging::open(path);
        let frames = source.as_ref().map_or(1, |source| source.meta().frames.len() as u32);
        let wanted: BTreeSet<u32> = [0, frames / 2, frames.saturating_sub(1)].into();
        let first = jobs.len();
        jobs.extend(wanted.iter().map(|frame| json!({ "path": path, "frame": frame })));
        opened.push((path, source, wanted, first));
    }
    let answers = oracle(&python, "sweep", out.path(), &serde_json::to_string(&jobs).unwrap());
    let mut by_syntax: BTreeMap<String, (usize, Apart)> = BTreeMap::new();
    let (mut failures, mut refused) = (Vec::new(), Vec::new());
    for (path, source, wanted, first) in opened {
        let name = path.strip_prefix(&samples).unwrap().to_string_lossy().replace('\\', "/");
        for (offset, index) in wanted.into_iter().enumerate() {
            let answer = &answers[first + offset];
            if let Some(error) = answer["error"].as_str() {
                if source.is_err() {
                    refused.push(format!("{name}: neither ({error})"));
                }
                continue;
            }
            let theirs = doubles(&out.path().join(format!("{}.raw", first + offset)));
            let decoded = source.as_ref().map_err(ToString::to_string);
            let decoded = decoded.and_then(|s| frame(&**s, index).map_err(|e| e.to_string()).map(|f| (s.meta(), f)));
            let (meta, (_, ours)) = match decoded {
                Ok(decoded) => decoded,
                Err(error) => {
                    if !NOT_DECODED.iter().any(|(file, _)| *file == name) {
                        failures.push(format!("{name} frame {index}: {error}"));
                    }
                    continue;
                }
            };
            if ours.len() != theirs.len() {
                failures.push(format!("{name} frame {index}: {} values, pydicom has {}", ours.len(), theirs.len()));
                continue;
            }
            let syntax = meta.transfer_syntax.clone().unwrap_or_default();
            let mut apart = Apart::default();
            apart.add(&ours, &theirs);
            let lossless =
                !["JPEG Baseline", "JPEG Extended", "JPEG 2000 (", "HT Lossy"].iter().any(|s| syntax.contains(s));
            let colour = meta.photometric.starts_with("YBR");
            let allowed = DIFFERENT.iter().find(|(file, _)| *file == name).map(|(_, mean)| *mean);
            let limit = allowed.unwrap_or(if lossless && !colour { 0.0 } else { 1.0 });
            if apart.mean() > limit || (limit == 0.0 && apart.most > 0.0) {
                failures.push(format!("{name} frame {index} {syntax}: mean {} most {}", apart.mean(), apart.most));
            }
            let entry = by_syntax.entry(syntax).or_default();
            entry.0 += 1;
            entry.1.add(&ours, &theirs);
        }
    }
    println!("{:<64} {:>6} {:>10} {:>8} {:>8}", "transfer syntax", "frames", "values", "largest", "mean");
    for (syntax, (frames, apart)) in &by_syntax {
        println!("{syntax:<64} {frames:>6} {:>10} {:>8} {:>8.4}", apart.values, apart.most, apart.mean());
    }
    println!("{} files; decoded by neither:\n{}", files.len(), refused.join("\n"));
    for (file, reason) in NOT_DECODED {
        println!("not decoded: {file}: {reason}");
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

/// The progressive processes are retired and pydicom refuses them. The same slice is there in the sequential process, from
/// the same coefficients: every sample has to be the same.
#[test]
fn progressive_jpeg_of_twelve_bits_gives_the_samples_of_the_sequential_one() {
    let Some(samples) = samples() else { return };
    let folder = samples.join("radiology/transfer-syntax/ct-chest-matrix");
    let mut all: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    let read = |syntax: &str| {
        let end = format!("_1.2.840.10008.1.2{syntax}.dcm");
        let file = all.iter().find(|path| path.to_string_lossy().ends_with(&end)).unwrap();
        frame(&*imaging::open(file).unwrap(), 0).unwrap().1
    };
    let sequential = read(".4.51");
    assert!(sequential.len() > 100_000);
    for syntax in [".4.53", ".4.55"] {
        assert!(read(syntax) == sequential, "{syntax}");
    }
}

#[test]
fn rare_codings_written_by_another_program_are_decoded_to_the_value() {
    let Some(python) = oracle_python() else { return };
    let out = tempfile::tempdir().unwrap();
    let made = oracle(&python, "make", out.path(), "");
    assert!(made.len() > 60, "{} files were made", made.len());
    let mut failures = Vec::new();
    for one in &made {
        let name = one["name"].as_str().unwrap();
        let bits = one["bits"].as_u64().unwrap();
        let theirs = doubles(&out.path().join(format!("{name}.raw")));
        let source = match imaging::open(&out.path().join(format!("{name}.dcm"))) {
            Ok(source) => source,
            Err(error) => {
                failures.push(format!("{name}: {error}"));
                continue;
            }
        };
        let mut ours = Vec::new();
        for index in 0..one["frames"].as_u64().unwrap() as u32 {
            match frame(&*source, index) {
                Ok((channels, values)) if channels == 3 && bits > 8 => {
                    // Deep colour is handed out over the full range of 16 bits.
                    let white = f64::from((1_u32 << bits) - 1);
                    ours.extend(values.iter().map(|v| (v * white / 65_535.0).round()));
                }
                Ok((_, values)) => ours.extend(values),
                Err(error) => failures.push(format!("{name}: {error}")),
            }
        }
        let mut apart = Apart::default();
        apart.add(&ours, &theirs);
        println!("{name:<28} {:>8} values, largest {}, mean {:.4}", ours.len(), apart.most, apart.mean());
        // A lossy JPEG XL is rendered in floating point: half a step of rounding may fall the other way.
        let most = if name.contains("lossy") { 1.0 } else { 0.0 };
        if ours.len() != theirs.len() || apart.most > most {
            failures.push(format!("{name}: {} of {} values, largest {}", ours.len(), theirs.len(), apart.most));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}
