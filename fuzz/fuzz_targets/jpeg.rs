//! JPEG photographs.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shoken_fuzz::open_marked(bytes, 0, &[0xFF, 0xD8, 0xFF]));
