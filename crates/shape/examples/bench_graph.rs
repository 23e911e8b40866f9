//! Times a shape graph: its values on a grid, or the whole way to an STL file. Prints one JSON line.
//!
//! `bench_graph CASE N REPETITIONS [--threads T] [--band CELLS] [--stl FILE] [--mesh FILE]`
//!
//! CASE: `gyroid`, `gyroid-turned`, `operators` (twelve of them) and `struts` fill [-0.5, 0.5]³ with N³ samples; `ball`
//! is a gyroid in a ball, `infill` a gyroid in the mesh of `--mesh`, N samples along its longest side. With `--band` only
//! values within so many cells of the surface are asked for. A time covers everything from the document on: reading
//! it, planning, and the values in memory that was touched before, or the file written.

use fieldstone_kernel::format::{MeshFormat, MeshLimits, read_mesh, write_mesh};
use fieldstone_kernel::isosurface::{Mesher, Options};
use fieldstone_kernel::simd::{Level, stream, stream_done};
use fieldstone_kernel::{Monitor, TriMesh, measure};
use fieldstone_shape::operator::{Asset, BuildError};
use fieldstone_shape::{Assets, Graph, GraphLimits, Plan, Program, Visible};
use rayon::prelude::*;
use serde_json::{Value, json};
use std::f64::consts::TAU;
use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| args.iter().position(|a| a == name).and_then(|i| args.get(i + 1));
    let [case, n, repetitions, ..] = &args[..] else {
        return Err(
            "usage: bench_graph CASE N REPETITIONS [--threads T] [--band CELLS] [--stl FILE] [--mesh FILE]"
                .into(),
        );
    };
    let (n, repetitions): (u32, usize) = (n.parse()?, repetitions.parse()?);
    if let Some(t) = option("--threads") {
        rayon::ThreadPoolBuilder::new().num_threads(t.parse()?).build_global()?;
    }
    let band = option("--band").map(|b| b.parse::<f32>()).transpose()?;
    let files = Files::open(option("--mesh"))?;
    let document = document(case, n, &files)?;
    let report = match option("--stl") {
        Some(file) => to_stl(&document, &files, repetitions, file)?,
        None => {
            let visible = band.map_or(Visible::ALL, |b| Visible { band: b / (n - 1) as f32, cells: 0 });
            to_samples(&document, &files, n, repetitions, visible)?
        }
    };
    println!("{report}");
    Ok(())
}

/// The mesh of the command line, the only asset there is.
struct Files(Option<(String, Arc<Vec<u8>>)>);

impl Files {
    fn open(file: Option<&String>) -> Result<Files> {
        let read = |f: &String| Ok::<_, std::io::Error>((f.clone(), Arc::new(std::fs::read(f)?)));
        Ok(Files(file.map(read).transpose()?))
    }

    fn mesh(&self) -> Result<TriMesh> {
        let (name, bytes) = self.0.as_ref().ok_or("this case needs --mesh FILE")?;
        Ok(read_mesh(bytes, MeshFormat::of_filename(name)?, &MeshLimits::default(), &Monitor::none())?.mesh)
    }
}

impl Assets for Files {
    fn open(&self, path: &str) -> std::result::Result<Asset, BuildError> {
        let (name, bytes) = self.0.as_ref().ok_or_else(|| BuildError::Input(format!("no {path:?}")))?;
        Ok(Asset { filename: name.clone(), bytes: bytes.clone(), checksum: [0; 32] })
    }
}

/// The case as clients write it.
fn document(case: &str, n: u32, files: &Files) -> Result<Value> {
    let cube = |size: f64| points([-0.5 * size; 3], [size; 3], [n; 3]);
    let gyroid = |scale: f64| {
        operator("SampleSurfaceLattice", json!({"lattice_type": "Gyroid", "scale": cube_of(scale)}))
    };
    Ok(match case {
        "gyroid" => graph(vec![cube(1.0), gyroid(0.125)], &[(0, 1, "Points")]),
        "gyroid-turned" => graph(vec![cube(1.0), turned_gyroid()], &[(0, 1, "Points")]),
        "operators" => operators(cube(1.0)),
        "struts" => {
            let corners = (0..8).map(|i| json!([i & 1, i >> 1 & 1, i >> 2]));
            let nodes: Vec<Value> = std::iter::once(json!([0.5, 0.5, 0.5])).chain(corners).collect();
            let edges: Vec<[u32; 2]> = (1..9).map(|i| [0, i]).collect();
            let lattice = json!({"lattice_data": {"nodes": nodes, "edges": edges}, "scale": cube_of(0.125),
                "section_type": "Circle", "node_type": "None", "section_radius": 0.01});
            graph(vec![cube(1.0), operator("SampleLattice", lattice)], &[(0, 1, "Points")])
        }
        "ball" => {
            let ball = operator("SampleBox", json!({"shape_type": "Ellipsoid", "size": [36, 36, 36]}));
            let both = operator("CSG", json!({"operation": "Intersect"}));
            let edges = [(0, 1, "Points"), (0, 2, "Points"), (2, 3, "A"), (1, 3, "B")];
            graph(vec![cube(40.0), gyroid(10.0), ball, both], &edges)
        }
        "infill" => {
            let mesh = json!({"mesh_data": {"file_type": "MeshFile", "path": "part"}});
            let both = operator("CSG", json!({"operation": "Intersect"}));
            let operators = vec![
                around(&files.mesh()?, n)?,
                operator("SampleTriangleMesh", mesh),
                gyroid(10.0),
                both,
                operator("Redistance", json!({})),
            ];
            let edges = [(0, 1, "Points"), (0, 2, "Points"), (1, 3, "A"), (2, 3, "B"), (3, 4, "Samples")];
            graph(operators, &edges)
        }
        other => return Err(format!("unknown case {other:?}").into()),
    })
}

