//! Bad shape graphs over HTTP: each is refused when it is dispatched, by a 400 that names the operator and the field.

mod served;

use serde_json::{Value, json};
use served::{Api, Served, token};

/// The names under which a graph can be sent; all refuse alike.
const TYPES: &[&str] = &[
    "implicit/evaluate",
    "evaluate_graph",
    "evaluate_metrics",
    "export_triangle_mesh",
    "export_slices",
    "export_cli",
    "export_vti",
];

/// A server with a project that has `v.bin`, 18 bytes.
struct Bench {
    api: Api,
    project: String,
    _server: Served,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn start() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let token = token(&data);
        let server = Served::start(&data, &[("FIELDSTONE_LOG", "warn")]);
        let api = Api::new(&server.url, &token);
        let project = api.project("bad graphs");
        api.must_upload(&project, "v.bin", &[0; 18]);
        Bench { api, project, _server: server, _folder: folder }
    }

    fn dispatch(&self, type_name: &str, parameters: Value) -> (u16, Value) {
        let job = json!({"type": type_name, "parameters": parameters});
        self.api.post(&format!("/projects/{}/jobs", self.project), &job).unwrap()
    }

    fn jobs(&self) -> usize {
        let (status, jobs) = self.api.get(&format!("/projects/{}/jobs", self.project)).unwrap();
        assert_eq!(status, 200, "{jobs}");
        jobs.as_array().unwrap().len()
    }

    /// Every way to send `graph` is refused with `message`, and leaves no job.
    fn refused(&self, graph: &Value, message: &str) {
        for type_name in TYPES {
            let (status, body) = self.dispatch(type_name, json!({"graph": graph}));
            is_refusal(&format!("{type_name} {graph}"), status, &body, "parameters.graph", message);
        }
        let definition = "jobs: {part: {type: implicit/evaluate}}";
        let parameters = json!({"part.graph": graph.to_string()});
        let body = json!({"definition": definition, "parameters": parameters});
        let (status, body) = self.api.post(&format!("/projects/{}/workflows", self.project), &body).unwrap();
        is_refusal(&graph.to_string(), status, &body, "jobs.part.parameters.graph", message);
        assert_eq!(self.jobs(), 0, "{graph} has left jobs");
    }
}

fn is_refusal(what: &str, status: u16, body: &Value, field: &str, message: &str) {
    let text = format!("{field}: {message}");
    assert_eq!((status, &body["code"]), (400, &json!(400)), "{what}: {body}");
    assert_eq!((&body["description"], &body["msg"]), (&json!(text), &json!(text)), "of {what}");
    assert_eq!(body["errors"], json!([{"field": field, "msg": message}]), "of {what}");
    assert!(text.len() < 1000, "{what}: a message of {} bytes", text.len());
}

fn edge(source: usize, target: usize, input: &str) -> Value {
    json!({"source": source, "target": [target, input]})
}

fn points(resolution: [u32; 3]) -> Value {
    json!({"type": "GenerateSamplePoints", "parameters": {"resolution": resolution}})
}

fn volume(path: &str, resolution: [u32; 3], component: &str) -> Value {
    let asset = json!({"file_type": "Raw", "path": path});
    let parameters = json!({"volume_data": asset, "resolution": resolution, "component_type": component});
    json!({"type": "LoadVolume", "parameters": parameters})
}

/// Points, and a box of them with these parameters.
fn ball(parameters: Value) -> Value {
    let operators = json!([points([3, 3, 2]), {"type": "SampleBox", "parameters": parameters}]);
    json!({"operators": operators, "edges": [edge(0, 1, "Points")]})
}

