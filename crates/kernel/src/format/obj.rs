//! Wavefront OBJ: `v` and `f` lines; everything else (groups, materials, normals, texture) is ignored.
//!
//! Indices count from 1 over the whole file, negative ones back from the last vertex so far. Numbers behind
//! x y z (a weight, a colour) are ignored. Two passes: the first counts vertices, so that the second can
//! check every index where it stands.

use super::encoding;
use super::entry::MeshFormat;
use super::error::{FormatError, MeshLimits, check_vertices, malformed};
use super::notes::Notes;
use super::polygon::{self, Polygons};
use super::text::{self, at_line, excerpt};
use super::write;
use crate::mesh::TriMesh;
use crate::monitor::{Cancelled, Monitor};
use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::Range;

/// Wavefront object.
pub const ENTRY: MeshFormat =
    MeshFormat { extension: "obj", name: "OBJ", read: Some(read), write: Some(write::obj) };

impl MeshFormat {
    /// Wavefront object.
    pub const OBJ: &MeshFormat = &ENTRY;
}

pub(super) fn read(
    bytes: &[u8],
    limits: &MeshLimits,
    monitor: &Monitor,
    notes: &mut Notes,
) -> Result<TriMesh, FormatError> {
    let lines = encoding::as_lines(bytes).map_err(|what| malformed("OBJ", "byte 0", what))?;
    let text = join_continued_lines(&lines);
    let pieces = text::pieces(&text, 0, |_| true);
    let counts: Vec<Result<u64, Cancelled>> =
        pieces.par_iter().map(|r| monitor.check().map(|()| count_vertices(&text[r.clone()]))).collect();
    let counts = counts.into_iter().collect::<Result<Vec<u64>, _>>()?;
    let total: u64 = counts.iter().sum();
    check_vertices(total)?;
    let bases = counts.iter().scan(0, |sum, n| {
        *sum += n;
        Some(*sum - n)
    });
    let work: Vec<(Range<usize>, u64)> = pieces.iter().cloned().zip(bases).collect();
    let parts: Vec<Result<Piece, FormatError>> = work
        .into_par_iter()
        .map(|(range, base)| {
            monitor.check()?;
            let mut piece = Piece { base, total, ..Piece::default() };
            let refuse = |(what, at)| malformed("OBJ", at_line(&lines, at), what);
            piece.read(&text[..range.end], range.start).map_err(refuse)?;
            Ok(piece)
        })
        .collect();
    let parts = parts.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut positions = Vec::with_capacity(total as usize);
    let mut polygons = Vec::with_capacity(parts.len());
    for part in parts {
        positions.extend_from_slice(&part.positions);
        polygons.push(part.polygons);
    }
    monitor.check()?;
    let place = |piece: usize, face: usize| at_line(&lines, nth_face(&text, pieces[piece].clone(), face));
    let triangles = polygon::triangles(polygons, &positions, limits, monitor, notes, place)?;
    Ok(TriMesh { positions, triangles })
}

/// A backslash at the end of a vertex or face line joins it with the next: what is between them becomes blanks, so that
/// offsets stay what they are. In other lines it is a character: comments and names hold paths that end in one.
fn join_continued_lines(lines: &[u8]) -> Cow<'_, [u8]> {
    let mut joined = Cow::Borrowed(lines);
    // Where the line that was joined last goes on.
    let mut goes_on = None;
    for i in memchr::memchr_iter(b'\\', lines) {
        let end = text::skip_blanks(lines, i + 1);
        if lines.get(end).is_some_and(|b| *b != b'\n') {
            continue;
        }
        let since = goes_on.unwrap_or(0);
        let (from, is_joined) = match memchr::memrchr(b'\n', &lines[since..i]) {
            Some(before) => (since + before + 1, false),
            None => (since, goes_on.is_some()),
        };
        let line = &lines[text::skip_blanks(lines, from)..i];
        let is_read = is_joined || is_keyword(line, b'v') || is_keyword(line, b'f');
        if is_read && memchr::memchr(b'#', line).is_none() {
            joined.to_mut()[i..lines.len().min(end + 1)].fill(b' ');
            goes_on = Some(end + 1);
        }
    }
    joined
}