fn cube_of(edge: f64) -> [f64; 3] {
    [edge; 3]
}

fn operator(name: &str, parameters: Value) -> Value {
    json!({"type": name, "parameters": parameters})
}

fn points(offset: [f64; 3], size: [f64; 3], resolution: [u32; 3]) -> Value {
    operator("GenerateSamplePoints", json!({"offset": offset, "size": size, "resolution": resolution}))
}

fn graph(operators: Vec<Value>, edges: &[(usize, usize, &str)]) -> Value {
    let edge = |(from, to, port): &(usize, usize, &str)| json!({"source": from, "target": [to, port]});
    json!({"operators": operators, "edges": edges.iter().map(edge).collect::<Vec<_>>()})
}

/// Turned about z, then about x: p in the gyroid's frame is R·p, so the placement is Rᵀ, whose columns are R's rows.
fn turned_gyroid() -> Value {
    let (c, s, c2, s2) = (0.3f64.cos(), 0.3f64.sin(), 0.4f64.cos(), 0.4f64.sin());
    #[rustfmt::skip]
    let xform = [c, -s, 0.0, 0.0, s * c2, c * c2, -s2, 0.0, s * s2, c * s2, c2, 0.0, 0.0, 0.0, 0.0, 1.0];
    operator(
        "SampleSurfaceLattice",
        json!({"lattice_type": "Gyroid", "scale": cube_of(0.125), "xform": xform}),
    )
}

/// A graded sheet of a turned gyroid within a rounded box and ball, joined with a ring, pierced by a hole.
fn operators(points: Value) -> Value {
    let k = TAU * 8.0;
    let shape = |parameters: Value| operator("SampleBox", parameters);
    let csg = |operation: &str, smoothing: f64| {
        operator("CSG", json!({"operation": operation, "smoothing": smoothing}))
    };
    let operators = vec![
        points,
        turned_gyroid(),
        operator("Shell", json!({"thickness": 2.0 * 0.004 * k})),
        shape(json!({"shape_type": "Ellipsoid", "size": [0.84, 0.84, 0.84]})),
        operator("LinearFilter", json!({"scale_a": 1.0 / k, "scale_b": -0.01})),
        shape(json!({"shape_type": "Box", "size": [0.7, 0.7, 0.7]})),
        csg("Intersect", 0.03),
        csg("Intersect", 0.02),
        shape(json!({"shape_type": "Torus", "size": [0.86, 0.86, 0.1], "free_param": 0.05})),
        csg("Union", 0.04),
        shape(json!({"shape_type": "Cylinder", "size": [0.16, 0.16, 2.0]})),
        csg("Subtract", 0.0),
    ];
    let edges = [
        (0, 1, "Points"),
        (1, 2, "Samples"),
        (0, 3, "Points"),
        (2, 4, "InputA"),
        (3, 4, "InputB"),
        (0, 5, "Points"),
        (3, 6, "A"),
        (5, 6, "B"),
        (4, 7, "A"),
        (6, 7, "B"),
        (0, 8, "Points"),
        (7, 9, "A"),
        (8, 9, "B"),
        (0, 10, "Points"),
        (9, 11, "A"),
        (10, 11, "B"),
    ];
    graph(operators, &edges)
}

/// The mesh's box with 3 % of its longest side around, `n` samples along that side, cells cubes.
fn around(mesh: &TriMesh, n: u32) -> Result<Value> {
    let (mut lo, mut hi) = ([f64::MAX; 3], [f64::MIN; 3]);
    for p in &mesh.positions {
        for a in 0..3 {
            lo[a] = lo[a].min(p[a].into());
            hi[a] = hi[a].max(p[a].into());
        }
    }
    let longest = (0..3).map(|a| hi[a] - lo[a]).fold(0.0, f64::max);
    let h = 1.06 * longest / f64::from(n - 1);
    let cells: [f64; 3] = std::array::from_fn(|a| ((hi[a] - lo[a] + 0.06 * longest) / h - 1e-9).ceil());
    let offset = std::array::from_fn(|a| lo[a] - 0.03 * longest);
    Ok(points(offset, cells.map(|c| c * h), cells.map(|c| c as u32 + 1)))
}

