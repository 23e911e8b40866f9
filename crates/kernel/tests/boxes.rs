//! Boxes whose faces lie on the planes of the grid, combined at random: what is measured, meshed and sliced of min and max of their
//! distances is the exact regularised set, counted in voxels.

use fieldstone_kernel::isosurface::{Options, isosurface};
use fieldstone_kernel::measure::{moments, parts, topology};
use fieldstone_kernel::slice::{Plane, Raster, Sections, contours, coverage, total_area};
use fieldstone_kernel::testing::Rng;
use fieldstone_kernel::{Monitor, Patch, TriMesh};

/// Voxels per axis.
const V: i32 = 5;

/// A box of whole voxels, or two combined.
enum Tree {
    Box { min: [i32; 3], max: [i32; 3] },
    Union(Box<[Tree; 2]>),
    Intersect(Box<[Tree; 2]>),
    Subtract(Box<[Tree; 2]>),
}

impl Tree {
    fn random(rng: &mut Rng, depth: usize) -> Tree {
        if depth == 0 || rng.below(6) == 0 {
            let mut ends = [[0; 2]; 3];
            for e in &mut ends {
                while e[0] == e[1] {
                    *e = [rng.below(V as usize + 1) as i32, rng.below(V as usize + 1) as i32];
                }
            }
            return Tree::Box { min: ends.map(|e| e[0].min(e[1])), max: ends.map(|e| e[0].max(e[1])) };
        }
        let two = Box::new([Tree::random(rng, depth - 1), Tree::random(rng, depth - 1)]);
        match rng.below(4) {
            0 => Tree::Intersect(two),
            1 => Tree::Subtract(two),
            _ => Tree::Union(two),
        }
    }

    fn has(&self, p: [f64; 3]) -> bool {
        match self {
            Tree::Box { min, max } => (0..3).all(|a| f64::from(min[a]) < p[a] && p[a] < f64::from(max[a])),
            Tree::Union(t) => t[0].has(p) || t[1].has(p),
            Tree::Intersect(t) => t[0].has(p) && t[1].has(p),
            Tree::Subtract(t) => t[0].has(p) && !t[1].has(p),
        }
    }

    /// Distances combined; `noise` is what rounding of other coordinates would add.
    fn field(&self, p: [f64; 3], noise: &mut impl FnMut() -> f32) -> f32 {
        match self {
            Tree::Box { min, max } => {
                let q: [f64; 3] =
                    std::array::from_fn(|a| (f64::from(min[a]) - p[a]).max(p[a] - f64::from(max[a])));
                let outside = q.map(|c| c.max(0.0)).iter().map(|c| c * c).sum::<f64>().sqrt();
                (outside + q[0].max(q[1]).max(q[2]).min(0.0)) as f32 + noise()
            }
            Tree::Union(t) => t[0].field(p, noise).min(t[1].field(p, noise)),
            Tree::Intersect(t) => t[0].field(p, noise).max(t[1].field(p, noise)),
            Tree::Subtract(t) => t[0].field(p, noise).max(-t[1].field(p, noise)),
        }
    }
}

/// What is inside, voxel by voxel, with a void layer around.
struct Voxels(Vec<bool>);

const W: i32 = V + 2;

impl Voxels {
    fn of(tree: &Tree) -> Voxels {
        let n = 0..W * W * W;
        Voxels(n.map(|i| tree.has([i % W, i / W % W, i / W / W].map(|c| f64::from(c) - 0.5))).collect())
    }

    fn at(&self, p: [i32; 3]) -> bool {
        p.iter().all(|c| (0..W).contains(c)) && self.0[((p[2] * W + p[1]) * W + p[0]) as usize]
    }

    fn count(&self) -> usize {
        self.0.iter().filter(|v| **v).count()
    }

