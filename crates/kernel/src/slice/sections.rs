//! A grid that arrives plane by plane, cut at rising heights.

use super::layers::{planes_of, section};
use crate::monitor::{Cancelled, Monitor};
use crate::patch::Patch;
use crate::regular::{Rule, is_inside, relative};

/// A cut needs the planes below and above it and, to regularise these, one more on both sides.
const KEPT: usize = 3;

/// Takes planes of samples in order of z and gives the plane at any height. Holds the planes of the last call, three before them and
/// two regular ones.
pub struct Sections {
    patch: Patch,
    isovalue: f32,
    rule: Rule,
    /// Planes `first..end` as they were given.
    given: Vec<f32>,
    first: usize,
    end: usize,
    /// The regular planes `n` and `n + 1`.
    pair: Option<(usize, [Vec<f32>; 2])>,
    extent: Option<[f64; 2]>,
}

impl Sections {
    /// Of samples on `patch`, the solid being where they are below `isovalue`.
    pub fn new(patch: &Patch, isovalue: f32) -> Sections {
        let rule = Rule::new(patch, isovalue);
        Sections { patch: *patch, isovalue, rule, given: vec![], first: 0, end: 0, pair: None, extent: None }
    }

    /// Takes the next planes, x fastest; whole ones.
    pub fn push(&mut self, planes: &[f32]) {
        let plane = self.plane();
        let keep = self.end.saturating_sub(KEPT).max(self.first);
        self.given.drain(..(keep - self.first) * plane);
        self.first = keep;
        for samples in planes.chunks_exact(plane) {
            self.given.extend_from_slice(samples);
            self.end += 1;
            self.extend();
        }
    }

    /// Whether the planes that a cut at `z` needs are there.
    pub fn reaches(&self, z: f64) -> bool {
        let above = planes_of(&self.patch, z).map_or(0, |(_, above, _)| above as usize);
        (above + 2).min(self.patch.resolution()[2] as usize) <= self.end
    }

    /// Writes the plane at `z`, which [`Sections::reaches`] and which lies in the patch and not below that of the cut before.
    pub fn cut(&mut self, z: f64, out: &mut [f32], monitor: &Monitor) -> Result<(), Cancelled> {
        let (below, above, share) = planes_of(&self.patch, z).unwrap_or((0, 0, 0.0));
        let (below, above) = (below as usize, above as usize);
        if self.pair.as_ref().is_none_or(|(at, _)| *at != below) {
            self.pair = Some((below, self.regular(below, above, monitor)?));
        }
        if let Some((_, [a, b])) = &self.pair {
            section(a, b, share, &self.rule, out);
        }
        Ok(())
    }

    /// From where to where the solid reaches in the planes so far, mm: between planes as interpolated. None: nothing is inside.
    pub fn extent(&self) -> Option<[f64; 2]> {
        self.extent
    }

    fn plane(&self) -> usize {
        let [nx, ny, _] = self.patch.resolution().map(|n| n as usize);
        nx * ny
    }

    fn given(&self, p: usize) -> &[f32] {
        let plane = self.plane();
        &self.given[(p - self.first) * plane..][..plane]
    }

    fn regular(&self, below: usize, above: usize, monitor: &Monitor) -> Result<[Vec<f32>; 2], Cancelled> {
        let [nx, ny, _] = self.patch.resolution().map(|n| n as usize);
        let mut pair = [below, above].map(|p| self.given(p).to_vec());
        let row = |p: usize, j: usize| &self.given(self.first + p)[j * nx..][..nx];
        let suspect = |p, j| self.rule.any_near(row(p, j));
        let planes = below - self.first..above + 1 - self.first;
        let changes = self.rule.changes([ny, self.end - self.first], planes, row, suspect, monitor)?;
        for c in changes {
            pair[c.p + self.first - below][c.j * nx..][..nx].copy_from_slice(&c.row);
        }
        Ok(pair)
    }

    /// Extends the extent by the last plane.
    fn extend(&mut self) {
        let last = self.end - 1;
        let z =
            |p: usize, share: f64| self.patch.position([0, 0, p as u32])[2] + share * self.patch.spacing()[2];
        let any = |p: usize| self.given(p).iter().any(|v| is_inside(*v, self.isovalue));
        self.extent = match (self.extent, any(last)) {
            (None, false) => None,
            (None, true) if last == 0 => Some([z(0, 0.0); 2]),
            (None, true) => Some([z(last, -self.beyond(last, last - 1)), z(last, 0.0)]),
            (Some([low, _]), true) => Some([low, z(last, 0.0)]),
            (Some([low, _]), false) if any(last - 1) => Some([low, z(last - 1, self.beyond(last - 1, last))]),
            (extent, _) => extent,
        };
    }

    /// How far the inside of plane `p` reaches towards the plane beside it, in cells.
    fn beyond(&self, p: usize, beside: usize) -> f64 {
        let pairs = self.given(p).iter().zip(self.given(beside));
        let crossing = |(a, b): (&f32, &f32)| {
            let (a, b) = (relative(*a, self.isovalue), relative(*b, self.isovalue));
            if a < 0.0 { a / (a - b) } else { 0.0 }
        };
        pairs.map(crossing).fold(0.0, f64::max).min(1.0)
    }
}
