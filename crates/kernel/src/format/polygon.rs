//! Polygons into triangles: a fan from the first corner where that is right, else by [`ring`].
//!
//! # Promises
//! The triangles cover what the polygon encloses, once, and the edges that only one of them has are the polygon's own.
//! That holds for any number of corners: concave, with holes that a bridge edge leads to, with corners that repeat or
//! lie on a line. A polygon that crosses itself has no inside to speak of; it gives a fan and a note.
//! Corners need not lie in one plane: polygons are seen along their normal.
//!
//! # Source
//! Newell's normal: Sutherland, Sproull, Schumacker 1974.

use super::error::{FormatError, MeshLimits, check_triangles};
use super::notes::Notes;
use super::ring::{self, Split};
use crate::monitor::Monitor;
use rayon::prelude::*;

/// A normal shorter than this part of the polygon's fan does not say where the polygon lies.
const SURE_NORMAL: f64 = 1e-6;

/// Polygons in file order: the corner indices of all, and how many belong to each.
#[derive(Default)]
pub(super) struct Polygons {
    pub corners: Vec<u32>,
    /// Corners of each polygon; empty while all so far are triangles.
    sizes: Vec<u32>,
    /// How many polygons stood before each that was dropped.
    dropped: Vec<u32>,
}

impl Polygons {
    /// Ends a polygon whose corners were pushed from `start` on. Fewer than three corners (points and
    /// lines that some exporters write as faces) enclose nothing and are dropped.
    pub fn close(&mut self, start: usize) {
        let n = self.corners.len() - start;
        if n < 3 {
            self.corners.truncate(start);
            self.dropped.push(self.count() as u32);
        } else if n > 3 || !self.sizes.is_empty() {
            if self.sizes.is_empty() {
                self.sizes = vec![3; start / 3];
            }
            self.sizes.push(n as u32);
        }
    }

    fn count(&self) -> usize {
        if self.sizes.is_empty() { self.corners.len() / 3 } else { self.sizes.len() }
    }

    /// Faces that were closed, also those that were dropped.
    pub fn face_count(&self) -> usize {
        self.count() + self.dropped.len()
    }

    /// How many triangles the polygons give.
    pub fn triangle_count(&self) -> u64 {
        self.corners.len() as u64 - 2 * self.count() as u64
    }

    /// Which face of the file's piece the polygon `index` is, from 0.
    fn face(&self, index: usize) -> usize {
        index + self.dropped.partition_point(|&before| before as usize <= index)
    }

    fn split(&self, positions: &[[f32; 3]], monitor: &Monitor) -> Result<SplitPolygons, FormatError> {
        let mut out = SplitPolygons::default();
        if self.sizes.is_empty() {
            out.triangles = self.corners.as_chunks().0.to_vec();
            return Ok(out);
        }
        out.triangles.reserve_exact(self.triangle_count() as usize);
        let mut rest = &self.corners[..];
        let mut flat = Vec::new();
        for (i, &n) in self.sizes.iter().enumerate() {
            if i % 256 == 0 || n > 64 {
                monitor.check()?;
            }
            let (polygon, behind) = rest.split_at(n as usize);
            if !split_polygon(polygon, positions, &mut flat, &mut out.triangles) {
                out.crossing += 1;
                out.first.get_or_insert((i, n, positions[polygon[0] as usize]));
            }
            rest = behind;
        }
        Ok(out)
    }
}

#[derive(Default)]
struct SplitPolygons {
    triangles: Vec<[u32; 3]>,
    /// Polygons that cross themselves.
    crossing: u64,
    /// The first of these: its number, how many corners it has, and where the first is.
    first: Option<(usize, u32, [f32; 3])>,
}

/// Splits all polygons of all parts, in order; every corner index is below `positions.len()`. Polygons that cross
/// themselves are noted; `place` names the face of that number, from 0, of that part.
pub(super) fn triangles(
    parts: Vec<Polygons>,
    positions: &[[f32; 3]],
    limits: &MeshLimits,
    monitor: &Monitor,
    notes: &mut Notes,
    place: impl Fn(usize, usize) -> String,
) -> Result<Vec<[u32; 3]>, FormatError> {
    check_triangles(parts.iter().map(Polygons::triangle_count).sum(), limits)?;
    let split: Vec<_> = parts.par_iter().map(|p| p.split(positions, monitor)).collect();
    let mut split = split.into_iter().collect::<Result<Vec<_>, _>>()?;
    let others = split.iter().map(|s| s.crossing).sum::<u64>().saturating_sub(1);
    let first = split.iter().enumerate().find_map(|(part, s)| Some((part, s.first?)));
    if let Some((part, (polygon, corners, [x, y, z]))) = first {
        let more = if others > 0 { format!("; {others} other polygons do as well") } else { String::new() };
        notes.add(format!(
            "{}: the polygon of {corners} corners that begins at ({x}, {y}, {z}) crosses itself and was split into a fan{more}",
            place(part, parts[part].face(polygon))
        ));
    }
    Ok(match &mut split[..] {
        [one] => std::mem::take(&mut one.triangles),
        all => all.iter().flat_map(|s| &s.triangles).copied().collect(),
    })
}

