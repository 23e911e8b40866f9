//! Parameters of operators and of job types: declared as data, read from strings or native JSON, refused with their
//! name and value.

use crate::spelling::{numbers_of, shorten};
use crate::words::{SYNONYMS, did_you_mean, not_among};
use indexmap::IndexMap;
use serde_json::Value;
use std::borrow::{Borrow, Cow};
use std::sync::Arc;

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
    /// So many finite numbers: flat, nested (a 4×4 matrix) or as `{"x", "y", "z"}`; of two or three one number that stands for each.
    Numbers(usize),
    /// So many whole numbers in `min..=max`: a list, `{"x", "y", "z"}` or one number that stands for each.
    Integers {
        /// How many.
        count: usize,
        /// Least value.
        min: i64,
        /// Greatest value.
        max: i64,
    },
    /// Any number of points: flat (3N numbers) or nested (N×3), at least one.
    Points,
    /// An asset: `{"path": <filename>}`, with the `file_type` that clients give or without.
    Asset {
        /// What clients write as `file_type`, if anything.
        file_type: Option<&'static str>,
    },
    /// JSON of a shape of its own, read by whoever declares it; may arrive as text.
    Json,
    /// Text as it is, blanks and line ends included, of at most so many characters; a number stands for its digits.
    Text {
        /// Characters.
        most: usize,
    },
}

/// The words of a [`Kind::Choice`], each beside what it means: a word cannot be offered without a meaning.
pub struct Choices<T: 'static, const N: usize>(pub [(&'static str, T); N]);

impl<T: Copy, const N: usize> Choices<T, N> {
    /// The words.
    pub const fn words(&self) -> [&'static str; N] {
        let mut words = [""; N];
        let mut i = 0;
        while i < N {
            words[i] = self.0[i].0;
            i += 1;
        }
        words
    }

    /// What one of the words means.
    pub fn meaning(&self, word: &str) -> T {
        let found = self.0.iter().find(|(w, _)| *w == word);
        found.unwrap_or_else(|| panic!("{word:?} is a choice of another parameter")).1
    }

    /// What the parameter `name`, which has these words and a default, means.
    pub fn read(&self, values: &Values, name: &str) -> T {
        self.meaning(values.word(name))
    }
}

/// One parameter of an operator or a job type.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Wire name.
    pub name: &'static str,
    /// Accepted values.
    pub kind: Kind,
    /// The value when absent, in wire spelling; `None`: may be absent, then its owner decides.
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
    Numbers(Arc<[f64]>),
    Integers(Arc<[i64]>),
    Asset(String),
    Json(Arc<Value>),
    Text(Arc<str>),
}

/// A parameter as it arrived: owned, shared or lent. A document may be larger than all else in memory and is kept as it is.
pub trait Given: Borrow<Value> {
    /// To keep; copied only where it was lent.
    fn shared(self) -> Arc<Value>;
}

impl Given for Value {
    fn shared(self) -> Arc<Value> {
        Arc::new(self)
    }
}

impl Given for Arc<Value> {
    fn shared(self) -> Arc<Value> {
        self
    }
}

impl Given for &Value {
    fn shared(self) -> Arc<Value> {
        Arc::new(self.clone())
    }
}

/// Checked parameters with defaults filled in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values(IndexMap<&'static str, Typed>);

