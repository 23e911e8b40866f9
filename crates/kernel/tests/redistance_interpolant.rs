//! Redistance against the zero set of the interpolant itself, found by brute force: on creases, where the surface meets the grid's border, and
//! in cells that are flat. `LOOKED_AT=1500` and `--nocapture` print the table of docs/algorithms/redistance.md.

use fieldstone_kernel::distance::{Reach, redistance};
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::testing::Rng;
use fieldstone_kernel::{Monitor, Patch};
use rayon::prelude::*;

/// Lines across a cell, each way along each axis, on which the interpolant is linear and its zero exact.
const LINES: usize = 10;
/// Samples that are looked at, unless `LOOKED_AT` says otherwise.
const LOOKED_AT: usize = 250;

/// Of a field at a point.
type Value = fn([f64; 3]) -> f64;

/// Points of the zero set in one cell, and the cell's first sample.
struct Cell {
    at: [usize; 3],
    points: Vec<[f64; 3]>,
}

fn cells(patch: &Patch, samples: &[f32]) -> Vec<Cell> {
    let [nx, ny, nz] = patch.resolution().map(|n| n as usize);
    let h = patch.spacing();
    let all = (0..(nx - 1) * (ny - 1) * (nz - 1)).into_par_iter();
    let cell = |i: usize| {
        let at = [i % (nx - 1), i / (nx - 1) % (ny - 1), i / (nx - 1) / (ny - 1)];
        let corner = |k: usize| {
            let [x, y, z] = [0, 1, 2].map(|a| at[a] + (k >> a & 1));
            f64::from(samples[(z * ny + y) * nx + x])
        };
        let corners: [f64; 8] = std::array::from_fn(corner);
        if corners.iter().all(|v| *v > 0.0) || corners.iter().all(|v| *v < 0.0) {
            return None;
        }
        let value = |u: [f64; 3]| -> f64 {
            let weight =
                |k: usize| (0..3).map(|a| if k >> a & 1 == 1 { u[a] } else { 1.0 - u[a] }).product::<f64>();
            (0..8).map(|k| weight(k) * corners[k]).sum()
        };
        let mut points = vec![];
        for line in 0..3 * (LINES + 1) * (LINES + 1) {
            let (axis, j) = (line % 3, line / 3);
            let mut u = [0.0; 3];
            u[(axis + 1) % 3] = (j % (LINES + 1)) as f64 / LINES as f64;
            u[(axis + 2) % 3] = (j / (LINES + 1)) as f64 / LINES as f64;
            let from = value(u);
            u[axis] = 1.0;
            let to = value(u);
            if (from <= 0.0) != (to <= 0.0) {
                u[axis] = from / (from - to);
                points.push(std::array::from_fn(|a| (at[a] as f64 + u[a]) * h[a]));
            }
        }
        Some(Cell { at, points })
    };
    all.filter_map(cell).collect()
}

fn nearest(cells: &[Cell], h: [f64; 3], p: [f64; 3]) -> f64 {
    let square = |d: [f64; 3]| d.iter().map(|d| d * d).sum::<f64>();
    let apart2 = |cell: &Cell| {
        square(std::array::from_fn(|a| {
            let low = cell.at[a] as f64 * h[a];
            (low - p[a]).max(p[a] - low - h[a]).max(0.0)
        }))
    };
    let mut order: Vec<_> = cells.iter().map(|cell| (apart2(cell), cell)).collect();
    order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut best2 = f64::INFINITY;
    for (least2, cell) in order {
        if least2 >= best2 {
            break;
        }
        let found = cell.points.iter().map(|q| square(std::array::from_fn(|a| q[a] - p[a])));
        best2 = found.fold(best2, f64::min);
    }
    best2.sqrt()
}

/// Of distances less those to the zero set, in cells of the finest spacing: the mean within 3 cells and everywhere, the most and the least.
fn errors(n: [u32; 3], field: Value) -> [f64; 4] {
    let patch = Patch::new([2.0; 3], [-1.0; 3], n).unwrap();
    let index = |i: u32| [i % n[0], i / n[0] % n[1], i / (n[0] * n[1])];
    let samples: Vec<f32> = (0..n[0] * n[1] * n[2]).map(|i| field(patch.position(index(i))) as f32).collect();
    let mut distances = samples.clone();
    redistance(&mut distances, &patch, Reach::Everywhere, Level::detect(), &Monitor::none()).unwrap();
    let (cells, h) = (cells(&patch, &samples), patch.spacing());
    let cell = h.into_iter().fold(f64::INFINITY, f64::min);
    let mut rng = Rng::new(5);
    let count = std::env::var("LOOKED_AT").map_or(LOOKED_AT, |v| v.parse().unwrap());
    let looked_at: Vec<_> = (0..count).map(|_| rng.below(samples.len())).collect();
    let error = |i: &usize| {
        let at = index(*i as u32);
        let truth = nearest(&cells, h, std::array::from_fn(|a| f64::from(at[a]) * h[a]));
        ((f64::from(distances[*i].abs()) - truth) / cell, truth / cell)
    };
    let errors: Vec<(f64, f64)> = looked_at.par_iter().map(error).collect();
    let near: Vec<f64> = errors.iter().filter(|(_, d)| *d < 3.0).map(|(e, _)| e.abs()).collect();
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let all: Vec<f64> = errors.iter().map(|(e, _)| e.abs()).collect();
    let (most, least) = errors.iter().fold((0.0f64, 0.0f64), |(m, l), (e, _)| (m.max(*e), l.min(*e)));
    [mean(&near), mean(&all), most, least]
}

fn ball(p: [f64; 3]) -> f64 {
    (p[0] - 0.013).hypot(p[1] + 0.027).hypot(p[2] - 0.041) - 0.7
}

fn ball_over_the_border(p: [f64; 3]) -> f64 {
    (p[0] - 0.5).hypot(p[1] + 0.7).hypot(p[2] - 0.8) - 0.7
}

fn turned_box(p: [f64; 3]) -> f64 {
    let q = [
        0.6 * p[0] + 0.8 * p[1],
        -0.48 * p[0] + 0.36 * p[1] + 0.8 * p[2],
        0.64 * p[0] - 0.48 * p[1] + 0.6 * p[2],
    ];
    let d = [q[0].abs() - 0.6, q[1].abs() - 0.5, q[2].abs() - 0.4];
    let outside = d.map(|d| d.max(0.0));
    outside[0].hypot(outside[1]).hypot(outside[2]) + d[0].max(d[1]).max(d[2]).min(0.0)
}

#[test]
fn errors_on_creases_borders_and_in_flat_cells_are_small() {
    let cases: [(&str, Value, [u32; 3]); 4] = [
        ("ball", ball, [33, 33, 33]),
        ("ball over the border", ball_over_the_border, [33, 33, 33]),
        ("turned box", turned_box, [33, 33, 33]),
        ("ball, cells 4:1", ball, [49, 49, 13]),
    ];
    for (name, field, coarse) in cases {
        for n in [coarse, coarse.map(|n| 2 * n - 1)] {
            let [near, all, most, least] = errors(n, field);
            println!("| {name} | {n:?} | {near:.4} | {all:.4} | {most:.3} | {least:.3} |");
            assert!(near < 0.01 && all < 0.01 && most < 0.3, "{name} {n:?}: {near} {all} {most}");
            // Brute force sees points a tenth of a cell apart: nearer than that to the surface it is no judge.
            assert!(least > -0.05, "{name} {n:?}: {least} cells too near");
        }
    }
}
