//! What is set about an external issuer.

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
    /// Within this time its keys are fetched twice at most, whatever tokens say.
    pub fetch_window: Duration,
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
        }
    }
}
