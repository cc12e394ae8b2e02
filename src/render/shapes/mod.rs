//! Committed outlines: what the caller gives ([`ShapeSet`]) and how it gets drawn.
//!
//! Shapes are sorted into [`blocks`] by size and place; a block's buffers are made when it first comes into view and made
//! again only when one of its shapes changes, so that an edit among 200,000 outlines costs one block. Blocks off the screen
//! are skipped, small shapes are sketched with fewer points, and shapes under three pixels are drawn as dots.

mod blocks;
mod build;
mod geometry;
mod layer;
mod pipelines;

pub use geometry::{Outline, Pattern, ShapeGeometry, ShapeInstance, ShapeSet};
pub(super) use layer::{LayerState, ShapeLayer};
pub(super) use pipelines::ShapePipelines;
