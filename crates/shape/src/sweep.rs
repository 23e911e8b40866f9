//! Runs a segment over planes of a grid: blocks in parallel, each written to its own rows.

use crate::finite::NotFinite;
use crate::segment::{Block, Outcome, Segment, SegmentInputs, Workspace};
use fieldstone_kernel::simd::{stream, stream_done};
use fieldstone_kernel::{Cancelled, Monitor};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Above this many bytes the result goes past the caches.
const STREAM_BYTES: usize = 32 << 20;
/// Blocks along y that one task does.
const TASK_BLOCKS: usize = 8;

/// What there is to run.
pub(crate) struct Sweep<'a> {
    pub(crate) segment: &'a Segment,
    pub(crate) given: SegmentInputs<'a>,
    pub(crate) block_samples: u32,
}

/// Why a sweep has no values.
pub(crate) enum SweepError {
    /// Cancelled.
    Cancelled(Cancelled),
    /// An operator and its first value in the grid that is not finite.
    NotFinite(usize, NotFinite),
}

impl From<Cancelled> for SweepError {
    fn from(cancelled: Cancelled) -> SweepError {
        SweepError::Cancelled(cancelled)
    }
}

/// The first value that is not finite, by index in the grid, and the operator that gave it.
type Found = Mutex<Option<(usize, NotFinite)>>;

/// Rows of the result that one task writes: by channel, by plane, rows one after the other.
struct Task<'a> {
    y: u32,
    z: u32,
    planes: Vec<Vec<&'a mut [f32]>>,
}

impl Sweep<'_> {
    /// Fills `out`, the planes `z` by channel.
    pub(crate) fn run(
        &self,
        z: &Range<u32>,
        out: &mut [Vec<f32>],
        monitor: &Monitor,
    ) -> Result<(), SweepError> {
        let shape = self.segment.block_shape(self.given.resolution, self.block_samples);
        let past_caches = out.iter().map(|c| 4 * c.len()).sum::<usize>() >= STREAM_BYTES;
        let tasks = self.tasks(z, out, shape);
        let (total, done) = (tasks.len(), AtomicUsize::new(0));
        let found = Found::default();
        tasks.into_par_iter().try_for_each_init(
            || self.segment.workspace(),
            |workspace, mut task| {
                self.task(&mut task, shape, past_caches, workspace, &found, monitor)?;
                let count = done.fetch_add(1, Ordering::Relaxed) + 1;
                if count.is_multiple_of(16) {
                    monitor.progress(count as f32 / total as f32);
                }
                Ok::<_, Cancelled>(())
            },
        )?;
        match found.into_inner().expect("no thread panics with it") {
            Some((node, found)) => Err(SweepError::NotFinite(node, found)),
            None => Ok(()),
        }
    }

    fn tasks<'a>(&self, z: &Range<u32>, out: &'a mut [Vec<f32>], shape: [u32; 3]) -> Vec<Task<'a>> {
        let [nx, ny, _] = self.given.resolution.map(|n| n as usize);
        let (rows, deep) = (shape[1] as usize * TASK_BLOCKS, shape[2] as usize);
        let mut tasks: Vec<Task<'a>> = Vec::new();
        for first in (0..z.len()).step_by(deep) {
            for y in (0..ny).step_by(rows) {
                tasks.push(Task { y: y as u32, z: z.start + first as u32, planes: Vec::new() });
            }
        }
        let along_y = ny.div_ceil(rows);
        for channel in out.iter_mut() {
            for task in &mut tasks {
                task.planes.push(Vec::with_capacity(deep));
            }
            for (k, plane) in channel.chunks_mut(nx * ny).enumerate() {
                for (j, part) in plane.chunks_mut(nx * rows).enumerate() {
                    let planes = &mut tasks[k / deep * along_y + j].planes;
                    planes.last_mut().expect("just pushed").push(part);
                }
            }
        }
        tasks
    }

    fn task(
        &self,
        task: &mut Task<'_>,
        shape: [u32; 3],
        past_caches: bool,
        workspace: &mut Workspace,
        found: &Found,
        monitor: &Monitor,
    ) -> Result<(), Cancelled> {
        let [nx, ny, _] = self.given.resolution;
        let deep = task.planes.first().map_or(0, Vec::len) as u32;
        let last_y = (task.y + shape[1] * TASK_BLOCKS as u32).min(ny);
        for y in (task.y..last_y).step_by(shape[1] as usize) {
            for x in (0..nx).step_by(shape[0] as usize) {
                monitor.check()?;
                let block: Block =
                    [x..(x + shape[0]).min(nx), y..(y + shape[1]).min(last_y), task.z..task.z + deep];
                match self.segment.evaluate(&self.given, &block, workspace) {
                    Outcome::Broken(node, broken) => self.note(node, broken, &block, found),
                    outcome => self.write(task, &block, &outcome, past_caches),
                }
            }
        }
        stream_done();
        Ok(())
    }

    /// Notes what is not finite. The rest is evaluated all the same: what is told must not depend on which thread was first.
    fn note(&self, node: usize, broken: NotFinite, block: &Block, found: &Found) {
        let [nx, ny, _] = self.given.resolution.map(|n| n as usize);
        let [x, y, z] = block.each_ref().map(|r| r.start as usize);
        let (along, rows) = (block[0].len(), block[1].len());
        let i = broken.index;
        let (i, j, k) = (i % along, i / along % rows, i / along / rows);
        let broken = NotFinite { index: ((z + k) * ny + y + j) * nx + x + i, ..broken };
        let mut found = found.lock().expect("no thread panics with it");
        *found = Some(match *found {
            Some((first, before)) if before.index < broken.index => (first, before.or(broken)),
            Some((_, before)) => (node, before.or(broken)),
            None => (node, broken),
        });
    }

    fn write(&self, task: &mut Task<'_>, block: &Block, outcome: &Outcome<'_>, past_caches: bool) {
        let nx = self.given.resolution[0] as usize;
        // Whole rows follow each other in the result.
        let (run, runs) = match block[0].len() {
            width if width == nx => (width * block[1].len(), 1),
            width => (width, block[1].len()),
        };
        let first = (block[1].start - task.y) as usize * nx + block[0].start as usize;
        for (c, planes) in task.planes.iter_mut().enumerate() {
            let mut done = 0;
            for plane in planes.iter_mut() {
                for at in (0..runs).map(|j| first + j * nx) {
                    let to = &mut plane[at..at + run];
                    match outcome {
                        Outcome::Constant(v) => to.fill(*v),
                        Outcome::Values(from) if past_caches => {
                            stream(self.given.level, to, &from[c][done..done + run])
                        }
                        Outcome::Values(from) => to.copy_from_slice(&from[c][done..done + run]),
                        Outcome::Broken(..) => {}
                    }
                    done += run;
                }
            }
        }
    }
}
