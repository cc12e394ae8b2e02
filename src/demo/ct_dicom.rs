//! Writes the phantom as a DICOM CT series (PS3.3 A.3): one explicit little-endian file a slice, 16-bit signed.
//!
//! UIDs are `2.25.` and a UUID made from the seed (PS3.5 B.2), dates are fixed: the same seed gives the same bytes.

use std::path::{Path, PathBuf};

use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use sha2::{Digest, Sha256};

use super::ct::{CtPhantom, PIXEL_MM, SIDE_PX, SLICE_MM};

/// Stored value = HU − intercept.
const INTERCEPT: i16 = -1024;

/// Writes `slices` files into `folder` (created) and returns their paths from feet to head. File names are in an order
/// of their own, so that a reader that sorts by name gets the series wrong.
///
/// # Errors
/// When the folder or a file cannot be written.
pub fn write_series(phantom: &CtPhantom, seed: u64, folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    std::fs::create_dir_all(folder)?;
    let mut paths = Vec::with_capacity(phantom.slices);
    for index in 0..phantom.slices {
        let shuffled = (index * 17 + 5) % phantom.slices.max(1);
        let path = folder.join(format!("IM{shuffled:04}.dcm"));
        write_slice(phantom, seed, index, &path)?;
        paths.push(path);
    }
    Ok(paths)
}

/// A UID under `2.25.` from a version-8 UUID (RFC 9562) of seed and label.
pub fn uid(seed: u64, label: &str) -> String {
    let digest =
        Sha256::new().chain_update(b"shoken demo uid").chain_update(seed.to_le_bytes()).chain_update(label).finalize();
    let mut bytes = [0_u8; 16];
    bytes.iter_mut().zip(digest.iter()).for_each(|(to, from)| *to = *from);
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    format!("2.25.{}", u128::from_be_bytes(bytes))
}

fn write_slice(phantom: &CtPhantom, seed: u64, index: usize, path: &Path) -> std::io::Result<()> {
    let mut object = InMemDicomObject::new_empty();
    let mut text = |tag: Tag, vr: VR, value: &str| {
        object.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
    };
    let instance_uid = uid(seed, &format!("ct instance {index}"));
    text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 100");
    text(tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY\\AXIAL");
    text(tags::SOP_CLASS_UID, VR::UI, uids::CT_IMAGE_STORAGE);
    text(tags::SOP_INSTANCE_UID, VR::UI, &instance_uid);
    for tag in [tags::STUDY_DATE, tags::SERIES_DATE, tags::ACQUISITION_DATE, tags::CONTENT_DATE] {
        text(tag, VR::DA, "20200101");
    }
    for tag in [tags::STUDY_TIME, tags::SERIES_TIME, tags::ACQUISITION_TIME, tags::CONTENT_TIME] {
        text(tag, VR::TM, "120000");
    }
    text(tags::ACCESSION_NUMBER, VR::SH, "");
    text(tags::MODALITY, VR::CS, "CT");
    text(tags::MANUFACTURER, VR::LO, "Shoken demo phantom");
    text(tags::REFERRING_PHYSICIAN_NAME, VR::PN, "");
    text(tags::STUDY_DESCRIPTION, VR::LO, "Synthetic chest, not from a patient");
    text(tags::SERIES_DESCRIPTION, VR::LO, "Axial 2.5 mm, soft kernel");
    text(tags::PATIENT_NAME, VR::PN, "DEMO^SYNTHETIC");
    text(tags::PATIENT_ID, VR::LO, "DEMO-CT-1");
    text(tags::PATIENT_BIRTH_DATE, VR::DA, "");
    text(tags::PATIENT_SEX, VR::CS, "O");
    text(tags::BODY_PART_EXAMINED, VR::CS, "CHEST");
    text(tags::SLICE_THICKNESS, VR::DS, &format!("{SLICE_MM}"));
    text(tags::KVP, VR::DS, "120");
    text(tags::SPACING_BETWEEN_SLICES, VR::DS, &format!("{SLICE_MM}"));
    text(tags::CONVOLUTION_KERNEL, VR::SH, "SOFT");
    text(tags::PATIENT_POSITION, VR::CS, "HFS");
    text(tags::STUDY_INSTANCE_UID, VR::UI, &uid(seed, "ct study"));
    text(tags::SERIES_INSTANCE_UID, VR::UI, &uid(seed, "ct series"));
    text(tags::STUDY_ID, VR::SH, "1");
    text(tags::SERIES_NUMBER, VR::IS, "2");
    text(tags::ACQUISITION_NUMBER, VR::IS, "1");
    text(tags::INSTANCE_NUMBER, VR::IS, &(phantom.slices - index).to_string());
    let [x, y, z] = CtPhantom::origin_mm(index);
    text(tags::IMAGE_POSITION_PATIENT, VR::DS, &format!("{x:.3}\\{y:.3}\\{z:.3}"));
    text(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0\\1\\0");
    text(tags::FRAME_OF_REFERENCE_UID, VR::UI, &uid(seed, "ct frame of reference"));
    text(tags::POSITION_REFERENCE_INDICATOR, VR::LO, "");
    text(tags::SLICE_LOCATION, VR::DS, &format!("{z:.3}"));
    text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2");
    text(tags::PIXEL_SPACING, VR::DS, &format!("{PIXEL_MM}\\{PIXEL_MM}"));
    text(tags::BURNED_IN_ANNOTATION, VR::CS, "NO");
    text(tags::WINDOW_CENTER, VR::DS, "40\\-550");
    text(tags::WINDOW_WIDTH, VR::DS, "400\\1500");
    text(tags::WINDOW_CENTER_WIDTH_EXPLANATION, VR::LO, "MEDIASTINUM\\LUNG");
    text(tags::RESCALE_INTERCEPT, VR::DS, &INTERCEPT.to_string());
    text(tags::RESCALE_SLOPE, VR::DS, "1");
    text(tags::RESCALE_TYPE, VR::LO, "HU");
    let side = u16::try_from(SIDE_PX).map_err(std::io::Error::other)?;
    for (tag, value) in [
        (tags::SAMPLES_PER_PIXEL, 1),
        (tags::ROWS, side),
        (tags::COLUMNS, side),
        (tags::BITS_ALLOCATED, 16),
        (tags::BITS_STORED, 16),
        (tags::HIGH_BIT, 15),
        (tags::PIXEL_REPRESENTATION, 1),
    ] {
        object.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
    }
    let stored: Vec<u8> = phantom.slice_hu(index).flat_map(|hu| (hu - INTERCEPT).to_le_bytes()).collect();
    object.put(DataElement::new(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U8(stored.into())));
    let meta = FileMetaTableBuilder::new()
        .media_storage_sop_class_uid(uids::CT_IMAGE_STORAGE)
        .media_storage_sop_instance_uid(instance_uid)
        .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
        .implementation_class_uid(uid(0, "implementation"))
        .implementation_version_name("SHOKEN_DEMO_1");
    let file = object.with_meta(meta).map_err(std::io::Error::other)?;
    file.write_to_file(path).map_err(std::io::Error::other)
}
