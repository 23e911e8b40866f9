//! Tokens of an external issuer: JWTs (RFC 7519) checked by its published keys.
//!
//! # Promises
//! RS256 and ES256 and nothing else: the algorithm must fit the kind of the key, and there is no code for `none` or for
//! shared secrets to be confused with. `iss` is compared to the last character, `aud` except for a slash at its end (clients
//! send the base URL as they were given it), `exp` and `sub` must be there. The user is `sub`.

mod config;
mod http;
mod jwks;
mod jwt;
mod sign_in;

pub use config::{AppClient, IssuerConfig};
pub(crate) use sign_in::SignIn;

use fieldstone_engine::keys::SCOPES;
use fieldstone_engine::model::{Caller, Timestamp};
use http::Http;
use jwks::{Jwks, Lookup};
use jwt::{Claims, Jwt};
use serde_json::Value;

/// How far the issuer's clock may be off, in seconds.
const LEEWAY_S: f64 = 30.0;
/// Characters of the longest user id.
const LONGEST_USER: usize = 255;

/// A trusted issuer and what is known of its keys.
#[derive(Debug)]
pub struct Issuer {
    issuer: String,
    audience: String,
    jwks: Jwks,
    sign_in: Option<SignIn>,
}

/// Why a token is refused.
#[derive(Debug, PartialEq)]
pub(crate) enum Refusal {
    /// What is wrong with it.
    Invalid(String),
    /// It cannot be told: the issuer's keys could never be fetched.
    Unavailable,
}

impl Issuer {
    /// Fetches nothing yet. Errors name what is wrong with the configuration.
    pub fn new(config: IssuerConfig) -> Result<Issuer, String> {
        let http = Http::new(&config)?;
        let sign_in = config.app.clone().map(|app| SignIn::new(&config, app, http.clone()));
        let jwks = Jwks::new(&config, http)?;
        Ok(Issuer { jwks, sign_in, issuer: config.issuer, audience: config.audience })
    }

    /// Begins to ask where the app signs people in, so that its first page need not.
    pub(crate) fn get_ready(&self) {
        if let Some(sign_in) = self.sign_in.clone() {
            tokio::spawn(async move { sign_in.endpoints().await });
        }
    }

    /// How the app signs people in here, if it does.
    pub(crate) fn sign_in(&self) -> Option<&SignIn> {
        self.sign_in.as_ref()
    }

    /// Whose token this is.
    pub(crate) async fn authenticate(&self, token: &str, now: Timestamp) -> Result<Caller, Refusal> {
        let jwt = Jwt::parse(token).map_err(Refusal::Invalid)?;
        let key = match self.jwks.find(jwt.kid(), jwt.algorithm()).await {
            Lookup::Found(key) => key,
            Lookup::Unknown => return Err(Refusal::Invalid("token is signed with an unknown key".into())),
            Lookup::Unavailable => return Err(Refusal::Unavailable),
        };
        let claims = jwt.verify(&key).map_err(Refusal::Invalid)?;
        caller(claims, &self.issuer, &self.audience, now).map_err(Refusal::Invalid)
    }
}

/// Whose token this is by a document of keys, for the fuzz targets.
pub(crate) fn authenticate_with(keys: &[u8], token: &str, now: Timestamp) -> Result<Caller, String> {
    let jwt = Jwt::parse(token)?;
    let key = jwks::find_in(keys, jwt.kid(), jwt.algorithm()).ok_or("unknown key")?;
    caller(jwt.verify(&key)?, "https://issuer.example/", "https://us.example/", now)
}

