//! `implicit/from-mesh`: the signed distance field of a mesh on a regular grid.

use crate::context::{Input, JobContext};
use crate::error::JobError;
use crate::job_type::{JobEntry, KnownInputs, Product, Slot, Work};
use crate::mesh_input::{checksum_bytes, contacts_of, mesh_memory_bytes, read_input_mesh, tell_faces};
use crate::watch::{Watch, tell_lost};
use anyhow::Context;
use fieldstone_kernel::bvh::{Bvh, BvhBytesError};
use fieldstone_kernel::distance::{FromMesh, Reach};
use fieldstone_kernel::format::{Listed, READ_NAMES};
use fieldstone_kernel::measure::{lost_shells, shells};
use fieldstone_kernel::{Patch, TriMesh};
use fieldstone_shape::affine::Affine;
use fieldstone_shape::params::{Choices, Kind, Param, ParamError, Values};
use fieldstone_shape::{bounds_json, integers_json, numbers_json, patch_json};
use std::fs::File;
use std::io::{BufReader, Write};

/// Samples on the longest axis at most.
pub(super) const MAX_RESOLUTION: i64 = 1024;

/// The registry entry.
pub const ENTRY: JobEntry = JobEntry {
    type_name: "implicit/from-mesh",
    revision: 7,
    doc: "Samples the signed distance to a mesh on a grid around it: negative inside, mm, x fastest.",
    inputs: &[
        Slot {
            name: "mesh",
            required: true,
            from_param: None,
            doc: Listed::of(&[READ_NAMES, "; holes and overlaps allowed"], "").text(),
        },
        Slot {
            name: "bvh",
            required: false,
            from_param: None,
            doc: "output of mesh/compute-bvh for this mesh; built here when absent",
        },
    ],
    params: &[
        Param {
            name: "resolution",
            kind: Kind::Integer { min: 2, max: MAX_RESOLUTION },
            default: Some("256"),
            doc: "samples on the longest axis",
        },
        Param {
            name: "padding",
            kind: Kind::Integer { min: 0, max: 256 },
            default: Some("0"),
            doc: "cells between the mesh's bounding box and the border of the grid; with 0 the patch is the bounding box (on an axis that the cells do not divide it is larger by less than a cell, half on either side), and meshes, measures and layers of the volume are closed there",
        },
        Param {
            name: "component_type",
            kind: Kind::Choice(&COMPONENT_TYPES.words()),
            default: Some("Float"),
            doc: "Float: float32 mm; Byte: int8, round(127·clamp(d/width, −1, 1))",
        },
        Param {
            name: "width",
            kind: Kind::Number { min: 1e-9, max: 1e9 },
            default: None,
            doc: "mm at which a Byte saturates; default 3 cell diagonals",
        },
    ],
    products: &[Product {
        name: "volume",
        extension: "bin",
        doc: "samples, little-endian, without a header",
    }],
    results: RESULTS,
    example: r#"{"resolution": 40}"#,
    work: Work::Plain {
        check: |values, _| {
            let [resolution, padding] =
                ["resolution", "padding"].map(|name| values.integer(name).unwrap_or(0));
            check_padding(resolution, padding)
        },
        memory_bytes: |values, inputs| {
            sampling_memory(values.integer("resolution").unwrap_or(MAX_RESOLUTION), inputs)
        },
        run,
    },
};

/// Parameters out, shared with the older job type.
pub(super) const RESULTS: &[&str] = &[
    "patch",
    "patch_size",
    "patch_offset",
    "patch_resolution",
    "bounds",
    "face_count",
    "vertex_count",
    "component_type",
];

/// The field, what distances far from the mesh take, the mesh with its hierarchy, and some room.
pub(super) fn sampling_memory(resolution: i64, inputs: &KnownInputs) -> u64 {
    let samples = (resolution as u64).pow(3);
    // What is for each triangle fits into what the mesh is given.
    4 * samples + FromMesh::far_memory_bytes(samples, 0) + mesh_memory_bytes(inputs) + (64 << 20)
}

fn run(values: &Values, cx: &mut JobContext) -> Result<(), JobError> {
    let input = cx.input("mesh")?.clone();
    let mesh = read_input_mesh(cx, &input, &cx.monitor().part(0.0, 0.1))?.mesh;
    let bvh = match cx.optional_input("bvh") {
        None => Bvh::build(&mesh, &cx.monitor().part(0.1, 0.2))?,
        Some(file) => {
            let name = &file.filename;
            let mut bytes =
                BufReader::new(File::open(&file.path).with_context(|| format!("input {name:?}"))?);
            Bvh::read(&mut bytes, &mesh, &checksum_bytes(&input)?).map_err(|e| match e {
                BvhBytesError::Io(e) if e.kind() != std::io::ErrorKind::UnexpectedEof => {
                    JobError::Internal(e.into())
                }
                e => JobError::Invalid(format!("input bvh ({name}): {e}")),
            })?
        }
    };
    let resolution = values.integer("resolution").context("resolution has a default")?;
    let padding = values.integer("padding").context("padding has a default")?;
    let patch = patch_around(&mesh, resolution, padding)?;
    let component = match COMPONENT_TYPES.read(values, "component_type") {
        ComponentType::Byte => {
            Component::Byte { width: values.number("width").unwrap_or_else(|| default_width(&patch)) }
        }
        ComponentType::Float => Component::Float,
    };
    sample(&input, &mesh, &bvh, &patch, component, cx, 0.2)
}

