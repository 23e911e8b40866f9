//! Conditional and partial reads: `Range`, `If-Range`, `If-None-Match` (RFC 9110 §13 and §14).

use axum::http::HeaderMap;
use axum::http::header::{IF_NONE_MATCH, IF_RANGE, RANGE};
use std::ops::Range;

/// What a request wants of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All of it: 200.
    Whole,
    /// These bytes, inside the blob: 206.
    Part(Range<u64>),
    /// Bytes that the blob does not have: 416.
    Unsatisfiable,
    /// Nothing, the client has it already: 304.
    NotModified,
}

/// Reads the headers against a blob of `size` bytes with `etag`. Ranges count for GET only, and a
/// `Range` that is malformed, in another unit or a list is ignored, as §14.2 allows.
pub fn wanted(headers: &HeaderMap, is_get: bool, etag: &str, size: u64) -> Wanted {
    let text = |name| headers.get(name).and_then(|v| v.to_str().ok());
    if text(IF_NONE_MATCH).is_some_and(|list| matches_any(list, etag)) {
        return Wanted::NotModified;
    }
    // A date in If-Range can never match: we give out no Last-Modified.
    let same = text(IF_RANGE).is_none_or(|given| given.trim() == etag);
    match text(RANGE) {
        Some(range) if is_get && same => parse(range, size).unwrap_or(Wanted::Whole),
        _ => Wanted::Whole,
    }
}

/// Weak comparison (§8.8.3.2) with a list of tags or `*`.
pub fn matches_any(list: &str, etag: &str) -> bool {
    list.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// One `bytes=a-b`, `bytes=a-` or `bytes=-n`; `None` for what is not.
fn parse(header: &str, size: u64) -> Option<Wanted> {
    let (unit, spec) = header.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = spec.trim().split_once('-')?;
    let range = match (first, last) {
        ("", n) => size.saturating_sub(number(n)?)..size,
        (a, "") => number(a)?..size,
        (a, b) => {
            let (a, b) = (number(a)?, number(b)?);
            if a > b {
                return None;
            }
            a..b.saturating_add(1).min(size)
        }
    };
    Some(if range.start < range.end { Wanted::Part(range) } else { Wanted::Unsatisfiable })
}

/// Digits only; more than fit mean "beyond any end".
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_ranges() {
        use Wanted::*;
        for (header, size, want) in [
            ("bytes=0-0", 10, Some(Part(0..1))),
            ("bytes=2-5", 10, Some(Part(2..6))),
            ("Bytes = 2-", 10, Some(Part(2..10))),
            ("bytes=-3", 10, Some(Part(7..10))),
            ("bytes=-99", 10, Some(Part(0..10))),
            ("bytes=5-999999999999999999999999", 10, Some(Part(5..10))),
            ("bytes=10-", 10, Some(Unsatisfiable)),
            ("bytes=10-12", 10, Some(Unsatisfiable)),
            ("bytes=-0", 10, Some(Unsatisfiable)),
            ("bytes=0-", 0, Some(Unsatisfiable)),
            ("bytes=-5", 0, Some(Unsatisfiable)),
            ("bytes=5-2", 10, None),
            ("bytes=0-1,3-4", 10, None),
            ("bytes=a-b", 10, None),
            ("bytes=-", 10, None),
            ("bytes=--1", 10, None),
            ("lines=0-1", 10, None),
            ("bytes", 10, None),
        ] {
            assert_eq!(parse(header, size), want, "{header} of {size}");
        }
    }

    #[test]
    fn conditions_come_before_ranges() {
        let headers = |pairs: &[(axum::http::HeaderName, &'static str)]| -> HeaderMap {
            pairs.iter().map(|(k, v)| (k.clone(), v.parse().unwrap())).collect()
        };
        let (tag, range) = ("\"aa\"", (RANGE, "bytes=1-2"));
        assert_eq!(wanted(&headers(std::slice::from_ref(&range)), true, tag, 9), Wanted::Part(1..3));
        assert_eq!(wanted(&headers(std::slice::from_ref(&range)), false, tag, 9), Wanted::Whole);
        for (given, want) in
            [("\"aa\"", Wanted::Part(1..3)), ("W/\"aa\"", Wanted::Whole), ("\"bb\"", Wanted::Whole)]
        {
            assert_eq!(wanted(&headers(&[range.clone(), (IF_RANGE, given)]), true, tag, 9), want);
        }
        for given in ["*", "\"aa\"", "W/\"aa\"", "\"bb\", \"aa\""] {
            let got = wanted(&headers(&[range.clone(), (IF_NONE_MATCH, given)]), true, tag, 9);
            assert_eq!(got, Wanted::NotModified, "{given}");
        }
    }
}
