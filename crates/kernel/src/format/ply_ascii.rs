//! The text body of a PLY file: one row a line, blank lines skipped; pieces of lines are read in parallel.

use super::ply::{Faces, out_of_range};
use super::ply_header::{Header, Property};
use super::polygon::Polygons;
use super::text::{self, at_line, excerpt};
use super::{FormatError, malformed};
use crate::monitor::{Cancelled, Monitor};
use rayon::prelude::*;
use std::ops::Range;

pub(super) fn read(
    bytes: &[u8],
    header: &Header,
    monitor: &Monitor,
) -> Result<(Vec<[f32; 3]>, Faces), FormatError> {
    let pieces = text::pieces(bytes, header.body, |_| true);
    let counts: Vec<Result<u64, Cancelled>> =
        pieces.par_iter().map(|r| monitor.check().map(|()| count_rows(&bytes[r.clone()]))).collect();
    let counts = counts.into_iter().collect::<Result<Vec<u64>, _>>()?;
    check_rows(header, counts.iter().sum())?;
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
    let mut positions = Vec::with_capacity(parts.iter().map(|p| p.positions.len()).sum());
    let mut polygons = Vec::with_capacity(parts.len());
    for part in parts {
        positions.extend_from_slice(&part.positions);
        polygons.push(part.polygons);
    }
    Ok((positions, Faces::Polygons(polygons)))
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
fn check_rows(header: &Header, present: u64) -> Result<(), FormatError> {
    let mut before = 0;
    for e in header.elements.iter().filter(|e| !e.properties.is_empty()) {
        if before + e.count > present {
            let what =
                format!("the header promises {} rows, the file ends behind {}", e.count, present - before);
            return Err(malformed("PLY", format!("element {}", e.name), what));
        }
        before += e.count;
    }
    Ok(())
}

#[derive(Default)]
struct Piece {
    positions: Vec<[f32; 3]>,
    polygons: Polygons,
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
                } else if index == header.face {
                    end = self.face(text, from, &element.properties, header)?;
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
        header: &Header,
    ) -> Result<usize, (String, usize)> {
        for property in &properties[..header.corners] {
            at = skip_property(text, at, property)?;
        }
        let (n, mut at) = whole(text, at)?;
        let start = self.polygons.corners.len();
        for _ in 0..n {
            let (index, end) = whole(text, at)?;
            let vertices = header.vertex_count();
            if !(0..vertices as i64).contains(&index) {
                return Err((out_of_range(index, vertices), at));
            }
            self.polygons.corners.push(index as u32);
            at = end;
        }
        self.polygons.close(start);
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
