//! Good and bad definitions, with a small table of job types.

use super::plan;
use crate::draft::{AssetSource, Draft, ParamSource};
use crate::error::EngineError;
use crate::model::NewWorkflow;
use fieldstone_jobs::job_type::Product;
use fieldstone_jobs::{JobEntry, Kind, Param, Slot};
use serde_json::{Value, json};
use std::fmt::Write;

const MESH: Slot = Slot { name: "mesh", required: true, from_param: Some("mesh_filename"), doc: "a mesh" };
const DATA: Slot = Slot { name: "data", required: false, from_param: None, doc: "" };

const fn product(name: &'static str) -> Product {
    Product { name, extension: "bin", doc: "" }
}

static PREPROCESS: JobEntry = JobEntry {
    type_name: "mesh/preprocess",
    inputs: &[MESH],
    products: &[product("mesh"), product("report")],
    results: &["bounds"],
    ..JobEntry::DEFAULT
};
static SAMPLE: JobEntry = JobEntry {
    type_name: "implicit/from-mesh",
    inputs: &[MESH, DATA],
    params: &[Param {
        name: "resolution",
        kind: Kind::Integer { min: 2, max: 1024 },
        default: None,
        doc: "",
    }],
    products: &[product("volume")],
    results: &["patch"],
    ..JobEntry::DEFAULT
};
static TYPES: &[&JobEntry] = &[&PREPROCESS, &SAMPLE];

fn with(definition: &str, assets: Value, parameters: Value) -> Result<Vec<Draft>, EngineError> {
    let new = NewWorkflow {
        definition: definition.into(),
        assets: serde_json::from_value(assets).unwrap(),
        parameters: serde_json::from_value(parameters).unwrap(),
        request: None,
    };
    plan(&new, TYPES, &fieldstone_jobs::JobLimits::default(), 1000)
}

/// The refusal as `field: message` lines.
fn refused(definition: &str, assets: Value, parameters: Value) -> String {
    match with(definition, assets, parameters) {
        Err(EngineError::Invalid { errors, .. }) => {
            errors.iter().map(|e| format!("{}: {}", e.field, e.msg)).collect::<Vec<_>>().join("\n")
        }
        other => panic!("expected a refusal, got {other:?}"),
    }
}

fn bad(definition: &str) -> String {
    refused(definition, json!({}), json!({}))
}

fn upstream(job: &str, asset: &str) -> AssetSource {
    AssetSource::Upstream { job: job.into(), asset: Some(asset.into()) }
}

#[test]
fn shorthand_finds_the_output() {
    let text = "jobs:
  s: {type: implicit/from-mesh, assets: {mesh: p, data: q}}
  p: {type: mesh/preprocess}
  q: {type: implicit/from-mesh, assets: {mesh: [p]}}
  u: {type: sim/custom, assets: {volume: [q, {job: s, asset: volume}], data: x}}
  x: {type: sim/compress}";
    let drafts = with(text, json!({"p.mesh": ["a.stl"]}), json!({})).unwrap();
    assert_eq!(drafts[0].assets["mesh"], [upstream("p", "mesh")], "the same name");
    assert_eq!(drafts[0].assets["data"], [upstream("q", "volume")], "the only one");
    assert_eq!(drafts[0].needs, ["p", "q"], "references imply needs");
    assert_eq!(drafts[3].assets["volume"], [upstream("q", "volume"), upstream("s", "volume")]);
    let unnamed = AssetSource::Upstream { job: "x".into(), asset: None };
    assert_eq!(drafts[3].assets["data"], [unnamed], "an unknown type is left alone");
    let ambiguous =
        "jobs:\n  p: {type: mesh/preprocess}\n  s: {type: implicit/from-mesh, assets: {mesh: p, data: p}}";
    assert_eq!(
        refused(ambiguous, json!({"p.mesh": ["a"]}), json!({})),
        "jobs.s.assets.data: say which asset of job \"p\" (mesh/preprocess) is meant: mesh, report"
    );
}

