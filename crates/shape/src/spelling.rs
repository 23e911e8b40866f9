//! How patches, vectors and boxes are spelled on the wire.
//!
//! Structured values travel as JSON text inside string parameters (platform record §3.2), spelled
//! with a space after `,` and `:`, as the reference page shows them.

use fieldstone_kernel::{Aabb, Patch};
use serde_json::Value;
use std::fmt::Write;

/// `{"size": [..], "offset": [..], "resolution": [..]}`: the parameters of a sampling grid.
pub fn patch_json(p: &Patch) -> String {
    format!(
        "{{\"size\": {}, \"offset\": {}, \"resolution\": {}}}",
        numbers_json(&p.size()),
        numbers_json(&p.offset()),
        integers_json(&p.resolution())
    )
}

/// `{"min": [..], "max": [..]}`, mm; `null` for the bounds of nothing.
pub fn bounds_json(b: &Aabb) -> String {
    if b.is_empty() {
        return "null".to_owned();
    }
    format!(
        "{{\"min\": {}, \"max\": {}}}",
        numbers_json(&b.min.map(f64::from)),
        numbers_json(&b.max.map(f64::from))
    )
}

/// `[1.0, 2.5]`: shortest digits that read back as the same `f64`; `null` where one is infinite or not a number, for which
/// JSON has no word.
pub fn numbers_json(values: &[f64]) -> String {
    match values.iter().all(|v| v.is_finite()) {
        true => list(values, |out, v| write!(out, "{v:?}")),
        false => "null".to_owned(),
    }
}

/// A number alone, spelled like those of [`numbers_json`].
pub fn number_json(v: f64) -> String {
    if v.is_finite() { format!("{v:?}") } else { "null".to_owned() }
}

/// `[1, 2]`.
pub fn integers_json(values: &[u32]) -> String {
    list(values, |out, v| write!(out, "{v}"))
}

fn list<T>(values: &[T], put: impl Fn(&mut String, &T) -> std::fmt::Result) -> String {
    let mut out = String::from("[");
    for (i, v) in values.iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        put(&mut out, v).expect("writing to a string cannot fail");
    }
    out.push(']');
    out
}

/// The numbers of a list, none beyond ±1e30 (what f32 still multiplies): flat, nested to any depth, with `{"x", "y", …}` for vectors, each
/// a number or a text that is one. `None` where anything in it is not such a number.
pub fn numbers_of(value: &Value) -> Option<Vec<f64>> {
    fn gather(value: &Value, into: &mut Vec<f64>) -> Option<()> {
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| gather(item, into)),
            Value::Object(axes) => {
                let named = ["x", "y", "z", "w"].iter().take(axes.len());
                named.map(|a| axes.get(*a)).try_for_each(|v| gather(v?, into))
            }
            Value::String(text) => {
                into.push(text.trim().parse().ok().filter(|v: &f64| v.abs() <= 1e30)?);
                Some(())
            }
            number => {
                into.push(number.as_f64().filter(|v| v.abs() <= 1e30)?);
                Some(())
            }
        }
    }
    let mut numbers = Vec::new();
    match value {
        Value::Array(_) | Value::Object(_) => gather(value, &mut numbers).map(|()| numbers),
        _ => None,
    }
}

/// The value as JSON, cut after 60 characters: an error message is no place for a megabyte.
pub fn shorten(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_is_spelled_as_on_the_page() {
        let p = Patch::new([2.0; 3], [-1.0; 3], [256; 3]).unwrap();
        let text = patch_json(&p);
        assert_eq!(
            text,
            r#"{"size": [2.0, 2.0, 2.0], "offset": [-1.0, -1.0, -1.0], "resolution": [256, 256, 256]}"#
        );
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        assert_eq!(bounds_json(&Aabb::EMPTY), "null");
        assert_eq!((&*numbers_json(&[1.0, f64::INFINITY]), &*number_json(f64::NAN)), ("null", "null"));
        let tiny = numbers_json(&[1e-30, -0.1]);
        assert_eq!(serde_json::from_str::<Vec<f64>>(&tiny).unwrap(), [1e-30, -0.1]);
    }
}
