//! Prints the tables of docs/accuracy.md: cells of surface lattices, walls, solids, each beside what it should measure.
//!
//! `cargo run --release -p fieldstone-shape --example constants`

#[path = "../tests/common/mod.rs"]
mod common;

use common::nodal::{Cell, cells, iwp_inside, measures};
use common::solids::{self, solids};
use common::wall::{WALL, lattice, middle, redistance_then_shell, shell_of_raw_values};
use common::{chain, grid, mesh_of, op, without_caps};
use fieldstone_kernel::measure::{Moments, moments};
use fieldstone_kernel::{Monitor, TriMesh};
use serde_json::json;

fn main() {
    nodal();
    walls();
    primitives();
}

fn measured(mesh: &TriMesh) -> Moments {
    moments(mesh, &Monitor::none()).expect("nobody cancels")
}

/// In parts per million with its sign.
fn ppm(relative: f64) -> String {
    let v = relative * 1e6;
    if v.abs() < 0.05 {
        return "0".into();
    }
    if v.abs() < 10.0 { format!("{v:+.1}") } else { format!("{v:+.0}") }
}

/// In percent with its sign.
fn percent(relative: f64) -> String {
    if relative.abs() < 5e-6 { "0".into() } else { format!("{:+.3} %", 100.0 * relative) }
}

fn table(head: &[&str]) {
    println!("| {} |", head.join(" | "));
    println!("|{}", "---|".repeat(head.len()));
}

fn nodal() {
    let head = ["minimal surface", "the equation's", "deviation", "64", "128", "256"];
    println!("Area of a cell of edge 1; meshes less the equation's, ppm:\n");
    table(&[&["lattice_type"], head.as_slice()].concat());
    let meshes = |cell: &Cell| -> [TriMesh; 3] {
        let lattice = op("SampleSurfaceLattice", json!({"lattice_type": cell.id}));
        [64, 128, 256].map(|n| mesh_of(&chain(&[grid(-0.5, 1.0, n), lattice.clone()])))
    };
    let mut densities = vec![];
    for cell in cells() {
        let (area, inside) = measures(cell.equation, 256);
        let inside = if cell.id == "IWP" { iwp_inside(4000) } else { inside };
        let meshes = meshes(&cell);
        let [a, b, c] =
            meshes.each_ref().map(|m| ppm(measured(&without_caps(m, -0.5, 1.0)).area / area - 1.0));
        let deviation = percent(area / cell.area - 1.0);
        println!("| {} | {:.4} | {area:.5} | {deviation} | {a} | {b} | {c} |", cell.id, cell.area);
        let [a, b, c] = meshes.each_ref().map(|m| ppm(measured(m).volume / inside - 1.0));
        let deviation = percent(inside / cell.inside - 1.0);
        densities.push(format!(
            "| {} | {:.4} | {inside:.5} | {deviation} | {a} | {b} | {c} |",
            cell.id, cell.inside
        ));
    }
    println!("\nRelative density (share of the negative side); meshes less the equation's, ppm:\n");
    table(&[&["lattice_type"], head.as_slice()].concat());
    densities.iter().for_each(|row| println!("{row}"));
}

fn walls() {
    println!("\nWalls of {WALL} mm around lattices of 10 mm cells, by 20,000 rays:\n");
    table(&["lattice_type", "filters", "cells per wall", "mean", "95 % within", "all within"]);
    let row = |id: &str, name: &str, filters: &[serde_json::Value], n: u32| {
        let t = middle(&mesh_of(&lattice(id, n, filters)), 20_000);
        let [mean, p95, all] = [t.mean_error, t.p95, t.greatest].map(|v| 100.0 * v);
        println!("| {id} | {name} | {n} | {mean:+.3} % | {p95:.3} % | {all:.2} % |");
    };
    for n in [5, 10, 20] {
        row("Gyroid", "Redistance, Shell", &redistance_then_shell(), n);
    }
    for id in ["P", "D", "IWP", "SchwarzN"] {
        row(id, "Redistance, Shell", &redistance_then_shell(), 20);
    }
    for id in ["Gyroid", "P"] {
        row(id, "Shell alone", &shell_of_raw_values(), 20);
    }
}

fn primitives() {
    println!("\nVolumes of solids; meshes less the closed form, ppm, and of the area at 256:\n");
    table(&["shape_type", "size", "free_param", "mm³", "64", "128", "256", "mm²", "256"]);
    for solid in solids() {
        let [a, b, c] = [64, 128, 256].map(|n| {
            measured(&mesh_of(&chain(&[grid(solids::CUBE[0], solids::CUBE[1], n), solid.sampler()])))
        });
        let [x, y, z] = [&a, &b, &c].map(|m| ppm(m.volume / solid.volume - 1.0));
        let size = solid.size.map(|s| format!("{s:.2}")).join(" × ");
        let area = ppm(c.area / solid.area - 1.0);
        let (name, free) = (solid.name, solid.free);
        println!(
            "| {name} | {size} | {free} | {:.5} | {x} | {y} | {z} | {:.5} | {area} |",
            solid.volume, solid.area
        );
    }
}
