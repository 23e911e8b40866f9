//! Every solid of SampleBox has its volume, by the whole way from graph to mesh.

mod common;

use common::solids::{CUBE, solids};
use common::{chain, grid, mesh_of, op};
use fieldstone_kernel::Monitor;
use fieldstone_kernel::measure::{Moments, moments, topology};
use serde_json::{Value, json};

fn measured(sampler: Value, cells: u32) -> Moments {
    let mesh = mesh_of(&chain(&[grid(CUBE[0], CUBE[1], cells), sampler]));
    assert!(topology(&mesh, &Monitor::none()).unwrap().is_closed_manifold());
    moments(&mesh, &Monitor::none()).unwrap()
}

#[test]
fn volumes_are_the_closed_forms_within_the_bound() {
    for solid in solids() {
        let error = |cells| {
            let off = measured(solid.sampler(), cells).volume - solid.volume;
            let bound = solid.bound(CUBE[1] / f64::from(cells));
            println!(
                "{} {cells}: {:.2e} of the volume, bound {:.2e}",
                solid.name,
                off / solid.volume,
                bound / solid.volume
            );
            assert!(off.abs() < bound, "{} at {cells}: off by {off}, bound {bound}", solid.name);
            off.abs()
        };
        let [_, coarse, fine] = [32, 64, 128].map(error);
        if solid.edges == 0.0 {
            // Second order: halving the cell leaves a quarter.
            assert!((0.2..0.3).contains(&(fine / coarse)), "{}: {coarse} then {fine}", solid.name);
        }
    }
}

#[test]
fn areas_are_the_closed_forms() {
    for solid in solids() {
        let off = [64, 128].map(|cells| measured(solid.sampler(), cells).area / solid.area - 1.0);
        println!("{}: {off:?}", solid.name);
        // Edges are cut off along their length: first order there, second where the surface is smooth.
        let most = solid.edges * CUBE[1] / 128.0 / solid.area + 1e-3;
        let ratio = if solid.edges == 0.0 { 0.3 } else { 0.7 };
        assert!(off[1].abs() < most && off[1].abs() < ratio * off[0].abs(), "{}: {off:?}", solid.name);
    }
}

#[test]
fn a_half_space_fills_its_part_of_the_patch() {
    let plane = measured(op("SampleBox", json!({"shape_type": "Plane"})), 32);
    let share = -CUBE[0] / CUBE[1];
    assert!((plane.volume / CUBE[1].powi(3) - share).abs() < 1e-6, "{}", plane.volume);
}
