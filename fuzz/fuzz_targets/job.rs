//! libFuzzer's entry to the target `job`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fieldstone_fuzz::run("job", data));
