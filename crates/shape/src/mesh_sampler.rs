//! What SampleTriangleMesh and SampleTriangleMeshBvh share: a mesh asset as a distance.

use crate::interval::Bounds;
use crate::operator::{
    Asset, Build, BuildError, Lanes, LanesMut, OnPatch, Pointwise, Promise, Stage, Visible,
};
use crate::params::{Kind, Param, Values};
use crate::struts::required_asset;
use fieldstone_kernel::bvh::Bvh;
use fieldstone_kernel::distance::{FaceNote, FromMesh, MeshDistance, Reach};
use fieldstone_kernel::format::{FormatError, Listed, MeshFormat, READ_NAMES, ReadMesh, read_mesh};
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::{Cancelled, Monitor, Patch, TriMesh};
use std::sync::Arc;

/// `mesh_data`.
pub const MESH_DATA: Param = Param {
    name: "mesh_data",
    kind: Kind::Asset { file_type: Some("MeshFile") },
    default: None,
    doc: Listed::of(&[READ_NAMES, "; required"], "").text(),
};

/// `cw_winding`.
pub const CW_WINDING: Param = Param {
    name: "cw_winding",
    kind: Kind::Integer { min: 0, max: 1 },
    default: Some("0"),
    doc: "1: triangles are clockwise seen from outside; turns a counter-clockwise mesh inside out",
};

/// The distance to an asset's mesh is exact; points bent on the way make it a sign.
pub fn promise(values: &Values, inputs: &[Promise]) -> Promise {
    let similar = crate::affine::Affine::placement(values, "xform").is_ok_and(|a| a.is_similarity());
    let own = if similar { Promise::Distance } else { Promise::Bound };
    inputs.iter().copied().min().unwrap_or(Promise::Sign).min(own)
}

/// Reads the mesh of `mesh_data`, and tells what its reader noted.
pub fn mesh_of(values: &Values, cx: &Build<'_>) -> Result<TriMesh, BuildError> {
    let path = required_asset(values, "mesh_data")?;
    let (read, _) = read(path, &cx.assets.open(path)?, cx)?;
    read.notes.iter().for_each(|note| cx.assets.note(path, note));
    Ok(read.mesh)
}

/// Reads the mesh of an asset that `mesh_data` calls `path`; with it how often its triangles may touch.
fn read(path: &str, asset: &Asset, cx: &Build<'_>) -> Result<(ReadMesh, u64), BuildError> {
    let refuse = |e: FormatError| match e {
        FormatError::Cancelled(c) => BuildError::Cancelled(c),
        other => BuildError::param("mesh_data", format!("{path:?}: {other}")),
    };
    let format = MeshFormat::of_filename(&asset.filename).map_err(refuse)?;
    let bytes = asset.bytes.as_ref().as_ref();
    let limits = cx.assets.mesh_limits(bytes.len() as u64);
    let read = read_mesh(bytes, format, &limits, cx.monitor).map_err(refuse)?;
    Ok((read, limits.max_contacts))
}

/// The mesh of an asset, made ready for distances.
pub struct Ready {
    mesh: TriMesh,
    distance: MeshDistance,
    notes: Vec<String>,
}

/// Bytes of a triangle that is ready for distances, with its share of the hierarchy.
const TRIANGLE_BYTES: u64 = 200;

impl Ready {
    /// Reads the mesh of an asset that `mesh_data` calls `path` and prepares it; `hierarchy` reads or builds what the distances are
    /// found with.
    pub fn of(
        path: &str,
        asset: &Asset,
        cx: &Build<'_>,
        hierarchy: impl FnOnce(&TriMesh) -> Result<Bvh, BuildError>,
    ) -> Result<Ready, BuildError> {
        let (ReadMesh { mesh, mut notes, .. }, max_contacts) = read(path, asset, cx)?;
        let bvh = hierarchy(&mesh)?;
        let distance = MeshDistance::build(&mesh, bvh, max_contacts, cx.monitor)?;
        for note in distance.notes().iter().filter(|note| note.is_warning()) {
            if let FaceNote::TooManyContacts { .. } = note {
                return Err(BuildError::param("mesh_data", format!("{path:?}: {note}")));
            }
            notes.push(note.to_string());
        }
        Ok(Ready { mesh, distance, notes })
    }

