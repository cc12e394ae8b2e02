//! The attributes of one DICOM instance that reading and showing its pixels need.

use std::{path::PathBuf, sync::Arc};

use dicom_encoding::text::{SpecificCharacterSet, TextCodec};

use super::{
    cine,
    cover::Covers,
    dataset::{Dataset, FileStructure, PixelPlace, read_structure},
    functional::{self, FrameMacros},
    grey,
    matrix::SlideMatrix,
    nuclear, palette, spacing,
    store::PixelStore,
    suv,
    syntax::TransferSyntax,
};
use crate::{
    domain::{Field, PlanePose, SizePx, Spacing},
    imaging::{
        FramePart, ImageWarning, OtherUnit, Window,
        bytes::ByteSource,
        codec::Expect,
        display::GreyRules,
        fault::Fault,
        limits,
        phases::{Keys, number_key},
    },
};

pub mod tag {
    use super::super::dataset::Tag;

    pub const CHARACTER_SET: Tag = 0x0008_0005;
    pub const SOP_CLASS: Tag = 0x0008_0016;
    pub const SOP_INSTANCE: Tag = 0x0008_0018;
    pub const MODALITY: Tag = 0x0008_0060;
    pub const IMAGE_TYPE: Tag = 0x0008_0008;
    pub const PATIENT_NAME: Tag = 0x0010_0010;
    pub const PATIENT_ID: Tag = 0x0010_0020;
    pub const IMAGER_SPACING: Tag = 0x0018_1164;
    pub const STUDY: Tag = 0x0020_000D;
    pub const SERIES: Tag = 0x0020_000E;
    pub const INSTANCE_NUMBER: Tag = 0x0020_0013;
    pub const POSITION: Tag = 0x0020_0032;
    pub const ORIENTATION: Tag = 0x0020_0037;
    pub const CHANNELS: Tag = 0x0028_0002;
    pub const PHOTOMETRIC: Tag = 0x0028_0004;
    pub const PLANAR: Tag = 0x0028_0006;
    pub const FRAMES: Tag = 0x0028_0008;
    pub const ROWS: Tag = 0x0028_0010;
    pub const COLUMNS: Tag = 0x0028_0011;
    pub const SPACING: Tag = 0x0028_0030;
    pub const BITS_ALLOCATED: Tag = 0x0028_0100;
    pub const BITS_STORED: Tag = 0x0028_0101;
    pub const HIGH_BIT: Tag = 0x0028_0102;
    pub const SIGNED: Tag = 0x0028_0103;
    pub const CENTER: Tag = 0x0028_1050;
    pub const WIDTH: Tag = 0x0028_1051;
    pub const INTERCEPT: Tag = 0x0028_1052;
    pub const SLOPE: Tag = 0x0028_1053;
    pub const RESCALE_TYPE: Tag = 0x0028_1054;
    pub const VOI_FUNCTION: Tag = 0x0028_1056;
    pub const PALETTE: [Tag; 3] = [0x0028_1101, 0x0028_1102, 0x0028_1103];
    pub const PALETTE_DATA: [Tag; 3] = [0x0028_1201, 0x0028_1202, 0x0028_1203];
    pub const PALETTE_SEGMENTS: [Tag; 3] = [0x0028_1221, 0x0028_1222, 0x0028_1223];
    pub const FRAME_OF_REFERENCE: Tag = 0x0020_0052;
    pub const STUDY_DATE: Tag = 0x0008_0020;
    pub const SERIES_DESCRIPTION: Tag = 0x0008_103E;
    pub const PET_UNITS: Tag = 0x0054_1001;
    pub const MATRIX_COLUMNS: Tag = 0x0048_0006;
    pub const MATRIX_ROWS: Tag = 0x0048_0007;
    pub const OPTICAL_PATHS: Tag = 0x0048_0105;
    pub const EXTENDED_OFFSETS: Tag = 0x7FE0_0001;
    pub const OBJECTIVE_POWER: Tag = 0x0048_0112;
    pub const SLIDE_POSITION: Tag = 0x0048_021A;
    pub const TILE_COLUMN: Tag = 0x0048_021E;
    pub const TILE_ROW: Tag = 0x0048_021F;
    pub const DIMENSION_ORGANISATION: Tag = 0x0020_9311;
}

