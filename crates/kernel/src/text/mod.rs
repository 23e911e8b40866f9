//! Text as a solid: letters of strokes that have one width, as engravers cut them, with a thickness.
//!
//! # Formula
//! The letters are lines and circular arcs in the plane z = 0 (the drawing is our own, `glyphs.rs`). With s the distance of (x, y) to the nearest of them and r
//! half the stroke's width, the plane figure has the distance e = s − r outside, and inside e = −(distance to its outline), the outline of
//! the union of all strokes. The solid of thickness t is e swept along z: with v = |z| − t/2, the distance is √(e² + v²) where both
//! are positive, else max(e, v).
//!
//! # Promises
//! The Euclidean distance to the surface everywhere, inside as well as outside, up to the rounding of the result to `f32`: sums
//! are `f64`. A blank line of text is a line; a text of blanks alone is refused.
//!
//! # Source
//! The case distinctions are elementary. Proportions: ISO 3098-1:2015, lettering B.

mod curve;
mod glyphs;
mod layout;
mod nearest;
mod outline;
mod pen;
#[cfg(test)]
mod tests;

use crate::aabb::Aabb;
use crate::monitor::{Cancelled, Monitor};
use nearest::Nearest;

pub use glyphs::CHARACTERS;

/// Characters of a text at most.
pub const MOST_CHARACTERS: usize = 500;

/// A stroke wider than this part of the height closes the letters.
pub const WIDEST_STROKE: f64 = 0.25;

/// Where lines are along x.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Alignment {
    /// They begin at x = 0.
    Left,
    /// Their middles are at x = 0.
    #[default]
    Center,
    /// They end at x = 0.
    Right,
}

/// How a text looks. Lengths in mm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lettering {
    /// Of a capital, with the width of its strokes.
    pub height: f64,
    /// Width of the strokes.
    pub stroke_width: f64,
    /// From z = −thickness/2 to thickness/2.
    pub thickness: f64,
    /// From one line's foot to the next, in heights.
    pub line_spacing: f64,
    /// Where lines are.
    pub alignment: Alignment,
}

/// Why there is no such text.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TextError {
    /// Cancelled from outside.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// A character that is not drawn.
    #[error("there is no letter for {character:?} (U+{:04X}), character {column} of line {line}", u32::from(*.character))]
    Character {
        /// Which.
        character: char,
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in characters.
        column: usize,
    },
    /// Nothing to measure the distance to.
    #[error("there is nothing in it but blanks")]
    Blank,
    /// More than the limit.
    #[error("it has {count} characters, at most {MOST_CHARACTERS} are allowed")]
    TooLong {
        /// How many there are.
        count: usize,
    },
    /// A length that makes no letters.
    #[error("is {value}, expected {expected}")]
    Length {
        /// Which.
        what: &'static str,
        /// What was given.
        value: f64,
        /// What was wanted.
        expected: String,
    },
}

/// A text, ready to be measured from.
#[derive(Clone, Debug)]
pub struct Text {
    /// The middles of the strokes.
    strokes: Nearest,
    /// The outline of the figure that they make.
    outline: Nearest,
    /// Half the width of the strokes.
    radius: f64,
    /// Half the thickness.
    half: f64,
}

impl Text {
    /// Refuses what [`Text::new`] refuses, at little cost.
    pub fn check(text: &str, style: &Lettering) -> Result<(), TextError> {
        style.check()?;
        layout::layout(text, style).map(drop)
    }

    /// Lines are divided by `\n` or `\r\n`. Memory: about 10 kB a letter.
    pub fn new(text: &str, style: &Lettering, monitor: &Monitor) -> Result<Text, TextError> {
        style.check()?;
        let strokes = Nearest::new(layout::layout(text, style)?);
        let radius = 0.5 * style.stroke_width;
        let outline = Nearest::new(outline::outline(&strokes, radius, monitor)?);
        Ok(Text { strokes, outline, radius, half: 0.5 * style.thickness })
    }

    /// Least and greatest coordinates of the solid.
    pub fn bounds(&self) -> Aabb {
        let [low, high] = self.strokes.bounds().unwrap_or_default();
        let (r, h) = (self.radius, self.half);
        let single = |p: [f64; 3]| p.map(|c| c as f32);
        Aabb { min: single([low[0] - r, low[1] - r, -h]), max: single([high[0] + r, high[1] + r, h]) }
    }

    /// Signed distance at each point, mm. All slices have one length.
    pub fn distance(&self, x: &[f32], y: &[f32], z: &[f32], out: &mut [f32]) {
        for (((x, y), z), out) in x.iter().zip(y).zip(z).zip(out) {
            *out = self.distance_at([*x, *y, *z]);
        }
    }

    /// The same for the points (x\[i], y\[j], z\[k]), x fastest: the figure is measured once for all z.
    pub fn distance_on_rows(&self, x: &[f32], y: &[f32], z: &[f32], out: &mut [f32]) {
        let area = x.len() * y.len();
        let mut flat = Vec::with_capacity(area);
        for y in y {
            flat.extend(x.iter().map(|x| self.flat([f64::from(*x), f64::from(*y)])));
        }
        for (z, out) in z.iter().zip(out.chunks_exact_mut(area)) {
            out.iter_mut().zip(&flat).for_each(|(out, flat)| *out = self.swept(*flat, *z));
        }
    }

    /// The same at one point.
    pub fn distance_at(&self, [x, y, z]: [f32; 3]) -> f32 {
        self.swept(self.flat([f64::from(x), f64::from(y)]), z)
    }

    /// Signed distance of the plane figure.
    fn flat(&self, p: [f64; 2]) -> f64 {
        let beyond = self.strokes.distance(p) - self.radius;
        if beyond < 0.0 { -self.outline.distance(p) } else { beyond }
    }

    fn swept(&self, flat: f64, z: f32) -> f32 {
        let above = f64::from(z).abs() - self.half;
        let distance = if flat > 0.0 && above > 0.0 {
            (flat * flat + above * above).sqrt()
        } else if flat > above {
            flat
        } else if flat <= above {
            above
        } else {
            f64::NAN
        };
        distance as f32
    }
}

impl Lettering {
    fn check(&self) -> Result<(), TextError> {
        let within = |what, value: f64, low: f64, high: f64| match (low..=high).contains(&value) {
            true => Ok(()),
            false => Err(TextError::Length { what, value, expected: format!("{low} to {high}") }),
        };
        within("height", self.height, 1e-3, 1e6)?;
        within("stroke_width", self.stroke_width, 1e-3 * self.height, WIDEST_STROKE * self.height)?;
        within("thickness", self.thickness, 1e-6, 1e6)?;
        within("line_spacing", self.line_spacing, 0.1, 100.0)
    }
}
