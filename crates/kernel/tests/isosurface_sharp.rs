//! Restored features: creases come back, and the mesh stays a closed 2-manifold.

use fieldstone_kernel::isosurface::{Gradients, Mesher, Options, Sharp, isosurface};
use fieldstone_kernel::measure::{moments, topology};
use fieldstone_kernel::testing::Rng;
use fieldstone_kernel::{Monitor, Patch, TriMesh};

type Point = [f64; 3];

/// A field and its gradient by central differences over a step that no crease fits between by chance.
struct Exact<F>(F);

impl<F: Fn(Point) -> f64 + Sync> Gradients for Exact<F> {
    fn gradients(&self, positions: &[[f32; 3]], values: &mut [f32], gradients: &mut [[f32; 3]]) {
        let h = 1e-6;
        for ((p, v), n) in positions.iter().zip(values).zip(gradients) {
            *v = self.0(p.map(f64::from)) as f32;
            *n = std::array::from_fn(|a| {
                let mut at = [p.map(f64::from); 2];
                at[0][a] += h;
                at[1][a] -= h;
                ((self.0(at[0]) - self.0(at[1])) / (2.0 * h)) as f32
            });
        }
    }
}

fn dot(a: Point, b: Point) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// Three orthogonal directions that fit no grid.
const AXES: [Point; 3] = [[0.36, 0.48, 0.8], [-0.8, 0.6, 0.0], [-0.48, -0.64, 0.6]];

fn turned_box(p: Point) -> f64 {
    (0..3).map(|k| dot(AXES[k], p).abs() - [0.61, 0.43, 0.52][k]).fold(f64::MIN, f64::max)
}

fn samples(patch: &Patch, f: impl Fn(Point) -> f64) -> Vec<f32> {
    let [nx, ny, nz] = patch.resolution();
    let rows = (0..nz).flat_map(|k| (0..ny).map(move |j| (j, k)));
    rows.flat_map(|(j, k)| (0..nx).map(move |i| [i, j, k])).map(|i| f(patch.position(i)) as f32).collect()
}

fn mesh(samples: &[f32], patch: &Patch, sharp: Option<Sharp>) -> TriMesh {
    let mesh =
        isosurface(samples, patch, &Options { sharp, ..Options::default() }, &Monitor::none()).unwrap();
    let found = topology(&mesh, &Monitor::none()).unwrap();
    assert!(found.is_closed_manifold(), "{found:?}");
    mesh
}

#[test]
fn a_turned_box_gets_its_edges_and_corners_back() {
    let patch = Patch::new([2.0; 3], [-1.0; 3], [25; 3]).unwrap();
    let samples = samples(&patch, turned_box);
    let exact = Exact(turned_box);
    let volume = |sharp| {
        let mesh = mesh(&samples, &patch, sharp);
        // How far the middles of triangles lie off the box: a chord across a crease lies inside.
        let off = (0..mesh.triangles.len()).map(|t| {
            let c = mesh.corners(t).map(|p| p.map(f64::from));
            turned_box([0, 1, 2].map(|k| (c[0][k] + c[1][k] + c[2][k]) / 3.0)).abs()
        });
        let worst = off.fold(0.0, f64::max);
        (moments(&mesh, &Monitor::none()).unwrap().volume / (8.0 * 0.61 * 0.43 * 0.52) - 1.0, worst)
    };
    let (plain, plain_off) = volume(None);
    let (own, own_off) = volume(Some(Sharp { field: None, angle: 30.0 }));
    let (exact, exact_off) = volume(Some(Sharp { field: Some(&exact), angle: 30.0 }));
    assert!(exact.abs() < 0.002 * plain.abs() && own.abs() < 0.95 * plain.abs(), "{plain} {own} {exact}");
    assert!(exact_off < 0.1 * plain_off, "{plain_off} {own_off} {exact_off}");
}

#[test]
fn a_ball_has_no_features() {
    let patch = Patch::new([2.0; 3], [-1.0; 3], [20; 3]).unwrap();
    let ball = |p: Point| dot(p, p).sqrt() - 0.8;
    let samples = samples(&patch, ball);
    let plain = mesh(&samples, &patch, None);
    let exact = mesh(&samples, &patch, Some(Sharp { field: Some(&Exact(ball)), angle: 30.0 }));
    assert!(plain.triangles == exact.triangles);
    // But its vertices lie where the field crosses, not where its linear interpolant does.
    let worst = |m: &TriMesh| m.positions.iter().map(|p| ball(p.map(f64::from)).abs()).fold(0.0, f64::max);
    assert!(worst(&plain) > 1e-3 && worst(&exact) < 1e-6, "{} {}", worst(&plain), worst(&exact));
    assert!(plain == mesh(&samples, &patch, Some(Sharp { field: None, angle: 40.0 })));
}

/// Normals that have nothing to do with the field.
struct Wild;

impl Gradients for Wild {
    fn gradients(&self, positions: &[[f32; 3]], values: &mut [f32], gradients: &mut [[f32; 3]]) {
        for ((p, v), n) in positions.iter().zip(values).zip(gradients) {
            let mut rng = Rng::new(p.iter().fold(0, |h, c| h * 31 + u64::from(c.to_bits())));
            *v = (rng.unit() - 0.5) as f32;
            *n = std::array::from_fn(|_| (rng.unit() - 0.5) as f32);
            if rng.below(9) == 0 {
                n[0] = [0.0, f32::NAN][rng.below(2)];
            }
        }
    }
}

#[test]
fn wild_fields_and_wild_normals_keep_the_mesh_sound() {
    let mut rng = Rng::new(21);
    for round in 0..300 {
        let n = [[2, 2, 2], [4, 4, 4], [5, 3, 6], [9, 8, 7]][round % 4];
        let patch = Patch::new([1.0, 2.0, 1.5], [0.0; 3], n).unwrap();
        let samples: Vec<f32> = (0..patch.sample_count()).map(|_| (rng.unit() - 0.5) as f32).collect();
        for field in [None, Some(&Wild as &dyn Gradients)] {
            let m = mesh(&samples, &patch, Some(Sharp { field, angle: 20.0 }));
            let mut positions: Vec<[u32; 3]> =
                m.positions.iter().map(|p| p.map(|c| (c + 0.0).to_bits())).collect();
            positions.sort_unstable();
            positions.dedup();
            assert_eq!(positions.len(), m.positions.len(), "vertices coincide");
        }
    }
}

#[test]
fn features_do_not_depend_on_threads_or_split() {
    let patch = Patch::new([2.0; 3], [-1.0; 3], [25; 3]).unwrap();
    let samples = samples(&patch, turned_box);
    let exact = Exact(turned_box);
    let sharp = Some(Sharp { field: Some(&exact), angle: 30.0 });
    let whole = mesh(&samples, &patch, sharp);
    for (threads, planes) in [(1, 25), (3, 1), (2, 7)] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let other = pool.install(|| {
            let mut mesher = Mesher::new(&patch, &Options { sharp, ..Options::default() }).unwrap();
            for slab in samples.chunks(planes * 625) {
                mesher.planes(slab, &Monitor::none()).unwrap();
            }
            mesher.finish(&Monitor::none()).unwrap()
        });
        assert!(other == whole, "{threads} {planes}");
    }
}
