//! The hierarchy of a network as a file: versioned, tied to the network it was built for, checked when read.
//!
//! Little-endian: magic `FSLNB\0`, version u16, SHA-256 of the network file (32 bytes), node count u32,
//! edge count u32, nodes (min 3×f32, max 3×f32, first u32, count u32; depth first), edge order (u32 each).

use super::network::{LineNetwork, NetworkBvh};
use crate::bvh::{Node, check_order, hex, outline_fault};
use std::io::{Read, Write};

const MAGIC: [u8; 6] = *b"FSLNB\0";
const VERSION: u16 = 1;

/// Why bytes are not a hierarchy of this network.
#[derive(Debug, thiserror::Error)]
pub enum NetworkBvhError {
    /// Some other file.
    #[error("not a line network BVH file: it does not begin with the magic number FSLNB")]
    NotABvh,
    /// Written by another version.
    #[error("line network BVH format version {0}, this service reads version {VERSION}")]
    Version(u16),
    /// Built for another network.
    #[error(
        "the BVH belongs to another network: it was built for sha256:{built_for}, the network is sha256:{network}"
    )]
    OtherNetwork {
        /// Checksum in the file.
        built_for: String,
        /// Checksum of the network.
        network: String,
    },
    /// Counts, indices or boxes contradict each other.
    #[error("damaged line network BVH file: {0}")]
    Damaged(String),
    /// Cut short, or the disk failed.
    #[error("line network BVH file: {0}")]
    Io(#[from] std::io::Error),
}

impl NetworkBvh {
    /// Writes the hierarchy; `network` is the SHA-256 of the network file it was built from.
    pub fn write(&self, network: &[u8; 32], out: &mut dyn Write) -> std::io::Result<()> {
        out.write_all(&MAGIC)?;
        out.write_all(&VERSION.to_le_bytes())?;
        out.write_all(network)?;
        out.write_all(&(self.nodes.len() as u32).to_le_bytes())?;
        out.write_all(&(self.order.len() as u32).to_le_bytes())?;
        // The words of a node and of the order are little-endian on every machine we build for.
        const { assert!(cfg!(target_endian = "little")) };
        out.write_all(bytemuck::cast_slice(&self.nodes))?;
        out.write_all(bytemuck::cast_slice(&self.order))
    }

    /// Reads a hierarchy of `network`, whose file has the SHA-256 `checksum`. Everything is checked, so that
    /// no file makes a query read out of bounds or run forever.
    pub fn read(
        from: &mut dyn Read,
        network: &LineNetwork,
        checksum: &[u8; 32],
    ) -> Result<NetworkBvh, NetworkBvhError> {
        let mut head = [0; 48];
        from.read_exact(&mut head).map_err(|_| NetworkBvhError::NotABvh)?;
        if head[..6] != MAGIC {
            return Err(NetworkBvhError::NotABvh);
        }
        let version = u16::from_le_bytes([head[6], head[7]]);
        if version != VERSION {
            return Err(NetworkBvhError::Version(version));
        }
        if head[8..40] != checksum[..] {
            let (built_for, network) = (hex(&head[8..40]), hex(checksum));
            return Err(NetworkBvhError::OtherNetwork { built_for, network });
        }
        let word =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]) as usize;
        let (node_count, edge_count) = (word(40), word(44));
        let edges = network.edges().len();
        if edge_count != edges || node_count > 2 * edge_count {
            let what = format!("{node_count} nodes over {edge_count} edges for a network of {edges}");
            return Err(NetworkBvhError::Damaged(what));
        }
        let mut nodes = vec![Node::default(); node_count];
        from.read_exact(bytemuck::cast_slice_mut(&mut nodes))?;
        let mut order = vec![0u32; edge_count];
        from.read_exact(bytemuck::cast_slice_mut(&mut order))?;
        check_order(&order, "edge").map_err(NetworkBvhError::Damaged)?;
        let ends: Vec<[[f32; 3]; 2]> = order.iter().map(|&e| network.ends(e as usize)).collect();
        outline_fault(&nodes, edges, "edge", |i| &ends[i]).map_err(NetworkBvhError::Damaged)?;
        Ok(NetworkBvh { nodes, order })
    }
}
