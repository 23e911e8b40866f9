//! Jobs warn of what their grid does not hold, say where and how thick it is, and are silent about healthy parts.

use fieldstone_jobs::{Input, JobContext, JobLimits, find};
use fieldstone_kernel::format::{MeshFormat, write_mesh};
use fieldstone_kernel::testing::{cuboid, joined};
use fieldstone_kernel::{Monitor, TriMesh};
use indexmap::IndexMap;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Output parameters of a job, and its warnings by kind.
struct Ran {
    params: IndexMap<String, String>,
    warnings: BTreeMap<String, Value>,
}

fn run(type_name: &str, params: Value, mesh: Option<&TriMesh>) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let mut inputs = IndexMap::new();
    if let Some(mesh) = mesh {
        let path = folder.path().join("part.stl");
        let mut bytes = Vec::new();
        write_mesh(mesh, MeshFormat::STL, &mut bytes).unwrap();
        std::fs::write(&path, bytes).unwrap();
        let input = Input {
            path,
            filename: "part.stl".into(),
            checksum: format!("sha256:{:064}", 0),
            made: Default::default(),
        };
        inputs.insert("mesh".to_owned(), vec![input]);
    }
    let out = folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let cx = JobContext::new(inputs, out, Monitor::none(), JobLimits::default());
    let given = serde_json::from_value(params).unwrap();
    let params = find(type_name).unwrap().execute(given, cx).unwrap().params;
    let list: Vec<Value> = serde_json::from_str(&params["warnings"]).unwrap();
    let warnings = list.into_iter().map(|w| (w["kind"].as_str().unwrap().to_owned(), w)).collect();
    Ran { params, warnings }
}

/// A graph of `operators` one after the other behind a cube of samples.
fn graph(size: f64, resolution: u32, operators: &[Value]) -> Value {
    let half = -0.5 * size;
    let mut all = vec![json!({"type": "GenerateSamplePoints", "parameters":
        {"size": [size, size, size], "offset": [half, half, half], "resolution": [resolution, resolution, resolution]}})];
    all.extend_from_slice(operators);
    let edges: Vec<Value> = (1..all.len())
        .map(|i| json!({"source": i - 1, "target": [i, if i == 1 { "Points" } else { "Samples" }]}))
        .collect();
    json!({"graph": {"operators": all, "edges": edges}})
}

fn ball(diameter: f64) -> Value {
    json!({"type": "SampleBox", "parameters": {"shape_type": "Ellipsoid", "size": [diameter, diameter, diameter]}})
}

fn shell(offset: f64, thickness: f64) -> Value {
    json!({"type": "Shell", "parameters": {"offset": offset, "thickness": thickness}})
}

const OF_GRAPHS: [&str; 6] = [
    "export_triangle_mesh",
    "evaluate_metrics",
    "implicit/evaluate",
    "export_vti",
    "export_slices",
    "export_cli",
];

#[test]
fn a_wall_that_falls_between_the_samples_is_told_by_every_job_of_a_graph() {
    let thin = graph(22.0, 45, &[ball(20.0), shell(-0.1, 0.2)]);
    for job in OF_GRAPHS {
        let ran = run(job, thin.clone(), None);
        let wall = &ran.warnings["thin_wall"];
        let number = |name: &str| wall[name].as_f64().unwrap();
        assert!((number("thickness") / 0.2 - 1.0).abs() < 0.1, "{job}: {wall}");
        assert!((number("cell") - 0.5).abs() < 1e-9 && wall["lost"] == true, "{job}: {wall}");
        let at: Vec<f64> = serde_json::from_value(wall["at"].clone()).unwrap();
        let radius = at.iter().map(|v| v * v).sum::<f64>().sqrt();
        assert!((radius - 9.9).abs() < 0.1, "{job}: {wall}");
        let keeps = wall["resolution"][0].as_u64().unwrap();
        assert!((200..=250).contains(&keeps), "{job}: {wall}");
        let message = wall["message"].as_str().unwrap();
        assert!(
            message.starts_with("walls thinner than 2 cells: 0.") && message.contains("lost"),
            "{message}"
        );
        assert!(!ran.warnings.contains_key("cut_off"), "{job}");
    }
    // What is left of it comes in pieces.
    for job in ["export_triangle_mesh", "evaluate_metrics"] {
        let ran = run(job, thin.clone(), None);
        assert!(ran.params["components"].parse::<u32>().unwrap() > 100);
        assert!(ran.warnings["specks"]["count"].as_u64().unwrap() > 100, "{:?}", ran.warnings);
    }
    // The resolution named keeps it.
    let coarse = run("evaluate_metrics", graph(22.0, 45, &[ball(20.0), shell(-0.2, 0.4)]), None);
    assert_ne!(coarse.params["components"], "1");
    let keeps = coarse.warnings["thin_wall"]["resolution"][0].as_u64().unwrap() as u32;
    let kept = run("evaluate_metrics", graph(22.0, keeps, &[ball(20.0), shell(-0.2, 0.4)]), None);
    assert_eq!((kept.params["components"].as_str(), kept.params["cavities"].as_str()), ("1", "1"));
}

