//! STL: triangles without indices, binary (50 bytes each, little-endian) or text.
//!
//! # Which of the two
//! A file whose size is exactly what the count at byte 80 asks for is binary, even if it begins with `solid`.
//! Otherwise a file that begins with `solid` and holds no NUL in its first kilobyte is text. The rest is binary.
//!
//! # Wrong counts
//! * Whole triangles behind the header, but not as many as it promises: all are read, and noted. Exporters leave 0, −1
//!   or the count of a first pass that they never went back to correct.
//! * Else more triangles promised than present: refused, the file was cut off inside a triangle.
//! * Else the bytes beyond the count (padding, colour tables of some CAD programs) are ignored, and noted.
//!
//! Stored normals and attribute bytes are ignored: the corners' order says which side is outside.

use super::notes::Notes;
use super::text::{self, at_line, excerpt};
use super::{FormatError, MeshLimits, check_triangles, malformed};
use crate::mesh::TriMesh;
use crate::monitor::Monitor;
use rayon::prelude::*;

const HEADER_BYTES: usize = 84;
const TRIANGLE_BYTES: usize = 50;
/// What is looked at to tell text from binary.
const HEAD_BYTES: usize = 1024;
const TRIANGLES_PER_TASK: usize = 1 << 14;

pub(super) fn read(
    bytes: &[u8],
    limits: &MeshLimits,
    monitor: &Monitor,
    notes: &mut Notes,
) -> Result<TriMesh, FormatError> {
    match is_text(bytes) {
        true => read_text(bytes, limits, monitor),
        false => read_binary(bytes, limits, monitor, notes),
    }
}

fn promised(bytes: &[u8]) -> Option<u64> {
    let count = bytes.get(80..HEADER_BYTES)?;
    Some(u64::from(u32::from_le_bytes([count[0], count[1], count[2], count[3]])))
}

fn is_text(bytes: &[u8]) -> bool {
    let exact = promised(bytes)
        .is_some_and(|n| (HEADER_BYTES as u64 + TRIANGLE_BYTES as u64 * n) == bytes.len() as u64);
    let start = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    let solid = start.get(..5).is_some_and(|w| w.eq_ignore_ascii_case(b"solid"));
    solid && !exact && !head.contains(&0)
}

fn triangle_count(bytes: &[u8], notes: &mut Notes) -> Result<usize, FormatError> {
    let Some(promised) = promised(bytes) else {
        let what = format!(
            "neither text that begins with \"solid\" nor the 84 bytes of a binary header: {}",
            excerpt(bytes)
        );
        return Err(malformed("STL", "byte 0", what));
    };
    let behind = bytes.len() - HEADER_BYTES;
    let present = (behind / TRIANGLE_BYTES) as u64;
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    if promised > present && head.iter().all(|b| matches!(b, b'\t' | b'\n' | b'\r' | b' '..=b'~')) {
        let what = format!("this is text, but it does not begin with \"solid\": {}", excerpt(bytes));
        return Err(malformed("STL", "byte 0", what));
    }
    let beyond = behind as u64 - TRIANGLE_BYTES as u64 * promised.min(present);
    if behind.is_multiple_of(TRIANGLE_BYTES) {
        if promised != present {
            notes.add(format!(
                "byte 80: the header promises {promised} triangles, the file holds {present}; all of these were read"
            ));
        }
        return Ok(present as usize);
    }
    if promised > present || promised == 0 {
        let what = format!(
            "the header promises {promised} triangles, the {behind} bytes behind it are {present} and a part of one"
        );
        return Err(malformed("STL", "byte 80", what));
    }
    let end = bytes.len() as u64 - beyond;
    notes
        .add(format!("byte {end}: the {beyond} bytes behind the {promised} promised triangles were ignored"));
    Ok(promised as usize)
}

fn read_binary(
    bytes: &[u8],
    limits: &MeshLimits,
    monitor: &Monitor,
    notes: &mut Notes,
) -> Result<TriMesh, FormatError> {
    let count = triangle_count(bytes, notes)?;
    check_triangles(count as u64, limits)?;
    let records = &bytes[HEADER_BYTES..HEADER_BYTES + count * TRIANGLE_BYTES];
    let mut positions = vec![[0f32; 3]; 3 * count];
    let parts: Vec<Result<(), FormatError>> = positions
        .par_chunks_mut(3 * TRIANGLES_PER_TASK)
        .zip(records.par_chunks(TRIANGLE_BYTES * TRIANGLES_PER_TASK))
        .enumerate()
        .map(|(part, (out, records))| {
            monitor.check()?;
            copy_corners(records, out).map_err(|t| refuse_corner(records, part * TRIANGLES_PER_TASK, t))
        })
        .collect();
    parts.into_iter().collect::<Result<(), _>>()?;
    Ok(TriMesh { positions, triangles: consecutive(count) })
}

