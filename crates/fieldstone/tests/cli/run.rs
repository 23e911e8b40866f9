//! `fieldstone run`: every job type on the bracket, and what a wrong input is told.

use crate::harness::{bracket, call, checksum, names, read_json, refusal};
use fieldstone_jobs::JOB_TYPES;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Runs one job; its document, after checking that it names exactly the files that are there.
fn run(folder: &Path, out: &str, job_type: &str, args: &[&str]) -> Value {
    let output = call(folder, &[&["run", job_type, "--out", out], args].concat());
    assert!(output.status.success(), "{job_type}: {}", String::from_utf8_lossy(&output.stderr));
    let out = folder.join(out);
    let job = read_json(&out.join("result.json"));
    assert_eq!((&job["type"], &job["state"]), (&job_type.into(), &"success".into()));
    assert_eq!(job["error"], Value::Null);
    let mut expected = vec!["result.json".to_owned()];
    for asset in job["outputs"]["assets"].as_object().unwrap().values() {
        let name = asset["filename"].as_str().unwrap();
        let (stem, _) = name.split_once('.').unwrap();
        assert!(stem.len() == 16 && stem.chars().all(|c| c.is_ascii_hexdigit()), "{name}");
        assert_eq!(asset["checksum"], checksum(&out.join(name)).as_str());
        expected.push(name.to_owned());
    }
    expected.sort();
    assert_eq!(names(&out), expected);
    job
}

fn output(folder: &Path, job: &Value, name: &str) -> PathBuf {
    folder.join(job["outputs"]["assets"][name]["filename"].as_str().unwrap())
}

#[test]
fn every_job_type_runs_on_the_bracket() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    let mesh_input = |path: &Path| format!("mesh={}", path.display());
    let mesh_of_bracket = mesh_input(&bracket());

    let prepared = run(folder, "a", "mesh/preprocess", &["--input", &mesh_of_bracket]);
    let params = &prepared["outputs"]["params"];
    assert_eq!((&params["watertight"], &params["components"]), (&"true".into(), &"1".into()), "{params}");
    assert_eq!(params["vertex_count"], "7577");
    let mesh = mesh_input(&output(&folder.join("a"), &prepared, "mesh"));

    let bvh = run(folder, "b", "mesh/compute-bvh", &["--input", &mesh]);
    let bvh = format!("bvh={}", output(&folder.join("b"), &bvh, "bvh").display());

    let args = ["--input", &mesh, "--input", &bvh, "--param", "resolution=40"];
    let sampled = run(folder, "c", "implicit/from-mesh", &args);
    let resolution: [u64; 3] =
        serde_json::from_str(sampled["outputs"]["params"]["patch_resolution"].as_str().unwrap()).unwrap();
    let volume = output(&folder.join("c"), &sampled, "volume");
    assert_eq!(std::fs::metadata(&volume).unwrap().len(), 4 * resolution.iter().product::<u64>());

    let args = ["--input", &mesh_of_bracket, "--param", "max_resolution=40"];
    run(folder, "d", "sample_triangle_mesh", &args);

    let param =
        |name: &str| sampled["outputs"]["params"][format!("patch_{name}")].as_str().unwrap().to_owned();
    let of_volume = [
        format!("volume={}", volume.display()),
        format!("volume_size={}", param("size")),
        format!("volume_offset={}", param("offset")),
        format!("volume_resolution={}", param("resolution")),
    ];
    let [input, size, offset, n] = of_volume.each_ref().map(String::as_str);
    let args = ["--input", input, "--param", size, "--param", offset, "--param", n];
    let measured = run(folder, "e", "implicit/metrics", &args);
    let volume_mm3: f64 = measured["outputs"]["params"]["interior_volume"].as_str().unwrap().parse().unwrap();
    assert_eq!(measured["outputs"]["params"]["components"], "1");
    let meshed = run(folder, "f", "mesh/from-volume", &[&args[..], &["--param", "file_type=glb"]].concat());
    assert_eq!(meshed["outputs"]["params"]["watertight"], "true");
    assert!(output(&folder.join("f"), &meshed, "mesh").extension().is_some_and(|e| e == "glb"));

    let network = folder.join("net.json");
    std::fs::write(&network, r#"{"nodes": [[0, 0, 0], [9, 0, 0], [9, 9, 9]], "edges": [[0, 1], [1, 2]]}"#)
        .unwrap();
    run(folder, "g", "network/compute-bvh", &["--input", &format!("network={}", network.display())]);

    let graph = infill(&param("size"), &param("offset"), &param("resolution"));
    let part = format!("part={}", bracket().display());
    let args = ["--input", &part, "--param", &graph];
    let evaluated = run(folder, "h", "implicit/evaluate", &args);
    let older = run(folder, "i", "evaluate_graph", &args);
    let checksum = |job: &serde_json::Value| job["outputs"]["assets"]["volume"]["checksum"].clone();
    assert_eq!(checksum(&evaluated), checksum(&older));
    let filled = run(folder, "j", "evaluate_metrics", &args);
    let filled: f64 = filled["outputs"]["params"]["interior_volume"].as_str().unwrap().parse().unwrap();
    assert!(filled > 0.2 * volume_mm3 && filled < 0.8 * volume_mm3, "{filled} of {volume_mm3} mm³");
    let mesh = run(folder, "k", "export_triangle_mesh", &args);
    assert_eq!(mesh["outputs"]["params"]["watertight"], "true");
    let layers = [&args[..], &["--param", "layer_height=2", "--param", "pixel_size=[1, 1]"]].concat();
    let slices = run(folder, "l", "export_slices", &layers);
    let contours = run(folder, "m", "export_cli", &layers[..6]);
    let count = |job: &serde_json::Value| job["outputs"]["params"]["layer_count"].clone();
    assert_eq!(count(&slices), count(&contours));
    run(folder, "n", "export_vti", &args);

    let ran = [
        "mesh/preprocess",
        "mesh/compute-bvh",
        "network/compute-bvh",
        "implicit/from-mesh",
        "sample_triangle_mesh",
        "implicit/evaluate",
        "implicit/metrics",
        "mesh/from-volume",
        "evaluate_graph",
        "evaluate_metrics",
        "export_triangle_mesh",
        "export_slices",
        "export_cli",
        "export_vti",
    ];
    for job in JOB_TYPES {
        assert!(ran.contains(&job.type_name), "{} has no run here", job.type_name);
    }
}

