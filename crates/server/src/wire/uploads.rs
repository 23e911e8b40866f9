//! Uploads on the wire: the headers of the tus protocol 1.0 (<https://tus.io/protocols/resumable-upload>), and how an upload is shown.

use super::date::{DateStyle, WireDate};
use super::dialect::Dialect;
use super::error::ApiError;
use super::{Resource, Text, date};
use crate::openapi::schema::{Schema, Schemas, date as moment, integer, object, text};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fieldstone_engine::FieldError;
use fieldstone_engine::model::{NewResumable, PieceChecksum, PieceHash, ResumableUpload, Timestamp};
use serde::ser::SerializeMap;

/// The version of the protocol that is spoken.
pub const VERSION: &str = "1.0.0";
/// What of it is spoken beyond its core.
pub const EXTENSIONS: &str = "creation,termination,expiration,checksum";
/// Checksums of pieces.
pub const ALGORITHMS: &str = "sha1,sha256";
/// The only kind of piece.
pub const PIECE: &str = "application/offset+octet-stream";

/// Version that a client speaks, and that an answer speaks.
pub const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
/// Versions that a server speaks.
pub const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
/// Where a piece begins, and where the next one is to.
pub const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
/// Bytes of the whole.
pub const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
/// What the client says of the file.
pub const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
/// Until when an upload may go on.
pub const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
/// Of a piece.
pub const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
/// Id of the asset that an upload has become.
pub const ASSET: HeaderName = HeaderName::from_static("x-asset");

/// Bytes of `Upload-Metadata` at most.
const MOST_METADATA: usize = 8 << 10;

fn refused(field: &str, msg: impl Into<String>) -> ApiError {
    ApiError::fields(vec![FieldError { field: field.to_owned(), msg: msg.into() }])
}

/// The text of a header; a second one of its name is refused.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, ApiError> {
    let mut values = headers.get_all(name).iter();
    let (first, second) = (values.next(), values.next());
    match (first, second) {
        (None, _) => Ok(None),
        (Some(value), None) => match value.to_str() {
            Ok(text) => Ok(Some(text.trim())),
            Err(_) => Err(refused(name.as_str(), "expected visible ASCII characters")),
        },
        (Some(_), Some(_)) => Err(refused(name.as_str(), "is given more than once")),
    }
}

/// A header that is a whole number.
fn number(headers: &HeaderMap, name: &HeaderName) -> Result<u64, ApiError> {
    let Some(text) = only(headers, name)? else { return Err(refused(name.as_str(), "is required")) };
    let digits = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    let number = digits.then(|| text.parse::<i64>().ok()).flatten();
    let number =
        number.ok_or_else(|| refused(name.as_str(), format!("expected a whole number, got {text:?}")))?;
    Ok(number.cast_unsigned())
}

/// Refuses a client that speaks another version.
pub fn check_version(headers: &HeaderMap) -> Result<(), ApiError> {
    let said = headers.get(TUS_RESUMABLE).map(HeaderValue::as_bytes);
    if said == Some(VERSION.as_bytes()) {
        return Ok(());
    }
    let said = said.map_or("nothing".into(), |text| format!("{:?}", String::from_utf8_lossy(text)));
    let text = format!("header Tus-Resumable: expected {VERSION}, got {said}");
    Err(ApiError::new(StatusCode::PRECONDITION_FAILED, text)
        .with_header(TUS_VERSION, HeaderValue::from_static(VERSION)))
}

/// The pairs of `Upload-Metadata`: a key, and behind a space its value in Base64, if it has one; commas in between.
fn metadata(text: &str) -> Result<Vec<(&str, Vec<u8>)>, ApiError> {
    let refused = |msg: String| refused(UPLOAD_METADATA.as_str(), msg);
    if text.len() > MOST_METADATA {
        return Err(refused(format!("has {} bytes, at most {MOST_METADATA} are allowed", text.len())));
    }
    let mut pairs: Vec<(&str, Vec<u8>)> = Vec::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        let value = STANDARD.decode(value.trim());
        let value = value.map_err(|e| refused(format!("the value of {key:?} is no Base64: {e}")))?;
        if pairs.iter().any(|(known, _)| *known == key) {
            return Err(refused(format!("{key:?} is given more than once")));
        }
        pairs.push((key, value));
    }
    Ok(pairs)
}

