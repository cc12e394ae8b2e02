//! The one integration binary: every test file is a module of it.

mod architecture;
mod demo_images;
mod house;
mod licences;
mod matching;
mod ontology;
