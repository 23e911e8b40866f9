//! JSON request bodies: read field by field, so that every wrong field is named at once.

use super::error::ApiError;
use fieldstone_engine::FieldError;
use indexmap::IndexMap;
use serde_json::{Map, Value};
use std::str::FromStr;

/// A JSON object being read. Fields that nobody asks for are ignored, as clients of all ages send them.
/// `null` counts as absent, except for [`Document::value`].
#[derive(Debug)]
pub struct Document {
    fields: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl Document {
    /// Parses a body.
    pub fn parse(bytes: &[u8]) -> Result<Document, ApiError> {
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(fields)) => Ok(Document { fields, errors: Vec::new() }),
            Ok(other) => {
                Err(ApiError::bad_request(format!("expected a JSON object, the body is {}", kind_of(&other))))
            }
            Err(e) => Err(ApiError::bad_request(format!("body is not JSON: {e}"))),
        }
    }

    /// A document of texts, as a form gives them.
    pub fn from_texts(pairs: Vec<(String, String)>) -> Document {
        let fields = pairs.into_iter().map(|(k, v)| (k, Value::String(v))).collect();
        Document { fields, errors: Vec::new() }
    }

    /// Notes that a field is wrong.
    pub fn refuse(&mut self, field: &str, msg: impl Into<String>) {
        self.errors.push(FieldError { field: field.to_owned(), msg: msg.into() });
    }

    /// Any JSON, `null` included.
    pub fn value(&mut self, field: &str) -> Option<Value> {
        self.fields.swap_remove(field)
    }

    fn present(&mut self, field: &str) -> Option<Value> {
        self.value(field).filter(|v| !v.is_null())
    }

    /// A string.
    pub fn text(&mut self, field: &str) -> Option<String> {
        match self.present(field)? {
            Value::String(text) => Some(text),
            other => {
                self.refuse(field, format!("expected a string, got {}", kind_of(&other)));
                None
            }
        }
    }

    /// A string that must be there.
    pub fn required_text(&mut self, field: &str) -> String {
        if self.fields.get(field).is_none_or(Value::is_null) {
            self.refuse(field, "is required");
        }
        self.text(field).unwrap_or_default()
    }

    /// An id: a decimal string, or a number from those who forgot the quotes.
    pub fn id<T: FromStr>(&mut self, field: &str) -> Option<T> {
        let text = match self.present(field)? {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            other => {
                self.refuse(field, format!("expected an id, got {}", kind_of(&other)));
                return None;
            }
        };
        let id = text.parse().ok();
        if id.is_none() {
            self.refuse(field, format!("{text:?} is not an id"));
        }
        id
    }

    /// An object; empty when absent.
    pub fn object(&mut self, field: &str) -> IndexMap<String, Value> {
        match self.present(field) {
            None => IndexMap::new(),
            Some(Value::Object(map)) => map.into_iter().collect(),
            Some(other) => {
                self.refuse(field, format!("expected an object, got {}", kind_of(&other)));
                IndexMap::new()
            }
        }
    }

    /// An object of strings or lists of strings; empty when absent.
    pub fn text_lists(&mut self, field: &str) -> IndexMap<String, Vec<String>> {
        let mut lists = IndexMap::new();
        for (key, value) in self.object(field) {
            match text_list(value) {
                Ok(list) => {
                    lists.insert(key, list);
                }
                Err(got) => {
                    let msg = format!("expected a filename or a list of filenames, got {got}");
                    self.refuse(&format!("{field}.{key}"), msg);
                }
            }
        }
        lists
    }

    /// Whether all that was asked for could be read.
    pub fn finish(self) -> Result<(), ApiError> {
        if self.errors.is_empty() { Ok(()) } else { Err(ApiError::fields(self.errors)) }
    }
}

fn text_list(value: Value) -> Result<Vec<String>, &'static str> {
    match value {
        Value::String(text) => Ok(vec![text]),
        Value::Array(items) => items
            .into_iter()
            .map(|item| match item {
                Value::String(text) => Ok(text),
                _ => Err("a list with something else in it"),
            })
            .collect(),
        other => Err(kind_of(&other)),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
