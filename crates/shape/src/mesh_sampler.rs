//! What SampleTriangleMesh and SampleTriangleMeshBvh share: a mesh asset as a distance.

use crate::interval::Bounds;
use crate::operator::{
    Asset, Build, BuildError, Lanes, LanesMut, OnPatch, Pointwise, Promise, Stage, Visible,
};
use crate::params::{Kind, Param, Values};
use crate::struts::required_asset;
use fieldstone_kernel::bvh::Bvh;
use fieldstone_kernel::distance::{FaceNote, FromMesh, MeshDistance, Reach};
use fieldstone_kernel::format::{FormatError, Listed, MeshFormat, READ_NAMES, read_mesh};
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::{Cancelled, Monitor, Patch, TriMesh};

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

/// Reads the mesh of `mesh_data`; with it how often its triangles may touch.
pub fn mesh_of(values: &Values, cx: &Build<'_>) -> Result<(Asset, TriMesh, u64), BuildError> {
    let path = required_asset(values, "mesh_data")?;
    let asset = cx.assets.open(path)?;
    let refuse = |e: FormatError| match e {
        FormatError::Cancelled(c) => BuildError::Cancelled(c),
        other => BuildError::param("mesh_data", format!("{path:?}: {other}")),
    };
    let format = MeshFormat::of_filename(&asset.filename).map_err(refuse)?;
    let bytes = asset.bytes.as_ref().as_ref();
    let limits = cx.assets.mesh_limits(bytes.len() as u64);
    let read = read_mesh(bytes, format, &limits, cx.monitor).map_err(refuse)?;
    read.notes.iter().for_each(|note| cx.assets.note(path, note));
    Ok((asset, read.mesh, limits.max_contacts))
}

/// Prepares the stage of a mesh with its hierarchy.
pub fn stage(
    mesh: TriMesh,
    bvh: Bvh,
    max_contacts: u64,
    values: &Values,
    cx: &mut Build<'_>,
) -> Result<Stage, BuildError> {
    // A mesh that is inside out is taken the other way round, so the parameter changes only those that are not.
    let turned = values.integer("cw_winding") == Some(1) && mesh.signed_volume() >= 0.0;
    let scale = cx.place(values)?;
    let factor = if turned { -scale } else { scale };
    let distance = MeshDistance::build(&mesh, bvh, max_contacts, cx.monitor)?;
    let path = required_asset(values, "mesh_data")?;
    for note in distance.notes().iter().filter(|note| note.is_warning()) {
        if let FaceNote::TooManyContacts { .. } = note {
            return Err(BuildError::param("mesh_data", format!("{path:?}: {note}")));
        }
        cx.assets.note(path, &note.to_string());
    }
    Ok(Stage::Pointwise(Box::new(MeshSampler { mesh, distance, factor })))
}

struct MeshSampler {
    mesh: TriMesh,
    distance: MeshDistance,
    /// From this frame's distances to the world's; negative where the mesh is to be turned inside out.
    factor: f32,
}

impl Pointwise for MeshSampler {
    fn evaluate(&self, _: Level, inputs: &[Lanes<'_>], out: &mut LanesMut<'_>) {
        let [x, y, z] = inputs[0].points();
        let out = out.value();
        self.distance.sample(x, y, z, out);
        out.iter_mut().for_each(|v| *v *= self.factor);
    }

    fn bounds(&self, inputs: &[Bounds]) -> Bounds {
        if !inputs[0].is_finite() {
            return Bounds::ANY;
        }
        let [x, y, z] = inputs[0].centre().map(|c| [c]);
        let mut value = [0.0];
        self.distance.sample(&x, &y, &z, &mut value);
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
            surface: self.distance.surface(),
            level,
            ..FromMesh::new(&self.mesh, self.distance.bvh())
        };
        let mut samples = sampler.sample(patch, reach, monitor)?;
        if self.factor != 1.0 {
            samples.iter_mut().for_each(|v| *v *= self.factor);
        }
        Ok(samples)
    }
}
