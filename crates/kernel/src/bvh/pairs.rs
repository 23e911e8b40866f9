//! Which triangles have boxes that meet, and which lie in the way of a line along an axis.

use super::build::{Bvh, Node};
use crate::monitor::{Cancelled, Monitor};
use rayon::prelude::*;

/// From this many triangles on, the two halves of a node are looked at side by side.
const PARALLEL_DEPTH: u32 = 12;

/// What is asked of pairs of nodes and of triangles.
pub(crate) trait PairTest: Sync {
    /// What a pair of triangles gives.
    type Found: Send;

    /// Whether triangles of `a` and `b` (positions in tree order of the first, and how many) may be of interest;
    /// both may be the same.
    fn may(&self, a: std::ops::Range<u32>, b: std::ops::Range<u32>) -> bool;

    /// Looks at two different triangles of the mesh, each pair once, in either order.
    fn test(&self, a: u32, b: u32, found: &mut Vec<Self::Found>);
}

impl Bvh {
    /// Asks `test` about all pairs of triangles whose boxes, grown by `margin`, meet. The order of what is found depends on
    /// the tree alone.
    pub(crate) fn pairs<T: PairTest>(
        &self,
        margin: f32,
        test: &T,
        monitor: &Monitor,
    ) -> Result<Vec<T::Found>, Cancelled> {
        if self.nodes.is_empty() {
            return Ok(Vec::new());
        }
        let (firsts, ends) = self.spans();
        let walk = Walk { bvh: self, margin, test, monitor, firsts, ends };
        walk.node(0, 0)
    }

    /// For each node the first of its triangles in tree order, and their end.
    fn spans(&self) -> (Vec<u32>, Vec<u32>) {
        let mut firsts = vec![0; self.nodes.len()];
        let mut ends = firsts.clone();
        for at in (0..self.nodes.len()).rev() {
            let node = &self.nodes[at];
            (firsts[at], ends[at]) = match node.count {
                0 => (firsts[at + 1], ends[at + node.first as usize]),
                n => (node.first, node.first + n),
            };
        }
        (firsts, ends)
    }

    /// Calls `visit` with each triangle whose box, grown by `margin`, is met by the line along the axis beside `axes`.
    pub(crate) fn column(&self, axes: [usize; 2], at: [f64; 2], margin: f64, mut visit: impl FnMut(u32)) {
        let mut stack = vec![0usize];
        if self.nodes.is_empty() {
            return;
        }
        while let Some(i) = stack.pop() {
            let node = &self.nodes[i];
            let meets = axes
                .iter()
                .zip(at)
                .all(|(&a, x)| f64::from(node.min[a]) - margin <= x && x <= f64::from(node.max[a]) + margin);
            match (meets, node.count) {
                (false, _) => {}
                (true, 0) => stack.extend([i + node.first as usize, i + 1]),
                (true, n) => (node.first..node.first + n).for_each(|t| visit(self.order[t as usize])),
            }
        }
    }
}

struct Walk<'a, T> {
    bvh: &'a Bvh,
    margin: f32,
    test: &'a T,
    monitor: &'a Monitor,
    firsts: Vec<u32>,
    ends: Vec<u32>,
}

impl<T: PairTest> Walk<'_, T> {
    fn may(&self, a: usize, b: usize) -> bool {
        self.test.may(self.firsts[a]..self.ends[a], self.firsts[b]..self.ends[b])
    }

    fn halves(&self, at: usize) -> (usize, usize) {
        (at + 1, at + self.bvh.nodes[at].first as usize)
    }

    fn triangles(&self, at: usize) -> &[u32] {
        let node = &self.bvh.nodes[at];
        &self.bvh.order[node.first as usize..(node.first + node.count) as usize]
    }

    /// Pairs within a node.
    fn node(&self, at: usize, depth: u32) -> Result<Vec<T::Found>, Cancelled> {
        if !self.may(at, at) {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        if self.bvh.nodes[at].count > 0 {
            let list = self.triangles(at);
            for (i, &a) in list.iter().enumerate() {
                list[i + 1..].iter().for_each(|&b| self.test.test(a, b, &mut found));
            }
            return Ok(found);
        }
        let (a, b) = self.halves(at);
        if depth >= PARALLEL_DEPTH {
            found = self.node(a, depth)?;
            found.extend(self.node(b, depth)?);
            self.across(a, b, &mut found);
            return Ok(found);
        }
        self.monitor.check()?;
        let (inner, outer) = rayon::join(
            || rayon::join(|| self.node(a, depth + 1), || self.node(b, depth + 1)),
            || self.across_parallel(a, b, depth + 1),
        );
        found = inner.0?;
        found.extend(inner.1?);
        found.extend(outer?);
        Ok(found)
    }

    fn across_parallel(&self, a: usize, b: usize, depth: u32) -> Result<Vec<T::Found>, Cancelled> {
        let mut pairs = vec![(a, b)];
        for _ in depth..PARALLEL_DEPTH {
            let mut next = Vec::with_capacity(2 * pairs.len());
            for (a, b) in pairs {
                match self.open(a, b) {
                    Step::Nothing => {}
                    Step::Leaves => next.push((a, b)),
                    Step::Pairs(two) => next.extend(two),
                }
            }
            pairs = next;
        }
        let parts = pairs.into_par_iter().map(|(a, b)| {
            self.monitor.check()?;
            let mut found = Vec::new();
            self.across(a, b, &mut found);
            Ok(found)
        });
        Ok(parts.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    fn meet(&self, a: &Node, b: &Node) -> bool {
        (0..3).all(|k| a.min[k] - self.margin <= b.max[k] && b.min[k] - self.margin <= a.max[k])
    }

    /// Goes one level down in the larger node, unless nothing can be found or both are leaves.
    fn open(&self, a: usize, b: usize) -> Step {
        let (m, n) = (&self.bvh.nodes[a], &self.bvh.nodes[b]);
        if !self.meet(m, n) || !self.may(a, b) {
            return Step::Nothing;
        }
        let size = |at: usize| self.ends[at] - self.firsts[at];
        if n.count > 0 && m.count > 0 {
            Step::Leaves
        } else if n.count > 0 || m.count == 0 && size(a) >= size(b) {
            let (c, d) = self.halves(a);
            Step::Pairs([(c, b), (d, b)])
        } else {
            let (c, d) = self.halves(b);
            Step::Pairs([(a, c), (a, d)])
        }
    }

    /// Pairs of a triangle of each node.
    fn across(&self, a: usize, b: usize, found: &mut Vec<T::Found>) {
        let mut stack = vec![(a, b)];
        while let Some((a, b)) = stack.pop() {
            match self.open(a, b) {
                Step::Nothing => {}
                Step::Pairs(pairs) => stack.extend(pairs.into_iter().rev()),
                Step::Leaves => {
                    for &s in self.triangles(a) {
                        self.triangles(b).iter().for_each(|&t| self.test.test(s, t, found));
                    }
                }
            }
        }
    }
}

enum Step {
    Nothing,
    Leaves,
    Pairs([(usize, usize); 2]),
}
