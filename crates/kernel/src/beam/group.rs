//! Sorts the points of a block by the part of space they lie in, so that each part's few struts are measured at once.

use super::BLOCK;
use super::Style;
use super::evaluate::{Choice, Points, evaluate};
use crate::by_level;
use crate::simd::{LANES, Level};

/// Room for one group of points, padded to whole vectors.
const ROOM: usize = BLOCK + LANES;

/// How an axis is cut into parts; past the ends lie parts −1 and `count`, clamped to -1 and `count`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    /// Where part 0 begins.
    pub from: f32,
    /// Parts per mm.
    pub density: f32,
    /// Number of parts.
    pub count: u32,
    /// Parts are counted from −1 to `count`: add this to the index times `stride`.
    pub stride: u32,
}

by_level! {
    /// Wraps coordinates into one period that begins at 0.
    pub(super) fn wrap(period: f32, inverse: f32, values: &[f32], out: &mut [f32]) {
        for (v, o) in values.iter().zip(out) {
            *o = v - (v * inverse).floor() * period;
        }
    }

    /// Adds the part of each coordinate, times the stride: 0 below the first part, then 1…count, then count + 1.
    pub(super) fn add_part(axis: Axis, values: &[f32], parts: &mut [u32]) {
        let last = axis.count as f32 + 1.0;
        for (v, p) in values.iter().zip(parts) {
            let f = (v - axis.from) * axis.density + 1.0;
            let f = if f > 0.0 { f } else { 0.0 };
            let f = if f < last { f } else { last };
            *p += f as i32 as u32 * axis.stride;
        }
    }

    /// The same where points cannot lie outside but for rounding: 0…count − 1.
    pub(super) fn add_inner_part(axis: Axis, values: &[f32], parts: &mut [u32]) {
        let last = axis.count as f32 - 1.0;
        for (v, p) in values.iter().zip(parts) {
            let f = (v - axis.from) * axis.density;
            let f = if f > 0.0 { f } else { 0.0 };
            let f = if f < last { f } else { last };
            *p += f as i32 as u32 * axis.stride;
        }
    }
}

/// Consecutive points of the block in one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Run {
    pub part: u32,
    pub from: u16,
    pub to: u16,
}

/// The runs of a block of at most [`BLOCK`] points, ordered by part and then by place.
pub(super) fn runs(parts: &[u32]) -> Vec<Run> {
    let mut runs = Vec::with_capacity(128);
    let mut from = 0;
    while let Some(&part) = parts.get(from) {
        let to = parts[from..].iter().position(|p| *p != part).map_or(parts.len(), |n| from + n);
        runs.push(Run { part, from: from as u16, to: to as u16 });
        from = to;
    }
    runs.sort_unstable();
    runs
}

/// Gathers points, measures them, scatters the results.
pub(super) struct Bench {
    points: [[f32; ROOM]; 4],
    least: [f32; ROOM],
    second: [f32; ROOM],
}

impl Bench {
    pub fn new() -> Bench {
        Bench { points: [[0.0; ROOM]; 4], least: [0.0; ROOM], second: [0.0; ROOM] }
    }

    /// Evaluates the points of `runs`, all of one part, against `choice`.
    pub fn measure(
        &mut self,
        level: Level,
        style: &Style,
        choice: Choice,
        p: Points,
        runs: &[Run],
        out: &mut [f32],
    ) {
        let mut count = 0;
        for (to, from) in self.points.iter_mut().zip([p.x, p.y, p.z, p.multiplier]) {
            count = 0;
            for r in runs {
                let source = &from[r.from as usize..r.to as usize];
                to[count..count + source.len()].copy_from_slice(source);
                count += source.len();
            }
            let last = to[count - 1];
            to[count..count.next_multiple_of(LANES)].fill(last);
        }
        let padded = count.next_multiple_of(LANES);
        let [x, y, z, multiplier] = self.points.each_ref().map(|c| &c[..padded]);
        let (least, second) = (&mut self.least[..padded], &mut self.second[..padded]);
        evaluate(level, style, choice, Points { x, y, z, multiplier }, least, second);
        let mut at = 0;
        for r in runs {
            let target = &mut out[r.from as usize..r.to as usize];
            target.copy_from_slice(&least[at..at + target.len()]);
            at += target.len();
        }
    }
}
