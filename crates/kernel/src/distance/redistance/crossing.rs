//! Four bytes that say where in a block of samples a line of the grid, or one in a cell, crosses the zero set.

use crate::simd::{F32x16, LANES};

/// Samples along an edge of a block: the crossings of a block are a leaf of the tree.
pub(super) const BLOCK: usize = 4;
/// Steps of a crossing's place on its edge.
const STEPS: f64 = (1 << 24) as f64;
/// Steps of a crossing's place on a line in a cell.
const LINE_STEPS: f64 = (1 << 18) as f64;
/// Kind of a crossing that is a sample or in a cell; other kinds are the axis of its edge.
pub(super) const SAMPLE: u32 = 3;

/// A crossing of the edge that leads from a sample of a block along an axis, a sample that is 0 and on the surface, or a crossing of
/// a line in a cell.
///
/// Bits 0–1: the axis, or [`SAMPLE`]. 2–7: the sample, x fastest. 8–31: how far along the edge. Of [`SAMPLE`] bits 8–9 are 3, or the
/// axis of a line in the cell behind the sample; then 10–11 and 12–13 say which line, in quarters of the cell along the next
/// axis and the one after it, and 14–31 how far along it.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(transparent)]
pub(super) struct Crossing(u32);

impl Crossing {
    /// Of the edge along `kind`.
    pub fn new(kind: u32, sample: u32, along: f64) -> Crossing {
        let steps = (along * STEPS).round().clamp(0.0, STEPS - 1.0) as u32;
        Crossing(steps << 8 | sample << 2 | kind)
    }

    /// A sample on the surface.
    pub fn sample(sample: u32) -> Crossing {
        Crossing(SAMPLE << 8 | sample << 2 | SAMPLE)
    }

    /// Of a line in a cell.
    pub fn within(axis: u32, sample: u32, line: [u32; 2], along: f64) -> Crossing {
        let steps = (along * LINE_STEPS).round().clamp(0.0, LINE_STEPS - 1.0) as u32;
        Crossing(steps << 14 | line[1] << 12 | line[0] << 10 | axis << 8 | sample << 2 | SAMPLE)
    }

    /// Where sixteen are whose block's first sample is at `corner` (whole numbers), times `scale`.
    ///
    /// # Safety
    /// The processor has what `V` needs.
    #[inline(always)]
    pub unsafe fn places<V: F32x16>(all: &[Crossing; LANES], corner: [f32; 3], scale: [f32; 3]) -> [V; 3] {
        unsafe {
            let words = bytemuck::cast_ref(all);
            let (zero, half) = (V::splat(0.0), V::splat(0.5));
            let (kind, along) = (V::of_bits(words, 0, 3), V::of_bits(words, 8, STEPS as u32 - 1));
            let edge = V::splat(SAMPLE as f32 - 0.5);
            let axis = V::of_bits(words, 8, 3).or_where_less(kind, kind, edge);
            let within =
                V::of_bits(words, 14, LINE_STEPS as u32 - 1).mul(V::splat((1.0 / LINE_STEPS) as f32));
            let along = within.or_where_less(along.mul(V::splat((1.0 / STEPS) as f32)), kind, edge);
            let quarter = V::splat(0.25).or_where_less(zero, kind, edge);
            let lines = [V::of_bits(words, 10, 3).mul(quarter), V::of_bits(words, 12, 3).mul(quarter)];
            let mut places = [zero; 3];
            for a in 0..3 {
                let mut off = zero;
                // Of the axis of the crossing along it, of the two behind that axis the line.
                for (b, own) in [along, lines[1], lines[0]].into_iter().enumerate() {
                    let of = axis.sub(V::splat(((a + b) % 3) as f32));
                    off = off.or_where_less(own, of.mul(of), half);
                }
                let whole = V::of_bits(words, 2 + 2 * a as u32, 3).add(V::splat(corner[a]));
                places[a] = whole.add(off).mul(V::splat(scale[a]));
            }
            places
        }
    }

    /// The whole cells around it along `axis`.
    pub fn span(self, axis: usize) -> [u32; 2] {
        let whole = self.0 >> (2 + 2 * axis) & 3;
        let (kind, own) = (self.0 & 3, self.0 >> 8 & 3);
        let beyond = if kind == SAMPLE { own != SAMPLE } else { kind == axis as u32 };
        [whole, whole + u32::from(beyond)]
    }
}
