//! Far from a mesh: every sample of whole grids against the exact distance, on meshes of all kinds.

use fieldstone_kernel::bvh::Bvh;
use fieldstone_kernel::distance::{FAR_TOLERANCE_CELLS, FromMesh, NARROW_BAND_CELLS, Reach};
use fieldstone_kernel::format::{MeshFormat, MeshLimits, read_mesh};
use fieldstone_kernel::testing::{Rng, bumpy_sphere, cuboid, joined, torus};
use fieldstone_kernel::{Monitor, Patch, TriMesh};

/// Holds a whole grid against what a walk with a band wider than everything finds: never too small, within the tolerance
/// far away, the signs and, near the mesh, the bytes of a band. Both where what is far is walked to and where it comes from sites, of
/// which it gives the greatest and the mean error far away, in cells.
fn check(name: &str, mesh: &TriMesh, patch: &Patch) -> [f64; 2] {
    check_both(name, mesh, patch).1
}

/// The same of a mesh for which there is always room for sites: a walk in their place, which is right as well but slow, would pass for them.
fn check_sites(name: &str, mesh: &TriMesh, patch: &Patch) -> [f64; 2] {
    let (walked, sited) = check_both(name, mesh, patch);
    assert_ne!(walked, sited, "{name}: there are no sites, a walk found all");
    sited
}

fn check_both(name: &str, mesh: &TriMesh, patch: &Patch) -> ([f64; 2], [f64; 2]) {
    (check_from(name, mesh, patch, u64::MAX), check_from(name, mesh, patch, 0))
}

fn check_from(name: &str, mesh: &TriMesh, patch: &Patch, walk_below: u64) -> [f64; 2] {
    let bvh = Bvh::build(mesh, &Monitor::none()).unwrap();
    let sampler = FromMesh { walk_below, ..FromMesh::new(mesh, &bvh) };
    let run = |reach| sampler.sample(patch, reach, &Monitor::none()).unwrap();
    let cell = patch.spacing().into_iter().filter(|h| *h > 0.0).fold(f64::INFINITY, f64::min);
    let bounds = mesh.bounds();
    let across = [0, 1, 2].map(|a| {
        let low = f64::from(bounds.min[a]).min(patch.offset()[a]);
        f64::from(bounds.max[a]).max(patch.offset()[a] + patch.size()[a]) - low
    });
    let everything = across.iter().map(|d| d * d).sum::<f64>().sqrt();
    let (all, exact) = (run(Reach::Everywhere), run(Reach::Band(1.01 * everything)));
    let (mut worst, mut sum, mut count) = (0.0f64, 0.0, 0);
    for (i, (got, exact)) in all.iter().zip(&exact).enumerate() {
        assert_eq!(got.is_sign_negative(), exact.is_sign_negative(), "{name}, {i}: {got}, exact {exact}");
        let (got, exact) = (f64::from(got.abs()) / cell, f64::from(exact.abs()) / cell);
        let (error, rounding) = (got - exact, 1e-4 + 1e-6 * exact);
        let far = FAR_TOLERANCE_CELLS + 3e-7 * exact;
        let most = if exact <= NARROW_BAND_CELLS { rounding } else { far };
        assert!(error > -rounding && error < most, "{name}, {i}: {got} cells, exact {exact}");
        if exact > NARROW_BAND_CELLS {
            (worst, sum, count) = (worst.max(error), sum + error, count + 1);
        }
    }
    let width = NARROW_BAND_CELLS * cell;
    for (i, (all, band)) in all.iter().zip(run(Reach::Band(width))).enumerate() {
        let near = f64::from(band.abs()) < width * 0.999999;
        assert!(!near || (all - band).abs() as f64 <= 1e-6 * width, "{name}, {i}: {all}, {band} in a band");
    }
    let mean = sum / f64::from(count.max(1));
    println!(
        "{name}: {} triangles, {count} samples, greatest {worst:.4}, mean {mean:.5}",
        mesh.triangles.len()
    );
    [worst, mean]
}

fn around(mesh: &TriMesh, resolution: u32) -> Patch {
    Patch::around(&mesh.bounds(), resolution, 6).unwrap()
}

