//! Operators and job types on the wire, from their registries: what a form needs to ask for their parameters.

use crate::openapi::schema::{
    Schema, Schemas, any, boolean, document, integer, list, named, object, text, word,
};
use fieldstone_jobs::operator::{Group, OperatorEntry, Port, Promise, Type};
use fieldstone_jobs::{JobEntry, Kind, Param};
use serde_json::{Value, json};

/// An operator of shape graphs.
pub fn operator(entry: &OperatorEntry) -> Value {
    let group = match entry.group {
        Group::Source => "source",
        Group::Transform => "transform",
        Group::Sample => "sample",
        Group::Filter => "filter",
    };
    json!({
        "type": entry.type_name,
        "group": group,
        "description": entry.doc,
        "details": entry.details,
        "inputs": entry.inputs.iter().map(port).collect::<Vec<_>>(),
        "output": type_word(entry.output),
        "parameters": entry.params.iter().map(parameter).collect::<Vec<_>>(),
        "ignored": entry.ignored,
        "example": from_json(entry.example),
    })
}

/// A type of jobs.
pub fn job_type(entry: &JobEntry) -> Value {
    let inputs = entry.inputs.iter().map(|slot| {
        json!({
            "name": slot.name, "required": slot.required, "older_parameter": slot.from_param, "description": slot.doc,
        })
    });
    let products = entry.products.iter().map(
        |product| json!({"name": product.name, "extension": product.extension, "description": product.doc}),
    );
    json!({
        "type": entry.type_name,
        "revision": entry.revision,
        "description": entry.doc,
        "inputs": inputs.collect::<Vec<_>>(),
        "takes_any_input": entry.takes_any_input(),
        "parameters": entry.params.iter().map(parameter).collect::<Vec<_>>(),
        "outputs": products.collect::<Vec<_>>(),
        "output_parameters": entry.params_out(),
        "example": from_json(entry.example),
    })
}

fn type_word(kind: Type) -> &'static str {
    match kind {
        Type::Vec3f => "Vec3f",
        Type::Float => "Float",
        Type::Byte => "Byte",
        Type::Volume => "Volume",
        Type::Any => "Any",
    }
}

const PROMISES: [&str; 4] = ["Sign", "Bound", "Pieces", "Distance"];

fn port(port: &Port) -> Value {
    let wants = match port.wants {
        Promise::Sign => PROMISES[0],
        Promise::Bound => PROMISES[1],
        Promise::Pieces => PROMISES[2],
        Promise::Distance => PROMISES[3],
    };
    json!({
        "name": port.name,
        "type": type_word(port.takes),
        "required": port.required,
        "channels": port.channels,
        "wants": wants,
    })
}

/// One parameter of either: its values as a JSON Schema, its default as JSON.
fn parameter(param: &Param) -> Value {
    let default = param.default.map(|text| match param.kind {
        Kind::Choice(_) | Kind::Text { .. } => json!(text),
        _ => from_json(text),
    });
    json!({
        "name": param.name,
        "description": param.doc,
        "unit": unit(param),
        "default": default,
        "schema": Value::from(values(&param.kind)),
    })
}

/// Registry texts are JSON, which the laws of the registries hold.
fn from_json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| json!(text))
}

/// What a parameter takes.
fn values(kind: &Kind) -> Schema {
    let range = |schema: Schema, min: Value, max: Value| schema.with("minimum", min).with("maximum", max);
    let several = |items: Schema, count: usize| list(items).with("minItems", count).with("maxItems", count);
    let number = || any().with("type", "number");
    match *kind {
        Kind::Integer { min, max } => range(integer(), json!(min), json!(max)),
        Kind::Number { min, max } => range(number(), json!(min), json!(max)),
        Kind::Choice(words) => word(words.iter().copied()),
        Kind::Numbers(count) => several(number(), count),
        Kind::Integers { count, min, max } => several(range(integer(), json!(min), json!(max)), count),
        Kind::Points => list(several(number(), 3)).with("minItems", 1),
        Kind::Asset { file_type } => {
            let path = object([("path", text().says("Filename"))]);
            match file_type {
                Some(word) => path.and_maybe([("file_type", any().with("const", word))]),
                None => path,
            }
        }
        Kind::Json => any(),
        Kind::Text { most } => text().with("minLength", 1).with("maxLength", most),
    }
}

