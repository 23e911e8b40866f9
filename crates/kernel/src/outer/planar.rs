//! A triangle cut by segments: a triangulation that has all of them as edges.
//!
//! Points are put in one by one, then segments: what they cross is turned (Sloan 1993) until they are edges, and
//! where two segments cross, the exact point of three planes becomes a vertex. All decisions are exact.
//!
//! # Source
//! S. W. Sloan, "A fast algorithm for generating constrained Delaunay triangulations", 1993, §4.

use super::exact::{Plane, Point, compare, turn};
use crate::vector::determinant;
use std::cmp::Ordering;
use std::collections::VecDeque;

const NONE: u32 = u32::MAX;

/// A triangle of the triangulation: corners counter-clockwise; edge `i` runs from corner `i` to corner `i + 1`.
#[derive(Clone, Copy, Debug)]
struct Face {
    corners: [u32; 3],
    /// The face beyond each edge.
    beyond: [u32; 3],
    /// The segment that each edge is part of.
    segment: [u32; 3],
}

/// A triangulation under construction.
pub(super) struct Planar<'a> {
    plane: &'a Plane,
    axes: [usize; 2],
    pub points: Vec<Point>,
    faces: Vec<Face>,
    /// A face at each point.
    face_at: Vec<u32>,
    /// A plane for each segment.
    carriers: Vec<Plane>,
    last: u32,
}

impl<'a> Planar<'a> {
    /// The triangle itself, its corners counter-clockwise seen along `axes`.
    pub fn new(plane: &'a Plane, axes: [usize; 2], corners: [Point; 3]) -> Planar<'a> {
        let whole = Face { corners: [0, 1, 2], beyond: [NONE; 3], segment: [NONE; 3] };
        Planar {
            plane,
            axes,
            points: corners.into(),
            faces: vec![whole],
            face_at: vec![0; 3],
            carriers: Vec::new(),
            last: 0,
        }
    }

    /// Corners of all faces, counter-clockwise.
    pub fn faces(&self) -> impl Iterator<Item = [u32; 3]> + '_ {
        self.faces.iter().map(|f| f.corners)
    }

    fn turn(&self, a: u32, b: u32, c: u32) -> i32 {
        let p = |i: u32| &self.points[i as usize];
        turn(p(a), p(b), p(c), self.axes)
    }

    /// Adds a point of the triangle; the number of the point that is there now.
    pub fn insert(&mut self, point: Point) -> u32 {
        let new = self.points.len() as u32;
        self.points.push(point);
        self.face_at.push(NONE);
        let (face, on) = self.locate(new);
        let zeros: Vec<usize> = (0..3).filter(|&i| on[i] == 0).collect();
        match zeros[..] {
            [] => self.split_face(face, new),
            [edge] => self.split_edge(face, edge, new),
            _ => {
                // On two edges: their common corner.
                let corner = if zeros == [0, 2] { 0 } else { zeros[1] };
                self.points.pop();
                self.face_at.pop();
                return self.faces[face as usize].corners[corner];
            }
        }
        new
    }

    /// The face that holds a point, and the point's side of each of its edges.
    fn locate(&self, p: u32) -> (u32, [i32; 3]) {
        let sides = |face: u32| {
            let c = self.faces[face as usize].corners;
            std::array::from_fn(|i| self.turn(c[i], c[(i + 1) % 3], p))
        };
        let mut face = self.last;
        for step in 0..self.faces.len() {
            let s: [i32; 3] = sides(face);
            // Beginning with another edge each time, a walk does not go in circles for long.
            let out = (0..3).map(|i| (i + step) % 3).find(|&i| s[i] < 0);
            match out.map(|i| self.faces[face as usize].beyond[i]) {
                None => return (face, s),
                Some(NONE) => break,
                Some(next) => face = next,
            }
        }
        let found =
            (0..self.faces.len() as u32).map(|f| (f, sides(f))).find(|(_, s)| s.iter().all(|x| *x >= 0));
        found.expect("a point of the triangle is in one of its faces")
    }

