//! Text against brute force: the distances to points that are spread densely over the edges of all strokes, and closed forms.

use super::curve::{Curve, Point, minus, norm, plus};
use super::layout::layout;
use super::*;
use crate::testing::Rng;

fn lettering(height: f64, stroke_width: f64) -> Lettering {
    Lettering { height, stroke_width, thickness: 2.0, line_spacing: 1.6, alignment: Alignment::Center }
}

fn text(text: &str, style: &Lettering) -> Text {
    Text::new(text, style, &Monitor::none()).unwrap()
}

/// Points on the edge of the figure, no farther apart than `apart`: those of circles of half the stroke's width, rolled along every stroke, that
/// lie in no other.
fn rim(strokes: &[Curve], radius: f64, apart: f64) -> Vec<Point> {
    let mut points = Vec::new();
    for stroke in strokes {
        match *stroke {
            Curve::Line(a, b) => {
                let (length, along) = (norm(minus(b, a)), minus(b, a));
                let count = (length / apart).ceil().max(1.0);
                for i in 0..=count as u32 {
                    let (t, aside) =
                        (f64::from(i) / count, [-along[1], along[0]].map(|c| c / length.max(1e-9)));
                    let middle = plus(a, along, t);
                    points.extend([1.0, -1.0].map(|side| plus(middle, aside, side * radius)));
                }
            }
            Curve::Arc { centre, radius: own, ends: [a, b] } => {
                let begin = a[1].atan2(a[0]);
                let sweep = (b[1].atan2(b[0]) - begin).rem_euclid(std::f64::consts::TAU);
                let count = (sweep * (own + radius) / apart).ceil();
                for i in 0..=count as u32 {
                    let (s, c) = (begin + sweep * f64::from(i) / count).sin_cos();
                    points.extend([own + radius, own - radius].map(|r| plus(centre, [c, s], r)));
                }
            }
        }
        for end in stroke.ends() {
            let count = (std::f64::consts::TAU * radius / apart).ceil();
            points.extend((0..count as u32).map(|i| {
                let (s, c) = (std::f64::consts::TAU * f64::from(i) / count).sin_cos();
                plus(end, [c, s], radius)
            }));
        }
    }
    let is_outer = |p: &Point| strokes.iter().all(|s| s.distance(*p) >= radius - 1e-9);
    points.into_iter().filter(is_outer).collect()
}

#[test]
fn inside_and_outside_the_distance_to_the_outline_is_that_of_brute_force() {
    let mut rng = Rng::new(7);
    // Letters by themselves, and lines whose letters touch nothing; strokes so wide that they close what is small.
    let lines = CHARACTERS.chars().map(String::from).chain(["Hi, Øß\n@4".to_owned()]);
    for (i, line) in lines.enumerate() {
        let style = lettering(10.0, [1.0, 0.4, 2.4][i % 3]);
        let (got, radius) = (text(&line, &style), 0.5 * style.stroke_width);
        let strokes = layout(&line, &style).unwrap();
        let apart = 0.01;
        let rim = rim(&strokes, radius, apart);
        for _ in 0..150 {
            // Beside a stroke, on either side of its edge.
            let [a, b] = strokes[rng.below(strokes.len())].ends();
            let t = rng.unit();
            let near = [0, 1].map(|k| a[k] + t * (b[k] - a[k]) + 3.0 * radius * (rng.unit() - 0.5));
            let flat = f64::from(got.distance_at([near[0] as f32, near[1] as f32, 0.0])).max(-0.999);
            let p = near.map(|c| f64::from(c as f32));
            let spread = rim.iter().map(|q| norm(minus(*q, p))).fold(f64::INFINITY, f64::min);
            let is_inside = strokes.iter().any(|s| s.distance(p) < radius);
            let expected = if is_inside { (-spread).max(-0.999) } else { spread };
            // The nearest of the spread points may be as much farther as they are apart, where the nearest of the edge is a corner.
            let off = flat.abs() - expected.abs();
            assert!(is_inside == (flat < 0.0) || flat.abs() < 1e-5, "{line:?} at {p:?}: {flat}");
            assert!((-1.01 * apart..1e-5).contains(&off), "{line:?} at {p:?}: {flat}, expected {expected}");
        }
    }
}

#[test]
fn closed_forms() {
    // Where two strokes cross, the nearest of the outline is the corner between them.
    let style = Lettering { thickness: 50.0, ..lettering(10.0, 1.0) };
    let plus = text("+", &style);
    // A capital is 10 high with its strokes: 9 of their middles, a unit is 0.9. The middle of the + is 4 units up, of 10.
    let middle = [0.0, -0.9f32];
    assert!((plus.distance_at([middle[0], middle[1], 0.0]) + 0.5 * 2f32.sqrt()).abs() < 1e-6);
    // A dot is a disc: a cylinder of the stroke's width.
    let dot = text(".", &lettering(10.0, 1.0));
    let at = |x: f32, z: f32| dot.distance_at([x, -4.5, z]);
    for (x, z, expected) in
        [(0.0, 0.0, -0.5), (2.0, 0.0, 1.5), (0.0, 3.0, 2.0), (3.5, 5.0, 5.0), (0.4, 0.9, -0.1)]
    {
        assert!((at(x, z) - expected).abs() < 1e-6, "{x}, {z}: {}", at(x, z));
    }
    // An I is 10 high and 1 wide.
    let bounds = text("I", &lettering(10.0, 1.0)).bounds();
    assert_eq!((bounds.min, bounds.max), ([-0.5, -5.0, -1.0], [0.5, 5.0, 1.0]));
}

