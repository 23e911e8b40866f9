//! What can be refused when a job is dispatched is refused then, by the operator and the parameter: what passes runs.

mod common;
use common::{checksum, run, upload};
use fieldstone_jobs::{Input, JOB_TYPES, JobEntry, JobLimits, KnownInput, KnownInputs, find};
use fieldstone_kernel::bvh::Bvh;
use fieldstone_kernel::format::{MeshFormat, write_mesh};
use fieldstone_kernel::{Monitor, testing};
use fieldstone_shape::operator::{OperatorEntry, Type};
use fieldstone_shape::ops::{OLDER, OPERATORS};
use serde_json::{Value, json};
use tempfile::TempDir;

/// What only samples tell; everything else is known from the parameters.
const OF_SAMPLES: [&str; 3] = ["there is no surface", "there is nothing to cut", "mm, the part is"];

/// What the examples of operators read, and a volume of vectors.
fn assets(folder: &TempDir) -> Vec<Input> {
    let ball = testing::bumpy_sphere(8, 16, 0.8, 0.1);
    let mut ply = Vec::new();
    write_mesh(&ball, MeshFormat::PLY, &mut ply).unwrap();
    let mut bvh = Vec::new();
    let of_ball: [u8; 32] = hex::decode(checksum(&ply)).unwrap().try_into().unwrap();
    Bvh::build(&ball, &Monitor::none()).unwrap().write(&of_ball, &mut bvh).unwrap();
    let at = |i: usize| i as f32 * 0.25 - 1.0;
    let value = |i: usize| at(i % 9).hypot(at(i / 9 % 9)).hypot(at(i / 81)) - 0.7;
    let bin: Vec<u8> = (0..729).flat_map(|i| value(i).to_le_bytes()).collect();
    let uvw: Vec<_> = ball.positions.iter().map(|p| p.map(|v| 0.5 * v)).collect();
    let net = br#"{"nodes": [[-0.8,-0.8,-0.8],[0.8,0,0],[0.8,0.8,0.8]], "edges": [[0,1],[1,2]]}"#;
    let uvw = json!({ "coordinates": uvw }).to_string();
    let files: [(&str, &[u8]); 6] = [
        ("ball.ply", &ply),
        ("ball.bvh", &bvh),
        ("ball.bin", &bin),
        ("net.json", net),
        ("uvw.json", uvw.as_bytes()),
        ("vectors.bin", &bin.repeat(3)),
    ];
    files.iter().map(|(name, bytes)| upload(folder, name, bytes)).collect()
}

/// Points of every kind, and whether anything is to be seen of a solid on them.
fn points() -> Vec<Value> {
    let grid = |resolution: [u32; 3], xform: [f64; 9]| {
        let [a, b, c, d, e, f, g, h, i] = xform;
        json!({"type": "GenerateSamplePoints", "parameters": {"size": [2.0, 2.2, 1.9], "offset": [-1.05, -1.0, -0.9],
            "resolution": resolution, "xform": [a, b, c, 0.0, d, e, f, 0.0, g, h, i, 0.0, 0.0, 0.0, 0.0, 1.0]}})
    };
    let upright = [1., 0., 0., 0., 1., 0., 0., 0., 1.];
    vec![
        grid([6, 5, 7], upright),
        grid([6, 5, 7], [0.6, 0.8, 0., -0.8, 0.6, 0., 0., 0., 1.]),
        grid([6, 5, 7], [-1., 0., 0., 0., 1., 0., 0., 0., 1.]),
        grid([6, 5, 7], [1., 0., 0., 0.5, 1., 0., 0., 0., 1.]),
        grid([6, 5, 1], upright),
        grid([1, 1, 1], upright),
        json!({"type": "LoadSamplePoints", "parameters": {"points": [[0, 0, 0], [0.2, 0.3, 0.4], [2, 2, 2]]}}),
    ]
}

/// A graph that ends in `entry`; its numbers and volumes come from a solid at `points`, or from the file `volume`.
fn graph(entry: &OperatorEntry, parameters: &Value, points: &Value, volume: Option<&str>) -> Value {
    let mut operators = vec![points.clone()];
    let mut edges = Vec::new();
    let mut inputs = Vec::new();
    for port in entry.inputs {
        let from = match (port.takes, volume) {
            (Type::Vec3f, _) => 0,
            (_, Some(path)) => {
                operators.push(json!({"type": "LoadVolume", "parameters":
                    {"volume_data": {"path": path}, "resolution": [9, 9, 9]}}));
                operators.len() - 1
            }
            _ => {
                operators.push(json!({"type": "SampleBox", "parameters": {"size": [1.2, 1.3, 1.4]}}));
                edges.push(json!({"source": 0, "target": [operators.len() - 1, "Points"]}));
                operators.len() - 1
            }
        };
        inputs.push((from, port.name));
    }
    if inputs.iter().all(|(from, _)| *from != 0) && edges.is_empty() {
        operators.remove(0);
        inputs.iter_mut().for_each(|(from, _)| *from -= 1);
    }
    operators.push(json!({"type": entry.type_name, "parameters": parameters}));
    let last = operators.len() - 1;
    edges.extend(inputs.iter().map(|(from, name)| json!({"source": from, "target": [last, name]})));
    json!({"operators": operators, "edges": edges})
}

