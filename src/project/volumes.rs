//! What a window needs of volumes, re-exported by name.

pub use crate::imaging::volume::{
    Plane, Posed, Resliced, Slab, SlicePlace, StackCut, StackGeometry, Volume, VolumeError, Voxels,
};
