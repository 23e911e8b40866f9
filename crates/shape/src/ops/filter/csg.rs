//! `CSG`: boolean combination of two shapes.

use crate::extent::{Extent, beside};
use crate::interval::{Bounds, Interval};
use crate::operator::{Lanes, LanesMut, OperatorEntry, Pointwise, Port, Promise, Stage};
use crate::params::{Choices, Kind, Param, Values};
use fieldstone_kernel::by_level;
use fieldstone_kernel::simd::Level;

/// The registry entry.
pub const ENTRY: OperatorEntry = OperatorEntry {
    type_name: "CSG",
    doc: "Boolean combination of two shapes, with a rounded seam if asked for.",
    details: "Union min(A, B), Intersect max(A, B), Subtract max(A, −B). With `smoothing` k > 0 the seam is rounded where \
        |A − B| < k: with h = max(k − |A − B|, 0)/k a union is min(A, B) − k/2·(1 + h − √(1 − h(h − 2))) (circular smooth \
        minimum, Quilez 2013, rev. 2024), the others are its mirror images. The result differs from the sharp one by at most \
        k·(1 − 1/√2) = 0.293·k, and by that much where both surfaces coincide: faces that lie in one plane are lifted by 0.293·k in a union and \
        sunk as far in an intersection, over all of their common area. Of distances the result is a bound: right at the surface, too small elsewhere.",
    inputs: &[Port::float("A"), Port::float("B")],
    params: &[
        Param {
            name: "operation",
            kind: Kind::Choice(&OPERATIONS.words()),
            default: Some("Union"),
            doc: "how the shapes are combined",
        },
        Param {
            name: "smoothing",
            kind: Kind::Number { min: 0.0, max: 1e9 },
            default: Some("0"),
            doc: "radius of the blend, mm; 0 keeps the crease",
        },
    ],
    example: r#"{"operation": "Subtract", "smoothing": 0.1}"#,
    promise: |_, inputs| inputs.iter().copied().min().unwrap_or(Promise::Sign).min(Promise::Pieces),
    sees: |values, visible, spacing, inputs| {
        let [a, b] = as_union(values, inputs);
        beside(visible, spacing, a).or(beside(visible, spacing, b)).widened(values.float("smoothing"))
    },
    extent: |values, inputs| {
        let [a, b] = as_union(values, inputs);
        let mut least = a.or(b);
        least.least -= values.float("smoothing") * DEEPEST;
        if OPERATIONS.read(values, "operation") == Operation::Union { least } else { least.negated() }
    },
    build: |values, _| {
        let operation = OPERATIONS.read(values, "operation");
        Ok(Stage::Pointwise(Box::new(Csg { operation, smoothing: values.float("smoothing") as f32 })))
    },
    ..OperatorEntry::FILTER
};

/// The blend's greatest depth in its radius: 1 − 1/√2 and somewhat more.
const DEEPEST: f64 = 0.2929;