/// What dispatch says of a job whose files are all there.
fn dispatched(entry: &JobEntry, params: &Value, files: &[Input]) -> Result<(), String> {
    let known: KnownInputs = files
        .iter()
        .map(|f| {
            let bytes = std::fs::metadata(&f.path).unwrap().len();
            (f.filename.clone(), KnownInput { bytes, ..KnownInput::default() })
        })
        .collect();
    let values = entry.parse(common::given(params.clone()));
    let prepared = values.and_then(|values| entry.prepare(values, &JobLimits::default()));
    prepared.and_then(|prepared| prepared.check(&known)).map_err(|e| e.to_string())
}

/// Dispatch and run say the same of this job. Returns whether it was refused.
fn agree(folder: &TempDir, type_name: &str, params: &Value, files: &[Input]) -> bool {
    let dispatch = dispatched(find(type_name).unwrap(), params, files);
    let inputs: Vec<_> = files.iter().map(|f| (f.filename.as_str(), f.clone())).collect();
    match (&dispatch, run(folder, type_name, &inputs, params.clone())) {
        (Ok(()), Err(e)) => {
            assert!(OF_SAMPLES.iter().any(|what| e.contains(what)), "{type_name} passed {params}, then: {e}");
        }
        (Err(e), Ok(_)) => panic!("{type_name} runs {params}, but dispatch says: {e}"),
        (Err(e), _) => {
            let named = e.contains("operators[")
                || e.starts_with("parameter \"") && !e.starts_with("parameter \"graph\"");
            assert!(named, "{type_name} {params}: {e} names no place");
        }
        (Ok(()), Ok(_)) => {}
    }
    dispatch.is_err()
}

#[test]
fn what_passes_at_dispatch_runs_whatever_the_operator_the_points_and_the_job() {
    let folder = tempfile::tempdir().unwrap();
    let files = assets(&folder);
    let of_graphs: Vec<&JobEntry> = JOB_TYPES.iter().copied().filter(|e| e.takes_any_input()).collect();
    // REFUSALS_JOBS=7 has every job type meet every graph.
    let jobs_each = std::env::var("REFUSALS_JOBS").map_or(1, |n| n.parse().unwrap());
    let [mut refused, mut all] = [0; 2];
    for entry in OPERATORS.iter().chain(OLDER) {
        let example: Value = serde_json::from_str(entry.example).unwrap();
        for (i, points) in points().iter().enumerate() {
            for (j, parameters) in [&example, &json!({})].into_iter().enumerate() {
                for (k, volume) in [None, Some("ball.bin"), Some("vectors.bin")].into_iter().enumerate() {
                    let graph = graph(entry, parameters, points, volume);
                    // Every job type meets every kind of points, and every operator every kind; not each with each.
                    let jobs = of_graphs
                        .iter()
                        .enumerate()
                        .filter(|(n, _)| (n + i + j + k) % of_graphs.len() < jobs_each);
                    for (_, job) in jobs {
                        all += 1;
                        let mut params = json!({"graph": graph});
                        if job.params.iter().any(|p| p.name == "layer_height") {
                            params["layer_height"] = json!(0.3);
                        }
                        refused += usize::from(agree(&folder, job.type_name, &params, &files));
                    }
                }
            }
        }
    }
    assert!(refused > all / 8 && refused < all * 7 / 8, "{refused} of {all} were refused");
}

/// A chain of operators behind these points.
fn chain(points: Value, operators: &[Value]) -> Value {
    let mut all = vec![points];
    all.extend_from_slice(operators);
    let port = |i: usize| if i == 1 { "Points" } else { "Samples" };
    let edges: Vec<_> = (1..all.len()).map(|i| json!({"source": i - 1, "target": [i, port(i)]})).collect();
    json!({"operators": all, "edges": edges})
}

