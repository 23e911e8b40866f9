//! One result, and values that are combined sample by sample are of the same place.

use fieldstone_kernel::Monitor;
use fieldstone_shape::operator::{Asset, Assets, BuildError};
use fieldstone_shape::{EvaluateError, Graph, GraphLimits, Plan, Program, Visible};
use serde_json::{Value, json};
use std::sync::Arc;

/// 5 × 5 × 5 floats, whatever the name: three times the x in a box from −1 to 1.
struct Slope;

impl Assets for Slope {
    fn open(&self, path: &str) -> Result<Asset, BuildError> {
        let value = |i: usize| 3.0 * ((i % 5) as f32 * 0.5 - 1.0);
        let bytes: Vec<u8> = (0..125).flat_map(|i| value(i).to_le_bytes()).collect();
        Ok(Asset { filename: path.into(), bytes: Arc::new(bytes), checksum: [0; 32] })
    }
}

fn planned(operators: Value, edges: &[(usize, usize, &str)]) -> Result<Plan, String> {
    let edges: Vec<_> =
        edges.iter().map(|(s, t, input)| json!({"source": s, "target": [t, input]})).collect();
    let graph = Graph::parse(&json!({"operators": operators, "edges": edges}), GraphLimits::default());
    Plan::of_result(&Arc::new(graph.map_err(|e| e.to_string())?), Visible::ALL).map_err(|e| e.to_string())
}

fn values(operators: Value, edges: &[(usize, usize, &str)]) -> Vec<f32> {
    let run = |plan: Plan| -> Result<Vec<f32>, EvaluateError> {
        let program = Program::build(plan, &Slope, &Monitor::none())?;
        let n = program.plan().resolution()[2];
        Ok(program.evaluate(0..n, &Monitor::none())?.swap_remove(0))
    };
    run(planned(operators, edges).unwrap()).unwrap()
}

fn grid(parameters: Value) -> Value {
    let mut grid = json!({"resolution": [5, 5, 5]});
    grid.as_object_mut().unwrap().extend(parameters.as_object().unwrap().clone());
    json!({"type": "GenerateSamplePoints", "parameters": grid})
}

fn list(points: Value) -> Value {
    json!({"type": "LoadSamplePoints", "parameters": {"points": points}})
}

fn solid() -> Value {
    json!({"type": "SampleBox"})
}

fn volume() -> Value {
    json!({"type": "LoadVolume", "parameters": {"volume_data": {"path": "slope.bin"}, "resolution": [5, 5, 5]}})
}

const TWO: &[(usize, usize, &str)] = &[(0, 2, "Points"), (1, 3, "Points"), (2, 4, "A"), (3, 4, "B")];

fn two_places(a: Value, b: Value) -> Result<Plan, String> {
    planned(json!([a, b, solid(), solid(), {"type": "CSG"}]), TWO)
}

#[test]
fn several_operators_that_feed_nothing_are_refused_by_name() {
    let two = planned(json!([grid(json!({})), solid(), solid()]), &[(0, 1, "Points"), (0, 2, "Points")]);
    let expected = "graph: which operator is the result is not clear: operators[1] (SampleBox) and operators[2] \
        (SampleBox) feed no other, expected one such operator";
    assert_eq!(two.err().unwrap(), expected);
    let unused_source = planned(json!([grid(json!({})), volume()]), &[]).err().unwrap();
    assert!(unused_source.contains("operators[0] (GenerateSamplePoints) and operators[1] (LoadVolume)"));
    let many = planned(json!(vec![volume(); 100]), &[]).err().unwrap();
    assert!(many.contains("operators[7] (LoadVolume) and 92 more feed no other"), "{many}");
    // A chain that leads nowhere ends in such an operator; a ring is told as one.
    let ring = json!([grid(json!({})), {"type": "Shell"}, {"type": "Shell"}]);
    let ring = planned(ring, &[(1, 2, "Samples"), (2, 1, "Samples")]).err().unwrap();
    assert_eq!(ring, "operators[1] (Shell): is part of a cycle: operators 1 ← 2 ← 1");
}

