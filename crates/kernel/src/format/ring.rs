//! A ring of points in the plane into triangles: keyholes, repeated points, points on edges and all.
//!
//! # Promises
//! The ring is weakly simple and counter-clockwise: it may touch itself in points and along edges (the bridge between a
//! hole and its outline is passed twice) but not cross itself. Then the triangles cover its inside once, use no other
//! points, and the edges that only one triangle has are the ring's own. Edges that are passed to and fro (spikes) are
//! left out. A ring that crosses itself, or is passed the other way, is found and refused.
//!
//! # Algorithm
//! A constrained Delaunay triangulation of the points with the ring's edges. Inside is, around each corner, what lies
//! between the edge that leaves it and the edge that arrives, counter-clockwise; corners that share a point each get
//! their own sector. O(n log n) but for edges that cross many others' Delaunay edges. 10⁵ corners take about a second.
//!
//! # Source
//! Chew 1989, Constrained Delaunay triangulations; Shewchuk 1997, Adaptive precision floating-point arithmetic and fast
//! robust geometric predicates (the predicates are exact, so nothing depends on rounding).

use spade::handles::{FixedDirectedEdgeHandle, FixedVertexHandle};
use spade::{ConstrainedDelaunayTriangulation, Point2, Triangulation};

/// Coordinates this small are taken for zero: below them the predicates are not exact.
const UNDERFLOW: f64 = 1e-42;

/// What a ring is made of.
#[derive(Debug, PartialEq)]
pub(super) enum Split {
    /// Triangles of corner numbers, counter-clockwise.
    Triangles(Vec<[u32; 3]>),
    /// It encloses nothing.
    Flat,
    /// It crosses itself somewhere, or encloses its inside clockwise.
    Crossing,
}

/// A ring's corners by the numbers of their points, in order.
struct Numbered {
    /// For each corner the number of its point; equal points have equal numbers.
    point_of: Vec<u32>,
    /// The points that differ.
    points: Vec<Point2<f64>>,
    /// For each point a corner that lies there.
    corner_at: Vec<u32>,
}

/// Splits the ring with these corners; all are finite and below 1e60.
pub(super) fn split(corners: &[[f64; 2]]) -> Split {
    let near_zero = |v: f64| if v.abs() < UNDERFLOW { 0.0 } else { v };
    let corners: Vec<[f64; 2]> = corners.iter().map(|p| p.map(near_zero)).collect();
    let mut ring: Vec<u32> = (0..corners.len() as u32).collect();
    let mut triangles = Vec::new();
    loop {
        let numbered = Numbered::of(&ring, &corners);
        let bare = without_spikes(&ring, &numbered.point_of);
        if bare.len() < 3 {
            return if triangles.is_empty() { Split::Flat } else { Split::Triangles(triangles) };
        }
        if bare.len() < ring.len() {
            ring = bare;
            continue;
        }
        let Some(planar) = Planar::of(&ring, numbered, &mut triangles) else { return Split::Crossing };
        if planar.ring.len() == ring.len() {
            return match planar.inside(&mut triangles) {
                Some(()) => Split::Triangles(triangles),
                None => Split::Crossing,
            };
        }
        // Points that lie on edges are corners now, which may have laid spikes bare.
        ring = planar.ring;
    }
}

impl Numbered {
    fn of(ring: &[u32], corners: &[[f64; 2]]) -> Numbered {
        let at = |k: u32| corners[ring[k as usize] as usize];
        let mut order: Vec<u32> = (0..ring.len() as u32).collect();
        order.sort_unstable_by(|&a, &b| {
            let ([ax, ay], [bx, by]) = (at(a), at(b));
            ax.total_cmp(&bx).then(ay.total_cmp(&by)).then(a.cmp(&b))
        });
        let mut point_of = vec![0; ring.len()];
        let (mut points, mut corner_at) = (Vec::<Point2<f64>>::new(), Vec::new());
        for k in order {
            let point = Point2::from(at(k));
            if points.last() != Some(&point) {
                points.push(point);
                corner_at.push(ring[k as usize]);
            }
            point_of[k as usize] = points.len() as u32 - 1;
        }
        Numbered { point_of, points, corner_at }
    }
}

