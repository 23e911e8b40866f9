//! Derivatives of samples by central differences: what ComputeNormals and ComputeCurvatures share.

use crate::affine::Affine;
use crate::operator::{AssetBytes, Build, BuildError, Neighbours, Promise, StageError, Visible};
use crate::params::{Choices, Kind, Param, ParamError, Values};
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::{Monitor, Patch};
use rayon::prelude::*;
use std::ops::Range;

/// What `step_size` counts.
#[derive(Clone, Copy, PartialEq)]
enum Spacing {
    Millimetres,
    Samples,
}

const SPACINGS: Choices<Spacing, 2> =
    Choices([("Continuous", Spacing::Millimetres), ("Discrete", Spacing::Samples)]);

/// The parameters.
pub const PARAMS: &[Param] = &[
    Param {
        name: "spacing_type",
        kind: Kind::Choice(&SPACINGS.words()),
        default: Some("Discrete"),
        doc: "what step_size counts: mm (Continuous) or samples (Discrete)",
    },
    Param {
        name: "step_size",
        kind: Kind::Number { min: 0.0, max: 1e6 },
        default: Some("0"),
        doc: "distance to the neighbours that differences are taken with, a whole number of samples at least 1; 0: the nearest",
    },
    Param {
        name: "volume_size",
        kind: Kind::Numbers(3),
        default: None,
        doc: "extents of the grid, mm; default: its own",
    },
];

/// A vector from derivatives at one sample: (gradient, xx, yy, zz, xy, yz, zx).
pub type Formula = fn([f64; 3], [f64; 6]) -> [f32; 3];

/// Steps per axis in samples, at most the half of what a grid can have.
fn steps(values: &Values, spacing: [f64; 3]) -> [u32; 3] {
    let step = values.float("step_size");
    let continuous = SPACINGS.read(values, "spacing_type") == Spacing::Millimetres;
    spacing.map(|h| {
        let samples = if continuous && h > 0.0 { step / h } else { step };
        if continuous && h <= 0.0 { 1 } else { samples.round().clamp(1.0, 4096.0) as u32 }
    })
}

/// Planes beyond its own that a sample looks at, at the border too, for derivatives up to this order.
pub fn cells(values: &Values, visible: Visible, spacing: [f64; 3], order: u32) -> Option<u32> {
    central(values, visible, spacing).map(|n| (order + 1) * n)
}

/// Planes beyond its own that a sample looks at away from the border.
fn central(values: &Values, _: Visible, spacing: [f64; 3]) -> Option<u32> {
    let spacing = match values.numbers("volume_size") {
        // The grid's resolution is not known here: as far as any step may go.
        Some(_) if SPACINGS.read(values, "spacing_type") == Spacing::Millimetres => return None,
        _ => spacing,
    };
    steps(values, spacing).into_iter().max()
}

/// Refuses a grid of no extent.
pub fn check(values: &Values, _: AssetBytes<'_>) -> Result<(), ParamError> {
    match values.numbers("volume_size") {
        Some(size) if size.iter().any(|s| *s <= 0.0) => {
            let what = format!("expected numbers above 0, got {size:?}");
            Err(ParamError { name: "volume_size".into(), what })
        }
        _ => Ok(()),
    }
}

/// A derivative is no distance.
pub fn promise(_: &Values, _: &[Promise]) -> Promise {
    Promise::Sign
}

/// Samples to vectors by a formula of their derivatives.
pub struct Differences {
    formula: Formula,
    spacing: [f64; 3],
    steps: [u32; 3],
    /// What the vectors' components count along.
    axes: Option<[[f64; 3]; 3]>,
}

impl Differences {
    /// Reads the parameters.
    pub fn read(values: &Values, cx: &Build<'_>, formula: Formula) -> Result<Differences, BuildError> {
        let patch = cx.patch.ok_or_else(|| BuildError::Input("needs samples on a grid".into()))?;
        let mut spacing = patch.spacing();
        if let Some(size) = values.numbers("volume_size") {
            let n = patch.resolution();
            spacing = std::array::from_fn(|a| size[a] / f64::from(n[a].max(2) - 1));
        }
        Ok(Differences { formula, spacing, steps: steps(values, spacing), axes: None })
    }

    /// Has the vectors written in the world's frame, given where the grid's axes point in it.
    pub fn along(self, axes: [[f64; 3]; 3]) -> Differences {
        let upright = axes == Affine::IDENTITY.linear;
        Differences { axes: (!upright).then_some(axes), ..self }
    }
}

impl Neighbours for Differences {
    fn channels(&self) -> usize {
        3
    }

    fn apply(
        &self,
        inputs: Vec<Vec<Vec<f32>>>,
        patch: &Patch,
        z: Range<u32>,
        _: Visible,
        _: Level,
        monitor: &Monitor,
    ) -> Result<Vec<Vec<f32>>, StageError> {
        let samples = &inputs[0][0];
        let mut n = patch.resolution().map(|n| n as usize);
        n[2] = z.len();
        let mut out = vec![vec![0.0f32; samples.len()]; 3];
        let [a, b, c] = &mut out[..] else { return Ok(out) };
        let plane = (n[0] * n[1]).max(1);
        let axes: [Vec<Stencil>; 3] = std::array::from_fn(|a| {
            let stencil = |i| Stencil::new(n[a], self.spacing[a], self.steps[a] as usize, i);
            (0..n[a]).map(stencil).collect()
        });
        let planes = a.par_chunks_mut(plane).zip(b.par_chunks_mut(plane)).zip(c.par_chunks_mut(plane));
        planes.enumerate().try_for_each(|(k, ((a, b), c))| {
            monitor.check()?;
            for i in 0..a.len() {
                let index = [i % n[0], i / n[0], k];
                let at = [&axes[0][index[0]], &axes[1][index[1]], &axes[2][index[2]]];
                let (gradient, second) = self.at(samples, n, index, at);
                let vector = (self.formula)(gradient, second);
                [a[i], b[i], c[i]] = self.axes.map_or(vector, |axes| combined(axes, vector));
            }
            Ok::<_, StageError>(())
        })?;
        Ok(out)
    }
}

