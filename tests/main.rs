//! The one integration binary: every test file is a module of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on says so by stopping; helpers of tests are not known to clippy as such"
)]

mod architecture;
mod demo_images;
mod house;
mod licences;
mod matching;
mod ontology;
#[cfg(feature = "gui")]
mod render;
#[cfg(feature = "gui")]
mod render_window_level;
#[cfg(feature = "gui")]
mod render_viewport;
mod release;
mod support;
