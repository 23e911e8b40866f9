//! Graphs that are refused: each by one sentence that names the operator, its type and the field.

use fieldstone_kernel::Monitor;
use fieldstone_shape::operator::{Asset, Assets, BuildError};
use fieldstone_shape::ops::OPERATORS;
use fieldstone_shape::{EvaluateError, Graph, GraphLimits, Plan, Program, Visible};
use serde_json::{Value, json};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

/// The allocator, and the largest piece that this thread has asked of it.
struct Watched;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.with(|l| l.set(l.get().max(layout.size())));
        // SAFETY: the caller keeps the promises of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: `at` came from `alloc` above.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static WATCHED: Watched = Watched;

/// A volume of 3 × 3 × 2 bytes, whatever its name; no asset called `absent.bin`.
struct Small;

impl Assets for Small {
    fn open(&self, path: &str) -> Result<Asset, BuildError> {
        if path == "absent.bin" {
            return Err(BuildError::Input(format!("there is no asset {path:?}")));
        }
        Ok(Asset { filename: path.into(), bytes: Arc::new(vec![0u8; 18]), checksum: [0; 32] })
    }
}

/// Why `graph` gives no values, from the first of parse, plan and build that says so.
fn refusal(graph: &Value) -> String {
    let read = || -> Result<(), EvaluateError> {
        let graph = Arc::new(Graph::parse(graph, GraphLimits::default())?);
        let plan = Plan::of_result(&graph, Visible::ALL)?;
        Program::build(plan, &Small, &Monitor::none()).map(|_| ())
    };
    read().err().map_or_else(|| panic!("{graph} is accepted"), |e| e.to_string())
}

fn refused(graph: Value, message: &str) {
    assert_eq!(refusal(&graph), message, "of {graph}");
}

fn edge(source: usize, target: usize, input: &str) -> Value {
    json!({"source": source, "target": [target, input]})
}

fn points() -> Value {
    json!({"type": "GenerateSamplePoints", "parameters": {"resolution": [3, 3, 2]}})
}

fn volume(path: &str, resolution: [u32; 3]) -> Value {
    json!({"type": "LoadVolume",
        "parameters": {"volume_data": {"file_type": "Raw", "path": path}, "resolution": resolution}})
}

fn graph(operators: Value, edges: Value) -> Value {
    json!({"operators": operators, "edges": edges})
}

/// A graph of one operator of `type_name` whose parameter is refused.
fn parameter(type_name: &str, name: &str, value: Value, what: &str) {
    let operators = json!([{"type": type_name, "parameters": {name: value}}]);
    refused(graph(operators, json!([])), &format!("operators[0] ({type_name}): parameter {name:?}: {what}"));
}

