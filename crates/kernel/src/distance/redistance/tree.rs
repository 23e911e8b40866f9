//! An octree over the blocks of sites.

use super::sites::{Block, Sites};
use rayon::prelude::*;

/// A box around sites.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub min: [f32; 3],
    pub max: [f32; 3],
    /// First child, or first site of a leaf.
    pub first: u32,
    /// Number of children, or of sites.
    pub count: u32,
    pub leaf: bool,
}

/// Nodes level by level, leaves first; the root is the last.
pub(super) struct Tree {
    pub nodes: Vec<Node>,
}

impl Tree {
    pub fn build(sites: &Sites) -> Tree {
        let mut order: Vec<(u64, Block)> = sites.blocks.par_iter().map(|b| (key(b.at), *b)).collect();
        order.par_sort_unstable_by_key(|(key, _)| *key);
        let mut nodes: Vec<Node> = order.par_iter().map(|(_, b)| leaf(sites, b)).collect();
        let mut keys: Vec<u64> = order.into_iter().map(|(key, _)| key).collect();
        let mut level = 0;
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
        Tree { nodes }
    }
}

fn leaf(sites: &Sites, block: &Block) -> Node {
    let (mut min, mut max) = ([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]);
    for i in block.first..block.first + block.count {
        let p = sites.point(i as usize);
        for a in 0..3 {
            min[a] = min[a].min(p[a]);
            max[a] = max[a].max(p[a]);
        }
    }
    Node { min, max, first: block.first, count: block.count, leaf: true }
}

fn around(children: &[Node], first: u32) -> Node {
    let mut node = Node { first, count: children.len() as u32, leaf: false, ..children[0] };
    for child in children {
        for a in 0..3 {
            node.min[a] = node.min[a].min(child.min[a]);
            node.max[a] = node.max[a].max(child.max[a]);
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
