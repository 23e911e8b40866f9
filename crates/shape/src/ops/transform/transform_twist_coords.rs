//! `TransformTwistCoords`: space turned about an axis, more the farther along it.

use crate::interval::{Bounds, Interval};
use crate::operator::{Build, BuildError, Lanes, LanesMut, OperatorEntry, Pointwise, Stage};
use crate::params::{Choices, Kind, Param, Values};
use crate::xform::{XFORM_PARAM, conjugate};
use fieldstone_kernel::by_level;
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::trig::sin_cos_turns;

/// The registry entry.
pub const ENTRY: OperatorEntry = OperatorEntry {
    type_name: "TransformTwistCoords",
    doc: "Turns each point about an axis by an angle that grows along it.",
    details: "The point is turned by 2π·frequency·c about the `axis` that `xform` places, c being its coordinate along it (from X to Y about Z and so \
        on, cyclic). Shapes appear turned the other way. Distances are lost: put a Redistance after the sampler. \
        The points given are the world's: `xform` is undone after the move, so what follows is placed as without it.",
    params: &[
        Param {
            name: "axis",
            kind: Kind::Choice(&AXES.words()),
            default: Some("Z"),
            doc: "axis of the twist",
        },
        Param {
            name: "frequency",
            kind: Kind::Number { min: -1e6, max: 1e6 },
            default: Some("0"),
            doc: "turns per mm",
        },
        XFORM_PARAM,
    ],
    example: r#"{"axis": "Y", "frequency": 0.3}"#,
    build,
    ..OperatorEntry::TRANSFORM
};

/// What the words of `axis` mean.
const AXES: Choices<usize, 3> = Choices([("X", 0), ("Y", 1), ("Z", 2)]);

fn build(values: &Values, cx: &mut Build<'_>) -> Result<Stage, BuildError> {
    conjugate(values, cx)?;
    let axis = AXES.read(values, "axis");
    Ok(Stage::Pointwise(Box::new(Twist { axis, frequency: values.float("frequency") as f32 })))
}

struct Twist {
    axis: usize,
    frequency: f32,
}

impl Pointwise for Twist {
    fn channels(&self) -> usize {
        3
    }

    fn evaluate(&self, level: Level, inputs: &[Lanes<'_>], out: &mut LanesMut<'_>) {
        let p = inputs[0].points();
        let [c, a, b] = [self.axis, (self.axis + 1) % 3, (self.axis + 2) % 3];
        let mut to = out.points().map(Some);
        let mut take = |i: usize| to[i].take().expect("three different axes");
        let (u, v) = (take(a), take(b));
        take(c).copy_from_slice(p[c]);
        twist(level, self.frequency, p[c], p[a], p[b], u, v);
    }

    fn bounds(&self, inputs: &[Bounds]) -> Bounds {
        let p = inputs[0].0;
        let [a, b] = [(self.axis + 1) % 3, (self.axis + 2) % 3].map(|i| p[i].abs().hi);
        let r = (a * a + b * b).sqrt();
        let turned = Interval::around(0.0, r);
        let mut out = [turned; 3];
        out[self.axis] = p[self.axis];
        Bounds(out)
    }
}

by_level! {
    fn twist<'a>(frequency: f32, c: &'a [f32], a: &'a [f32], b: &'a [f32], u: &mut [f32], v: &mut [f32]) {
        let n = u.len();
        let (c, a, b, v) = (&c[..n], &a[..n], &b[..n], &mut v[..n]);
        for i in 0..n {
            let (sin, cos) = sin_cos_turns(frequency * c[i]);
            u[i] = cos * a[i] - sin * b[i];
            v[i] = sin * a[i] + cos * b[i];
        }
    }
}
