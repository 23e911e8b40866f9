//! libFuzzer's entry to the target `network`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fieldstone_fuzz::run("network", data));
