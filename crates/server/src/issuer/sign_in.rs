//! How the app at `/` signs people in at the issuer: where it sends them, and where it turns a code into a token.
//!
//! Both addresses are those of the issuer's OpenID configuration. It is fetched when somebody asks and kept for ten minutes, once in a
//! while at most; while the issuer is down the old ones go on counting.

use super::config::{AppClient, IssuerConfig};
use super::http::{Configuration, Http, check_url};
use axum::http::Uri;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const FRESH: Duration = Duration::from_secs(600);

/// Where the issuer signs people in.
#[derive(Debug, PartialEq)]
pub(crate) struct Endpoints {
    /// Asks people (RFC 6749 §3.1).
    pub(crate) authorization: String,
    /// Gives tokens (RFC 6749 §3.2).
    pub(crate) token: String,
    /// Signs people out there, too (OpenID Connect RP-Initiated Logout 1.0 §2), where the issuer does.
    pub(crate) end_session: Option<String>,
    /// `token` as a source of a Content-Security-Policy, which allows it and nothing else.
    pub(crate) token_source: String,
}

/// Signing in at one issuer. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct SignIn {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    issuer: String,
    audience: String,
    app: AppClient,
    http: Http,
    window: Duration,
    known: Mutex<Option<(Instant, Arc<Endpoints>)>>,
    /// Held while fetching; when the last try began.
    tried: tokio::sync::Mutex<Option<Instant>>,
}

impl SignIn {
    pub(super) fn new(config: &IssuerConfig, app: AppClient, http: Http) -> SignIn {
        let inner = Inner {
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            app,
            http,
            window: config.fetch_window,
            known: Mutex::default(),
            tried: tokio::sync::Mutex::default(),
        };
        SignIn { inner: Arc::new(inner) }
    }

    /// The `iss` of its tokens.
    pub(crate) fn issuer(&self) -> &str {
        &self.inner.issuer
    }

    /// Who its tokens are for.
    pub(crate) fn audience(&self) -> &str {
        &self.inner.audience
    }

    /// What the app is there.
    pub(crate) fn app(&self) -> &AppClient {
        &self.inner.app
    }

    /// How long it takes until an issuer that could not be reached is asked again.
    pub(crate) fn window(&self) -> Duration {
        self.inner.window
    }

    /// What is known of it without a question.
    pub(crate) fn known(&self) -> Option<Arc<Endpoints>> {
        self.inner.known().map(|(_, endpoints)| endpoints)
    }

    /// The same, asked for where it is not known or was long ago; `None` where the issuer cannot be asked or does not say.
    pub(crate) async fn endpoints(&self) -> Option<Arc<Endpoints>> {
        // In a task of its own: a client that hangs up does not take the fetch along that others wait for.
        let inner = self.inner.clone();
        if let Err(e) = tokio::spawn(async move { inner.refresh().await }).await {
            tracing::error!("fetching the issuer's configuration ended badly: {e}");
        }
        self.known()
    }
}

impl Inner {
    fn known(&self) -> Option<(Instant, Arc<Endpoints>)> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn refresh(&self) {
        let is_fresh = || self.known().is_some_and(|(at, _)| at.elapsed() < FRESH);
        if is_fresh() {
            return;
        }
        let mut tried = self.tried.lock().await;
        if is_fresh() || tried.is_some_and(|at| at.elapsed() < self.window) {
            return;
        }
        *tried = Some(Instant::now());
        match self.http.configuration().await.and_then(endpoints) {
            Ok(found) => {
                let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                *known = Some((Instant::now(), Arc::new(found)));
            }
            Err(e) => tracing::warn!("the app cannot offer to sign in at {}: {e}", self.issuer),
        }
    }
}

fn endpoints(found: Configuration) -> Result<Endpoints, String> {
    let named = |name: &str, url: Option<String>| {
        let url = url.ok_or_else(|| format!("its configuration has no {name}"))?;
        check_url(name, &url).map(|()| url)
    };
    let authorization = named("authorization_endpoint", found.authorization_endpoint)?;
    let token = named("token_endpoint", found.token_endpoint)?;
    let end_session = match found.end_session_endpoint {
        Some(url) => Some(named("end_session_endpoint", Some(url))?),
        None => None,
    };
    if found.code_challenge_methods_supported.is_some_and(|ways| ways.iter().all(|way| way != "S256")) {
        return Err("it does not know PKCE with S256".into());
    }
    let token_source =
        source(&token).ok_or_else(|| format!("its token_endpoint {token:?} has no plain host"))?;
    Ok(Endpoints { authorization, token, end_session, token_source })
}

/// An address as a source of a Content-Security-Policy (CSP Level 3 §2.3.1): scheme, host and path, in which `;` and `,` would end it. A
/// host with a star would be a pattern.
fn source(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?.as_str());
    let is_plain = authority.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b));
    let path = uri.path().replace(';', "%3B").replace(',', "%2C");
    (is_plain && path.is_ascii()).then(|| format!("{scheme}://{authority}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(change: impl FnOnce(&mut Value)) -> Result<Endpoints, String> {
        let mut document = json!({
            "issuer": "https://i.example/", "jwks_uri": "https://i.example/keys",
            "authorization_endpoint": "https://i.example/authorize?tenant=1", "token_endpoint": "https://t.example:8/a/token",
        });
        change(&mut document);
        endpoints(serde_json::from_value(document).unwrap())
    }

    #[test]
    fn the_policy_names_the_token_endpoint_alone() {
        let found = read(|_| ()).unwrap();
        assert_eq!(found.authorization, "https://i.example/authorize?tenant=1");
        assert_eq!(found.token_source, found.token);
        assert_eq!(found.end_session, None);
        let out = |url: &str| read(|d| d["end_session_endpoint"] = json!(url)).map(|found| found.end_session);
        assert_eq!(out("https://i.example/logout").unwrap().unwrap(), "https://i.example/logout");
        assert!(out("http://i.example/logout").is_err(), "not over https");
        let of = |url: &str| read(|d| d["token_endpoint"] = json!(url)).map(|found| found.token_source);
        let escaped = of("https://t.example/a;script-src,b?c=d;e").unwrap();
        assert_eq!(escaped, "https://t.example/a%3Bscript-src%2Cb");
        for bad in [
            "https://*/token",
            "https://*.example/token",
            "https://u@t.example/token",
            "http://t.example/token",
            "/token",
        ] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_issuer_without_pkce_or_endpoints_is_none_for_the_app() {
        let methods = |list: Value| read(|d| d["code_challenge_methods_supported"] = list);
        assert!(methods(json!(["plain", "S256"])).is_ok());
        assert_eq!(methods(json!(["plain"])).unwrap_err(), "it does not know PKCE with S256");
        for name in ["authorization_endpoint", "token_endpoint"] {
            let text = read(|d| d[name] = Value::Null).unwrap_err();
            assert_eq!(text, format!("its configuration has no {name}"));
        }
    }
}
