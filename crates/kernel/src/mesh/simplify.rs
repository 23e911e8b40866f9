//! Simplification: fewer triangles within a distance of the surface, still a closed 2-manifold.
//!
//! The mesh is cut into blocks of space. Each is reduced by itself (quadric edge collapse, vertices stay where they
//! are) with the vertices that it shares with others held fast, and measured. A second pass with the blocks moved by
//! half a block reduces what lay between the first ones.
//!
//! # Promises
//! * If every edge of the mesh has two triangles that agree on the outside, so has the result; no vertex joins
//!   surfaces that it did not join before, no two triangles share all corners. Where a reduction breaks this, the
//!   place is held fast and its block reduced again, in the end not at all.
//! * No vertex of the mesh is farther than the tolerance from the result, and no corner, middle of an edge or middle
//!   of a triangle of the result is farther than the tolerance from the mesh: measured, not estimated.
//! * Vertices of the result are vertices of the mesh. The same bytes for any number of threads.
//!
//! # Limits
//! A mesh that has borders, branches or contradicting triangles comes back as it is. Nothing keeps far-apart sheets
//! that lie closer than the tolerance from passing through each other.
//!
//! # Source
//! Garland and Heckbert, "Surface simplification using quadric error metrics" (SIGGRAPH 1997), as implemented by
//! meshoptimizer, which does not check that a collapse keeps the surface a manifold (zeux/meshoptimizer issue 699).

use super::TriMesh;
use super::manifold::faulty_vertices;
use super::weld::drop_unused;
use crate::bvh::Bvh;
use crate::monitor::{Cancelled, Monitor};
use meshopt::{SimplifyOptions, VertexDataAdapter, simplify_with_locks};
use rayon::prelude::*;

/// Triangles of one block, about. Not more: the library's single precision errs by some 1e-4 of a block's extent.
const TRIANGLES_PER_BLOCK: usize = 1 << 15;
/// Share of the tolerance that the first of two passes may use.
const FIRST_SHARE: f64 = 0.75;
/// Shares of the tolerance that the library is asked for, one after the other, places that came out too far off held
/// fast. The largest distance is about twice the mean that it goes by.
const AIMS: [f64; 8] = [0.7, 0.5, 0.5, 0.4, 0.3, 0.2, 0.2, 0.1];
/// From here on everything too far off is held fast.
const LOW_AIM: f64 = 0.4;
/// How often broken places are held fast before their block is left alone.
const ROUNDS: usize = 4;
/// An owner of a vertex that is none: several blocks use it.
const SHARED: u32 = u32::MAX - 1;

/// Reduces `mesh` so that it stays within `tolerance` (mm, above 0) of what it was.
pub fn simplify(mesh: TriMesh, tolerance: f64, monitor: &Monitor) -> Result<TriMesh, Cancelled> {
    let triangles = mesh.triangles.len();
    if tolerance.is_nan() || tolerance <= 0.0 || triangles == 0 || !has_two_sides(&mesh, monitor)? {
        return Ok(mesh);
    }
    if triangles <= TRIANGLES_PER_BLOCK {
        return pass(mesh, tolerance, 0.0, TRIANGLES_PER_BLOCK, monitor);
    }
    in_blocks(mesh, tolerance, TRIANGLES_PER_BLOCK, monitor)
}

fn in_blocks(mesh: TriMesh, tolerance: f64, size: usize, monitor: &Monitor) -> Result<TriMesh, Cancelled> {
    let mesh = pass(mesh, FIRST_SHARE * tolerance, 0.0, size, &monitor.part(0.0, 0.8))?;
    pass(mesh, (1.0 - FIRST_SHARE) * tolerance, 0.5, size, &monitor.part(0.8, 1.0))
}

/// Whether corners differ and every edge has two triangles that agree. Vertices may join surfaces.
fn has_two_sides(mesh: &TriMesh, monitor: &Monitor) -> Result<bool, Cancelled> {
    let apart = mesh.triangles.iter().all(|[a, b, c]| a != b && b != c && c != a);
    Ok(apart && faulty_vertices(mesh, &[], monitor)?.edges.is_empty())
}

