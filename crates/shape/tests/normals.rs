//! ComputeNormals in both its forms: vectors of the world, wherever grids and volumes were put.

use fieldstone_kernel::Monitor;
use fieldstone_shape::operator::{Asset, Assets, BuildError};
use fieldstone_shape::{Graph, GraphLimits, Plan, Program, Visible};
use serde_json::{Value, json};
use std::sync::Arc;

/// 3x + 4y on 5 × 4 × 3 samples of a unit cube, whatever the name.
struct Slope;

impl Assets for Slope {
    fn open(&self, path: &str) -> Result<Asset, BuildError> {
        let value = |i: u32| 3.0 * (i % 5) as f32 / 4.0 + 4.0 * (i / 5 % 4) as f32 / 3.0;
        let bytes: Vec<u8> = (0..60).flat_map(|i| value(i).to_le_bytes()).collect();
        Ok(Asset { filename: path.into(), bytes: Arc::new(bytes), checksum: [0; 32] })
    }
}

fn program(document: &Value) -> Result<Program, String> {
    let graph = Graph::parse(document, GraphLimits::default()).map_err(|e| e.to_string())?;
    let plan = Plan::of_result(&Arc::new(graph), Visible::ALL).map_err(|e| e.to_string())?;
    Program::build(plan, &Slope, &Monitor::none()).map_err(|e| e.to_string())
}

fn values(document: &Value) -> Vec<[f32; 3]> {
    let program = program(document).unwrap();
    let out = program.evaluate(0..program.plan().resolution()[2], &Monitor::none()).unwrap();
    (0..out[0].len()).map(|i| [out[0][i], out[1][i], out[2][i]]).collect()
}

fn all_are(found: &[[f32; 3]], exact: [f64; 3]) {
    let length = exact.iter().map(|c| c * c).sum::<f64>().sqrt();
    for v in found {
        let near = (0..3).all(|a| (f64::from(v[a]) - exact[a] / length).abs() < 1e-5);
        assert!(near, "{v:?} along {exact:?}");
    }
}

/// A quarter turn about z, twice as long along the new y, mirrored in z, moved.
const TURNED: [f64; 16] = [0., 2., 0., 0., -1., 0., 0., 0., 0., 0., -1., 0., 5., 6., 7., 1.];

#[test]
fn normals_of_a_turned_grid_are_those_of_the_world() {
    // Below a plane through the grid's middle, (5, 6, 7), with normal (0.6, 0.8, 0).
    let plane = json!([0.8, -0.6, 0, 0, 0, 0, -1, 0, 0.6, 0.8, 0, 0, 5, 6, 7, 1]);
    let document = json!({
        "operators": [
            {"type": "GenerateSamplePoints", "parameters": {"resolution": [6, 5, 4], "xform": TURNED}},
            {"type": "SampleBox", "parameters": {"shape_type": "Plane", "xform": plane}},
            {"type": "ComputeNormals"}],
        "edges": [{"source": 0, "target": [1, "Points"]}, {"source": 1, "target": [2, "Samples"]}],
    });
    all_are(&values(&document), [0.6, 0.8, 0.0]);
}

fn older(normals: Value) -> Value {
    json!({
        "operators": [
            {"type": "ComputeNormals", "parameters": normals},
            {"type": "LoadVolume", "parameters": {"volume_data": {"file_type": "Raw", "path": "slope.bin"}, "resolution": [5, 4, 3]}},
            {"type": "LoadSamplePoints", "parameters": {"points": [[0, 0, 0], [0.5, 0.2, 0.3], [9, 9, 9], [4.5, 7, 6.5]]}}],
        "edges": [{"source": 2, "target": [0, "Points"]}, {"source": 1, "target": [0, "Volume"]}],
    })
}

