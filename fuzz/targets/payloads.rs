//! The fuzz target `payloads`: see `fuzz/src/payloads.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| concierge_fuzz::payloads::run(input));