#[test]
fn an_island_smaller_than_a_cell_is_told_by_every_job_of_a_graph() {
    // A ball of 0.6 of a cell about a sample, far from the other.
    let mut two = graph(22.0, 45, &[ball(10.0)]);
    let graph = two["graph"].as_object_mut().unwrap();
    let speck = json!({"type": "SampleBox", "parameters": {"shape_type": "Ellipsoid", "size": [0.3, 0.3, 0.3],
        "xform": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 8, 8, 8, 1]}});
    graph["operators"].as_array_mut().unwrap().extend([speck, json!({"type": "CSG"})]);
    let edges = [(0, 2, "Points"), (1, 3, "A"), (2, 3, "B")];
    graph["edges"]
        .as_array_mut()
        .unwrap()
        .extend(edges.map(|(s, t, port)| json!({"source": s, "target": [t, port]})));
    for job in OF_GRAPHS {
        let ran = run(job, two.clone(), None);
        let told = ran.warnings.get("specks").or(ran.warnings.get("thin_strut"));
        let at: Vec<f64> = serde_json::from_value(told.expect(job)["at"].clone()).unwrap();
        assert!(at.iter().all(|v| (v - 8.0).abs() < 0.5), "{job}: {at:?}");
    }
}

#[test]
fn every_export_counts_the_parts_and_cavities_of_the_mesh() {
    let inside = |shape: Value| json!({"type": "Shell", "parameters": shape});
    let cases = [
        (graph(22.0, 45, &[ball(20.0)]), Some((1, 0))),
        (graph(22.0, 45, &[ball(20.0), shell(-1.0, 2.0)]), Some((1, 1))),
        // Two walls, one in the other.
        (
            graph(22.0, 65, &[ball(14.0), inside(json!({"offset": 0, "thickness": 5})), shell(0.0, 1.6)]),
            Some((2, 2)),
        ),
        (graph(22.0, 45, &[ball(20.0), shell(-0.1, 0.2)]), None),
    ];
    for (case, right) in cases {
        let count = |job: &str| {
            let ran = run(job, case.clone(), None);
            let specks = ran.warnings.get("specks").cloned();
            (["components", "cavities"].map(|name| ran.params[name].parse::<u32>().unwrap()), specks)
        };
        let meshed = count("export_triangle_mesh");
        if let Some((components, cavities)) = right {
            assert_eq!(meshed.0, [components, cavities], "{case}");
        }
        for job in ["evaluate_metrics", "export_slices", "export_cli", "export_vti"] {
            assert_eq!(count(job), meshed, "{job} {case}");
        }
    }
}

#[test]
fn a_wall_that_is_lost_on_the_way_into_a_redistance_is_told_with_the_operator() {
    // What is left comes out thick enough to look healthy.
    let thickened = json!({"type": "Redistance", "parameters": {"post_offset": -1.5}});
    let thin = graph(24.0, 49, &[ball(20.0), shell(-0.1, 0.2), thickened.clone()]);
    for job in OF_GRAPHS {
        let ran = run(job, thin.clone(), None);
        let wall = &ran.warnings["thin_wall"];
        assert!(wall["operator"] == 3 && wall["lost"] == true, "{job}: {wall}");
        assert!((wall["thickness"].as_f64().unwrap() / 0.2 - 1.0).abs() < 0.1, "{job}: {wall}");
        let message = wall["message"].as_str().unwrap();
        assert!(
            message.starts_with("operators[3] (Redistance) loses of its input: walls thinner"),
            "{message}"
        );
    }
    // Its surface is that of the samples and the offset: with it the wall is thick.
    let moved = json!({"type": "Redistance", "parameters": {"pre_offset": -0.9, "post_offset": -0.6}});
    let ran = run("evaluate_metrics", graph(24.0, 49, &[ball(20.0), shell(-0.1, 0.2), moved]), None);
    assert!(ran.warnings.is_empty(), "{:?}", ran.warnings);
    let whole = graph(24.0, 49, &[ball(20.0), shell(-1.5, 3.0), thickened]);
    assert!(run("evaluate_metrics", whole, None).warnings.is_empty());
}

