//! Solids, nodal surfaces, spinodoids and transforms as graphs: where shapes end up, and what is refused.

use fieldstone_kernel::Monitor;
use fieldstone_shape::operator::{Asset, Assets, BuildError, NoAssets};
use fieldstone_shape::{Graph, GraphLimits, Plan, Program, Visible};
use serde_json::{Value, json};
use std::sync::Arc;

/// A chain of point operators at a list of points.
fn chain(points: &[[f64; 3]], operators: &[Value]) -> Result<Vec<Vec<f32>>, String> {
    run(json!({"type": "LoadSamplePoints", "parameters": {"points": points}}), operators, &NoAssets)
}

fn run(source: Value, operators: &[Value], assets: &dyn Assets) -> Result<Vec<Vec<f32>>, String> {
    let all: Vec<Value> = std::iter::once(source).chain(operators.iter().cloned()).collect();
    let edges: Vec<Value> =
        (1..all.len()).map(|i| json!({"source": i - 1, "target": [i, "Points"]})).collect();
    evaluate(json!({"operators": all, "edges": edges}), assets)
}

fn evaluate(document: Value, assets: &dyn Assets) -> Result<Vec<Vec<f32>>, String> {
    let graph = Graph::parse(&document, GraphLimits::default()).map_err(|e| e.to_string())?;
    let plan = Plan::of_result(&Arc::new(graph), Visible::ALL).map_err(|e| e.to_string())?;
    let program = Program::build(plan, assets, &Monitor::none()).map_err(|e| e.to_string())?;
    let mut out: Vec<Vec<f32>> = vec![Vec::new(); program.channels()];
    for z in program.plan().slabs() {
        let slab = program.evaluate(z, &Monitor::none()).map_err(|e| e.to_string())?;
        out.iter_mut().zip(slab).for_each(|(o, s)| o.extend(s));
    }
    Ok(out)
}

fn op(type_name: &str, parameters: Value) -> Value {
    json!({"type": type_name, "parameters": parameters})
}

fn near(got: &[f32], want: &[f64]) {
    assert_eq!(got.len(), want.len());
    for (g, w) in got.iter().zip(want) {
        assert!((f64::from(*g) - w).abs() < 2e-6, "{got:?} for {want:?}");
    }
}

#[test]
fn an_xform_places_the_solid_and_scales_its_distance() {
    // A cylinder twice as large, its axis turned onto x, at (10, 0, 0).
    let xform = [0.0, 0.0, -2.0, 0.0, 0.0, 2.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 10.0, 0.0, 0.0, 1.0];
    let cylinder = op("SampleBox", json!({"shape_type": "Cylinder", "size": [1, 1, 4], "xform": xform}));
    let out = chain(&[[10.0, 0.0, 0.0], [15.0, 0.0, 0.0], [10.0, 3.0, 0.0]], &[cylinder]).unwrap();
    near(&out[0], &[-1.0, 1.0, 2.0]);
    // Stretched unevenly: never more than the distance.
    let stretch = [3.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0];
    let ball = op("SampleBox", json!({"shape_type": "Ellipsoid", "size": [2, 2, 2], "xform": stretch}));
    near(&chain(&[[6.0, 0.0, 0.0], [0.0, 2.0, 0.0]], &[ball]).unwrap()[0], &[1.0, 1.0]);
}

#[test]
fn a_grid_and_its_points_have_the_same_gyroid() {
    let grid = json!({"offset": [-1.3, 0.2, 0.5], "size": [3, 2, 2.5], "resolution": [37, 11, 9]});
    for extra in [
        json!({}),
        json!({"scale_grading_range": [0.7, 2.2], "scale_grading_scale": [0.5, 2]}),
        json!({"threshold_grading_range": [2.2, 0.7], "threshold_grading_offset": [-0.3, 0.4]}),
    ] {
        let mut parameters = json!({"scale": [0.7, 0.9, 1.1], "threshold": 0.2});
        parameters.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let lattice = op("SampleSurfaceLattice", parameters);
        let grid = op("GenerateSamplePoints", grid.clone());
        let rows = run(grid.clone(), std::slice::from_ref(&lattice), &NoAssets).unwrap();
        let p = run(grid, &[], &NoAssets).unwrap();
        let points: Vec<[f64; 3]> =
            (0..p[0].len()).map(|i| [p[0][i], p[1][i], p[2][i]].map(f64::from)).collect();
        assert_eq!(rows, chain(&points, &[lattice]).unwrap());
    }
}

#[test]
fn lattices_repeat_grade_and_stop() {
    let at = [[0.1, 0.2, 0.3], [2.1, -1.8, 4.3]];
    let gyroid = op("SampleSurfaceLattice", json!({"lattice_type": "Gyroid", "scale": [2, 2, 2]}));
    let out = chain(&at, &[gyroid]).unwrap();
    let f = |p: [f64; 3]| {
        let [x, y, z] = p.map(|v| v * std::f64::consts::PI);
        x.sin() * y.cos() + y.sin() * z.cos() + z.sin() * x.cos()
    };
    near(&out[0], &[f(at[0]), f(at[0])]);
    let none = op("SampleSurfaceLattice", json!({"lattice_type": "None", "threshold": 3}));
    near(&chain(&at, &[none]).unwrap()[0], &[1.0, 1.0]);
    // Twice as high above z = 0: what is at 1 is what was at 1/2.
    let grade = json!({"lattice_type": "P", "scale_grading_range": [-1, 0], "scale_grading_scale": [2, 2]});
    let graded = chain(&[[0.1, 0.2, 1.0]], &[op("SampleSurfaceLattice", grade)]).unwrap();
    let plain =
        chain(&[[0.1, 0.2, 0.5]], &[op("SampleSurfaceLattice", json!({"lattice_type": "P"}))]).unwrap();
    near(&graded[0], &[f64::from(plain[0][0])]);
    let offset =
        json!({"lattice_type": "P", "threshold_grading_range": [0, 2], "threshold_grading_offset": [0, 1]});
    let offset = chain(&[[0.1, 0.2, 0.5]], &[op("SampleSurfaceLattice", offset)]).unwrap();
    near(&offset[0], &[f64::from(plain[0][0]) - 0.25]);
}

