//! libFuzzer's entry to the target `volume`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fieldstone_fuzz::run("volume", data));
