//! (under construction)

pub mod viewport;
