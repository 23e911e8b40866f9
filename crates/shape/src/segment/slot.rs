//! Buffers for the values of a block: channels one after the other, and points of a box as three short rows.

use super::kept::{KeptPlanes, for_rows};
use super::step::{Block, Points, indices};
use crate::affine;
use crate::operator::{Lanes, LanesMut, Rows};
use fieldstone_kernel::by_level;
use fieldstone_kernel::simd::Level;

/// The values of one step.
#[derive(Default)]
pub(super) struct Slot {
    pub(super) channels: [Vec<f32>; 4],
    rows: [Vec<f32>; 3],
    /// Whether the block's points are in `rows`.
    pub(super) has_rows: bool,
    /// Whether they are in `channels`.
    expanded: bool,
}

impl Slot {
    /// So many values per channel, of no particular content.
    pub(super) fn reset(&mut self, count: usize, channels: usize) {
        (self.has_rows, self.expanded) = (false, true);
        for channel in &mut self.channels[..channels] {
            channel.resize(count, 0.0);
        }
        for channel in &mut self.channels[channels..] {
            channel.clear();
        }
    }

    pub(super) fn lanes(&self, count: usize) -> [&[f32]; 4] {
        self.channels.each_ref().map(|c| &c[..c.len().min(count)])
    }

    pub(super) fn lanes_mut(&mut self) -> LanesMut<'_> {
        LanesMut(self.channels.each_mut().map(|c| &mut c[..]))
    }

    pub(super) fn rows(&self) -> Rows<'_> {
        Rows(self.rows.each_ref().map(|r| &r[..]))
    }

    pub(super) fn copy(&mut self, from: &Slot, count: usize, channels: usize) {
        self.reset(count, channels);
        for c in 0..channels {
            self.channels[c].copy_from_slice(&from.channels[c][..count]);
        }
    }

    pub(super) fn fill_points(&mut self, points: &Points, block: &Block) {
        match points {
            Points::Grid(axes) => {
                (self.has_rows, self.expanded) = (true, false);
                for a in 0..3 {
                    self.rows[a].clear();
                    self.rows[a].extend_from_slice(&axes[a][indices(&block[a])]);
                }
            }
            Points::List(points) => {
                self.reset(block[0].len(), 3);
                for a in 0..3 {
                    self.channels[a].copy_from_slice(&points[a][indices(&block[0])]);
                }
            }
        }
    }

    /// Points of anywhere.
    pub(super) fn set_points(&mut self, points: [&[f32]; 3]) {
        (self.has_rows, self.expanded) = (false, true);
        for (channel, along) in self.channels.iter_mut().zip(points) {
            channel.clear();
            channel.extend_from_slice(along);
        }
    }

    /// Writes out the points of a box, x fastest.
    pub(super) fn expand(&mut self, level: Level) {
        if self.expanded {
            return;
        }
        let [x, y, z] = &self.rows;
        let count = x.len() * y.len() * z.len();
        let [to_x, to_y, to_z, _] = &mut self.channels;
        for to in [&mut *to_x, &mut *to_y, &mut *to_z] {
            to.resize(count, 0.0);
        }
        expand_rows(level, x, y, z, to_x, to_y, to_z);
        self.channels[3].clear();
        self.expanded = true;
    }

    pub(super) fn map(&mut self, level: Level, map: &affine::Lanes, from: &mut Slot, count: usize) {
        if from.has_rows && map.diagonal {
            (self.has_rows, self.expanded) = (true, false);
            for a in 0..3 {
                self.rows[a].resize(from.rows[a].len(), 0.0);
                map.axis(level, a, &from.rows[a], &mut self.rows[a]);
            }
            return;
        }
        from.expand(level);
        self.reset(count, 3);
        let lanes = Lanes(from.lanes(count));
        map.points(level, lanes.points(), self.lanes_mut().points());
    }

    pub(super) fn copy_kept(&mut self, kept: &KeptPlanes, n: [u32; 3], block: &Block) {
        self.reset(block.iter().map(|r| r.len()).product(), kept.channels.len());
        for (from, to) in kept.channels.iter().zip(&mut self.channels) {
            let mut to = to.chunks_mut(block[0].len());
            for_rows(&kept.z, n, block, |row| {
                to.next().expect("one chunk a row").copy_from_slice(&from[row]);
            });
        }
    }
}

by_level! {
    fn expand_rows(x: &[f32], y: &[f32], z: &[f32], to_x: &mut [f32], to_y: &mut [f32], to_z: &mut [f32]) {
        let n = x.len();
        let mut at = 0;
        for z in z {
            for y in y {
                to_x[at..at + n].copy_from_slice(x);
                to_y[at..at + n].fill(*y);
                to_z[at..at + n].fill(*z);
                at += n;
            }
        }
    }
}
