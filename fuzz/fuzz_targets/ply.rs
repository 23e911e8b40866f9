//! libFuzzer's entry to the target `ply`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fieldstone_fuzz::run("ply", data));