    /// Writes a face and tells its neighbours and points of it.
    fn put(&mut self, at: u32, face: Face) {
        if at as usize == self.faces.len() {
            self.faces.push(face);
        } else {
            self.faces[at as usize] = face;
        }
        for i in 0..3 {
            let (a, b) = (face.corners[i], face.corners[(i + 1) % 3]);
            self.face_at[a as usize] = at;
            if face.beyond[i] != NONE {
                // Some neighbours are still to be written; they will tell this face of themselves.
                let Some(other) = self.faces.get_mut(face.beyond[i] as usize) else { continue };
                let j = (0..3).find(|&j| other.corners[j] == b && other.corners[(j + 1) % 3] == a);
                if let Some(j) = j {
                    other.beyond[j] = at;
                }
            }
        }
        self.last = at;
    }

    fn split_face(&mut self, at: u32, p: u32) {
        let f = self.faces[at as usize];
        let numbers = [at, self.faces.len() as u32, self.faces.len() as u32 + 1];
        for i in 0..3 {
            let j = (i + 1) % 3;
            let face = Face {
                corners: [f.corners[i], f.corners[j], p],
                beyond: [f.beyond[i], numbers[j], numbers[(i + 2) % 3]],
                segment: [f.segment[i], NONE, NONE],
            };
            self.put(numbers[i], face);
        }
    }

    /// Puts `p` on an edge of a face.
    fn split_edge(&mut self, at: u32, edge: usize, p: u32) {
        let f = self.faces[at as usize];
        let across = f.beyond[edge];
        let halves = |f: &Face, i: usize| {
            let (j, k) = ((i + 1) % 3, (i + 2) % 3);
            // From corner i to p, and from p to corner j; both with the opposite corner k.
            let first = Face {
                corners: [f.corners[i], p, f.corners[k]],
                beyond: [NONE, NONE, f.beyond[k]],
                segment: [f.segment[i], NONE, f.segment[k]],
            };
            let second = Face {
                corners: [p, f.corners[j], f.corners[k]],
                beyond: [NONE, f.beyond[j], NONE],
                segment: [f.segment[i], f.segment[j], NONE],
            };
            (first, second)
        };
        let new = self.faces.len() as u32;
        let (mut a, mut b) = halves(&f, edge);
        a.beyond[1] = new;
        b.beyond[2] = at;
        if across == NONE {
            self.put(at, a);
            self.put(new, b);
            return;
        }
        let g = self.faces[across as usize];
        let j = (0..3).find(|&j| g.beyond[j] == at && g.corners[j] == f.corners[(edge + 1) % 3]);
        let (mut c, mut d) = halves(&g, j.expect("neighbours know each other"));
        // c runs from the edge's end to p, d from p to its beginning.
        (a.beyond[0], b.beyond[0]) = (new + 1, across);
        (c.beyond[0], d.beyond[0]) = (new, at);
        c.beyond[1] = new + 1;
        d.beyond[2] = across;
        for (number, face) in [(at, a), (new, b), (across, c), (new + 1, d)] {
            self.put(number, face);
        }
    }

    /// Makes the segment between two points edges of the triangulation; `carrier` holds it and is not the triangle's plane.
    pub fn cut(&mut self, from: u32, to: u32, carrier: Plane) {
        let segment = self.carriers.len() as u32;
        self.carriers.push(carrier);
        let mut from = from;
        while from != to {
            let (next, crossed) = self.follow(from, to, segment);
            self.clear(from, next, crossed);
            let (face, edge) = self.edge(from, next).expect("nothing is in its way any more");
            let across = self.faces[face as usize].beyond[edge];
            self.faces[face as usize].segment[edge] = segment;
            if across != NONE {
                let other = &mut self.faces[across as usize];
                let j = (0..3).find(|&j| other.beyond[j] == face);
                other.segment[j.expect("neighbours know each other")] = segment;
            }
            from = next;
        }
    }

