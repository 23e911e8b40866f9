//! `SampleLattice`: a unit cell of struts, repeated endlessly.

use crate::grading::{self, Grading};
use crate::interval::{Bounds, Interval};
use crate::operator::{Build, BuildError, Lanes, LanesMut, OperatorEntry, Pointwise, Promise, Stage};
use crate::params::{Kind, Param, ParamError, Values};
use crate::struts;
use crate::xform::XFORM_PARAM;
use fieldstone_kernel::Aabb;
use fieldstone_kernel::beam::{BeamError, BeamLattice, UnitCell};
use fieldstone_kernel::simd::Level;

/// The registry entry.
pub const ENTRY: OperatorEntry = OperatorEntry {
    type_name: "SampleLattice",
    doc: "Distance to a lattice of struts: a unit cell, repeated endlessly.",
    details: "`lattice_data` is {\"nodes\": [[x, y, z], …], \"edges\": [[i, j], …]}, nodes within the unit cube; at most 4096 of each. Nodes \
        are scaled by `scale` first, so that radii stay in mm. Struts of neighbouring cells count wherever they are nearer; \
        edges that differ by whole cells count once. A Circle strut has round ends; Box and Cross end flat, their radius beyond the \
        node, one side level, or along x where the strut is upright; the plates of a Cross are a third as thick as wide. \
        The union is exact outside and at most the depth inside. With `smoothing` k the two nearest struts blend in a \
        circle, as a CSG union does, by at most k·(1 − 1/√2), which lifts sides of struts that lie in one plane.\n\n\
        `section_radius_grading_*` multiplies the struts' radius by mix(scale₀, scale₁, t), t = clamp((z − range₀)/(range₁ − range₀)) at local \
        z; spheres keep theirs. `scale_grading_*` multiplies the cells' height in the same way: z is replaced by ∫ dz/multiplier from 0 to z, so \
        that cells stay connected (the phase starts at local z = 0, wherever the range lies), and values are multiplied by the least multiplier below 1.",
    params: &[
        Param { name: "lattice_data", kind: Kind::Json, default: None, doc: "the unit cell; required" },
        Param {
            name: "scale",
            kind: Kind::Numbers(3),
            default: Some("[1, 1, 1]"),
            doc: "edge lengths of a cell, mm",
        },
        struts::NODE_RADIUS,
        struts::NODE_TYPE,
        struts::SECTION_RADIUS,
        struts::SECTION_TYPE,
        struts::SMOOTHING,
        grading::range("scale_grading_range"),
        grading::scale("scale_grading_scale", "multiplier of the cells' height at both ends of the range"),
        grading::range("section_radius_grading_range"),
        grading::scale(
            "section_radius_grading_scale",
            "multiplier of section_radius at both ends of the range",
        ),
        XFORM_PARAM,
    ],
    example: r#"{"lattice_data": {"nodes": [[0.5, 0.5, 0.5], [0, 0, 0], [1, 1, 1], [0, 1, 0]], "edges": [[0, 1], [0, 2], [0, 3]]},
        "scale": [0.5, 0.5, 0.5], "section_radius": 0.05, "node_type": "Sphere", "node_radius": 0.08, "smoothing": 0.03}"#,
    promise: |values, inputs| {
        // The radius changes with height: a strut's surface may come nearer faster than one moves.
        let graded =
            Grading::read(values, "section_radius_grading_range", "section_radius_grading_scale", false);
        match graded.is_ok_and(|g| g.is_constant()) && inputs.iter().all(|p| *p == Promise::Distance) {
            true => Promise::Bound,
            false => Promise::Sign,
        }
    },
    check: |values, _| parts(values).map(drop),
    build,
    ..OperatorEntry::SAMPLER
};

