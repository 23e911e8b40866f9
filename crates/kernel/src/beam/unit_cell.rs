//! A unit cell of struts, repeated endlessly in all directions.
//!
//! The cell is cut into parts. For each part the struts, of the cell itself and of its neighbours, that can be nearest
//! to any of its points are found once; a block of points is then wrapped into the cell, sorted by part and measured
//! against those few. So a strut of a neighbouring cell counts wherever it is nearer, also one wider than the cell.

use super::evaluate::{Choice, Points, evaluate_one};
use super::group::{Axis, Bench, Run, add_inner_part, runs, wrap};
use super::reach::{Candidates, Near, Rule, ball, narrowed};
use super::strut::{Strut, to_segment};
use super::{BLOCK, BeamError, Limits, Style, check_edges};
use crate::aabb::Aabb;
use crate::monitor::Monitor;
use crate::simd::Level;
use rayon::prelude::*;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Nodes in the unit cube and edges between them, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitCell {
    nodes: Vec<[f64; 3]>,
    edges: Vec<[u32; 2]>,
}

impl UnitCell {
    /// Nodes within 0..=1, edges as pairs of node indices. Refuses edges that end nowhere, have no length or are
    /// given twice. Edges and nodes that differ by whole cells only, such as the twelve edges of a cube, count once.
    pub fn new(nodes: Vec<[f64; 3]>, edges: Vec<[u32; 2]>, limits: &Limits) -> Result<UnitCell, BeamError> {
        check_edges(&nodes, &edges, true, limits)?;
        Ok(UnitCell { nodes, edges })
    }

    /// The nodes.
    pub fn nodes(&self) -> &[[f64; 3]] {
        &self.nodes
    }

    /// The edges.
    pub fn edges(&self) -> &[[u32; 2]] {
        &self.edges
    }

    /// Segments of one period, each once.
    fn segments(&self) -> Vec<[[f64; 3]; 2]> {
        let mut found: Vec<[[f64; 3]; 2]> = Vec::new();
        for e in &self.edges {
            let [a, b] = e.map(|i| self.nodes[i as usize]);
            let same = |s: &[[f64; 3]; 2]| {
                let repeats = |a: [f64; 3], b: [f64; 3]| {
                    let apart: [f64; 3] = std::array::from_fn(|k| a[k] - s[0][k]);
                    is_whole(apart) && (0..3).all(|k| (b[k] - s[1][k] - apart[k]).abs() < 1e-6)
                };
                repeats(a, b) || repeats(b, a)
            };
            if !found.iter().any(same) {
                found.push([a, b]);
            }
        }
        found
    }

    /// Nodes that end an edge, each once per period.
    fn joints(&self) -> Vec<[f64; 3]> {
        let mut found: Vec<[f64; 3]> = Vec::new();
        for i in self.edges.iter().flatten() {
            let p = self.nodes[*i as usize];
            if !found.iter().any(|q| is_whole(std::array::from_fn(|k| p[k] - q[k]))) {
                found.push(p);
            }
        }
        found
    }
}

/// Whether two places are the same place of different cells.
fn is_whole(apart: [f64; 3]) -> bool {
    apart.iter().all(|c| (c - c.round()).abs() < 1e-6)
}

/// The repeated cell, ready to be measured from.
#[derive(Clone, Debug)]
pub struct BeamLattice {
    style: Style,
    scale: [f32; 3],
    axes: [Axis; 3],
    struts: Vec<Strut>,
    nodes: Vec<[f32; 3]>,
    parts: Vec<Candidates>,
}

/// An element of the cell, as (index, whole cells it is moved by).
type Place = (u32, [i32; 3]);

/// What one part is searched in.
struct Search<'a> {
    scale: [f64; 3],
    radius: f64,
    rule: Rule,
    segments: &'a [[[f64; 3]; 2]],
    joints: &'a [[f64; 3]],
    /// Places that are tried for a part at most.
    tried: usize,
    /// Candidates that are kept for all parts at most, and how many are so far.
    limit: usize,
    kept: AtomicUsize,
    monitor: &'a Monitor,
}

/// Places that are tried for all parts together, per candidate that may be kept.
const TRIED: usize = 64;

