//! Crossings where the field itself crosses, and its gradient there.
//!
//! Between two samples the field may bend (at a crease it does), and linear interpolation misses its crossing by a share of a cell.
//! Whoever knows the field can do better: Newton steps along the edge, of which the best is kept. A crossing
//! stays on its edge and off the samples whatever the field answers, so nothing changes for the topology.

use super::sharp::{Gradients, Known};
use super::slab::Slab;
use super::task::Task;
use super::write::Places;
use crate::monitor::{Cancelled, Monitor};
use rayon::prelude::*;

/// Vertices per call of [`Gradients::gradients`] at most.
const BATCH: usize = 4096;
/// Evaluations per vertex: a crease between two planes is exact at the third.
const ROUNDS: usize = 3;
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

fn batch(
    slab: &Slab,
    axes: &[u8],
    positions: &mut [[f32; 3]],
    values: &mut [f32],
    gradients: &mut [[f32; 3]],
    field: &dyn Gradients,
) {
    let lattice = slab.lattice;
    let height = |v: f32| (f64::from(v) - f64::from(lattice.isovalue)).abs();
    field.gradients(positions, values, gradients);
    let mut at = positions.to_vec();
    let (mut v, mut g) = (values.to_vec(), gradients.to_vec());
    for _ in 1..ROUNDS {
        for (i, &axis) in axes.iter().enumerate().filter(|(_, axis)| **axis != FIXED) {
            let axis = usize::from(axis);
            let step = (f64::from(v[i]) - f64::from(lattice.isovalue)) / f64::from(g[i][axis]);
            at[i] = lattice.along(at[i], axis, -step);
        }
        field.gradients(&at, &mut v, &mut g);
        for i in 0..axes.len() {
            // What is not a number is never better.
            if height(v[i]) < height(values[i]) {
                (positions[i], values[i], gradients[i]) = (at[i], v[i], g[i]);
            }
        }
    }
}
