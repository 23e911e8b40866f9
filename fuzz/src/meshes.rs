//! Mesh files, and the hierarchies over meshes and line networks that jobs leave for other jobs.

use fieldstone_kernel::beam::{Limits, LineNetwork, NetworkBvh};
use fieldstone_kernel::bvh::Bvh;
use fieldstone_kernel::format::{MeshFormat, MeshLimits, ReadMesh, WRITTEN, read_mesh, write_mesh};
use fieldstone_kernel::mesh::{Preprocess, preprocess};
use fieldstone_kernel::{Monitor, TriMesh};

/// Above this a mesh is only read: what follows is for many small ones.
const PROCESSED: usize = 300;

/// Reads bytes as a mesh file. What is read must hold what the reader promises, be written and read back, and be repaired.
fn mesh(data: &[u8], format: &MeshFormat) {
    let (limits, monitor) = (
        MeshLimits { max_triangles: 20_000, max_unpacked_bytes: 4 << 20, ..MeshLimits::default() },
        Monitor::none(),
    );
    let Ok(ReadMesh { mesh, .. }) = read_mesh(data, format, &limits, &monitor) else { return };
    assert!(!mesh.triangles.is_empty() && mesh.triangles.len() as u64 <= limits.max_triangles);
    assert!(mesh.positions.iter().flatten().all(|c| c.is_finite()));
    assert!(mesh.triangles.iter().flatten().all(|&i| (i as usize) < mesh.positions.len()));
    if mesh.triangles.len() > PROCESSED {
        return;
    }
    for format in WRITTEN {
        let mut bytes = Vec::new();
        write_mesh(&mesh, format, &mut bytes).expect("memory takes everything");
        if format.is_read() {
            let again = read_mesh(&bytes, format, &MeshLimits::default(), &monitor);
            let again = again.unwrap_or_else(|e| panic!("what was written as {format:?} is refused: {e}"));
            assert_eq!(again.mesh.triangles.len(), mesh.triangles.len());
        }
    }
    let Ok((repaired, _)) = preprocess(mesh, &Preprocess::default(), &monitor) else { return };
    assert!(repaired.positions.iter().flatten().all(|c| c.is_finite()));
    let bvh = Bvh::build(&repaired, &monitor).expect("nobody cancels");
    let near = repaired.positions.iter().flatten().all(|c| c.abs() < 1e18);
    assert!(!near || bvh.closest([0.0; 3]).is_some() != repaired.triangles.is_empty());
}

/// STL, binary and text.
pub fn stl(data: &[u8]) {
    mesh(data, MeshFormat::STL);
}

/// OBJ.
pub fn obj(data: &[u8]) {
    mesh(data, MeshFormat::OBJ);
}

/// PLY, text and binary of either byte order.
pub fn ply(data: &[u8]) {
    mesh(data, MeshFormat::PLY);
}

/// 3MF: a zip of XML.
pub fn threemf(data: &[u8]) {
    mesh(data, MeshFormat::THREE_MF);
}

/// A tetrahedron.
fn tetrahedron() -> TriMesh {
    TriMesh {
        positions: vec![[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        triangles: vec![[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]],
    }
}

/// A hierarchy file of a mesh, or after a first byte that is odd of a line network.
pub fn hierarchy(data: &[u8]) {
    let Some((kind, mut data)) = data.split_first() else { return };
    let checksum = [0; 32];
    if kind % 2 == 0 {
        let mesh = tetrahedron();
        let Ok(bvh) = Bvh::read(&mut data, &mesh, &checksum) else { return };
        let found = bvh.closest([0.25, 0.25, -1.0]).expect("there are triangles");
        assert_eq!(found.triangle, 0, "an accepted hierarchy finds what is closest");
        return;
    }
    let nodes = [[0.0; 3], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 2.0]];
    let limits = Limits { nodes: 4, edges: 3, candidates: 64 };
    let network = LineNetwork::new(&nodes, vec![[0, 1], [1, 2], [2, 3]], None, &limits).expect("sound");
    if let Ok(bvh) = NetworkBvh::read(&mut data, &network, &checksum) {
        assert_eq!(bvh.edge_count(), 3);
    }
}
