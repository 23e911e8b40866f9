//! Parameters: declared as data, read from strings or native JSON, refused with their name and value.

use indexmap::IndexMap;
use serde_json::Value;

/// What values a parameter takes.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A whole number in `min..=max`.
    Integer {
        /// Least value.
        min: i64,
        /// Greatest value.
        max: i64,
    },
    /// A finite number in `min..=max`.
    Number {
        /// Least value.
        min: f64,
        /// Greatest value.
        max: f64,
    },
    /// One of these words, any case.
    Choice(&'static [&'static str]),
}

/// One parameter of a job type.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Wire name.
    pub name: &'static str,
    /// Accepted values.
    pub kind: Kind,
    /// The value when absent, in wire spelling; `None`: may be absent, then the job decides.
    pub default: Option<&'static str>,
    /// Meaning and unit, one line.
    pub doc: &'static str,
}

/// Why a parameter was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("parameter {name:?}: {what}")]
pub struct ParamError {
    /// Wire name.
    pub name: String,
    /// What is wrong, with the value.
    pub what: String,
}

#[derive(Clone, Debug, PartialEq)]
enum Typed {
    Integer(i64),
    Number(f64),
    Choice(&'static str),
}

/// Checked parameters with defaults filled in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values(IndexMap<&'static str, Typed>);

impl Values {
    /// Reads `given` against `declared`; unknown names are refused with the known ones.
    pub fn parse(declared: &'static [Param], given: &IndexMap<String, Value>) -> Result<Values, ParamError> {
        if let Some(name) = given.keys().find(|n| declared.iter().all(|p| p.name != n.as_str())) {
            let known: Vec<_> = declared.iter().map(|p| p.name).collect();
            let what = match known.is_empty() {
                true => "unknown, this job type takes no parameters".to_owned(),
                false => format!("unknown, expected one of {}", known.join(", ")),
            };
            return Err(ParamError { name: name.clone(), what });
        }
        let mut values = IndexMap::new();
        for p in declared {
            let typed = match (given.get(p.name), p.default) {
                (Some(v), _) if !v.is_null() => p.read(v)?,
                (_, Some(text)) => p.read(&Value::String(text.into()))?,
                (_, None) => continue,
            };
            values.insert(p.name, typed);
        }
        Ok(Values(values))
    }

    /// A declared [`Kind::Integer`].
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.0.get(name) {
            Some(Typed::Integer(v)) => Some(*v),
            _ => None,
        }
    }

    /// A declared [`Kind::Number`].
    pub fn number(&self, name: &str) -> Option<f64> {
        match self.0.get(name) {
            Some(Typed::Number(v)) => Some(*v),
            _ => None,
        }
    }

    /// A declared [`Kind::Choice`], in its declared spelling.
    pub fn choice(&self, name: &str) -> Option<&'static str> {
        match self.0.get(name) {
            Some(Typed::Choice(v)) => Some(v),
            _ => None,
        }
    }
}

impl Param {
    fn read(&self, value: &Value) -> Result<Typed, ParamError> {
        let text = match value {
            Value::String(s) => s.trim().to_owned(),
            other => other.to_string(),
        };
        let refuse = |expected: String| ParamError {
            name: self.name.to_owned(),
            what: format!("expected {expected}, got {}", shorten(value)),
        };
        match self.kind {
            Kind::Integer { min, max } => {
                // 256.0 is a whole number too: JavaScript has no other way to say 256.
                let whole = text.parse::<i64>().ok().or_else(|| {
                    text.parse::<f64>().ok().filter(|f| f.fract() == 0.0 && f.abs() < 9e15).map(|f| f as i64)
                });
                let in_range = whole.filter(|v| (min..=max).contains(v));
                in_range.map(Typed::Integer).ok_or_else(|| refuse(format!("an integer from {min} to {max}")))
            }
            Kind::Number { min, max } => {
                let number = text.parse::<f64>().ok().filter(|v| (min..=max).contains(v));
                number.map(Typed::Number).ok_or_else(|| refuse(format!("a number from {min} to {max}")))
            }
            Kind::Choice(words) => {
                let word = words.iter().find(|w| w.eq_ignore_ascii_case(&text));
                word.map(|w| Typed::Choice(w)).ok_or_else(|| refuse(format!("one of {}", words.join(", "))))
            }
        }
    }
}

/// The value as JSON, cut after 60 characters: an error message is no place for a megabyte.
fn shorten(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    static DECLARED: &[Param] = &[
        Param {
            name: "resolution",
            kind: Kind::Integer { min: 2, max: 1024 },
            default: Some("256"),
            doc: "",
        },
        Param { name: "width", kind: Kind::Number { min: 0.0, max: 1e9 }, default: None, doc: "" },
        Param { name: "type", kind: Kind::Choice(&["Float", "Byte"]), default: Some("Float"), doc: "" },
    ];

    fn parse(given: Value) -> Result<Values, String> {
        let map = serde_json::from_value(given).unwrap();
        Values::parse(DECLARED, &map).map_err(|e| e.to_string())
    }

    #[test]
    fn strings_and_native_values_read_alike() {
        for v in [json!("64"), json!(64), json!(64.0), json!(" 64 ")] {
            assert_eq!(parse(json!({"resolution": v})).unwrap().integer("resolution"), Some(64));
        }
        let defaults = parse(json!({"width": null})).unwrap();
        assert_eq!(defaults.integer("resolution"), Some(256));
        assert_eq!(defaults.choice("type"), Some("Float"));
        assert_eq!(defaults.number("width"), None);
    }

    #[test]
    fn refusals_name_parameter_and_value() {
        let cases = [
            (
                json!({"resolution": "abc"}),
                r#"parameter "resolution": expected an integer from 2 to 1024, got "abc""#,
            ),
            (
                json!({"resolution": 0}),
                r#"parameter "resolution": expected an integer from 2 to 1024, got 0"#,
            ),
            (
                json!({"resolution": "5000"}),
                r#"parameter "resolution": expected an integer from 2 to 1024, got "5000""#,
            ),
            (
                json!({"resolution": 2.5}),
                r#"parameter "resolution": expected an integer from 2 to 1024, got 2.5"#,
            ),
            (
                json!({"width": "NaN"}),
                r#"parameter "width": expected a number from 0 to 1000000000, got "NaN""#,
            ),
            (json!({"type": "Double"}), r#"parameter "type": expected one of Float, Byte, got "Double""#),
            (json!({"size": 1}), r#"parameter "size": unknown, expected one of resolution, width, type"#),
        ];
        for (given, message) in cases {
            assert_eq!(parse(given).unwrap_err(), message);
        }
    }
}