/// The inputs' extents as of a union: max(a, b) = −min(−a, −b).
fn as_union(values: &Values, inputs: &[Extent]) -> [Extent; 2] {
    let [a, b] = [0, 1].map(|i| inputs.get(i).copied().unwrap_or(Extent::ANY));
    match OPERATIONS.read(values, "operation") {
        Operation::Intersect => [a.negated(), b.negated()],
        Operation::Subtract => [a.negated(), b],
        Operation::Union => [a, b],
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Operation {
    Intersect,
    Subtract,
    Union,
}

/// What the words of `operation` mean.
const OPERATIONS: Choices<Operation, 3> = Choices([
    ("Intersect", Operation::Intersect),
    ("Subtract", Operation::Subtract),
    ("Union", Operation::Union),
]);

struct Csg {
    operation: Operation,
    smoothing: f32,
}

impl Csg {
    /// The inputs as of a union, and whether the result is turned back: max(a, b) = −min(−a, −b).
    fn signs(&self) -> (f32, f32, f32) {
        match self.operation {
            Operation::Union => (1.0, 1.0, 1.0),
            Operation::Intersect => (-1.0, -1.0, -1.0),
            Operation::Subtract => (-1.0, 1.0, -1.0),
        }
    }

    fn as_union(&self, inputs: &[Bounds]) -> [Interval; 2] {
        let (a, b, _) = self.signs();
        let turned = |i: Interval, sign: f32| if sign < 0.0 { i.negated() } else { i };
        [turned(inputs[0].value(), a), turned(inputs[1].value(), b)]
    }
}

impl Pointwise for Csg {
    fn evaluate(&self, level: Level, inputs: &[Lanes<'_>], out: &mut LanesMut<'_>) {
        let (a, b, out) = (inputs[0].value(), inputs[1].value(), out.value());
        let signs = self.signs();
        match self.smoothing > 0.0 {
            true => round_union(level, signs, self.smoothing, a, b, out),
            false => sharp_union(level, signs, a, b, out),
        }
    }

    fn bounds(&self, inputs: &[Bounds]) -> Bounds {
        let [a, b] = self.as_union(inputs);
        let deepest = self.smoothing * DEEPEST as f32;
        let least = Interval::new(a.lo.min(b.lo) - deepest, a.hi.min(b.hi));
        let least = if self.smoothing > 0.0 { least.widened() } else { least };
        Bounds::scalar(if self.signs().2 < 0.0 { least.negated() } else { least })
    }

    fn passes(&self, inputs: &[Bounds]) -> Option<usize> {
        let [a, b] = self.as_union(inputs);
        let margin = self.smoothing * 1.00001;
        if a.hi + margin <= b.lo {
            return Some(0);
        }
        // The result of a subtraction is −B there, which is not B.
        (b.hi + margin <= a.lo && self.operation != Operation::Subtract).then_some(1)
    }
}

by_level! {
    fn sharp_union(signs: (f32, f32, f32), a: &[f32], b: &[f32], out: &mut [f32]) {
        for ((a, b), o) in a.iter().zip(b).zip(out) {
            let (a, b) = (signs.0 * a, signs.1 * b);
            *o = signs.2 * if a < b { a } else { b };
        }
    }
    fn round_union(signs: (f32, f32, f32), k: f32, a: &[f32], b: &[f32], out: &mut [f32]) {
        let (by_k, half_k) = (1.0 / k, 0.5 * k);
        for ((a, b), o) in a.iter().zip(b).zip(out) {
            let (a, b) = (signs.0 * a, signs.1 * b);
            let near = k - (a - b).abs();
            let h = if near > 0.0 { near } else { 0.0 } * by_k;
            let least = if a < b { a } else { b };
            *o = signs.2 * (least - half_k * (1.0 + h - (1.0 - h * (h - 2.0)).sqrt()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn combine(operation: Operation, smoothing: f32, a: f32, b: f32) -> f32 {
        let mut out = [0.0];
        let lanes = |v: &'static [f32]| Lanes([v, &[], &[], &[]]);
        let (a, b) = (Box::leak(vec![a].into_boxed_slice()), Box::leak(vec![b].into_boxed_slice()));
        let mut to = LanesMut([&mut out, &mut [], &mut [], &mut []]);
        Csg { operation, smoothing }.evaluate(Level::detect(), &[lanes(a), lanes(b)], &mut to);
        out[0]
    }

    #[test]
    fn operations_and_the_depth_of_the_blend() {
        assert_eq!(combine(Operation::Union, 0.0, 1.0, -2.0), -2.0);
        assert_eq!(combine(Operation::Intersect, 0.0, 1.0, -2.0), 1.0);
        assert_eq!(combine(Operation::Subtract, 0.0, -1.0, -2.0), 2.0);
        let deepest = combine(Operation::Union, 0.5, 1.0, 1.0);
        assert!((deepest - (1.0 - 0.5 * (1.0 - 0.5f32.sqrt()))).abs() < 1e-6, "{deepest}");
        assert_eq!(combine(Operation::Union, 0.5, 1.0, 1.5), 1.0);
        assert!(combine(Operation::Intersect, 0.5, 1.0, 1.0) > 1.0);
    }
}
