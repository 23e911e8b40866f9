//! Limits on projects and keys: what is beyond them is refused with the setting's name, what is within them is not.

use crate::harness::{Server, open_gate, send};
use fieldstone_engine::EngineConfig;
use fieldstone_server::ServerConfig;
use reqwest::Method;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_holds_so_many_bytes() {
    let quota = |config| EngineConfig { project_quota_bytes: Some(110_512), ..config };
    let server = Server::with_both(ServerConfig::default(), quota).await;
    server.engine.start();
    let project = server.project().await;
    let first = server.upload(&project, "a.stl", &[1; 60_000]).await.expect(201);
    let text = server.upload(&project, "b.stl", &[2; 51_000]).await.error(403);
    assert!(
        text.contains("holds 60512 bytes, 51000 more") && text.contains("setting project_quota"),
        "{text}"
    );
    server.upload(&project, "b.stl", &[2; 40_000]).await.expect(201);
    assert_eq!(server.get(&format!("{project}/assets")).await.expect(200).as_array().unwrap().len(), 2);

    // A body that is far too long is refused by its declared length.
    let text = server.upload(&project, "c.stl", &vec![3; 1 << 20]).await.error(403);
    assert!(text.contains("setting project_quota"), "{text}");

    // Outputs count too: the job says so and leaves nothing.
    let body = json!({"type": "test/copy", "assets": {"mesh": "a.stl"}});
    let job = server.post(&format!("{project}/jobs"), body).await.expect(202);
    let text = server.poll(job["link"].as_str().unwrap()).await.error(400);
    assert!(text.contains("setting project_quota"), "{text}");
    assert_eq!(server.get(&format!("{project}/assets")).await.expect(200).as_array().unwrap().len(), 2);

    // A smaller one in its place, another project, and room that was made.
    let path = format!("{project}/assets/{}", first["id"].as_str().unwrap());
    let part = reqwest::multipart::Part::bytes(vec![4; 10]).file_name("a.stl");
    let form = reqwest::multipart::Form::new().part("file", part);
    send(server.request(Method::PATCH, &path).multipart(form)).await.expect(200);
    server.upload(&project, "c.stl", &[5; 50_000]).await.expect(201);
    let other = server.project().await;
    server.upload(&other, "a.stl", &[1; 60_000]).await.expect(201);
    server.delete(&path).await.expect(200);
    server.upload(&project, "d.stl", &[6; 10]).await.expect(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_many_jobs_of_a_project_wait() {
    let queue = |config| EngineConfig { max_queue: Some(3), ..config };
    let server = Server::with_both(ServerConfig::default(), queue).await;
    let (project, other) = (server.project().await, server.project().await);
    for project in [&project, &other] {
        server.upload(project, "queue.stl", b"a").await.expect(201);
    }
    let job = || json!({"type": "test/gate", "assets": {"mesh": "queue.stl"}});
    let workflow = |jobs: usize| {
        let jobs: Vec<String> = (0..jobs).map(|n| format!("  j{n}: {{type: no/such}}\n")).collect();
        json!({"definition": format!("jobs:\n{}", jobs.concat())})
    };
    server.post(&format!("{project}/jobs"), job()).await.expect(202);
    let refused = server.post(&format!("{project}/workflows"), workflow(3)).await;
    let text = refused.error(429);
    assert!(text.contains("1 jobs that wait, 3 more") && text.contains("setting max_queue"), "{text}");
    assert_eq!(refused.header("retry-after"), "5");
    server.post(&format!("{project}/workflows"), workflow(2)).await.expect(202);
    server.post(&format!("{project}/jobs"), job()).await.error(429);
    server.post(&format!("{other}/jobs"), job()).await.expect(202);
    // What has begun waits no longer.
    open_gate("queue.stl");
    server.engine.start();
    server.poll_until(&format!("{project}/jobs?q=state:pending"), |a| a.bytes == b"[]").await;
    server.post(&format!("{project}/jobs"), job()).await.expect(202);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_sends_so_many_requests_a_second_but_polls_at_will() {
    let config = ServerConfig { max_request_rate: 10, ..ServerConfig::default() };
    let server = Server::with(config).await;
    let project = server.project().await;
    let mut refused = 0;
    for _ in 0..60 {
        let answer = server.get("/projects").await;
        if answer.status == 429 {
            refused += 1;
            let text = answer.error(429);
            assert!(text.contains("setting max_request_rate"), "{text}");
            assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
        }
    }
    // Twenty at once and ten a second: sixty take less than four seconds here.
    assert!(refused > 0);
    for path in ["jobs/1", "jobs/1/status", "workflows/1", "workflows/1/status"] {
        for _ in 0..30 {
            assert_ne!(server.get(&format!("{project}/{path}")).await.status, 429, "{path}");
        }
    }
    let other = server.key(&[], None, None).await;
    assert_eq!(send(server.bare(Method::GET, "/projects").bearer_auth(other)).await.status, 200);
    assert_eq!(send(server.bare(Method::GET, "/healthz")).await.status, 200);
}