#[test]
fn documents_that_are_no_graph() {
    refused(json!({}), r#"graph: expected a list "operators", got nothing"#);
    refused(json!({"operators": 3}), r#"graph: expected a list "operators", got 3"#);
    refused(json!({"operators": []}), "graph: has no operators");
    refused(json!([1, 2]), r#"graph: expected a list "operators", got nothing"#);
    refused(json!(null), r#"graph: expected a list "operators", got nothing"#);
    refused(json!("{\"operators\": ["), "graph: is not JSON: EOF while parsing a list at line 1 column 15");
    refused(
        json!({"operators": [points()], "edges": "none"}),
        r#"graph: expected a list "edges", got "none""#,
    );
    refused(
        graph(json!(["Shell"]), json!([])),
        r#"operators[0]: expected an object with a "type", got "Shell""#,
    );
    refused(
        graph(json!([points(), {"type": 7}]), json!([])),
        r#"operators[1]: expected an object with a "type", got {"type":7}"#,
    );
    refused(
        graph(json!([{"type": "Shell", "parameters": [1]}]), json!([])),
        "operators[0] (Shell): expected an object of parameters, got [1]",
    );
}

#[test]
fn unknown_names() {
    let known: Vec<_> = OPERATORS.iter().map(|e| e.type_name).collect();
    let known = known.join(", ");
    for (name, meant) in [
        ("Shel", Some("Shell")),
        ("_PointSource", Some("GenerateSamplePoints")),
        ("redistance", Some("Redistance")),
        ("SAMPLE_BOX", Some("SampleBox")),
        ("Difference", Some("CSG")),
        ("TriangleMesh", Some("SampleTriangleMesh")),
        ("Teapot", None),
        ("", None),
    ] {
        let operators = json!([points(), {"type": name}]);
        let message = match meant {
            Some(meant) => {
                format!("type {name:?} is unknown, did you mean {meant:?}? (expected one of {known})")
            }
            None => format!("type {name:?} is unknown, expected one of {known}"),
        };
        let message = format!("operators[1]: {message}");
        refused(graph(operators, json!([edge(0, 1, "Points")])), &message);
    }
    refused(
        graph(json!([points(), {"type": "SampleCustomShape"}]), json!([edge(0, 1, "Points")])),
        r#"operators[1]: type "SampleCustomShape" is not offered here: it runs a shader that comes with the graph (SPIR-V)"#,
    );
    parameter("Shell", "width", json!(1), "unknown, expected one of offset, thickness");
    let near = "unknown, did you mean \"thickness\"? (expected one of offset, thickness)";
    parameter("Shell", "Thickness", json!(1), near);
    refused(
        graph(json!([points(), {"type": "SampleBox"}]), json!([edge(0, 1, "points")])),
        r#"edges[0]: operators[1] (SampleBox) has no input "points", it has Points, did you mean "Points"?"#,
    );
    let long = "x".repeat(100_000);
    let message = refusal(&graph(json!([{"type": long}]), json!([])));
    assert!(message.len() < 1000, "a message of {} bytes", message.len());
    refused(
        graph(json!([volume("v.bin", [3, 3, 2]), {"type": "Shell"}]), json!([edge(0, 1, "Points")])),
        r#"edges[0]: operators[1] (Shell) has no input "Points", it has Samples"#,
    );
    refused(
        graph(json!([volume("v.bin", [3, 3, 2]), points()]), json!([edge(0, 1, "Samples")])),
        r#"edges[0]: operators[1] (GenerateSamplePoints) has no input "Samples", it has none"#,
    );
}

#[test]
fn edges_that_lead_nowhere() {
    let with = |edges: Value| graph(json!([volume("v.bin", [3, 3, 2]), {"type": "Shell"}]), edges);
    let range = "expected the index of an operator, 0 to 1, got";
    refused(with(json!([edge(2, 1, "Samples")])), &format!("edges[0]: {range} 2"));
    refused(with(json!([edge(0, 1, "Samples"), edge(0, 9, "Samples")])), &format!("edges[1]: {range} 9"));
    let named = json!([{"source": -1, "target": [1, "Samples"]}]);
    refused(with(named), &format!("edges[0]: {range} -1"));
    let named = json!([{"source": 0.5, "target": [1, "Samples"]}]);
    refused(with(named), &format!("edges[0]: {range} 0.5"));
    refused(with(json!([{"target": [1, "Samples"]}])), &format!("edges[0]: {range} nothing"));
    refused(with(json!([5])), &format!("edges[0]: {range} nothing"));
    refused(
        with(json!([{"source": 0, "target": 1}])),
        r#"edges[0]: expected {"source": index, "target": [index, input]}, got {"source":0,"target":1}"#,
    );
    refused(
        with(json!([edge(0, 1, "Samples"), edge(0, 1, "Samples")])),
        r#"edges[1]: operators[1] (Shell) input "Samples" is connected already, to operators[0]"#,
    );
    refused(
        with(json!([{"source": 0, "target": [1, 0]}])),
        "edges[0]: operators[1] (Shell) has no input 0, it has Samples",
    );
}

#[test]
fn cycles() {
    refused(
        graph(json!([{"type": "Shell"}]), json!([edge(0, 0, "Samples")])),
        "graph: has no result: every operator feeds another, so there is a cycle",
    );
    let ring = json!([{"type": "Shell"}, {"type": "Shell"}, {"type": "Shell"}, points()]);
    let edges = json!([edge(0, 1, "Samples"), edge(1, 2, "Samples"), edge(2, 0, "Samples")]);
    refused(graph(ring, edges.clone()), "operators[0] (Shell): is part of a cycle: operators 0 ← 2 ← 1 ← 0");
    // The result hangs on it.
    let mut edges = edges;
    edges.as_array_mut().unwrap().push(edge(2, 3, "Samples"));
    let ring = json!([{"type": "Shell"}, {"type": "Shell"}, {"type": "Shell"}, {"type": "Redistance"}]);
    refused(graph(ring, edges), "operators[2] (Shell): is part of a cycle: operators 2 ← 1 ← 0 ← 2");
    // A long ring is not recited.
    let n = 1000;
    let operators = vec![json!({"type": "Shell"}); n];
    let edges: Vec<_> = (0..n).map(|i| edge(i, (i + 1) % n, "Samples")).collect();
    let message = refusal(&graph(json!(operators), json!(edges)));
    assert_eq!(message, "graph: has no result: every operator feeds another, so there is a cycle");
    let chain: Vec<_> = (0..n - 1).map(|i| edge(i, i + 1, "Samples")).collect();
    let message = refusal(&graph(json!(operators), json!(chain)));
    assert_eq!(message, r#"operators[0] (Shell): input "Samples" is not connected"#);
}

#[test]
fn missing_inputs() {
    refused(
        graph(json!([{"type": "Shell"}]), json!([])),
        r#"operators[0] (Shell): input "Samples" is not connected"#,
    );
    refused(
        graph(json!([volume("v.bin", [3, 3, 2]), {"type": "CSG"}]), json!([edge(0, 1, "A")])),
        r#"operators[1] (CSG): input "B" is not connected"#,
    );
    // What feeds nothing for that reason is not told first.
    refused(
        graph(json!([points(), volume("v.bin", [3, 3, 2]), {"type": "CSG"}]), json!([edge(1, 2, "B")])),
        r#"operators[2] (CSG): input "A" is not connected"#,
    );
}

#[test]
fn wrong_types() {
    refused(
        graph(json!([points(), {"type": "CSG"}]), json!([edge(0, 1, "A"), edge(0, 1, "B")])),
        r#"operators[1] (CSG): input "A" takes Float, got Vec3f from operators[0] (GenerateSamplePoints)"#,
    );
    refused(
        graph(json!([points(), {"type": "Shell"}]), json!([edge(0, 1, "Samples")])),
        r#"operators[1] (Shell): input "Samples" takes Float, got Vec3f from operators[0] (GenerateSamplePoints)"#,
    );
    let chain = json!([volume("v.bin", [3, 3, 2]), {"type": "Threshold"}, {"type": "Shell"}]);
    refused(
        graph(chain, json!([edge(0, 1, "Samples"), edge(1, 2, "Samples")])),
        r#"operators[2] (Shell): input "Samples" takes Float, got Byte from operators[1] (Threshold)"#,
    );
    // What a volume holds is told by its parameter, or known once its size is.
    let points_in = json!([{"type": "LoadVolume", "parameters": {"volume_data": {"path": "v.bin"},
        "resolution": [1, 1, 1], "component_type": "Vec3f"}}, {"type": "Shell"}]);
    refused(
        graph(points_in, json!([edge(0, 1, "Samples")])),
        r#"operators[1] (Shell): input "Samples" takes one value per sample, got 3 from operators[0] (LoadVolume)"#,
    );
    let by_size = graph(
        json!([volume("v.bin", [3, 3, 2]), {"type": "ComputeCurvatures"}]),
        json!([edge(0, 1, "Samples")]),
    );
    let by_size = Graph::parse(&by_size, GraphLimits::default()).unwrap();
    assert!(by_size.check_assets(&|_, _| Some(18)).is_ok());
    let vectors = by_size.check_assets(&|_, _| Some(18 * 16)).unwrap_err().to_string();
    let says = r#"operators[1] (ComputeCurvatures): input "Samples" takes one value per sample, got 4 from operators[0] (LoadVolume)"#;
    assert_eq!(vectors, says);
}

#[test]
fn a_million_operators() {
    // They are not even looked at.
    let operators = vec![Value::Null; 1_000_000];
    let document = graph(json!(operators), json!([]));
    LARGEST.with(|l| l.set(0));
    refused_without(&document, "graph: has 1000000 operators, the limit is 1024");
    assert!(LARGEST.with(Cell::get) < 1 << 16);
    // As many as are allowed, one behind the other: no recursion, no quadratic anything.
    let n = GraphLimits::default().operators;
    let mut operators = vec![json!({"type": "Shell"}); n];
    operators[0] = volume("v.bin", [3, 3, 2]);
    let edges: Vec<_> = (1..n).map(|i| edge(i - 1, i, "Samples")).collect();
    let accepted = Graph::parse(&graph(json!(operators), json!(edges)), GraphLimits::default());
    assert!(Plan::of_result(&Arc::new(accepted.unwrap()), Visible::ALL).is_ok());
}

/// Like [`refused`], without the document in the panic.
fn refused_without(document: &Value, message: &str) {
    assert_eq!(refusal(document), message);
}

#[test]
fn grids_too_large_are_refused_by_the_plan_before_anything_is_allocated() {
    let operators = |n: [u32; 3]| {
        let points = json!({"type": "GenerateSamplePoints", "parameters": {"resolution": n}});
        let volume = volume("v.bin", n);
        [
            graph(json!([points]), json!([])),
            graph(json!([volume, {"type": "Redistance"}]), json!([edge(0, 1, "Samples")])),
        ]
    };
    let [of_points, of_volume] = operators([100_000; 3]);
    for (document, type_name) in [(of_points, "GenerateSamplePoints"), (of_volume, "LoadVolume")] {
        let graph = Arc::new(Graph::parse(&document, GraphLimits::default()).unwrap());
        LARGEST.with(|l| l.set(0));
        let refusal = Plan::of_result(&graph, Visible::ALL).err().unwrap().to_string();
        assert!(LARGEST.with(Cell::get) < 1 << 12, "the plan asked for {} bytes", LARGEST.with(Cell::get));
        let what = "resolution 100000 × 100000 × 100000 is 1000000000000000 samples, the limit is 8589934592";
        assert_eq!(refusal, format!("operators[0] ({type_name}): {what}"));
    }
    let most = json!({"operators": [{"type": "GenerateSamplePoints", "parameters": {"resolution": [2048, 2048, 2048]}}]});
    let graph = Arc::new(Graph::parse(&most, GraphLimits::default()).unwrap());
    LARGEST.with(|l| l.set(0));
    let plan = Plan::of_result(&graph, Visible::ALL).unwrap();
    assert!(plan.memory_bytes() >= 3 * 4 * 2048 * 2048 * 16, "the plan knows what it will take");
    assert!(LARGEST.with(Cell::get) < 1 << 12);
    let resolution = "expected 3 integers from 1 to 1048576, got";
    parameter(
        "GenerateSamplePoints",
        "resolution",
        json!([1e30, 1, 1]),
        &format!("{resolution} [1e+30,1,1]"),
    );
    parameter("GenerateSamplePoints", "resolution", json!([0, 1, 1]), &format!("{resolution} [0,1,1]"));
    parameter("GenerateSamplePoints", "resolution", json!([-8, 8, 8]), &format!("{resolution} [-8,8,8]"));
    parameter("GenerateSamplePoints", "resolution", json!([8, 8]), &format!("{resolution} [8,8]"));
    parameter("GenerateSamplePoints", "resolution", json!(0.5), &format!("{resolution} 0.5"));
    parameter("GenerateSamplePoints", "resolution", json!([1.5, 2, 2]), &format!("{resolution} [1.5,2,2]"));
}

#[test]
fn parameters_that_are_no_finite_numbers() {
    let number = |value: Value, shown: &str| {
        let what = format!("expected a number from -1000000000 to 1000000000, got {shown}");
        parameter("Shell", "offset", value, &what);
    };
    number(json!("NaN"), "\"NaN\"");
    number(json!("inf"), "\"inf\"");
    number(json!("-Infinity"), "\"-Infinity\"");
    number(json!("1e999"), "\"1e999\"");
    number(json!(1e300), "1e+300");
    number(json!([1]), "[1]");
    number(json!({}), "{}");
    let numbers = |value: Value, shown: &str| {
        parameter("GenerateSamplePoints", "size", value, &format!("expected 3 finite numbers, got {shown}"));
    };
    numbers(json!([2, "NaN", 2]), "[2,\"NaN\",2]");
    numbers(json!("[2, NaN, 2]"), "\"[2, NaN, 2]\"");
    numbers(json!("[1e999, 2, 2]"), "\"[1e999, 2, 2]\"");
    numbers(json!([2, null, 2]), "[2,null,2]");
    numbers(json!([2, 2]), "[2,2]");
    numbers(json!({"x": 1, "y": 2}), "{\"x\":1,\"y\":2}");
    numbers(json!([1e31, 1, 1]), "[1e+31,1,1]");
    let points = "expected at least one point of 3 finite numbers, got";
    parameter("LoadSamplePoints", "points", json!([[0, 0]]), &format!("{points} [[0,0]]"));
    parameter("LoadSamplePoints", "points", json!([]), &format!("{points} []"));
    parameter(
        "LoadSamplePoints",
        "points",
        json!([[0, 0, "Infinity"]]),
        &format!("{points} [[0,0,\"Infinity\"]]"),
    );
    refused(
        graph(json!([{"type": "GenerateSamplePoints", "parameters": {"size": [2, -1, 2]}}]), json!([])),
        r#"operators[0] (GenerateSamplePoints): parameter "size": patch size on axis y is -1, expected a finite number of at least 0"#,
    );
    for (type_name, name, given, meant) in [
        ("CSG", "operation", "Difference", "Subtract"),
        ("SampleSurfaceLattice", "lattice_type", "Diamond", "D"),
        ("SampleSurfaceLattice", "lattice_type", "Neovius", "SchwarzN"),
        ("SampleBox", "shape_type", "Sphere", "Ellipsoid"),
        ("GradeCellSize", "shape_type", "Sphere", "Ellipsoid"),
    ] {
        let message = refusal(&graph(json!([{"type": type_name, "parameters": {name: given}}]), json!([])));
        let lead = format!("parameter {name:?}: got {given:?}, did you mean {meant:?}? (expected one of ");
        assert!(message.contains(&lead), "{message}");
    }
    parameter("CSG", "operation", json!("Xor"), r#"expected one of Intersect, Subtract, Union, got "Xor""#);
    parameter("CSG", "smoothing", json!(-0.1), "expected a number from 0 to 1000000000, got -0.1");
}

#[test]
fn maps_that_are_singular() {
    let xform = |m: Value, what: &str| parameter("GenerateSamplePoints", "xform", m, what);
    let zeros = |at_15: f64| -> Value {
        json!((0..16).map(|i| if i == 15 { at_15 } else { 0.0 }).collect::<Vec<_>>())
    };
    xform(zeros(1.0), "singular, its determinant is 0e0");
    xform(zeros(0.0), "expected 0, 0, 0, 1 at 3, 7, 11, 15, got 0, 0, 0, 0");
    xform(json!([1, 0, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1]), "singular, its determinant is 0e0");
    xform(json!([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1e-12, 0, 0, 0, 0, 1]), "singular, its determinant is 1e-12");
    xform(
        json!([1, 0, 0, 5, 0, 1, 0, 6, 0, 0, 1, 7, 0, 0, 0, 1]),
        "is transposed: its translation 5, 6, 7 is at 3, 7, 11, expected at 12, 13, 14",
    );
    xform(
        json!([[1, 0, 0, 5], [0, 1, 0, 6], [0, 0, 1, 7], [1, 0, 0, 1]]),
        "expected 0, 0, 0, 1 at 3, 7, 11, 15, got 5, 6, 7, 1",
    );
    xform(json!([1, 0, 0]), "expected 16 finite numbers, got [1,0,0]");
    xform(
        json!([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0]]),
        "expected 16 finite numbers, got [[1,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0]]",
    );
}

#[test]
fn volumes_and_assets_that_do_not_fit() {
    let load =
        |parameters: Value| graph(json!([{"type": "LoadVolume", "parameters": parameters}]), json!([]));
    let raw = |path: &str| json!({"file_type": "Raw", "path": path});
    let here = "operators[0] (LoadVolume):";
    refused(
        load(json!({})),
        &format!(
            r#"{here} parameter "volume_data": is required: {{"file_type": "Raw", "path": <filename>}}"#
        ),
    );
    let form = r#"expected an asset as {"file_type": "Raw", "path": <filename>}, got"#;
    for (given, shown) in [
        (json!("v.bin"), r#""v.bin""#),
        (json!({"path": ""}), r#"{"path":""}"#),
        (json!({"file_type": "MeshFile", "path": "v.bin"}), r#"{"file_type":"MeshFile","path":"v.bin"}"#),
    ] {
        parameter("LoadVolume", "volume_data", given, &format!("{form} {shown}"));
    }
    refused(
        load(json!({"volume_data": raw("absent.bin"), "resolution": [3, 3, 2]})),
        &format!(r#"{here} there is no asset "absent.bin""#),
    );
    let fit = |component: &str, n: [u32; 3], kind: &str| {
        let [x, y, z] = n;
        let document =
            load(json!({"volume_data": raw("v.bin"), "resolution": n, "component_type": component}));
        let what = format!("\"v.bin\" has 18 bytes, which is no {kind} volume of {x} × {y} × {z} samples");
        refused(document, &format!(r#"{here} parameter "volume_data": {what}"#));
    };
    fit("None", [3, 3, 3], "Byte, Float, Vec2f, Vec3f or Vec4f");
    fit("None", [3, 3, 1], "Byte, Float, Vec2f, Vec3f or Vec4f");
    fit("Byte", [3, 3, 3], "Byte");
    fit("Float", [3, 3, 2], "Float");
    fit("Vec3i", [3, 3, 2], "Vec3i");
    refused(
        graph(
            json!([volume("v.bin", [3, 3, 2]), volume("v.bin", [3, 2, 3]), {"type": "CSG"}]),
            json!([edge(0, 2, "A"), edge(1, 2, "B")]),
        ),
        r#"operators[2] (CSG): input "B" has 3 × 2 × 3 samples of operators[1] (LoadVolume), the inputs before it 3 × 3 × 2 samples of operators[0] (LoadVolume): values are combined sample by sample"#,
    );
}