/// The bracket ∩ a gyroid of 8 mm cells, as the value of the parameter `graph`.
fn infill(size: &str, offset: &str, resolution: &str) -> String {
    format!(
        r#"graph={{"operators": [
            {{"type": "GenerateSamplePoints", "parameters": {{"size": {size}, "offset": {offset}, "resolution": {resolution}}}}},
            {{"type": "SampleTriangleMesh", "parameters": {{"mesh_data": {{"file_type": "MeshFile", "path": "part"}}}}}},
            {{"type": "SampleSurfaceLattice", "parameters": {{"lattice_type": "Gyroid", "scale": [8, 8, 8]}}}},
            {{"type": "CSG", "parameters": {{"operation": "Intersect"}}}},
            {{"type": "Redistance"}}],
          "edges": [{{"source": 0, "target": [1, "Points"]}}, {{"source": 0, "target": [2, "Points"]}},
            {{"source": 1, "target": [3, "A"]}}, {{"source": 2, "target": [3, "B"]}}, {{"source": 3, "target": [4, "Samples"]}}]}}"#
    )
}

#[test]
fn the_same_input_gives_the_same_bytes_for_any_number_of_threads() {
    let dir = tempfile::tempdir().unwrap();
    let mesh = format!("mesh={}", bracket().display());
    let checksum_with = |threads: &str| {
        let args = ["--input", &mesh, "--param", "resolution=33", "--threads", threads];
        let job = run(dir.path(), threads, "implicit/from-mesh", &args);
        job["outputs"]["assets"]["volume"]["checksum"].clone()
    };
    assert_eq!(checksum_with("1"), checksum_with("3"));
}

