//! One stream for all that happens in a project: what it tells, to whom, and how it goes on after a cut.

use crate::harness::{Server, tetrahedron_stl};
use fieldstone_engine::keys;
use fieldstone_engine::model::CredentialKind;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use std::time::Duration;

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A stream that is read event by event.
struct Stream {
    response: Response,
    text: String,
    /// Of the event that came last.
    id: String,
}

impl Stream {
    async fn open(server: &Server, project: &str, token: &str, after: Option<&str>) -> Stream {
        let request = server.bare(Method::GET, &format!("{project}/events")).bearer_auth(token);
        let request = after.iter().fold(request, |request, id| request.header("Last-Event-ID", *id));
        let response = request.header("Accept-Encoding", "gzip").send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert!(!response.headers().contains_key("content-encoding"));
        Stream { response, text: String::new(), id: String::new() }
    }

    /// The next event; `None` at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field =
                    |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                let told = field("event: ").zip(field("data: "));
                self.id = field("id: ").unwrap_or_else(|| std::mem::take(&mut self.id));
                self.text = rest.to_owned();
                match told {
                    Some((name, data)) => return Some((name, serde_json::from_str(&data).unwrap())),
                    // A comment that keeps the connection open.
                    None => continue,
                }
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await.unwrap().unwrap()?;
            self.text += std::str::from_utf8(&chunk).unwrap();
        }
    }

    /// Name, id and state of events, up to the one that is `last`.
    async fn until(&mut self, last: &[&str; 3]) -> Vec<[String; 3]> {
        let mut all = Vec::new();
        loop {
            let (name, data) = self.next().await.unwrap();
            let text = |key: &str| data[key].as_str().unwrap_or_default().to_owned();
            let state = if data["deleted"] == true { "deleted".to_owned() } else { text("state") };
            all.push([name, text("id"), state]);
            if all.last().unwrap() == last {
                return all;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_tells_of_its_jobs_workflows_and_assets_and_of_no_other() {
    let server = Server::start().await;
    let (project, other) = (server.project().await, server.project().await);
    let mut stream = Stream::open(&server, &project, &server.token, None).await;
    assert_eq!(stream.next().await, Some(("ready".to_owned(), json!({}))));
    server.upload(&other, "other.stl", b"solid").await.expect(201);
    let part = server.upload(&project, "part.stl", &tetrahedron_stl()).await.expect(201);
    // Whole, as a list shows it.
    assert_eq!(stream.next().await, Some(("asset".to_owned(), part.clone())));
    let definition = "jobs:\n  a: {type: test/copy}\n";
    let new = json!({"definition": definition, "assets": {"a.mesh": "part.stl"}});
    let workflow = server.post(&format!("{project}/workflows"), new).await.expect(202);
    let (id, job) = (workflow["id"].as_str().unwrap(), workflow["jobs"][0].as_str().unwrap());
    let begun = stream.until(&["workflow", id, "pending"]).await;
    assert_eq!(begun[0], ["job", job, "pending"]);
    server.engine.start();
    let told = stream.until(&["workflow", id, "success"]).await;
    let has = |event: [&str; 3]| told.iter().any(|told| *told == event);
    assert!(has(["workflow", id, "started"]) && has(["job", job, "success"]), "{told:?}");
    assert!(told.iter().any(|[name, ..]| name == "asset"), "{told:?}");
    server.patch(&format!("{project}/jobs/{job}"), json!({"name": "b"})).await.error(409);
    let asset = part["id"].as_str().unwrap();
    server.delete(&format!("{project}/assets/{asset}")).await.expect(200);
    assert_eq!(stream.until(&["asset", asset, "deleted"]).await.len(), 1);
    server.delete(&format!("{project}/workflows/{id}")).await.expect(200);
    let gone = stream.until(&["workflow", id, "deleted"]).await;
    assert_eq!(gone[0], ["job", job, "deleted"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_goes_on_where_another_was_cut() {
    let server = Server::start().await;
    let project = server.project().await;
    let mut cut = Stream::open(&server, &project, &server.token, None).await;
    let upload = async |name: &str| {
        let asset = server.upload(&project, name, b"solid").await.expect(201);
        asset["id"].as_str().unwrap().to_owned()
    };
    let first = upload("first.stl").await;
    cut.until(&["asset", &first, ""]).await;
    let id = cut.id.clone();
    drop(cut);
    let (second, third) = (upload("second.stl").await, upload("third.stl").await);
    let mut next = Stream::open(&server, &project, &server.token, Some(&id)).await;
    let told = next.until(&["asset", &third, ""]).await;
    assert_eq!(told[0][0], "ready");
    assert_eq!(
        told[1..],
        [["asset", &second, ""], ["asset", &third, ""]].map(|event| event.map(str::to_owned))
    );
    // What nobody here has ever given out.
    for unknown in ["0", "0123456789abcdef-1", "x-y", &format!("{}9999", next.id)] {
        let mut lost = Stream::open(&server, &project, &server.token, Some(unknown)).await;
        assert_eq!(lost.next().await, Some(("lost".to_owned(), json!({}))), "{unknown}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_told_what_it_may_read_as_long_as_it_may() {
    let server = Server::start().await;
    let project = server.project().await;
    let key = server.key(&["projects:read", "jobs:read"], None, None).await;
    let mut stream = Stream::open(&server, &project, &key, None).await;
    server.upload(&project, "part.stl", b"solid").await.expect(201);
    let job = server.post(&format!("{project}/jobs"), json!({"type": "no/such"})).await.expect(202);
    let id = job["id"].as_str().unwrap();
    let told = stream.until(&["job", id, "pending"]).await;
    assert_eq!(told.len(), 2, "ready, and no asset: {told:?}");
    server.patch(&format!("{project}/jobs/{id}"), json!({"name": "renamed"})).await.expect(200);
    assert_eq!(stream.next().await.unwrap().1["name"], "renamed");
    keys::revoke(server.data.path(), CredentialKind::Key, &key[4..12]).await.unwrap();
    assert_eq!(stream.next().await, None, "its key is revoked");
}
