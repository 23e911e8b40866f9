//! Formulas on a dense grid by fidget's JIT: fidget CASE N REPS THREADS prints one JSON line.
//!
//! CASE `operators` is the graph of our example bench_graph, `struts` its lattice; N³ samples of [-0.5, 0.5]³. A time
//! covers building the expression, compiling it and evaluating it; of `struts` in tiles of 64 and 16 samples, for each
//! of which the expression is simplified by interval arithmetic (the way of its own renderers).

use fidget::context::Tree;
use fidget::jit::{JitFunction, JitShape};
use fidget::shape::{EzShape, Shape, ShapeBulkEval, ShapeTracingEval};
use rayon::prelude::*;

type Intervals = ShapeTracingEval<<JitFunction as fidget::eval::Function>::IntervalEval>;
type Slices = ShapeBulkEval<<JitFunction as fidget::eval::Function>::FloatSliceEval>;

fn gyroid(x: Tree, y: Tree, z: Tree, k: f32) -> Tree {
    let (x, y, z) = (x * k, y * k, z * k);
    x.sin() * y.cos() + y.sin() * z.cos() + z.sin() * x.cos()
}

/// Circular blend of a union.
fn blend(a: Tree, b: Tree, k: f32) -> Tree {
    let h = (Tree::from(k) - (a.clone() - b.clone()).abs()).max(0.0) * (1.0 / k);
    a.min(b) - (h.clone() + 1.0 - (Tree::from(1.0) - h.clone() * (h - 2.0)).sqrt()) * (0.5 * k)
}

fn operators() -> Tree {
    let (x, y, z) = Tree::axes();
    let [c, s, c2, s2] = [0.3f64.cos(), 0.3f64.sin(), 0.4f64.cos(), 0.4f64.sin()].map(|v| v as f32);
    let y1 = x.clone() * s + y.clone() * c;
    let k = 2.0 * std::f32::consts::PI * 8.0;
    let turned =
        gyroid(x.clone() * c - y.clone() * s, y1.clone() * c2 - z.clone() * s2, y1 * s2 + z.clone() * c2, k);
    let rho2 = x.square() + y.square();
    let rho = rho2.sqrt();
    let ball = (rho2 + z.square()).sqrt() - 0.42;
    let sheet = (turned.abs() - 0.004 * k) * (1.0 / k) - ball.clone() * 0.01;
    let [qx, qy, qz] = [x.abs() - 0.35, y.abs() - 0.35, z.abs() - 0.35];
    let out = |q: &Tree| q.clone().max(0.0).square();
    let box_ = (out(&qx) + out(&qy) + out(&qz)).sqrt() + qx.max(qy.max(qz)).min(0.0);
    let body = -blend(-sheet, blend(-ball, -box_, 0.03), 0.02);
    let torus = ((rho.clone() - 0.38).square() + z.square()).sqrt() - 0.05;
    blend(body, torus, 0.04).max(Tree::from(0.08) - rho)
}

fn capsule(a: [f32; 3], b: [f32; 3], r: f32) -> Tree {
    let (x, y, z) = Tree::axes();
    let d: [f32; 3] = std::array::from_fn(|i| b[i] - a[i]);
    let length2 = d.iter().map(|v| v * v).sum::<f32>();
    let (px, py, pz) = (x - a[0], y - a[1], z - a[2]);
    let t = (px.clone() * d[0] + py.clone() * d[1] + pz.clone() * d[2]) * (1.0 / length2);
    let t = t.max(0.0).min(1.0);
    ((px - t.clone() * d[0]).square() + (py - t.clone() * d[1]).square() + (pz - t * d[2]).square()).sqrt()
        - r
}

/// A balanced union.
fn union(mut parts: Vec<Tree>) -> Tree {
    while parts.len() > 1 {
        let pair = |c: &[Tree]| c.iter().cloned().reduce(|a, b| a.min(b)).expect("a chunk holds something");
        parts = parts.chunks(2).map(pair).collect();
    }
    parts.pop().expect("a union of something")
}

/// Body-centred struts of radius 0.01, eight cells along each axis.
fn struts() -> Tree {
    let (m, w) = (8, 0.125f32);
    let cell = |c: usize| {
        let middle = [c / (m * m), c / m % m, c % m].map(|i| (i as f32 + 0.5) * w - 0.5);
        let corner =
            |s: usize| std::array::from_fn(|a| middle[a] + if s >> a & 1 > 0 { 0.5 * w } else { -0.5 * w });
        union((0..8).map(|s| capsule(middle, corner(s), 0.01)).collect())
    };
    union((0..m * m * m).map(cell).collect())
}

