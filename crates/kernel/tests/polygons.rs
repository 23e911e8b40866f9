//! Polygons of mesh files become triangles that cover them once: areas against the shoelace formula, edges against the ring.

use fieldstone_kernel::Monitor;
use fieldstone_kernel::format::{MeshFormat, MeshLimits, ReadMesh, read_mesh};
use fieldstone_kernel::mesh::{Preprocess, preprocess};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::fmt::Write;

type Point = [f64; 2];

/// An OBJ with one face that has these corners, as points of the plane that `place` puts into space.
fn obj(corners: &[Point], place: impl Fn(Point) -> [f64; 3]) -> String {
    let mut text = String::new();
    for &p in corners {
        let [x, y, z] = place(p).map(|v| v as f32);
        writeln!(text, "v {x} {y} {z}").unwrap();
    }
    text + "f" + &(1..=corners.len()).map(|i| format!(" {i}")).collect::<String>()
}

fn read(text: &str) -> ReadMesh {
    read_mesh(text.as_bytes(), MeshFormat::OBJ, &MeshLimits::default(), &Monitor::none()).unwrap()
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|k| a[(k + 1) % 3] * b[(k + 2) % 3] - a[(k + 2) % 3] * b[(k + 1) % 3])
}

/// Twice the area vector of a ring by the shoelace formula.
fn area_vector(ring: &[[f32; 3]]) -> [f64; 3] {
    let o = ring[0].map(f64::from);
    let from_first = |p: [f32; 3]| -> [f64; 3] { std::array::from_fn(|k| f64::from(p[k]) - o[k]) };
    let mut sum = [0.0; 3];
    for i in 0..ring.len() {
        let turn = cross(from_first(ring[i]), from_first(ring[(i + 1) % ring.len()]));
        sum = std::array::from_fn(|k| sum[k] + turn[k]);
    }
    sum
}

fn length(v: [f64; 3]) -> f64 {
    (v[0] * v[0] + v[1] * v[1] + v[2] * v[2]).sqrt()
}

/// Directed edges by the positions of their ends; an edge and its opposite cancel.
fn boundary<'a>(rings: impl Iterator<Item = &'a [[f32; 3]]>) -> BTreeMap<[[u32; 3]; 2], i32> {
    let mut edges = BTreeMap::new();
    for ring in rings {
        for i in 0..ring.len() {
            let [a, b] = [ring[i], ring[(i + 1) % ring.len()]].map(|p| p.map(|v| (v + 0.0).to_bits()));
            if a != b {
                *edges.entry([a.min(b), a.max(b)]).or_insert(0) += if a < b { 1 } else { -1 };
            }
        }
    }
    edges.retain(|_, n| *n != 0);
    edges
}

/// What `polygon`'s documentation promises, for the one face of that file. Corners in a plane of two axes are exact, in
/// others rounded to f32: `tolerance` is relative to the area.
fn check(text: &str, tolerance: f64) {
    let ReadMesh { mesh, notes } = read(text);
    assert!(notes.is_empty(), "{notes:?}");
    let ring = &mesh.positions[..];
    let corners: Vec<[[f32; 3]; 3]> = (0..mesh.triangles.len()).map(|t| mesh.corners(t)).collect();
    let whole = area_vector(ring);
    let covered: f64 = corners.iter().map(|c| length(area_vector(c))).sum();
    let error = (covered / length(whole) - 1.0).abs();
    assert!(error <= tolerance, "covers {covered}, encloses {}", length(whole));
    assert_eq!(boundary(corners.iter().map(|c| &c[..])), boundary(std::iter::once(ring)));
}

fn flat(corners: &[Point]) -> String {
    obj(corners, |[x, y]| [x, y, 0.0])
}

