//! The `xform` of operators: 16 numbers, translation at 12..14, object → world.

use crate::interval::{Bounds, Interval};
use crate::params::{ParamError, Values};
use fieldstone_kernel::by_level;
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::vector::{self, dot, norm};

/// p ↦ M·p + t.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// Rows of M.
    pub linear: [[f64; 3]; 3],
    /// t.
    pub translation: [f64; 3],
}

impl Affine {
    /// p ↦ p.
    pub const IDENTITY: Affine =
        Affine { linear: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], translation: [0.0; 3] };

    /// From 16 numbers: column-major, as three.js and the clients' helper write it. The last row must be 0 0 0 1.
    pub fn from_columns(m: [f64; 16]) -> Result<Affine, String> {
        if [m[3], m[7], m[11], m[15]] != [0.0, 0.0, 0.0, 1.0] {
            if [m[12], m[13], m[14], m[15]] == [0.0, 0.0, 0.0, 1.0] {
                return Err(format!(
                    "is transposed: its translation {}, {}, {} is at 3, 7, 11, expected at 12, 13, 14",
                    m[3], m[7], m[11]
                ));
            }
            return Err(format!(
                "expected 0, 0, 0, 1 at 3, 7, 11, 15, got {}, {}, {}, {}",
                m[3], m[7], m[11], m[15]
            ));
        }
        let linear = std::array::from_fn(|r| std::array::from_fn(|c| m[4 * c + r]));
        Ok(Affine { linear, translation: [m[12], m[13], m[14]] })
    }

    /// The operator's `xform`, object → world. A singular one is refused.
    pub fn placement(values: &Values, name: &'static str) -> Result<Affine, ParamError> {
        let refuse = |what: String| ParamError { name: name.to_owned(), what };
        let affine = Affine::from_columns(values.vector::<16>(name)).map_err(refuse)?;
        match affine.inverse() {
            Some(_) => Ok(affine),
            None => Err(refuse(format!("singular, its determinant is {:e}", affine.determinant()))),
        }
    }

    /// Of the linear part.
    pub fn determinant(&self) -> f64 {
        let [a, b, c] = self.linear;
        vector::determinant(a, b, c)
    }

    /// The way back; `None` where there is none, or where `f32` points would lose themselves on it.
    pub fn inverse(&self) -> Option<Affine> {
        let (m, det) = (self.linear, self.determinant());
        let longest = (0..3).map(|r| norm(m[r])).fold(0.0, f64::max);
        if !det.is_finite() || det.abs() <= 1e-9 * longest.powi(3) || longest == 0.0 {
            return None;
        }
        let minor = |r: usize, c: usize| {
            let (r1, r2, c1, c2) = ((r + 1) % 3, (r + 2) % 3, (c + 1) % 3, (c + 2) % 3);
            m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1]
        };
        let linear: [[f64; 3]; 3] = std::array::from_fn(|r| std::array::from_fn(|c| minor(c, r) / det));
        let back = Affine { linear, translation: [0.0; 3] };
        let t = back.apply(self.translation);
        Some(Affine { linear, translation: t.map(|v| -v) })
    }

    /// M·p + t.
    pub fn apply(&self, p: [f64; 3]) -> [f64; 3] {
        std::array::from_fn(|r| {
            let m = self.linear[r];
            m[0] * p[0] + m[1] * p[1] + m[2] * p[2] + self.translation[r]
        })
    }

    /// Whether each axis stays itself: M is diagonal.
    pub fn is_diagonal(&self) -> bool {
        (0..3).all(|r| (0..3).all(|c| r == c || self.linear[r][c] == 0.0))
    }

    /// The least factor by which a length grows: the smallest singular value of M. A distance measured before M, times
    /// this, is a lower bound of the distance after it, and equals it when M is a similarity.
    pub fn least_scale(&self) -> f64 {
        singular_values(self.linear)[0]
    }

    /// The greatest factor by which a length grows.
    pub fn greatest_scale(&self) -> f64 {
        singular_values(self.linear)[2]
    }

    /// Whether M is a rotation or reflection times one factor, to rounding.
    pub fn is_similarity(&self) -> bool {
        let [least, _, greatest] = singular_values(self.linear);
        greatest - least <= 1e-6 * greatest
    }

    /// Directions of the images of the axes: their columns in M, of length one.
    pub fn directions(&self) -> [[f64; 3]; 3] {
        std::array::from_fn(|c| {
            let column = [self.linear[0][c], self.linear[1][c], self.linear[2][c]];
            let length = norm(column);
            column.map(|v| if length > 0.0 { v / length } else { 0.0 })
        })
    }

    /// Lengths of the images of the axes, if these are at right angles.
    pub fn right_angled_scales(&self) -> Option<[f64; 3]> {
        let column = |c: usize| [self.linear[0][c], self.linear[1][c], self.linear[2][c]];
        let lengths: [f64; 3] = std::array::from_fn(|c| norm(column(c)));
        let right = |a, b| dot(column(a), column(b)).abs() <= 1e-6 * lengths[a] * lengths[b];
        (right(0, 1) && right(1, 2) && right(0, 2)).then_some(lengths)
    }
}

