//! Which triangles hang together over edges, and whether anything in a mesh can be inside at all.

use super::contact::{Triangle, contact};
use super::exact::{Column, Plane, Point};
use super::lattice::Grid;
use crate::aabb::Aabb;
use crate::bvh::{Bvh, PairTest};
use crate::mesh::TriMesh;
use crate::monitor::{Cancelled, Monitor};
use crate::union_find::unite;
use crate::vector::{determinant, sub};
use std::cmp::Ordering;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering as Memory};

/// With more shells than this their boxes are not compared one by one.
const MAX_BOXES: usize = 1000;

/// The parts of a mesh that hang together over edges.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shells {
    /// Whether every edge is met by as many triangles one way as the other.
    pub closed: bool,
    /// Whether some edge is met by more than two triangles.
    pub branching: bool,
    /// Whether every edge is met by an even number of triangles, so that turning some could close the mesh.
    pub even: bool,
    /// For each triangle the first triangle of its shell.
    of: Vec<u32>,
    /// Triangles at edges without exactly one neighbour.
    ends: Vec<u32>,
}

impl Shells {
    /// Of a closed mesh whose edges have two triangles each, from the number of the shell of each triangle, below `count`.
    pub fn closed(numbers: &[u32], count: usize) -> Shells {
        let mut first = vec![u32::MAX; count];
        let mut first_of = |(t, &n): (usize, &u32)| {
            let first = &mut first[n as usize];
            *first = (*first).min(t as u32);
            *first
        };
        let of = match count {
            1 => vec![0; numbers.len()],
            _ => numbers.iter().enumerate().map(&mut first_of).collect(),
        };
        Shells { of, closed: true, branching: false, even: true, ends: Vec::new() }
    }

    /// Of a mesh whose vertex `i` counts as `vertex(i)`. Linear.
    pub fn of(mesh: &TriMesh, vertex: impl Fn(u32) -> u32) -> Shells {
        let (start, mut entries) = by_lower_vertex(mesh, vertex);
        let mut shells = Shells { closed: true, branching: false, even: true, ..Shells::default() };
        shells.of = (0..mesh.triangles.len() as u32).collect();
        for w in start.windows(2) {
            let list = &mut entries[w[0] as usize..w[1] as usize];
            list.sort_unstable();
            for edge in list.chunk_by(|a, b| a.0 >> 1 == b.0 >> 1) {
                match edge {
                    [(up, a), (down, b)] if up != down => {
                        unite(&mut shells.of, *a, *b);
                    }
                    _ => {
                        let downs = edge.iter().filter(|e| e.0 & 1 == 1).count();
                        shells.closed &= 2 * downs == edge.len();
                        shells.even &= edge.len() % 2 == 0;
                        shells.branching |= edge.len() > 2;
                        shells.ends.extend(edge.iter().map(|e| e.1));
                    }
                }
            }
        }
        for t in 0..shells.of.len() {
            // A parent is an earlier triangle, and its own parent is known.
            shells.of[t] = shells.of[shells.of[t] as usize];
        }
        shells
    }