#[test]
fn cycles_missing_inputs_and_wrong_types() {
    let bench = Bench::start();
    let shells = json!([{"type": "Shell"}, {"type": "Shell"}, {"type": "Shell"}, {"type": "Redistance"}]);
    let ring =
        json!([edge(0, 1, "Samples"), edge(1, 2, "Samples"), edge(2, 0, "Samples"), edge(2, 3, "Samples")]);
    bench.refused(
        &json!({"operators": shells, "edges": ring}),
        "operators[2] (Shell): is part of a cycle: operators 2 ← 1 ← 0 ← 2",
    );
    bench.refused(
        &json!({"operators": [{"type": "Shell"}], "edges": [edge(0, 0, "Samples")]}),
        "graph: has no result: every operator feeds another, so there is a cycle",
    );
    let csg = |edges: Value| {
        let sphere = json!({"type": "SampleBox", "parameters": {"shape_type": "Ellipsoid"}});
        json!({"operators": [points([3, 3, 2]), sphere, {"type": "CSG"}], "edges": edges})
    };
    bench.refused(
        &csg(json!([edge(0, 1, "Points"), edge(1, 2, "A")])),
        r#"operators[2] (CSG): input "B" is not connected"#,
    );
    bench.refused(
        &csg(json!([edge(1, 2, "A"), edge(1, 2, "B")])),
        r#"operators[1] (SampleBox): input "Points" is not connected"#,
    );
    bench.refused(
        &csg(json!([edge(0, 1, "Points"), edge(0, 2, "A"), edge(1, 2, "B")])),
        r#"operators[2] (CSG): input "A" takes Float, got Vec3f from operators[0] (GenerateSamplePoints)"#,
    );
    bench.refused(
        &csg(json!([edge(0, 1, "Points"), edge(1, 2, "A"), edge(1, 2, "C")])),
        r#"edges[2]: operators[2] (CSG) has no input "C", it has A, B"#,
    );
}

