//! libFuzzer's entry to the target `threemf`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fieldstone_fuzz::run("threemf", data));
