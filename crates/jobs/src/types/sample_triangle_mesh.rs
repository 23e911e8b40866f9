//! `sample_triangle_mesh`: the older name for a mesh as it was uploaded to a distance field in one job.

use super::implicit_from_mesh::{Component, MAX_RESOLUTION, RESULTS, patch_around, sample, sampling_memory};
use crate::context::JobContext;
use crate::error::JobError;
use crate::job_type::{JobEntry, Product, Slot, Work};
use crate::mesh_input::{contacts_of, read_input_mesh, tell_repairs};
use anyhow::Context;
use fieldstone_kernel::bvh::Bvh;
use fieldstone_kernel::format::READ_NAMES;
use fieldstone_kernel::mesh::{Preprocess, preprocess};
use fieldstone_shape::params::{Kind, Param, Values};

/// The registry entry.
pub const ENTRY: JobEntry = JobEntry {
    type_name: "sample_triangle_mesh",
    revision: 7,
    doc: "Repairs a mesh and samples the signed distance to it: mesh/preprocess and implicit/from-mesh in one.",
    inputs: &[Slot { name: "mesh", required: true, from_param: Some("mesh_filename"), doc: READ_NAMES }],
    params: &[Param {
        name: "max_resolution",
        kind: Kind::Integer { min: 2, max: MAX_RESOLUTION },
        default: Some("256"),
        doc: "samples on the longest axis",
    }],
    products: &[Product { name: "volume", extension: "bin", doc: "float32 mm, little-endian, x fastest" }],
    results: RESULTS,
    example: r#"{"max_resolution": 40}"#,
    work: Work::plain(
        |values, inputs| sampling_memory(values.integer("max_resolution").unwrap_or(MAX_RESOLUTION), inputs),
        run,
    ),
};

/// Two cells, or as many as leave one for the mesh: clients ask for tiny parts at resolutions down to 2.
fn padding(resolution: i64) -> i64 {
    (resolution / 2 - 1).min(2)
}

fn run(values: &Values, cx: &mut JobContext) -> Result<(), JobError> {
    let input = cx.input("mesh")?.clone();
    let mesh = read_input_mesh(cx, &input, &cx.monitor().part(0.0, 0.1))?.mesh;
    let options = Preprocess { max_contacts: contacts_of(cx, &input)?, ..Preprocess::default() };
    let (mesh, report) = preprocess(mesh, &options, &cx.monitor().part(0.1, 0.2))?;
    tell_repairs(&report, &input, cx)?;
    let bvh = Bvh::build(&mesh, &cx.monitor().part(0.2, 0.3))?;
    let resolution = values.integer("max_resolution").context("max_resolution has a default")?;
    let patch = patch_around(&mesh, resolution, padding(resolution))?;
    sample(&input, &mesh, &bvh, &patch, Component::Float, cx, 0.3)
}