fn bracket() -> TriMesh {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/parts/bracket.stl");
    let (bytes, limits) = (std::fs::read(path).unwrap(), MeshLimits::default());
    read_mesh(&bytes, MeshFormat::of_filename(path).unwrap(), &limits, &Monitor::none()).unwrap().mesh
}

/// Triangles anywhere in a ball, `size` long and as high as `flat` of that.
fn soup(count: usize, size: f64, flat: f64, seed: u64) -> TriMesh {
    let mut rng = Rng::new(seed);
    let mut point = |scale: f64| [0; 3].map(|_| (rng.unit() * 2.0 - 1.0) * scale);
    let mut mesh = TriMesh::default();
    for t in 0..count as u32 {
        let (at, along, up) = (point(10.0), point(size), point(size * flat));
        let corner = |s: f64, t: f64| [0, 1, 2].map(|a: usize| (at[a] + s * along[a] + t * up[a]) as f32);
        mesh.positions.extend([corner(0.0, 0.0), corner(1.0, 0.0), corner(0.4, 1.0)]);
        mesh.triangles.push([3 * t, 3 * t + 1, 3 * t + 2]);
    }
    mesh
}

#[test]
fn parts_as_people_have_them() {
    let [_, mean] = check_sites("bracket", &bracket(), &around(&bracket(), 80));
    assert!(mean < 0.003, "{mean}");
    // Coarse, with holes, and in parts that overlap.
    let mut rng = Rng::new(3);
    let mut holes = joined(&bumpy_sphere(16, 32, 10.0, 0.3), &torus(20, 12, 9.0, 2.0));
    holes.triangles.retain(|_| rng.below(30) > 0);
    let [_, mean] = check_sites("holes", &holes, &around(&holes, 52));
    assert!(mean < 0.005, "{mean}");
    let closed = joined(&bumpy_sphere(30, 60, 10.0, 0.1), &cuboid([0.0; 3], [14.0, 3.0, 2.0]));
    check_sites("overlapping", &closed, &around(&closed, 52));
    let fine = bumpy_sphere(150, 200, 10.0, 0.3);
    check_sites("fine", &fine, &around(&fine, 40));
}

#[test]
fn slivers_soups_and_few_triangles() {
    for (count, size, flat) in [(1500, 4.0, 1e-4), (3000, 1.0, 0.7), (700, 8.0, 0.02)] {
        let mesh = soup(count, size, flat, count as u64);
        check_sites("soup", &mesh, &around(&mesh, 40));
    }
    let one = TriMesh {
        positions: vec![[0.0, 0.0, 0.0], [9.0, 1.0, 2.0], [3.0, 8.0, 5.0]],
        triangles: vec![[0, 1, 2]],
    };
    check("one triangle", &one, &around(&one, 32));
    let points = TriMesh { positions: vec![[0.0; 3], [9.0, 1.0, 2.0]], triangles: vec![[0, 0, 0]; 600] };
    check("points", &points, &Patch::new([20.0; 3], [-10.0; 3], [30; 3]).unwrap());
    let lines: Vec<_> = (0..600).map(|i| [0, 1 + i % 2, 0]).collect();
    let positions = vec![[0.0; 3], [9.0, 1.0, 2.0], [-7.0, 3.0, 1.0]];
    check(
        "lines",
        &TriMesh { positions, triangles: lines },
        &Patch::new([30.0; 3], [-15.0; 3], [40; 3]).unwrap(),
    );
}

#[test]
fn grids_of_all_shapes_and_places() {
    let mesh = bumpy_sphere(24, 48, 10.0, 0.3);
    for (size, offset, resolution) in [
        ([30.0; 3], [-15.0; 3], [64, 32, 16]),
        ([30.0; 3], [-15.0; 3], [7, 80, 40]),
        ([30.0, 30.0, 0.0], [-15.0, -15.0, 1.0], [90, 70, 1]),
        ([40.0; 3], [2.0; 3], [45; 3]),
        ([20.0; 3], [60.0, -80.0, 10.0], [40; 3]),
        ([6.0; 3], [-3.0; 3], [40; 3]),
        ([1.0; 3], [5e4, 0.0, 0.0], [33; 3]),
    ] {
        check(
            &format!("{resolution:?} from {offset:?}"),
            &mesh,
            &Patch::new(size, offset, resolution).unwrap(),
        );
    }
}
