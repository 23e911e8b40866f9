//! ui/src/pages/graph/lattices.json: how solid a cell of each nodal surface is, and how large its surface, against the threshold.
//!
//! # Formula
//! At points spread evenly over the cell (an additive recurrence with the powers of the plastic constant's kin of three dimensions, M. Roberts
//! 2018), f and its slope G per cell give a distance (f − t)/G to the surface f = t; the density is the mean of the share of a voxel of their
//! size that a flat surface at this distance leaves inside. The area is ∫ δ(f − t)·|∇f| dV (coarea formula), with δ a triangle of a quarter
//! of the distance between thresholds: a mean of the areas beside t, within 2.5 %.

use fieldstone_kernel::lattice::tpms::{SURFACES, Surface};
use rayon::prelude::*;
use std::f64::consts::TAU;

/// Points in the cell.
const SAMPLES: u32 = 160_000;
/// The root of x⁴ = x + 1.
const ROOT: f64 = 1.220_744_084_605_759_6;
/// Thresholds, from the least value of f to the greatest.
pub const STEPS: usize = 33;
/// A curve over thresholds from `from` to `to`, evenly.
struct Curve {
    from: f64,
    to: f64,
    /// Share of the cell where f < threshold.
    density: Vec<f64>,
    /// Of a cell of edge 1.
    area: Vec<f64>,
}

/// The file: densities in 1/10,000, areas in 1/1,000.
pub fn page() -> String {
    let line = |surface: &&Surface| {
        let Curve { from, to, density, area } = curve(surface);
        let whole = |all: &[f64], times: f64| {
            all.iter().map(|v| format!("{}", (v * times).round() + 0.0)).collect::<Vec<_>>().join(",")
        };
        let (density, area) = (whole(&density, 1e4), whole(&area, 1e3));
        format!(
            "\"{}\":{{\"from\":{from:.4},\"to\":{to:.4},\"density\":[{density}],\"area\":[{area}]}}",
            surface.id
        )
    };
    let surfaces: Vec<&Surface> = SURFACES.iter().collect();
    let lines: Vec<String> = surfaces.par_iter().map(line).collect();
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}

/// The points in the cell.
pub fn points() -> impl Iterator<Item = [f64; 3]> {
    let steps = [ROOT, ROOT * ROOT, ROOT * ROOT * ROOT].map(f64::recip);
    (0..SAMPLES).map(move |i| steps.map(|step| (0.5 + step * f64::from(i)).fract()))
}

/// f and its slope per cell at the points.
fn sampled(surface: &Surface) -> Vec<(f64, f64)> {
    let sample = |point: [f64; 3]| {
        let (value, slope) = surface.value_and_gradient(point);
        (value, TAU * slope.iter().map(|s| s * s).sum::<f64>().sqrt())
    };
    points().map(sample).collect()
}

fn curve(surface: &Surface) -> Curve {
    let samples = sampled(surface);
    let round = |v: f64| (v * 1e4).round() / 1e4;
    let from = round(samples.iter().fold(f64::INFINITY, |least, (f, _)| least.min(*f)));
    let to = round(samples.iter().fold(f64::NEG_INFINITY, |most, (f, _)| most.max(*f)));
    let apart = (to - from) / (STEPS - 1) as f64;
    let thresholds = (0..STEPS).map(|k| from + apart * k as f64);
    let (density, area) = thresholds.map(|t| measured(&samples, t, apart / 4.0)).unzip();
    Curve { from, to, density, area }
}

/// Density at a threshold, and area, as a mean of those within `apart` of it.
fn measured(samples: &[(f64, f64)], threshold: f64, apart: f64) -> (f64, f64) {
    let voxel = 1.0 / f64::from(SAMPLES);
    let h = voxel.cbrt();
    let (mut inside, mut area) = (0.0, 0.0);
    for &(value, slope) in samples {
        inside += (0.5 - (value - threshold) / (slope * h).max(1e-12)).clamp(0.0, 1.0);
        area += slope * (1.0 - (value - threshold).abs() / apart).max(0.0) / apart;
    }
    (inside * voxel, area * voxel)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By exact rays through the equations, docs/accuracy.md.
    #[test]
    fn cells_measure_what_their_equations_do() {
        let known = [
            ("Gyroid", 0.5, 3.09165),
            ("P", 0.5, 2.35257),
            ("IWP", 0.46929, 3.55356),
            ("SchwarzN", 0.5, 3.5236),
            ("SchwarzD", 0.5, 3.83804),
        ];
        for (id, density, area) in known {
            let curve = curve(Surface::find(id).unwrap());
            // At threshold 0, as a reader of the file gets it.
            let place = -curve.from / (curve.to - curve.from) * (STEPS - 1) as f64;
            let at = |all: &[f64]| {
                let k = place as usize;
                all[k] + (all[k + 1] - all[k]) * (place - k as f64)
            };
            let (inside, surface) = (at(&curve.density), at(&curve.area));
            assert!((inside - density).abs() < 1e-3, "{id}: {inside}, {density}");
            assert!((surface / area - 1.0).abs() < 2.5e-2, "{id}: {surface}, {area}");
        }
    }
}