/// What the samples mean (PS3.3 C.7.6.3.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Photometric {
    Monochrome1,
    Monochrome2,
    Rgb,
    YbrFull,
    YbrFull422,
    /// The own transforms of JPEG 2000, JPEG XL and films, undone by the decoder.
    ByCodec,
    Palette,
}

impl Photometric {
    fn from_text(text: &str) -> Result<Self, Fault> {
        Ok(match text {
            "MONOCHROME1" => Self::Monochrome1,
            "MONOCHROME2" => Self::Monochrome2,
            "RGB" => Self::Rgb,
            "YBR_FULL" => Self::YbrFull,
            "YBR_FULL_422" => Self::YbrFull422,
            "YBR_ICT" | "YBR_RCT" | "XYB" | "YBR_PARTIAL_420" => Self::ByCodec,
            "PALETTE COLOR" => Self::Palette,
            "" => return Err(Fault::damaged("it does not say what its samples mean (Photometric Interpretation)")),
            _ => return Err(Fault::unsupported("DICOM photometric interpretation that is not read")),
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Monochrome1 => "MONOCHROME1",
            Self::Monochrome2 => "MONOCHROME2",
            Self::Rgb => "RGB",
            Self::YbrFull => "YBR_FULL",
            Self::YbrFull422 => "YBR_FULL_422",
            Self::ByCodec => "YBR_RCT/ICT",
            Self::Palette => "PALETTE COLOR",
        }
    }
}

/// How samples are laid out in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleLayout {
    pub size_px: SizePx,
    /// Channels as stored.
    pub channels: u8,
    pub bits_allocated: u8,
    pub bits_stored: u8,
    pub high_bit: u8,
    pub signed: bool,
    pub photometric: Photometric,
    /// Colour by plane instead of by pixel.
    pub planar: bool,
    /// Float or Double Float Pixel Data instead of integers.
    pub real: bool,
}

impl SampleLayout {
    /// Channels after decoding: 1 or 3.
    pub fn decoded_channels(&self) -> u8 {
        if matches!(self.photometric, Photometric::Monochrome1 | Photometric::Monochrome2) { 1 } else { 3 }
    }

    /// What a codec has to give for one frame.
    pub fn expect(&self) -> Expect {
        Expect { width: self.size_px.width, height: self.size_px.height, channels: self.channels }
    }

    /// Bits of one native frame; frames of single bits follow one another without padding (PS3.5 8.1.1).
    fn native_frame_bits(&self) -> u64 {
        let per_pixel = if self.photometric == Photometric::YbrFull422 { 2 } else { u64::from(self.channels) };
        self.size_px.area() * per_pixel * u64::from(self.bits_allocated)
    }

    /// Bytes of so many native frames.
    pub fn native_bytes(&self, frames: u32) -> u64 {
        self.native_frame_bits().saturating_mul(u64::from(frames)).div_ceil(8)
    }

    /// Where a native frame lies: its first byte, how many bytes it touches, and its first bit within them.
    pub fn native_place(&self, frame: u32) -> (u64, u64, u64) {
        let first = self.native_frame_bits().saturating_mul(u64::from(frame));
        (first / 8, (first % 8 + self.native_frame_bits()).div_ceil(8), first % 8)
    }
}

/// One instance: everything but its pixels.
pub struct Instance {
    pub path: PathBuf,
    pub syntax: TransferSyntax,
    pub layout: SampleLayout,
    pub pixels: PixelStore,
    pub frames: FrameMacros,
    pub frame_count: u32,
    pub sop_uid: String,
    pub study_uid: String,
    pub series_uid: String,
    pub patient_id: String,
    pub patient_name: String,
    pub modality: String,
    pub image_type: String,
    pub instance_number: f64,
    /// What may tell slices of one place apart.
    pub keys: Keys,
    pub spacing: Option<Spacing>,
    pub unit: Option<String>,
    pub other_units: Vec<OtherUnit>,
    /// Tables and padding; with and without the colours that some frames of an object may have.
    grey: Option<Arc<GreyRules>>,
    grey_alone: Option<Arc<GreyRules>>,
    /// What each frame of nuclear medicine is; empty where the file does not say.
    pub parts: Vec<Arc<[FramePart]>>,
    /// Windows are those of the sigmoid.
    pub sigmoid: bool,
    /// Low values are bright.
    pub inverted: bool,
    pub covers: Covers,
    /// How long each frame is shown when played; empty where the file does not say.
    pub durations_ms: Vec<f64>,
    pub frame_of_reference: String,
    pub study_date: String,
    pub series_description: String,
    pub slide: Option<SlideMatrix>,
    pub palette: Vec<[u8; 3]>,
    /// Stored value of the first palette entry.
    pub palette_first: i32,
    pub warnings: Vec<ImageWarning>,
}

