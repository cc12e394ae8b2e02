//! Files to pixels: byte sources, [`ImageSource`], the ordered table of formats, the CPU display pipeline.
//!
//! A new format is one file beside this one and one line in `formats.rs`.

mod source;

pub use source::{
    DisplayDefaults, FrameInfo, Identity, ImageMeta, ImageSource, ImageWarning, ImagingError, PixelBuffer, Samples,
    Window,
};
