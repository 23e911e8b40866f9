//! `ComputeNormals`: the direction in which samples grow.

use crate::differences::{Differences, PARAMS, cells, promise};
use crate::operator::{Group, OperatorEntry, Port, Reach, Stage, Type, Visible};

/// The registry entry.
pub const ENTRY: OperatorEntry = OperatorEntry {
    type_name: "ComputeNormals",
    group: Group::Transform,
    doc: "Unit vectors in the direction in which the samples grow: outward normals of a shape.",
    details: "Central differences on the grid, one-sided at its border, of second order in the step. Zero where the samples do not change. \
        Normals are those of the grid's own frame: an `xform` of the points does not turn them.",
    inputs: &[Port { name: "Samples", takes: Type::Any, required: true }],
    output: Type::Vec3f,
    params: PARAMS,
    ignored: &[],
    example: r#"{"spacing_type": "Discrete", "step_size": 1}"#,
    promise,
    sees: |_, _, _, _| Visible::ALL,
    extent: crate::extent::unknown,
    reach: Reach::Cells(cells),
    domain: None,
    build: |values, cx| Ok(Stage::Neighbours(Box::new(Differences::read(values, cx, normal)?))),
};

fn normal(g: [f64; 3], _: [f64; 6]) -> [f32; 3] {
    let length = (g[0] * g[0] + g[1] * g[1] + g[2] * g[2]).sqrt();
    if length > 0.0 { g.map(|c| (c / length) as f32) } else { [0.0; 3] }
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
