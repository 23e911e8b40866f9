//! The router's index against the OpenAPI document, and what holds for every route.

use crate::harness::{Server, send};
use fieldstone_server::router::ROUTES;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashSet};

/// The path of a route with every placeholder filled.
fn filled(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { "1" } else { part }).collect::<Vec<_>>().join("/")
}

fn method(name: &str) -> Method {
    name.to_uppercase().parse().unwrap()
}

/// Calls `visit` with every `$ref` below `value`.
fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(map) => {
            found.extend(map.get("$ref").and_then(Value::as_str));
            map.values().for_each(|v| references(v, found));
        }
        Value::Array(list) => list.iter().for_each(|v| references(v, found)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_and_the_index_name_the_same_routes() {
    let server = Server::start().await;
    let document = send(server.bare(Method::GET, "/openapi.json")).await.expect(200);
    assert_eq!(document["openapi"], "3.1.0");
    let described: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, ops)| ops.as_object().unwrap().keys().map(|m| (m.clone(), path.clone())))
        .collect();
    let routed: BTreeSet<(String, String)> =
        ROUTES.iter().map(|(m, p)| ((*m).to_owned(), (*p).to_owned())).collect();
    assert_eq!(described, routed);

    let mut refs = BTreeSet::new();
    references(&document, &mut refs);
    for reference in &refs {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} points nowhere");
    }
    for kind in ["schemas", "responses", "parameters"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            let reference = format!("#/components/{kind}/{name}");
            assert!(refs.contains(reference.as_str()), "nothing points to {reference}");
        }
    }
    let mut ids = HashSet::new();
    for (method, path) in ROUTES {
        let operation = &document["paths"][path][method];
        assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()));
        let declared: Vec<String> = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|p| document.pointer(&p["$ref"].as_str().unwrap()[1..]).unwrap())
            .filter(|p| p["in"] == "path")
            .map(|p| format!("{{{}}}", p["name"].as_str().unwrap()))
            .collect();
        let placeholders: Vec<&str> = path.split('/').filter(|part| part.starts_with('{')).collect();
        assert_eq!(declared, placeholders, "{method} {path}");
    }
}

