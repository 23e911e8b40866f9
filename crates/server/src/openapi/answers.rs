//! Answers: those that a route's words list, and the refusals that many routes share.

use super::schema::{self, Schema, content, document, list, named};
use serde_json::{Value, json};

/// A header of an answer.
#[derive(Clone, Copy)]
pub struct Header {
    name: &'static str,
    schema: fn() -> Schema,
    text: &'static str,
}

impl Header {
    /// With the schema of its value and a word on it.
    pub const fn new(name: &'static str, schema: fn() -> Schema, text: &'static str) -> Header {
        Header { name, schema, text }
    }

    fn to_value(self) -> Value {
        json!({self.name: {"schema": Value::from((self.schema)()), "description": self.text}})
    }
}

/// What an answer holds.
#[derive(Clone, Copy)]
enum Body {
    Nothing,
    One(&'static str),
    Many(&'static str),
    Events(&'static str),
    Json(fn() -> Schema),
    Bytes,
    Text(&'static str),
}

impl Body {
    fn to_value(self) -> Option<Value> {
        let json = "application/json";
        Some(match self {
            Body::Nothing => return None,
            Body::One(name) => content(json, named(name)),
            Body::Many(name) => content(json, list(named(name))),
            Body::Events(name) => content("text/event-stream", named(name)),
            Body::Json(schema) => content(json, schema()),
            Body::Bytes => content("application/octet-stream", schema::bytes()),
            Body::Text(media) => content(media, schema::text()),
        })
    }
}

/// An answer that a route's words list.
#[derive(Clone, Copy)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    text: &'static str,
    body: Body,
    header: Option<Header>,
}

impl Answer {
    const fn new(status: u16, text: &'static str, body: Body) -> Answer {
        Answer { status, text, body, header: None }
    }

    /// JSON of the schema of this name.
    pub const fn one(status: u16, text: &'static str, name: &'static str) -> Answer {
        Answer::new(status, text, Body::One(name))
    }

    /// 200 with JSON of the schema of this name.
    pub const fn ok(name: &'static str) -> Answer {
        Answer::one(200, "OK", name)
    }

    /// 200 with a list of what has the schema of this name.
    pub const fn many(name: &'static str) -> Answer {
        Answer::new(200, "OK", Body::Many(name))
    }

    /// 200 with server-sent events of the schema of this name.
    pub const fn events(name: &'static str) -> Answer {
        Answer::new(200, "OK", Body::Events(name))
    }

    /// 200 with JSON of a schema that has no name.
    pub const fn json(schema: fn() -> Schema) -> Answer {
        Answer::new(200, "OK", Body::Json(schema))
    }

    /// What a deletion answers.
    pub const fn deleted() -> Answer {
        Answer::new(200, "Deleted", Body::Json(document))
    }

    /// Bytes as they are.
    pub const fn bytes(status: u16, text: &'static str) -> Answer {
        Answer::new(status, text, Body::Bytes)
    }

    /// 200 with text of this media type.
    pub const fn text(media: &'static str) -> Answer {
        Answer::new(200, "OK", Body::Text(media))
    }

    /// No body.
    pub const fn empty(status: u16, text: &'static str) -> Answer {
        Answer::new(status, text, Body::Nothing)
    }

    /// With a header.
    pub const fn with(self, header: Header) -> Answer {
        Answer { header: Some(header), ..self }
    }

    /// As it stands in the document.
    pub fn to_value(self) -> Value {
        let mut value = json!({"description": self.text});
        if let Some(content) = self.body.to_value() {
            value["content"] = content;
        }
        if let Some(header) = self.header {
            value["headers"] = header.to_value();
        }
        value
    }
}

/// An answer that is no success, with the body Error.
#[derive(Clone, Copy)]
pub struct Refusal {
    /// Its name in the document.
    pub name: &'static str,
    answer: Answer,
}

impl Refusal {
    const fn new(name: &'static str, status: u16, text: &'static str) -> Refusal {
        Refusal { name, answer: Answer::one(status, text, "Error") }
    }

    const fn with(self, header: Header) -> Refusal {
        Refusal { answer: self.answer.with(header), ..self }
    }

    /// Its status.
    pub fn status(&self) -> u16 {
        self.answer.status
    }

    /// As it stands in the document.
    pub fn to_value(self) -> Value {
        self.answer.to_value()
    }
}

fn seconds() -> Schema {
    schema::integer().with("minimum", 1)
}

macro_rules! refusals {
    ($($constant:ident = $refusal:expr;)+) => {
        $(pub const $constant: Refusal = $refusal;)+

        /// All of them.
        pub const REFUSALS: &[Refusal] = &[$($constant),+];
    };
}

refusals! {
    BAD_REQUEST = Refusal::new("BadRequest", 400, "Bad Request");
    UNAUTHORIZED = Refusal::new("Unauthorized", 401, "Unauthorized: no token, an unknown, revoked or expired one, one \
        without the scope, or one limited to other projects")
        .with(Header::new("WWW-Authenticate", schema::text, "Bearer"));
    FORBIDDEN = Refusal::new("Forbidden", 403, "Forbidden: the link was altered or has expired");
    QUOTA_EXCEEDED = Refusal::new("QuotaExceeded", 403, "Forbidden: the project would hold more bytes than project_quota, or \
        its user's projects more than user_quota");
    NOT_FOUND = Refusal::new("NotFound", 404, "Not Found");
    REQUEST_TIMEOUT = Refusal::new("RequestTimeout", 408, "Request Timeout: the body stopped arriving");
    CONFLICT = Refusal::new("Conflict", 409, "Conflict");
    GONE = Refusal::new("Gone", 410, "Gone: nothing came of the upload for longer than upload_lifetime, or what had come is lost");
    OTHER_VERSION = Refusal::new("OtherVersion", 412, "Precondition Failed: the header Tus-Resumable is not 1.0.0")
        .with(Header::new("Tus-Version", schema::text, "Versions that are spoken"));
    UNSUPPORTED_MEDIA_TYPE = Refusal::new("UnsupportedMediaType", 415, "Unsupported Media Type");
    CHECKSUM_MISMATCH = Refusal::new("ChecksumMismatch", 460, "Checksum Mismatch: what came is not what was told, and was forgotten");
    TOO_LARGE = Refusal::new("TooLarge", 413, "Content Too Large");
    RANGE_NOT_SATISFIABLE = Refusal::new("RangeNotSatisfiable", 416, "Range Not Satisfiable")
        .with(Header::new("Content-Range", schema::text, "bytes */size"));
    TOO_MANY_REQUESTS = Refusal::new("TooManyRequests", 429, "Too Many Requests: more requests per second than \
        max_request_rate, more waiting jobs than max_queue, or more open uploads than max_open_uploads")
        .with(Header::new("Retry-After", seconds, "Seconds to wait"));
    NOT_READY = Refusal::new("NotReady", 503, "Service Unavailable");
    UNAVAILABLE = Refusal::new("Unavailable", 503, "Service Unavailable: another process keeps the ledger locked, or the keys \
        of a token's issuer cannot be fetched, or the server stops")
        .with(Header::new("Retry-After", seconds, "Seconds to wait, if that is known"));
    INSUFFICIENT_STORAGE = Refusal::new("InsufficientStorage", 507, "Insufficient Storage: the disk of the data folder is \
        full; nothing of the request was kept");
}
