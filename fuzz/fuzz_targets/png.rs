//! PNG.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shoken_fuzz::open_marked(bytes, 0, b"\x89PNG\r\n\x1a\n"));
