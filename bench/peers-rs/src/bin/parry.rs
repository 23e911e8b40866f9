//! Mesh -> distance field by parry3d: parry STEM N REPS THREADS prints one JSON line.
//!
//! A time covers building the tree and pseudonormals and a dense N³ f32 field, one query per sample over all threads.

use parry3d::math::Vector;
use parry3d::query::PointQuery;
use parry3d::shape::{TriMesh, TriMeshFlags};
use rayon::prelude::*;

fn load<T: bytemuck::AnyBitPattern + bytemuck::NoUninit>(path: String) -> Vec<T> {
    bytemuck::allocation::pod_collect_to_vec(&std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}")))
}

/// Lowest corner and cell edge of the cube grid with 10 % padding.
fn grid_of(v: &[[f32; 3]], n: usize) -> ([f64; 3], f64) {
    let (mut lo, mut hi) = ([f64::MAX; 3], [f64::MIN; 3]);
    for p in v {
        for a in 0..3 {
            lo[a] = lo[a].min(p[a].into());
            hi[a] = hi[a].max(p[a].into());
        }
    }
    let half = 0.55 * (0..3).map(|a| hi[a] - lo[a]).fold(0.0, f64::max);
    (std::array::from_fn(|a| 0.5 * (lo[a] + hi[a]) - half), 2.0 * half / (n - 1) as f64)
}

fn sample(v: &[[f32; 3]], f: &[[u32; 3]], n: usize) -> Vec<f32> {
    let (o, h) = grid_of(v, n);
    let points = v.iter().map(|p| Vector::new(p[0], p[1], p[2])).collect();
    let mesh = TriMesh::with_flags(points, f.to_vec(), TriMeshFlags::ORIENTED).expect("a mesh of triangles");
    let mut out = vec![0f32; n * n * n];
    out.par_chunks_mut(n).enumerate().for_each(|(r, row)| {
        let (z, y) = ((o[2] + h * (r / n) as f64) as f32, (o[1] + h * (r % n) as f64) as f32);
        for (i, d) in row.iter_mut().enumerate() {
            let p = Vector::new((o[0] + h * i as f64) as f32, y, z);
            let q = mesh.project_local_point(p, false);
            *d = (q.point - p).length() * if q.is_inside { -1.0 } else { 1.0 };
        }
    });
    out
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let number = |i: usize| args[i].parse::<usize>().expect("usage: parry STEM N REPS THREADS");
    let (n, reps) = (number(2), number(3));
    peers_rs::threads(number(4));
    let v: Vec<[f32; 3]> = load(format!("{}.v.f32", args[1]));
    let f: Vec<[u32; 3]> = load(format!("{}.f.u32", args[1]));
    let (_, times) = peers_rs::timed(reps, || sample(&v, &f, n));
    peers_rs::report(&times, ",\"version\":\"0.31.1\"");
}