    /// Follows the way from `from` to `to`: the first point on it, and the edges it crosses before.
    fn follow(&mut self, from: u32, to: u32, segment: u32) -> (u32, VecDeque<(u32, u32)>) {
        let mut crossed = VecDeque::new();
        let (mut face, mut edge) = match self.leave(from, to) {
            Way::Point(p) => return (p, crossed),
            Way::Edge(face, edge) => (face, edge),
        };
        loop {
            let f = self.faces[face as usize];
            let (right, left) = (f.corners[edge], f.corners[(edge + 1) % 3]);
            if f.segment[edge] != NONE {
                let carriers = [f.segment[edge], segment].map(|s| &self.carriers[s as usize]);
                let point = Point::meeting([self.plane, carriers[0], carriers[1]]);
                let new = self.points.len() as u32;
                self.points.push(point.expect("two segments that cross are not parallel"));
                self.face_at.push(NONE);
                self.split_edge(face, edge, new);
                return (new, crossed);
            }
            crossed.push_back((right, left));
            let across = f.beyond[edge];
            let g = self.faces[across as usize];
            let j = (0..3).find(|&j| g.corners[j] == left).expect("neighbours share corners");
            let tip = g.corners[(j + 2) % 3];
            // Edge j runs from left to right, the next one to the tip, the last one back.
            match self.turn(from, to, tip) {
                0 => return (tip, crossed),
                1 => (face, edge) = (across, (j + 1) % 3),
                _ => (face, edge) = (across, (j + 2) % 3),
            }
        }
    }

    /// How the way from one point to another begins.
    fn leave(&self, from: u32, to: u32) -> Way {
        for face in self.around(from) {
            let f = self.faces[face as usize];
            let i = (0..3).find(|&i| f.corners[i] == from).expect("a face around its corner");
            let (right, left) = (f.corners[(i + 1) % 3], f.corners[(i + 2) % 3]);
            let (of_right, of_left) = (self.turn(from, to, right), self.turn(from, to, left));
            for (p, side) in [(right, of_right), (left, of_left)] {
                if side == 0 && self.ahead(from, to, p) {
                    return Way::Point(p);
                }
            }
            if of_right < 0 && of_left > 0 {
                return Way::Edge(face, (i + 1) % 3);
            }
        }
        unreachable!("a segment inside the triangle begins in one of the faces at its end")
    }

    /// Whether `p`, on the line through both, is on the same side of `from` as `to`.
    fn ahead(&self, from: u32, to: u32, p: u32) -> bool {
        let [from, to, p] = [from, to, p].map(|i| &self.points[i as usize]);
        let directions = self.axes.map(|k| (compare(from, to, k), compare(from, p, k)));
        directions.iter().all(|(a, b)| a == b) && directions.iter().any(|(a, _)| *a != Ordering::Equal)
    }

    /// The faces around a point.
    fn around(&self, p: u32) -> Vec<u32> {
        let first = self.face_at[p as usize];
        let corner = |f: u32| (0..3).find(|&i| self.faces[f as usize].corners[i] == p);
        let corner = |f: u32| corner(f).expect("a face around its corner");
        let mut found = vec![first];
        let mut at = first;
        loop {
            at = self.faces[at as usize].beyond[(corner(at) + 2) % 3];
            match at {
                NONE => break,
                f if f == first => return found,
                f => found.push(f),
            }
        }
        at = first;
        loop {
            at = self.faces[at as usize].beyond[corner(at)];
            if at == NONE {
                return found;
            }
            found.push(at);
        }
    }

    /// The face in which an edge runs from `a` to `b`, or the other way round at the border.
    fn edge(&self, a: u32, b: u32) -> Option<(u32, usize)> {
        self.around(a).into_iter().find_map(|face| {
            let c = self.faces[face as usize].corners;
            let is = |i: &usize| {
                let ends = (c[*i], c[(i + 1) % 3]);
                ends == (a, b) || ends == (b, a)
            };
            (0..3).find(is).map(|i| (face, i))
        })
    }