/// Appends the triangles of a polygon; false if it crosses itself, then they are a fan. `flat` is scratch.
fn split_polygon(
    polygon: &[u32],
    positions: &[[f32; 3]],
    flat: &mut Vec<[f64; 2]>,
    out: &mut Vec<[u32; 3]>,
) -> bool {
    let fan = (1..polygon.len() - 1).map(|i| [polygon[0], polygon[i], polygon[i + 1]]);
    let plane = Plane::of(polygon, positions);
    flat.clear();
    flat.extend(polygon.iter().map(|&i| plane.drop_axis(positions[i as usize])));
    let sound = match polygon {
        [_, _, _] => true,
        &[a, b, c, d] => match diagonal(flat) {
            Some(1) => {
                out.extend([[b, c, d], [a, b, d]]);
                return true;
            }
            found => found.is_some(),
        },
        _ if is_star_seen_from_first(flat) => true,
        _ => {
            let mut split = ring::split(flat);
            if split == Split::Crossing {
                // Where corners are off the plane, the true projection may be simple though this one is not.
                flat.clear();
                flat.extend(polygon.iter().map(|&i| plane.project(positions[i as usize])));
                split = ring::split(flat);
            }
            if let Split::Triangles(triangles) = split {
                out.extend(triangles.into_iter().map(|t| t.map(|k| polygon[k as usize])));
                return true;
            }
            split == Split::Flat
        }
    };
    out.extend(fan);
    sound
}

/// Where a polygon lies.
struct Plane {
    /// Newell's normal, or where this vanishes the axis of the plane in which the polygon's fan is largest.
    normal: [f64; 3],
    /// The normal's largest component.
    axis: usize,
}

impl Plane {
    fn of(polygon: &[u32], positions: &[[f32; 3]]) -> Plane {
        let p = |i: usize| positions[polygon[i % polygon.len()] as usize].map(f64::from);
        let (mut normal, mut fan) = ([0.0; 3], [0.0; 3]);
        let origin = p(0);
        for i in 0..polygon.len() {
            let (a, b) = (p(i), p(i + 1));
            for k in 0..3 {
                let (u, v) = ((k + 1) % 3, (k + 2) % 3);
                normal[k] += (a[u] - b[u]) * (a[v] + b[v]);
                let turn = (a[u] - origin[u]) * (b[v] - origin[v]) - (a[v] - origin[v]) * (b[u] - origin[u]);
                fan[k] += turn.abs();
            }
        }
        let largest = |v: [f64; 3]| (0..3).fold(0, |m, k| if v[k].abs() > v[m].abs() { k } else { m });
        let axis = largest(normal);
        if normal[axis].abs() > SURE_NORMAL * fan[largest(fan)] {
            return Plane { normal, axis };
        }
        let axis = largest(fan);
        let mut normal = [0.0; 3];
        normal[axis] = 1.0;
        Plane { normal, axis }
    }

    /// The point without the normal's largest component: exact, and seen against the normal as turned as the polygon.
    fn drop_axis(&self, p: [f32; 3]) -> [f64; 2] {
        let (u, v) = match self.normal[self.axis] >= 0.0 {
            true => ((self.axis + 1) % 3, (self.axis + 2) % 3),
            false => ((self.axis + 2) % 3, (self.axis + 1) % 3),
        };
        [f64::from(p[u]), f64::from(p[v])]
    }

    /// The point's projection across the normal, rounded.
    fn project(&self, p: [f32; 3]) -> [f64; 2] {
        let n = self.normal.map(|v| v / self.normal[self.axis].abs());
        let length = (n[0] * n[0] + n[1] * n[1] + n[2] * n[2]).sqrt();
        let n = n.map(|v| v / length);
        let p = p.map(f64::from);
        // Any unit vector in the plane, and the one that stands on both.
        let (u, v) = ((self.axis + 1) % 3, (self.axis + 2) % 3);
        let mut x = [0.0; 3];
        (x[u], x[self.axis]) = (n[self.axis], -n[u]);
        let length = (x[u] * x[u] + x[self.axis] * x[self.axis]).sqrt();
        let x = x.map(|c| c / length);
        let y: [f64; 3] = std::array::from_fn(|k| {
            let (a, b) = ((k + 1) % 3, (k + 2) % 3);
            n[a] * x[b] - n[b] * x[a]
        });
        let dot = |d: [f64; 3]| d[0] * p[0] + d[1] * p[1] + d[2] * p[2];
        debug_assert!(x[v] == 0.0);
        [dot(x), dot(y)]
    }
}

/// The sign of the triangle's area, exactly.
fn turn(a: [f64; 2], b: [f64; 2], c: [f64; 2]) -> f64 {
    let coord = |p: [f64; 2]| robust::Coord { x: p[0], y: p[1] };
    robust::orient2d(coord(a), coord(b), coord(c))
}

/// From which corner, 0 or 1, a four-cornered polygon is split; `None` if it crosses itself.
fn diagonal(q: &[[f64; 2]]) -> Option<usize> {
    let least = |a: usize, b: usize, c: usize, d: usize| turn(q[a], q[b], q[c]).min(turn(q[a], q[c], q[d]));
    let areas = [least(0, 1, 2, 3), least(1, 2, 3, 0)];
    // Triangles without area only where corners coincide.
    let wanted = areas.iter().position(|&a| a > 0.0);
    wanted.or_else(|| areas.iter().position(|&a| a >= 0.0))
}

/// Whether the fan from the first corner splits the polygon into triangles with an area.
fn is_star_seen_from_first(flat: &[[f64; 2]]) -> bool {
    let first = flat[0];
    (1..flat.len() - 1).all(|i| turn(first, flat[i], flat[i + 1]) > 0.0)
        && (2..flat.len()).all(|i| turn(first, flat[1], flat[i]) > 0.0)
}
