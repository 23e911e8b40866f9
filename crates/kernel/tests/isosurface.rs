//! The isosurface is a closed, oriented 2-manifold for any samples.

use fieldstone_kernel::isosurface::{IsosurfaceError, Joined, Mesher, Options, isosurface};
use fieldstone_kernel::measure::{moments, parts, topology};
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::testing::Rng;
use fieldstone_kernel::{Monitor, Patch, TriMesh};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

fn mesh_of(samples: &[f32], n: [u32; 3]) -> TriMesh {
    let patch = Patch::new(n.map(|n| f64::from(n - 1)), [0.0; 3], n).unwrap();
    isosurface(samples, &patch, &Options::default(), &Monitor::none()).unwrap()
}

/// Vertices of equal position become one.
fn welded(mesh: &TriMesh) -> TriMesh {
    let mut first: HashMap<[u32; 3], u32> = HashMap::new();
    let mut positions = vec![];
    let number: Vec<u32> = mesh
        .positions
        .iter()
        .map(|p| {
            *first.entry(p.map(|c| (c + 0.0).to_bits())).or_insert_with(|| {
                positions.push(*p);
                positions.len() as u32 - 1
            })
        })
        .collect();
    let triangles = mesh.triangles.iter().map(|t| t.map(|i| number[i as usize])).collect();
    TriMesh { positions, triangles }
}

fn assert_sound(samples: &[f32], n: [u32; 3]) -> TriMesh {
    let mesh = mesh_of(samples, n);
    for mesh in [&mesh, &welded(&mesh)] {
        let found = topology(mesh, &Monitor::none()).unwrap();
        assert!(found.is_closed_manifold(), "{found:?} of {n:?} {samples:?}");
        let volume = moments(mesh, &Monitor::none()).unwrap().volume;
        // What is at 0 but for rounding may be inside or not.
        let inside = |limit: f32| samples.iter().any(|v| *v < limit && v.is_finite());
        assert!(volume > 0.0 || !inside(-1e-4), "{volume} of {n:?} {samples:?}");
        assert!(volume == 0.0 || inside(0.0), "{volume} of {n:?} {samples:?}");
    }
    assert_eq!(mesh.positions.len(), welded(&mesh).positions.len(), "vertices coincide: {samples:?}");
    mesh
}

/// Values that are hard on rules: plateaus of the isovalue, ties, extremes, and ordinary noise.
fn value(rng: &mut Rng, kind: usize) -> f32 {
    let u = rng.unit() as f32 * 2.0 - 1.0;
    match kind {
        0 => u,
        1 => (u * 2.0).round(),
        2 => [-1.0, 0.0, 1.0, -0.0][rng.below(4)],
        3 => [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, -1e-45, 1e-45, -1.0]
            [rng.below(8)],
        4 => u * u * u * u * u * 1e3,
        _ => u.signum() * [1e-30, 1.0, 1e30][rng.below(3)],
    }
}

#[test]
fn every_sign_case_of_a_cell() {
    let mut rng = Rng::new(1);
    for case in 0..256u32 {
        for round in 0..60 {
            let samples: Vec<f32> = (0..8)
                .map(|c| {
                    let v = value(&mut rng, [0, 4, 5][round % 3]).abs().max(f32::MIN_POSITIVE);
                    if case >> c & 1 == 1 { -v } else { v }
                })
                .collect();
            assert_sound(&samples, [2; 3]);
        }
    }
}

#[test]
fn a_tunnel_between_extreme_values_keeps_its_vertices_apart() {
    let samples = [1e-30, -1.0, -1e-30, 1.0, -1.0, -1e30, 1.0, 1e-30];
    for turn in 0..8 {
        let turned: Vec<f32> = (0..8).map(|c: usize| samples[c ^ turn]).collect();
        assert_sound(&turned, [2; 3]);
    }
}

#[test]
fn noise_on_small_grids() {
    let mut rng = Rng::new(2);
    for round in 0..3000 {
        let n = [[3, 2, 2], [2, 3, 2], [2, 2, 3], [4, 4, 4], [3, 5, 4], [3, 3, 3]][round % 6];
        let kind = rng.below(6);
        let samples: Vec<f32> = (0..n.iter().product::<u32>()).map(|_| value(&mut rng, kind)).collect();
        assert_sound(&samples, n);
    }
}

#[test]
fn noise_on_larger_grids() {
    let mut rng = Rng::new(3);
    for (kind, n) in
        [(0, [67, 9, 21]), (1, [64, 33, 7]), (2, [63, 12, 12]), (3, [130, 70, 5]), (5, [65, 65, 3])]
    {
        let samples: Vec<f32> = (0..n.iter().product::<u32>()).map(|_| value(&mut rng, kind)).collect();
        assert_sound(&samples, n);
    }
}

