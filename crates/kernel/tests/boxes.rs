//! Boxes whose faces lie on the planes of the grid, combined at random: what is measured, meshed and sliced of min and max of their
//! distances is the exact regularised set, counted in voxels.

mod common;

use common::boxes::{Tree, V, Voxels, W, samples};
use fieldstone_kernel::isosurface::{Options, isosurface};
use fieldstone_kernel::measure::{moments, parts, topology};
use fieldstone_kernel::slice::{Plane, Raster, Sections, contours, coverage, total_area};
use fieldstone_kernel::testing::Rng;
use fieldstone_kernel::{Monitor, Patch, TriMesh};

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