/// The fields that a schema of the document has.
fn fields(document: &Value, name: &str) -> BTreeSet<String> {
    let properties = document["components"]["schemas"][name]["properties"].as_object().unwrap();
    properties.keys().cloned().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_shown_has_the_fields_that_the_document_says_and_no_other() {
    let server = Server::start().await;
    let document = send(server.bare(Method::GET, "/openapi.json")).await.expect(200);
    let project = server.project().await;
    server.upload(&project, "a.stl", b"solid").await.expect(201);
    let new = json!({"type": "test/copy", "assets": {"mesh": "a.stl"}});
    server.post(&format!("{project}/jobs"), new).await.expect(202);
    let new = json!({"definition": "jobs: {}"});
    server.post(&format!("{project}/workflows"), new).await.expect(202);
    let lists = [("Project", "/projects".to_owned()), ("Asset", format!("{project}/assets"))]
        .into_iter()
        .chain([("Job", format!("{project}/jobs")), ("Workflow", format!("{project}/workflows"))])
        .chain([("LogLine", format!("{project}/jobs/1/log"))]);
    for (name, path) in lists {
        let shown = server.get(&path).await.expect(200);
        let keys: BTreeSet<String> = shown[0].as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, fields(&document, name), "{name}");
    }
    for (name, path) in [("License", "/user/license"), ("Counts", "/user/quota")] {
        let shown = server.get(path).await.expect(200);
        let keys: BTreeSet<String> = shown.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, fields(&document, name), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_asks_for_the_key_and_scope_that_the_document_says() {
    let server = Server::start().await;
    let document = send(server.bare(Method::GET, "/openapi.json")).await.expect(200);
    let poor = [server.key(&["jobs:read"], None, None).await, server.key(&["jobs:write"], None, None).await];
    for (name, path) in ROUTES {
        let security = document["paths"][path][name]["security"][0]["bearer"].as_array();
        let bare = send(server.bare(method(name), &filled(path))).await;
        assert_eq!(bare.status == 401, security.is_some(), "{name} {path}");
        if bare.status >= 400 {
            bare.error(bare.status);
        }
        let scope = security.and_then(|scopes| scopes.first()).and_then(Value::as_str);
        // The key that has another scope than this route asks for.
        let token = &poor[usize::from(scope == Some("jobs:read"))];
        let poor = send(server.bare(method(name), &filled(path)).bearer_auth(token)).await;
        assert_eq!(poor.status == 401, scope.is_some(), "{name} {path}");
        if let Some(scope) = scope {
            assert!(
                poor.header("www-authenticate").ends_with(&format!("scope=\"{scope}\"")),
                "{name} {path}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_answers_browsers_of_other_origins() {
    let server = Server::start().await;
    for (name, path) in ROUTES {
        let preflight = server
            .bare(Method::OPTIONS, &filled(path))
            .header("Origin", "https://app.example")
            .header("Access-Control-Request-Method", name.to_uppercase())
            .header("Access-Control-Request-Headers", "authorization,content-type,prefer");
        let answer = send(preflight).await;
        assert_eq!(answer.status, 200, "{name} {path}");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert!(answer.header("access-control-allow-methods").contains(&name.to_uppercase()));
        for header in ["authorization", "content-type", "prefer", "range"] {
            assert!(answer.header("access-control-allow-headers").contains(header), "{header}");
        }
        let actual =
            send(server.bare(method(name), &filled(path)).header("Origin", "https://app.example")).await;
        assert_eq!(actual.header("access-control-allow-origin"), "*", "errors too: {name} {path}");
        assert!(!actual.header("x-request-id").is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probes_page_and_user() {
    let server = Server::start().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(send(server.bare(Method::GET, path)).await.expect(200)["status"], "ok");
    }
    let page = send(server.bare(Method::GET, "/docs")).await;
    let text = String::from_utf8(page.bytes.clone()).unwrap();
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    // Everything comes from here, and nothing is inline: the policy would not let it run.
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{policy}");
    assert!(!text.contains("<style") && !text.contains(" style=") && !text.contains(" onclick="));
    assert!(!text.contains("http://") && !text.contains("https://"));
    for name in text.split("\"/docs/").skip(1).filter_map(|rest| rest.split('"').next()) {
        let kind = if name.ends_with("js") { "text/javascript" } else { "text/css" };
        let path = format!("/docs/{name}");
        let plain = send(server.bare(Method::GET, &path)).await;
        assert_eq!(
            (plain.status, plain.header("content-type")),
            (200, format!("{kind}; charset=utf-8").as_str())
        );
        assert_eq!(plain.header("content-encoding"), "", "{name}: who asks for nothing gets plain bytes");
        let packed = send(server.bare(Method::GET, &path).header("accept-encoding", "gzip")).await;
        assert!(packed.bytes.len() <= plain.bytes.len(), "{name}");
    }
    // The guide is the same kind of page.
    let guide = send(server.bare(Method::GET, "/guide")).await;
    assert_eq!((guide.status, guide.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(guide.header("content-security-policy").starts_with("default-src 'none'; script-src 'self'"));
    let again = server.bare(Method::GET, "/guide").header("if-none-match", guide.header("etag"));
    assert_eq!(send(again).await.status, 304);
    for (path, status) in [
        ("/guide/operators", 200),
        ("/guide/lattices/Gyroid.png", 200),
        ("/guide/search.json", 200),
        ("/guide/jobs.md", 404),
        ("/guide/../Cargo.toml", 404),
        ("/guide/nothing", 404),
    ] {
        assert_eq!(send(server.bare(Method::GET, path)).await.status, status, "{path}");
    }

    let license = server.get("/user/license").await.expect(200);
    assert_eq!((&license["expired"], &license["product"]), (&false.into(), &"Fieldstone".into()));
    assert_eq!(license["expires"], "9999-01-01T00:00:00+00:00");
    for (path, n) in [("/user/quota", i32::MAX), ("/user/usage", 0)] {
        let counts = server.get(path).await.expect(200);
        for kind in ["project", "import", "export", "simulation"] {
            assert_eq!(counts[kind], n);
        }
    }
}
