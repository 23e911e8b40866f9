//! JSON that is the same for every request: its bytes, packed ones beside them, and tags to ask again with (RFC 9110 §8.8.3).

use crate::packing::{is_accepted, packed};
use crate::range::matches_any;
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use sha2::{Digest, Sha256};

/// One spelling of a document, and its tag.
struct Spelling {
    bytes: Bytes,
    tag: String,
}

/// A JSON document that does not change while the server runs.
pub struct Constant {
    plain: Spelling,
    packed: Spelling,
}

impl Constant {
    /// The document of this text. Equal texts have equal tags, on every server.
    pub fn new(text: String) -> Constant {
        let hash = hex::encode(&Sha256::digest(&text)[..16]);
        let packed = Spelling { bytes: packed(text.as_bytes()).into(), tag: format!("\"{hash}-gzip\"") };
        Constant { plain: Spelling { bytes: text.into(), tag: format!("\"{hash}\"") }, packed }
    }

    /// The document as a client with these headers takes it, or 304 if it has it.
    pub fn answer(&self, request: &HeaderMap) -> Response {
        let is_packed = is_accepted(request);
        let Spelling { bytes, tag } = if is_packed { &self.packed } else { &self.plain };
        let known = request.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
        let is_new = known.is_none_or(|known| !matches_any(known, tag));
        let mut response = match is_new {
            false => StatusCode::NOT_MODIFIED.into_response(),
            true => ([(CONTENT_TYPE, "application/json")], bytes.clone()).into_response(),
        };
        let headers = response.headers_mut();
        if is_packed && is_new {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        headers.extend(HeaderValue::from_str(tag).ok().map(|tag| (ETAG, tag)));
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        // Asked for again each time, and answered with 304 as long as it is the same.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        response
    }
}
