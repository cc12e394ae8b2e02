//! Files to pixels: byte sources, [`ImageSource`], the ordered table of formats, the CPU display pipeline.
//!
//! A new format is one file beside this one and one line in `formats.rs`. Formats read through [`bytes::ByteSource`], size
//! every allocation against `limits.rs`, and report a `Fault` that gets the file's name at the door. Decoders of foreign
//! bytes run inside `guard::caught`.

// Foreign bytes are read here: an index that a header chose must not be able to stop the program.
#![warn(clippy::indexing_slicing)]

pub mod bands;
pub mod bytes;
mod cache;
mod canvas;
mod codec;
mod colour;
mod dicom;
pub mod display;
mod fault;
mod formats;
mod frames;
mod guard;
pub mod identity;
mod known;
mod limits;
pub mod loader;
mod meaning;
mod nifti;
mod nrrd;
mod openslide;
mod orientation;
pub mod patches;
mod phases;
mod photo;
mod png_rows;
mod pyramid;
mod pyramid_store;
mod quarantine;
mod photo_jp2;
mod photo_profile;
mod scan;
mod series;
mod source;
mod tiff;
mod values;
pub mod volume;
pub mod video;
mod voxels;
mod wide;

pub use dicom::reads_transfer_syntax;
pub use formats::{open, open_bytes};
pub use known::{KNOWN_FORMATS, KnownFormat, Verified};
pub use meaning::{FramePart, FramePartKind, RealValues, RealWorld};
pub use openslide::serve as serve_openslide;
pub use scan::{ScanResult, ScannedImage, Skipped, scan};
pub use series::open_series;
pub use source::{
    Cover, DisplayDefaults, FrameInfo, Identity, ImageMeta, ImageSource, ImageWarning, ImagingError, OtherUnit,
    PixelBuffer, Samples, Timing, TimingSource, Window,
};
