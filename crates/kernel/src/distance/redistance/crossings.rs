//! Where the edges of the grid cross the zero set: points that lie on it for certain, whatever the field.
//!
//! Along an edge between two samples the trilinear interpolant is linear, so its zero there is exact. Every part of the
//! surface reaches a crossing: in a cell without one all corners have one sign, and the interpolant has it, too. A sample that is 0 counts once
//! for all its edges, if it has a neighbour inside: zeros in the void are no surface.
//!
//! # Memory
//! Four bytes a crossing, at most three crossings a sample; 20 bytes for a block of 4×4×4 samples that has any.

use super::field::Field;
use crate::by_level;
use crate::monitor::{Cancelled, Monitor};
use crate::simd::{F32x16, LANES, Level};
use rayon::prelude::*;

/// Samples along an edge of a block: the crossings of a block are a leaf of the tree.
pub(super) const BLOCK: usize = 4;
/// Steps of a crossing's place on its edge.
const STEPS: f64 = (1 << 24) as f64;
/// Kind of a crossing that is a sample; other kinds are the axis of its edge.
const SAMPLE: u32 = 3;

/// A crossing of the edge that leads from a sample of a block along an axis, or a sample that is 0 and on the surface.
///
/// Bits 0–1: the axis, or [`SAMPLE`]. 2–7: the sample, x fastest. 8–31: how far along the edge.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(transparent)]
pub(super) struct Crossing(u32);

impl Crossing {
    fn new(kind: u32, sample: u32, along: f64) -> Crossing {
        let steps = (along * STEPS).round().clamp(0.0, STEPS - 1.0) as u32;
        Crossing(steps << 8 | sample << 2 | kind)
    }

    /// Where sixteen are whose block's first sample is at `corner` (whole numbers), times `scale`.
    ///
    /// # Safety
    /// The processor has what `V` needs.
    #[inline(always)]
    pub unsafe fn places<V: F32x16>(all: &[Crossing; LANES], corner: [f32; 3], scale: [f32; 3]) -> [V; 3] {
        unsafe {
            let words = bytemuck::cast_ref(all);
            let (kind, along) = (V::of_bits(words, 0, 3), V::of_bits(words, 8, STEPS as u32 - 1));
            let along = along.mul(V::splat((1.0 / STEPS) as f32));
            let mut places = [V::splat(0.0); 3];
            for a in 0..3 {
                let off = kind.sub(V::splat(a as f32));
                let along = V::splat(0.0).or_where_less(along, off.mul(off), V::splat(0.5));
                let whole = V::of_bits(words, 2 + 2 * a as u32, 3).add(V::splat(corner[a]));
                places[a] = whole.add(along).mul(V::splat(scale[a]));
            }
            places
        }
    }

    /// The whole cells around it along `axis`.
    fn span(self, axis: usize) -> [u32; 2] {
        let whole = self.0 >> (2 + 2 * axis) & 3;
        [whole, whole + u32::from(self.0 & 3 == axis as u32)]
    }
}

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
            if beam.crossings.len() as u32 > first {
                beam.blocks.push(Block { at: [bx, at[0], at[1]].map(|b| b as u32), beam: number, first });
            }
        }
        let end = beam.crossings.len();
        beam.crossings.resize(end + LANES, Crossing(0));
        beam
    }

    /// Marks the crossed edges of the `rows` × `planes` rows of samples from row `y0` of plane `z0` on; whether there are any.
    fn mark(
        &mut self,
        field: &Field,
        level: Level,
        [y0, z0]: [usize; 2],
        [rows, planes]: [usize; 2],
    ) -> bool {
        const STRIDE: usize = BLOCK + 1;
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
        let mut any = 0;
        for z in 0..planes {
            for y in 0..rows {
                let row = |y: usize, z: usize| &self.signs[(z * STRIDE + y) * nx..][..nx];
                let to = &mut self.marks[(z * rows + y) * nx..][..nx];
                any |= marks(level, row(y, z), row(y + 1, z), row(y, z + 1), to);
            }
        }
        any != 0
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
        out.push(Crossing::new(SAMPLE, sample, 0.0));
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

    /// Bits 0 to 2: the edge along x, y, z has ends of opposite signs; 3: the sample is zero. Returns all of them together.
    fn marks(own: &[u8], next_y: &[u8], next_z: &[u8], out: &mut [u8]) -> u8 {
        let n = own.len();
        let (next_y, next_z, out) = (&next_y[..n], &next_z[..n], &mut out[..n]);
        let mut all = 0;
        for i in 0..n {
            let s = own[i];
            out[i] = (u8::from(s ^ next_y[i] == 3) << 1) | (u8::from(s ^ next_z[i] == 3) << 2) | (u8::from(s == 3) << 3);
        }
        for i in 0..n - 1 {
            out[i] |= u8::from(own[i] ^ own[i + 1] == 3);
        }
        for mark in out.iter() {
            all |= mark;
        }
        all
    }
}
