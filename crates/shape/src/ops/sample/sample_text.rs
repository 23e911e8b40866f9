//! `SampleText`: letters to engrave or to raise.

use crate::affine::Affine;
use crate::extent::Extent;
use crate::interval::{Bounds, Interval};
use crate::operator::{Build, BuildError, Lanes, LanesMut, OperatorEntry, Pointwise, Promise, Rows, Stage};
use crate::params::{Choices, Kind, Param, ParamError, Values};
use crate::xform::XFORM_PARAM;
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::text::{Alignment, Lettering, MOST_CHARACTERS, Text, TextError};

/// The registry entry.
pub const ENTRY: OperatorEntry = OperatorEntry {
    type_name: "SampleText",
    doc: "Exact distance to a text of one or more lines, a solid of letters whose strokes have one width.",
    details: "Lines run along x, one below the other, centred about y = 0; the solid reaches from z = −thickness/2 to thickness/2. Placed by \
        its `xform` so that the face of a part cuts it in half, a CSG Subtract engraves it and a Union raises it, half the thickness deep or high. \
        A mirrored `xform` makes a stamp.\n\n\
        Strokes end round, as a ball-nosed cutter of the stroke's width leaves them. `height` is that of a capital, from edge to edge; small letters are \
        seven tenths as high, and accents and stems reach up to three tenths beyond. Letters are as wide as they are; between two of them \
        are 0.19 of what `height` has beyond `stroke_width`, so that neighbours never touch, and a blank adds 0.42. From a sixth of the height on a wider \
        stroke begins to close what is small: @, ®, ½, the ring of å.\n\n\
        There are the printable characters of Latin-1 (with µ, °, ±, Ø), Œ œ Š š Ž ž Ÿ ı, and € Ω ⌀ – — ‘ ’ “ ” … −; others are refused with their place. \
        Lines are divided by a line feed.\n\n\
        ![All letters](lettering.png)\n\n\
        With an `xform` that scales evenly the result is the distance, inside as well, to the corners between strokes that meet; otherwise it is a bound, the \
        distance before the `xform` times its least stretch. The letters are drawn by ourselves, in the proportions of ISO 3098",
    params: &[
        Param {
            name: "text",
            kind: Kind::Text { most: MOST_CHARACTERS },
            default: Some("Text"),
            doc: "what is written, with line ends",
        },
        Param {
            name: "height",
            kind: Kind::Number { min: 0.001, max: 1e6 },
            default: Some("10"),
            doc: "of a capital, mm",
        },
        Param {
            name: "stroke_width",
            kind: Kind::Number { min: 1e-6, max: 2.5e5 },
            default: None,
            doc: "width of the strokes, mm, from a thousandth to a quarter of the height; default: a tenth of it",
        },
        Param {
            name: "thickness",
            kind: Kind::Number { min: 1e-6, max: 1e6 },
            default: Some("1"),
            doc: "along z, half of it to either side, mm",
        },
        Param {
            name: "line_spacing",
            kind: Kind::Number { min: 0.1, max: 100.0 },
            default: Some("1.6"),
            doc: "from the foot of a line to that of the next, in heights",
        },
        Param {
            name: "alignment",
            kind: Kind::Choice(&ALIGNMENTS.words()),
            default: Some("Center"),
            doc: "whether lines begin, have their middle or end at x = 0",
        },
        XFORM_PARAM,
    ],
    example: r#"{"text": "Ab\n1µ", "height": 0.6, "stroke_width": 0.09, "thickness": 0.4, "xform": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0.1, 0, 0.2, 1]}"#,
    promise: |values, inputs| {
        let evenly = Affine::placement(values, "xform").is_ok_and(|a| a.is_similarity());
        let own = if evenly { Promise::Distance } else { Promise::Bound };
        inputs.iter().copied().fold(own, Promise::min)
    },
    extent: |values, _| {
        // Nothing is deeper than half the thickness.
        let scale = Affine::placement(values, "xform").map_or(f64::INFINITY, |a| a.least_scale());
        Extent { least: -0.51 * values.float("thickness") * scale, ..Extent::ANY }
    },
    check: |values, _| Text::check(text(values), &lettering(values)).map_err(refused),
    build,
    ..OperatorEntry::SAMPLER
};

