//! Dispatch, polling, failing and cancelling of jobs and workflows.

use crate::harness::{Answer, SLOW_BEGUN, Server, open_gate, send};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

async fn project_with(server: &Server, filename: &str) -> String {
    let project = server.project().await;
    server.upload(&project, filename, b"solid").await.expect(201);
    project
}

async fn dispatch(server: &Server, project: &str, kind: &str, filename: &str) -> Value {
    let new = json!({"type": kind, "assets": {"mesh": filename}});
    server.post(&format!("{project}/jobs"), new).await.expect(202)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_polled_from_202_to_201() {
    let server = Server::start().await;
    let project = project_with(&server, "polled.stl").await;
    let job = dispatch(&server, &project, "test/gate", "polled.stl").await;
    let path = format!("{project}/jobs/{}", job["id"].as_str().unwrap());
    let link = job["link"].as_str().unwrap();
    assert_eq!(link, format!("http://{}{path}/status", server.address));

    let waiting = server.get(link).await;
    let body = waiting.expect(202);
    assert_eq!(body["state"], "pending");
    assert_eq!((&body["started"], &body["finished"]), (&Value::Null, &Value::Null));
    assert_eq!(body["outputs"], json!({"assets": null, "params": null}));
    assert_eq!(body.get("link"), None, "link is in the dispatch reply only");
    assert_eq!(waiting.header("x-progress"), "0.000");

    server.engine.start();
    let running = |a: &Answer| a.json()["state"] == "started";
    let started = server.poll_until(link, running).await;
    assert!(started.expect(202)["started"].is_string());
    let progress: f32 = started.header("x-progress").parse().unwrap();
    assert!((0.0..=1.0).contains(&progress));

    open_gate("polled.stl");
    let done = server.poll(link).await.expect(201);
    assert_eq!(done, server.get(&path).await.expect(200));
    assert_eq!(done["outputs"]["params"]["size"], "5");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_job_answers_400_with_its_error() {
    let server = Server::start().await;
    server.engine.start();
    let project = project_with(&server, "bad.stl").await;
    for (kind, want) in [("test/fail", "cannot use \"bad.stl\""), ("sim/custom", "sim/custom")] {
        let job = dispatch(&server, &project, kind, "bad.stl").await;
        let failed = server.poll(job["link"].as_str().unwrap()).await;
        let text = failed.error(400);
        assert!(text.contains(want), "{text}");
        let shown = server.get(&format!("{project}/jobs/{}", job["id"].as_str().unwrap())).await.expect(200);
        assert_eq!((&shown["state"], &shown["error"]), (&json!("failure"), &json!(text)));
        assert_eq!(shown["outputs"], json!({"assets": null, "params": null}));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workflow_that_fails_is_201_with_its_state() {
    let server = Server::start().await;
    server.engine.start();
    let project = project_with(&server, "a.stl").await;
    let definition = "jobs:\n  one: {type: test/fail}\n  two: {type: test/copy, assets: {mesh: one}}\n";
    let body = json!({"definition": definition, "assets": {"one.mesh": ["a.stl"]}, "parameters": null});
    let dispatched = server.post(&format!("{project}/workflows"), body).await.expect(202);
    let keys: Vec<&str> = dispatched.as_object().unwrap().keys().map(String::as_str).collect();
    let known = ["id", "jobs", "state", "created", "started", "finished", "definition", "project_id", "link"];
    assert_eq!(keys, known);
    let path = format!("{project}/workflows/{}", dispatched["id"].as_str().unwrap());
    assert_eq!(dispatched["link"], format!("http://{}{path}/status", server.address));

    let ended = server.poll(dispatched["link"].as_str().unwrap()).await.expect(201);
    assert_eq!((&ended["state"], &ended["definition"]), (&json!("failure"), &json!(definition)));
    assert_eq!(ended, server.get(&path).await.expect(200));
    let jobs = format!("{project}/jobs/{}", ended["jobs"][1].as_str().unwrap());
    assert_eq!(server.get(&jobs).await.expect(200)["state"], "canceled");
    server.get(&format!("{jobs}/status")).await.error(400);

    send(server.request(Method::POST, &format!("{path}/cancel"))).await.error(409);
    server.delete(&path).await.expect(200);
    server.get(&path).await.error(404);
    server.get(&jobs).await.error(404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workflow_is_cancelled() {
    let server = Server::start().await;
    let project = project_with(&server, "a.stl").await;
    let body = json!({"definition": "jobs: {one: {type: test/copy}}", "assets": {"one.mesh": "a.stl"}});
    let made = server.post(&format!("{project}/workflows"), body).await.expect(202);
    let path = format!("{project}/workflows/{}", made["id"].as_str().unwrap());
    assert_eq!(server.get(&format!("{path}/status")).await.expect(202)["state"], "pending");
    let cancelled = send(server.request(Method::POST, &format!("{path}/cancel"))).await.expect(200);
    assert_eq!(cancelled["state"], "canceled");
    assert_eq!(server.get(&format!("{path}/status")).await.expect(201)["state"], "canceled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_canceled_as_often_as_is_asked() {
    let server = Server::start().await;
    let project = project_with(&server, "a.stl").await;
    let body = json!({"type": "test/copy", "assets": {"mesh": "a.stl"}});
    let made = server.post(&format!("{project}/jobs"), body).await.expect(202);
    let path = format!("{project}/jobs/{}", made["id"].as_str().unwrap());
    let cancel = || send(server.request(Method::POST, &format!("{path}/cancel")));
    let canceled = cancel().await.expect(200);
    assert_eq!((&canceled["state"], &canceled["error"]), (&json!("canceled"), &Value::Null));
    assert_eq!(canceled, server.get(&path).await.expect(200));
    assert_eq!(cancel().await.expect(200), canceled);
    server.get(&format!("{path}/status")).await.error(400);
    send(server.request(Method::POST, &format!("{project}/jobs/99/cancel"))).await.error(404);

    server.engine.start();
    let body = json!({"type": "test/fail", "assets": {"mesh": "a.stl"}});
    let made = server.post(&format!("{project}/jobs"), body).await.expect(202);
    server.poll(made["link"].as_str().unwrap()).await.error(400);
    let ended = format!("{project}/jobs/{}/cancel", made["id"].as_str().unwrap());
    let said = send(server.request(Method::POST, &ended)).await.error(409);
    let text =
        format!("job {} cannot be canceled, it has finished with failure", made["id"].as_str().unwrap());
    assert_eq!(said, text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workflow_without_jobs_succeeds() {
    let server = Server::start().await;
    server.engine.start();
    let project = server.project().await;
    let made =
        server.post(&format!("{project}/workflows"), json!({"definition": "jobs: {}"})).await.expect(202);
    assert_eq!(server.poll(made["link"].as_str().unwrap()).await.expect(201)["state"], "success");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_dispatched_names_its_fields() {
    let server = Server::start().await;
    let project = server.project().await;
    for (noun, body, field) in [
        ("jobs", json!({}), "type"),
        ("jobs", json!({"type": 7}), "type"),
        ("jobs", json!({"type": "test/copy", "assets": {"mesh": 7}}), "assets.mesh"),
        ("jobs", json!({"type": "test/copy", "parameters": []}), "parameters"),
        ("jobs", json!({"type": "test/copy"}), "assets.mesh"),
        ("jobs", json!({"type": "test/copy", "assets": {"mesh": "gone.stl"}}), "assets.mesh"),
        ("workflows", json!({"definition": null}), "definition"),
        ("workflows", json!({"definition": "jobs: {}", "assets": "a.stl"}), "assets"),
    ] {
        let answer = server.post(&format!("{project}/{noun}"), body.clone()).await;
        answer.error(400);
        assert_eq!(answer.json()["errors"][0]["field"], field, "{body} {}", answer.json());
        assert!(answer.json()["errors"][0]["msg"].is_string());
    }
    for definition in ["jobs: {a: {type: t, needs: [b]}}", "jobs: [", "jobs: {a: {type: t, needs: [a]}}"] {
        server.post(&format!("{project}/workflows"), json!({"definition": definition})).await.error(400);
    }
    assert_eq!(server.get(&format!("{project}/jobs")).await.expect(200), json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_tells_what_happened_as_it_happens_and_afterwards() {
    let server = Server::start().await;
    let project = project_with(&server, "watched.stl").await;
    let new = json!({"type": "test/gate", "assets": {"mesh": "watched.stl"}});
    let request = server.request(Method::POST, &format!("{project}/jobs")).header("x-request-id", "mine-7");
    let job = send(request.json(&new)).await.expect(202);
    let path = format!("{project}/jobs/{}", job["id"].as_str().unwrap());
    let mut events = server.request(Method::GET, &format!("{path}/events")).send().await.unwrap();
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    server.engine.start();
    let mut text = String::new();
    let mut opened = false;
    // Ends by itself, with the job.
    while let Some(chunk) = events.chunk().await.unwrap() {
        text += std::str::from_utf8(&chunk).unwrap();
        if !opened && text.contains("\"progress\":0.5") {
            opened = true;
            open_gate("watched.stl");
        }
    }
    let told: Vec<&str> =
        text.lines().filter(|l| l.starts_with("event: ") || l.starts_with("data: ")).collect();
    let wanted = [
        "event: state",
        r#"data: {"state":"pending","progress":0.0,"error":null}"#,
        "event: state",
        r#"data: {"state":"started","progress":0.0,"error":null}"#,
        "event: progress",
        r#"data: {"state":"started","progress":0.5,"error":null}"#,
        "event: state",
        r#"data: {"state":"success","progress":1.0,"error":null}"#,
    ];
    assert_eq!(told, wanted);

    let log = server.get(&format!("{path}/log")).await.expect(200);
    let lines: Vec<String> = log
        .as_array()
        .unwrap()
        .iter()
        .map(|l| format!("{} {} {}", l["attempt"], l["level"], l["text"]))
        .collect();
    assert_eq!(lines, [r#"0 "info" "dispatched by request mine-7""#, r#"1 "info" "attempt 1 started""#]);
    assert!(log[0]["time"].as_str().unwrap().ends_with("+00:00"));
    let stranger = server.key(&[], None, Some("stranger")).await;
    for tail in ["log", "events"] {
        let url = format!("{path}/{tail}");
        assert_eq!(send(server.bare(Method::GET, &url).bearer_auth(&stranger)).await.status, 404, "{tail}");
        assert_eq!(send(server.bare(Method::GET, &url)).await.status, 401, "{tail}");
    }
}

/// One thread answers requests; large bodies are parsed, documents read and large answers written elsewhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_document_that_takes_long_holds_nobody_up() {
    let server = Server::start().await;
    let project = project_with(&server, "beside.stl").await;
    let filler = "x".repeat(100_000);
    let document = json!({"gate": "slow document", "filler": filler});
    let slow = json!({"type": "test/slow", "parameters": {"document": document}});
    let paths = ["jobs", "workflows"].map(|noun| format!("{project}/{noun}"));
    let slow = server.post(&paths[0], slow);
    let definition = "jobs: {slow: {type: test/slow, parameters: {document: {gate: slow document}}}}";
    let workflow = server.post(&paths[1], json!({"definition": definition}));
    let beside = async {
        while SLOW_BEGUN.load(Ordering::Relaxed) < 2 {
            server.get("/healthz").await.expect(200);
        }
        dispatch(&server, &project, "test/copy", "beside.stl").await;
        server.get("/healthz").await.expect(200);
        open_gate("slow document");
    };
    let (slow, workflow, ()) = tokio::join!(slow, workflow, beside);
    workflow.expect(202);
    let slow = slow.expect(202);
    let shown = server.get(&format!("{project}/jobs/{}", slow["id"].as_str().unwrap())).await.expect(200);
    let shown: Value = serde_json::from_str(shown["inputs"]["params"]["document"].as_str().unwrap()).unwrap();
    assert_eq!(shown["filler"], *filler);
}
