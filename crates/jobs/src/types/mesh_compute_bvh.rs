//! `mesh/compute-bvh`: the bounding volume hierarchy of a mesh, for jobs that ask for distances.

use crate::context::JobContext;
use crate::error::JobError;
use crate::job_type::{JobEntry, Product, Slot, Work};
use crate::mesh_input::{checksum_bytes, mesh_memory_bytes, read_input_mesh};
use fieldstone_kernel::bvh::Bvh;
use fieldstone_kernel::format::READ_NAMES;
use fieldstone_shape::params::Values;
use std::io::Write;

/// The registry entry.
pub const ENTRY: JobEntry = JobEntry {
    type_name: "mesh/compute-bvh",
    revision: 3,
    doc: "Builds the bounding volume hierarchy of a mesh.",
    inputs: &[Slot { name: "mesh", required: true, from_param: None, doc: READ_NAMES }],
    products: &[Product {
        name: "bvh",
        extension: "bin",
        doc: "versioned binary that names the checksum of the mesh it belongs to",
    }],
    work: Work::plain(|_, inputs| mesh_memory_bytes(inputs), run),
    ..JobEntry::DEFAULT
};

fn run(_: &Values, cx: &mut JobContext) -> Result<(), JobError> {
    let input = cx.input("mesh")?.clone();
    let mesh = read_input_mesh(cx, &input, &cx.monitor().part(0.0, 0.4))?.mesh;
    let bvh = Bvh::build(&mesh, &cx.monitor().part(0.4, 0.9))?;
    let mut out = cx.output("bvh", "bin")?;
    bvh.write(&checksum_bytes(&input)?, &mut out)?;
    out.flush()?;
    Ok(())
}
