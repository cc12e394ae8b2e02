//! Shoken (所見): a workstation in which specialist physicians annotate pathology, endoscopy and radiology images.
//!
//! Modules stand in layers, lowest first. `tests/architecture.rs` holds the table of who may import whom and fails on
//! any other edge. The signed journal is the truth; everything else (state, projections, caches) is derived from it.

pub mod domain;
pub mod journal;
pub mod tasks;
pub mod keys;
pub mod imaging;
pub mod store;
pub mod analysis;
pub mod exchange;
pub mod sync;
pub mod project;
pub mod cli;
#[cfg(feature = "gui")]
pub mod render;
#[cfg(feature = "gui")]
pub mod gui;
pub mod demo;
pub mod bench;