/// What a DICOM file without an image is; for the list of skipped files.
pub fn kind_without_image(class: &str, modality: &str) -> Option<&'static str> {
    let Some(kind) = class.strip_prefix("1.2.840.10008.5.1.4.1.1.") else {
        return (class == "1.2.840.10008.1.3.10").then_some("a DICOMDIR index");
    };
    let first = kind.split('.').next().unwrap_or_default();
    match (kind, first, modality) {
        ("66.4" | "66.5" | "66.7", ..) | (_, _, "SEG") => Some("a segmentation"),
        (_, "88", _) | (_, _, "SR" | "KO") => Some("a structured report"),
        (_, "481", _) | (_, _, "RTSTRUCT" | "RTPLAN" | "RTDOSE") => Some("a radiotherapy object"),
        (_, "11", _) | (_, _, "PR") => Some("a presentation state"),
        ("67", ..) => Some("a real-world value mapping"),
        (_, "91", _) => Some("a set of annotations"),
        (_, "104", _) => Some("an encapsulated document"),
        (_, "9", _) => Some("a waveform"),
        ("66" | "66.1" | "66.2" | "66.3", ..) => Some("raw data or a registration"),
        _ => None,
    }
}

/// The medical field by modality (PS3.3 C.7.3.1.1.1).
pub fn field_of(modality: &str) -> Field {
    match modality {
        "SM" => Field::Pathology,
        "ES" | "GM" | "XC" => Field::Endoscopy,
        "CT" | "MR" | "CR" | "DX" | "DR" | "MG" | "PT" | "NM" | "US" | "XA" | "RF" | "IO" | "PX" | "IVUS" | "BMD"
        | "RG" | "TG" => Field::Radiology,
        _ => Field::Other,
    }
}

impl Instance {
    /// Reads the header of one file. `source` stays open for as long as the instance lives.
    ///
    /// # Errors
    /// `Unsupported` for objects without an image and for layouts that are not read; `Damaged` for cut files.
    pub fn read(path: PathBuf, source: Arc<dyn ByteSource>) -> Result<Self, Fault> {
        let (structure, inflated) = read_structure(&*source)?;
        let source = match inflated {
            Some(memory) => Arc::new(memory),
            None => source,
        };
        let FileStructure { syntax, coding, media_class, header, pixels } = structure;
        let data = Dataset::parse(&header, coding);
        let sop_class = Some(data.text(tag::SOP_CLASS)).filter(|uid| !uid.is_empty()).unwrap_or(media_class);
        let modality = data.text(tag::MODALITY);
        if let Some(kind) = kind_without_image(&sop_class, &modality) {
            return Err(Fault::not_an_image(format!("this DICOM file is {kind}")));
        }
        let Some(place) = pixels else {
            return Err(Fault::not_an_image("this DICOM file has no pixels"));
        };
        if modality == "SEG" {
            return Err(Fault::not_an_image("this DICOM file is a segmentation"));
        }
        let layout = layout(&data, matches!(place, PixelPlace::Native { real: true, .. }))?;
        syntax.check_readable()?;
        let frame_count = frame_count(&data)?;
        Fault::check_size("one frame", layout.size_px.area() * 8, 8 * limits::FRAME_BYTES)?;
        let pixels = PixelStore::new(source, place, &layout, &syntax, frame_count, &data.quads(tag::EXTENDED_OFFSETS))?;
        let (palette, palette_first) =
            if layout.photometric == Photometric::Palette { palette::read(&data)? } else { (Vec::new(), 0) };
        let frames = FrameMacros::read(&data, frame_count, layout.signed);
        let parts = if modality == "NM" { nuclear::parts(&data, frame_count) } else { Vec::new() };
        let mut warnings = Vec::new();
        let (spacing, said) = spacing::read(&data, &frames, &modality);
        warnings.extend(said);
        let other_units = match modality.as_str() {
            "PT" => suv::units(&data).unwrap_or_else(|refusal| {
                warnings.push(refusal);
                Vec::new()
            }),
            _ => Vec::new(),
        };
        Ok(Self {
            path,
            pixels,
            frame_count,
            sop_uid: data.text(tag::SOP_INSTANCE),
            study_uid: data.text(tag::STUDY),
            series_uid: data.text(tag::SERIES),
            patient_id: person_text(&data, tag::PATIENT_ID),
            patient_name: person_text(&data, tag::PATIENT_NAME),
            image_type: data.text(tag::IMAGE_TYPE),
            instance_number: data.number(tag::INSTANCE_NUMBER).unwrap_or(0.0),
            keys: phase_keys(&data),
            spacing,
            other_units,
            grey: grey::rules(&data, &layout, true),
            grey_alone: grey::rules(&data, &layout, false),
            parts,
            sigmoid: grey::sigmoid(&data),
            inverted: grey::inverted(&data, layout.photometric),
            covers: Covers::read(&data),
            durations_ms: cine::durations_ms(&data, frame_count),
            frame_of_reference: data.text(tag::FRAME_OF_REFERENCE),
            study_date: data.text(tag::STUDY_DATE),
            series_description: person_text(&data, tag::SERIES_DESCRIPTION),
            unit: unit(&data, &modality),
            slide: SlideMatrix::read(&data, &layout, frame_count),
            layout,
            syntax,
            modality,
            frames,
            palette,
            palette_first,
            warnings,
        })
    }

