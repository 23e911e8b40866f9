//! Writers: binary STL, OBJ, binary little-endian PLY, 3MF. Equal meshes give equal bytes.
//!
//! Elements become bytes in batches on all cores; the batches are handed on in order, so neither the number of
//! threads nor the size of a batch shows in the file.

use crate::mesh::TriMesh;
use crate::vector::{norm, normal};
use rayon::prelude::*;
use std::io::{Error, ErrorKind, Result, Write};

/// Triangles or vertices that one task turns into bytes.
const BATCH: usize = 1 << 12;
/// Batches that are turned into bytes before they are handed on: a few MiB, which stay in the cache.
const GROUP: usize = 16;

/// Hands the bytes that `encode` appends for each of `items` to `out`, in order.
pub(super) fn in_batches<T: Sync>(
    items: &[T],
    out: &mut dyn Write,
    encode: impl Fn(&T, &mut Vec<u8>) + Sync,
) -> Result<()> {
    let mut buffers = vec![Vec::new(); GROUP];
    for group in items.chunks(BATCH * GROUP) {
        buffers.par_iter_mut().zip(group.par_chunks(BATCH)).for_each(|(buffer, batch)| {
            buffer.clear();
            batch.iter().for_each(|item| encode(item, buffer));
        });
        for buffer in &buffers[..group.len().div_ceil(BATCH)] {
            out.write_all(buffer)?;
        }
    }
    Ok(())
}

/// Appends `v` in decimal; the formatting machinery would take several times longer.
fn decimal(mut v: u64, to: &mut Vec<u8>) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (v % 10) as u8;
        v /= 10;
        if v == 0 {
            break;
        }
    }
    to.extend_from_slice(&digits[at..]);
}

/// Appends the shortest decimal that reads back to `v`.
fn shortest(v: f32, to: &mut Vec<u8>) {
    write!(to, "{v:?}").expect("a vector takes all bytes");
}

/// Unit normal by the corners' order, zero for a triangle without area.
fn unit_normal(c: [[f32; 3]; 3]) -> [f32; 3] {
    let n = normal(c.map(|p| p.map(f64::from)));
    let length = norm(n);
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
    in_batches(&mesh.triangles, out, |t, to| {
        let corners = t.map(|i| mesh.positions[i as usize]);
        let mut record = [0u8; 50];
        let values = unit_normal(corners).into_iter().chain(corners.into_iter().flatten());
        for (bytes, v) in record.chunks_exact_mut(4).zip(values) {
            bytes.copy_from_slice(&v.to_le_bytes());
        }
        to.extend_from_slice(&record);
    })
}

pub(super) fn obj(mesh: &TriMesh, out: &mut dyn Write) -> Result<()> {
    in_batches(&mesh.positions, out, |p, to| {
        to.push(b'v');
        for &c in p {
            to.push(b' ');
            shortest(c, to);
        }
        to.push(b'\n');
    })?;
    in_batches(&mesh.triangles, out, |t, to| {
        to.push(b'f');
        for &i in t {
            to.push(b' ');
            decimal(u64::from(i) + 1, to);
        }
        to.push(b'\n');
    })
}

pub(super) fn ply(mesh: &TriMesh, out: &mut dyn Write) -> Result<()> {
    write!(
        out,
        "ply\nformat binary_little_endian 1.0\nelement vertex {}\nproperty float x\nproperty float y\n\
         property float z\nelement face {}\nproperty list uchar int vertex_indices\nend_header\n",
        mesh.positions.len(),
        mesh.triangles.len()
    )?;
    in_batches(&mesh.positions, out, |p, to| p.iter().for_each(|c| to.extend_from_slice(&c.to_le_bytes())))?;
    in_batches(&mesh.triangles, out, |t, to| {
        let mut record = [3u8; 13];
        for (bytes, i) in record[1..].chunks_exact_mut(4).zip(t) {
            bytes.copy_from_slice(&i.to_le_bytes());
        }
        to.extend_from_slice(&record);
    })
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
        // Half the time of the usual level for a quarter more bytes.
        .compression_level(Some(2))
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

fn model_part(mesh: &TriMesh, out: &mut dyn Write) -> Result<()> {
    out.write_all(
        b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<model unit=\"millimeter\" xml:lang=\"en-US\" \
          xmlns=\"http://schemas.microsoft.com/3dmanufacturing/core/2015/02\">\n<resources>\n\
          <object id=\"1\" type=\"model\"><mesh>\n<vertices>\n",
    )?;
    in_batches(&mesh.positions, out, |p, to| {
        to.extend_from_slice(b"<vertex");
        for (name, &c) in [&b" x=\""[..], b"\" y=\"", b"\" z=\""].iter().zip(p) {
            to.extend_from_slice(name);
            shortest(c, to);
        }
        to.extend_from_slice(b"\"/>\n");
    })?;
    out.write_all(b"</vertices>\n<triangles>\n")?;
    in_batches(&mesh.triangles, out, |t, to| {
        to.extend_from_slice(b"<triangle");
        for (name, &i) in [&b" v1=\""[..], b"\" v2=\"", b"\" v3=\""].iter().zip(t) {
            to.extend_from_slice(name);
            decimal(u64::from(i), to);
        }
        to.extend_from_slice(b"\"/>\n");
    })?;
    out.write_all(
        b"</triangles>\n</mesh></object>\n</resources>\n<build><item objectid=\"1\"/></build>\n</model>\n",
    )
}
