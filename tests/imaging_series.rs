//! Series: what a folder holds, in which order, and what the reader of a stack is warned of.

use std::path::PathBuf;

use shoken::{
    domain::Field,
    imaging::{self, ImageMeta, identity},
    tasks::{Cancel, Progress},
};

use crate::support::samples;

fn codes(meta: &ImageMeta) -> Vec<(&str, &str)> {
    meta.warnings.iter().map(|warning| (warning.code, warning.detail.as_str())).collect()
}

fn scan(paths: &[PathBuf]) -> imaging::ScanResult {
    imaging::scan(paths, &Progress::new(), &Cancel::new()).unwrap()
}

#[test]
fn a_tilted_uneven_head_ct_says_so() {
    let Some(samples) = samples() else { return };
    let found = scan(&[samples.join("radiology/ct-head-ge")]);
    let [image] = found.images.as_slice() else { panic!("{} images", found.images.len()) };
    let meta = image.source.meta();
    assert_eq!((meta.frames.len(), meta.field, meta.identity.modality.as_str()), (28, Field::Radiology, "CT"));
    let warnings = codes(meta);
    assert!(warnings.contains(&("series-tilt", "degrees=18.5")), "{warnings:?}");
    let gap = warnings.iter().find(|(code, _)| *code == "series-gap").unwrap().1;
    assert!(gap.contains("min_mm=1.08") && gap.contains("max_mm=7.0") || gap.contains("max_mm=6.99"), "{gap}");
    let normal = meta.frames[0].pose.unwrap().normal();
    let places: Vec<f64> = meta
        .frames
        .iter()
        .map(|frame| frame.pose.unwrap().origin_mm.iter().zip(normal).map(|(p, n)| p * n).sum())
        .collect();
    assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "{places:?}");
}

#[test]
fn an_even_series_is_ordered_by_position_and_not_by_name_and_has_no_warning() {
    let Some(samples) = samples() else { return };
    let found = scan(&[samples.join("radiology/ct-philips-phantom-140")]);
    let [image] = found.images.as_slice() else { panic!("{} images", found.images.len()) };
    let meta = image.source.meta();
    assert_eq!((meta.frames.len(), codes(meta)), (140, vec![]));
    let mut by_name = meta.files.clone();
    by_name.sort();
    assert_ne!(meta.files, by_name);
    let reasons: Vec<_> = found.skipped.iter().map(|skipped| skipped.reason.as_str()).collect();
    // The index is that of a larger examination.
    let [reason] = reasons.as_slice() else { panic!("{reasons:?}") };
    assert!(
        reason.starts_with("this DICOM file is a DICOMDIR index; ") && reason.ends_with("are not there"),
        "{reason}"
    );
}

#[test]
fn slices_at_one_place_are_a_warning_and_a_copied_file_is_left_out() {
    let Some(samples) = samples() else { return };
    let dir = tempfile::tempdir().unwrap();
    let from = samples.join("radiology/mr-brain-pd");
    for name in ["brain_004.dcm", "brain_005.dcm", "brain_006.dcm"] {
        std::fs::copy(from.join(name), dir.path().join(name)).unwrap();
    }
    std::fs::copy(from.join("brain_005.dcm"), dir.path().join("zz-copy.dcm")).unwrap();
    // The same place again under another instance UID of the same length.
    let mut bytes = std::fs::read(from.join("brain_006.dcm")).unwrap();
    let tag = [0x08, 0x00, 0x18, 0x00, b'U', b'I'];
    let at = bytes.windows(6).position(|window| window == tag).unwrap();
    let length = usize::from(u16::from_le_bytes([bytes[at + 6], bytes[at + 7]]));
    let last = (at + 8..at + 8 + length).rev().find(|index| bytes[*index].is_ascii_digit()).unwrap();
    bytes[last] = if bytes[last] == b'9' { b'8' } else { b'9' };
    std::fs::write(dir.path().join("twin.dcm"), bytes).unwrap();
    let found = scan(&[dir.path().to_path_buf()]);
    let [image] = found.images.as_slice() else { panic!("{} images", found.images.len()) };
    let meta = image.source.meta();
    assert_eq!(meta.frames.len(), 4);
    assert!(codes(meta).contains(&("series-duplicate-position", "1")), "{:?}", codes(meta));
    assert_eq!(found.skipped.len(), 1);
    assert!(found.skipped[0].reason.contains("copy"));
}

