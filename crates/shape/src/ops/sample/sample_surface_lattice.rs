//! `SampleSurfaceLattice`: a nodal surface, repeated endlessly.

use crate::affine::Affine;
use crate::extent::Extent;
use crate::grading::{self, Grading};
use crate::interval::{Bounds, Interval};
use crate::operator::{
    AssetBytes, Build, BuildError, Lanes, LanesMut, OperatorEntry, Pointwise, Rows, Stage,
};
use crate::params::{Kind, Param, ParamError, Values};
use crate::xform::XFORM_PARAM;
use fieldstone_kernel::lattice::tpms::{Surface, at_points, on_rows};
use fieldstone_kernel::simd::Level;

/// The registry entry.
pub const ENTRY: OperatorEntry = OperatorEntry {
    type_name: "SampleSurfaceLattice",
    doc: "A triply periodic surface given by its nodal equation: negative on one side, positive on the other.",
    details: "f(X, Y, Z) − threshold with X = 2πx/scale.x and so on; the equations and their sources are in the table of surface lattices. \
        `None` is +1 everywhere. The values have no unit: only their sign and zero set mean something, so put a Redistance before \
        Shell, Threshold or a smooth CSG. Positions keep a precision of one part in 10⁷ of their distance from the \
        origin.\n\n\
        `scale_grading_*` multiplies the cells' height by mix(scale₀, scale₁, t), t = clamp((z − range₀)/(range₁ − range₀)) at local z: z \
        is replaced by ∫ dz/multiplier from 0 to z, so that cells stay connected; the phase starts at local z = 0, wherever the range lies. `threshold_grading_*` adds mix(offset₀, offset₁, t) to \
        the threshold.",
    params: &[
        Param {
            name: "lattice_type",
            kind: Kind::Choice(&[
                "CD",
                "CI2Y",
                "CP",
                "CPM_Y",
                "CS",
                "CY",
                "C_Y",
                "D",
                "F",
                "FRD",
                "Gyroid",
                "I2Y",
                "IWP",
                "None",
                "P",
                "PM_Y",
                "S",
                "SD1",
                "Schwarz",
                "SchwarzD",
                "SchwarzN",
                "SchwarzPW",
                "SchwarzW",
                "W",
                "Y",
            ]),
            default: Some("Gyroid"),
            doc: "which surface",
        },
        Param {
            name: "scale",
            kind: Kind::Numbers(3),
            default: Some("[1, 1, 1]"),
            doc: "edge lengths of a cell, mm",
        },
        Param {
            name: "threshold",
            kind: Kind::Number { min: -1e6, max: 1e6 },
            default: Some("0"),
            doc: "subtracted from the function: above 0 the negative side grows",
        },
        grading::range("scale_grading_range"),
        grading::scale("scale_grading_scale", "multiplier of the cells' height at both ends of the range"),
        grading::range("threshold_grading_range"),
        Param {
            name: "threshold_grading_offset",
            kind: Kind::Numbers(2),
            default: Some("[0, 0]"),
            doc: "added to the threshold at both ends of the range",
        },
        XFORM_PARAM,
    ],
    example: r#"{"lattice_type": "IWP", "scale": [1, 0.8, 1.2], "threshold": 0.1}"#,
    extent,
    check,
    build,
    ..OperatorEntry::SAMPLER
};

/// The surface that `lattice_type` names; nothing for `None`.
fn surface(values: &Values) -> Option<&'static Surface> {
    match values.word("lattice_type") {
        "None" => None,
        id => Some(Surface::find(id).unwrap_or_else(|| panic!("{id} is offered and has no equation"))),
    }
}

fn check(values: &Values, _: AssetBytes<'_>) -> Result<(), ParamError> {
    let scale = values.vector::<3>("scale");
    if !scale.iter().all(|s| (1e-6..=1e9).contains(s)) {
        let what = format!("expected three lengths from 1e-6 to 1e9, got {scale:?}");
        return Err(ParamError { name: "scale".into(), what });
    }
    Grading::read(values, "scale_grading_range", "scale_grading_scale", true)?;
    ThresholdGrading::read(values).map(drop)
}

fn build(values: &Values, cx: &mut Build<'_>) -> Result<Stage, BuildError> {
    let scale = values.vector::<3>("scale");
    let height = Grading::read(values, "scale_grading_range", "scale_grading_scale", true)?;
    let threshold = ThresholdGrading::read(values)?;
    cx.place(values)?;
    Ok(Stage::Pointwise(Box::new(SampleSurfaceLattice {
        surface: surface(values),
        per_scale: scale.map(|s| (1.0 / s) as f32),
        threshold: values.float("threshold") as f32,
        height: (height != Grading::NONE).then_some(height),
        offset: threshold,
    })))
}

/// No value is farther from zero than its steepest slope over half a cell's diagonal, for zero is met in every cell.
fn extent(values: &Values, inputs: &[Extent]) -> Extent {
    use std::f64::consts::PI;
    let Some(surface) = surface(values) else { return Extent::within(1.0, 0.0) };
    let Ok(placed) = Affine::placement(values, "xform") else { return Extent::ANY };
    let pair = |name: &str| values.vector::<2>(name);
    let heights = pair("scale_grading_scale").map(f64::abs);
    let offsets = pair("threshold_grading_offset").map(f64::abs);
    let cell = values.vector::<3>("scale").into_iter().fold(f64::INFINITY, |m, s| m.min(s.abs()));
    let cell = cell * heights[0].min(heights[1]).min(1.0) * placed.least_scale();
    let most = surface.most() + values.float("threshold").abs() + offsets[0].max(offsets[1]);
    let graded = values.vector::<2>("threshold_grading_offset") != [0.0; 2];
    let slope = inputs[0].slope * surface.gradient_bound * 2.0 * PI / cell;
    Extent::within(most, if graded { f64::INFINITY } else { slope })
}