/// v₀·axes₀ + v₁·axes₁ + v₂·axes₂.
fn combined(axes: [[f64; 3]; 3], v: [f32; 3]) -> [f32; 3] {
    let v = v.map(f64::from);
    std::array::from_fn(|k| (v[0] * axes[0][k] + v[1] * axes[1][k] + v[2] * axes[2][k]) as f32)
}

/// Samples along one axis and their weights, whose sum is a derivative.
type Weights = Vec<(usize, f64)>;

/// First and second derivative at one sample of an axis.
struct Stencil {
    first: Weights,
    second: Weights,
}

impl Stencil {
    /// At sample `i` of `n` that are `h` apart, from neighbours `step` samples away: central where both are there, else of as many points
    /// towards the inside as second order needs, closer ones where the grid has no more.
    fn new(n: usize, h: f64, step: usize, i: usize) -> Stencil {
        if n < 2 || h <= 0.0 {
            return Stencil { first: vec![], second: vec![] };
        }
        if i >= step && i + step < n {
            let (below, above, d) = (i - step, i + step, h * step as f64);
            let second = vec![(below, 1.0 / (d * d)), (i, -2.0 / (d * d)), (above, 1.0 / (d * d))];
            return Stencil { first: vec![(below, -0.5 / d), (above, 0.5 / d)], second };
        }
        Stencil { first: one_sided(n, h, step, i, 1), second: one_sided(n, h, step, i, 2) }
    }
}

/// Weights of the derivative of this order, 1 or 2, of the polynomial through `order + 2` samples: exact for those of degree
/// `order + 1`. Fewer where the axis has fewer samples.
fn one_sided(n: usize, h: f64, step: usize, i: usize, order: usize) -> Weights {
    let step = step.min((n - 1) / (order + 1)).max(1);
    let inward = |k: usize| {
        if i < n / 2 { (i + k * step).checked_sub(step) } else { (i + step).checked_sub(k * step) }
    };
    // One behind `i`, if there is one, `i`, and those before it.
    let clipped = |k: usize| inward(k).unwrap_or(0).min(n - 1);
    let mut at: Vec<usize> = (0..=order + 2).map(clipped).collect();
    at.dedup();
    at.truncate(order + 2);
    at.sort_unstable();
    let x: Vec<f64> = at.iter().map(|&k| h * (k as f64 - i as f64)).collect();
    let weight = |k: usize| {
        let others: Vec<f64> = (0..x.len()).filter(|j| *j != k).map(|j| x[j]).collect();
        // Coefficients of ∏ (t − xⱼ) of order 0, 1 and 2; a derivative at 0 is the coefficient times its factorial.
        let mut c = [1.0, 0.0, 0.0];
        for xj in &others {
            c = [-xj * c[0], c[0] - xj * c[1], c[1] - xj * c[2]];
        }
        let scale: f64 = others.iter().map(|xj| x[k] - xj).product();
        c[order] * order as f64 / scale
    };
    at.iter().enumerate().map(|(k, i)| (*i, weight(k))).collect()
}

impl Differences {
    /// Gradient and second derivatives (xx, yy, zz, xy, yz, zx).
    fn at(
        &self,
        samples: &[f32],
        n: [usize; 3],
        index: [usize; 3],
        axes: [&Stencil; 3],
    ) -> ([f64; 3], [f64; 6]) {
        let stride = [1, n[0], n[0] * n[1]];
        let own = (index[2] * n[1] + index[1]) * n[0] + index[0];
        let along = |a: usize, at: usize, i: usize| at - index[a] * stride[a] + i * stride[a];
        let sum = |a: usize, at: usize, weights: &Weights| {
            weights.iter().map(|(i, w)| w * f64::from(samples[along(a, at, *i)])).sum::<f64>()
        };
        let mixed = |a: usize, b: usize| {
            axes[a].first.iter().map(|(i, w)| w * sum(b, along(a, own, *i), &axes[b].first)).sum::<f64>()
        };
        let gradient = [0, 1, 2].map(|a| sum(a, own, &axes[a].first));
        let pure = |a: usize| sum(a, own, &axes[a].second);
        (gradient, [pure(0), pure(1), pure(2), mixed(0, 1), mixed(1, 2), mixed(2, 0)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_of_parabolas_and_cubics_are_exact_everywhere() {
        for (n, step) in [(3, 1), (4, 1), (5, 2), (9, 1), (9, 2), (9, 3), (12, 3), (7, 90)] {
            for i in 0..n {
                let s = Stencil::new(n, 0.5, step, i);
                let sum = |weights: &Weights, f: fn(f64) -> f64| {
                    weights.iter().map(|(k, w)| w * f(0.5 * *k as f64)).sum::<f64>()
                };
                let x = 0.5 * i as f64;
                assert!((sum(&s.first, |x| 3.0 * x * x - x) - 6.0 * x + 1.0).abs() < 1e-9, "{n} {step} {i}");
                assert!((sum(&s.second, |x| 3.0 * x * x - x) - 6.0).abs() < 1e-9, "{n} {step} {i}");
                if n >= 4 {
                    assert!((sum(&s.second, |x| x * x * x) - 6.0 * x).abs() < 1e-9, "{n} {step} {i}");
                }
            }
        }
        assert_eq!(Stencil::new(2, 0.5, 1, 1).first, [(0, -2.0), (1, 2.0)]);
    }
}
