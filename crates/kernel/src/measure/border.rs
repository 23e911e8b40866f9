//! Whether a sampled shape is cut off by the border of its grid.

/// Below this share of the greatest value a sample on the border is on the surface, not inside.
const ROUNDING: f32 = 1e-4;

/// Looks at the outermost samples of planes that arrive in order of z.
pub struct Border {
    n: [usize; 3],
    isovalue: f32,
    taken: usize,
    /// The greatest |value − isovalue| in the middle rows of the planes.
    greatest: f32,
    /// By face (x low, x high, y low, …): the deepest sample and its value below the isovalue.
    deepest: [Option<(f32, [u32; 3])>; 6],
}

/// Where the shape is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// 0, 1 or 2 for x, y and z.
    pub axis: usize,
    /// Whether it is the upper end of the axis.
    pub upper: bool,
    /// The sample of that face that is deepest inside.
    pub deepest: [u32; 3],
}

impl Border {
    /// For `n` samples per axis; inside is below `isovalue`.
    pub fn new(n: [u32; 3], isovalue: f32) -> Border {
        let n = n.map(|n| n as usize);
        Border { n, isovalue, taken: 0, greatest: 0.0, deepest: [None; 6] }
    }

    /// Takes the next planes: whole ones, x fastest; at most those of the grid.
    pub fn planes(&mut self, samples: &[f32]) {
        let [nx, ny, nz] = self.n;
        for plane in samples.chunks_exact((nx * ny).max(1)) {
            let z = self.taken;
            let ends = [(4, z == 0), (5, z + 1 == nz)];
            for (y, row) in plane.chunks_exact(nx).enumerate() {
                self.look(0, row[0], [0, y, z]);
                self.look(1, row[nx - 1], [nx - 1, y, z]);
                let rows = [(2, y == 0), (3, y + 1 == ny)];
                for (face, _) in rows.iter().chain(&ends).filter(|(_, outermost)| *outermost) {
                    row.iter().enumerate().for_each(|(x, v)| self.look(*face, *v, [x, y, z]));
                }
            }
            let middle = &plane[ny / 2 * nx..][..nx];
            let greatest = middle.iter().map(|v| (v - self.isovalue).abs()).filter(|v| v.is_finite());
            self.greatest = greatest.fold(self.greatest, f32::max);
            self.taken += 1;
        }
    }

    #[inline]
    fn look(&mut self, face: usize, value: f32, at: [usize; 3]) {
        let depth = self.isovalue - value;
        if depth > self.deepest[face].map_or(0.0, |(deepest, _)| deepest) {
            self.deepest[face] = Some((depth, at.map(|i| i as u32)));
        }
    }

    /// The faces of the grid that cut the shape off. One that only touches the surface does not.
    pub fn finish(self) -> Vec<Cut> {
        let cut = |face: usize| {
            let (depth, deepest) = self.deepest[face]?;
            (depth > ROUNDING * self.greatest).then_some(Cut {
                axis: face / 2,
                upper: face % 2 == 1,
                deepest,
            })
        };
        (0..6).filter_map(cut).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A box of this half size around the middle of 9 samples per axis, one apart.
    fn cut(half: [f32; 3], slab: usize) -> Vec<Cut> {
        let at = |i: usize| i as f32 - 4.0;
        let field = |i: usize| {
            let p = [at(i % 9), at(i / 9 % 9), at(i / 81)];
            [0, 1, 2].map(|a| p[a].abs() - half[a]).into_iter().fold(f32::MIN, f32::max)
        };
        let samples: Vec<f32> = (0..729).map(field).collect();
        let mut border = Border::new([9; 3], 0.0);
        samples.chunks(81 * slab).for_each(|planes| border.planes(planes));
        border.finish()
    }

    #[test]
    fn only_what_goes_on_behind_the_border_is_cut() {
        for slab in [1, 4, 9] {
            assert_eq!(cut([3.5; 3], slab), []);
            assert_eq!(cut([4.0; 3], slab), [], "a surface in the outermost samples");
            assert_eq!(cut([4.000_001; 3], slab), [], "rounding");
            let faces: Vec<_> = cut([2.0, 3.0, 4.6], slab).iter().map(|c| (c.axis, c.upper)).collect();
            assert_eq!(faces, [(2, false), (2, true)]);
            assert_eq!(cut([9.0; 3], slab).len(), 6);
        }
    }
}
