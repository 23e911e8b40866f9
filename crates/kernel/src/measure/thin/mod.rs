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
//! The same places for any number of threads and any split into calls of [`ThinFinder::planes`].

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
    bins: Bins,
}

impl ThinFinder {
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
            bins: Bins::default(),
        }
    }

    /// Takes the next planes: whole ones, x fastest; at most those of the grid.
    pub fn planes(&mut self, samples: &[f32], monitor: &Monitor) -> Result<(), Cancelled> {
        let [nx, ny, nz] = self.n;
        let plane = nx * ny;
        if !self.frame.is_regular() || self.n.iter().any(|n| *n < 4) || plane == 0 {
            return Ok(());
        }
        self.taken += samples.len() / plane;
        let end = if self.taken >= nz { nz - 1 } else { self.taken.saturating_sub(HALO) };
        let window = Window {
            n: self.n,
            first: self.first,
            carried: &self.carried,
            fresh: samples,
            isovalue: self.isovalue,
        };
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

by_level! {
    /// Bit `i` tells whether the surface is within 1.75 cells of sample `i` of a row, as far as one difference with a
    /// neighbour tells. The first and last sample of a row never are.
    fn near(
        row: &[f32], below_y: &[f32], above_y: &[f32], below_z: &[f32], above_z: &[f32], isovalue: f32, bits: &mut [u64],
    ) {
        let n = row.len();
        for (w, word) in bits.iter_mut().enumerate() {
            let first = (64 * w).max(1);
            let last = (64 * w + 64).min(n - 1);
            if first >= last {
                *word = 0;
                continue;
            }
            let count = last - first;
            let (here, left, right) = (&row[first..last], &row[first - 1..last - 1], &row[first + 1..last + 1]);
            let (by, ay) = (&below_y[first..last], &above_y[first..last]);
            let (bz, az) = (&below_z[first..last], &above_z[first..last]);
            let mut flags = [0u8; 64];
            for i in 0..count {
                let v = here[i];
                let mut most = (left[i] - v).abs();
                for d in [(right[i] - v).abs(), (by[i] - v).abs(), (ay[i] - v).abs(), (bz[i] - v).abs(), (az[i] - v).abs()] {
                    most = if d > most { d } else { most };
                }
                flags[i] = u8::from((v - isovalue).abs() < 1.75 * most);
            }
            let mut sum = 0u64;
            for (i, flag) in flags.iter().enumerate().take(count) {
                sum |= u64::from(*flag) << i;
            }
            *word = sum << (first - 64 * w);
        }
    }
}
