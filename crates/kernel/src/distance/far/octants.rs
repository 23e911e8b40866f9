//! Which triangles the nearest sites of the samples of a brick are on, octant by octant.
//!
//! # Method
//! With places from the middle of an octant, |p − s|² = |p|² + |s|² − 2 p·s. Of all sites the nearest one has the least
//! |s|² − 2 p·s, which along z takes a sum a sample.

use super::super::brick::{GROUPS, Lane};
use super::super::candidates::{Candidates, Limit, Samples, nearer};
use super::super::octant::OCTANT;
use super::search::{Search, differ};
use crate::simd::{F32x16, Kind, LANES, Level, Portable};

/// Which samples of a brick are far: by group as in [`octant::Brick`](super::super::octant::Brick), a bit for each lane.
pub(super) type FarLanes = [u16; GROUPS];
/// Planes of an octant on one side of its middle.
const SIDE: usize = OCTANT / 2;

/// What one thread needs.
pub(super) struct Octants {
    /// Where samples are, from the middle of their octant; along z the planes above it.
    x: Lane,
    y: Lane,
    z: [f32; SIDE],
    /// Of the sites that may be nearest: −2 s, |s|², the triangle.
    sites: Candidates<5>,
}

impl Octants {
    /// For samples `scale` apart.
    pub fn new(scale: [f32; 3]) -> Octants {
        let middle = 0.5 * (OCTANT - 1) as f32;
        let at = |a: usize, i: usize| (i as f32 - middle) * scale[a];
        Octants {
            x: std::array::from_fn(|l| at(0, l % OCTANT)),
            y: std::array::from_fn(|l| at(1, l / OCTANT)),
            z: std::array::from_fn(|k| at(2, SIDE + k)),
            sites: Candidates::default(),
        }
    }

    /// Adds the triangles of the nearest sites of the `far` samples of the brick that `search` is at, `first` its first sample, and the
    /// groups of [`packet`](super::super::packet) where they are so.
    pub fn find(
        &mut self,
        level: Level,
        search: &Search<'_>,
        first: [usize; 3],
        far: &FarLanes,
        found: &mut Vec<(u32, u32)>,
    ) {
        // SAFETY: a `Level` of a kind exists only where the processor has the feature.
        unsafe {
            match level.kind() {
                Kind::Baseline => find::<Portable>(self, search, first, far, found),
                #[cfg(target_arch = "x86_64")]
                Kind::Avx2 => find_avx2(self, search, first, far, found),
                #[cfg(target_arch = "x86_64")]
                Kind::Avx512 => find_avx512(self, search, first, far, found),
            }
        }
    }
}

