//! Reads FILE a few times and prints one JSON line: format, vertices, triangles, seconds of each repetition.
//!
//! `cargo run --release -p fieldstone-kernel --example read_mesh -- FILE [REPETITIONS] [preprocess]`

use fieldstone_kernel::Monitor;
use fieldstone_kernel::format::{MeshFormat, MeshLimits, read_mesh};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: read_mesh FILE [REPETITIONS]")?;
    let repetitions: usize = arguments.next().map_or(Ok(5), |n| n.parse())?;
    let format = MeshFormat::of_filename(&path)?;
    let mut seconds = Vec::new();
    let mut size = (0, 0);
    for _ in 0..repetitions {
        let start = Instant::now();
        let bytes = std::fs::read(&path)?;
        let mesh = read_mesh(&bytes, format, &MeshLimits::default(), &Monitor::none())?;
        seconds.push(start.elapsed().as_secs_f64());
        size = (mesh.positions.len(), mesh.triangles.len());
    }
    println!(
        "{{\"format\": \"{}\", \"vertices\": {}, \"triangles\": {}, \"seconds\": {seconds:?}}}",
        format.name(),
        size.0,
        size.1
    );
    Ok(())
}
