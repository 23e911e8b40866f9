//! Who may do what: every route times every kind of caller, generated from the router's index.

use crate::harness::{Answer, Server, send};
use fieldstone_engine::keys::{self, SCOPES};
use fieldstone_engine::model::{CredentialKind, NewKey, ProjectId, Timestamp};
use fieldstone_server::router::ROUTES;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

/// Routes without sign-in; that one is here has to be decided, not forgotten.
/// `/metrics` is among them because the tests ask from the machine of the server; `tests/it/metrics.rs` asks from others.
const OPEN: &[&str] = &[
    "/files/{sha256}/{filename}",
    "/oauth/token",
    "/sign-in",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/docs",
];

/// What is read by those who write: uploads that are not there yet, which a key that may only write has to go on with.
const OF_WRITERS: &[&str] = &["/projects/{projectId}/uploads", "/projects/{projectId}/uploads/{uploadId}"];

fn is_reading((method, path): (&str, &str)) -> bool {
    method == "get" && !OF_WRITERS.contains(&path)
}

/// Whether this is the answer to who may read: there is no picture of the asset here, and it is no volume.
fn is_open(path: &str, answer: &Answer) -> bool {
    if path.ends_with("/thumbnail") {
        return answer.status == 404 && String::from_utf8_lossy(&answer.bytes).contains("a picture of");
    }
    if path.ends_with("/volume") { answer.status == 409 } else { answer.status < 300 }
}

/// A project with one thing of each kind.
#[derive(Clone)]
struct Place {
    project: String,
    asset: String,
    job: String,
    workflow: String,
    upload: String,
}

impl Place {
    async fn new(server: &Server, access: &str) -> Place {
        let made = server.post("/projects", json!({"name": "p", "access": access})).await.expect(201);
        let id = |body: &Value| body["id"].as_str().unwrap().to_owned();
        let path = format!("/projects/{}", id(&made));
        let asset = id(&server.upload(&path, "part.stl", b"solid").await.expect(201));
        let job = json!({"type": "test/copy", "assets": {"mesh": "part.stl"}});
        let job = server.post(&format!("{path}/jobs"), job).await.expect(202);
        let definition = "jobs:\n  a:\n    type: test/copy\n";
        let workflow = json!({"definition": definition, "assets": {"a.mesh": "part.stl"}});
        let workflow = server.post(&format!("{path}/workflows"), workflow).await.expect(202);
        server.engine.start();
        // Finished, so that no answer depends on the moment.
        for thing in [&job, &workflow] {
            assert_eq!(server.poll(thing["link"].as_str().unwrap()).await.status, 201);
        }
        let upload = with_tus(server.request(Method::POST, &format!("{path}/uploads")));
        let upload = send(upload).await.header("location").rsplit('/').next().unwrap().to_owned();
        Place { project: id(&made), asset, job: id(&job), workflow: id(&workflow), upload }
    }

    /// The path of a route to the things here.
    fn fill(&self, path: &str) -> String {
        path.replace("{projectId}", &self.project)
            .replace("{assetId}", &self.asset)
            .replace("{jobId}", &self.job)
            .replace("{workflowId}", &self.workflow)
            .replace("{uploadId}", &self.upload)
            .replace("{sha256}", &"0".repeat(64))
            .replace("{filename}", "f")
    }
}

/// All that tus asks for.
fn with_tus(request: RequestBuilder) -> RequestBuilder {
    let request = request.header("Tus-Resumable", "1.0.0").header("Upload-Length", "5");
    let request = request.header("Upload-Metadata", "filename bmV3LnN0bA==").header("Upload-Offset", "0");
    request.header("Content-Type", "application/offset+octet-stream")
}

/// A request that would be well-formed if it were allowed.
fn with_body(request: RequestBuilder, method: &str, path: &str) -> RequestBuilder {
    let upload = || Form::new().part("file", Part::bytes(b"solid".to_vec()).file_name("new.stl"));
    match (method, path) {
        ("post", "/projects/{projectId}/assets") | ("patch", "/projects/{projectId}/assets/{assetId}") => {
            request.multipart(upload())
        }
        (_, path) if OF_WRITERS.contains(&path) => with_tus(request),
        ("post", "/projects/{projectId}/jobs") => request.json(&json!({"type": "test/copy"})),
        ("post", "/projects/{projectId}/workflows") => request.json(&json!({"definition": "jobs: {}"})),
        ("post", "/projects/{projectId}/preview") => request.json(&json!({"graph": {}})),
        ("post" | "patch", _) => request.json(&json!({"name": "n"})),
        _ => request,
    }
}