impl Values {
    /// Reads `given` against `declared`; unknown names are refused with the known ones.
    pub fn parse(
        declared: &'static [Param],
        mut given: IndexMap<String, impl Given>,
    ) -> Result<Values, ParamError> {
        if let Some(name) = given.keys().find(|n| declared.iter().all(|p| p.name != n.as_str())) {
            let what = match declared.is_empty() {
                true => "unknown, there are no parameters here".to_owned(),
                false => not_among("unknown", name, declared.iter().map(|p| p.name), &[]),
            };
            return Err(ParamError { name: name.clone(), what });
        }
        let mut values = IndexMap::new();
        for p in declared {
            let typed = match (given.swap_remove(p.name), p.default) {
                (Some(v), _) if !v.borrow().is_null() => p.read(v)?,
                (_, Some(text)) => p.read(Value::String(text.into()))?,
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

/// Accessors for operators, whose declared parameters have defaults: they panic where the declaration has neither
/// that kind nor a default, which the registry's laws exclude.
impl Values {
    /// A declared [`Kind::Numbers`].
    pub fn numbers(&self, name: &str) -> Option<&[f64]> {
        match self.0.get(name) {
            Some(Typed::Numbers(v)) => Some(v),
            _ => None,
        }
    }

    /// A declared [`Kind::Integers`].
    pub fn integers(&self, name: &str) -> Option<&[i64]> {
        match self.0.get(name) {
            Some(Typed::Integers(v)) => Some(v),
            _ => None,
        }
    }

    /// Filename of a declared [`Kind::Asset`].
    pub fn asset(&self, name: &str) -> Option<&str> {
        match self.0.get(name) {
            Some(Typed::Asset(v)) => Some(v),
            _ => None,
        }
    }

    /// A declared [`Kind::Json`].
    pub fn json(&self, name: &str) -> Option<&Value> {
        match self.0.get(name) {
            Some(Typed::Json(v)) => Some(v),
            _ => None,
        }
    }

    /// A declared [`Kind::Text`].
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name) {
            Some(Typed::Text(v)) => Some(v),
            _ => None,
        }
    }

    /// Sets a declared parameter from its wire spelling.
    pub fn set(&mut self, param: &Param, text: &str) -> Result<(), ParamError> {
        self.0.insert(param.name, param.read(Value::String(text.to_owned()))?);
        Ok(())
    }

    /// Takes out a declared [`Kind::Json`]: documents are large.
    pub fn take_json(&mut self, name: &str) -> Option<Arc<Value>> {
        match self.0.shift_remove(name) {
            Some(Typed::Json(v)) => Some(v),
            _ => None,
        }
    }

    /// A number with a default.
    pub fn float(&self, name: &str) -> f64 {
        self.number(name).unwrap_or_else(|| panic!("{name} is declared as a number with a default"))
    }

    /// `N` numbers with a default.
    pub fn vector<const N: usize>(&self, name: &str) -> [f64; N] {
        let numbers = self.numbers(name).and_then(|v| v.try_into().ok());
        numbers.unwrap_or_else(|| panic!("{name} is declared as {N} numbers with a default"))
    }

    /// A word with a default.
    pub fn word(&self, name: &str) -> &'static str {
        self.choice(name).unwrap_or_else(|| panic!("{name} is declared as a choice with a default"))
    }
}

impl Param {
    fn read(&self, given: impl Given) -> Result<Typed, ParamError> {
        let value = given.borrow();
        let text = match value {
            Value::String(s) => s.trim().to_owned(),
            Value::Number(n) => n.to_string(),
            Value::Bool(b) => b.to_string(),
            _ => String::new(),
        };
        let refuse = |expected: String| ParamError {
            name: self.name.to_owned(),
            what: format!("expected {expected}, got {}", shorten(value)),
        };
        match self.kind {
            Kind::Integer { min, max } => {
                let in_range = whole(&text).filter(|v| (min..=max).contains(v));
                in_range.map(Typed::Integer).ok_or_else(|| refuse(format!("an integer from {min} to {max}")))
            }
            Kind::Number { min, max } => {
                let number = text.parse::<f64>().ok().filter(|v| (min..=max).contains(v));
                number.map(Typed::Number).ok_or_else(|| refuse(format!("a number from {min} to {max}")))
            }
            Kind::Choice(words) => {
                let word = words.iter().find(|w| w.eq_ignore_ascii_case(&text));
                word.map(|w| Typed::Choice(w)).ok_or_else(|| {
                    let all = words.join(", ");
                    let hint = did_you_mean(&text, words.iter().copied(), SYNONYMS);
                    let what = format!("got {}{hint} (expected one of {all})", shorten(value));
                    let meant = ParamError { name: self.name.to_owned(), what };
                    if hint.is_empty() { refuse(format!("one of {all}")) } else { meant }
                })
            }
            Kind::Numbers(count) => {
                let numbers = vector_of(value, count).filter(|v| v.len() == count);
                numbers
                    .map(|v| Typed::Numbers(v.into()))
                    .ok_or_else(|| refuse(format!("{count} finite numbers")))
            }
            Kind::Integers { count, min, max } => {
                let fits = |v: &f64| v.fract() == 0.0 && (min as f64..=max as f64).contains(v);
                let numbers = vector_of(value, count).filter(|v| v.len() == count && v.iter().all(fits));
                let integers = numbers.map(|v| Typed::Integers(v.iter().map(|x| *x as i64).collect()));
                integers.ok_or_else(|| refuse(format!("{count} integers from {min} to {max}")))
            }
            Kind::Points => {
                let numbers = numbers_of(&structured(value)).filter(|v| !v.is_empty() && v.len() % 3 == 0);
                let points = numbers.map(|v| Typed::Numbers(v.into()));
                points.ok_or_else(|| refuse("at least one point of 3 finite numbers".to_owned()))
            }
            Kind::Asset { file_type } => {
                asset_path(&structured(value), file_type).map(Typed::Asset).map_err(refuse)
            }
            Kind::Json => self.document(given),
            Kind::Text { most } => {
                let whole = value.as_str().unwrap_or(&text);
                let fits = !value.is_boolean() && (1..=most).contains(&whole.chars().count());
                let read = fits.then(|| Typed::Text(whole.into()));
                read.ok_or_else(|| refuse(format!("text of 1 to {most} characters")))
            }
        }
    }

