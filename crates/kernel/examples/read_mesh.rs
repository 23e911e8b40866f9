//! Reads and preprocesses FILE a few times and prints one JSON line: format, vertices and triangles as read,
//! seconds of each repetition of either step, and what preprocessing made of it.
//!
//! `cargo run --release -p fieldstone-kernel --example read_mesh -- FILE [REPETITIONS]`

use fieldstone_kernel::Monitor;
use fieldstone_kernel::format::{MeshFormat, MeshLimits, read_mesh};
use fieldstone_kernel::mesh::{Preprocess, preprocess};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: read_mesh FILE [REPETITIONS]")?;
    let repetitions: usize = arguments.next().map_or(Ok(5), |n| n.parse())?;
    let format = MeshFormat::of_filename(&path)?;
    let mut seconds = Vec::new();
    let mut preprocess_seconds = Vec::new();
    let mut size = (0, 0);
    let mut watertight = false;
    for _ in 0..repetitions {
        let start = Instant::now();
        let bytes = std::fs::read(&path)?;
        let mesh = read_mesh(&bytes, format, &MeshLimits::default(), &Monitor::none())?.mesh;
        seconds.push(start.elapsed().as_secs_f64());
        size = (mesh.positions.len(), mesh.triangles.len());
        let start = Instant::now();
        let (_, report) = preprocess(mesh, &Preprocess::default(), &Monitor::none())?;
        preprocess_seconds.push(start.elapsed().as_secs_f64());
        watertight = report.watertight;
    }
    println!(
        "{{\"format\": \"{}\", \"vertices\": {}, \"triangles\": {}, \"seconds\": {seconds:?}, \
         \"preprocess_seconds\": {preprocess_seconds:?}, \"watertight\": {watertight}}}",
        format.name, size.0, size.1
    );
    Ok(())
}