#[test]
fn a_mixed_folder_becomes_its_images_and_a_list_of_what_is_none() {
    let Some(samples) = samples() else { return };
    let dir = tempfile::tempdir().unwrap();
    let copy = |from: &str, to: &str| {
        let to = dir.path().join(to);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(samples.join(from), to).unwrap();
    };
    copy("pathology/wsi-svs/CMU-1-Small-Region.svs", "b/slide");
    copy("endoscopy/frames-ead2019/0000600.jpg", "a/frame.jpg");
    copy("derived-objects/seg-ct-liver/liver.dcm", "c/seg.dcm");
    copy("derived-objects/seg-ct-liver/01.dcm", "c/1.dcm");
    copy("derived-objects/seg-ct-liver/02.dcm", "c/2.dcm");
    copy("endoscopy/frames-ead2019/class_list.txt", "c/notes.txt");
    copy("radiology/cine-us-xa/I_000009.dcm", "d/cine");
    copy("endoscopy/dicom-stills-burned-in/VL1_RLE", "d/still");
    let found = scan(&[dir.path().to_path_buf()]);
    let images: Vec<_> = found
        .images
        .iter()
        .map(|image| {
            let meta = image.source.meta();
            (meta.format.as_str(), meta.field, meta.files.len(), meta.frames.len())
        })
        .collect();
    assert_eq!(
        images,
        [
            ("PNG", Field::Endoscopy, 1, 1),
            ("Aperio SVS", Field::Pathology, 1, 1),
            ("DICOM series", Field::Radiology, 2, 2),
            ("DICOM", Field::Radiology, 1, 10),
            ("DICOM", Field::Other, 1, 1),
        ]
    );
    let skipped: Vec<_> = found.skipped.iter().map(|skipped| skipped.reason.as_str()).collect();
    assert_eq!(skipped, ["it is a text file", "this DICOM file is a segmentation"]);
    let cancel = Cancel::new();
    cancel.cancel();
    assert!(imaging::scan(&[dir.path().to_path_buf()], &Progress::new(), &cancel).is_err());
}

#[test]
fn what_identifies_a_person_is_in_no_debug_text() {
    let Some(samples) = samples() else { return };
    let source = imaging::open(&samples.join("deid/burned-in/0_ORIGINAL_compressed.dcm")).unwrap();
    let meta = source.meta();
    let text = format!("{meta:?} {:?}", meta.identity);
    for secret in [&meta.identity.patient_name, &meta.identity.patient_id, &meta.identity.study_uid] {
        assert!(!secret.is_empty() && !text.contains(secret.as_str()));
    }
    assert!(!text.contains("0_ORIGINAL"));
    let error = imaging::open(&samples.join("broken/dicom/MR_truncated.dcm")).err().unwrap();
    assert!(error.to_string().contains("MR_truncated") && !format!("{error:?}").contains("MR_truncated"));
}

#[test]
fn a_fingerprint_is_quick_and_the_hash_is_that_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    std::fs::write(&path, b"abc").unwrap();
    let progress = Progress::new();
    let hash = identity::full_hash(&path, &progress, &Cancel::new()).unwrap();
    // FIPS 180-4, example B.1.
    assert_eq!(hash.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(progress.snapshot().done, 3);
    let before = identity::quick_fingerprint(&path).unwrap();
    std::fs::write(&path, b"abd").unwrap();
    assert_ne!(identity::quick_fingerprint(&path).unwrap(), before);
    let cancel = Cancel::new();
    cancel.cancel();
    let stopped = identity::full_hash(&path, &Progress::new(), &cancel);
    assert!(matches!(stopped, Err(identity::HashError::Cancelled(_))));
}

/// `small_dicom.dcm` of the samples numbers its tiles column by column and says neither that nor anything else.
#[test]
fn a_slide_that_does_not_say_where_its_tiles_lie_is_not_put_together() {
    let Some(samples) = samples() else { return };
    let unplaced = imaging::open(&samples.join("pathology/wsi-dicom/small_dicom.dcm")).unwrap();
    let meta = unplaced.meta();
    assert_eq!((meta.frames.len(), meta.field, meta.size_px().width), (42, Field::Pathology, 500));
    assert!(codes(meta).contains(&("slide-tiles-not-placed", "")));
    let placed = imaging::open(&samples.join("pathology/wsi-dicom/sm_image.dcm")).unwrap();
    assert_eq!((placed.meta().size_px().width, placed.meta().frames.len()), (50, 1));
}
