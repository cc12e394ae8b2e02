//! The one integration binary: every test file is a module of it.

mod demo_images;
mod matching;
