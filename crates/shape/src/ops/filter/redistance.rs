//! `Redistance`: any field to the distance to its surface.

use crate::interval::Bounds;
use crate::operator::{
    Lanes, LanesMut, Neighbours, OperatorEntry, Pointwise, Port, Promise, Reach, Stage, StageError, Visible,
};
use crate::params::{Kind, Param, Values};
use fieldstone_kernel::distance::{self, RedistanceError, redistance_planes};
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::{Monitor, Patch};
use std::ops::Range;

/// The registry entry.
pub const ENTRY: OperatorEntry = OperatorEntry {
    type_name: "Redistance",
    doc: "Replaces a field by the signed distance to its surface.",
    details: "The surface is the zero set of the trilinear interpolant of samples + `pre_offset`; `post_offset` is added to the \
        distances. Signs never change, but a sample that is 0 becomes negative where the solid lies on both sides of it, and is no surface there. No sample is farther from the surface than the nearest crossing of a grid edge. Without offsets, samples \
        that are distances already (an evenly placed SampleBox, another Redistance) pass unchanged. Needs samples on a grid; docs/algorithms/redistance.md has the error and its bound. \
        Only the surface that the samples hold counts: let them reach beyond the part as far as distances matter. \
        Where a Threshold, a mesh or a measurement follows, distances are worked out as far as these see, not farther.",
    inputs: &[Port::float("Samples")],
    params: &[
        offset("pre_offset", "added to the samples first, in their unit: moves the surface"),
        offset("post_offset", "added to the distances, mm: negative makes the shape thicker"),
    ],
    ignored: &["size"],
    example: r#"{"pre_offset": 0.05, "post_offset": -0.02}"#,
    promise: |values, _| if values.float("post_offset") == 0.0 { Promise::Distance } else { Promise::Pieces },
    sees: |values, _, _, _| Visible::SURFACE.widened(values.float("pre_offset").abs()),
    reach: Reach::Distances {
        alone: |values| values.float("pre_offset") == 0.0 && values.float("post_offset") == 0.0,
        cells,
    },
    build: |values, cx| {
        if cx.passes {
            return Ok(Stage::Pointwise(Box::new(Passed)));
        }
        let (pre, post) = (values.float("pre_offset") as f32, values.float("post_offset") as f32);
        Ok(Stage::Neighbours(Box::new(Redistance { pre, post })))
    },
    ..OperatorEntry::FILTER
};

const fn offset(name: &'static str, doc: &'static str) -> Param {
    Param { name, kind: Kind::Number { min: -1e9, max: 1e9 }, default: Some("0"), doc }
}

/// The greatest distance that counts, of the output's values.
fn farthest(post: f64, visible: Visible, spacing: [f64; 3]) -> f64 {
    visible.reach(spacing) + post.abs()
}

/// Planes of samples within that distance, and those that the surface's cells and the rule for samples that are 0 add.
fn cells(values: &Values, visible: Visible, spacing: [f64; 3]) -> Option<u32> {
    let planes = (farthest(values.float("post_offset"), visible, spacing) / spacing[2]).ceil() + 3.0;
    (planes < 1e6).then_some(planes as u32)
}

/// Distances pass as they are.
struct Passed;

impl Pointwise for Passed {
    fn evaluate(&self, _: Level, inputs: &[Lanes<'_>], out: &mut LanesMut<'_>) {
        out.value().copy_from_slice(inputs[0].value());
    }

    fn bounds(&self, inputs: &[Bounds]) -> Bounds {
        inputs[0]
    }

    fn passes(&self, _: &[Bounds]) -> Option<usize> {
        Some(0)
    }
}

struct Redistance {
    pre: f32,
    post: f32,
}

impl Neighbours for Redistance {
    fn surface(&self) -> Option<f32> {
        Some(-self.pre)
    }

    fn apply(
        &self,
        mut inputs: Vec<Vec<Vec<f32>>>,
        patch: &Patch,
        z: Range<u32>,
        visible: Visible,
        level: Level,
        monitor: &Monitor,
    ) -> Result<Vec<Vec<f32>>, StageError> {
        let mut channels = inputs.swap_remove(0);
        let samples = &mut channels[0];
        if self.pre != 0.0 {
            samples.iter_mut().for_each(|v| *v += self.pre);
        }
        let spacing = patch.spacing();
        let far = farthest(f64::from(self.post), visible, spacing);
        // Somewhat farther than anybody sees: what is cut off is outside the band for certain.
        let far = far * 1.001 + spacing.into_iter().fold(0.0, f64::max);
        let reach = if far.is_finite() { distance::Reach::Band(far) } else { distance::Reach::Everywhere };
        redistance_planes(samples, patch, z, reach, level, monitor).map_err(|e| match e {
            RedistanceError::Cancelled(c) => StageError::Cancelled(c),
            refused => StageError::Refused(refused.to_string()),
        })?;
        if self.post != 0.0 {
            samples.iter_mut().for_each(|v| *v += self.post);
        }
        Ok(channels)
    }
}
