//! Cells of surface lattices measure what their equations measure, and nearly what is published of the minimal surfaces.

mod common;

use common::nodal::{Cell, cells, iwp_inside, measures};
use common::{chain, grid, mesh_of, op, without_caps};
use fieldstone_kernel::Monitor;
use fieldstone_kernel::TriMesh;
use fieldstone_kernel::measure::{Moments, moments};
use serde_json::json;

fn measured(mesh: &TriMesh) -> Moments {
    moments(mesh, &Monitor::none()).unwrap()
}

/// So many cells of edge 1, `n` samples apart each.
fn mesh(cell: &Cell, cells: u32, n: u32) -> TriMesh {
    let lattice = op("SampleSurfaceLattice", json!({"lattice_type": cell.id}));
    mesh_of(&chain(&[grid(-0.5, f64::from(cells), cells * n), lattice]))
}

/// Area and negative share, by the mesh.
fn meshed(cell: &Cell, n: u32) -> (f64, f64) {
    let mesh = mesh(cell, 1, n);
    (measured(&without_caps(&mesh, -0.5, 1.0)).area, measured(&mesh).volume)
}

/// Area and negative share, by exact rays.
fn exact(cell: &Cell) -> (f64, f64) {
    let (area, inside) = measures(cell.equation, 128);
    (area, if cell.id == "IWP" { iwp_inside(1000) } else { inside })
}

#[test]
fn equations_deviate_from_the_minimal_surfaces_as_documented() {
    for cell in cells() {
        let (area, inside) = exact(&cell);
        println!("{}: {area:.6} {:.6} {inside:.6}", cell.id, area / cell.area - 1.0);
        assert!((area / cell.area - 1.0 - cell.area_deviation).abs() < 6e-5, "{}: {area}", cell.id);
        assert!((inside - cell.inside - cell.inside_deviation).abs() < 6e-5, "{}: {inside}", cell.id);
    }
}

#[test]
fn cells_converge_to_their_equation_with_the_square_of_the_spacing() {
    for cell in cells() {
        let (area, inside) = exact(&cell);
        let got = [64, 128, 256].map(|n| meshed(&cell, n));
        let off = got.map(|(a, v)| ((a / area - 1.0).abs(), (v - inside).abs()));
        println!("{}: {off:.2?}", cell.id, off = off.map(|(a, v)| format!("{a:.2e} {v:.2e}")));
        for (coarse, fine) in [(off[0], off[1]), (off[1], off[2])] {
            let ratio = coarse.0 / fine.0;
            assert!((3.7..4.3).contains(&ratio), "{}: areas off by {coarse:?}, then {fine:?}", cell.id);
            // Volumes of balanced cells gain more: their errors cancel.
            assert!(coarse.1 > 3.7 * fine.1, "{}: volumes off by {coarse:?}, then {fine:?}", cell.id);
        }
        assert!(off[2].0 < 1e-4 && off[2].1 < 4e-6, "{}: {off:?}", cell.id);
        // Richardson: what the areas converge to is the equation's, to a few parts in a million.
        let limit = (4.0 * got[2].0 - got[1].0) / 3.0;
        assert!((limit / area - 1.0).abs() < 5e-6, "{}: {limit} for {area}", cell.id);
    }
}

#[test]
fn faces_of_the_patch_that_close_a_mesh_count_as_surface() {
    // Eight cells have eight times the surface of one, but four times its faces.
    for cell in cells() {
        let [one, eight] = [1, 2].map(|cells| measured(&mesh(&cell, cells, 32)).area);
        let without = 0.25 * (eight - 4.0 * one);
        let area = meshed(&cell, 32).0;
        assert!((without / area - 1.0).abs() < 1e-5, "{}: {without} and {area}", cell.id);
    }
}