/// Units as descriptions name them, the longer ones first, and how they are written.
const UNITS: [(&str, &str); 4] =
    [("mm per radian", "mm/rad"), ("turns per mm", "1/mm"), ("degrees", "°"), ("mm", "mm")];

/// The unit of a number, by its description; `None` where it is a plain number.
fn unit(param: &Param) -> Option<&'static str> {
    if !matches!(param.kind, Kind::Number { .. } | Kind::Numbers(_) | Kind::Points) {
        return None;
    }
    let words: Vec<&str> = param.doc.split(|c: char| !c.is_alphanumeric()).collect();
    let found = UNITS.iter().find(|(name, _)| {
        let name: Vec<&str> = name.split(' ').collect();
        words.windows(name.len()).any(|window| window == name)
    });
    found.map(|(_, unit)| *unit)
}

/// How they are shown, for the API's document.
pub const SCHEMAS: Schemas =
    &[("Parameter", shown_parameter), ("Operator", shown_operator), ("JobType", shown_job_type)];

fn shown_parameter() -> Schema {
    object([
        ("name", text()),
        ("description", text()),
        ("unit", text().or_null().says("null for a plain number, and for what is no number")),
        ("default", any().says("null: may be left out, the description says what holds then")),
        (
            "schema",
            document().says("JSON Schema of its values; numbers may be sent as text, vectors as {x, y, z}"),
        ),
    ])
}

fn shown_operator() -> Schema {
    let kind = || word(["Vec3f", "Float", "Byte", "Volume", "Any"]);
    let wants = "What its values should promise, weakest first; the job warns of less";
    let input = object([
        ("name", text()),
        ("type", kind()),
        ("required", boolean()),
        ("channels", integer().or_null().says("Values per point; null: any number")),
        ("wants", word(PROMISES).says(wants)),
    ]);
    object([
        ("type", text()),
        ("group", word(["source", "transform", "sample", "filter"])),
        ("description", text()),
        ("details", text().says("Formula, limits and source, Markdown")),
        ("inputs", list(input).says("In the order of their numbers in edges")),
        ("output", kind()),
        ("parameters", list(named("Parameter"))),
        ("ignored", list(text()).says("Older parameters that are accepted and mean nothing")),
        ("example", document().says("Parameters")),
    ])
}

fn shown_job_type() -> Schema {
    let input = object([
        ("name", text()),
        ("required", boolean()),
        ("older_parameter", text().or_null().says("The parameter that older clients name the file with")),
        ("description", text()),
    ]);
    let output = object([("name", text()), ("extension", text()), ("description", text())]);
    object([
        ("type", text()),
        ("revision", integer().says("Raised when equal inputs give other bytes than before")),
        ("description", text()),
        ("inputs", list(input)),
        (
            "takes_any_input",
            boolean().says(
                "Whether files may have names of their own, which a document among the parameters uses",
            ),
        ),
        ("parameters", list(named("Parameter"))),
        ("outputs", list(output).says("The one that clients take first is first")),
        ("output_parameters", list(text())),
        ("example", document().says("Parameters")),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(doc: &'static str) -> Param {
        Param { name: "n", kind: Kind::Number { min: 0.0, max: 1.0 }, default: None, doc }
    }

    #[test]
    fn units_are_whole_words_of_the_description() {
        for (doc, expected) in [
            ("wavelength, mm", Some("mm")),
            ("mm per radian", Some("mm/rad")),
            ("turns per mm", Some("1/mm")),
            ("half-angles of the cones, degrees; 0 = unused", Some("°")),
            ("weight of InputA, comma", None),
        ] {
            assert_eq!(unit(&number(doc)), expected, "{doc}");
        }
        let word = Param { kind: Kind::Choice(&["a"]), ..number("mm or samples") };
        assert_eq!(unit(&word), None);
    }
}
