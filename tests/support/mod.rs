//! Helpers of the tests.

pub mod samples;
pub mod world;