/// A polygon and a turned copy of it, in space.
fn check_everywhere(corners: &[Point], turn: f64) {
    let corners: Vec<Point> = corners.iter().map(|p| p.map(|v| f64::from(v as f32))).collect();
    check(&flat(&corners), 1e-9);
    let backwards: Vec<Point> = corners.iter().rev().copied().collect();
    check(&obj(&backwards, |[x, y]| [4.0, x, y]), 1e-9);
    let ((s, c), (t, d)) = (turn.sin_cos(), (1.7 * turn).sin_cos());
    check(&obj(&corners, |[x, y]| [c * x - s * y, d * (s * x + c * y), t * (s * x + c * y)]), 1e-4);
}

fn star(radii: &[f64]) -> Vec<Point> {
    let angle = |i: usize| TAU * i as f64 / radii.len() as f64;
    radii.iter().enumerate().map(|(i, r)| [r * angle(i).cos(), r * angle(i).sin()]).collect()
}

fn comb(heights: &[f64]) -> Vec<Point> {
    let n = heights.len();
    let tooth = |i: usize| [i as f64, if i.is_multiple_of(2) { 1.0 } else { 2.0 + 50.0 * heights[i] }];
    [[0.0, 0.0], [(n - 1) as f64, 0.0]].into_iter().chain((0..n).rev().map(tooth)).collect()
}

fn spiral(turns: f64, corners: usize, wall: f64) -> Vec<Point> {
    let at = |i: usize, out: f64| {
        let angle = TAU * turns * i as f64 / (corners - 1) as f64;
        let r = 1.0 + angle / TAU + out;
        [r * angle.cos(), r * angle.sin()]
    };
    (0..corners).map(|i| at(i, wall)).chain((0..corners).rev().map(|i| at(i, 0.0))).collect()
}

/// A plate with holes in a row; bridges lead from the left side through all of them.
fn plate_with_holes(holes: usize, corners: usize) -> Vec<Point> {
    let half = |hole: usize, from: usize, to: usize| {
        (from..=to).map(move |i| {
            let angle = TAU * (0.5 - i as f64 / corners as f64);
            // Rounded, so that both halves of a hole end in the same points.
            [10.0 * hole as f64 + 5.0 + 4.0 * angle.cos(), 4.0 * angle.sin()]
                .map(|v| (v * 65536.0).round() / 65536.0)
        })
    };
    let width = 10.0 * holes as f64;
    let mut ring = vec![[0.0, 0.0]];
    // Clockwise over the upper halves to the last hole, round it, and back over the lower halves.
    (0..holes).for_each(|h| ring.extend(half(h, 0, corners / 2)));
    (0..holes).rev().for_each(|h| ring.extend(half(h, corners / 2, corners)));
    ring.extend([[0.0, 0.0], [0.0, -6.0], [width, -6.0], [width, 6.0], [0.0, 6.0]]);
    ring
}

