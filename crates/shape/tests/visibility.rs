//! What a mesh cannot see is not computed, and the mesh is the same.

mod common;

use common::op;
use common::wall::lattice;
use fieldstone_kernel::Monitor;
use fieldstone_shape::operator::NoAssets;
use fieldstone_shape::{Graph, GraphLimits, Plan, Program, Visible};
use serde_json::{Value, json};
use std::sync::Arc;

fn values(document: &Value, visible: Visible) -> Vec<f32> {
    let graph = Graph::parse(document, GraphLimits::default()).unwrap();
    let plan = Plan::of_result(&Arc::new(graph), visible).unwrap();
    let program = Program::build(plan, &NoAssets, &Monitor::none()).unwrap();
    let planes = 0..program.plan().resolution()[2];
    program.evaluate(planes, &Monitor::none()).unwrap().swap_remove(0)
}

#[test]
fn signs_and_values_beside_the_surface_are_those_of_the_whole_field() {
    let redistance = |pre: f64, post: f64| op("Redistance", json!({"pre_offset": pre, "post_offset": post}));
    let shell = |thickness: f64, offset: f64| op("Shell", json!({"thickness": thickness, "offset": offset}));
    let chains: [&[Value]; 6] = [
        &[redistance(0.0, 0.0)],
        &[redistance(0.2, -0.4)],
        &[redistance(0.0, 0.0), shell(1.0, 0.0)],
        &[redistance(0.0, 0.0), shell(1.6, -0.7)],
        &[redistance(0.0, 0.0), shell(0.8, 0.0), redistance(0.0, 0.1)],
        &[redistance(0.0, 0.3), shell(0.8, 0.0), redistance(0.0, 0.0), shell(0.2, 0.1)],
    ];
    for surface in ["Gyroid", "P", "SchwarzN"] {
        for filters in chains {
            let graph = lattice(surface, 12, filters);
            let (all, seen) = (values(&graph, Visible::ALL), values(&graph, Visible::SURFACE));
            for (i, (a, s)) in all.iter().zip(&seen).enumerate() {
                assert!((*a < 0.0) == (*s < 0.0), "{surface} {filters:?} sample {i}: {a} became {s}");
            }
            // Along x, where the surface passes between two samples.
            for (i, pair) in all.windows(2).enumerate().filter(|(i, _)| i % 73 != 72) {
                if (pair[0] < 0.0) != (pair[1] < 0.0) {
                    let off = (pair[0] - seen[i]).abs().max((pair[1] - seen[i + 1]).abs());
                    assert!(off < 1e-4, "{surface} {filters:?} samples {i}: {pair:?}, off by {off}");
                }
            }
        }
    }
}
