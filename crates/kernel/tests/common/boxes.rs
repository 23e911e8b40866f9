//! Boxes whose faces lie on the planes of the grid, combined at random, and the exact set that they are together.

use fieldstone_kernel::Patch;
use fieldstone_kernel::testing::Rng;

/// Voxels per axis.
pub const V: i32 = 5;

/// A box of whole voxels, or two combined.
pub enum Tree {
    Box { min: [i32; 3], max: [i32; 3] },
    Union(Box<[Tree; 2]>),
    Intersect(Box<[Tree; 2]>),
    Subtract(Box<[Tree; 2]>),
}

impl Tree {
    pub fn random(rng: &mut Rng, depth: usize) -> Tree {
        if depth == 0 || rng.below(6) == 0 {
            let mut ends = [[0; 2]; 3];
            for e in &mut ends {
                while e[0] == e[1] {
                    *e = [rng.below(V as usize + 1) as i32, rng.below(V as usize + 1) as i32];
                }
            }
            return Tree::Box { min: ends.map(|e| e[0].min(e[1])), max: ends.map(|e| e[0].max(e[1])) };
        }
        let two = Box::new([Tree::random(rng, depth - 1), Tree::random(rng, depth - 1)]);
        match rng.below(4) {
            0 => Tree::Intersect(two),
            1 => Tree::Subtract(two),
            _ => Tree::Union(two),
        }
    }

    pub fn has(&self, p: [f64; 3]) -> bool {
        match self {
            Tree::Box { min, max } => (0..3).all(|a| f64::from(min[a]) < p[a] && p[a] < f64::from(max[a])),
            Tree::Union(t) => t[0].has(p) || t[1].has(p),
            Tree::Intersect(t) => t[0].has(p) && t[1].has(p),
            Tree::Subtract(t) => t[0].has(p) && !t[1].has(p),
        }
    }

    /// Distances combined; `noise` is what rounding of other coordinates would add.
    pub fn field(&self, p: [f64; 3], noise: &mut impl FnMut() -> f32) -> f32 {
        match self {
            Tree::Box { min, max } => {
                let q: [f64; 3] =
                    std::array::from_fn(|a| (f64::from(min[a]) - p[a]).max(p[a] - f64::from(max[a])));
                let outside = q.map(|c| c.max(0.0)).iter().map(|c| c * c).sum::<f64>().sqrt();
                (outside + q[0].max(q[1]).max(q[2]).min(0.0)) as f32 + noise()
            }
            Tree::Union(t) => t[0].field(p, noise).min(t[1].field(p, noise)),
            Tree::Intersect(t) => t[0].field(p, noise).max(t[1].field(p, noise)),
            Tree::Subtract(t) => t[0].field(p, noise).max(-t[1].field(p, noise)),
        }
    }
}

/// What is inside, voxel by voxel, with a void layer around.
pub struct Voxels(Vec<bool>);

pub const W: i32 = V + 2;

impl Voxels {
    pub fn of(tree: &Tree) -> Voxels {
        let n = 0..W * W * W;
        Voxels(n.map(|i| tree.has([i % W, i / W % W, i / W / W].map(|c| f64::from(c) - 0.5))).collect())
    }

    pub fn at(&self, p: [i32; 3]) -> bool {
        p.iter().all(|c| (0..W).contains(c)) && self.0[((p[2] * W + p[1]) * W + p[0]) as usize]
    }

    pub fn count(&self) -> usize {
        self.0.iter().filter(|v| **v).count()
    }

    /// Parts of the solid that hang together over faces, and of the void that do over faces, edges or corners.
    pub fn parts(&self, solid: bool) -> usize {
        let mut seen = vec![false; self.0.len()];
        let mut found = 0;
        for start in 0..self.0.len() {
            if seen[start] || self.0[start] != solid {
                continue;
            }
            found += 1;
            seen[start] = true;
            let mut open = vec![start as i32];
            while let Some(i) = open.pop() {
                let p = [i % W, i / W % W, i / W / W];
                for d in 0..27 {
                    let step = [d % 3 - 1, d / 3 % 3 - 1, d / 9 - 1];
                    let q: [i32; 3] = std::array::from_fn(|a| p[a] + step[a]);
                    let near = !solid || step.iter().map(|s| s.abs()).sum::<i32>() == 1;
                    let k = (q[2] * W + q[1]) * W + q[0];
                    if near
                        && q.iter().all(|c| (0..W).contains(c))
                        && self.0[k as usize] == solid
                        && !seen[k as usize]
                    {
                        seen[k as usize] = true;
                        open.push(k);
                    }
                }
            }
        }
        found
    }

    /// Euler characteristic of the open solid, and how many edges and corners of voxels its surface bends in.
    pub fn euler(&self) -> (i64, usize, usize) {
        let (mut sum, mut edges, mut corners) = (0, 0, 0);
        for i in 0..W * W * W {
            let p = [i % W, i / W % W, i / W / W];
            // The voxel, faces, edges and corner that lie towards the lower ones.
            for axes in 0..8 {
                let around = (0..8).filter(|d| d & !axes == 0);
                let solid = around.filter(|d| self.at(std::array::from_fn(|a| p[a] - (d >> a & 1)))).count();
                let all = 1 << (axes as u32).count_ones();
                if solid == all {
                    sum += 1 - 2 * i64::from((axes as u32).count_ones() % 2);
                }
                let mixed = solid != 0 && solid != all;
                edges += usize::from(mixed && all == 4);
                corners += usize::from(mixed && all == 8);
            }
        }
        (sum, edges, corners)
    }
}

/// Samples with `m` cells to a voxel and `margin` voxels around.
pub fn samples(tree: &Tree, m: u32, margin: u32, noise: &mut impl FnMut() -> f32) -> (Vec<f32>, Patch) {
    let n = (V as u32 + 2 * margin) * m + 1;
    let patch = Patch::new([f64::from(V as u32 + 2 * margin); 3], [-f64::from(margin); 3], [n; 3]).unwrap();
    let all = (0..n * n * n).map(|i| patch.position([i % n, i / n % n, i / n / n]));
    (all.map(|p| tree.field(p, noise)).collect(), patch)
}
