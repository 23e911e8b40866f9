//! Samples that are 0 inside the solid, outside and on its surface: of boxes whose faces lie on the planes of the grid, Redistance makes the
//! distance to the solid that they are together, and nearly that to the mesh of the same samples.

mod common;

use common::boxes::{Tree, V, Voxels, samples};
use fieldstone_kernel::distance::{Reach, redistance};
use fieldstone_kernel::isosurface::{Options, isosurface};
use fieldstone_kernel::regular::Rule;
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::testing::{Rng, distance2_oracle};
use fieldstone_kernel::{Monitor, Patch};

/// Redistanced.
fn distances(samples: &[f32], patch: &Patch) -> Vec<f32> {
    let mut out = samples.to_vec();
    redistance(&mut out, patch, Reach::Everywhere, Level::detect(), &Monitor::none()).unwrap();
    out
}

/// The signed distance to where the voxels end: a sample on their surface is 0.
fn truth(voxels: &Voxels, p: [f64; 3]) -> f64 {
    let (mut best2, mut around) = (f64::INFINITY, [false; 2]);
    for i in 0..(V + 1).pow(3) {
        let low = [i % (V + 1), i / (V + 1) % (V + 1), i / (V + 1).pow(2)];
        for a in 0..3 {
            let mut below = low;
            below[a] -= 1;
            if voxels.at(low.map(|c| c + 1)) == voxels.at(below.map(|c| c + 1)) {
                continue;
            }
            // The square between the two.
            let d: [f64; 3] = std::array::from_fn(|k| {
                let from = f64::from(low[k]) - p[k];
                if k == a { from } else { from.max(-from - 1.0).max(0.0) }
            });
            best2 = best2.min(d.iter().map(|d| d * d).sum::<f64>());
        }
    }
    for k in 0..8 {
        let beside = |a: usize| (p[a] + [-1e-6, 1e-6][k >> a & 1]).floor() as i32 + 1;
        around[usize::from(voxels.at([beside(0), beside(1), beside(2)]))] = true;
    }
    if around[0] { best2.sqrt() } else { -best2.sqrt() }
}

#[test]
fn zeros_are_surface_only_where_the_solid_ends() {
    let mut rng = Rng::new(91);
    for round in 0..100 {
        let tree = Tree::random(&mut rng, 1 + round % 4);
        let (m, margin, amount) = [(2, 1, 0.0), (3, 0, 0.0), (2, 0, 4e-7), (3, 1, 4e-7)][round % 4];
        let mut noise = || ((rng.unit() - 0.5) * amount) as f32;
        let (given, patch) = samples(&tree, m, margin, &mut noise);
        let (voxels, n) = (Voxels::of(&tree), patch.resolution()[0]);
        if voxels.count() == 0 {
            continue;
        }
        for (i, d) in (0..).zip(distances(&given, &patch)) {
            let p = patch.position([i % n, i / n % n, i / n / n]);
            let right = truth(&voxels, p);
            assert!((f64::from(d) - right).abs() < 2e-5, "round {round}, {p:?}: {d}, right is {right}");
            assert_eq!(d < 0.0, right < 0.0, "round {round}, {p:?}: {d}, right is {right}");
        }
    }
}

#[test]
fn a_redistanced_field_and_its_mesh_have_one_surface() {
    let mut rng = Rng::new(92);
    for round in 0..16 {
        let tree = Tree::random(&mut rng, 1 + round % 4);
        let (given, patch) = samples(&tree, 2, 1, &mut || 0.0);
        let mesh = isosurface(&given, &patch, &Options::default(), &Monitor::none()).unwrap();
        if mesh.triangles.is_empty() {
            continue;
        }
        let n = patch.resolution().map(|n| n as usize);
        let mut regular = given.clone();
        let rule = Rule::new(&patch, 0.0);
        rule.regularize(&mut regular, [n[0], n[1]], 0..n[2], &Monitor::none()).unwrap();
        let corners = |t: &[u32; 3]| t.map(|v| mesh.positions[v as usize]);
        for (i, (d, side)) in distances(&given, &patch).iter().zip(&regular).enumerate() {
            assert_eq!(*d < 0.0, *side < 0.0, "round {round}: sample {i} is {d}");
            let p = patch.position([i % n[0], i / n[0] % n[1], i / n[0] / n[1]].map(|i| i as u32));
            let apart2 = mesh.triangles.iter().map(|t| distance2_oracle(p, corners(t)));
            let off = (f64::from(d.abs()) - apart2.fold(f64::INFINITY, f64::min).sqrt()).abs() * 2.0;
            // A mesh cuts off the edges of a box in the cells along them, and its corners: 2/√3 of a cell.
            assert!(off < 1.16, "round {round}: sample {i} is {d}, off by {off} cells");
        }
    }
}
