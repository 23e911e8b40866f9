//! Exports with restored creases: no triangle is turned over, and metrics are those of the mesh that is exported.

mod common;
use common::run;
use fieldstone_kernel::format::{MeshFormat, MeshLimits, read_mesh};
use fieldstone_kernel::measure::moments;
use fieldstone_kernel::vector::{Vector, dot, norm, normal, sub};
use fieldstone_kernel::{Monitor, TriMesh};
use serde_json::{Value, json};

/// About the corners of a tetrahedron, balls of radius 1; a mirror plane of them is one of samples.
const CENTRES: [Vector; 4] = [[0.0, 0.0, 0.6], [0.52, 0.0, -0.3], [-0.26, 0.45, -0.3], [-0.26, -0.45, -0.3]];

/// What is common to the balls: Reuleaux's tetrahedron.
fn reuleaux(resolution: u32) -> Value {
    let ball = |[x, y, z]: Vector| {
        let xform = [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, x, y, z, 1.0];
        json!({"type": "SampleBox", "parameters": {"shape_type": "Ellipsoid", "size": [2, 2, 2], "xform": xform}})
    };
    let points = json!({"size": [2, 2, 2], "offset": [-1, -1, -1], "resolution": [resolution, resolution, resolution]});
    let mut operators = vec![json!({"type": "GenerateSamplePoints", "parameters": points})];
    operators.extend(CENTRES.map(ball));
    let mut edges: Vec<Value> = (1..5).map(|b| json!({"source": 0, "target": [b, "Points"]})).collect();
    for (at, a, b) in [(5, 1, 2), (6, 5, 3), (7, 6, 4)] {
        operators.push(json!({"type": "CSG", "parameters": {"operation": "Intersect"}}));
        edges.push(json!({"source": a, "target": [at, "A"]}));
        edges.push(json!({"source": b, "target": [at, "B"]}));
    }
    json!({"operators": operators, "edges": edges})
}

/// Outward from the ball whose face a point lies in or beside.
fn gradient(p: Vector) -> Vector {
    let from = CENTRES.map(|c| sub(p, c));
    from.into_iter().max_by(|a, b| norm(*a).total_cmp(&norm(*b))).unwrap()
}

#[test]
fn reuleaux_has_no_triangle_turned_over_and_metrics_measure_the_exported_mesh() {
    for resolution in [81, 34] {
        let folder = tempfile::tempdir().unwrap();
        let graph = reuleaux(resolution);
        let params = json!({"graph": graph, "feature_preserving": "true", "file_type": "ply"});
        let exported = run(&folder, "export_triangle_mesh", &[], params).unwrap();
        let bytes = std::fs::read(&exported.assets[0].path).unwrap();
        let read = read_mesh(&bytes, MeshFormat::PLY, &MeshLimits::default(), &Monitor::none()).unwrap();
        let mesh: TriMesh = read.mesh;
        let inward = (0..mesh.triangles.len()).filter(|t| {
            let c = mesh.corners(*t).map(|p| p.map(f64::from));
            let middle = [0, 1, 2].map(|k| (c[0][k] + c[1][k] + c[2][k]) / 3.0);
            dot(normal(c), gradient(middle)) <= 0.0
        });
        assert_eq!(inward.count(), 0, "{resolution}");
        let params = json!({"graph": graph, "feature_preserving": "true"});
        let measured = run(&folder, "evaluate_metrics", &[], params).unwrap().params;
        let expected = moments(&mesh, &Monitor::none()).unwrap();
        for (name, value) in [("interior_volume", expected.volume), ("surface_area", expected.area)] {
            let given: f64 = measured[name].parse().unwrap();
            assert!((given / value - 1.0).abs() < 1e-9, "{resolution} {name}: {given} {value}");
        }
    }
}
