//! Samples the signed distance to a mesh on a whole grid.
//!
//! Near the mesh distances come brick by brick from `packet`, signs row by row from `sign`; the two
//! know nothing of each other. What is far away `far` puts in afterwards.

use super::brick::{BRICK, Beam, beams};
use super::far::{self, Far};
use super::packet::{Accuracy, Brick};
use super::sign::Signs;
use super::surface::FaceNote;
use crate::bvh::Bvh;
use crate::mesh::TriMesh;
use crate::monitor::{Cancelled, Monitor};
use crate::outer::MAX_CONTACTS;
use crate::patch::Patch;
use crate::simd::Level;
use rayon::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Within this many cells of the mesh every sample is exact.
pub const NARROW_BAND_CELLS: f64 = 3.0;
/// Beyond the narrow band a sample is at most this many cells too far.
pub const FAR_TOLERANCE_CELLS: f64 = 0.15;
/// A mesh of fewer triangles is walked everywhere, which finds the closest one of nearly all samples.
const FEW_TRIANGLES: usize = 500;
/// So is any mesh on a grid of fewer samples: sites, of which each triangle has some, would cost more than they save.
const FEW_SAMPLES: u64 = 200_000;

/// How far from the mesh distances are worked out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reach {
    /// Everywhere: exact to `f32` rounding in the narrow band, beyond it never too small and at most
    /// [`FAR_TOLERANCE_CELLS`] too large.
    Everywhere,
    /// Exact up to this distance (model units); what is farther gets ± this value.
    Band(f64),
}

/// A mesh to be sampled.
#[derive(Clone, Copy)]
pub struct FromMesh<'a> {
    /// The triangles. Faces may be missing, overlap or repeat; see [`FromMesh::sample`] for the sign.
    pub mesh: &'a TriMesh,
    /// Their hierarchy.
    pub bvh: &'a Bvh,
    /// The hierarchy of the surface alone, if it is known that there are faces inside it.
    pub surface: Option<&'a Bvh>,
    /// How often triangles may touch each other where parts overlap ([`crate::outer::outer`]).
    pub max_contacts: u64,
    /// On a grid of fewer samples what is far is walked to, too, which gives other bits within the same bound.
    pub walk_below: u64,
    /// SIMD level; all give the same bits.
    pub level: Level,
}

impl<'a> FromMesh<'a> {
    /// At the widest SIMD level of this processor.
    pub fn new(mesh: &'a TriMesh, bvh: &'a Bvh) -> Self {
        FromMesh {
            mesh,
            bvh,
            surface: None,
            max_contacts: MAX_CONTACTS,
            walk_below: FEW_SAMPLES,
            level: Level::detect(),
        }
    }

    /// The signed distance at every sample of `patch`, x fastest, model units, negative inside.
    ///
    /// Inside is where the generalised winding number is above one half (Jacobson et al. 2013), which for a
    /// closed mesh is the usual inside, counts overlapping parts once, and closes holes smoothly. A mesh
    /// whose signed volume is negative counts as turned inside out and is taken the other way round. A mesh that is closed but
    /// for triangles or shells that face the wrong way is taken as if they did not.
    ///
    /// The distance is that to the surface of the inside: faces of a closed mesh that have the inside on both sides, where parts
    /// overlap or touch, do not count ([`crate::outer`]). A single shell that goes through itself is noticed where a line of samples
    /// along x crosses the overlap. Faces of open meshes all count.
    ///
    /// The result depends on the arguments alone: not on threads, not on the SIMD level. Memory: 4 bytes a sample and
    /// [`FromMesh::far_memory_bytes`].
    pub fn sample(&self, patch: &Patch, reach: Reach, monitor: &Monitor) -> Result<Vec<f32>, Cancelled> {
        Ok(self.sample_noting(patch, reach, monitor)?.0)
    }

    /// Upper bound of the memory that distances everywhere take besides samples and mesh.
    pub fn far_memory_bytes(samples: u64, triangles: u64) -> u64 {
        far::memory_bytes(samples, triangles)
    }

