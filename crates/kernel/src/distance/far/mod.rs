//! Distances far from a mesh, by the nearest of points on it that stand for it: `plan` and `sites` choose them, `search` and `octants`
//! find the nearest one of each sample, and the triangle that it is on gives the distance.
//!
//! # Promises
//! Never below the distance (up to `f32` rounding), for it is that to a triangle of the mesh, and above it at most by the
//! tolerance, for no site is nearer to its sample than its triangle. docs/algorithms/mesh-to-distance.md says why.

mod octants;
mod plan;
mod search;
mod sites;
mod view;

use super::brick::{BRICK, Beam, GROUPS, beams};
use super::octant::OCTANT;
use super::packet;
use crate::bvh::Bvh;
use crate::by_level;
use crate::monitor::{Cancelled, Monitor};
use crate::patch::Patch;
use crate::simd::{F32x16, Kind, LANES, Level, Portable};
use octants::{FarLanes, Octants, groups};
use rayon::prelude::*;
use search::{ROOT, Search};
use sites::Sites;
pub(super) use sites::memory_bytes;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bricks along an edge of a root box.
const BRICKS: usize = ROOT / BRICK;

/// A mesh whose far distances are asked for.
pub(super) struct Far<'a> {
    bvh: &'a Bvh,
    patch: &'a Patch,
    sites: Sites,
    /// Model units.
    cell: f64,
}

impl<'a> Far<'a> {
    /// For samples of `patch` farther than `near` of its cells, at most `tolerance` cells too far; none where a mesh has too many
    /// sites for that to be worth it. `cell` is the finest spacing.
    pub fn of(
        bvh: &'a Bvh,
        patch: &'a Patch,
        [near, tolerance, cell]: [f64; 3],
        monitor: &Monitor,
    ) -> Result<Option<Far<'a>>, Cancelled> {
        let sites = Sites::of(bvh, patch, [near, tolerance, cell], monitor)?;
        Ok(sites.map(|sites| Far { bvh, patch, sites, cell }))
    }

    /// Replaces what is ±`beyond` or farther from 0 by the distance, its sign kept.
    pub fn fill(
        &self,
        level: Level,
        samples: &mut [f32],
        beyond: f32,
        monitor: &Monitor,
    ) -> Result<(), Cancelled> {
        let n = self.patch.resolution().map(|n| n as usize);
        let beams = beams(samples, n, ROOT);
        let (total, done) = (beams.len(), AtomicUsize::new(0));
        beams.into_par_iter().try_for_each_init(
            || Worker::new(self, level, beyond),
            |worker, mut beam| {
                for x in (0..n[0]).step_by(ROOT) {
                    monitor.check()?;
                    worker.root(&mut beam, x);
                }
                monitor.progress((done.fetch_add(1, Ordering::Relaxed) + 1) as f32 / total as f32);
                Ok(())
            },
        )
    }
}

/// What one thread works with.
struct Worker<'a> {
    far: &'a Far<'a>,
    level: Level,
    beyond: f32,
    search: Search<'a>,
    octants: Octants,
    exact: packet::Brick,
    /// Triangles that are closest in a brick, and the groups of `exact` that they are tried on.
    winners: Vec<(u32, u32)>,
}

impl<'a> Worker<'a> {
    fn new(far: &'a Far<'a>, level: Level, beyond: f32) -> Worker<'a> {
        let spacing = far.patch.spacing();
        let scale = spacing.map(|h| (h / far.cell) as f32);
        Worker {
            far,
            level,
            beyond,
            search: Search::new(&far.sites, scale),
            octants: Octants::new(scale),
            exact: packet::Brick::new(spacing, packet::Accuracy::EXACT),
            winners: vec![],
        }
    }

    /// The box of 32³ samples at `x` of the beam, as far as there are samples.
    fn root(&mut self, beam: &mut Beam, x: usize) {
        let rows = self.far_rows(beam, x);
        let mut inside = None;
        for i in 0..BRICKS * BRICKS * BRICKS {
            let (half, first) = place(i);
            let far = far_lanes(&rows, first);
            if far == [0; GROUPS] {
                continue;
            }
            if inside.is_none() {
                self.search.root(self.level, [x, beam.y as usize, beam.z as usize]);
            }
            if inside != Some(half) {
                self.search.half(self.level, half);
                inside = Some(half);
            }
            self.search.brick(self.level, first);
            self.evaluate(beam, x, first, &far);
            self.write(beam, x, first);
        }
    }

    /// Which samples of the root box are far: a bit for each along x, for each y and z.
    fn far_rows(&self, beam: &Beam, x: usize) -> Box<[[u32; ROOT]; ROOT]> {
        let nx = self.far.patch.resolution()[0] as usize;
        let end = (x + ROOT).min(nx);
        let mut rows = Box::new([[0; ROOT]; ROOT]);
        for (plane, rows) in beam.planes.iter().zip(&mut *rows) {
            for (samples, row) in plane.chunks(nx).zip(rows) {
                *row = far_bits(self.level, &samples[x..end], self.beyond);
            }
        }
        rows
    }

    /// Works out the distances of the far samples of a brick: to the triangles of the sites found for them, or to all that there are
    /// where these are few.
    fn evaluate(&mut self, beam: &Beam, x: usize, first: [usize; 3], far: &FarLanes) {
        self.winners.clear();
        match self.search.few() {
            [] => self.octants.find(self.level, &self.search, first, far, &mut self.winners),
            few => self.winners.extend(few.iter().map(|triangle| (*triangle as u32, groups(far)))),
        }
        let at = [(x + first[0]) as u32, beam.y + first[1] as u32, beam.z + first[2] as u32];
        self.exact.fill_from(self.level, self.far.bvh, &self.winners, self.far.patch.position(at));
    }

    fn write(&self, beam: &mut Beam, x: usize, first: [usize; 3]) {
        let nx = self.far.patch.resolution()[0] as usize;
        write(self.level, beam, [x + first[0], first[1], first[2]], nx, &self.exact, self.beyond);
    }
}

