//! Where the samples of an operator's values are: on a grid, or at points one by one.

use crate::affine::Affine;
use fieldstone_kernel::Patch;
use std::sync::Arc;

/// Where samples are taken.
#[derive(Clone, Debug)]
pub enum Domain {
    /// At the samples of a patch, moved by an affine map.
    Grid {
        /// The samples before they are moved.
        patch: Patch,
        /// Patch → world.
        affine: Affine,
    },
    /// At points one by one: x, y and z.
    List(Arc<[Vec<f32>; 3]>),
}

impl Domain {
    /// Samples per axis; of a list (n, 1, 1).
    pub fn resolution(&self) -> [u32; 3] {
        match self {
            Domain::Grid { patch, .. } => patch.resolution(),
            Domain::List(points) => [points[0].len() as u32, 1, 1],
        }
    }

    /// Directions in the world of a grid's axes; of a list those of the world.
    pub fn axes(&self) -> [[f64; 3]; 3] {
        match self {
            Domain::Grid { affine, .. } => affine.directions(),
            Domain::List(_) => Affine::IDENTITY.linear,
        }
    }

    /// Where sample `index` is in the world; of a list the x of it counts.
    pub fn position(&self, index: [u32; 3]) -> [f64; 3] {
        match self {
            Domain::Grid { patch, affine } => affine.apply(patch.position(index)),
            Domain::List(points) => std::array::from_fn(|a| f64::from(points[a][index[0] as usize])),
        }
    }

    /// The grid in the world, where its axes are still those of the world.
    pub fn upright_patch(&self) -> Option<Patch> {
        let Domain::Grid { patch, affine } = self else { return None };
        let upright = affine.is_diagonal() && (0..3).all(|a| affine.linear[a][a] > 0.0);
        let size = std::array::from_fn(|a| patch.size()[a] * affine.linear[a][a]);
        Patch::new(size, affine.apply(patch.offset()), patch.resolution()).ok().filter(|_| upright)
    }

    /// The grid as its neighbours see each other: of the moved samples, turned back to the axes. `None` for a list, and
    /// where the map leaves no right angles.
    pub fn metric_patch(&self) -> Option<Patch> {
        let Domain::Grid { patch, affine } = self else { return None };
        let scales = affine.right_angled_scales()?;
        let by = |v: [f64; 3]| std::array::from_fn(|a| v[a] * scales[a]);
        Patch::new(by(patch.size()), by(patch.offset()), patch.resolution()).ok()
    }
}
