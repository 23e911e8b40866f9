//! Two hundred random graphs, from seeds: each mesh is sound, measures what its field does, and does not depend on how it
//! was computed. `FIELDSTONE_SEEDS=0..5000 cargo test --release -p fieldstone-shape --test random_graphs` looks at more.

mod random_graph;

use fieldstone_kernel::isosurface::{Gradients, Mesher, Options, Sharp, isosurface};
use fieldstone_kernel::measure::{moments, topology};
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::testing::Rng;
use fieldstone_kernel::testing::interpolant::Interpolant;
use fieldstone_kernel::{Monitor, Patch, TriMesh};
use fieldstone_shape::operator::NoAssets;
use fieldstone_shape::{Domain, Graph, GraphLimits, Plan, Program, Visible};
use random_graph::random_graph;
use rayon::prelude::*;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

/// A triangle is judged where the gradients of its cell are within 30 degrees of their sum.
const CONE: f64 = 0.866;

struct Case {
    seed: u64,
    document: Value,
    graph: Arc<Graph>,
    patch: Patch,
}

fn case(seed: u64) -> Case {
    let document = random_graph(&mut Rng::new(seed));
    let graph = Graph::parse(&document, GraphLimits::default());
    let graph = Arc::new(graph.unwrap_or_else(|e| panic!("{e}")));
    let plan = Plan::of_result(&graph, Visible::ALL).unwrap();
    let Domain::Grid { patch, .. } = plan.target_domain().unwrap() else { panic!("points are a grid") };
    let patch = *patch;
    Case { seed, document, graph, patch }
}

impl Case {
    fn program(&self, visible: Visible, level: Level, block: u32) -> Program {
        let plan = Plan::of_result(&self.graph, visible).unwrap();
        Program::build_at(plan, &NoAssets, level, block, &Monitor::none()).unwrap_or_else(|e| panic!("{e}"))
    }

    fn field(&self, visible: Visible, level: Level, block: u32) -> Vec<f32> {
        let program = self.program(visible, level, block);
        program.evaluate(0..self.patch.resolution()[2], &Monitor::none()).unwrap().swap_remove(0)
    }

    fn mesh(&self, field: &[f32]) -> TriMesh {
        isosurface(field, &self.patch, &Options::default(), &Monitor::none()).unwrap()
    }

    /// Computed and meshed `planes` at a time, as a job does it that keeps no samples.
    fn mesh_by_slabs(&self, planes: u32) -> TriMesh {
        let program = self.program(Visible::SURFACE, Level::detect(), 1024);
        let mut mesher = Mesher::new(&self.patch, &Options::default()).unwrap();
        let nz = self.patch.resolution()[2];
        for z in (0..nz).step_by(planes as usize) {
            let slab = program.evaluate(z..(z + planes).min(nz), &Monitor::none()).unwrap().swap_remove(0);
            mesher.planes(&slab, &Monitor::none()).unwrap();
        }
        mesher.finish(&Monitor::none()).unwrap()
    }

    /// With creases restored, by the graph between its samples where that is a formula.
    fn sharp_mesh(&self, field: &[f32]) -> TriMesh {
        let program = self.program(Visible::SURFACE, Level::detect(), 1024);
        let step = self.patch.spacing().into_iter().fold(f64::INFINITY, f64::min) * 1e-2;
        let between = Between { program, step: step as f32 };
        let is_formula = between.program.evaluate_at([&[], &[], &[]]).is_some();
        let field_itself = is_formula.then_some(&between as &dyn Gradients);
        let options =
            Options { sharp: Some(Sharp { field: field_itself, angle: 30.0 }), ..Options::default() };
        isosurface(field, &self.patch, &options, &Monitor::none()).unwrap()
    }
}

/// A graph that is a formula, between its samples.
struct Between {
    program: Program,
    step: f32,
}

