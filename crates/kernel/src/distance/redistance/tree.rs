//! An octree over the blocks of crossings.

use super::crossings::{Block, Crossings};
use rayon::prelude::*;

/// A box around crossings, in samples of the whole grid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub low: [u32; 3],
    pub high: [u32; 3],
    /// First child, or first crossing of a leaf.
    pub first: u32,
    /// Number of children, or of crossings.
    pub count: u32,
    /// The beam of a leaf.
    pub beam: u32,
}

/// Nodes level by level, leaves first; the root is the last.
pub(super) struct Tree {
    pub nodes: Vec<Node>,
    /// How many of them are leaves.
    pub leaves: usize,
}

impl Tree {
    pub fn build(crossings: &Crossings) -> Tree {
        let mut order: Vec<(u64, Block)> = crossings.blocks().map(|b| (key(b.at), *b)).collect();
        order.par_sort_unstable_by_key(|(key, _)| *key);
        let leaf = |(_, block): &(u64, Block)| {
            let (count, low, high) = crossings.extent(block);
            Node { low, high, first: block.first, count, beam: block.beam }
        };
        let mut nodes: Vec<Node> = order.par_iter().map(leaf).collect();
        let mut keys: Vec<u64> = order.into_iter().map(|(key, _)| key).collect();
        let (leaves, mut level) = (nodes.len(), 0);
        while keys.len() > 1 {
            let mut above = vec![];
            let mut i = 0;
            while i < keys.len() {
                let parent = keys[i] >> 3;
                let count = keys[i..].iter().take_while(|k| **k >> 3 == parent).count();
                let first = level + i;
                let node = around(&nodes[first..first + count], first as u32);
                nodes.push(node);
                above.push(parent);
                i += count;
            }
            level += keys.len();
            keys = above;
        }
        Tree { nodes, leaves }
    }
}

fn around(children: &[Node], first: u32) -> Node {
    let mut node = Node { first, count: children.len() as u32, ..children[0] };
    for child in children {
        for a in 0..3 {
            node.low[a] = node.low[a].min(child.low[a]);
            node.high[a] = node.high[a].max(child.high[a]);
        }
    }
    node
}

/// Bits of the three coordinates in turn (Morton 1966).
fn key(at: [u32; 3]) -> u64 {
    (0..3).map(|a| spread(at[a]) << a).sum()
}

/// The 21 lower bits of `x` with two zeros between neighbours.
fn spread(x: u32) -> u64 {
    let mut x = u64::from(x) & 0x1f_ffff;
    for (shift, mask) in [
        (32, 0x001f_0000_0000_ffff),
        (16, 0x001f_0000_ff00_00ff),
        (8, 0x100f_00f0_0f00_f00f),
        (4, 0x10c3_0c30_c30c_30c3),
        (2, 0x1249_2492_4924_9249),
    ] {
        x = (x | x << shift) & mask;
    }
    x
}
