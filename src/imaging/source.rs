//! What every reader gives: metadata, tiles, frames, associated images; and raw pixels as decoded.

use std::{path::PathBuf, sync::Arc};

use super::{
    bands::Bands,
    display::GreyRules,
    meaning::{FramePart, RealWorld},
};
use crate::domain::{Field, Level, PlanePose, SizePx, Spacing, TileKey};

/// Raw decoded samples, interleaved by pixel, rows top to bottom, no padding.
#[derive(Clone, Debug, PartialEq)]
pub enum Samples {
    U8(Vec<u8>),
    U16(Vec<u16>),
    I16(Vec<i16>),
    /// What 16 bits cannot hold: 32-bit integers, float and double values, exact. Grey only.
    F64(Vec<f64>),
}

/// A decoded rectangle: `size_px.area() * channels` samples. Values are as stored (before rescale), 1 channel is grey,
/// 3 is RGB, 4 is RGBA.
#[derive(Clone, Debug, PartialEq)]
pub struct PixelBuffer {
    pub size_px: SizePx,
    pub channels: u8,
    pub samples: Samples,
}

impl PixelBuffer {
    /// Number of samples held; `size_px.area() * channels` in a sound buffer.
    pub fn sample_count(&self) -> u64 {
        match &self.samples {
            Samples::U8(values) => values.len() as u64,
            Samples::U16(values) => values.len() as u64,
            Samples::I16(values) => values.len() as u64,
            Samples::F64(values) => values.len() as u64,
        }
    }

    /// Memory held by the samples.
    pub fn bytes(&self) -> u64 {
        let each = match self.samples {
            Samples::U8(_) => 1,
            Samples::U16(_) | Samples::I16(_) => 2,
            Samples::F64(_) => 8,
        };
        self.sample_count() * each
    }
}

/// A VOI window in rescaled units (HU for CT), DICOM PS3.3 C.11.2.1.2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    pub center: f64,
    pub width: f64,
}

/// What a frame needs beyond its pixels. One entry per frame.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameInfo {
    /// Rescale slope and intercept of this frame: output = stored * slope + intercept.
    pub rescale: (f64, f64),
    /// Pose in the patient where the file has one.
    pub pose: Option<PlanePose>,
    /// Index into [`ImageMeta::files`] of the file that holds this frame.
    pub file: u32,
    /// Windows stored in the file, first is the default.
    pub windows: Vec<Window>,
    /// Lookup tables and padding of a grey frame; shared by the frames that have the same.
    pub grey: Option<Arc<GreyRules>>,
    /// How long the frame is shown when frames are played, in milliseconds, where the file says so.
    pub duration_ms: Option<f64>,
    /// Which stack the frame belongs to where an image holds several (phases, echoes, time points), counted from 0.
    pub group: u32,
    /// Quantities that stored values stand for beside [`DisplayDefaults::unit`].
    pub real_world: Option<Arc<[RealWorld]>>,
    /// Detector, energy window, phase … of a frame of nuclear medicine.
    pub parts: Option<Arc<[FramePart]>>,
}

/// Stored values as they are, no place in the patient, first file.
impl Default for FrameInfo {
    fn default() -> Self {
        Self {
            rescale: (1.0, 0.0),
            pose: None,
            file: 0,
            windows: Vec::new(),
            grey: None,
            duration_ms: None,
            group: 0,
            real_world: None,
            parts: None,
        }
    }
}

/// How to show the pixels when nobody has chosen otherwise.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DisplayDefaults {
    /// The window of the middle frame, or one computed from its values; `None` for colour and plain 8-bit grey.
    pub window: Option<Window>,
    /// MONOCHROME1: low values are bright.
    pub invert: bool,
    /// Unit of rescaled values, for example `HU`.
    pub unit: Option<String>,
    /// The file's windows are meant for the sigmoid function.
    pub sigmoid: bool,
    /// Other units that rescaled values can be read in, the usual one first (SUV for PET).
    pub other_units: Vec<OtherUnit>,
}

