//! The one integration binary: every test file is a module of it.

#[cfg(feature = "gui")]
mod render;
#[cfg(feature = "gui")]
mod render_window_level;