at_levels! {
    find: find_avx2, find_avx512 (octants: &mut Octants, search: &Search<'_>, first: [usize; 3], far: &FarLanes, found: &mut Vec<(u32, u32)>) -> ();
}

/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn find<V: F32x16>(
    octants: &mut Octants,
    search: &Search<'_>,
    first: [usize; 3],
    far: &FarLanes,
    found: &mut Vec<(u32, u32)>,
) {
    for octant in 0..8 {
        let far = &far[octant * OCTANT..][..OCTANT];
        if *far == [0; OCTANT] {
            continue;
        }
        let mut corner = first;
        for (a, corner) in corner.iter_mut().enumerate() {
            *corner += (octant >> a & 1) * OCTANT;
        }
        let (samples, list, nearest) = search.octant(corner);
        unsafe {
            octants.gather::<V>(list, nearest, samples);
            let which = octants.nearest::<V>();
            winners::<V>(which, far, first_group(octant), found);
        }
    }
}

impl Octants {
    /// Gathers the sites that `nearest` does not beat on all samples.
    ///
    /// # Safety
    /// The processor has what `V` needs.
    #[inline(always)]
    unsafe fn gather<V: F32x16>(&mut self, list: &Candidates<4>, nearest: [f32; 3], samples: Samples) {
        self.sites.clear();
        unsafe {
            let (limit, minus_two) = (Limit::<V>::new(nearest, samples), V::splat(-2.0));
            for start in list.starts() {
                let keep = list.unbeaten(start, limit);
                if keep != 0 {
                    let [x, y, z, triangle] = list.sixteen::<V>(start);
                    let x = x.sub(V::splat(samples.centre[0]));
                    let y = y.sub(V::splat(samples.centre[1]));
                    let z = z.sub(V::splat(samples.centre[2]));
                    let square = x.mul(x).add(y.mul(y)).add(z.mul(z));
                    let site = [x.mul(minus_two), y.mul(minus_two), z.mul(minus_two), square, triangle];
                    self.sites.push(site, keep);
                }
            }
        }
    }

    /// The triangle of the nearest site of each sample.
    ///
    /// # Safety
    /// The processor has what `V` needs; there is a site.
    #[inline(always)]
    unsafe fn nearest<V: F32x16>(&self) -> [V; OCTANT] {
        unsafe {
            let (x, y) = (V::load(&self.x), V::load(&self.y));
            let (inner, outer) = (V::splat(self.z[0]), V::splat(self.z[1]));
            let mut best = [V::splat(f32::INFINITY); OCTANT];
            let mut which = [V::splat(0.0); OCTANT];
            for i in 0..self.sites.len() {
                let [sx, sy, sz, square, triangle] = self.sites.all(i);
                let (sz, triangle) = (V::splat(sz), V::splat(triangle));
                let plane = V::splat(square).add(x.mul(V::splat(sx))).add(y.mul(V::splat(sy)));
                let (inner, outer) = (inner.mul(sz), outer.mul(sz));
                let all = [plane.sub(outer), plane.sub(inner), plane.add(inner), plane.add(outer)];
                for k in 0..OCTANT {
                    (best[k], which[k]) = nearer(all[k], triangle, best[k], which[k]);
                }
            }
            which
        }
    }
}

/// The first group of [`packet`](super::super::packet) of an octant.
fn first_group(octant: usize) -> usize {
    (octant >> 2 & 1) * OCTANT * 4 + (octant >> 1 & 1) * 2
}

/// The groups of [`packet`](super::super::packet) with `far` samples.
pub(super) fn groups(far: &FarLanes) -> u32 {
    let of = |(g, lanes): (usize, &u16)| pairs(*lanes) << (4 * (g % OCTANT) + first_group(g / OCTANT));
    far.iter().enumerate().map(of).fold(0, |all, own| all | own)
}

/// Which of the two pairs of rows have any of 4 × 4 samples.
#[inline(always)]
fn pairs(lanes: u16) -> u32 {
    u32::from(lanes & 0xff != 0) | u32::from(lanes >> 8 != 0) << 1
}

/// Adds the triangles of the sites nearest to far samples of an octant, and the groups where they are so.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn winners<V: F32x16>(which: [V; OCTANT], far: &[u16], first: usize, found: &mut Vec<(u32, u32)>) {
    let (mut rest, mut triangles) = ([far[0], far[1], far[2], far[3]], [[0.0; LANES]; OCTANT]);
    for (to, which) in triangles.iter_mut().zip(which) {
        unsafe { which.store(to) };
    }
    for z in 0..OCTANT {
        while rest[z] != 0 {
            let triangle = triangles[z][rest[z].trailing_zeros() as usize];
            let mut groups = 0;
            for k in z..OCTANT {
                let its = rest[k] & !unsafe { differ(which[k], V::splat(triangle)) };
                rest[k] &= !its;
                groups |= pairs(its) << (4 * k + first);
            }
            add(found, triangle as u32, groups);
        }
    }
}

/// Adds groups of a triangle.
#[inline(always)]
fn add(found: &mut Vec<(u32, u32)>, triangle: u32, groups: u32) {
    for other in found.iter_mut().rev() {
        if other.0 == triangle {
            other.1 |= groups;
            return;
        }
    }
    found.push((triangle, groups));
}

const _: () = assert!(OCTANT * OCTANT == LANES && SIDE == 2);