#[test]
fn lines_are_aligned_and_apart_as_asked() {
    for (alignment, of_long, of_short) in [
        (Alignment::Left, [0.0, 10.2], [0.0, 1.0]),
        (Alignment::Center, [-5.1, 5.1], [-0.5, 0.5]),
        (Alignment::Right, [-10.2, 0.0], [-1.0, 0.0]),
    ] {
        // Units of 0.9: two gaps of 1.9 and a stroke's width each, a blank of 4.2, and the width of the strokes.
        let style = Lettering { alignment, ..lettering(10.0, 1.0) };
        let long = text("II I", &style).bounds();
        let short = text("I", &style).bounds();
        let spread = |b: &Aabb| [b.min[0], b.max[0]];
        let close = |a: [f32; 2], b: [f32; 2]| (a[0] - b[0]).abs() < 1e-4 && (a[1] - b[1]).abs() < 1e-4;
        assert!(close(spread(&long), of_long), "{alignment:?}: {:?}", spread(&long));
        assert!(close(spread(&short), of_short), "{alignment:?}: {:?}", spread(&short));
    }
    let two = text("I\r\nI", &Lettering { line_spacing: 2.0, ..lettering(10.0, 1.0) });
    assert_eq!([two.bounds().min[1], two.bounds().max[1]], [-15.0, 15.0]);
    assert_eq!(text("\n\nI\n\n", &lettering(10.0, 1.0)).bounds().min[0], -0.5);
}

#[test]
fn every_character_is_drawn_and_none_touches_its_neighbour() {
    let latin = (0x20..0x7f).chain(0xa0..0x100).filter(|c| *c != 0xad).filter_map(char::from_u32);
    for c in latin.chain(CHARACTERS.chars()) {
        let curves = glyphs::glyph(c).unwrap_or_else(|| panic!("{c:?} is not drawn"));
        assert!(curves.iter().flat_map(Curve::bounds).flatten().all(|v| v.abs() < 20.0), "{c:?}: {curves:?}");
        assert!(CHARACTERS.contains(c) || curves.is_empty(), "{c:?} is not among those that are told of");
    }
    // Between two letters there is a line that neither reaches, however wide the stroke is.
    let style = lettering(10.0, 2.5);
    for c in CHARACTERS.chars() {
        let alone = text(&c.to_string(), &style).bounds();
        let pair = text(&format!("{c}{c}"), &style).bounds();
        let apart = pair.extent()[0] - 2.0 * alone.extent()[0];
        assert!((apart - 1.9 * 0.75).abs() < 1e-4, "{c:?}: {apart}");
    }
}

#[test]
fn rows_have_the_bits_of_points() {
    let text = text("Rg\n5%", &lettering(10.0, 1.3));
    let line = |n: usize, step: f32| (0..n).map(|i| (i as f32 - 0.5 * n as f32) * step).collect::<Vec<_>>();
    let (x, y, z) = (line(9, 1.7), line(7, 3.1), line(5, 0.6));
    let mut rows = vec![0.0; 9 * 7 * 5];
    text.distance_on_rows(&x, &y, &z, &mut rows);
    let mut at = 0;
    for z in &z {
        for y in &y {
            for x in &x {
                assert_eq!(rows[at].to_bits(), text.distance_at([*x, *y, *z]).to_bits());
                at += 1;
            }
        }
    }
    assert!(text.distance_at([f32::NAN, 0.0, 0.0]).is_nan());
}

#[test]
fn what_cannot_be_is_refused_by_name_and_place() {
    let refused = |text: &str, style: Lettering| Text::check(text, &style).unwrap_err().to_string();
    let style = lettering(10.0, 1.0);
    assert_eq!(refused("ab\nc漢d", style), "there is no letter for '漢' (U+6F22), character 2 of line 2");
    assert_eq!(refused("a\tb", style), "there is no letter for '\\t' (U+0009), character 2 of line 1");
    assert_eq!(refused(" \n ", style), "there is nothing in it but blanks");
    assert_eq!(refused(&"x".repeat(501), style), "it has 501 characters, at most 500 are allowed");
    assert_eq!(refused("a", lettering(10.0, 3.0)), "is 3, expected 0.01 to 2.5");
    assert!(refused("a", lettering(f64::NAN, 1.0)).starts_with("is NaN, expected 0.001"));
    let cancelled = Monitor::new(std::sync::Arc::new(true.into()), |_| ());
    assert_eq!(Text::new("a", &style, &cancelled).unwrap_err(), TextError::Cancelled(Cancelled));
}
