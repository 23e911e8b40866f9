//! Holds a sampled distance field against brute force in `f64` on seeded random samples; prints one JSON line.
//!
//! `accuracy MESHFILE|sphere|torus|blob500k N [--count 100000] [--seed 1]`
//!
//! Distances: the least over all triangles. Signs: the winding number summed over all triangles where the mesh is open, the
//! parity of crossings along a skew ray where it is closed; samples whose winding number is within 0.02 of one half are
//! counted as doubtful and left out. Errors in cells, near: up to 3 cells from the mesh.

use fieldstone_kernel::bvh::Bvh;
use fieldstone_kernel::distance::{FromMesh, NARROW_BAND_CELLS, Reach};
use fieldstone_kernel::format::{MeshFormat, MeshLimits, read_mesh};
use fieldstone_kernel::testing::{Rng, bumpy_sphere, torus, winding_oracle};
use fieldstone_kernel::vector::{Vector, cross, dot, sub};
use fieldstone_kernel::{Monitor, Patch, TriMesh};
use rayon::prelude::*;

const LANES: usize = 8;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| args.iter().position(|a| a == name).and_then(|i| args.get(i + 1));
    let [name, n, ..] = &args[..] else {
        return Err("usage: accuracy MESHFILE|sphere|torus|blob500k N [--count 100000] [--seed 1]".into());
    };
    let mesh = mesh_called(name)?;
    let count: usize = option("--count").map_or(Ok(100_000), |c| c.parse())?;
    let seed: u64 = option("--seed").map_or(Ok(1), |s| s.parse())?;
    let patch = Patch::around(&mesh.bounds(), n.parse()?, 8)?;
    let bvh = Bvh::build(&mesh, &Monitor::none())?;
    let field = FromMesh::new(&mesh, &bvh).sample(&patch, Reach::Everywhere, &Monitor::none())?;
    let closed = is_closed(&mesh);
    let oracle = Oracle::new(&mesh);
    let mut rng = Rng::new(seed);
    let [nx, ny, nz] = patch.resolution();
    // Half of the samples anywhere, half of them near the mesh, where errors would hurt.
    let near =
        field.iter().enumerate().filter(|(_, d)| f64::from(d.abs()) < NARROW_BAND_CELLS * patch.spacing()[0]);
    let near: Vec<usize> = near.map(|(i, _)| i).collect();
    let chosen: Vec<usize> = (0..count)
        .map(|i| if i % 2 == 0 { rng.below(field.len()) } else { near[rng.below(near.len())] })
        .collect();
    let h = patch.spacing()[0];
    let compared: Vec<Compared> = chosen
        .par_iter()
        .map(|&i| {
            let at = [i as u32 % nx, i as u32 / nx % ny, i as u32 / nx / ny];
            let p = patch.position(at);
            let (exact, parity) = oracle.at(p);
            let (inside, doubt) = match closed {
                true => (parity, false),
                false => {
                    let w = winding_oracle(p, &mesh);
                    (w > 0.5, (w - 0.5).abs() < 0.02)
                }
            };
            let got = f64::from(field[i]);
            let doubt = doubt || exact < 1e-4 * h;
            Compared {
                cells: exact / h,
                error: (got.abs() - exact).abs() / h,
                wrong: !doubt && inside != (got < 0.0),
                doubt,
            }
        })
        .collect();
    let (near, far): (Vec<_>, Vec<_>) = compared.iter().partition(|c| c.cells <= NARROW_BAND_CELLS);
    println!(
        "{{\"mesh\":{name:?},\"triangles\":{},\"closed\":{closed},\"resolution\":[{nx},{ny},{nz}],\"near\":{},\"far\":{},\"sign_errors\":{},\"doubtful\":{}}}",
        mesh.triangles.len(),
        summary(&near),
        summary(&far),
        compared.iter().filter(|c| c.wrong).count(),
        compared.iter().filter(|c| c.doubt).count(),
    );
    Ok(())
}

struct Compared {
    cells: f64,
    error: f64,
    wrong: bool,
    doubt: bool,
}

fn summary(some: &[&Compared]) -> String {
    let mean = some.iter().map(|c| c.error).sum::<f64>() / some.len().max(1) as f64;
    let max = some.iter().map(|c| c.error).fold(0.0, f64::max);
    format!("{{\"count\":{},\"mean\":{mean:.3e},\"max\":{max:.3e}}}", some.len())
}

fn mesh_called(name: &str) -> Result<TriMesh, Box<dyn std::error::Error>> {
    Ok(match name {
        "sphere" => bumpy_sphere(100, 200, 10.0, 0.0),
        "torus" => torus(200, 100, 8.0, 2.5),
        "blob500k" => bumpy_sphere(500, 500, 20.0, 0.48),
        file => {
            read_mesh(
                &std::fs::read(file)?,
                MeshFormat::of_filename(file)?,
                &MeshLimits::default(),
                &Monitor::none(),
            )?
            .mesh
        }
    })
}