/// `POST …/uploads`.
pub fn new_upload(headers: &HeaderMap) -> Result<NewResumable, ApiError> {
    if headers.contains_key("upload-defer-length") {
        return Err(refused("upload-defer-length", "the length has to be known when the upload begins"));
    }
    let size = number(headers, &UPLOAD_LENGTH)?;
    let text = only(headers, &UPLOAD_METADATA)?.unwrap_or_default();
    let pairs = metadata(text)?;
    let value = |name: &str| -> Result<Option<String>, ApiError> {
        let Some((_, bytes)) = pairs.iter().find(|(key, _)| *key == name) else { return Ok(None) };
        let text = String::from_utf8(bytes.clone());
        text.map(Some)
            .map_err(|_| refused(UPLOAD_METADATA.as_str(), format!("the value of {name:?} is not UTF-8")))
    };
    let filename = value("filename")?;
    let filename = filename.ok_or_else(|| refused(UPLOAD_METADATA.as_str(), "\"filename\" is required"))?;
    let sha256 = value("checksum")?.map(|text| {
        let hex = text.strip_prefix("sha256:").filter(|hex| hex.len() == 64);
        let is_hex = |hex: &&str| hex.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
        hex.filter(is_hex).map(str::to_owned).ok_or_else(|| {
            let expected = "the value of \"checksum\": expected sha256: and 64 hex digits";
            refused(UPLOAD_METADATA.as_str(), format!("{expected}, got {text:?}"))
        })
    });
    Ok(NewResumable { filename, metadata: text.to_owned(), sha256: sha256.transpose()?, size })
}

/// Where the piece of a request begins, and what its checksum is to be.
pub fn piece(headers: &HeaderMap) -> Result<(u64, Option<PieceChecksum>), ApiError> {
    let kind = headers.get(CONTENT_TYPE).map_or(b"".as_slice(), HeaderValue::as_bytes);
    if !kind.eq_ignore_ascii_case(PIECE.as_bytes()) {
        let text = format!("header Content-Type: expected {PIECE}, got {:?}", String::from_utf8_lossy(kind));
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
    }
    Ok((number(headers, &UPLOAD_OFFSET)?, only(headers, &UPLOAD_CHECKSUM)?.map(checksum).transpose()?))
}

fn checksum(text: &str) -> Result<PieceChecksum, ApiError> {
    let (name, digest) = text.split_once(' ').unwrap_or((text, ""));
    let (algorithm, bytes) = match name {
        "sha1" => (PieceHash::Sha1, 20),
        "sha256" => (PieceHash::Sha256, 32),
        _ => {
            let text = format!("expected one of {ALGORITHMS}, got {name:?}");
            return Err(refused(UPLOAD_CHECKSUM.as_str(), text));
        }
    };
    match STANDARD.decode(digest.trim()) {
        Ok(digest) if digest.len() == bytes => Ok(PieceChecksum { algorithm, digest }),
        _ => Err(refused(
            UPLOAD_CHECKSUM.as_str(),
            format!("expected {bytes} bytes in Base64, got {digest:?}"),
        )),
    }
}

/// The headers that every answer about an upload has: how far it is, until when it may go on, what it has become.
pub fn headers(upload: &ResumableUpload) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(UPLOAD_OFFSET, HeaderValue::from(upload.received));
    headers.insert(UPLOAD_LENGTH, HeaderValue::from(upload.size));
    // What cannot be a header's value was none when it came.
    headers.extend(
        HeaderValue::from_str(&upload.metadata).ok().filter(|v| !v.is_empty()).map(|v| (UPLOAD_METADATA, v)),
    );
    headers.extend(HeaderValue::from_str(&http_date(upload.expires)).ok().map(|v| (UPLOAD_EXPIRES, v)));
    headers.extend(upload.asset_id.map(|id| (ASSET, HeaderValue::from(id.0))));
    headers.insert(axum::http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers
}

/// As RFC 9110 §5.6.7 writes dates.
fn http_date(at: Timestamp) -> String {
    WireDate(at, DateStyle::Rfc1123).to_string()
}