by_level! {
    /// Puts the distances of `found` where the samples of the brick at `first` of a beam of rows of `nx` are far.
    fn write(beam: &mut Beam<'_>, first: [usize; 3], nx: usize, found: &packet::Brick, beyond: f32) {
        let [x, y, z] = first;
        let end = (x + BRICK).min(nx);
        for (k, plane) in beam.planes.iter_mut().skip(z).take(BRICK).enumerate() {
            for (j, row) in plane.chunks_exact_mut(nx).skip(y).take(BRICK).enumerate() {
                let (row, distances) = (&mut row[x..end], found.row(j, k));
                match (<&mut [f32; BRICK]>::try_from(&mut *row), <&[f32; BRICK]>::try_from(distances)) {
                    // A known number of samples is one vector.
                    (Ok(row), Ok(distances)) => put(row, distances, beyond),
                    _ => put(row, distances, beyond),
                }
            }
        }
    }
}

/// Puts distances where samples are far, with the signs of these.
#[inline(always)]
fn put(samples: &mut [f32], distances: &[f32], beyond: f32) {
    for (sample, distance) in samples.iter_mut().zip(distances) {
        *sample = if sample.abs() >= beyond { distance.copysign(*sample) } else { *sample };
    }
}

/// The first sample of the half that brick `i` of a root box is in, and its own: half by half.
fn place(i: usize) -> ([usize; 3], [usize; 3]) {
    let half = [0, 1, 2].map(|a| (i >> (3 + a) & 1) * (ROOT / 2));
    (half, [0, 1, 2].map(|a| half[a] + (i >> a & 1) * BRICK))
}

/// The far samples of the brick at `first` of a root box.
fn far_lanes(rows: &[[u32; ROOT]; ROOT], first: [usize; 3]) -> FarLanes {
    let mut lanes = [0; GROUPS];
    for (z, plane) in rows[first[2]..][..BRICK].iter().enumerate() {
        for (y, row) in plane[first[1]..][..BRICK].iter().enumerate() {
            for half in 0..2 {
                let octant = half + y / OCTANT * 2 + z / OCTANT * 4;
                let bits = (row >> (first[0] + half * OCTANT)) as u16 & ((1 << OCTANT) - 1);
                lanes[octant * OCTANT + z % OCTANT] |= bits << (y % OCTANT * OCTANT);
            }
        }
    }
    lanes
}

/// A bit for each of up to 32 samples that is ±`beyond` or farther from 0.
fn far_bits(level: Level, samples: &[f32], beyond: f32) -> u32 {
    let mut padded = [[0.0; LANES]; 2];
    match <&[f32; ROOT]>::try_from(samples) {
        Ok(all) => padded.as_flattened_mut().copy_from_slice(all),
        Err(_) => padded.as_flattened_mut()[..samples.len()].copy_from_slice(samples),
    }
    // SAFETY: a `Level` of a kind exists only where the processor has the feature.
    unsafe {
        match level.kind() {
            Kind::Baseline => bits::<Portable>(&padded, beyond),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => bits_avx2(&padded, beyond),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => bits_avx512(&padded, beyond),
        }
    }
}

at_levels! {
    bits: bits_avx2, bits_avx512 (samples: &[[f32; LANES]; 2], beyond: f32) -> u32;
}

/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn bits<V: F32x16>(samples: &[[f32; LANES]; 2], beyond: f32) -> u32 {
    unsafe {
        let (low, high) = (V::load(&samples[0]), V::load(&samples[1]));
        let low = low.max(V::splat(0.0).sub(low)).less(V::splat(beyond));
        let high = high.max(V::splat(0.0).sub(high)).less(V::splat(beyond));
        !(u32::from(low) | u32::from(high) << LANES)
    }
}

const _: () = assert!(OCTANT * OCTANT == LANES && BRICKS == 4 && ROOT == u32::BITS as usize);
