//! Lines of text as strokes: which letter is where.

use super::curve::Curve;
use super::glyphs::{extent, glyph};
use super::{Alignment, Lettering, MOST_CHARACTERS, TextError};

/// From the edge of a letter to that of the next, and what a blank adds, in tenths of a capital's height (of the middle of its strokes).
const GAP: f64 = 1.9;
const BLANK: f64 = 4.2;
/// A capital's height in the units that letters are drawn in.
const CAPITAL: f64 = 10.0;

/// The middles of all strokes, mm: x along the lines, y up. The text is centred about y = 0, from the foot of its last line to the top of
/// the capitals of its first.
pub(super) fn layout(text: &str, style: &Lettering) -> Result<Vec<Curve>, TextError> {
    let count = text.chars().count();
    if count > MOST_CHARACTERS {
        return Err(TextError::TooLong { count });
    }
    let unit = (style.height - style.stroke_width) / CAPITAL;
    let lines: Vec<&str> = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
    let leading = style.line_spacing * style.height;
    let first = 0.5 * (leading * (lines.len() - 1) as f64 - CAPITAL * unit);
    let mut all = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let (curves, width) = set(line, number + 1, unit, style.stroke_width)?;
        let left = match style.alignment {
            Alignment::Left => 0.5 * style.stroke_width,
            Alignment::Center => -0.5 * width,
            Alignment::Right => -width - 0.5 * style.stroke_width,
        };
        let shift = [left, first - leading * number as f64];
        all.extend(curves.iter().map(|c| c.placed(1.0, shift)));
    }
    match all.is_empty() {
        true => Err(TextError::Blank),
        false => Ok(all),
    }
}

/// The strokes of one line from x = 0 on, its foot at y = 0, and how wide it is, both of the middle of strokes.
fn set(line: &str, number: usize, unit: f64, stroke_width: f64) -> Result<(Vec<Curve>, f64), TextError> {
    let mut curves = Vec::new();
    let (mut pen, mut width) = (0.0, 0.0);
    for (i, character) in line.chars().enumerate() {
        let unknown = TextError::Character { character, line: number, column: i + 1 };
        let letter = glyph(character).ok_or(unknown)?;
        let Some([low, high]) = extent(&letter) else {
            pen += BLANK * unit;
            continue;
        };
        let shift = [pen - unit * low[0], 0.0];
        curves.extend(letter.iter().map(|c| c.placed(unit, shift)));
        width = pen + unit * (high[0] - low[0]);
        pen = width + GAP * unit + stroke_width;
    }
    Ok((curves, width))
}
