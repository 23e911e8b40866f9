//! Parts that overlap: what was done is in the report, what could not be done is told, and too many contacts are refused with the numbers.

mod common;
use common::upload;
use fieldstone_jobs::{Input, JobContext, JobLimits, Outputs, find};
use fieldstone_kernel::format::{MeshFormat, MeshLimits, write_mesh};
use fieldstone_kernel::testing::{cuboid, joined};
use fieldstone_kernel::{Monitor, TriMesh};
use indexmap::IndexMap;
use serde_json::{Value, json};
use tempfile::TempDir;

fn file(folder: &TempDir, mesh: &TriMesh) -> Input {
    let mut bytes = Vec::new();
    write_mesh(mesh, MeshFormat::STL, &mut bytes).unwrap();
    upload(folder, "part.stl", &bytes)
}

fn run(type_name: &str, params: Value, mesh: &TriMesh, max_contacts: u64) -> Result<Outputs, String> {
    let folder = tempfile::tempdir().unwrap();
    let inputs = IndexMap::from([("mesh".to_owned(), vec![file(&folder, mesh)])]);
    let out = tempfile::tempdir().unwrap();
    let mesh = MeshLimits { max_contacts, ..MeshLimits::default() };
    let limits = JobLimits { mesh, ..JobLimits::default() };
    let cx = JobContext::new(inputs, out.path().to_owned(), Monitor::none(), limits);
    let params = serde_json::from_value(params).unwrap();
    find(type_name).unwrap().execute(params, cx).map_err(|e| e.to_string())
}

/// Every way a mesh comes into a job that unites its parts.
fn jobs() -> [(&'static str, Value); 4] {
    let graph = json!({"operators": [
        {"type": "GenerateSamplePoints", "parameters": {"size": [30, 30, 30], "resolution": [16, 16, 16]}},
        {"type": "SampleTriangleMesh", "parameters": {"mesh_data": {"path": "part.stl"}}}],
        "edges": [{"source": 0, "target": [1, "Points"]}]});
    [
        ("mesh/preprocess", json!({})),
        ("implicit/from-mesh", json!({"resolution": 16})),
        ("sample_triangle_mesh", json!({"max_resolution": 16})),
        ("export_triangle_mesh", json!({ "graph": graph })),
    ]
}

#[test]
fn the_report_says_how_many_shells_were_united_and_what_became_of_their_faces() {
    let overlapping = joined(&cuboid([0.0; 3], [10.0; 3]), &cuboid([5.0; 3], [15.0; 3]));
    let touching = joined(&cuboid([0.0; 3], [10.0; 3]), &cuboid([10.0, 0.0, 0.0], [20.0, 10.0, 10.0]));
    let nested = joined(&cuboid([0.0; 3], [10.0; 3]), &cuboid([2.0; 3], [5.0; 3]));
    let apart = cuboid([30.0; 3], [31.0; 3]);
    // Shells united, triangles cut and pieces left out: any where `None`.
    for (mesh, united, cut, dropped) in [
        (&overlapping, 2, None, None),
        (&touching, 2, Some(0), Some(4)),
        (&nested, 1, Some(0), Some(12)),
        (&cuboid([0.0; 3], [10.0; 3]), 0, Some(0), Some(0)),
    ] {
        let outputs = run("mesh/preprocess", json!({}), &joined(mesh, &apart), 1000).unwrap();
        let report: Value = serde_json::from_str(&outputs.params["report"]).unwrap();
        assert_eq!(report["shells_united"], united, "{report}");
        for (name, right) in [("faces_cut", cut), ("inner_faces_dropped", dropped)] {
            let count = report[name].as_u64().unwrap();
            assert!(right.map_or(count > 0, |right| right == count), "{name}: {report}");
        }
        assert_eq!(outputs.params["components"], "2", "{report}");
    }
}

#[test]
fn parts_that_welding_leaves_nothing_of_are_told() {
    let speck = cuboid([20.0; 3], [20.001; 3]);
    let mesh = joined(&cuboid([0.0; 3], [10.0; 3]), &speck);
    for (tolerance, lost) in [(0.01, true), (1e-5, false)] {
        let outputs = run("mesh/preprocess", json!({"weld_tolerance": tolerance}), &mesh, 1000).unwrap();
        let warnings: Value = serde_json::from_str(&outputs.params["warnings"]).unwrap();
        assert_eq!(outputs.params["components"], if lost { "1" } else { "2" });
        match lost {
            true => assert!(warnings[0]["kind"] == "lost_shell" && warnings[0]["count"] == 1, "{warnings}"),
            false => assert_eq!(warnings, json!([])),
        }
    }
}

#[test]
fn too_many_contacts_are_refused_with_the_limit_and_the_number_of_triangles() {
    let overlapping = joined(&cuboid([0.0; 3], [10.0; 3]), &cuboid([5.0; 3], [15.0; 3]));
    for (job, params) in jobs() {
        let refused = run(job, params.clone(), &overlapping, 5).unwrap_err();
        let says = "part.stl: parts overlap, and the 24 triangles touch each other more than 5 times, which is the limit";
        assert!(refused.replace('"', "").contains(says), "{job}: {refused}");
        assert!(run(job, params, &overlapping, 100).is_ok(), "{job}");
    }
}

#[test]
fn faces_inside_an_open_mesh_are_told_to_attract_distance() {
    // Without most of their upper faces, so that nothing fills the holes.
    let open = |low: f32, high: f32| {
        let mut mesh = cuboid([low; 3], [high; 3]);
        let top = |t: &[u32; 3]| t.iter().all(|&i| mesh.positions[i as usize][2] == high);
        let keep: Vec<bool> = mesh.triangles.iter().map(|t| !top(t)).collect();
        let mut keep = keep.iter();
        mesh.triangles.retain(|_| *keep.next().unwrap());
        mesh
    };
    let mesh = joined(&open(0.0, 10.0), &open(5.0, 15.0));
    for (job, params) in jobs() {
        if job == "mesh/preprocess" || job == "sample_triangle_mesh" {
            // Those close the holes first, and unite the parts.
            continue;
        }
        let outputs = run(job, params, &mesh, 1000).unwrap();
        let says = "parts overlap and the mesh is open: faces inside it attract distance";
        assert!(outputs.params["warnings"].contains(says), "{job}: {}", outputs.params["warnings"]);
    }
}