impl Gradients for Between {
    fn gradients(&self, positions: &[[f32; 3]], values: &mut [f32], gradients: &mut [[f32; 3]]) {
        let at = |axis: usize, by: f32| {
            let moved = |a: usize| positions.iter().map(move |p| p[a] + if a == axis { by } else { 0.0 });
            let [x, y, z] = [0, 1, 2].map(|a| moved(a).collect::<Vec<f32>>());
            self.program.evaluate_at([&x, &y, &z]).expect("asked before")
        };
        values.copy_from_slice(&at(0, 0.0));
        for axis in 0..3 {
            let (low, high) = (at(axis, -self.step), at(axis, self.step));
            for (g, (low, high)) in gradients.iter_mut().zip(low.iter().zip(&high)) {
                g[axis] = (high - low) / (2.0 * self.step);
            }
        }
    }
}

/// Vertices of equal position become one, as a reader of STL has it.
fn welded(mesh: &TriMesh) -> TriMesh {
    let mut first: HashMap<[u32; 3], u32> = HashMap::new();
    let mut positions = vec![];
    let mut number = |p: &[f32; 3]| {
        *first.entry(p.map(|c| (c + 0.0).to_bits())).or_insert_with(|| {
            positions.push(*p);
            positions.len() as u32 - 1
        })
    };
    let numbers: Vec<u32> = mesh.positions.iter().map(&mut number).collect();
    let triangles = mesh.triangles.iter().map(|t| t.map(|i| numbers[i as usize])).collect();
    TriMesh { positions, triangles }
}

fn sound(what: &str, mesh: &TriMesh) -> Result<(), String> {
    for (how, mesh) in [("", mesh), (" welded", &welded(mesh))] {
        let found = topology(mesh, &Monitor::none()).unwrap();
        if !found.is_closed_manifold() {
            return Err(format!("{what}{how}: {found:?}"));
        }
    }
    Ok(())
}

fn same_mesh(how: &str, a: &TriMesh, b: &TriMesh) -> Result<(), String> {
    let bits = |m: &TriMesh| m.positions.iter().map(|p| p.map(f32::to_bits)).collect::<Vec<_>>();
    match a.triangles == b.triangles && bits(a) == bits(b) {
        true => Ok(()),
        false => Err(format!("{how}: {} triangles, {} expected", b.triangles.len(), a.triangles.len())),
    }
}

fn same_values(how: &str, a: &[f32], b: &[f32]) -> Result<(), String> {
    match a.iter().zip(b).position(|(a, b)| a.to_bits() != b.to_bits()) {
        None => Ok(()),
        Some(i) => Err(format!("{how}: {} at {i}, {} expected", b[i], a[i])),
    }
}

/// What was measured over all graphs.
#[derive(Clone, Copy, Debug, Default)]
struct Figures {
    graphs: usize,
    surfaces: usize,
    triangles: usize,
    judged: usize,
    /// Greatest share of its bound that a volume is off by, and of the crossed cells.
    of_bound: f64,
    of_crossed: f64,
    /// Volumes off by and bounds, summed, in crossed cells.
    off: f64,
    bound: f64,
    crossed: usize,
}

impl Figures {
    fn and(self, o: Figures) -> Figures {
        Figures {
            graphs: self.graphs + o.graphs,
            surfaces: self.surfaces + o.surfaces,
            triangles: self.triangles + o.triangles,
            judged: self.judged + o.judged,
            of_bound: self.of_bound.max(o.of_bound),
            of_crossed: self.of_crossed.max(o.of_crossed),
            off: self.off + o.off,
            bound: self.bound + o.bound,
            crossed: self.crossed + o.crossed,
        }
    }
}

/// Everything that must hold for a graph.
fn check(case: &Case) -> Result<Figures, String> {
    let dense = case.field(Visible::ALL, Level::detect(), 1024);
    if !dense.iter().all(|v| v.is_finite()) {
        return Err("a value is not finite".into());
    }
    let mesh = case.mesh(&dense);
    sound("mesh", &mesh)?;
    sound("sharp mesh", &case.sharp_mesh(&dense))?;
    let figures = geometry(case, &dense, &mesh)?;
    same_mesh("culled", &mesh, &case.mesh(&case.field(Visible::SURFACE, Level::detect(), 1024)))?;
    computed_otherwise(case, &dense, &mesh)?;
    Ok(figures)
}

