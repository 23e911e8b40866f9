//! The work: workflows of ten jobs, and what comes of them where nobody disturbs.

use crate::served::{Api, Served, box_stl, token};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Different workflows, by mesh and resolution.
pub const VARIANTS: usize = PARTS * RESOLUTIONS.len();
/// Jobs of each.
pub const JOBS: usize = 10;

const PARTS: usize = 3;
const RESOLUTIONS: [u64; 3] = [10, 14, 19];
const WORKFLOW: &str = "
jobs:
  preprocess: {type: mesh/preprocess}
  bvh: {type: mesh/compute-bvh, needs: [preprocess], assets: {mesh: preprocess}}
  coarse: {type: implicit/from-mesh, needs: [preprocess, bvh], assets: {mesh: preprocess, bvh: bvh}}
  fine: {type: implicit/from-mesh, needs: [preprocess, bvh], assets: {mesh: preprocess, bvh: bvh}}
  other: {type: implicit/from-mesh, needs: [preprocess], assets: {mesh: preprocess}}
  coarse-metrics: {type: implicit/metrics, needs: [coarse], assets: {volume: coarse}}
  fine-metrics: {type: implicit/metrics, needs: [fine], assets: {volume: fine}}
  surface: {type: mesh/from-volume, needs: [fine], assets: {volume: fine}}
  repaired: {type: mesh/preprocess, needs: [surface], assets: {mesh: surface}}
  again: {type: implicit/from-mesh, needs: [repaired], assets: {mesh: repaired}}
";

/// What a job of this name brings: the checksum of each asset, and the parameters.
pub type Results = BTreeMap<String, Value>;

fn part(variant: usize) -> String {
    format!("part{}.stl", variant % PARTS)
}

/// The meshes of all workflows.
pub fn upload_parts(api: &Api, project: &str) {
    for number in 0..PARTS {
        let side = 8.0 + 3.0 * number as f32;
        api.must_upload(project, &part(number), &box_stl([side, 12.0, 20.0 - side], 6 + number as u32));
    }
}

/// The request that makes a workflow.
pub fn request(variant: usize) -> Value {
    let resolution = RESOLUTIONS[variant / PARTS % RESOLUTIONS.len()];
    json!({
        "definition": WORKFLOW,
        "assets": {"preprocess.mesh": part(variant)},
        "parameters": {
            "coarse.resolution": resolution.to_string(),
            "fine.resolution": (2 * resolution).to_string(),
            "other.resolution": (resolution + 1).to_string(),
            "again.resolution": (resolution + 5).to_string(),
        },
    })
}

/// What came of one job.
pub fn result(job: &Value) -> Value {
    let outputs = &job["outputs"];
    let assets = outputs["assets"].as_object().into_iter().flatten();
    let checksums: BTreeMap<&String, &Value> =
        assets.map(|(slot, asset)| (slot, &asset["checksum"])).collect();
    json!({"state": job["state"], "assets": checksums, "params": outputs["params"]})
}

/// What comes of each variant on one undisturbed server with the ledger and the files in a folder.
pub fn calm() -> Vec<Results> {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let token = token(&data);
    let server = Served::start(&data, &[("FIELDSTONE_LOG", "error")]);
    let api = Api::new(&server.url, &token);
    let project = api.project("calm");
    upload_parts(&api, &project);
    let workflows = format!("/projects/{project}/workflows");
    let dispatched: Vec<String> = (0..VARIANTS)
        .map(|variant| {
            let (status, workflow) = api.post(&workflows, &request(variant)).unwrap();
            assert_eq!(status, 202, "{workflow}");
            workflow["id"].as_str().unwrap().to_owned()
        })
        .collect();
    let of = |id: &String| {
        let (_, workflow) = api.finished(&format!("{workflows}/{id}/status"));
        assert_eq!(workflow["state"], "success", "{workflow}");
        let jobs = workflow["jobs"].as_array().unwrap().iter();
        let job =
            |id: &Value| api.get(&format!("/projects/{project}/jobs/{}", id.as_str().unwrap())).unwrap().1;
        let results = jobs.map(job).map(|job| (job["name"].as_str().unwrap().to_owned(), result(&job)));
        let results: Results = results.collect();
        assert_eq!(results.len(), JOBS);
        results
    };
    dispatched.iter().map(of).collect()
}
