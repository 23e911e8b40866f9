//! `LinearFilter`: a weighted sum of two fields.

use crate::interval::Bounds;
use crate::operator::{Lanes, LanesMut, OperatorEntry, Pointwise, Port, Promise, Stage, Visible};
use crate::params::{Kind, Param, Values};
use fieldstone_kernel::by_level;
use fieldstone_kernel::simd::Level;

/// The registry entry.
pub const ENTRY: OperatorEntry = OperatorEntry {
    type_name: "LinearFilter",
    doc: "scale_a · InputA + scale_b · InputB.",
    details: "With weights that sum to one it blends one shape into another. Of bounds the result is a bound when \
        |scale_a| + |scale_b| ≤ 1.",
    inputs: &[Port::float("InputA"), Port::float("InputB")],
    params: &[weight("scale_a", "weight of InputA"), weight("scale_b", "weight of InputB")],
    example: r#"{"scale_a": 0.75, "scale_b": 0.25}"#,
    promise,
    sees: |_, visible, _, _| Visible { band: f32::INFINITY, ..visible },
    extent: |values, inputs| {
        inputs[0].times(values.float("scale_a")).plus(inputs[1].times(values.float("scale_b")))
    },
    build: |values, _| {
        let (a, b) = (values.float("scale_a") as f32, values.float("scale_b") as f32);
        Ok(Stage::Pointwise(Box::new(LinearFilter { a, b })))
    },
    ..OperatorEntry::FILTER
};

const fn weight(name: &'static str, doc: &'static str) -> Param {
    Param { name, kind: Kind::Number { min: -1e9, max: 1e9 }, default: Some("1"), doc }
}

fn promise(values: &Values, inputs: &[Promise]) -> Promise {
    let [a, b] = ["scale_a", "scale_b"].map(|name| values.float(name).abs());
    let steepest = a + b;
    let weakest = inputs.iter().copied().min().unwrap_or(Promise::Sign);
    if [a, b] == [1.0, 0.0] || [a, b] == [0.0, 1.0] {
        return weakest.min(Promise::Pieces);
    }
    if steepest <= 1.0 { weakest.min(Promise::Bound) } else { Promise::Sign }
}

struct LinearFilter {
    a: f32,
    b: f32,
}

impl Pointwise for LinearFilter {
    fn evaluate(&self, level: Level, inputs: &[Lanes<'_>], out: &mut LanesMut<'_>) {
        weighted_sum(level, self.a, self.b, inputs[0].value(), inputs[1].value(), out.value());
    }

    fn bounds(&self, inputs: &[Bounds]) -> Bounds {
        Bounds::scalar(inputs[0].value().times(self.a).plus(inputs[1].value().times(self.b)))
    }
}

by_level! {
    fn weighted_sum(scale_a: f32, scale_b: f32, a: &[f32], b: &[f32], out: &mut [f32]) {
        for ((a, b), o) in a.iter().zip(b).zip(out) {
            *o = scale_a * a + scale_b * b;
        }
    }
}
