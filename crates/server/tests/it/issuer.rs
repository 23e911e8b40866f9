//! Tokens of an external issuer, which runs inside the test: good ones, rotated keys, and attacks.

use crate::harness::{Answer, Server, send};
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fieldstone_server::{Issuer as Trusted, IssuerConfig, ServerConfig};
use reqwest::Method;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

const AUDIENCE: &str = "https://fields.example/";

/// A key pair of the issuer.
#[derive(Clone)]
enum Pair {
    Rsa(Arc<RsaKeyPair>),
    P256(Arc<EcdsaKeyPair>),
}

impl Pair {
    /// The one RSA key there is: making one takes seconds.
    fn rsa() -> Pair {
        Pair::Rsa(Arc::new(RsaKeyPair::from_pkcs8(include_bytes!("issuer_rsa.pk8")).unwrap()))
    }

    fn p256() -> Pair {
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Pair::P256(Arc::new(EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap()))
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Pair::Rsa(_) => "RS256",
            Pair::P256(_) => "ES256",
        }
    }

    fn public(&self, kid: &str) -> Value {
        match self {
            Pair::Rsa(pair) => {
                let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({"kty": "RSA", "use": "sig", "kid": kid, "n": text(&public.n), "e": text(&public.e)})
            }
            Pair::P256(pair) => {
                let point = pair.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": text(&point[1..33]), "y": text(&point[33..])})
            }
        }
    }

    fn sign(&self, message: &str) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature).unwrap();
                signature
            }
            Pair::P256(pair) => pair.sign(&random, message.as_bytes()).unwrap().as_ref().to_vec(),
        }
    }
}

fn text(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", text(header.to_string()), text(claims.to_string()))
}

/// An issuer on loopback: its OpenID configuration, its keys, and how often these were asked for.
#[derive(Clone)]
struct Issuer {
    url: String,
    keys: Arc<Mutex<Vec<(String, Pair)>>>,
    asked: Arc<AtomicUsize>,
    down: Arc<AtomicBool>,
}

impl Issuer {
    async fn start() -> Issuer {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let issuer = Issuer { url, keys: Arc::default(), asked: Arc::default(), down: Arc::default() };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(configuration))
            .route("/keys", get(keys))
            .with_state(issuer.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        issuer
    }

    /// Signs with this key from now on; the older ones stay published.
    fn rotate(&self, kid: &str, pair: Pair) {
        self.keys.lock().unwrap().insert(0, (kid.to_owned(), pair));
    }

    fn claims(&self) -> Value {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        json!({"iss": self.url, "aud": AUDIENCE, "sub": "ida@clients", "iat": now, "exp": now + 300})
    }

    /// A token with these claims, by the newest key.
    fn token(&self, claims: &Value) -> String {
        let (kid, pair) = self.keys.lock().unwrap()[0].clone();
        let signed = unsigned(&json!({"alg": pair.algorithm(), "typ": "JWT", "kid": kid}), claims);
        format!("{signed}.{}", text(pair.sign(&signed)))
    }

    /// A server that trusts it.
    async fn server(&self, fetch_window: Duration) -> Server {
        let config = IssuerConfig { fetch_window, ..IssuerConfig::new(&self.url, AUDIENCE) };
        let issuer = Some(Arc::new(Trusted::new(config).unwrap()));
        Server::with(ServerConfig { issuer, ..ServerConfig::default() }).await
    }
}

async fn configuration(State(issuer): State<Issuer>) -> Json<Value> {
    Json(json!({"issuer": issuer.url, "jwks_uri": format!("{}keys", issuer.url)}))
}

async fn keys(State(issuer): State<Issuer>) -> Result<Json<Value>, axum::http::StatusCode> {
    issuer.asked.fetch_add(1, Ordering::Relaxed);
    if issuer.down.load(Ordering::Relaxed) {
        return Err(axum::http::StatusCode::BAD_GATEWAY);
    }
    let keys = issuer.keys.lock().unwrap().iter().map(|(kid, pair)| pair.public(kid)).collect::<Vec<_>>();
    Ok(Json(json!({"keys": keys})))
}

