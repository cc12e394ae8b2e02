//! Every sample file that an independent reader decodes is decoded here too, and equal: a table of file, reader, largest and
//! mean difference. What it decodes and Shoken does not is listed below by name, and the list must be true.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
    sync::Arc,
};

use serde_json::Value;
use shoken::imaging::{self, ImageSource};

use crate::support::{oracle_python, pixels, samples};

/// Files that an independent reader decodes and Shoken does not, with the reason.
const NOT_READ: &[(&str, &str)] = &[
    ("broken/images/clusterfuzz-testcase-minimized-fuzzer_script_tiff-5026894169374720.tif", DAMAGED),
    ("broken/images/crash-0da013a13571cc8eb457a39fee8db18f8a3c7127.tif", FAX),
    ("broken/images/crash-74d2a78403a5a59db1fb0a2b8735ac068a75f6e3.tif", FAX),
    ("broken/images/invalid_multiframe.gif", "GIF: 256 colours, refused with the word to save it as PNG"),
    ("broken/images/tiff-fuzz/id=000001,sig=06,src=000000,op=havoc,rep=8", DAMAGED),
    ("broken/images/tiff-fuzz/id=000001,sig=06,src=000044,op=havoc,rep=64", DAMAGED),
    ("broken/images/tiff-fuzz/id=000003,sig=06,src=000000,op=havoc,rep=4", DAMAGED),
    ("derived-objects/rt-small/rtdose.dcm", "a dose grid, no image of a patient"),
    ("derived-objects/seg-ct-liver/liver.dcm", MASK),
    ("derived-objects/seg-ct-liver/partial_overlaps.dcm", MASK),
    ("derived-objects/seg-sr-highdicom/seg_image_ct_binary.dcm", MASK),
    ("derived-objects/seg-sr-highdicom/seg_image_ct_binary_overlap.dcm", MASK),
    ("derived-objects/seg-sr-highdicom/seg_image_ct_true_fractional.dcm", MASK),
    ("derived-objects/sr-tid1500/seg.dcm", MASK),
    ("pathology/wsi-dicom/seg_image_sm_dots_tiled_full.dcm", MASK),
    ("pathology/wsi-dicom/seg_image_sm_numbers.dcm", MASK),
    ("radiology/transfer-syntax/pydicom/liver_1frame.dcm", MASK),
];
/// The header contradicts itself or the pixels; the other reader shows what it could save without a word.
const DAMAGED: &str = "damaged";
const FAX: &str = "a facsimile coding of black and white pages";
/// Somebody's labels, not an image to be labelled.
const MASK: &str = "a segmentation";

/// Damaged files of which every decoder shows what it could save, each something else.
const WRECKS: &[&str] = &["broken/images/subtract-with-overflow.jpg"];

/// Two decoders of a lossy coding differ in rounding and in how they enlarge colour: mean difference in grey levels.
const LOSSY_MEAN: f64 = 1.0;

struct Row {
    mean: f64,
    most: f64,
    exact: bool,
}

/// One picture of a file: what part of it, the shape, and the values.
fn compare(source: &dyn ImageSource, job: &Value, folder: &Path) -> Result<Row, String> {
    let number = |key: &str| u32::try_from(job[key].as_u64().unwrap_or(0)).unwrap();
    let (shape, own) = match job["associated"].as_str() {
        Some(name) => {
            let pixels = source.read_associated(name).map_err(|error| error.reason())?;
            pixels::of(&pixels)
        }
        None if source.meta().format == "DICOM whole slide" && job["reader"] == "pydicom" => {
            pixels::slide_frame(source, number("frame"))?
        }
        None => pixels::level(source, number("frame"), u16::try_from(number("level")).unwrap())?,
    };
    let mut wanted: Vec<u64> = job["shape"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap()).collect();
    let other = pixels::raw(&folder.join(job["raw"].as_str().unwrap()), job["dtype"].as_str().unwrap());
    let other = match job["dtype"].as_str() {
        // Colour of 32 bits a channel is shown, and kept, to its upper 16.
        Some("uint32") if shape.len() == 3 => other.into_iter().map(|v| (v / 65536.0).floor()).collect(),
        _ => other,
    };
    let other = if job["reader"] == "pydicom" && source.meta().format == "DICOM whole slide" {
        pixels::cut(other, &mut wanted, &shape)
    } else {
        other
    };
    if shape != wanted || own.len() != other.len() {
        return Err(format!("ours is {shape:?}, theirs {wanted:?}"));
    }
    let apart = || own.iter().zip(&other).map(|(a, b)| (a - b).abs());
    let sum: f64 = apart().sum();
    Ok(Row { mean: sum / own.len() as f64, most: apart().fold(0.0, f64::max), exact: job["exact"].as_bool().unwrap() })
}

#[test]
fn every_sample_that_an_independent_reader_decodes_is_equal() {
    let (Some(samples), Some(python)) = (samples(), oracle_python()) else { return };
    let out = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/every.py");
    let step = if std::env::var_os("SHOKEN_PROOF").is_some() { "1" } else { "0" };
    let output = Command::new(python).arg(script).arg(&samples).arg(out.path()).arg(step).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let jobs: Vec<Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut opened: BTreeMap<String, Result<Arc<dyn ImageSource>, String>> = BTreeMap::new();
    let (mut not_read, mut wrong) = (BTreeMap::new(), Vec::new());
    let (mut compared, mut pictures, mut refused) = (BTreeSet::new(), 0, 0);
    println!("{:<10} {:>9} {:>6}  lossless  file", "reader", "mean", "most");
    for job in &jobs {
        let name = job["file"].as_str().unwrap().to_owned();
        if job["error"].is_string() {
            refused += 1;
            continue;
        }
        let source = opened
            .entry(name.clone())
            .or_insert_with(|| imaging::open(&samples.join(&name)).map_err(|error| error.reason()));
        let source = match source {
            Ok(source) => source,
            Err(reason) => {
                not_read.entry(name).or_insert_with(|| reason.clone());
                continue;
            }
        };
        let what = job["associated"]
            .as_str()
            .map_or_else(|| format!("frame {} level {}", job["frame"], job["level"]), ToOwned::to_owned);
        match compare(&**source, job, out.path()) {
            Ok(row) => {
                let reader = job["reader"].as_str().unwrap();
                println!("{reader:<10} {:>9.5} {:>6}  {:<8}  {name} {what}", row.mean, row.most, row.exact);
                let bad = if row.exact { row.most > 0.0 } else { row.mean >= LOSSY_MEAN };
                if bad != WRECKS.contains(&name.as_str()) {
                    wrong.push(format!("{name} {what} {reader}: mean {:.5}, most {}", row.mean, row.most));
                }
                compared.insert(name);
                pictures += 1;
            }
            Err(reason) if NOT_READ.contains(&(name.as_str(), DAMAGED)) => {
                not_read.insert(name, reason);
            }
            Err(reason) => wrong.push(format!("{name} {what} {}: {reason}", job["reader"])),
        }
    }
    println!("{pictures} pictures of {} files compared; {refused} times the other reader gave up", compared.len());
    for (name, reason) in &not_read {
        let why = NOT_READ.iter().find(|(listed, _)| listed == name).map_or("NOT LISTED", |(_, why)| why);
        println!("not read: {name}: {why} ({reason})");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let listed: BTreeSet<&str> = NOT_READ.iter().map(|(name, _)| *name).collect();
    let found: BTreeSet<&str> = not_read.keys().map(String::as_str).collect();
    assert_eq!(found, listed, "the list of what is not read must be true");
    assert!(compared.len() > 300, "only {} files were compared", compared.len());
}
