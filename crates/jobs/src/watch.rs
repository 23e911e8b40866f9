//! Looks over a field while it is meshed, measured, sliced or written, and warns of what its grid does not hold.

use crate::context::JobContext;
use crate::warning::{Warning, place, rounded};
use fieldstone_kernel::measure::{Border, Cut, Parts, Shell, ThinFinder, ThinKind, ThinPlace};
use fieldstone_kernel::{Cancelled, Monitor, Patch};
use fieldstone_shape::Program;
use fieldstone_shape::affine::Affine;
use serde_json::{Value, json};

/// Places that one warning names.
const MOST_PLACES: usize = 5;
/// Points between two samples at which a formula is asked whether something lies there.
const ASKED: u16 = 33;

/// Watches the planes of one field.
pub struct Watch {
    patch: Patch,
    affine: Affine,
    isovalue: f32,
    thin: ThinFinder,
    border: Border,
}

impl Watch {
    /// For samples on `patch`, which `affine` puts in the world.
    pub fn new(patch: &Patch, affine: &Affine, isovalue: f32) -> Watch {
        let (n, h, offset) = (patch.resolution(), patch.spacing(), patch.offset());
        let origin = affine.apply(offset);
        let step = |a: usize| [0, 1, 2].map(|r| affine.linear[r][a] * h[a]);
        let thin = ThinFinder::new(n, origin, [step(0), step(1), step(2)], isovalue);
        Watch { patch: *patch, affine: *affine, isovalue, thin, border: Border::new(n, isovalue) }
    }

    /// Bytes that watching planes of so many samples takes.
    pub fn memory_bytes(plane: u64) -> u64 {
        // Some ten planes are held, and a moment both the old and the new ones.
        plane.saturating_mul(4 * 24)
    }

    /// Looks at the next planes.
    pub fn planes(&mut self, samples: &[f32], monitor: &Monitor) -> Result<(), Cancelled> {
        self.border.planes(samples);
        self.thin.planes(samples, monitor)
    }

    /// Says what was found. `program` is what computed the samples, where it can be asked between them.
    pub fn tell(self, program: Option<&Program>, cx: &JobContext) {
        let inverse = self.affine.inverse();
        let inside = |kind: ThinKind, ends: [[f64; 3]; 2]| {
            let (Some(program), Some(inverse)) = (program, &inverse) else { return true };
            let at = |i: u16| {
                let share = f64::from(i + 1) / f64::from(ASKED + 1);
                inverse.apply([0, 1, 2].map(|a| ends[0][a] + share * (ends[1][a] - ends[0][a])))
            };
            let points = [0, 1, 2].map(|a| (0..ASKED).map(|i| at(i)[a] as f32).collect::<Vec<f32>>());
            let values = program.evaluate_at([&points[0], &points[1], &points[2]]);
            // Where it cannot be asked the samples have the word.
            values.is_none_or(|v| v.iter().any(|v| (*v < self.isovalue) == (kind != ThinKind::Gap)))
        };
        let places = self.thin.finish(Some(&inside));
        for kind in [ThinKind::Wall, ThinKind::Strut, ThinKind::Gap] {
            let of_kind: Vec<ThinPlace> = places.iter().filter(|p| p.kind == kind).copied().collect();
            if let Some(warning) = thin(kind, &of_kind, self.patch.resolution()) {
                cx.warn_of(warning);
            }
        }
        let cuts = self.border.finish();
        if !cuts.is_empty() {
            cx.warn_of(cut(&cuts, &self.patch, &self.affine));
        }
    }
}

/// What is thin in one way, in all its places.
fn thin(kind: ThinKind, places: &[ThinPlace], n: [u32; 3]) -> Option<Warning> {
    let named = &places[..places.len().min(MOST_PLACES)];
    let worst = named.iter().min_by(|a, b| (a.thickness / a.cell).total_cmp(&(b.thickness / b.cell)))?;
    let (word, things) = match kind {
        ThinKind::Wall => ("thin_wall", "walls"),
        ThinKind::Strut => ("thin_strut", "struts or specks"),
        ThinKind::Gap => ("narrow_gap", "gaps"),
    };
    let lost = named.iter().any(|p| p.lost);
    let keeps = finer(n, 2.0 * worst.cell / worst.thickness);
    let mut message = format!(
        "{things} thinner than 2 cells: {} mm at {}, where a cell is {} mm",
        rounded(worst.thickness),
        place(worst.at),
        rounded(worst.cell)
    );
    if lost {
        message += "; in part no sample is inside, and there they are lost";
    }
    if places.len() > 1 {
        message += &format!("; in {} places", places.len());
    }
    message += &format!("; a resolution of {} keeps them", keeps.map(|n| n.to_string()).join(" × "));
    let list: Vec<Value> = named
        .iter()
        .map(|p| json!({"at": p.at, "thickness": p.thickness, "cell": p.cell, "lost": p.lost}))
        .collect();
    let warning =
        Warning::new(word, message).with("at", worst.at.to_vec()).with("thickness", worst.thickness);
    let warning = warning.with("cell", worst.cell).with("lost", lost).with("resolution", keeps.to_vec());
    Some(warning.with("count", places.len()).with("places", list))
}

