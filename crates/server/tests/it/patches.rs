//! A volume knows where its samples are: whoever reads it is told by the job that made it.

use crate::harness::Server;
use serde_json::{Value, json};

/// A ball of radius 2 around (11, 0, 0), on a grid of 2 mm on every side of it.
fn ball(resolution: u32, offset: f64) -> Value {
    let n = resolution;
    json!({"operators": [
        {"type": "GenerateSamplePoints", "parameters": {
            "offset": [offset, -4, -4], "size": [8, 8, 8], "resolution": [n, n, n]}},
        {"type": "SampleBox", "parameters": {"shape_type": "Ellipsoid", "size": [4, 4, 4],
            "xform": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, offset + 4.0, 0, 0, 1]}}],
      "edges": [{"source": 0, "target": [1, "Points"]}]})
}

/// A graph that looks a volume up, around the same place.
fn looked_up(volume: &str) -> Value {
    json!({"operators": [
        {"type": "GenerateSamplePoints", "parameters": {
            "offset": [8, -3, -3], "size": [6, 6, 6], "resolution": [25, 25, 25]}},
        {"type": "LoadVolume", "parameters": {"volume_data": {"file_type": "Raw", "path": volume}}},
        {"type": "SampleVolume"}],
      "edges": [{"source": 0, "target": [2, "Points"]}, {"source": 1, "target": [2, "Volume"]}]})
}

async fn finished(server: &Server, project: &str, noun: &str, body: Value) -> Value {
    let made = server.post(&format!("{project}/{noun}"), body).await.expect(202);
    server.poll(made["link"].as_str().unwrap()).await.expect(201)
}

/// Middle of the bounds that a job tells.
fn middle(job: &Value) -> Vec<f64> {
    assert_eq!(job["state"], "success", "{job}");
    let bounds: Value = serde_json::from_str(job["outputs"]["params"]["bounds"].as_str().unwrap()).unwrap();
    let side = |name: &str, a: usize| bounds[name][a].as_f64().unwrap();
    (0..3).map(|a| 0.5 * (side("min", a) + side("max", a))).collect()
}

fn is_near(found: &[f64], right: [f64; 3]) -> bool {
    found.iter().zip(right).all(|(f, r)| (f - r).abs() < 0.05)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_workflow_before_the_volume_exists() {
    let server = Server::start().await;
    server.engine.start();
    let project = server.project().await;
    // The platform's own, with what else may read a volume.
    let definition = r#"
jobs:
  evaluate-graph: {type: implicit/evaluate}
  extract-mesh: {type: mesh/from-volume, needs: [evaluate-graph], assets: {volume: evaluate-graph}}
  measure: {type: implicit/metrics, needs: [evaluate-graph], assets: {volume: evaluate-graph}}
  look-up: {type: evaluate_metrics, needs: [evaluate-graph], assets: {the-volume: evaluate-graph}}
  other: {type: mesh/from-volume, needs: [evaluate-graph], assets: {volume: evaluate-graph}, parameters: {volume_resolution: [8, 8, 8]}}
"#;
    let parameters =
        json!({"evaluate-graph.graph": ball(33, 7.0).to_string(), "look-up.graph": looked_up("the-volume")});
    let body = json!({"definition": definition, "parameters": parameters});
    let workflow = finished(&server, &project, "workflows", body).await;
    for job in workflow["jobs"].as_array().unwrap() {
        let job = server.get(&format!("{project}/jobs/{}", job.as_str().unwrap())).await.expect(200);
        match job["name"].as_str().unwrap() {
            "evaluate-graph" => assert_eq!(job["state"], "success", "{job}"),
            "other" => {
                let error = job["error"].as_str().unwrap();
                assert!(
                    error.contains("is 8 × 8 × 8, the job that made the volume wrote 33 × 33 × 33"),
                    "{error}"
                );
            }
            name => assert!(is_near(&middle(&job), [11.0, 0.0, 0.0]), "{name}: {:?}", middle(&job)),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dispatched_one_by_one_and_in_a_copy_of_the_project() {
    let server = Server::start().await;
    server.engine.start();
    let project = server.project().await;
    let made = finished(
        &server,
        &project,
        "jobs",
        json!({"type": "implicit/evaluate", "parameters": {"graph": ball(33, 7.0)}}),
    );
    let asset = made.await["outputs"]["assets"]["volume"].clone();
    let volume = asset["filename"].as_str().unwrap();
    let mesh = |filename: &str, params: Value| json!({"type": "mesh/from-volume", "assets": {"volume": filename}, "parameters": params});
    let meshed = finished(&server, &project, "jobs", mesh(volume, json!({}))).await;
    assert!(is_near(&middle(&meshed), [11.0, 0.0, 0.0]));
    let graph = json!({"type": "evaluate_metrics", "parameters": {"graph": looked_up(volume)}});
    assert!(is_near(&middle(&finished(&server, &project, "jobs", graph).await), [11.0, 0.0, 0.0]));

    let jobs = format!("{project}/jobs");
    let refused = server.post(&jobs, mesh(volume, json!({"volume_resolution": [32, 33, 33]}))).await;
    let error = refused.error(400);
    assert!(error.contains("is 32 × 33 × 33, the job that made the volume wrote 33 × 33 × 33"), "{error}");

    // The same samples from elsewhere, and the same bytes of a job that put them elsewhere: nothing is mixed up.
    let bytes = vec![0xff; 4 * 27];
    server.upload(&project, "foreign.bin", &bytes).await.expect(201);
    let refused = server.post(&jobs, mesh("foreign.bin", json!({}))).await;
    let error = refused.error(400);
    assert!(
        error.contains("volume_size: is required: the volume was uploaded, no job here made it"),
        "{error}"
    );
    let moved = finished(
        &server,
        &project,
        "jobs",
        json!({"type": "implicit/evaluate", "parameters": {"graph": ball(33, -4.0)}}),
    );
    let moved = moved.await["outputs"]["assets"]["volume"].clone();
    let remeshed =
        finished(&server, &project, "jobs", mesh(moved["filename"].as_str().unwrap(), json!({}))).await;
    assert!(is_near(&middle(&remeshed), [0.0; 3]));

    // A copy of the project keeps what is known.
    let copy = json!({"name": "copy", "source": project.rsplit('/').next().unwrap()});
    let copy = server.post("/projects", copy).await.expect(201);
    let copy = format!("/projects/{}", copy["id"].as_str().unwrap());
    let meshed = finished(&server, &copy, "jobs", mesh(volume, json!({}))).await;
    assert!(is_near(&middle(&meshed), [11.0, 0.0, 0.0]));
}
