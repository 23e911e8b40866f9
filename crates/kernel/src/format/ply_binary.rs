//! The binary body of a PLY file. `BIG` is the byte order; rows of fixed size are read in parallel.

use super::encoding;
use super::error::{FormatError, malformed};
use super::notes::Notes;
use super::ply_body::{Body, Faces, Strips, out_of_range};
use super::ply_header::{Element, Header, Property, Scalar};
use super::polygon::Polygons;
use crate::monitor::Monitor;
use rayon::prelude::*;

const ROWS_PER_TASK: usize = 1 << 16;

pub(super) fn read<const BIG: bool>(
    bytes: &[u8],
    header: &Header,
    monitor: &Monitor,
    notes: &mut Notes,
) -> Result<Body, FormatError> {
    let mut body = &bytes[header.body..];
    let mut read = Body::default();
    for (i, element) in header.elements.iter().enumerate() {
        if i == header.vertex {
            read.positions = vertices::<BIG>(&mut body, element, header.xyz, monitor)?;
        } else if let Some(face) = header.face_element(i) {
            read.faces.push(match face.is_strips {
                true => read_strips::<BIG>(&mut body, element, face.corners, header, monitor)?,
                false => read_faces::<BIG>(&mut body, element, face.corners, header, monitor)?,
            });
        } else if let Some(stride) = element.stride() {
            take_rows(&mut body, element, stride)?;
        } else {
            walk_rows::<BIG>(&mut body, element, monitor, |_, _, _| Ok(()))?;
        }
    }
    if !body.iter().all(|b| encoding::is_padding(*b)) {
        let at = bytes.len() - body.len();
        notes.add(format!("byte {at}: {} bytes behind the last promised row were ignored", body.len()));
    }
    Ok(read)
}

fn ends_early(element: &Element, row: u64) -> FormatError {
    malformed("PLY", format!("{} {row}", element.name), "the file ends inside this row")
}

fn take_rows<'a>(body: &mut &'a [u8], element: &Element, stride: usize) -> Result<&'a [u8], FormatError> {
    let present = body.len().checked_div(stride).map_or(u64::MAX, |n| n as u64);
    if element.count > present {
        return Err(ends_early(element, present));
    }
    let (rows, rest) = body.split_at(if stride == 0 { 0 } else { element.count as usize * stride });
    *body = rest;
    Ok(rows)
}

fn vertices<const BIG: bool>(
    body: &mut &[u8],
    element: &Element,
    xyz: [usize; 3],
    monitor: &Monitor,
) -> Result<Vec<[f32; 3]>, FormatError> {
    let refuse = |row: u64, v: f64| {
        malformed("PLY", format!("{} {row}", element.name), format!("the coordinate {v} is not finite"))
    };
    let Some(stride) = element.stride() else {
        let mut positions = Vec::new();
        let mut p = [0.0; 3];
        walk_rows::<BIG>(body, element, monitor, |row, property, bytes| {
            if let Some(axis) = xyz.iter().position(|&k| k == property) {
                p[axis] = finite(number::<BIG>(bytes, element.properties[property].item))
                    .map_err(|v| refuse(row, v))?;
            }
            if property + 1 == element.properties.len() {
                positions.push(p);
            }
            Ok(())
        })?;
        return Ok(positions);
    };
    let offset = |k: usize| element.properties[..k].iter().map(|p| p.item.size()).sum::<usize>();
    let places = xyz.map(|k| (offset(k), element.properties[k].item));
    let rows = take_rows(body, element, stride)?;
    let mut positions = vec![[0f32; 3]; element.count as usize];
    let parts: Vec<Result<(), FormatError>> = positions
        .par_chunks_mut(ROWS_PER_TASK)
        .zip(rows.par_chunks(ROWS_PER_TASK * stride))
        .enumerate()
        .map(|(part, (out, rows))| {
            monitor.check()?;
            for (i, (p, row)) in out.iter_mut().zip(rows.chunks_exact(stride)).enumerate() {
                for (x, (at, item)) in p.iter_mut().zip(places) {
                    *x = finite(number::<BIG>(&row[at..], item))
                        .map_err(|v| refuse((part * ROWS_PER_TASK + i) as u64, v))?;
                }
            }
            Ok(())
        })
        .collect();
    parts.into_iter().collect::<Result<(), _>>()?;
    Ok(positions)
}

