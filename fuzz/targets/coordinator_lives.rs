//! The fuzz target `coordinator_lives`: see `fuzz/src/coordinator_lives.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| concierge_fuzz::coordinator_lives::run(input));
