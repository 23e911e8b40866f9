//! ui/src/pages/graph/struts.json: unit cells of struts, how solid they are and how large their surface, against the struts' radius.
//!
//! # Formula
//! A lattice of round struts is all that is no farther from their axes than the radius: its density is the share of points within that
//! distance, its area the derivative of that by the radius, a mean of the areas within a step beside it. The points are spread evenly over the cell.

use super::densities::{STEPS, points};
use fieldstone_kernel::Monitor;
use fieldstone_kernel::beam::{BeamLattice, Limits, Section, Style, UnitCell};
use fieldstone_kernel::simd::Level;

type Point = [f64; 3];

/// Radii that a cell's curve goes up to: beyond it little is open in any.
const THICKEST: f64 = 0.4;
const LIMITS: Limits = Limits { nodes: 100, edges: 200, candidates: 1 << 20 };

/// A unit cell by its name.
struct Cell {
    name: &'static str,
    nodes: Vec<Point>,
    edges: Vec<[u32; 2]>,
}

/// The file: as that of surface lattices, with each cell's nodes and edges.
pub fn page() -> String {
    let line = |cell: Cell| {
        let curve = curve(&cell);
        let whole = |times: f64, at: fn(&(f64, f64)) -> f64| {
            curve.iter().map(|v| format!("{}", (at(v) * times).round() + 0.0)).collect::<Vec<_>>().join(",")
        };
        let (density, area) = (whole(1e4, |v| v.0), whole(1e3, |v| v.1));
        let cells = serde_json::json!({"nodes": cell.nodes, "edges": cell.edges})
            .to_string()
            .replace(".0,", ",")
            .replace(".0]", "]");
        format!(
            "\"{}\":{{\"from\":0,\"to\":{THICKEST},\"density\":[{density}],\"area\":[{area}],\"cell\":{cells}}}",
            cell.name
        )
    };
    let lines: Vec<String> = cells().into_iter().map(line).collect();
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}

/// Pairs of points, one of `a` and one of `b`, that are so far apart.
fn joined(a: &[Point], b: &[Point], length: f64) -> Vec<[Point; 2]> {
    let far = |p: &Point, q: &Point| (0..3).map(|k| (p[k] - q[k]).powi(2)).sum::<f64>().sqrt();
    let all = a.iter().flat_map(|p| b.iter().map(move |q| if p <= q { [*p, *q] } else { [*q, *p] }));
    let mut pairs: Vec<[Point; 2]> = all.filter(|[p, q]| (far(p, q) - length).abs() < 1e-9).collect();
    pairs.sort_by(|a, b| a.partial_cmp(b).expect("coordinates are numbers"));
    pairs.dedup();
    pairs
}

/// All points with one of these values on each axis that `keep`s them.
fn points_of(values: &[f64], keep: impl Fn(&Point) -> bool) -> Vec<Point> {
    let on = |x: f64| values.iter().flat_map(move |y| values.iter().map(move |z| [x, *y, *z]));
    values.iter().flat_map(|x| on(*x)).filter(keep).collect()
}

fn cells() -> Vec<Cell> {
    let count = |p: &Point, value: f64| p.iter().filter(|c| **c == value).count();
    let corners = points_of(&[0.0, 1.0], |_| true);
    let centre = [[0.5; 3]];
    let faces = points_of(&[0.0, 0.5, 1.0], |p| count(p, 0.5) == 2);
    let inner = points_of(&[0.25, 0.75], |_| true);
    // Every second of them.
    let sites: Vec<Point> = inner.iter().copied().filter(|p| count(p, 0.75) % 2 == 0).collect();
    let steps = [0.0, 0.25, 0.5, 0.75, 1.0];
    let off = |p: &Point| {
        let mut off = p.map(|c| (c - 0.5).abs());
        off.sort_by(f64::total_cmp);
        off
    };
    // The corners of truncated octahedra about the middle.
    let kelvin = points_of(&steps, |p| off(p) == [0.0, 0.25, 0.5]);
    let (half, third) = (0.5f64.sqrt(), 3f64.sqrt());
    let cubic = joined(&corners, &corners, 1.0);
    let bcc = joined(&corners, &centre, third / 2.0);
    let fcc = joined(&corners, &faces, half);
    let octahedron = joined(&faces, &faces, half);
    let uprights = cubic.iter().copied().filter(|[p, q]| p[2] != q[2]).collect();
    let ends = [corners.clone(), faces.clone()].concat();
    let found = [
        ("Cubic", vec![cubic.clone()]),
        ("BCC", vec![bcc.clone()]),
        ("BCCZ", vec![bcc.clone(), uprights]),
        ("FCC", vec![fcc.clone()]),
        ("Cubic and BCC", vec![cubic.clone(), bcc]),
        ("Octet", vec![fcc.clone(), octahedron.clone()]),
        ("Isotruss", vec![fcc, octahedron.clone(), cubic]),
        ("Octahedron", vec![octahedron]),
        ("Star", vec![joined(&centre, &faces, 0.5)]),
        ("Diamond", vec![joined(&sites, &ends, third / 4.0)]),
        ("Kelvin", vec![joined(&kelvin, &kelvin, half / 2.0)]),
        ("Rhombic dodecahedron", vec![joined(&faces, &inner, third / 4.0)]),
    ];
    found.into_iter().map(|(name, struts)| cell(name, &struts.concat())).collect()
}

