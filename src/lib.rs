//! Shoken (所見): a workstation in which specialist physicians annotate pathology, endoscopy and radiology images.
//!
//! Modules stand in layers, lowest first. `tests/architecture.rs` holds the table of who may import whom and fails on
//! any other edge. The signed journal is the truth; everything else (state, projections, caches) is derived from it.

pub mod analysis;
pub mod bench;
pub mod cli;
pub mod demo;
pub mod domain;
pub mod exchange;
#[cfg(feature = "gui")]
pub mod gui;
pub mod imaging;
pub mod journal;
pub mod keys;
pub mod project;
#[cfg(feature = "gui")]
pub mod render;
pub mod store;
pub mod sync;
pub mod tasks;
