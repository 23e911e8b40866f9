//! What goes on for long ends with the right to it: event streams, uploads.

use crate::harness::{Server, send};
use fieldstone_engine::keys;
use fieldstone_engine::model::CredentialKind;
use reqwest::{Body, Method, Response};
use serde_json::json;
use std::time::Duration;

/// Far more than the second that it takes.
const PATIENCE: Duration = Duration::from_secs(60);

async fn revoke(server: &Server, token: &str) {
    keys::revoke(server.data.path(), CredentialKind::Key, &token[4..12]).await.unwrap();
}

/// A job that waits for ever, because the engine does not run; its path.
async fn waiting_job(server: &Server, project: &str) -> String {
    let job = server.post(&format!("{project}/jobs"), json!({"type": "no/such"})).await.expect(202);
    format!("{project}/jobs/{}", job["id"].as_str().unwrap())
}

/// Its events, of which the first has come.
async fn watch(server: &Server, job: &str, token: Option<&str>) -> Response {
    let request = server.bare(Method::GET, &format!("{job}/events"));
    let request = token.iter().fold(request, |request, token| request.bearer_auth(token));
    let mut events = request.send().await.unwrap();
    assert_eq!(events.status(), 200);
    let first = events.chunk().await.unwrap().unwrap();
    assert!(first.starts_with(b"event: state"));
    events
}

/// Waits for the end of a stream that has nothing more to tell.
async fn ends(mut events: Response) -> bool {
    let all = async { while events.chunk().await.unwrap().is_some() {} };
    tokio::time::timeout(PATIENCE, all).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn event_streams_end_with_the_right_to_them() {
    let server = Server::start().await;
    let project = server.project().await;
    server.patch(&project, json!({"access": "public"})).await.expect(200);
    let job = waiting_job(&server, &project).await;
    let of_owner = server.key(&["jobs:read"], None, None).await;
    let of_eve = server.key(&["jobs:read"], None, Some("eve")).await;
    let revoked = watch(&server, &job, Some(&of_owner)).await;
    let other_user = watch(&server, &job, Some(&of_eve)).await;
    let stranger = watch(&server, &job, None).await;
    let mut stays = watch(&server, &job, Some(&server.token)).await;
    revoke(&server, &of_owner).await;
    assert!(ends(revoked).await, "its key is revoked");
    server.patch(&project, json!({"access": "private"})).await.expect(200);
    assert!(ends(other_user).await && ends(stranger).await, "the project is private now");
    // Who still may is still told.
    server.delete(&job).await.expect(200);
    tokio::time::timeout(PATIENCE, async { while stays.chunk().await.unwrap().is_some() {} }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_whose_key_is_revoked_while_it_comes_is_refused() {
    let server = Server::start().await;
    let project = server.project().await;
    let token = server.key(&["assets:write"], None, None).await;
    let head = "--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nabc";
    let (pieces, body) = futures::channel::mpsc::unbounded::<Result<&str, std::io::Error>>();
    let request = server.bare(Method::POST, &format!("{project}/assets")).bearer_auth(&token);
    let request =
        request.header("Content-Type", "multipart/form-data; boundary=X").body(Body::wrap_stream(body));
    let answer = tokio::spawn(send(request));
    pieces.unbounded_send(Ok(head)).unwrap();
    revoke(&server, &token).await;
    while server.engine.authenticate(&token).await.unwrap().is_some() {}
    pieces.unbounded_send(Ok("\r\n--X--\r\n")).unwrap();
    drop(pieces);
    let text = answer.await.unwrap().error(401);
    assert!(text.contains("revoked"), "{text}");
    assert_eq!(server.get(&format!("{project}/assets")).await.expect(200), json!([]));
}
