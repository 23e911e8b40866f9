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

/// Planes beyond its own that a sample looks at.
pub fn cells(values: &Values, _: Visible, spacing: [f64; 3]) -> Option<u32> {
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
        if cx.channels.first().is_some_and(|n| *n > 1) {
            let what = format!("input \"Samples\" takes one value per sample, got {}", cx.channels[0]);
            return Err(BuildError::Input(what));
        }
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
        let planes = a.par_chunks_mut(plane).zip(b.par_chunks_mut(plane)).zip(c.par_chunks_mut(plane));
        planes.enumerate().try_for_each(|(k, ((a, b), c))| {
            monitor.check()?;
            for i in 0..a.len() {
                let (gradient, second) = self.at(samples, n, [i % n[0], i / n[0], k]);
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

/// Neighbours along one axis: below, own and above, as indices, and the distances to the outer two.
struct Stencil {
    at: [usize; 3],
    below: f64,
    above: f64,
}

impl Differences {
    fn stencil(&self, n: [usize; 3], axis: usize, i: usize) -> Stencil {
        let step = self.steps[axis] as usize;
        // Cut off at the grid's border.
        let (low, high) = (i.saturating_sub(step), (i + step).min(n[axis] - 1));
        let h = self.spacing[axis];
        Stencil { at: [low, i, high], below: h * (i - low) as f64, above: h * (high - i) as f64 }
    }

    /// Gradient and second derivatives; one-sided at the border, where second ones are those of the nearest inner sample.
    fn at(&self, samples: &[f32], n: [usize; 3], index: [usize; 3]) -> ([f64; 3], [f64; 6]) {
        // Second derivatives need a neighbour on either side.
        let inner: [usize; 3] = std::array::from_fn(|a| {
            let step = self.steps[a] as usize;
            if n[a] > 2 * step { index[a].clamp(step, n[a] - 1 - step) } else { index[a] }
        });
        let value = |p: [usize; 3]| f64::from(samples[(p[2] * n[1] + p[1]) * n[0] + p[0]]);
        let quotient = |d: f64, h: f64| if h > 0.0 { d / h } else { 0.0 };
        let moved = |mut p: [usize; 3], axis: usize, to: usize| {
            p[axis] = to;
            value(p)
        };
        let gradient = std::array::from_fn(|a| {
            let s = self.stencil(n, a, index[a]);
            quotient(moved(index, a, s.at[2]) - moved(index, a, s.at[0]), s.below + s.above)
        });
        let stencils: [Stencil; 3] = std::array::from_fn(|a| self.stencil(n, a, inner[a]));
        let own = value(inner);
        let pure = |a: usize| {
            let s = &stencils[a];
            let (up, down) = (moved(inner, a, s.at[2]) - own, own - moved(inner, a, s.at[0]));
            quotient(quotient(up, s.above) - quotient(down, s.below), 0.5 * (s.above + s.below))
        };
        let mixed = |a: usize, b: usize| {
            let (s, t) = (&stencils[a], &stencils[b]);
            let corner = |u: usize, v: usize| {
                let mut p = inner;
                (p[a], p[b]) = (s.at[u], t.at[v]);
                value(p)
            };
            let d = corner(2, 2) - corner(2, 0) - corner(0, 2) + corner(0, 0);
            quotient(d, (s.below + s.above) * (t.below + t.above))
        };
        let second = [pure(0), pure(1), pure(2), mixed(0, 1), mixed(1, 2), mixed(2, 0)];
        (gradient, second)
    }
}
