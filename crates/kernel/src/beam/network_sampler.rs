//! Distance to a network of struts at points.
//!
//! Space around the network is cut into parts; when a part is first met, the hierarchy is asked once which struts
//! can be nearest to any of its points. Outside the parts it is asked for each handful of points.

use super::evaluate::{Choice, Points, evaluate_one};
use super::group::{Axis, Bench, Run, add_part, runs};
use super::network::{LineNetwork, NetworkBvh};
use super::reach::{Candidates, Rule, ball, narrowed};
use super::strut::{Strut, to_segment};
use super::unit_cell::part_counts;
use super::{BLOCK, BeamError, Style};
use crate::aabb::Aabb;
use crate::simd::Level;
use std::sync::OnceLock;

/// Points outside the parts that share one question to the hierarchy.
const HANDFUL: u16 = 32;
/// Parts per strut, and at most.
const PARTS_PER_STRUT: usize = 8;
const MOST_PARTS: usize = 1 << 18;

/// A network with its style, ready to be measured from.
#[derive(Debug)]
pub struct BeamNetwork {
    network: LineNetwork,
    bvh: NetworkBvh,
    style: Style,
    rule: Rule,
    struts: Vec<Strut>,
    /// Least and greatest section radius.
    radii: [f64; 2],
    axes: [Axis; 3],
    from: [f64; 3],
    part_size: [f64; 3],
    parts: Vec<OnceLock<Candidates>>,
}

impl BeamNetwork {
    /// `bvh` must be the network's own. Radii of the network's edges count instead of the style's, where it has some.
    /// Memory: about 100 bytes per edge, and up to 40 bytes for each of at most 8 parts per edge, more where it is dense.
    pub fn new(network: LineNetwork, bvh: NetworkBvh, style: Style) -> Result<BeamNetwork, BeamError> {
        style.check()?;
        let radius = |e: usize| network.radii().map_or(style.section_radius, |r| r[e]);
        let strut = |e: usize| {
            let [a, b] = network.segment(e);
            Strut::new(a, b, radius(e))
        };
        let struts: Vec<Strut> = (0..network.edges().len()).map(strut).collect();
        let widest = struts.iter().fold(0.0f32, |m, s| m.max(s.radius));
        let least = struts.iter().fold(f32::INFINITY, |m, s| m.min(s.radius));
        let bounds = network.bounds();
        let extent =
            (0..3).fold(0.0f64, |m, a| m.max(f64::from(bounds.min[a].abs().max(bounds.max[a].abs()))));
        let rule = Rule::new(&Style { section_radius: widest, ..style }, [1.0; 2], extent);
        let around = rule.reach(f64::from(widest)) + f64::from(style.smoothing);
        let margin = 0.05 * bounds.diagonal() + around.min(bounds.diagonal());
        let size = bounds.extent().map(|e| e + 2.0 * margin);
        let target = (PARTS_PER_STRUT * struts.len()).clamp(512, MOST_PARTS);
        let counts = part_counts(size, target as u32);
        let from: [f64; 3] = std::array::from_fn(|a| f64::from(bounds.min[a]) - margin);
        let strides = [1, counts[0] + 2, (counts[0] + 2) * (counts[1] + 2)];
        let axes = std::array::from_fn(|a| Axis {
            from: from[a] as f32,
            density: (f64::from(counts[a]) / size[a]) as f32,
            count: counts[a],
            stride: strides[a],
        });
        let parts = vec![OnceLock::new(); (strides[2] * (counts[2] + 2)) as usize];
        let part_size = std::array::from_fn(|a| size[a] / f64::from(counts[a]));
        let radii = [least, widest].map(f64::from);
        Ok(BeamNetwork { network, bvh, style, rule, struts, radii, axes, from, part_size, parts })
    }

    /// The network.
    pub fn network(&self) -> &LineNetwork {
        &self.network
    }

    /// Signed distance at each point, mm. All slices have one length.
    pub fn sample(&self, level: Level, x: &[f32], y: &[f32], z: &[f32], out: &mut [f32]) {
        let ones = [1.0; BLOCK];
        let mut parts = [0; BLOCK];
        let mut bench = Bench::new();
        for (block, out) in out.chunks_mut(BLOCK).enumerate() {
            let (from, count) = (block * BLOCK, out.len());
            let parts = &mut parts[..count];
            parts.fill(0);
            let [x, y, z] = [x, y, z].map(|c| &c[from..from + count]);
            for (axis, values) in self.axes.iter().zip([x, y, z]) {
                add_part(level, *axis, values, parts);
            }
            let points = Points { x, y, z, multiplier: &ones[..count] };
            for group in runs(parts).chunk_by(|a: &Run, b| a.part == b.part) {
                match self.inside(group[0].part) {
                    Some(index) => {
                        let slot = &self.parts[group[0].part as usize];
                        let found = slot.get_or_init(|| self.part(index));
                        bench.measure(level, &self.style, self.choice(found), points, group, out);
                    }
                    None => self.outside(level, &mut bench, points, group, out),
                }
            }
        }
    }