#[test]
fn transforms_move_points_as_documented() {
    let at = [[0.0, 2.0, 3.0]];
    let one = |o: Value| {
        let out = chain(&at, &[o]).unwrap();
        [out[0][0], out[1][0], out[2][0]]
    };
    let half = std::f64::consts::FRAC_PI_2;
    near(&one(op("TransformCylindricalCoords", json!({"radial_scale": 10}))), &[2.0, 10.0 * half, 3.0]);
    near(&one(op("TransformSphericalCoords", json!({}))), &[13f64.sqrt(), (2.0f64 / 3.0).atan(), half]);
    near(&one(op("TransformTwistCoords", json!({"frequency": 0.75 / 3.0}))), &[2.0, 0.0, 3.0]);
    near(
        &one(op("TransformMirrorCoords", json!({"mirror_normal": [0, -3, 0], "mirror_point": [9, 1.5, 9]}))),
        &[0.0, 1.0, 3.0],
    );
    near(&one(op("TransformMirrorCoords", json!({"normal": "Y"}))), &[0.0, 2.0, 3.0]);
    // The mirror's own frame: shifted by 5 along z, the plane z = 0 is at 5.
    let shifted = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 5, 1];
    near(&one(op("TransformMirrorCoords", json!({"normal": "Z", "xform": shifted}))), &[0.0, 2.0, 7.0]);
    // 2 mm from the ball of radius 1, of 4: half way, cells half as large again.
    let grade = json!({"shape_type": "Plane", "width": 6, "step_size": 1});
    near(&one(op("GradeCellSize", grade)), &[0.0, 2.0 / 1.5, 2.0]);
}

#[test]
fn a_mirrored_shape_is_on_both_sides() {
    let moved = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 3, 0, 0, 1];
    let ball = op("SampleBox", json!({"shape_type": "Ellipsoid", "size": [2, 2, 2], "xform": moved}));
    let out = chain(&[[3.0, 0.0, 0.0], [-3.0, 0.0, 0.0]], &[op("TransformMirrorCoords", json!({})), ball]);
    near(&out.unwrap()[0], &[-1.0, -1.0]);
}

/// A 2 × 2 image of 0, 1, 2, 3.
struct Pixels;

impl Assets for Pixels {
    fn open(&self, path: &str) -> Result<Asset, BuildError> {
        let bytes: Vec<u8> = (0..4).flat_map(|v| (v as f32).to_le_bytes()).collect();
        Ok(Asset { filename: path.into(), bytes: Arc::new(bytes), checksum: [0; 32] })
    }
}

#[test]
fn an_image_lifts_the_surface() {
    let graph = |shape: &str, point: [f64; 3]| {
        json!({"operators": [
            {"type": "LoadSamplePoints", "parameters": {"points": [point]}},
            {"type": "LoadVolume", "parameters": {"volume_data": {"path": "i.bin"}, "resolution": [2, 2, 1]}},
            {"type": "MapTexturePrimitive", "parameters": {"shape_type": shape, "box_width": [4, 4, 4]}}],
          "edges": [{"source": 0, "target": [2, "Points"]}, {"source": 1, "target": [2, "Image"]}]})
    };
    let at = |shape, p| {
        let out = evaluate(graph(shape, p), &Pixels).unwrap();
        [out[0][0], out[1][0], out[2][0]]
    };
    // Pixel (1, 0) has its middle at u = 3/4, v = 1/4.
    near(&at("Plane", [1.0, -1.0, 7.0]), &[1.0, -1.0, 6.0]);
    near(&at("Box", [1.0, -1.0, -7.0]), &[1.0, -1.0, -6.0]);
    // Azimuth 90 degrees: u = 3/4; z = 1: v = 3/4, pixel 3.
    near(&at("Cylinder", [0.0, 5.0, 1.0]), &[0.0, 2.0, 1.0]);
    // Polar angle 90 degrees: v = 1/2, between pixels 1 and 3.
    near(&at("Ellipsoid", [0.0, 5.0, 0.0]), &[0.0, 3.0, 0.0]);
}

#[test]
fn refusals_name_the_operator_and_the_parameter() {
    let refused = |o: Value, what: &str| {
        let error = chain(&[[0.0; 3]], &[o]).unwrap_err();
        assert!(error.contains("operators[1]") && error.contains(what), "{error}");
    };
    refused(op("SampleBox", json!({"shape_type": "Torus", "free_param": 3})), "\"free_param\"");
    refused(op("SampleBox", json!({"size": [1, -1, 1]})), "\"size\"");
    refused(op("SampleSurfaceLattice", json!({"scale": [1, 0, 1]})), "\"scale\"");
    refused(op("SampleSurfaceLattice", json!({"lattice_type": "Hexagon"})), "\"lattice_type\"");
    refused(op("SampleSpinodoid", json!({"angles": [-3, 0, 0]})), "\"angles\"");
    refused(op("TransformMirrorCoords", json!({"mirror_normal": [0, 0, 0]})), "\"mirror_normal\"");
    refused(op("GradeCellSize", json!({"step_size": -1})), "\"step_size\"");
    let singular = [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
    for t in ["SampleBox", "SampleSurfaceLattice", "SampleSpinodoid", "TransformTwistCoords", "GradeCellSize"]
    {
        refused(op(t, json!({"xform": singular})), "singular");
    }
}
