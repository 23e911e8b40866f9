//! Projects, assets and jobs: made, listed, changed, deleted.

use crate::harness::{Server, send};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

fn column(list: &Value, field: &str) -> Vec<Value> {
    list.as_array().unwrap().iter().map(|r| r[field].clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn projects_live_and_die() {
    let server = Server::start().await;
    let new = json!({
        "name": "first", "access": "Access.PUBLIC", "type": "digital_test_bench_experiment",
        "project": {"any": [1, null]}, "unknown": 1,
    });
    let made = server.post("/projects", new).await.expect(201);
    assert_eq!(made["access"], "public");
    assert_eq!(made["type"], "digital_test_bench_experiment");
    assert_eq!(made["project"], json!({"any": [1, null]}));
    assert_eq!((&made["thumbnail"], &made["graph"]), (&Value::Null, &Value::Null));

    let path = format!("/projects/{}", made["id"].as_str().unwrap());
    assert_eq!(server.get(&path).await.expect(200), made);
    let change = json!({"name": "renamed", "access": "Access.PRIVATE", "graph": {"operators": []}});
    let changed = server.patch(&path, change).await.expect(200);
    assert_eq!((&changed["name"], &changed["access"]), (&json!("renamed"), &json!("private")));
    assert_eq!(changed["graph"], json!({"operators": []}));
    assert_eq!(changed["project"], made["project"], "an absent field stays");

    server.upload(&path, "a.stl", b"abc").await.expect(201);
    let copy =
        server.post("/projects", json!({"source": made["id"], "name": "copy", "access": "private"})).await;
    let copy = format!("/projects/{}", copy.expect(201)["id"].as_str().unwrap());
    assert_eq!(server.get(&copy).await.expect(200)["graph"], json!({"operators": []}));
    assert_eq!(column(&server.get(&format!("{copy}/assets")).await.expect(200), "filename"), ["a.stl"]);

    server.delete(&path).await.expect(200);
    server.get(&path).await.error(404);
    server.get(&copy).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_pass_sort_and_q_on() {
    let server = Server::start().await;
    let project = server.project().await;
    for name in ["b 1.stl", "a_x.stl", "c.obj"] {
        server.upload(&project, name, name.as_bytes()).await.expect(201);
    }
    let names = |query: &'static str| {
        let path = format!("{project}/assets{query}");
        let server = &server;
        async move { column(&server.get(&path).await.expect(200), "filename") }
    };
    assert_eq!(names("").await, ["c.obj", "a_x.stl", "b 1.stl"], "newest first");
    assert_eq!(names("?sort=&q=").await.len(), 3);
    assert_eq!(names("?sort=filename:1").await, ["a_x.stl", "b 1.stl", "c.obj"]);
    assert_eq!(names("?sort=id%3A1&q=!filename%3A%22c*%22").await, ["b 1.stl", "a_x.stl"]);
    assert_eq!(names("?q=filename:%22b+1.stl%22").await, ["b 1.stl"], "spaces as axios writes them");
    assert_eq!(names("?q=filename:A_X.STL").await, ["a_x.stl"]);
    let path = format!("{project}/assets");
    server.get(&format!("{path}?sort=mood:1")).await.error(400);
    server.get(&format!("{path}?q=filename")).await.error(400);
    server.get(&format!("{path}?sort=id:1&sort=id:-1")).await.error(400);
    for noun in ["jobs", "workflows"] {
        assert_eq!(
            server.get(&format!("{project}/{noun}?sort=created:1&q=state:pending")).await.expect(200),
            json!([])
        );
    }
    let found = server.get("/projects?q=name:%22P%22&sort=name:-1").await.expect(200);
    assert_eq!(found.as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn assets_are_replaced_and_deleted() {
    let server = Server::start().await;
    let project = server.project().await;
    let made = server.upload(&project, "a.stl", b"abc").await.expect(201);
    let digest = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(
        (&made["checksum"], &made["size"], &made["job_id"]),
        (&json!(digest), &json!(3), &Value::Null)
    );
    let path = format!("{project}/assets/{}", made["id"].as_str().unwrap());
    let form = Form::new().part("file", Part::bytes(b"longer".to_vec()).file_name("b.stl"));
    let replaced = send(server.request(Method::PATCH, &path).multipart(form)).await.expect(200);
    assert_eq!((&replaced["id"], &replaced["size"]), (&made["id"], &json!(6)));
    assert_eq!(server.get(&path).await.expect(200), replaced);
    server.delete(&path).await.expect(200);
    server.get(&path).await.error(404);
    server.delete(&path).await.error(404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_are_renamed_by_json_and_by_form_and_deleted() {
    let server = Server::start().await;
    let project = server.project().await;
    server.upload(&project, "a.stl", b"solid").await.expect(201);
    let new = json!({"type": "test/copy", "params": {}, "assets": {"mesh": "a.stl"}});
    let job = server.post(&format!("{project}/jobs"), new).await.expect(202);
    assert_eq!(
        (&job["state"], &job["name"], &job["workflow_id"]),
        (&json!("pending"), &Value::Null, &Value::Null)
    );
    let path = format!("{project}/jobs/{}", job["id"].as_str().unwrap());
    assert_eq!(server.patch(&path, json!({"name": "one"})).await.expect(200)["name"], "one");
    let form = server.request(Method::PATCH, &path).body("name=two+w%C3%B6rds%21");
    let form = form.header("Content-Type", "application/x-www-form-urlencoded");
    assert_eq!(send(form).await.expect(200)["name"], "two wörds!");
    assert_eq!(server.get(&path).await.expect(200)["name"], "two wörds!");
    server.patch(&path, json!({})).await.error(400);
    server.delete(&path).await.expect(200);
    server.get(&path).await.error(404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_see_what_is_shared_and_nothing_else() {
    let server = Server::start().await;
    let path = server.project().await;
    let other = server.key(&[], None, Some("somebody else")).await;
    let ask = |method: Method| send(server.bare(method, &path).bearer_auth(&other));
    ask(Method::GET).await.error(404);
    server.patch(&path, json!({"access": "org"})).await.expect(200);
    ask(Method::GET).await.expect(200);
    let refused = ask(Method::DELETE).await;
    assert!((400..500).contains(&refused.status));
    refused.error(refused.status);
    server.get(&path).await.expect(200);
}
