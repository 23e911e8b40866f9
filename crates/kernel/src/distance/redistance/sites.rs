//! Points of the zero set: one for every crossed cell, more where the surface inside the cell is not nearly flat.
//!
//! Every point of the zero set inside a cell is within a cell's diagonal of a site of that cell.

use super::super::brick::Lane;
use super::field::{Field, trilinear};
use super::search::FAR;
use crate::by_level;
use crate::monitor::{Cancelled, Monitor};
use crate::simd::{LANES, Level};
use rayon::prelude::*;

/// Cells along an edge of a block: the sites of a block are a leaf of the tree.
pub(super) const BLOCK: usize = 4;
/// A cell whose crossings are farther than this from its tangent plane (finest spacings) is rough.
const FLAT: f32 = 0.1;
/// A cell's own site is used when it is this close to the zero set by its gradient.
const ON_SURFACE: f32 = 1e-3;

/// The sites of one non-empty block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    /// Where the block is, in blocks.
    pub at: [u32; 3],
    /// Its first site.
    pub first: u32,
    /// How many it has.
    pub count: u32,
}

/// All sites, grouped by blocks.
pub(super) struct Sites {
    /// Positions, one array per axis: cell indices times the field's scale. Filled up with a vector beyond the last.
    pub axes: [Vec<f32>; 3],
    /// How many there are.
    pub len: usize,
    /// Blocks in the order of their sites.
    pub blocks: Vec<Block>,
}

impl Sites {
    /// Position of site `i`.
    #[inline(always)]
    pub fn point(&self, i: usize) -> [f32; 3] {
        [self.axes[0][i], self.axes[1][i], self.axes[2][i]]
    }
}

/// The sites of a beam of blocks.
#[derive(Default)]
struct BeamSites {
    points: Vec<[f32; 3]>,
    blocks: Vec<Block>,
}

/// What is known of a crossed cell.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Nearly flat: one site is enough.
    Flat,
    /// Its crossings are sites too.
    Rough,
    /// Only its crossings are sites.
    NoCentre,
}

/// Finds the sites of a field.
pub(super) fn sites(field: &Field, level: Level, monitor: &Monitor) -> Result<Sites, Cancelled> {
    let [_, cy, cz] = field.cells();
    // Blocks are those of the whole grid, which a slab may cut.
    let (by, first) = (cy.div_ceil(BLOCK), field.first[2] / BLOCK);
    let bz = (field.first[2] + cz).div_ceil(BLOCK) - first;
    let beams: Vec<BeamSites> = (0..by * bz)
        .into_par_iter()
        .map_init(Work::default, |work, beam| {
            monitor.check()?;
            Ok(work.beam(field, level, [beam % by, first + beam / by]))
        })
        .collect::<Result<_, Cancelled>>()?;
    let len = beams.iter().map(|b| b.points.len()).sum();
    let mut all =
        Sites { axes: std::array::from_fn(|_| Vec::with_capacity(len + LANES)), len, blocks: vec![] };
    all.blocks.reserve_exact(beams.iter().map(|b| b.blocks.len()).sum());
    for beam in beams {
        let first = all.axes[0].len() as u32;
        all.blocks.extend(beam.blocks.iter().map(|b| Block { first: b.first + first, ..*b }));
        for (a, axis) in all.axes.iter_mut().enumerate() {
            axis.extend(beam.points.iter().map(|p| p[a]));
        }
    }
    all.axes.iter_mut().for_each(|axis| axis.resize(len + LANES, FAR));
    Ok(all)
}

/// Buffers of one thread.
#[derive(Default)]
struct Work {
    /// For each row of samples of a beam which signs its samples have.
    classes: Vec<u8>,
    /// For each row of cells whether they are crossed.
    crossed: Vec<u8>,
    /// Crossed cells of a beam, block by block.
    cells: Vec<[u32; 3]>,
    /// Their sites and kinds.
    found: Vec<([f32; 3], Kind)>,
}

