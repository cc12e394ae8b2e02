//! Any bytes at the door of every reader.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shoken_fuzz::open(bytes));