/// A further unit of rescaled values.
#[derive(Clone, Debug, PartialEq)]
pub struct OtherUnit {
    /// For example `SUVbw g/ml`.
    pub name: &'static str,
    /// What a rescaled value is multiplied by.
    pub factor: f64,
}

/// What lies over the pixels of a frame: overlay graphics, and the shutter that hides what is no image. One byte a pixel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cover {
    pub size_px: SizePx,
    pub marks: Vec<u8>,
    /// Grey of what is shut, 0 black to 255 white.
    pub shut_level: u8,
}

impl Cover {
    pub const NOTHING: u8 = 0;
    /// Drawn white: text and lines of an overlay.
    pub const GRAPHIC: u8 = 1;
    /// Drawn in one grey, [`Cover::shut_level`]: outside the shutter.
    pub const SHUT: u8 = 2;

    /// As a picture to lay over the image: 4 bytes a pixel, clear where nothing covers it.
    pub fn to_rgba8(&self) -> Vec<u8> {
        let colour = |mark: &u8| match *mark {
            Self::GRAPHIC => [255, 255, 255, 255],
            Self::SHUT => [self.shut_level, self.shut_level, self.shut_level, 255],
            _ => [0; 4],
        };
        self.marks.iter().flat_map(colour).collect()
    }
}

/// Where the times of frames come from; said beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimingSource {
    /// Presentation time stamps of a film.
    Film,
    /// A film without usable time stamps: its nominal rate.
    FilmRate,
    /// DICOM Frame Time, Frame Time Vector or Cine Rate (PS3.3 C.7.6.5), or the acquisition times of an enhanced object.
    Header,
}

/// When the frames of a film or a cine loop are shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    /// One entry a frame, in ticks, growing: presentation time stamps as the film has them, which need not begin at 0.
    pub ticks: std::sync::Arc<[i64]>,
    /// A tick in seconds, as numerator and denominator, both above 0.
    pub tick_s: (u32, u32),
    /// Frames that decode on their own, growing; empty where every frame does.
    pub keys: std::sync::Arc<[u32]>,
    pub source: TimingSource,
}

impl Timing {
    /// Seconds from the first frame to this one; 0 outside.
    pub fn seconds(&self, frame: u32) -> f64 {
        let first = self.ticks.first().copied().unwrap_or(0);
        let at = self.ticks.get(frame as usize).copied().unwrap_or(first);
        at.saturating_sub(first) as f64 * f64::from(self.tick_s.0) / f64::from(self.tick_s.1)
    }

    /// The frame that is on the screen this many seconds after the first one.
    pub fn frame_at(&self, seconds: f64) -> u32 {
        let first = self.ticks.first().copied().unwrap_or(0);
        let count = self.ticks.partition_point(|tick| {
            let at = tick.saturating_sub(first) as f64 * f64::from(self.tick_s.0) / f64::from(self.tick_s.1);
            at <= seconds + 1e-9
        });
        u32::try_from(count.saturating_sub(1)).unwrap_or(u32::MAX)
    }

    /// From the first frame to the last one and as long again as the mean of all.
    pub fn duration_s(&self) -> f64 {
        let last = self.ticks.len().saturating_sub(1);
        let to_last = self.seconds(u32::try_from(last).unwrap_or(u32::MAX));
        if last == 0 { 0.0 } else { to_last * (1.0 + 1.0 / last as f64) }
    }
}

/// A finding about the file that the user should see (gap, tilt, duplicate, missing tag). `code` is a Fluent key,
/// `detail` holds numbers only, never header text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageWarning {
    pub code: &'static str,
    pub detail: String,
}