impl BeamLattice {
    /// The cell stretched to `scale` (mm per axis), its struts styled afterwards so that radii stay in mm.
    /// `multipliers`: least and greatest section radius multiplier that [`BeamLattice::sample`] will be given.
    pub fn new(
        cell: &UnitCell,
        scale: [f64; 3],
        style: Style,
        multipliers: [f32; 2],
        limits: &Limits,
        monitor: &Monitor,
    ) -> Result<BeamLattice, BeamError> {
        BeamLattice::check(scale, &style, multipliers)?;
        let stretch = |p: [f64; 3]| std::array::from_fn(|k| p[k] * scale[k]);
        let segments: Vec<_> = cell.segments().iter().map(|s| s.map(stretch)).collect();
        let joints: Vec<_> = match style.node_radius {
            Some(_) => cell.joints().into_iter().map(stretch).collect(),
            None => vec![],
        };
        let counts = part_counts(scale, if segments.len() > 64 { 4096 } else { 512 });
        let parts = counts.iter().product::<u32>();
        let search = Search {
            scale,
            radius: f64::from(style.section_radius),
            rule: Rule::new(&style, multipliers, scale.iter().sum()),
            segments: &segments,
            joints: &joints,
            tried: limits.candidates.saturating_mul(TRIED) / parts as usize,
            limit: limits.candidates,
            kept: AtomicUsize::new(0),
            monitor,
        };
        let found = (0..parts).into_par_iter().map(|part| search.part(counts, part));
        let found = found.collect::<Result<Vec<_>, _>>()?;
        let mut lattice = BeamLattice {
            style,
            scale: scale.map(|s| s as f32),
            axes: axes(scale, counts),
            struts: vec![],
            nodes: vec![],
            parts: Vec::with_capacity(found.len()),
        };
        lattice.collect(&search, found);
        Ok(lattice)
    }

    /// Refuses what [`BeamLattice::new`] refuses before it looks at the cell.
    pub fn check(scale: [f64; 3], style: &Style, multipliers: [f32; 2]) -> Result<(), BeamError> {
        style.check()?;
        for (axis, value) in ['x', 'y', 'z'].into_iter().zip(scale) {
            if !(1e-9..=1e12).contains(&value) {
                return Err(BeamError::Scale { axis, value });
            }
        }
        for value in multipliers.map(f64::from) {
            if !(value.is_finite() && value >= 0.0) {
                return Err(BeamError::Length { what: "section radius multiplier", value });
            }
        }
        Ok(())
    }

    /// Numbers the shifted struts and nodes that the parts found.
    fn collect(&mut self, search: &Search, found: Vec<(Vec<Place>, Vec<Place>)>) {
        let (mut strut_at, mut node_at) = (HashMap::new(), HashMap::new());
        for (struts, nodes) in found {
            let struts = struts.into_iter().map(|place| {
                *strut_at.entry(place).or_insert_with(|| {
                    let [a, b] = search.segments[place.0 as usize].map(|p| moved(p, search.scale, place.1));
                    self.struts.push(Strut::new(a, b, self.style.section_radius));
                    self.struts.len() as u32 - 1
                })
            });
            let struts = struts.collect();
            let nodes = nodes.into_iter().map(|place| {
                *node_at.entry(place).or_insert_with(|| {
                    let p = moved(search.joints[place.0 as usize], search.scale, place.1);
                    self.nodes.push(p.map(|c| c as f32));
                    self.nodes.len() as u32 - 1
                })
            });
            let nodes = nodes.collect();
            self.parts.push(Candidates { struts, nodes });
        }
    }

    /// Signed distance at each point, mm. `multiplier`: of the section radius, per point, within the range given
    /// to [`BeamLattice::new`]; none is 1 everywhere. All slices have one length.
    pub fn sample(
        &self,
        level: Level,
        x: &[f32],
        y: &[f32],
        z: &[f32],
        multiplier: Option<&[f32]>,
        out: &mut [f32],
    ) {
        let ones = [1.0; BLOCK];
        let mut wrapped = [[0.0; BLOCK]; 3];
        let mut parts = [0; BLOCK];
        let mut bench = Bench::new();
        for (block, out) in out.chunks_mut(BLOCK).enumerate() {
            let (from, count) = (block * BLOCK, out.len());
            let parts = &mut parts[..count];
            parts.fill(0);
            for (a, values) in [x, y, z].into_iter().enumerate() {
                let to = &mut wrapped[a][..count];
                wrap(level, self.scale[a], 1.0 / self.scale[a], &values[from..from + count], to);
                add_inner_part(level, self.axes[a], to, parts);
            }
            let [x, y, z] = wrapped.each_ref().map(|c| &c[..count]);
            let multiplier = multiplier.map_or(&ones[..count], |m| &m[from..from + count]);
            let points = Points { x, y, z, multiplier };
            for group in runs(parts).chunk_by(|a: &Run, b| a.part == b.part) {
                let choice = self.choice(group[0].part);
                bench.measure(level, &self.style, choice, points, group, out);
            }
        }
    }

