//! The surface of what a closed mesh encloses: the boundary of the points whose winding number is at least one half.
//!
//! Where parts of a mesh overlap or touch, some of its faces have the inside on both sides. These are no surface. Triangles
//! are cut where they meet others, each piece is asked for the winding number on its two sides, and only pieces with the
//! inside on one side and the outside on the other are kept, once.
//!
//! # Promises
//! Exact: the mesh is taken to an integer lattice of 2²⁷ places along its longest extent, everything from there on is decided
//! without rounding. What is kept is closed. Positions that are new are rounded to `f32` in the end.
//! The result depends on the mesh alone.
//!
//! # Sources
//! Exact sides and points of planes: P. Trettner, J. Nehring-Wirxel, L. Kobbelt, "EMBER: exact mesh booleans via efficient and
//! robust local arrangements", 2022, §3. Arrangement, then winding numbers: Q. Zhou, E. Grinspun, D. Zorin, A. Jacobson,
//! "Mesh arrangements for solid geometry", 2016, §3.

mod contact;
mod cuts;
mod exact;
mod lattice;
mod planar;
mod shells;
mod sides;

use crate::bvh::Bvh;
use crate::mesh::TriMesh;
use crate::monitor::{Cancelled, Monitor};
use lattice::Lattice;
pub(crate) use shells::{Shells, cut_groups, lies_within};
use sides::Kept;

/// Contacts that are allowed where nobody says otherwise.
pub const MAX_CONTACTS: u64 = 1_000_000;
/// Memory that a contact takes at most while parts are united.
pub const BYTES_PER_CONTACT: u64 = 1536;

/// The surface of a mesh that has faces inside.
#[derive(Clone, Debug)]
pub struct Outer {
    /// Its triangles; closed where the mesh was.
    pub mesh: TriMesh,
    /// For each of its triangles the one of the mesh that it is a piece of.
    pub sources: Vec<u32>,
    /// Triangles of the mesh that were cut.
    pub cut: usize,
    /// Pieces that are not on the surface.
    pub dropped: usize,
}

/// What was found about the faces of a mesh.
#[derive(Clone, Debug)]
pub enum Faces {
    /// All are on the surface.
    AllOuter,
    /// Some are not.
    SomeInner(Outer),
    /// Triangles touch each other more often than was allowed, and it was not looked further.
    TooMany,
}

/// The surface of a closed mesh (at every edge as many triangles run one way as the other), with its hierarchy. A mesh whose signed volume is
/// negative is taken the other way round. At most `max_contacts` contacts of two triangles are looked at.
///
/// Memory: up to 500 bytes per triangle and [`BYTES_PER_CONTACT`] for every contact while it works.
pub fn outer(mesh: &TriMesh, bvh: &Bvh, max_contacts: u64, monitor: &Monitor) -> Result<Faces, Cancelled> {
    let Some(lattice) = Lattice::of(mesh) else { return Ok(Faces::AllOuter) };
    monitor.check()?;
    let Some(arrangement) = cuts::arrange(&lattice, bvh, max_contacts, &monitor.part(0.1, 0.7))? else {
        return Ok(Faces::TooMany);
    };
    let orientation = if mesh.signed_volume() < 0.0 { -1 } else { 1 };
    let kept = sides::kept(&lattice, bvh, &arrangement, orientation, &monitor.part(0.7, 0.95))?;
    if kept.dropped == 0 {
        return Ok(Faces::AllOuter);
    }
    let mut number = std::collections::HashMap::new();
    let mut out = TriMesh::default();
    for corners in &kept.triangles {
        let corners = corners.map(|id| {
            *number.entry(id).or_insert_with(|| {
                out.positions.push(position(mesh, &lattice, &arrangement, id));
                out.positions.len() as u32 - 1
            })
        });
        out.triangles.push(corners);
    }
    monitor.progress(1.0);
    let Kept { sources, dropped, .. } = kept;
    Ok(Faces::SomeInner(Outer { mesh: out, sources, cut: arrangement.cut, dropped }))
}

fn position(mesh: &TriMesh, lattice: &Lattice, arrangement: &cuts::Arrangement<'_>, id: u32) -> [f32; 3] {
    if (id as usize) < lattice.vertices.len() {
        return lattice.position(mesh, id);
    }
    let at = arrangement.points.get(id).approximate();
    std::array::from_fn(|a| lattice.grid.model(a, at[a]) as f32)
}

#[cfg(test)]
mod tests;
