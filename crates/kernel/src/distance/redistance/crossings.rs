//! Where the edges of the grid cross the zero set: points that lie on it for certain, whatever the field.
//!
//! Along an edge between two samples the trilinear interpolant is linear, so its zero there is exact. Every part of the
//! surface reaches a crossing: in a cell without one all corners have one sign, and the interpolant has it, too. A sample that is 0 counts once
//! for all its edges, if it has a neighbour inside: zeros in the void are no surface. Cells in which the surface is far from flat add
//! crossings of lines within them ([`super::lines`]).
//!
//! # Memory
//! Four bytes a crossing, at most seven crossings a sample, fewer than one in most fields; 20 bytes for a block of 4×4×4 samples that has any.

use super::crossing::{BLOCK, Crossing, SAMPLE};
use super::field::Field;
use super::lines::{self, Cell};
use crate::by_level;
use crate::monitor::{Cancelled, Monitor};
use crate::simd::{LANES, Level};
use rayon::prelude::*;
use std::ops::Range;

/// The crossings of one block that has some.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    /// Where the block is in the whole grid, in blocks.
    pub at: [u32; 3],
    /// Whose crossings they are.
    pub beam: u32,
    /// Its first crossing in the beam.
    pub first: u32,
}

/// All crossings, by beams of blocks along x.
pub(super) struct Crossings {
    beams: Vec<Beam>,
}

#[derive(Default)]
struct Beam {
    crossings: Vec<Crossing>,
    blocks: Vec<Block>,
}

impl Crossings {
    /// Finds the crossings of a field.
    pub fn of(field: &Field, level: Level, monitor: &Monitor) -> Result<Crossings, Cancelled> {
        let [_, ny, nz] = field.n;
        // Blocks are those of the whole grid, which a slab may cut.
        let (by, first) = (ny.div_ceil(BLOCK), field.first[2] / BLOCK);
        let bz = (field.first[2] + nz).div_ceil(BLOCK) - first;
        let beam = |rows: &mut Rows, i: usize| {
            monitor.check()?;
            Ok(rows.beam(field, level, [i % by, first + i / by], i as u32))
        };
        let beams = (0..by * bz).into_par_iter().map_init(Rows::default, beam);
        Ok(Crossings { beams: beams.collect::<Result<_, Cancelled>>()? })
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.beams.iter().all(|b| b.blocks.is_empty())
    }

    /// The blocks that have crossings.
    pub fn blocks(&self) -> impl ParallelIterator<Item = &Block> {
        self.beams.par_iter().flat_map_iter(|b| &b.blocks)
    }

    /// Sixteen crossings from number `first` of a beam on; those behind its last are none.
    #[inline(always)]
    pub fn sixteen(&self, beam: u32, first: u32) -> &[Crossing; LANES] {
        let rest = &self.beams[beam as usize].crossings[first as usize..];
        rest.first_chunk().expect("a vector of padding follows the last crossing")
    }

    /// How many a block has, and between which samples of the whole grid they are.
    pub fn extent(&self, block: &Block) -> (u32, [u32; 3], [u32; 3]) {
        let beam = &self.beams[block.beam as usize];
        let next = beam.blocks.partition_point(|b| b.first <= block.first);
        let end = beam.blocks.get(next).map_or((beam.crossings.len() - LANES) as u32, |b| b.first);
        let (mut low, mut high) = ([u32::MAX; 3], [0; 3]);
        for crossing in &beam.crossings[block.first as usize..end as usize] {
            for a in 0..3 {
                let span = crossing.span(a).map(|s| block.at[a] * BLOCK as u32 + s);
                (low[a], high[a]) = (low[a].min(span[0]), high[a].max(span[1]));
            }
        }
        (end - block.first, low, high)
    }
}

/// Rows of samples that are known: those of a beam, and one more each way.
const STRIDE: usize = BLOCK + 1;

/// Where the rows of a beam are.
struct Place {
    /// The first row and plane in the slab.
    y0: usize,
    z0: usize,
    /// How many there are.
    along_y: usize,
    planes: usize,
    /// Planes of the blocks that are not in the slab.
    skipped: usize,
}

/// What one thread knows of the rows of a beam.
#[derive(Default)]
struct Rows {
    /// For each row of samples, and those behind them along y and z, which signs its samples have.
    signs: Vec<u8>,
    /// For each row of samples which edges from them are crossed.
    marks: Vec<u8>,
}

