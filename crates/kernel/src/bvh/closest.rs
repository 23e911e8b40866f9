//! The closest point of a mesh: exact unsigned distance at one point.

use super::build::{Bvh, MAX_DEPTH, Node};
use crate::distance::triangle::Frame;

/// The triangle closest to a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Closest {
    /// Index in the mesh; among equally close ones the first in tree order.
    pub triangle: u32,
    /// Distance to it, model units, `f32` rounding.
    pub distance: f32,
}

impl Bvh {
    /// The triangle closest to `p`; `None` without triangles, and where all are so far away (1.8e19) that the square of
    /// the distance is no `f32`.
    pub fn closest(&self, p: [f32; 3]) -> Option<Closest> {
        let mut best = (f32::INFINITY, None);
        let mut stack = Vec::with_capacity(MAX_DEPTH);
        stack.extend(self.nodes.first().map(|_| 0usize));
        while let Some(at) = stack.pop() {
            let node = &self.nodes[at];
            if node.distance2(p) >= best.0 {
                continue;
            }
            if node.count == 0 {
                let (near, far) = (at + 1, at + node.first as usize);
                let swap = self.nodes[far].distance2(p) < self.nodes[near].distance2(p);
                stack.extend(if swap { [near, far] } else { [far, near] });
                continue;
            }
            for i in node.first..node.first + node.count {
                let frame = Frame::new(self.corners[i as usize], p.map(f64::from));
                let d2 = frame.distance2([0.0; 3]);
                if d2 < best.0 {
                    best = (d2, Some(self.order[i as usize]));
                }
            }
        }
        best.1.map(|triangle| Closest { triangle, distance: best.0.sqrt() })
    }
}

impl Bvh {
    /// Whether some triangle is at most `reach` away from `p`: ends at the first one found.
    pub(crate) fn within(&self, p: [f32; 3], reach: f32) -> bool {
        let reach2 = reach * reach;
        let mut stack = Vec::with_capacity(MAX_DEPTH);
        stack.extend(self.nodes.first().map(|_| 0usize));
        while let Some(at) = stack.pop() {
            let node = &self.nodes[at];
            if node.distance2(p) > reach2 {
                continue;
            }
            if node.count == 0 {
                let (near, far) = (at + 1, at + node.first as usize);
                let swap = self.nodes[far].distance2(p) < self.nodes[near].distance2(p);
                stack.extend(if swap { [near, far] } else { [far, near] });
                continue;
            }
            let of = |i: u32| Frame::new(self.corners[i as usize], p.map(f64::from)).distance2([0.0; 3]);
            if (node.first..node.first + node.count).any(|i| of(i) <= reach2) {
                return true;
            }
        }
        false
    }
}

impl Node {
    /// Squared distance from `p` to the box, 0 inside.
    pub(crate) fn distance2(&self, p: [f32; 3]) -> f32 {
        let d: [f32; 3] = std::array::from_fn(|a| (self.min[a] - p[a]).max(p[a] - self.max[a]).max(0.0));
        d[0] * d[0] + d[1] * d[1] + d[2] * d[2]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Monitor;
    use crate::testing::{Rng, bumpy_sphere, distance_oracle};

    #[test]
    fn agrees_with_trying_every_triangle() {
        let mesh = bumpy_sphere(20, 40, 10.0, 0.2);
        let bvh = Bvh::build(&mesh, &Monitor::none()).unwrap();
        let mut rng = Rng::new(1);
        for _ in 0..2000 {
            let p: [f32; 3] = std::array::from_fn(|_| (rng.unit() * 40.0 - 20.0) as f32);
            let exact = distance_oracle(p.map(f64::from), &mesh);
            let got = bvh.closest(p).unwrap();
            assert!((f64::from(got.distance) - exact).abs() < 1e-5, "{p:?}: {got:?}, exact {exact}");
            assert!(bvh.within(p, got.distance * 1.0001) && !bvh.within(p, got.distance * 0.9999));
        }
    }
}
