//! Preprocessing against shapes whose volume, area and topology are known.

mod common;

use common::{Rng, cube, inside_out, join, soup, sphere};
use fieldstone_kernel::mesh::{Center, Preprocess, Report, preprocess};
use fieldstone_kernel::{Monitor, TriMesh};
use proptest::prelude::*;

fn repair(mesh: TriMesh) -> (TriMesh, Report) {
    preprocess(mesh, &Preprocess::default(), &Monitor::none()).unwrap()
}

fn near(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance
}

#[test]
fn a_good_mesh_stays_bit_for_bit() {
    for mesh in [cube([0.0; 3], 1.0), sphere([3.0, 0.0, 0.0], 2.0, 20)] {
        let (out, report) = repair(mesh.clone());
        assert_eq!(out, mesh);
        assert!(report.watertight);
        let done = [report.vertices_welded, report.triangles_flipped, report.holes_filled, report.zero_area];
        assert_eq!((done, report.components), ([0; 4], 1));
    }
}

#[test]
fn a_soup_becomes_a_sphere() {
    let mesh = sphere([0.0; 3], 1.0, 40);
    let (out, report) = repair(soup(&mesh));
    assert!(report.watertight);
    let (v, f) = (report.vertices as i64, report.triangles as i64);
    assert_eq!(v - f * 3 / 2 + f, 2, "Euler characteristic");
    assert_eq!((v, f), (mesh.positions.len() as i64, mesh.triangles.len() as i64));
    assert_eq!(report.vertices_welded, 3 * mesh.triangles.len() - mesh.positions.len());
    assert!(near(report.volume, mesh.signed_volume(), 1e-12));
    assert_eq!(out.bounds(), mesh.bounds());
}

#[test]
fn a_missing_face_or_triangle_is_filled() {
    for missing in [1, 2] {
        let mut mesh = cube([0.0; 3], 1.0);
        mesh.triangles.drain(..missing);
        let (out, report) = repair(mesh);
        assert_eq!((report.holes_filled, report.triangles_added), (1, missing));
        assert!(report.watertight);
        assert!(near(report.volume, 1.0, 1e-12) && near(report.area, 6.0, 1e-12));
        assert_eq!(out.triangles.len(), 12);
    }
}

#[test]
fn many_small_holes_are_filled_and_the_volume_comes_back() {
    let mesh = sphere([0.0; 3], 10.0, 60);
    let mut holed = mesh.clone();
    let mut rng = Rng(7);
    for _ in 0..60 {
        let at = rng.below(holed.triangles.len());
        let corner = holed.triangles[at][0];
        holed.triangles.retain(|t| !t.contains(&corner));
    }
    let (_, report) = repair(holed);
    assert!(report.watertight, "{report:?}");
    assert!(report.holes_filled > 40);
    assert!(near(report.volume, mesh.signed_volume(), 1e-3 * mesh.signed_volume()), "{}", report.volume);
}

#[test]
fn deliberate_openings_stay_open() {
    // A bowl: half a sphere. A sheet: two triangles, whose outline is a loop of four edges.
    let mut bowl = sphere([0.0; 3], 1.0, 40);
    bowl.triangles.retain(|t| t.iter().all(|&i| bowl.positions[i as usize][2] < 1e-3));
    let sheet = TriMesh { triangles: cube([0.0; 3], 1.0).triangles[..2].to_vec(), ..cube([0.0; 3], 1.0) };
    for (mesh, border) in [(bowl, 80), (sheet, 4)] {
        let n = mesh.triangles.len();
        let (out, report) = repair(mesh);
        assert_eq!((report.holes_filled, report.boundary_edges, out.triangles.len()), (0, border, n));
        assert!(!report.watertight);
    }
}

#[test]
fn a_cavity_faces_inward_whatever_the_file_mixed_up() {
    let shell = join(&[cube([0.0; 3], 10.0), inside_out(&sphere([5.0; 3], 3.0, 16))]);
    let volume = shell.signed_volume();
    assert!(volume < 1000.0 - 100.0);
    // As it is, all inside out, and every triangle at random.
    let mut rng = Rng(3);
    let mut shuffled = shell.clone();
    for t in &mut shuffled.triangles {
        if rng.below(2) == 1 {
            t.swap(0, 1);
        }
    }
    for mesh in [shell.clone(), inside_out(&shell), shuffled] {
        let (out, report) = repair(mesh);
        assert!(report.watertight);
        assert_eq!(report.components, 2);
        assert!(near(out.signed_volume(), volume, 1e-9), "{} for {volume}", out.signed_volume());
    }
}