/// What the words of `alignment` mean.
const ALIGNMENTS: Choices<Alignment, 3> =
    Choices([("Left", Alignment::Left), ("Center", Alignment::Center), ("Right", Alignment::Right)]);

fn text(values: &Values) -> &str {
    values.text("text").unwrap_or_default()
}

fn lettering(values: &Values) -> Lettering {
    let height = values.float("height");
    Lettering {
        height,
        stroke_width: values.number("stroke_width").unwrap_or(0.1 * height),
        thickness: values.float("thickness"),
        line_spacing: values.float("line_spacing"),
        alignment: ALIGNMENTS.read(values, "alignment"),
    }
}

fn refused(error: TextError) -> ParamError {
    let name = match error {
        TextError::Length { what, .. } => what,
        _ => "text",
    };
    ParamError { name: name.to_owned(), what: error.to_string() }
}

fn build(values: &Values, cx: &mut Build<'_>) -> Result<Stage, BuildError> {
    let text = Text::new(text(values), &lettering(values), cx.monitor).map_err(|e| match e {
        TextError::Cancelled(c) => BuildError::Cancelled(c),
        other => refused(other).into(),
    })?;
    Ok(Stage::Pointwise(Box::new(SampleText { text, factor: cx.place(values)? })))
}

struct SampleText {
    text: Text,
    /// From this frame's distances to the world's.
    factor: f32,
}

impl SampleText {
    fn to_world(&self, distances: &mut [f32]) {
        if self.factor != 1.0 {
            distances.iter_mut().for_each(|d| *d *= self.factor);
        }
    }
}

impl Pointwise for SampleText {
    fn evaluate(&self, _: Level, inputs: &[Lanes<'_>], out: &mut LanesMut<'_>) {
        let [x, y, z] = inputs[0].points();
        let out = out.value();
        self.text.distance(x, y, z, out);
        self.to_world(out);
    }

    fn evaluate_rows(&self, _: Level, points: Rows<'_>, out: &mut LanesMut<'_>) -> bool {
        let [x, y, z] = points.0;
        let out = out.value();
        self.text.distance_on_rows(x, y, z, out);
        self.to_world(out);
        true
    }

    fn bounds(&self, inputs: &[Bounds]) -> Bounds {
        if !inputs[0].is_finite() {
            return Bounds::ANY;
        }
        let centre = inputs[0].centre();
        let bounds = inputs[0].lipschitz(self.text.distance_at(centre) * self.factor, self.factor);
        // Rounding of the distance goes with the coordinates, not with the value.
        let size = centre.iter().fold(1.0, |m: f32, c| m.max(c.abs()));
        Bounds::scalar(bounds.value().plus(Interval::new(-1e-6, 1e-6).times(size * self.factor)))
    }
}

#[cfg(test)]
mod tests {
    use crate::{Graph, GraphLimits};
    use serde_json::{Value, json};

    fn refusal(parameters: Value) -> String {
        let graph = json!({
            "operators": [{"type": "GenerateSamplePoints"}, {"type": "SampleText", "parameters": parameters}],
            "edges": [{"source": 0, "target": [1, "Points"]}],
        });
        Graph::parse(&graph, GraphLimits::default()).err().map_or(String::new(), |e| e.to_string())
    }

    #[test]
    fn text_is_taken_as_it_is_and_refused_by_place() {
        // Texts of digits, as clients of string parameters and of JSON alike write them.
        for text in [json!("4711"), json!(4711), json!(" a\n\nb "), json!("Ø 12 ±0.1 µm")] {
            assert_eq!(refusal(json!({"text": text})), "");
        }
        let at = "operators[1] (SampleText): parameter ";
        for (given, what) in [
            (
                json!({"text": "a\n漢"}),
                "\"text\": there is no letter for '漢' (U+6F22), character 1 of line 2",
            ),
            (json!({"text": "  "}), "\"text\": there is nothing in it but blanks"),
            (json!({"text": ""}), "\"text\": expected text of 1 to 500 characters, got \"\""),
            (json!({"text": ["a"]}), "\"text\": expected text of 1 to 500 characters, got [\"a\"]"),
            (json!({"text": "a", "stroke_width": 3}), "\"stroke_width\": is 3, expected 0.01 to 2.5"),
        ] {
            assert_eq!(refusal(given), format!("{at}{what}"));
        }
        assert!(refusal(json!({"text": "x".repeat(501)})).contains("text of 1 to 500 characters"));
    }
}
