//! Times the sampling of a mesh on the cube grid that the benchmarks share: N samples per axis, the mesh's
//! longest extent grown by a tenth. Prints one JSON line.
//!
//! `sample_mesh MESHFILE N REPETITIONS [--band] [--threads T] [--simd Baseline|Avx2|Avx512] [--out FILE]`

use fieldstone_kernel::bvh::Bvh;
use fieldstone_kernel::distance::{FromMesh, NARROW_BAND_CELLS, Reach};
use fieldstone_kernel::format::{MeshFormat, MeshLimits, read_mesh};
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::{Aabb, Monitor, Patch, TriMesh};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| args.iter().position(|a| a == name).and_then(|i| args.get(i + 1));
    let [file, n, repetitions, ..] = &args[..] else {
        return Err(
            "usage: sample_mesh MESHFILE N REPETITIONS [--band] [--threads T] [--simd LEVEL] [--out FILE]"
                .into(),
        );
    };
    let (n, repetitions): (u32, usize) = (n.parse()?, repetitions.parse()?);
    if let Some(t) = option("--threads") {
        rayon::ThreadPoolBuilder::new().num_threads(t.parse()?).build_global()?;
    }
    let monitor = Monitor::none();
    let mesh =
        read_mesh(&std::fs::read(file)?, MeshFormat::of_filename(file)?, &MeshLimits::default(), &monitor)?
            .mesh;
    let patch = cube_around(&mesh, n)?;
    let reach = match args.iter().any(|a| a == "--band") {
        true => Reach::Band(NARROW_BAND_CELLS * patch.spacing()[0]),
        false => Reach::Everywhere,
    };
    let level = match option("--simd") {
        Some(name) => *Level::available()
            .iter()
            .find(|level| format!("{:?}", level.kind()) == *name)
            .ok_or_else(|| format!("this processor has no {name}"))?,
        None => Level::detect(),
    };
    let (mut times, mut builds, mut field) = (vec![], vec![], vec![]);
    for _ in 0..=repetitions {
        drop(std::mem::take(&mut field));
        let start = Instant::now();
        let bvh = Bvh::build(&mesh, &monitor)?;
        builds.push(start.elapsed().as_secs_f64());
        field = FromMesh { level, ..FromMesh::new(&mesh, &bvh) }.sample(&patch, reach, &monitor)?;
        times.push(start.elapsed().as_secs_f64());
    }
    if let Some(path) = option("--out") {
        std::fs::write(path, bytemuck::cast_slice::<f32, u8>(&field))?;
    }
    let inside = field.iter().filter(|d| **d < 0.0).count();
    println!(
        "{{\"times\":{:?},\"first\":{},\"bvh\":{:?},\"rss_peak_mb\":{},\"vertices\":{},\"triangles\":{},\"inside\":{inside},\"simd\":\"{:?}\"}}",
        &times[1..],
        times[0],
        &builds[1..],
        peak_rss_mb(),
        mesh.positions.len(),
        mesh.triangles.len(),
        level.kind()
    );
    Ok(())
}

fn cube_around(mesh: &TriMesh, n: u32) -> Result<Patch, Box<dyn std::error::Error>> {
    let b: Aabb = mesh.bounds();
    let half = 0.55 * b.extent().into_iter().fold(0.0, f64::max);
    let offset = std::array::from_fn(|a| 0.5 * (f64::from(b.min[a]) + f64::from(b.max[a])) - half);
    Ok(Patch::new([2.0 * half; 3], offset, [n; 3])?)
}

/// Greatest resident set of this process so far; 0 where the system does not tell.
fn peak_rss_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    line.and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}