    /// The same with the hierarchy built anew, or as it was kept from an earlier graph with the same bytes.
    pub fn kept(values: &Values, cx: &Build<'_>) -> Result<Arc<Ready>, BuildError> {
        let path = required_asset(values, "mesh_data")?;
        let asset = cx.assets.open(path)?;
        // The name says how the bytes are read.
        let format = MeshFormat::of_filename(&asset.filename).map_or("", |format| format.extension);
        let name = format!("mesh {format} {:02x?}", asset.checksum);
        if let Some(ready) = cx.assets.kept(&name).and_then(|kept| kept.downcast::<Ready>().ok()) {
            return Ok(ready);
        }
        let ready = Arc::new(Ready::of(path, &asset, cx, |mesh| Ok(Bvh::build(mesh, cx.monitor)?))?);
        let bytes = ready.mesh.triangles.len() as u64 * TRIANGLE_BYTES;
        cx.assets.keep(name, ready.clone(), bytes);
        Ok(ready)
    }
}

/// The stage that samples a mesh.
pub fn stage(ready: Arc<Ready>, values: &Values, cx: &mut Build<'_>) -> Result<Stage, BuildError> {
    // A mesh that is inside out is taken the other way round, so the parameter changes only those that are not.
    let turned = values.integer("cw_winding") == Some(1) && ready.mesh.signed_volume() >= 0.0;
    let scale = cx.place(values)?;
    let factor = if turned { -scale } else { scale };
    let path = required_asset(values, "mesh_data")?;
    ready.notes.iter().for_each(|note| cx.assets.note(path, note));
    Ok(Stage::Pointwise(Box::new(MeshSampler { ready, factor })))
}

struct MeshSampler {
    ready: Arc<Ready>,
    /// From this frame's distances to the world's; negative where the mesh is to be turned inside out.
    factor: f32,
}

impl Pointwise for MeshSampler {
    fn evaluate(&self, _: Level, inputs: &[Lanes<'_>], out: &mut LanesMut<'_>) {
        let [x, y, z] = inputs[0].points();
        let out = out.value();
        self.ready.distance.sample(x, y, z, out);
        out.iter_mut().for_each(|v| *v *= self.factor);
    }

    fn bounds(&self, inputs: &[Bounds]) -> Bounds {
        if !inputs[0].is_finite() {
            return Bounds::ANY;
        }
        let [x, y, z] = inputs[0].centre().map(|c| [c]);
        let mut value = [0.0];
        self.ready.distance.sample(&x, &y, &z, &mut value);
        inputs[0].lipschitz(value[0] * self.factor, self.factor.abs())
    }

    fn on_patch(&self) -> Option<&dyn OnPatch> {
        Some(self)
    }
}

impl OnPatch for MeshSampler {
    fn sample(
        &self,
        patch: &Patch,
        visible: Visible,
        level: Level,
        monitor: &Monitor,
    ) -> Result<Vec<f32>, Cancelled> {
        let band = Visible { band: visible.band / self.factor.abs(), ..visible };
        // Somewhat farther than anybody sees: what is cut off is outside the band for certain.
        let far = band.reach(patch.spacing()) * 1.001 + patch.spacing().into_iter().fold(0.0, f64::max);
        // An infinite band means exact everywhere.
        let reach = Reach::Band(far);
        let sampler = FromMesh {
            surface: self.ready.distance.surface(),
            level,
            ..FromMesh::new(&self.ready.mesh, self.ready.distance.bvh())
        };
        let mut samples = sampler.sample(patch, reach, monitor)?;
        if self.factor != 1.0 {
            samples.iter_mut().for_each(|v| *v *= self.factor);
        }
        Ok(samples)
    }
}
