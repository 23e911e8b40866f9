//! The parameters that the document names: ids in paths, queries, headers.

use super::lists;
use super::schema::{Schema, text, word};
use serde_json::{Map, Value, json};

fn id() -> Schema {
    text().with("pattern", "^(0|[1-9][0-9]*)$")
}

fn download() -> Schema {
    word(["true", "1", "false", "0", ""])
}

fn filename() -> Schema {
    text().with("maxLength", 255).with(
        "pattern",
        "^([^/\\\\\\u0000-\\u001f\\u007f-\\u009f.][^/\\\\\\u0000-\\u001f\\u007f-\\u009f]*)?$",
    )
}

fn version() -> Schema {
    word([crate::wire::uploads::VERSION])
}

fn stride() -> Schema {
    text().with("pattern", "^([1-9]|[1-5][0-9]|6[0-4])?$")
}

fn count() -> Schema {
    text().with("pattern", "^(0|[1-9][0-9]{0,17})$")
}

/// In a path: placeholder and name, schema, words.
type InPath = (&'static str, fn() -> Schema, &'static str);

const PATH: &[InPath] = &[
    ("projectId", id, "Project ID"),
    ("assetId", id, "Asset ID"),
    ("jobId", id, "Job ID"),
    ("workflowId", id, "Workflow ID"),
    ("uploadId", id, "Upload ID"),
    ("sha256", text, "SHA-256 of the bytes, 64 hex digits"),
    ("filename", text, "Name to save under"),
];

/// In a query or a header: name in the document, where, name on the wire, whether it must be there, schema, words.
type Parameter = (&'static str, &'static str, &'static str, bool, fn() -> Schema, &'static str);

const OTHERS: &[Parameter] = &[
    ("download", "query", "download", false, download, "true or 1: also give a link to the bytes"),
    ("saveAs", "query", "filename", false, filename, "Name to save the download under, at most 255 bytes"),
    (
        "stride",
        "query",
        "stride",
        false,
        stride,
        "Of so many samples along each axis one, 1 to 64; by default all",
    ),
    ("linkAsset", "query", "asset", true, text, "Whose bytes the link opens: project and asset"),
    ("expires", "query", "expires", true, text, "Unix seconds"),
    ("signature", "query", "signature", true, text, "HMAC-SHA256, hex"),
    ("Range", "header", "Range", false, text, "bytes=a-b, bytes=a- or bytes=-n"),
    ("IfRange", "header", "If-Range", false, text, "ETag"),
    ("IfNoneMatch", "header", "If-None-Match", false, text, "ETags"),
    ("TusResumable", "header", "Tus-Resumable", true, version, "Version of tus that the client speaks"),
    ("UploadLength", "header", "Upload-Length", true, count, "Bytes of the whole"),
    (
        "UploadMetadata",
        "header",
        "Upload-Metadata",
        true,
        text,
        "filename and its Base64, and more pairs behind commas, at most 8 KiB",
    ),
    ("UploadOffset", "header", "Upload-Offset", true, count, "Where the piece begins"),
    ("UploadChecksum", "header", "Upload-Checksum", false, text, "sha1 or sha256, and its Base64"),
    ("LastEventId", "header", "Last-Event-ID", false, text, "The id of the last event that came"),
    (
        "Prefer",
        "header",
        "Prefer",
        false,
        text,
        "dialect=openapi, dialect=sdk or dialect=sdk-legacy: the spelling of the reply (RFC 7240). This document describes \
         openapi; the others, made for the Python SDKs, write dates after RFC 1123 and add or leave out fields. Without it the \
         key's dialect applies, else sdk for the User-Agent Python/<version>, else openapi.",
    ),
];

/// All of them, by their names in the document.
pub(super) fn all() -> Map<String, Value> {
    let mut all = Map::new();
    for (name, schema, says) in PATH {
        let value = json!({
            "name": name, "in": "path", "required": true, "description": says, "schema": Value::from(schema()),
        });
        all.insert((*name).to_owned(), value);
    }
    for (key, place, name, is_required, schema, says) in OTHERS {
        let mut value =
            json!({"name": name, "in": place, "description": says, "schema": Value::from(schema())});
        if *is_required {
            value["required"] = true.into();
        }
        all.insert((*key).to_owned(), value);
    }
    all.extend(lists::components());
    all
}