fn finite(value: f64) -> Result<f32, f64> {
    let narrow = value as f32;
    if narrow.is_finite() { Ok(narrow) } else { Err(value) }
}

fn read_faces<const BIG: bool>(
    body: &mut &[u8],
    element: &Element,
    list: usize,
    header: &Header,
    monitor: &Monitor,
) -> Result<Faces, FormatError> {
    let vertices = header.vertex_count();
    let refuse = |row: u64, index: i64| {
        malformed("PLY", format!("{} {row}", element.name), out_of_range(index, vertices))
    };
    if let Some(layout) = TriangleRows::of(element, list, body) {
        let rows = &body[..layout.stride * element.count as usize];
        if let Some(triangles) = layout.read::<BIG>(rows, monitor, vertices, refuse)? {
            *body = &body[rows.len()..];
            return Ok(Faces::Triangles(triangles));
        }
    }
    let mut polygons = Polygons::default();
    let corners = &element.properties[list];
    walk_rows::<BIG>(body, element, monitor, |row, property, bytes| {
        if property != list {
            return Ok(());
        }
        let start = polygons.corners.len();
        for item in bytes.chunks_exact(corners.item.size()) {
            polygons
                .corners
                .push(corner(integer::<BIG>(item, corners.item), vertices).map_err(|v| refuse(row, v))?);
        }
        polygons.close(start);
        Ok(())
    })?;
    Ok(Faces::Polygons(vec![polygons]))
}

fn read_strips<const BIG: bool>(
    body: &mut &[u8],
    element: &Element,
    list: usize,
    header: &Header,
    monitor: &Monitor,
) -> Result<Faces, FormatError> {
    let vertices = header.vertex_count();
    let mut strips = Strips::default();
    let item = element.properties[list].item;
    walk_rows::<BIG>(body, element, monitor, |row, property, bytes| {
        if property != list {
            return Ok(());
        }
        for (k, bytes) in bytes.chunks_exact(item.size()).enumerate() {
            // One row may be the whole mesh.
            if k % (1 << 16) == 0 {
                monitor.check()?;
            }
            let index = integer::<BIG>(bytes, item);
            match corner(index, vertices) {
                Ok(c) => strips.push(Some(c)),
                // In unsigned numbers, minus one is all ones.
                Err(_) if bytes.iter().all(|b| *b == 0xff) || index < 0 => strips.push(None),
                Err(index) => {
                    let at = format!("{} {row}", element.name);
                    return Err(malformed("PLY", at, out_of_range(index, vertices)));
                }
            }
        }
        strips.end_row();
        Ok(())
    })?;
    Ok(Faces::Triangles(strips.triangles))
}

#[inline]
fn corner(index: i64, vertices: u64) -> Result<u32, i64> {
    if index >= 0 && (index as u64) < vertices { Ok(index as u32) } else { Err(index) }
}

/// Where things stand in a face row if every face is a triangle.
struct TriangleRows {
    stride: usize,
    length_at: usize,
    length: Scalar,
    item: Scalar,
}

impl TriangleRows {
    /// Only where the corners are the one list, and the body is long enough for triangles.
    fn of(element: &Element, corners: usize, body: &[u8]) -> Option<TriangleRows> {
        let fixed = |p: &[Property]| {
            p.iter().map(|p| p.length.is_none().then(|| p.item.size())).sum::<Option<usize>>()
        };
        let (before, after) = (&element.properties[..corners], &element.properties[corners + 1..]);
        let list = &element.properties[corners];
        let (length_at, length) = (fixed(before)?, list.length?);
        let stride = length_at + length.size() + 3 * list.item.size() + fixed(after)?;
        let fits = element.count <= (body.len() / stride) as u64;
        fits.then_some(TriangleRows { stride, length_at, length, item: list.item })
    }