    /// A slide whose file says where its tiles lie. Without `TILED_FULL` and without positions nobody can know, and a
    /// guessed mosaic would show tissue where it is not.
    pub fn is_placed_slide(&self) -> bool {
        self.slide.as_ref().is_some_and(|slide| slide.is_placed(self.frame_count))
    }

    /// What of a grey frame is no straight line.
    pub fn grey_of(&self, frame: u32) -> Option<Arc<GreyRules>> {
        if self.frames.is_grey(frame) { self.grey_alone.clone() } else { self.grey.clone() }
    }

    /// Pose of a frame, with the spacing in millimetres.
    pub fn pose(&self, frame: u32) -> Option<PlanePose> {
        self.frames.pose(frame)
    }
}

fn layout(data: &Dataset<'_>, real: bool) -> Result<SampleLayout, Fault> {
    let need = |tag, what: &str| data.word(tag).ok_or_else(|| Fault::damaged(format!("its header lacks {what}")));
    let (rows, columns) = (need(tag::ROWS, "Rows")?, need(tag::COLUMNS, "Columns")?);
    if rows == 0 || columns == 0 {
        return Err(Fault::damaged(format!("its header says {columns} × {rows} pixels")));
    }
    let allocated = data.word(tag::BITS_ALLOCATED).unwrap_or(16);
    let bits_allocated = match allocated {
        1 | 8 | 16 | 32 if !real => allocated,
        32 | 64 if real => allocated,
        other => return Err(Fault::unsupported(format!("DICOM with {other} bits allocated per sample"))),
    };
    // Real values use all their bits, and their header need not say so.
    let bits_stored = data.word(tag::BITS_STORED).filter(|_| !real).unwrap_or(allocated);
    let high_bit = data.word(tag::HIGH_BIT).filter(|_| !real).unwrap_or(bits_stored.saturating_sub(1));
    if bits_stored == 0 || bits_stored > allocated || high_bit >= allocated || high_bit + 1 < bits_stored {
        return Err(Fault::damaged(format!(
            "its header says {bits_stored} bits ending at bit {high_bit} of {allocated}"
        )));
    }
    let photometric = Photometric::from_text(&data.text(tag::PHOTOMETRIC))?;
    let channels = data.word(tag::CHANNELS).unwrap_or(1);
    let wanted = match photometric {
        Photometric::Monochrome1 | Photometric::Monochrome2 | Photometric::Palette => 1,
        _ => 3,
    };
    if channels != wanted {
        return Err(Fault::damaged(format!("its header says {channels} channels and {}", photometric.name())));
    }
    let narrow = |value: u16| u8::try_from(value).unwrap_or(u8::MAX);
    Ok(SampleLayout {
        size_px: SizePx::new(u32::from(columns), u32::from(rows)),
        channels: narrow(channels),
        bits_allocated: narrow(bits_allocated),
        bits_stored: narrow(bits_stored),
        high_bit: narrow(high_bit),
        signed: data.word(tag::SIGNED) == Some(1),
        photometric,
        planar: data.word(tag::PLANAR) == Some(1) && channels == 3,
        real,
    })
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked before")]
fn frame_count(data: &Dataset<'_>) -> Result<u32, Fault> {
    let count = data.number(tag::FRAMES).unwrap_or(1.0).round();
    if (1.0..=1_000_000.0).contains(&count) {
        return Ok(count as u32);
    }
    if count == 0.0 { Ok(1) } else { Err(Fault::damaged(format!("its header says {count} frames"))) }
}

/// Windows of a dataset, turned into the LINEAR function: LINEAR_EXACT (C.11.2.1.3.2) with centre c and width w equals
/// LINEAR with c + 0.5 and w + 1.
pub fn windows(data: &Dataset<'_>) -> Vec<Window> {
    let exact = data.text(tag::VOI_FUNCTION) == "LINEAR_EXACT";
    let (centers, widths) = (data.numbers(tag::CENTER), data.numbers(tag::WIDTH));
    let pairs =
        centers.into_iter().zip(widths).filter(|(_, width)| *width >= if exact { f64::MIN_POSITIVE } else { 1.0 });
    pairs
        .map(
            |(center, width)| {
                if exact { Window { center: center + 0.5, width: width + 1.0 } } else { Window { center, width } }
            },
        )
        .collect()
}

/// The unit of rescaled values: Rescale Type, or HU for CT (C.8.2.1 makes it so).
fn unit(data: &Dataset<'_>, modality: &str) -> Option<String> {
    let own = data.text(tag::RESCALE_TYPE);
    let text = if own.is_empty() { functional::rescale_type(data).unwrap_or_default() } else { own };
    match text.as_str() {
        "" if modality == "CT" => Some("HU".to_owned()),
        "" | "US" if modality == "PT" => pet_unit(&data.text(tag::PET_UNITS)),
        "BQML" | "GML" | "CNTS" => pet_unit(&text),
        "" | "US" => None,
        // A defined term is short; anything else is free text and stays out.
        _ if text.len() <= 16 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '/') => Some(text),
        _ => None,
    }
}