/// Everything known about an image without decoding its pixels. Readers name what they know and leave the rest to
/// [`ImageMeta::default`], which is no image: without levels, frames and files.
#[derive(Clone)]
pub struct ImageMeta {
    /// Short name of the format, for example `Aperio SVS`.
    pub format: String,
    /// The reader that opened it, for example `tiff (native)`.
    pub reader: &'static str,
    pub field: Field,
    /// Level 0 is full resolution; at least one level; levels get coarser.
    pub levels: Vec<Level>,
    pub frames: Vec<FrameInfo>,
    pub channels: u8,
    /// Bits stored per sample and whether they are signed.
    pub bits_stored: u8,
    pub signed: bool,
    pub spacing: Option<Spacing>,
    pub objective_power: Option<f64>,
    /// DICOM transfer syntax with its UID, or the compression of the pixels.
    pub transfer_syntax: Option<String>,
    /// What the stored samples mean, in the format's own word (`MONOCHROME2`, `RGB`, `palette`).
    pub photometric: String,
    /// The colour profile of the pixels as embedded in the file (ICC.1), unchecked; `None` means sRGB by convention.
    pub icc: Option<Arc<[u8]>>,
    pub display: DisplayDefaults,
    /// When frames are shown; `None` for stills and stacks.
    pub timing: Option<Timing>,
    /// Width of a pixel over its height as it is to be shown, where the file says so apart from any spacing; `None` is
    /// square.
    pub pixel_aspect: Option<f64>,
    /// Names of associated images (`label`, `macro`, `thumbnail`).
    pub associated: Vec<String>,
    pub warnings: Vec<ImageWarning>,
    /// The files this image is made of, in frame order for a series.
    pub files: Vec<PathBuf>,
    /// Identity read from headers (DICOM). Never leaves the erasable identity tables.
    pub identity: Identity,
}

/// Header identity of an image; empty strings where absent. For DICOM: Study/Series Instance UID, Patient ID, Modality.
#[derive(Clone, Default)]
pub struct Identity {
    pub study_uid: String,
    pub series_uid: String,
    pub patient_id: String,
    pub patient_name: String,
    pub modality: String,
    /// SOP Instance UID per entry of [`ImageMeta::files`].
    pub sop_uids: Vec<String>,
    /// Frame of Reference UID: images that share it share their coordinates in the patient.
    pub frame_of_reference: String,
    /// Study Date as the header writes it (`20261121`).
    pub study_date: String,
    /// Series Description; free text.
    pub series_description: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity({} instances, hidden)", self.sop_uids.len())
    }
}

impl std::fmt::Debug for ImageMeta {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImageMeta")
            .field("format", &self.format)
            .field("levels", &self.levels.len())
            .field("frames", &self.frames.len())
            .field("files", &self.files.len())
            .finish_non_exhaustive()
    }
}

impl Default for ImageMeta {
    fn default() -> Self {
        Self {
            format: String::new(),
            reader: "",
            field: Field::Other,
            levels: Vec::new(),
            frames: Vec::new(),
            channels: 1,
            bits_stored: 8,
            signed: false,
            spacing: None,
            objective_power: None,
            transfer_syntax: None,
            photometric: String::new(),
            icc: None,
            display: DisplayDefaults::default(),
            timing: None,
            pixel_aspect: None,
            associated: Vec::new(),
            warnings: Vec::new(),
            files: Vec::new(),
            identity: Identity::default(),
        }
    }
}

impl ImageMeta {
    pub fn size_px(&self) -> SizePx {
        self.levels.first().map_or(SizePx::new(0, 0), |l| l.size_px)
    }

    /// The window that the file asks for on a frame: its own where one file holds several frames (an enhanced object chose
    /// each), else one for the whole stack, so that a scroll through single files does not flicker.
    pub fn window_of(&self, frame: u32) -> Option<Window> {
        let shared = self.display.window?;
        let own = self.frames.get(frame as usize).filter(|_| self.files.len() < self.frames.len());
        Some(own.and_then(|f| f.windows.first().copied()).unwrap_or(shared))
    }
}

