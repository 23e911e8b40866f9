//! Where two triangles touch: a segment, a point, or an overlap in one plane.

use super::exact::{Int3, Plane, Point, area, volume};

/// A triangle on the lattice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Triangle {
    pub vertices: [u32; 3],
    pub corners: [Int3; 3],
    pub plane: Plane,
}

/// An end of a contact.
#[derive(Clone, Debug)]
pub(super) enum Hit {
    Vertex(u32),
    Crossing(Point),
}

/// What a contact adds to one of the two triangles: a segment between two hits, or a point.
#[derive(Clone, Debug)]
pub(super) struct Cut {
    /// Whether it cuts the second triangle.
    pub second: bool,
    /// One or two points, more when some are the same.
    pub hits: Vec<Hit>,
    /// A plane that holds the segment and is not that of the triangle.
    pub carrier: Plane,
}

/// All that the contact of two triangles adds to them; whether they lie in one plane.
pub(super) struct Contact {
    pub cuts: Vec<Cut>,
    pub coplanar: bool,
}

impl Contact {
    /// Whether it is longer than a point.
    pub fn is_segment(&self) -> bool {
        let hits = &self.cuts[0].hits;
        hits[1..].iter().any(|hit| match (&hits[0], hit) {
            (Hit::Vertex(a), Hit::Vertex(b)) => a != b,
            (Hit::Crossing(a), Hit::Crossing(b)) => !a.is(b),
            _ => true,
        })
    }
}

impl Triangle {
    fn edge(&self, i: usize) -> [(u32, Int3); 2] {
        let j = (i + 1) % 3;
        [(self.vertices[i], self.corners[i]), (self.vertices[j], self.corners[j])]
    }

    /// The axes to look along so that the corners run counter-clockwise.
    pub fn axes(&self) -> [usize; 2] {
        let axis = self.plane.axis();
        let (u, v) = ((axis + 1) % 3, (axis + 2) % 3);
        if self.plane.normal[axis] > 0 { [u, v] } else { [v, u] }
    }

    /// Whether the plane of this triangle has corners of `other` on both sides.
    pub fn divides(&self, other: &Triangle) -> bool {
        let sides = other.corners.map(|p| self.plane.side(p).signum());
        sides.contains(&1) && sides.contains(&-1)
    }

    /// Whether a point of the plane is in the triangle or on its border.
    fn holds(&self, p: Int3) -> bool {
        let (axes, [a, b, c]) = (self.axes(), self.corners);
        area(a, b, p, axes) >= 0 && area(b, c, p, axes) >= 0 && area(c, a, p, axes) >= 0
    }
}

/// The contact of two triangles, if any.
pub(super) fn contact(a: &Triangle, b: &Triangle) -> Option<Contact> {
    let shared = a.vertices.iter().filter(|v| b.vertices.contains(v)).count();
    let of_b = b.corners.map(|p| a.plane.side(p).signum());
    if of_b == [0; 3] {
        return in_plane(a, b);
    }
    // Neighbours over an edge meet nowhere else.
    if shared >= 2 || one_side(of_b, shared) {
        return None;
    }
    let of_a = a.corners.map(|p| b.plane.side(p).signum());
    if one_side(of_a, shared) {
        return None;
    }
    let mut hits = Vec::new();
    through(b, of_b, a, &mut hits);
    through(a, of_a, b, &mut hits);
    if hits.is_empty() {
        return None;
    }
    let cuts = vec![
        Cut { second: false, hits: hits.clone(), carrier: b.plane },
        Cut { second: true, hits, carrier: a.plane },
    ];
    Some(Contact { cuts, coplanar: false })
}

/// Whether all corners but shared ones are strictly on one side.
fn one_side(sides: [i128; 3], shared: usize) -> bool {
    let count = |s: i128| sides.iter().filter(|&&x| x == s).count();
    count(1) + shared >= 3 && count(-1) == 0 || count(-1) + shared >= 3 && count(1) == 0
}

/// Where the border of `t`, whose corners have these sides of the plane of `other`, goes through `other`.
fn through(t: &Triangle, sides: [i128; 3], other: &Triangle, hits: &mut Vec<Hit>) {
    for i in 0..3 {
        let [(v, p), (_, q)] = t.edge(i);
        if sides[i] == 0 && other.holds(p) {
            hits.push(Hit::Vertex(v));
        }
        if sides[i] * sides[(i + 1) % 3] >= 0 {
            continue;
        }
        let [a, b, c] = other.corners;
        let around = [volume(p, q, a, b), volume(p, q, b, c), volume(p, q, c, a)];
        if around.iter().all(|v| *v >= 0) || around.iter().all(|v| *v <= 0) {
            let (from, to) = (other.plane.side(p), other.plane.side(q));
            hits.push(Hit::Crossing(Point::between(p, q, from, from - to)));
        }
    }
}

/// Two triangles of one plane: the edges of each as far as they are in the other.
fn in_plane(a: &Triangle, b: &Triangle) -> Option<Contact> {
    let mut cuts = Vec::new();
    for (second, t, other) in [(false, a, b), (true, b, a)] {
        for i in 0..3 {
            let edge = other.edge(i);
            let hits = clipped(edge, t);
            if !hits.is_empty() {
                let carrier = Plane::along(edge[0].1, edge[1].1, t.plane.axis());
                cuts.push(Cut { second, hits, carrier });
            }
        }
    }
    (!cuts.is_empty()).then_some(Contact { cuts, coplanar: true })
}

/// The ends of the part of an edge that is in a triangle of its plane.
fn clipped([(v, p), (w, q)]: [(u32, Int3); 2], t: &Triangle) -> Vec<Hit> {
    let axes = t.axes();
    let mut hits = Vec::new();
    hits.extend(t.holds(p).then_some(Hit::Vertex(v)));
    hits.extend(t.holds(q).then_some(Hit::Vertex(w)));
    for i in 0..3 {
        let [(corner, a), (_, b)] = t.edge(i);
        let (of_a, of_b) = (area(p, q, a, axes), area(p, q, b, axes));
        let between = |k: usize| p[k].min(q[k]) <= a[k] && a[k] <= p[k].max(q[k]);
        if of_a == 0 && (0..3).all(between) {
            hits.push(Hit::Vertex(corner));
        }
        let (of_p, of_q) = (area(a, b, p, axes), area(a, b, q, axes));
        if of_a.signum() * of_b.signum() < 0 && of_p.signum() * of_q.signum() < 0 {
            hits.push(Hit::Crossing(Point::between(p, q, of_p.into(), i128::from(of_p) - i128::from(of_q))));
        }
    }
    hits
}
