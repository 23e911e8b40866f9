//! Where a ledger and its blobs are.

use crate::error::EngineError;
use object_store::ObjectStore;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

/// A data folder, with the database of its ledger and the bucket of its stored files where these are not in the folder.
#[derive(Clone, Copy, Debug)]
pub struct Location<'a> {
    /// The folder.
    pub data: &'a Path,
    /// `None`: the ledger is in the folder, in SQLite.
    pub database: Option<&'a DatabaseUrl>,
    /// `None`: stored files are in the folder.
    pub blobs: Option<&'a BucketUrl>,
}

impl fmt::Display for Location<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.data.display())?;
        self.database.map_or(Ok(()), |url| write!(f, " with the database {url}"))?;
        self.blobs.map_or(Ok(()), |url| write!(f, " with the bucket {url}"))
    }
}

impl<'a, P: AsRef<Path> + ?Sized> From<&'a P> for Location<'a> {
    fn from(data: &'a P) -> Location<'a> {
        Location { data: data.as_ref(), database: None, blobs: None }
    }
}

/// `postgres://user:password@host:port/name`. Shown without user, password and options.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DatabaseUrl(String);

const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

impl DatabaseUrl {
    /// All of it, with what must not be shown.
    pub(crate) fn with_secret(&self) -> &str {
        &self.0
    }
}

impl FromStr for DatabaseUrl {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<DatabaseUrl, EngineError> {
        // The text itself may hold a password.
        let known = SCHEMES.iter().any(|scheme| text.starts_with(scheme));
        let refused = || EngineError::invalid("database", "expected postgres://user:password@host:port/name");
        known.then(|| DatabaseUrl(text.to_owned())).ok_or_else(refused)
    }
}

impl TryFrom<String> for DatabaseUrl {
    type Error = EngineError;

    fn try_from(text: String) -> Result<DatabaseUrl, EngineError> {
        text.parse()
    }
}

impl From<DatabaseUrl> for String {
    fn from(url: DatabaseUrl) -> String {
        url.0
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("postgres", ""));
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let (place, name) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        // A password with such a character in it, unescaped, ends the place too early.
        match place.rsplit_once('@') {
            Some((_, place)) if !name.contains('@') => write!(f, "{scheme}://{place}{name}"),
            None if !self.0.contains('@') => write!(f, "{scheme}://{place}{name}"),
            _ => write!(f, "{scheme}://…"),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `s3://bucket/prefix`: where stored files are. The prefix may be empty.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BucketUrl {
    bucket: String,
    prefix: String,
    given: Option<Arc<dyn ObjectStore>>,
}

impl BucketUrl {
    /// For tests: a store that is no S3, by a name of its own.
    #[doc(hidden)]
    pub fn over(store: Arc<dyn ObjectStore>, bucket: &str, prefix: &str) -> BucketUrl {
        BucketUrl { bucket: bucket.into(), prefix: prefix.into(), given: Some(store) }
    }

    pub(crate) fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Without slashes around it.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(crate) fn given(&self) -> Option<Arc<dyn ObjectStore>> {
        self.given.clone()
    }
}

impl PartialEq for BucketUrl {
    fn eq(&self, other: &BucketUrl) -> bool {
        (&self.bucket, &self.prefix) == (&other.bucket, &other.prefix)
    }
}

impl Eq for BucketUrl {}

impl FromStr for BucketUrl {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<BucketUrl, EngineError> {
        let refused =
            |what: &str| EngineError::invalid("blobs", format!("{what}, expected s3://bucket/prefix"));
        // Whoever writes credentials into it does not find them in a log.
        let place = text.strip_prefix("s3://").ok_or_else(|| refused("this is no URL of a bucket"))?;
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.' | '_');
        if bucket.is_empty() || !bucket.chars().all(fits) {
            return Err(refused("the name of the bucket has characters that no bucket may have"));
        }
        let prefix = prefix.trim_matches('/');
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        let is_part = |part: &str| !matches!(part, "" | "." | "..") && part.chars().all(fits);
        if !prefix.is_empty() && !prefix.split('/').all(is_part) {
            return Err(refused("the prefix may hold letters, digits, '-', '.', '_' between single slashes"));
        }
        Ok(BucketUrl { bucket: bucket.to_owned(), prefix: prefix.to_owned(), given: None })
    }
}

impl TryFrom<String> for BucketUrl {
    type Error = EngineError;

    fn try_from(text: String) -> Result<BucketUrl, EngineError> {
        text.parse()
    }
}

impl From<BucketUrl> for String {
    fn from(url: BucketUrl) -> String {
        url.to_string()
    }
}

impl fmt::Display for BucketUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix.as_str() {
            "" => write!(f, "s3://{}", self.bucket),
            prefix => write!(f, "s3://{}/{prefix}", self.bucket),
        }
    }
}

impl fmt::Debug for BucketUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_a_name_and_a_prefix() {
        let shown = |text: &str| text.parse::<BucketUrl>().map(|url| url.to_string());
        assert_eq!(shown("s3://parts/").unwrap(), "s3://parts");
        assert_eq!(shown("s3://parts/lab/one/").unwrap(), "s3://parts/lab/one");
        for wrong in [
            "parts",
            "https://s3.example/parts",
            "s3://",
            "s3:///x",
            "s3://key:secret@parts",
            "s3://p/a//b",
            "s3://p/../x",
        ] {
            let refused = shown(wrong).unwrap_err().to_string();
            assert!(
                refused.contains("expected s3://bucket/prefix") && !refused.contains("secret"),
                "{refused}"
            );
        }
    }

    #[test]
    fn a_url_is_shown_without_its_password() {
        let shown = |text: &str| text.parse::<DatabaseUrl>().map(|url| format!("{url} {url:?}"));
        let url = "postgres://db.example:5433/fields postgres://db.example:5433/fields";
        assert_eq!(
            shown("postgres://u:p@ss@db.example:5433/fields?sslmode=require&password=x").unwrap(),
            url
        );
        for unescaped in ["u:p?ss@db/x", "u:p/ss@db/x", "u:p#ss@db/x", "u:p@s/s@db/x"] {
            assert_eq!(shown(&format!("postgres://{unescaped}")).unwrap(), "postgres://… postgres://…");
        }
        assert_eq!(shown("postgresql:///fields").unwrap(), "postgresql:///fields postgresql:///fields");
        let refused = shown("mysql://u:secret@db/fields").unwrap_err().to_string();
        assert_eq!(refused, "database: expected postgres://user:password@host:port/name");
    }
}