/// Copies the corners; the error is the first triangle with a corner that is not finite.
fn copy_corners(records: &[u8], out: &mut [[f32; 3]]) -> Result<(), usize> {
    let (records, _) = records.as_chunks::<TRIANGLE_BYTES>();
    let (out, _) = out.as_chunks_mut::<3>();
    for (t, (record, corners)) in records.iter().zip(out).enumerate() {
        let (words, _) = record[12..48].as_chunks::<4>();
        let values: [f32; 9] = std::array::from_fn(|k| f32::from_le_bytes(words[k]));
        // Zero times a finite number is zero, anything else is NaN: one test for nine numbers.
        if values.iter().map(|v| v * 0.0).sum::<f32>() != 0.0 {
            return Err(t);
        }
        *corners = bytemuck::cast(values);
    }
    Ok(())
}

fn refuse_corner(records: &[u8], first: usize, t: usize) -> FormatError {
    let record = &records[t * TRIANGLE_BYTES..][12..48];
    let values = record.as_chunks::<4>().0.iter().map(|w| f32::from_le_bytes(*w));
    let bad = values.into_iter().find(|v| !v.is_finite()).unwrap_or(f32::NAN);
    malformed("STL", format!("triangle {}", first + t), format!("the coordinate {bad} is not finite"))
}

fn consecutive(count: usize) -> Vec<[u32; 3]> {
    let mut triangles = vec![[0u32; 3]; count];
    triangles.par_chunks_mut(TRIANGLES_PER_TASK).enumerate().for_each(|(part, out)| {
        for (t, corners) in out.iter_mut().enumerate() {
            let first = 3 * (part * TRIANGLES_PER_TASK + t) as u32;
            *corners = [first, first + 1, first + 2];
        }
    });
    triangles
}

fn read_text(bytes: &[u8], limits: &MeshLimits, monitor: &Monitor) -> Result<TriMesh, FormatError> {
    let starts_facet = |i| text::token(bytes, i).0.eq_ignore_ascii_case(b"facet");
    let start = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let parts: Vec<Result<Vec<[f32; 3]>, FormatError>> = text::pieces(bytes, start, starts_facet)
        .into_par_iter()
        .map(|range| {
            monitor.check()?;
            let (from, to) = (range.start, range.end);
            Facets { bytes: &bytes[..to], at: from, corners: Vec::with_capacity((to - from) / 80), before: 0 }
                .read()
                .map_err(|(what, at)| malformed("STL", at_line(bytes, at), what))
        })
        .collect();
    let parts = parts.into_iter().collect::<Result<Vec<_>, _>>()?;
    let count = parts.iter().map(Vec::len).sum::<usize>() / 3;
    check_triangles(count as u64, limits)?;
    let positions = parts.concat();
    Ok(TriMesh { positions, triangles: consecutive(count) })
}

/// Reads whole facets; line breaks count as blanks, except after `solid` and `endsolid`.
struct Facets<'a> {
    bytes: &'a [u8],
    at: usize,
    corners: Vec<[f32; 3]>,
    /// Corners of the facets before this one.
    before: usize,
}

impl<'a> Facets<'a> {
    fn word(&mut self) -> &'a [u8] {
        while self.at < self.bytes.len()
            && (text::is_blank(self.bytes[self.at]) || self.bytes[self.at] == b'\n')
        {
            self.at += 1;
        }
        let (word, end) = text::token(self.bytes, self.at);
        self.at = end;
        word
    }

    fn read(mut self) -> Result<Vec<[f32; 3]>, (String, usize)> {
        loop {
            let word = self.word();
            if word.eq_ignore_ascii_case(b"vertex") {
                let (p, end) = text::point(self.bytes, self.at)?;
                self.corners.push(p);
                self.at = end;
            } else if word.eq_ignore_ascii_case(b"facet") {
                self.complete(word)?;
                let normal = self.word();
                if !normal.eq_ignore_ascii_case(b"normal") {
                    return Err((format!("expected \"normal\", found {}", excerpt(normal)), self.at));
                }
                // Normals are often wrong and sometimes NaN; nothing here uses them.
                for _ in 0..3 {
                    self.word();
                }
            } else if word.eq_ignore_ascii_case(b"outer") || word.eq_ignore_ascii_case(b"loop") {
            } else if word.eq_ignore_ascii_case(b"endloop") || word.eq_ignore_ascii_case(b"endfacet") {
                self.complete(word)?;
            } else if word.eq_ignore_ascii_case(b"solid") || word.eq_ignore_ascii_case(b"endsolid") {
                self.complete(word)?;
                self.at +=
                    memchr::memchr(b'\n', &self.bytes[self.at..]).unwrap_or(self.bytes.len() - self.at);
            } else if word.is_empty() {
                self.complete(b"")?;
                return Ok(self.corners);
            } else {
                return Err((format!("unexpected {}", excerpt(word)), self.at));
            }
        }
    }

    fn complete(&mut self, word: &[u8]) -> Result<(), (String, usize)> {
        match self.corners.len() - std::mem::replace(&mut self.before, self.corners.len()) {
            0 | 3 => Ok(()),
            n => Err((format!("a facet has {n} vertices before {}, expected 3", excerpt(word)), self.at)),
        }
    }
}
