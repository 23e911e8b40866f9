//! Simplification: manifold, within its tolerance by an independent measure, the same bytes for any threads.

mod common;

use common::{Rng, join, sphere};
use fieldstone_kernel::mesh::simplify;
use fieldstone_kernel::testing::{bumpy_sphere, cuboid, distance_oracle, torus};
use fieldstone_kernel::{Monitor, TriMesh};
use std::collections::HashMap;

fn reduced(mesh: &TriMesh, tolerance: f64) -> TriMesh {
    simplify(mesh.clone(), tolerance, &Monitor::none()).unwrap()
}

/// By counting directed edges: each once, with its reverse once.
fn assert_closed(mesh: &TriMesh, what: &str) {
    let mut edges: HashMap<(u32, u32), u32> = HashMap::new();
    for t in &mesh.triangles {
        (0..3).for_each(|k| *edges.entry((t[k], t[(k + 1) % 3])).or_default() += 1);
    }
    for (&(a, b), &n) in &edges {
        assert!(n == 1 && edges.get(&(b, a)) == Some(&1), "{what}: edge {a}-{b}, {n} times");
    }
}

/// The largest distance to `to` from points spread over the triangles of `from`, by trying every triangle.
fn deviation(from: &TriMesh, to: &TriMesh, samples: usize, rng: &mut Rng) -> f64 {
    let mut worst = 0.0f64;
    for _ in 0..samples {
        let c = from.corners(rng.below(from.triangles.len()));
        let mut w = [0.0; 3].map(|_: f64| rng.below(1000) as f64 + 1e-3);
        let sum: f64 = w.iter().sum();
        w = w.map(|v| v / sum);
        let p = [0, 1, 2].map(|k| (0..3).map(|i| w[i] * f64::from(c[i][k])).sum());
        worst = worst.max(distance_oracle(p, to));
    }
    worst
}

#[test]
fn shapes_stay_closed_and_near() {
    let mut rng = Rng(11);
    let ball = sphere([1.0, 2.0, 3.0], 10.0, 40);
    let shapes = [
        ("sphere", ball.clone()),
        ("torus", torus(70, 30, 10.0, 3.0)),
        ("bumpy", bumpy_sphere(50, 100, 10.0, 0.1)),
        ("two", join(&[ball, sphere([1.0, 2.0, 3.0], 9.0, 30)])),
        ("thin", torus(200, 12, 10.0, 0.05)),
    ];
    for (name, mesh) in shapes {
        let mut before = mesh.triangles.len();
        for tolerance in [0.002, 0.02, 0.2] {
            let few = reduced(&mesh, tolerance);
            assert_closed(&few, name);
            // A tube thinner than the tolerance would collapse, and is mostly left alone.
            if name != "thin" || tolerance < 0.05 {
                assert!(few.triangles.len() <= before, "{name} at {tolerance}: {}", few.triangles.len());
                before = few.triangles.len();
            }
            let off = deviation(&mesh, &few, 100, &mut rng).max(deviation(&few, &mesh, 100, &mut rng));
            // Between the points that are measured the surfaces may be a little farther apart.
            assert!(off < 1.05 * tolerance + 1e-5, "{name} at {tolerance}: {off} away");
        }
        assert!(name == "thin" || before * 3 < mesh.triangles.len(), "{name}: {before}");
    }
}

#[test]
fn flat_faces_need_few_triangles() {
    // A box of 12 × 50 × 50 squares keeps its corners and next to nothing else.
    let n = 50;
    let mut mesh = TriMesh::default();
    for axis in 0..3 {
        for side in 0..2 {
            let base = mesh.positions.len() as u32;
            for k in 0..(n + 1) * (n + 1) {
                let mut p = [0.0; 3];
                p[axis] = 5.0 * side as f32;
                p[(axis + 1) % 3] = 5.0 * (k % (n + 1)) as f32 / n as f32;
                p[(axis + 2) % 3] = 5.0 * (k / (n + 1)) as f32 / n as f32;
                mesh.positions.push(p);
            }
            for k in 0..n * n {
                let a = base + k / n * (n + 1) + k % n;
                let quad = [[a, a + 1, a + n + 2], [a, a + n + 2, a + n + 1]];
                mesh.triangles.extend(quad.map(|[a, b, c]| if side == 1 { [a, b, c] } else { [a, c, b] }));
            }
        }
    }
    let options = fieldstone_kernel::mesh::Preprocess::default();
    let (mesh, _) = fieldstone_kernel::mesh::preprocess(mesh, &options, &Monitor::none()).unwrap();
    assert_closed(&mesh, "box");
    let few = reduced(&mesh, 1e-2);
    assert_closed(&few, "box");
    assert!(few.triangles.len() < 100, "{} triangles", few.triangles.len());
    assert!((few.signed_volume() - 125.0).abs() < 0.1);
}

#[test]
fn nothing_is_done_to_what_is_open_or_without_tolerance() {
    let mut open = sphere([0.0; 3], 1.0, 10);
    open.triangles.pop();
    assert_eq!(reduced(&open, 0.1), open);
    let ball = sphere([0.0; 3], 1.0, 10);
    for tolerance in [0.0, -1.0, f64::NAN] {
        assert_eq!(reduced(&ball, tolerance), ball);
    }
    assert_eq!(reduced(&TriMesh::default(), 1.0), TriMesh::default());
    let double = join(&[cuboid([0.0; 3], [1.0; 3]), cuboid([0.0; 3], [1.0; 3])]);
    assert_closed(&reduced(&double, 0.01), "two boxes in one place");
}

#[test]
fn threads_do_not_show() {
    let mesh = bumpy_sphere(100, 200, 10.0, 0.1);
    let run = |n| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        pool.install(|| reduced(&mesh, 0.05))
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn a_tolerance_larger_than_the_part_leaves_a_closed_mesh() {
    for mesh in [sphere([0.0; 3], 1.0, 20), torus(30, 20, 3.0, 1.0), cuboid([0.0; 3], [1.0; 3])] {
        let few = reduced(&mesh, 100.0);
        assert_closed(&few, "huge tolerance");
        assert!(!few.triangles.is_empty());
    }
}

#[test]
fn cancelling_ends_it() {
    let cancel = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let monitor = Monitor::new(cancel, |_| ());
    assert!(simplify(sphere([0.0; 3], 1.0, 20), 0.1, &monitor).is_err());
}
