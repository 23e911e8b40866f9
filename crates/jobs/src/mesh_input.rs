//! Reads a mesh asset: mapped, not copied, and limited so that the job stays within the memory it asked for.

use crate::context::{Input, JobLimits};
use crate::job_type::JobError;
use fieldstone_kernel::format::{FormatError, MeshFormat, MeshLimits, read_mesh};
use fieldstone_kernel::{Monitor, TriMesh};
use memmap2::Mmap;
use std::fs::File;

/// Reads the mesh `input`; its filename's extension names the format. What is wrong with the file is
/// [`JobError::Invalid`] and names the asset, for example `part.stl: STL byte 80: the header promises …`.
pub fn read_input_mesh(input: &Input, limits: &JobLimits, monitor: &Monitor) -> Result<TriMesh, JobError> {
    read_limited(input, &limits.mesh, monitor)
}

fn read_limited(input: &Input, limits: &MeshLimits, monitor: &Monitor) -> Result<TriMesh, JobError> {
    let refuse = |e: FormatError| match e {
        FormatError::Cancelled(c) => JobError::Cancelled(c),
        other => JobError::Invalid(format!("{}: {other}", input.filename)),
    };
    let format = MeshFormat::of_filename(&input.filename).map_err(refuse)?;
    let file = File::open(&input.path)?;
    if file.metadata()?.len() == 0 {
        // An empty file cannot be mapped.
        return read_mesh(&[], format, limits, monitor).map_err(refuse);
    }
    // SAFETY: a staged input is an immutable blob that nobody writes to or cuts while the job runs ([`Input`]).
    let bytes = unsafe { Mmap::map(&file)? };
    read_mesh(&bytes, format, limits, monitor).map_err(refuse)
}
