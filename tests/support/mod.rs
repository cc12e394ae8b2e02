//! Helpers of the tests.

pub mod world;