fn caller(claims: Claims, issuer: &str, audience: &str, now: Timestamp) -> Result<Caller, String> {
    let now = now.0 as f64 * 1e-6;
    if claims.iss.as_deref() != Some(issuer) {
        return Err(format!("token is not of the issuer {issuer:?}"));
    }
    let bare = |text: &str| text.strip_suffix('/').unwrap_or(text).to_owned();
    let ours = |value: &Value| value.as_str().is_some_and(|aud| bare(aud) == bare(audience));
    let meant_for_us = match &claims.aud {
        Some(Value::Array(list)) => list.iter().any(ours),
        Some(one) => ours(one),
        None => false,
    };
    if !meant_for_us {
        return Err(format!("token is not for the audience {audience:?}"));
    }
    let expires = claims.exp.ok_or("token has no time of expiry")?;
    if now >= expires + LEEWAY_S {
        return Err("token has expired".into());
    }
    if claims.nbf.is_some_and(|from| now + LEEWAY_S < from) {
        return Err("token is not valid yet".into());
    }
    let user = claims.sub.filter(|s| !s.is_empty()).ok_or("token has no subject")?;
    if user.chars().count() > LONGEST_USER || user.chars().any(char::is_control) {
        return Err("token's subject is too long or holds control characters".into());
    }
    Ok(Caller { scopes: scopes(claims.scope.or(claims.scp).as_ref()), ..Caller::of(user) })
}

/// The rights that a `scope` claim grants: our words in it, and `read:all` and `write:all` for all of a kind. Without the
/// claim, everything, as for a key without scopes; with one that holds no word of ours, nothing.
fn scopes(claim: Option<&Value>) -> Option<Vec<String>> {
    let words: Vec<&str> = match claim? {
        Value::String(text) => text.split_ascii_whitespace().collect(),
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let granted = |scope: &&&str| {
        let kind = scope.rsplit(':').next().unwrap_or_default();
        words.iter().any(|w| w == *scope || w.strip_suffix(":all") == Some(kind))
    };
    Some(SCOPES.iter().filter(granted).map(|s| (*s).to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ISSUER: &str = "https://issuer.example/";
    const NOW: Timestamp = Timestamp(1_000_000_000_000_000);

    fn check(change: impl FnOnce(&mut Value)) -> Result<Caller, String> {
        let mut claims =
            json!({"iss": ISSUER, "aud": "https://us.example", "exp": 1_000_000_100, "sub": "u"});
        change(&mut claims);
        caller(serde_json::from_value(claims).unwrap(), ISSUER, "https://us.example/", NOW)
    }

    #[test]
    fn claims_are_checked_one_by_one() {
        assert_eq!(check(|_| ()), Ok(Caller::of("u")));
        let wrong: [(&str, Value, &str); 14] = [
            ("iss", json!("https://issuer.example"), "issuer"),
            ("iss", json!(null), "issuer"),
            ("aud", json!("https://them.example"), "audience"),
            ("aud", json!("https://us.example//"), "audience"),
            ("aud", json!(null), "audience"),
            ("aud", json!([]), "audience"),
            ("aud", json!([1, {"https://us.example": 1}]), "audience"),
            ("exp", json!(null), "no time of expiry"),
            ("exp", json!(999_999_970), "expired"),
            ("nbf", json!(1_000_000_031), "not valid yet"),
            ("sub", json!(null), "no subject"),
            ("sub", json!(""), "no subject"),
            ("sub", json!("a\nb"), "control"),
            ("sub", json!("x".repeat(256)), "too long"),
        ];
        for (name, value, fragment) in wrong {
            let text = check(|claims| claims[name] = value.clone()).unwrap_err();
            assert!(text.contains(fragment), "{name} = {value}: {text}");
        }
        for (name, value) in [
            ("aud", json!("https://us.example/")),
            ("aud", json!(["https://them.example", "https://us.example"])),
            ("exp", json!(999_999_970.5)),
            ("nbf", json!(1_000_000_029)),
        ] {
            assert!(check(|claims| claims[name] = value.clone()).is_ok(), "{name} = {value}");
        }
    }

    #[test]
    fn scopes_are_our_words() {
        let of = |claim: Value| scopes(Some(&claim)).unwrap();
        assert_eq!(scopes(None), None);
        assert_eq!(of(json!("openid jobs:read jobs:dance")), ["jobs:read"]);
        assert_eq!(of(json!(["jobs:read", 7])), ["jobs:read"]);
        assert_eq!(of(json!("")), [""; 0]);
        assert_eq!(of(json!({"jobs:read": true})), [""; 0]);
        let reads: Vec<&str> = SCOPES.iter().copied().filter(|s| s.ends_with(":read")).collect();
        assert_eq!(of(json!("read:all")), reads);
        assert_eq!(of(json!("read:all write:all")), SCOPES);
    }
}