/// Adds what is legal and unpleasant: corners twice, corners on edges, ways out and straight back.
fn spoiled(ring: &[Point], kinds: &[u8]) -> Vec<Point> {
    let mut out = Vec::new();
    for (i, &[x, y]) in ring.iter().enumerate() {
        let [u, v] = ring[(i + 1) % ring.len()];
        out.push([x, y]);
        // Halves and quarters of f32 numbers are f32 numbers, mostly: on the edge to the last bit where it is straight.
        let at = |t: f64| [x + t * (u - x), y + t * (v - y)];
        match kinds[i % kinds.len()] {
            0 => out.push([x, y]),
            1 if x == u || y == v => out.extend([at(0.25), at(0.5), at(0.75)]),
            2 => out.extend([[0.5 * x, 0.5 * y], [x, y]]),
            3 if x == u || y == v => out.extend([at(0.75), at(0.25)]),
            _ => {}
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn stars(radii in prop::collection::vec(1f64..9.0, 3..200), turn in 0f64..6.0) {
        check_everywhere(&star(&radii), turn);
    }

    #[test]
    fn combs(heights in prop::collection::vec(0f64..1.0, 2..200), kinds in prop::collection::vec(0u8..12, 7), turn in 0f64..6.0) {
        check_everywhere(&comb(&heights), turn);
        // Corners on an edge are on it only where rounding leaves them there.
        check(&flat(&spoiled(&comb(&heights).map_to_f32(), &kinds)), 1e-9);
    }

    #[test]
    fn spirals(turns in 0.3f64..12.0, corners in 40usize..300, wall in 0.05f64..0.6, turn in 0f64..6.0) {
        // So many corners that a chord does not cross the wall.
        let corners = corners.max((turns * 40.0) as usize);
        check_everywhere(&spiral(turns, corners, wall), turn);
    }

    #[test]
    fn keyholes(holes in 1usize..9, corners in 2usize..40, turn in 0f64..6.0, kinds in prop::collection::vec(0u8..12, 5)) {
        let ring = plate_with_holes(holes, 2 * corners).map_to_f32();
        check_everywhere(&ring, turn);
        let straight = spoiled(&ring, &kinds.iter().map(|k| if *k == 2 { 9 } else { *k }).collect::<Vec<_>>());
        check(&flat(&straight), 1e-9);
    }
}

trait MapToF32 {
    fn map_to_f32(&self) -> Vec<Point>;
}

impl MapToF32 for Vec<Point> {
    fn map_to_f32(&self) -> Vec<Point> {
        self.iter().map(|p| p.map(|v| f64::from(v as f32))).collect()
    }
}

/// A prism over `ring` as an OBJ: two polygons, and a quadrilateral for each edge that is not a bridge.
fn prism(ring: &[Point], height: f64) -> String {
    let mut points: Vec<Point> = Vec::new();
    let index: Vec<usize> = ring
        .iter()
        .map(|p| {
            points.iter().position(|q| q == p).unwrap_or_else(|| {
                points.push(*p);
                points.len() - 1
            })
        })
        .collect();
    let n = points.len();
    let mut text = String::new();
    for z in [0.0, height] {
        points.iter().for_each(|[x, y]| writeln!(text, "v {x} {y} {z}").unwrap());
    }
    let list =
        |indices: &mut dyn Iterator<Item = usize>| indices.map(|i| format!(" {}", i + 1)).collect::<String>();
    writeln!(
        text,
        "f{}\nf{}",
        list(&mut index.iter().rev().copied()),
        list(&mut index.iter().map(|i| i + n))
    )
    .unwrap();
    let edges: Vec<[usize; 2]> = (0..index.len()).map(|k| [index[k], index[(k + 1) % index.len()]]).collect();
    for [a, b] in edges.iter().filter(|[a, b]| !edges.contains(&[*b, *a])) {
        writeln!(text, "f{}", list(&mut [*a, *b, b + n, a + n].into_iter())).unwrap();
    }
    text
}

#[test]
fn prisms_over_large_polygons_have_their_area_and_volume() {
    let gear: Vec<f64> = (0..600).map(|i| if i / 2 % 2 == 0 { 10.0 } else { 8.0 }).collect();
    for ring in [star(&gear), plate_with_holes(3, 600)] {
        let ring = ring.map_to_f32();
        let n = ring.len();
        let next = |i: usize| ring[(i + 1) % n];
        let area = (0..n).map(|i| ring[i][0] * next(i)[1] - ring[i][1] * next(i)[0]).sum::<f64>() / 2.0;
        let edges: Vec<[[u64; 2]; 2]> =
            (0..n).map(|i| [ring[i], next(i)].map(|p| p.map(|v| (v + 0.0).to_bits()))).collect();
        let outline: f64 = (0..n)
            .filter(|&i| !edges.contains(&[edges[i][1], edges[i][0]]))
            .map(|i| (ring[i][0] - next(i)[0]).hypot(ring[i][1] - next(i)[1]))
            .sum();
        let ReadMesh { mesh, notes } = read(&prism(&ring, 5.0));
        assert!(notes.is_empty());
        let (_, report) = preprocess(mesh, &Preprocess::default(), &Monitor::none()).unwrap();
        assert!(report.watertight && report.components == 1 && report.triangles_flipped == 0, "{report:?}");
        assert!((report.volume / (5.0 * area) - 1.0).abs() < 1e-6, "{} for {}", report.volume, 5.0 * area);
        let whole = 2.0 * area + 5.0 * outline;
        assert!((report.area / whole - 1.0).abs() < 1e-6, "{} for {whole}", report.area);
    }
}

#[test]
fn a_polygon_of_twenty_thousand_corners_is_split_at_once() {
    let radii: Vec<f64> = (0..20_000).map(|i| 1.0 + f64::from((i * 7919) % 1000) / 500.0).collect();
    check(&flat(&star(&radii).map_to_f32()), 1e-9);
    check(&flat(&plate_with_holes(100, 200).map_to_f32()), 1e-9);
}

#[test]
fn warped_polygons_keep_their_edges() {
    // A saddle over a concave ring, steep enough that it is no graph over all planes of two axes.
    for turn in [0.0, 0.4, 0.8, 1.2] {
        let ring = star(&(0..40).map(|i| if i % 2 == 0 { 3.0 } else { 1.0 }).collect::<Vec<_>>());
        let (s, c) = f64::sin_cos(turn);
        let ReadMesh { mesh, notes } = read(&obj(&ring, |[x, y]| {
            let z = 0.1 * (x * x - y * y);
            [c * x - s * z, y, s * x + c * z]
        }));
        assert!(notes.is_empty(), "{notes:?}");
        let corners: Vec<[[f32; 3]; 3]> = (0..mesh.triangles.len()).map(|t| mesh.corners(t)).collect();
        let edges = boundary(corners.iter().map(|c| &c[..]));
        assert_eq!(edges, boundary(std::iter::once(&mesh.positions[..])));
    }
}

#[test]
fn polygons_that_cross_themselves_are_noted_with_their_place() {
    let square = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nv 2 0 0\nv 2 1 0\n";
    let pentagram = |corner: usize| {
        let angle = TAU * 2.0 * corner as f64 / 5.0;
        [angle.cos(), angle.sin()]
    };
    let eight = [[0.0, 0.0], [1.0, 1.0], [2.0, 0.0], [2.0, 2.0], [1.0, 1.0], [0.0, 2.0]];
    for (text, place) in [
        (
            format!("{square}# f\nf 1 2 3 4\nf 1 2\n f 1 2 4 3\nf 2 5 3 6\n"),
            "line 10: the polygon of 4 corners that begins at (0, 0, 0)",
        ),
        (
            flat(&(0..5).map(pentagram).collect::<Vec<_>>()),
            "line 6: the polygon of 5 corners that begins at (1, 0, 0)",
        ),
        (flat(&eight), "line 7: the polygon of 6 corners that begins at (0, 0, 0)"),
    ] {
        let notes = read(&text).notes;
        assert!(notes.len() == 1 && notes[0].starts_with(place), "{notes:?}");
        assert!(notes[0].contains("crosses itself"));
    }
    let ply = "ply\nformat ascii 1.0\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\n\
               element face 3\nproperty list uchar int vertex_indices\nend_header\n0 0 0\n1 0 0\n1 1 0\n0 1 0\n2 0 1\n3 0 1 2\n4 0 1 3 2\n";
    let read = read_mesh(ply.as_bytes(), MeshFormat::PLY, &MeshLimits::default(), &Monitor::none()).unwrap();
    assert!(read.notes[0].starts_with("face 2: "), "{:?}", read.notes);
    // What encloses nothing crosses nothing.
    let line =
        "v 0 0 0\nv 1 1 0\nv 2 2 0\nv 0.5 0.5 0\nv 0 1 5\nf 1 2 3 4\nf 1 2 3 4 2\nf 1 1 2 5\nf 1 5 2 5 1\n";
    assert_eq!(self::read(line).notes, Vec::<String>::new());
}
