//! The fuzz target `packets`: see `fuzz/src/packets.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| concierge_fuzz::packets::run(input));
