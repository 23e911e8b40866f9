//! Samples -> surface by fast-surface-nets, on one thread as it is: surface_nets FILE N REPS prints one JSON line.

use fast_surface_nets::ndshape::RuntimeShape;
use fast_surface_nets::{SurfaceNetsBuffer, surface_nets};
use std::collections::HashMap;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let number = |i: usize| args[i].parse::<u32>().expect("usage: surface_nets FILE N REPS");
    let (n, reps) = (number(2), number(3) as usize);
    let bytes = std::fs::read(&args[1]).unwrap_or_else(|e| panic!("{}: {e}", args[1]));
    let samples: Vec<f32> = bytemuck::allocation::pod_collect_to_vec(&bytes);
    drop(bytes);
    let shape = RuntimeShape::<u32, 3>::new([n; 3]);
    let (mesh, times) = peers_rs::timed(reps, || {
        let mut mesh = SurfaceNetsBuffer::default();
        surface_nets(&samples, &shape, [0; 3], [n - 1; 3], &mut mesh);
        mesh
    });
    let (open, branching, misoriented) = topology(&mesh.indices);
    peers_rs::report(
        &times,
        &format!(
            ",\"vertices\":{},\"triangles\":{},\"open_edges\":{open},\"non_manifold_edges\":{branching},\
             \"misoriented_edges\":{misoriented}",
            mesh.positions.len(),
            mesh.indices.len() / 3
        ),
    );
}

/// Edges of one triangle, of more than two, and those used twice in one direction.
fn topology(indices: &[u32]) -> (usize, usize, usize) {
    let mut used: HashMap<(u32, u32), [u32; 2]> = HashMap::new();
    for t in indices.chunks_exact(3) {
        for (a, b) in [(t[0], t[1]), (t[1], t[2]), (t[2], t[0])] {
            used.entry((a.min(b), a.max(b))).or_default()[usize::from(a < b)] += 1;
        }
    }
    let count = |of: &dyn Fn(&[u32; 2]) -> bool| used.values().filter(|u| of(u)).count();
    (count(&|u| u[0] + u[1] == 1), count(&|u| u[0] + u[1] > 2), count(&|u| u[0] > 1 || u[1] > 1))
}
