//! The surface of a field as a mesh: made slab by slab, put in its place, simplified, written.

use crate::bodies::{self, CAVITIES, COMPONENTS};
use crate::context::JobContext;
use crate::error::JobError;
use crate::field::Field;
use crate::graph_input::InPieces;
use crate::grid::to_world;
use crate::job_type::Product;
use crate::share::Share;
use crate::surface_pieces::{self, refused};
use crate::surface_size::most_triangles;
use crate::watch::{Watch, tell_specks};
use fieldstone_kernel::format::{MeshFormat, WRITTEN, write_mesh};
use fieldstone_kernel::isosurface::{Mesher, Options, Sharp};
use fieldstone_kernel::{Monitor, TriMesh};
use fieldstone_shape::params::Choices;
use fieldstone_shape::{Kind, Param, Values, bounds_json};
use std::io::Write;

/// What the words of a switch mean.
pub const SWITCH: Choices<bool, 2> = Choices([("false", false), ("true", true)]);

/// Where the surface is.
pub const ISOVALUE: Param = Param {
    name: "isovalue",
    kind: Kind::Number { min: -1e30, max: 1e30 },
    default: Some("0"),
    doc: "the surface is where the field has this value",
};
/// The formats that are written, by extension.
const FILE_TYPES: Choices<&MeshFormat, { WRITTEN.len() }> = {
    let (mut found, mut i) = ([("", WRITTEN[0]); WRITTEN.len()], 0);
    while i < WRITTEN.len() {
        found[i] = (WRITTEN[i].extension, WRITTEN[i]);
        i += 1;
    }
    Choices(found)
};

/// The mesh's format.
pub const FILE_TYPE: Param = Param {
    name: "file_type",
    kind: Kind::Choice(&FILE_TYPES.words()),
    default: Some("stl"),
    doc: "format of the mesh",
};
/// Creases.
pub const FEATURE_PRESERVING: Param = Param {
    name: "feature_preserving",
    kind: Kind::Choice(&SWITCH.words()),
    default: Some("false"),
    doc: "true: edges and corners stay sharp; for graphs that are formulas all through (no Redistance, no mesh on a grid) exactly, else as far as the samples show them",
};
/// Fewer triangles.
pub const SIMPLIFY_TOLERANCE: Param = Param {
    name: "simplify_tolerance",
    kind: Kind::Number { min: 0.0, max: 1e9 },
    default: Some("0"),
    doc: "mm that the mesh may leave the surface by to have fewer triangles; 0 keeps all",
};
/// What these jobs make.
pub const MESH: Product = Product {
    name: "mesh",
    extension: "stl",
    doc: "closed 2-manifold, faces outward, mm; extension by file_type",
};
/// What these jobs say of it.
pub const RESULTS: &[&str] = &["face_count", "vertex_count", "watertight", "bounds", COMPONENTS, CAVITIES];

/// Normals that differ by more than this make an edge.
const SHARP_DEGREES: f64 = 30.0;

/// How jobs that make such a mesh are done in pieces. Creases are seen on the whole surface alone.
pub const IN_PIECES: InPieces = InPieces {
    can: |values| !SWITCH.read(values, FEATURE_PRESERVING.name),
    of_piece: crate::surface_size::memory_bytes,
    join_per_byte: |_| crate::surface_size::JOIN_PER_BYTE,
};

/// The same for jobs with [`SIMPLIFY_TOLERANCE`].
pub const SIMPLIFIED_IN_PIECES: InPieces = InPieces {
    join_per_byte: |values| {
        let simplifies = values.float(SIMPLIFY_TOLERANCE.name) > 0.0;
        crate::surface_size::JOIN_PER_BYTE * if simplifies { 2 } else { 1 }
    },
    ..IN_PIECES
};

/// The surface of `field`, in the world: of its samples, or of its pieces. Warns of what the field's grid does not hold.
pub fn mesh_of(
    field: &Field,
    isovalue: f64,
    sharp: bool,
    cx: &JobContext,
    monitor: &Monitor,
) -> Result<TriMesh, JobError> {
    let patch = field.patch()?;
    let max_triangles = most_triangles(patch.sample_count(), cx.limits());
    let mut watch = Watch::new(&patch, &field.affine(), isovalue as f32);
    let mut mesh = match cx.share() {
        Share::Join { .. } => {
            surface_pieces::joined(cx, max_triangles, &mut watch, field.program(), monitor)?
        }
        _ => mesh_of_samples(field, isovalue, sharp, max_triangles, &mut watch, monitor)?,
    };
    watch.tell(field.program(), cx);
    to_world(&mut mesh, &field.affine());
    Ok(mesh)
}

fn mesh_of_samples(
    field: &Field,
    isovalue: f64,
    sharp: bool,
    max_triangles: u64,
    watch: &mut Watch,
    monitor: &Monitor,
) -> Result<TriMesh, JobError> {
    let gradients = if sharp { field.gradients() } else { None };
    let sharp = sharp.then(|| Sharp {
        field: gradients.as_ref().map(|g| g as &dyn fieldstone_kernel::isosurface::Gradients),
        angle: SHARP_DEGREES,
    });
    let options = Options { isovalue: isovalue as f32, max_triangles, sharp, ..Options::default() };
    let mut mesher = Mesher::new(&field.patch()?, &options).map_err(refused)?;
    let slabs = field.slabs();
    for (i, z) in slabs.iter().enumerate() {
        let share = |k: f32| 0.9 * (i as f32 + k) / slabs.len() as f32;
        let samples = field.evaluate(z.clone(), &monitor.part(share(0.0), share(0.8)))?;
        watch.planes(&samples, monitor)?;
        mesher.planes(&samples, &monitor.part(share(0.8), share(1.0))).map_err(refused)?;
    }
    mesher.finish(&monitor.part(0.9, 1.0)).map_err(refused)
}

/// Meshes `field` as the parameters say and writes the mesh and what is to be said of it.
pub fn export(
    field: &Field,
    isovalue: f64,
    values: &Values,
    cx: &mut JobContext,
    monitor: &Monitor,
) -> Result<(), JobError> {
    let sharp = SWITCH.read(values, FEATURE_PRESERVING.name);
    let mut mesh = mesh_of(field, isovalue, sharp, cx, &monitor.part(0.0, 0.7))?;
    if mesh.triangles.is_empty() {
        return Err(JobError::Invalid(format!(
            "there is no surface: no sample of the field is below {isovalue}, so nothing is inside"
        )));
    }
    let tolerance = values.float(SIMPLIFY_TOLERANCE.name);
    if tolerance > 0.0 {
        mesh = fieldstone_kernel::mesh::simplify(mesh, tolerance, &monitor.part(0.7, 0.9))?;
    }
    let format = FILE_TYPES.read(values, FILE_TYPE.name);
    let mut out = cx.output(MESH.name, format.extension)?;
    write_mesh(&mesh, format, &mut out)?;
    out.flush()?;
    cx.set_param("face_count", mesh.triangles.len());
    cx.set_param("vertex_count", mesh.positions.len());
    let topology = fieldstone_kernel::measure::topology(&mesh, &monitor.part(0.95, 1.0))?;
    cx.set_param("watertight", topology.is_closed_manifold());
    cx.set_param("bounds", bounds_json(&mesh.bounds()));
    let parts = fieldstone_kernel::measure::parts(&mesh, &monitor.part(0.98, 1.0))?;
    bodies::tell(Some(&parts), cx);
    tell_specks(&parts, &field.patch()?, &field.affine(), cx);
    Ok(())
}
