//! JPEG 2000 code streams.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shoken_fuzz::open_marked(bytes, 0, &[0xFF, 0x4F, 0xFF, 0x51]));
