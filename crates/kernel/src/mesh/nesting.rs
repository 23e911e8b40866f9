//! Which closed shells lie inside which, and which way each has to face.
//!
//! From one vertex of every shell a ray goes up (+z). Each triangle is tested once against the vertices below it,
//! and the crossings are counted per pair of shells: odd is inside, unless the surface of the one cuts the other. The tests are exact (Shewchuk 1997, orient2d and
//! orient3d); a ray through an edge or a vertex is settled by the half-open rule, the same for all triangles there.

use super::TriMesh;
use crate::bvh::Bvh;
use crate::monitor::{Cancelled, Monitor};
use crate::outer::{cut_groups, lies_within};
use rayon::prelude::*;
use robust::{Coord, Coord3D, orient2d, orient3d};

const TRIANGLES_PER_TASK: usize = 1 << 14;
const NOT_CLOSED: u32 = u32::MAX;

/// A closed patch.
pub(super) struct Shell {
    pub patch: u32,
    /// Whether it encloses positive volume now.
    pub outward: bool,
    /// Whether the file had it consistent, so that its direction means something.
    pub trusted: bool,
}

/// For each shell whether it should face outward.
pub(super) fn outward(
    mesh: &TriMesh,
    patch_of: &[u32],
    shells: &[Shell],
    monitor: &Monitor,
) -> Result<Vec<bool>, Cancelled> {
    let mut result = vec![true; shells.len()];
    if shells.len() < 2 {
        return Ok(result);
    }
    let mut containers = containers(mesh, patch_of, shells, monitor)?;
    if containers.iter().any(|c| !c.is_empty()) {
        // One vertex inside does not make a shell nested.
        let shell_of = shell_of(patch_of, shells);
        let of: Vec<u32> = patch_of.iter().map(|&p| shell_of[p as usize]).collect();
        let bvh = Bvh::build(mesh, monitor)?;
        let cut = cut_groups(mesh, &bvh, &of, monitor)?;
        let mut by_shell: Vec<u32> = (0..of.len() as u32).collect();
        by_shell.sort_by_key(|&t| of[t as usize]);
        for (s, list) in containers.iter_mut().enumerate() {
            let from = by_shell.partition_point(|&t| of[t as usize] < s as u32);
            let end = by_shell.partition_point(|&t| of[t as usize] <= s as u32);
            let own = &by_shell[from..end];
            list.retain(|&c| {
                cut.binary_search(&(s as u32, c)).is_err() && lies_within(mesh, &bvh, &of, own, c)
            });
        }
    }
    let mut order: Vec<usize> = (0..shells.len()).collect();
    order.sort_by_key(|&s| containers[s].len());
    for s in order {
        // The innermost container has the most containers of its own.
        let Some(&parent) = containers[s].iter().max_by_key(|&&c| containers[c as usize].len()) else {
            continue;
        };
        let (me, parent_shell) = (&shells[s], &shells[parent as usize]);
        let second_solid = me.trusted && parent_shell.trusted && me.outward == parent_shell.outward;
        result[s] = !result[parent as usize] || second_solid;
    }
    Ok(result)
}

/// For each patch the shell that it is.
fn shell_of(patch_of: &[u32], shells: &[Shell]) -> Vec<u32> {
    let patches = patch_of.iter().max().map_or(0, |&m| m as usize + 1);
    let mut shell_of = vec![NOT_CLOSED; patches];
    for (s, shell) in shells.iter().enumerate() {
        shell_of[shell.patch as usize] = s as u32;
    }
    shell_of
}

/// For each shell the shells around it.
fn containers(
    mesh: &TriMesh,
    patch_of: &[u32],
    shells: &[Shell],
    monitor: &Monitor,
) -> Result<Vec<Vec<u32>>, Cancelled> {
    let shell_of = shell_of(patch_of, shells);
    let probes = probes(mesh, patch_of, &shell_of, shells.len());
    let parts: Vec<Result<Vec<(u32, u32)>, Cancelled>> = patch_of
        .par_chunks(TRIANGLES_PER_TASK)
        .enumerate()
        .map(|(part, patches)| {
            monitor.check()?;
            let mut crossings = Vec::new();
            for (i, &p) in patches.iter().enumerate() {
                let shell = shell_of[p as usize];
                if shell != NOT_CLOSED {
                    cross(mesh.corners(part * TRIANGLES_PER_TASK + i), shell, &probes, &mut crossings);
                }
            }
            Ok(crossings)
        })
        .collect();
    let mut crossings = parts.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
    crossings.par_sort_unstable();
    let mut containers = vec![Vec::new(); shells.len()];
    for run in crossings.chunk_by(|a, b| a == b).filter(|run| run.len() % 2 == 1) {
        containers[run[0].0 as usize].push(run[0].1);
    }
    Ok(containers)
}

/// A vertex of a shell, as a question: which shells is it in?
struct Probe {
    at: [f32; 3],
    shell: u32,
}

/// The first corner of each shell, ascending in x.
fn probes(mesh: &TriMesh, patch_of: &[u32], shell_of: &[u32], shells: usize) -> Vec<Probe> {
    let mut seen = vec![false; shells];
    let mut probes = Vec::with_capacity(shells);
    for (t, &p) in patch_of.iter().enumerate() {
        let shell = shell_of[p as usize];
        if shell != NOT_CLOSED && !std::mem::replace(&mut seen[shell as usize], true) {
            probes.push(Probe { at: mesh.corners(t)[0], shell });
        }
    }
    probes.sort_by(|a, b| a.at[0].total_cmp(&b.at[0]).then(a.shell.cmp(&b.shell)));
    probes
}

fn cross(c: [[f32; 3]; 3], shell: u32, probes: &[Probe], crossings: &mut Vec<(u32, u32)>) {
    let low = |k: usize| c[0][k].min(c[1][k]).min(c[2][k]);
    let high = |k: usize| c[0][k].max(c[1][k]).max(c[2][k]);
    let from = probes.partition_point(|p| p.at[0] < low(0));
    let (top, y) = (high(2), (low(1), high(1)));
    for p in probes[from..].iter().take_while(|p| p.at[0] <= high(0)) {
        let candidate = p.shell != shell && p.at[1] >= y.0 && p.at[1] <= y.1 && p.at[2] <= top;
        if candidate && is_below(p.at, c) {
            crossings.push((p.shell, shell));
        }
    }
}

/// Whether the ray from `p` to +z goes through the triangle.
fn is_below(p: [f32; 3], c: [[f32; 3]; 3]) -> bool {
    let flat = |q: [f32; 3]| Coord { x: q[0], y: q[1] };
    // Edges that a ray in the plane from p to +x crosses; the decision depends on the edge alone.
    let crosses = |a: [f32; 3], b: [f32; 3]| {
        let (low, high) = if a[1] <= b[1] { (a, b) } else { (b, a) };
        low[1] <= p[1] && p[1] < high[1] && orient2d(flat(low), flat(high), flat(p)) > 0.0
    };
    let inside = crosses(c[0], c[1]) ^ crosses(c[1], c[2]) ^ crosses(c[2], c[0]);
    if !inside {
        return false;
    }
    let deep = |q: [f32; 3]| Coord3D { x: q[0], y: q[1], z: q[2] };
    // orient3d is positive when p lies below the plane, seen from where a, b, c run counter-clockwise.
    let side = orient3d(deep(c[0]), deep(c[1]), deep(c[2]), deep(p));
    let turn = orient2d(flat(c[0]), flat(c[1]), flat(c[2]));
    side * turn.signum() > 0.0
}
