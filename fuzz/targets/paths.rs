//! The fuzz target `paths`: see `fuzz/src/paths.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| concierge_fuzz::paths::run(input));
