//! Where a ledger and its blobs are.

use crate::error::EngineError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// A data folder, and the database of its ledger where that is not in the folder.
#[derive(Clone, Copy, Debug)]
pub struct Location<'a> {
    /// The folder.
    pub data: &'a Path,
    /// `None`: the ledger is in the folder, in SQLite.
    pub database: Option<&'a DatabaseUrl>,
}

impl fmt::Display for Location<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.database {
            Some(url) => write!(f, "{} with the database {url}", self.data.display()),
            None => write!(f, "{}", self.data.display()),
        }
    }
}

impl<'a, P: AsRef<Path> + ?Sized> From<&'a P> for Location<'a> {
    fn from(data: &'a P) -> Location<'a> {
        Location { data: data.as_ref(), database: None }
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

#[cfg(test)]
mod tests {
    use super::*;

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
