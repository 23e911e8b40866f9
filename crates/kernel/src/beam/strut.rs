//! One strut, ready to be measured from.

use crate::vector::{cross, dot, norm, sub};

/// A segment with its frame; made in `f64`, rounded once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strut {
    /// First end.
    pub start: [f32; 3],
    /// From the first end to the second.
    pub along: [f32; 3],
    /// 1 / length².
    pub inverse2: f32,
    /// Section radius before multipliers.
    pub radius: f32,
    /// Middle.
    pub centre: [f32; 3],
    /// Half the length between the nodes.
    pub half: f32,
    /// Unit vectors along the strut and along both sides of the section.
    pub axes: [[f32; 3]; 3],
}

impl Strut {
    /// The strut from `a` to `b`, which differ.
    pub fn new(a: [f64; 3], b: [f64; 3], radius: f32) -> Strut {
        let along = sub(b, a);
        let length2 = dot(along, along);
        let length = length2.sqrt();
        let u = along.map(|c| c / length);
        // Level and at right angles to the strut; below this slope its direction would be noise.
        let level2 = u[0] * u[0] + u[1] * u[1];
        let v = match level2 > 1e-18 {
            true => [-u[1] / level2.sqrt(), u[0] / level2.sqrt(), 0.0],
            false => [1.0, 0.0, 0.0],
        };
        let w = cross(u, v);
        let single = |p: [f64; 3]| p.map(|c| c as f32);
        Strut {
            start: single(a),
            along: single(along),
            inverse2: (1.0 / length2) as f32,
            radius,
            centre: std::array::from_fn(|k| (0.5 * (a[k] + b[k])) as f32),
            half: (0.5 * length) as f32,
            axes: [u, v, w].map(single),
        }
    }
}

/// Distance from `p` to the segment from `a` to `b`.
pub(super) fn to_segment(p: [f64; 3], a: [f64; 3], b: [f64; 3]) -> f64 {
    let along = sub(b, a);
    let q = sub(p, a);
    let length2 = dot(along, along);
    let t = if length2 > 0.0 { (dot(q, along) / length2).clamp(0.0, 1.0) } else { 0.0 };
    let e: [f64; 3] = std::array::from_fn(|k| q[k] - t * along[k]);
    norm(e)
}