#[test]
fn older_clients_take_normals_of_a_volume_at_points() {
    let cube = json!({"volume_offset": [0, 0, 0], "volume_size": [1, 1, 1]});
    all_are(&values(&older(cube.clone())), [3.0, 4.0, 0.0]);
    // Twice as long along y the same slope is half as steep there.
    let stretched = json!({"volume_offset": [0, 0, 0], "volume_size": [1, 2, 1]});
    all_are(&values(&older(stretched)), [3.0, 2.0, 0.0]);
    // q ↦ (5 − q.y, 6 + 2q.x, 7 − q.z): 3q.x + 4q.y is 3(y − 6)/2 + 4(5 − x).
    let mut placed = cube;
    placed["xform"] = json!(TURNED);
    all_are(&values(&older(placed)), [-4.0, 1.5, 0.0]);
}

/// 2x² − y² + 3z² on 5 × 4 × 6 samples of the cube 0..3, whatever the name.
struct Parabolas;

impl Assets for Parabolas {
    fn open(&self, path: &str) -> Result<Asset, BuildError> {
        let value = |i: u32| {
            let p = [i % 5, i / 5 % 4, i / 20].map(|c| c as f32);
            let [x, y, z] = [p[0] * 0.75, p[1], p[2] * 0.6];
            2.0 * x * x - y * y + 3.0 * z * z
        };
        let bytes: Vec<u8> = (0..120).flat_map(|i| value(i).to_le_bytes()).collect();
        Ok(Asset { filename: path.into(), bytes: Arc::new(bytes), checksum: [0; 32] })
    }
}

#[test]
fn normals_of_parabolas_are_exact_within_a_cell_of_the_faces_too() {
    let points: Vec<[f64; 3]> = (0..7 * 7 * 7)
        .map(|i| [i % 7, i / 7 % 7, i / 49].map(|c| f64::from(c) * 0.5))
        .filter(|p| p.iter().any(|c| *c > 0.0))
        .collect();
    let document = json!({
        "operators": [
            {"type": "ComputeNormals", "parameters": {"volume_offset": [0, 0, 0], "volume_size": [3, 3, 3]}},
            {"type": "LoadVolume", "parameters": {"volume_data": {"file_type": "Raw", "path": "p.bin"}, "resolution": [5, 4, 6]}},
            {"type": "LoadSamplePoints", "parameters": {"points": points}}],
        "edges": [{"source": 2, "target": [0, "Points"]}, {"source": 1, "target": [0, "Volume"]}],
    });
    let graph = Graph::parse(&document, GraphLimits::default()).unwrap();
    let plan = Plan::of_result(&Arc::new(graph), Visible::ALL).unwrap();
    let program = Program::build(plan, &Parabolas, &Monitor::none()).unwrap();
    let out = program.evaluate(0..program.plan().resolution()[2], &Monitor::none()).unwrap();
    for (i, p) in points.iter().enumerate() {
        let g = [4.0 * p[0], -2.0 * p[1], 6.0 * p[2]];
        let length = g.iter().map(|c| c * c).sum::<f64>().sqrt();
        let near = (0..3).all(|a| (f64::from(out[a][i]) - g[a] / length).abs() < 1e-4);
        assert!(near, "{:?} at {p:?}, right is {g:?} / {length}", [out[0][i], out[1][i], out[2][i]]);
    }
}

#[test]
fn a_form_takes_its_own_inputs_and_parameters_only() {
    let refusal = |document: &Value| program(document).err().unwrap();
    assert_eq!(
        refusal(&older(json!({"step_size": 1}))),
        "operators[0] (ComputeNormals): parameter \"step_size\": unknown, expected one of volume_offset, volume_size, xform"
    );
    let half = json!({
        "operators": [{"type": "LoadSamplePoints"}, {"type": "ComputeNormals"}],
        "edges": [{"source": 0, "target": [1, "Points"]}],
    });
    // Points alone are neither form; the message is about the older one, whose input that is.
    assert_eq!(refusal(&half), "operators[1] (ComputeNormals): input \"Volume\" is not connected");
    let mut mixed = older(json!({}));
    mixed["edges"][1]["target"][1] = json!("Samples");
    assert_eq!(
        refusal(&mixed),
        "edges[1]: operators[0] (ComputeNormals) has no input \"Samples\", it has Points, Volume"
    );
}