/// Reduces every block once, and those with faults again.
fn pass(
    mesh: TriMesh,
    tolerance: f64,
    shift: f64,
    size: usize,
    monitor: &Monitor,
) -> Result<TriMesh, Cancelled> {
    let blocks = Blocks::of(&mesh, size, shift);
    // Vertices that join surfaces already stay, and are no reason to go back.
    let joining = faulty_vertices(&mesh, &[], monitor)?.joining;
    let mut fast = blocks.shared();
    joining.iter().for_each(|&v| fast[v as usize] = true);
    let done = std::sync::atomic::AtomicUsize::new(0);
    let reduce_all = |which: &[usize], fast: &[bool]| -> Result<Vec<Vec<[u32; 3]>>, Cancelled> {
        let reduced = which.par_iter().map(|&b| {
            let triangles = reduce(&mesh, blocks.triangles(b), fast, tolerance, monitor)?;
            let count = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
            monitor.progress(count as f32 / blocks.count() as f32);
            Ok(triangles)
        });
        reduced.collect()
    };
    let all: Vec<usize> = (0..blocks.count()).collect();
    let mut parts = reduce_all(&all, &fast)?;
    for round in 0.. {
        let mut result = TriMesh { positions: Vec::new(), triangles: parts.concat() };
        // The positions are lent, since nothing here looks at them.
        result.positions = mesh.positions.clone();
        let faults = faulty_vertices(&result, &joining, monitor)?;
        let mut faulty = vec![false; mesh.positions.len()];
        faults.edges.iter().chain(&faults.joining).for_each(|&v| faulty[v as usize] = true);
        let touched = |t: &[u32; 3]| t.iter().any(|&v| faulty[v as usize]);
        let again: Vec<usize> = all.iter().copied().filter(|&b| parts[b].iter().any(touched)).collect();
        if again.is_empty() {
            drop_unused(&mut result);
            return Ok(result);
        }
        if round >= ROUNDS {
            let whole = |b: &usize| parts[*b].len() == blocks.triangles(*b).len();
            if again.iter().all(whole) {
                break;
            }
            again.iter().for_each(|&b| {
                parts[b] = blocks.triangles(b).iter().map(|&t| mesh.triangles[t as usize]).collect()
            });
            continue;
        }
        for _ in 0..1 << round {
            hold_neighbours(&mesh, &blocks, &again, &mut faulty);
        }
        fast.iter_mut().zip(&faulty).for_each(|(f, &bad)| *f |= bad);
        for (b, part) in again.iter().zip(reduce_all(&again, &fast)?) {
            parts[*b] = part;
        }
    }
    Ok(mesh)
}

/// Adds the neighbours of marked vertices within some blocks.
fn hold_neighbours(mesh: &TriMesh, blocks: &Blocks, which: &[usize], marked: &mut [bool]) {
    let before = marked.to_vec();
    for &b in which {
        for &t in blocks.triangles(b) {
            let corners = mesh.triangles[t as usize];
            if corners.iter().any(|&v| before[v as usize]) {
                corners.iter().for_each(|&v| marked[v as usize] = true);
            }
        }
    }
}

/// Triangles by the block of space in which their middle lies.
struct Blocks {
    start: Vec<usize>,
    order: Vec<u32>,
    owner: Vec<u32>,
}

impl Blocks {
    fn of(mesh: &TriMesh, size: usize, shift: f64) -> Blocks {
        let n = mesh.triangles.len();
        let bounds = mesh.bounds();
        let extent = bounds.extent();
        let many = n.div_ceil(size).max(1);
        // Cubes, as many as would each hold `size` triangles if these were everywhere alike.
        let thick = extent.iter().copied().fold(0.0, f64::max).max(f64::MIN_POSITIVE) * 1e-3;
        let side = (extent.iter().map(|e| e.max(thick)).product::<f64>() / many as f64).cbrt();
        let along =
            extent.map(|e| if many == 1 { 1.0 } else { (e / side + shift).ceil().clamp(1.0, 4096.0) });
        let place = |t: usize| {
            let c = mesh.corners(t).map(|p| p.map(f64::from));
            let at: [f64; 3] = std::array::from_fn(|a| {
                let middle = (c[0][a] + c[1][a] + c[2][a]) / 3.0 - f64::from(bounds.min[a]);
                (middle / side + shift).floor().clamp(0.0, along[a] - 1.0)
            });
            ((at[2] * along[1] + at[1]) * along[0] + at[0]) as u64
        };
        let mut keyed: Vec<(u64, u32)> = (0..n).into_par_iter().map(|t| (place(t), t as u32)).collect();
        keyed.par_sort_unstable();
        let mut blocks = Blocks { start: vec![0], order: Vec::with_capacity(n), owner: Vec::new() };
        blocks.owner.resize(mesh.positions.len(), u32::MAX);
        for (b, group) in keyed.chunk_by(|a, b| a.0 == b.0).enumerate() {
            for &(_, t) in group {
                blocks.order.push(t);
                for v in mesh.triangles[t as usize] {
                    let owner = &mut blocks.owner[v as usize];
                    *owner = if *owner == u32::MAX || *owner == b as u32 { b as u32 } else { SHARED };
                }
            }
            blocks.start.push(blocks.order.len());
        }
        blocks
    }

    fn count(&self) -> usize {
        self.start.len() - 1
    }

    fn triangles(&self, block: usize) -> &[u32] {
        &self.order[self.start[block]..self.start[block + 1]]
    }

    fn shared(&self) -> Vec<bool> {
        self.owner.iter().map(|&o| o == SHARED).collect()
    }
}

