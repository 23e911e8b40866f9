//! `Threshold`: a field as bytes.

use crate::interval::{Bounds, Interval};
use crate::operator::{Lanes, LanesMut, OperatorEntry, Pointwise, Port, Stage, Type, Visible};
use crate::params::{Kind, Param, ParamError, Values};
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::{Patch, by_level};

/// Width without a parameter, in cell diagonals.
const DEFAULT_DIAGONALS: f64 = 3.0;

/// The registry entry.
pub const ENTRY: OperatorEntry = OperatorEntry {
    type_name: "Threshold",
    doc: "Quantises a field around its surface to int8.",
    details: "round(127 · clamp(d/width, −1, 1)), halves away from zero. Decode with byte/127 · width. Blocks that are farther from the \
        surface than `width` are not evaluated.",
    inputs: &[Port::float("Samples")],
    output: Type::Byte,
    params: &[Param {
        name: "width",
        kind: Kind::Number { min: 1e-9, max: 1e9 },
        default: None,
        doc: "value at which a byte saturates, mm; default 3 cell diagonals",
    }],
    example: r#"{"width": 0.2}"#,
    sees: |values, _, spacing, _| match width(values.number("width"), spacing) {
        // A value within half a step of saturation already rounds to it.
        Some(width) => Visible { band: width as f32, cells: 0 }.widened(0.0),
        None => Visible::ALL,
    },
    check_on: |values, patch| width_on(values, patch).map(drop),
    build: |values, cx| {
        let width = width_on(values, cx.patch.as_ref())?;
        Ok(Stage::Pointwise(Box::new(Threshold { scale: (1.0 / width) as f32 })))
    },
    ..OperatorEntry::FILTER
};

/// The width of samples on a grid, or on none.
fn width_on(values: &Values, patch: Option<&Patch>) -> Result<f64, ParamError> {
    let refuse =
        || ParamError { name: "width".into(), what: "is required for points that are no grid".into() };
    width(values.number("width"), patch.map_or([0.0; 3], |p| p.spacing())).ok_or_else(refuse)
}

fn width(given: Option<f64>, spacing: [f64; 3]) -> Option<f64> {
    let diagonal = spacing.iter().map(|h| h * h).sum::<f64>().sqrt();
    given.or((diagonal > 0.0).then_some(DEFAULT_DIAGONALS * diagonal))
}

struct Threshold {
    scale: f32,
}

impl Pointwise for Threshold {
    fn evaluate(&self, level: Level, inputs: &[Lanes<'_>], out: &mut LanesMut<'_>) {
        quantise(level, self.scale, inputs[0].value(), out.value());
    }

    fn bounds(&self, inputs: &[Bounds]) -> Bounds {
        let Interval { lo, hi } = inputs[0].value();
        if !inputs[0].value().is_finite() {
            return Bounds::ANY;
        }
        Bounds::scalar(Interval::new(level_of(lo, self.scale), level_of(hi, self.scale)))
    }
}

#[inline(always)]
fn level_of(d: f32, scale: f32) -> f32 {
    let t = d * scale;
    let t = if t > -1.0 { t } else { -1.0 };
    (127.0 * if t < 1.0 { t } else { 1.0 }).round()
}

by_level! {
    fn quantise(scale: f32, d: &[f32], out: &mut [f32]) {
        for (d, o) in d.iter().zip(out) {
            let level = level_of(*d, scale);
            // What is no finite number has no level: it is handed on, and refused.
            *o = if d.abs() < f32::INFINITY { level } else { *d };
        }
    }
}