async fn call(server: &Server, place: &Place, route: (&str, &str), token: Option<&str>) -> Answer {
    let method: Method = route.0.to_uppercase().parse().unwrap();
    let request = with_body(server.bare(method, &place.fill(route.1)), route.0, route.1);
    send(match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    })
    .await
}

/// The scope that the document says a route asks for; `None` where any key will do.
fn scope_of(document: &Value, (method, path): (&str, &str)) -> Option<String> {
    document["paths"][path][method]["security"][0]["bearer"][0].as_str().map(str::to_owned)
}

async fn token(server: &Server, new: NewKey) -> String {
    server.engine.create_key(NewKey { name: "k".into(), ..new }).await.unwrap()
}

/// Keys of the owner that must not open anything, by what is wrong with them.
async fn dead_keys(server: &Server) -> Vec<(&'static str, String)> {
    let soon = Timestamp(Timestamp::now().0 + 20_000);
    let expired = token(server, NewKey { expires: Some(soon), ..NewKey::default() }).await;
    while Timestamp::now() < soon {
        tokio::task::yield_now().await;
    }
    let new = NewKey { name: "k".into(), ..NewKey::default() };
    let revoked = keys::create(server.data.path(), CredentialKind::Key, new).await.unwrap();
    keys::revoke(server.data.path(), CredentialKind::Key, &revoked.id).await.unwrap();
    let altered = format!("{}x", &server.token[..server.token.len() - 1]);
    vec![
        ("an expired key", expired),
        ("a revoked key", revoked.token()),
        ("an altered key", altered),
        ("no key of ours", "eyJhbGciOiJub25lIn0.e30.".into()),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_is_closed_to_those_it_is_not_for() {
    let server = Server::start().await;
    let document = send(server.bare(Method::GET, "/openapi.json")).await.expect(200);
    let places = [
        ("private", Place::new(&server, "private").await),
        ("org", Place::new(&server, "org").await),
        ("public", Place::new(&server, "public").await),
    ];
    let other = token(&server, NewKey { user: Some("eve".into()), ..NewKey::default() }).await;
    let elsewhere = ProjectId(
        server.post("/projects", json!({"name": "e"})).await.expect(201)["id"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap(),
    );
    let limited = token(&server, NewKey { projects: vec![elsewhere], ..NewKey::default() }).await;
    let dead = dead_keys(&server).await;
    for route @ (method, path) in ROUTES.iter().copied() {
        let scope = scope_of(&document, route);
        let wrong = if scope.as_deref() == Some("jobs:read") { "jobs:write" } else { "jobs:read" };
        let poor = token(&server, NewKey { scopes: vec![wrong.into()], ..NewKey::default() }).await;
        for (access, place) in &places {
            let at = async |token: Option<&str>| call(&server, place, route, token).await;
            let told = |who: &str| format!("{who}: {method} {path} in a {access} project");
            if OPEN.contains(&path) {
                let status = at(None).await.status;
                assert!(status == 200 || path == "/oauth/token" || path.starts_with("/files"), "{path}");
                continue;
            }
            for (who, token) in &dead {
                at(Some(token)).await.error(401);
                assert_eq!(at(Some(token)).await.status, 401, "{}", told(who));
            }
            if scope.is_some() {
                assert_eq!(at(Some(&poor)).await.status, 401, "{}", told("a key without the scope"));
            }
            let in_project = path.starts_with("/projects/{projectId}");
            let read = is_reading(route);
            let (stranger, eve) = (at(None).await, at(Some(&other)).await);
            match (in_project, read, *access) {
                (false, ..) => assert_eq!(stranger.status, 401, "{}", told("a stranger")),
                (true, true, "public") => assert!(is_open(path, &stranger), "{}", told("a stranger")),
                (true, ..) => assert_eq!(stranger.status, 401, "{}", told("a stranger")),
            }
            match (in_project, read, *access) {
                (false, ..) => assert!(eve.status < 300, "{}: {}", told("another user"), eve.status),
                (true, true, "org" | "public") => assert!(is_open(path, &eve), "{}", told("another user")),
                (true, ..) => assert_eq!(eve.status, 404, "{}", told("another user")),
            }
            if in_project {
                let text = at(Some(&limited)).await.error(404);
                assert!(text.starts_with(&format!("project {} ", place.project)), "{text}");
            }
        }
    }
    // After all that: the owner finds everything, except what only the owner could have changed.
    for (_, place) in &places {
        for path in ["", "/assets/{assetId}", "/jobs/{jobId}", "/workflows/{workflowId}"] {
            server.get(&place.fill(&format!("/projects/{{projectId}}{path}"))).await.expect(200);
        }
        let assets = server.get(&place.fill("/projects/{projectId}/assets")).await.expect(200);
        assert!(assets.as_array().unwrap().iter().all(|a| a["filename"] != "new.stl"));
    }
}

/// The id of a route's item, as it stands in its path.
const ITEMS: [&str; 4] = ["{assetId}", "{jobId}", "{workflowId}", "{uploadId}"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reading_key_reads_everything_and_changes_nothing() {
    let server = Server::start().await;
    let document = send(server.bare(Method::GET, "/openapi.json")).await.expect(200);
    let place = Place::new(&server, "private").await;
    let of = |end: &str| SCOPES.iter().filter(|s| s.ends_with(end)).map(|s| (*s).to_owned()).collect();
    let reading = token(&server, NewKey { scopes: of(":read"), ..NewKey::default() }).await;
    let writing = token(&server, NewKey { scopes: of(":write"), ..NewKey::default() }).await;
    let mut asked = 0;
    for route @ (method, path) in ROUTES.iter().copied().filter(|(_, path)| path.starts_with("/projects")) {
        let scope = scope_of(&document, route).unwrap_or_else(|| panic!("{method} {path} asks for no scope"));
        let reads = is_reading(route);
        let wanted = if reads { ":read" } else { ":write" };
        assert!(scope.ends_with(wanted), "{method} {path} asks for {scope}");
        let (may, may_not) = if reads { (&reading, &writing) } else { (&writing, &reading) };
        let text = call(&server, &place, route, Some(may_not)).await.error(401);
        assert_eq!(text, format!("token lacks the scope {scope}"), "{method} {path}");
        if method == "get" {
            let seen = call(&server, &place, route, Some(may)).await;
            assert!(is_open(path, &seen), "{method} {path}");
            for (key, status) in [(Some(may_not), 401), (None, 401), (Some(may), seen.status)] {
                let head = server.bare(Method::HEAD, &place.fill(path));
                let head = send(key.iter().fold(head, |request, key| request.bearer_auth(key))).await;
                assert!(head.status == status && head.bytes.is_empty(), "HEAD {path}: {}", head.status);
            }
        }
        asked += 1;
    }
    assert!(asked > 20, "{asked}");
    // Nothing was changed in between.
    for path in ["", "/assets/{assetId}", "/jobs/{jobId}", "/workflows/{workflowId}"] {
        server.get(&place.fill(&format!("/projects/{{projectId}}{path}"))).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_counts_in_its_own_project_only() {
    let server = Server::start().await;
    let (theirs, other) = (Place::new(&server, "private").await, Place::new(&server, "private").await);
    let eve = server.key(&[], None, Some("eve")).await;
    let as_eve = server.bare(Method::POST, "/projects").bearer_auth(&eve).json(&json!({"name": "e"}));
    let hers = send(as_eve).await.expect(201)["id"].as_str().unwrap().to_owned();
    let mut asked = 0;
    for route @ (_, path) in ROUTES.iter().copied().filter(|(_, p)| ITEMS.iter().any(|id| p.contains(id))) {
        // Somebody else's thing by way of her own project, and the owner's thing by way of another of his.
        let by_hers = Place { project: hers.clone(), ..theirs.clone() };
        let by_other = Place { project: other.project.clone(), ..theirs.clone() };
        for (place, key) in [(by_hers, &eve), (by_other, &server.token)] {
            let text = call(&server, &place, route, Some(key)).await.error(404);
            assert!(text.ends_with("does not exist"), "{path}: {text}");
        }
        asked += 1;
    }
    assert!(asked > 10, "{asked}");
    // Nor do names reach over.
    for body in [
        json!({"type": "test/copy", "assets": {"mesh": "part.stl"}}),
        json!({"type": "old_copy", "params": {"mesh_filename": "part.stl"}}),
    ] {
        let request = server.bare(Method::POST, &format!("/projects/{hers}/jobs")).bearer_auth(&eve);
        assert!(send(request.json(&body)).await.error(400).contains("part.stl"));
    }
    for path in ["/assets/{assetId}", "/jobs/{jobId}", "/workflows/{workflowId}"] {
        server.get(&theirs.fill(&format!("/projects/{{projectId}}{path}"))).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_and_what_is_not_yours_read_alike() {
    let server = Server::start().await;
    let place = Place::new(&server, "private").await;
    let eve = server.key(&[], None, Some("eve")).await;
    let as_eve = async |path: &str| {
        let answer = send(server.bare(Method::GET, path).bearer_auth(&eve)).await;
        answer.error(404).replace(|c: char| c.is_ascii_digit(), "")
    };
    let mine = place.fill("/projects/{projectId}/jobs/{jobId}");
    assert_eq!(as_eve(&mine).await, as_eve("/projects/999/jobs/1").await);
    let bare = async |path: &str| send(server.bare(Method::GET, path)).await.error(401);
    assert_eq!(bare(&mine).await, bare("/projects/999/jobs/1").await);
    let seen = send(server.bare(Method::GET, "/projects").bearer_auth(&eve)).await.expect(200);
    assert_eq!(seen, json!([]));
    let copy = json!({"name": "c", "source": place.project});
    let copy = send(server.bare(Method::POST, "/projects").bearer_auth(&eve).json(&copy)).await;
    assert!(copy.error(400).contains("does not exist"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_for_one_project_knows_no_other() {
    let server = Server::start().await;
    let (a, b) = (server.project().await, server.project().await);
    let id: ProjectId = a.rsplit('/').next().unwrap().parse().unwrap();
    let token = token(&server, NewKey { projects: vec![id], ..NewKey::default() }).await;
    let ask = async |method: Method, path: &str| {
        let request = server.bare(method, path).bearer_auth(&token);
        send(request.json(&json!({"name": "n"}))).await
    };
    ask(Method::GET, &a).await.expect(200);
    ask(Method::PATCH, &a).await.expect(200);
    ask(Method::GET, &b).await.error(404);
    let list = ask(Method::GET, "/projects").await.expect(200);
    assert_eq!(list.as_array().unwrap().len(), 1);
    let refused = ask(Method::POST, "/projects").await;
    assert_eq!(refused.error(401), format!("token is limited to projects {id}"));
    let unknown = NewKey { name: "k".into(), projects: vec![ProjectId(999)], ..NewKey::default() };
    let refused = server.engine.create_key(unknown).await.unwrap_err();
    assert_eq!(refused.to_string(), "project: project 999 does not exist");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_public_project_is_read_without_a_key_and_no_longer_when_it_is_private() {
    let server = Server::start().await;
    let place = Place::new(&server, "public").await;
    let path = place.fill("/projects/{projectId}/assets/{assetId}?download=true");
    let link = send(server.bare(Method::GET, &path)).await.expect(200)["link"].as_str().unwrap().to_owned();
    assert_eq!(send(server.bare(Method::GET, &link)).await.bytes, b"solid");
    // A bad key is not taken for none.
    send(server.bare(Method::GET, &path).bearer_auth("fst_bad")).await.error(401);
    server.patch(&place.fill("/projects/{projectId}"), json!({"access": "private"})).await.expect(200);
    send(server.bare(Method::GET, &path)).await.error(401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_stops_working_in_a_running_server() {
    let server = Server::start().await;
    let new = NewKey { name: "k".into(), ..NewKey::default() };
    let key = keys::create(server.data.path(), CredentialKind::Key, new).await.unwrap();
    let ask = async || send(server.bare(Method::GET, "/projects").bearer_auth(key.token())).await.status;
    assert_eq!(ask().await, 200);
    keys::revoke(server.data.path(), CredentialKind::Key, &key.id).await.unwrap();
    let begun = std::time::Instant::now();
    while ask().await != 401 {
        assert!(begun.elapsed().as_secs() < 60, "it still works");
    }
    let all = keys::list(server.data.path(), CredentialKind::Key).await.unwrap();
    let seen = all.iter().find(|k| k.id == key.id).unwrap();
    assert!(seen.revoked.is_some() && seen.last_used.is_some(), "{seen:?}");
    let unknown = keys::revoke(server.data.path(), CredentialKind::Client, &key.id).await.unwrap_err();
    assert_eq!(unknown.to_string(), format!("client {:?} does not exist", key.id));
}
