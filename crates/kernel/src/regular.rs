//! Samples on the surface: which are inside. The one rule for meshes, measures and slices.
//!
//! # The rule
//! A sample below the isovalue is inside, any other outside (what is not finite, too). But a solid is a regular set, the closure of its
//! interior, and a sample **at** the isovalue decides nothing alone: it is inside where the solid lies on both sides of it, and
//! outside where the void does. "On both sides" means: both neighbours along an axis, or all four diagonal ones of a coordinate plane
//! (four solids that share an edge), or all eight of space, with nothing of the other side between them. So the face that two boxes share is
//! solid, the sheet that `a` less its neighbour `b` leaves is void, and the boundary of a solid itself stays outside. Where both hold, the
//! sample belongs to those that are fewer: a thin wall goes on across a face in it, and so does a thin slot.
//!
//! * The sign of a zero says nothing, nor does that of rounding: a sample counts as at the isovalue if it is within [`Rule::new`]'s rounding of single
//!   precision of it and within [`SHARE`] of the greatest of its neighbours', so that crossings beside it lie within the margin
//!   that an isosurface keeps from samples anyway.
//! * Beyond the border of the grid nothing is known, so nothing there is on both sides. Where the solid lies on the one side that
//!   there is, and no neighbour is void, it ends at the border: for a mesh and what is measured and cut of it, it fills the grid up to there,
//!   and the border's squares close it; for distances ([`Rule::of_surface`]) its surface is there. Where some neighbour is void, a surface
//!   leaves the grid there, and the sample is outside as it would be in the middle of the grid.
//! * A sample that is inside by this rule takes the value of the shallowest of those across, so that crossings near it lie where the solid ends
//!   and not where the face does; if some neighbour is void, it takes the nearest value below the isovalue.
//! * One that is outside stays where it is, or goes up to the isovalue. It is on the surface if it has a neighbour inside.
//!
//! The rule reads a sample's 26 neighbours and nothing else: any split of a grid into slabs with one more plane on both sides gives the same.
//!
//! # Source
//! Regularised set operations: Requicha, "Mathematical models of rigid solid objects" (1977).

use crate::monitor::{Cancelled, Monitor};
use crate::patch::Patch;
use rayon::prelude::*;
use std::ops::Range;

/// Share of the greatest value of its neighbourhood below which a sample near the isovalue is at it.
pub const SHARE: f64 = 1.0 / 4096.0;

/// Rounding of a field, in `f32::EPSILON` of the greatest coordinate and of the isovalue.
const ROUNDING: f64 = 4.0;

/// Samples that are passed over at once where nothing near them is inside.
const CHUNK: usize = 64;

/// Axes (bits) that neighbours may lie across, nearest neighbours first.
const ACROSS: [usize; 7] = [1, 2, 4, 3, 5, 6, 7];

/// Axes (bits) along which each of the 27 samples of a neighbourhood is off the middle, x fastest.
const OFF: [usize; 27] = {
    let mut off = [0; 27];
    let mut i = 0;
    while i < 27 {
        off[i] = (i % 3 != 1) as usize | ((i / 3 % 3 != 1) as usize) << 1 | ((i / 9 != 1) as usize) << 2;
        i += 1;
    }
    off
};

/// Whether a sample is inside, as far as it can tell alone: finite and below the isovalue.
#[inline(always)]
pub fn is_inside(sample: f32, isovalue: f32) -> bool {
    (sample < isovalue) & (sample >= f32::MIN)
}

/// A sample's value relative to the isovalue; what is not finite counts as the greatest `f32`.
#[inline(always)]
pub fn relative(sample: f32, isovalue: f32) -> f64 {
    let v = if sample.abs() <= f32::MAX { sample } else { f32::MAX };
    f64::from(v) - f64::from(isovalue)
}

/// The isovalue, and what counts as being at it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    isovalue: f32,
    tolerance: f32,
    /// Whether the surface itself is asked for, not the solid.
    of_surface: bool,
}

/// A row of which some samples change.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// Plane.
    pub p: usize,
    /// Row of the plane.
    pub j: usize,
    /// All samples of the row.
    pub row: Vec<f32>,
}

impl Rule {
    /// The rule for samples of a distance on `patch`. Fields of other units lose nothing but speed where they are flatter, and
    /// where they are steeper only samples hit exactly, or nearly so, are regularised.
    pub fn new(patch: &Patch, isovalue: f32) -> Rule {
        let corners = [patch.offset(), std::array::from_fn(|a| patch.offset()[a] + patch.size()[a])];
        let farthest = corners.iter().flatten().fold(f64::from(isovalue).abs(), |m, c| m.max(c.abs()));
        let tolerance = (ROUNDING * f64::from(f32::EPSILON) * farthest) as f32;
        Rule { isovalue, tolerance, of_surface: false }
    }

    /// The same rule for distances: samples on the surface go to the isovalue exactly, also where the solid ends at the border, which
    /// a mesh closes with the border's squares.
    pub fn of_surface(self) -> Rule {
        Rule { of_surface: true, ..self }
    }

    /// Whether a sample may be at the isovalue.
    #[inline(always)]
    pub fn is_near(&self, sample: f32) -> bool {
        (sample - self.isovalue).abs() <= self.tolerance
    }

    /// Whether any of these may.
    pub fn any_near(&self, samples: &[f32]) -> bool {
        samples.chunks(CHUNK).any(|c| c.iter().fold(false, |any, v| any | self.is_near(*v)))
    }

    /// A value of a plane across which the field changes by `rise` a cell: if it is at the isovalue, that just above the plane.
    #[inline]
    pub fn just_above(&self, value: f32, rise: f32) -> f32 {
        let share = SHARE as f32;
        let at = (value - self.isovalue).abs();
        let rounded = at <= self.tolerance && rise.abs() * share > self.tolerance;
        if rise.is_finite() && rise != 0.0 && (at <= share * rise.abs() || rounded) {
            self.isovalue + 2.0 * share * rise
        } else {
            value
        }
    }

