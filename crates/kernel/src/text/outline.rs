//! The outline of strokes of one width: what of the edges of each lies in no other.
//!
//! # How
//! The edges of a stroke are lines and arcs beside it, and half circles at its ends. Each is cut wherever the edge of a stroke nearby crosses,
//! touches or ends on it; a piece is kept if its middle is as far from every stroke as half the width. Between two cuts nothing
//! changes from inside to outside, so the middle speaks for all of it.

use super::curve::{Curve, Point, left, minus, norm, plus, unit};
use super::nearest::Nearest;
use crate::monitor::{Cancelled, Monitor};

/// How far a point may be off an edge and still count as on it, of the coordinates' size.
const SLACK: f64 = 1e-11;

/// The outline of all that lies within `radius` of a stroke.
pub(super) fn outline(skeleton: &Nearest, radius: f64, monitor: &Monitor) -> Result<Vec<Curve>, Cancelled> {
    let edges = Nearest::new(skeleton.curves().iter().flat_map(|s| edges(s, radius)).collect());
    let [low, high] = skeleton.bounds().unwrap_or_default();
    let size = low.iter().chain(&high).fold(radius, |m, c| m.max(c.abs()));
    let slack = SLACK * size;
    let mut kept = Vec::with_capacity(edges.curves().len());
    for edge in edges.curves() {
        monitor.check()?;
        let cuts = cuts(edge, &edges.around(edge.bounds(), slack), slack);
        let mut run: Option<[Point; 2]> = None;
        for pair in cuts.windows(2) {
            let [from, to] = [pair[0], pair[1]];
            let is_outer = skeleton.distance(edge.part(from, to).middle()) >= radius - slack;
            run = match (run, is_outer) {
                (Some([begin, _]), true) => Some([begin, to]),
                (None, true) => Some([from, to]),
                (Some([begin, end]), false) => {
                    kept.push(edge.part(begin, end));
                    None
                }
                (None, false) => None,
            };
        }
        kept.extend(run.map(|[begin, end]| edge.part(begin, end)));
    }
    Ok(kept)
}

/// The edges of a stroke by itself.
fn edges(stroke: &Curve, radius: f64) -> Vec<Curve> {
    let [a, b] = stroke.ends();
    let (mut edges, along) = match *stroke {
        Curve::Line(..) if a == b => (Vec::new(), [[0.0, 1.0]; 2]),
        Curve::Line(..) => {
            let along = unit(minus(b, a));
            let aside = left(along);
            let beside = [radius, -radius].map(|r| Curve::Line(plus(a, aside, r), plus(b, aside, r)));
            (beside.to_vec(), [along; 2])
        }
        Curve::Arc { centre, radius: own, ends } => {
            let radii = [own + radius, own - radius].into_iter().filter(|r| *r > 0.0);
            (radii.map(|radius| Curve::Arc { centre, radius, ends }).collect(), ends.map(left))
        }
    };
    edges.push(Curve::half_circle(a, radius, left(along[0])));
    edges.push(Curve::half_circle(b, radius, left(along[1]).map(|c| -c)));
    edges
}

/// Both ends of an edge and, between them in their order, where others cross, touch or end on it.
fn cuts(edge: &Curve, others: &[Curve], slack: f64) -> Vec<Point> {
    let mut points = Vec::new();
    for other in others.iter().filter(|o| *o != edge) {
        edge.crossings(other, slack, |p| {
            if other.distance(p) <= 1e3 * slack {
                points.push(p);
            }
        });
        points.extend(other.ends());
    }
    let whole = edge.whole();
    let placed = |p: Point| (edge.distance(p) <= 1e3 * slack).then(|| (edge.place(p), p));
    let mut inner: Vec<(f64, Point)> =
        points.into_iter().filter_map(placed).filter(|(t, _)| *t > 0.0 && *t < whole).collect();
    inner.sort_by(|a, b| a.0.total_cmp(&b.0));
    let [begin, end] = edge.ends();
    let mut cuts = vec![begin];
    for p in inner.into_iter().map(|(_, p)| p).chain([end]) {
        // Cuts at one place are one.
        if norm(minus(p, cuts[cuts.len() - 1])) > 1e3 * slack {
            cuts.push(p);
        }
    }
    cuts
}
