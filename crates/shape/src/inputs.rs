//! Looks over fields of which an operator keeps the surface alone: what their samples miss is gone from there on.

use crate::affine::Affine;
use crate::operator::Domain;
use crate::plan::Plan;
use fieldstone_kernel::measure::{ThinFinder, ThinKind, ThinPlace};
use fieldstone_kernel::{Cancelled, Monitor, Patch};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Points between two samples at which a formula is asked whether something lies there.
const ASKED: u16 = 33;

/// What was lost on the way into an operator.
#[derive(Clone, Debug)]
pub struct LostInput {
    /// The operator, by its number.
    pub operator: usize,
    /// Its type.
    pub type_name: &'static str,
    /// Walls, struts and gaps of its input in which, somewhere, no sample lies.
    pub places: Vec<ThinPlace>,
}

/// Looks for what is too thin in samples on `patch`, which `affine` puts in the world.
pub fn thin_finder(patch: &Patch, affine: &Affine, isovalue: f32) -> ThinFinder {
    let (n, h, offset) = (patch.resolution(), patch.spacing(), patch.offset());
    let step = |a: usize| [0, 1, 2].map(|r| affine.linear[r][a] * h[a]);
    ThinFinder::new(n, affine.apply(offset), [step(0), step(1), step(2)], isovalue)
}

/// Whether a field has the sign that is looked for on a segment of the world. `ask` gives its values at points of the grid's frame, which `inverse`
/// takes those of the world to. Where it cannot be asked, it has: the samples have the word.
pub fn is_there(
    ask: impl FnOnce([&[f32]; 3]) -> Option<Vec<f32>>,
    inverse: &Affine,
    isovalue: f32,
    kind: ThinKind,
    ends: [[f64; 3]; 2],
) -> bool {
    let at = |i: u16| {
        let share = f64::from(i + 1) / f64::from(ASKED + 1);
        inverse.apply([0, 1, 2].map(|a| ends[0][a] + share * (ends[1][a] - ends[0][a])))
    };
    let points = [0, 1, 2].map(|a| (0..ASKED).map(|i| at(i)[a] as f32).collect::<Vec<f32>>());
    let values = ask([&points[0], &points[1], &points[2]]);
    values.is_none_or(|v| v.iter().any(|v| (*v < isovalue) == (kind != ThinKind::Gap)))
}

/// One input.
struct Input {
    finder: ThinFinder,
    isovalue: f32,
    /// Planes looked at.
    taken: u32,
}

/// All inputs that are looked over, by their operator.
#[derive(Default)]
pub(crate) struct Inputs {
    /// The planes that are asked, of a piece; `None`: all.
    piece: Option<Range<u32>>,
    looked: Mutex<BTreeMap<usize, Input>>,
}

impl Inputs {
    /// Looks over a piece alone: the planes looked at begin as many before it as a [`ThinFinder`] reads.
    pub fn of_piece(piece: Range<u32>) -> Inputs {
        Inputs { piece: Some(piece), ..Inputs::default() }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<usize, Input>> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was found in a piece, by operator, which is forgotten: for [`Inputs::join`].
    pub fn take_words(&self) -> Vec<(usize, Vec<u64>)> {
        let looked = std::mem::take(&mut *self.lock());
        looked.into_iter().map(|(operator, input)| (operator, input.finder.into_words())).collect()
    }

    /// Takes what was found in a piece in place of its planes; false if it is nothing of the kind.
    pub fn join(&self, operator: usize, domain: &Domain, isovalue: f32, words: &[u64]) -> bool {
        let Domain::Grid { patch, affine } = domain else { return false };
        let mut looked = self.lock();
        let new =
            || Input { finder: thin_finder(patch, affine, isovalue), isovalue, taken: patch.resolution()[2] };
        looked.entry(operator).or_insert_with(new).finder.join(words)
    }

    /// Looks at planes `z` of what goes into an operator whose samples are on `domain`, those that are new; some that were looked at may be among them.
    pub fn look(
        &self,
        operator: usize,
        domain: &Domain,
        isovalue: f32,
        z: &Range<u32>,
        samples: &[f32],
        monitor: &Monitor,
    ) -> Result<(), Cancelled> {
        let Domain::Grid { patch, affine } = domain else { return Ok(()) };
        let mut looked = self.lock();
        let new = || {
            let finder = thin_finder(patch, affine, isovalue);
            match &self.piece {
                None => Input { finder, isovalue, taken: 0 },
                Some(piece) => Input { finder: finder.part(piece, z.start), isovalue, taken: z.start },
            }
        };
        let input = looked.entry(operator).or_insert_with(new);
        // Planes come in order; of any others nothing could be told.
        if (z.start..z.end).contains(&input.taken) {
            let plane = samples.len() / z.len();
            input.finder.planes(&samples[(input.taken - z.start) as usize * plane..], monitor)?;
            input.taken = z.end;
        }
        Ok(())
    }

    /// What was lost in everything looked at so far, which is forgotten. `ask` gives an operator's values at points of its grid's frame, where they
    /// can be had.
    pub fn lost(&self, plan: &Plan, ask: impl Fn(usize, [&[f32]; 3]) -> Option<Vec<f32>>) -> Vec<LostInput> {
        let inputs = std::mem::take(&mut *self.lock());
        let mut lost = vec![];
        for (operator, input) in inputs {
            let node = &plan.graph.nodes()[operator];
            let inverse = match plan.domain_of(operator) {
                Some(Domain::Grid { affine, .. }) => affine.inverse(),
                _ => None,
            };
            let from = node.inputs.first().copied().flatten();
            let confirm = |kind, ends| {
                let (Some(inverse), Some(from)) = (&inverse, from) else { return true };
                is_there(|points| ask(from, points), inverse, input.isovalue, kind, ends)
            };
            let mut places = input.finder.finish(Some(&confirm));
            places.retain(|p| p.lost);
            if !places.is_empty() {
                lost.push(LostInput { operator, type_name: node.entry.type_name, places });
            }
        }
        lost
    }
}
