//! Volumes at a lower resolution on the wire: a line of JSON with the samples behind it.

use super::error::ApiError;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use axum::response::Response;
use bytes::Bytes;
use fieldstone_engine::{FieldError, ThinVolume};
use futures::StreamExt;
use serde_json::json;

/// The largest stride.
pub const MOST_STRIDE: u64 = 64;

/// `?stride=`.
pub fn stride(text: Option<&str>) -> Result<u64, ApiError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(1) };
    let digits = text.bytes().all(|c| c.is_ascii_digit());
    let stride = digits.then(|| text.parse().ok()).flatten().filter(|n| (1..=MOST_STRIDE).contains(n));
    stride.ok_or_else(|| {
        let msg = format!("expected a whole number 1 to {MOST_STRIDE}, got {text:?}");
        ApiError::fields(vec![FieldError { field: "stride".to_owned(), msg }])
    })
}

/// A line of JSON, then the samples as they are read.
pub fn written(volume: ThinVolume, stride: u64) -> Result<Response, ApiError> {
    let ThinVolume { sha256, sample_bytes, resolution, offset, size, samples } = volume;
    let line = json!({
        "samples": if sample_bytes == 1 { "int8" } else { "float32" },
        "resolution": resolution,
        "offset": offset,
        "size": size,
        "stride": stride,
    });
    let line = Bytes::from(format!("{line}\n"));
    let bytes = line.len() as u64 + resolution.iter().product::<u64>() * sample_bytes;
    let body = futures::stream::once(std::future::ready(Ok(line))).chain(samples);
    let response = Response::builder()
        .header(CONTENT_TYPE, "application/octet-stream")
        .header(CONTENT_LENGTH, bytes)
        .header(ETAG, format!("\"{sha256}-{stride}\""))
        .header(CACHE_CONTROL, "private, no-cache")
        .body(Body::from_stream(body));
    response.map_err(|e| ApiError::bad_request(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strides_are_whole_and_few() {
        assert_eq!(
            [None, Some(""), Some("4"), Some("64")].map(|s| stride(s).ok()),
            [Some(1), Some(1), Some(4), Some(64)]
        );
        for wrong in ["0", "65", "-1", "2.0", "+2", "x", "99999999999999999999"] {
            assert!(stride(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