impl Resource for ResumableUpload {
    fn fields<M: SerializeMap>(&self, dialect: Dialect, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("id", &Text(self.id))?;
        map.serialize_entry("project_id", &Text(self.project_id))?;
        map.serialize_entry("filename", &self.filename)?;
        map.serialize_entry("size", &self.size)?;
        map.serialize_entry("offset", &self.received)?;
        map.serialize_entry("checksum", &self.sha256.as_ref().map(|hex| format!("sha256:{hex}")))?;
        map.serialize_entry("asset_id", &self.asset_id.map(Text))?;
        map.serialize_entry("created", &date(Some(self.created), dialect))?;
        map.serialize_entry("expires", &date(Some(self.expires), dialect))
    }
}

/// How uploads are shown, for the API's document.
pub const SCHEMAS: Schemas = &[("Upload", shown)];

fn shown() -> Schema {
    let bytes = || integer().with("minimum", 0);
    object([
        ("id", text()),
        ("project_id", text().says("Project ID")),
        ("filename", text().says("Of the asset to be")),
        ("size", bytes().says("Bytes of the whole")),
        ("offset", bytes().says("Bytes that are there: here it goes on")),
        ("checksum", text().or_null().says("sha256: and 64 hex digits, where its sender told it")),
        ("asset_id", text().or_null().says("The asset that it has become")),
        ("created", moment()),
        ("expires", moment()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn metadata_is_read_as_tus_writes_it() {
        // From the protocol's own example.
        let text = "filename d29ybGRfZG9taW5hdGlvbl9wbGFuLnBkZg==,is_confidential";
        let new = new_upload(&asked(&[("upload-length", "100"), ("upload-metadata", text)])).unwrap();
        assert_eq!((new.filename.as_str(), new.size, new.sha256), ("world_domination_plan.pdf", 100, None));
        assert_eq!(new.metadata, text);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let name = "filename YQ==";
        let long = format!("filename YQ==,x {}", "A".repeat(MOST_METADATA));
        for (headers, text) in [
            (vec![("upload-metadata", name)], "upload-length: is required"),
            (vec![("upload-length", "-1"), ("upload-metadata", name)], "expected a whole number, got \"-1\""),
            (
                vec![("upload-length", "9223372036854775808"), ("upload-metadata", name)],
                "expected a whole number",
            ),
            (
                vec![("upload-length", "1"), ("upload-length", "2"), ("upload-metadata", name)],
                "more than once",
            ),
            (vec![("upload-length", "1")], "\"filename\" is required"),
            (vec![("upload-length", "1"), ("upload-metadata", "filename YQ")], "no Base64"),
            (
                vec![("upload-length", "1"), ("upload-metadata", "filename YQ==,filename Yg==")],
                "more than once",
            ),
            (vec![("upload-length", "1"), ("upload-metadata", "filename /w==")], "not UTF-8"),
            (
                vec![("upload-length", "1"), ("upload-metadata", "filename YQ==,checksum YQ==")],
                "64 hex digits",
            ),
            (vec![("upload-length", "1"), ("upload-metadata", &long)], "at most 8192"),
            (vec![("upload-defer-length", "1"), ("upload-metadata", name)], "has to be known"),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in &headers {
                map.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
            }
            let said = format!("{:?}", new_upload(&map).unwrap_err());
            assert!(said.replace("\\\"", "\"").contains(text), "{headers:?}: {said}");
        }
    }

    #[test]
    fn a_piece_says_what_it_is_where_it_begins_and_its_checksum() {
        let sha1 = "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=";
        let good = asked(&[("content-type", PIECE), ("upload-offset", "11"), ("upload-checksum", sha1)]);
        let (offset, checksum) = piece(&good).unwrap();
        assert_eq!(
            (offset, checksum.map(|c| (c.algorithm, c.digest[0]))),
            (11, Some((PieceHash::Sha1, 0x2a)))
        );
        for bad in ["md5 Kq5s", "sha1 Kq5s", "sha1", "sha256 Kq5sNclPz7QV2+lfQIuc6R7oRu0="] {
            let headers =
                asked(&[("content-type", PIECE), ("upload-offset", "11"), ("upload-checksum", bad)]);
            assert!(piece(&headers).is_err(), "{bad}");
        }
        assert!(piece(&asked(&[("content-type", "text/plain"), ("upload-offset", "11")])).is_err());
        assert!(piece(&asked(&[("content-type", PIECE)])).is_err());
    }

    #[test]
    fn dates_are_written_as_http_writes_them() {
        assert_eq!(http_date(Timestamp(784_111_777_000_000)), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
