//! `ComputeCurvatures`: how the level surfaces of samples bend.

use crate::differences::{Differences, PARAMS, cells, check, promise};
use crate::operator::{OperatorEntry, Port, Reach, Stage, Type};

/// The registry entry.
pub const ENTRY: OperatorEntry = OperatorEntry {
    type_name: "ComputeCurvatures",
    doc: "Curvatures of the level surface through each sample: mean, Gaussian, largest absolute principal.",
    details: "With g the gradient and H the second derivatives, by central differences on the grid: mean (|g|² tr H − gᵀHg)/(2|g|³), positive \
        where the shape is convex (a ball of radius r: 1/r); Gaussian gᵀ adj(H) g/|g|⁴; the principal ones are mean ± √(mean² − Gaussian), \
        and the third value is the larger of their magnitudes (R. Goldman, \"Curvature formulas for implicit curves and surfaces\", 2005, §4). In 1/mm \
        and 1/mm²; zero where the gradient is. Of second order in the step; at the border one-sided, there from three and four samples an axis.",
    inputs: &[Port::number("Samples", Type::Any)],
    params: PARAMS,
    example: r#"{"spacing_type": "Discrete", "step_size": 1}"#,
    promise,
    reach: Reach::Cells(|values, visible, spacing| cells(values, visible, spacing, 2)),
    check,
    build: |values, cx| Ok(Stage::Neighbours(Box::new(Differences::read(values, cx, curvatures)?))),
    ..OperatorEntry::TRANSFORM
};

fn curvatures(g: [f64; 3], [xx, yy, zz, xy, yz, zx]: [f64; 6]) -> [f32; 3] {
    let [x, y, z] = g;
    let g2 = x * x + y * y + z * z;
    if g2 <= 0.0 {
        return [0.0; 3];
    }
    let along = x * x * xx + y * y * yy + z * z * zz + 2.0 * (x * y * xy + y * z * yz + z * x * zx);
    let mean = (g2 * (xx + yy + zz) - along) / (2.0 * g2 * g2.sqrt());
    let adjugate = x * x * (yy * zz - yz * yz)
        + y * y * (xx * zz - zx * zx)
        + z * z * (xx * yy - xy * xy)
        + 2.0 * (x * y * (zx * yz - xy * zz) + y * z * (xy * zx - yz * xx) + z * x * (xy * yz - zx * yy));
    let gaussian = adjugate / (g2 * g2);
    let largest = mean.abs() + (mean * mean - gaussian).max(0.0).sqrt();
    [mean, gaussian, largest].map(|v| v as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balls_cylinders_and_saddles_have_their_curvatures() {
        // |p| at (2, 0, 0) and √(x² + y²) there; z − xy at the origin.
        assert_eq!(curvatures([1.0, 0.0, 0.0], [0.0, 0.5, 0.5, 0.0, 0.0, 0.0]), [0.5, 0.25, 0.5]);
        assert_eq!(curvatures([1.0, 0.0, 0.0], [0.0, 0.5, 0.0, 0.0, 0.0, 0.0]), [0.25, 0.0, 0.5]);
        assert_eq!(curvatures([0.0, 0.0, 1.0], [0.0, 0.0, 0.0, -1.0, 0.0, 0.0]), [0.0, -1.0, 1.0]);
        // A field twice as steep has the same surfaces: (x² + y² + z²) at (1, 2, 2), radius 3.
        let got = curvatures([2.0, 4.0, 4.0], [2.0, 2.0, 2.0, 0.0, 0.0, 0.0]);
        let exact = [1.0 / 3.0, 1.0 / 9.0, 1.0 / 3.0];
        assert!((0..3).all(|i| (got[i] - exact[i]).abs() < 1e-6), "{got:?}");
    }
}