/// Volume and faces, held against the samples.
fn geometry(case: &Case, dense: &[f32], mesh: &TriMesh) -> Result<Figures, String> {
    let interpolant = Interpolant::new(dense, &case.patch);
    let inside = interpolant.inside();
    let cell: f64 = case.patch.spacing().iter().product();
    let volume = moments(mesh, &Monitor::none()).unwrap().volume / cell;
    let off = (volume - inside.volume).abs();
    if off > inside.bound + 1e-5 * inside.volume {
        return Err(format!("volume is {volume} cells, the field's {inside:?}"));
    }
    if (volume > 0.0) != dense.iter().any(|v| *v < 0.0) {
        return Err(format!("volume is {volume} cells"));
    }
    let facing = interpolant.facing(mesh, CONE);
    if facing.flipped + facing.inward > 0 {
        return Err(format!("{facing:?} of {} triangles", mesh.triangles.len()));
    }
    let has_surface = inside.crossed > 0;
    let share = |of: f64| if has_surface { off / of } else { 0.0 };
    Ok(Figures {
        graphs: 1,
        surfaces: usize::from(has_surface),
        triangles: mesh.triangles.len(),
        judged: facing.judged,
        of_bound: share(inside.bound),
        of_crossed: share(inside.crossed as f64),
        off,
        bound: inside.bound,
        crossed: inside.crossed,
    })
}

/// The same bits for other slabs, blocks, levels and numbers of threads: each seed tries some.
fn computed_otherwise(case: &Case, dense: &[f32], mesh: &TriMesh) -> Result<(), String> {
    match case.seed % 8 {
        0 => same_mesh("plane by plane", mesh, &case.mesh_by_slabs(1)),
        1 => same_mesh("in slabs of 3 planes", mesh, &case.mesh_by_slabs(3)),
        2 | 3 => same_mesh("in slabs of 7 planes", mesh, &case.mesh_by_slabs(7)),
        4 => same_values("in blocks of 64", dense, &case.field(Visible::ALL, Level::detect(), 64)),
        5 => same_values("in blocks of 7", dense, &case.field(Visible::ALL, Level::detect(), 7)),
        6 => Level::available().into_iter().try_for_each(|level| {
            same_values(&format!("{level:?}"), dense, &case.field(Visible::ALL, level, 1024))
        }),
        _ => [1, 2].into_iter().try_for_each(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let again = pool.install(|| case.mesh(&case.field(Visible::SURFACE, Level::detect(), 200)));
            same_mesh(&format!("{threads} threads, blocks of 200"), mesh, &again)
        }),
    }
}

/// Checks every seed on all cores; panics with what failed.
fn check_all(seeds: Range<u64>) -> Figures {
    let one = |seed: u64| {
        let checked = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let case = case(seed);
            check(&case).map_err(|what| format!("{what}, of {}", case.document))
        }));
        checked.unwrap_or_else(|_| Err("panicked".into()))
    };
    let results: Vec<_> = seeds.clone().into_par_iter().map(one).collect();
    let failed: BTreeMap<u64, &String> =
        seeds.zip(&results).filter_map(|(seed, r)| Some((seed, r.as_ref().err()?))).collect();
    for (seed, what) in failed.iter().take(40) {
        println!(
            "seed {seed}: {}",
            what.chars().take(if failed.len() > 3 { 160 } else { 6000 }).collect::<String>()
        );
    }
    let figures = results.iter().flatten().fold(Figures::default(), |a, b| a.and(*b));
    println!("{figures:?}");
    assert!(failed.is_empty(), "{} of {} graphs failed", failed.len(), results.len());
    figures
}

/// Seeds 0 to 199, or those of FIELDSTONE_SEEDS, such as 0..5000.
#[test]
fn many_graphs() {
    if let Ok(seeds) = std::env::var("FIELDSTONE_SEEDS") {
        let (from, to) = seeds.split_once("..").expect("from..to");
        check_all(from.parse().expect("a number")..to.parse().expect("a number"));
        return;
    }
    let figures = check_all(0..200);
    assert!(figures.surfaces > 150, "only {} graphs have a surface", figures.surfaces);
    assert!(figures.judged > figures.triangles / 4, "hardly any triangle was judged");
}
