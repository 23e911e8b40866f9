//! Preprocessing: weld, drop degenerate and duplicate triangles, orient, fill small holes, unite overlapping parts, centre, report.
//!
//! A mesh that has none of these faults comes out bit for bit as it went in, less vertices that nothing uses.
//! Equal input gives equal output for any number of threads.

use super::first_equal::{first_equal, mix};
use super::holes::{self, HoleLimits};
use super::orient::{self, Patches};
use super::report::Report;
use super::topology::Edges;
use super::tri_mesh::{area_of, determinant_of};
use super::{TriMesh, weld};
use crate::aabb::Aabb;
use crate::distance::united;
use crate::monitor::{Cancelled, Monitor};
use crate::outer::{MAX_CONTACTS, Shells};
use crate::union_find::{Numbering, alone, unite_corners};
use crate::vector::{determinant, sub};
use rayon::prelude::*;

/// The weld tolerance as a part of the diagonal, when none is given.
pub const RELATIVE_WELD_TOLERANCE: f64 = 1e-6;

/// What comes to lie at the origin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Center {
    /// What lies there already.
    #[default]
    None,
    /// The middle of the bounding box.
    BoundingBox,
    /// The centre of mass: of the volume when watertight, else of the surface.
    Centroid,
}

/// How to preprocess.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preprocess {
    /// What comes to lie at the origin.
    pub center: Center,
    /// Distance within which vertices become one, model units; [`RELATIVE_WELD_TOLERANCE`] if absent.
    pub weld_tolerance: Option<f64>,
    /// Which holes are filled.
    pub holes: HoleLimits,
    /// How often triangles may touch each other where parts overlap; beyond, these are not united and the report says so.
    pub max_contacts: u64,
}

impl Default for Preprocess {
    fn default() -> Self {
        let holes = HoleLimits::default();
        Preprocess { center: Center::None, weld_tolerance: None, holes, max_contacts: MAX_CONTACTS }
    }
}

/// Repairs `mesh`. The result may have no triangles when the tolerance swallows all of them.
pub fn preprocess(
    mut mesh: TriMesh,
    options: &Preprocess,
    monitor: &Monitor,
) -> Result<(TriMesh, Report), Cancelled> {
    let before = mesh.positions.len();
    let tolerance =
        options.weld_tolerance.unwrap_or_else(|| RELATIVE_WELD_TOLERANCE * mesh.bounds().diagonal());
    let vertices_welded = weld::weld(&mut mesh, tolerance, monitor)?;
    monitor.progress(0.3);
    let lost = lost_parts(&mesh, monitor)?;
    let (degenerate_dropped, duplicates_dropped) = drop_idle(&mut mesh, monitor)?;
    let vertices_unused = before - vertices_welded - mesh.positions.len();
    monitor.progress(0.45);

    let mut edges = Edges::of(&mesh, monitor)?;
    monitor.progress(0.65);
    let (mut patches, mut turned) = orient::agree(&mut mesh, &mut edges, monitor)?;
    let triangles = mesh.triangles.len();
    let holes_filled = holes::fill(&mut mesh, &edges, &mut patches, &options.holes, monitor)?;
    let triangles_added = mesh.triangles.len() - triangles;
    if holes_filled > 0 {
        edges = Edges::of(&mesh, monitor)?;
        turned.resize(mesh.triangles.len(), false);
    }
    monitor.progress(0.8);
    patches.face_outward(&mut mesh, &edges, &mut turned, monitor)?;
    let triangles_flipped = turned[..triangles].iter().filter(|&&t| t).count();
    let shells = patches.is_closed(&edges).then(|| Shells::closed(&patches.of, patches.count));
    let (union, notes) = united(&mesh, shells, options.max_contacts, &monitor.part(0.85, 1.0))?;
    if let Some(union) = union {
        (mesh, edges, patches) = joined(union, monitor)?;
    }
    let counts = edges.counts;
    let components = patches.components(&edges);
    let conflicting_edges = patches.conflicts;
    let watertight = patches.is_closed(&edges);
    drop((edges, patches, turned));

    let translation = translate(&mut mesh, options.center, watertight);
    monitor.check()?;
    let Measures { volume, area, zero_area, bounds } = measures(&mesh);
    let report = Report {
        vertices_welded,
        vertices_unused,
        degenerate_dropped,
        parts_lost: lost.len(),
        lost_at: lost.first().copied(),
        duplicates_dropped,
        triangles_flipped,
        holes_filled,
        triangles_added,
        zero_area,
        watertight,
        components,
        boundary_edges: counts.border,
        nonmanifold_edges: counts.branching,
        conflicting_edges,
        vertices: mesh.positions.len(),
        triangles: mesh.triangles.len(),
        weld_tolerance: tolerance,
        translation,
        bounds: if mesh.triangles.is_empty() { Aabb { min: [0.0; 3], max: [0.0; 3] } } else { bounds },
        volume,
        area,
        faces: notes,
    };
    monitor.progress(1.0);
    Ok((mesh, report))
}

