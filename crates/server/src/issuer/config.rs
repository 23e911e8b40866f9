//! What is set about an external issuer.

use fieldstone_engine::keys::SCOPES;
use std::time::Duration;

/// Which issuer is trusted, and for what.
#[derive(Clone, Debug)]
pub struct IssuerConfig {
    /// The `iss` of its tokens, exactly; an `https` URL.
    pub issuer: String,
    /// The `aud` that its tokens must have; a slash at the end does not count.
    pub audience: String,
    /// Where its keys are; `None` asks its OpenID configuration.
    pub jwks_url: Option<String>,
    /// Certificates (PEM) that are trusted beside the system's when its keys are fetched.
    pub ca_pem: Option<Vec<u8>>,
    /// Within this time its keys are fetched twice at most, whatever tokens say, and its configuration for the app once.
    pub fetch_window: Duration,
    /// What the app at `/` is at the issuer; `None` where people sign in with keys alone.
    pub app: Option<AppClient>,
}

/// The app as a public client of an issuer: one without a secret (RFC 6749 §2.1).
#[derive(Clone, Debug)]
pub struct AppClient {
    /// As the issuer knows it.
    pub id: String,
    /// What it asks for, words with spaces between.
    pub scope: String,
}

impl AppClient {
    /// One that asks for all our scopes.
    pub fn new(id: impl Into<String>) -> AppClient {
        AppClient { id: id.into(), scope: format!("openid {}", SCOPES.join(" ")) }
    }
}

impl IssuerConfig {
    /// An issuer that describes itself.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> IssuerConfig {
        IssuerConfig {
            issuer: issuer.into(),
            audience: audience.into(),
            jwks_url: None,
            ca_pem: None,
            fetch_window: Duration::from_secs(30),
            app: None,
        }
    }
}
