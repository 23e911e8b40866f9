//! What the answers of uploads say of tus, the protocol they speak: its version on all, and what of it is spoken to who asks by OPTIONS.
//! Pages of other origins may read its headers.

use crate::on_answer::Then;
use crate::wire::uploads::{ALGORITHMS, EXTENSIONS, TUS_RESUMABLE, TUS_VERSION, VERSION};
use axum::body::Body;
use axum::extract::MatchedPath;
use axum::http::header::ACCESS_CONTROL_EXPOSE_HEADERS;
use axum::http::{HeaderName, HeaderValue, Method, Request};

/// Routes that speak it.
const ROOT: &str = "/projects/{projectId}/uploads";

/// Headers of its answers, for pages of other origins. On all answers of the server they would be a tenth of most.
const EXPOSED: &str = "location,tus-resumable,tus-version,tus-extension,tus-max-size,tus-checksum-algorithm,upload-offset,upload-length,upload-metadata,upload-expires,x-asset";

/// For [`OnAnswer`](crate::on_answer::OnAnswer), outside of CORS, which answers OPTIONS: uploads have `most` bytes at most.
pub fn introduce(request: &Request<Body>, most: u64) -> Option<Then> {
    let path = request.extensions().get::<MatchedPath>()?;
    if !path.as_str().starts_with(ROOT) {
        return None;
    }
    let is_question = request.method() == Method::OPTIONS;
    Some(Box::new(move |_, headers| {
        headers.insert(TUS_RESUMABLE, HeaderValue::from_static(VERSION));
        headers.append(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        if is_question {
            headers.insert(TUS_VERSION, HeaderValue::from_static(VERSION));
            let name = HeaderName::from_static;
            headers.insert(name("tus-extension"), HeaderValue::from_static(EXTENSIONS));
            headers.insert(name("tus-checksum-algorithm"), HeaderValue::from_static(ALGORITHMS));
            headers.insert(name("tus-max-size"), HeaderValue::from(most));
        }
    }))
}
