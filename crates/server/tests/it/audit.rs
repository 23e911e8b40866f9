//! The audit log: what it says of whom, and what it never says.

use crate::harness::{Server, send};
use fieldstone_engine::keys;
use fieldstone_engine::model::{CredentialKind, NewKey};
use fieldstone_server::{AuditConfig, AuditLog, ServerConfig};
use reqwest::Method;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

struct Audited {
    server: Server,
    path: PathBuf,
    _folder: TempDir,
}

impl Audited {
    async fn start() -> Audited {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let log = AuditLog::open(AuditConfig { path: path.clone(), max_bytes: 1 << 20, files: 2 }).unwrap();
        let config = ServerConfig { audit: Some(Arc::new(log)), ..ServerConfig::default() };
        Audited { server: Server::with(config).await, path, _folder: folder }
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.path).unwrap()
    }

    /// The lines so far about this.
    fn lines(&self, event: &str) -> Vec<Value> {
        let text = self.text();
        let all = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        all.filter(|line| line["event"] == event).collect()
    }
}

/// Some facts of a line, to be compared as a whole.
fn facts<const N: usize>(line: &Value, names: [&str; N]) -> [Value; N] {
    names.map(|name| line[name].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_changes_something_is_written_down() {
    let audited = Audited::start().await;
    let server = &audited.server;
    let key = format!("key {}", &server.token[4..12]);
    let request = server.request(Method::POST, "/projects").header("X-Request-Id", "mine-1");
    let project = send(request.json(&json!({"name": "secret name", "access": "private"}))).await.expect(201);
    let id = project["id"].clone();
    let path = format!("/projects/{}", id.as_str().unwrap());
    let line = &audited.lines("project.create")[0];
    assert_eq!(
        facts(line, ["outcome", "status", "user", "with", "address", "request", "project", "access"]),
        [
            json!("done"),
            json!(201),
            json!("owner"),
            json!(key),
            json!("127.0.0.1"),
            json!("mine-1"),
            id.clone(),
            json!("private")
        ]
    );
    assert!(line["time"].as_str().unwrap().ends_with('Z'), "{line}");

    let asset = server.upload(&path, "a.stl", b"solid").await.expect(201);
    let job = server.post(&format!("{path}/jobs"), json!({"type": "no/such"})).await.expect(202);
    let definition = json!({"definition": "jobs: {a: {type: no/such}}"});
    let workflow = server.post(&format!("{path}/workflows"), definition).await.expect(202);
    let within = |noun: &str, of: &Value| format!("{path}/{noun}/{}", of["id"].as_str().unwrap());
    server.post(&format!("{}/cancel", within("workflows", &workflow)), json!({})).await.expect(200);
    server.patch(&within("jobs", &job), json!({"name": "n"})).await.expect(200);
    server.post(&format!("{}/cancel", within("jobs", &job)), json!({})).await.expect(200);
    server.delete(&within("jobs", &job)).await.expect(200);
    server.delete(&within("assets", &asset)).await.expect(200);
    server.delete(&within("assets", &asset)).await.error(404);
    server.patch(&path, json!({"access": "public"})).await.expect(200);
    server.delete(&path).await.expect(200);
    for (event, noun, of) in [
        ("asset.create", "asset", &asset),
        ("job.create", "job", &job),
        ("workflow.create", "workflow", &workflow),
        ("workflow.cancel", "workflow", &workflow),
        ("job.change", "job", &job),
        ("job.cancel", "job", &job),
        ("job.delete", "job", &job),
        ("asset.delete", "asset", &asset),
    ] {
        let line = &audited.lines(event)[0];
        assert_eq!(
            facts(line, ["outcome", "with", "project", noun]),
            [json!("done"), json!(key), id.clone(), of["id"].clone()],
            "{event}"
        );
    }
    let again = &audited.lines("asset.delete")[1];
    assert_eq!(facts(again, ["outcome", "status"]), [json!("refused"), json!(404)]);
    let change = &audited.lines("project.change")[0];
    assert_eq!(facts(change, ["outcome", "access", "project"]), [json!("done"), json!("public"), id]);
    assert_eq!(audited.lines("project.delete").len(), 1);

    assert!(!audited.text().contains("secret name"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_only_looks_is_there_once() {
    let audited = Audited::start().await;
    let server = &audited.server;
    let path = server.project().await;
    assert_eq!(audited.lines("sign_in").len(), 1);
    let other = server.key(&["projects:read"], None, Some("eve")).await;
    for _ in 0..3 {
        send(server.bare(Method::GET, "/projects").bearer_auth(&other)).await.expect(200);
    }
    send(server.bare(Method::DELETE, &path).bearer_auth(&other)).await.error(401);
    let sign_ins = audited.lines("sign_in");
    assert_eq!(sign_ins.len(), 2);
    assert_eq!(facts(&sign_ins[1], ["outcome", "user"]), [json!("done"), json!("eve")]);
    let refused = &audited.lines("project.delete")[0];
    assert_eq!(facts(refused, ["outcome", "status", "user"]), [json!("refused"), json!(401), json!("eve")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_fails_to_sign_in_is_written_down_and_no_secret_is() {
    let audited = Audited::start().await;
    let server = &audited.server;
    let revoked = server.key(&[], None, None).await;
    keys::revoke(server.data.path(), CredentialKind::Key, &revoked[4..12]).await.unwrap();
    let client = server.client(NewKey { name: "c".into(), ..NewKey::default() }).await;
    let wrong = "not-the-client-secret";
    let request = |token: &str| {
        server.bare(Method::GET, "/projects").bearer_auth(token).header("X-Forwarded-For", "203.0.113.9")
    };
    send(request(&revoked)).await.error(401);
    send(request("hunter2-hunter2")).await.error(401);
    let grant = |secret: &str| json!({"grant_type": "client_credentials", "client_id": client.id, "client_secret": secret});
    let buy = async |secret: &str| send(server.bare(Method::POST, "/oauth/token").json(&grant(secret))).await;
    buy(wrong).await.error(401);
    let bought = buy(&client.secret).await.expect(200);
    let bought = bought["access_token"].as_str().unwrap();
    // Nobody tried to sign in here.
    send(server.bare(Method::GET, "/projects")).await.error(401);
    let lines = audited.lines("sign_in");
    let short: Vec<_> =
        lines.iter().map(|line| facts(line, ["outcome", "client", "forwarded_for"])).collect();
    let from = json!("203.0.113.9");
    assert_eq!(
        short,
        [
            [json!("refused"), Value::Null, from.clone()],
            [json!("refused"), Value::Null, from],
            [json!("refused"), json!(client.id), Value::Null],
            [json!("done"), json!(client.id), Value::Null],
        ]
    );
    let text = audited.text();
    for secret in [&server.token[13..], &revoked[13..], "hunter2", wrong, &client.secret, bought] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    // One who tries all the time gets a few lines and then a number.
    for _ in 0..50 {
        send(request(&revoked)).await.error(401);
    }
    assert!(audited.lines("sign_in").len() < 20);
}
