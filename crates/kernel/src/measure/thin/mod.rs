//! Where a sampled shape is too thin for its grid: walls, struts and gaps of less than two cells, seen or lost.
//!
//! # How it is measured
//! On the samples, whatever their unit, with no guess from the shape's parameters. Beside a thin wall the field falls towards it
//! from both sides and does so evenly, also where the wall passes between two samples and none of them is inside.
//! So from a sample beside the surface the field is followed down to its zero by its slope on the far side of the sample (one-sided
//! differences never reach through the wall), and the same from the first sample of the same sign on the other side, at most
//! four steps along one of 26 directions further on. The wall's thickness is the diameter of the ball that touches the surface at both zeros:
//! with feet `q`, `q'` and normals `n`, `n'` there, `(q − q')·(n − n') / (1 − n·n')` (the medial ball of Ma, Bae and Choi
//! 2012, "3D medial axis point approximation using nearest neighbors and the normal field", §3). A gap is a wall of the outside.
//!
//! Edges are not walls: the two normals of a sheet are opposed by at least 162°, a body does not begin beside it on one side
//! and end on the other, and the flatter two faces meet, the more of it there must be. Of the measurements of
//! a neighbourhood (8 samples along each axis) the one with the most opposed normals counts: it passes through the middle.
//!
//! Samples of every other row and plane are asked: a wall has thousands of them, and around a strut or a speck the
//! steps are long enough to start from one of these.
//!
//! # How exact it is
//! Even walls and gaps of a distance field come within 1 % of their thickness at any angle, around a radius of 9 cells within 5 %; round struts
//! and specks of half a cell and more within 10 %. Nothing is reported from two cells on, nor below 0.01 cell, nor what lies in the
//! outermost samples or passes between them.
//!
//! # Promises
//! The same places for any number of threads, any split into calls of [`ThinFinder::planes`], and any split into parts that begin at
//! multiples of [`ThinFinder::STEP`] planes.

mod place;
mod places;
mod probe;

pub use place::{Confirm, ThinKind, ThinPlace};

use crate::by_level;
use crate::monitor::{Cancelled, Monitor};
use crate::simd::Level;
use place::HALO;
use places::Bins;
use probe::{Found, Frame, Window};
use rayon::prelude::*;
use std::ops::Range;

/// Rows of one task.
const ROWS: usize = 32;

/// Looks for what is too thin in planes that arrive in order of z. Holds some ten planes of samples.
pub struct ThinFinder {
    frame: Frame,
    level: Level,
    isovalue: f32,
    n: [usize; 3],
    /// Samples of the planes from `first` on.
    carried: Vec<f32>,
    first: usize,
    /// Planes taken.
    taken: usize,
    /// The next plane to ask.
    next: usize,
    /// Asked are planes below this one.
    end: usize,
    bins: Bins,
}

impl ThinFinder {
    /// Parts of a grid that are looked at by themselves begin at multiples of so many planes.
    pub const STEP: u32 = places::BIN;
    /// Planes beyond those asked that are read on both sides, where there are so many.
    pub const BEYOND: u32 = HALO as u32;

    /// For `n` samples per axis; sample (i, j, k) sits at `origin + i·steps[0] + j·steps[1] + k·steps[2]` of the world. Inside is
    /// below `isovalue`. Finds nothing where the steps span no volume or an axis has fewer than four samples.
    pub fn new(n: [u32; 3], origin: [f64; 3], steps: [[f64; 3]; 3], isovalue: f32) -> ThinFinder {
        let n = n.map(|n| n as usize);
        let frame = Frame::new(origin, steps);
        ThinFinder {
            frame,
            level: Level::detect(),
            isovalue,
            n,
            carried: vec![],
            first: 0,
            taken: 0,
            next: 1,
            end: n[2],
            bins: Bins::default(),
        }
    }

    /// The same that asks only planes `asked`, which begin at a multiple of [`ThinFinder::STEP`] and end at one or with the grid. It takes
    /// planes from `first` on: [`ThinFinder::BEYOND`] before those asked, or plane 0.
    pub fn part(self, asked: &Range<u32>, first: u32) -> ThinFinder {
        let [from, end, first] = [asked.start, asked.end, first].map(|z| z as usize);
        ThinFinder { first, taken: first, next: from.max(1), end: end.min(self.n[2]), ..self }
    }

    /// What a part has found, for [`ThinFinder::join`].
    pub fn into_words(self) -> Vec<u64> {
        self.bins.into_words()
    }

    /// Takes what parts have found in place of their planes; false if these are no such words or tell of the same places twice.
    #[must_use]
    pub fn join(&mut self, words: &[u64]) -> bool {
        self.bins.join(words)
    }

    /// Takes the next planes: whole ones, x fastest; at most those of the grid.
    pub fn planes(&mut self, samples: &[f32], monitor: &Monitor) -> Result<(), Cancelled> {
        let [nx, ny, nz] = self.n;
        let plane = nx * ny;
        if !self.frame.is_regular() || self.n.iter().any(|n| *n < 4) || plane == 0 {
            return Ok(());
        }
        self.taken += samples.len() / plane;
        let end = if self.taken >= nz { nz - 1 } else { self.taken.saturating_sub(HALO) }.min(self.end);
        let planes = self.carried.chunks_exact(plane).chain(samples.chunks_exact(plane)).collect();
        let window = Window { n: self.n, first: self.first, planes, isovalue: self.isovalue };
        // Every other row of every other plane, the outermost samples left out.
        let rows: Vec<[usize; 2]> = (self.next..end)
            .filter(|z| z % 2 == 1)
            .flat_map(|z| (1..ny - 1).step_by(2).map(move |y| [y, z]))
            .collect();
        let of_rows = |rows: &[[usize; 2]]| {
            monitor.check()?;
            let mut bits = vec![0; nx.div_ceil(64)];
            let mut found = vec![];
            for &[y, z] in rows {
                self.row(&window, y, z, &mut bits, &mut found);
            }
            Ok(found)
        };
        let found: Vec<Vec<Found>> = rows.par_chunks(ROWS).map(of_rows).collect::<Result<_, Cancelled>>()?;
        self.bins.extend(found.iter().flatten());
        self.next = self.next.max(end);
        self.keep(samples);
        Ok(())
    }