#[test]
fn refusals_at_dispatch_name_the_operator_and_the_parameter() {
    let folder = tempfile::tempdir().unwrap();
    let files = assets(&folder);
    let ball = json!({"type": "SampleBox", "parameters": {"shape_type": "Ellipsoid"}});
    let list = || json!({"type": "LoadSamplePoints", "parameters": {"points": [[0, 0, 0], [1, 1, 1]]}});
    let turned = points().swap_remove(1);
    let vectors = json!({"type": "LoadVolume", "parameters":
        {"volume_data": {"path": "vectors.bin"}, "resolution": [9, 9, 9]}});
    let of_vectors = |behind: Value| json!({"operators": [vectors, behind], "edges": [{"source": 0, "target": [1, "Samples"]}]});
    let refused = |type_name: &str, params: Value, says: &str| {
        let told = dispatched(find(type_name).unwrap(), &params, &files).expect_err(type_name);
        assert!(told.contains(says), "{type_name}: {told}");
        assert!(agree(&folder, type_name, &params, &files));
    };
    for job in ["export_triangle_mesh", "evaluate_metrics", "export_slices", "export_cli", "export_vti"] {
        let says =
            "operators[0] (LoadSamplePoints): makes a list of points, this job needs the samples of a grid";
        refused(job, json!({"graph": chain(list(), std::slice::from_ref(&ball))}), says);
        let says = "operators[0] (LoadVolume): gives 3 values per sample, this job takes 1";
        refused(job, json!({"graph": {"operators": [vectors]}}), says);
    }
    for job in ["export_slices", "export_cli", "export_vti"] {
        let says = "operators[0] (GenerateSamplePoints): parameter \"xform\": turns or mirrors the points";
        refused(job, json!({"graph": chain(turned.clone(), std::slice::from_ref(&ball))}), says);
    }
    let threshold = json!({"type": "Threshold"});
    refused(
        "implicit/evaluate",
        json!({"graph": chain(list(), &[ball.clone(), threshold.clone()])}),
        "operators[2] (Threshold): parameter \"width\": is required for points that are no grid",
    );
    refused(
        "implicit/evaluate",
        json!({"graph": of_vectors(json!({"type": "Shell"}))}),
        "operators[1] (Shell): input \"Samples\" takes one value per sample, got 3 from operators[0] (LoadVolume)",
    );
    refused(
        "evaluate_graph",
        json!({"graph": of_vectors(json!({"type": "ComputeNormals"}))}),
        "operators[1] (ComputeNormals): input \"Samples\" takes one value per sample, got 3",
    );
    let flat = points().swap_remove(4);
    refused(
        "evaluate_metrics",
        json!({"graph": chain(flat, std::slice::from_ref(&ball))}),
        "operators[0] (GenerateSamplePoints): the patch has no extent on axis z",
    );
}

#[test]
fn sizes_of_layers_pictures_and_cells_are_refused_at_dispatch() {
    let folder = tempfile::tempdir().unwrap();
    let files = assets(&folder);
    let ball = json!({"type": "SampleBox", "parameters": {"shape_type": "Ellipsoid"}});
    let upright = points().swap_remove(0);
    let refused = |type_name: &str, params: Value, says: &str| {
        let told = dispatched(find(type_name).unwrap(), &params, &files).expect_err(type_name);
        assert!(told.contains(says), "{type_name}: {told}");
        assert!(agree(&folder, type_name, &params, &files));
    };
    let cut = |more: Value| {
        let mut params = json!({"graph": chain(upright.clone(), std::slice::from_ref(&ball))});
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        params
    };
    refused(
        "export_slices",
        cut(json!({"pixel_size": [1e-6, 1e-6]})),
        "parameter \"pixel_size\": 4400000000000 pixels",
    );
    refused(
        "export_slices",
        cut(json!({"pixel_size": [0, 1]})),
        "parameter \"pixel_size\": pixel size is 0 mm",
    );
    refused(
        "export_cli",
        cut(json!({"layer_height": 50})),
        "parameter \"layer_height\": layer height is 50 mm",
    );
    let lattice = json!({"type": "SampleLattice", "parameters": {"scale": [0, 1, 1],
        "lattice_data": {"nodes": [[0, 0, 0], [1, 1, 1]], "edges": [[0, 1]]}}});
    let says = "operators[1] (SampleLattice): parameter \"scale\": scale on axis x is 0";
    refused("evaluate_graph", json!({"graph": chain(upright.clone(), &[lattice])}), says);
}

#[test]
fn parameters_of_meshes_and_volumes_are_refused_at_dispatch() {
    let refused = |type_name: &str, params: Value, slot: &str, bytes: u64, says: &str| {
        let entry = find(type_name).unwrap();
        let values = entry.parse(common::given(params)).unwrap();
        let known = KnownInput { bytes, ..KnownInput::default() };
        let prepared = entry.prepare(values, &JobLimits::default()).unwrap();
        let told = prepared.check(&[(slot.to_owned(), known)].into_iter().collect()).unwrap_err().to_string();
        assert!(told.contains(says), "{type_name}: {told}");
    };
    let says = "parameter \"padding\": 2 cells on either side leave nothing of 4 cells (resolution 5)";
    refused("implicit/from-mesh", json!({"resolution": 5, "padding": 2}), "mesh", 900, says);
    for job in ["implicit/metrics", "mesh/from-volume"] {
        let flat = json!({"volume_size": [1, 1, 0], "volume_resolution": [3, 3, 1]});
        refused(job, flat, "volume", 36, "the patch has no extent on axis z");
    }
}
