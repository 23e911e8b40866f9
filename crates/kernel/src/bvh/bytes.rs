//! The hierarchy as a file: versioned, tied to the mesh it was built for, checked when read.
//!
//! Little-endian: magic `FSBVH\0`, version u16, SHA-256 of the mesh file (32 bytes), node count u32,
//! triangle count u32, nodes (min 3×f32, max 3×f32, first u32, count u32; depth first), triangle order (u32 each).

use super::build::{Bvh, MAX_DEPTH, Node};
use crate::mesh::TriMesh;
use std::io::{Read, Write};

const MAGIC: [u8; 6] = *b"FSBVH\0";
const VERSION: u16 = 1;

/// SHA-256 of the mesh file that a hierarchy belongs to.
pub type MeshChecksum = [u8; 32];

/// Why bytes are not a hierarchy of this mesh.
#[derive(Debug, thiserror::Error)]
pub enum BvhBytesError {
    /// Some other file.
    #[error("not a BVH file: it does not begin with the magic number FSBVH")]
    NotABvh,
    /// Written by another version.
    #[error("BVH format version {0}, this service reads version {VERSION}")]
    Version(u16),
    /// Built for another mesh.
    #[error(
        "the BVH belongs to another mesh: it was built for sha256:{built_for}, the mesh is sha256:{mesh}"
    )]
    OtherMesh {
        /// Checksum in the file.
        built_for: String,
        /// Checksum of the mesh.
        mesh: String,
    },
    /// Counts, indices or boxes contradict each other.
    #[error("damaged BVH file: {0}")]
    Damaged(String),
    /// Cut short, or the disk failed.
    #[error("BVH file: {0}")]
    Io(#[from] std::io::Error),
}

impl Bvh {
    /// Writes the hierarchy; `mesh` is the checksum of the mesh file it was built from.
    pub fn write(&self, mesh: &MeshChecksum, out: &mut dyn Write) -> std::io::Result<()> {
        out.write_all(&MAGIC)?;
        out.write_all(&VERSION.to_le_bytes())?;
        out.write_all(mesh)?;
        out.write_all(&(self.nodes.len() as u32).to_le_bytes())?;
        out.write_all(&(self.order.len() as u32).to_le_bytes())?;
        // The words of a node and of the order are little-endian on every machine we build for.
        const { assert!(cfg!(target_endian = "little")) };
        out.write_all(bytemuck::cast_slice(&self.nodes))?;
        out.write_all(bytemuck::cast_slice(&self.order))
    }

    /// Reads a hierarchy of `mesh`, whose file has the checksum `checksum`. Everything is checked, so that
    /// no file makes a query read out of bounds or run forever.
    pub fn read(from: &mut dyn Read, mesh: &TriMesh, checksum: &MeshChecksum) -> Result<Bvh, BvhBytesError> {
        let mut head = [0; 48];
        from.read_exact(&mut head).map_err(|_| BvhBytesError::NotABvh)?;
        if head[..6] != MAGIC {
            return Err(BvhBytesError::NotABvh);
        }
        let version = u16::from_le_bytes([head[6], head[7]]);
        if version != VERSION {
            return Err(BvhBytesError::Version(version));
        }
        if head[8..40] != checksum[..] {
            let (built_for, mesh) = (hex(&head[8..40]), hex(checksum));
            return Err(BvhBytesError::OtherMesh { built_for, mesh });
        }
        let word =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]) as usize;
        let (node_count, triangle_count) = (word(40), word(44));
        if triangle_count != mesh.triangles.len() || node_count > 2 * triangle_count {
            let what = format!(
                "{node_count} nodes over {triangle_count} triangles for a mesh of {}",
                mesh.triangles.len()
            );
            return Err(BvhBytesError::Damaged(what));
        }
        let mut nodes = vec![Node::default(); node_count];
        from.read_exact(bytemuck::cast_slice_mut(&mut nodes))?;
        let mut order = vec![0u32; triangle_count];
        from.read_exact(bytemuck::cast_slice_mut(&mut order))?;
        damaged(check_order(&order, "triangle"))?;
        let bvh = Bvh::from_parts(mesh, nodes, order);
        damaged(outline_fault(&bvh.nodes, bvh.order.len(), "triangle", |i| &bvh.corners[i]))?;
        Ok(bvh)
    }
}