/// What a sample is.
#[derive(Clone, Copy)]
enum ComponentType {
    Float,
    Byte,
}

/// What the words of `component_type` mean.
const COMPONENT_TYPES: Choices<ComponentType, 2> =
    Choices([("Float", ComponentType::Float), ("Byte", ComponentType::Byte)]);

/// How samples are written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Component {
    /// float32, model units.
    Float,
    /// int8, saturated at `width`.
    Byte {
        /// Model units.
        width: f64,
    },
}

/// Three cell diagonals.
fn default_width(patch: &Patch) -> f64 {
    3.0 * patch.spacing().iter().map(|h| h * h).sum::<f64>().sqrt()
}

/// Refuses padding that leaves no cell.
fn check_padding(resolution: i64, padding: i64) -> Result<(), ParamError> {
    if 2 * padding < resolution - 1 {
        return Ok(());
    }
    let what = format!(
        "{padding} cells on either side leave nothing of {} cells (resolution {resolution}) for the mesh",
        resolution - 1
    );
    Err(ParamError { name: "padding".into(), what })
}

/// The patch around `mesh`, or why there is none.
pub(super) fn patch_around(mesh: &TriMesh, resolution: i64, padding: i64) -> Result<Patch, JobError> {
    check_padding(resolution, padding)?;
    Patch::around(&mesh.bounds(), resolution as u32, padding as u32)
        .map_err(|e| JobError::Invalid(e.to_string()))
}

/// Samples and writes the volume and all results; the work is the share from `from` to 1 of the job.
pub(super) fn sample(
    input: &Input,
    mesh: &TriMesh,
    bvh: &Bvh,
    patch: &Patch,
    component: Component,
    cx: &mut JobContext,
    from: f32,
) -> Result<(), JobError> {
    let monitor = cx.monitor().clone();
    let part = monitor.part(from, 0.95);
    let sampler = FromMesh { max_contacts: contacts_of(cx, input)?, ..FromMesh::new(mesh, bvh) };
    let sampled = || sampler.sample_noting(patch, Reach::Everywhere, &part);
    let (sampled, found) = rayon::join(sampled, || shells(mesh, &monitor));
    let ((field, notes), found) = (sampled?, found?);
    tell_faces(&notes, input, cx)?;
    tell_lost(&lost_shells(&found, &field, patch, &monitor)?, found.len(), patch, cx);
    let mut watch = Watch::new(patch, &Affine::IDENTITY, 0.0);
    watch.planes(&field, &monitor)?;
    watch.tell(None, cx);
    let mut out = cx.output("volume", "bin")?;
    for chunk in field.chunks(1 << 18) {
        monitor.check()?;
        match component {
            Component::Float => out.write_all(bytemuck::cast_slice(chunk))?,
            Component::Byte { width } => out.write_all(&quantised(chunk, width))?,
        }
    }
    out.flush()?;
    cx.set_param("patch", patch_json(patch));
    cx.set_param("patch_size", numbers_json(&patch.size()));
    cx.set_param("patch_offset", numbers_json(&patch.offset()));
    cx.set_param("patch_resolution", integers_json(&patch.resolution()));
    cx.set_param("bounds", bounds_json(&mesh.bounds()));
    cx.set_param("face_count", mesh.triangles.len());
    cx.set_param("vertex_count", mesh.positions.len());
    cx.set_param("component_type", if matches!(component, Component::Float) { "Float" } else { "Byte" });
    Ok(())
}

/// round(127·clamp(d/width, −1, 1)) as bytes.
fn quantised(samples: &[f32], width: f64) -> Vec<u8> {
    let scale = (1.0 / width) as f32;
    samples.iter().map(|d| (127.0 * (d * scale).clamp(-1.0, 1.0)).round() as i8 as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_leaves_room_for_the_mesh() {
        let mesh = fieldstone_kernel::testing::cuboid([0.0; 3], [3.0, 2.0, 1.0]);
        for resolution in 2..12 {
            let patch = patch_around(&mesh, resolution, 0).unwrap();
            assert_eq!(i64::from(patch.resolution()[0]), resolution);
        }
        assert!(patch_around(&mesh, 6, 2).is_ok());
        assert!(patch_around(&mesh, 5, 2).is_err());
    }

    #[test]
    fn bytes_saturate_and_round() {
        let bytes = quantised(&[-5.0, -1.0, -0.5, 0.0, 0.003, 0.5, 1.0, 7.0], 1.0);
        let signed: Vec<i8> = bytes.iter().map(|b| *b as i8).collect();
        assert_eq!(signed, [-127, -127, -64, 0, 0, 64, 127, 127]);
    }
}
