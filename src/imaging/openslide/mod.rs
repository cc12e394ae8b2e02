//! Slides that OpenSlide reads and Shoken does not: MIRAX, Leica SCN, Ventana BIF, Hamamatsu VMS and VMU, Philips, Sakura,
//! Trestle, Zeiss. The library is loaded by a child worker, one file each, since it is C code on foreign bytes.

mod library;
mod serve;
mod vendor;
mod wire;

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

pub use serve::serve;
pub use vendor::{Vendor, is_foreign_head, is_mirax, members, of_tiff};

use super::{
    FrameInfo, ImageMeta, ImageSource, ImagingError, PixelBuffer, Samples,
    bytes::ByteSource,
    fault::Fault,
    frames::{level_of, tile_rect},
    quarantine,
};
use crate::{
    domain::{Field, Level, SizePx, Spacing, SpacingSource, TileKey},
    tasks::child::{Child, ChildError, own_program},
};
use wire::{Described, Greeting, Question};

/// Opening reads the whole index of a slide, on a network share one small file after the other.
const OPEN_WAIT: Duration = Duration::from_secs(60);
const TILE_WAIT: Duration = Duration::from_secs(30);
/// Children that wait for the next question, of all slides together.
const IDLE: usize = 6;
/// Side of the tiles that are asked for where the library names none of a useful size.
const TILE_SIDE: u32 = 512;

const HINT_INSTALL: &str = "Install OpenSlide (Debian and Ubuntu: apt install libopenslide0; without an administrator: put \
                            libopenslide.so.1 beside the program or name it in SHOKEN_OPENSLIDE), then open it again.";

static NEXT: AtomicU64 = AtomicU64::new(1);

/// Children by the slide that they have open, the longest unused first.
static WAITING: Mutex<VecDeque<(u64, Child)>> = Mutex::new(VecDeque::new());

fn waiting() -> MutexGuard<'static, VecDeque<(u64, Child)>> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A slide that children read.
pub struct ForeignSlide {
    id: u64,
    path: PathBuf,
    reader: String,
    meta: ImageMeta,
}

/// Whether every file goes to OpenSlide, so that the two readers can be compared.
pub fn is_forced() -> bool {
    std::env::var_os("SHOKEN_READER").is_some_and(|reader| reader == "openslide")
}

fn start(path: &Path) -> Result<(Child, Greeting), Fault> {
    let failed = |error: &ChildError| Fault::Unsupported {
        reason: format!("the helper that reads it gave up: {error}"),
        hint: "Open it again; if that happens each time, convert it with the vendor's software to DICOM or TIFF.",
    };
    let program = own_program().map_err(Fault::Io)?;
    let arguments = ["worker".into(), "openslide".into(), path.as_os_str().to_owned()];
    let mut child = Child::spawn(&program, &arguments).map_err(|error| failed(&error))?;
    let greeting = child.answer(OPEN_WAIT).map_err(|error| {
        note(path, "OpenSlide", &error);
        failed(&error)
    })?;
    let greeting = serde_json::from_slice(&greeting);
    let greeting = greeting.map_err(|_| Fault::unsupported("the helper that reads it was not understood"))?;
    Ok((child, greeting))
}

/// A file whose reader crashed is set aside; one whose reader was stopped or slow is not.
fn note(path: &Path, reader: &str, error: &ChildError) {
    if let ChildError::Ended { how, by_fault: true } = error {
        quarantine::add(path, reader, how);
    }
}

/// Opens a slide through the library.
///
/// # Errors
/// `Unsupported` when the library is absent or does not know the file, and for a file that stopped it before.
pub fn open(path: PathBuf, _bytes: Arc<dyn ByteSource>) -> Result<Arc<dyn ImageSource>, Fault> {
    quarantine::check(&path, "OpenSlide")?;
    let (mut child, greeting) = start(&path)?;
    let described = match greeting {
        Greeting::Slide(described) => described,
        Greeting::Absent => {
            let reason = "it is a slide that only OpenSlide reads, which is not installed".to_owned();
            return Err(Fault::Unsupported { reason, hint: HINT_INSTALL });
        }
        Greeting::Refused { version, reason } => {
            return Err(Fault::unsupported(format!("OpenSlide {version}: {reason}")));
        }
    };
    let icc = if described.has_icc { child.ask(&Question::Icc.to_bytes(), TILE_WAIT).ok() } else { None };
    let icc = icc.and_then(wire::answered).and_then(Result::ok).filter(|profile| !profile.is_empty());
    let mut meta = describe(&described)?;
    meta.icc = icc.map(Arc::from);
    meta.files = members(&path);
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    let slide = ForeignSlide { id, reader: format!("OpenSlide {}", described.version), path, meta };
    slide.put_back(child);
    Ok(Arc::new(slide))
}

/// The vendor's words for people, by the library's.
fn format_name(vendor: &str) -> &str {
    match vendor {
        "mirax" => "3DHISTECH MIRAX",
        "leica" => "Leica SCN",
        "ventana" => "Ventana BIF",
        "hamamatsu" => "Hamamatsu",
        "philips" => "Philips TIFF",
        "sakura" => "Sakura",
        "trestle" => "Trestle",
        "zeiss" => "Zeiss",
        "aperio" => "Aperio SVS",
        "dicom" => "DICOM whole slide",
        "generic-tiff" => "tiled TIFF",
        other => other,
    }
}

