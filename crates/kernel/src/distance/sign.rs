//! The sign of every sample: inside is where the winding number is above one half.
//!
//! Along a line of samples the winding number of a closed mesh changes by ±1 where the line crosses a triangle and
//! nowhere else, so crossings are counted once per line instead of asking a hierarchy once per sample.
//! A mesh that is not closed is closed by caps (see [`super::boundary`]); then
//!
//! w(mesh) = w(mesh + caps) − w(caps) = number of crossings − w(caps)
//!
//! and w(caps), smooth but at the caps, is asked of a hierarchical winding number (Barill et al. 2018), once for each
//! cube of samples over which it provably decides nothing else.
//!
//! # Promises
//! No line leaks: whether it crosses a triangle is decided by exact arithmetic (Shewchuk 1997) with one rule for shared edges
//! and vertices. So the sign of a closed mesh is right at every sample that is not on the mesh itself.

use super::between::{Between, SLACK};
use super::brick::{BRICK, Beam};
use super::surface::Surface;
use crate::bvh::winding::{EXPANSION_ERROR, WindingNumber};
use crate::mesh::TriMesh;
use crate::monitor::{Cancelled, Monitor};
use crate::patch::Patch;
use crate::vector::normal;
use rayon::prelude::*;
use robust::{Coord, orient2d};
use std::borrow::Cow;

/// Where the winding number jumps along each line of samples, and what open edges change about it.
pub(super) struct Signs {
    /// Of the mesh and its caps.
    crossings: Crossings,
    caps: Option<WindingNumber>,
    /// −1 when the mesh is inside out.
    orientation: i32,
}

/// From sample `at` on, the winding number is `jump` higher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Crossing {
    line: u32,
    at: u32,
    jump: i32,
}

/// Samples of one brick: the winding number along the line must be above this to be inside.
type Thresholds = [[[i16; BRICK]; BRICK]; BRICK];