fn coordinate(i: usize, n: usize) -> f32 {
    (-0.5 + i as f64 / (n - 1) as f64) as f32
}

/// Eight rows a call, the whole expression everywhere.
fn dense(shape: &JitShape, n: usize, out: &mut [f32]) {
    const ROWS: usize = 8;
    let tape = shape.ez_float_slice_tape();
    let row: Vec<f32> = (0..n).map(|k| coordinate(k, n)).collect();
    let buffers = || (JitShape::new_float_slice_eval(), [(); 3].map(|()| vec![0f32; n * ROWS]));
    out.par_chunks_mut(n * ROWS).enumerate().for_each_init(buffers, |(eval, [x, y, z]), (task, out)| {
        for b in 0..ROWS {
            let r = task * ROWS + b;
            x[b * n..][..n].fill(coordinate(r / n, n));
            y[b * n..][..n].fill(coordinate(r % n, n));
            z[b * n..][..n].copy_from_slice(&row);
        }
        out.copy_from_slice(eval.eval(&tape, x, y, z).expect("slices of one length"));
    });
}

/// Where a thread keeps what it works with.
struct Tiles {
    intervals: Intervals,
    slices: Slices,
    points: [Vec<f32>; 3],
    out: usize,
    n: usize,
}

impl Tiles {
    /// A cube of samples from `lo`, its edge `sizes[0]`, in cubes of `sizes[1]`.
    fn tile(&mut self, shape: &JitShape, lo: [usize; 3], sizes: &[usize]) {
        let (n, size) = (self.n, sizes[0]);
        let range = |a: usize| [coordinate(lo[a], n), coordinate(lo[a] + size - 1, n)];
        let tape = shape.ez_interval_tape();
        let (_, trace) = self.intervals.eval(&tape, range(0), range(1), range(2)).expect("a box");
        let simpler = trace.map(|t| shape.ez_simplify(t).expect("its own trace"));
        let shape = simpler.as_ref().unwrap_or(shape);
        let cube =
            |edge: usize| (0..edge.pow(3)).map(move |c| [c / (edge * edge), c / edge % edge, c % edge]);
        if let [_, inner, ..] = sizes {
            for c in cube(size / inner) {
                self.tile(shape, std::array::from_fn(|a| lo[a] + c[a] * inner), &sizes[1..]);
            }
            return;
        }
        for a in 0..3 {
            self.points[a].clear();
            self.points[a].extend(cube(size).map(|c| coordinate(lo[a] + c[a], n)));
        }
        let [x, y, z] = &self.points;
        let values = self.slices.eval(&shape.ez_float_slice_tape(), x, y, z).expect("slices of one length");
        for (row, values) in values.chunks_exact(size).enumerate() {
            let at = ((lo[0] + row / size) * n + lo[1] + row % size) * n + lo[2];
            // SAFETY: tiles do not overlap and lie within the N³ samples.
            unsafe { std::ptr::copy_nonoverlapping(values.as_ptr(), (self.out as *mut f32).add(at), size) };
        }
    }
}

fn pruned(shape: &JitShape, n: usize, out: &mut [f32]) {
    let sizes = [64, 16];
    let m = n / sizes[0];
    assert_eq!(m * sizes[0], n, "the grid is whole tiles");
    let out = out.as_mut_ptr() as usize;
    let tiles = || Tiles {
        intervals: JitShape::new_interval_eval(),
        slices: JitShape::new_float_slice_eval(),
        points: Default::default(),
        out,
        n,
    };
    (0..m * m * m).into_par_iter().for_each_init(tiles, |tiles, t| {
        tiles.tile(shape, [t / (m * m), t / m % m, t % m].map(|i| i * sizes[0]), &sizes);
    });
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let number = |i: usize| args[i].parse::<usize>().expect("usage: fidget CASE N REPS THREADS");
    let (n, reps) = (number(2), number(3));
    peers_rs::threads(number(4));
    let mut out = vec![0f32; n * n * n];
    let (_, times) = peers_rs::timed(reps, || match args[1].as_str() {
        "operators" => dense(&Shape::from(operators()), n, &mut out),
        "struts" => pruned(&Shape::from(struts()), n, &mut out),
        other => panic!("unknown case {other:?}"),
    });
    let at = |q: usize| out[(q * 7919 % n * n + (q * 104_729 + 31) % n) * n + (q * 1_299_709 + 17) % n];
    let values: Vec<f32> = (0..1000).map(at).collect();
    peers_rs::report(&times, &format!(",\"version\":\"0.5.1\",\"values\":{values:?}"));
}
