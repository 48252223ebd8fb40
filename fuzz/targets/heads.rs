//! The fuzz target `heads`: see `fuzz/src/heads.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| concierge_fuzz::heads::run(input));
