//! The fuzz target `frames`: see `fuzz/src/frames.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| concierge_fuzz::frames::run(input));