fn damaged(result: Result<(), String>) -> Result<(), BvhBytesError> {
    result.map_err(BvhBytesError::Damaged)
}

/// Every leaf content appears once in `order`; `what` names one in the message.
pub(crate) fn check_order(order: &[u32], what: &str) -> Result<(), String> {
    let mut seen = vec![false; order.len()];
    for (i, &t) in order.iter().enumerate() {
        match seen.get_mut(t as usize) {
            Some(s) if !*s => *s = true,
            _ => return Err(format!("{what} {t} at position {i} is repeated or does not exist")),
        }
    }
    Ok(())
}

/// Every node is reached once, every thing (`count` of them, in tree order) lies in one leaf and in the boxes above it.
pub(crate) fn outline_fault<'a>(
    nodes: &[Node],
    count: usize,
    what: &str,
    corners: impl Fn(usize) -> &'a [[f32; 3]],
) -> Result<(), String> {
    let damaged = |at: usize, fault: &str| Err(format!("node {at}: {fault}"));
    let mut next = 0;
    // Subtrees still to come, as (index that must come next, depth, box of the parent).
    let mut open = match nodes.first() {
        Some(n) => vec![(0, 0, n.min, n.max)],
        None if count == 0 => return Ok(()),
        None => return damaged(0, "missing"),
    };
    let mut visited = 0;
    while let Some((at, depth, min, max)) = open.pop() {
        let Some(n) = nodes.get(at) else { return damaged(at, "does not exist") };
        if at != visited {
            return damaged(at, "not in depth-first order");
        }
        visited += 1;
        let within = |p: &[f32; 3]| (0..3).all(|a| min[a] <= p[a] && p[a] <= max[a]);
        if depth >= MAX_DEPTH || !within(&n.min) || !within(&n.max) {
            return damaged(at, "too deep, or larger than its parent");
        }
        if n.count == 0 {
            if n.first < 2 {
                return damaged(at, "its children overlap");
            }
            open.push((at + n.first as usize, depth + 1, n.min, n.max));
            open.push((at + 1, depth + 1, n.min, n.max));
            continue;
        }
        let end = n.first as usize + n.count as usize;
        if n.first as usize != next || end > count {
            return damaged(at, &format!("its {what}s are not the next ones"));
        }
        let inside = |p: &[f32; 3]| (0..3).all(|a| n.min[a] <= p[a] && p[a] <= n.max[a]);
        if !(next..end).all(|i| corners(i).iter().all(inside)) {
            return damaged(at, &format!("a {what} sticks out of its box"));
        }
        next = end;
    }
    match visited == nodes.len() && next == count {
        true => Ok(()),
        false => damaged(visited, &format!("nodes or {what}s are left over")),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Monitor;
    use crate::testing::{Rng, bumpy_sphere};

    fn written() -> (TriMesh, Vec<u8>) {
        let mesh = bumpy_sphere(12, 24, 1.0, 0.1);
        let bvh = Bvh::build(&mesh, &Monitor::none()).unwrap();
        let mut bytes = vec![];
        bvh.write(&[7; 32], &mut bytes).unwrap();
        (mesh, bytes)
    }

    #[test]
    fn reads_back_what_was_written() {
        let (mesh, bytes) = written();
        let built = Bvh::build(&mesh, &Monitor::none()).unwrap();
        let read = Bvh::read(&mut &bytes[..], &mesh, &[7; 32]).unwrap();
        assert_eq!(read.order, built.order);
        assert_eq!(read.corners, built.corners);
        let other = Bvh::read(&mut &bytes[..], &mesh, &[8; 32]).unwrap_err().to_string();
        assert!(
            other.starts_with("the BVH belongs to another mesh: it was built for sha256:0707"),
            "{other}"
        );
    }

    #[test]
    fn damaged_files_are_refused_or_harmless() {
        let (mesh, bytes) = written();
        let mut rng = Rng::new(3);
        for _ in 0..3000 {
            let mut b = bytes.clone();
            for _ in 0..1 + rng.below(3) {
                let at = rng.below(b.len());
                b[at] = rng.next() as u8;
            }
            if rng.below(4) == 0 {
                b.truncate(rng.below(b.len()));
            }
            if let Ok(bvh) = Bvh::read(&mut &b[..], &mesh, &[7; 32]) {
                bvh.closest([0.1, 0.2, 0.3]);
            }
        }
    }
}
