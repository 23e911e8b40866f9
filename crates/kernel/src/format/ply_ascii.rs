//! The text body of a PLY file: one row a line, blank lines skipped; pieces of lines are read in parallel.

use super::error::{FormatError, malformed};
use super::notes::Notes;
use super::ply_body::{Body, Faces, Strips, out_of_range};
use super::ply_header::{FaceElement, Header, Property};
use super::polygon::Polygons;
use super::text::{self, at_line, excerpt};
use crate::monitor::{Cancelled, Monitor};
use rayon::prelude::*;
use std::ops::Range;

pub(super) fn read(
    bytes: &[u8],
    header: &Header,
    monitor: &Monitor,
    notes: &mut Notes,
) -> Result<Body, FormatError> {
    let pieces = text::pieces(bytes, header.body, |_| true);
    let counts: Vec<Result<u64, Cancelled>> =
        pieces.par_iter().map(|r| monitor.check().map(|()| count_rows(&bytes[r.clone()]))).collect();
    let counts = counts.into_iter().collect::<Result<Vec<u64>, _>>()?;
    check_rows(header, counts.iter().sum(), notes)?;
    let mut first = 0;
    let mut work: Vec<(Range<usize>, u64)> = Vec::with_capacity(pieces.len());
    for (piece, n) in pieces.into_iter().zip(counts) {
        work.push((piece, first));
        first += n;
    }
    let parts: Vec<Result<Piece, FormatError>> = work
        .into_par_iter()
        .map(|(range, row)| {
            monitor.check()?;
            let mut piece = Piece::default();
            let refuse = |(what, at)| malformed("PLY", at_line(bytes, at), what);
            piece.read(&bytes[..range.end], range.start, row, header).map_err(refuse)?;
            Ok(piece)
        })
        .collect();
    let parts = parts.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut body = Body::default();
    body.positions.reserve_exact(parts.iter().map(|p| p.positions.len()).sum());
    let (mut polygons, mut strips) = (Vec::with_capacity(parts.len()), Vec::new());
    for part in parts {
        body.positions.extend_from_slice(&part.positions);
        polygons.push(part.polygons);
        strips.extend_from_slice(&part.strips.triangles);
    }
    for f in &header.faces {
        body.faces.push(match f.is_strips {
            true => Faces::Triangles(std::mem::take(&mut strips)),
            false => Faces::Polygons(std::mem::take(&mut polygons)),
        });
    }
    Ok(body)
}

fn count_rows(text: &[u8]) -> u64 {
    let mut n = 0;
    let mut at = 0;
    while at < text.len() {
        let from = text::skip_blanks(text, at);
        n += u64::from(from < text.len() && text[from] != b'\n');
        at = memchr::memchr(b'\n', &text[from..]).map_or(text.len(), |k| from + k + 1);
    }
    n
}

/// Elements that take a line a row: those with properties.
fn check_rows(header: &Header, present: u64, notes: &mut Notes) -> Result<(), FormatError> {
    let mut before = 0;
    for e in header.elements.iter().filter(|e| !e.properties.is_empty()) {
        if before + e.count > present {
            let what =
                format!("the header promises {} rows, the file ends behind {}", e.count, present - before);
            return Err(malformed("PLY", format!("element {}", e.name), what));
        }
        before += e.count;
    }
    if before < present {
        notes.add(format!(
            "end of file: {} lines behind the {before} promised rows were ignored",
            present - before
        ));
    }
    Ok(())
}

#[derive(Default)]
struct Piece {
    positions: Vec<[f32; 3]>,
    polygons: Polygons,
    strips: Strips,
}

impl Piece {
    /// Reads the lines from `at` on, the first of which is row `row` of the body.
    fn read(
        &mut self,
        text: &[u8],
        mut at: usize,
        mut row: u64,
        header: &Header,
    ) -> Result<(), (String, usize)> {
        let mut elements = header.elements.iter().enumerate().filter(|(_, e)| !e.properties.is_empty());
        let Some((mut index, mut element)) = elements.next() else { return Ok(()) };
        while at < text.len() {
            let from = text::skip_blanks(text, at);
            let mut end = from;
            if from < text.len() && text[from] != b'\n' {
                while row >= element.count {
                    row -= element.count;
                    // Lines behind the last element are nobody's.
                    let Some(next) = elements.next() else { return Ok(()) };
                    (index, element) = next;
                }
                if index == header.vertex {
                    end = self.vertex(text, from, &element.properties, header.xyz)?;
                } else if let Some(face) = header.face_element(index) {
                    end = self.face(text, from, &element.properties, face, header.vertex_count())?;
                }
                row += 1;
            }
            at = memchr::memchr(b'\n', &text[end..]).map_or(text.len(), |k| end + k + 1);
        }
        Ok(())
    }

    fn vertex(
        &mut self,
        text: &[u8],
        mut at: usize,
        properties: &[Property],
        xyz: [usize; 3],
    ) -> Result<usize, (String, usize)> {
        let mut p = [0.0; 3];
        for (k, property) in properties.iter().enumerate() {
            match xyz.iter().position(|&i| i == k) {
                Some(axis) => (p[axis], at) = text::coordinate(text, at).map_err(|e| (e, at))?,
                None => at = skip_property(text, at, property)?,
            }
        }
        self.positions.push(p);
        Ok(at)
    }

    fn face(
        &mut self,
        text: &[u8],
        mut at: usize,
        properties: &[Property],
        face: FaceElement,
        vertices: u64,
    ) -> Result<usize, (String, usize)> {
        for property in &properties[..face.corners] {
            at = skip_property(text, at, property)?;
        }
        let (n, mut at) = whole(text, at)?;
        let start = self.polygons.corners.len();
        for _ in 0..n {
            let (index, end) = whole(text, at)?;
            let corner = u32::try_from(index).ok().filter(|&c| u64::from(c) < vertices);
            match corner {
                Some(corner) if !face.is_strips => self.polygons.corners.push(corner),
                corner if face.is_strips && (corner.is_some() || index < 0) => self.strips.push(corner),
                _ => return Err((out_of_range(index, vertices), at)),
            }
            at = end;
        }
        match face.is_strips {
            true => self.strips.end_row(),
            false => self.polygons.close(start),
        }
        Ok(at)
    }
}

fn skip_property(text: &[u8], mut at: usize, property: &Property) -> Result<usize, (String, usize)> {
    let mut items = 1;
    if property.length.is_some() {
        (items, at) = whole(text, at)?;
    }
    for _ in 0..items {
        let (word, end) = text::token(text, at);
        if word.is_empty() {
            return Err((format!("the line ends before property {}", property.name), at));
        }
        at = end;
    }
    Ok(at)
}

fn whole(text: &[u8], at: usize) -> Result<(i64, usize), (String, usize)> {
    let (word, end) = text::token(text, at);
    let number = std::str::from_utf8(word).ok().and_then(|w| w.parse::<i64>().ok());
    match number {
        Some(n) => Ok((n, end)),
        None if word.is_empty() => Err(("the line ends where a whole number is expected".to_owned(), at)),
        None => Err((format!("expected a whole number, found {}", excerpt(word)), at)),
    }
}