#[test]
fn nested_shells_alternate_and_solids_in_solids_count_once() {
    let matryoshka: Vec<TriMesh> = (0..5)
        .map(|k| {
            let s = sphere([0.0; 3], 10.0 - 2.0 * k as f32, 12);
            if k % 2 == 1 { inside_out(&s) } else { s }
        })
        .collect();
    let given = join(&matryoshka);
    let (out, report) = repair(given.clone());
    assert_eq!((out, report.triangles_flipped), (given.clone(), 0));
    let (out, _) = repair(inside_out(&given));
    assert!(near(out.signed_volume(), given.signed_volume(), 1e-9));
    // Two solids, one inside the other, both outward in the file: that is what their author means, and the inner adds nothing.
    let solids = join(&[cube([0.0; 3], 10.0), cube([2.0; 3], 3.0)]);
    for given in [solids.clone(), inside_out(&solids)] {
        let (out, _) = repair(given);
        assert!(near(out.signed_volume(), 1000.0, 1e-9) && out.triangles.len() == 12);
    }
}

#[test]
fn degenerate_and_duplicate_triangles_go() {
    let mut mesh = cube([0.0; 3], 1.0);
    let good = mesh.clone();
    mesh.triangles.extend([[0, 0, 1], [3, 2, 3], [2, 3, 0], [0, 2, 3]]);
    let (out, report) = repair(mesh);
    assert_eq!((report.degenerate_dropped, report.duplicates_dropped), (2, 2));
    assert_eq!(out, good);
}

#[test]
fn branching_edges_and_one_sided_surfaces_are_reported() {
    // Two cubes that share an edge, welded to one.
    let (_, report) = repair(soup(&join(&[cube([0.0; 3], 1.0), cube([1.0, 1.0, 0.0], 1.0)])));
    assert_eq!((report.nonmanifold_edges, report.components, report.watertight), (1, 1, false));
    assert!(near(report.volume, 2.0, 1e-12));
    // A Möbius strip of an odd number of quads.
    let n = 9u32;
    let ring = |i: u32, side: f64| {
        let turn = std::f64::consts::TAU * f64::from(i) / f64::from(n);
        let r = 3.0 + side * (turn / 2.0).cos();
        [(r * turn.cos()) as f32, (r * turn.sin()) as f32, (side * (turn / 2.0).sin()) as f32]
    };
    let positions = (0..n).flat_map(|i| [ring(i, -1.0), ring(i, 1.0)]).collect();
    let quad = |i: u32| match i + 1 == n {
        false => [2 * i, 2 * i + 1, 2 * i + 3, 2 * i + 2],
        true => [2 * i, 2 * i + 1, 0, 1],
    };
    let triangles = (0..n).map(quad).flat_map(|[a, b, c, d]| [[a, b, c], [a, c, d]]).collect();
    let (_, report) = repair(TriMesh { positions, triangles });
    assert!(report.conflicting_edges > 0 && !report.watertight);
}

#[test]
fn welding_keeps_to_its_tolerance() {
    let gap = |g: f32| {
        let mut mesh = soup(&cube([0.0; 3], 1.0));
        for (i, p) in mesh.positions.iter_mut().enumerate() {
            p[0] += g * (i % 3) as f32;
        }
        mesh
    };
    let with = |mesh, tolerance| {
        let options = Preprocess { weld_tolerance: Some(tolerance), ..Preprocess::default() };
        preprocess(mesh, &options, &Monitor::none()).unwrap().1
    };
    assert!(with(gap(0.01), 0.025).watertight);
    assert_eq!(with(gap(0.01), 0.025).vertices, 8);
    assert!(with(gap(0.01), 0.005).vertices > 8);
    assert!(!repair(gap(0.01)).1.watertight);
    assert!(repair(gap(1e-7)).1.watertight);
    // A tolerance larger than the part leaves nothing, and says so.
    let nothing = with(cube([0.0; 3], 1.0), 5.0);
    assert_eq!((nothing.triangles, nothing.degenerate_dropped), (0, 12));
    assert_eq!(with(soup(&cube([0.0; 3], 1.0)), 0.0).vertices, 8);
}

