//! Writers: binary STL, OBJ, binary little-endian PLY, 3MF. Equal meshes give equal bytes.

use crate::mesh::TriMesh;
use std::io::{Error, ErrorKind, Result, Write};

/// Triangles or vertices turned into bytes before they are handed on.
const BATCH: usize = 1 << 12;

/// Unit normal by the corners' order, zero for a triangle without area.
fn unit_normal(c: [[f32; 3]; 3]) -> [f32; 3] {
    let [a, b, c] = c.map(|p| p.map(f64::from));
    let u: [f64; 3] = std::array::from_fn(|k| b[k] - a[k]);
    let v: [f64; 3] = std::array::from_fn(|k| c[k] - a[k]);
    let n = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
    let length = (n[0] * n[0] + n[1] * n[1] + n[2] * n[2]).sqrt();
    if length > 0.0 { n.map(|x| (x / length) as f32) } else { [0.0; 3] }
}

pub(super) fn stl(mesh: &TriMesh, out: &mut dyn Write) -> Result<()> {
    let count = u32::try_from(mesh.triangles.len())
        .map_err(|_| Error::new(ErrorKind::InvalidInput, "STL counts triangles in 32 bits"))?;
    let mut header = [0u8; 84];
    // Not "solid", which some readers take for text.
    header[..10].copy_from_slice(b"binary STL");
    header[80..].copy_from_slice(&count.to_le_bytes());
    out.write_all(&header)?;
    let mut batch = Vec::with_capacity(50 * BATCH);
    for from in (0..mesh.triangles.len()).step_by(BATCH) {
        batch.clear();
        for t in from..(from + BATCH).min(mesh.triangles.len()) {
            let corners = mesh.corners(t);
            for v in unit_normal(corners).iter().chain(corners.as_flattened()) {
                batch.extend_from_slice(&v.to_le_bytes());
            }
            batch.extend_from_slice(&[0, 0]);
        }
        out.write_all(&batch)?;
    }
    Ok(())
}

pub(super) fn obj(mesh: &TriMesh, out: &mut dyn Write) -> Result<()> {
    let mut batch = Vec::new();
    for chunk in mesh.positions.chunks(BATCH) {
        batch.clear();
        for [x, y, z] in chunk {
            writeln!(batch, "v {x:?} {y:?} {z:?}")?;
        }
        out.write_all(&batch)?;
    }
    for chunk in mesh.triangles.chunks(BATCH) {
        batch.clear();
        for t in chunk {
            let [a, b, c] = t.map(|i| u64::from(i) + 1);
            writeln!(batch, "f {a} {b} {c}")?;
        }
        out.write_all(&batch)?;
    }
    Ok(())
}

pub(super) fn ply(mesh: &TriMesh, out: &mut dyn Write) -> Result<()> {
    write!(
        out,
        "ply\nformat binary_little_endian 1.0\nelement vertex {}\nproperty float x\nproperty float y\n\
         property float z\nelement face {}\nproperty list uchar int vertex_indices\nend_header\n",
        mesh.positions.len(),
        mesh.triangles.len()
    )?;
    let mut batch = Vec::with_capacity(13 * BATCH);
    for chunk in mesh.positions.chunks(BATCH) {
        batch.clear();
        batch.extend(chunk.as_flattened().iter().flat_map(|v| v.to_le_bytes()));
        out.write_all(&batch)?;
    }
    for chunk in mesh.triangles.chunks(BATCH) {
        batch.clear();
        for t in chunk {
            batch.push(3);
            t.iter().for_each(|i| batch.extend_from_slice(&i.to_le_bytes()));
        }
        out.write_all(&batch)?;
    }
    Ok(())
}

const CONTENT_TYPES: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
<Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
<Default Extension=\"model\" ContentType=\"application/vnd.ms-package.3dmanufacturing-3dmodel+xml\"/></Types>\n";
const RELATIONSHIPS: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
<Relationship Target=\"/3D/3dmodel.model\" Id=\"rel0\" \
Type=\"http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel\"/></Relationships>\n";

/// One object and one build item, unit millimeter. The zip carries no clock time, so equal meshes give equal bytes.
pub(super) fn threemf(mesh: &TriMesh, out: &mut dyn Write) -> Result<()> {
    let mut zip = zip::ZipWriter::new_stream(out);
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated)
        .last_modified_time(zip::DateTime::default())
        .large_file(mesh.triangles.len() > 10_000_000);
    for (name, text) in [("[Content_Types].xml", CONTENT_TYPES), ("_rels/.rels", RELATIONSHIPS)] {
        zip.start_file(name, options)?;
        zip.write_all(text.as_bytes())?;
    }
    zip.start_file("3D/3dmodel.model", options)?;
    model_part(mesh, &mut zip)?;
    zip.finish()?.into_inner().flush()
}

fn model_part(mesh: &TriMesh, out: &mut impl Write) -> Result<()> {
    out.write_all(
        b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<model unit=\"millimeter\" xml:lang=\"en-US\" \
          xmlns=\"http://schemas.microsoft.com/3dmanufacturing/core/2015/02\">\n<resources>\n\
          <object id=\"1\" type=\"model\"><mesh>\n<vertices>\n",
    )?;
    let mut batch = Vec::new();
    for chunk in mesh.positions.chunks(BATCH) {
        batch.clear();
        for [x, y, z] in chunk {
            writeln!(batch, "<vertex x=\"{x:?}\" y=\"{y:?}\" z=\"{z:?}\"/>")?;
        }
        out.write_all(&batch)?;
    }
    out.write_all(b"</vertices>\n<triangles>\n")?;
    for chunk in mesh.triangles.chunks(BATCH) {
        batch.clear();
        for [a, b, c] in chunk {
            writeln!(batch, "<triangle v1=\"{a}\" v2=\"{b}\" v3=\"{c}\"/>")?;
        }
        out.write_all(&batch)?;
    }
    out.write_all(
        b"</triangles>\n</mesh></object>\n</resources>\n<build><item objectid=\"1\"/></build>\n</model>\n",
    )
}
