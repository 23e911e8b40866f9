//! The grid that a graph's result is on, for jobs that need one, and where it lies in the world.

use crate::graph_input::refused;
use fieldstone_kernel::{Patch, TriMesh};
use fieldstone_shape::affine::Affine;
use fieldstone_shape::{Domain, ParamError, Plan};

/// The samples of a plan's result before they are moved, and where they are moved to; a list of points is refused.
pub fn grid_of(plan: &Plan) -> Result<(Patch, Affine), ParamError> {
    match plan.target_domain().map_err(refused)? {
        Domain::Grid { patch, affine } => Ok((*patch, *affine)),
        Domain::List(_) => Err(refuse(
            plan,
            "makes a list of points, this job needs the samples of a grid: of a GenerateSamplePoints",
        )),
    }
}

/// The same in the world; a grid that is turned or mirrored there is refused.
pub fn upright_grid_of(plan: &Plan) -> Result<Patch, ParamError> {
    grid_of(plan)?;
    let upright = plan.target_domain().map_err(refused)?.upright_patch();
    upright.ok_or_else(|| {
        refuse(
            plan,
            "parameter \"xform\": turns or mirrors the points, layers and images need an upright grid",
        )
    })
}

/// Moves a mesh of the samples before they are moved to where they are in the world; a reflection turns its faces round.
pub fn to_world(mesh: &mut TriMesh, affine: &Affine) {
    if *affine == Affine::IDENTITY {
        return;
    }
    for p in &mut mesh.positions {
        *p = affine.apply(p.map(f64::from)).map(|v| v as f32);
    }
    if affine.determinant() < 0.0 {
        mesh.triangles.iter_mut().for_each(|t| t.swap(1, 2));
    }
}

/// An error of the operator that makes the points of the plan's result.
pub fn refuse(plan: &Plan, what: impl Into<String>) -> ParamError {
    let at = plan.target_source().unwrap_or(plan.target());
    refused(plan.graph().error_at(at, what))
}
