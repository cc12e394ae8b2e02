//! Files to pixels: byte sources, [`ImageSource`], the ordered table of formats, the CPU display pipeline.
//!
//! A new format is one file beside this one and one line in `formats.rs`.

mod cache;
pub mod display;
mod guard;
pub mod loader;
mod source;

pub use source::{
    DisplayDefaults, FrameInfo, Identity, ImageMeta, ImageSource, ImageWarning, ImagingError, PixelBuffer, Samples,
    Window,
};
