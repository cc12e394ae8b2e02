//! The one integration binary: every test file is a module of it.

mod architecture;
mod house;
mod licences;
mod ontology;