/// The units of PET (C.8.9.1.1.3) as people write them.
fn pet_unit(term: &str) -> Option<String> {
    match term {
        "BQML" => Some("Bq/ml".to_owned()),
        "GML" => Some("g/ml".to_owned()),
        "CNTS" => Some("counts".to_owned()),
        _ => None,
    }
}

/// What may tell slices of one place apart, most telling first. Siemens and GE keep the b-value in elements of their own.
fn phase_keys(data: &Dataset<'_>) -> Keys {
    let number = |tag| data.number(tag);
    let b_value = number(0x0018_9087).or_else(|| number(0x0019_100C)).or_else(|| number(0x0043_1039));
    [
        number_key(number(0x0018_0081)),
        number_key(b_value),
        number_key(number(0x0020_0100)),
        number_key(number(0x0018_0082)),
        number_key(number(0x0018_1060)),
        data.text(tag::IMAGE_TYPE),
        number_key(number(0x0020_0012)),
        data.text(0x0008_0032),
    ]
}

/// A text that may be in any of DICOM's character sets.
fn person_text(data: &Dataset<'_>, tag: super::dataset::Tag) -> String {
    let bytes = data.bytes(tag).unwrap_or_default();
    let sets = data.text(tag::CHARACTER_SET);
    let decoded = sets.split('\\').map(str::trim).filter(|code| !code.is_empty()).find_map(|code| {
        let set = SpecificCharacterSet::from_code(code)?;
        set.decode(bytes).ok()
    });
    let text = decoded.unwrap_or_else(|| String::from_utf8_lossy(bytes).into_owned());
    text.trim_matches(|c: char| c == '\0' || c.is_whitespace()).to_owned()
}