    /// What a sample near the isovalue in the middle of `near` becomes (relative values, x fastest; NaN: no such sample), if it
    /// changes.
    fn regular(&self, near: &[f64; 27]) -> Option<f32> {
        let (here, iso) = (near[13], self.isovalue);
        let finite = near.iter().map(|v| v.abs()).filter(|v| *v < 0.5 * f64::from(f32::MAX));
        let zero = (SHARE * finite.fold(0.0, f64::max)).min(f64::from(self.tolerance));
        if here.abs() > zero {
            return None;
        }
        let [solid, void] = [-1.0, 1.0].map(|sign| near.iter().filter(|v| sign * **v > zero).count());
        let fills = void == 0 && !self.of_surface;
        let inner = ACROSS.iter().find_map(|&a| across(near, a, -1.0, zero, fills));
        let outer = ACROSS.iter().find_map(|&a| across(near, a, 1.0, zero, false));
        let inside = match outer {
            Some(_) => inner.filter(|_| solid < void),
            None => inner,
        };
        let sample = (here + f64::from(iso)) as f32;
        let new = match inside {
            Some(least) if void == 0 => ((f64::from(iso) - least) as f32).min(iso.next_down()),
            Some(_) => sample.min(iso.next_down()),
            None if self.of_surface && solid > 0 => iso,
            None => sample.max(iso),
        };
        (new != sample).then_some(new)
    }

    /// The row in the middle of nine, if some of it changes. Rows that are not there lie beyond the border.
    fn row(&self, rows: [Option<&[f32]>; 9]) -> Option<Vec<f32>> {
        let here = rows[4]?;
        let mut changed: Option<Vec<f32>> = None;
        for from in (0..here.len()).step_by(CHUNK) {
            let to = (from + CHUNK).min(here.len());
            let around = from.saturating_sub(1)..(to + 1).min(here.len());
            let inside = |row: &&[f32]| {
                row[around.clone()].iter().fold(false, |any, v| any | is_inside(*v, self.isovalue))
            };
            if !self.any_near(&here[from..to]) || !rows.iter().flatten().any(inside) {
                continue;
            }
            for i in (from..to).filter(|&i| self.is_near(here[i])) {
                let at = |k: usize| {
                    let i = (i + k % 3).checked_sub(1)?;
                    Some(relative(*rows[k / 3]?.get(i)?, self.isovalue))
                };
                if let Some(v) = self.regular(&std::array::from_fn(|k| at(k).unwrap_or(f64::NAN))) {
                    changed.get_or_insert_with(|| here.to_vec())[i] = v;
                }
            }
        }
        changed
    }

    /// The rows of `planes` that change, in order. `row(p, j)` gives the samples of row `j` of `n` rows of plane `p`, below `end`;
    /// only rows that `suspect` are looked at: those with samples that [are near](Rule::is_near).
    pub fn changes<'a>(
        &self,
        [n, end]: [usize; 2],
        planes: Range<usize>,
        row: impl Fn(usize, usize) -> &'a [f32] + Sync,
        suspect: impl Fn(usize, usize) -> bool + Sync,
        monitor: &Monitor,
    ) -> Result<Vec<Changed>, Cancelled> {
        let found = planes.into_par_iter().map(|p| {
            monitor.check()?;
            let of = |j: usize| {
                let rows = std::array::from_fn(|r| {
                    let (j, p) = ((j + r % 3).checked_sub(1)?, (p + r / 3).checked_sub(1)?);
                    (j < n && p < end).then(|| row(p, j))
                });
                Some(Changed { p, j, row: self.row(rows)? })
            };
            Ok((0..n).filter(|&j| suspect(p, j)).filter_map(of).collect::<Vec<_>>())
        });
        let found = found.collect::<Result<Vec<_>, Cancelled>>()?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Regularises `planes` of a stack of planes of `[nx, ny]` samples each, x fastest; those before and behind them are the
    /// neighbours that count. Where the stack ends there is nothing: the border of the grid.
    pub fn regularize(
        &self,
        samples: &mut [f32],
        [nx, ny]: [usize; 2],
        planes: Range<usize>,
        monitor: &Monitor,
    ) -> Result<(), Cancelled> {
        let raw: &[f32] = samples;
        let row = |p: usize, j: usize| &raw[(p * ny + j) * nx..][..nx];
        let suspect = |p, j| self.any_near(row(p, j));
        let changes = self.changes([ny, raw.len() / (nx * ny)], planes, row, suspect, monitor)?;
        for c in changes {
            samples[(c.p * ny + c.j) * nx..][..nx].copy_from_slice(&c.row);
        }
        Ok(())
    }
}

/// Whether the solid (`sign` −1) or the void (1) lies across the middle along `axes` (bits), and nothing between is of the other: the least
/// of it. Up to `zero` a value has no sign. Where some of it would lie beyond the border, what there is counts only if `one_sided`.
fn across(near: &[f64; 27], axes: usize, sign: f64, zero: f64, one_sided: bool) -> Option<f64> {
    let (mut least, mut other, mut whole) = (f64::INFINITY, 0.0f64, true);
    for (v, off) in near.iter().zip(OFF) {
        // Beyond the border there is NaN, which is neither less nor greater.
        if off == axes {
            least = least.min(sign * v);
            whole &= !v.is_nan();
        } else if off != 0 && off & !axes == 0 {
            other = other.max(-sign * v);
        }
    }
    (least.is_finite() && least > zero && other <= zero && (whole || one_sided)).then_some(least)
}
