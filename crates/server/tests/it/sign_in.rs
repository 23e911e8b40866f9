//! What the app is told of an issuer, and what its page may ask beside this server.

use crate::harness::{Server, send};
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use fieldstone_server::{AppClient, Issuer, IssuerConfig, ServerConfig};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// An issuer on loopback, what it says of itself, and how often it was asked.
#[derive(Clone)]
struct Host {
    url: String,
    says: Arc<Mutex<Option<Value>>>,
    asked: Arc<AtomicUsize>,
}

impl Host {
    async fn start() -> Host {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let says = json!({
            "issuer": url, "jwks_uri": format!("{url}keys"), "code_challenge_methods_supported": ["S256"],
            "authorization_endpoint": format!("{url}authorize"), "token_endpoint": format!("{url}token"),
            "end_session_endpoint": format!("{url}logout"),
        });
        let host = Host { url, says: Arc::new(Mutex::new(Some(says))), asked: Arc::default() };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(configuration))
            .with_state(host.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        host
    }

    async fn server(&self, app: Option<AppClient>, fetch_window: Duration) -> Server {
        let config =
            IssuerConfig { app, fetch_window, ..IssuerConfig::new(&self.url, "https://fields.example/") };
        let issuer = Some(Arc::new(Issuer::new(config).unwrap()));
        Server::with(ServerConfig { issuer, ..ServerConfig::default() }).await
    }
}

async fn configuration(State(host): State<Host>) -> Result<Json<Value>, axum::http::StatusCode> {
    host.asked.fetch_add(1, Ordering::Relaxed);
    host.says.lock().unwrap().clone().map(Json).ok_or(axum::http::StatusCode::BAD_GATEWAY)
}

/// What the app's page may ask, by its policy.
async fn asks(server: &Server) -> String {
    let page = send(server.bare(Method::GET, "/p/7")).await;
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy");
    let found = policy.split("; ").filter_map(|part| part.strip_prefix("connect-src ")).collect::<Vec<_>>();
    assert_eq!(found.len(), 1, "{policy}");
    found[0].to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_may_ask_the_issuer_for_tokens_and_nobody_else() {
    let host = Host::start().await;
    let server = host.server(Some(AppClient::new("the-app")), Duration::ZERO).await;
    let told = send(server.bare(Method::GET, "/sign-in")).await;
    assert_eq!(told.header("cache-control"), "no-store");
    let scope = AppClient::new("").scope;
    assert!(scope.starts_with("openid ") && scope.contains(" jobs:write"), "{scope}");
    let expected = json!({"issuer": {
        "issuer": host.url, "authorization_endpoint": format!("{}authorize", host.url),
        "token_endpoint": format!("{}token", host.url), "client_id": "the-app", "scope": scope,
        "end_session_endpoint": format!("{}logout", host.url),
        "audience": "https://fields.example/",
    }});
    assert_eq!(told.expect(200), expected);
    assert_eq!(asks(&server).await, format!("'self' {}token", host.url));
    // A page that was kept from before has another policy: it is sent anew.
    let plain = Server::start().await;
    let page = send(plain.bare(Method::GET, "/")).await;
    let again =
        |server: &Server| send(server.bare(Method::GET, "/").header("if-none-match", page.header("etag")));
    assert_eq!(again(&plain).await.status, 304);
    assert_eq!(again(&server).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_client_there_keys_are_all() {
    let host = Host::start().await;
    for server in [Server::start().await, host.server(None, Duration::ZERO).await] {
        let told = send(server.bare(Method::GET, "/sign-in")).await.expect(200);
        assert_eq!(told, json!({"issuer": null}));
        assert_eq!(asks(&server).await, "'self'");
    }
    assert_eq!(host.asked.load(Ordering::Relaxed), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_that_is_away_or_lacks_pkce_is_told_as_such_and_asked_once_in_a_while() {
    let host = Host::start().await;
    let good = host.says.lock().unwrap().take().unwrap();
    let server = host.server(Some(AppClient::new("the-app")), Duration::from_secs(3600)).await;
    for _ in 0..3 {
        let told = send(server.bare(Method::GET, "/sign-in")).await;
        assert!(told.error(503).contains(&host.url));
        assert_eq!(told.header("retry-after"), "3600");
        assert_eq!(asks(&server).await, "'self'");
    }
    assert_eq!(host.asked.load(Ordering::Relaxed), 1);
    let mut plain = good.clone();
    plain["code_challenge_methods_supported"] = json!(["plain"]);
    *host.says.lock().unwrap() = Some(plain);
    let server = host.server(Some(AppClient::new("the-app")), Duration::ZERO).await;
    send(server.bare(Method::GET, "/sign-in")).await.error(503);
    *host.says.lock().unwrap() = Some(good);
    send(server.bare(Method::GET, "/sign-in")).await.expect(200);
    // What is known goes on counting.
    *host.says.lock().unwrap() = None;
    send(server.bare(Method::GET, "/sign-in")).await.expect(200);
}