fn prepare(document: &Value, files: &Files, visible: Visible) -> Result<Program> {
    let graph = Arc::new(Graph::parse(document, GraphLimits::default())?);
    Ok(Program::build(Plan::of_result(&graph, visible)?, files, &Monitor::none())?)
}

/// Values into memory that exists, beside filling the same memory with nothing computed.
fn to_samples(
    document: &Value,
    files: &Files,
    n: u32,
    repetitions: usize,
    visible: Visible,
) -> Result<Value> {
    let slabs: Vec<_> = prepare(document, files, visible)?.plan().slabs().collect();
    let samples = |planes: usize| planes * n as usize * n as usize;
    let mut out: Vec<Vec<Vec<f32>>> = slabs.iter().map(|z| vec![vec![1.0; samples(z.len())]]).collect();
    let (mut times, mut past_caches, mut plain) = (vec![], vec![], vec![]);
    for _ in 0..=repetitions {
        let level = Level::detect();
        past_caches.push(fill(&mut out, |to| {
            let from = [1.0; 1024];
            to.chunks_mut(1024).for_each(|t| stream(level, t, &from[..t.len()]));
            stream_done();
        }));
        plain.push(fill(&mut out, |to| to.fill(1.0)));
        let start = Instant::now();
        let program = prepare(document, files, visible)?;
        for (z, to) in slabs.iter().zip(&mut out) {
            program.evaluate_into(z.clone(), to, &Monitor::none())?;
        }
        times.push(start.elapsed().as_secs_f64());
    }
    let [past_caches, plain] = [past_caches, plain].map(|t| t[1..].to_vec());
    let at = |q: usize| {
        let n = n as usize;
        let [i, j, k] = [q * 7919 % n, (q * 104_729 + 31) % n, (q * 1_299_709 + 17) % n];
        let slab = slabs.iter().position(|z| z.contains(&(k as u32))).expect("slabs cover the grid");
        out[slab][0][((k - slabs[slab].start as usize) * n + j) * n + i]
    };
    let values: Vec<f32> = (0..1000).map(at).collect();
    Ok(json!({"times": &times[1..], "first": times[0], "stream_times": past_caches, "fill_times": plain,
        "rss_peak_mb": peak_rss_mb(), "values": values}))
}

fn fill(out: &mut [Vec<Vec<f32>>], write: impl Fn(&mut [f32]) + Sync) -> f64 {
    let start = Instant::now();
    for slab in out.iter_mut().flatten() {
        slab.par_chunks_mut(1 << 16).for_each(&write);
    }
    start.elapsed().as_secs_f64()
}

/// Graph → surface → STL on disk.
fn to_stl(document: &Value, files: &Files, repetitions: usize, file: &str) -> Result<Value> {
    let (mut times, mut stages, mut mesh) = (vec![], vec![], TriMesh::default());
    let monitor = Monitor::none();
    for _ in 0..=repetitions {
        drop(std::mem::take(&mut mesh));
        let (start, mut evaluated) = (Instant::now(), 0.0);
        let program = prepare(document, files, Visible::SURFACE)?;
        let prepared = start.elapsed().as_secs_f64();
        let patch = program.plan().target_domain()?.metric_patch().ok_or("the grid is sheared")?;
        let mut mesher = Mesher::new(&patch, &Options::default())?;
        for z in program.plan().slabs() {
            let before = Instant::now();
            let values = program.evaluate(z, &monitor)?;
            evaluated += before.elapsed().as_secs_f64();
            mesher.planes(&values[0], &monitor)?;
        }
        mesh = mesher.finish(&monitor)?;
        let meshed = start.elapsed().as_secs_f64() - evaluated - prepared;
        let mut out = std::io::BufWriter::new(std::fs::File::create(file)?);
        write_mesh(&mesh, MeshFormat::STL, &mut out)?;
        out.flush()?;
        let whole = start.elapsed().as_secs_f64();
        times.push(whole);
        stages.push([prepared, evaluated, meshed, whole - meshed - evaluated - prepared]);
    }
    let rss = peak_rss_mb();
    let best = (1..times.len()).min_by(|a, b| times[*a].total_cmp(&times[*b])).unwrap_or(0);
    let (t, m) = (measure::topology(&mesh, &monitor)?, measure::moments(&mesh, &monitor)?);
    Ok(json!({"times": &times[times.len().min(2) - 1..], "first": times[0], "rss_peak_mb": rss,
        "stages": stages[best], "vertices": mesh.positions.len(), "triangles": mesh.triangles.len(),
        "open_edges": t.open_edges, "non_manifold_edges": t.branching_edges,
        "misoriented_edges": t.conflicting_edges, "volume": m.volume, "area": m.area}))
}

/// Greatest resident set of this process so far; 0 where the system does not tell.
fn peak_rss_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    line.and_then(|l| l.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}
