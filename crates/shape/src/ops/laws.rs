//! What holds for every operator of the list.
#![cfg(test)]

use super::{OLDER, OPERATORS, find};
use crate::operator::{Asset, Assets, BuildError, OperatorEntry, Port, Promise, Reach, Type};
use crate::params::Kind;
use crate::{EvaluateError, Graph, GraphLimits, Plan, Program, Visible};
use fieldstone_kernel::bvh::Bvh;
use fieldstone_kernel::format::{MeshFormat, write_mesh};
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::{Monitor, TriMesh, testing};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// Assets by name, made here.
struct Examples;

fn ball() -> TriMesh {
    testing::bumpy_sphere(16, 32, 0.8, 0.1)
}

impl Assets for Examples {
    fn open(&self, path: &str) -> Result<Asset, BuildError> {
        let checksum = [7; 32];
        let mut bytes = Vec::new();
        match path {
            "ball.ply" => write_mesh(&ball(), MeshFormat::PLY, &mut bytes)?,
            "ball.bvh" => Bvh::build(&ball(), &Monitor::none())?.write(&checksum, &mut bytes)?,
            "ball.bin" => {
                let at = |i: usize| i as f32 * 0.25 - 1.0;
                let value = |i: usize| at(i % 9).hypot(at(i / 9 % 9)).hypot(at(i / 81)) - 0.7;
                bytes.extend((0..729).flat_map(|i| value(i).to_le_bytes()));
            }
            "net.json" => bytes.extend_from_slice(NETWORK),
            "uvw.json" => {
                let coordinates: Vec<_> = ball().positions.iter().map(|p| p.map(|v| 0.5 * v + 0.1)).collect();
                bytes.extend(json!({ "coordinates": coordinates }).to_string().bytes());
            }
            other => return Err(BuildError::Input(format!("no example asset {other:?}"))),
        }
        Ok(Asset { filename: path.into(), bytes: Arc::new(bytes), checksum })
    }
}

const NETWORK: &[u8] = br#"{"nodes": [[-0.8,-0.8,-0.8],[0.8,0,0],[0.8,0.8,0.8],[0,0.9,-0.5]],
    "edges": [[0,1],[1,2],[2,3],[0,3]]}"#;

/// A graph that ends in `entry` with its example, on a grid of `n` samples per axis: operator 0 is `entry`.
fn graph(entry: &OperatorEntry, n: u32) -> Value {
    let parameters: Value = serde_json::from_str(entry.example).unwrap();
    let mut operators = vec![json!({"type": entry.type_name, "parameters": parameters})];
    let mut edges = Vec::new();
    let mut points = None;
    let mut solids = [
        json!({"type": "SampleBox", "parameters": {"shape_type": "Torus", "size": [1.6, 1.6, 0.6], "free_param": 0.25}}),
        json!({"type": "SampleBox", "parameters": {"shape_type": "Box", "size": [1.2, 0.8, 1.4]}}),
    ]
    .into_iter();
    for Port { name, takes, .. } in entry.inputs {
        let mut add = |operator: Value| {
            operators.push(operator);
            operators.len() - 1
        };
        if let Type::Volume = takes {
            let volume = add(
                json!({"type": "LoadVolume", "parameters": {"volume_data": {"path": "ball.bin"}, "resolution": [9, 9, 9]}}),
            );
            edges.push(json!({"source": volume, "target": [0, name]}));
            continue;
        }
        let grid = json!({"type": "GenerateSamplePoints", "parameters": {"size": [2.0, 2.2, 1.9], "offset": [-1.05, -1.0, -0.9], "resolution": [n, n + 1, n + 2]}});
        let points = *points.get_or_insert_with(|| add(grid));
        let source = match takes {
            Type::Vec3f => points,
            _ => {
                let solid = add(solids.next().expect("two inputs of numbers at most"));
                edges.push(json!({"source": points, "target": [solid, "Points"]}));
                solid
            }
        };
        edges.push(json!({"source": source, "target": [0, name]}));
    }
    json!({"operators": operators, "edges": edges})
}

fn parsed(entry: &OperatorEntry, n: u32) -> Arc<Graph> {
    let graph = Graph::parse(&graph(entry, n), GraphLimits::default());
    Arc::new(graph.unwrap_or_else(|e| panic!("{}: {e}", entry.type_name)))
}

fn run(
    graph: &Arc<Graph>,
    level: Level,
    block: u32,
    monitor: &Monitor,
) -> Result<Vec<Vec<f32>>, EvaluateError> {
    let plan = Plan::of_result(graph, Visible::ALL)?;
    let program = Program::build_at(plan, &Examples, level, block, monitor)?;
    let n = program.plan().resolution()[2];
    program.evaluate(0..n, monitor)
}

/// All operators in all forms.
fn forms() -> impl Iterator<Item = &'static OperatorEntry> {
    OPERATORS.iter().chain(OLDER).copied()
}

/// Sources of volumes have no values of their own to look at.
fn with_values() -> impl Iterator<Item = &'static OperatorEntry> {
    forms().filter(|e| e.output != Type::Volume)
}

#[test]
fn every_file_is_an_operator_and_every_operator_a_file() {
    let mut files = BTreeSet::new();
    for folder in ["source", "transform", "sample", "filter"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ops").join(folder);
        for file in std::fs::read_dir(path).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            if name != "mod.rs" {
                files.insert(format!("{folder}/{name}"));
            }
        }
    }
    let file_of = |e: &OperatorEntry| {
        let mut stem = String::new();
        let letters: Vec<char> = e.type_name.chars().collect();
        for (i, c) in letters.iter().enumerate() {
            let after_small = i > 0 && letters[i - 1].is_lowercase();
            if c.is_uppercase() && after_small {
                stem.push('_');
            }
            stem.extend(c.to_lowercase());
        }
        format!("{}/{stem}.rs", format!("{:?}", e.group).to_lowercase())
    };
    let entries: BTreeSet<_> = OPERATORS.iter().map(|e| file_of(e)).collect();
    assert_eq!(files, entries);
    assert_eq!(entries.len(), OPERATORS.len(), "a type name is used twice");
}