/// What all triangles of a mesh add up to.
struct Measures {
    volume: f64,
    area: f64,
    /// Triangles without area.
    zero_area: usize,
    bounds: Aabb,
}

/// In one pass: the corners are far apart in memory.
fn measures(mesh: &TriMesh) -> Measures {
    // Adding to −0 changes nothing.
    let mut sum = Measures { volume: -0.0, area: -0.0, zero_area: 0, bounds: Aabb::EMPTY };
    for t in 0..mesh.triangles.len() {
        let corners = mesh.corners(t);
        let area = area_of(corners);
        sum.volume += determinant_of(corners);
        sum.area += area;
        sum.zero_area += usize::from(area == 0.0);
        corners.into_iter().for_each(|p| sum.bounds.grow(p));
    }
    sum.volume /= 6.0;
    sum
}

/// Drops triangles without extent, those that are there twice, and corners that nobody uses then; how many of the first two.
fn drop_idle(mesh: &mut TriMesh, monitor: &Monitor) -> Result<(usize, usize), Cancelled> {
    let degenerate = drop_degenerate(mesh);
    let duplicates = drop_duplicates(mesh, monitor)?;
    if degenerate + duplicates > 0 {
        weld::drop_unused(mesh);
    }
    Ok((degenerate, duplicates))
}

/// The union with what is known of its edges.
fn joined(mut mesh: TriMesh, monitor: &Monitor) -> Result<(TriMesh, Edges, Patches), Cancelled> {
    let mut edges = Edges::of(&mesh, monitor)?;
    let patches = orient::agree(&mut mesh, &mut edges, monitor)?.0;
    Ok((mesh, edges, patches))
}

/// A vertex of each part, as it hangs together over vertices, of which every triangle has a repeated vertex.
fn lost_parts(mesh: &TriMesh, monitor: &Monitor) -> Result<Vec<[f32; 3]>, Cancelled> {
    if !mesh.triangles.par_iter().any(is_degenerate) {
        return Ok(Vec::new());
    }
    let mut parent = alone(mesh.positions.len());
    unite_corners(&mut parent, &mesh.triangles, monitor)?;
    let mut numbers = Numbering::new(mesh.positions.len());
    let mut parts: Vec<(u32, bool)> = Vec::new();
    for triangle in &mesh.triangles {
        let (part, is_new) = numbers.of(&mut parent, triangle[0]);
        if is_new {
            parts.push((triangle[0], true));
        }
        parts[part].1 &= is_degenerate(triangle);
    }
    let lost = parts.into_iter().filter(|(_, is_lost)| *is_lost);
    Ok(lost.map(|(vertex, _)| mesh.positions[vertex as usize]).collect())
}

fn is_degenerate([a, b, c]: &[u32; 3]) -> bool {
    a == b || b == c || c == a
}

/// Only triangles with a repeated vertex go. One with three vertices in a line keeps its neighbours together.
fn drop_degenerate(mesh: &mut TriMesh) -> usize {
    let before = mesh.triangles.len();
    mesh.triangles.retain(|t| !is_degenerate(t));
    before - mesh.triangles.len()
}