    /// As [`FromMesh::sample`], and what is to be said about the faces.
    pub fn sample_noting(
        &self,
        patch: &Patch,
        reach: Reach,
        monitor: &Monitor,
    ) -> Result<(Vec<f32>, Vec<FaceNote>), Cancelled> {
        let (signs, surface) = Signs::of(self.mesh, patch, &monitor.part(0.0, 0.05))?;
        let (outer, notes) = match self.surface {
            Some(_) => (None, Vec::new()),
            None => surface.outer(self.bvh, signs.overlap(), self.max_contacts, monitor)?,
        };
        drop(surface);
        let outer = outer.map(|mesh| Bvh::build(&mesh, monitor)).transpose()?;
        let bvh = outer.as_ref().or(self.surface).unwrap_or(self.bvh);
        let [nx, ny, nz] = patch.resolution().map(|n| n as usize);
        let cell = finest(patch);
        let far = match reach {
            Reach::Everywhere
                if bvh.triangle_count() >= FEW_TRIANGLES && patch.sample_count() >= self.walk_below =>
            {
                Far::of(bvh, patch, [NARROW_BAND_CELLS, FAR_TOLERANCE_CELLS * 0.98, cell], monitor)?
            }
            _ => None,
        };
        let mut samples = vec![0.0f32; nx * ny * nz];
        let accuracy = accuracy(cell, reach, far.is_some());
        let walked = if far.is_some() { 0.4 } else { 1.0 };
        self.walk(bvh, &signs, patch, accuracy, &mut samples, &monitor.part(0.05, walked))?;
        if let Some(far) = far {
            // What the walk gives to samples it found nothing for.
            let beyond = (accuracy.reach * accuracy.reach).sqrt();
            far.fill(self.level, &mut samples, beyond, &monitor.part(walked, 1.0))?;
        }
        Ok((samples, notes))
    }

    /// Signed distances of all samples by walking the hierarchy.
    fn walk(
        &self,
        bvh: &Bvh,
        signs: &Signs,
        patch: &Patch,
        accuracy: Accuracy,
        samples: &mut [f32],
        distances: &Monitor,
    ) -> Result<(), Cancelled> {
        let beams = beams(samples, patch.resolution().map(|n| n as usize), BRICK);
        let (total, done) = (beams.len(), AtomicUsize::new(0));
        beams.into_par_iter().try_for_each_init(
            || Brick::new(patch.spacing(), accuracy),
            |brick, mut beam| {
                distances.check()?;
                self.fill(bvh, brick, patch, &mut beam);
                signs.apply(patch, &mut beam);
                let count = done.fetch_add(1, Ordering::Relaxed) + 1;
                if count.is_multiple_of(16) {
                    distances.progress(count as f32 / total as f32);
                }
                Ok(())
            },
        )
    }

    /// Unsigned distances along one beam of bricks.
    fn fill(&self, bvh: &Bvh, brick: &mut Brick, patch: &Patch, beam: &mut Beam) {
        let nx = patch.resolution()[0] as usize;
        let rows = [beam.planes[0].len() / nx, beam.planes.len()];
        for x in (0..nx).step_by(BRICK) {
            let width = BRICK.min(nx - x);
            let first = patch.position([x as u32, beam.y, beam.z]);
            brick.fill(self.level, bvh, first, [width, rows[0], rows[1]], x > 0);
            for (z, plane) in beam.planes.iter_mut().enumerate() {
                for (y, row) in plane.chunks_mut(nx).enumerate() {
                    let (row, found) = (&mut row[x..x + width], brick.row(y, z));
                    match <&mut [f32; BRICK]>::try_from(&mut *row) {
                        // Not as many as there happen to be: that would be a call for every eight.
                        Ok(row) => row.copy_from_slice(&found[..BRICK]),
                        Err(_) => row.copy_from_slice(&found[..width]),
                    }
                }
            }
        }
    }
}

/// The finest spacing.
fn finest(patch: &Patch) -> f64 {
    let cell = patch.spacing().into_iter().filter(|h| *h > 0.0).fold(f64::INFINITY, f64::min);
    if cell.is_finite() { cell } else { 1.0 }
}

