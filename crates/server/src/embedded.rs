//! Files that the binary holds, as answers: with a tag to ask again with, and headers that keep browsers from guessing.

use crate::range::matches_any;
use axum::body::{Body, Bytes};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// A file on its way out.
pub struct File {
    /// Its media type.
    pub kind: &'static str,
    /// Its bytes, packed where `coding` says so.
    pub bytes: Bytes,
    /// How it is packed.
    pub coding: Option<&'static str>,
    /// How long it may be kept.
    pub caching: &'static str,
}

impl File {
    /// One that is asked for again each time, and answered with 304 as long as it is the same.
    pub fn fresh(kind: &'static str, bytes: Cow<'static, [u8]>) -> File {
        File { kind, bytes: owned(bytes), coding: None, caching: "no-cache" }
    }

    /// The answer to a request with these headers; 304 where the client has it.
    pub fn answer(self, request: &HeaderMap) -> Response {
        let tag = format!("\"{}\"", hex::encode(&Sha256::digest(&self.bytes)[..16]));
        let known = request.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
        let (status, body) = match known.is_some_and(|known| matches_any(known, &tag)) {
            true => (StatusCode::NOT_MODIFIED, Body::empty()),
            false => (StatusCode::OK, Body::from(self.bytes)),
        };
        let fixed = [
            (CONTENT_TYPE, self.kind),
            (CACHE_CONTROL, self.caching),
            (VARY, "Accept-Encoding"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (REFERRER_POLICY, "no-referrer"),
        ];
        let mut response = (status, fixed, [(ETAG, tag)], body).into_response();
        if let Some(coding) = self.coding {
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        response
    }
}

/// Bytes that the binary holds, without a copy.
pub fn owned(bytes: Cow<'static, [u8]>) -> Bytes {
    match bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    }
}

/// The media type of a file that people's pages are made of, by its ending.
pub fn media_type(name: &str) -> Option<&'static str> {
    Some(match name.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        _ => return None,
    })
}
