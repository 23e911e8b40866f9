//! How letters are written down: the way of a pen, as text.
//!
//! # Grammar
//! Strokes are divided by `/`. A stroke is points `x,y` divided by blanks, joined by lines; a point alone is a dot. A point that begins with `~` is
//! reached by the circular arc that leaves the point before it in the direction in which the pen came there. Where no pen came,
//! a sign behind the first point says the direction: `^` up, `v` down, `<` left, `>` right. So `0,3 0,7 ~6,7 6,3 ~0,3` is an O:
//! up a side, half a circle, down the other side, half a circle.

use super::curve::{Curve, Point, cross, dot, left, minus, plus, unit};

/// One stroke, written as above, as lines and arcs.
pub(super) fn stroke(text: &str) -> Vec<Curve> {
    let mut curves = Vec::new();
    let mut pen: Option<(Point, Option<Point>)> = None;
    for word in text.split_whitespace() {
        let (is_arc, to, direction) = point(word);
        let heading = match pen {
            None => direction,
            Some((from, Some(heading))) if is_arc => Some(arc(from, heading, to, &mut curves)),
            Some(_) if is_arc => panic!("{word:?} of {text:?} has no direction to go on in"),
            Some((from, _)) => {
                curves.push(Curve::Line(from, to));
                Some(unit(minus(to, from)))
            }
        };
        pen = Some((to, heading));
    }
    match (pen, curves.is_empty()) {
        (Some((at, _)), true) => vec![Curve::Line(at, at)],
        _ => curves,
    }
}

/// Whether an arc leads to it, the point, and the direction in which the pen leaves it.
fn point(word: &str) -> (bool, Point, Option<Point>) {
    let mut numbers = word.trim_start_matches('~');
    let mut direction = None;
    for (sign, towards) in [('^', [0.0, 1.0]), ('v', [0.0, -1.0]), ('<', [-1.0, 0.0]), ('>', [1.0, 0.0])] {
        if let Some(rest) = numbers.strip_suffix(sign) {
            (numbers, direction) = (rest, Some(towards));
        }
    }
    let read = |n: &str| n.parse::<f64>().unwrap_or_else(|_| panic!("{word:?} is no point"));
    let (x, y) = numbers.split_once(',').unwrap_or_else(|| panic!("{word:?} is no point"));
    (word.starts_with('~'), [read(x), read(y)], direction)
}

/// Adds the arc that leaves `from` as `heading` and ends at `to`; returns how the pen comes there.
fn arc(from: Point, heading: Point, to: Point, curves: &mut Vec<Curve>) -> Point {
    let chord = minus(to, from);
    // Curvature by the angle between tangent and chord; above 0 to the left.
    let bend = 2.0 * cross(heading, chord) / dot(chord, chord);
    let centre = plus(from, left(heading), 1.0 / bend);
    let radius = (1.0 / bend).abs();
    let [a, b] = [from, to].map(|p| unit(minus(p, centre)));
    // It is more than half a circle where its end lies behind its beginning; then it is made of two.
    let way = match dot(heading, chord) < -1e-9 {
        true => vec![a, unit([-a[0] - b[0], -a[1] - b[1]]), b],
        false => vec![a, b],
    };
    for pair in way.windows(2) {
        let ends = if bend > 0.0 { [pair[0], pair[1]] } else { [pair[1], pair[0]] };
        curves.push(Curve::Arc { centre, radius, ends });
    }
    if bend > 0.0 { left(b) } else { left(b).map(|c| -c) }
}
