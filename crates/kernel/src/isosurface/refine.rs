//! Crossings where the field itself crosses, and its gradient there.
//!
//! Between two samples the field may bend (at a crease it does), and linear interpolation misses its crossing by a share of a cell.
//! Whoever knows the field can do better: Newton steps along the edge, of which the best is kept. Where one leads out of the part of the edge at
//! whose ends the signs differ (behind a crease the tangent looks the wrong way), the next is where the line between these ends crosses. A crossing
//! stays on its edge and off the samples whatever the field answers, so nothing changes for the topology.

use super::bracket::Bracket;
use super::lattice::Lattice;
use super::sharp::{Gradients, Known};
use super::slab::Slab;
use super::task::Task;
use super::write::Places;
use crate::monitor::{Cancelled, Monitor};
use rayon::prelude::*;

/// Vertices per call of [`Gradients::gradients`] at most.
const BATCH: usize = 4096;
/// Evaluations per vertex at most. Two or three are the rule: a crease between two planes is exact at the third.
const ROUNDS: usize = 12;
/// Steps of less than so many cells are none.
const CLOSE: f64 = 1e-5;
/// No axis: a vertex that is no crossing.
const FIXED: u8 = 3;

/// Moves the crossings of `tasks`, whose vertices are `positions`, and appends what is known of them.
pub(super) fn refine(
    slab: &Slab,
    places: &Places,
    tasks: &[Task],
    mut positions: &mut [[f32; 3]],
    field: &dyn Gradients,
    known: &mut Known,
    monitor: &Monitor,
) -> Result<(), Cancelled> {
    let (mut values, mut gradients) = known.lengthen(positions.len());
    let mut jobs = vec![];
    for task in tasks {
        let (p, v, g);
        (p, positions) = positions.split_at_mut(task.vertices);
        (v, values) = values.split_at_mut(task.vertices);
        (g, gradients) = gradients.split_at_mut(task.vertices);
        jobs.push((task, p, v, g));
    }
    jobs.into_par_iter().try_for_each(|(task, positions, values, gradients)| {
        let axes = axes(places, task);
        let batches = axes.chunks(BATCH).zip(positions.chunks_mut(BATCH));
        let known = values.chunks_mut(BATCH).zip(gradients.chunks_mut(BATCH));
        for ((axes, positions), (values, gradients)) in batches.zip(known) {
            monitor.check()?;
            batch(slab, axes, positions, values, gradients, field);
        }
        Ok(())
    })
}

/// The axis of the edge of each vertex of a task.
fn axes(places: &Places, task: &Task) -> Vec<u8> {
    let mut axes = Vec::with_capacity(task.vertices);
    for j in task.rows.clone() {
        let counts = if task.layer {
            let row = places.layer(task.p, j);
            [(2, row.inner - row.z), (FIXED, row.end - row.inner), (FIXED, 0)]
        } else {
            let row = places.plane(task.p, j);
            [(0, row.y - row.x), (1, row.border - row.y), (FIXED, row.end - row.border)]
        };
        counts.into_iter().for_each(|(axis, n)| axes.extend((0..n).map(|_| axis)));
    }
    axes
}

/// A crossing that is being looked for.
struct Open {
    /// Of its batch.
    i: usize,
    axis: usize,
    /// The lower sample of its edge, in cells.
    base: f64,
    bracket: Bracket,
    /// Where the field was asked last, in cells from there, its value and its rise per cell.
    t: f64,
    value: f64,
    slope: f64,
}

impl Open {
    /// Where to ask next; none: the crossing is there, or as near as it may come to a sample.
    fn step(&mut self, lattice: &Lattice, at: [f32; 3]) -> Option<[f32; 3]> {
        self.bracket.narrow(self.t, self.value);
        let next = self.bracket.next(self.t, self.value, self.slope);
        let (t, p) = lattice.on_edge(at, self.axis, self.base, next);
        let moves = (t - self.t).abs() > CLOSE;
        self.t = t;
        moves.then_some(p)
    }
}

fn batch(
    slab: &Slab,
    axes: &[u8],
    positions: &mut [[f32; 3]],
    values: &mut [f32],
    gradients: &mut [[f32; 3]],
    field: &dyn Gradients,
) {
    let lattice = slab.lattice;
    let relative = |v: f32| f64::from(v) - f64::from(lattice.isovalue);
    field.gradients(positions, values, gradients);
    let crossings = axes.iter().enumerate().filter(|(_, axis)| **axis != FIXED);
    let mut open: Vec<Open> = crossings
        .map(|(i, &axis)| {
            let axis = usize::from(axis);
            let (cell, t) = lattice.edge_of(positions[i], axis);
            let bracket = Bracket::new(slab.ends(cell, axis));
            let slope = f64::from(gradients[i][axis]) * lattice.step(axis);
            Open { i, axis, base: cell[axis] as f64, bracket, t, value: relative(values[i]), slope }
        })
        .collect();
    for _ in 1..ROUNDS {
        let mut at = Vec::with_capacity(open.len());
        open.retain_mut(|o| o.step(lattice, positions[o.i]).map(|p| at.push(p)).is_some());
        if open.is_empty() {
            break;
        }
        let (mut v, mut g) = (vec![0.0; at.len()], vec![[0.0; 3]; at.len()]);
        field.gradients(&at, &mut v, &mut g);
        for (k, o) in open.iter_mut().enumerate() {
            (o.value, o.slope) = (relative(v[k]), f64::from(g[k][o.axis]) * lattice.step(o.axis));
            // What is not a number is never better.
            if o.value.abs() < relative(values[o.i]).abs() {
                (positions[o.i], values[o.i], gradients[o.i]) = (at[k], v[k], g[k]);
            }
        }
    }
}
