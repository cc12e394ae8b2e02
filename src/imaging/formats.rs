//! The ordered table of formats. A file is known by its bytes; its name is never asked.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    ImageSource, ImagingError,
    bytes::{ByteSource, FileBytes, read_head},
    dicom,
    fault::Fault,
    guard::caught,
    nifti, nrrd, openslide,
    photo::Photo,
    pyramid, tiff, video,
};

type Opened = Result<Arc<dyn ImageSource>, Fault>;

/// One format family: how its first bytes look and how it is opened.
struct Format {
    probe: fn(&[u8]) -> bool,
    open: fn(PathBuf, Arc<dyn ByteSource>) -> Opened,
    is_dicom: bool,
}

/// First match wins. DICOM stands first for its mark at byte 128, and last for files that lack it, since those are
/// guessed from element headers.
const FORMATS: &[Format] = &[
    Format { probe: |head| head.get(128..132) == Some(b"DICM"), open: open_dicom, is_dicom: true },
    Format { probe: tiff::is_tiff, open: tiff::open, is_dicom: false },
    Format { probe: openslide::is_foreign_head, open: openslide::open, is_dicom: false },
    Format { probe: nifti::is_nifti, open: nifti::open, is_dicom: false },
    Format { probe: |head| head.starts_with(&[0x1F, 0x8B]), open: nifti::open_gzip, is_dicom: false },
    Format { probe: nrrd::is_nrrd, open: nrrd::open, is_dicom: false },
    Format {
        probe: |head| head.starts_with(b"\x89PNG\r\n\x1a\n"),
        open: |path, bytes| Ok(Arc::new(Photo::open_png(path, bytes)?)),
        is_dicom: false,
    },
    Format { probe: |head| head.starts_with(&[0xFF, 0xD8, 0xFF]), open: open_jpeg, is_dicom: false },
    Format {
        probe: |head| {
            head.starts_with(b"BM") && head.get(14..18).is_some_and(|size| matches!(size, [12..=124, 0, 0, 0]))
        },
        open: |path, bytes| Ok(Arc::new(Photo::open_bmp(path, bytes)?)),
        is_dicom: false,
    },
    Format {
        probe: |head| head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP"),
        open: |path, bytes| Ok(Arc::new(Photo::open_webp(path, bytes)?)),
        is_dicom: false,
    },
    Format {
        probe: |head| matches!(head, [0, 0, 0, 12, b'j', b'P', b' ', b' ', ..] | [0xFF, 0x4F, 0xFF, 0x51, ..]),
        open: |path, bytes| Ok(Arc::new(Photo::open_jpeg2000(path, bytes)?)),
        is_dicom: false,
    },
    Format { probe: |head| video::container_of(head).is_some(), open: open_film, is_dicom: false },
    Format { probe: dicom::dataset::looks_like_dicom, open: open_dicom, is_dicom: true },
];

/// Formats that are recognised only to say what they are.
fn known_but_unread(head: &[u8]) -> Option<&'static str> {
    let at4 = head.get(4..12).unwrap_or_default();
    let text = head.iter().take(64).all(|byte| matches!(byte, 9 | 10 | 13 | 32..=126 | 128..));
    match head {
        [b'G', b'I', b'F', b'8', ..] => Some("GIF; save it as PNG"),
        [b'N', b'R', b'R', b'D', ..] => Some("NRRD of a version that is not known"),
        [b'P', b'K', 3, 4, ..] => Some("a ZIP archive"),
        _ if at4.starts_with(b"ftypavif") || at4.starts_with(b"ftypheic") => Some("AVIF or HEIC"),
        _ if !head.is_empty() && text => Some("a text file"),
        _ => None,
    }
}

/// A photograph, or the small picture that stands for a MIRAX slide.
fn open_jpeg(path: PathBuf, bytes: Arc<dyn ByteSource>) -> Opened {
    if openslide::is_mirax(&path) {
        return openslide::open(path, bytes);
    }
    Ok(Arc::new(Photo::open_jpeg(path, bytes)?))
}

#[allow(clippy::needless_pass_by_value, reason = "the shape of the table's column; FFmpeg opens the file itself")]
fn open_film(path: PathBuf, bytes: Arc<dyn ByteSource>) -> Opened {
    let head = read_head(&*bytes, 4096)?;
    let container = video::container_of(&head).ok_or_else(|| Fault::not_an_image("it is no film"))?;
    Ok(Arc::new(video::open(path, &*bytes, container)?))
}

fn open_dicom(path: PathBuf, bytes: Arc<dyn ByteSource>) -> Opened {
    let instance = dicom::header::Instance::read(path, bytes)?;
    dicom::open_instances(vec![instance], Vec::new()).map_err(|error| match error {
        ImagingError::Damaged { reason, .. } => Fault::Damaged(reason),
        other => Fault::unsupported(other.reason()),
    })
}

fn find(head: &[u8]) -> Result<&'static Format, Fault> {
    FORMATS.iter().find(|format| (format.probe)(head)).ok_or_else(|| {
        if head.is_empty() {
            return Fault::not_an_image("the file is empty");
        }
        match known_but_unread(head) {
            Some(what) => Fault::not_an_image(format!("it is {what}")),
            None => Fault::not_an_image("its bytes are those of no known image format"),
        }
    })
}

/// Whether the file is to be opened as DICOM.
pub fn is_dicom(bytes: &dyn ByteSource) -> Result<bool, Fault> {
    Ok(find(&read_head(bytes, 4096)?)?.is_dicom)
}

/// Opens one image file. Its format is found from its content, whatever its name.
///
/// # Errors
/// [`ImagingError`] with the file, the reason and what to do; never a panic, never memory sized by an unchecked header.
pub fn open(path: &Path) -> Result<Arc<dyn ImageSource>, ImagingError> {
    if path.is_dir() {
        return Err(Fault::not_an_image("it is a folder").at(path));
    }
    let bytes = FileBytes::open(path).map_err(|error| Fault::Io(error).at(path))?;
    open_bytes(path, Arc::new(bytes))
}

/// Opens an image from any byte source; `name` is used in messages and in [`super::ImageMeta::files`].
///
/// # Errors
/// As [`open`].
pub fn open_bytes(name: &Path, bytes: Arc<dyn ByteSource>) -> Result<Arc<dyn ImageSource>, ImagingError> {
    let work = || {
        if openslide::is_forced() {
            return openslide::open(name.to_path_buf(), bytes);
        }
        let format = find(&read_head(&*bytes, 4096)?)?;
        (format.open)(name.to_path_buf(), bytes)
    };
    let source = caught(work).unwrap_or_else(|panic| Err(Fault::damaged(panic))).map_err(|fault| fault.at(name))?;
    pyramid::with_levels(source, name)
}
