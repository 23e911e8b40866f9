//! The nearest of many curves: boxes around boxes, of which most are passed over.

use super::curve::{Curve, Point};

/// Curves of a box that is not divided further.
const LEAF: usize = 4;
/// Boxes that wait to be looked at: one for each halving, and halves of 2³² curves have no more.
const DEEPEST: usize = 34;

#[derive(Clone, Copy, Debug)]
struct Node {
    low: Point,
    high: Point,
    /// Its curves.
    from: u32,
    to: u32,
    /// Its second half as a node; the first half is the node after it. 0: it has none.
    second: u32,
}

impl Node {
    /// Squared distance from a point to the box.
    fn away2(&self, p: Point) -> f64 {
        let gap = |a: usize| (self.low[a] - p[a]).max(p[a] - self.high[a]).max(0.0);
        gap(0) * gap(0) + gap(1) * gap(1)
    }
}

/// Curves, sorted by where they are. About 130 bytes a curve.
#[derive(Clone, Debug)]
pub(super) struct Nearest {
    curves: Vec<Curve>,
    nodes: Vec<Node>,
}

impl Nearest {
    pub fn new(mut curves: Vec<Curve>) -> Nearest {
        let mut nodes = Vec::with_capacity(curves.len());
        if !curves.is_empty() {
            divide(&mut curves, 0, &mut nodes);
        }
        Nearest { curves, nodes }
    }

    pub fn curves(&self) -> &[Curve] {
        &self.curves
    }

    /// Least and greatest coordinates; `None` where there are no curves.
    pub fn bounds(&self) -> Option<[Point; 2]> {
        self.nodes.first().map(|n| [n.low, n.high])
    }

    /// Distance to the nearest curve; infinite where there are none, not a number from a point that is none.
    pub fn distance(&self, p: Point) -> f64 {
        if p[0].is_nan() || p[1].is_nan() {
            return f64::NAN;
        }
        let mut best = f64::INFINITY;
        let mut open = [(0.0, 0); DEEPEST];
        let mut count = usize::from(!self.nodes.is_empty());
        while count > 0 {
            count -= 1;
            let (away2, index) = open[count];
            if away2 >= best * best {
                continue;
            }
            let node = self.nodes[index as usize];
            if node.second == 0 {
                let curves = &self.curves[node.from as usize..node.to as usize];
                best = curves.iter().map(|c| c.distance(p)).fold(best, f64::min);
                continue;
            }
            let mut halves = [index + 1, node.second].map(|n| (self.nodes[n as usize].away2(p), n));
            if halves[0].0 < halves[1].0 {
                halves.swap(0, 1);
            }
            // The nearer half is looked at first.
            open[count..count + 2].copy_from_slice(&halves);
            count += 2;
        }
        best
    }

    /// Every curve whose box comes within `reach` of the box from `low` to `high`.
    pub fn around(&self, [low, high]: [Point; 2], reach: f64) -> Vec<Curve> {
        let meets =
            |from: Point, to: Point| (0..2).all(|a| from[a] <= high[a] + reach && to[a] >= low[a] - reach);
        let mut found = Vec::new();
        let mut open = vec![0u32; self.nodes.len().min(1)];
        while let Some(index) = open.pop() {
            let node = self.nodes[index as usize];
            if !meets(node.low, node.high) {
                continue;
            }
            if node.second != 0 {
                open.extend([index + 1, node.second]);
                continue;
            }
            let curves = self.curves[node.from as usize..node.to as usize].iter();
            found.extend(curves.filter(|c| meets(c.bounds()[0], c.bounds()[1])));
        }
        found
    }
}

/// Makes the nodes of `curves`, which begin at `from`, and sorts these in halves along the longer side.
fn divide(curves: &mut [Curve], from: usize, nodes: &mut Vec<Node>) {
    let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
    for [l, h] in curves.iter().map(Curve::bounds) {
        for a in 0..2 {
            (low[a], high[a]) = (low[a].min(l[a]), high[a].max(h[a]));
        }
    }
    let own = nodes.len();
    nodes.push(Node { low, high, from: from as u32, to: (from + curves.len()) as u32, second: 0 });
    if curves.len() <= LEAF {
        return;
    }
    let axis = usize::from(high[1] - low[1] > high[0] - low[0]);
    let twice_middle = |c: &Curve| c.bounds()[0][axis] + c.bounds()[1][axis];
    let half = curves.len() / 2;
    curves.select_nth_unstable_by(half, |a, b| twice_middle(a).total_cmp(&twice_middle(b)));
    let (first, second) = curves.split_at_mut(half);
    divide(first, from, nodes);
    nodes[own].second = nodes.len() as u32;
    divide(second, from + half, nodes);
}