fn cell(name: &'static str, struts: &[[Point; 2]]) -> Cell {
    let mut nodes: Vec<Point> = struts.iter().flatten().copied().collect();
    nodes.sort_by(|a, b| a.partial_cmp(b).expect("coordinates are numbers"));
    nodes.dedup();
    let number = |p: &Point| nodes.iter().position(|q| q == p).unwrap_or_default() as u32;
    let edges = struts.iter().map(|strut| strut.each_ref().map(number)).collect();
    Cell { name, nodes, edges }
}

/// Density and area at radii from 0 on, evenly.
fn curve(cell: &Cell) -> Vec<(f64, f64)> {
    let axes = Style { section: Section::Circle, section_radius: 0.0, node_radius: None, smoothing: 0.0 };
    let known = UnitCell::new(cell.nodes.clone(), cell.edges.clone(), &LIMITS).expect("a cell of ours");
    let lattice = BeamLattice::new(&known, [1.0; 3], axes, [1.0; 2], &LIMITS, &Monitor::none())
        .expect("a lattice of ours");
    let [x, y, z] = [0, 1, 2].map(|k| points().map(|p| p[k] as f32).collect::<Vec<f32>>());
    let mut far = vec![0.0; x.len()];
    lattice.sample(Level::detect(), &x, &y, &z, None, &mut far);
    far.sort_by(f32::total_cmp);
    let apart = THICKEST / (STEPS - 1) as f64;
    let share = |radius: f64| far.partition_point(|d| f64::from(*d) <= radius) as f64 / far.len() as f64;
    let at = |radius: f64| (share(radius), (share(radius + apart) - share(radius - apart)) / (2.0 * apart));
    // Nothing is there at radius 0.
    std::iter::once((0.0, 0.0)).chain((1..STEPS).map(|k| at(apart * k as f64))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::{PI, SQRT_2};

    #[test]
    fn three_crossing_cylinders_measure_what_they_do() {
        let cubic = cells().swap_remove(0);
        // Of the union of three cylinders at right angles: 3πr² − 8√2r³ (inclusion and exclusion of Steinmetz solids).
        for (k, (density, area)) in curve(&cubic).into_iter().enumerate().skip(2) {
            let r = THICKEST * k as f64 / (STEPS - 1) as f64;
            let exact = 3.0 * PI * r * r - 8.0 * SQRT_2 * r.powi(3);
            let exact_area = 6.0 * PI * r - 24.0 * SQRT_2 * r * r;
            assert!((density - exact).abs() < 5e-4 + 2e-3 * exact, "{r}: {density}, {exact}");
            assert!((area - exact_area).abs() < 0.025 * exact_area, "{r}: {area}, {exact_area}");
        }
    }

    #[test]
    fn thin_struts_are_as_solid_as_they_are_long() {
        let root = f64::sqrt;
        // Of a cell of edge 1, each strut between neighbours once. Octet: Deshpande, Fleck, Ashby, J. Mech. Phys. Solids 49 (2001) 1747.
        let lengths = [
            ("Cubic", 3.0),
            ("BCC", 4.0 * root(3.0)),
            ("BCCZ", 4.0 * root(3.0) + 1.0),
            ("FCC", 6.0 * SQRT_2),
            ("Cubic and BCC", 3.0 + 4.0 * root(3.0)),
            ("Octet", 12.0 * SQRT_2),
            ("Isotruss", 12.0 * SQRT_2 + 3.0),
            ("Octahedron", 6.0 * SQRT_2),
            ("Star", 3.0),
            ("Diamond", 4.0 * root(3.0)),
            ("Kelvin", 6.0 * SQRT_2),
            ("Rhombic dodecahedron", 6.0 * root(3.0)),
        ];
        for (cell, (name, length)) in cells().iter().zip(lengths) {
            assert_eq!(cell.name, name);
            let (density, _) = curve(cell)[2];
            let r = THICKEST * 2.0 / (STEPS - 1) as f64;
            let thin = PI * r * r * length;
            assert!(density < thin && density > 0.75 * thin, "{name}: {density}, {thin} without joints");
        }
    }
}
