//! Assets on the wire, and the rule for filenames.

use super::dialect::Dialect;
use super::{Resource, Text, date};
use crate::openapi::schema::{Schema, Schemas, date as moment, integer, object, text, uri, with_fields};
use fieldstone_engine::model::Asset;
use serde::ser::SerializeMap;

impl Resource for Asset {
    fn fields<M: SerializeMap>(&self, dialect: Dialect, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("id", &Text(self.id))?;
        map.serialize_entry("filename", &self.filename)?;
        map.serialize_entry("size", &self.size)?;
        map.serialize_entry("checksum", &Text(format_args!("sha256:{}", self.sha256)))?;
        map.serialize_entry("created", &date(Some(self.created), dialect))?;
        map.serialize_entry("modified", &date(Some(self.modified), dialect))?;
        if dialect != Dialect::SdkLegacy {
            map.serialize_entry("project_id", &Text(self.project_id))?;
            map.serialize_entry("job_id", &self.job_id.map(Text))?;
        }
        Ok(())
    }
}

/// The filename of a multipart part as its sender meant it: clients write a double quote as `%22`
/// (WHATWG HTML, multipart/form-data encoding algorithm).
pub fn decode_filename(raw: &str) -> String {
    raw.replace("%22", "\"")
}

/// How assets are shown, for the API's document.
pub const SCHEMAS: Schemas = &[("Asset", shown), ("AssetWithLink", with_link)];

fn shown() -> Schema {
    let checksum = text().with("pattern", "^sha256:[0-9a-f]{64}$").says("sha256: and 64 hex digits");
    object([
        ("id", text()),
        ("filename", text().says("Need not be unique; a reference by name means the newest")),
        ("size", integer().with("minimum", 0).says("Bytes")),
        ("checksum", checksum),
        ("created", moment()),
        ("modified", moment()),
        ("project_id", text().says("Project ID")),
        ("job_id", text().or_null().says("Job that made it; null for an upload")),
    ])
}

fn with_link() -> Schema {
    let link = uri().says("With download=true: where the bytes are");
    with_fields("Asset", object([]).and_maybe([("link", link)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_quote_is_decoded() {
        assert_eq!(decode_filename("a%22b%2F%0A.stl"), "a\"b%2F%0A.stl");
    }
}
