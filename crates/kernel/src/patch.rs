//! The sampling box: where the samples of a grid sit in the model.

use crate::aabb::Aabb;

/// An axis-aligned box with samples on its faces: sample `i` of axis `a` sits at
/// `offset[a] + size[a] * i / (resolution[a] - 1)` (resolution 1: at `offset`). Model units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Patch {
    size: [f64; 3],
    offset: [f64; 3],
    resolution: [u32; 3],
}

/// Why a patch cannot be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PatchError {
    /// A size is negative or not a number, or an offset is not finite.
    #[error("patch {what} on axis {axis} is {value}, expected a finite number{}", if *.what == "size" { " of at least 0" } else { "" })]
    NotFinite {
        /// `size` or `offset`.
        what: &'static str,
        /// x, y or z.
        axis: char,
        /// What was given.
        value: f64,
    },
    /// No samples on an axis.
    #[error("patch resolution on axis {axis} is 0, expected at least 1")]
    NoSamples {
        /// x, y or z.
        axis: char,
    },
    /// The mesh that was to be sampled has no extent.
    #[error("the mesh has no extent: its bounding box is {diagonal} mm across")]
    NoExtent {
        /// Diagonal of the bounding box.
        diagonal: f64,
    },
}

const AXES: [char; 3] = ['x', 'y', 'z'];

impl Patch {
    /// A checked patch: sizes finite and not negative, offsets finite, at least one sample per axis.
    pub fn new(size: [f64; 3], offset: [f64; 3], resolution: [u32; 3]) -> Result<Patch, PatchError> {
        for a in 0..3 {
            if !(size[a].is_finite() && size[a] >= 0.0) {
                return Err(PatchError::NotFinite { what: "size", axis: AXES[a], value: size[a] });
            }
            if !offset[a].is_finite() {
                return Err(PatchError::NotFinite { what: "offset", axis: AXES[a], value: offset[a] });
            }
            if resolution[a] == 0 {
                return Err(PatchError::NoSamples { axis: AXES[a] });
            }
        }
        Ok(Patch { size, offset, resolution })
    }

    /// The patch that samples `bounds` grown by `padding` cells on every side, with `resolution`
    /// samples on the longest axis (padding included) and cubic cells. The other axes get the
    /// fewest samples that cover the grown bounds; the excess is shared by both sides.
    pub fn around(bounds: &Aabb, resolution: u32, padding: u32) -> Result<Patch, PatchError> {
        let extent = bounds.extent();
        let longest = extent.iter().copied().fold(0.0, f64::max);
        let cells = resolution.saturating_sub(1);
        // With 2·padding cells of the longest axis spent on padding the rest covers the mesh.
        let inner = f64::from(cells.saturating_sub(2 * padding));
        if bounds.is_empty() || !longest.is_finite() || longest <= 0.0 || inner <= 0.0 {
            return Err(PatchError::NoExtent { diagonal: bounds.diagonal() });
        }
        let cell = longest / inner;
        let mut size = [0.0; 3];
        let mut offset = [0.0; 3];
        let mut samples = [0; 3];
        for a in 0..3 {
            // The longest axis must come out as asked in spite of rounding, hence the guard.
            let across = (extent[a] / cell - 1e-9).ceil().max(0.0) as u32 + 2 * padding;
            let across = across.clamp(1, cells);
            samples[a] = across + 1;
            size[a] = cell * f64::from(across);
            let centre = 0.5 * (f64::from(bounds.min[a]) + f64::from(bounds.max[a]));
            offset[a] = centre - 0.5 * size[a];
        }
        Patch::new(size, offset, samples)
    }

    /// Extent of the sampled box.
    pub fn size(&self) -> [f64; 3] {
        self.size
    }

    /// Lowest corner: where sample (0, 0, 0) sits.
    pub fn offset(&self) -> [f64; 3] {
        self.offset
    }

    /// Samples per axis.
    pub fn resolution(&self) -> [u32; 3] {
        self.resolution
    }

    /// Distance between neighbouring samples per axis; 0 where the resolution is 1.
    pub fn spacing(&self) -> [f64; 3] {
        std::array::from_fn(|a| match self.resolution[a] {
            1 => 0.0,
            n => self.size[a] / f64::from(n - 1),
        })
    }

    /// Number of samples.
    pub fn sample_count(&self) -> u64 {
        self.resolution.iter().map(|&n| u64::from(n)).product()
    }

    /// Where sample `index` sits.
    pub fn position(&self, index: [u32; 3]) -> [f64; 3] {
        let h = self.spacing();
        std::array::from_fn(|a| self.offset[a] + h[a] * f64::from(index[a]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn around_keeps_the_longest_axis_and_cubic_cells() {
        let b = Aabb { min: [0.0, 0.0, 0.0], max: [43.0, 68.0, 49.0] };
        for (n, pad) in [(2, 0), (16, 2), (128, 2), (256, 0), (257, 5)] {
            let p = Patch::around(&b, n, pad).unwrap();
            assert_eq!(p.resolution()[1], n);
            let h = p.spacing();
            assert!(h.iter().all(|x| (x - h[1]).abs() < 1e-12), "{h:?}");
            for a in 0..3 {
                let margin = f64::from(b.min[a]) - p.offset()[a];
                assert!(margin >= f64::from(pad) * h[a] - 1e-6, "axis {a}: {margin}");
            }
        }
    }

    #[test]
    fn a_point_has_no_patch() {
        let b = Aabb { min: [1.0; 3], max: [1.0; 3] };
        assert!(matches!(Patch::around(&b, 64, 2), Err(PatchError::NoExtent { .. })));
        assert!(Patch::new([1.0, f64::NAN, 1.0], [0.0; 3], [2; 3]).is_err());
    }
}