impl Rows {
    /// The crossings of the blocks along x at `at` (in blocks of the whole grid along y and z).
    fn beam(&mut self, field: &Field, level: Level, at: [usize; 2], number: u32) -> Beam {
        let [nx, ny, nz] = field.n;
        let (y0, rows) = (at[0] * BLOCK, BLOCK.min(ny - at[0] * BLOCK));
        // The planes of the slab that the beam has, counted in the slab and in the beam.
        let z0 = (at[1] * BLOCK).max(field.first[2]) - field.first[2];
        let planes = (at[1] * BLOCK + BLOCK - field.first[2]).min(nz) - z0;
        let skipped = z0 + field.first[2] - at[1] * BLOCK;
        if !self.mark(field, level, [y0, z0], [rows, planes]) {
            return Beam::default();
        }
        let marks = &self.marks[..rows * planes * nx];
        let count = marks.iter().map(|m| m.count_ones() as usize).sum::<usize>();
        let place = Place { y0, z0, along_y: rows, planes, skipped };
        let mut beam = Beam { crossings: Vec::with_capacity(count + LANES), blocks: vec![] };
        for bx in 0..nx.div_ceil(BLOCK) {
            let first = beam.crossings.len() as u32;
            let xs = bx * BLOCK..nx.min(bx * BLOCK + BLOCK);
            for row in 0..rows * planes {
                let (y, z) = (row % rows, row / rows);
                let start = field.index([0, y0 + y, z0 + z]);
                for x in xs.clone() {
                    let mut marks = marks[row * nx + x];
                    if marks >> SAMPLE & 1 != 0 && !field.is_beside_solid([x, y0 + y, z0 + z]) {
                        marks ^= 1 << SAMPLE;
                    }
                    if marks != 0 {
                        let sample = (x - xs.start + y * BLOCK + (z + skipped) * BLOCK * BLOCK) as u32;
                        push(field, start + x, sample, marks, &mut beam.crossings);
                    }
                }
            }
            self.within(field, &place, xs, first as usize, &mut beam.crossings);
            if beam.crossings.len() as u32 > first {
                beam.blocks.push(Block { at: [bx, at[0], at[1]].map(|b| b as u32), beam: number, first });
            }
        }
        let end = beam.crossings.len();
        beam.crossings.resize(end + LANES, Crossing::sample(0));
        // Lines were not counted before.
        beam.crossings.shrink_to_fit();
        beam
    }

    /// Adds the crossings of lines in the cells behind samples `xs` of the rows to those of their block, from number `first` on.
    fn within(&self, field: &Field, rows: &Place, xs: Range<usize>, first: usize, out: &mut Vec<Crossing>) {
        let nx = field.n[0];
        let mut cells = vec![];
        for row in 0..rows.along_y * rows.planes {
            let (y, z) = (row % rows.along_y, row / rows.along_y);
            // At the end of the field there is no cell behind a sample, but along an axis with one sample.
            let is_last = |a: usize, at: usize| field.n[a] > 1 && at + 1 == field.n[a];
            if is_last(1, rows.y0 + y) || is_last(2, rows.z0 + z) {
                continue;
            }
            let at = |y: usize, z: usize| &self.signs[(z * STRIDE + y) * nx..][..nx];
            let four = [at(y, z), at(y + 1, z), at(y, z + 1), at(y + 1, z + 1)];
            for x in xs.clone().filter(|x| !is_last(0, *x)) {
                let next = (x + 1).min(nx - 1);
                if four.iter().fold(0, |all, row| all | row[x] | row[next]) == 3 {
                    let sample = x - xs.start + y * BLOCK + (z + rows.skipped) * BLOCK * BLOCK;
                    cells.extend(Cell::curved(field, [x, rows.y0 + y, rows.z0 + z], sample as u32));
                }
            }
        }
        lines::crossings(&cells, first, out);
    }