impl Work {
    /// The sites of the blocks along x at `at` (in blocks along y and z).
    fn beam(&mut self, field: &Field, level: Level, at: [usize; 2]) -> BeamSites {
        let [cx, cy, cz] = field.cells();
        let (y0, ny) = (at[0] * BLOCK, BLOCK.min(cy - at[0] * BLOCK));
        let z0 = (at[1] * BLOCK).max(field.first[2]) - field.first[2];
        let nz = (at[1] * BLOCK + BLOCK - field.first[2]).min(cz) - z0;
        self.classify(field, level, [y0, z0], [ny, nz]);
        self.cells.clear();
        let mut out = BeamSites::default();
        for bx in 0..cx.div_ceil(BLOCK) {
            let before = self.cells.len();
            let (x0, x1) = (bx * BLOCK, (bx * BLOCK + BLOCK).min(cx));
            for row in 0..ny * nz {
                let (y, z) = (y0 + row % ny, z0 + row / ny);
                for (x, crossed) in (x0..x1).zip(&self.crossed[row * cx + x0..row * cx + x1]) {
                    if *crossed != 0 {
                        self.cells.push([x as u32, y as u32, z as u32]);
                    }
                }
            }
            if self.cells.len() > before {
                let (first, count) = (before as u32, (self.cells.len() - before) as u32);
                let at = [bx, at[0], at[1]].map(|b| b as u32);
                out.blocks.push(Block { at, first, count });
            }
        }
        self.found.clear();
        for chunk in self.cells.chunks(LANES) {
            centres(level, field, chunk, &mut self.found);
        }
        for block in &mut out.blocks {
            let cells = block.first as usize..(block.first + block.count) as usize;
            block.first = out.points.len() as u32;
            for cell in cells {
                let (point, kind) = self.found[cell];
                if kind != Kind::NoCentre {
                    out.points.push(point);
                }
                if kind != Kind::Flat {
                    crossings(field, self.cells[cell], &mut out.points);
                }
            }
            block.count = out.points.len() as u32 - block.first;
        }
        out
    }

    /// Which of the `rows` × `planes` rows of cells from row `y0` of plane `z0` on are crossed.
    fn classify(&mut self, field: &Field, level: Level, [y0, z0]: [usize; 2], [rows, planes]: [usize; 2]) {
        let ([nx, ny, nz], cx) = (field.n, field.cells()[0]);
        self.classes.resize((BLOCK + 1) * (BLOCK + 1) * nx, 0);
        self.crossed.resize(BLOCK * BLOCK * cx, 0);
        for z in 0..=planes {
            for y in 0..=rows {
                let start = ((z0 + z).min(nz - 1) * ny + (y0 + y).min(ny - 1)) * nx;
                let to = &mut self.classes[(z * (BLOCK + 1) + y) * nx..][..nx];
                classes(level, &field.values[start..start + nx], to);
            }
        }
        for z in 0..planes {
            for y in 0..rows {
                let row = |j: usize| &self.classes[((z + j / 2) * (BLOCK + 1) + y + j % 2) * nx..][..nx];
                let to = &mut self.crossed[(z * rows + y) * cx..][..cx];
                crossed(level, row(0), row(1), row(2), row(3), to);
            }
        }
    }
}

by_level! {
    /// 1 for negative, 2 for positive, 3 for zero.
    fn classes(samples: &[f32], out: &mut [u8]) {
        for (v, o) in samples.iter().zip(out) {
            *o = u8::from(*v <= 0.0) | (u8::from(*v >= 0.0) << 1);
        }
    }

    /// 1 where the corners of a cell do not all have the same sign.
    fn crossed(a: &[u8], b: &[u8], c: &[u8], d: &[u8], out: &mut [u8]) {
        let n = a.len();
        let (b, c, d) = (&b[..n], &c[..n], &d[..n]);
        if n == 1 {
            out[0] = u8::from(a[0] | b[0] | c[0] | d[0] == 3);
            return;
        }
        let out = &mut out[..n - 1];
        for i in 0..n - 1 {
            let low = a[i] | b[i] | c[i] | d[i];
            let high = a[i + 1] | b[i + 1] | c[i + 1] | d[i + 1];
            out[i] = u8::from(low | high == 3);
        }
    }

    /// The sites of at most sixteen cells: the mean of the crossings of their edges, moved onto the zero set.
    fn centres(field: &Field, cells: &[[u32; 3]], out: &mut Vec<([f32; 3], Kind)>) {
        let mut index = [0; LANES];
        for l in 0..LANES {
            index[l] = field.index(cells[l.min(cells.len() - 1)].map(|c| c as usize));
        }
        // SAFETY: crossed cells are cells.
        let c = unsafe { field.corners(&index) };
        let (u, residual, off) = centre(field, &c);
        for (l, cell) in cells.iter().enumerate() {
            let kind = match (residual[l] <= ON_SURFACE, off[l] <= FLAT) {
                (true, true) => Kind::Flat,
                (true, false) => Kind::Rough,
                _ => Kind::NoCentre,
            };
            let at = |a: usize| (cell[a] + field.first[a] as u32) as f32 + u[a][l];
            out.push((std::array::from_fn(|a| at(a) * field.scale[a]), kind));
        }
    }
}

/// Corners at the two ends of each edge of a cell, and its axis.
const EDGES: [(usize, usize, usize); 12] = {
    let mut edges = [(0, 0, 0); 12];
    let (mut k, mut axis) = (0, 0);
    while axis < 3 {
        let mut corner = 0;
        while corner < 8 {
            if corner >> axis & 1 == 0 {
                edges[k] = (corner, corner | 1 << axis, axis);
                k += 1;
            }
            corner += 1;
        }
        axis += 1;
    }
    edges
};