/// Leaves out corners that repeat the point before them, and ways to a point and straight back.
fn without_spikes(ring: &[u32], point_of: &[u32]) -> Vec<u32> {
    let mut kept: Vec<usize> = Vec::with_capacity(ring.len());
    let point = |k: usize| point_of[k];
    for k in 0..ring.len() {
        match kept[..] {
            [.., last] if point(last) == point(k) => {}
            [.., before, _] if point(before) == point(k) => {
                kept.pop();
            }
            _ => kept.push(k),
        }
    }
    // The same where the end meets the beginning.
    let mut rest = &kept[..];
    while let [first, second, .., before, last] = rest {
        let [first, second, before, last] = [first, second, before, last].map(|k| point(*k));
        rest = if first == last || before == first {
            &rest[..rest.len() - 1]
        } else if last == second {
            &rest[1..]
        } else {
            break;
        };
    }
    rest.iter().map(|&k| ring[k]).collect()
}

/// A ring in a triangulation of its points.
struct Planar {
    delaunay: ConstrainedDelaunayTriangulation<Point2<f64>>,
    /// The ring, in which points that lie on its edges are corners of their own.
    ring: Vec<u32>,
    /// The edge that leaves each corner.
    leaving: Vec<FixedDirectedEdgeHandle>,
}

impl Planar {
    /// `None` where edges cross. Between an edge and points on it go triangles without area into `slivers`, so that it
    /// stays an edge of some triangle.
    fn of(ring: &[u32], numbered: Numbered, slivers: &mut Vec<[u32; 3]>) -> Option<Planar> {
        let Numbered { point_of, points, corner_at } = numbered;
        let mut delaunay = ConstrainedDelaunayTriangulation::bulk_load_cdt(points, Vec::new()).ok()?;
        let vertex = |k: usize| FixedVertexHandle::from_index(point_of[k % ring.len()] as usize);
        let (mut with_points, mut leaving) = (Vec::with_capacity(ring.len()), Vec::with_capacity(ring.len()));
        for (k, &corner) in ring.iter().enumerate() {
            let edges = delaunay.try_add_constraint(vertex(k), vertex(k + 1));
            let (_, between) = edges.split_last()?;
            with_points.push(corner);
            let mut on = ring[(k + 1) % ring.len()];
            let corner_behind = |&e| corner_at[delaunay.directed_edge(e).to().index()];
            with_points.extend(between.iter().map(corner_behind));
            for nearer in between.iter().rev().map(corner_behind) {
                slivers.push([corner, on, nearer]);
                on = nearer;
            }
            leaving.extend(edges);
        }
        Some(Planar { delaunay, ring: with_points, leaving })
    }

    /// Appends the triangles inside. `None` where the ring is not what is promised.
    fn inside(&self, triangles: &mut Vec<[u32; 3]>) -> Option<()> {
        const NONE: u32 = u32::MAX;
        // For each directed edge the corner at its beginning, seen from the face on its left.
        let mut corner_of = vec![NONE; self.delaunay.num_directed_edges()];
        for (k, (&corner, &leaving)) in self.ring.iter().zip(&self.leaving).enumerate() {
            let before = self.leaving[(k + self.leaving.len() - 1) % self.leaving.len()];
            let mut edge = self.delaunay.directed_edge(leaving);
            let arriving = self.delaunay.directed_edge(before).rev();
            while edge != arriving {
                let place = &mut corner_of[edge.fix().index()];
                if edge.is_outer_edge() || *place != NONE {
                    return None;
                }
                *place = corner;
                edge = edge.ccw();
            }
        }
        let mut count = 0;
        for face in self.delaunay.inner_faces() {
            let corners = face.adjacent_edges().map(|e| corner_of[e.fix().index()]);
            if !corners.contains(&NONE) {
                triangles.push(corners);
                count += 1;
            } else if corners != [NONE; 3] {
                return None;
            }
        }
        (count + 2 == self.ring.len()).then_some(())
    }
}
