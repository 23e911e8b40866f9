//! The surface of a field in pieces: each made from some of the planes, and the mesh that they are together.

use crate::context::JobContext;
use crate::error::JobError;
use crate::field::Field;
use crate::share::{PieceFile, Share, broken_piece, within};
use crate::surface_size::most_triangles;
use crate::watch::{PieceWatch, Watch};
use fieldstone_kernel::isosurface::{IsosurfaceError, Joined, Mesher, Options};
use fieldstone_kernel::{Monitor, TriMesh};
use fieldstone_shape::Program;
use std::io::Write;
use std::ops::Range;

/// An isosurface error is the sender's, but for a piece that does not fit the others.
pub fn refused(e: IsosurfaceError) -> JobError {
    match e {
        IsosurfaceError::Cancelled(c) => JobError::Cancelled(c),
        IsosurfaceError::Apart => JobError::Internal(e.into()),
        refused => JobError::Invalid(refused.to_string()),
    }
}

/// Makes the piece of the zero set of `field`, a graph's, that is the share of this run, if it is one.
pub fn made(field: &Field, cx: &mut JobContext, monitor: &Monitor) -> Result<bool, JobError> {
    match (cx.share().clone(), field.program()) {
        (Share::Piece(piece), Some(program)) => make(field, program, &piece, cx, monitor).map(|()| true),
        _ => Ok(false),
    }
}

/// Makes the piece of planes `piece`.
///
/// Its file: three numbers of eight bytes (vertices that belong to the plane below, vertices, triangles), vertices, triangles;
/// then what was found on the way.
fn make(
    field: &Field,
    program: &Program,
    piece: &Range<u32>,
    cx: &mut JobContext,
    monitor: &Monitor,
) -> Result<(), JobError> {
    let patch = field.patch()?;
    let max_triangles = most_triangles(patch.sample_count(), cx.limits());
    let options = Options { max_triangles, ..Options::default() };
    let mut mesher = Mesher::of_piece(&patch, &options, piece.clone()).map_err(refused)?;
    let reads = mesher.reads().start as u32..mesher.reads().end as u32;
    let slabs = program.plan().slabs_around(piece);
    let first = slabs.first().map_or(0, |z| z.start);
    let mut watch = PieceWatch::new(&patch, &field.affine(), options.isovalue, piece, first);
    for (i, z) in slabs.iter().enumerate() {
        let share = |k: f32| 0.95 * (i as f32 + k) / slabs.len() as f32;
        let samples = field.evaluate(z.clone(), &monitor.part(share(0.0), share(0.8)))?;
        watch.planes(z, &samples, monitor)?;
        let part = monitor.part(share(0.8), share(1.0));
        mesher.planes(within(&samples, z, &reads), &part).map_err(refused)?;
    }
    let made = mesher.finish_piece(monitor).map_err(refused)?;
    let TriMesh { positions, triangles } = &made.mesh;
    let mut file = cx.piece_file()?;
    let counts = [made.below, positions.len(), triangles.len()].map(|count| count as u64);
    file.write_all(bytemuck::cast_slice(&counts))?;
    file.write_all(bytemuck::cast_slice(positions))?;
    file.write_all(bytemuck::cast_slice(triangles))?;
    file.finish(&watch.into_numbers(Some(program)))?;
    monitor.progress(1.0);
    Ok(())
}

/// The mesh that the pieces are together, and in `watch` what was found in them.
pub fn joined(
    cx: &JobContext,
    max_triangles: u64,
    watch: &mut Watch,
    program: Option<&Program>,
    monitor: &Monitor,
) -> Result<TriMesh, JobError> {
    let files = cx.pieces()?;
    let pieces: Vec<Surface> =
        files.iter().map(Surface::of).collect::<Option<_>>().ok_or_else(broken_piece)?;
    let sum = |of: fn(&Surface) -> usize| pieces.iter().map(|piece| of(piece) as u64).sum::<u64>();
    let mut joined = Joined::new(max_triangles);
    joined.reserve(sum(|p| p.positions.len() - p.below), sum(|p| p.triangles.len())).map_err(refused)?;
    for (i, (piece, file)) in pieces.iter().zip(&files).enumerate() {
        joined.push(piece.below, piece.positions, piece.triangles, monitor).map_err(refused)?;
        watch.join(&file.numbers(), program)?;
        monitor.progress((i + 1) as f32 / pieces.len() as f32);
    }
    Ok(joined.finish())
}

/// The surface in the file of a piece.
struct Surface<'f> {
    below: usize,
    positions: &'f [[f32; 3]],
    triangles: &'f [[u32; 3]],
}

impl Surface<'_> {
    fn of(file: &PieceFile) -> Option<Surface<'_>> {
        let (counts, rest) = file.body().split_at_checked(24)?;
        let (counts, _) = counts.as_chunks();
        let count = |i: usize| usize::try_from(u64::from_ne_bytes(*counts.get(i)?)).ok();
        let (below, vertices) = (count(0)?, count(1)?);
        let (positions, triangles) = rest.split_at_checked(vertices.checked_mul(12)?)?;
        if below > vertices || Some(triangles.len()) != count(2)?.checked_mul(12) {
            return None;
        }
        Some(Surface {
            below,
            positions: bytemuck::try_cast_slice(positions).ok()?,
            triangles: bytemuck::try_cast_slice(triangles).ok()?,
        })
    }
}
