//! Looks over a field while it is meshed, measured, sliced or written, and warns of what its grid does not hold.

use crate::context::JobContext;
use crate::error::JobError;
use crate::share::{broken_piece, within};
use crate::warning::{Warning, place, rounded};
use fieldstone_kernel::measure::{Border, Cut, Parts, Shell, ThinFinder, ThinKind, ThinPlace};
use fieldstone_kernel::{Cancelled, Monitor, Patch};
use fieldstone_shape::Program;
use fieldstone_shape::affine::Affine;
use fieldstone_shape::inputs::{LostInput, is_there, thin_finder};
use serde_json::{Value, json};
use std::ops::Range;

/// Places that one warning names.
const MOST_PLACES: usize = 5;

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
        let thin = thin_finder(patch, affine, isovalue);
        let border = Border::new(patch.resolution(), isovalue);
        Watch { patch: *patch, affine: *affine, isovalue, thin, border }
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

    /// Takes what [`PieceWatch::into_numbers`] has found in a piece in place of its planes; pieces come in order. `program` is that of the
    /// same field.
    pub fn join(&mut self, numbers: &[u64], program: Option<&Program>) -> Result<(), JobError> {
        let mut lists = Lists(numbers);
        let is_joined = self.border.join(lists.next()?) && self.thin.join(lists.next()?);
        let mut all = is_joined;
        while !lists.0.is_empty() {
            let [operator] = *lists.next()? else { return Err(broken_piece()) };
            let lost = lists.next()?;
            all &= program.is_some_and(|program| program.join_lost(operator as usize, lost));
        }
        all.then_some(()).ok_or_else(broken_piece)
    }

    /// Warns the job of what was found. `program` is what computed the samples, where it can be asked between them.
    pub fn tell(self, program: Option<&Program>, cx: &JobContext) {
        self.found(program).into_iter().for_each(|warning| cx.warn_of(warning));
    }

    /// What was found, as warnings.
    pub fn found(self, program: Option<&Program>) -> Vec<Warning> {
        let inverse = self.affine.inverse();
        let inside = |kind: ThinKind, ends: [[f64; 3]; 2]| {
            let (Some(program), Some(inverse)) = (program, &inverse) else { return true };
            is_there(|points| program.evaluate_at(points), inverse, self.isovalue, kind, ends)
        };
        let n = self.patch.resolution();
        let mut found = all_thin(&self.thin.finish(Some(&inside)), n, None);
        for lost in program.map(Program::lost_inputs).unwrap_or_default() {
            found.extend(all_thin(&lost.places, n, Some(&lost)));
        }
        let cuts = self.border.finish();
        if !cuts.is_empty() {
            found.push(cut(&cuts, &self.patch, &self.affine));
        }
        found
    }
}

/// Watches the planes of a piece of a field.
pub struct PieceWatch {
    piece: Range<u32>,
    thin: ThinFinder,
    border: Border,
}

impl PieceWatch {
    /// For planes `piece` of samples on `patch`; taken are planes from `first` on.
    pub fn new(patch: &Patch, affine: &Affine, isovalue: f32, piece: &Range<u32>, first: u32) -> PieceWatch {
        let Watch { thin, border, .. } = Watch::new(patch, affine, isovalue);
        let (thin, border) = (thin.part(piece, first), border.part(piece.start));
        PieceWatch { piece: piece.clone(), thin, border }
    }

    /// Looks at the next planes, `z`.
    pub fn planes(&mut self, z: &Range<u32>, samples: &[f32], monitor: &Monitor) -> Result<(), Cancelled> {
        self.border.planes(within(samples, z, &self.piece));
        self.thin.planes(samples, monitor)
    }

    /// What was found, and what `program` has lost on the way, for [`Watch::join`].
    pub fn into_numbers(self, program: Option<&Program>) -> Vec<u64> {
        let lost = program.map(Program::lost_words).unwrap_or_default();
        let lost = lost.into_iter().flat_map(|(operator, words)| [vec![operator as u64], words]);
        let lists = [self.border.into_words(), self.thin.into_words()].into_iter().chain(lost);
        lists.flat_map(|list| std::iter::once(list.len() as u64).chain(list)).collect()
    }
}

/// Lists of numbers, each behind its length.
struct Lists<'n>(&'n [u64]);

impl<'n> Lists<'n> {
    fn next(&mut self) -> Result<&'n [u64], JobError> {
        let (length, rest) = self.0.split_first().ok_or_else(broken_piece)?;
        let at = usize::try_from(*length).ok().filter(|n| *n <= rest.len()).ok_or_else(broken_piece)?;
        let (list, rest) = rest.split_at(at);
        self.0 = rest;
        Ok(list)
    }
}

/// What is thin in `n` samples per axis: of the result, or of what went into an operator and did not come out.
fn all_thin(places: &[ThinPlace], n: [u32; 3], input: Option<&LostInput>) -> Vec<Warning> {
    let of_kind = |kind: ThinKind| {
        let places: Vec<ThinPlace> = places.iter().filter(|p| p.kind == kind).copied().collect();
        thin(kind, &places, n, input)
    };
    [ThinKind::Wall, ThinKind::Strut, ThinKind::Gap].into_iter().filter_map(of_kind).collect()
}

/// What is thin in one way, in all its places.
fn thin(kind: ThinKind, places: &[ThinPlace], n: [u32; 3], input: Option<&LostInput>) -> Option<Warning> {
    let named = &places[..places.len().min(MOST_PLACES)];
    let worst = named.iter().min_by(|a, b| (a.thickness / a.cell).total_cmp(&(b.thickness / b.cell)))?;
    let (word, things) = match kind {
        ThinKind::Wall => ("thin_wall", "walls"),
        ThinKind::Strut => ("thin_strut", "struts or specks"),
        ThinKind::Gap => ("narrow_gap", "gaps"),
    };
    let lost = named.iter().any(|p| p.lost);
    let keeps = finer(n, 2.0 * worst.cell / worst.thickness);
    let mut message = input.map_or(String::new(), |i| {
        format!("operators[{}] ({}) loses of its input: ", i.operator, i.type_name)
    });
    message += &format!(
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
    let warning = warning.with("count", places.len()).with("places", list);
    Some(input.map_or(warning.clone(), |i| warning.with("operator", i.operator)))
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
