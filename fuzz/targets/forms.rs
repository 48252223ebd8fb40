//! The fuzz target `forms`: see `fuzz/src/forms.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| concierge_fuzz::forms::run(input));
