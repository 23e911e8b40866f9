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

/// Longest filename in bytes; what common file systems take.
pub const MAX_FILENAME_BYTES: usize = 255;

/// Checks a name that a user gave to a file. Names are labels, not paths; `Err` says what is wrong.
pub fn check_filename(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("filename is empty".to_owned());
    }
    if name.len() > MAX_FILENAME_BYTES {
        return Err(format!("filename has {} bytes, at most {MAX_FILENAME_BYTES} are allowed", name.len()));
    }
    if name == "." || name == ".." {
        return Err(format!("filename {name:?} names a folder"));
    }
    match name.chars().find(|c| matches!(c, '/' | '\\') || c.is_control()) {
        Some(c) => {
            Err(format!("filename {name:?} contains {c:?}, a name may not hold a path or control characters"))
        }
        None => Ok(()),
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
    fn names_that_are_paths_or_worse_are_refused() {
        for bad in ["", ".", "..", "../../x", "/etc/passwd", "a\\b", "a\nb", "a\0", "\u{7f}", "\u{85}"] {
            assert!(check_filename(bad).is_err(), "{bad:?}");
        }
        assert!(check_filename(&"x".repeat(256)).is_err());
        for good in ["part.stl", "...", ".hidden", "größe 1%2F.stl", "a\"b", "形.obj", &"x".repeat(255)] {
            assert_eq!(check_filename(good), Ok(()), "{good:?}");
        }
    }

    #[test]
    fn only_the_quote_is_decoded() {
        assert_eq!(decode_filename("a%22b%2F%0A.stl"), "a\"b%2F%0A.stl");
    }
}
