//! Shape graphs and the assets that they load: read, planned, and where that is little work computed.

use fieldstone_kernel::Monitor;
use fieldstone_shape::operator::{Asset, Assets, BuildError};
use fieldstone_shape::{Domain, Graph, GraphLimits, Plan, Program, Visible};
use serde_json::{Value, json};
use std::sync::Arc;

/// Samples of a graph at most, and bytes that its plan may ask for.
const SAMPLES: u64 = 4096;
const MEMORY: u64 = 256 << 20;

/// The same bytes under every name, but for the names of some files that are sound.
struct Files<'a>(&'a [u8]);

const OBJ: &[u8] = b"v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n";
const NETWORK: &[u8] = br#"{"nodes": [[0, 0, 0], [1, 0, 0], [1, 1, 0]], "edges": [[0, 1], [1, 2]]}"#;

impl Assets for Files<'_> {
    fn open(&self, path: &str) -> Result<Asset, BuildError> {
        let bytes = match path {
            "absent" => return Err(BuildError::Input(format!("there is no asset {path:?}"))),
            "m.obj" => OBJ,
            "n.json" => NETWORK,
            "v.bin" => &[7; 27],
            _ => self.0,
        };
        Ok(Asset { filename: path.into(), bytes: Arc::new(bytes.to_vec()), checksum: [0; 32] })
    }
}

/// Computes what a graph describes if it is small enough; returns why not.
fn compute(document: &Value, files: &Files<'_>) -> Result<(), String> {
    let limits = GraphLimits { operators: 50, samples: SAMPLES };
    let graph = Arc::new(Graph::parse(document, limits).map_err(|e| e.to_string())?);
    for visible in [Visible::ALL, Visible::SURFACE] {
        let plan = Plan::of_result(&graph, visible).map_err(|e| e.to_string())?;
        if plan.memory_bytes() > MEMORY {
            return Err(format!("needs {} bytes", plan.memory_bytes()));
        }
        let is_grid = matches!(plan.target_domain(), Ok(Domain::Grid { .. }));
        let (slabs, samples) = (plan.slabs().next(), plan.sample_count());
        let program = Program::build(plan, files, &Monitor::none()).map_err(|e| e.to_string())?;
        if let Some(z) = slabs.filter(|_| is_grid) {
            let values = program.evaluate(z, &Monitor::none()).map_err(|e| e.to_string())?;
            assert_eq!(values.len(), program.channels());
            assert!(values.iter().all(|v| v.len() as u64 <= samples));
        }
        let point: [&[f32]; 3] = [&[0.1, 1e30], &[0.2, -1e30], &[0.3, 0.0]];
        assert!(program.evaluate_at(point).is_none_or(|v| v.len() == 2));
    }
    Ok(())
}

/// A refusal is one sentence, however long the names in the document are.
fn refused_shortly(result: Result<(), String>) {
    if let Err(text) = result {
        assert!(!text.is_empty() && text.len() < 4096, "a refusal of {} bytes: {text}", text.len());
    }
}

/// The JSON of a graph; after a zero byte follow the bytes of its assets.
pub fn graph(data: &[u8]) {
    let (text, file) = match data.iter().position(|b| *b == 0) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &data[..0]),
    };
    if let Ok(document) = serde_json::from_slice(text) {
        refused_shortly(compute(&document, &Files(file)));
    }
}

const COMPONENTS: [&str; 10] =
    ["None", "Byte", "Float", "Integer", "Vec2f", "Vec2i", "Vec3f", "Vec3i", "Vec4f", "Vec4i"];

/// A raw volume: four bytes say what it is taken for, the rest are its samples.
pub fn volume(data: &[u8]) {
    let Some((head, samples)) = data.split_first_chunk::<4>() else { return };
    let component = COMPONENTS[head[0] as usize % COMPONENTS.len()];
    let resolution = [1, 2, 3].map(|i| head[i] % 9);
    let load = json!({"type": "LoadVolume", "parameters": {"volume_data": {"file_type": "Raw", "path": "x.bin"},
        "component_type": component, "resolution": resolution}});
    let points = json!({"type": "GenerateSamplePoints", "parameters": {"resolution": [5, 4, 3]}});
    let sample = json!({"type": "SampleVolume", "parameters": {}});
    let edges = json!([{"source": 0, "target": [2, "Volume"]}, {"source": 1, "target": [2, "Points"]}]);
    refused_shortly(compute(&json!({"operators": [load, points, sample], "edges": edges}), &Files(samples)));
    refused_shortly(compute(&json!({"operators": [load], "edges": []}), &Files(samples)));
}

/// A line network, sampled.
pub fn network(data: &[u8]) {
    let points = json!({"type": "GenerateSamplePoints", "parameters": {"resolution": [5, 4, 3]}});
    let beam = json!({"type": "SampleBeam", "parameters": {"network_data": {"path": "x.json"}}});
    let edges = json!([{"source": 0, "target": [1, "Points"]}]);
    refused_shortly(compute(&json!({"operators": [points, beam], "edges": edges}), &Files(data)));
}
