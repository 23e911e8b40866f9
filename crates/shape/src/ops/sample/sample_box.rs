//! `SampleBox`: a simple solid; a box is one of nine.

use crate::affine::Affine;
use crate::extent::Extent;
use crate::interval::Bounds;
use crate::operator::{Build, BuildError, Lanes, LanesMut, OperatorEntry, Pointwise, Promise, Stage};
use crate::params::{Choices, Kind, Param, ParamError, Values};
use crate::xform::XFORM_PARAM;
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::solid::{self, Solid, SolidError};

/// The registry entry.
pub const ENTRY: OperatorEntry = OperatorEntry {
    type_name: "SampleBox",
    doc: "Exact distance to a simple solid, centred at the origin with its axis along z.",
    details: "`size` is the full extent.\n\n\
        | shape_type | meaning |\n|---|---|\n\
        | Box | a cuboid |\n\
        | BoxFrame | the twelve edges of a cuboid as square bars of thickness `free_param` |\n\
        | CappedCone | bottom radius size.x/2, top radius `free_param`, height size.z |\n\
        | Capsule | radius size.x/2, whole height size.z |\n\
        | Cylinder | radius size.x/2, height size.z |\n\
        | Ellipsoid | semi-axes size/2; the distance by root finding, not the usual bound |\n\
        | Link | a chain link in the x-z plane: bar radius `free_param` (at most size.x/4), whole width size.x, whole height size.z |\n\
        | Plane | everything below z = 0 |\n\
        | Torus | outer radius size.x/2, tube radius `free_param` (at most size.x/2) |\n\n\
        With an `xform` that scales evenly the result stays the distance; otherwise it is a bound, the distance before the \
        `xform` times its least stretch.",
    params: &[
        Param {
            name: "shape_type",
            kind: Kind::Choice(&SOLIDS.words()),
            default: Some("Box"),
            doc: "which solid",
        },
        Param { name: "size", kind: Kind::Numbers(3), default: Some("[1, 1, 1]"), doc: "full extents, mm" },
        Param {
            name: "free_param",
            kind: Kind::Number { min: -1e9, max: 1e9 },
            default: Some("0.1"),
            doc: "what the shape_type says, mm",
        },
        XFORM_PARAM,
    ],
    example: r#"{"shape_type": "CappedCone", "size": [1.2, 1.2, 1], "free_param": 0.2, "xform": [0, 0, 1, 0, 0, 1, 0, 0, -1, 0, 0, 0, 0.1, 0, 0, 1]}"#,
    promise: |values, inputs| {
        let evenly = Affine::placement(values, "xform").is_ok_and(|a| a.is_similarity());
        let own = if evenly { Promise::Distance } else { Promise::Bound };
        inputs.iter().copied().fold(own, Promise::min)
    },
    extent: |values, _| {
        // Nothing is deeper than half its greatest side, but a Plane.
        let size = values.vector::<3>("size").into_iter().fold(0.0, |m: f64, s| m.max(s.abs()));
        let scale = Affine::placement(values, "xform").map_or(f64::INFINITY, |a| a.least_scale());
        let deepest = if SOLIDS.read(values, "shape_type") == solid::Kind::Plane {
            f64::INFINITY
        } else {
            0.51 * size * scale
        };
        Extent { least: -deepest, ..Extent::ANY }
    },
    check: |values, _| own_solid(values).map(drop),
    build,
    ..OperatorEntry::SAMPLER
};

/// What the words of `shape_type` mean.
const SOLIDS: Choices<solid::Kind, 9> = Choices([
    ("Box", solid::Kind::Box),
    ("BoxFrame", solid::Kind::BoxFrame),
    ("CappedCone", solid::Kind::CappedCone),
    ("Capsule", solid::Kind::Capsule),
    ("Cylinder", solid::Kind::Cylinder),
    ("Ellipsoid", solid::Kind::Ellipsoid),
    ("Link", solid::Kind::Link),
    ("Plane", solid::Kind::Plane),
    ("Torus", solid::Kind::Torus),
]);

/// The solid of this kind; refusals name the parameters.
pub(crate) fn solid(
    kind: solid::Kind,
    size: (&str, [f64; 3]),
    free: (&str, f64),
) -> Result<Solid, ParamError> {
    Solid::new(kind, size.1, free.1).map_err(|e| {
        let name = match e {
            SolidError::Size(_) => size.0,
            SolidError::Free { .. } => free.0,
        };
        ParamError { name: name.to_owned(), what: e.to_string() }
    })
}

fn own_solid(values: &Values) -> Result<Solid, ParamError> {
    let size = ("size", values.vector("size"));
    solid(SOLIDS.read(values, "shape_type"), size, ("free_param", values.float("free_param")))
}

fn build(values: &Values, cx: &mut Build<'_>) -> Result<Stage, BuildError> {
    let solid = own_solid(values)?;
    Ok(Stage::Pointwise(Box::new(SampleBox { solid, factor: cx.place(values)? })))
}

struct SampleBox {
    solid: Solid,
    /// From this frame's distances to the world's.
    factor: f32,
}

impl Pointwise for SampleBox {
    fn evaluate(&self, level: Level, inputs: &[Lanes<'_>], out: &mut LanesMut<'_>) {
        let [x, y, z] = inputs[0].points();
        let out = out.value();
        self.solid.distance(level, x, y, z, out);
        if self.factor != 1.0 {
            out.iter_mut().for_each(|d| *d *= self.factor);
        }
    }

    fn bounds(&self, inputs: &[Bounds]) -> Bounds {
        if !inputs[0].is_finite() {
            return Bounds::ANY;
        }
        let centre = inputs[0].centre();
        // Rounding of the distance goes with the coordinates, not with the value.
        let size = centre.iter().fold(self.solid.radius() as f32, |m, c| m.max(c.abs()));
        let bounds = inputs[0].lipschitz(self.solid.distance_at(centre) * self.factor, self.factor);
        let slack = crate::interval::Interval::new(-1e-6, 1e-6).times(size * self.factor);
        Bounds::scalar(bounds.value().plus(slack))
    }
}