    fn choice<'a>(&'a self, found: &'a Candidates) -> Choice<'a> {
        Choice {
            struts: &self.struts,
            which: &found.struts,
            nodes: self.network.nodes(),
            which_nodes: &found.nodes,
            uniform: self.network.radii().is_none(),
        }
    }

    /// Index of a part per axis, unless it is one of those that stand for all outside.
    fn inside(&self, part: u32) -> Option<[u32; 3]> {
        let mut rest = part;
        let mut index = [0; 3];
        for a in [2, 1, 0] {
            index[a] = (rest / self.axes[a].stride).wrapping_sub(1);
            rest %= self.axes[a].stride;
        }
        (0..3).all(|a| index[a] < self.axes[a].count).then_some(index)
    }

    fn radius(&self, edge: u32) -> f64 {
        f64::from(self.struts[edge as usize].radius)
    }

    fn part(&self, index: [u32; 3]) -> Candidates {
        let half = self.part_size.map(|s| 0.5 * s);
        let centre: [f64; 3] =
            std::array::from_fn(|a| self.from[a] + self.part_size[a] * (f64::from(index[a]) + 0.5));
        self.around(centre, half)
    }

    /// What matters in the box of `half` around `centre`.
    fn around(&self, centre: [f64; 3], half: [f64; 3]) -> Candidates {
        let found = self.bvh.candidates(
            &self.network,
            &self.rule,
            centre,
            ball(half),
            |e| self.radius(e),
            self.radii,
        );
        let strut = |e: u32, p| {
            let [a, b] = self.network.segment(e as usize);
            [to_segment(p, a, b), self.radius(e)]
        };
        let node = |n: u32, p| {
            let at = self.network.nodes()[n as usize].map(f64::from);
            to_segment(p, at, at)
        };
        narrowed(&self.rule, centre, half, &found, strut, node)
    }

    fn outside(&self, level: Level, bench: &mut Bench, p: Points, group: &[Run], out: &mut [f32]) {
        for run in group {
            for from in (run.from..run.to).step_by(HANDFUL.into()) {
                let to = run.to.min(from + HANDFUL);
                let range = from as usize..to as usize;
                let span = |c: &[f32]| {
                    let (low, high) = c[range.clone()]
                        .iter()
                        .fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
                    [0.5 * (f64::from(low) + f64::from(high)), 0.5 * (f64::from(high) - f64::from(low))]
                };
                let spans = [p.x, p.y, p.z].map(span);
                // A point that is no number is measured from somewhere; it must not stop the others.
                let finite = |v: f64| if v.is_finite() { v } else { 0.0 };
                let found = self.around(spans.map(|s| finite(s[0])), spans.map(|s| finite(s[1])));
                let piece = Run { part: run.part, from, to };
                bench.measure(level, &self.style, self.choice(&found), p, &[piece], out);
            }
        }
    }

    /// Bounds of the distance over a box.
    pub fn range(&self, over: &Aabb) -> [f32; 2] {
        let centre: [f32; 3] = std::array::from_fn(|a| 0.5 * (over.min[a] + over.max[a]));
        let value = self.at(centre);
        let apart = (0.5 * over.diagonal() * (1.0 + 1e-5)) as f32;
        let rounding = 1e-5 * (centre.iter().fold(0.0f32, |m, c| m.max(c.abs())) + value.abs());
        [value - apart - rounding, value + apart + rounding]
    }

    /// One value of [`BeamNetwork::sample`].
    fn at(&self, p: [f32; 3]) -> f32 {
        let mut part = [0];
        for (axis, c) in self.axes.iter().zip(p) {
            add_part(Level::BASELINE, *axis, &[c], &mut part);
        }
        let outside;
        let found = match self.inside(part[0]) {
            Some(index) => self.parts[part[0] as usize].get_or_init(|| self.part(index)),
            None => {
                outside = self.around(p.map(|c| f64::from(c).clamp(-1e30, 1e30)), [0.0; 3]);
                &outside
            }
        };
        evaluate_one(&self.style, self.choice(found), p.map(|c| [c]), 1.0)
    }
}
