//! What is a distance already passes through Redistance; what is not becomes one, once.

mod common;

use common::op;
use fieldstone_kernel::Monitor;
use fieldstone_shape::operator::NoAssets;
use fieldstone_shape::{Graph, GraphLimits, Plan, Program, Visible};
use serde_json::{Value, json};
use std::sync::Arc;

const RESOLUTION: [u32; 3] = [33, 30, 17];

/// The values of filters in a row behind a sampler.
fn values(sampler: &Value, filters: &[Value], visible: Visible) -> Vec<f32> {
    let points = op(
        "GenerateSamplePoints",
        json!({"offset": [-1, -1, -1], "size": [2, 2, 2], "resolution": RESOLUTION}),
    );
    let operators: Vec<_> = [&points, sampler].into_iter().chain(filters).cloned().collect();
    let port = |i: usize| if i == 0 { "Points" } else { "Samples" };
    let edges: Vec<_> =
        (0..operators.len() - 1).map(|i| json!({"source": i, "target": [i + 1, port(i)]})).collect();
    let document = json!({"operators": operators, "edges": edges});
    let graph = Graph::parse(&document, GraphLimits::default()).unwrap();
    let plan = Plan::of_result(&Arc::new(graph), visible).unwrap();
    let program = Program::build(plan, &NoAssets, &Monitor::none()).unwrap();
    program.evaluate(0..RESOLUTION[2], &Monitor::none()).unwrap().swap_remove(0)
}

fn redistance(pre: f64, post: f64) -> Value {
    op("Redistance", json!({"pre_offset": pre, "post_offset": post}))
}

fn ball() -> Value {
    op("SampleBox", json!({"shape_type": "Ellipsoid", "size": [1.2, 1.2, 1.2]}))
}

fn turned_box() -> Value {
    let xform = [0.8, 0.6, 0.0, 0.0, -0.6, 0.8, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.1, 0.0, 0.0, 1.0];
    op("SampleBox", json!({"size": [1.0, 0.8, 0.9], "xform": xform}))
}

#[test]
fn distances_pass_unchanged_however_often() {
    let passes = vec![redistance(0.0, 0.0); 8];
    for sampler in [ball(), turned_box()] {
        let (before, after) = (values(&sampler, &[], Visible::ALL), values(&sampler, &passes, Visible::ALL));
        assert!(before == after, "{sampler} changed");
        // Nobody sees more of it for that: the wall behind needs no more than before.
        let shell = op("Shell", json!({"thickness": 0.2}));
        let with = [&passes[..], std::slice::from_ref(&shell)].concat();
        let seen = |filters: &[Value]| values(&sampler, filters, Visible::SURFACE);
        assert!(seen(&with) == seen(&[shell]), "{sampler} as a wall");
    }
}

#[test]
fn what_is_no_distance_becomes_one_once() {
    let wall = [op("Shell", json!({"thickness": 0.3})), redistance(0.0, 0.0)];
    let lattice = op("SampleSurfaceLattice", json!({"scale": [1.1, 1.1, 1.1]}));
    for (sampler, filters) in [(ball(), &wall[..]), (lattice, &wall[1..])] {
        let once = values(&sampler, filters, Visible::ALL);
        assert!(once != values(&sampler, &filters[..filters.len() - 1], Visible::ALL), "{sampler} stayed");
        let often = [filters, &vec![redistance(0.0, 0.0); 7]].concat();
        assert!(once == values(&sampler, &often, Visible::ALL), "{sampler} changes with every pass");
    }
}

#[test]
fn offsets_of_distances_are_made() {
    let before = values(&ball(), &[], Visible::ALL);
    for (pre, post) in [(0.1, 0.0), (0.0, -0.1), (0.1, -0.1)] {
        for (a, b) in before.iter().zip(values(&ball(), &[redistance(pre, post)], Visible::ALL)) {
            // In cells of 2 / 32 a ball of 0.6 lies within a fifth of one of its samples' surface, along z as well.
            assert!((f64::from(b - a) - pre - post).abs() < 0.2 / 16.0, "{pre}, {post}: {a} became {b}");
        }
    }
}