#[test]
fn wrong_usage_is_refused_before_anything_runs() {
    let dir = tempfile::tempdir().unwrap();
    let mesh = format!("mesh={}", bracket().display());
    let cases: &[(&[&str], i32, &str)] = &[
        (&["implicit/from-mesh"], 1, "mesh"),
        (&["implicit/from-mesh", "--input", "mesh=none.stl"], 1, "input mesh: none.stl is not a file"),
        (&["implicit/from-mesh", "--input", "part.stl"], 2, "expected NAME=VALUE, got \"part.stl\""),
        (
            &["implicit/from-mesh", "--input", &mesh, "--param", "resolution=0"],
            1,
            "from 2 to 1024, got \"0\"",
        ),
        (&["implicit/from-mesh", "--input", &mesh, "--param", "resolution=5000"], 1, "got \"5000\""),
        (&["implicit/from-mesh", "--input", &mesh, "--param", "resolution=abc"], 1, "got \"abc\""),
        (&["implicit/from-mesh", "--input", &mesh, "--param", "size=3"], 1, "unknown, expected one of"),
        (&["implicit/from-mesh", "--input", &mesh.replace("mesh=", "part=")], 1, "part"),
        (&[], 2, "<TYPE>"),
    ];
    for (args, code, expected) in cases {
        let text = refusal(dir.path(), &[&["run", "--out", "o"], *args].concat(), *code);
        assert!(text.starts_with("error: ") && text.contains(expected), "{args:?}: {text}");
    }
    let out = dir.path().join("o");
    assert!(!out.exists() || names(&out).is_empty(), "nothing is left behind");
}

#[test]
fn a_failed_job_says_why_and_leaves_its_document() {
    let dir = tempfile::tempdir().unwrap();
    let mut promise = vec![0; 84];
    promise[80..84].copy_from_slice(&u32::MAX.to_le_bytes());
    let lying =
        b"ply\nformat ascii 1.0\nelement vertex 9\nproperty float x\nproperty float y\nproperty float z\n\
                  element face 1\nproperty list uchar int vertex_indices\nend_header\n0 0 0\n";
    let cases: &[(&str, &[u8], &str)] = &[
        ("empty.stl", b"", "STL"),
        ("letter.stl", b"Dear engineer,\nhere is the part.\n", "STL"),
        ("promise.stl", &promise, "4294967295"),
        ("zero.obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 0 1 2\n", "line 4"),
        ("nan.obj", b"v 0 0 0\nv 1 nan 0\nv 0 1 0\nf 1 2 3\n", "line 2"),
        ("lying.ply", lying, "PLY"),
        ("part.step", b"ISO-10303-21;", "expected one of stl, obj, ply, 3mf"),
        ("broken.3mf", b"PK\x03\x04 no zip", "3MF"),
    ];
    for (name, bytes, expected) in cases {
        std::fs::write(dir.path().join(name), bytes).unwrap();
        let input = format!("mesh={name}");
        let text = refusal(dir.path(), &["run", "implicit/from-mesh", "--input", &input, "--out", "o"], 1);
        assert!(text.contains("error: ") && text.contains(expected), "{name}: {text}");
        let job = read_json(&dir.path().join("o/result.json"));
        assert_eq!(job["state"], "failure");
        assert!(text.contains(job["error"].as_str().unwrap()), "{name}: {text}");
        assert_eq!(names(&dir.path().join("o")), ["result.json"]);
    }
    let input = format!("mesh={}", bracket().display());
    let text = refusal(dir.path(), &["run", "sim/custom", "--input", &input, "--out", "sim"], 1);
    assert!(text.contains("sim/custom"), "{text}");
    assert_eq!(read_json(&dir.path().join("sim/result.json"))["state"], "failure");
}

#[test]
fn a_graph_is_explained_without_being_run() {
    let dir = tempfile::tempdir().unwrap();
    let graph = infill("[60, 40, 30]", "[0, 0, 0]", "[61, 41, 31]");
    let output = call(dir.path(), &["run", "export_triangle_mesh", "--param", &graph, "--explain"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout).unwrap();
    for part in ["Redistance", "kept, ", "in the cache", "slabs   1 of 31 planes", "memory  at most "] {
        assert!(told.contains(part), "no {part:?} in {told}");
    }
    assert!(names(dir.path()).is_empty(), "{:?}", names(dir.path()));
    let refused = refusal(dir.path(), &["run", "mesh/preprocess", "--explain"], 1);
    assert!(refused.contains("mesh/preprocess computes no shape graph"), "{refused}");
}