    /// The value, or the JSON that a text holds; an error says where it is none.
    fn document(&self, given: impl Given) -> Result<Typed, ParamError> {
        let refuse = |what| ParamError { name: self.name.to_owned(), what };
        let json = match given.borrow() {
            Value::String(text) => {
                let read = serde_json::from_str(text);
                Arc::new(read.map_err(|e| refuse(format!("expected JSON, got text: {e}")))?)
            }
            _ => given.shared(),
        };
        match *json {
            Value::String(_) => Err(refuse(format!("expected JSON, got {}", shorten(&json)))),
            _ => Ok(Typed::Json(json)),
        }
    }
}

/// 256.0 is a whole number too: JavaScript has no other way to say 256.
fn whole(text: &str) -> Option<i64> {
    let float = || text.parse::<f64>().ok().filter(|f| f.fract() == 0.0 && f.abs() < 9e15).map(|f| f as i64);
    text.parse::<i64>().ok().or_else(float)
}

/// The numbers of a value; a number alone stands for each of a pair or a vector, not for a matrix.
fn vector_of(value: &Value, count: usize) -> Option<Vec<f64>> {
    let value = structured(value);
    match value.as_ref() {
        alone @ (Value::Number(_) | Value::String(_)) if (2..=3).contains(&count) => {
            numbers_of(&Value::Array(vec![alone.clone(); count]))
        }
        other => numbers_of(other),
    }
}

/// JSON as it is, or the JSON that a text holds.
fn structured(value: &Value) -> Cow<'_, Value> {
    let parsed = value.as_str().and_then(|text| serde_json::from_str(text).ok());
    parsed.map_or(Cow::Borrowed(value), Cow::Owned)
}

fn asset_path(value: &Value, file_type: Option<&str>) -> Result<String, String> {
    let expected = match file_type {
        Some(t) => format!("an asset as {{\"file_type\": {t:?}, \"path\": <filename>}}"),
        None => "an asset as {\"path\": <filename>}".to_owned(),
    };
    let given = value.get("file_type").and_then(Value::as_str);
    let known = given.is_none() || file_type.is_none() || given == file_type;
    let path = value.get("path").and_then(Value::as_str).filter(|p| !p.is_empty() && known);
    path.map(str::to_owned).ok_or(expected)
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
        let map: IndexMap<String, Value> = serde_json::from_value(given).unwrap();
        Values::parse(DECLARED, map).map_err(|e| e.to_string())
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
                json!({"resolutoin": 8}),
                r#"parameter "resolutoin": unknown, did you mean "resolution"? (expected one of resolution, width, type)"#,
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
