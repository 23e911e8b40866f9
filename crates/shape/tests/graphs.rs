//! Graphs as documents: what is computed, what is refused and how the refusal reads.

use fieldstone_kernel::Monitor;
use fieldstone_shape::operator::{Asset, Assets, BuildError, NoAssets};
use fieldstone_shape::{Graph, GraphLimits, Plan, Program, Visible};
use serde_json::{Value, json};
use std::sync::Arc;

fn parse(document: Value) -> Result<Arc<Graph>, String> {
    Graph::parse(&document, GraphLimits::default()).map(Arc::new).map_err(|e| e.to_string())
}

fn evaluate(document: Value, assets: &dyn Assets) -> Result<Vec<Vec<f32>>, String> {
    let plan = Plan::of_result(&parse(document)?, Visible::ALL).map_err(|e| e.to_string())?;
    let program = Program::build(plan, assets, &Monitor::none()).map_err(|e| e.to_string())?;
    let mut out: Vec<Vec<f32>> = vec![Vec::new(); program.channels()];
    for z in program.plan().slabs() {
        let slab = program.evaluate(z, &Monitor::none()).map_err(|e| e.to_string())?;
        out.iter_mut().zip(slab).for_each(|(o, s)| o.extend(s));
    }
    Ok(out)
}

/// One asset under any name.
struct Bytes(Vec<u8>);

impl Assets for Bytes {
    fn open(&self, path: &str) -> Result<Asset, BuildError> {
        Ok(Asset { filename: path.into(), bytes: Arc::new(self.0.clone()), checksum: [0; 32] })
    }
}

#[test]
fn points_come_x_fastest_from_the_offset_on() {
    let graph = json!({"operators": [{"type": "GenerateSamplePoints",
        "parameters": {"offset": {"x": -60, "y": -60, "z": -60}, "size": [120, 120, 120], "resolution": "[3, 2, 2]"}}]});
    let out = evaluate(graph, &NoAssets).unwrap();
    assert_eq!(out[0][..4], [-60.0, 0.0, 60.0, -60.0]);
    assert_eq!(out[1][..4], [-60.0, -60.0, -60.0, 60.0]);
    assert_eq!((out[2][0], out[2][6]), (-60.0, 60.0));
}

#[test]
fn a_volume_stands_for_its_samples() {
    let bytes: Vec<u8> = (0..8).flat_map(|v| (v as f32 - 3.5).to_le_bytes()).collect();
    let graph = json!({"operators": [
        {"type": "Shell", "parameters": {"thickness": 1.0}},
        {"type": "LoadVolume", "parameters": {"volume_data": {"file_type": "Raw", "path": "v.bin"}, "resolution": [2, 2, 2]}}],
        "edges": [{"source": 1, "target": [0, "Samples"]}]});
    let out = evaluate(graph, &Bytes(bytes)).unwrap();
    assert_eq!(out[0], [3.0, 2.0, 1.0, 0.0, 0.0, 1.0, 2.0, 3.0]);
}

#[test]
fn a_number_stands_for_a_vector_and_texts_for_numbers() {
    let points = |parameters: Value| {
        evaluate(
            json!({"operators": [{"type": "GenerateSamplePoints", "parameters": parameters}]}),
            &NoAssets,
        )
    };
    let written = points(json!({"size": [4, 4, 4], "offset": [1, 1, 1], "resolution": [3, 3, 3]})).unwrap();
    for (size, offset, resolution) in [
        (json!(4), json!(1), json!(3)),
        (json!("4"), json!("1.0"), json!("3")),
        (json!(["4", " 4 ", 4]), json!("[1, \"1\", 1e0]"), json!(["3", "3", "3"])),
        (json!({"x": "4", "y": 4, "z": "4.0"}), json!([["1"], "1", 1]), json!(3.0)),
    ] {
        let given = json!({"size": size, "offset": offset, "resolution": resolution});
        assert_eq!(points(given.clone()).as_ref(), Ok(&written), "{given}");
    }
    for wrong in
        [json!([4, 4]), json!(["4", "four", "4"]), json!(["4", "NaN", "4"]), json!(true), json!("four")]
    {
        let refused = points(json!({ "size": wrong })).unwrap_err();
        assert!(refused.contains("parameter \"size\": expected 3 finite numbers, got "), "{refused}");
    }
    // A matrix is not one number sixteen times.
    assert!(points(json!({"xform": 1})).unwrap_err().contains("expected 16 finite numbers, got 1"));
}

#[test]
fn values_that_are_sampled_as_volumes_are_computed_once_however_often_they_are_sampled() {
    // Each of two values samples both of the two before: computed anew for each use these would be 2^40 programs.
    let mut operators = vec![
        json!({"type": "GenerateSamplePoints", "parameters": {"resolution": [4, 4, 4]}}),
        json!({"type": "SampleBox"}),
        json!({"type": "SampleBox", "parameters": {"shape_type": "Ellipsoid"}}),
    ];
    let mut edges =
        vec![json!({"source": 0, "target": [1, "Points"]}), json!({"source": 0, "target": [2, "Points"]})];
    for _ in 0..40 {
        let before = operators.len() - 2;
        let first = operators.len();
        for operation in ["Union", "Intersect"] {
            let at = operators.len();
            operators.extend([json!({"type": "SampleVolume"}), json!({"type": "SampleVolume"})]);
            operators.push(json!({"type": "CSG", "parameters": {"operation": operation}}));
            for (k, port) in ["A", "B"].into_iter().enumerate() {
                let volume = if before == 1 { 1 + k } else { first - 1 - 3 * k };
                edges.push(json!({"source": 0, "target": [at + k, "Points"]}));
                edges.push(json!({"source": volume, "target": [at + k, "Volume"]}));
                edges.push(json!({"source": at + k, "target": [at + 2, port]}));
            }
        }
    }
    let last = operators.len();
    operators.push(json!({"type": "CSG"}));
    edges.push(json!({"source": last - 1, "target": [last, "A"]}));
    edges.push(json!({"source": last - 4, "target": [last, "B"]}));
    let values = evaluate(json!({"operators": operators, "edges": edges}), &NoAssets).unwrap().swap_remove(0);
    // Looked up at the samples, samples are themselves: the union of both solids.
    let points = |i: usize| json!({"source": 0, "target": [i, "Points"]});
    let union = json!({"operators": [operators[0], operators[1], operators[2], {"type": "CSG"}], "edges": [points(1), points(2),
        {"source": 1, "target": [3, "A"]}, {"source": 2, "target": [3, "B"]}]});
    let right = evaluate(union, &NoAssets).unwrap().swap_remove(0);
    assert!(values.len() == 64 && values.iter().zip(&right).all(|(v, r)| (v - r).abs() < 1e-5), "{values:?}");
}
