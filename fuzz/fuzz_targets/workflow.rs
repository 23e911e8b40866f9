//! libFuzzer's entry to the target `workflow`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fieldstone_fuzz::run("workflow", data));
