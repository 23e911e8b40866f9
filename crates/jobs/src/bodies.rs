//! Counts the parts and cavities of a field while it is sliced or written: as many as its mesh has.

use crate::context::JobContext;
use crate::error::JobError;
use crate::grid::to_world;
use crate::surface_size::most_triangles;
use crate::watch::tell_specks;
use fieldstone_kernel::isosurface::{IsosurfaceError, Mesher, Options};
use fieldstone_kernel::measure::{Parts, parts};
use fieldstone_kernel::{Monitor, Patch};
use fieldstone_shape::affine::Affine;

/// Output parameter: parts of the shape that hang together.
pub const COMPONENTS: &str = "components";
/// Output parameter: hollows that nothing reaches from outside.
pub const CAVITIES: &str = "cavities";

/// Meshes the planes of one field, for the sake of what hangs together in it.
pub struct Bodies {
    patch: Patch,
    affine: Affine,
    mesher: Option<Mesher<'static>>,
    /// Why it is not counted, where that is worth a warning.
    refused: Option<IsosurfaceError>,
}

impl Bodies {
    /// For samples on `patch`, which `affine` puts in the world; inside is below 0. Memory: [`crate::surface_size::memory_bytes`].
    pub fn new(patch: &Patch, affine: &Affine, cx: &JobContext) -> Bodies {
        let max_triangles = most_triangles(patch.sample_count(), cx.limits());
        // Nothing is solid on a grid without extent.
        let mesher = Mesher::new(patch, &Options { max_triangles, ..Options::default() }).ok();
        Bodies { patch: *patch, affine: *affine, mesher, refused: None }
    }

    /// Takes the next planes.
    pub fn planes(&mut self, samples: &[f32], monitor: &Monitor) -> Result<(), JobError> {
        let taken = self.mesher.as_mut().map_or(Ok(()), |mesher| mesher.planes(samples, monitor));
        taken.or_else(|e| self.give_up(e))
    }

    /// Sets [`COMPONENTS`] and [`CAVITIES`]; `null` where there are too many triangles to count, or no cells. Warns of the smallest.
    pub fn tell(mut self, cx: &mut JobContext, monitor: &Monitor) -> Result<(), JobError> {
        let found = match self.mesher.take().map(|mesher| mesher.finish(&monitor.part(0.0, 0.6))) {
            None => None,
            Some(Ok(mut mesh)) => {
                to_world(&mut mesh, &self.affine);
                Some(parts(&mesh, &monitor.part(0.6, 1.0))?)
            }
            Some(Err(e)) => {
                self.give_up(e)?;
                None
            }
        };
        if let Some(e) = &self.refused {
            cx.warn(&format!("parts and cavities were not counted: {e}"));
        }
        tell(found.as_ref(), cx);
        if let Some(found) = found {
            tell_specks(&found, &self.patch, &self.affine, cx);
        }
        Ok(())
    }

    fn give_up(&mut self, e: IsosurfaceError) -> Result<(), JobError> {
        self.mesher = None;
        match e {
            IsosurfaceError::Cancelled(c) => Err(JobError::Cancelled(c)),
            refused => {
                self.refused = Some(refused);
                Ok(())
            }
        }
    }
}

/// Sets the output parameters, to `null` where nothing was counted.
pub fn tell(parts: Option<&Parts>, cx: &mut JobContext) {
    let text = |count: Option<usize>| count.map_or("null".to_owned(), |n| n.to_string());
    cx.set_param(COMPONENTS, text(parts.map(|p| p.solids)));
    cx.set_param(CAVITIES, text(parts.map(|p| p.cavities)));
}
