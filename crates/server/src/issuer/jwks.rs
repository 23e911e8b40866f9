//! The keys of an issuer (RFC 7517), fetched when they are needed and kept for ten minutes.
//!
//! An unknown key makes them be fetched again, so that a rotation is followed at once; one fetch at a time and never
//! three within half a minute, so that made-up tokens cannot turn us against the issuer. While the issuer is down the old keys
//! go on counting.

use super::config::IssuerConfig;
use super::http::{Http, check_url};
use super::jwt::{Algorithm, Key};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const FRESH: Duration = Duration::from_secs(600);
/// Keys of one issuer at most.
const MOST_KEYS: usize = 100;

/// What became of a search for a key.
pub(super) enum Lookup {
    Found(Arc<Key>),
    Unknown,
    /// No keys were ever seen.
    Unavailable,
}

/// Keys by their names.
type Keys = Vec<(Option<String>, Arc<Key>)>;

/// Keys as last fetched. `count` tells fetches apart.
#[derive(Clone, Debug, Default)]
struct Seen {
    keys: Arc<Keys>,
    at: Option<Instant>,
    count: u64,
}

impl Seen {
    /// The key called `kid`; a token that names none can mean only the one key of its kind.
    fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<Arc<Key>> {
        let fits = |(name, key): &&(Option<String>, Arc<Key>)| {
            key.algorithm() == algorithm && (kid.is_none() || name.as_deref() == kid)
        };
        let mut found = self.keys.iter().filter(fits);
        let first = found.next()?;
        found.next().is_none().then(|| first.1.clone())
    }
}

/// The keys of one issuer. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Jwks {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    issuer: String,
    url: Option<String>,
    window: Duration,
    http: Http,
    seen: Mutex<Seen>,
    /// Held while fetching; when the last two began, the later one last.
    fetching: tokio::sync::Mutex<[Option<Instant>; 2]>,
}

impl Jwks {
    pub(super) fn new(config: &IssuerConfig, http: Http) -> Result<Jwks, String> {
        if let Some(url) = &config.jwks_url {
            check_url("jwks_url", url)?;
        }
        let inner = Inner {
            issuer: config.issuer.clone(),
            url: config.jwks_url.clone(),
            window: config.fetch_window,
            http,
            seen: Mutex::default(),
            fetching: tokio::sync::Mutex::default(),
        };
        Ok(Jwks { inner: Arc::new(inner) })
    }

    /// The key that a token names, fetched if need be.
    pub(super) async fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Lookup {
        let seen = self.inner.seen();
        if seen.at.is_some_and(|at| at.elapsed() < FRESH)
            && let Some(key) = seen.find(kid, algorithm)
        {
            return Lookup::Found(key);
        }
        // In a task of its own: a client that hangs up does not take the fetch along that others wait for.
        let inner = self.inner.clone();
        if let Err(e) = tokio::spawn(async move { inner.refresh(seen.count).await }).await {
            tracing::error!("fetching the issuer's keys ended badly: {e}");
        }
        let seen = self.inner.seen();
        match seen.find(kid, algorithm) {
            Some(key) => Lookup::Found(key),
            None if seen.at.is_none() => Lookup::Unavailable,
            None => Lookup::Unknown,
        }
    }
}

impl Inner {
    fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fetches the keys, unless that has been done since fetch number `count` or was tried twice just now.
    async fn refresh(&self, count: u64) {
        let mut begun = self.fetching.lock().await;
        if self.seen().count != count || begun[0].is_some_and(|at| at.elapsed() < self.window) {
            return;
        }
        *begun = [begun[1], Some(Instant::now())];
        match self.fetch().await {
            Ok(keys) => {
                let next = Seen { keys: Arc::new(keys), at: Some(Instant::now()), count: count + 1 };
                *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = next;
            }
            Err(e) => tracing::warn!("cannot fetch the keys of the issuer {}: {e}", self.issuer),
        }
    }

    async fn fetch(&self) -> Result<Keys, String> {
        let url = match &self.url {
            Some(url) => url.clone(),
            None => {
                let found = self.http.configuration().await?.jwks_uri;
                check_url("jwks_uri", &found)?;
                found
            }
        };
        Ok(self.http.get::<JwkSet>(&url).await?.read())
    }
}

#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<Jwk>,
}

impl JwkSet {
    fn read(self) -> Keys {
        self.keys.into_iter().take(MOST_KEYS).filter_map(Jwk::read).collect()
    }
}

/// The key that a token names in a document of keys, for the fuzz targets.
pub(super) fn find_in(document: &[u8], kid: Option<&str>, algorithm: Algorithm) -> Option<Arc<Key>> {
    let keys = serde_json::from_slice::<JwkSet>(document).ok()?.read();
    Seen { keys: Arc::new(keys), ..Seen::default() }.find(kid, algorithm)
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Jwk {
    /// A key for signatures of an allowed kind; all others are passed over.
    fn read(self) -> Option<(Option<String>, Arc<Key>)> {
        let number = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_ref()?).ok();
        let key = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => {
                let n = number(&self.n)?;
                // Some issuers write the modulus with a zero in front.
                let zeros = n.iter().take_while(|b| **b == 0).count();
                Key::Rsa { n: n[zeros..].to_vec(), e: number(&self.e)? }
            }
            ("EC", Some("P-256")) => {
                let (x, y) = (number(&self.x)?, number(&self.y)?);
                if x.len() != 32 || y.len() != 32 {
                    return None;
                }
                Key::P256([&[4], &x[..], &y[..]].concat())
            }
            _ => return None,
        };
        if self.usage.is_some_and(|u| u != "sig")
            || self.alg.is_some_and(|a| Algorithm::of(&a) != Some(key.algorithm()))
        {
            return None;
        }
        Some((self.kid, Arc::new(key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_for_allowed_signatures_are_read() {
        let read = |text: &str| serde_json::from_str::<Jwk>(text).unwrap().read().is_some();
        let (a, short) = (URL_SAFE_NO_PAD.encode([1; 32]), URL_SAFE_NO_PAD.encode([1; 31]));
        assert!(read(r#"{"kty":"RSA","n":"AQAB","e":"AQAB","use":"sig","alg":"RS256"}"#));
        assert!(read(&format!(r#"{{"kty":"EC","crv":"P-256","x":"{a}","y":"{a}"}}"#)));
        for bad in [
            r#"{"kty":"RSA","n":"AQAB","e":"AQAB","use":"enc"}"#.to_owned(),
            r#"{"kty":"RSA","n":"AQAB","e":"AQAB","alg":"RS512"}"#.to_owned(),
            r#"{"kty":"RSA","n":"AQAB","e":"AQAB","alg":"ES256"}"#.to_owned(),
            r#"{"kty":"RSA","n":"A+AB","e":"AQAB"}"#.to_owned(),
            r#"{"kty":"oct","k":"AQAB"}"#.to_owned(),
            format!(r#"{{"kty":"EC","crv":"P-384","x":"{a}","y":"{a}"}}"#),
            format!(r#"{{"kty":"EC","crv":"P-256","x":"{a}","y":"{short}"}}"#),
        ] {
            assert!(!read(&bad), "{bad}");
        }
    }
}
