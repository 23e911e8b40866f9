//! From any field to the signed distance to its zero set.
//!
//! # Promises
//! See [`redistance`]; docs/algorithms/redistance.md says why.

mod field;
mod search;
mod sites;
mod tree;
mod walk;

use super::brick::{BRICK, Beam, beams};
use super::from_mesh::Reach;
use crate::monitor::{Cancelled, Monitor};
use crate::patch::Patch;
use crate::simd::{LANES, Level};
use field::Field;
use rayon::prelude::*;
use search::{Brick, OCTANT};
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
/// zero set of their trilinear interpolant, model units.
///
/// Samples that are 0 stay 0; no other changes its sign. Infinite samples count as very large ones. A field
/// without a zero set has no distances: its samples become ± the diagonal of the patch, or ± the band if that is less.
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
/// With a band, planes that are farther from those left out than the band and two cells have the same bits as in the whole patch.
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
    let field = Field::new(finite(samples, patch, z.start)?, patch, &z);
    let sites = sites::sites(&field, level, &monitor.part(0.0, 0.2))?;
    let diagonal = patch.size().iter().map(|s| s * s).sum::<f64>().sqrt();
    let most = match reach {
        Reach::Everywhere => diagonal,
        Reach::Band(width) => width.min(diagonal),
    };
    if sites.len == 0 {
        samples.par_iter_mut().for_each(|s| *s = signed(most as f32, *s));
        return Ok(());
    }
    let tree = tree::Tree::build(&sites);
    // A site may be a cell's diagonal farther than the surface around it.
    let beyond = field.scale.iter().map(|s| s * s).sum::<f32>().sqrt();
    let search_reach = match reach {
        Reach::Everywhere => f32::INFINITY,
        Reach::Band(width) => (width / field.cell) as f32 + beyond,
    };
    let most = match reach {
        Reach::Everywhere => f32::MAX,
        Reach::Band(width) => width as f32,
    };
    let nx = field.n[0];
    let beams = whole_beams(samples, &field);
    let (total, done) = (beams.len(), AtomicUsize::new(0));
    let rest = monitor.part(0.2, 1.0);
    beams.into_par_iter().try_for_each_init(
        || (Brick::new(field.scale, search_reach), walk::AtSites::default()),
        |(brick, at_sites), (skipped, mut beam)| {
            brick.start();
            for x in (0..nx).step_by(BRICK) {
                rest.check()?;
                let base = [x, beam.y as usize, beam.z as usize];
                let origin = std::array::from_fn(|a| base[a] as f32 * field.scale[a]);
                if brick.search(level, &tree, &sites, origin) {
                    walk::refine(level, &field, brick, at_sites, base);
                } else {
                    brick.best2.fill([f32::INFINITY; LANES]);
                }
                write(brick, &mut beam, skipped, x, nx, field.cell as f32, most);
            }
            let count = done.fetch_add(1, Ordering::Relaxed) + 1;
            if count.is_multiple_of(16) {
                rest.progress(count as f32 / total as f32);
            }
            Ok(())
        },
    )
}

/// The beams of the whole grid's bricks, `z` counted there, with the planes that the first one lacks of its bricks: bricks
/// do not depend on where a slab begins.
fn whole_beams<'a>(samples: &'a mut [f32], field: &Field) -> Vec<(usize, Beam<'a>)> {
    let ([nx, ny, nz], first) = (field.n, field.first[2]);
    let skipped = first % BRICK;
    let head = if skipped > 0 { (BRICK - skipped).min(nz) } else { 0 };
    let (cut, rest) = samples.split_at_mut(head * nx * ny);
    let mut all = Vec::with_capacity(ny.div_ceil(BRICK) * (nz / BRICK + 2));
    for (skipped, base, n, part) in
        [(skipped, first - skipped, head, cut), (0, first + head, nz - head, rest)]
    {
        let placed = |beam: Beam<'a>| (skipped, Beam { z: beam.z + base as u32, ..beam });
        all.extend(beams(part, [nx, ny, n]).into_iter().map(placed));
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

/// `distance` with the sign of `sample`: 0 only where that is 0.
#[inline(always)]
fn signed(distance: f32, sample: f32) -> f32 {
    let distance = if distance > f32::MIN_POSITIVE { distance } else { f32::MIN_POSITIVE };
    if sample == 0.0 { 0.0 } else { distance.copysign(sample) }
}

/// Writes what the brick found at `x` of the beam, whose first plane is the brick's plane `skipped`.
fn write(brick: &Brick, beam: &mut Beam, skipped: usize, x: usize, nx: usize, cell: f32, most: f32) {
    let width = BRICK.min(nx - x);
    for (z, plane) in (skipped..).zip(beam.planes.iter_mut()) {
        for (y, row) in plane.chunks_mut(nx).enumerate() {
            for (half, samples) in row[x..x + width].chunks_mut(OCTANT).enumerate() {
                let octant = half + y / OCTANT * 2 + z / OCTANT * 4;
                let found = &brick.best2[octant * OCTANT + z % OCTANT][y % OCTANT * OCTANT..];
                for (sample, distance) in samples.iter_mut().zip(found) {
                    let d = distance * cell;
                    *sample = signed(if d < most { d } else { most }, *sample);
                }
            }
        }
    }
}