#[test]
fn any_split_threads_and_level_give_the_same_bytes() {
    let mut rng = Rng::new(4);
    let n = [70u32, 66, 24];
    let patch = Patch::new([7.0, 6.0, 2.0], [-1.0, 3.0, 0.5], n).unwrap();
    let plane = 70 * 66;
    // Noise, and plateaus of the isovalue, whose samples ask the planes below and above.
    for (kind, more) in [(0, 0.4), (1, 0.0), (2, 0.0)] {
        let samples: Vec<f32> =
            (0..n.iter().product::<u32>()).map(|_| value(&mut rng, kind) + more).collect();
        let whole = isosurface(&samples, &patch, &Options::default(), &Monitor::none()).unwrap();
        for (threads, split) in [(1, 24), (2, 1), (3, 5), (2, 23)] {
            let levels = if kind == 0 { Level::available() } else { Level::available()[..1].to_vec() };
            for level in levels {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let mesh = pool.install(|| {
                    let mut mesher = Mesher::new(&patch, &Options { level, ..Options::default() }).unwrap();
                    for slab in samples.chunks(split * plane) {
                        mesher.planes(slab, &Monitor::none()).unwrap();
                    }
                    mesher.finish(&Monitor::none()).unwrap()
                });
                assert!(mesh == whole, "kind {kind}, {threads} threads, {split} planes, {level:?}");
            }
        }
    }
}

#[test]
fn a_full_patch_is_a_box_and_an_empty_one_nothing() {
    for n in [[2u32, 2, 2], [5, 4, 3], [130, 3, 2]] {
        let count = n.iter().product::<u32>() as usize;
        let mesh = assert_sound(&vec![-1.0; count], n);
        let m = moments(&mesh, &Monitor::none()).unwrap();
        let s = n.map(|n| f64::from(n - 1));
        assert!((m.volume - s[0] * s[1] * s[2]).abs() < 1e-9 * m.volume);
        assert!((m.area - 2.0 * (s[0] * s[1] + s[1] * s[2] + s[2] * s[0])).abs() < 1e-9 * m.area);
        for v in [0.0, 1.0, f32::NAN, f32::NEG_INFINITY] {
            assert_eq!(mesh_of(&vec![v; count], n), TriMesh::default());
        }
    }
}

#[test]
fn plateaus_of_the_isovalue_are_outside() {
    // A block of inside samples in a sea of exactly the isovalue: a box a hair larger than the block.
    let n = [9u32; 3];
    let samples: Vec<f32> = (0..729)
        .map(|i| if [i % 9, i / 9 % 9, i / 81].iter().all(|c| (3..=5).contains(c)) { -1.0 } else { 0.0 })
        .collect();
    let mesh = assert_sound(&samples, n);
    let found = parts(&mesh, &Monitor::none()).unwrap();
    assert_eq!((found.solids, found.cavities), (1, 0));
    // Crossings lie on the outer samples, less the margin.
    assert!(mesh.positions.iter().flatten().all(|c| (1.9..6.1).contains(c)));
}

#[test]
fn bad_arguments_are_named() {
    let patch = |size, n| Patch::new(size, [0.0; 3], n).unwrap();
    let cube = patch([1.0; 3], [2; 3]);
    let new = |p: &Patch, isovalue| Mesher::new(p, &Options { isovalue, ..Options::default() }).err();
    assert!(matches!(new(&cube, f32::NAN), Some(IsosurfaceError::Isovalue { .. })));
    assert_eq!(new(&patch([1.0; 3], [2, 1, 2]), 0.0), Some(IsosurfaceError::Flat { axis: 'y' }));
    assert_eq!(new(&patch([1.0, 1.0, 0.0], [2; 3]), 0.0), Some(IsosurfaceError::Flat { axis: 'z' }));
    let far = Patch::new([1.0; 3], [1e7, 0.0, 0.0], [2; 3]).unwrap();
    assert!(matches!(new(&far, 0.0), Some(IsosurfaceError::Unresolved { axis: 'x', .. })));
    let run = |samples: &[f32], max_triangles| {
        isosurface(samples, &cube, &Options { max_triangles, ..Options::default() }, &Monitor::none())
    };
    for samples in [&[-1.0; 3][..], &[-1.0; 4], &[-1.0; 12]] {
        assert!(matches!(run(samples, 99), Err(IsosurfaceError::Samples { .. })));
    }
    assert!(matches!(run(&[-1.0; 8], 11), Err(IsosurfaceError::TooLarge { .. })));
    assert_eq!(run(&[-1.0; 8], 12).unwrap().triangles.len(), 12);
}

#[test]
fn vertices_stay_apart_far_from_the_origin() {
    // Cells hardly wider than 2⁻¹⁶ of the coordinates.
    let patch = Patch::new([0.138; 3], [1000.0, -1000.0, 900.0], [10; 3]).unwrap();
    let mut rng = Rng::new(5);
    for kind in [0, 2, 3, 5] {
        let samples: Vec<f32> = (0..1000).map(|_| value(&mut rng, kind)).collect();
        let mesh = isosurface(&samples, &patch, &Options::default(), &Monitor::none()).unwrap();
        assert_eq!(welded(&mesh).positions.len(), mesh.positions.len());
        assert!(topology(&mesh, &Monitor::none()).unwrap().is_closed_manifold());
    }
}