/// Whether every directed edge between positions is met by its opposite.
fn is_closed(mesh: &TriMesh) -> bool {
    let mut edges = std::collections::HashMap::new();
    for t in 0..mesh.triangles.len() {
        let c = mesh.corners(t).map(|p| p.map(|x| (x + 0.0).to_bits()));
        for (a, b) in [(c[0], c[1]), (c[1], c[2]), (c[2], c[0])] {
            *edges.entry((a.min(b), a.max(b))).or_insert(0) += if a < b { 1 } else { -1 };
        }
    }
    edges.values().all(|n| *n == 0)
}

/// Triangles in blocks of [`LANES`], coordinate by coordinate; the last block is filled up with points far away.
struct Oracle {
    blocks: Vec<[[[f64; LANES]; 3]; 3]>,
}

impl Oracle {
    fn new(mesh: &TriMesh) -> Oracle {
        let count = mesh.triangles.len();
        let blocks = (0..count.div_ceil(LANES)).map(|b| {
            let corner = |l: usize, k: usize| match b * LANES + l {
                t if t < count => mesh.corners(t)[k].map(f64::from),
                _ => [1e30; 3],
            };
            std::array::from_fn(|k| std::array::from_fn(|a| std::array::from_fn(|l| corner(l, k)[a])))
        });
        Oracle { blocks: blocks.collect() }
    }

    /// Distance from `p` to the mesh, and whether a skew ray from it crosses an odd number of triangles.
    fn at(&self, p: [f64; 3]) -> (f64, bool) {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has it. It makes brute force bearable and changes no bit.
            return unsafe { self.at_avx2(p) };
        }
        self.at_any(p)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    unsafe fn at_avx2(&self, p: [f64; 3]) -> (f64, bool) {
        self.at_any(p)
    }

    #[inline(always)]
    fn at_any(&self, p: [f64; 3]) -> (f64, bool) {
        let (mut best, mut crossed) = ([f64::INFINITY; LANES], [0.0; LANES]);
        for block in &self.blocks {
            for l in 0..LANES {
                let [a, b, c] = [0, 1, 2]
                    .map(|k: usize| [block[k][0][l] - p[0], block[k][1][l] - p[1], block[k][2][l] - p[2]]);
                let (d2, hit) = one(a, b, c);
                best[l] = if d2 < best[l] { d2 } else { best[l] };
                crossed[l] += if hit { 1.0 } else { 0.0 };
            }
        }
        let crossings: f64 = crossed.iter().sum();
        (best.into_iter().fold(f64::INFINITY, f64::min).sqrt(), crossings % 2.0 == 1.0)
    }
}

/// Squared distance from the origin to the segment from `a` to `b`.
#[inline(always)]
fn segment2(a: Vector, b: Vector) -> f64 {
    let e = sub(b, a);
    let t = -dot(a, e) / dot(e, e);
    // 0/0 of an edge without length is NaN, which the first comparison takes away.
    let t = if t > 0.0 { t } else { 0.0 };
    let t = if t < 1.0 { t } else { 1.0 };
    let q = [a[0] + t * e[0], a[1] + t * e[1], a[2] + t * e[2]];
    dot(q, q)
}

/// Squared distance from the origin to the triangle, and whether a ray in a fixed skew direction hits it.
#[inline(always)]
fn one(a: Vector, b: Vector, c: Vector) -> (f64, bool) {
    const SKEW: Vector = [0.3917, 0.7331, 0.5573];
    let n = cross(sub(b, a), sub(c, a));
    let (nn, h) = (dot(n, n), dot(a, n));
    let (ab, bc, ca) = (cross(a, b), cross(b, c), cross(c, a));
    // The origin projects into the triangle when it is on the inner side of all edges: (from × to)·n > 0 as seen from it.
    let within = (dot(ab, n) > 0.0) & (dot(bc, n) > 0.0) & (dot(ca, n) > 0.0);
    let (e, f, g) = (segment2(a, b), segment2(b, c), segment2(c, a));
    let edges = if e < f { e } else { f };
    let edges = if edges < g { edges } else { g };
    let plane = h * h / nn;
    let d2 = if within & (plane < edges) { plane } else { edges };
    let (x, y, z) = (dot(ab, SKEW), dot(bc, SKEW), dot(ca, SKEW));
    let same = ((x > 0.0) & (y > 0.0) & (z > 0.0)) | ((x < 0.0) & (y < 0.0) & (z < 0.0));
    (d2, same & (h * dot(n, SKEW) > 0.0))
}