/// Of triangles with the same corners the first stays. But a patch of such pairs whose whole rim hangs together without it is where two parts
/// lie on each other: there all stay, so that both parts stay closed.
fn drop_duplicates(mesh: &mut TriMesh, monitor: &Monitor) -> Result<usize, Cancelled> {
    let triangles = &mesh.triangles;
    let key = |t: usize| {
        let mut key = triangles[t];
        key.sort_unstable();
        key
    };
    let hash = |k: &[u32; 3]| mix(mix(0, u64::from(k[0]) << 32 | u64::from(k[1])), u64::from(k[2]));
    let first = first_equal(triangles.len(), key, hash, monitor)?;
    let before = mesh.triangles.len();
    let repeated: Vec<u32> = (0..before as u32).filter(|&t| first[t as usize] != t).collect();
    if repeated.is_empty() {
        return Ok(0);
    }
    let shared = shared_walls(mesh, &first, &repeated, monitor)?;
    let mut t = 0;
    mesh.triangles.retain(|_| {
        t += 1;
        first[t - 1] as usize == t - 1 || shared[first[t - 1] as usize]
    });
    Ok(before - mesh.triangles.len())
}

/// For each triangle whether it is the first of those that two parts have there.
fn shared_walls(
    mesh: &TriMesh,
    first: &[u32],
    repeated: &[u32],
    monitor: &Monitor,
) -> Result<Vec<bool>, Cancelled> {
    let edges = Edges::of(mesh, monitor)?;
    let mut copies = vec![1u32; first.len()];
    for &t in repeated {
        copies[first[t as usize] as usize] += 1;
        copies[t as usize] = 0;
    }
    let mut wall = vec![false; first.len()];
    let mut seen = vec![false; first.len()];
    for &t in repeated {
        let seed = first[t as usize];
        if std::mem::replace(&mut seen[seed as usize], true) {
            continue;
        }
        let (mut patch, mut at) = (vec![seed], 0);
        let (mut rims, mut even) = (0, true);
        while at < patch.len() {
            let corners = mesh.triangles[patch[at] as usize];
            even &= copies[patch[at] as usize].is_multiple_of(2);
            at += 1;
            for k in 0..3 {
                let around = edges.between(corners[k], corners[(k + 1) % 3]);
                let firsts = around.iter().map(|&(_, h)| first[h as usize / 3]);
                let single = firsts.clone().filter(|&f| copies[f as usize] == 1).count();
                rims += usize::from(single > 0);
                even &= single % 2 == 0;
                for f in firsts.filter(|&f| copies[f as usize] > 1) {
                    if !std::mem::replace(&mut seen[f as usize], true) {
                        patch.push(f);
                    }
                }
            }
        }
        let is_wall = rims > 0 && even;
        patch.iter().for_each(|&t| wall[t as usize] = is_wall);
    }
    Ok(wall)
}

fn translate(mesh: &mut TriMesh, center: Center, watertight: bool) -> [f64; 3] {
    let middle = match center {
        _ if mesh.triangles.is_empty() => return [0.0; 3],
        Center::None => return [0.0; 3],
        Center::BoundingBox => {
            let b = mesh.bounds();
            std::array::from_fn(|k| 0.5 * (f64::from(b.min[k]) + f64::from(b.max[k])))
        }
        Center::Centroid => centroid(mesh, watertight),
    };
    mesh.positions.par_iter_mut().for_each(|p| {
        *p = std::array::from_fn(|k| (f64::from(p[k]) - middle[k]) as f32);
    });
    middle.map(|m| 0.0 - m)
}

/// Centre of mass of the enclosed volume, or of the surface when it encloses none.
fn centroid(mesh: &TriMesh, watertight: bool) -> [f64; 3] {
    let o = mesh.corners(0)[0].map(f64::from);
    let (mut volume, mut by_volume) = (0.0, [0.0; 3]);
    let (mut area, mut by_area) = (0.0, [0.0; 3]);
    for t in 0..mesh.triangles.len() {
        let corners = mesh.corners(t);
        let [a, b, c] = corners.map(|q| sub(q.map(f64::from), o));
        let v = determinant(a, b, c);
        let s = area_of(corners);
        volume += v;
        area += s;
        for k in 0..3 {
            let sum = a[k] + b[k] + c[k];
            by_volume[k] += v * sum / 4.0;
            by_area[k] += s * sum / 3.0;
        }
    }
    std::array::from_fn(|k| {
        o[k] + match (watertight && volume > 0.0, area > 0.0) {
            (true, _) => by_volume[k] / volume,
            (false, true) => by_area[k] / area,
            (false, false) => 0.0,
        }
    })
}
