//! The nearest of a few points for each sample of an octant: 4³ samples of a brick, tried one by one.

use super::brick::{GROUPS, Lane};
use super::candidates::{Candidates, nearer};
use crate::simd::{F32x16, LANES};

/// Samples along an edge of an octant of a brick.
pub(super) const OCTANT: usize = 4;
/// Stands for no point.
pub(super) const NONE: f32 = -1.0;

/// What is found for a brick. Places are in units of the finest spacing from the first sample of the root box.
pub(super) struct Brick {
    /// Distance between neighbouring samples.
    scale: [f32; 3],
    /// Its first sample, counted from that of the root box.
    pub first: [usize; 3],
    /// Squared distance to the nearest point; group `4·octant + z`.
    pub best2: [Lane; GROUPS],
    /// The number of that point, or `NONE`. Whole numbers; beyond 2²⁴ only nearly the right one.
    pub which: [Lane; GROUPS],
}

impl Brick {
    pub fn new(scale: [f32; 3]) -> Brick {
        Brick { scale, first: [0; 3], best2: [[0.0; LANES]; GROUPS], which: [[NONE; LANES]; GROUPS] }
    }

    /// Where the samples of group `g` are.
    #[inline(always)]
    pub fn samples(&self, g: usize) -> [Lane; 3] {
        let (o, z) = (g / OCTANT, g % OCTANT);
        let mut samples = [[0.0; LANES]; 3];
        let first = [0, 1, 2].map(|a| self.first[a] + (o >> a & 1) * OCTANT);
        for l in 0..LANES {
            samples[0][l] = (first[0] + l % OCTANT) as f32 * self.scale[0];
            samples[1][l] = (first[1] + l / OCTANT) as f32 * self.scale[1];
            samples[2][l] = (first[2] + z) as f32 * self.scale[2];
        }
        samples
    }
}

/// Tries a few points, each with its number, on the 64 samples of an octant.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
pub(super) unsafe fn try_all<V: F32x16>(few: &Candidates<4>, reach: f32, brick: &mut Brick, octant: usize) {
    unsafe {
        let samples = brick.samples(octant * OCTANT);
        let (x, y) = (V::load(&samples[0]), V::load(&samples[1]));
        let mut z = [0.0; OCTANT];
        for (k, z) in z.iter_mut().enumerate() {
            *z = (brick.first[2] + (octant >> 2 & 1) * OCTANT + k) as f32 * brick.scale[2];
        }
        let mut best = [V::splat(reach * reach); OCTANT];
        let mut which = [V::splat(NONE); OCTANT];
        for i in 0..few.len() {
            let [px, py, pz, number] = few.all(i);
            let (dx, dy, number) = (x.sub(V::splat(px)), y.sub(V::splat(py)), V::splat(number));
            let xy2 = dx.mul(dx).add(dy.mul(dy));
            for k in 0..OCTANT {
                let dz = z[k] - pz;
                (best[k], which[k]) = nearer(xy2.add(V::splat(dz * dz)), number, best[k], which[k]);
            }
        }
        for k in 0..OCTANT {
            best[k].store(&mut brick.best2[octant * OCTANT + k]);
            which[k].store(&mut brick.which[octant * OCTANT + k]);
        }
    }
}
