//! The one binary: `serve`, `keys`, `run`, `demo`.
#[allow(dead_code)]
mod picture;
fn main() {}
