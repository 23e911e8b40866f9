//! `TransformSphericalCoords`: radius and two angles in place of x, y and z.

use super::transform_cylindrical_coords::radius;
use crate::interval::{Bounds, Interval};
use crate::operator::{Build, BuildError, Lanes, LanesMut, OperatorEntry, Pointwise, Stage};
use crate::params::Values;
use crate::xform::XFORM_PARAM;
use fieldstone_kernel::by_level;
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::trig::atan2;

/// The registry entry.
pub const ENTRY: OperatorEntry = OperatorEntry {
    type_name: "TransformSphericalCoords",
    doc: "Replaces x, y, z by the radius, the polar angle and the azimuth.",
    details: "(r, θ, φ): r = √(x² + y² + z²), θ in 0..π from the z axis, φ in −π..π about it, both in radians; the axes are placed by `xform`. \
        Distances are lost: put a Redistance after the sampler. \
        The points given are coordinates, not places: `xform` is not undone, what follows counts in them.",
    params: &[XFORM_PARAM],
    example: r#"{"xform": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0.1, 0.2, 0, 1]}"#,
    build,
    ..OperatorEntry::TRANSFORM
};

fn build(values: &Values, cx: &mut Build<'_>) -> Result<Stage, BuildError> {
    // The result is no place in the world, so it is not mapped back.
    cx.place(values)?;
    Ok(Stage::Pointwise(Box::new(Spherical)))
}

struct Spherical;

impl Pointwise for Spherical {
    fn channels(&self) -> usize {
        3
    }

    fn evaluate(&self, level: Level, inputs: &[Lanes<'_>], out: &mut LanesMut<'_>) {
        let [x, y, z] = inputs[0].points();
        let [r, polar, azimuth] = out.points();
        spherical(level, x, y, z, r, polar, azimuth);
    }

    fn bounds(&self, inputs: &[Bounds]) -> Bounds {
        let [x, y, z] = inputs[0].0;
        let pi = std::f32::consts::PI;
        let half = Interval::around(0.5 * pi, 0.5 * pi);
        Bounds([radius(radius(x, y), z), half, Interval::around(0.0, pi)])
    }
}

by_level! {
    fn spherical<'a>(x: &'a [f32], y: &'a [f32], z: &'a [f32], r: &mut [f32], polar: &mut [f32], azimuth: &mut [f32]) {
        let n = r.len();
        let (x, y, z, polar, azimuth) = (&x[..n], &y[..n], &z[..n], &mut polar[..n], &mut azimuth[..n]);
        for i in 0..n {
            let across2 = x[i] * x[i] + y[i] * y[i];
            r[i] = (across2 + z[i] * z[i]).sqrt();
            polar[i] = atan2(across2.sqrt(), z[i]);
            azimuth[i] = atan2(y[i], x[i]);
        }
    }
}
