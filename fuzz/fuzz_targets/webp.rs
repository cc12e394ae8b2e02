//! WebP.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shoken_fuzz::open_marked(bytes, 8, b"WEBP"));