/// For cells with corners `c`: a point near the middle of the zero set, its distance from it, and the distance of the
/// farthest crossing from the tangent plane there; both distances to first order.
#[inline(always)]
fn centre(field: &Field, c: &[Lane; 8]) -> ([Lane; 3], Lane, Lane) {
    let (mut t, mut used) = ([[0.0; LANES]; 12], [[0.0; LANES]; 12]);
    let (mut sum, mut count) = ([[0.0; LANES]; 3], [0.0; LANES]);
    for (k, (i, j, axis)) in EDGES.into_iter().enumerate() {
        // Along an axis with one sample there are no edges, and only the lower corner of those across it counts.
        let lower = |a: usize| field.n[a] > 1 || i >> a & 1 == 0;
        if field.n[axis] == 1 || !(0..3).all(lower) {
            continue;
        }
        for l in 0..LANES {
            let (a, b) = (c[i][l], c[j][l]);
            let hit = ((a <= 0.0) & (b >= 0.0)) | ((a >= 0.0) & (b <= 0.0));
            t[k][l] = if a == b { 0.5 } else { a / (a - b) };
            used[k][l] = if hit { 1.0 } else { 0.0 };
            count[l] += used[k][l];
        }
        for a in 0..3 {
            for l in 0..LANES {
                let at = if a == axis { t[k][l] } else { (i >> a & 1) as f32 };
                sum[a][l] += if used[k][l] > 0.0 { at } else { 0.0 };
            }
        }
    }
    let mut u = sum;
    for a in 0..3 {
        for l in 0..LANES {
            u[a][l] /= count[l];
        }
    }
    let weight = field.scale.map(|s| 1.0 / (s * s));
    let (mut residual, mut off) = ([0.0; LANES], [0.0; LANES]);
    let mut plane = [[0.0; LANES]; 3];
    for round in 0..3 {
        let (f, g) = trilinear(c, &u);
        for l in 0..LANES {
            let g2 =
                g[0][l] * g[0][l] * weight[0] + g[1][l] * g[1][l] * weight[1] + g[2][l] * g[2][l] * weight[2];
            let inverse = 1.0 / if g2 > 1e-20 { g2 } else { 1e-20 };
            residual[l] = f[l].abs() * inverse.sqrt();
            off[l] = inverse.sqrt();
            for a in 0..3 {
                plane[a][l] = g[a][l];
                let moved = u[a][l] - g[a][l] * weight[a] * (f[l] * inverse);
                let moved = if moved > 0.0 { moved } else { 0.0 };
                let moved = if moved < 1.0 { moved } else { 1.0 };
                u[a][l] = if round < 2 { moved } else { u[a][l] };
            }
        }
    }
    let mut most = [0.0f32; LANES];
    for (k, (i, _, axis)) in EDGES.into_iter().enumerate() {
        for l in 0..LANES {
            let mut height = 0.0;
            for a in 0..3 {
                let at = if a == axis { t[k][l] } else { (i >> a & 1) as f32 };
                height += plane[a][l] * (at - u[a][l]);
            }
            let height = if used[k][l] > 0.0 { height.abs() } else { 0.0 };
            most[l] = if height > most[l] { height } else { most[l] };
        }
    }
    for l in 0..LANES {
        off[l] *= most[l];
    }
    (u, residual, off)
}

/// The crossings of a cell's edges, and its corners that are zero.
fn crossings(field: &Field, cell: [u32; 3], out: &mut Vec<[f32; 3]>) {
    let at = cell.map(|c| c as usize);
    let start = field.index(at);
    let value =
        |k: usize| field.values[start + (0..3).map(|a| (k >> a & 1) * field.stride[a]).sum::<usize>()];
    let first = out.len();
    let mut push = |i: usize, axis: usize, t: f32| {
        let p = std::array::from_fn(|a| {
            let u = if field.n[a] == 1 { 0.0 } else { (i >> a & 1) as f32 };
            ((at[a] + field.first[a]) as f32 + if a == axis { t } else { u }) * field.scale[a]
        });
        if !out[first..].contains(&p) {
            out.push(p);
        }
    };
    for (i, j, axis) in EDGES {
        let (a, b) = (f64::from(value(i)), f64::from(value(j)));
        if field.n[axis] > 1 && ((a < 0.0 && b > 0.0) || (a > 0.0 && b < 0.0)) {
            push(i, axis, (a / (a - b)) as f32);
        }
    }
    for k in 0..8 {
        if value(k) == 0.0 {
            push(k, 3, 0.0);
        }
    }
}