fn is_keyword(line: &[u8], letter: u8) -> bool {
    line.first() == Some(&letter) && line.get(1).is_some_and(|b| text::is_blank(*b))
}

fn count_vertices(text: &[u8]) -> u64 {
    let mut n = 0;
    let mut at = 0;
    while at < text.len() {
        let line = text::skip_blanks(text, at);
        n += u64::from(is_keyword(&text[line..], b'v'));
        at = memchr::memchr(b'\n', &text[line..]).map_or(text.len(), |k| line + k + 1);
    }
    n
}

/// Where the face line with that number, from 0, begins in a piece.
fn nth_face(text: &[u8], piece: Range<usize>, number: usize) -> usize {
    let starts = std::iter::successors(Some(piece.start), |&at| {
        memchr::memchr(b'\n', &text[at..piece.end]).map(|k| at + k + 1)
    });
    let mut faces = starts.map(|at| text::skip_blanks(text, at)).filter(|&at| is_keyword(&text[at..], b'f'));
    faces.nth(number).unwrap_or(piece.start)
}

/// What one task reads.
#[derive(Default)]
struct Piece {
    /// Vertices before this piece.
    base: u64,
    /// Vertices of the file.
    total: u64,
    positions: Vec<[f32; 3]>,
    polygons: Polygons,
}

impl Piece {
    fn read(&mut self, text: &[u8], from: usize) -> Result<(), (String, usize)> {
        let mut at = from;
        while at < text.len() {
            let line = text::skip_blanks(text, at);
            let mut end = line;
            if is_keyword(&text[line..], b'v') {
                let (p, behind) = text::point(text, line + 1)?;
                self.positions.push(p);
                end = behind;
            } else if is_keyword(&text[line..], b'f') {
                end = self.face(text, line + 1)?;
            }
            at = memchr::memchr(b'\n', &text[end..]).map_or(text.len(), |k| end + k + 1);
        }
        Ok(())
    }

    fn face(&mut self, text: &[u8], mut at: usize) -> Result<usize, (String, usize)> {
        let start = self.polygons.corners.len();
        loop {
            at = text::skip_blanks(text, at);
            if at >= text.len() || matches!(text[at], b'\n' | b'#') {
                break;
            }
            let (index, end) = integer(text, at).ok_or_else(|| {
                (format!("expected a vertex index, found {}", excerpt(text::token(text, at).0)), at)
            })?;
            self.polygons.corners.push(self.resolve(index).map_err(|what| (what, at))?);
            // `/vt/vn` behind it says nothing about the shape.
            at = end;
            while at < text.len() && !text::is_blank(text[at]) && !matches!(text[at], b'\n' | b'#') {
                at += 1;
            }
        }
        self.polygons.close(start);
        Ok(at)
    }

    fn resolve(&self, index: i64) -> Result<u32, String> {
        let so_far = (self.base + self.positions.len() as u64) as i64;
        let zero_based = if index < 0 { so_far + index } else { index - 1 };
        match index {
            0 => Err("vertex index 0, indices count from 1".to_owned()),
            _ if (0..self.total as i64).contains(&zero_based) => Ok(zero_based as u32),
            i if i < 0 => Err(format!("vertex index {index} points before the first of {so_far} vertices")),
            _ => Err(format!("vertex index {index} is out of range, the file has {} vertices", self.total)),
        }
    }
}

/// A decimal integer of at most 18 digits at `at` that ends at a blank, a `/`, a comment or the line's end.
#[inline]
fn integer(text: &[u8], at: usize) -> Option<(i64, usize)> {
    let negative = text[at] == b'-';
    let digits = at + usize::from(negative || text[at] == b'+');
    let mut i = digits;
    let mut value = 0i64;
    while i < text.len() && text[i].is_ascii_digit() && i - digits < 18 {
        value = value * 10 + i64::from(text[i] - b'0');
        i += 1;
    }
    let ends = i >= text.len() || text::is_blank(text[i]) || matches!(text[i], b'\n' | b'/' | b'#');
    (i > digits && ends).then_some((if negative { -value } else { value }, i))
}
