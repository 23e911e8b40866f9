//! STL: triangles without indices, binary (50 bytes each, little-endian) or text.
//!
//! # Which of the two
//! A file whose size is exactly what the count at byte 80 asks for is binary, even if it begins with `solid`.
//! Otherwise a file that begins with `solid`, in UTF-8 or UTF-16, and holds no NUL in its first kilobyte is text. The rest
//! is binary.
//!
//! # Text
//! Words count, not lines: all may stand on one, `endloop` may be two words, and what only repeats itself may be missing
//! (normals, `facet`, `endfacet`) as long as there are three vertices between any two of the words that are there.
//!
//! # Wrong counts
//! * Whole triangles behind the header, but not as many as it promises: all are read, and noted. Exporters leave 0, −1
//!   or the count of a first pass that they never went back to correct.
//! * Else more triangles promised than present: refused, the file was cut off inside a triangle.
//! * Else the bytes beyond the count (padding, colour tables of some CAD programs) are ignored, and noted.
//!
//! Stored normals and attribute bytes are ignored: the corners' order says which side is outside.

use super::encoding;
use super::entry::MeshFormat;
use super::error::{FormatError, MeshLimits, check_triangles, malformed};
use super::notes::Notes;
use super::text::{self, at_line, excerpt};
use super::write;
use crate::mesh::TriMesh;
use crate::monitor::Monitor;
use rayon::prelude::*;

/// Stereolithography, binary or ASCII.
pub const ENTRY: MeshFormat =
    MeshFormat { extension: "stl", name: "STL", read: Some(read), write: Some(write::stl) };

impl MeshFormat {
    /// Stereolithography, binary or ASCII.
    pub const STL: &MeshFormat = &ENTRY;
}

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
    if is_exactly_binary(bytes) {
        return read_binary(bytes, limits, monitor, notes);
    }
    if encoding::is_utf_16(bytes) || begins_with_solid(bytes) {
        let text = encoding::as_lines(bytes).map_err(|what| malformed("STL", "byte 0", what))?;
        let head = &text[..text.len().min(HEAD_BYTES)];
        if begins_with_solid(&text) && !head.contains(&0) {
            return read_text(&text, limits, monitor, notes);
        }
    }
    read_binary(bytes, limits, monitor, notes)
}

fn promised(bytes: &[u8]) -> Option<u64> {
    let count = bytes.get(80..HEADER_BYTES)?;
    Some(u64::from(u32::from_le_bytes([count[0], count[1], count[2], count[3]])))
}

/// Whether the file is as long as a binary one with its count of triangles.
fn is_exactly_binary(bytes: &[u8]) -> bool {
    promised(bytes).is_some_and(|n| HEADER_BYTES as u64 + TRIANGLE_BYTES as u64 * n == bytes.len() as u64)
}

fn begins_with_solid(bytes: &[u8]) -> bool {
    let start = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    start.get(..5).is_some_and(|w| w.eq_ignore_ascii_case(b"solid"))
}