/// So many times more cells.
fn finer(n: [u32; 3], times: f64) -> [u64; 3] {
    n.map(|n| (f64::from(n.saturating_sub(1)) * times - 1e-9).ceil() as u64 + 1)
}

fn cut(cuts: &[Cut], patch: &Patch, affine: &Affine) -> Warning {
    let face = |c: &Cut| format!("{} {}", if c.upper { "upper" } else { "lower" }, ['x', 'y', 'z'][c.axis]);
    let faces: Vec<String> = cuts.iter().map(face).collect();
    let at = |c: &Cut| affine.apply(patch.position(c.deepest));
    let message = format!(
        "the shape reaches the border of the patch and is cut off there ({}), for example at {}",
        faces.join(", "),
        place(at(&cuts[0]))
    );
    let list: Vec<Value> = cuts.iter().map(|c| json!({"face": face(c), "at": at(c)})).collect();
    Warning::new("cut_off", message).with("at", at(&cuts[0]).to_vec()).with("places", list)
}

/// Warns of parts of a mesh that are smaller than a cell of its field.
pub fn tell_specks(parts: &Parts, patch: &Patch, affine: &Affine, cx: &JobContext) {
    let cell = patch.spacing().iter().product::<f64>() * affine.determinant().abs();
    for (sign, kind, things) in [(1.0, "specks", "parts"), (-1.0, "bubbles", "cavities")] {
        let of_sign = || (0..parts.volumes.len()).filter(move |i| sign * parts.volumes[*i] > 0.0);
        let small: Vec<usize> = of_sign().filter(|i| sign * parts.volumes[*i] < cell).collect();
        let Some(first) = small.first() else { continue };
        let at = parts.places[*first].map(f64::from);
        let message = format!(
            "{} of {} {things} are smaller than a cell ({} mm³), for example at {}: remains of what is thinner than the grid",
            small.len(),
            of_sign().count(),
            rounded(cell),
            place(at)
        );
        let warning = Warning::new(kind, message).with("at", at.to_vec()).with("count", small.len());
        cx.warn_of(warning.with("of", of_sign().count()).with("cell_volume", cell));
    }
}

/// Warns of shells of a mesh that its field on `patch` has nothing of.
pub fn tell_lost(lost: &[Shell], shells: usize, patch: &Patch, cx: &JobContext) {
    let thinnest = |s: &Shell| s.bounds.extent().into_iter().fold(f64::INFINITY, f64::min);
    let Some(greatest) = lost.iter().max_by(|a, b| a.volume.abs().total_cmp(&b.volume.abs())) else { return };
    let (size, cell) = (greatest.bounds.extent(), patch.spacing().into_iter().fold(0.0, f64::max));
    let at = [0, 1, 2].map(|a| 0.5 * (f64::from(greatest.bounds.min[a]) + f64::from(greatest.bounds.max[a])));
    // Two cells across the thinnest side.
    let keeps = finer(patch.resolution(), 2.0 * cell / thinnest(greatest)).into_iter().max().unwrap_or(0);
    let what = if shells == 1 { "the mesh".to_owned() } else { format!("{} of {shells} shells", lost.len()) };
    let message = format!(
        "no sample lies in {what}, which the field has nothing of: {} mm at {} are thinner than a cell of {} mm; a resolution of {keeps} keeps them",
        size.map(rounded).join(" × "),
        place(at),
        rounded(cell)
    );
    let warning = Warning::new("lost_shell", message).with("at", at.to_vec()).with("size", size.to_vec());
    let warning = warning.with("thickness", thinnest(greatest)).with("cell", cell).with("resolution", keeps);
    cx.warn_of(warning.with("count", lost.len()).with("of", shells));
}
