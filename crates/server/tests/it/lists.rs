//! Lists: whole or in pages, short or long, and what they never hold.

use crate::harness::{Answer, Server, send};
use fieldstone_server::ServerConfig;
use reqwest::Method;
use serde_json::{Value, json};

async fn jobs_named(server: &Server, project: &str, names: impl Iterator<Item = String>) {
    for name in names {
        server.post(&format!("{project}/jobs"), json!({"type": "no/such", "name": name})).await.expect(202);
    }
}

/// The entries of all pages, following `Link`, and how many pages there were.
async fn all_pages(server: &Server, first: &str) -> (Vec<Value>, usize) {
    let (mut entries, mut pages, mut next) = (Vec::new(), 0, Some(first.to_owned()));
    while let Some(url) = next {
        let page = server.get(&url).await;
        entries.extend(page.expect(200).as_array().unwrap().clone());
        pages += 1;
        next = page.header("link").strip_suffix(">; rel=\"next\"").map(|link| link[1..].to_owned());
        assert!(next.iter().all(|url| url.starts_with(&format!("http://{}/", server.address))), "{next:?}");
    }
    (entries, pages)
}

fn ids(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_together_are_the_list_in_every_order() {
    let server = Server::start().await;
    let project = server.project().await;
    // Names that repeat, and times that are the same or absent.
    jobs_named(&server, &project, (0..11).map(|n| format!("n {}", n % 3))).await;
    server.engine.start();
    for job in ids(&server.get(&format!("{project}/jobs")).await.expect(200)) {
        server.poll_until(&format!("{project}/jobs/{job}"), |a| a.json()["state"] == "failure").await;
    }
    server.engine.stop().await;
    jobs_named(&server, &project, (0..6).map(|n| format!("n {}", n % 2))).await;
    for sort in ["", "id:1", "id:-1", "name:1", "name:-1", "started:1", "started:-1", "finished:1"] {
        for q in ["", "name:n*", "state:failure", "!name:\"n 1\" AND id:*1*"] {
            let query = format!("sort={sort}&q={}", q.replace(' ', "%20").replace('"', "%22"));
            let whole = server.get(&format!("{project}/jobs?{query}")).await;
            let whole = (whole.expect(200), whole.header("link").to_owned());
            assert_eq!(whole.1, "", "a whole list does not go on");
            for limit in [1, 4, 17, 1000] {
                let (entries, pages) =
                    all_pages(&server, &format!("{project}/jobs?{query}&limit={limit}")).await;
                assert_eq!(Value::from(entries.clone()), whole.0, "{query} {limit}");
                assert_eq!(pages, entries.len().div_ceil(limit).max(1), "{query} {limit}");
            }
        }
    }
    for name in ["a.stl", "b.stl"] {
        server.upload(&project, name, b"x").await.expect(201);
    }
    server
        .post(&format!("{project}/workflows"), json!({"definition": "jobs: {a: {type: no/such}}"}))
        .await
        .expect(202);
    server.post(&format!("{project}/workflows"), json!({"definition": "jobs: {}"})).await.expect(202);
    server.project().await;
    for list in [format!("{project}/assets"), format!("{project}/workflows"), "/projects".to_owned()] {
        let whole = server.get(&list).await.expect(200);
        assert_eq!(whole.as_array().map(Vec::len), Some(2), "{list}");
        let (entries, pages) = all_pages(&server, &format!("{list}?limit=1")).await;
        assert_eq!((Value::from(entries), pages), (whole, 2), "{list}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_cannot_be_is_refused() {
    let server = Server::start().await;
    let project = server.project().await;
    jobs_named(&server, &project, (0..3).map(|n| n.to_string())).await;
    let path = format!("{project}/jobs");
    for query in ["limit=0", "limit=-1", "limit=x", "limit=99999999999", "after=x", "after=-1", "limit=1.5"] {
        let text = server.get(&format!("{path}?{query}")).await.error(400);
        assert!(text.starts_with(&query[..query.find('=').unwrap()]), "{query}: {text}");
    }
    let all = server.get(&format!("{path}?limit=&after=&sort=&q=")).await.expect(200);
    assert_eq!(ids(&all), ["3", "2", "1"]);
    // By id, the place of one that is gone is still known; by name it is not.
    server.delete(&format!("{path}/2")).await.expect(200);
    assert_eq!(ids(&server.get(&format!("{path}?after=2")).await.expect(200)), ["1"]);
    let text = server.get(&format!("{path}?after=2&sort=name:1")).await.error(409);
    assert!(text.contains("2 does not exist"), "{text}");
    // What a client sorts and asks by comes back in the link, encoded.
    let page = server.get(&format!("{path}?limit=1&q=%21name:%22a%26b%3E%22")).await;
    page.expect(200);
    assert!(
        page.header("link").contains("q=%21name%3A%22a%26b%3E%22&limit=1&after=3>"),
        "{}",
        page.header("link")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_list_is_a_stream_and_the_same_list() {
    let server = Server::with(ServerConfig { max_request_rate: 0, ..ServerConfig::default() }).await;
    let project = server.project().await;
    let jobs: String = (0..90).map(|n| format!("  j{n}: {{type: no/such}}\n")).collect();
    for _ in 0..14 {
        let definition = json!({"definition": format!("jobs:\n{jobs}")});
        server.post(&format!("{project}/workflows"), definition).await.expect(202);
    }
    let path = format!("{project}/jobs");
    let whole = server.get(&path).await;
    assert_eq!(whole.header("content-length"), "", "it is not held whole");
    assert_eq!(whole.header("vary"), "User-Agent, Prefer");
    let whole = whole.expect(200);
    assert_eq!(whole.as_array().map(Vec::len), Some(14 * 90));
    let (entries, pages) = all_pages(&server, &format!("{path}?limit=300")).await;
    assert_eq!((Value::from(entries), pages), (whole, 5));
    let legacy = server.request(Method::GET, &path).header("Prefer", "dialect=sdk-legacy");
    let legacy = send(legacy).await.expect(200);
    assert_eq!(legacy[0].as_object().map(serde_json::Map::len), Some(8), "in every dialect");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_beyond_its_budget_has_to_be_asked_for_in_pages() {
    let server = Server::with(ServerConfig { max_list_bytes: 10_000, ..ServerConfig::default() }).await;
    let project = server.project().await;
    let text = "x".repeat(3000);
    for _ in 0..4 {
        let job = json!({"type": "no/such", "parameters": {"a": text}});
        server.post(&format!("{project}/jobs"), job).await.expect(202);
    }
    let text = server.get(&format!("{project}/jobs")).await.error(413);
    for word in ["4 entries", "setting max_list", "limit=100", "rel=\"next\""] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert_eq!(all_pages(&server, &format!("{project}/jobs?limit=2")).await.0.len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_of_others_are_in_no_list() {
    let config = ServerConfig { max_list_bytes: 100_000, ..ServerConfig::default() };
    let server = Server::with(config).await;
    let eve = server.key(&[], None, Some("eve")).await;
    let as_eve = async |method: Method, path: &str, body: Value| -> Answer {
        send(server.bare(method, path).bearer_auth(&eve).json(&body)).await
    };
    let big = json!({"x": "y".repeat(60_000)});
    for access in ["public", "org", "public"] {
        let body = json!({"name": "spam", "access": access, "project": big});
        let made = as_eve(Method::POST, "/projects", body).await.expect(201);
        let path = format!("/projects/{}", made["id"].as_str().unwrap());
        as_eve(Method::PATCH, &path, json!({"graph": big})).await.expect(200);
        assert_eq!(server.get(&path).await.expect(200)["project"], big, "whoever wants it may have it");
    }
    let mine = server.post("/projects", json!({"name": "mine", "project": {"a": 1}})).await.expect(201);
    let seen = server.get("/projects").await.expect(200);
    let documents: Vec<_> =
        seen.as_array().unwrap().iter().map(|p| [p["project"].clone(), p["graph"].clone()]).collect();
    let none = || [Value::Null, Value::Null];
    assert_eq!(documents, [[json!({"a": 1}), Value::Null], none(), none(), none()]);
    assert_eq!(seen[0], mine);
    // They count for their own user.
    as_eve(Method::GET, "/projects", Value::Null).await.error(413);
    let page = as_eve(Method::GET, "/projects?limit=1&after=2", Value::Null).await;
    assert_eq!(page.status, 413, "one of them alone is too long");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_count_as_requests() {
    let server = Server::with(ServerConfig { max_request_rate: 1, ..ServerConfig::default() }).await;
    let project = server.project().await;
    for list in ["jobs", "workflows", "assets"] {
        let key = server.key(&[], None, None).await;
        let mut refused = 0;
        // One a second: this would have to take a minute for all to be answered.
        for _ in 0..60 {
            let request = server.bare(Method::GET, &format!("{project}/{list}")).bearer_auth(&key);
            refused += usize::from(send(request).await.status == 429);
        }
        assert!(refused > 0, "{list}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parameters_beside_documents_are_short() {
    let server = Server::start().await;
    let project = server.project().await;
    server.upload(&project, "a.stl", b"solid").await.expect(201);
    let path = format!("{project}/jobs");
    let long = "y".repeat(300 << 10);
    let items: Vec<i32> = vec![1; 100_000];
    for parameters in [
        json!({"x": long}),
        json!({"x": items}),
        json!({(long.as_str()): 1}),
        json!({"x": "y".repeat(200 << 10), "z": {"w": "y".repeat(100 << 10)}}),
    ] {
        let text = server.post(&path, json!({"type": "sim/none", "parameters": parameters})).await.error(400);
        assert!(text.contains("parameters.") && text.contains("262144 bytes"), "{text}");
    }
    server
        .post(&path, json!({"type": "sim/none", "parameters": {"x": "y".repeat(200 << 10)}}))
        .await
        .expect(202);
    let definition = format!("jobs: {{a: {{type: sim/none, parameters: {{x: \"{long}\"}}}}}}");
    let text =
        server.post(&format!("{project}/workflows"), json!({"definition": definition})).await.error(400);
    assert!(text.contains("jobs.a.parameters.x"), "{text}");
    // A graph is a document.
    let points: Vec<f64> = (0..60_000).map(|n| f64::from(n) * 0.125).collect();
    let graph = json!({"operators": [
        {"type": "GenerateSamplePoints", "parameters": {"resolution": [4, 4, 4], "size": [2, 2, 2]}},
        {"type": "SampleBox", "parameters": {"size": [1, 1, 1]}}],
        "edges": [{"source": 0, "target": [1, "Points"]}], "comment": points});
    let job = json!({"type": "implicit/evaluate", "parameters": {"graph": graph}});
    assert!(job.to_string().len() > 300 << 10);
    server.post(&path, job).await.expect(202);
    let many: Vec<&str> = vec!["a.stl"; 1001];
    let text = server.post(&path, json!({"type": "sim/none", "assets": {"mesh": many}})).await.error(400);
    assert!(text.contains("has 1001 files, at most 1000"), "{text}");
}
