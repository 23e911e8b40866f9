//! Schemas of bodies (JSON Schema 2020-12), written as short as the bodies are read and written.

use serde_json::{Map, Value, json};

/// The named schemas of one file.
pub type Schemas = &'static [(&'static str, fn() -> Schema)];

/// A schema in the making.
#[derive(Clone, Debug)]
pub struct Schema(Map<String, Value>);

impl From<Schema> for Value {
    fn from(schema: Schema) -> Value {
        Value::Object(schema.0)
    }
}

/// Any JSON.
pub fn any() -> Schema {
    Schema(Map::new())
}

fn of(kind: &str) -> Schema {
    any().with("type", kind)
}

/// A string.
pub fn text() -> Schema {
    of("string")
}

/// A string that is one of these.
pub fn word<'a>(words: impl IntoIterator<Item = &'a str>) -> Schema {
    text().with("enum", words.into_iter().collect::<Vec<_>>())
}

/// A whole number.
pub fn integer() -> Schema {
    of("integer")
}

/// A number.
pub fn number() -> Schema {
    of("number")
}

/// How far something is: 0 to 1.
pub fn fraction() -> Schema {
    number().with("minimum", 0).with("maximum", 1)
}

/// `true` or `false`.
pub fn boolean() -> Schema {
    of("boolean")
}

/// A moment.
pub fn date() -> Schema {
    text().with("format", "date-time").says("ISO 8601 datetime, whole seconds, offset +00:00")
}

/// A moment that may be still to come.
pub fn date_or_null() -> Schema {
    date().says("ISO 8601 datetime; null until then").or_null()
}

/// Bytes as they are.
pub fn bytes() -> Schema {
    text().with("format", "binary").with("contentMediaType", "application/octet-stream")
}

/// An address.
pub fn uri() -> Schema {
    text().with("format", "uri")
}

/// A name that users choose.
pub fn name() -> Schema {
    text()
        .with("minLength", 1)
        .with("maxLength", 255)
        .with("pattern", "^[^\\u0000-\\u001f\\u007f-\\u009f]*$")
        .says("1 to 255 characters without control characters")
}

/// A whole number that is not negative, or one as text.
pub fn integer_text() -> Schema {
    any()
        .with("type", json!(["string", "integer"]))
        .with("pattern", "^(0|[1-9][0-9]{0,17})$")
        .with("minimum", 0)
        .with("maximum", 1_000_000_000_000_000_i64)
}

/// A list of these.
pub fn list(items: Schema) -> Schema {
    of("array").with("items", Value::from(items))
}

/// An object with keys of any name and values like these.
pub fn map(values: Schema) -> Schema {
    of("object").with("additionalProperties", Value::from(values))
}

/// A string or a list of strings, by keys of any name.
pub fn text_lists() -> Schema {
    let both = [text(), list(text())].map(Value::from);
    map(any().with("oneOf", Vec::from(both)))
}

/// An object of any kind.
pub fn document() -> Schema {
    of("object")
}

/// An object that has all these fields.
pub fn object<'a>(fields: impl IntoIterator<Item = (&'a str, Schema)>) -> Schema {
    let fields: Map<String, Value> =
        fields.into_iter().map(|(name, schema)| (name.to_owned(), schema.into())).collect();
    let schema = of("object");
    let names: Vec<&String> = fields.keys().collect();
    let schema = if names.is_empty() { schema } else { schema.with("required", json!(names)) };
    schema.with("properties", fields)
}

/// Text that is JSON of this schema.
pub fn json_text(content: Schema) -> Schema {
    text().with("contentMediaType", "application/json").with("contentSchema", Value::from(content))
}

/// The schema of this name.
pub fn named(name: &str) -> Schema {
    any().with("$ref", format!("#/components/schemas/{name}"))
}

/// A body of this media type and schema, as it stands in the document.
pub fn content(media: &str, schema: Schema) -> Value {
    json!({media: {"schema": Value::from(schema)}})
}

/// All that is said of the schema of this name, and these fields.
pub fn with_fields(name: &str, fields: Schema) -> Schema {
    any().with("allOf", Vec::from([named(name), fields].map(Value::from)))
}

impl Schema {
    /// Sets a keyword.
    pub fn with(mut self, keyword: &str, value: impl Into<Value>) -> Schema {
        self.0.insert(keyword.to_owned(), value.into());
        self
    }

    /// Says what it is.
    pub fn says(self, description: &str) -> Schema {
        self.with("description", description)
    }

    /// Or `null`.
    pub fn or_null(mut self) -> Schema {
        if let Some(kind) = self.0.get_mut("type") {
            match kind {
                Value::Array(kinds) => kinds.push(json!("null")),
                one => *one = json!([one.take(), "null"]),
            }
        }
        if let Some(Value::Array(words)) = self.0.get_mut("enum") {
            words.push(Value::Null);
        }
        self
    }

    /// Fields that an object may have.
    pub fn and_maybe<'a>(mut self, fields: impl IntoIterator<Item = (&'a str, Schema)>) -> Schema {
        let properties = self.0.entry("properties").or_insert_with(|| json!({}));
        for (name, schema) in fields {
            properties[name] = schema.into();
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_must_be_there_are_told_from_those_that_may() {
        let schema = object([("a", text())]).and_maybe([("b", word(["x"]).or_null().says("B"))]);
        let expected = json!({
            "type": "object",
            "required": ["a"],
            "properties": {
                "a": {"type": "string"},
                "b": {"type": ["string", "null"], "enum": ["x", null], "description": "B"},
            },
        });
        assert_eq!(Value::from(schema), expected);
    }
}