    fn choice(&self, part: u32) -> Choice<'_> {
        let Candidates { struts, nodes } = &self.parts[part as usize];
        Choice { struts: &self.struts, which: struts, nodes: &self.nodes, which_nodes: nodes, uniform: true }
    }

    /// Bounds of the distance over a box, multipliers anywhere in `multipliers` there.
    pub fn range(&self, over: &Aabb, multipliers: [f32; 2]) -> [f32; 2] {
        let centre: [f32; 3] = std::array::from_fn(|a| 0.5 * (over.min[a] + over.max[a]));
        let middle = 0.5 * (multipliers[0] + multipliers[1]);
        let value = self.at(centre, middle);
        // No surface moves faster than the outermost corner of its section.
        let widening = self.style.section.hull().1 * f64::from(self.style.section_radius);
        let graded = 0.5 * f64::from(multipliers[1] - multipliers[0]) * widening;
        let apart = ((0.5 * over.diagonal() + graded) * (1.0 + 1e-5)) as f32;
        let rounding = 1e-5 * (centre.iter().fold(0.0f32, |m, c| m.max(c.abs())) + value.abs());
        [value - apart - rounding, value + apart + rounding]
    }

    /// One value of [`BeamLattice::sample`].
    fn at(&self, p: [f32; 3], multiplier: f32) -> f32 {
        let (level, mut wrapped, mut part) = (Level::BASELINE, [[0.0]; 3], [0]);
        for a in 0..3 {
            wrap(level, self.scale[a], 1.0 / self.scale[a], &[p[a]], &mut wrapped[a]);
            add_inner_part(level, self.axes[a], &wrapped[a], &mut part);
        }
        evaluate_one(&self.style, self.choice(part[0]), wrapped, multiplier)
    }
}

fn moved(p: [f64; 3], scale: [f64; 3], cells: [i32; 3]) -> [f64; 3] {
    std::array::from_fn(|k| p[k] + scale[k] * f64::from(cells[k]))
}

/// How many parts each axis of a box gets: nearly cubic ones, about `target` of them.
pub(super) fn part_counts(extent: [f64; 3], target: u32) -> [u32; 3] {
    let mut edge = (extent[0] * extent[1] * extent[2] / f64::from(target)).cbrt();
    loop {
        let counts = extent.map(|e| ((e / edge - 1e-9).ceil().clamp(1.0, 4096.0)) as u32);
        if counts.iter().map(|&n| u64::from(n)).product::<u64>() <= 2 * u64::from(target) {
            return counts;
        }
        edge *= 1.25;
    }
}

fn axes(scale: [f64; 3], counts: [u32; 3]) -> [Axis; 3] {
    let strides = [1, counts[0], counts[0] * counts[1]];
    std::array::from_fn(|a| Axis {
        from: 0.0,
        density: (f64::from(counts[a]) / scale[a]) as f32,
        count: counts[a],
        stride: strides[a],
    })
}

