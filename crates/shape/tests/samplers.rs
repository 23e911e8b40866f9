//! Operators that sample struts, volumes and meshes, and those that differentiate, run as graphs.

use fieldstone_kernel::beam::NetworkBvh;
use fieldstone_kernel::bvh::Bvh;
use fieldstone_kernel::format::{MeshFormat, write_mesh};
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::testing::{bumpy_sphere, cuboid};
use fieldstone_kernel::{Monitor, TriMesh};
use fieldstone_shape::operator::{Asset, Assets, BuildError};
use fieldstone_shape::struts::read_network;
use fieldstone_shape::{Graph, GraphLimits, Plan, Program, Visible};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

const NETWORK: &str = r#"{"nodes": [[-0.8,0,0],[0.8,0,0],[0.8,0.7,0.2],[0,-0.5,-0.6]], "edges": [[0,1],[1,2],[3,0]], "radii": [0.1,0.2,0.15]}"#;

/// Assets by name, all with the checksum of the number seven.
#[derive(Default)]
struct Files(HashMap<&'static str, Vec<u8>>);

impl Assets for Files {
    fn open(&self, path: &str) -> Result<Asset, BuildError> {
        let bytes = self.0.get(path).ok_or_else(|| BuildError::Input(format!("no {path:?}")))?;
        Ok(Asset { filename: path.into(), bytes: Arc::new(bytes.clone()), checksum: [7; 32] })
    }
}

fn bytes_of(mesh: &TriMesh) -> Vec<u8> {
    let mut bytes = vec![];
    write_mesh(mesh, MeshFormat::PLY, &mut bytes).unwrap();
    bytes
}

fn ball() -> TriMesh {
    bumpy_sphere(24, 48, 0.7, 0.1)
}

fn files() -> Files {
    let mut files = Files::default();
    let network = read_network(NETWORK.as_bytes()).unwrap();
    let (mut lines, mut triangles) = (vec![], vec![]);
    NetworkBvh::build(&network, &Monitor::none()).unwrap().write(&[7; 32], &mut lines).unwrap();
    Bvh::build(&ball(), &Monitor::none()).unwrap().write(&[7; 32], &mut triangles).unwrap();
    let mut other = lines.clone();
    other[20] ^= 1;
    let coordinates: Vec<_> =
        ball().positions.iter().map(|p| [2.0 * p[0], p[1] - 1.0, p[2] + p[0]]).collect();
    let coordinates = json!({ "coordinates": coordinates }).to_string();
    let small = json!({"coordinates": [[0, 0, 0]]}).to_string();
    let all: [(&str, Vec<u8>); 8] = [
        ("net.json", NETWORK.into()),
        ("net.bvh", lines),
        ("other.bvh", other),
        ("ball.ply", bytes_of(&ball())),
        ("ball.bvh", triangles),
        ("ball.json", coordinates.into()),
        ("small.json", small.into()),
        ("box.ply", bytes_of(&cuboid([-0.5; 3], [0.5; 3]))),
    ];
    files.0.extend(all);
    files
}

fn grid(n: u32) -> Value {
    json!({"type": "GenerateSamplePoints", "parameters": {"size": [2, 2, 2], "resolution": [n, n, n]}})
}

/// Operators one after the other, each fed by the one before it.
fn chain(operators: &[Value], ports: &[&str]) -> Value {
    let edges: Vec<_> =
        ports.iter().enumerate().map(|(i, port)| json!({"source": i, "target": [i + 1, port]})).collect();
    json!({"operators": operators, "edges": edges})
}

fn program(document: &Value, files: &Files, level: Level, block: u32) -> Result<Program, String> {
    let graph = Graph::parse(document, GraphLimits::default()).map_err(|e| e.to_string())?;
    let plan = Plan::of_result(&Arc::new(graph), Visible::ALL).map_err(|e| e.to_string())?;
    Program::build_at(plan, files, level, block, &Monitor::none()).map_err(|e| e.to_string())
}

fn values(document: &Value) -> Result<Vec<Vec<f32>>, String> {
    let program = program(document, &files(), Level::detect(), 1024)?;
    let planes = 0..program.plan().resolution()[2];
    program.evaluate(planes, &Monitor::none()).map_err(|e| e.to_string())
}

/// A sampler's values at the points of a grid.
fn sampled(n: u32, sampler: Value) -> Vec<f32> {
    values(&chain(&[grid(n), sampler], &["Points"])).unwrap().swap_remove(0)
}

fn positions(n: u32) -> impl Iterator<Item = [f64; 3]> {
    let at = move |i: u32| 2.0 * f64::from(i) / f64::from(n - 1) - 1.0;
    (0..n * n * n).map(move |i| [at(i % n), at(i / n % n), at(i / n / n)])
}

fn close(got: &[f32], expected: impl Iterator<Item = f64>, most: f64) {
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        assert!((f64::from(*g) - e).abs() <= most, "sample {i}: {g}, expected {e}");
    }
}

