//! Samples that are infinite or not a number are refused with their place, wherever they come from.

use fieldstone_kernel::Monitor;
use fieldstone_kernel::simd::Level;
use fieldstone_shape::operator::{Asset, Assets, BuildError};
use fieldstone_shape::{EvaluateError, Graph, GraphLimits, Plan, Program, Visible};
use serde_json::{Value, json};
use std::sync::Arc;

/// 4 × 3 × 2 vectors of so many floats, all 0.5 but for those of these indices.
struct Spoilt(usize, Vec<(usize, f32)>);

impl Assets for Spoilt {
    fn open(&self, path: &str) -> Result<Asset, BuildError> {
        let mut values = vec![0.5f32; 24 * self.0];
        self.1.iter().for_each(|(i, v)| values[*i] = *v);
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Ok(Asset { filename: path.into(), bytes: Arc::new(bytes), checksum: [0; 32] })
    }
}

fn graph(operators: Value, edges: &[(usize, usize, &str)]) -> Arc<Graph> {
    let edges: Vec<_> =
        edges.iter().map(|(s, t, input)| json!({"source": s, "target": [t, input]})).collect();
    let document = json!({"operators": operators, "edges": edges});
    Arc::new(Graph::parse(&document, GraphLimits::default()).unwrap())
}

fn evaluate(
    graph: &Arc<Graph>,
    visible: Visible,
    block: u32,
    assets: &dyn Assets,
) -> Result<Vec<f32>, String> {
    let run = || -> Result<Vec<f32>, EvaluateError> {
        let plan = Plan::of_result(graph, visible)?;
        let program = Program::build_at(plan, assets, Level::detect(), block, &Monitor::none())?;
        let n = program.plan().resolution()[2];
        Ok(program.evaluate(0..n, &Monitor::none())?.swap_remove(0))
    };
    run().map_err(|e| e.to_string())
}

#[test]
fn volumes_are_refused_with_the_first_such_sample() {
    let load = |component: &str, spoilt: Spoilt| {
        let operators = json!([{"type": "LoadVolume", "parameters": {"volume_data": {"path": "v.bin"},
            "resolution": [4, 3, 2], "component_type": component}}]);
        evaluate(&graph(operators, &[]), Visible::ALL, 64, &spoilt)
    };
    assert_eq!(load("Float", Spoilt(1, vec![])), Ok(vec![0.5; 24]));
    let here = r#"operators[0] (LoadVolume): parameter "volume_data": "v.bin": sample"#;
    // Sample 14 of 4 × 3 × 2 in the box from −1 to 1.
    let nan = load("Float", Spoilt(1, vec![(14, f32::NAN)])).unwrap_err();
    assert_eq!(nan, format!("{here} [2, 0, 1] at (0.33333334, -1, 1) is NaN, expected a finite number"));
    let two = load("Float", Spoilt(1, vec![(23, f32::INFINITY), (1, f32::NEG_INFINITY)])).unwrap_err();
    let what = "[1, 0, 0] at (-0.33333334, -1, -1) is -inf, expected a finite number; 1 more are not finite";
    assert_eq!(two, format!("{here} {what}"));
    let vector = load("Vec3f", Spoilt(3, vec![(3 * 14 + 2, f32::NAN)])).unwrap_err();
    assert!(vector.starts_with(&format!("{here} [2, 0, 1] at")), "{vector}");
}

/// A ball's distance times 1e45, which is infinite wherever it is not zero, and the operator that makes it so.
fn overflow(operators: &mut Vec<Value>, edges: &mut Vec<(usize, usize, &'static str)>) -> usize {
    operators.push(json!({"type": "GenerateSamplePoints", "parameters": {"resolution": [21, 21, 21]}}));
    operators.push(json!({"type": "SampleBox", "parameters": {"shape_type": "Ellipsoid"}}));
    edges.push((0, 1, "Points"));
    for i in 2..7 {
        operators.push(json!({"type": "LinearFilter", "parameters": {"scale_a": 1e9, "scale_b": 0}}));
        edges.extend([(i - 1, i, "InputA"), (i - 1, i, "InputB")]);
    }
    6
}

/// An operator and the edges that feed it.
type Consumer<'a> = (Value, &'a [(usize, usize, &'static str)]);

fn refused(consumers: &[Consumer<'_>], place: &str) {
    let (mut operators, mut edges) = (Vec::new(), Vec::new());
    overflow(&mut operators, &mut edges);
    for (operator, inputs) in consumers {
        operators.push(operator.clone());
        edges.extend(inputs.iter().copied());
    }
    let graph = graph(json!(operators), &edges);
    for visible in [Visible::ALL, Visible::SURFACE] {
        let first = evaluate(&graph, visible, 1024, &Spoilt(1, vec![])).unwrap_err();
        assert!(first.starts_with(place) && first.contains("expected a finite number"), "{first}");
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let again = pool.install(|| evaluate(&graph, visible, 1024, &Spoilt(1, vec![])).unwrap_err());
        assert_eq!(first, again, "three threads");
        let blocks = evaluate(&graph, visible, 64, &Spoilt(1, vec![])).unwrap_err();
        assert!(blocks.starts_with(place), "{blocks}");
    }
}

#[test]
fn overflows_are_refused_whoever_consumes_them() {
    let inf = "sample [0, 0, 0] at (-1, -1, -1) is inf";
    refused(&[], &format!("operators[6] (LinearFilter): {inf}"));
    let threshold = json!({"type": "Threshold", "parameters": {"width": 1}});
    refused(&[(threshold, &[(6, 7, "Samples")])], &format!("operators[7] (Threshold): {inf}"));
    refused(
        &[(json!({"type": "Redistance"}), &[(6, 7, "Samples")])],
        &format!("operators[6] (LinearFilter): {inf}"),
    );
    let normals = json!({"type": "ComputeNormals"});
    refused(&[(normals, &[(6, 7, "Samples")])], &format!("operators[6] (LinearFilter): {inf}"));
}

#[test]
fn a_boolean_does_not_hide_what_is_not_a_number() {
    let difference = json!({"type": "LinearFilter", "parameters": {"scale_a": 1, "scale_b": -1}});
    for (a, b) in [(1, 7), (7, 1)] {
        for smoothing in [0.0, 0.2] {
            for operation in ["Union", "Intersect", "Subtract"] {
                let csg =
                    json!({"type": "CSG", "parameters": {"operation": operation, "smoothing": smoothing}});
                let consumers: [Consumer<'_>; 2] = [
                    (difference.clone(), &[(6, 7, "InputA"), (6, 7, "InputB")]),
                    (csg, &[(a, 8, "A"), (b, 8, "B")]),
                ];
                refused(&consumers, "operators[7] (LinearFilter): sample [0, 0, 0] at (-1, -1, -1) is NaN");
            }
        }
    }
}
