//! `/oauth/token` as clients use it, over HTTP and over TLS.

use crate::harness::{Server, send};
use fieldstone_engine::keys;
use fieldstone_engine::model::{CredentialKind, NewKey};
use fieldstone_server::{Listeners, ServerConfig, Tls};
use reqwest::Method;
use serde_json::{Value, json};

fn named() -> NewKey {
    NewKey { name: "c".into(), ..NewKey::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_form_and_basic_buy_a_token() {
    let server = Server::start().await;
    let client = server.client(NewKey { dialect: Some("sdk-legacy".into()), ..named() }).await;
    // As auth0-python posts it.
    let body = json!({
        "client_id": client.id, "client_secret": client.secret, "audience": "http://anywhere:1/",
        "grant_type": "client_credentials", "organization": null,
    });
    let post = || server.bare(Method::POST, "/oauth/token");
    let answer = send(post().json(&body)).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let bought = answer.expect(200);
    assert_eq!((&bought["token_type"], &bought["expires_in"]), (&json!("Bearer"), &json!(86_400)));
    assert!(bought.get("scope").is_none());
    let form =
        format!("grant_type=client_credentials&client_id={}&client_secret={}", client.id, client.secret);
    let form = post().header("content-type", "application/x-www-form-urlencoded").body(form);
    let by_form = send(form).await.expect(200);
    let basic = post().basic_auth(&client.id, Some(&client.secret));
    let by_basic = send(basic.json(&json!({"grant_type": "client_credentials"}))).await.expect(200);
    for bought in [bought, by_form, by_basic] {
        let token = bought["access_token"].as_str().unwrap();
        let made = server.bare(Method::POST, "/projects").bearer_auth(token).json(&json!({"name": "p"}));
        let made = send(made).await.expect(201);
        assert!(made["created"].as_str().unwrap().ends_with("GMT"), "in the client's dialect: {made}");
    }
    let narrow =
        server.client(NewKey { scopes: vec!["jobs:read".into(), "assets:read".into()], ..named() }).await;
    let basic = post().basic_auth(&narrow.id, Some(&narrow.secret));
    let bought = send(basic.json(&json!({"grant_type": "client_credentials"}))).await.expect(200);
    assert_eq!(bought["scope"], "jobs:read assets:read");
    let token = bought["access_token"].as_str().unwrap();
    send(server.bare(Method::GET, "/projects").bearer_auth(token)).await.error(401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_tokens_of_a_client_count_together() {
    let server = Server::with(ServerConfig { max_request_rate: 1, ..ServerConfig::default() }).await;
    let client = server.client(named()).await;
    let buy = async || {
        let request = server.bare(Method::POST, "/oauth/token").basic_auth(&client.id, Some(&client.secret));
        let bought = send(request.json(&json!({"grant_type": "client_credentials"}))).await.expect(200);
        bought["access_token"].as_str().unwrap().to_owned()
    };
    let ask = async |token: &str| send(server.bare(Method::GET, "/projects").bearer_auth(token)).await;
    let (first, second) = (buy().await, buy().await);
    while ask(&first).await.status == 200 {}
    // Room for one comes back each second.
    let mut spent = Vec::new();
    for _ in 0..4 {
        spent.push(ask(&second).await.status);
    }
    assert!(spent.contains(&429), "{spent:?}");
    assert_eq!(ask(&server.key(&[], None, None).await).await.status, 200, "nobody else notices");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_speak_oauth_and_our_own_tongue() {
    let server = Server::start().await;
    let client = server.client(named()).await;
    let key = keys::create(server.data.path(), CredentialKind::Key, named()).await.unwrap();
    let revoked = server.client(named()).await;
    keys::revoke(server.data.path(), CredentialKind::Client, &revoked.id).await.unwrap();
    let grant = "client_credentials";
    let cases: [(Value, u16, &str); 8] = [
        (json!({"grant_type": grant, "client_id": client.id, "client_secret": "x"}), 401, "invalid_client"),
        (
            json!({"grant_type": grant, "client_id": "x", "client_secret": client.secret}),
            401,
            "invalid_client",
        ),
        (
            json!({"grant_type": grant, "client_id": key.id, "client_secret": key.secret}),
            401,
            "invalid_client",
        ),
        (
            json!({"grant_type": grant, "client_id": revoked.id, "client_secret": revoked.secret}),
            401,
            "invalid_client",
        ),
        (json!({"grant_type": grant, "client_id": client.id}), 400, "invalid_request"),
        (json!({"client_id": client.id, "client_secret": client.secret}), 400, "invalid_request"),
        (
            json!({"grant_type": "password", "client_id": client.id, "client_secret": client.secret}),
            400,
            "unsupported_grant_type",
        ),
        (json!([]), 400, "invalid_request"),
    ];
    for (body, status, word) in cases {
        let answer = send(server.bare(Method::POST, "/oauth/token").json(&body)).await;
        let text = answer.error(status);
        assert_eq!(
            (&answer.json()["error"], &answer.json()["error_description"]),
            (&json!(word), &json!(text))
        );
        assert_eq!(answer.header("www-authenticate").starts_with("Basic"), status == 401);
        assert!(!text.contains(&client.secret));
    }
    let bearer =
        server.bare(Method::POST, "/oauth/token").bearer_auth("x").json(&json!({"grant_type": grant}));
    assert_eq!(send(bearer).await.expect(401)["error"], "invalid_client");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_with_a_certificate_of_our_own() {
    let server = Server::start().await;
    let folder = server.data.path().join("tls");
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let (_, path) = Tls::self_signed(&folder, &names).unwrap();
    let pem = std::fs::read(&path).unwrap();
    let (tls, _) = Tls::self_signed(&folder, &names).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), pem, "made once");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(folder.join("key.pem")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let bind = async || tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (plain, secure) = (bind().await, bind().await);
    let url = format!("https://localhost:{}", secure.local_addr().unwrap().port());
    let silent = tokio::net::TcpStream::connect(secure.local_addr().unwrap()).await.unwrap();
    let listeners = Listeners { plain, tls: Some((secure, tls)) };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let shutdown = async {
        stopped.await.ok();
    };
    let serving = tokio::spawn(fieldstone_server::serve(
        listeners,
        server.engine.clone(),
        ServerConfig::default(),
        shutdown,
    ));
    let trusting = reqwest::Certificate::from_pem(&pem).unwrap();
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([trusting]).build().unwrap();
    let project = server.project().await;
    let job = json!({"type": "no/such"});
    let made = http.post(format!("{url}{project}/jobs")).bearer_auth(&server.token).json(&job);
    let made = send(made).await.expect(202);
    assert!(made["link"].as_str().unwrap().starts_with(&url), "{made}: links lead back over TLS");
    // One who says nothing keeps nobody waiting.
    drop(silent);
    drop(http);
    stop.send(()).unwrap();
    serving.await.unwrap().unwrap();
}

#[test]
fn files_that_are_no_certificate_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a.pem"), folder.path().join("b.pem"));
    let error = |cert, key| Tls::read(cert, key).err().unwrap();
    assert!(error(&a, &b).contains("a.pem: cannot read certificates"));
    std::fs::write(&a, "no certificate").unwrap();
    assert!(error(&a, &b).contains("a.pem: holds no certificate"));
    let names = ["localhost".to_owned()];
    Tls::self_signed(&folder.path().join("one"), &names).unwrap();
    Tls::self_signed(&folder.path().join("two"), &names).unwrap();
    let cert = folder.path().join("one/cert.pem");
    assert!(error(&cert, &b).contains("b.pem: cannot read a private key"));
    assert!(error(&cert, &folder.path().join("two/key.pem")).contains("cert.pem: does not go with"));
}