impl Signs {
    /// Finds all crossings of `mesh` with the lines of `patch` along x, and meanwhile what closes the mesh.
    pub fn of<'m>(
        mesh: &'m TriMesh,
        patch: &Patch,
        monitor: &Monitor,
    ) -> Result<(Signs, Surface<'m>), Cancelled> {
        let (surface, found) = rayon::join(|| Surface::of(mesh, monitor), || crossings(mesh, patch, monitor));
        let (surface, mut found) = (surface?, found?);
        if let Cow::Owned(mended) = &surface.mesh {
            found = crossings(mended, patch, monitor)?;
        }
        Ok((Signs::new(&surface, found, patch, monitor)?, surface))
    }

    /// Finds all crossings of a surface with the lines of `patch` along x.
    pub fn of_surface(surface: &Surface, patch: &Patch, monitor: &Monitor) -> Result<Signs, Cancelled> {
        Signs::new(surface, crossings(&surface.mesh, patch, monitor)?, patch, monitor)
    }

    /// From the crossings of the mesh of a surface.
    fn new(
        surface: &Surface,
        mut found: Vec<Crossing>,
        patch: &Patch,
        monitor: &Monitor,
    ) -> Result<Signs, Cancelled> {
        let mut caps = None;
        if !surface.is_closed() {
            found.extend(crossings(&surface.caps, patch, monitor)?);
            caps = Some(WindingNumber::build(&surface.caps, monitor)?);
        }
        let crossings = Crossings::of(found, patch);
        monitor.progress(1.0);
        Ok(Signs { crossings, caps, orientation: surface.orientation })
    }

    /// Whether lines have winding numbers other than 0 and 1, which a single shell has only where it goes through itself: some line of a
    /// closed mesh; a hundredth of the lines of an open one, because caps may go through it.
    pub fn overlap(&self) -> bool {
        let (mut crossed, mut odd, mut start) = (0usize, 0usize, 0);
        for &end in &self.crossings.ends {
            let line = &self.crossings.all[start..end as usize];
            start = end as usize;
            let mut winding = 0;
            let is_odd = line.chunk_by(|a, b| a.at == b.at).any(|here| {
                winding += here.iter().map(|c| c.jump).sum::<i32>() * self.orientation;
                !(0..=1).contains(&winding)
            });
            crossed += usize::from(!line.is_empty());
            odd += usize::from(is_odd);
        }
        odd > 0 && (self.caps.is_none() || 100 * odd >= crossed)
    }

    /// Turns the distances inside to negative ones.
    pub fn apply(&self, patch: &Patch, beam: &mut Beam) {
        let nx = patch.resolution()[0] as usize;
        match &self.caps {
            None => self.apply_closed(patch, beam),
            Some(caps) => {
                for x in (0..nx).step_by(BRICK) {
                    let mut thresholds = [[[0; BRICK]; BRICK]; BRICK];
                    let first = [x as u32, beam.y, beam.z];
                    self.decide(caps, patch, first, BRICK, [0; 3], &mut thresholds);
                    self.apply_open(patch, beam, x, &thresholds);
                }
            }
        }
    }

    fn apply_closed(&self, patch: &Patch, beam: &mut Beam) {
        let nx = patch.resolution()[0] as usize;
        for (k, plane) in beam.planes.iter_mut().enumerate() {
            for (j, row) in plane.chunks_mut(nx).enumerate() {
                let line = self.crossings.line(patch, beam.y + j as u32, beam.z + k as u32);
                let mut winding = 0;
                for (i, c) in line.iter().enumerate() {
                    winding += c.jump * self.orientation;
                    let end = line.get(i + 1).map_or(nx, |next| next.at as usize);
                    if winding > 0 {
                        row[c.at as usize..end].iter_mut().for_each(|d| *d = -*d);
                    }
                }
            }
        }
    }

    /// The brick at sample `x` of the beam, against thresholds.
    fn apply_open(&self, patch: &Patch, beam: &mut Beam, x: usize, thresholds: &Thresholds) {
        let nx = patch.resolution()[0] as usize;
        for (k, plane) in beam.planes.iter_mut().enumerate() {
            for (j, row) in plane.chunks_mut(nx).enumerate() {
                let line = self.crossings.line(patch, beam.y + j as u32, beam.z + k as u32);
                let mut line = line.iter().peekable();
                let mut winding = 0;
                let samples = row[x..].iter_mut().zip(&thresholds[k][j]);
                for (i, (d, threshold)) in samples.enumerate() {
                    while let Some(c) = line.next_if(|c| c.at as usize <= x + i) {
                        winding += c.jump * self.orientation;
                    }
                    if winding > i32::from(*threshold) {
                        *d = -*d;
                    }
                }
            }
        }
    }

    /// Sets the thresholds of a cube of samples, splitting it until the caps leave no doubt.
    fn decide(
        &self,
        caps: &WindingNumber,
        patch: &Patch,
        first: [u32; 3],
        size: usize,
        at: [usize; 3],
        out: &mut Thresholds,
    ) {
        let h = patch.spacing();
        let corner = patch.position(std::array::from_fn(|a| first[a] + at[a] as u32));
        let half: [f64; 3] = h.map(|h| 0.5 * h * (size - 1) as f64);
        let reach = (half[0] * half[0] + half[1] * half[1] + half[2] * half[2]).sqrt();
        let spread = caps.over(std::array::from_fn(|a| corner[a] + half[a]), reach);
        let threshold = 0.5 + spread.value * f64::from(self.orientation);
        let slack = spread.slack + EXPANSION_ERROR;
        if size == 1 || (threshold - slack).floor() == (threshold + slack).floor() {
            for plane in &mut out[at[2]..at[2] + size] {
                for row in &mut plane[at[1]..at[1] + size] {
                    row[at[0]..at[0] + size].fill(threshold.floor() as i16);
                }
            }
            return;
        }
        let size = size / 2;
        for octant in 0..8 {
            let at = std::array::from_fn(|a| at[a] + size * (octant >> a & 1));
            self.decide(caps, patch, first, size, at, out);
        }
    }
}