#[test]
fn hundreds_of_thousands_of_operators_and_a_grid_of_a_quadrillion_samples() {
    let bench = Bench::start();
    let path = format!("/projects/{}/jobs", bench.project);
    let send = |count: usize, operator: &str| {
        let operators = vec![operator; count].join(",");
        let body = format!(
            r#"{{"type": "evaluate_graph", "parameters": {{"graph": {{"operators": [{operators}]}}}}}}"#
        );
        bench.api.post_text(&path, &body).unwrap()
    };
    let (status, body) = send(300_000, "{}");
    let message = "graph: has 300000 operators, the limit is 1024";
    is_refusal("300,000 operators", status, &body, "parameters.graph", message);
    // A million would take more memory than bodies have.
    let (status, body) = send(1_000_000, "{}");
    let text = body["description"].as_str().unwrap();
    assert!(status == 413 && text.starts_with("body: its values take about "), "{status} {text}");
    // Spelled out they are more than a body may be.
    let (status, body) = send(1_000_000, r#"{"type":"Shell"}"#);
    assert_eq!(
        (status, &body["description"]),
        (413, &json!("body is larger than the 16777216 bytes that setting max_body allows"))
    );

    let large = [100_000; 3];
    let what = "resolution 100000 × 100000 × 100000 is 1000000000000000 samples, the limit is 8589934592";
    bench.refused(
        &json!({"operators": [points(large)]}),
        &format!("operators[0] (GenerateSamplePoints): {what}"),
    );
    let of_volume = json!([volume("v.bin", large, "None"), {"type": "Redistance"}]);
    bench.refused(
        &json!({"operators": of_volume, "edges": [edge(0, 1, "Samples")]}),
        &format!("operators[0] (LoadVolume): {what}"),
    );
    bench.refused(
        &json!({"operators": [points([100_000, 0, 3])]}),
        r#"operators[0] (GenerateSamplePoints): parameter "resolution": expected 3 integers from 1 to 1048576, got [100000,0,3]"#,
    );
}

#[test]
fn numbers_that_are_none_and_maps_that_are_singular() {
    let bench = Bench::start();
    for (text, shown) in [("NaN", "\"NaN\""), ("Infinity", "\"Infinity\""), ("-inf", "\"-inf\"")] {
        bench.refused(
            &ball(json!({"free_param": text})),
            &format!(
                r#"operators[1] (SampleBox): parameter "free_param": expected a number from -1000000000 to 1000000000, got {shown}"#
            ),
        );
        bench.refused(
            &ball(json!({"size": [1, text, 1]})),
            &format!(
                r#"operators[1] (SampleBox): parameter "size": expected 3 finite numbers, got [1,{shown},1]"#
            ),
        );
    }
    bench.refused(
        &ball(json!({"size": [1, null, 1]})),
        r#"operators[1] (SampleBox): parameter "size": expected 3 finite numbers, got [1,null,1]"#,
    );
    // As numbers they are no JSON, wherever they stand.
    let path = format!("/projects/{}/jobs", bench.project);
    for number in ["NaN", "Infinity", "-Infinity", "1e999"] {
        let graph = ball(json!({"free_param": 7.25})).to_string().replace("7.25", number);
        let body = format!(r#"{{"type": "evaluate_graph", "parameters": {{"graph": {graph}}}}}"#);
        let column = 1 + body.find(number).unwrap();
        let (status, answer) = bench.api.post_text(&path, &body).unwrap();
        assert_eq!((status, &answer["code"]), (400, &json!(400)), "{number}: {answer}");
        let said = answer["description"].as_str().unwrap();
        let place = |c: usize| said.ends_with(&format!("at line 1 column {c}"));
        assert!((column..column + number.len()).any(place), "{number} at {column}: {said}");
        let (status, answer) = bench.dispatch("evaluate_graph", json!({"graph": graph}));
        let said = answer["description"].as_str().unwrap();
        assert!(status == 400 && said.starts_with("parameters.graph: expected JSON, got text: "), "{answer}");
        let column = 1 + graph.find(number).unwrap();
        let place = |c: usize| said.ends_with(&format!(" at line 1 column {c}"));
        assert!((column..column + number.len()).any(place), "{number} at {column}: {said}");
    }

    let flat = json!([1, 0, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1]);
    let place = r#"operators[1] (SampleBox): parameter "xform":"#;
    bench.refused(&ball(json!({"xform": flat})), &format!("{place} singular, its determinant is 0e0"));
    let moves = json!({"operators": [{"type": "GenerateSamplePoints", "parameters": {"xform": flat}}]});
    let here = r#"operators[0] (GenerateSamplePoints): parameter "xform":"#;
    bench.refused(&moves, &format!("{here} singular, its determinant is 0e0"));
}

#[test]
fn volumes_that_do_not_fit_and_files_that_are_not_there() {
    let bench = Bench::start();
    let alone = |volume: Value| json!({"operators": [volume]});
    let place = r#"operators[0] (LoadVolume): parameter "volume_data": "v.bin" has 18 bytes, which is no"#;
    bench.refused(
        &alone(volume("v.bin", [3, 3, 3], "Float")),
        &format!("{place} Float volume of 3 × 3 × 3 samples"),
    );
    bench.refused(
        &alone(volume("v.bin", [3, 3, 3], "None")),
        &format!("{place} Byte, Float, Vec2f, Vec3f or Vec4f volume of 3 × 3 × 3 samples"),
    );
    let (status, body) =
        bench.dispatch("evaluate_graph", json!({"graph": alone(volume("absent.bin", [3, 3, 2], "Byte"))}));
    assert_eq!(status, 400, "{body}");
    assert_eq!(body["errors"][0]["field"], "parameters.graph", "{body}");
    assert!(body["description"].as_str().unwrap().contains("absent.bin"), "{body}");
    assert_eq!(bench.jobs(), 0);
    // The same file as a job's volume.
    for type_name in ["mesh/from-volume", "implicit/metrics"] {
        let given = json!({"volume_resolution": [3, 3, 3], "volume_size": [2, 2, 2]});
        let job = json!({"type": type_name, "assets": {"volume": "v.bin"}, "parameters": given});
        let (status, body) = bench.api.post(&format!("/projects/{}/jobs", bench.project), &job).unwrap();
        let message = "input volume: 18 bytes are neither int8 nor float32 for volume_resolution 3 × 3 × 3 = 27 samples";
        is_refusal(type_name, status, &body, "parameters.volume_resolution", message);
    }
    assert_eq!(bench.jobs(), 0);
}

#[test]
fn operators_that_are_not_offered() {
    let bench = Bench::start();
    let operators = json!([points([3, 3, 2]), {"type": "SampleCustomShape", "parameters": {
        "shader_data": {"file_type": "ShaderBinarySPIRV", "path": "v.bin"}}}]);
    bench.refused(
        &json!({"operators": operators, "edges": [edge(0, 1, "Points")]}),
        r#"operators[1]: type "SampleCustomShape" is not offered here: it runs a shader that comes with the graph (SPIR-V)"#,
    );
}
