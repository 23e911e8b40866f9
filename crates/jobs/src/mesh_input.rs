//! Reads a mesh asset: mapped, not copied, and limited so that the job stays within the memory it asked for.

use crate::context::{Input, JobContext};
use crate::error::JobError;
use crate::job_type::KnownInputs;
use crate::warning::{Warning, place, rounded};
use anyhow::Context;
use fieldstone_kernel::Monitor;
use fieldstone_kernel::bvh::MeshChecksum;
use fieldstone_kernel::distance::FaceNote;
use fieldstone_kernel::format::{FormatError, MeshFormat, MeshLimits, ReadMesh, read_mesh};
use fieldstone_kernel::mesh::Report;
use fieldstone_kernel::outer::BYTES_PER_CONTACT;
use memmap2::Mmap;
use std::fs::File;

/// Memory a job may always use on a mesh, however small its file: packed and instanced meshes unfold.
const LEAST_BYTES: u64 = 256 << 20;
/// What a file's bytes may unfold to. Binary STL takes 4, text less; packed 3MF is the reason for the rest.
const BYTES_PER_FILE_BYTE: u64 = 32;
/// Upper bound of what reading and preprocessing hold per triangle: the mesh as read (48), a copy while its
/// pieces are joined (60), edges, welding and patches (110), rounded up; a hierarchy takes less (150).
const BYTES_PER_TRIANGLE: u64 = 256;

/// Upper bound of the memory that reading the input `mesh` and then preprocessing it or building its hierarchy take.
/// [`read_input_mesh`] refuses meshes that would need more.
pub fn mesh_memory_bytes(inputs: &KnownInputs) -> u64 {
    memory_of_file(inputs.get("mesh").map_or(0, |mesh| mesh.bytes))
}

fn memory_of_file(file_bytes: u64) -> u64 {
    LEAST_BYTES.saturating_add(file_bytes.saturating_mul(BYTES_PER_FILE_BYTE))
}

/// What the mesh of a file of so many bytes may be, for its job to stay within the memory it asked for.
pub fn limits_of(limits: &MeshLimits, file_bytes: u64) -> MeshLimits {
    let memory = memory_of_file(file_bytes);
    MeshLimits {
        max_triangles: limits.max_triangles.min(memory / BYTES_PER_TRIANGLE),
        max_contacts: limits.max_contacts.min(memory / BYTES_PER_CONTACT),
        ..*limits
    }
}

/// How often triangles of the mesh `input` may touch.
pub fn contacts_of(cx: &JobContext, input: &Input) -> Result<u64, JobError> {
    Ok(limits_of(&cx.limits().mesh, std::fs::metadata(&input.path)?.len()).max_contacts)
}

/// Warns of what was found about the faces of the mesh `input`. Where its parts overlap in too many places to be united the mesh is refused:
/// what is inside it would pass for surface.
pub fn tell_faces(notes: &[FaceNote], input: &Input, cx: &JobContext) -> Result<(), JobError> {
    for note in notes.iter().filter(|note| note.is_warning()) {
        if let FaceNote::TooManyContacts { .. } = note {
            let why =
                "a setting (max_contacts), less where memory for a file of its size does not hold as many";
            return Err(JobError::Invalid(format!("{}: {note}: {why}", input.filename)));
        }
        cx.warn(&format!("{}: {note}", input.filename));
    }
    Ok(())
}

/// The same of preprocessing, and of parts that welding left nothing of.
pub fn tell_repairs(report: &Report, input: &Input, cx: &JobContext) -> Result<(), JobError> {
    if let Some(at) = report.lost_at {
        let (count, tolerance, at) = (report.parts_lost, report.weld_tolerance, at.map(f64::from));
        let message = format!(
            "{}: {count} parts vanish where vertices within {} mm are welded, for example at {}",
            input.filename,
            rounded(tolerance),
            place(at)
        );
        let warning = Warning::new("lost_shell", message).with("at", at.to_vec()).with("count", count);
        cx.warn_of(warning.with("weld_tolerance", tolerance));
    }
    tell_faces(&report.faces, input, cx)
}

/// Reads the mesh `input`; its filename's extension names the format. What is wrong with the file is
/// [`JobError::Invalid`] and names the asset, for example `part.stl: STL byte 80: the header promises …`. What its reader
/// notes becomes warnings of the job.
pub fn read_input_mesh(cx: &JobContext, input: &Input, monitor: &Monitor) -> Result<ReadMesh, JobError> {
    let read = read_file(cx, input, monitor)?;
    for note in &read.notes {
        cx.warn(&format!("{}: {note}", input.filename));
    }
    Ok(read)
}

/// Reads the mesh of a file that is in memory; its name's extension names the format.
pub(crate) fn read_mesh_bytes(
    filename: &str,
    bytes: &[u8],
    limits: &MeshLimits,
    monitor: &Monitor,
) -> Result<ReadMesh, JobError> {
    let format = MeshFormat::of_filename(filename);
    let read = format.and_then(|format| read_mesh(bytes, format, limits, monitor));
    read.map_err(|e| match e {
        FormatError::Cancelled(c) => JobError::Cancelled(c),
        other => JobError::Invalid(format!("{filename}: {other}")),
    })
}

fn read_file(cx: &JobContext, input: &Input, monitor: &Monitor) -> Result<ReadMesh, JobError> {
    let file = File::open(&input.path)?;
    let size = file.metadata()?.len();
    let limits = &limits_of(&cx.limits().mesh, size);
    if size == 0 {
        // An empty file cannot be mapped.
        return read_mesh_bytes(&input.filename, &[], limits, monitor);
    }
    // SAFETY: a staged input is an immutable blob that nobody writes to or cuts while the job runs ([`Input`]).
    let bytes = unsafe { Mmap::map(&file)? };
    read_mesh_bytes(&input.filename, &bytes, limits, monitor)
}

/// The SHA-256 of `input`, which ties a hierarchy to its mesh.
pub fn checksum_bytes(input: &Input) -> Result<MeshChecksum, JobError> {
    let digits = input.checksum.strip_prefix("sha256:").unwrap_or(&input.checksum);
    let byte = |i: usize| digits.get(2 * i..2 * i + 2).and_then(|d| u8::from_str_radix(d, 16).ok());
    let mut bytes = [0; 32];
    for (i, b) in bytes.iter_mut().enumerate() {
        *b = byte(i).with_context(|| format!("checksum of {} is {:?}", input.filename, input.checksum))?;
    }
    Ok(bytes)
}