#[test]
fn everything_is_documented_and_has_a_default_or_is_optional() {
    for e in forms() {
        assert!(find(e.type_name).is_some() && !e.doc.is_empty() && !e.details.is_empty(), "{}", e.type_name);
        let mut names = BTreeSet::new();
        for p in e.params {
            assert!(!p.doc.is_empty() && names.insert(p.name), "{}.{}", e.type_name, p.name);
            let needs_default = !matches!(p.kind, Kind::Asset { .. } | Kind::Json);
            let explained = p.doc.contains("default") || p.doc.contains("older");
            assert!(
                p.default.is_some() || !needs_default || explained,
                "{}.{}: what if absent?",
                e.type_name,
                p.name
            );
        }
        for port in e.inputs {
            assert!(names.insert(port.name), "{}.{}", e.type_name, port.name);
        }
    }
}

#[test]
fn examples_are_read_and_unknown_fields_refused_by_name() {
    for e in forms() {
        parsed(e, 5);
        let mut wrong = graph(e, 5);
        wrong["operators"][0]["parameters"]["colour"] = json!("red");
        let error = Graph::parse(&wrong, GraphLimits::default()).err().expect(e.type_name).to_string();
        let expected = format!("operators[0] ({}): parameter \"colour\": unknown", e.type_name);
        assert!(error.starts_with(&expected), "{error}");
    }
}

#[test]
fn values_are_finite_on_any_block_and_level_and_thread_count_and_have_the_same_bits() {
    for e in with_values() {
        let graph = parsed(e, 9);
        let evaluate = |level, block| {
            run(&graph, level, block, &Monitor::none()).unwrap_or_else(|err| panic!("{}: {err}", e.type_name))
        };
        let reference = evaluate(Level::BASELINE, 1024);
        assert!(reference.iter().flatten().all(|v| v.is_finite()), "{} is not finite", e.type_name);
        let same = |other: &[Vec<f32>]| {
            let bits = |v: &[Vec<f32>]| v.iter().flatten().map(|x| x.to_bits()).collect::<Vec<_>>();
            bits(&reference) == bits(other)
        };
        for level in Level::available() {
            for block in [1, 7, 64, 1024] {
                assert!(same(&evaluate(level, block)), "{}: {level:?}, blocks of {block}", e.type_name);
            }
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        assert!(same(&pool.install(|| evaluate(Level::detect(), 64))), "{}: three threads", e.type_name);
    }
}

#[test]
fn values_per_sample_are_known_before_anything_is_loaded() {
    // All example volumes hold 9 × 9 × 9 floats.
    for e in forms() {
        let graph = parsed(e, 5);
        let told = graph.channels(&|_, _| Some(4 * 729))[0];
        let plan = Plan::of_result(&graph, Visible::ALL).unwrap();
        let program = Program::build(plan, &Examples, &Monitor::none()).unwrap();
        assert_eq!(told, Some(program.channels()), "{}", e.type_name);
    }
}

#[test]
fn bounds_hold_every_value() {
    for e in with_values().filter(|e| matches!(e.reach, Reach::Point | Reach::Patch)) {
        let graph = parsed(e, 17);
        let plan = Plan::of_result(&graph, Visible::ALL).unwrap();
        let program = Program::build(plan, &Examples, &Monitor::none()).unwrap();
        program.check_bounds(32).unwrap_or_else(|what| panic!("{}: {what}", e.type_name));
    }
}

#[test]
fn promised_bounds_are_lipschitz() {
    for e in with_values().filter(|e| e.output == Type::Float) {
        let values = parsed(e, 5).nodes()[0].values.clone();
        let inputs = vec![Promise::Bound; e.inputs.len()];
        if (e.promise)(&values, &inputs) < Promise::Bound {
            continue;
        }
        let (graph, n) = (parsed(e, 33), [33usize, 34, 35]);
        let field = run(&graph, Level::detect(), 1024, &Monitor::none()).unwrap().swap_remove(0);
        let h = [2.0 / 32.0, 2.2 / 33.0, 1.9 / 34.0f32];
        let at = |i: [usize; 3]| field[(i[2] * n[1] + i[1]) * n[0] + i[0]];
        let mut rng = testing::Rng::new(3);
        for _ in 0..20_000 {
            let (p, q): ([usize; 3], [usize; 3]) =
                (std::array::from_fn(|a| rng.below(n[a])), std::array::from_fn(|a| rng.below(n[a])));
            let d2: f32 = (0..3).map(|a| ((p[a] as f32 - q[a] as f32) * h[a]).powi(2)).sum();
            // A redistanced sample may be off by a twentieth of a cell where the surface is bent (its documented bound), and
            // two of them are compared.
            let slack = if matches!(e.reach, Reach::Point) { 1e-4 } else { 0.1 * h[0] };
            let rise = (at(p) - at(q)).abs();
            assert!(rise <= d2.sqrt() + slack, "{}: {rise} over {}", e.type_name, d2.sqrt());
        }
    }
}

#[test]
fn cancelled_evaluations_end_as_cancelled() {
    for e in with_values() {
        let cancelled = Monitor::new(Arc::new(true.into()), |_| ());
        let result = run(&parsed(e, 9), Level::detect(), 64, &cancelled);
        assert!(matches!(result, Err(EvaluateError::Cancelled(_))), "{}", e.type_name);
    }
}
