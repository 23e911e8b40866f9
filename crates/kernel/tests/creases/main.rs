//! Restored creases and corners turn no triangle over, for solids with names and random ones.

mod solids;

use fieldstone_kernel::bvh::Bvh;
use fieldstone_kernel::isosurface::{Gradients, Options, Sharp, isosurface};
use fieldstone_kernel::measure::topology;
use fieldstone_kernel::outer::{Faces, MAX_CONTACTS, outer};
use fieldstone_kernel::testing::Rng;
use fieldstone_kernel::{Monitor, Patch, TriMesh};
use solids::{Point, Solid, blunt, cross, dot, gradient, keen, minus, random, unit};
use std::collections::HashMap;

/// The solid itself, between samples.
struct Exact<'a>(&'a Solid);

impl Gradients for Exact<'_> {
    fn gradients(&self, positions: &[[f32; 3]], values: &mut [f32], gradients: &mut [[f32; 3]]) {
        for ((p, v), n) in positions.iter().zip(values).zip(gradients) {
            let p = p.map(f64::from);
            (*v, *n) = (self.0.at(p) as f32, gradient(self.0, p).map(|c| c as f32));
        }
    }
}

/// How the triangles of a mesh look.
#[derive(Default, Debug, Clone, Copy)]
struct Facing {
    /// Triangles that look against the solid's gradient at their middle.
    turned: usize,
    /// Of these, those with a feature's vertex.
    of_features: usize,
    /// Of these, those around which normals of the surface are within a right angle of each other.
    for_certain: usize,
    /// Edges at which two triangles lie on each other.
    folds: usize,
}

/// `first` is the first vertex that belongs to a feature.
fn facing(mesh: &TriMesh, first: usize, patch: &Patch, solid: &Solid) -> Facing {
    let mut found = Facing::default();
    let mut beside: HashMap<[u32; 2], Point> = HashMap::new();
    for (t, tri) in mesh.triangles.iter().enumerate() {
        let c = mesh.corners(t).map(|p| p.map(f64::from));
        let n = unit(cross(minus(c[1], c[0]), minus(c[2], c[0])));
        for k in 0..3 {
            let (a, b) = (tri[k], tri[(k + 1) % 3]);
            if let Some(other) = beside.insert([a.min(b), a.max(b)], n) {
                found.folds += usize::from(dot(n, other) < -0.98);
            }
        }
        let middle = [0, 1, 2].map(|k| (c[0][k] + c[1][k] + c[2][k]) / 3.0);
        if !on_border(patch, &c) && dot(gradient(solid, middle), n) < 0.0 {
            found.turned += 1;
            found.of_features += usize::from(tri.iter().any(|v| *v as usize >= first));
            found.for_certain += usize::from(turns_least(patch, solid, middle));
        }
    }
    found
}

/// Whether a triangle lies in a face of the patch.
fn on_border(patch: &Patch, c: &[Point; 3]) -> bool {
    (0..3).any(|k| {
        let ends = [patch.offset()[k], patch.offset()[k] + patch.size()[k]];
        ends.iter().any(|end| c.iter().all(|p| (p[k] - end).abs() < 1e-5))
    })
}

/// Whether the surface's normals within a cell of a point are within a right angle of each other.
fn turns_least(patch: &Patch, solid: &Solid, middle: Point) -> bool {
    let h = patch.spacing();
    let widest = h.into_iter().fold(0.0, f64::max);
    let off = |i: usize| [i % 5, i / 5 % 5, i / 25].map(|o| 0.5 * o as f64 - 1.0);
    let around = (0..125).map(|i| [0, 1, 2].map(|k| middle[k] + off(i)[k] * h[k]));
    let near = around.filter(|p| solid.at(*p).abs() < 0.9 * widest).chain([middle]);
    let normals: Vec<Point> = near.map(|p| unit(gradient(solid, p))).collect();
    normals.iter().all(|n| normals.iter().all(|m| dot(*n, *m) > 0.0))
}

