//! `GradeCellSize`: space stretched with the distance to a shape, so that the cells sampled there grow.

use crate::affine::Affine;
use crate::interval::Bounds;
use crate::operator::{AssetBytes, Build, BuildError, Lanes, LanesMut, OperatorEntry, Pointwise, Stage};
use crate::ops::sample::sample_box::solid;
use crate::params::{Choices, Kind, Param, ParamError, Values};
use crate::xform::{XFORM_PARAM, conjugate};
use fieldstone_kernel::by_level;
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::solid::{self, Solid};

/// The shape's `xform` within the operator's frame.
pub(super) const SHAPE_XFORM: Param = Param {
    name: "shape_xform",
    kind: Kind::Numbers(16),
    default: Some("[1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]"),
    doc: "shape → operator's frame: 16 numbers, translation at 12..14",
};

/// The registry entry.
pub const ENTRY: OperatorEntry = OperatorEntry {
    type_name: "GradeCellSize",
    doc: "Makes the cells of lattices grow with the distance from a shape, in steps or evenly.",
    details: "With d the distance to the shape and t = clamp((d − offset)/width): p ← p/(1 + step_size·level), level = ⌊t·num_steps⌋, or t itself where \
        num_steps is 0. Cells do not meet across the steps. Distances are lost: put a Redistance after the sampler. \
        The points given are the world's: `xform` is undone after the move, so what follows is placed as without it.",
    params: &[
        Param {
            name: "num_steps",
            kind: Kind::Integer { min: 0, max: 1_000_000 },
            default: Some("0"),
            doc: "number of steps; 0: evenly",
        },
        Param {
            name: "step_size",
            kind: Kind::Number { min: -1e6, max: 1e6 },
            default: Some("1"),
            doc: "growth of the cell from level to level, as a share of the first",
        },
        Param {
            name: "offset",
            kind: Kind::Number { min: -1e9, max: 1e9 },
            default: Some("0"),
            doc: "distance from the shape at which cells begin to grow, mm",
        },
        Param {
            name: "width",
            kind: Kind::Number { min: 1e-9, max: 1e9 },
            default: Some("1"),
            doc: "distance over which they grow, mm",
        },
        Param {
            name: "shape_type",
            kind: Kind::Choice(&SHAPES.words()),
            default: Some("Box"),
            doc: "the shape, as of SampleBox",
        },
        Param {
            name: "shape_size",
            kind: Kind::Numbers(3),
            default: Some("[1, 1, 1]"),
            doc: "its full extents, mm",
        },
        SHAPE_XFORM,
        XFORM_PARAM,
    ],
    example: r#"{"num_steps": 3, "step_size": 0.5, "width": 0.6, "shape_type": "Ellipsoid", "shape_size": [1, 0.8, 0.6]}"#,
    check,
    build,
    ..OperatorEntry::TRANSFORM
};

/// What the words of `shape_type` mean.
const SHAPES: Choices<solid::Kind, 4> = Choices([
    ("Box", solid::Kind::Box),
    ("Cylinder", solid::Kind::Cylinder),
    ("Ellipsoid", solid::Kind::Ellipsoid),
    ("Plane", solid::Kind::Plane),
]);

fn shape(values: &Values) -> Result<Solid, ParamError> {
    let kind = SHAPES.read(values, "shape_type");
    solid(kind, ("shape_size", values.vector("shape_size")), ("shape_size", 0.0))
}

fn check(values: &Values, _: AssetBytes<'_>) -> Result<(), ParamError> {
    let steps = values.integer("num_steps").unwrap_or(0).max(1) as f64;
    let greatest = 1.0 + values.float("step_size") * steps;
    if greatest < 1e-6 {
        let what = format!("shrinks cells to {greatest} of their size, expected at least 1e-6");
        return Err(ParamError { name: "step_size".into(), what });
    }
    shape(values).map(drop)
}

fn build(values: &Values, cx: &mut Build<'_>) -> Result<Stage, BuildError> {
    let solid = shape(values)?;
    let placed = Affine::placement(values, "shape_xform")?;
    let factor = placed.least_scale() as f32;
    let steps = values.integer("num_steps").unwrap_or(0) as f32;
    conjugate(values, cx)?;
    Ok(Stage::Pointwise(Box::new(GradeCellSize {
        solid,
        to_shape: placed.inverse().filter(|_| placed != Affine::IDENTITY),
        factor,
        offset: values.float("offset") as f32,
        per_width: (1.0 / values.float("width")) as f32,
        steps,
        step_size: values.float("step_size") as f32,
    })))
}

struct GradeCellSize {
    solid: Solid,
    to_shape: Option<Affine>,
    /// From the shape's distances to the operator's.
    factor: f32,
    offset: f32,
    per_width: f32,
    steps: f32,
    step_size: f32,
}

impl Pointwise for GradeCellSize {
    fn channels(&self) -> usize {
        3
    }

    fn evaluate(&self, level: Level, inputs: &[Lanes<'_>], out: &mut LanesMut<'_>) {
        let p = inputs[0].points();
        let mut cell = vec![0.0; p[0].len()];
        match self.to_shape {
            None => self.solid.distance(level, p[0], p[1], p[2], &mut cell),
            Some(affine) => {
                let [x, y, z] = mapped(level, &affine, p);
                self.solid.distance(level, &x, &y, &z, &mut cell);
            }
        }
        let steps = (self.steps, self.step_size);
        inverse_cell(level, self.factor, self.offset, self.per_width, steps, &mut cell);
        for (from, to) in p.iter().zip(out.points()) {
            multiply(level, from, &cell, to);
        }
    }

    fn bounds(&self, inputs: &[Bounds]) -> Bounds {
        let last = 1.0 / (1.0 + self.step_size * if self.steps > 0.0 { self.steps } else { 1.0 });
        Bounds(inputs[0].0.map(|i| i.hull(i.times(last)).widened()))
    }
}

/// The points in another frame.
pub(super) fn mapped(level: Level, affine: &Affine, p: [&[f32]; 3]) -> [Vec<f32>; 3] {
    let mut out = [(); 3].map(|()| vec![0.0; p[0].len()]);
    let [x, y, z] = &mut out;
    crate::affine::Lanes::of(affine).points(level, p, [x, y, z]);
    out
}

by_level! {
    /// Distance in, 1/(1 + step_size·level) out.
    fn inverse_cell<'a>(factor: f32, offset: f32, per_width: f32, steps: (f32, f32), d: &mut [f32]) {
        for d in d {
            let t = (factor * *d - offset) * per_width;
            let t = if t > 0.0 { t } else { 0.0 };
            let t = if t < 1.0 { t } else { 1.0 };
            // Truncation is the floor of what is not negative.
            let stepped = (t * steps.0) as i32 as f32;
            let at = if steps.0 > 0.0 { stepped } else { t };
            *d = 1.0 / (1.0 + steps.1 * at);
        }
    }
    fn multiply<'a>(p: &'a [f32], by: &'a [f32], out: &mut [f32]) {
        for ((p, b), o) in p.iter().zip(by).zip(out) {
            *o = p * b;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_snap_and_cells_grow() {
        let grow = |steps: f32, d: f32| {
            let mut d = [d];
            inverse_cell(Level::detect(), 1.0, 1.0, 0.5, (steps, 0.5), &mut d);
            1.0 / d[0]
        };
        assert_eq!(grow(4.0, 0.5), 1.0);
        assert_eq!(grow(4.0, 1.6), 1.5);
        assert_eq!(grow(4.0, 9.0), 3.0);
        assert_eq!(grow(0.0, 2.0), 1.25);
    }
}