fn column(extra: Value) -> Value {
    // One upright strut a cell, in its middle.
    let mut parameters = json!({"lattice_data": {"nodes": [[0.5, 0.5, 0], [0.5, 0.5, 1]], "edges": [[0, 1]]},
        "scale": [2, 2, 2], "section_radius": 0.25});
    let all = parameters.as_object_mut().unwrap();
    all.extend(extra.as_object().unwrap().clone());
    json!({"type": "SampleLattice", "parameters": parameters})
}

/// Distance from (x, y) to the axis nearest of those at odd numbers.
fn to_axis(p: [f64; 3]) -> f64 {
    let across = |c: f64| (c - 1.0) - 2.0 * ((c - 1.0) / 2.0).round();
    across(p[0]).hypot(across(p[1]))
}

#[test]
fn lattices_repeat_are_placed_and_graded() {
    close(&sampled(9, column(json!({}))), positions(9).map(|p| to_axis(p) - 0.25), 1e-6);
    // Twice as large and moved: world = 2·object + (0.3, 0, 0).
    let xform = json!([2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0.3, 0, 0, 1]);
    let placed = |p: [f64; 3]| 2.0 * (to_axis([(p[0] - 0.3) / 2.0, p[1] / 2.0, p[2] / 2.0]) - 0.25);
    close(&sampled(9, column(json!({ "xform": xform }))), positions(9).map(placed), 1e-6);
    let thinner =
        json!({"section_radius_grading_range": [-0.5, 0.5], "section_radius_grading_scale": [1, 0.5]});
    let radius = |z: f64| 0.25 * (1.0 - 0.5 * (z + 0.5).clamp(0.0, 1.0));
    close(&sampled(9, column(thinner)), positions(9).map(|p| to_axis(p) - radius(p[2])), 1e-6);
    // Cells that grow along z move the nodes, not the columns.
    let nodes = json!({"scale_grading_range": [-1, 1], "scale_grading_scale": [1, 2], "scale": [2, 2, 0.5],
        "node_type": "Sphere", "node_radius": 0.3, "section_radius": 0.01});
    let graded = sampled(33, column(nodes));
    let along: Vec<bool> = (0..33).map(|k| graded[(k * 33 + 16) * 33 + 16] < 0.0).collect();
    assert!(along.iter().all(|v| !v), "columns stand at odd x and y, not in the middle");
    let heights: Vec<f32> = (0..33).map(|k| graded[k * 33 * 33]).collect();
    assert!(heights.iter().all(|v| *v < 0.0), "the column at (−1, −1): {heights:?}");
}

#[test]
fn networks_are_the_same_with_and_without_their_hierarchy() {
    let beam = |extra: Value| {
        let mut parameters = json!({"network_data": {"path": "net.json"}, "smoothing": 0.1});
        parameters.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        json!({"type": "SampleBeam", "parameters": parameters})
    };
    let built = sampled(17, beam(json!({})));
    assert_eq!(sampled(17, beam(json!({"bvh_data": {"path": "net.bvh"}}))), built);
    assert!(built.iter().any(|v| *v < 0.0) && built.iter().any(|v| *v > 0.3));
    let error = values(&chain(&[grid(3), beam(json!({"bvh_data": {"path": "other.bvh"}}))], &["Points"]));
    let error = error.unwrap_err();
    assert!(
        error.contains("operators[1] (SampleBeam)") && error.contains("belongs to another network"),
        "{error}"
    );
    let error = values(&chain(&[grid(3), json!({"type": "SampleBeam"})], &["Points"])).unwrap_err();
    assert!(error.contains("\"network_data\": is required"), "{error}");
}

