//! What of a job one run does: all of it, a piece, or what pieces are together.
//!
//! A job that works from plane to plane may be cut into ranges of planes. A run of each makes one file, a [`PieceWriter`]'s; another run takes
//! all of these in place of the planes and makes the outputs, byte for byte those of a run of the whole. What a piece would
//! warn of is warned of there.

use crate::error::JobError;
use memmap2::Mmap;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::Path;

/// Name and extension of the file that a piece makes.
pub const PIECE_FILE: (&str, &str) = ("piece", "bin");

/// What of a job a run does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Share {
    /// All of it.
    #[default]
    Whole,
    /// These planes.
    Piece(Range<u32>),
    /// What is left when all pieces are there: their files are the inputs of this slot, the lowest planes first.
    Join {
        /// A name that no asset of the job has.
        slot: String,
    },
}

/// How a job is cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// Planes of each piece, in order; two at least.
    pub pieces: Vec<Range<u32>>,
    /// Upper bound of the memory that one of them needs, in bytes.
    pub piece_memory: u64,
    /// Upper bound of the memory that joining them needs, beside what follows.
    pub join_memory: u64,
    /// Bytes of memory that joining takes for each byte of their files.
    pub join_memory_per_byte: u64,
}

impl Cut {
    /// Upper bound of the memory that joining files of so many bytes needs.
    pub fn join_memory_bytes(&self, files: u64) -> u64 {
        self.join_memory.saturating_add(self.join_memory_per_byte.saturating_mul(files))
    }
}

/// The part of `samples`, those of planes `z`, that lies in `wanted`.
pub fn within<'s>(samples: &'s [f32], z: &Range<u32>, wanted: &Range<u32>) -> &'s [f32] {
    let plane = samples.len() / z.len().max(1);
    let (from, to) = (z.start.max(wanted.start), z.end.min(wanted.end));
    match from < to {
        true => &samples[(from - z.start) as usize * plane..(to - z.start) as usize * plane],
        false => &[],
    }
}

/// Writes the file of a piece: bytes, then numbers, then how many numbers. All as this architecture has them: pieces go to programs of
/// the same one.
pub struct PieceWriter(BufWriter<File>);

impl PieceWriter {
    /// Into a new file.
    pub fn new(file: BufWriter<File>) -> PieceWriter {
        PieceWriter(file)
    }

    /// The end of it.
    pub fn finish(mut self, numbers: &[u64]) -> std::io::Result<()> {
        self.0.write_all(bytemuck::cast_slice(numbers))?;
        self.0.write_all(&(numbers.len() as u64).to_ne_bytes())?;
        self.0.flush()
    }
}

impl Write for PieceWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// The file of a piece.
pub struct PieceFile {
    bytes: Mmap,
    /// Where its numbers begin.
    numbers_at: usize,
}

/// What is said of a file that is none of a piece, or not of this job's: no user can have sent it.
pub fn broken_piece() -> JobError {
    JobError::Internal(anyhow::anyhow!("the file of a piece is damaged"))
}

impl PieceFile {
    /// Opens a file that does not change while it is read.
    pub fn open(path: &Path) -> Result<PieceFile, JobError> {
        let file = File::open(path)?;
        if file.metadata()?.len() < 8 {
            return Err(broken_piece());
        }
        // SAFETY: a staged input is an immutable file that nobody writes to or cuts while the job runs ([`crate::Input`]).
        let bytes = unsafe { Mmap::map(&file)? };
        let count = bytes.last_chunk().map(|count| u64::from_ne_bytes(*count));
        let of_numbers = count.and_then(|count| usize::try_from(count).ok()?.checked_mul(8)?.checked_add(8));
        let numbers_at = of_numbers.and_then(|n| bytes.len().checked_sub(n)).ok_or_else(broken_piece)?;
        Ok(PieceFile { bytes, numbers_at })
    }

    /// Its bytes.
    pub fn body(&self) -> &[u8] {
        &self.bytes[..self.numbers_at]
    }

    /// Its numbers.
    pub fn numbers(&self) -> Vec<u64> {
        let (numbers, _) = self.bytes[self.numbers_at..self.bytes.len() - 8].as_chunks();
        numbers.iter().map(|n| u64::from_ne_bytes(*n)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_a_piece_is_read_as_it_was_written_and_no_other_file_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("piece.bin");
        let mut writer = PieceWriter::new(BufWriter::new(File::create(&path).unwrap()));
        writer.write_all(b"abc").unwrap();
        writer.finish(&[7, u64::MAX]).unwrap();
        let piece = PieceFile::open(&path).unwrap();
        assert_eq!((piece.body(), piece.numbers()), (&b"abc"[..], vec![7, u64::MAX]));
        drop(piece);
        let whole = std::fs::read(&path).unwrap();
        for bytes in [&whole[..7], b"", &[0xff; 40], &whole[..whole.len() - 8]] {
            std::fs::write(&path, bytes).unwrap();
            let opened = PieceFile::open(&path).map(|piece| piece.body().len());
            assert!(opened.is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn samples_are_those_of_the_wanted_planes() {
        let samples: Vec<f32> = (0..12).map(|i| i as f32).collect();
        // Planes 4 to 9 of two samples.
        for (wanted, first, count) in [(0..20, 0.0, 12), (5..7, 2.0, 4), (9..30, 10.0, 2), (0..5, 0.0, 2)] {
            let part = within(&samples, &(4..10), &wanted);
            assert_eq!((part.first(), part.len()), (Some(&first), count));
        }
        assert!(
            within(&samples, &(4..10), &(10..12)).is_empty()
                && within(&samples, &(4..10), &(0..4)).is_empty()
        );
    }
}