    /// Turns edges until none crosses the way from `a` to `b`.
    fn clear(&mut self, a: u32, b: u32, mut crossed: VecDeque<(u32, u32)>) {
        while let Some((p, q)) = crossed.pop_front() {
            let (face, i) = self.edge(p, q).expect("an edge that was crossed is there");
            let Some((r, s)) = self.flip(face, i) else {
                crossed.push_back((p, q));
                continue;
            };
            let ends = [r, s].iter().any(|v| [a, b].contains(v));
            if !ends && self.turn(a, b, r) * self.turn(a, b, s) < 0 {
                crossed.push_back((r, s));
            }
        }
    }

    /// Turns the edge in its quadrilateral, if that is strictly convex; the ends of the new edge.
    fn flip(&mut self, face: u32, i: usize) -> Option<(u32, u32)> {
        let f = self.faces[face as usize];
        let across = f.beyond[i];
        let g = self.faces[across as usize];
        let (p, q, r) = (f.corners[i], f.corners[(i + 1) % 3], f.corners[(i + 2) % 3]);
        let j = (0..3).find(|&j| g.corners[j] == q && g.corners[(j + 1) % 3] == p)?;
        let s = g.corners[(j + 2) % 3];
        if self.turn(s, r, p) <= 0 || self.turn(r, s, q) <= 0 {
            return None;
        }
        let (qr, rp, ps, sq) = ((i + 1) % 3, (i + 2) % 3, (j + 1) % 3, (j + 2) % 3);
        let first = Face {
            corners: [s, r, p],
            beyond: [across, f.beyond[rp], g.beyond[ps]],
            segment: [NONE, f.segment[rp], g.segment[ps]],
        };
        let second = Face {
            corners: [r, s, q],
            beyond: [face, g.beyond[sq], f.beyond[qr]],
            segment: [NONE, g.segment[sq], f.segment[qr]],
        };
        self.put(face, first);
        self.put(across, second);
        Some((r, s))
    }

    /// Turns edges that are no segments towards a Delaunay triangulation, so that faces are less thin.
    pub fn relax(&mut self) {
        let mut open: VecDeque<(u32, usize)> =
            (0..self.faces.len() as u32).flat_map(|f| (0..3).map(move |i| (f, i))).collect();
        // Rounded circles may contradict each other, so the number of turns has a bound.
        let mut turns = 16 * self.faces.len();
        while let (Some((face, i)), true) = (open.pop_front(), turns > 0) {
            let f = self.faces[face as usize];
            let across = f.beyond[i];
            if across == NONE || f.segment[i] != NONE || !self.is_thin(face, i) {
                continue;
            }
            if self.flip(face, i).is_some() {
                turns -= 1;
                open.extend([face, across].into_iter().flat_map(|f| (0..3).map(move |i| (f, i))));
            }
        }
    }

    /// Whether the corner beyond the edge is clearly in the circle through the face's corners.
    fn is_thin(&self, face: u32, i: usize) -> bool {
        let f = self.faces[face as usize];
        let g = self.faces[f.beyond[i] as usize];
        let Some(&s) = g.corners.iter().find(|&&c| !f.corners.contains(&c)) else { return false };
        let at = |p: u32| {
            let x = self.points[p as usize].approximate();
            self.axes.map(|k| x[k])
        };
        let o = at(s);
        let [a, b, c] = f.corners.map(|p| {
            let q = at(p);
            let d = [q[0] - o[0], q[1] - o[1]];
            [d[0], d[1], d[0] * d[0] + d[1] * d[1]]
        });
        let det = determinant(a, b, c);
        let size = a[2].max(b[2]).max(c[2]);
        det > 1e-9 * size * size
    }
}

enum Way {
    /// Along an edge or straight to a point.
    Point(u32),
    /// Through the edge of a face.
    Edge(u32, usize),
}
