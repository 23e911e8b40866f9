//! Orientation: neighbours agree, shells face outward, cavities inward.
//!
//! A *patch* is what one can walk over edges with exactly two triangles. Within a patch every triangle is turned
//! like its neighbours, as most of them were in the file. Then whole patches are turned:
//! * A closed patch that lies in no other faces outward (positive volume).
//! * Inside another is only what lies in it as a whole: patches that go through each other each face outward.
//! * A closed patch directly inside a solid is a cavity and faces inward, unless the file shows that it means a
//!   second solid: both were consistent in the file and faced the same way.
//! * A closed patch directly inside a cavity faces outward again.
//! * An open patch is closed by a cone over the middle of its border for this purpose; if that encloses next to
//!   nothing (a sheet) the patch stays as it is.

use super::TriMesh;
use super::nesting::{self, Shell};
use super::topology::{BORDER, BRANCH, Edges, origin};
use crate::monitor::{Cancelled, Monitor};
use crate::union_find::{alone, unite};
use crate::vector::{determinant, sub};

/// A volume below this part of area^1.5 is a sheet's, not a body's; a sphere has 0.094.
const SHEET: f64 = 1e-4;

/// `mesh` with some triangles turned round (how many), if that makes a closed mesh of it whose shells face outward, cavities inward.
/// `None` where it would not, and where nothing is to be turned. Triangles keep their order; vertices at one place may become one.
pub(crate) fn mended(mesh: &TriMesh, monitor: &Monitor) -> Result<Option<(TriMesh, usize)>, Cancelled> {
    if mesh.positions.len() < 3 * mesh.triangles.len()
        && let Some(found) = turned_to_close(mesh.clone(), monitor)?
    {
        return Ok(Some(found));
    }
    let mut merged = mesh.clone();
    super::weld::weld(&mut merged, 0.0, monitor)?;
    turned_to_close(merged, monitor)
}

fn turned_to_close(mut mesh: TriMesh, monitor: &Monitor) -> Result<Option<(TriMesh, usize)>, Cancelled> {
    if mesh.triangles.iter().any(|[a, b, c]| a == b || b == c || c == a) {
        return Ok(None);
    }
    let mut edges = Edges::of(&mesh, monitor)?;
    if edges.counts.border > 0 {
        return Ok(None);
    }
    let (patches, mut turned) = agree(&mut mesh, &mut edges, monitor)?;
    if patches.conflicts > 0 || edges.twin.contains(&BRANCH) {
        return Ok(None);
    }
    patches.face_outward(&mut mesh, &edges, &mut turned, monitor)?;
    let count = turned.iter().filter(|t| **t).count();
    Ok((count > 0).then_some((mesh, count)))
}

/// Which patch each triangle belongs to.
pub(super) struct Patches {
    pub of: Vec<u32>,
    pub count: usize,
    /// Whether some triangle of the patch disagreed with its neighbours in the file.
    mixed: Vec<bool>,
    /// Edges whose two triangles cannot agree: the surface is one-sided like a Möbius strip.
    pub conflicts: usize,
}

/// Makes neighbours agree; the second result says of each triangle whether it was turned round. Where edges branch, parts are told apart by their
/// order in the file ([`Edges::pair_by_order`]), unless that leaves neighbours that cannot agree.
pub(super) fn agree(
    mesh: &mut TriMesh,
    edges: &mut Edges,
    monitor: &Monitor,
) -> Result<(Patches, Vec<bool>), Cancelled> {
    if edges.counts.branching > 0
        && let Some(mut paired) = edges.pair_by_order()
    {
        let mut turned_mesh = mesh.clone();
        let result = agree_over(&mut turned_mesh, &mut paired, monitor)?;
        if result.0.conflicts == 0 {
            (*mesh, *edges) = (turned_mesh, paired);
            return Ok(result);
        }
    }
    agree_over(mesh, edges, monitor)
}

fn agree_over(
    mesh: &mut TriMesh,
    edges: &mut Edges,
    monitor: &Monitor,
) -> Result<(Patches, Vec<bool>), Cancelled> {
    let n = mesh.triangles.len();
    let mut patches = Patches { of: vec![u32::MAX; n], count: 0, mixed: Vec::new(), conflicts: 0 };
    let mut turned = vec![false; n];
    let mut patch = Vec::new();
    for seed in 0..n {
        if seed % (1 << 16) == 0 {
            monitor.check()?;
        }
        if patches.of[seed] != u32::MAX {
            continue;
        }
        flood(mesh, edges, seed, &mut patches, &mut turned, &mut patch, monitor)?;
        let minority = patch.iter().filter(|&&t| turned[t as usize]).count();
        if 2 * minority > patch.len() {
            patch.iter().for_each(|&t| turned[t as usize] ^= true);
        }
        patches.mixed.push(minority != 0 && minority != patch.len());
        patches.count += 1;
    }
    // Edges count each conflict from both sides.
    patches.conflicts /= 2;
    if turned.iter().any(|&t| t) {
        turn_triangles(mesh, &turned);
        edges.turn(&turned);
    }
    Ok((patches, turned))
}

fn turn_triangles(mesh: &mut TriMesh, turned: &[bool]) {
    for (t, _) in mesh.triangles.iter_mut().zip(turned).filter(|(_, turn)| **turn) {
        t.swap(1, 2);
    }
}

