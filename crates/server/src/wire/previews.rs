//! Previews on the wire: what is asked for, and a line of JSON with the samples behind it.

use super::body::Document;
use super::error::ApiError;
use crate::openapi::schema::{self, Schema, Schemas, any, integer, number, object, text, word};
use fieldstone_engine::{NewPreview, Preview, Section};
use serde_json::json;

/// Samples on the longest axis, at most and when nothing is said.
const RESOLUTION: [u64; 2] = [192, 64];
/// Characters of a tab's name.
const LONGEST_TAB: usize = 100;
const AXES: [&str; 3] = ["x", "y", "z"];

/// Schemas of this file.
pub const SCHEMAS: Schemas = &[("NewPreview", new)];

/// `POST …/preview`.
pub fn new_preview(mut body: Document) -> Result<NewPreview, ApiError> {
    let graph = body.value("graph").filter(|graph| !graph.is_null());
    if graph.is_none() {
        body.refuse("graph", "is required");
    }
    let node = whole(&mut body, "node", 0..=u64::from(u32::MAX)).map(|node| node as usize);
    let resolution = whole(&mut body, "resolution", 2..=RESOLUTION[0]).unwrap_or(RESOLUTION[1]) as u32;
    let section = section(&mut body);
    let watch = boolean(&mut body, "watch");
    let tab = body.text("tab");
    if tab.as_ref().is_some_and(|tab| tab.chars().count() > LONGEST_TAB) {
        body.refuse("tab", format!("has more than {LONGEST_TAB} characters"));
    }
    body.finish()?;
    Ok(NewPreview { graph: graph.unwrap_or_default(), node, resolution, section, watch, tab })
}

fn whole(body: &mut Document, field: &str, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
    let value = body.value(field).filter(|value| !value.is_null())?;
    let number = value.as_u64().filter(|number| range.contains(number));
    if number.is_none() {
        body.refuse(
            field,
            format!("expected a whole number {} to {}, got {value}", range.start(), range.end()),
        );
    }
    number
}

fn boolean(body: &mut Document, field: &str) -> bool {
    let Some(value) = body.value(field).filter(|value| !value.is_null()) else { return false };
    value.as_bool().unwrap_or_else(|| {
        body.refuse(field, format!("expected true or false, got {value}"));
        false
    })
}

fn section(body: &mut Document) -> Option<Section> {
    let value = body.value("section").filter(|value| !value.is_null())?;
    let axis = value["axis"].as_str().and_then(|name| AXES.iter().position(|axis| *axis == name));
    match (axis, value["offset"].as_f64()) {
        (Some(axis), Some(offset)) => Some(Section { axis, offset }),
        _ => {
            let expected = "expected {\"axis\": \"x\", \"y\" or \"z\", \"offset\": mm}";
            body.refuse("section", format!("{expected}, got {value}"));
            None
        }
    }
}

/// A line of JSON, then the samples.
pub fn written(preview: Preview) -> Vec<u8> {
    let Preview { header, samples } = preview;
    let [read, load, compute] = header.milliseconds;
    let line = json!({
        "samples": header.samples,
        "resolution": header.resolution,
        "offset": header.offset,
        "size": header.size,
        "cell": header.cell,
        "band": header.band,
        "promise": header.promise,
        "bounds": header.bounds.map(|[min, max]| json!({"min": min, "max": max})),
        "warnings": header.warnings,
        "milliseconds": {"read": read, "load": load, "compute": compute},
    });
    let mut bytes = line.to_string().into_bytes();
    bytes.push(b'\n');
    bytes.extend_from_slice(&samples);
    bytes
}

fn new() -> Schema {
    let axes = object([("axis", word(AXES)), ("offset", number().says("mm"))]);
    let whole = |least: u64, most: u64| integer().with("minimum", least).with("maximum", most);
    object([(
        "graph",
        any()
            .with("type", ["object", "string"].map(str::to_owned).to_vec())
            .says("The shape graph, or its JSON as text; files in it are the project's"),
    )])
    .and_maybe([
        (
            "node",
            integer()
                .with("minimum", 0)
                .or_null()
                .says("The operator whose values are wanted; by default the result"),
        ),
        (
            "resolution",
            whole(2, RESOLUTION[0])
                .or_null()
                .with("default", RESOLUTION[1])
                .says("Samples on the longest axis"),
        ),
        ("section", axes.or_null().says("A plane of float32 instead of the volume of int8")),
        (
            "watch",
            schema::boolean()
                .or_null()
                .with("default", false)
                .says("Whether a volume is looked over for walls, struts and gaps that are thinner than its cells and for where it is cut off"),
        ),
        (
            "tab",
            text()
                .with("maxLength", LONGEST_TAB)
                .or_null()
                .says("A newer preview of this tab ends the older, which is then a 409"),
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn read(body: Value) -> Result<NewPreview, ApiError> {
        new_preview(Document::parse(body.to_string().as_bytes()).unwrap())
    }

    #[test]
    fn wrong_fields_are_all_named() {
        let new =
            read(json!({"graph": {}, "section": {"axis": "y", "offset": 2}, "watch": null, "tab": "a"}))
                .unwrap();
        assert_eq!((new.resolution, new.node, new.watch), (64, None, false));
        assert_eq!(new.section, Some(Section { axis: 1, offset: 2.0 }));
        let bad = json!({"resolution": 193, "node": -1, "section": {"axis": "w", "offset": 0}, "watch": 1, "tab": "t".repeat(101)});
        let text = format!("{:?}", read(bad).unwrap_err());
        for field in ["graph", "resolution", "node", "section", "watch", "tab"] {
            assert!(text.contains(&format!("field: {field:?}")), "{field}: {text}");
        }
    }
}
