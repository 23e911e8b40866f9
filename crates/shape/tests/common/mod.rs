//! What the accuracy tests and the example `constants` share: graphs to meshes, oracles, rays.

// Every test binary uses a part of it.
#![allow(dead_code)]

pub mod nodal;
pub mod solids;
pub mod wall;

use fieldstone_kernel::isosurface::{Mesher, Options};
use fieldstone_kernel::{Monitor, TriMesh};
use fieldstone_shape::operator::NoAssets;
use fieldstone_shape::{Domain, Graph, GraphLimits, Plan, Program, Visible};
use serde_json::{Value, json};
use std::sync::Arc;

/// An operator as JSON.
pub fn op(type_name: &str, parameters: Value) -> Value {
    json!({"type": type_name, "parameters": parameters})
}

/// Sample points on a cube of `cells` cells an axis.
pub fn grid(offset: f64, size: f64, cells: u32) -> Value {
    op(
        "GenerateSamplePoints",
        json!({"offset": vec![offset; 3], "size": vec![size; 3], "resolution": vec![cells + 1; 3]}),
    )
}

/// Operators one after the other: points first, then a sampler, then filters.
pub fn chain(operators: &[Value]) -> Value {
    let edge = |i: usize| json!({"source": i - 1, "target": [i, if i == 1 { "Points" } else { "Samples" }]});
    json!({"operators": operators, "edges": (1..operators.len()).map(edge).collect::<Vec<_>>()})
}

/// The mesh of a graph as the jobs make it: the plan sees the surface only, slab after slab goes to the mesher.
pub fn mesh_of(document: &Value) -> TriMesh {
    let graph = Graph::parse(document, GraphLimits::default()).unwrap();
    let plan = Plan::of_result(&Arc::new(graph), Visible::SURFACE).unwrap();
    let Domain::Grid { patch, .. } = plan.target_domain().unwrap().clone() else {
        panic!("points on a grid")
    };
    let program = Program::build(plan, &NoAssets, &Monitor::none()).unwrap();
    let mut mesher = Mesher::new(&patch, &Options::default()).unwrap();
    for z in program.plan().slabs() {
        let slab = program.evaluate(z, &Monitor::none()).unwrap();
        mesher.planes(&slab[0], &Monitor::none()).unwrap();
    }
    mesher.finish(&Monitor::none()).unwrap()
}

/// The mesh without the triangles that lie in the faces of the cube, which close it.
pub fn without_caps(mesh: &TriMesh, offset: f64, size: f64) -> TriMesh {
    let ends = [offset as f32, (offset + size) as f32];
    let flat = |t: &[u32; 3]| {
        let at = |i: u32, a: usize| mesh.positions[i as usize][a];
        (0..3).any(|a| ends.iter().any(|e| t.iter().all(|&i| at(i, a) == *e)))
    };
    let triangles = mesh.triangles.iter().copied().filter(|t| !flat(t)).collect();
    TriMesh { positions: mesh.positions.clone(), triangles }
}
