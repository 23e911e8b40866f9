//! The page "Get project job by ID", attribute by attribute and code by code, on a job that really ran.

use crate::harness::{Server, send, tetrahedron_stl};
use reqwest::Method;
use serde_json::{Value, json};

/// The page's tables as (name, type).
const JOB: &[(&str, &str)] = &[
    ("id", "string"),
    ("name", "string | null"),
    ("type", "string"),
    ("state", "string"),
    ("created", "date"),
    ("started", "date"),
    ("finished", "date"),
    ("error", "string | null"),
    ("inputs", "object"),
    ("outputs", "object"),
    ("needs", "array[string]"),
    ("project_id", "string"),
    ("workflow_id", "string | null"),
];
const ASSET: &[(&str, &str)] = &[
    ("id", "string"),
    ("size", "integer"),
    ("created", "date"),
    ("checksum", "string"),
    ("filename", "string"),
    ("modified", "date"),
    ("project_id", "string"),
    ("job_id", "string | null"),
];
const ERROR: &[(&str, &str)] = &[("code", "integer"), ("name", "string"), ("description", "string")];

/// `2006-01-02T22:04:05+00:00`, digit for digit.
fn is_date(value: &Value) -> bool {
    let pattern = "dddd-dd-ddTdd:dd:dd+00:00";
    value.as_str().is_some_and(|text| {
        text.len() == pattern.len()
            && text
                .chars()
                .zip(pattern.chars())
                .all(|(c, p)| if p == 'd' { c.is_ascii_digit() } else { c == p })
    })
}

fn has_type(value: &Value, kind: &str) -> bool {
    match kind {
        "string" => value.is_string(),
        "string | null" => value.is_string() || value.is_null(),
        "integer" => value.is_u64(),
        "object" => value.is_object(),
        "object of strings" => value.as_object().is_some_and(|map| map.values().all(Value::is_string)),
        "array[string]" => value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
        "date" => is_date(value),
        other => panic!("no such type: {other}"),
    }
}

/// Checks that `value` has exactly these attributes with these types.
fn check(value: &Value, attributes: &[(&str, &str)]) {
    for (name, kind) in attributes {
        let attribute = value.get(name).unwrap_or_else(|| panic!("{name} is missing in {value}"));
        assert!(has_type(attribute, kind), "{name} is not {kind}: {attribute}");
    }
    for name in value.as_object().unwrap().keys() {
        assert!(attributes.iter().any(|(known, _)| known == name), "{name} is not on the page");
    }
}

fn check_job(job: &Value) {
    check(job, JOB);
    let states = ["pending", "started", "success", "failure", "canceled"];
    assert!(states.contains(&job["state"].as_str().unwrap()));
    for side in ["inputs", "outputs"] {
        check(&job[side], &[("assets", "object"), ("params", "object of strings")]);
        for asset in job[side]["assets"].as_object().unwrap().values() {
            check(asset, ASSET);
            let hex = asset["checksum"].as_str().unwrap().strip_prefix("sha256:").unwrap();
            assert!(hex.len() == 64 && hex.bytes().all(|c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase()));
        }
    }
}

const WORKFLOW: &str = "
jobs:
  preprocess-mesh: {type: mesh/preprocess}
  compute-bvh: {type: mesh/compute-bvh, needs: [preprocess-mesh], assets: {mesh: preprocess-mesh}}
  sample-mesh:
    type: implicit/from-mesh
    needs: [preprocess-mesh, compute-bvh]
    assets: {mesh: preprocess-mesh, bvh: compute-bvh}
    parameters: {padding: 2}
";

