//! Times the isosurface of a raw file of N³ `f32`, x fastest, and checks the mesh. Prints one JSON line.
//!
//! `isosurface FILE N REPETITIONS [--threads T] [--planes P] [--iso V]`

use fieldstone_kernel::isosurface::{Mesher, Options};
use fieldstone_kernel::{Monitor, Patch, TriMesh, measure};
use std::io::Read;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| args.iter().position(|a| a == name).and_then(|i| args.get(i + 1));
    let [file, n, repetitions, ..] = &args[..] else {
        return Err("usage: isosurface FILE N REPETITIONS [--threads T] [--planes P] [--iso V]".into());
    };
    let (n, repetitions): (u32, usize) = (n.parse()?, repetitions.parse()?);
    if let Some(t) = option("--threads") {
        rayon::ThreadPoolBuilder::new().num_threads(t.parse()?).build_global()?;
    }
    let planes: usize = option("--planes").map_or(Ok(n as usize), |p| p.parse())?;
    let mut options = Options::default();
    if let Some(v) = option("--iso") {
        options.isovalue = v.parse()?;
    }
    let samples = samples_of(file, n)?;
    let patch = Patch::new([1.0; 3], [-0.5; 3], [n; 3])?;
    let monitor = Monitor::none();
    let (mut times, mut mesh) = (vec![], TriMesh::default());
    for _ in 0..=repetitions {
        drop(std::mem::take(&mut mesh));
        let start = Instant::now();
        let mut mesher = Mesher::new(&patch, &options)?;
        for slab in samples.chunks(planes * n as usize * n as usize) {
            mesher.planes(slab, &monitor)?;
        }
        mesh = mesher.finish(&monitor)?;
        times.push(start.elapsed().as_secs_f64());
    }
    let rss = peak_rss_mb();
    let t = measure::topology(&mesh, &monitor)?;
    let m = measure::moments(&mesh, &monitor)?;
    let p = measure::parts(&mesh, &monitor)?;
    println!(
        "{{\"times\":{:?},\"first\":{},\"rss_peak_mb\":{rss},\"vertices\":{},\"triangles\":{},\"open_edges\":{},\
         \"non_manifold_edges\":{},\"misoriented_edges\":{},\"non_manifold_vertices\":{},\"euler\":{},\
         \"solids\":{},\"cavities\":{},\"volume\":{},\"area\":{}}}",
        &times[1..],
        times[0],
        mesh.positions.len(),
        mesh.triangles.len(),
        t.open_edges,
        t.branching_edges,
        t.conflicting_edges,
        t.pinched_vertices,
        t.euler,
        p.solids,
        p.cavities,
        m.volume,
        m.area
    );
    Ok(())
}

fn samples_of(file: &str, n: u32) -> Result<Vec<f32>, Box<dyn std::error::Error>> {
    let mut samples = vec![0f32; (n as usize).pow(3)];
    std::fs::File::open(file)?.read_exact(bytemuck::cast_slice_mut(&mut samples))?;
    Ok(samples)
}

/// Greatest resident set of this process so far; 0 where the system does not tell.
fn peak_rss_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    line.and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}