/// Whether bytes look like text of whatever encoding: triangles hold control characters, zeros above all.
fn looks_like_text(head: &[u8]) -> bool {
    encoding::is_utf_16(head) || !head.iter().any(|b| matches!(b, 0..9 | 14..32))
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
    if promised != present && looks_like_text(head) {
        let what = format!("this is text, but it does not begin with \"solid\": {}", excerpt(bytes));
        return Err(malformed("STL", "byte 0", what));
    }
    let beyond = behind as u64 - TRIANGLE_BYTES as u64 * promised.min(present);
    if behind.is_multiple_of(TRIANGLE_BYTES) && (present > 0 || promised == 0) {
        if promised != present {
            notes.add(format!(
                "byte 80: the header promises {promised} triangles, the file holds {present}; all of these were read"
            ));
        }
        return Ok(present as usize);
    }
    if promised > present || promised == 0 {
        let what =
            format!("the header promises {promised} triangles, the {behind} bytes behind it hold {present}");
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

fn read_text(
    text: &[u8],
    limits: &MeshLimits,
    monitor: &Monitor,
    notes: &mut Notes,
) -> Result<TriMesh, FormatError> {
    let starts_facet = |i| text::token(text, i).0.eq_ignore_ascii_case(b"facet");
    let parts: Vec<Result<Facets, FormatError>> = text::pieces(text, 0, starts_facet)
        .into_par_iter()
        .map(|range| {
            monitor.check()?;
            Facets::read(&text[..range.end], range.start)
                .map_err(|(what, at)| malformed("STL", at_line(text, at), what))
        })
        .collect();
    let parts = parts.into_iter().collect::<Result<Vec<_>, _>>()?;
    let count = parts.iter().map(|p| p.corners.len()).sum::<usize>() / 3;
    check_triangles(count as u64, limits)?;
    if parts.last().is_some_and(|p| !p.is_ended) {
        let end = at_line(text, text.len());
        notes.add(format!("{end}: the file ends without \"endsolid\", after {count} triangles"));
    }
    let parts: Vec<&[[f32; 3]]> = parts.iter().map(|p| &p.corners[..]).collect();
    let positions = parts.concat();
    Ok(TriMesh { positions, triangles: consecutive(count) })
}

/// Reads whole facets word by word; line breaks count as blanks.
struct Facets<'a> {
    bytes: &'a [u8],
    at: usize,
    corners: Vec<[f32; 3]>,
    /// Corners of the facets before this one.
    before: usize,
    /// Whether the last word was `endsolid` and its name.
    is_ended: bool,
}

impl<'a> Facets<'a> {
    /// The facets from `at` on.
    fn read(bytes: &'a [u8], at: usize) -> Result<Facets<'a>, (String, usize)> {
        let corners = Vec::with_capacity((bytes.len() - at) / 80);
        let mut facets = Facets { bytes, at, corners, before: 0, is_ended: false };
        while facets.next()? {}
        Ok(facets)
    }

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

    /// Takes the next word if it is this one.
    fn takes(&mut self, wanted: &[u8]) -> bool {
        let at = self.at;
        let taken = self.word().eq_ignore_ascii_case(wanted);
        if !taken {
            self.at = at;
        }
        taken
    }

    /// Reads a word and what belongs to it; false at the end.
    fn next(&mut self) -> Result<bool, (String, usize)> {
        let word = self.word();
        let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
        if is(b"vertex") {
            let (p, end) = text::point(self.bytes, self.at)?;
            self.corners.push(p);
            self.at = end;
        } else if is(b"facet") {
            self.complete(word)?;
            self.skip_normal();
        } else if is(b"loop") {
        } else if is(b"outer")
            || is(b"endloop")
            || is(b"endfacet")
            || is(b"end") && (self.takes(b"loop") || self.takes(b"facet"))
        {
            self.complete(word)?;
        } else if is(b"solid") || is(b"endsolid") || is(b"end") && self.takes(b"solid") {
            self.complete(word)?;
            self.skip_name();
            self.is_ended = !is(b"solid");
            return Ok(true);
        } else if word.is_empty() {
            self.complete(b"the end")?;
            return Ok(false);
        } else {
            return Err((format!("unexpected {}", excerpt(word)), self.at));
        }
        self.is_ended = false;
        Ok(true)
    }

    /// Normals are often wrong and sometimes NaN or missing; nothing here uses them.
    fn skip_normal(&mut self) {
        if self.takes(b"normal") {
            for _ in 0..3 {
                let at = self.at;
                let word = self.word();
                if [&b"outer"[..], b"loop", b"vertex"].iter().any(|w| word.eq_ignore_ascii_case(w)) {
                    self.at = at;
                    return;
                }
            }
        }
    }

    /// A solid's name goes to the end of the line, or to the first facet where all stands on one line.
    fn skip_name(&mut self) {
        let end = memchr::memchr(b'\n', &self.bytes[self.at..]).map_or(self.bytes.len(), |k| self.at + k);
        while self.at < end {
            let (word, behind) = text::token(self.bytes, self.at);
            let normal = || text::token(self.bytes, behind).0.eq_ignore_ascii_case(b"normal");
            if word.eq_ignore_ascii_case(b"facet") && normal() {
                return;
            }
            self.at = behind.max(self.at + 1).min(end);
        }
    }

    fn complete(&mut self, word: &[u8]) -> Result<(), (String, usize)> {
        match self.corners.len() - std::mem::replace(&mut self.before, self.corners.len()) {
            0 | 3 => Ok(()),
            n => Err((format!("a facet has {n} vertices before {}, expected 3", excerpt(word)), self.at)),
        }
    }
}
