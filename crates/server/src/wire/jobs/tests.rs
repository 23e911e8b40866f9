//! The spellings of a job, key by key.

use super::*;
use fieldstone_engine::model::{Asset, AssetId, JobId, ProjectId, Timestamp, WorkflowId};
use serde_json::json;

const T: Timestamp = Timestamp(1_136_239_445 * 1_000_000);

fn asset(id: i64, filename: &str, job_id: Option<JobId>) -> Asset {
    Asset {
        id: AssetId(id),
        project_id: ProjectId(7),
        job_id,
        filename: filename.to_owned(),
        size: 3,
        sha256: "ab".repeat(32),
        created: T,
        modified: T,
        made: Default::default(),
    }
}

fn job() -> Job {
    let mut inputs = JobData::default();
    inputs.assets.insert("mesh".into(), vec![asset(1, "a.stl", None), asset(2, "b.stl", None)]);
    inputs.params.insert("resolution".into(), json!(256));
    inputs.params.insert("graph".into(), json!({"operators": []}));
    let mut outputs = JobData::default();
    outputs.assets.insert("volume".into(), vec![asset(3, "c.bin", Some(JobId(9)))]);
    outputs.params.insert("patch_size".into(), json!("[2.0, 2.0, 2.0]"));
    outputs.params.insert("component_type".into(), json!("Float"));
    Job {
        id: JobId(9),
        project_id: ProjectId(7),
        workflow_id: Some(WorkflowId(4)),
        name: Some("sample-mesh".into()),
        type_name: "implicit/from-mesh".into(),
        state: State::Success,
        created: T,
        started: Some(T),
        finished: Some(T),
        error: None,
        inputs,
        outputs,
        needs: vec![JobId(1), JobId(2)],
        progress: 1.0,
        attempt: 1,
    }
}

fn shown(job: &Job, dialect: Dialect) -> Value {
    serde_json::to_value(One { resource: job, dialect, link: None }).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

const MODERN: [&str; 13] = [
    "id",
    "name",
    "type",
    "state",
    "created",
    "started",
    "finished",
    "error",
    "inputs",
    "outputs",
    "needs",
    "project_id",
    "workflow_id",
];

#[test]
fn openapi_shows_the_keys_of_the_page_in_its_order() {
    let shown = shown(&job(), Dialect::OpenApi);
    assert_eq!(keys(&shown), MODERN);
    assert_eq!(shown["inputs"]["params"], json!({"resolution": "256", "graph": "{\"operators\":[]}"}));
    assert_eq!(keys(&shown["inputs"]["assets"]), ["mesh", "mesh.1"]);
    assert_eq!(shown["inputs"]["assets"]["mesh.1"]["filename"], "b.stl");
    assert_eq!(shown["outputs"]["assets"]["volume"]["job_id"], "9");
    assert_eq!(shown["created"], "2006-01-02T22:04:05+00:00");
}

#[test]
fn sdk_adds_the_three_deprecated_keys_and_no_other() {
    let shown = shown(&job(), Dialect::Sdk);
    assert_eq!(keys(&shown), [&MODERN[..], &["assets", "parameters", "meta"]].concat());
    assert_eq!(shown["created"], "Mon, 02 Jan 2006 22:04:05 GMT");
    assert_eq!(shown["assets"][0]["created"], "Mon, 02 Jan 2006 22:04:05 GMT");
    assert_eq!(shown["parameters"], json!({"resolution": 256, "graph": {"operators": []}}));
    assert_eq!(shown["meta"], json!({"patch_size": [2.0, 2.0, 2.0], "component_type": "Float"}));
}

#[test]
fn sdk_legacy_shows_the_eight_keys_of_the_first_release() {
    let shown = shown(&job(), Dialect::SdkLegacy);
    assert_eq!(keys(&shown), ["id", "name", "type", "parameters", "created", "state", "assets", "meta"]);
    let asset = &shown["assets"][0];
    assert_eq!(keys(asset), ["id", "filename", "size", "checksum", "created", "modified"]);
}

#[test]
fn what_has_not_happened_is_null() {
    let pending =
        Job { state: State::Pending, started: None, finished: None, outputs: JobData::default(), ..job() };
    for dialect in [Dialect::OpenApi, Dialect::Sdk] {
        let shown = shown(&pending, dialect);
        assert_eq!(shown["started"], Value::Null);
        assert_eq!(shown["finished"], Value::Null);
        assert_eq!(shown["outputs"], json!({"assets": null, "params": null}));
    }
    assert_eq!(shown(&pending, Dialect::Sdk)["assets"], json!([]));
    assert_eq!(shown(&pending, Dialect::SdkLegacy)["meta"], json!({}));
}

#[test]
fn a_dispatch_takes_params_and_parameters_and_lists() {
    let body =
        br#"{"type":"t","parameters":{"a":1},"params":{"b":"2"},"assets":{"m":"x.stl","v":["1","2"]}}"#;
    let new = new_job(Document::parse(body).unwrap()).unwrap();
    assert_eq!((new.params["a"].clone(), new.params["b"].clone()), (json!(1), json!("2")));
    assert_eq!(new.assets["m"], ["x.stl"]);
    assert_eq!(new.assets["v"], ["1", "2"]);
}
