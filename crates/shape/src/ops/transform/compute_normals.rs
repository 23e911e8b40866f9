//! `ComputeNormals`: the direction in which samples grow.

use crate::affine::Affine;
use crate::differences::{Differences, PARAMS, cells, check, promise};
use crate::operator::{
    Build, BuildError, Lanes, LanesMut, OperatorEntry, Pointwise, Port, Reach, Stage, Type,
};
use crate::ops::sample::sample_volume;
use crate::params::Values;
use crate::xform::XFORM_PARAM;
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::volume::Volume;

/// The registry entry.
pub const ENTRY: OperatorEntry = OperatorEntry {
    type_name: "ComputeNormals",
    doc: "Unit vectors in the direction in which the samples grow: outward normals of a shape.",
    details: "Central differences on the grid, one-sided at its border, there from three samples, of second order in the step. Zero where the samples do not change. \
        The vectors are the world's: where an `xform` turned the points, they are turned with them.",
    inputs: &[Port::number("Samples", Type::Any)],
    params: PARAMS,
    example: r#"{"spacing_type": "Discrete", "step_size": 1}"#,
    promise,
    reach: Reach::Cells(|values, visible, spacing| cells(values, visible, spacing, 1)),
    check,
    build: |values, cx| {
        let differences = Differences::read(values, cx, normal)?.along(cx.axes);
        Ok(Stage::Neighbours(Box::new(differences)))
    },
    ..OperatorEntry::TRANSFORM
};

/// The form of clients up to 0.10, which sample a volume instead.
pub const OLDER: OperatorEntry = OperatorEntry {
    details: "Central differences of the volume's trilinear interpolant over one of its cells, one-sided within a cell of the box's faces, from three points; at a \
        point outside the box those of the nearest point of the box. Box and `xform` are those of SampleVolume, and the vectors \
        are the world's. Of second order in the cell; zero where the volume does not change.",
    inputs: &[Port::POINTS, Port::number("Volume", Type::Volume)],
    params: &[sample_volume::OFFSET, sample_volume::SIZE, XFORM_PARAM],
    example: r#"{"volume_offset": [-1, -1, -1], "volume_size": [2, 2, 2]}"#,
    reach: Reach::Point,
    check: sample_volume::check,
    build: build_older,
    ..ENTRY
};

fn normal(g: [f64; 3], _: [f64; 6]) -> [f32; 3] {
    let length = (g[0] * g[0] + g[1] * g[1] + g[2] * g[2]).sqrt();
    if length > 0.0 { g.map(|c| (c / length) as f32) } else { [0.0; 3] }
}

fn build_older(values: &Values, cx: &mut Build<'_>) -> Result<Stage, BuildError> {
    let volume = sample_volume::volume(values, cx)?;
    cx.place(values)?;
    let back = cx.before.unwrap_or(Affine::IDENTITY).linear;
    Ok(Stage::Pointwise(Box::new(VolumeNormals { volume, back })))
}

struct VolumeNormals {
    volume: Volume,
    /// World → volume, linear part: with p = B·q a gradient g in q is Bᵀ·g.
    back: [[f64; 3]; 3],
}

impl Pointwise for VolumeNormals {
    fn channels(&self) -> usize {
        3
    }

    fn evaluate(&self, level: Level, inputs: &[Lanes<'_>], out: &mut LanesMut<'_>) {
        let [u, v, w] = out.points();
        self.volume.gradient(level, inputs[0].points(), [&mut *u, &mut *v, &mut *w]);
        let b = self.back;
        for ((u, v), w) in u.iter_mut().zip(v).zip(w) {
            let g = [*u, *v, *w].map(f64::from);
            let turned = [0, 1, 2].map(|c| b[0][c] * g[0] + b[1][c] * g[1] + b[2][c] * g[2]);
            [*u, *v, *w] = normal(turned, [0.0; 6]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normals_have_length_one_or_none() {
        assert_eq!(normal([0.0, 0.0, -3.0], [0.0; 6]), [0.0, 0.0, -1.0]);
        assert_eq!(normal([0.0; 3], [1.0; 6]), [0.0; 3]);
    }
}
