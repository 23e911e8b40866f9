//! Which spelling of a resource a request gets: `openapi`, `sdk` or `sdk-legacy`.

use super::date::DateStyle;
use super::error::ApiError;
use axum::http::HeaderMap;
use axum::http::header::USER_AGENT;

/// One resource, three spellings. Chosen by `Prefer: dialect=…`, else by the key, else by the User-Agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The published API pages: ISO 8601 dates.
    OpenApi,
    /// Python SDK 0.8 and later: RFC 1123 dates, deprecated fields, and no key that it does not know.
    Sdk,
    /// Python SDK up to 0.7.
    SdkLegacy,
}

impl Dialect {
    /// The word in `Prefer`, in `Preference-Applied` and on keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Dialect::OpenApi => "openapi",
            Dialect::Sdk => "sdk",
            Dialect::SdkLegacy => "sdk-legacy",
        }
    }

    /// The inverse of [`Dialect::as_str`].
    pub fn parse(word: &str) -> Option<Dialect> {
        [Dialect::OpenApi, Dialect::Sdk, Dialect::SdkLegacy].into_iter().find(|d| d.as_str() == word)
    }

    /// How it spells dates.
    pub fn dates(self) -> DateStyle {
        match self {
            Dialect::OpenApi => DateStyle::Iso8601,
            Dialect::Sdk | Dialect::SdkLegacy => DateStyle::Rfc1123,
        }
    }
}

/// The dialect of a reply, and whether the request asked for it by `Prefer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What the reply is written in.
    pub dialect: Dialect,
    /// Answered by `Preference-Applied`.
    pub preferred: bool,
}

/// Chooses: `Prefer` wins over the key's `pinned` dialect, which wins over the User-Agent.
pub fn choose(headers: &HeaderMap, pinned: Option<&str>) -> Result<Choice, ApiError> {
    if let Some(dialect) = preference(headers)? {
        return Ok(Choice { dialect, preferred: true });
    }
    let dialect = pinned.and_then(Dialect::parse).unwrap_or_else(|| {
        let agent = headers.get(USER_AGENT).map(|v| v.as_bytes()).unwrap_or_default();
        if is_sdk(agent) { Dialect::Sdk } else { Dialect::OpenApi }
    });
    Ok(Choice { dialect, preferred: false })
}

/// The published Python SDKs name themselves `Python/<interpreter version>` and nothing more.
fn is_sdk(agent: &[u8]) -> bool {
    agent
        .strip_prefix(b"Python/")
        .is_some_and(|v| !v.is_empty() && v.iter().all(|c| c.is_ascii_digit() || *c == b'.'))
}

/// `Prefer: dialect=…` (RFC 7240). Unknown preferences are ignored, as that RFC asks; an unknown value
/// of ours is refused, because answering in another dialect would break its sender silently.
fn preference(headers: &HeaderMap) -> Result<Option<Dialect>, ApiError> {
    for header in headers.get_all("prefer") {
        let text = header.to_str().map_err(|_| ApiError::bad_request("header Prefer is not ASCII text"))?;
        for item in text.split(',') {
            let item = item.split(';').next().unwrap_or_default();
            let (name, value) = item.split_once('=').unwrap_or((item, ""));
            if !name.trim().eq_ignore_ascii_case("dialect") {
                continue;
            }
            let value = value.trim().trim_matches('"');
            // RFC 7240 §2: when a preference is repeated, the first one counts.
            return match Dialect::parse(value) {
                Some(dialect) => Ok(Some(dialect)),
                None => Err(ApiError::bad_request(format!(
                    "header Prefer: dialect is {value:?}, expected openapi, sdk or sdk-legacy"
                ))),
            };
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn chosen(headers: &[(&'static str, &'static str)], pinned: Option<&str>) -> Option<(Dialect, bool)> {
        let headers: HeaderMap =
            headers.iter().map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_static(v))).collect();
        choose(&headers, pinned).ok().map(|c| (c.dialect, c.preferred))
    }

    #[test]
    fn only_the_bare_interpreter_version_is_the_sdk() {
        use Dialect::*;
        for (agent, want) in [
            ("Python/3.11.2", Sdk),
            ("Python/3.13", Sdk),
            ("Python/", OpenApi),
            ("Python/3.11 aiohttp/3.9", OpenApi),
            ("python-requests/2.32", OpenApi),
            ("curl/8.5.0", OpenApi),
            ("axios/1.7.0", OpenApi),
        ] {
            assert_eq!(chosen(&[("user-agent", agent)], None), Some((want, false)), "{agent}");
        }
        assert_eq!(chosen(&[], None), Some((OpenApi, false)));
    }

    #[test]
    fn the_key_wins_over_the_agent_and_prefer_over_both() {
        use Dialect::*;
        let agent = ("user-agent", "Python/3.11.2");
        assert_eq!(chosen(&[agent], Some("sdk-legacy")), Some((SdkLegacy, false)));
        assert_eq!(chosen(&[agent], Some("openapi")), Some((OpenApi, false)));
        assert_eq!(
            chosen(&[agent, ("prefer", "dialect=openapi")], Some("sdk-legacy")),
            Some((OpenApi, true))
        );
    }

    #[test]
    fn prefer_is_read_as_rfc_7240_writes_it() {
        use Dialect::*;
        for (text, want) in [
            ("dialect=sdk", Some((Sdk, true))),
            ("respond-async, Dialect = \"sdk-legacy\"; x=1, wait=10", Some((SdkLegacy, true))),
            ("respond-async", Some((OpenApi, false))),
            ("dialect=foo", None),
            ("dialect", None),
        ] {
            assert_eq!(chosen(&[("prefer", text)], None), want, "{text}");
        }
    }
}
