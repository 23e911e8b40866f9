//! `TransformCylindricalCoords`: radius, angle and height in place of x, y and z.

use crate::interval::{Bounds, Interval};
use crate::operator::{Build, BuildError, Lanes, LanesMut, OperatorEntry, Pointwise, Stage};
use crate::params::{Kind, Param, Values};
use crate::xform::XFORM_PARAM;
use fieldstone_kernel::by_level;
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::trig::atan2;

/// The registry entry.
pub const ENTRY: OperatorEntry = OperatorEntry {
    type_name: "TransformCylindricalCoords",
    doc: "Replaces x, y, z by the radius, the angle times `radial_scale`, and z.",
    details: "(r, θ·radial_scale, z) with r = √(x² + y²) and θ in −π..π about the z axis that `xform` places. A lattice sampled there is \
        bent round; it closes where 2π·radial_scale is a whole number of its cells along y. Distances are lost: put a Redistance \
        after the sampler. \
        The points given are coordinates, not places: `xform` is not undone, what follows counts in them.",
    params: &[
        Param {
            name: "radial_scale",
            kind: Kind::Number { min: -1e9, max: 1e9 },
            default: Some("1"),
            doc: "mm per radian",
        },
        XFORM_PARAM,
    ],
    example: r#"{"radial_scale": 0.5}"#,
    build,
    ..OperatorEntry::TRANSFORM
};

fn build(values: &Values, cx: &mut Build<'_>) -> Result<Stage, BuildError> {
    // The result is no place in the world, so it is not mapped back.
    cx.place(values)?;
    Ok(Stage::Pointwise(Box::new(Cylindrical { scale: values.float("radial_scale") as f32 })))
}

/// r = √(a² + b²) over a box.
pub(super) fn radius(a: Interval, b: Interval) -> Interval {
    let (a, b) = (a.abs(), b.abs());
    let length = |a: f32, b: f32| (a * a + b * b).sqrt();
    Interval::new(length(a.lo, b.lo), length(a.hi, b.hi)).widened()
}

struct Cylindrical {
    scale: f32,
}

impl Pointwise for Cylindrical {
    fn channels(&self) -> usize {
        3
    }

    fn evaluate(&self, level: Level, inputs: &[Lanes<'_>], out: &mut LanesMut<'_>) {
        let [x, y, z] = inputs[0].points();
        let [r, theta, height] = out.points();
        polar(level, self.scale, x, y, r, theta);
        height.copy_from_slice(z);
    }

    fn bounds(&self, inputs: &[Bounds]) -> Bounds {
        let [x, y, z] = inputs[0].0;
        let all = Interval::around(0.0, std::f32::consts::PI).times(self.scale);
        Bounds([radius(x, y), all, z])
    }
}

by_level! {
    fn polar<'a>(scale: f32, x: &'a [f32], y: &'a [f32], r: &mut [f32], theta: &mut [f32]) {
        for (((x, y), r), t) in x.iter().zip(y).zip(r).zip(theta) {
            *r = (x * x + y * y).sqrt();
            *t = scale * atan2(*y, *x);
        }
    }
}
