//! What a viewport needs of the pixel layers, re-exported by name: tiles on demand and how their samples are shown.

pub use crate::imaging::display::{
    ColourPart, ColourState, DisplayState, GreyMap, GreyRules, IccFault, IccTable, Lut, Ramp, to_rgba8,
};
pub use crate::imaging::loader::{Demand, ImageHandle, Loaded, LoaderStats, TileLoader};
pub use crate::imaging::{
    Cover, DisplayDefaults, FrameInfo, FramePart, FramePartKind, Identity, ImageMeta, ImageSource, OtherUnit,
    PixelBuffer, RealValues, RealWorld, Samples, Window,
};
pub use crate::tasks::{Pool, Priority};
