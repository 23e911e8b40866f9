//! `network/compute-bvh`: the bounding volume hierarchy of a line network, for SampleBeam.

use crate::context::JobContext;
use crate::error::JobError;
use crate::job_type::{JobEntry, Product, Slot, Work};
use crate::mesh_input::checksum_bytes;
use fieldstone_kernel::beam::NetworkBvh;
use fieldstone_shape::params::Values;
use fieldstone_shape::struts::read_network;
use std::io::Write;

/// What a job may always use, and per byte of the network: JSON unfolds before it is packed.
const LEAST_BYTES: u64 = 64 << 20;
const BYTES_PER_FILE_BYTE: u64 = 48;

/// The registry entry.
pub const ENTRY: JobEntry = JobEntry {
    type_name: "network/compute-bvh",
    revision: 2,
    doc: "Builds the bounding volume hierarchy of a line network.",
    inputs: &[Slot {
        name: "network",
        required: true,
        from_param: None,
        doc: "JSON: {\"nodes\": [[x, y, z], …], \"edges\": [[i, j], …], \"radii\": [r, …]}, mm; radii may be absent",
    }],
    products: &[Product {
        name: "bvh",
        extension: "bin",
        doc: "versioned binary that names the checksum of the network it belongs to",
    }],
    work: Work::plain(
        |_, inputs| {
            let size = inputs.get("network").map_or(0, |network| network.bytes);
            LEAST_BYTES.saturating_add(size.saturating_mul(BYTES_PER_FILE_BYTE))
        },
        run,
    ),
    ..JobEntry::DEFAULT
};

fn run(_: &Values, cx: &mut JobContext) -> Result<(), JobError> {
    let input = cx.input("network")?.clone();
    cx.monitor().check()?;
    let bytes = std::fs::read(&input.path)?;
    let network = read_network(&bytes).map_err(|e| JobError::Invalid(format!("{}: {e}", input.filename)))?;
    cx.monitor().check()?;
    let bvh = NetworkBvh::build(&network, &cx.monitor().part(0.4, 0.9))?;
    let mut out = cx.output("bvh", "bin")?;
    bvh.write(&checksum_bytes(&input)?, &mut out)?;
    out.flush()?;
    Ok(())
}
