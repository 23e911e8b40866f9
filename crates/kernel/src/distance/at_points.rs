//! The signed distance of a mesh at points anywhere.
//!
//! # Promises
//! Exact to `f32` rounding, Lipschitz 1 away from it. The sign is that of [`FromMesh::sample`](super::FromMesh::sample): inside
//! is where the generalised winding number is above one half; a mesh of negative volume counts as inside out. Faces that have the
//! inside on both sides do not count.
//! Where a mesh is open, signs differ only where the winding number is within 0.02 of one half.
//! Each value depends on its point alone: same bits for any block.
//!
//! # Source
//! Winding number: A. Jacobson et al., "Robust Inside-Outside Segmentation using Generalized Winding Numbers", 2013, §4.

use super::sign::Signs;
use super::surface::FaceNote;
use super::unite::lines;
use crate::bvh::Bvh;
use crate::bvh::winding::WindingNumber;
use crate::mesh::TriMesh;
use crate::monitor::{Cancelled, Monitor};
use std::borrow::Cow;

/// A mesh prepared for signed distances at points.
#[derive(Clone, Debug)]
pub struct MeshDistance {
    winding: WindingNumber,
    /// The hierarchy of the surface, where the mesh has faces inside it.
    outer: Option<Bvh>,
    notes: Vec<FaceNote>,
    /// No open edge: the winding number changes at the surface only.
    closed: bool,
    /// −1 when the mesh is inside out.
    orientation: f64,
}

impl MeshDistance {
    /// Prepares `mesh` with its hierarchy. Memory: about 250 bytes per triangle, more where parts overlap ([`crate::outer::outer`]).
    pub fn build(
        mesh: &TriMesh,
        bvh: Bvh,
        max_contacts: u64,
        monitor: &Monitor,
    ) -> Result<MeshDistance, Cancelled> {
        let (signs, surface) = Signs::of(mesh, &lines(mesh), monitor)?;
        let (outer, notes) = surface.outer(&bvh, signs.overlap(), max_contacts, monitor)?;
        let outer = outer.map(|mesh| Bvh::build(&mesh, monitor)).transpose()?;
        let bvh = match &surface.mesh {
            Cow::Borrowed(_) => bvh,
            Cow::Owned(mended) => bvh.turned_as(mended),
        };
        let winding = WindingNumber::of(bvh);
        monitor.check()?;
        let orientation = f64::from(surface.orientation);
        Ok(MeshDistance { winding, outer, notes, closed: surface.is_closed(), orientation })
    }

    /// The hierarchy.
    pub fn bvh(&self) -> &Bvh {
        self.winding.bvh()
    }

    /// The hierarchy of the surface alone, where the mesh has faces inside it.
    pub fn surface(&self) -> Option<&Bvh> {
        self.outer.as_ref()
    }

    /// What is to be said about the faces.
    pub fn notes(&self) -> &[FaceNote] {
        &self.notes
    }

    /// The signed distance at each point, mm, negative inside; +∞ for a mesh without triangles.
    pub fn sample(&self, x: &[f32], y: &[f32], z: &[f32], out: &mut [f32]) {
        // Whether the last point asked was inside, and where it was.
        let mut known: Option<([f32; 3], bool)> = None;
        let bvh = self.surface().unwrap_or(self.bvh());
        for (i, out) in out.iter_mut().enumerate() {
            let p = [x[i], y[i], z[i]];
            let Some(closest) = bvh.closest(p) else {
                *out = f32::INFINITY;
                continue;
            };
            let d = closest.distance;
            // Both within half the distance to the surface: it cannot pass between them. Only points well away from
            // the surface take their sign from a neighbour, so that rounding cannot tell one from the other.
            let same = known.filter(|(q, _)| {
                let apart2 = (0..3).map(|a| (p[a] - q[a]) * (p[a] - q[a])).sum::<f32>();
                self.closed && apart2 < 0.25 * d * d
            });
            let inside = match same {
                Some((_, inside)) => inside,
                None => {
                    let inside = self.winding.at(p.map(f64::from)) * self.orientation > 0.5;
                    known = Some((p, inside));
                    inside
                }
            };
            *out = if inside { -d } else { d };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::{FromMesh, NARROW_BAND_CELLS, Reach};
    use crate::patch::Patch;
    use crate::testing::{Rng, bumpy_sphere, cuboid, distance_oracle, joined, winding_oracle};

    fn sampled(mesh: &TriMesh, p: &[Vec<f32>; 3]) -> Vec<f32> {
        let bvh = Bvh::build(mesh, &Monitor::none()).unwrap();
        let d = MeshDistance::build(mesh, bvh, crate::outer::MAX_CONTACTS, &Monitor::none()).unwrap();
        let mut out = vec![0.0; p[0].len()];
        d.sample(&p[0], &p[1], &p[2], &mut out);
        let mut again = vec![0.0; p[0].len()];
        for (i, o) in again.iter_mut().enumerate() {
            d.sample(&p[0][i..=i], &p[1][i..=i], &p[2][i..=i], std::slice::from_mut(o));
        }
        assert!(out == again, "blocks change the result");
        out
    }

    #[test]
    fn agrees_with_the_grid_sampler() {
        let overlapping =
            joined(&cuboid([0.0; 3], [2.0, 1.0, 1.0]), &cuboid([1.0, 0.25, 0.25], [3.0, 0.75, 0.75]));
        let mut turned = bumpy_sphere(20, 40, 10.0, 0.2);
        turned.triangles.iter_mut().for_each(|t| t.swap(1, 2));
        for mesh in [bumpy_sphere(20, 40, 10.0, 0.2), overlapping, turned] {
            let patch = Patch::around(&mesh.bounds(), 26, 3).unwrap();
            let bvh = Bvh::build(&mesh, &Monitor::none()).unwrap();
            let grid =
                FromMesh::new(&mesh, &bvh).sample(&patch, Reach::Everywhere, &Monitor::none()).unwrap();
            let [nx, ny, _] = patch.resolution();
            let at = |i: usize| {
                let i = i as u32;
                patch.position([i % nx, i / nx % ny, i / nx / ny])
            };
            let p = [0, 1, 2].map(|a| (0..grid.len()).map(|i| at(i)[a] as f32).collect());
            let h = patch.spacing()[0] as f32;
            for (i, (a, b)) in sampled(&mesh, &p).iter().zip(&grid).enumerate() {
                let near = b.abs() < NARROW_BAND_CELLS as f32 * h;
                let allowed = if near { 1e-4 * h } else { 0.26 * h };
                assert!((a - b).abs() < allowed, "sample {i}: {a} and {b} on the grid");
            }
        }
    }

    #[test]
    fn agrees_with_brute_force_also_on_an_open_mesh() {
        let mut mesh = bumpy_sphere(20, 40, 10.0, 0.2);
        mesh.triangles.truncate(600);
        let mut rng = Rng::new(2);
        let p = std::array::from_fn(|_| (0..800).map(|_| (30.0 * rng.unit() - 15.0) as f32).collect());
        for (i, d) in sampled(&mesh, &p).into_iter().enumerate() {
            let q = [0, 1, 2].map(|a| f64::from(p[a][i]));
            let (exact, winding) = (distance_oracle(q, &mesh), winding_oracle(q, &mesh));
            assert!((f64::from(d.abs()) - exact).abs() < 1e-5);
            assert!((winding - 0.5).abs() < 0.02 || (winding > 0.5) == (d < 0.0), "{q:?}: {d}, {winding}");
        }
    }
}