fn samples(patch: &Patch, solid: &Solid) -> Vec<f32> {
    let [nx, ny, nz] = patch.resolution();
    let rows = (0..nz).flat_map(|k| (0..ny).map(move |j| (j, k)));
    let at = rows.flat_map(|(j, k)| (0..nx).map(move |i| [i, j, k]));
    at.map(|i| solid.at(patch.position(i)) as f32).collect()
}

/// Two to a side, with `n` samples along the axes whose cells are narrowest.
fn patch(n: u32, stretch: [u32; 3]) -> Patch {
    Patch::new([2.0; 3], [-1.0; 3], stretch.map(|s| (n - 1) / s + 1)).unwrap()
}

/// Plain, with creases as the samples show them, with creases as they are.
fn meshes(solid: &Solid, patch: &Patch) -> [TriMesh; 3] {
    let exact = Exact(solid);
    let sharp = [None, Some(None), Some(Some(&exact as &dyn Gradients))];
    sharp.map(|field| mesh(solid, patch, field.map(|field| Sharp { field, angle: 30.0 })))
}

fn mesh(solid: &Solid, patch: &Patch, sharp: Option<Sharp>) -> TriMesh {
    let options = Options { sharp, ..Options::default() };
    let mesh = isosurface(&samples(patch, solid), patch, &options, &Monitor::none()).unwrap();
    let found = topology(&mesh, &Monitor::none()).unwrap();
    assert!(found.is_closed_manifold(), "{found:?}");
    mesh
}

/// By an exact arrangement: a closed mesh that crosses itself has faces that are no surface.
fn crosses_itself(mesh: &TriMesh) -> bool {
    let bvh = Bvh::build(mesh, &Monitor::none()).unwrap();
    !matches!(outer(mesh, &bvh, MAX_CONTACTS, &Monitor::none()).unwrap(), Faces::AllOuter)
}

#[test]
fn blunt_solids_have_no_triangle_turned_over_and_none_that_cross() {
    let mut wrong = vec![];
    for (name, solid) in blunt() {
        for (n, stretch) in [(21, [1, 1, 1]), (33, [1, 2, 1]), (37, [1, 1, 3]), (41, [1, 1, 1])] {
            let patch = patch(n, stretch);
            let [plain, _, exact] = meshes(&solid, &patch);
            let found = facing(&exact, plain.positions.len(), &patch, &solid);
            let crosses = crosses_itself(&exact);
            if found.turned + found.folds > 0 || crosses {
                wrong.push(format!("{name}, {n} samples, {stretch:?}: crosses itself: {crosses}, {found:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_feature_turns_a_triangle_over() {
    let seeds = (0..40).map(|seed| (Rng::new(seed), seed as usize % 4));
    let random = seeds.map(|(mut rng, depth)| (random(&mut rng, depth), rng));
    let keen = keen().into_iter().zip(100..).map(|(solid, seed)| (solid, Rng::new(seed)));
    let (mut turned, mut crossing) = ([0; 3], vec![]);
    for (number, (solid, mut rng)) in random.chain(keen).enumerate() {
        let n = 17 + 4 * rng.below(6) as u32;
        let patch = patch(n, [[1, 1, 1], [1, 2, 1], [3, 2, 1], [1, 1, 4]][rng.below(4)]);
        let meshes = meshes(&solid, &patch);
        let all = meshes.each_ref().map(|m| facing(m, meshes[0].positions.len(), &patch, &solid));
        (0..3).for_each(|i| turned[i] += all[i].turned);
        let [_, own, exact] = all;
        // Two sheets within a cell may cross when their vertices move to where the field crosses.
        let exact_field = Exact(&solid);
        let moved = Sharp { field: Some(&exact_field), angle: 180.0 };
        if crosses_itself(&meshes[2]) && !crosses_itself(&mesh(&solid, &patch, Some(moved))) {
            crossing.push(number);
        }
        assert_eq!((own.for_certain, exact.for_certain, exact.of_features), (0, 0, 0), "{number}: {all:?}");
    }
    // What is left lies at edges like knives and in walls thinner than cells, and more of it is in the mesh without features.
    assert!(turned[0] > 0 && turned[2] < turned[0], "{turned:?}");
    assert!(crossing.is_empty(), "cross themselves: {crossing:?}");
}