/// Where the lines of a patch cross a mesh.
struct Crossings {
    /// Per line (y fastest) the end of its crossings.
    ends: Vec<u32>,
    /// By line and then by sample.
    all: Vec<Crossing>,
}

impl Crossings {
    fn of(mut all: Vec<Crossing>, patch: &Patch) -> Crossings {
        all.par_sort_unstable();
        let mut ends = vec![0u32; patch.resolution()[1] as usize * patch.resolution()[2] as usize];
        for c in &all {
            ends[c.line as usize] += 1;
        }
        let mut end = 0;
        for e in &mut ends {
            end += *e;
            *e = end;
        }
        Crossings { ends, all }
    }

    fn line(&self, patch: &Patch, y: u32, z: u32) -> &[Crossing] {
        let line = (z * patch.resolution()[1] + y) as usize;
        let start = if line == 0 { 0 } else { self.ends[line - 1] };
        &self.all[start as usize..self.ends[line] as usize]
    }
}

/// The crossings of a mesh's triangles with the lines of `patch`, in any order.
fn crossings(mesh: &TriMesh, patch: &Patch, monitor: &Monitor) -> Result<Vec<Crossing>, Cancelled> {
    let lines = Lines::of(patch);
    let parts = mesh.triangles.par_chunks(4096).map(|chunk| {
        monitor.check()?;
        let mut found = Vec::new();
        for t in chunk {
            lines.cross(t.map(|i| mesh.positions[i as usize]), &mut found);
        }
        Ok(found)
    });
    Ok(parts.collect::<Result<Vec<_>, _>>()?.concat())
}

/// The lines of samples along x.
struct Lines {
    offset: [f64; 3],
    spacing: [f64; 3],
    /// Samples per model unit.
    per_unit: [f64; 3],
    resolution: [u32; 3],
    between: [Between; 3],
}

impl Lines {
    fn of(patch: &Patch) -> Lines {
        let spacing = patch.spacing();
        let per_unit = spacing.map(|h| 1.0 / h);
        let (offset, resolution) = (patch.offset(), patch.resolution());
        let between = [0, 1, 2].map(|a| Between::of(offset[a], spacing[a], resolution[a]));
        Lines { offset, spacing, per_unit, resolution, between }
    }

    /// Indices on `axis` between the coordinates `low` and `high`, and those that rounding cannot tell from them.
    fn span(&self, axis: usize, low: f64, high: f64) -> std::ops::Range<u32> {
        let n = f64::from(self.resolution[axis]);
        if self.spacing[axis] == 0.0 {
            return 0..self.resolution[axis];
        }
        let index = |x: f64| (x - self.offset[axis]) * self.per_unit[axis];
        // Of both the index and the coordinate of a sample only a few last bits are wrong.
        let slack = |i: f64| SLACK + 1e-15 * (i.abs() + self.offset[axis].abs() * self.per_unit[axis]);
        let (low, high) = (index(low), index(high));
        let first = ceil((low - slack(low)).clamp(0.0, n));
        let end = (high + slack(high) + 1.0).clamp(0.0, n) as u32;
        first..end
    }

    /// Indices on `axis` that a triangle may reach.
    fn reached(&self, axis: usize, t: &[[f32; 3]; 3]) -> std::ops::Range<u32> {
        let [a, b, c] = t.map(|p| p[axis]);
        self.span(axis, a.min(b).min(c).into(), a.max(b).max(c).into())
    }