/// Fewer triangles in place of `which`, at most `tolerance` away; `fast` vertices stay.
fn reduce(
    mesh: &TriMesh,
    which: &[u32],
    fast: &[bool],
    tolerance: f64,
    monitor: &Monitor,
) -> Result<Vec<[u32; 3]>, Cancelled> {
    // The block as a mesh of its own, vertices in the order of the whole.
    let mut vertices: Vec<u32> = which.iter().flat_map(|&t| mesh.triangles[t as usize]).collect();
    vertices.sort_unstable();
    vertices.dedup();
    let local = |v: u32| vertices.binary_search(&v).expect("the vertex is a corner of the block") as u32;
    let block = TriMesh {
        positions: vertices.iter().map(|&v| mesh.positions[v as usize]).collect(),
        triangles: which.iter().map(|&t| mesh.triangles[t as usize].map(local)).collect(),
    };
    let mut fast: Vec<bool> = vertices.iter().map(|&v| fast[v as usize]).collect();
    let whole = Bvh::build(&block, monitor)?;
    for aim in AIMS {
        monitor.check()?;
        let triangles = collapse(&block, &fast, aim * tolerance);
        let few = TriMesh { triangles, positions: block.positions.clone() };
        monitor.check()?;
        let mut far = too_far(&block, &whole, &few, tolerance, monitor)?;
        far.sort_unstable();
        far.dedup();
        if far.is_empty() {
            return Ok(few.triangles.iter().map(|t| t.map(|v| vertices[v as usize])).collect());
        }
        // Many are a sign of too high an aim; holding them all would leave more than a lower one.
        if far.len() * 50 < vertices.len() || aim <= LOW_AIM {
            far.iter().for_each(|&v| fast[v as usize] = true);
        }
    }
    Ok(which.iter().map(|&t| mesh.triangles[t as usize]).collect())
}

/// The library's reduction. Its error is a mean over the planes around a vertex, hence the measuring afterwards.
fn collapse(block: &TriMesh, fast: &[bool], tolerance: f64) -> Vec<[u32; 3]> {
    let bytes: &[u8] = bytemuck::cast_slice(&block.positions);
    let adapter = VertexDataAdapter::new(bytes, 12, 0).expect("three floats are twelve bytes");
    let indices = block.triangles.as_flattened();
    let few = simplify_with_locks(
        indices,
        &adapter,
        fast,
        0,
        tolerance as f32,
        SimplifyOptions::ErrorAbsolute,
        None,
    );
    few.as_chunks::<3>().0.to_vec()
}

/// Vertices of `block` to hold fast since `few` is more than `tolerance` away from it around there.
fn too_far(
    block: &TriMesh,
    whole: &Bvh,
    few: &TriMesh,
    tolerance: f64,
    monitor: &Monitor,
) -> Result<Vec<u32>, Cancelled> {
    let tree = Bvh::build(few, monitor)?;
    let reach = tolerance as f32;
    let lost = (0..block.positions.len() as u32)
        .into_par_iter()
        .filter(|&v| !tree.within(block.positions[v as usize], reach));
    let mut far: Vec<u32> = lost.collect();
    monitor.check()?;
    // Corners are vertices of the block; elsewhere the result may bridge what it should follow.
    let bridged = (0..few.triangles.len()).into_par_iter().flat_map_iter(|t| {
        let [a, b, c] = few.corners(t);
        let middle = |p: [f32; 3], q: [f32; 3]| [0, 1, 2].map(|k| 0.5 * (p[k] + q[k]));
        let centre = [0, 1, 2].map(|k| (a[k] + b[k] + c[k]) / 3.0);
        [middle(a, b), middle(b, c), middle(c, a), centre].into_iter().filter_map(|p| {
            let near = whole.within(p, reach);
            if near { None } else { whole.closest(p).map(|c| c.triangle) }
        })
    });
    let bridged: Vec<u32> = bridged.collect();
    far.extend(bridged.iter().flat_map(|&t| block.triangles[t as usize]));
    Ok(far)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{bumpy_sphere, cuboid, joined, torus};

    #[test]
    fn blocks_leave_no_seam() {
        let mesh = bumpy_sphere(120, 240, 10.0, 0.05);
        let (before, tolerance) = (mesh.triangles.len(), 0.05);
        for size in [before / 3, before / 20, 500] {
            let few = in_blocks(mesh.clone(), tolerance, size, &Monitor::none()).unwrap();
            assert!(has_two_sides(&few, &Monitor::none()).unwrap(), "blocks of {size}");
            assert!(few.triangles.len() * 2 < before, "blocks of {size} leave {}", few.triangles.len());
        }
    }

    #[test]
    fn every_triangle_is_in_one_block() {
        let mesh = joined(&torus(40, 30, 10.0, 3.0), &cuboid([30.0; 3], [31.0; 3]));
        for (size, shift) in [(usize::MAX, 0.0), (100, 0.0), (100, 0.5), (1, 0.5)] {
            let blocks = Blocks::of(&mesh, size, shift);
            let mut all: Vec<u32> = (0..blocks.count()).flat_map(|b| blocks.triangles(b)).copied().collect();
            all.sort_unstable();
            assert!(all.iter().copied().eq(0..mesh.triangles.len() as u32));
        }
    }
}