impl Search<'_> {
    /// The same whichever part says so first.
    fn too_many(&self) -> BeamError {
        BeamError::TooMany {
            what: "candidate struts",
            count: self.limit.saturating_add(1),
            limit: self.limit,
        }
    }

    /// Struts and nodes that matter in a part.
    fn part(&self, counts: [u32; 3], part: u32) -> Result<(Vec<Place>, Vec<Place>), BeamError> {
        let index = [part % counts[0], part / counts[0] % counts[1], part / counts[0] / counts[1]];
        let half: [f64; 3] = std::array::from_fn(|a| 0.5 * self.scale[a] / f64::from(counts[a]));
        let centre: [f64; 3] = std::array::from_fn(|a| (2.0 * f64::from(index[a]) + 1.0) * half[a]);
        self.monitor.check()?;
        let mut near = Near::default();
        // Its copy whose middle is nearest.
        let nearest = |s: &[[f64; 3]; 2]| {
            let cells = std::array::from_fn(|a| {
                ((centre[a] - 0.5 * (s[0][a] + s[1][a])) / self.scale[a]).round() as i32
            });
            let [p, q] = s.map(|p| moved(p, self.scale, cells));
            to_segment(centre, p, q)
        };
        for s in self.segments {
            self.rule.note_strut(&mut near, nearest(s), self.radius);
        }
        for p in self.joints {
            self.rule.note_node(&mut near, nearest(&[*p; 2]));
        }
        let horizon = self.rule.horizon(&near, self.radius, ball(half));
        let struts = self.within(centre, horizon, self.segments.iter().copied())?;
        let nodes = self.within(centre, horizon, self.joints.iter().map(|p| [*p; 2]))?;
        let all = |n: usize| (0..n as u32).collect();
        let from = Candidates { struts: all(struts.len()), nodes: all(nodes.len()) };
        let strut = |i: u32, c| {
            let (segment, cells) = struts[i as usize];
            let [p, q] = self.segments[segment as usize].map(|p| moved(p, self.scale, cells));
            [to_segment(c, p, q), self.radius]
        };
        let node = |i: u32, c| {
            let (joint, cells) = nodes[i as usize];
            let p = moved(self.joints[joint as usize], self.scale, cells);
            to_segment(c, p, p)
        };
        let kept = narrowed(&self.rule, centre, half, &from, strut, node);
        let count = kept.struts.len() + kept.nodes.len();
        if self.kept.fetch_add(count, Ordering::Relaxed) + count > self.limit {
            return Err(self.too_many());
        }
        let places = |kept: &[u32], all: &[Place]| kept.iter().map(|&i| all[i as usize]).collect();
        Ok((places(&kept.struts, &struts), places(&kept.nodes, &nodes)))
    }

    /// Which of these, in which cells, come nearer to `centre` than `horizon`.
    fn within(
        &self,
        centre: [f64; 3],
        horizon: f64,
        all: impl Iterator<Item = [[f64; 3]; 2]>,
    ) -> Result<Vec<Place>, BeamError> {
        let mut places = vec![];
        let mut tried = 0.0;
        for (index, s) in all.enumerate() {
            let low = |a: usize| ((centre[a] - horizon - s[0][a].max(s[1][a])) / self.scale[a]).ceil();
            let high = |a: usize| ((centre[a] + horizon - s[0][a].min(s[1][a])) / self.scale[a]).floor();
            let spans: [[f64; 2]; 3] = std::array::from_fn(|a| [low(a), high(a)]);
            tried += spans.iter().map(|[l, h]| (h - l + 1.0).max(0.0)).product::<f64>();
            if tried > self.tried as f64 {
                return Err(self.too_many());
            }
            let spans = spans.map(|[l, h]| l as i32..=h as i32);
            for k in spans[2].clone() {
                for j in spans[1].clone() {
                    for i in spans[0].clone() {
                        let [p, q] = s.map(|p| moved(p, self.scale, [i, j, k]));
                        if to_segment(centre, p, q) <= horizon {
                            places.push((index as u32, [i, j, k]));
                        }
                    }
                }
            }
        }
        Ok(places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::beam::Section;

    const LIMITS: Limits = Limits { nodes: 100, edges: 100, candidates: 1_000_000 };
    const STYLE: Style =
        Style { section: Section::Circle, section_radius: 0.2, node_radius: None, smoothing: 0.0 };

    #[test]
    fn wide_spheres_and_blends_are_prepared_in_bounded_time_and_can_be_cancelled() {
        let nodes = vec![[0.5; 3], [0.0; 3], [1.0; 3], [0.0, 1.0, 0.0]];
        let cell = UnitCell::new(nodes, vec![[0, 1], [0, 2], [0, 3]], &LIMITS).unwrap();
        let style = Style { node_radius: Some(5.08), smoothing: 0.03, ..STYLE };
        let few = Limits { candidates: 20_000, ..LIMITS };
        BeamLattice::new(&cell, [0.5; 3], style, [1.0; 2], &few, &Monitor::none()).unwrap();
        // A blend over sixteen cells: refused as soon as too many are known, not when all are.
        let blend = Style { smoothing: 8.03, ..style };
        let refused =
            BeamLattice::new(&cell, [0.5; 3], blend, [1.0; 2], &LIMITS, &Monitor::none()).unwrap_err();
        let limit = LIMITS.candidates;
        assert_eq!(refused, BeamError::TooMany { what: "candidate struts", count: limit + 1, limit });
        let cancelled = Monitor::new(std::sync::Arc::new(true.into()), |_| ());
        let refused = BeamLattice::new(&cell, [0.5; 3], style, [1.0; 2], &LIMITS, &cancelled).unwrap_err();
        assert_eq!(refused, BeamError::Cancelled(crate::Cancelled));
    }
}