    fn cross(&self, t: [[f32; 3]; 3], found: &mut Vec<Crossing>) {
        // Most triangles of a fine mesh lie between two lines.
        if self.between[2].holds(t.map(|p| p[2])) || self.between[1].holds(t.map(|p| p[1])) {
            return;
        }
        let planes = self.reached(2, &t);
        if planes.is_empty() || self.reached(1, &t).is_empty() {
            return;
        }
        let t = t.map(|p| p.map(f64::from));
        for k in planes {
            let pz = self.offset[2] + self.spacing[2] * f64::from(k);
            let Some((from, to)) = y_range(&t, pz) else { continue };
            for j in self.span(1, from, to) {
                let py = self.offset[1] + self.spacing[1] * f64::from(j);
                let turns = turns_about(&t, py, pz);
                if turns != 0 {
                    let at = self.first_behind(x_at(&t, py, pz));
                    if at < self.resolution[0] {
                        // Outward normals point to −x where a line enters.
                        found.push(Crossing { line: k * self.resolution[1] + j, at, jump: -turns });
                    }
                }
            }
        }
    }

    /// The first sample of a line beyond `x`.
    fn first_behind(&self, x: f64) -> u32 {
        let n = self.resolution[0];
        if self.spacing[0] == 0.0 {
            return if self.offset[0] > x { 0 } else { n };
        }
        let i = ((x - self.offset[0]) / self.spacing[0]).floor() + 1.0;
        i.clamp(0.0, f64::from(n)) as u32
    }
}

/// Whether the edge from `a` to `b` crosses the height `z`: +1 upward, −1 downward. An end exactly at `z` counts as below.
fn rises(a: [f64; 3], b: [f64; 3], z: f64) -> i32 {
    i32::from(b[2] > z) - i32::from(a[2] > z)
}

/// The ceiling of a number that is not negative and fits; the processors that every build runs on have no instruction for `f64::ceil`.
fn ceil(x: f64) -> u32 {
    let floor = x as u32;
    floor + u32::from(f64::from(floor) < x)
}

/// Between which y the triangle meets the height `z`, no less for rounding.
fn y_range(t: &[[f64; 3]; 3], z: f64) -> Option<(f64, f64)> {
    let mut range: Option<(f64, f64)> = None;
    for i in 0..3 {
        let (a, b) = (t[i], t[(i + 1) % 3]);
        if rises(a, b, z) != 0 {
            let y = a[1] + (b[1] - a[1]) * ((z - a[2]) / (b[2] - a[2]));
            range = Some(range.map_or((y, y), |(low, high)| (low.min(y), high.max(y))));
        }
    }
    let rounding = 1e-15 * t.iter().fold(0.0f64, |most, p| most.max(p[1].abs()));
    range.map(|(low, high)| (low - rounding, high + rounding))
}

/// How often the triangle, seen along −x, winds about (y, z): −1, 0 or 1, exactly.
///
/// A point on an edge counts as being a little further along y, a vertex level with it as below: the same
/// answer for both triangles of an edge, so that a closed mesh has no gap and no overlap.
fn turns_about(t: &[[f64; 3]; 3], y: f64, z: f64) -> i32 {
    let mut turns = 0;
    for i in 0..3 {
        let (a, b) = (t[i], t[(i + 1) % 3]);
        let up = rises(a, b, z);
        if up == 0 {
            continue;
        }
        // Always asked from the lower end to the upper one, so that both neighbours ask the same.
        let (low, high) = if up > 0 { (a, b) } else { (b, a) };
        let side =
            orient2d(Coord { x: low[1], y: low[2] }, Coord { x: high[1], y: high[2] }, Coord { x: y, y: z });
        if side > 0.0 {
            turns += up;
        }
    }
    turns
}

/// Where the line at (y, z) meets the plane of the triangle, kept within the triangle's extent.
fn x_at(t: &[[f64; 3]; 3], y: f64, z: f64) -> f64 {
    let [a, b, c] = t;
    let n = normal(*t);
    let x = a[0] - (n[1] * (y - a[1]) + n[2] * (z - a[2])) / n[0];
    let (low, high) = (a[0].min(b[0]).min(c[0]), a[0].max(b[0]).max(c[0]));
    if x.is_finite() { x.clamp(low, high) } else { 0.5 * (low + high) }
}