#[test]
fn meshes_on_grids_turned_grids_and_lists_agree() {
    let mesh = |extra: Value, kind: &str| {
        let mut parameters = json!({"mesh_data": {"file_type": "MeshFile", "path": "ball.ply"}});
        parameters.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        json!({"type": kind, "parameters": parameters})
    };
    let n = 21;
    let whole = sampled(n, mesh(json!({}), "SampleTriangleMesh"));
    let with_bvh = mesh(json!({"bvh_data": {"path": "ball.bvh"}}), "SampleTriangleMeshBvh");
    assert_eq!(sampled(n, with_bvh), whole);
    let points: Vec<_> = positions(n).map(|p| p.map(|c| c as f32)).collect();
    let list = json!({"type": "LoadSamplePoints", "parameters": {"points": points}});
    let one_by_one = values(&chain(&[list, mesh(json!({}), "SampleTriangleMesh")], &["Points"])).unwrap();
    let mut inside = 0;
    for (i, (a, b)) in whole.iter().zip(&one_by_one[0]).enumerate() {
        assert!((a - b).abs() <= 1e-5 && (*a < 0.0) == (*b < 0.0), "sample {i}: {a} on the grid, {b}");
        inside += usize::from(*a < 0.0);
    }
    assert!(inside > 500, "{inside}");
    let turned = sampled(n, mesh(json!({"cw_winding": 1}), "SampleTriangleMesh"));
    assert!(turned.iter().zip(&whole).all(|(a, b)| *a == -b));
    // A quarter turn about z, there and back: (x, y) → (−y, x).
    let quarter = json!([0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
    let rotated = sampled(n, mesh(json!({ "xform": quarter }), "SampleTriangleMesh"));
    let n = n as usize;
    for i in 0..whole.len() {
        let (x, y, z) = (i % n, i / n % n, i / n / n);
        let from = (z * n + n - 1 - x) * n + y;
        assert!((rotated[i] - one_by_one[0][from]).abs() < 1e-5);
    }
}

#[test]
fn volumes_are_looked_up_where_they_are_put() {
    let mut files = files();
    files.0.insert("v.bin", (0..8).flat_map(|v| (v as f32).to_le_bytes()).collect());
    let load = json!({"type": "LoadVolume", "parameters": {"resolution": [2, 2, 2],
        "volume_data": {"file_type": "Raw", "path": "v.bin"}}});
    let sample =
        json!({"type": "SampleVolume", "parameters": {"volume_offset": [0, 0, 0], "volume_size": [1, 1, 2]}});
    let points = json!({"type": "LoadSamplePoints", "parameters":
        {"points": [[0, 0, 0], [1, 1, 2], [0.5, 0.5, 1], [0, 0, -3], [4, 0, 6]]}});
    let document = json!({"operators": [points, load, sample], "edges": [
        {"source": 0, "target": [2, "Points"]}, {"source": 1, "target": [2, "Volume"]}]});
    let program = program(&document, &files, Level::detect(), 1024).unwrap();
    let out = program.evaluate(0..1, &Monitor::none()).unwrap();
    close(&out[0], [0.0, 7.0, 3.5, 3.0, 10.0].into_iter(), 1e-6);
}

#[test]
fn boundary_coordinates_reproduce_a_linear_map() {
    let operator = |file: &str| {
        json!({"type": "InterpolateBoundaryCoords", "parameters": {"boundary_data": {"path": file},
            "mesh_data": {"file_type": "MeshFile", "path": "ball.ply"}}})
    };
    let points: Vec<_> = positions(7).map(|p| p.map(|c| 0.3 * c)).collect();
    let list = json!({"type": "LoadSamplePoints", "parameters": { "points": points }});
    let out = values(&chain(&[list.clone(), operator("ball.json")], &["Points"])).unwrap();
    close(&out[0], points.iter().map(|p| 2.0 * p[0]), 1e-5);
    close(&out[1], points.iter().map(|p| p[1] - 1.0), 1e-5);
    close(&out[2], points.iter().map(|p| p[2] + p[0]), 1e-5);
    let error = values(&chain(&[list, operator("small.json")], &["Points"])).unwrap_err();
    assert!(error.contains("1 values for a mesh of"), "{error}");
}

/// Greatest error of normals, mean and Gaussian curvature on a grid, its border too, `n` samples per axis.
fn derivative_errors(n: u32) -> [f64; 3] {
    // |p − c| about a centre outside the grid: smooth, and every level surface is a sphere.
    let centre = [-2.0, 0.3, 0.4];
    let from = |p: [f64; 3]| [p[0] - centre[0], p[1] - centre[1], p[2] - centre[2]];
    let length = |d: [f64; 3]| (d[0] * d[0] + d[1] * d[1] + d[2] * d[2]).sqrt();
    let mut files = files();
    let bytes = positions(n).flat_map(|p| (length(from(p)) as f32).to_le_bytes()).collect();
    files.0.insert("d.bin", bytes);
    let load = json!({"type": "LoadVolume", "parameters": {"resolution": [n, n, n],
        "volume_data": {"file_type": "Raw", "path": "d.bin"}}});
    let run = |kind: &str| {
        let document = chain(&[load.clone(), json!({ "type": kind })], &["Samples"]);
        let program = program(&document, &files, Level::detect(), 1024).unwrap();
        program.evaluate(0..n, &Monitor::none()).unwrap()
    };
    let (normals, curvatures) = (run("ComputeNormals"), run("ComputeCurvatures"));
    let mut worst = [0.0f64; 3];
    for (i, p) in positions(n).enumerate() {
        let (d, r) = (from(p), length(from(p)));
        for a in 0..3 {
            worst[0] = worst[0].max((f64::from(normals[a][i]) - d[a] / r).abs());
        }
        worst[1] = worst[1].max((f64::from(curvatures[0][i]) - 1.0 / r).abs());
        worst[2] = worst[2].max((f64::from(curvatures[1][i]) - 1.0 / (r * r)).abs());
        assert!(curvatures[2][i] >= curvatures[0][i].abs());
    }
    worst
}

#[test]
fn normals_and_curvatures_converge_by_the_square_of_the_cell() {
    let (coarse, fine) = (derivative_errors(9), derivative_errors(17));
    for (a, b) in coarse.iter().zip(fine) {
        assert!(b < a / 3.0 && *a < 0.1, "{coarse:?} to {fine:?}");
    }
}

#[test]
fn blocks_and_levels_give_the_same_bits() {
    let path = |name: &str| json!({ "path": name });
    let samplers = [
        column(json!({"smoothing": 0.2, "node_type": "Sphere", "node_radius": 0.4, "scale": [0.7, 0.9, 0.5],
            "scale_grading_scale": [1, 2], "section_radius_grading_scale": [1, 2], "section_type": "Cross"})),
        json!({"type": "SampleBeam", "parameters": {"network_data": path("net.json"), "section_type": "Box"}}),
        json!({"type": "SampleTriangleMesh", "parameters": {"mesh_data": path("box.ply"),
            "xform": [0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0, 0.1, 0, 0, 1]}}),
        json!({"type": "InterpolateBoundaryCoords",
            "parameters": {"boundary_data": path("ball.json"), "mesh_data": path("ball.ply")}}),
    ];
    let files = files();
    for sampler in samplers {
        let document = chain(&[grid(9), sampler], &["Points"]);
        let run = |level, block| {
            let out = program(&document, &files, level, block).unwrap().evaluate(0..9, &Monitor::none());
            out.unwrap().concat().into_iter().map(f32::to_bits).collect::<Vec<_>>()
        };
        let reference = run(Level::BASELINE, 1024);
        for level in Level::available() {
            for block in [1, 7, 64] {
                assert!(run(level, block) == reference, "{level:?}, blocks of {block}: {document}");
            }
        }
    }
}

#[test]
fn bounds_never_hide_a_value() {
    // A band makes the evaluator pass over blocks by their bounds: signs and values within must be those without it.
    let samplers = [
        column(json!({"smoothing": 0.1, "scale": [0.5, 0.5, 0.4], "section_radius": 0.05,
            "scale_grading_scale": [1, 2], "section_radius_grading_scale": [1, 2], "section_radius_grading_range": [-1, 1]})),
        json!({"type": "SampleBeam", "parameters": {"network_data": {"path": "net.json"}}}),
        json!({"type": "SampleTriangleMesh", "parameters": {"mesh_data": {"path": "ball.ply"}}}),
    ];
    let files = files();
    for sampler in samplers {
        let document = chain(&[grid(41), sampler], &["Points"]);
        let all = values(&document).unwrap().swap_remove(0);
        let graph = Arc::new(Graph::parse(&document, GraphLimits::default()).unwrap());
        let band = 0.05;
        let plan = Plan::of_result(&graph, Visible { band, cells: 0 }).unwrap();
        let program = Program::build(plan, &files, &Monitor::none()).unwrap();
        let seen = program.evaluate(0..41, &Monitor::none()).unwrap().swap_remove(0);
        for (i, (a, b)) in all.iter().zip(&seen).enumerate() {
            let same = if a.abs() <= band { (a - b).abs() < 1e-6 } else { b.abs() > band && (a * b) > 0.0 };
            assert!(same, "sample {i}: {a} became {b} in {document}");
        }
    }
}