#[test]
fn a_shell_has_a_cavity_and_the_isovalue_chooses_it() {
    let samples: Vec<f32> = (0..21 * 21 * 21)
        .map(|i| {
            let r = [i % 21, i / 21 % 21, i / 441].map(|c| f64::from(c) - 10.0);
            ((r[0] * r[0] + r[1] * r[1] + r[2] * r[2]).sqrt() - 6.0).abs() as f32
        })
        .collect();
    let patch = Patch::new([20.0; 3], [0.0; 3], [21; 3]).unwrap();
    let options = Options { isovalue: 2.0, ..Options::default() };
    let mesh = isosurface(&samples, &patch, &options, &Monitor::none()).unwrap();
    let found = parts(&mesh, &Monitor::none()).unwrap();
    assert_eq!((found.solids, found.cavities), (1, 1));
    let exact = 4.0 / 3.0 * std::f64::consts::PI * (512.0 - 64.0);
    assert!((found.volumes.iter().sum::<f64>() / exact - 1.0).abs() < 0.02);
}

#[test]
fn a_cancelled_mesher_stops() {
    let monitor = Monitor::new(Arc::new(AtomicBool::new(true)), |_| ());
    let patch = Patch::new([1.0; 3], [0.0; 3], [4; 3]).unwrap();
    let result = isosurface(&[0.0; 64], &patch, &Options::default(), &monitor);
    assert!(matches!(result, Err(IsosurfaceError::Cancelled(_))));
}

/// What is made of the planes between `cuts`, piece by piece, put together.
fn in_pieces(samples: &[f32], n: [u32; 3], cuts: &[u32], rng: &mut Rng) -> Result<TriMesh, IsosurfaceError> {
    let patch = Patch::new(n.map(|n| f64::from(n - 1)), [0.0; 3], n).unwrap();
    let (none, plane) = (Monitor::none(), (n[0] * n[1]) as usize);
    let mut joined = Joined::new(u64::from(u32::MAX));
    for range in cuts.windows(2) {
        let mut mesher = Mesher::of_piece(&patch, &Options::default(), range[0]..range[1])?;
        let reads = mesher.reads();
        let (mut z, end) = (reads.start, reads.end);
        while z < end {
            let next = (z + 1 + rng.below(4)).min(end);
            mesher.planes(&samples[z * plane..next * plane], &none)?;
            z = next;
        }
        let piece = mesher.finish_piece(&none)?;
        joined.push(piece.below, &piece.mesh.positions, &piece.mesh.triangles, &none)?;
    }
    Ok(joined.finish())
}

#[test]
fn pieces_together_are_the_whole() {
    let mut rng = Rng::new(16);
    for round in 0..300 {
        let n = [2 + rng.below(6) as u32, 2 + rng.below(6) as u32, 2 + rng.below(12) as u32];
        let kind = round % 6;
        let samples: Vec<f32> = (0..n[0] * n[1] * n[2]).map(|_| value(&mut rng, kind)).collect();
        let cuts: Vec<u32> = (0..=n[2]).filter(|z| *z == 0 || *z == n[2] || rng.below(3) == 0).collect();
        let pieces = in_pieces(&samples, n, &cuts, &mut rng).unwrap();
        let whole = mesh_of(&samples, n);
        assert!(pieces.triangles == whole.triangles, "{n:?} cut at {cuts:?}: {samples:?}");
        let bits = |mesh: &TriMesh| mesh.positions.iter().map(|p| p.map(f32::to_bits)).collect::<Vec<_>>();
        assert!(bits(&pieces) == bits(&whole), "{n:?} cut at {cuts:?}: {samples:?}");
    }
}

#[test]
fn pieces_that_do_not_follow_are_refused() {
    let mut rng = Rng::new(17);
    let n = [5, 5, 9];
    let samples: Vec<f32> = (0..225).map(|_| value(&mut rng, 0)).collect();
    let apart = |cuts: &[u32], rng: &mut Rng| in_pieces(&samples, n, cuts, rng);
    assert_eq!(apart(&[4, 9], &mut rng), Err(IsosurfaceError::Apart), "the lower half is missing");
    let others: Vec<f32> = samples.iter().map(|v| v * 0.5 + 0.1).collect();
    let lower = mesh_of(&others[..125], [5, 5, 5]);
    let mut joined = Joined::new(u64::from(u32::MAX));
    joined.push(0, &lower.positions, &lower.triangles, &Monitor::none()).unwrap();
    let no_such = joined.push(1, &[[9.0; 3]], &[], &Monitor::none());
    assert_eq!(no_such, Err(IsosurfaceError::Apart), "another vertex is there");
    let beyond = joined.push(0, &[], &[[0, 1, 2]], &Monitor::none());
    assert_eq!(beyond, Err(IsosurfaceError::Apart), "corners that it does not have");
    let too_large = Joined::new(3).push(0, &[[0.0; 3]], &[[0; 3]; 4], &Monitor::none());
    assert!(matches!(too_large, Err(IsosurfaceError::TooLarge { triangles: 4, .. })), "{too_large:?}");
}
