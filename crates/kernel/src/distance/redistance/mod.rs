//! From any field to the signed distance to its zero set.
//!
//! # Promises
//! See [`redistance`]; docs/algorithms/redistance.md says why.

mod crossings;
mod field;
mod search;
mod tree;
mod walk;
mod walkers;

use super::brick::{BRICK, Beam, beams};
use super::from_mesh::Reach;
use super::octant::{Brick, OCTANT};
use crate::monitor::{Cancelled, Monitor};
use crate::patch::Patch;
use crate::regular::Rule;
use crate::simd::{LANES, Level};
use crossings::Crossings;
use field::Field;
use rayon::prelude::*;
use search::{ROOT, Search};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Why a field cannot be redistanced.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RedistanceError {
    /// A sample is not a number.
    #[error("the sample at [{}, {}, {}] is not a number", at[0], at[1], at[2])]
    NotANumber {
        /// Index of the first such sample along x, y, z.
        at: [u32; 3],
    },
    /// As many samples as the patch has are needed.
    #[error("{given} samples for a patch of {expected}")]
    SampleCount {
        /// How many were given.
        given: u64,
        /// How many the patch has.
        expected: u64,
    },
    /// The band is negative or not a number.
    #[error("the band's width is {0}, expected a number of at least 0")]
    Band(f64),
    /// Cancelled from outside; the samples are partly replaced.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Replaces `samples` (one per sample of `patch`, x fastest, negative inside, of any magnitude) by the signed distance to the
/// surface of their trilinear interpolant, model units.
///
/// The surface is where the solid ends, the closure of what is below 0. Samples that are 0 but for rounding are decided by the rule of
/// meshes ([`crate::regular`]): those inside the solid become negative and are no surface, and those on the surface 0. No
/// other changes its sign. Infinite samples count as very large ones. A field without a surface has no
/// distances: its samples become ± the diagonal of the patch, or ± the band if that is less.
/// With [`Reach::Band`] what is farther than the band becomes ± its width.
pub fn redistance(
    samples: &mut [f32],
    patch: &Patch,
    reach: Reach,
    level: Level,
    monitor: &Monitor,
) -> Result<(), RedistanceError> {
    redistance_planes(samples, patch, 0..patch.resolution()[2], reach, level, monitor)
}

/// [`redistance`] of a slab: `samples` are those of the planes `z` of `patch`, and only the surface among them counts.
///
/// With a band, planes that are farther from those left out than the band and three cells have the same bits as in the whole patch.
pub fn redistance_planes(
    samples: &mut [f32],
    patch: &Patch,
    z: Range<u32>,
    reach: Reach,
    level: Level,
    monitor: &Monitor,
) -> Result<(), RedistanceError> {
    let [nx, ny, nz] = patch.resolution().map(u64::from);
    let z = z.start..z.end.min(nz as u32);
    let (given, expected) = (samples.len() as u64, nx * ny * z.len() as u64);
    if given != expected {
        return Err(RedistanceError::SampleCount { given, expected });
    }
    if let Reach::Band(width) = reach
        && (width.is_nan() || width < 0.0)
    {
        return Err(RedistanceError::Band(width));
    }
    monitor.check()?;
    if given == 0 {
        return Ok(());
    }
    let rule = Rule::new(patch, 0.0).of_surface();
    rule.regularize(samples, [nx as usize, ny as usize], 0..z.len(), monitor)?;
    let field = Field::new(finite(samples, patch, z.start)?, patch, &z);
    let crossings = Crossings::of(&field, level, &monitor.part(0.0, 0.2))?;
    let diagonal = patch.size().iter().map(|s| s * s).sum::<f64>().sqrt();
    let most = match reach {
        Reach::Everywhere => diagonal,
        Reach::Band(width) => width.min(diagonal),
    };
    if crossings.is_empty() {
        samples.par_iter_mut().for_each(|s| *s = signed(most as f32, *s));
        return Ok(());
    }
    let tree = tree::Tree::build(&crossings);
    // A crossing may be a cell's diagonal farther than the surface around it.
    let beyond = field.scale.iter().map(|s| s * s).sum::<f32>().sqrt();
    let (search_reach, most) = match reach {
        Reach::Everywhere => (f32::INFINITY, f32::MAX),
        Reach::Band(width) => ((width / field.cell) as f32 + beyond, width as f32),
    };
    let beams = whole_beams(samples, &field);
    let (total, done) = (beams.len(), AtomicUsize::new(0));
    let rest = monitor.part(0.2, 1.0);
    let worker = || Worker {
        field: &field,
        level,
        most,
        search: Search::new(&crossings, &tree, field.scale, search_reach),
        brick: Brick::new(field.scale),
        walk: walk::Walk::default(),
    };
    beams.into_par_iter().try_for_each_init(worker, |worker, (skipped, mut beam)| {
        for x in (0..field.n[0]).step_by(ROOT) {
            rest.check()?;
            worker.root(&mut beam, skipped, x);
        }
        rest.progress((done.fetch_add(1, Ordering::Relaxed) + 1) as f32 / total as f32);
        Ok(())
    })
}

/// What one thread works with.
struct Worker<'a> {
    field: &'a Field,
    level: Level,
    /// The greatest distance that is written, model units.
    most: f32,
    search: Search<'a>,
    brick: Brick,
    walk: walk::Walk,
}