/// Ascending: square roots of the eigenvalues of MᵀM by the trigonometric solution of the characteristic cubic
/// (Smith, 1961, Communications of the ACM 4).
fn singular_values(m: [[f64; 3]; 3]) -> [f64; 3] {
    let a: [[f64; 3]; 3] =
        std::array::from_fn(|r| std::array::from_fn(|c| (0..3).map(|k| m[k][r] * m[k][c]).sum()));
    let off = a[0][1].powi(2) + a[0][2].powi(2) + a[1][2].powi(2);
    let mean = (a[0][0] + a[1][1] + a[2][2]) / 3.0;
    let spread = (0..3).map(|i| (a[i][i] - mean).powi(2)).sum::<f64>() + 2.0 * off;
    let p = (spread / 6.0).sqrt();
    if p <= 1e-15 * mean {
        return [mean.sqrt(); 3];
    }
    let b: [[f64; 3]; 3] =
        std::array::from_fn(|r| std::array::from_fn(|c| (a[r][c] - if r == c { mean } else { 0.0 }) / p));
    let half = 0.5 * Affine { linear: b, translation: [0.0; 3] }.determinant();
    let angle = half.clamp(-1.0, 1.0).acos() / 3.0;
    let third = 2.0 * std::f64::consts::PI / 3.0;
    let root = |angle: f64| (mean + 2.0 * p * angle.cos()).max(0.0).sqrt();
    let mut values = [root(angle + third), root(angle + 2.0 * third), root(angle)];
    values.sort_by(f64::total_cmp);
    values
}

/// An affine map rounded to `f32`, ready for blocks of points.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lanes {
    m: [[f32; 4]; 3],
    pub(crate) diagonal: bool,
}

impl Lanes {
    pub(crate) fn of(affine: &Affine) -> Lanes {
        let m = std::array::from_fn(|r| {
            let [a, b, c] = affine.linear[r];
            [a as f32, b as f32, c as f32, affine.translation[r] as f32]
        });
        Lanes { m, diagonal: affine.is_diagonal() }
    }

    /// One axis of a diagonal map.
    pub(crate) fn axis(&self, level: Level, axis: usize, from: &[f32], to: &mut [f32]) {
        scale_and_shift(level, self.m[axis][axis], self.m[axis][3], from, to);
    }

    /// Bounds of the mapped points.
    pub(crate) fn bounds(&self, points: &Bounds) -> Bounds {
        Bounds(self.m.map(|[a, b, c, t]| {
            let [x, y, z] = points.0;
            x.times(a).plus(y.times(b)).plus(z.times(c)).plus(Interval::point(t))
        }))
    }

    /// All three coordinates. A diagonal map gives the same bits as `axis`.
    pub(crate) fn points(&self, level: Level, p: [&[f32]; 3], out: [&mut [f32]; 3]) {
        for (r, to) in out.into_iter().enumerate() {
            match self.diagonal {
                true => self.axis(level, r, p[r], to),
                false => combine(level, self.m[r], p[0], p[1], p[2], to),
            }
        }
    }
}

by_level! {
    fn scale_and_shift(factor: f32, shift: f32, from: &[f32], to: &mut [f32]) {
        for (f, t) in from.iter().zip(to) {
            *t = factor * f + shift;
        }
    }
    fn combine(m: [f32; 4], x: &[f32], y: &[f32], z: &[f32], to: &mut [f32]) {
        for (((x, y), z), t) in x.iter().zip(y).zip(z).zip(to) {
            *t = m[0] * x + m[1] * y + m[2] * z + m[3];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverse_undoes_and_scales_are_singular_values() {
        let a = Affine {
            linear: [[0.0, -2.0, 0.0], [3.0, 0.0, 0.5], [0.0, 0.0, 1.5]],
            translation: [1.0, 2.0, 3.0],
        };
        let p = [0.3, -0.7, 2.0];
        let q = a.inverse().unwrap().apply(a.apply(p));
        assert!((0..3).all(|k| (q[k] - p[k]).abs() < 1e-12), "{q:?}");
        let turned = Affine { linear: [[0.0, -2.0, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, -2.0]], ..a };
        assert!(turned.is_similarity() && (turned.least_scale() - 2.0).abs() < 1e-9);
        let stretched = Affine { linear: [[4.0, 0.0, 0.0], [0.0, 0.25, 0.0], [0.0, 0.0, 1.0]], ..a };
        assert!(
            (stretched.least_scale() - 0.25).abs() < 1e-9 && (stretched.greatest_scale() - 4.0).abs() < 1e-9
        );
        assert!(
            Affine { linear: [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [0.0, 0.0, 1.0]], ..a }.inverse().is_none()
        );
    }
}
