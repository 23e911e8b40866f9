//! One resource, three spellings, over HTTP.

use crate::harness::{Answer, Server, send};
use reqwest::Method;
use serde_json::{Value, json};

const SDK: &str = "Python/3.11.2";
const MODERN_JOB: [&str; 16] = [
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
    "assets",
    "parameters",
    "meta",
];
const MODERN_ASSET: [&str; 8] =
    ["id", "filename", "size", "checksum", "created", "modified", "project_id", "job_id"];

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// The strict format that every release of the Python SDK parses.
fn is_rfc1123(value: &Value) -> bool {
    let pattern = "Www, dd Mmm dddd dd:dd:dd GMT";
    value.as_str().is_some_and(|text| {
        text.len() == pattern.len()
            && text.chars().zip(pattern.chars()).all(|(c, p)| match p {
                'd' => c.is_ascii_digit(),
                'W' | 'M' => c.is_ascii_uppercase(),
                'w' | 'm' => c.is_ascii_lowercase(),
                p => c == p,
            })
    })
}

async fn finished_job(server: &Server) -> (String, String) {
    server.engine.start();
    let project = server.project().await;
    server.upload(&project, "a.stl", b"solid").await.expect(201);
    let new = json!({"type": "old_copy", "name": "n", "parameters": {"mesh_filename": "a.stl"}});
    let job = server.post(&format!("{project}/jobs"), new).await.expect(202);
    server.poll(job["link"].as_str().unwrap()).await.expect(201);
    let path = format!("{project}/jobs/{}", job["id"].as_str().unwrap());
    (project, path)
}

async fn ask(server: &Server, token: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = server.bare(Method::GET, path).bearer_auth(token);
    send(headers.iter().fold(request, |r, (name, value)| r.header(*name, *value))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdk_gets_exactly_the_keys_it_knows() {
    let server = Server::start().await;
    let (project, path) = finished_job(&server).await;
    let agent = [("user-agent", SDK)];
    let get = async |path: String| ask(&server, &server.token, &path, &agent).await.expect(200);

    let job = get(path).await;
    assert_eq!(keys(&job), MODERN_JOB);
    assert!(["created", "started", "finished"].iter().all(|k| is_rfc1123(&job[k])), "{job}");
    assert_eq!(
        job["meta"],
        json!({"size": 5, "patch": {"size": [2.0, 2.0, 2.0]}, "word": "Float", "warnings": []})
    );
    assert_eq!(job["parameters"], json!({"mesh_filename": "a.stl"}));
    assert_eq!(job["outputs"]["params"]["size"], "5");
    let asset = &job["assets"][0];
    assert_eq!(keys(asset), MODERN_ASSET);
    assert_eq!(asset, &job["outputs"]["assets"]["mesh"]);
    assert!(is_rfc1123(&asset["created"]) && is_rfc1123(&job["inputs"]["assets"]["mesh"]["modified"]));

    let listed = get(format!("{project}/jobs")).await;
    assert_eq!(listed, json!([job]));
    let assets = get(format!("{project}/assets")).await;
    assert!(assets.as_array().unwrap().iter().all(|a| keys(a) == MODERN_ASSET));
    let shown = get(project).await;
    let known = ["id", "user", "name", "access", "created", "modified", "thumbnail", "project", "graph"];
    assert_eq!(keys(&shown), known);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_sdks_get_their_smaller_bodies_by_their_key() {
    let server = Server::start().await;
    let (project, path) = finished_job(&server).await;
    let legacy = server.key(&[], Some("sdk-legacy"), None).await;
    let agent = ("user-agent", SDK);
    let job = ask(&server, &legacy, &path, &[agent]).await.expect(200);
    assert_eq!(keys(&job), ["id", "name", "type", "parameters", "created", "state", "assets", "meta"]);
    let six = ["id", "filename", "size", "checksum", "created", "modified"];
    assert_eq!(keys(&job["assets"][0]), six);
    assert!(is_rfc1123(&job["created"]));

    server.patch(&project, json!({"access": "org"})).await.expect(200);
    let shown = ask(&server, &legacy, &project, &[agent]).await.expect(200);
    assert_eq!(shown["access"], "public", "the word org breaks these releases");
    assert_eq!(server.get(&project).await.expect(200)["access"], "org");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prefer_wins_over_the_key_and_the_key_over_the_agent() {
    let server = Server::start().await;
    let (_, path) = finished_job(&server).await;
    let plain = server.token.clone();
    let (sdk, openapi) =
        (server.key(&[], Some("sdk"), None).await, server.key(&[], Some("openapi"), None).await);
    let agent = ("user-agent", SDK);
    for (token, headers, count, applied) in [
        (&plain, vec![], 13, ""),
        (&plain, vec![("user-agent", "curl/8.5.0")], 13, ""),
        (&plain, vec![agent], 16, ""),
        (&sdk, vec![], 16, ""),
        (&openapi, vec![agent], 13, ""),
        (&plain, vec![("prefer", "dialect=sdk")], 16, "dialect=sdk"),
        (&sdk, vec![agent, ("prefer", "wait=5, dialect=openapi")], 13, "dialect=openapi"),
        (&plain, vec![("prefer", "dialect=\"sdk-legacy\"")], 8, "dialect=sdk-legacy"),
    ] {
        let answer = ask(&server, token, &path, &headers).await;
        assert_eq!(keys(&answer.expect(200)).len(), count, "{headers:?}");
        assert_eq!(answer.header("preference-applied"), applied, "{headers:?}");
        assert_eq!(answer.header("vary"), "User-Agent, Prefer");
    }
}