/// Collects the patch around `seed` into `patch` (breadth first) and turns its triangles like `seed`.
fn flood(
    mesh: &TriMesh,
    edges: &Edges,
    seed: usize,
    patches: &mut Patches,
    turned: &mut [bool],
    patch: &mut Vec<u32>,
    monitor: &Monitor,
) -> Result<(), Cancelled> {
    let label = patches.count as u32;
    patch.clear();
    patch.push(seed as u32);
    patches.of[seed] = label;
    let mut at = 0;
    while at < patch.len() {
        let t = patch[at];
        at += 1;
        if at % (1 << 16) == 0 {
            monitor.check()?;
        }
        for h in 3 * t..3 * t + 3 {
            let twin = edges.twin[h as usize];
            if twin >= BRANCH {
                continue;
            }
            // Neighbours that agree run along their edge in opposite directions.
            let same_way = origin(&mesh.triangles, h) == origin(&mesh.triangles, twin);
            let (u, wanted) = (twin as usize / 3, turned[t as usize] ^ same_way);
            if patches.of[u] == u32::MAX {
                patches.of[u] = label;
                turned[u] = wanted;
                patch.push(u as u32);
            } else if turned[u] != wanted {
                patches.conflicts += 1;
            }
        }
    }
    Ok(())
}

impl Patches {
    /// Whether every edge has two triangles that run it both ways.
    pub fn is_closed(&self, edges: &Edges) -> bool {
        let counts = edges.counts;
        counts.edges > 0 && counts.border + counts.branching + self.conflicts == 0
    }

    /// Area of each patch.
    pub fn areas(&self, mesh: &TriMesh) -> Vec<f64> {
        let mut areas = vec![0.0; self.count];
        for (t, &p) in self.of.iter().enumerate() {
            areas[p as usize] += super::tri_mesh::area_of(mesh.corners(t));
        }
        areas
    }

    /// How many parts hang together over edges of any kind.
    pub fn components(&self, edges: &Edges) -> usize {
        let mut parent = alone(self.count);
        let mut parts = self.count;
        for group in edges.groups().filter(|g| g.len() > 2) {
            let patch = |h: u32| self.of[h as usize / 3];
            for &(_, h) in &group[1..] {
                parts -= usize::from(unite(&mut parent, patch(group[0].1), patch(h)));
            }
        }
        parts
    }

    /// Turns whole patches to face outward, or inward for cavities; records it in `turned`.
    pub fn face_outward(
        &self,
        mesh: &mut TriMesh,
        edges: &Edges,
        turned: &mut [bool],
        monitor: &Monitor,
    ) -> Result<(), Cancelled> {
        let closed = self.closed(edges);
        let volumes = self.volumes(mesh, edges);
        // Of closed patches it does not matter how large they are.
        let areas = if closed.contains(&false) { self.areas(mesh) } else { vec![0.0; self.count] };
        monitor.check()?;
        let shells: Vec<Shell> = (0..self.count)
            .filter(|&p| closed[p])
            .map(|p| Shell { patch: p as u32, outward: volumes[p] > 0.0, trusted: !self.mixed[p] })
            .collect();
        let mut turn: Vec<bool> =
            (0..self.count).map(|p| !closed[p] && volumes[p] < -SHEET * areas[p].powf(1.5)).collect();
        for (shell, outward) in shells.iter().zip(nesting::outward(mesh, &self.of, &shells, monitor)?) {
            turn[shell.patch as usize] = volumes[shell.patch as usize] != 0.0 && shell.outward != outward;
        }
        if turn.iter().any(|&t| t) {
            let now: Vec<bool> = self.of.iter().map(|&p| turn[p as usize]).collect();
            turn_triangles(mesh, &now);
            turned.iter_mut().zip(now).for_each(|(t, n)| *t ^= n);
        }
        Ok(())
    }

    /// A patch is closed when it meets every edge an even number of times.
    fn closed(&self, edges: &Edges) -> Vec<bool> {
        let mut closed = vec![true; self.count];
        for (h, _) in edges.twin.iter().enumerate().filter(|(_, t)| **t == BORDER) {
            closed[self.of[h / 3] as usize] = false;
        }
        let mut here = Vec::new();
        for group in edges.groups().filter(|g| g.len() > 2) {
            here.clear();
            here.extend(group.iter().map(|&(_, h)| self.of[h as usize / 3]));
            here.sort_unstable();
            for run in here.chunk_by(|a, b| a == b).filter(|run| run.len() % 2 == 1) {
                closed[run[0] as usize] = false;
            }
        }
        closed
    }

    /// Volume of each patch, closed by a cone from the middle of its border if it has one.
    fn volumes(&self, mesh: &TriMesh, edges: &Edges) -> Vec<f64> {
        let mut apex = vec![([0.0f64; 3], 0.0f64); self.count];
        let mut add = |p: u32, v: u32| {
            let (sum, n) = &mut apex[p as usize];
            let x = mesh.positions[v as usize];
            (0..3).for_each(|k| sum[k] += f64::from(x[k]));
            *n += 1.0;
        };
        for (h, &twin) in edges.twin.iter().enumerate() {
            if twin >= BRANCH {
                add(self.of[h / 3], origin(&mesh.triangles, h as u32));
            }
        }
        let mut apex: Vec<Option<[f64; 3]>> =
            apex.into_iter().map(|(sum, n)| (n > 0.0).then(|| sum.map(|s| s / n))).collect();
        let mut volumes = vec![0.0; self.count];
        for (t, &p) in self.of.iter().enumerate() {
            let corners = mesh.corners(t).map(|c| c.map(f64::from));
            // Near the patch, so that a part far from the origin keeps its digits.
            let o = *apex[p as usize].get_or_insert(corners[0]);
            let [a, b, c] = corners.map(|q| sub(q, o));
            volumes[p as usize] += determinant(a, b, c) / 6.0;
        }
        volumes
    }
}
