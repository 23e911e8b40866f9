//! `TransformMirrorCoords`: one half of space, seen in a mirror.

use crate::interval::{Bounds, Interval};
use crate::operator::{Build, BuildError, Lanes, LanesMut, OperatorEntry, Pointwise, Promise, Stage};
use crate::params::{Choices, Kind, Param, ParamError, Values};
use crate::xform::{XFORM_PARAM, conjugate};
use fieldstone_kernel::by_level;
use fieldstone_kernel::simd::Level;

/// The registry entry.
pub const ENTRY: OperatorEntry = OperatorEntry {
    type_name: "TransformMirrorCoords",
    doc: "Reflects the points behind a plane to its front, so that the front's shapes appear on both sides.",
    details: "s = n·(p − q); where s < 0, p ← p − 2s·n, with n the unit `mirror_normal` and q the `mirror_point`. The plane is placed by \
        `xform`. Distances become bounds: near the plane the mirrored part may be nearer. The older spelling `normal` (X, Y or \
        Z) stands for that `mirror_normal`. \
        The points given are the world's: `xform` is undone after the move, so what follows is placed as without it.",
    params: &[
        Param {
            name: "mirror_normal",
            kind: Kind::Numbers(3),
            default: Some("[1, 0, 0]"),
            doc: "points to the side that stays; any length but 0",
        },
        Param {
            name: "mirror_point",
            kind: Kind::Numbers(3),
            default: Some("[0, 0, 0]"),
            doc: "a point of the plane, mm",
        },
        Param {
            name: "normal",
            kind: Kind::Choice(&NORMALS.words()),
            default: None,
            doc: "older spelling: an axis, instead of mirror_normal",
        },
        XFORM_PARAM,
    ],
    example: r#"{"mirror_normal": [1, 2, 0], "mirror_point": [0.1, 0, 0]}"#,
    promise: |values, inputs| {
        // Mirrors of a sheared or unevenly scaled frame are no isometries.
        let evenly = crate::affine::Affine::placement(values, "xform").is_ok_and(|a| a.is_similarity());
        let own = if evenly { Promise::Pieces } else { Promise::Sign };
        inputs.iter().copied().fold(own, Promise::min)
    },
    check: |values, _| normal(values).map(drop),
    build,
    ..OperatorEntry::TRANSFORM
};

/// What the words of `normal` mean.
const NORMALS: Choices<[f64; 3], 3> =
    Choices([("X", [1.0, 0.0, 0.0]), ("Y", [0.0, 1.0, 0.0]), ("Z", [0.0, 0.0, 1.0])]);

/// The plane's unit normal.
fn normal(values: &Values) -> Result<[f64; 3], ParamError> {
    let word = values.choice("normal");
    let normal = word.map_or(values.vector::<3>("mirror_normal"), |word| NORMALS.meaning(word));
    let length = normal.iter().map(|n| n * n).sum::<f64>().sqrt();
    if !(1e-12..=1e12).contains(&length) {
        let what = format!("expected a direction of length 1e-12 to 1e12, got {normal:?}");
        return Err(ParamError { name: "mirror_normal".into(), what });
    }
    Ok(normal.map(|c| c / length))
}

fn build(values: &Values, cx: &mut Build<'_>) -> Result<Stage, BuildError> {
    let n = normal(values)?;
    let q = values.vector::<3>("mirror_point");
    let shift = n[0] * q[0] + n[1] * q[1] + n[2] * q[2];
    conjugate(values, cx)?;
    Ok(Stage::Pointwise(Box::new(Mirror { n: n.map(|c| c as f32), shift: shift as f32 })))
}

struct Mirror {
    n: [f32; 3],
    /// n·q.
    shift: f32,
}

impl Pointwise for Mirror {
    fn channels(&self) -> usize {
        3
    }

    fn evaluate(&self, level: Level, inputs: &[Lanes<'_>], out: &mut LanesMut<'_>) {
        let [x, y, z] = inputs[0].points();
        let [u, v, w] = out.points();
        mirror(level, self.n, self.shift, x, y, z, u, v, w);
    }

    fn bounds(&self, inputs: &[Bounds]) -> Bounds {
        let p = inputs[0].0;
        let along = (0..3).map(|a| p[a].times(self.n[a])).fold(Interval::point(-self.shift), Interval::plus);
        let behind = Interval::new(along.lo.min(0.0), along.hi.min(0.0));
        Bounds(std::array::from_fn(|a| p[a].plus(behind.times(-2.0 * self.n[a]))))
    }
}

by_level! {
    fn mirror<'a>(n: [f32; 3], shift: f32, x: &'a [f32], y: &'a [f32], z: &'a [f32], u: &mut [f32], v: &mut [f32], w: &mut [f32]) {
        let len = u.len();
        let (x, y, z, v, w) = (&x[..len], &y[..len], &z[..len], &mut v[..len], &mut w[..len]);
        for i in 0..len {
            let s = x[i] * n[0] + y[i] * n[1] + z[i] * n[2] - shift;
            let by = if s < 0.0 { -2.0 * s } else { 0.0 };
            u[i] = x[i] + by * n[0];
            v[i] = y[i] + by * n[1];
            w[i] = z[i] + by * n[2];
        }
    }
}