/// Uploads a part, runs [`WORKFLOW`] on it and returns the paths of the project and the sampling job.
async fn sample(server: &Server) -> (String, String) {
    server.engine.start();
    let project = server.project().await;
    server.upload(&project, "part.stl", &tetrahedron_stl()).await.expect(201);
    let body = json!({
        "definition": WORKFLOW,
        "assets": {"preprocess-mesh.mesh": "part.stl"},
        "parameters": {"sample-mesh.resolution": "16"},
    });
    let dispatched = server.post(&format!("{project}/workflows"), body).await.expect(202);
    let workflow = server.poll(dispatched["link"].as_str().unwrap()).await.expect(201);
    let job = format!("{project}/jobs/{}", workflow["jobs"][2].as_str().unwrap());
    assert_eq!(workflow["state"], "success", "{}", server.get(&job).await.json());
    (project, job)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ok_shows_every_attribute_of_a_job_that_ran() {
    let server = Server::start().await;
    let (project, path) = sample(&server).await;
    let job = server.get(&path).await.expect(200);
    check_job(&job);

    assert_eq!(format!("{project}/jobs/{}", job["id"].as_str().unwrap()), path);
    assert_eq!(format!("/projects/{}", job["project_id"].as_str().unwrap()), project);
    assert_eq!((&job["name"], &job["type"]), (&json!("sample-mesh"), &json!("implicit/from-mesh")));
    assert_eq!((&job["state"], &job["error"]), (&json!("success"), &Value::Null));
    let workflow = server.get(&format!("{project}/workflows/{}", job["workflow_id"].as_str().unwrap())).await;
    let ids = workflow.expect(200)["jobs"].clone();
    assert_eq!(job["needs"], json!([ids[0], ids[1]]));
    assert!(job["created"].as_str() <= job["started"].as_str());
    assert!(job["started"].as_str() <= job["finished"].as_str());

    let (inputs, outputs) = (&job["inputs"], &job["outputs"]);
    assert_eq!(inputs["params"]["resolution"], "16");
    assert_eq!(inputs["params"]["padding"], "2");
    assert_eq!(inputs["assets"]["mesh"]["job_id"], ids[0]);
    assert_eq!(inputs["assets"]["bvh"]["job_id"], ids[1]);

    let volume = &outputs["assets"]["volume"];
    assert_eq!(volume["job_id"], job["id"]);
    let filename = volume["filename"].as_str().unwrap();
    assert!(filename.len() == 20 && filename.ends_with(".bin"), "{filename}");
    let param =
        |name: &str| -> Value { serde_json::from_str(outputs["params"][name].as_str().unwrap()).unwrap() };
    assert_eq!(param("face_count"), 4);
    assert_eq!(param("vertex_count"), 4);
    assert_eq!(param("bounds"), json!({"min": [0.0, 0.0, 0.0], "max": [10.0, 10.0, 10.0]}));
    let patch = param("patch");
    assert_eq!(patch["resolution"], json!([16, 16, 16]));
    assert_eq!(patch["resolution"], param("patch_resolution"));
    assert_eq!(patch["size"], param("patch_size"));
    assert_eq!(patch["offset"], param("patch_offset"));
    assert_eq!(volume["size"], 16 * 16 * 16 * 4);

    // What the page says about the file is true of the file.
    let asset = format!("{project}/assets/{}?download=true", volume["id"].as_str().unwrap());
    let link = server.get(&asset).await.expect(200)["link"].as_str().unwrap().to_owned();
    let bytes = send(server.bare(Method::GET, &link)).await.bytes;
    let samples: Vec<f32> =
        bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    assert_eq!(samples.len(), 16 * 16 * 16);
    assert!(samples.iter().all(|d| d.is_finite()));
    assert!(samples.iter().any(|d| *d < 0.0) && samples[0] > 0.0, "negative inside, positive outside");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_job_of_the_workflow_fits_the_page() {
    let server = Server::start().await;
    let (project, _) = sample(&server).await;
    let jobs = server.get(&format!("{project}/jobs")).await.expect(200);
    assert_eq!(jobs.as_array().unwrap().len(), 3);
    jobs.as_array().unwrap().iter().for_each(check_job);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_request_unauthorized_and_not_found_have_the_documented_body() {
    let server = Server::start().await;
    let project = server.project().await;
    server.upload(&project, "a.stl", b"solid").await.expect(201);
    let new = json!({"type": "test/copy", "assets": {"mesh": "a.stl"}});
    let id = server.post(&format!("{project}/jobs"), new).await.expect(202)["id"].clone();
    let path = format!("{project}/jobs/{}", id.as_str().unwrap());
    server.get(&path).await.expect(200);

    let get = |path: &str| server.request(Method::GET, path);
    let bad_path = format!("{project}/jobs/%FF");
    let prefer = send(get(&path).header("Prefer", "dialect=foo")).await;
    let utf8 = send(get(&bad_path)).await;
    let missing = send(server.bare(Method::GET, &path)).await;
    let unknown = send(server.bare(Method::GET, &path).bearer_auth("fst_x_y")).await;
    let mut cases = vec![(prefer, 400), (utf8, 400), (missing, 401), (unknown, 401)];
    for id in ["999", "abc", "0", "-1", "%00", "99999999999999999999", "01"] {
        cases.push((server.get(&format!("{project}/jobs/{id}")).await, 404));
    }
    let name = path.rsplit('/').next().unwrap();
    cases.push((server.get(&format!("/projects/999/jobs/{name}")).await, 404));
    for (answer, status) in cases {
        let body = answer.expect(status);
        let documented: serde_json::Map<String, Value> =
            ERROR.iter().map(|(name, _)| ((*name).to_owned(), body[name].clone())).collect();
        check(&Value::Object(documented), ERROR);
        assert_eq!(body["code"], status);
        let reason = ["Bad Request", "Unauthorized", "Not Found"]
            [[400, 401, 404].iter().position(|s| *s == status).unwrap()];
        assert_eq!(body["name"], reason);
        assert_eq!(body["msg"], body["description"]);
        assert_eq!(body.as_object().unwrap().len(), 4);
        assert_eq!(answer.headers.contains_key("www-authenticate"), status == 401);
    }
}