    /// Parts of the solid that hang together over faces, and of the void that do over faces, edges or corners.
    fn parts(&self, solid: bool) -> usize {
        let mut seen = vec![false; self.0.len()];
        let mut found = 0;
        for start in 0..self.0.len() {
            if seen[start] || self.0[start] != solid {
                continue;
            }
            found += 1;
            seen[start] = true;
            let mut open = vec![start as i32];
            while let Some(i) = open.pop() {
                let p = [i % W, i / W % W, i / W / W];
                for d in 0..27 {
                    let step = [d % 3 - 1, d / 3 % 3 - 1, d / 9 - 1];
                    let q: [i32; 3] = std::array::from_fn(|a| p[a] + step[a]);
                    let near = !solid || step.iter().map(|s| s.abs()).sum::<i32>() == 1;
                    let k = (q[2] * W + q[1]) * W + q[0];
                    if near
                        && q.iter().all(|c| (0..W).contains(c))
                        && self.0[k as usize] == solid
                        && !seen[k as usize]
                    {
                        seen[k as usize] = true;
                        open.push(k);
                    }
                }
            }
        }
        found
    }

    /// Euler characteristic of the open solid, and how many edges and corners of voxels its surface bends in.
    fn euler(&self) -> (i64, usize, usize) {
        let (mut sum, mut edges, mut corners) = (0, 0, 0);
        for i in 0..W * W * W {
            let p = [i % W, i / W % W, i / W / W];
            // The voxel, faces, edges and corner that lie towards the lower ones.
            for axes in 0..8 {
                let around = (0..8).filter(|d| d & !axes == 0);
                let solid = around.filter(|d| self.at(std::array::from_fn(|a| p[a] - (d >> a & 1)))).count();
                let all = 1 << (axes as u32).count_ones();
                if solid == all {
                    sum += 1 - 2 * i64::from((axes as u32).count_ones() % 2);
                }
                let mixed = solid != 0 && solid != all;
                edges += usize::from(mixed && all == 4);
                corners += usize::from(mixed && all == 8);
            }
        }
        (sum, edges, corners)
    }
}

/// Samples with `m` cells to a voxel and `margin` voxels around.
fn samples(tree: &Tree, m: u32, margin: u32, noise: &mut impl FnMut() -> f32) -> (Vec<f32>, Patch) {
    let n = (V as u32 + 2 * margin) * m + 1;
    let patch = Patch::new([f64::from(V as u32 + 2 * margin); 3], [-f64::from(margin); 3], [n; 3]).unwrap();
    let all = (0..n * n * n).map(|i| patch.position([i % n, i / n % n, i / n / n]));
    (all.map(|p| tree.field(p, noise)).collect(), patch)
}

fn mesh_of(samples: &[f32], patch: &Patch) -> TriMesh {
    isosurface(samples, patch, &Options::default(), &Monitor::none()).unwrap()
}

fn assert_is(tree: &Tree, samples: &[f32], patch: &Patch, m: u32, what: &str) {
    let voxels = Voxels::of(tree);
    let mesh = mesh_of(samples, patch);
    let found = topology(&mesh, &Monitor::none()).unwrap();
    assert!(found.is_closed_manifold(), "{what}: {found:?}");
    let hang = parts(&mesh, &Monitor::none()).unwrap();
    assert_eq!(
        (hang.solids, hang.cavities),
        (voxels.parts(true), voxels.parts(false) - 1),
        "{what}: {:?}",
        hang.volumes
    );
    let (euler, edges, corners) = voxels.euler();
    assert_eq!(found.euler, 2 * euler, "{what}");
    let (volume, h) = (moments(&mesh, &Monitor::none()).unwrap().volume, 1.0 / f64::from(m));
    // Half a cell along each edge, a cell in each corner; and the margin that crossings keep.
    let chamfer = 0.5 * h * h * edges as f64 + h * h * h * corners as f64;
    let bound = chamfer + 6.0 * voxels.count() as f64 * h / 2048.0;
    let exact = voxels.count() as f64;
    assert!((volume - exact).abs() <= bound + 1e-6, "{what}: {volume}, right is {exact}, bound {bound}");
}