#[test]
fn places_that_differ_are_refused_by_both_names() {
    let refused = |a: Value, b: Value, what: &str| {
        let got = two_places(a, b).err().unwrap_or_else(|| panic!("{what} is accepted"));
        assert!(got.starts_with("operators[4] (CSG): input \"B\" has ") && got.contains(what), "{got}");
    };
    let own = || grid(json!({}));
    let at = "has samples from (-2, -1, -1) to (2, 1, 1) of operators[1] (GenerateSamplePoints), the inputs before it \
        samples from (-1, -1, -1) to (1, 1, 1) of operators[0] (GenerateSamplePoints)";
    refused(own(), grid(json!({"size": [4, 2, 2]})), at);
    refused(own(), grid(json!({"offset": [-1, -1, -1.01]})), "from (-1, -1, -1.01)");
    let moved = json!([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0.1, 0, 0, 1]);
    refused(own(), grid(json!({"xform": moved})), "from (-0.9, -1, -1)");
    // The same corners in another order.
    let mirrored = json!([-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
    refused(own(), grid(json!({"xform": mirrored})), "from (1, -1, -1) to (-1, 1, 1)");
    let turned = json!([0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
    refused(own(), grid(json!({"xform": turned})), "operators[1] (GenerateSamplePoints)");
    refused(own(), grid(json!({"resolution": [5, 5, 6]})), "5 × 5 × 6 samples of operators[1]");
    let (p, q) = (json!([[0, 0, 0], [1, 0, 0]]), json!([[0, 0, 0], [1, 0, 1e-3]]));
    refused(list(p.clone()), list(q), "the points of a list of operators[1] (LoadSamplePoints)");
    refused(list(p), grid(json!({"resolution": [2, 1, 1]})), "operators[0] (LoadSamplePoints)");
}

#[test]
fn the_same_place_written_twice_is_one() {
    let once = values(
        json!([grid(json!({})), solid(), solid(), {"type": "CSG"}]),
        &[(0, 1, "Points"), (0, 2, "Points"), (1, 3, "A"), (2, 3, "B")],
    );
    let doubled = json!([2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1]);
    for again in [
        json!({}),
        json!({"size": [2, 2, 2], "offset": [-1, -1, -1]}),
        json!({"size": [1, 1, 1], "xform": doubled}),
        json!({"size": [2.000001, 2, 2]}),
    ] {
        let operators = json!([grid(json!({})), grid(again.clone()), solid(), solid(), {"type": "CSG"}]);
        let twice = planned(operators.clone(), TWO).unwrap();
        assert!(twice.is_target_source(0) && twice.is_target_source(1) && !twice.is_target_source(2));
        assert_eq!(values(operators, TWO), once, "{again}");
    }
    let points = json!([[0, 0, 0], [1, 0, 0]]);
    assert!(two_places(list(points.clone()), list(points)).is_ok());
}

#[test]
fn a_volume_takes_the_place_of_the_points_that_it_meets() {
    // 3·x in the volume's own box is 3·x/10 on a grid ten times as wide: a distance of x there, of x/10 if the box counted.
    let operators = json!([grid(json!({"size": [20, 20, 20]})), volume(), {"type": "Redistance"},
        {"type": "SampleBox", "parameters": {"size": [1, 1, 1]}}, {"type": "CSG", "parameters": {"operation": "Intersect"}}]);
    let edges = [(1, 2, "Samples"), (0, 3, "Points"), (2, 4, "A"), (3, 4, "B")];
    let got = values(operators, &edges);
    // Beyond the box at x = 10 its own distance is less.
    assert!((got[4] - (9.5f32 * 9.5 * 3.0).sqrt().max(10.0)).abs() < 1e-4, "{}", got[4]);
    let alone = values(json!([volume(), {"type": "Redistance"}]), &[(0, 1, "Samples")]);
    assert_eq!(alone[..5], [-1.0, -0.5, 0.0, 0.5, 1.0]);
    let on_grid = json!([grid(json!({"size": [20, 20, 20]})), volume(), {"type": "Redistance"}, solid(),
        {"type": "LinearFilter", "parameters": {"scale_b": 0}}]);
    let edges = [(1, 2, "Samples"), (0, 3, "Points"), (2, 4, "InputA"), (3, 4, "InputB")];
    assert_eq!(values(on_grid, &edges)[..5], [-10.0, -5.0, 0.0, 5.0, 10.0]);
}

#[test]
fn a_volume_cannot_be_in_two_places() {
    let operators = json!([grid(json!({})), grid(json!({"size": [4, 4, 4]})), volume(), solid(), solid(),
        {"type": "CSG"}, {"type": "CSG"}, {"type": "SampleVolume"}]);
    let edges = [
        (0, 3, "Points"),
        (1, 4, "Points"),
        (2, 5, "A"),
        (3, 5, "B"),
        (2, 6, "A"),
        (4, 6, "B"),
        (0, 7, "Points"),
        (6, 7, "Volume"),
        (7, 8, "A"),
        (5, 8, "B"),
    ];
    let mut operators = operators;
    operators.as_array_mut().unwrap().push(json!({"type": "CSG"}));
    let refused = planned(operators, &edges).err().unwrap();
    assert!(
        refused.contains("operators[0] (GenerateSamplePoints)") && refused.contains("operators[1]"),
        "{refused}"
    );
}

#[test]
fn computed_volumes_are_where_their_grid_is() {
    // A plane's distance, sampled on a grid that its xform moves by 5 along z and doubles, is found where it was made.
    let moved = json!([2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 5, 1]);
    let plane = json!({"type": "SampleBox", "parameters": {"shape_type": "Plane",
        "xform": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 4, 1]}});
    let there = list(json!([[0, 0, 4], [0.5, -1, 6.5]]));
    let edges = [(0, 1, "Points"), (2, 3, "Points"), (1, 3, "Volume")];
    let graph =
        |xform: &Value| json!([grid(json!({ "xform": xform })), plane, there, {"type": "SampleVolume"}]);
    assert_eq!(values(graph(&moved), &edges), [0.0, 2.5]);
    for xform in [
        json!([0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]),
        json!([-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]),
    ] {
        let refused = planned(graph(&xform), &edges).err().unwrap();
        assert_eq!(
            refused,
            "operators[1] (SampleBox): is sampled as a volume, but the xform of its sample points turns or mirrors them"
        );
    }
}

/// A ball on a grid of 33 samples over 2 mm that begins there.
fn ball_at(offset: [f64; 3]) -> Result<Plan, String> {
    let graph = json!({"operators": [
        {"type": "GenerateSamplePoints", "parameters": {"offset": offset, "size": [2, 2, 2], "resolution": [33, 33, 33]}},
        {"type": "SampleBox", "parameters": {"shape_type": "Ellipsoid", "xform":
            [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, offset[0] + 1.0, offset[1] + 1.0, offset[2] + 1.0, 1]}}],
        "edges": [{"source": 0, "target": [1, "Points"]}]});
    let graph = Graph::parse(&graph, GraphLimits::default()).map_err(|e| e.to_string())?;
    Plan::of_result(&Arc::new(graph), Visible::ALL).map_err(|e| e.to_string())
}

#[test]
fn grids_far_from_the_origin_are_refused_with_both_numbers_or_warned_of() {
    // Half a step of single precision is 1e-6 of 2 mm at 33.6 mm, a cell 2^-16 of 4096 mm.
    assert_eq!(ball_at([-1.0; 3]).unwrap().rounded(), None);
    assert_eq!(ball_at([31.0, 0.0, 0.0]).unwrap().rounded(), None);
    let warning = ball_at([0.0, -1000.0, 0.0]).unwrap().rounded().unwrap();
    let says = "operators[0] (GenerateSamplePoints): its points lie 1000 mm from the origin: they are rounded there by up to 6.0e-5 mm, 3.0e-5 of the grid's 2 mm";
    assert_eq!(warning, says);
    assert!(ball_at([0.0, 0.0, 4000.0]).is_ok());
    for far in [4095.0, 1e6, -4.5e6, 1e7] {
        let refused = ball_at([0.0, 0.0, far]).err().unwrap();
        let farthest = f64::max(far.abs(), far + 2.0);
        let says = format!(
            "cells of 0.0625 mm cannot be told apart in single precision at {farthest} mm from the origin"
        );
        assert_eq!(refused, format!("operators[0] (GenerateSamplePoints): {says}"));
    }
}