/// Why a file could not be read. Every message names the file, the reason and what to do.
///
/// `Debug` leaves the file's name out, since names of files name people.
#[derive(thiserror::Error)]
pub enum ImagingError {
    #[error("{}: cannot be read: {source}. Check that the disk is connected and that you may read the file.", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{}: not an image that Shoken can read ({reason}). {hint}", path.display())]
    Unsupported { path: PathBuf, reason: String, hint: String },
    #[error("{}: the file is damaged ({reason}). Copy it again from its source; nothing was changed.", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("{}: {what} would need {needed_bytes} bytes, more than the limit of {limit_bytes}.", path.display())]
    TooLarge { path: PathBuf, what: String, needed_bytes: u64, limit_bytes: u64 },
    /// Not a failure: asked for again, it will be there.
    #[error("this part of the image is still being prepared; it appears by itself")]
    NotYet,
    #[error("there is no {what} {index} in this image (it has {count})")]
    OutOfRange { what: &'static str, index: u64, count: u64 },
}

impl ImagingError {
    /// The reason alone, for lists that already show the file.
    pub fn reason(&self) -> String {
        match self {
            Self::Io { source, .. } => format!("it cannot be read: {source}"),
            Self::Unsupported { reason, .. } => reason.clone(),
            Self::Damaged { reason, .. } => format!("it is damaged: {reason}"),
            Self::TooLarge { what, needed_bytes, .. } => format!("{what} would need {needed_bytes} bytes"),
            Self::OutOfRange { .. } | Self::NotYet => self.to_string(),
        }
    }
}

impl std::fmt::Debug for ImagingError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io { source, .. } => write!(f, "Io({source})"),
            Self::Unsupported { reason, .. } => write!(f, "Unsupported({reason})"),
            Self::Damaged { reason, .. } => write!(f, "Damaged({reason})"),
            Self::TooLarge { what, needed_bytes, .. } => write!(f, "TooLarge({what}, {needed_bytes})"),
            Self::OutOfRange { what, index, count } => write!(f, "OutOfRange({what} {index} of {count})"),
            Self::NotYet => f.write_str("NotYet"),
        }
    }
}

/// An opened image. Reading is thread-safe and holds no lock while decoding.
pub trait ImageSource: Send + Sync {
    fn meta(&self) -> &ImageMeta;

    /// One tile, cut to the level's edge.
    ///
    /// # Errors
    /// [`ImagingError::OutOfRange`] for a key outside the image; `Damaged` or `Io` when it cannot be decoded.
    fn read_tile(&self, key: TileKey) -> Result<PixelBuffer, ImagingError>;

    /// A small picture of a frame, of at most this many pixels on its longer side: for strips of pictures, made aside and
    /// without pushing anything out of the caches that the image in view lives from. 8-bit RGBA for any image.
    ///
    /// # Errors
    /// As [`ImageSource::read_tile`].
    fn thumbnail(&self, frame: u32, longest_px: u32) -> Result<PixelBuffer, ImagingError> {
        super::display::thumbnail(self, frame, longest_px)
    }

    /// An associated image by the name listed in [`ImageMeta::associated`].
    ///
    /// # Errors
    /// As [`ImageSource::read_tile`].
    fn read_associated(&self, name: &str) -> Result<PixelBuffer, ImagingError>;

    /// The rows of a flat image from the top, where the coding can be read in that order without holding the whole.
    fn bands(&self) -> Option<Box<dyn Bands + '_>> {
        None
    }

    /// Whether a tile is read without its neighbours; `false` where the whole frame is decoded for it.
    fn reads_single_tiles(&self) -> bool {
        false
    }

    /// How far the making of what tiles are read from has come, in percent; `None` when there is nothing to wait for. Meanwhile
    /// [`ImageSource::read_tile`] says [`ImagingError::NotYet`] of tiles that are not there.
    fn preparing(&self) -> Option<u32> {
        None
    }

    /// Waits until every tile can be read.
    ///
    /// # Errors
    /// What stopped the making.
    fn prepare(&self) -> Result<(), ImagingError> {
        Ok(())
    }

    /// Whether [`ImageSource::cover`] has anything to say of any frame; known without decoding.
    fn has_covers(&self) -> bool {
        false
    }

    /// What lies over the pixels of a frame, in level-0 pixels; most images have nothing of the kind.
    ///
    /// # Errors
    /// As [`ImageSource::read_tile`].
    fn cover(&self, _frame: u32) -> Result<Option<Cover>, ImagingError> {
        Ok(None)
    }
}
