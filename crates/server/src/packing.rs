//! Compression (gzip, RFC 9110 §8.4): JSON and text of some size, for clients that take it. Never downloads, whose ranges are of
//! the file's own bytes, nor event streams, which would be held back.

use axum::extract::Request;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_TYPE};
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode, Version};
use flate2::Compression;
use flate2::write::GzEncoder;
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

/// The `Accept-Encoding` that a client sent, for files that are there in other forms, too.
#[derive(Clone, Default)]
pub struct Accepted(pub String);

/// Leaves of `Accept-Encoding` what counts here; all of it stays as [`Accepted`]. A client that forbids every encoding gets the plain answer: the layer would
/// make a 406 of what has been done already.
pub fn simplify(mut request: Request) -> Request {
    let all = request.headers().get_all(ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    let accepted = Accepted(all.collect::<Vec<_>>().join(","));
    request.extensions_mut().insert(accepted);
    if is_accepted(request.headers()) {
        request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    } else {
        request.headers_mut().remove(ACCEPT_ENCODING);
    }
    request
}

/// Whether a client takes gzip (RFC 9110 §12.5.3).
pub fn is_accepted(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    let codings: Vec<&str> = values.flat_map(|list| list.split(',')).collect();
    let weight = |wanted: &str| {
        codings.iter().find_map(|coding| {
            let (name, params) = coding.split_once(';').unwrap_or((coding, ""));
            let weight = params.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.trim().parse().ok());
            name.trim().eq_ignore_ascii_case(wanted).then(|| weight.unwrap_or(0.0))
        })
    };
    weight("gzip").or_else(|| weight("*")).unwrap_or(0.0) > 0.0
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
}
