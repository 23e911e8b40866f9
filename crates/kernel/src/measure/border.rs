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

    /// The same that takes planes from `first` on.
    pub fn part(self, first: u32) -> Border {
        Border { taken: first as usize, ..self }
    }

    /// What a part has seen, for [`Border::join`]: the greatest value, then five numbers a face.
    pub fn into_words(self) -> Vec<u64> {
        let face = |deepest: Option<(f32, [u32; 3])>| {
            let (depth, at) = deepest.unwrap_or_default();
            [u64::from(deepest.is_some()), depth.to_bits().into(), at[0].into(), at[1].into(), at[2].into()]
        };
        let faces = self.deepest.into_iter().flat_map(face);
        std::iter::once(self.greatest.to_bits().into()).chain(faces).collect()
    }

    /// Takes what parts have seen, in order of z, in place of their planes; false if these are no such words.
    #[must_use]
    pub fn join(&mut self, words: &[u64]) -> bool {
        let narrow: Option<Vec<u32>> = words.iter().map(|w| u32::try_from(*w).ok()).collect();
        let Some([greatest, faces @ ..]) = narrow.as_deref() else { return false };
        let (faces, rest) = faces.as_chunks::<5>();
        if faces.len() != 6 || !rest.is_empty() {
            return false;
        }
        self.greatest = self.greatest.max(f32::from_bits(*greatest));
        for (face, [_, depth, at @ ..]) in faces.iter().enumerate().filter(|(_, f)| f[0] == 1) {
            let (depth, deepest) = (f32::from_bits(*depth), &mut self.deepest[face]);
            // Of equal ones the first stays, as among samples.
            if deepest.is_none_or(|(before, _)| depth > before) {
                *deepest = Some((depth, *at));
            }
        }
        true
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
    fn parts_together_see_what_the_whole_sees() {
        let mut rng = crate::testing::Rng::new(3);
        for _ in 0..50 {
            // Few values, so that several samples are the deepest.
            let samples: Vec<f32> = (0..5 * 4 * 9).map(|_| rng.below(3) as f32 - 1.5).collect();
            let border = || Border::new([5, 4, 9], 0.0);
            let mut whole = border();
            whole.planes(&samples);
            let mut joined = border();
            let cut = rng.below(10);
            for range in [0..cut, cut..9] {
                let mut part = border().part(range.start as u32);
                part.planes(&samples[range.start * 20..range.end * 20]);
                assert!(joined.join(&part.into_words()));
            }
            assert!(!joined.join(&[0; 30]));
            assert_eq!(joined.finish(), whole.finish());
        }
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