    /// Marks the crossed edges of the `rows` × `planes` rows of samples from row `y0` of plane `z0` on; whether there are any.
    fn mark(
        &mut self,
        field: &Field,
        level: Level,
        [y0, z0]: [usize; 2],
        [rows, planes]: [usize; 2],
    ) -> bool {
        let [nx, ny, nz] = field.n;
        self.signs.resize(STRIDE * STRIDE * nx, 0);
        self.marks.resize(BLOCK * BLOCK * nx, 0);
        let mut all = 0;
        for z in 0..=planes {
            for y in 0..=rows {
                // Behind the last row comes that row again: nothing is crossed on the way.
                let start = ((z0 + z).min(nz - 1) * ny + (y0 + y).min(ny - 1)) * nx;
                let to = &mut self.signs[(z * STRIDE + y) * nx..][..nx];
                all |= signs(level, &field.values[start..start + nx], to);
            }
        }
        if all != 3 {
            return false;
        }
        for z in 0..planes {
            for y in 0..rows {
                let row = |y: usize, z: usize| &self.signs[(z * STRIDE + y) * nx..][..nx];
                let to = &mut self.marks[(z * rows + y) * nx..][..nx];
                marks(level, row(y, z), row(y + 1, z), row(y, z + 1), to);
            }
        }
        true
    }
}

/// The crossings of sample `i` of the field, which its block counts as `sample`.
fn push(field: &Field, i: usize, sample: u32, marks: u8, out: &mut Vec<Crossing>) {
    let value = |i: usize| f64::from(field.values[i]);
    for axis in 0..3 {
        if marks >> axis & 1 != 0 {
            let (a, b) = (value(i), value(i + field.stride[axis]));
            out.push(Crossing::new(axis as u32, sample, a / (a - b)));
        }
    }
    if marks >> SAMPLE & 1 != 0 {
        out.push(Crossing::sample(sample));
    }
}

by_level! {
    /// 1 for negative, 2 for positive, 3 for zero; returns all of them together.
    fn signs(samples: &[f32], out: &mut [u8]) -> u8 {
        let mut all = 0;
        for (v, o) in samples.iter().zip(out) {
            *o = u8::from(*v <= 0.0) | (u8::from(*v >= 0.0) << 1);
            all |= *o;
        }
        all
    }

    /// Bits 0 to 2: the edge along x, y, z has ends of opposite signs; 3: the sample is zero.
    fn marks(own: &[u8], next_y: &[u8], next_z: &[u8], out: &mut [u8]) {
        let n = own.len();
        let (next_y, next_z, out) = (&next_y[..n], &next_z[..n], &mut out[..n]);
        for i in 0..n {
            let s = own[i];
            out[i] = (u8::from(s ^ next_y[i] == 3) << 1) | (u8::from(s ^ next_z[i] == 3) << 2) | (u8::from(s == 3) << 3);
        }
        for i in 0..n - 1 {
            out[i] |= u8::from(own[i] ^ own[i + 1] == 3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patch::Patch;
    use crate::testing::Rng;

    #[test]
    fn no_block_has_more_than_seven_crossings_a_sample_and_rounded_cells_have_more_than_their_edges() {
        let n = 24usize;
        let patch = Patch::new([1.0; 3], [0.0; 3], [n as u32; 3]).unwrap();
        let mut rng = Rng::new(5);
        let noise: Vec<f32> = (0..n * n * n).map(|_| rng.unit() as f32 - 0.5).collect();
        // Balls no larger than a cell, far enough apart that their blocks have room.
        let off = |c: usize| (c % 6) as f32 - 2.5;
        let ball = |i: usize| {
            let [x, y, z] = [i % n, i / n % n, i / (n * n)].map(off);
            (x * x + y * y + z * z).sqrt() - 0.9
        };
        let balls: Vec<f32> = (0..n * n * n).map(ball).collect();
        for (values, at_least) in [(noise, 192), (balls, 40)] {
            let field = Field::new(values, &patch, &(0..n as u32));
            let crossings = Crossings::of(&field, Level::detect(), &Monitor::none()).unwrap();
            let counts: Vec<u32> =
                crossings.beams.iter().flat_map(|b| &b.blocks).map(|b| crossings.extent(b).0).collect();
            let most = counts.iter().max().copied().unwrap_or(0);
            assert!((at_least..=448).contains(&most), "{most} crossings in a block");
            for beam in &crossings.beams {
                assert!(
                    beam.crossings.capacity() <= beam.crossings.len() + LANES,
                    "room for what is not there"
                );
            }
        }
    }
}