impl Worker<'_> {
    /// Writes the box of 32³ samples at `x` of the beam, whose first plane is the box's plane `skipped`.
    fn root(&mut self, beam: &mut Beam, skipped: usize, x: usize) {
        let root = [x, beam.y as usize, beam.z as usize];
        let found = self.search.root(self.level, root);
        for half in parts([0; 3], ROOT, ROOT / 2) {
            let within = found && self.meets(root, half, ROOT / 2);
            let found = within && self.search.half(self.level, half);
            for first in parts(half, ROOT / 2, BRICK) {
                if !self.meets(root, first, BRICK) {
                    continue;
                }
                if found && self.search.brick(self.level, first, &mut self.brick) {
                    let candidates = self.search.of_brick();
                    walk::refine(self.level, self.field, &mut self.brick, candidates, &mut self.walk, root);
                } else {
                    self.brick.best2.fill([f32::INFINITY; LANES]);
                }
                self.write(beam, skipped, x, first);
            }
        }
    }

    /// Whether a box of so many samples at `first` of the root box has samples of the slab.
    fn meets(&self, root: [usize; 3], first: [usize; 3], size: usize) -> bool {
        (0..3).all(|a| {
            let at = root[a] + first[a];
            at < self.field.first[a] + self.field.n[a] && at + size > self.field.first[a]
        })
    }

    /// Writes the brick at `first` of the root box, as far as the beam has its samples.
    fn write(&self, beam: &mut Beam, skipped: usize, x: usize, first: [usize; 3]) {
        let (nx, cell) = (self.field.n[0], self.field.cell as f32);
        let x = x + first[0];
        let width = BRICK.min(nx - x);
        for (z, plane) in (skipped..).zip(beam.planes.iter_mut()) {
            if z < first[2] || z >= first[2] + BRICK {
                continue;
            }
            let z = z - first[2];
            for (y, row) in plane.chunks_mut(nx).skip(first[1]).take(BRICK).enumerate() {
                for (half, samples) in row[x..x + width].chunks_mut(OCTANT).enumerate() {
                    let octant = half + y / OCTANT * 2 + z / OCTANT * 4;
                    let found = &self.brick.best2[octant * OCTANT + z % OCTANT][y % OCTANT * OCTANT..];
                    for (sample, distance) in samples.iter_mut().zip(found) {
                        let d = distance * cell;
                        *sample = signed(if d < self.most { d } else { self.most }, *sample);
                    }
                }
            }
        }
    }
}

/// The first samples of the eight boxes that a box of `size`³ samples at `first` has.
fn parts(first: [usize; 3], size: usize, part: usize) -> impl Iterator<Item = [usize; 3]> {
    debug_assert_eq!(size, 2 * part);
    (0..8).map(move |octant| std::array::from_fn(|a| first[a] + (octant >> a & 1) * part))
}

/// The beams of the whole grid's boxes, `z` counted there, with the planes that the first one lacks of its boxes: boxes
/// do not depend on where a slab begins.
fn whole_beams<'a>(samples: &'a mut [f32], field: &Field) -> Vec<(usize, Beam<'a>)> {
    let ([nx, ny, nz], first) = (field.n, field.first[2]);
    let skipped = first % ROOT;
    let head = if skipped > 0 { (ROOT - skipped).min(nz) } else { 0 };
    let (cut, rest) = samples.split_at_mut(head * nx * ny);
    let mut all = Vec::with_capacity(ny.div_ceil(ROOT) * (nz / ROOT + 2));
    for (skipped, base, n, part) in
        [(skipped, first - skipped, head, cut), (0, first + head, nz - head, rest)]
    {
        let placed = |beam: Beam<'a>| (skipped, Beam { z: beam.z + base as u32, ..beam });
        all.extend(beams(part, [nx, ny, n], ROOT).into_iter().map(placed));
    }
    all
}

/// The samples with infinities made finite, or the first that is not a number.
fn finite(samples: &[f32], patch: &Patch, first: u32) -> Result<Vec<f32>, RedistanceError> {
    let mut values = vec![0.0f32; samples.len()];
    let bad = values
        .par_chunks_mut(1 << 16)
        .zip(samples.par_chunks(1 << 16))
        .map(|(to, from)| {
            let mut nan = false;
            for (t, s) in to.iter_mut().zip(from) {
                nan |= s.is_nan();
                *t = if *s > f32::MAX { f32::MAX } else { *s };
                *t = if *t < f32::MIN { f32::MIN } else { *t };
            }
            nan
        })
        .reduce(|| false, |a, b| a | b);
    match bad.then(|| samples.iter().position(|s| s.is_nan())).flatten() {
        None => Ok(values),
        Some(i) => {
            let [nx, ny, _] = patch.resolution().map(|n| n as usize);
            Err(RedistanceError::NotANumber {
                at: [i % nx, i / nx % ny, i / nx / ny + first as usize].map(|i| i as u32),
            })
        }
    }
}

/// `distance` with the sign of `sample`: 0 only where both are.
#[inline(always)]
fn signed(distance: f32, sample: f32) -> f32 {
    let least = if (sample == 0.0) & (distance == 0.0) { 0.0 } else { f32::MIN_POSITIVE };
    let distance = if distance > least { distance } else { least };
    if sample < 0.0 { -distance } else { distance }
}
