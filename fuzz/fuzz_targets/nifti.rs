//! NIfTI volumes, uncompressed.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shoken_fuzz::open_marked(bytes, 344, b"n+1\0"));
