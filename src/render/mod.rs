//! Pixels on the screen: a [`Scene`] of plain values in, pixels out. The only place, with the viewport's bridge, that speaks wgpu.
//!
//! One path serves the window, the tests and headless screenshots: tiles are drawn into an image layer, outlines into a
//! shape layer, and both are put together in the caller's pass. A layer is drawn again only when what it shows changed, so
//! that moving the mouse over a still image costs one copy. Raw samples stay raw in the [`atlas`]; window, rescale and
//! inversion happen in `shaders/tile.wgsl`, which `tests/render_window_level.rs` proves against the CPU pipeline.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a GPU takes f32 and u32; counts are bounded by the device's limits, places are relative to a nearby origin"
)]

pub mod atlas;
mod colour;
mod composite;
mod gpu;
mod grey;
mod narrow;
mod offscreen;
mod pixels;
mod renderer;
mod scene;
mod shaders;
mod shapes;
mod targets;
mod tiles;
mod volume;

pub use colour::{ColourLook, ColourPart, ColourTable};
pub use gpu::{DeviceHealth, Gpu, RenderError, is_software, pick_adapter};
pub use grey::GreyRamp;
pub use offscreen::{Image, Offscreen, read_texture};
pub use pixels::{TileImage, TileSamples};
pub use renderer::{Prepared, Renderer, RendererOptions, ViewId};
pub use scene::{Affine, Filter, Scene, TileDraw, TileId};
pub use shaders::{ShaderSource, all as all_shaders};
pub use shapes::{Outline, Pattern, ShapeGeometry, ShapeInstance, ShapeSet};
pub use volume::{
    SlabMode, ValueRamp, VolumeImage, VolumeLayer, VolumePrepared, VolumeRenderer, VolumeScene, VolumeSlice,
};