fn describe(described: &Described) -> Result<ImageMeta, Fault> {
    if described.levels.is_empty() {
        return Err(Fault::damaged("OpenSlide finds no level in it"));
    }
    let most = 1 << 24;
    if described.levels.iter().any(|level| level.width > most || level.height > most || level.downsample.is_nan()) {
        return Err(Fault::damaged("OpenSlide finds a level of impossible size in it"));
    }
    let useful = |side: u32, full: u32| if (128..=1024).contains(&side) { side } else { TILE_SIDE.min(full) };
    let levels = described.levels.iter().map(|level| Level {
        size_px: SizePx::new(level.width, level.height),
        tile_px: SizePx::new(useful(level.tile_width, level.width), useful(level.tile_height, level.height)),
        downsample: level.downsample,
    });
    Ok(ImageMeta {
        format: format_name(&described.vendor).to_owned(),
        reader: if described.version.starts_with("3.") { "OpenSlide 3 (library)" } else { "OpenSlide 4 (library)" },
        field: Field::Pathology,
        levels: levels.collect(),
        frames: vec![FrameInfo::default()],
        channels: 3,
        spacing: described.mpp.map(|(x_um, y_um)| Spacing { x_um, y_um, source: SpacingSource::SlideHeader }),
        objective_power: described.power,
        transfer_syntax: Some(format!("decoded by OpenSlide {}", described.version)),
        photometric: "RGB".to_owned(),
        associated: described.associated.clone(),
        ..ImageMeta::default()
    })
}

impl ForeignSlide {
    fn put_back(&self, child: Child) {
        let mut waiting = waiting();
        waiting.push_back((self.id, child));
        let oldest = if waiting.len() > IDLE { waiting.pop_front() } else { None };
        drop(waiting);
        // Ending a process may take a moment; nobody else waits for it.
        drop(oldest);
    }

    fn take(&self) -> Result<Child, Fault> {
        {
            let mut waiting = waiting();
            if let Some(at) = waiting.iter().rposition(|(id, _)| *id == self.id)
                && let Some((_, child)) = waiting.remove(at)
            {
                return Ok(child);
            }
        }
        quarantine::check(&self.path, "OpenSlide")?;
        match start(&self.path)? {
            (child, Greeting::Slide(_)) => Ok(child),
            (_, Greeting::Absent) => {
                Err(Fault::Unsupported { reason: "OpenSlide is gone".to_owned(), hint: HINT_INSTALL })
            }
            (_, Greeting::Refused { reason, .. }) => Err(Fault::damaged(reason)),
        }
    }

    fn ask(&self, question: &Question) -> Result<Vec<u8>, Fault> {
        let mut child = self.take()?;
        // A child that waited may have been ended by the system meanwhile; that is no fault of the file.
        let answer = match child.ask(&question.to_bytes(), TILE_WAIT) {
            Err(ChildError::Ended { by_fault: false, .. }) => {
                drop(child);
                child = self.take()?;
                child.ask(&question.to_bytes(), TILE_WAIT)
            }
            answer => answer,
        };
        let bytes = answer.map_err(|error| {
            note(&self.path, "OpenSlide", &error);
            Fault::damaged(format!("{} gave up on it: {error}", self.reader))
        })?;
        let result = wire::answered(bytes).ok_or_else(|| Fault::damaged("the helper was not understood"))?;
        // The library takes no more questions about a slide once it has met an error.
        result.map_err(|reason| Fault::damaged(format!("{}: {reason}", self.reader))).inspect(|_| self.put_back(child))
    }
}

fn pixels(size_px: SizePx, values: Vec<u8>) -> Result<PixelBuffer, Fault> {
    if values.len() as u64 != size_px.area() * 3 {
        return Err(Fault::damaged("the helper gave another number of pixels than asked for"));
    }
    Ok(PixelBuffer { size_px, channels: 3, samples: Samples::U8(values) })
}

impl ImageSource for ForeignSlide {
    fn meta(&self) -> &ImageMeta {
        &self.meta
    }

    #[allow(clippy::cast_possible_truncation, reason = "sides and downsamples are below 2^24")]
    fn read_tile(&self, key: TileKey) -> Result<PixelBuffer, ImagingError> {
        let level = level_of(&self.meta.levels, key)?;
        let rect = tile_rect(level, key)?;
        if key.frame > 0 {
            return Err(ImagingError::OutOfRange { what: "frame", index: u64::from(key.frame), count: 1 });
        }
        let corner = |at: u32| (f64::from(at) * level.downsample).round() as i64;
        let question = Question::Region {
            level: u32::from(key.level),
            x: corner(rect.x),
            y: corner(rect.y),
            width: rect.width,
            height: rect.height,
        };
        let read = || pixels(SizePx::new(rect.width, rect.height), self.ask(&question)?);
        read().map_err(|fault| fault.at(&self.path))
    }

    fn read_associated(&self, name: &str) -> Result<PixelBuffer, ImagingError> {
        if !self.meta.associated.iter().any(|known| known == name) {
            let count = self.meta.associated.len() as u64;
            return Err(ImagingError::OutOfRange { what: "associated image of that name", index: 0, count });
        }
        let read = || {
            let mut bytes = self.ask(&Question::Associated(name.to_owned()))?;
            let rest = bytes.split_off(bytes.len().min(8));
            let &[a, b, c, d, e, f, g, h] = bytes.as_slice() else {
                return Err(Fault::damaged("the helper was not understood"));
            };
            let size_px = SizePx::new(u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
            pixels(size_px, rest)
        };
        read().map_err(|fault| fault.at(&self.path))
    }
}

impl Drop for ForeignSlide {
    fn drop(&mut self) {
        let mut waiting = waiting();
        let (own, others): (VecDeque<_>, VecDeque<_>) = waiting.drain(..).partition(|(id, _)| *id == self.id);
        *waiting = others;
        drop(waiting);
        drop(own);
    }
}
