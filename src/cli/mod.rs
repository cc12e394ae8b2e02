//! (under construction)

pub mod inspect;
pub mod render;