#[test]
fn healthy_parts_have_no_warnings() {
    let gyroid = json!({"type": "SampleSurfaceLattice", "parameters": {"lattice_type": "Gyroid", "scale": [12, 12, 12]}});
    let redistance = json!({"type": "Redistance"});
    let cases = [
        graph(22.0, 45, &[ball(20.0)]),
        graph(22.0, 45, &[ball(20.0), shell(-1.0, 2.0)]),
        graph(22.0, 45, &[json!({"type": "SampleBox", "parameters": {"size": [18, 12, 7]}})]),
    ];
    for case in &cases {
        for job in OF_GRAPHS {
            assert_eq!(run(job, case.clone(), None).params["warnings"], "[]", "{job} {case}");
        }
    }
    let sheet = run("evaluate_metrics", graph(22.0, 61, &[gyroid, redistance, shell(0.0, 1.5)]), None);
    assert_eq!(sheet.warnings.keys().collect::<Vec<_>>(), ["cut_off"], "{:?}", sheet.warnings);
    let faces = sheet.warnings["cut_off"]["places"].as_array().unwrap();
    assert_eq!((faces.len(), &faces[0]["face"]), (6, &json!("lower x")));
}

#[test]
fn a_shell_around_what_is_no_distance_is_told() {
    let scaled = json!({"type": "SampleBox", "parameters": {"shape_type": "Ellipsoid", "size": [2, 2, 2],
        "xform": [9, 0, 0, 0, 0, 6, 0, 0, 0, 0, 6, 0, 0, 0, 0, 1]}});
    let redistance = json!({"type": "Redistance"});
    let told = |operators: &[Value]| {
        let ran = run("evaluate_metrics", graph(22.0, 45, operators), None);
        ran.warnings.get("no_distance").map(|w| w["message"].as_str().unwrap().to_owned())
    };
    let message = told(&[scaled.clone(), shell(-1.0, 2.0)]).unwrap();
    assert!(
        message.starts_with("operators[2] (Shell): input \"Samples\" is no distance in mm: operators[1]"),
        "{message}"
    );
    assert_eq!(told(&[scaled, redistance, shell(-1.0, 2.0)]), None);
    assert_eq!(told(&[ball(20.0), shell(-1.0, 2.0)]), None);
    let gyroid = json!({"type": "SampleSurfaceLattice", "parameters": {"lattice_type": "Gyroid", "scale": [12, 12, 12]}});
    assert!(told(&[gyroid, shell(0.0, 2.0)]).is_some());
}

#[test]
fn a_part_or_a_shell_that_no_sample_meets_is_told() {
    let long = cuboid([0.0; 3], [1000.0, 1.0, 1.0]);
    let ran = run("implicit/from-mesh", json!({"resolution": 96}), Some(&long));
    let lost = &ran.warnings["lost_shell"];
    assert_eq!((&lost["count"], &lost["of"], &lost["thickness"]), (&json!(1), &json!(1), &json!(1.0)));
    assert!(lost["resolution"].as_u64().unwrap().abs_diff(2001) < 200, "{lost}");
    let with_pin = joined(&cuboid([0.0; 3], [40.0; 3]), &cuboid([45.1, 45.1, 0.0], [45.4, 45.4, 40.0]));
    for (job, params) in [
        ("implicit/from-mesh", json!({"resolution": 48})),
        ("sample_triangle_mesh", json!({"max_resolution": 48})),
    ] {
        let ran = run(job, params.clone(), Some(&with_pin));
        assert_eq!(ran.warnings["lost_shell"]["count"], 1, "{job}: {:?}", ran.warnings);
        assert_eq!(ran.warnings["lost_shell"]["of"], 2, "{job}");
        assert_eq!(run(job, params, Some(&cuboid([0.0; 3], [40.0; 3]))).params["warnings"], "[]", "{job}");
    }
}
