//! A plane section of a sampled field: which one to show, and its value between samples.

use fieldstone_kernel::Patch;

/// A field with the grid it was sampled on, x fastest.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    /// Signed distances, mm.
    pub samples: &'a [f32],
    /// Where they lie.
    pub patch: &'a Patch,
}

/// The samples with index `index` on axis `normal`.
#[derive(Clone, Copy)]
pub struct Section<'a> {
    field: Field<'a>,
    /// Axis across the section.
    pub normal: usize,
    /// Axis that runs to the right.
    pub right: usize,
    /// Axis that runs up.
    pub up: usize,
    /// Sample on the normal axis.
    pub index: usize,
}

impl Field<'_> {
    /// Least and greatest value.
    pub fn range(&self) -> (f32, f32) {
        let fold = |(lo, hi): (f32, f32), &v: &f32| (lo.min(v), hi.max(v));
        self.samples.iter().fold((f32::INFINITY, f32::NEG_INFINITY), fold)
    }

    fn strides(&self) -> [usize; 3] {
        let r = self.patch.resolution().map(|n| n as usize);
        [1, r[0], r[0] * r[1]]
    }
}

impl<'a> Section<'a> {
    /// The section across `normal` with the most inside; where many have nearly as much, the middle one of
    /// these, so that a plate is cut halfway and not at its skin.
    pub fn with_most_inside(field: Field<'a>, normal: usize) -> Section<'a> {
        let counts = inside_counts(&field, normal);
        let most = counts.iter().copied().max().unwrap_or(0);
        let enough = |i: &usize| counts[*i] * 100 >= most * 98;
        let index = match most {
            0 => counts.len() / 2,
            _ => {
                let peak = counts.iter().position(|&c| c == most).expect("the greatest is one of them");
                let first = (0..=peak).rev().take_while(enough).last().unwrap_or(peak);
                let last = (peak..counts.len()).take_while(enough).last().unwrap_or(peak);
                (first + last) / 2
            }
        };
        let (right, up) = [(1, 2), (0, 2), (0, 1)][normal];
        Section { field, normal, right, up, index }
    }

    /// Where the section lies on its normal axis, mm.
    pub fn position(&self) -> f64 {
        self.field.patch.offset()[self.normal] + self.field.patch.spacing()[self.normal] * self.index as f64
    }

    /// Samples along `axis`.
    pub fn resolution(&self, axis: usize) -> u32 {
        self.field.patch.resolution()[axis]
    }

    /// Extent of the sampled box along `axis`, mm.
    pub fn extent(&self, axis: usize) -> f64 {
        self.field.patch.size()[axis]
    }

    /// The field at (`u`, `v`) samples along the right and the up axis, bilinear, held at the border.
    pub fn value(&self, u: f32, v: f32) -> f32 {
        let strides = self.field.strides();
        let base = self.index * strides[self.normal];
        let (u0, u1, fu) = self.neighbours(u, self.right);
        let (v0, v1, fv) = self.neighbours(v, self.up);
        let at =
            |i: usize, j: usize| self.field.samples[base + i * strides[self.right] + j * strides[self.up]];
        let low = at(u0, v0) + (at(u1, v0) - at(u0, v0)) * fu;
        let high = at(u0, v1) + (at(u1, v1) - at(u0, v1)) * fu;
        low + (high - low) * fv
    }

    fn neighbours(&self, at: f32, axis: usize) -> (usize, usize, f32) {
        let last = self.field.patch.resolution()[axis] as usize - 1;
        let at = at.clamp(0.0, last as f32);
        let low = at.floor() as usize;
        (low, (low + 1).min(last), at - low as f32)
    }
}

/// How many samples are inside, per index of `axis`.
fn inside_counts(field: &Field<'_>, axis: usize) -> Vec<usize> {
    let [nx, ny, nz] = field.patch.resolution().map(|n| n as usize);
    let mut counts = vec![0; [nx, ny, nz][axis]];
    for (row, samples) in field.samples.chunks_exact(nx).enumerate() {
        let (j, k) = (row % ny, row / ny);
        match axis {
            0 => samples.iter().zip(&mut counts).for_each(|(&s, c)| *c += usize::from(s < 0.0)),
            1 => counts[j] += samples.iter().filter(|&&s| s < 0.0).count(),
            _ => counts[k] += samples.iter().filter(|&&s| s < 0.0).count(),
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_with_most_material_is_found_and_interpolated() {
        let patch = Patch::new([10.0, 8.0, 6.0], [0.0; 3], [21, 17, 13]).unwrap();
        // A plate 2 < z < 4 on top of nothing.
        let samples: Vec<f32> = (0..21 * 17 * 13)
            .map(|i| (patch.position([0, 0, i / (21 * 17)])[2] as f32 - 3.0).abs() - 1.0)
            .collect();
        let field = Field { samples: &samples, patch: &patch };
        let s = Section::with_most_inside(field, 2);
        assert_eq!(s.position(), 3.0);
        assert_eq!(Section::with_most_inside(field, 0).position(), 5.0);
        let front = Section::with_most_inside(field, 1);
        assert!((front.value(3.3, 4.5) - (-0.25)).abs() < 1e-6, "{}", front.value(3.3, 4.5));
    }
}
