//! What went wrong while reading, before the file's name is known; [`Fault::at`] adds it.

use std::{io, path::Path};

use super::ImagingError;

/// The inner error of every reader in this module.
#[derive(Debug)]
pub enum Fault {
    Io(io::Error),
    Damaged(String),
    Unsupported { reason: String, hint: &'static str },
    TooLarge { what: &'static str, needed_bytes: u64, limit_bytes: u64 },
    OutOfRange { what: &'static str, index: u64, count: u64 },
}

pub const HINT_CONVERT: &str = "Convert it with the vendor's software to DICOM, TIFF, PNG or JPEG and import that.";
pub const HINT_NOT_IMAGE: &str =
    "Choose an image file: DICOM, NIfTI, NRRD, SVS, TIFF, PNG, JPEG, JPEG 2000, WebP, BMP or a film.";

impl Fault {
    pub fn damaged(reason: impl Into<String>) -> Self {
        Self::Damaged(reason.into())
    }

    pub fn unsupported(reason: impl Into<String>) -> Self {
        Self::Unsupported { reason: reason.into(), hint: HINT_CONVERT }
    }

    pub fn not_an_image(reason: impl Into<String>) -> Self {
        Self::Unsupported { reason: reason.into(), hint: HINT_NOT_IMAGE }
    }

    /// Checks a size that a header claims.
    pub fn check_size(what: &'static str, needed_bytes: u64, limit_bytes: u64) -> Result<(), Self> {
        if needed_bytes > limit_bytes { Err(Self::TooLarge { what, needed_bytes, limit_bytes }) } else { Ok(()) }
    }

    /// The reason alone, in the words of [`ImagingError::reason`].
    pub fn reason(&self) -> String {
        match self {
            Self::Io(error) => format!("it cannot be read: {error}"),
            Self::Damaged(reason) | Self::Unsupported { reason, .. } => reason.clone(),
            Self::TooLarge { what, needed_bytes, .. } => format!("{what} would need {needed_bytes} bytes"),
            Self::OutOfRange { what, index, count } => format!("there is no {what} {index} (of {count})"),
        }
    }

    pub fn at(self, path: &Path) -> ImagingError {
        let path = path.to_path_buf();
        match self {
            Self::Io(source) => ImagingError::Io { path, source },
            Self::Damaged(reason) => ImagingError::Damaged { path, reason },
            Self::Unsupported { reason, hint } => ImagingError::Unsupported { path, reason, hint: hint.to_owned() },
            Self::TooLarge { what, needed_bytes, limit_bytes } => {
                ImagingError::TooLarge { path, what: what.to_owned(), needed_bytes, limit_bytes }
            }
            Self::OutOfRange { what, index, count } => ImagingError::OutOfRange { what, index, count },
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            Self::Damaged("it ends before its data does".to_owned())
        } else {
            Self::Io(error)
        }
    }
}