    /// Whether faces of a closed mesh may be inside it, seen from its shells alone: they branch, touch each other or have the same on both
    /// sides. A shell that goes through itself is not noticed here.
    pub fn may_have_inner_faces(
        &self,
        mesh: &TriMesh,
        bvh: &Bvh,
        monitor: &Monitor,
    ) -> Result<bool, Cancelled> {
        if self.branching {
            return Ok(true);
        }
        let first: Vec<u32> = (0..self.of.len() as u32).filter(|&t| self.of[t as usize] == t).collect();
        if first.len() < 2 || !self.boxes_meet(mesh, &first) {
            return Ok(false);
        }
        let Some(grid) = Grid::around(&mesh.bounds()) else { return Ok(false) };
        let touching = Between::new(mesh, &grid, &self.of, bvh, true);
        if !bvh.pairs(grid.margin(), &touching, monitor)?.is_empty() {
            return Ok(true);
        }
        let orientation = if mesh.signed_volume() < 0.0 { -1 } else { 1 };
        let mut seen = vec![false; mesh.triangles.len()];
        for t in 0..mesh.triangles.len() {
            let shell = self.of[t] as usize;
            if seen[shell] {
                continue;
            }
            if let Some((above, here)) = windings(mesh, &grid, bvh, t as u32) {
                seen[shell] = true;
                if (above * orientation > 0) == ((above + here) * orientation > 0) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Whether there is more than one shell, or edges with more than two triangles.
    pub fn are_several(&self) -> bool {
        self.branching || self.of.iter().any(|s| *s != self.of[0])
    }

    /// Whether some shell of a closed mesh encloses volume of another sign than the mesh, `volume`.
    pub fn face_apart(&self, mesh: &TriMesh, volume: f64) -> bool {
        if self.of.iter().all(|s| *s == self.of[0]) {
            return false;
        }
        let mut volumes = vec![0.0; self.of.len()];
        let origin = mesh.corners(0)[0].map(f64::from);
        for (t, &shell) in self.of.iter().enumerate() {
            let [a, b, c] = mesh.corners(t).map(|p| sub(p.map(f64::from), origin));
            volumes[shell as usize] += determinant(a, b, c);
        }
        volumes.iter().any(|v| v * volume < 0.0)
    }

    /// How many shells became one with others in `mesh`, whose triangles are pieces of those of `sources`, or lay inside others, so that
    /// nothing is left of them. What ends at edges with more than two triangles is no shell of its own: walls between parts go uncounted.
    pub fn united(&self, mesh: &TriMesh, sources: &[u32]) -> usize {
        let now = Shells::of(mesh, |i| i);
        let of_source = |(now, t): (&u32, &u32)| (*now, self.of[*t as usize]);
        let mut pairs: Vec<(u32, u32)> = now.of.iter().zip(sources).map(of_source).collect();
        pairs.sort_unstable();
        pairs.dedup();
        let several = pairs.chunk_by(|a, b| a.0 == b.0).filter(|shells| shells.len() > 1).flatten();
        let mut united: Vec<u32> = several.map(|pair| pair.1).collect();
        let left: HashSet<u32> = pairs.iter().map(|pair| pair.1).collect();
        let walls: HashSet<u32> = self.ends.iter().map(|t| self.of[*t as usize]).collect();
        united.extend(self.of.iter().filter(|shell| !left.contains(shell) && !walls.contains(shell)));
        united.sort_unstable();
        united.dedup();
        united.len()
    }

    fn boxes_meet(&self, mesh: &TriMesh, first: &[u32]) -> bool {
        if first.len() > MAX_BOXES {
            return true;
        }
        let mut boxes = vec![Aabb::EMPTY; first.len()];
        for (t, shell) in self.of.iter().enumerate() {
            let i = first.binary_search(shell).expect("every shell is listed");
            boxes[i] = boxes[i].union(&Aabb::around(&mesh.corners(t)));
        }
        let meet = |a: &Aabb, b: &Aabb| (0..3).all(|k| a.min[k] <= b.max[k] && b.min[k] <= a.max[k]);
        boxes.iter().enumerate().any(|(i, a)| boxes[i + 1..].iter().any(|b| meet(a, b)))
    }
}

/// Half-edges by their lower vertex: where the list of each begins, and (upper vertex · 2 + whether it runs down, triangle).
fn by_lower_vertex(mesh: &TriMesh, vertex: impl Fn(u32) -> u32) -> (Vec<u32>, Vec<(u32, u32)>) {
    let edges = |t: &[u32; 3]| {
        let v = t.map(&vertex);
        [(v[0], v[1]), (v[1], v[2]), (v[2], v[0])]
    };
    let mut start = vec![0u32; mesh.positions.len() + 1];
    for t in &mesh.triangles {
        for (a, b) in edges(t) {
            start[a.min(b) as usize] += u32::from(a != b);
        }
    }
    let mut sum = 0;
    for s in &mut start {
        sum += *s;
        *s = sum;
    }
    let mut entries = vec![(0, 0); sum as usize];
    // Filling each list from its end leaves `start` at the lists' beginnings.
    for (i, t) in mesh.triangles.iter().enumerate().rev() {
        for (a, b) in edges(t).into_iter().filter(|(a, b)| a != b) {
            let at = &mut start[a.min(b) as usize];
            *at -= 1;
            entries[*at as usize] = (a.max(b) << 1 | u32::from(a > b), i as u32);
        }
    }
    (start, entries)
}

/// Pairs of groups of which a triangle of the first is cut by one of the second, ascending. Touching is no cut.
pub(crate) fn cut_groups(
    mesh: &TriMesh,
    bvh: &Bvh,
    group: &[u32],
    monitor: &Monitor,
) -> Result<Vec<(u32, u32)>, Cancelled> {
    let Some(grid) = Grid::around(&mesh.bounds()) else { return Ok(Vec::new()) };
    let mut found = bvh.pairs(grid.margin(), &Between::new(mesh, &grid, group, bvh, false), monitor)?;
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Whether what does not cut group `container` is inside it: its first of `triangles` that does not lie on it decides.
pub(crate) fn lies_within(
    mesh: &TriMesh,
    bvh: &Bvh,
    group: &[u32],
    triangles: &[u32],
    container: u32,
) -> bool {
    let Some(grid) = Grid::around(&mesh.bounds()) else { return false };
    for &t in triangles {
        let own = grid.triangle(mesh, t);
        if own.plane.normal == [0; 3] {
            continue;
        }
        let corners = own.corners.map(Point::vertex);
        let Some(column) = Column::inside([&corners[0], &corners[1], &corners[2]], own.axes()) else {
            continue;
        };
        let (mut above, mut here) = (0, 0);
        look_along(
            bvh,
            &grid,
            &column,
            &own.plane,
            |t| grid.triangle(mesh, t),
            |order, _, t| {
                if group[t as usize] == container {
                    above += u32::from(order.is_gt());
                    here += u32::from(order.is_eq());
                }
            },
        );
        if here == 0 {
            return above % 2 == 1;
        }
    }
    false
}

/// The winding number beside triangle `t` on the upper side along its axis, and by how much it is higher on the lower side.
/// `None` for a triangle without area.
fn windings(mesh: &TriMesh, grid: &Grid, bvh: &Bvh, t: u32) -> Option<(i32, i32)> {
    let own = grid.triangle(mesh, t);
    if own.plane.normal == [0; 3] {
        return None;
    }
    let corners = own.corners.map(Point::vertex);
    let column = Column::inside([&corners[0], &corners[1], &corners[2]], own.axes())?;
    let (mut above, mut here) = (0, 0);
    look_along(
        bvh,
        grid,
        &column,
        &own.plane,
        |t| grid.triangle(mesh, t),
        |order, up, _| match order {
            Ordering::Greater => above += up,
            Ordering::Equal => here += up,
            Ordering::Less => {}
        },
    );
    Some((above, here))
}

/// Visits all triangles that a line meets: how their height compares with that of a plane, whether they face up or down (1 or −1), and
/// their numbers. Upwards a line leaves where normals point up.
pub(super) fn look_along(
    bvh: &Bvh,
    grid: &Grid,
    column: &Column,
    plane: &Plane,
    triangle: impl Fn(u32) -> Triangle,
    mut visit: impl FnMut(Ordering, i32, u32),
) {
    let axis = 3 - column.axes[0] - column.axes[1];
    let place = column.approximate();
    let at = std::array::from_fn(|i| grid.model(column.axes[i], place[i]));
    bvh.column(column.axes, at, f64::from(grid.margin()), |t| {
        let other = triangle(t);
        let up = other.plane.normal[axis].signum() as i32;
        if up != 0 && column.meets(other.corners) {
            visit(column.compare(&other.plane, plane), up, t);
        }
    });
}

/// Finds pairs of groups whose triangles touch or cut each other.
struct Between<'a> {
    mesh: &'a TriMesh,
    grid: &'a Grid,
    group: &'a [u32],
    /// For each triangle in tree order how often the group changed before.
    changes: Vec<u32>,
    /// Whether the first touch is enough.
    touch: bool,
    done: AtomicBool,
}

impl<'a> Between<'a> {
    fn new(mesh: &'a TriMesh, grid: &'a Grid, group: &'a [u32], bvh: &Bvh, touch: bool) -> Between<'a> {
        let mut last = None;
        let mut count = 0;
        let change = |&t: &u32| {
            count += u32::from(last.replace(group[t as usize]) != Some(group[t as usize]));
            count
        };
        let changes = bvh.order.iter().map(change).collect();
        Between { mesh, grid, group, changes, touch, done: AtomicBool::new(false) }
    }
}

impl PairTest for Between<'_> {
    type Found = (u32, u32);

    fn may(&self, a: Range<u32>, b: Range<u32>) -> bool {
        let change = |i: u32| self.changes[i as usize];
        let one = |r: &Range<u32>| change(r.start) == change(r.end - 1);
        let same = one(&a) && one(&b) && change(a.start) == change(b.start);
        !same && !self.done.load(Memory::Relaxed)
    }

    fn test(&self, a: u32, b: u32, found: &mut Vec<(u32, u32)>) {
        let groups = [a, b].map(|t| self.group[t as usize]);
        if groups[0] == groups[1] {
            return;
        }
        let [s, t] = [a, b].map(|t| self.grid.triangle(self.mesh, t));
        if s.plane.normal == [0; 3] || t.plane.normal == [0; 3] {
            return;
        }
        let Some(contact) = contact(&s, &t) else { return };
        if self.touch {
            self.done.store(true, Memory::Relaxed);
            found.push((groups[0], groups[1]));
        } else if !contact.coplanar && contact.is_segment() {
            found.extend(t.divides(&s).then_some((groups[0], groups[1])));
            found.extend(s.divides(&t).then_some((groups[1], groups[0])));
        }
    }
}
