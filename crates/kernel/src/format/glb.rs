//! GLB: glTF 2.0 in one binary file; one mesh, indexed, without normals.
//!
//! # Promises
//! The numbers in the file are the mesh's own, in mm with z up. glTF counts in metres with y up, so the one node
//! carries the scale 0.001 and the rotation of −90° about x: viewers show the true size and the right way up, and
//! programs that ignore nodes see millimetres. A mesh without triangles gives an empty scene.
//!
//! # Limits
//! The length of the file is written in 32 bits: about 350 million triangles with their vertices.
//!
//! # Source
//! Khronos Group, glTF 2.0 specification (2021), 3.6.2 accessors, 3.11 binary data, 4 GLB file format.

use super::entry::MeshFormat;
use super::write::in_batches;
use crate::mesh::TriMesh;
use std::io::{Error, ErrorKind, Result, Write};

/// glTF 2.0 in one binary file. Written only.
pub const ENTRY: MeshFormat = MeshFormat { extension: "glb", name: "GLB", read: None, write: Some(write) };

impl MeshFormat {
    /// glTF 2.0 in one binary file. Written only.
    pub const GLB: &MeshFormat = &ENTRY;
}

pub(super) fn write(mesh: &TriMesh, out: &mut dyn Write) -> Result<()> {
    let (positions, indices) = (12 * mesh.positions.len() as u64, 12 * mesh.triangles.len() as u64);
    let empty = mesh.triangles.is_empty();
    let mut json = if empty {
        String::from(
            "{\"asset\":{\"version\":\"2.0\",\"generator\":\"Fieldstone\"},\"scene\":0,\"scenes\":[{}]}",
        )
    } else {
        document(mesh, positions, indices)
    };
    // Chunks are padded to four bytes, JSON with spaces. The other chunk is a multiple already.
    while !json.len().is_multiple_of(4) {
        json.push(' ');
    }
    let binary = if empty { 0 } else { 8 + positions + indices };
    let total = u32::try_from(20 + json.len() as u64 + binary)
        .map_err(|_| Error::new(ErrorKind::InvalidInput, "the mesh is too large for GLB: 4 GiB at most"))?;
    for word in
        [*b"glTF", 2u32.to_le_bytes(), total.to_le_bytes(), (json.len() as u32).to_le_bytes(), *b"JSON"]
    {
        out.write_all(&word)?;
    }
    out.write_all(json.as_bytes())?;
    if empty {
        return Ok(());
    }
    out.write_all(&((positions + indices) as u32).to_le_bytes())?;
    out.write_all(b"BIN\0")?;
    in_batches(&mesh.positions, out, |p, to| p.iter().for_each(|c| to.extend_from_slice(&c.to_le_bytes())))?;
    in_batches(&mesh.triangles, out, |t, to| t.iter().for_each(|i| to.extend_from_slice(&i.to_le_bytes())))
}

/// The JSON chunk. The bounds are those of all vertices, used or not, as accessors want them.
fn document(mesh: &TriMesh, positions: u64, indices: u64) -> String {
    let (mut low, mut high) = ([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]);
    for p in &mesh.positions {
        for a in 0..3 {
            low[a] = low[a].min(p[a]);
            high[a] = high[a].max(p[a]);
        }
    }
    format!(
        "{{\"asset\":{{\"version\":\"2.0\",\"generator\":\"Fieldstone\"}},\"scene\":0,\"scenes\":[{{\"nodes\":[0]}}],\
         \"nodes\":[{{\"mesh\":0,\"rotation\":[-0.70710678,0,0,0.70710678],\"scale\":[0.001,0.001,0.001]}}],\
         \"meshes\":[{{\"primitives\":[{{\"attributes\":{{\"POSITION\":0}},\"indices\":1,\"mode\":4}}]}}],\
         \"accessors\":[{{\"bufferView\":0,\"componentType\":5126,\"count\":{},\"type\":\"VEC3\",\
         \"min\":{low:?},\"max\":{high:?}}},\
         {{\"bufferView\":1,\"componentType\":5125,\"count\":{},\"type\":\"SCALAR\"}}],\
         \"bufferViews\":[{{\"buffer\":0,\"byteOffset\":0,\"byteLength\":{positions},\"target\":34962}},\
         {{\"buffer\":0,\"byteOffset\":{positions},\"byteLength\":{indices},\"target\":34963}}],\
         \"buffers\":[{{\"byteLength\":{}}}]}}",
        mesh.positions.len(),
        3 * mesh.triangles.len(),
        positions + indices
    )
}