    /// Keeps the planes that are still asked for.
    fn keep(&mut self, fresh: &[f32]) {
        let plane = self.n[0] * self.n[1];
        let from = match self.taken >= self.n[2] {
            true => self.taken,
            false => self.next.saturating_sub(HALO).max(self.first),
        };
        let drop = (from - self.first) * plane;
        let held = self.carried.len();
        self.carried.drain(..drop.min(held));
        self.carried.extend_from_slice(&fresh[drop.saturating_sub(held)..]);
        self.first = from;
    }

    fn row(&self, window: &Window, y: usize, z: usize, bits: &mut [u64], found: &mut Vec<Found>) {
        let row = window.row(y, z);
        let beside = [window.row(y - 1, z), window.row(y + 1, z), window.row(y, z - 1), window.row(y, z + 1)];
        near(self.level, row, beside[0], beside[1], beside[2], beside[3], self.isovalue, bits);
        for (w, word) in bits.iter().enumerate() {
            let mut left = *word;
            while left != 0 {
                let x = 64 * w + left.trailing_zeros() as usize;
                left &= left - 1;
                found.extend(self.frame.measure(window, [x, y, z]));
            }
        }
    }

    /// The regions found, those first that concern most of the shape. `confirm` is asked about regions in which no sample is inside,
    /// where the field between the samples can be had.
    pub fn finish(self, confirm: Option<Confirm>) -> Vec<ThinPlace> {
        self.bins.places(confirm)
    }
}

/// Samples that are told about at once.
const WORD: usize = 64;

/// So many samples of a row from `from` on, in `spare` if they are fewer than a word.
#[inline(always)]
fn stretch<'a>(row: &'a [f32], from: usize, count: usize, spare: &'a mut [f32; WORD]) -> &'a [f32; WORD] {
    if let (WORD, Some(whole)) = (count, row[from..].first_chunk()) {
        return whole;
    }
    spare[..count].copy_from_slice(&row[from..][..count]);
    spare
}

by_level! {
    /// Bit `i` tells whether the surface is within 1.75 cells of sample `i` of a row, as far as one difference with a
    /// neighbour tells. The first and last sample of a row never are.
    fn near(
        row: &[f32], below_y: &[f32], above_y: &[f32], below_z: &[f32], above_z: &[f32], isovalue: f32, bits: &mut [u64],
    ) {
        let n = row.len();
        for (w, word) in bits.iter_mut().enumerate() {
            let from = WORD * w;
            // Whole words are quickest: of the first and the last one some samples are looked at that another word tells about.
            let first = if n > WORD + 1 { from.clamp(1, n - 1 - WORD) } else { 1 };
            let count = WORD.min(n - 1 - first);
            let mut spare = [[f32::NAN; WORD]; 7];
            let [a, b, c, d, e, f, g] = &mut spare;
            let here = stretch(row, first, count, a);
            let (left, right) = (stretch(row, first - 1, count, b), stretch(row, first + 1, count, c));
            let (by, ay) = (stretch(below_y, first, count, d), stretch(above_y, first, count, e));
            let (bz, az) = (stretch(below_z, first, count, f), stretch(above_z, first, count, g));
            let mut flags = [false; WORD];
            for i in 0..WORD {
                let v = here[i];
                let mut most = (left[i] - v).abs();
                for other in [right[i], by[i], ay[i], bz[i], az[i]] {
                    let d = (other - v).abs();
                    most = if d > most { d } else { most };
                }
                flags[i] = (v - isovalue).abs() < 1.75 * most;
            }
            let mut sum = 0u64;
            for (i, flag) in flags.iter().enumerate() {
                sum |= u64::from(*flag) << i;
            }
            *word = match first >= from {
                true => sum << (first - from),
                false => sum.checked_shr((from - first) as u32).unwrap_or(0),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Rng;

    #[test]
    fn rows_of_any_length_and_at_any_level_tell_what_their_samples_do() {
        let mut rng = Rng::new(4);
        for n in [4usize, 9, 63, 64, 65, 66, 67, 127, 128, 129, 130, 131, 192, 193, 200] {
            let mut any = || (0..n).map(|_| rng.unit() as f32 * 4.0 - 2.0).collect::<Vec<f32>>();
            let rows = [any(), any(), any(), any(), any()];
            let row = &rows[0];
            let is_near = |i: usize| {
                let others = [row[i - 1], row[i + 1], rows[1][i], rows[2][i], rows[3][i], rows[4][i]];
                let most = others.iter().map(|o| (o - row[i]).abs()).fold(0.0, f32::max);
                (row[i] - 0.1).abs() < 1.75 * most
            };
            let mut expected = vec![0u64; n.div_ceil(64)];
            (1..n - 1).filter(|i| is_near(*i)).for_each(|i| expected[i / 64] |= 1 << (i % 64));
            for level in Level::available() {
                let mut bits = vec![0; n.div_ceil(64)];
                near(level, row, &rows[1], &rows[2], &rows[3], &rows[4], 0.1, &mut bits);
                assert_eq!(bits, expected, "{n} {level:?}");
            }
        }
    }
}