#[test]
fn centring_moves_the_right_point_to_the_origin() {
    let mut part = join(&[cube([10.0, 20.0, 30.0], 2.0), cube([20.0, 20.0, 30.0], 4.0)]);
    part.positions.push([1e6; 3]);
    let centred = |center| {
        let options = Preprocess { center, ..Preprocess::default() };
        preprocess(part.clone(), &options, &Monitor::none()).unwrap().1
    };
    let none = centred(Center::None);
    assert_eq!((none.translation, none.bounds.min), ([0.0; 3], [10.0, 20.0, 30.0]));
    assert_eq!(none.vertices_unused, 1);
    let middle = centred(Center::BoundingBox);
    assert_eq!((middle.bounds.min, middle.bounds.max), ([-7.0, -2.0, -2.0], [7.0, 2.0, 2.0]));
    let centroid = centred(Center::Centroid).translation;
    assert!(near(-centroid[0], (8.0 * 11.0 + 64.0 * 22.0) / 72.0, 1e-6), "{centroid:?}");
}

#[test]
fn threads_do_not_matter_and_cancel_is_heard() {
    let mesh = soup(&join(&[sphere([0.0; 3], 5.0, 60), inside_out(&sphere([0.0; 3], 2.0, 30))]));
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| repair(mesh.clone()))
    };
    assert_eq!(run(1), run(4));
    let monitor = Monitor::new(std::sync::Arc::new(true.into()), |_| {});
    assert!(preprocess(mesh.clone(), &Preprocess::default(), &monitor).is_err());
}

/// Filling one hole makes the patch large enough for the other to be small, and what they close goes through itself.
#[test]
fn holes_that_others_make_small_are_filled_at_once() {
    let positions = vec![
        [0.0, -2.0, -2.0],
        [-3.0, 0.0, 0.0],
        [1.0, 2.0, 0.0],
        [0.0; 3],
        [3.0, -2.0, -2.0],
        [1.0, 0.0, -3.0],
    ];
    let triangles = vec![[2, 0, 1], [1, 2, 4], [4, 0, 5], [1, 5, 0]];
    let (out, report) = repair(TriMesh { positions, triangles });
    assert!(report.holes_filled == 2 && report.watertight, "{report:?}");
    assert_eq!(repair(out.clone()).0.positions, out.positions);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any triangles at all: the result is clean, and preprocessing it again changes nothing.
    #[test]
    fn any_soup_comes_out_clean_and_stays_so(
        positions in prop::collection::vec(prop::array::uniform3(-3i8..4), 3..30),
        corners in prop::collection::vec(prop::array::uniform3(0usize..1000), 1..60),
    ) {
        let n = positions.len();
        let mesh = TriMesh {
            positions: positions.iter().map(|p| p.map(f32::from)).collect(),
            triangles: corners.iter().map(|t| t.map(|i| (i % n) as u32)).collect(),
        };
        let (out, report) = repair(mesh);
        prop_assert!(out.triangles.iter().all(|[a, b, c]| a != b && b != c && c != a));
        prop_assert!(out.triangles.iter().flatten().all(|&i| (i as usize) < out.positions.len()));
        prop_assert_eq!((report.vertices, report.triangles), (out.positions.len(), out.triangles.len()));
        let (again, second) = repair(out.clone());
        prop_assert_eq!((second.vertices_welded, second.degenerate_dropped, second.duplicates_dropped), (0, 0, 0));
        prop_assert_eq!(again.positions, out.positions);
    }

    /// Turning triangles round at random is undone completely.
    #[test]
    fn random_flips_are_undone(seed in 1u64..u64::MAX, rings in 4u32..12) {
        let mesh = sphere([1.0, 2.0, 3.0], 2.0, rings);
        let mut rng = Rng(seed);
        let mut flipped = mesh.clone();
        flipped.triangles.iter_mut().filter(|_| rng.below(3) == 0).for_each(|t| t.swap(1, 2));
        let changed = (0..mesh.triangles.len()).filter(|&t| flipped.triangles[t] != mesh.triangles[t]).count();
        let (out, report) = repair(flipped);
        prop_assert_eq!(out, mesh);
        prop_assert_eq!(report.triangles_flipped, changed);
    }
}
