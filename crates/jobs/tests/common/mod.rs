//! Job types run on files, without an engine.
#![allow(dead_code)]

use fieldstone_jobs::{Input, JobContext, JobEntry, JobLimits, Outputs, find};
use fieldstone_kernel::format::{MeshFormat, write_mesh};
use fieldstone_kernel::{Monitor, TriMesh, testing};
use indexmap::IndexMap;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::Path;
use tempfile::TempDir;

/// Runs a job type in a folder of its own inside `folder`.
pub fn run(
    folder: &TempDir,
    type_name: &str,
    inputs: &[(&str, Input)],
    params: Value,
) -> Result<Outputs, String> {
    let out = tempfile::tempdir_in(folder.path()).unwrap().keep();
    let inputs = inputs.iter().map(|(slot, input)| ((*slot).to_owned(), vec![input.clone()])).collect();
    let context = JobContext::new(inputs, out, Monitor::none(), JobLimits::default());
    find(type_name).unwrap().execute(given(params), context).map_err(|e| e.to_string())
}

/// The parameters of a JSON object.
pub fn given(params: Value) -> IndexMap<String, Value> {
    serde_json::from_value(params).unwrap()
}

/// A file as an input; `made` is what its job said of it.
pub fn input(path: &Path, filename: &str, made: IndexMap<String, String>) -> Input {
    let checksum = format!("sha256:{}", checksum(&std::fs::read(path).unwrap()));
    Input { path: path.to_owned(), filename: filename.to_owned(), checksum, made }
}

/// An upload.
pub fn upload(folder: &TempDir, filename: &str, bytes: &[u8]) -> Input {
    let path = folder.path().join(filename);
    std::fs::write(&path, bytes).unwrap();
    input(&path, filename, IndexMap::new())
}

pub fn checksum(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// What jobs are run on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Given {
    /// The examples, on a ball.
    Example,
    /// Nothing is inside.
    Empty,
    /// Nothing is outside.
    Full,
    /// A mesh of one triangle.
    Flat,
}

fn ply(mesh: &TriMesh) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_mesh(mesh, MeshFormat::PLY, &mut bytes).unwrap();
    bytes
}

/// A file for the slot of this name.
fn asset(folder: &TempDir, slot: &str, given: Given) -> Input {
    let volume =
        |value: &dyn Fn(u32) -> f32| (0..4096).flat_map(|i| value(i).to_le_bytes()).collect::<Vec<u8>>();
    let at = |i: u32| f64::from(i) / 7.5 - 1.0;
    let radius = |i: u32| (at(i % 16).powi(2) + at(i / 16 % 16).powi(2) + at(i / 256).powi(2)).sqrt();
    match (slot, given) {
        ("mesh", Given::Flat) => upload(folder, "a.obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"),
        ("mesh", _) => upload(folder, "ball.ply", &ply(&testing::bumpy_sphere(20, 40, 10.0, 0.1))),
        ("volume", Given::Empty) => upload(folder, "v.bin", &volume(&|_| 1.0)),
        ("volume", Given::Full) => upload(folder, "v.bin", &volume(&|_| -1.0)),
        ("volume", _) => upload(folder, "v.bin", &volume(&|i| radius(i) as f32 - 0.7)),
        ("network", _) => {
            let network = br#"{"nodes": [[0,0,0],[1,0,0],[1,1,1]], "edges": [[0,1],[1,2]]}"#;
            upload(folder, "net.json", network)
        }
        (other, _) => panic!("no example asset for a slot called {other}"),
    }
}

/// A box that lies outside its grid, or the grid in it.
fn graph(given: Given) -> Value {
    let offset = if given == Given::Empty { 10.0 } else { -0.5 };
    json!({"operators": [
        {"type": "GenerateSamplePoints", "parameters": {
            "offset": [offset, offset, offset], "size": [1, 1, 1], "resolution": [5, 5, 5]}},
        {"type": "SampleBox", "parameters": {"size": [2, 2, 2]}}],
      "edges": [{"source": 0, "target": [1, "Points"]}]})
}

/// What a job type makes of it; an example with the parameters of its reference.
pub fn answer(folder: &TempDir, entry: &JobEntry, given: Given) -> Result<Outputs, String> {
    let mut params: Value = serde_json::from_str(entry.example).unwrap();
    if given != Given::Example && entry.takes_any_input() {
        params["graph"] = graph(given);
    }
    let required = entry.inputs.iter().filter(|slot| slot.required);
    let inputs: Vec<_> = required.map(|slot| (slot.name, asset(folder, slot.name, given))).collect();
    run(folder, entry.type_name, &inputs, params)
}