async fn ask(server: &Server, token: &str) -> Answer {
    send(server.bare(Method::GET, "/projects").bearer_auth(token)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_users_are_users_with_the_scopes_it_says() {
    let issuer = Issuer::start().await;
    issuer.rotate("a", Pair::rsa());
    let server = issuer.server(Duration::ZERO).await;
    let token = issuer.token(&issuer.claims());
    let made = server.bare(Method::POST, "/projects").bearer_auth(&token).json(&json!({"name": "p"}));
    assert_eq!(send(made).await.expect(201)["user"], "ida@clients");
    assert_eq!(ask(&server, &token).await.expect(200).as_array().unwrap().len(), 1);
    let id = server.get("/projects").await.expect(200);
    assert_eq!(id, json!([]), "the owner's key does not see her private project");
    let mut claims = issuer.claims();
    claims["scope"] = json!("openid jobs:read");
    let text = ask(&server, &issuer.token(&claims)).await.error(401);
    assert_eq!(text, "token lacks the scope projects:read");
    claims["scope"] = json!("openid projects:read");
    ask(&server, &issuer.token(&claims)).await.expect(200);
    // Our own keys go on working beside it.
    server.get("/projects").await.expect(200);
    for audience in [json!("https://fields.example"), json!(["x", AUDIENCE])] {
        claims["aud"] = audience;
        ask(&server, &issuer.token(&claims)).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attacks_are_refused() {
    let issuer = Issuer::start().await;
    issuer.rotate("e", Pair::p256());
    issuer.rotate("r", Pair::rsa());
    let server = issuer.server(Duration::from_secs(3600)).await;
    let claims = issuer.claims();
    let good = issuer.token(&claims);
    ask(&server, &good).await.expect(200);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (header, _) = signed.split_once('.').unwrap();
    let with = |name: &str, value: Value| {
        let mut changed = claims.clone();
        changed[name] = value;
        changed
    };
    // The public key as a shared secret: the classic confusion.
    let public = issuer.keys.lock().unwrap()[0].1.public("r").to_string();
    let hmac = unsigned(&json!({"alg": "HS256", "kid": "r"}), &claims);
    let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, public.as_bytes());
    let confused = format!("{hmac}.{}", text(ring::hmac::sign(&secret, hmac.as_bytes())));
    let as_other = unsigned(&json!({"alg": "ES256", "kid": "r"}), &claims);
    let as_other = format!("{as_other}.{}", text(issuer.keys.lock().unwrap()[0].1.sign(&as_other)));
    let none = unsigned(&json!({"alg": "none"}), &claims);
    let critical = unsigned(&json!({"alg": "RS256", "kid": "r", "crit": ["b64"], "b64": false}), &claims);
    let critical = format!("{critical}.{}", text(issuer.keys.lock().unwrap()[0].1.sign(&critical)));
    let embedded = json!({"alg": "ES256", "kid": "mine", "jwk": Pair::p256().public("mine"), "jku": "http://localhost/"});
    let embedded = unsigned(&embedded, &claims);
    let embedded = format!("{embedded}.{}", text(Pair::p256().sign(&embedded)));
    let attacks = [
        ("none", format!("{none}."), "not allowed"),
        ("none, signed", format!("{none}.{signature}"), "not allowed"),
        ("key confusion", confused, "not allowed"),
        ("another kind of key", as_other, "unknown key"),
        ("its own key", embedded, "unknown key"),
        ("critical extension", critical, "critical"),
        (
            "tampered",
            format!("{header}.{}.{signature}", text(with("sub", json!("owner")).to_string())),
            "signature",
        ),
        ("no signature", format!("{signed}."), "signature"),
        ("another's signature", format!("{signed}.{}", text(Pair::rsa().sign("x"))), "signature"),
        ("not JSON", format!("{}.{}.{signature}", text("x"), text("y")), "not a JWT"),
        ("not base64", format!("{header}.{{}}.{signature}"), "signature"),
        ("huge", format!("{signed}{}.{signature}", "A".repeat(17 << 10)), "longer"),
        ("wrong issuer", issuer.token(&with("iss", json!("https://evil.example/"))), "issuer"),
        (
            "issuer without its slash",
            issuer.token(&with("iss", json!(issuer.url.trim_end_matches('/')))),
            "issuer",
        ),
        ("wrong audience", issuer.token(&with("aud", json!("https://other.example/"))), "audience"),
        ("expired", issuer.token(&with("exp", json!(1_000_000_000))), "expired"),
        ("never expires", issuer.token(&with("exp", Value::Null)), "expiry"),
        ("too early", issuer.token(&with("nbf", json!(9_000_000_000_u64))), "not valid yet"),
        ("nobody", issuer.token(&with("sub", Value::Null)), "subject"),
        ("odd claims", issuer.token(&with("sub", json!(["owner"]))), "claims"),
    ];
    for (name, token, fragment) in attacks {
        let answer = ask(&server, &token).await;
        let text = answer.error(401);
        assert!(text.contains(fragment), "{name}: {text}");
        assert_eq!(answer.header("www-authenticate"), "Bearer error=\"invalid_token\"", "{name}");
    }
    assert_eq!(issuer.asked.load(Ordering::Relaxed), 2, "made-up keys are no reason to ask again and again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotation_is_followed_and_an_issuer_that_is_down_is_not_missed() {
    let issuer = Issuer::start().await;
    issuer.rotate("a", Pair::rsa());
    let server = issuer.server(Duration::ZERO).await;
    let (asked, claims) = (|| issuer.asked.load(Ordering::Relaxed), issuer.claims());
    issuer.down.store(true, Ordering::Relaxed);
    let first = issuer.token(&claims);
    ask(&server, &first).await.error(503);
    issuer.down.store(false, Ordering::Relaxed);
    let before = asked();
    // Many at once, and nobody knows the keys yet: one of them asks.
    let many = (0..16).map(|_| ask(&server, &first));
    for answer in futures::future::join_all(many).await {
        answer.expect(200);
    }
    assert_eq!(asked(), before + 1);
    issuer.rotate("b", Pair::p256());
    let second = issuer.token(&claims);
    for token in [&second, &first, &second] {
        ask(&server, token).await.expect(200);
    }
    assert_eq!(asked(), before + 2);
    issuer.down.store(true, Ordering::Relaxed);
    ask(&server, &second).await.expect(200);
    // The old key is withdrawn; a token by the next key makes that known.
    issuer.down.store(false, Ordering::Relaxed);
    issuer.keys.lock().unwrap().retain(|(kid, _)| kid == "b");
    issuer.rotate("c", Pair::p256());
    ask(&server, &issuer.token(&claims)).await.expect(200);
    ask(&server, &first).await.error(401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_right_after_the_first_fetch_is_followed() {
    let issuer = Issuer::start().await;
    issuer.rotate("a", Pair::rsa());
    let server = issuer.server(Duration::from_secs(3600)).await;
    for kid in ["b", "c"] {
        ask(&server, &issuer.token(&issuer.claims())).await.expect(200);
        issuer.rotate(kid, Pair::p256());
    }
    ask(&server, &issuer.token(&issuer.claims())).await.error(401);
    assert_eq!(issuer.asked.load(Ordering::Relaxed), 2, "the next rotation waits for the window's end");
}

#[test]
fn an_issuer_must_be_reached_safely() {
    let error = |url: &str| Trusted::new(IssuerConfig::new(url, AUDIENCE)).unwrap_err();
    assert!(error("http://issuer.example/").starts_with("setting issuer: expected an https:// URL"));
    assert!(error("issuer").contains("\"issuer\""));
    let config =
        IssuerConfig { ca_pem: Some(b"none".to_vec()), ..IssuerConfig::new("https://a.example", "b") };
    assert_eq!(Trusted::new(config).unwrap_err(), "setting issuer_ca: the file holds no certificate");
}
