//! The fuzz target `envelopes`: see `fuzz/src/envelopes.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| concierge_fuzz::envelopes::run(input));
