//! The fuzz target `hub_lives`: see `fuzz/src/hub_lives.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| concierge_fuzz::hub_lives::run(input));
