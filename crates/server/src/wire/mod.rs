//! The only place that knows the wire's spellings: dates, ids as text, deprecated fields, error bodies.

pub mod assets;
pub mod body;
pub mod date;
pub mod dialect;
pub mod error;
pub mod events;
pub mod jobs;
pub mod previews;
pub mod projects;
pub mod registry;
pub mod uploads;
pub mod volumes;
pub mod workflows;

use date::WireDate;
use dialect::Dialect;
use fieldstone_engine::model::Timestamp;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value;
use std::fmt::Display;

/// Something with an id that is shown as a JSON object.
pub trait Resource {
    /// Writes the fields that `dialect` knows, and no other: the SDKs refuse unknown keys.
    fn fields<M: SerializeMap>(&self, dialect: Dialect, map: &mut M) -> Result<(), M::Error>;

    /// Whether writing it takes long.
    fn is_large(&self) -> bool {
        false
    }
}

/// Bytes that take long to write; a value of any kind counts as eight.
const LARGE: usize = 64 << 10;

/// Whether documents take long to write; a look at the beginning of them is enough to know.
pub(crate) fn are_large<'v>(documents: impl IntoIterator<Item = &'v Value>) -> bool {
    fn spend(value: &Value, left: &mut usize) -> Option<()> {
        let size = if let Value::String(text) = value { text.len() } else { 0 };
        *left = left.checked_sub(8 + size)?;
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| spend(item, left)),
            Value::Object(fields) => fields.values().try_for_each(|item| spend(item, left)),
            _ => Some(()),
        }
    }
    let mut left = LARGE;
    documents.into_iter().try_for_each(|value| spend(value, &mut left)).is_none()
}

/// A resource in a dialect. `link` appears in dispatch replies and downloads only.
pub struct One<'a, R> {
    /// What is shown.
    pub resource: &'a R,
    /// In which spelling.
    pub dialect: Dialect,
    /// Absolute URL.
    pub link: Option<&'a str>,
}

impl<R: Resource> Serialize for One<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.resource.fields(self.dialect, &mut map)?;
        if let Some(link) = self.link {
            map.serialize_entry("link", link)?;
        }
        map.end()
    }
}

/// Several resources in a dialect: a bare JSON array.
pub struct Many<'a, R> {
    /// What is shown, in order.
    pub resources: &'a [R],
    /// In which spelling.
    pub dialect: Dialect,
}

impl<R: Resource> Serialize for Many<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.resources.len()))?;
        for resource in self.resources {
            seq.serialize_element(&One { resource, dialect: self.dialect, link: None })?;
        }
        seq.end()
    }
}

/// A value shown as text: ids are decimal strings.
pub(crate) struct Text<T>(pub T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Ids as a list of texts.
pub(crate) struct TextList<'a, T>(pub &'a [T]);

impl<T: Display> Serialize for TextList<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Text))
    }
}

/// A date that may not have happened yet: `null` until it does.
pub(crate) fn date(t: Option<Timestamp>, dialect: Dialect) -> Option<WireDate> {
    t.map(|t| WireDate(t, dialect.dates()))
}