    /// `None` when some face is no triangle.
    fn read<const BIG: bool>(
        &self,
        rows: &[u8],
        monitor: &Monitor,
        vertices: u64,
        refuse: impl Fn(u64, i64) -> FormatError + Sync,
    ) -> Result<Option<Vec<[u32; 3]>>, FormatError> {
        let first = self.length_at + self.length.size();
        let size = self.item.size();
        let is_triangle = |row: &[u8]| integer::<BIG>(&row[self.length_at..], self.length) == 3;
        // Cheap look before the allocation: most polygon meshes show it early.
        if !rows.chunks_exact(self.stride).take(64).all(is_triangle) {
            return Ok(None);
        }
        let mut triangles = vec![[0u32; 3]; rows.len() / self.stride];
        let parts: Vec<Result<bool, FormatError>> = triangles
            .par_chunks_mut(ROWS_PER_TASK)
            .zip(rows.par_chunks(ROWS_PER_TASK * self.stride))
            .enumerate()
            .map(|(part, (out, rows))| {
                monitor.check()?;
                for (i, (t, row)) in out.iter_mut().zip(rows.chunks_exact(self.stride)).enumerate() {
                    if !is_triangle(row) {
                        return Ok(false);
                    }
                    for (k, c) in t.iter_mut().enumerate() {
                        *c = corner(integer::<BIG>(&row[first + k * size..], self.item), vertices)
                            .map_err(|v| refuse((part * ROWS_PER_TASK + i) as u64, v))?;
                    }
                }
                Ok(true)
            })
            .collect();
        // Rows behind a polygon were read at wrong places: their errors mean nothing.
        for part in parts {
            if !part? {
                return Ok(None);
            }
        }
        Ok(Some(triangles))
    }
}

/// Calls `visit(row, property, bytes)` for every property of every row; a list's bytes are its items.
fn walk_rows<const BIG: bool>(
    body: &mut &[u8],
    element: &Element,
    monitor: &Monitor,
    mut visit: impl FnMut(u64, usize, &[u8]) -> Result<(), FormatError>,
) -> Result<(), FormatError> {
    if element.properties.is_empty() {
        return Ok(());
    }
    for row in 0..element.count {
        if row % (1 << 14) == 0 {
            monitor.check()?;
        }
        for (k, p) in element.properties.iter().enumerate() {
            let mut items = 1;
            if let Some(length) = p.length {
                let head = body.split_off(..length.size()).ok_or_else(|| ends_early(element, row))?;
                let n = integer::<BIG>(head, length);
                items = usize::try_from(n).map_err(|_| {
                    malformed(
                        "PLY",
                        format!("{} {row}", element.name),
                        format!("{} has the length {n}", p.name),
                    )
                })?;
            }
            let bytes = items.checked_mul(p.item.size()).and_then(|n| body.split_off(..n));
            visit(row, k, bytes.ok_or_else(|| ends_early(element, row))?)?;
        }
    }
    Ok(())
}

macro_rules! decode {
    ($bytes:expr, $type:ty) => {{
        let (head, _) = $bytes.split_first_chunk().expect("rows are measured before they are read");
        if BIG { <$type>::from_be_bytes(*head) } else { <$type>::from_le_bytes(*head) }
    }};
}

#[inline(always)]
fn number<const BIG: bool>(bytes: &[u8], item: Scalar) -> f64 {
    match item {
        Scalar::F32 => f64::from(decode!(bytes, f32)),
        Scalar::F64 => decode!(bytes, f64),
        other => integer::<BIG>(bytes, other) as f64,
    }
}

/// Only called for integer types: the header reader refuses float lengths and corners.
#[inline(always)]
fn integer<const BIG: bool>(bytes: &[u8], item: Scalar) -> i64 {
    match item {
        Scalar::I8 => i64::from(decode!(bytes, i8)),
        Scalar::U8 => i64::from(decode!(bytes, u8)),
        Scalar::I16 => i64::from(decode!(bytes, i16)),
        Scalar::U16 => i64::from(decode!(bytes, u16)),
        Scalar::I32 => i64::from(decode!(bytes, i32)),
        Scalar::U32 => i64::from(decode!(bytes, u32)),
        Scalar::F32 | Scalar::F64 => unreachable!("float lengths and corners are refused with the header"),
    }
}
