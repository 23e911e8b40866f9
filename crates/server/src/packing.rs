//! Compression (gzip, RFC 9110 §8.4): JSON and text of some size, for clients that take it. Never downloads, whose ranges are of
//! the file's own bytes, nor event streams, which would be held back.

use axum::extract::{FromRequestParts, Request};
use axum::http::header::{ACCEPT_ENCODING, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode, Version};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::convert::Infallible;
use std::io::Write;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{And, Predicate, SizeAbove};

/// Bytes of the longest answer of known size that goes out as it is: packing a job that is polled would cost more than it saves.
const SMALL: u64 = 8192;

/// Media types that are packed.
const PACKED: [&str; 5] = ["application/json", "text/plain", "text/html", "text/css", "text/javascript"];

type IsPacked = fn(StatusCode, Version, &HeaderMap, &Extensions) -> bool;

/// Packs answers as they leave.
pub fn layer() -> CompressionLayer<And<SizeAbove, IsPacked>> {
    let is_packed: IsPacked = |_, _, headers, _| {
        let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        PACKED.iter().any(|packed| kind.starts_with(packed))
    };
    let layer = CompressionLayer::new().gzip(true).quality(CompressionLevel::Fastest);
    layer.compress_when(SizeAbove::new(SMALL).and(is_packed))
}

/// The `Accept-Encoding` that a client sent (RFC 9110 §12.5.3).
#[derive(Clone, Default)]
pub struct Accepted(String);

impl Accepted {
    fn of(headers: &HeaderMap) -> Accepted {
        let all = headers.get_all(ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
        Accepted(all.collect::<Vec<_>>().join(","))
    }

    /// The weight that it names a coding with; 0 where that cannot be read.
    fn weight(&self, coding: &str) -> Option<f32> {
        self.0.split(',').find_map(|entry| {
            let (name, params) = entry.split_once(';').unwrap_or((entry, ""));
            let params = params.trim();
            let weight = params.strip_prefix("q=").or_else(|| params.strip_prefix("Q="));
            let weight = weight.map_or(Ok(1.0), |q| q.trim().parse());
            name.trim().eq_ignore_ascii_case(coding).then(|| weight.unwrap_or(0.0))
        })
    }

    /// Whether it takes gzip, by its name or as one of all.
    fn takes_gzip(&self) -> bool {
        self.weight("gzip").or_else(|| self.weight("*")).unwrap_or(0.0) > 0.0
    }

    /// Whether it takes a coding by its name. `*` is not read as one: plain bytes are always right.
    pub fn takes(&self, coding: &str) -> bool {
        self.weight(coding).is_some_and(|weight| weight > 0.0)
    }
}

impl<S: Sync> FromRequestParts<S> for Accepted {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Accepted, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_default())
    }
}

/// Leaves of `Accept-Encoding` what counts here; all of it stays as [`Accepted`], for files that are there in other forms, too. A client
/// that forbids every encoding gets the plain answer: the layer would make a 406 of what has been done already.
pub fn simplify(mut request: Request) -> Request {
    if !request.headers().contains_key(ACCEPT_ENCODING) {
        return request;
    }
    let accepted = Accepted::of(request.headers());
    let takes_gzip = accepted.takes_gzip();
    request.extensions_mut().insert(accepted);
    if takes_gzip {
        request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    } else {
        request.headers_mut().remove(ACCEPT_ENCODING);
    }
    request
}

/// Whether a client takes gzip, by its name or as one of all.
pub fn is_accepted(headers: &HeaderMap) -> bool {
    Accepted::of(headers).takes_gzip()
}

/// Bytes packed as well as they can be, for what is sent often.
pub fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // A Vec takes all that is written to it.
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("a Vec takes all")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_taken_by_whoever_says_so_and_nobody_else() {
        let accepted = |text: &'static str| {
            is_accepted(&HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(text))]))
        };
        for yes in ["gzip", "br, gzip;q=0.5", "GZIP", "*", "identity;q=0, *;q=0.1", "deflate,gzip ;q=1"] {
            assert!(accepted(yes), "{yes}");
        }
        for no in ["", "br", "gzip;q=0", "gzip;q=0, *", "*;q=0", "identity", "gzip;q=x", "xgzip"] {
            assert!(!accepted(no), "{no}");
        }
        assert!(!is_accepted(&HeaderMap::new()));
    }

    #[test]
    fn codings_are_taken_as_the_header_says() {
        for (header, br, gzip) in [
            ("", false, false),
            ("gzip, deflate, br", true, true),
            ("gzip;q=0, br;q=0.1", true, false),
            ("BR ; q=1.0", true, false),
            ("*", false, false),
            ("identity", false, false),
            ("xbr, gzip;q=x", false, false),
        ] {
            let accepted = Accepted(header.to_owned());
            assert_eq!((accepted.takes("br"), accepted.takes("gzip")), (br, gzip), "{header}");
        }
    }
}
