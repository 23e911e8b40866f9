//! Which struts can be nearest to a point of a box, or near enough to blend: the rule that culls.

use super::Style;

/// What `f32` rounding can add to a long distance, with room to spare.
const ROUNDING: f64 = 1e-6;

/// The style's part of the rule.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    inner: f64,
    outer: f64,
    /// Least and greatest multiplier of the section radius.
    multipliers: [f64; 2],
    node_radius: Option<f64>,
    smoothing: f64,
    /// What `f32` rounding can add to a distance here.
    slack: f64,
}

/// What is known to be near a place.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Near {
    /// Distance to the axis and radius of the strut whose surface is nearest, at most.
    strut: Option<[f64; 2]>,
    /// Distance to the nearest node that has a sphere.
    node: Option<f64>,
}

impl Rule {
    /// For coordinates up to `extent`.
    pub fn new(style: &Style, multipliers: [f32; 2], extent: f64) -> Rule {
        let (inner, outer) = style.section.hull();
        let node_radius = style.node_radius.map(f64::from);
        let size = extent + f64::from(style.section_radius * multipliers[1]) + node_radius.unwrap_or(0.0);
        let (smoothing, slack) = (f64::from(style.smoothing), 1e-5 * size);
        Rule { inner, outer, multipliers: multipliers.map(f64::from), node_radius, smoothing, slack }
    }

    /// Farthest that a strut of this radius or a sphere at its ends reaches from its axis.
    pub fn reach(&self, radius: f64) -> f64 {
        (self.outer * radius * self.multipliers[1]).max(self.node_radius.unwrap_or(0.0))
    }

    /// Distance from a place within which a strut of at most this radius may matter in a ball of radius `ball` around it.
    pub fn horizon(&self, near: &Near, radius: f64, ball: f64) -> f64 {
        let strut = near.strut.map_or(f64::INFINITY, |[s, r]| s - self.inner * r * self.multipliers[0]);
        let sphere = near.node.zip(self.node_radius).map_or(f64::INFINITY, |(s, r)| s - r);
        let surface = strut.min(sphere);
        (surface + self.reach(radius) + 2.0 * ball + self.smoothing + self.slack) * (1.0 + 4.0 * ROUNDING)
    }

    /// The most that the nearest surface can be away: decides which strut is the nearest known.
    pub fn surface(&self, distance: f64, radius: f64) -> f64 {
        distance - self.inner * radius * self.multipliers[1]
    }

    /// Takes note of a strut.
    pub fn note_strut(&self, near: &mut Near, distance: f64, radius: f64) {
        let closer = |[s, r]: [f64; 2]| self.surface(distance, radius) < self.surface(s, r);
        if near.strut.is_none_or(closer) {
            near.strut = Some([distance, radius]);
        }
    }

    /// Takes note of a sphere.
    pub fn note_node(&self, near: &mut Near, distance: f64) {
        if self.node_radius.is_some() && near.node.is_none_or(|s| distance < s) {
            near.node = Some(distance);
        }
    }

    /// Whether a strut may matter in a ball of radius `ball`, given the distance from its centre.
    pub fn keeps_strut(&self, near: &Near, distance: f64, radius: f64, ball: f64) -> bool {
        let gap = distance * (1.0 - ROUNDING) - 2.0 * ball - self.smoothing - self.slack;
        let by_strut = near.strut.is_some_and(|[s, r]| {
            self.multipliers.iter().all(|m| gap - s > m * (self.outer * radius - self.inner * r))
        });
        let by_node = near.node.zip(self.node_radius).is_some_and(|(s, node_radius)| {
            gap - self.outer * radius * self.multipliers[1] > s - node_radius
        });
        !by_strut && !by_node
    }

    /// The same of a sphere.
    pub fn keeps_node(&self, near: &Near, distance: f64, ball: f64) -> bool {
        let Some(node_radius) = self.node_radius else { return false };
        let surface = distance * (1.0 - ROUNDING) - node_radius - 2.0 * ball - self.smoothing - self.slack;
        let by_strut = near.strut.is_some_and(|[s, r]| surface > s - self.inner * r * self.multipliers[0]);
        let by_node = near.node.is_some_and(|s| surface > s - node_radius);
        !by_strut && !by_node
    }
}

/// Struts and nodes, as indices, that may matter somewhere in a box.
#[derive(Clone, Debug, Default)]
pub(super) struct Candidates {
    pub struts: Vec<u32>,
    pub nodes: Vec<u32>,
}

/// Radius of the ball around a box of these half-extents.
pub(super) fn ball(half: [f64; 3]) -> f64 {
    crate::vector::norm(half)
}

/// Narrows `from` to what matters in the box of `half` around `centre`, by looking at its eight parts one by one.
/// `strut` gives the distance to a strut's axis and its radius, `node` the distance to a node.
pub(super) fn narrowed(
    rule: &Rule,
    centre: [f64; 3],
    half: [f64; 3],
    from: &Candidates,
    strut: impl Fn(u32, [f64; 3]) -> [f64; 2],
    node: impl Fn(u32, [f64; 3]) -> f64,
) -> Candidates {
    let quarter = half.map(|h| 0.5 * h);
    let reach = ball(quarter);
    let mut keep = [vec![false; from.struts.len()], vec![false; from.nodes.len()]];
    for octant in 0..8 {
        let c =
            std::array::from_fn(|a| centre[a] + if octant >> a & 1 == 1 { quarter[a] } else { -quarter[a] });
        let struts: Vec<[f64; 2]> = from.struts.iter().map(|&i| strut(i, c)).collect();
        let nodes: Vec<f64> = from.nodes.iter().map(|&i| node(i, c)).collect();
        let mut near = Near::default();
        struts.iter().for_each(|&[s, r]| rule.note_strut(&mut near, s, r));
        nodes.iter().for_each(|&s| rule.note_node(&mut near, s));
        for (k, &[s, r]) in keep[0].iter_mut().zip(&struts) {
            *k |= rule.keeps_strut(&near, s, r, reach);
        }
        for (k, &s) in keep[1].iter_mut().zip(&nodes) {
            *k |= rule.keeps_node(&near, s, reach);
        }
    }
    let kept =
        |all: &[u32], keep: &[bool]| all.iter().zip(keep).filter(|(_, k)| **k).map(|(i, _)| *i).collect();
    Candidates { struts: kept(&from.struts, &keep[0]), nodes: kept(&from.nodes, &keep[1]) }
}
