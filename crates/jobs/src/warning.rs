//! What a job says beside its result: text for people, and the same for programs.

use serde_json::{Map, Value};

/// The output parameter that every job has: a JSON list of its warnings.
pub const WARNINGS: &str = "warnings";
/// A job keeps this many.
pub const MOST: usize = 100;

/// One warning; as JSON an object with `kind`, `message` and what else is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Warning(Map<String, Value>);

impl Warning {
    /// A warning of this kind (docs/api.md has the list).
    pub fn new(kind: &str, message: impl Into<String>) -> Warning {
        let mut map = Map::new();
        map.insert("kind".into(), kind.into());
        map.insert("message".into(), message.into().into());
        Warning(map)
    }

    /// With one thing more. A number that JSON cannot say becomes null.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Warning {
        self.0.insert(name.into(), value.into());
        self
    }

    /// The text.
    pub fn message(&self) -> &str {
        self.0["message"].as_str().unwrap_or_default()
    }

    /// As it is written.
    pub fn into_json(self) -> Value {
        Value::Object(self.0)
    }
}

/// A length or a volume as text: three digits are enough for people.
pub fn rounded(v: f64) -> String {
    if v == 0.0 || !v.is_finite() {
        return v.to_string();
    }
    let unit = 10f64.powf(v.abs().log10().floor() - 2.0);
    let digits = (-unit.log10()).max(0.0).round() as usize;
    let text = format!("{:.digits$}", (v / unit).round() * unit);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// A place as text.
pub fn place(p: [f64; 3]) -> String {
    format!("({})", p.map(rounded).join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        let texts = [0.2, 0.199_96, 12.345, 1234.5, -0.000_123_45, 0.0, 1e-9].map(rounded);
        assert_eq!(texts, ["0.2", "0.2", "12.3", "1230", "-0.000123", "0", "0.000000001"]);
    }

    #[test]
    fn a_warning_is_an_object() {
        let warning = Warning::new("note", "all is well").with("at", vec![1.0, 2.0]).with("cell", f64::NAN);
        let expected =
            serde_json::json!({"kind": "note", "message": "all is well", "at": [1.0, 2.0], "cell": null});
        assert_eq!(warning.into_json(), expected);
    }
}