/// What is added to the threshold.
#[derive(Clone, Copy)]
struct ThresholdGrading {
    range: [f64; 2],
    offset: [f64; 2],
}

impl ThresholdGrading {
    /// `None` where nothing is added.
    fn read(values: &Values) -> Result<Option<ThresholdGrading>, ParamError> {
        let (range, offset) =
            (values.vector("threshold_grading_range"), values.vector("threshold_grading_offset"));
        if offset == [0.0; 2] {
            return Ok(None);
        }
        if range[0] == range[1] && offset[0] != offset[1] {
            let what = format!("expected two different heights, got [{}, {}]", range[0], range[1]);
            return Err(ParamError { name: "threshold_grading_range".into(), what });
        }
        if !offset.iter().all(|o: &f64| o.abs() <= 1e6) {
            let what = format!("expected two numbers from -1e6 to 1e6, got {offset:?}");
            return Err(ParamError { name: "threshold_grading_offset".into(), what });
        }
        Ok(Some(ThresholdGrading { range, offset }))
    }

    fn at(&self, z: f32) -> f32 {
        let ([from, to], [a, b]) = (self.range, self.offset);
        if a == b {
            return a as f32;
        }
        (a + (b - a) * ((f64::from(z) - from) / (to - from)).clamp(0.0, 1.0)) as f32
    }
}

struct SampleSurfaceLattice {
    /// None: outside everywhere.
    surface: Option<&'static Surface>,
    per_scale: [f32; 3],
    threshold: f32,
    /// Of the cells' height.
    height: Option<Grading>,
    offset: Option<ThresholdGrading>,
}

impl SampleSurfaceLattice {
    /// Heights in cells where these are graded.
    fn graded(&self, z: &[f32]) -> Option<Vec<f32>> {
        let (grading, per_scale) = (self.height?, f64::from(self.per_scale[2]));
        // Neighbours along x share their height, and the phase takes a logarithm.
        let mut last = (f32::NAN, f32::NAN);
        let phase = |z: &f32| {
            if *z != last.0 {
                last = (*z, (grading.phase(f64::from(*z)) * per_scale) as f32);
            }
            last.1
        };
        Some(z.iter().map(phase).collect())
    }

    /// Calls `sample` with positions and the number of cells per unit of each.
    fn in_cells(&self, p: [&[f32]; 3], sample: impl FnOnce([&[f32]; 3], [f32; 3])) {
        let [x, y, _] = self.per_scale;
        match self.graded(p[2]) {
            Some(height) => sample([p[0], p[1], &height], [x, y, 1.0]),
            None => sample(p, self.per_scale),
        }
    }
}

impl Pointwise for SampleSurfaceLattice {
    fn evaluate(&self, level: Level, inputs: &[Lanes<'_>], out: &mut LanesMut<'_>) {
        let out = out.value();
        let Some(surface) = self.surface else { return out.fill(1.0) };
        let p = inputs[0].points();
        self.in_cells(p, |p, cells| at_points(level, surface, p, cells, self.threshold, out));
        if let Some(offset) = self.offset {
            out.iter_mut().zip(p[2]).for_each(|(o, z)| *o -= offset.at(*z));
        }
    }

    fn evaluate_rows(&self, level: Level, points: Rows<'_>, out: &mut LanesMut<'_>) -> bool {
        let out = out.value();
        let Some(surface) = self.surface else {
            out.fill(1.0);
            return true;
        };
        self.in_cells(points.0, |p, cells| on_rows(level, surface, p, cells, self.threshold, out));
        if let Some(offset) = self.offset {
            let [x, y, z] = points.0;
            for (slice, z) in out.chunks_exact_mut(x.len() * y.len()).zip(z) {
                let by = offset.at(*z);
                slice.iter_mut().for_each(|o| *o -= by);
            }
        }
        true
    }

    fn bounds(&self, inputs: &[Bounds]) -> Bounds {
        let Some(surface) = self.surface else { return Bounds::scalar(Interval::point(1.0)) };
        if !inputs[0].is_finite() {
            return Bounds::ANY;
        }
        let mut p: [Interval; 3] = std::array::from_fn(|a| inputs[0].0[a].times(self.per_scale[a]));
        let z = inputs[0].0[2];
        if let Some(ends) = self.graded(&[z.lo, z.hi]) {
            p[2] = Interval::new(ends[0], ends[1]).widened();
        }
        let Some((lo, hi)) = surface.bounds(p.map(|i| f64::from(i.lo)), p.map(|i| f64::from(i.hi))) else {
            return Bounds::ANY;
        };
        let mut value = Interval::new(lo as f32, hi as f32).plus(Interval::point(-self.threshold));
        if let Some(offset) = self.offset {
            let (a, b) = (offset.at(z.lo), offset.at(z.hi));
            value = value.plus(Interval::new(a.min(b), a.max(b)).negated());
        }
        Bounds::scalar(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fieldstone_kernel::lattice::tpms::SURFACES;
    use std::collections::BTreeSet;

    #[test]
    fn the_choices_are_the_surfaces_that_have_an_equation() {
        let offered = ENTRY.params.iter().find_map(|p| match p.kind {
            Kind::Choice(words) if p.name == "lattice_type" => Some(words),
            _ => None,
        });
        let offered: BTreeSet<&str> = offered.unwrap().iter().copied().collect();
        let known: BTreeSet<&str> = SURFACES.iter().map(|s| s.id).chain(["None"]).collect();
        assert_eq!(offered, known);
    }
}