#[test]
fn dispatch_maps_override_and_match_the_longest_name() {
    let text = "jobs:
  a: {type: implicit/from-mesh, parameters: {resolution: 4}}
  a.b c: {type: implicit/from-mesh, parameters: {resolution: {job: a, parameter: patch}}}";
    let assets = json!({"a.b c.mesh": ["y.stl"], "a.mesh": ["x.stl"]});
    let drafts = with(text, assets, json!({"a.resolution": "8"})).unwrap();
    let file = |d: &Draft| match &d.assets["mesh"][0] {
        AssetSource::File { filename, .. } => filename.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!((file(&drafts[0]), file(&drafts[1])), ("x.stl".into(), "y.stl".into()));
    assert_eq!(drafts[0].params["resolution"], ParamSource::Value(json!("8").into()));
    assert_eq!(drafts[1].needs, ["a"]);
    let cases = [
        (json!({"z.mesh": ["x"]}), json!({}), "assets.z.mesh: no job called \"z\" in this workflow"),
        (json!({"mesh": ["x"]}), json!({}), "assets.mesh: expected job.input, got \"mesh\""),
        (json!({}), json!({"a.": 1}), "parameters.a.: expected job.input, got \"a.\""),
    ];
    for (assets, parameters, expected) in cases {
        let text = "jobs:\n  a: {type: sim/custom}";
        assert_eq!(refused(text, assets, parameters), expected);
    }
}

#[test]
fn bad_definitions_name_the_place() {
    let cases = [
        ("[1]", "definition: expected a mapping with the key jobs, got a list"),
        ("{}", "jobs: is missing"),
        ("jobs: 3", "jobs: expected a mapping of jobs, got a number"),
        ("jobs: {}\nname: x", "name: unknown key, expected jobs"),
        ("jobs: {a: {}}", "jobs.a.type: is missing"),
        ("jobs: {a: x}", "jobs.a: expected a mapping with the key type, got a text"),
        (
            "jobs: {a: {type: x, need: [b]}}",
            "jobs.a.need: unknown key, expected one of type, needs, assets, parameters",
        ),
        ("jobs: {a: {type: x, needs: [b]}}", "jobs.a.needs: no job called \"b\" in this workflow"),
        ("jobs: {a: {type: x, needs: [{b: 1}]}}", "jobs.a.needs: expected names of jobs, got a mapping"),
        (
            "jobs: {a: {type: x, assets: {m: part.stl}}}",
            "jobs.a.assets.m: no job called \"part.stl\" in this workflow (files are named when the workflow is dispatched)",
        ),
        ("jobs: {a: {type: x, assets: {m: {job: a2}}}}", "jobs.a.assets.m.asset: is missing"),
        (
            "jobs: {a: {type: x, assets: {m: 3}}}",
            "jobs.a.assets.m: expected the name of a job or {job, asset}, got a number",
        ),
        (
            "jobs: {a: {type: x, parameters: {m: {job: b, param: c}}}}",
            "jobs.a.parameters.m.param: unknown key, expected one of job, parameter\njobs.a.parameters.m.parameter: is missing",
        ),
        (
            "jobs: {a: {type: x, needs: [b]}, b: {type: x, needs: [c]}, c: {type: x, needs: [b]}}",
            "jobs.b.needs: is a cycle: b -> c -> b",
        ),
        ("jobs: {a: {type: x, needs: [a]}}", "jobs.a.needs: is a cycle: a -> a"),
        (
            "jobs: {a: {type: implicit/from-mesh, parameters: {resolution: abc}}}",
            "jobs.a.assets.mesh: is required: a mesh\njobs.a.parameters.resolution: expected an integer from 2 to 1024, got \"abc\"",
        ),
        (
            "jobs: {p: {type: sim/p}, a: {type: implicit/from-mesh, assets: {mesh: p, grid: p}}}",
            "jobs.a.assets.grid: unknown, implicit/from-mesh takes mesh, data",
        ),
        (
            "jobs: {p: {type: sim/p}, a: {type: implicit/from-mesh, assets: {mesh: [p, p]}}}",
            "jobs.a.assets.mesh: takes one asset, got 2",
        ),
        (
            "jobs: {p: {type: mesh/preprocess, parameters: {mesh_filename: 3}}}",
            "jobs.p.parameters.mesh_filename: expected the filename of an asset\njobs.p.assets.mesh: is required: a mesh",
        ),
        (
            "jobs: {p: {type: mesh/preprocess, parameters: {mesh_filename: x}}, a: {type: x, assets: {m: {job: p, asset: volume}}}}",
            "jobs.a.assets.m: job \"p\" (mesh/preprocess) makes no asset called \"volume\", only mesh, report",
        ),
        (
            "jobs: {p: {type: mesh/preprocess, parameters: {mesh_filename: x}}, a: {type: x, parameters: {m: {job: p, parameter: size}}}}",
            "jobs.a.parameters.m: job \"p\" (mesh/preprocess) makes no parameter called \"size\", only bounds, warnings",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(bad(text), expected, "{text}");
    }
}

#[test]
fn text_that_is_no_yaml_is_refused_with_line_and_column() {
    for text in
        ["jobs: {a: {type: x", "jobs: [", "jobs: {a: {type: x}, a: {type: y}}", "jobs: {}\n---\njobs: {}"]
    {
        let message = bad(text);
        assert!(message.starts_with("definition: cannot be read as YAML: "), "{message}");
        assert!(message.contains("line") && message.lines().count() == 1, "{message}");
    }
}

#[test]
fn size_is_limited() {
    let mut many = "jobs:\n".to_owned();
    (0..10_000).for_each(|i| writeln!(many, "  j{i}: {{type: x}}").unwrap());
    assert_eq!(bad(&many), "jobs: has 10000 jobs, the limit is 1000");
    let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (to, from) in "bcdefghi".chars().zip("abcdefgh".chars()) {
        writeln!(bomb, "{to}: &{to} [{}]", vec![format!("*{from}"); 9].join(",")).unwrap();
    }
    assert!(bad(&bomb).starts_with("definition: cannot be read as YAML: "), "{}", bad(&bomb));
    let deep = format!("jobs: {}", "[".repeat(100_000));
    assert!(bad(&deep).starts_with("definition: cannot be read as YAML: "));
    let large = with(&" ".repeat(5 << 20), json!({}), json!({})).unwrap_err();
    assert_eq!(large.to_string(), "the definition has 5242880 bytes, the limit is 4194304");
}

#[test]
fn a_chain_of_jobs_as_long_as_allowed_needs_no_recursion() {
    let mut chain = "jobs:\n".to_owned();
    (0..1000).for_each(|i| writeln!(chain, "  j{i}: {{type: x, needs: [j{}]}}", (i + 1) % 1000).unwrap());
    let names = "j0 -> j1 -> j2 -> j3 -> j4 -> j5 -> j6 -> j7 -> j8 -> j9 -> … -> j999 -> j0";
    assert_eq!(bad(&chain), format!("jobs.j0.needs: is a cycle: {names}"));
}
