//! Assets on the wire, and the rule for filenames.

use super::dialect::Dialect;
use super::{Resource, Text, date};
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_quote_is_decoded() {
        assert_eq!(decode_filename("a%22b%2F%0A.stl"), "a\"b%2F%0A.stl");
    }
}