/// The unit cell, and how its height and its struts' radius are graded.
fn parts(values: &Values) -> Result<(UnitCell, Grading, Grading), ParamError> {
    let refuse = |what: String| ParamError { name: "lattice_data".into(), what };
    let document = values
        .json("lattice_data")
        .ok_or_else(|| refuse("is required: {\"nodes\": [[x, y, z], …], \"edges\": [[i, j], …]}".into()))?;
    let (nodes, edges) = struts::nodes_and_edges(document).map_err(refuse)?;
    let cell = UnitCell::new(nodes, edges, &struts::CELL_LIMITS).map_err(|e| refuse(e.to_string()))?;
    let height = Grading::read(values, "scale_grading_range", "scale_grading_scale", true)?;
    let radius =
        Grading::read(values, "section_radius_grading_range", "section_radius_grading_scale", false)?;
    let multipliers = radius.extremes().map(|m| m as f32);
    BeamLattice::check(values.vector("scale"), &struts::style(values), multipliers)
        .map_err(|e| ParamError { name: "scale".into(), what: e.to_string() })?;
    Ok((cell, height, radius))
}

fn build(values: &Values, cx: &mut Build<'_>) -> Result<Stage, BuildError> {
    let (cell, height, radius) = parts(values)?;
    let multipliers = radius.extremes().map(|m| m as f32);
    let scale = values.vector("scale");
    let style = struts::style(values);
    let lattice = BeamLattice::new(&cell, scale, style, multipliers, &struts::LIMITS, cx.monitor);
    let lattice = lattice.map_err(|e| match e {
        BeamError::Cancelled(c) => BuildError::Cancelled(c),
        other => BuildError::Input(other.to_string()),
    })?;
    let factor = cx.place(values)? * height.extremes()[0].min(1.0) as f32;
    let height = (height != Grading::NONE).then_some(height);
    let radius = (radius != Grading::NONE).then_some(radius);
    Ok(Stage::Pointwise(Box::new(SampleLattice { lattice, height, radius, factor })))
}

struct SampleLattice {
    lattice: BeamLattice,
    /// Of the cells' height.
    height: Option<Grading>,
    /// Of the section radius.
    radius: Option<Grading>,
    /// From this frame's distances to the world's.
    factor: f32,
}

impl Pointwise for SampleLattice {
    fn evaluate(&self, level: Level, inputs: &[Lanes<'_>], out: &mut LanesMut<'_>) {
        let [x, y, z] = inputs[0].points();
        let out = out.value();
        let multiplier = self.radius.map(|g| by_height(z, |z| g.at(z)));
        let phase = self.height.map(|g| by_height(z, |z| g.phase(z)));
        self.lattice.sample(level, x, y, phase.as_deref().unwrap_or(z), multiplier.as_deref(), out);
        if self.factor != 1.0 {
            out.iter_mut().for_each(|v| *v *= self.factor);
        }
    }

    fn bounds(&self, inputs: &[Bounds]) -> Bounds {
        if !inputs[0].is_finite() {
            return Bounds::ANY;
        }
        let mut p = inputs[0].0;
        let mut multipliers = [1.0; 2];
        if let Some(g) = self.radius {
            // Linear and clamped: extremes are at the ends.
            let ends = [p[2].lo, p[2].hi].map(|z| g.at(f64::from(z)) as f32);
            multipliers = [ends[0].min(ends[1]), ends[0].max(ends[1])];
        }
        if let Some(g) = self.height {
            let [lo, hi] = [p[2].lo, p[2].hi].map(|z| g.phase(f64::from(z)) as f32);
            p[2] = Interval::new(lo, hi).widened();
        }
        let over = Aabb { min: p.map(|i| i.lo), max: p.map(|i| i.hi) };
        let [lo, hi] = self.lattice.range(&over, multipliers);
        Bounds::scalar(Interval::new(lo, hi).times(self.factor))
    }
}

/// A function of height; neighbours along x share theirs.
fn by_height(z: &[f32], function: impl Fn(f64) -> f64) -> Vec<f32> {
    let mut last = (f32::NAN, f32::NAN);
    let value = |z: &f32| {
        if *z != last.0 {
            last = (*z, function(f64::from(*z)) as f32);
        }
        last.1
    };
    z.iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heights_are_worked_out_once_and_right() {
        let z = [0.0, 0.0, 1.0, f32::NAN, 1.0];
        let got = by_height(&z, |z| 2.0 * z);
        assert!(got[..3] == [0.0, 0.0, 2.0] && got[3].is_nan() && got[4] == 2.0, "{got:?}");
    }
}