#[test]
fn every_combination_of_boxes_on_the_grid_is_the_regularised_set() {
    let mut rng = Rng::new(41);
    for round in 0..400 {
        let tree = Tree::random(&mut rng, 1 + round % 4);
        for (m, margin) in [(2, 1), (2, 0), (3, 1)] {
            let (samples, patch) = samples(&tree, m, margin, &mut || 0.0);
            assert_is(&tree, &samples, &patch, m, &format!("round {round}, {m} cells, margin {margin}"));
        }
    }
}

/// Voxels of layer `k` and corners of what they fill.
fn section(voxels: &Voxels, k: i32) -> (usize, usize) {
    let (mut area, mut corners) = (0, 0);
    for i in 0..W * W {
        let p = [i % W, i / W];
        let at = |d: i32| voxels.at([p[0] - (d & 1), p[1] - (d >> 1), k + 1]);
        area += usize::from(at(0));
        let solid = (0..4).filter(|d| at(*d)).count();
        // Straight pieces of the outline have two neighbouring voxels.
        let straight = solid == 2 && at(0) != at(3);
        corners += if solid == 0 || solid == 4 || straight { 0 } else { 2 };
    }
    (area, corners)
}

#[test]
fn a_section_is_that_of_the_voxels_in_a_layer_and_at_a_flat_face_that_just_above() {
    let mut rng = Rng::new(43);
    for round in 0..150 {
        let tree = Tree::random(&mut rng, 1 + round % 4);
        let voxels = Voxels::of(&tree);
        let amount = [0.0, 4e-7][round % 2];
        let mut noise = || ((rng.unit() - 0.5) * amount) as f32;
        let margin = round as u32 / 2 % 2;
        let (samples, patch) = samples(&tree, 2, margin, &mut noise);
        let n = patch.resolution()[0] as usize;
        let raster = Raster::new(&patch, [0.5; 2], 1 << 20).unwrap();
        let (mut sections, mut plane) = (Sections::new(&patch, 0.0), vec![0.0; n * n]);
        let (mut pushed, mut picture) = (0, vec![0; raster.pixels()]);
        for k in 0..V {
            // On a face, in a cell below and above the plane of samples in the middle, and on that.
            for part in [0.0, 0.3, 0.5, 0.8] {
                let z = f64::from(k) + part;
                while !sections.reaches(z) {
                    sections.push(&samples[pushed * n * n..][..n * n]);
                    pushed += 1;
                }
                sections.cut(z, &mut plane, &Monitor::none()).unwrap();
                let cut = Plane::new(&patch, &plane);
                let area = total_area(&contours(&cut, 0.0, 0.0, &Monitor::none()).unwrap());
                let (exact, corners) = section(&voxels, k);
                // Half a cell in each corner, 1/1000 of a cell along the outline.
                let bound = 0.125 * corners as f64 + 4.0 * 0.5 * exact as f64 / 1000.0 + 1e-9;
                assert!(
                    (area - exact as f64).abs() <= bound,
                    "round {round}, z {z}: {area}, right is {exact} to {bound}"
                );
                coverage(&cut, 0.0, &raster, &mut picture, &Monitor::none()).unwrap();
                let covered = picture.iter().map(|p| f64::from(*p)).sum::<f64>() / 255.0 * 0.25;
                let rounding = picture.len() as f64 * 0.25 * 0.5 / 255.0;
                assert!((covered - area).abs() <= rounding, "round {round}, z {z}: {covered}, {area}");
            }
        }
    }
}

#[test]
fn rounding_opens_no_slit_and_leaves_no_speck() {
    let mut rng = Rng::new(42);
    for round in 0..200 {
        let tree = Tree::random(&mut rng, 1 + round % 4);
        for margin in [1, 0] {
            let mut noise = || ((rng.unit() - 0.5) * 4e-7) as f32;
            let (samples, patch) = samples(&tree, 2, margin, &mut noise);
            assert_is(&tree, &samples, &patch, 2, &format!("round {round}, margin {margin}"));
        }
    }
}
