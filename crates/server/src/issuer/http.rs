//! JSON of an issuer, fetched within limits, and what it says about itself.

use super::config::IssuerConfig;
use axum::http::Uri;
use serde::Deserialize;
use std::time::Duration;

const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of the longest answer that is read.
const LONGEST: usize = 1 << 20;

/// What an issuer says about itself (OpenID Connect Discovery 1.0 §3), as far as it is needed.
#[derive(Debug, Deserialize)]
pub(super) struct Configuration {
    issuer: String,
    /// Where its keys are.
    pub(super) jwks_uri: String,
    /// Where people are asked.
    pub(super) authorization_endpoint: Option<String>,
    /// Where a code becomes a token.
    pub(super) token_endpoint: Option<String>,
    /// Where people are sent who sign out (OpenID Connect RP-Initiated Logout 1.0 §2.1).
    pub(super) end_session_endpoint: Option<String>,
    /// Ways of PKCE (RFC 8414 §2); issuers that say nothing may know some.
    pub(super) code_challenge_methods_supported: Option<Vec<String>>,
}

/// Asks one issuer. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Http {
    issuer: String,
    client: reqwest::Client,
}

impl Http {
    pub(super) fn new(config: &IssuerConfig) -> Result<Http, String> {
        check_url("issuer", &config.issuer)?;
        fieldstone_engine::choose_cryptography();
        let mut http = reqwest::Client::builder()
            .timeout(FETCH_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("fieldstone");
        if let Some(pem) = &config.ca_pem {
            let certificates =
                reqwest::Certificate::from_pem_bundle(pem).map_err(|e| format!("setting issuer_ca: {e}"))?;
            if certificates.is_empty() {
                return Err("setting issuer_ca: the file holds no certificate".into());
            }
            http = http.tls_certs_merge(certificates);
        }
        if is_loopback(&config.issuer) {
            http = http.no_proxy();
        }
        let client = http.build().map_err(|e| format!("cannot make an HTTP client for the issuer: {e}"))?;
        Ok(Http { issuer: config.issuer.clone(), client })
    }

    /// Its OpenID configuration (OpenID Connect Discovery 1.0 §4).
    pub(super) async fn configuration(&self) -> Result<Configuration, String> {
        let base = self.issuer.strip_suffix('/').unwrap_or(&self.issuer);
        let url = format!("{base}/.well-known/openid-configuration");
        let found: Configuration = self.get(&url).await?;
        match found.issuer == self.issuer {
            true => Ok(found),
            false => Err(format!("{url} is of the issuer {:?}", found.issuer)),
        }
    }

    /// The JSON at an address.
    pub(super) async fn get<T: for<'a> Deserialize<'a>>(&self, url: &str) -> Result<T, String> {
        // The whole chain of causes: the outer error only says that a request failed.
        let told = |e: reqwest::Error| {
            let mut text = e.to_string();
            let mut cause = std::error::Error::source(&e);
            while let Some(inner) = cause {
                text.push_str(&format!(": {inner}"));
                cause = inner.source();
            }
            text
        };
        let mut response = self.client.get(url).send().await.map_err(told)?;
        if response.status() != 200 {
            return Err(format!("{url} answered {}", response.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(told)? {
            if body.len() + chunk.len() > LONGEST {
                return Err(format!("{url} answered with more than {LONGEST} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&body).map_err(|e| format!("{url}: {e}"))
    }
}

/// Keys and tokens come over TLS, except from this very machine.
pub(super) fn check_url(name: &str, url: &str) -> Result<(), String> {
    let parsed: Option<Uri> = url.parse().ok();
    let scheme = parsed.as_ref().and_then(|u| u.scheme_str().map(str::to_owned));
    match scheme.as_deref() {
        Some("https") => Ok(()),
        Some("http") if is_loopback(url) => Ok(()),
        _ => Err(format!("setting {name}: expected an https:// URL, got {url:?}")),
    }
}

fn is_loopback(url: &str) -> bool {
    let parsed: Option<Uri> = url.parse().ok();
    let host = parsed.as_ref().and_then(Uri::host).unwrap_or_default();
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_over_tls_or_from_this_machine() {
        for good in ["https://a.example/", "http://localhost:1/", "http://127.0.0.1/", "http://[::1]:8/"] {
            assert_eq!(check_url("issuer", good), Ok(()), "{good}");
        }
        for bad in ["http://a.example/", "http://localhost.example/", "file:///etc/passwd", "a.example", ""] {
            assert!(check_url("issuer", bad).is_err(), "{bad}");
        }
    }
}
