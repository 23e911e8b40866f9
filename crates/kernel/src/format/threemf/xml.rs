//! Attributes of elements in the XML of a 3MF package.

use super::super::text::excerpt;
use quick_xml::XmlVersion;
use quick_xml::events::BytesStart;
use quick_xml::events::attributes::Attribute;

/// The value of the attribute `name` (any prefix), if `tag` has it.
pub(super) fn attribute(tag: &BytesStart, name: &str) -> Result<Option<String>, String> {
    for a in tag.attributes().with_checks(false) {
        let a = a.map_err(|e| e.to_string())?;
        if a.key.local_name().as_ref() == name {
            return value(&a).map(Some);
        }
    }
    Ok(None)
}

/// The value of `a`, its entities resolved.
pub(super) fn value(a: &Attribute) -> Result<String, String> {
    a.normalized_value(XmlVersion::Implicit1_0).map(|v| v.into_owned()).map_err(|e| e.to_string())
}

/// The attributes called `names`, in one pass and without copies; `other` gets the names of the rest.
pub(super) fn attributes<T, const N: usize>(
    tag: &BytesStart,
    names: [&str; N],
    parse: impl Fn(&Attribute) -> Result<T, String>,
    mut other: impl FnMut(&str) -> Result<(), String>,
) -> Result<[T; N], String> {
    let mut out = [const { None }; N];
    for a in tag.attributes().with_checks(false) {
        let a = a.map_err(|e| e.to_string())?;
        match names.iter().position(|n| *n == a.key.as_ref()) {
            Some(k) => out[k] = Some(parse(&a)?),
            None => other(a.key.as_ref())?,
        }
    }
    match out.iter().position(Option::is_none) {
        Some(k) => Err(format!("{} has no attribute {}", tag.name().as_ref(), names[k])),
        None => Ok(out.map(|v| v.expect("none is missing"))),
    }
}

/// The attribute `name`: a number that is `what`, for example `an object id`.
pub(super) fn number(tag: &BytesStart, name: &str, what: &str) -> Result<u32, String> {
    let parse = |a: &Attribute| {
        let found = a.value.trim();
        found.parse().map_err(|_| format!("expected {what}, found {}", excerpt(found.as_bytes())))
    };
    let [number] = attributes(tag, [name], parse, |_| Ok(()))?;
    Ok(number)
}