/// What a walk has to find; `near`: only what is not far.
fn accuracy(cell: f64, reach: Reach, near: bool) -> Accuracy {
    // A hair more than promised, so that rounding cannot put a sample just outside it.
    let band = (cell * NARROW_BAND_CELLS * 1.001) as f32;
    match reach {
        Reach::Everywhere if near => Accuracy { band, tolerance: 0.0, reach: band },
        Reach::Everywhere => {
            Accuracy { band, tolerance: (cell * FAR_TOLERANCE_CELLS) as f32, reach: f32::INFINITY }
        }
        Reach::Band(width) => Accuracy { band: width as f32, tolerance: 0.0, reach: width as f32 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Rng, bumpy_sphere, cuboid, distance_oracle, joined, torus, winding_oracle};

    /// Worst errors of a field against brute force, in cells.
    #[derive(Debug, Default)]
    struct Errors {
        near: f64,
        far_above: f64,
        far_below: f64,
        signs: usize,
    }

    /// Samples `mesh` and compares `count` random samples with distances from `surface` and with signs, where the winding number
    /// leaves no doubt, of `solid`.
    fn errors(mesh: &TriMesh, [surface, solid]: [&TriMesh; 2], resolution: u32, count: usize) -> Errors {
        let patch = Patch::around(&mesh.bounds(), resolution, 5).unwrap();
        let bvh = Bvh::build(mesh, &Monitor::none()).unwrap();
        let field = FromMesh::new(mesh, &bvh).sample(&patch, Reach::Everywhere, &Monitor::none()).unwrap();
        let (h, [nx, ny, nz]) = (patch.spacing()[0], patch.resolution());
        let mut rng = Rng::new(u64::from(resolution));
        let mut e = Errors::default();
        for _ in 0..count {
            let i = [nx, ny, nz].map(|n| rng.below(n as usize) as u32);
            let got = f64::from(field[((i[2] * ny + i[1]) * nx + i[0]) as usize]);
            let p = patch.position(i);
            let (exact, winding) = (distance_oracle(p, surface), winding_oracle(p, solid));
            let excess = (got.abs() - exact) / h;
            if exact <= NARROW_BAND_CELLS * h {
                e.near = e.near.max(excess.abs());
            } else {
                e.far_above = e.far_above.max(excess);
                e.far_below = e.far_below.max(-excess);
            }
            let doubt = (winding - 0.5).abs() < 0.02 || exact < 1e-5 * h;
            e.signs += usize::from(!doubt && (winding > 0.5) != (got < 0.0));
        }
        e
    }

    fn check(mesh: &TriMesh, resolution: u32) {
        check_against(mesh, [mesh, mesh], resolution);
    }

    fn check_against(mesh: &TriMesh, oracles: [&TriMesh; 2], resolution: u32) {
        let e = errors(mesh, oracles, resolution, 3000);
        assert!(
            e.near < 1e-4 && e.far_below < 1e-4 && e.far_above < FAR_TOLERANCE_CELLS && e.signs == 0,
            "{resolution}: {e:?}"
        );
    }

    #[test]
    fn closed_meshes_agree_with_brute_force() {
        let ball = bumpy_sphere(24, 48, 10.0, 0.2);
        for resolution in [16, 33, 64] {
            check(&ball, resolution);
            check(&torus(40, 20, 8.0, 2.5), resolution);
            // Boxes aligned with the grid: lines run along faces, edges and through vertices.
            check(&cuboid([0.0; 3], [1.0, 1.0, 1.0]), resolution);
            let overlapping =
                joined(&cuboid([0.0; 3], [2.0, 1.0, 1.0]), &cuboid([1.0, 0.25, 0.25], [3.0, 0.75, 0.75]));
            check_against(&overlapping, [&bar_through_a_wall(), &overlapping], resolution);
        }
    }

    #[test]
    fn broken_meshes_get_the_sign_of_the_winding_number() {
        let mut rng = Rng::new(8);
        let mut holes = bumpy_sphere(24, 48, 10.0, 0.2);
        holes.triangles.retain(|_| rng.below(20) > 0);
        let mut halves = bumpy_sphere(24, 48, 10.0, 0.1);
        halves.triangles.truncate(800);
        for mesh in [holes, halves] {
            check(&mesh, 40);
        }
    }

    #[test]
    fn triangles_and_shells_that_face_the_wrong_way_are_taken_the_other_way_round() {
        let ball = bumpy_sphere(24, 48, 10.0, 0.2);
        let mut flipped = ball.clone();
        flipped.triangles.iter_mut().step_by(37).for_each(|t| t.swap(0, 1));
        check_against(&flipped, [&ball, &ball], 40);
        let both = joined(&ball, &cuboid([20.0; 3], [24.0; 3]));
        let mut apart = both.clone();
        apart.triangles[ball.triangles.len()..].iter_mut().for_each(|t| t.swap(0, 1));
        check_against(&apart, [&both, &both], 40);
    }

    /// The surface of a box of 2 × 1 × 1 with a bar of 1 × ½ × ½ on its end, made of rectangles.
    fn bar_through_a_wall() -> TriMesh {
        let mut mesh =
            joined(&cuboid([0.0; 3], [2.0, 1.0, 1.0]), &cuboid([2.0, 0.25, 0.25], [3.0, 0.75, 0.75]));
        // Neither wall at x = 2; a frame instead.
        let at_2 = |t: &[u32; 3]| t.iter().all(|&v| mesh.positions[v as usize][0] == 2.0);
        let kept = mesh.triangles.iter().copied().filter(|t| !at_2(t)).collect();
        mesh.triangles = kept;
        for [y, z, height, width] in
            [[0.0, 0.0, 1.0, 0.25], [0.0, 0.75, 1.0, 0.25], [0.0, 0.25, 0.25, 0.5], [0.75, 0.25, 0.25, 0.5]]
        {
            let n = mesh.positions.len() as u32;
            let corner = |dy: f32, dz: f32| [2.0, y + dy, z + dz];
            mesh.positions.extend([
                corner(0.0, 0.0),
                corner(height, 0.0),
                corner(height, width),
                corner(0.0, width),
            ]);
            mesh.triangles.extend([[n, n + 1, n + 2], [n, n + 2, n + 3]]);
        }
        mesh
    }

    #[test]
    fn an_inside_out_mesh_is_taken_the_other_way_round() {
        let mut mesh = bumpy_sphere(12, 24, 1.0, 0.1);
        let patch = Patch::around(&mesh.bounds(), 20, 2).unwrap();
        let sample = |mesh: &TriMesh| {
            let bvh = Bvh::build(mesh, &Monitor::none()).unwrap();
            FromMesh::new(mesh, &bvh).sample(&patch, Reach::Everywhere, &Monitor::none()).unwrap()
        };
        let right = sample(&mesh);
        mesh.triangles.iter_mut().for_each(|t| t.swap(1, 2));
        let turned = sample(&mesh);
        assert!(right.iter().zip(&turned).all(|(a, b)| (a < &0.0) == (b < &0.0)));
        assert!(right[right.len() / 2 + 10 * 20 + 10] < 0.0);
    }

    #[test]
    fn threads_and_simd_levels_give_the_same_bits() {
        let mesh = bumpy_sphere(40, 80, 3.0, 0.2);
        let bvh = Bvh::build(&mesh, &Monitor::none()).unwrap();
        let patch = Patch::around(&mesh.bounds(), 50, 3).unwrap();
        let sampler = FromMesh { walk_below: 0, ..FromMesh::new(&mesh, &bvh) };
        let reference = sampler.sample(&patch, Reach::Everywhere, &Monitor::none()).unwrap();
        for level in Level::available() {
            for threads in [1, 3] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let again = pool.install(|| {
                    let bvh = Bvh::build(&mesh, &Monitor::none()).unwrap();
                    let sampler = FromMesh { level, walk_below: 0, ..FromMesh::new(&mesh, &bvh) };
                    sampler.sample(&patch, Reach::Everywhere, &Monitor::none())
                });
                let same = reference.iter().zip(&again.unwrap()).all(|(a, b)| a.to_bits() == b.to_bits());
                assert!(same, "{level:?} with {threads} threads");
            }
        }
    }

    #[test]
    fn a_band_is_exact_and_clamped_beyond() {
        let mesh = bumpy_sphere(24, 48, 10.0, 0.2);
        let bvh = Bvh::build(&mesh, &Monitor::none()).unwrap();
        let patch = Patch::around(&mesh.bounds(), 48, 4).unwrap();
        let width = 3.0 * patch.spacing()[0];
        let sampler = FromMesh::new(&mesh, &bvh);
        let all = sampler.sample(&patch, Reach::Everywhere, &Monitor::none()).unwrap();
        let band = sampler.sample(&patch, Reach::Band(width), &Monitor::none()).unwrap();
        for (a, b) in all.iter().zip(&band) {
            let expected = a.clamp(-width as f32, width as f32);
            assert!((expected - b).abs() < 1e-5, "{a} became {b}");
        }
    }

    #[test]
    fn cancelling_ends_it() {
        let mesh = bumpy_sphere(24, 48, 10.0, 0.2);
        let bvh = Bvh::build(&mesh, &Monitor::none()).unwrap();
        let patch = Patch::around(&mesh.bounds(), 48, 4).unwrap();
        let cancelled = Monitor::new(std::sync::Arc::new(true.into()), |_| ());
        assert_eq!(FromMesh::new(&mesh, &bvh).sample(&patch, Reach::Everywhere, &cancelled), Err(Cancelled));
    }
}
