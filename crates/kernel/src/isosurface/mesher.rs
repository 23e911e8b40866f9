//! The mesher: takes planes of samples, keeps the last one, appends to a mesh.

use super::creases;
use super::lattice::Lattice;
use super::piece::Piece;
use super::refine::refine;
use super::rows::{LayerRow, PlaneRow};
use super::sharp::{self, Feature, Known};
use super::slab::{Carried, Slab};
use super::task::Task;
use super::write::{Out, Places, Target};
use super::{IsosurfaceError, Options};
use crate::mesh::TriMesh;
use crate::monitor::{Cancelled, Monitor};
use crate::patch::Patch;
use rayon::prelude::*;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Rows that one task counts or writes.
const ROWS: usize = 64;

/// Builds the surface from planes that arrive in order of z. It holds two planes of samples and the mesh so far, so what
/// it needs grows with the surface and with two planes, not with the grid.
pub struct Mesher<'a> {
    lattice: Lattice,
    options: Options<'a>,
    /// Planes taken, those below the first one that is read among them.
    taken: usize,
    /// The planes that are meshed, with the layers below them.
    range: Range<usize>,
    /// Vertices of the plane below these, once it is known.
    below: Option<usize>,
    carried: Carried,
    /// Numbers of the vertices of the last decided plane's rows.
    last_rows: Vec<PlaneRow>,
    mesh: TriMesh,
    /// Field and gradient at the vertices of the last plane.
    known: Known,
    features: Vec<Feature>,
}

type Job<'a> = (&'a Task, &'a mut [MaybeUninit<[f32; 3]>], &'a mut [MaybeUninit<[u32; 3]>]);

impl<'a> Mesher<'a> {
    /// A mesher of samples on `patch`, which needs at least two samples on every axis.
    pub fn new(patch: &Patch, options: &Options<'a>) -> Result<Mesher<'a>, IsosurfaceError> {
        let lattice = Lattice::new(patch, options.isovalue)?;
        let end = lattice.n[2];
        Ok(Mesher {
            lattice,
            options: *options,
            taken: 0,
            range: 0..end,
            below: Some(0),
            carried: Carried::default(),
            last_rows: vec![],
            mesh: TriMesh::default(),
            known: Known::default(),
            features: vec![],
        })
    }

    /// A mesher of a piece of the surface: of planes `range` and the layers below them. It takes the planes [`Mesher::reads`].
    ///
    /// # Panics
    /// If the range is empty or goes beyond the patch, or creases are to be restored: they are seen on the whole surface.
    pub fn of_piece(
        patch: &Patch,
        options: &Options<'a>,
        range: Range<u32>,
    ) -> Result<Mesher<'a>, IsosurfaceError> {
        assert!(options.sharp.is_none(), "creases are restored on the whole surface");
        let mut mesher = Mesher::new(patch, options)?;
        mesher.range = range.start as usize..range.end as usize;
        assert!(!mesher.range.is_empty() && mesher.range.end <= mesher.lattice.n[2], "a range of planes");
        mesher.taken = mesher.reads().start;
        mesher.below = (range.start == 0).then_some(0);
        Ok(mesher)
    }

    /// The planes that it takes: to decide what lies at the isovalue in a plane, its neighbours are asked.
    pub fn reads(&self) -> Range<usize> {
        self.range.start.saturating_sub(2)..(self.range.end + 1).min(self.lattice.n[2])
    }

    /// Takes the next planes: any number of whole ones, x fastest. All of a call is worked on at once and in parallel.
    ///
    /// After an error the mesher is of no further use.
    pub fn planes(&mut self, samples: &[f32], monitor: &Monitor) -> Result<(), IsosurfaceError> {
        let ([nx, ny, _], end) = (self.lattice.n, self.reads().end);
        let (plane, got) = (nx * ny, samples.len());
        if got % plane != 0 || self.taken + got / plane > end {
            return Err(IsosurfaceError::Samples { got, before: self.taken * plane, plane, planes: end });
        }
        if got == 0 {
            return Ok(());
        }
        let before = std::mem::take(&mut self.carried);
        let (carried, base) = (before.decided, self.taken - before.planes(ny));
        let slab =
            Slab::new(&self.lattice, base..self.range.end, &before, samples, self.options.level, monitor)?;
        self.taken += got / plane;
        if slab.planes() == carried {
            self.carried = slab.carry();
            return Ok(());
        }
        monitor.progress(0.4);
        let mut planes = std::mem::take(&mut self.last_rows);
        let (fresh, mut layers) = count(&slab, carried, monitor)?;
        planes.extend(fresh);
        monitor.progress(0.6);
        let tasks = place(&slab, carried, &mut planes, &mut layers, &self.mesh, &self.options)?;
        let places = Places { planes: &planes, layers: &layers, rows: ny };
        let (first_vertex, first) = (self.mesh.positions.len(), self.mesh.triangles.len());
        append(&mut self.mesh, &slab, &places, &tasks, monitor)?;
        if let Some(sharp) = self.options.sharp {
            let mut known = None;
            if let Some(field) = sharp.field {
                let new = &mut self.mesh.positions[first_vertex..];
                refine(&slab, &places, &tasks, new, field, &mut self.known, monitor)?;
                known = Some(&self.known);
            }
            let mesh = (&self.mesh, first);
            let found = sharp::find(&slab, &places, &tasks, mesh, known, sharp.angle, monitor)?;
            self.features.extend(found);
            if sharp.field.is_some() {
                self.known.forget(planes[planes.len() - ny].x as usize);
            }
        }
        monitor.progress(1.0);
        let decided = base + slab.planes();
        self.carried = slab.carry();
        if self.below.is_none() && decided >= self.range.start {
            let lowest = self.range.start - 1 - base;
            let is_below = |t: &&Task| t.p < lowest || (t.p == lowest && !t.layer);
            let triangles = first + tasks.iter().filter(is_below).map(|t| t.triangles).sum::<usize>();
            self.below = Some(leave_out(&mut self.mesh, triangles, &mut planes[lowest * ny..], ny));
        }
        self.last_rows = planes.split_off(planes.len() - ny);
        Ok(())
    }

    /// The mesh, once all planes are there.
    pub fn finish(mut self, monitor: &Monitor) -> Result<TriMesh, IsosurfaceError> {
        self.check_end(monitor)?;
        let extra = self.features.iter().filter(|f| f.has_new_vertex()).count() as u64;
        self.check_size(
            self.mesh.positions.len() as u64 + extra,
            self.mesh.triangles.len() as u64 + 2 * extra,
        )?;
        if let Some(sharp) = self.options.sharp {
            creases::apply(&mut self.mesh, self.features, &self.lattice, sharp.field, monitor)?;
        }
        Ok(self.mesh)
    }

    /// The piece, once all planes are there.
    pub fn finish_piece(self, monitor: &Monitor) -> Result<Piece, IsosurfaceError> {
        self.check_end(monitor)?;
        let below = self.below.expect("known with the plane above the first");
        Ok(Piece { mesh: self.mesh, below })
    }

    /// Refuses to end before the last plane.
    fn check_end(&self, monitor: &Monitor) -> Result<(), IsosurfaceError> {
        monitor.check()?;
        let ([nx, ny, _], planes) = (self.lattice.n, self.reads().end);
        let plane = nx * ny;
        match self.taken < planes {
            true => Err(IsosurfaceError::Samples { got: 0, before: self.taken * plane, plane, planes }),
            false => Ok(()),
        }
    }

    fn check_size(&self, vertices: u64, triangles: u64) -> Result<(), IsosurfaceError> {
        let max_triangles = self.options.max_triangles;
        match triangles > max_triangles || vertices > u64::from(u32::MAX) {
            true => Err(IsosurfaceError::TooLarge { triangles, vertices, max_triangles }),
            false => Ok(()),
        }
    }
}

/// Counts of all rows of the fresh planes and of the layers below them.
fn count(
    slab: &Slab,
    carried: usize,
    monitor: &Monitor,
) -> Result<(Vec<PlaneRow>, Vec<LayerRow>), Cancelled> {
    let ny = slab.lattice.n[1];
    let mut planes = vec![PlaneRow::default(); (slab.planes() - carried) * ny];
    let mut layers = vec![LayerRow::default(); (slab.planes() - 1) * ny];
    planes.par_chunks_mut(ROWS).enumerate().try_for_each(|(chunk, rows)| {
        monitor.check()?;
        for (r, row) in rows.iter_mut().enumerate() {
            let r = chunk * ROWS + r;
            *row = PlaneRow::count(slab, carried + r / ny, r % ny);
        }
        Ok(())
    })?;
    layers.par_chunks_mut(ROWS).enumerate().try_for_each(|(chunk, rows)| {
        monitor.check()?;
        for (r, row) in rows.iter_mut().enumerate() {
            let r = chunk * ROWS + r;
            *row = LayerRow::count(slab, r / ny, r % ny);
        }
        Ok(())
    })?;
    Ok((planes, layers))
}

/// Numbers everything behind what the mesh has: layer below a plane, then the plane, row by row.
fn place(
    slab: &Slab,
    carried: usize,
    planes: &mut [PlaneRow],
    layers: &mut [LayerRow],
    mesh: &TriMesh,
    options: &Options,
) -> Result<Vec<Task>, IsosurfaceError> {
    let ny = slab.lattice.n[1];
    let (mut vertices, mut triangles) = (mesh.positions.len() as u64, mesh.triangles.len() as u64);
    let mut tasks = vec![];
    for p in carried..slab.planes() {
        for (layer, p) in [(true, p.wrapping_sub(1)), (false, p)].into_iter().skip(usize::from(p == 0)) {
            for from in (0..ny).step_by(ROWS) {
                let rows = from..(from + ROWS).min(ny);
                let before = (vertices, triangles);
                for r in p * ny + rows.start..p * ny + rows.end {
                    let first = vertices as u32;
                    let (v, t) = match layer {
                        true => (layers[r].vertices(), layers[r].triangles),
                        false => (planes[r].vertices(), planes[r].triangles),
                    };
                    (vertices, triangles) = (vertices + u64::from(v), triangles + u64::from(t));
                    let max_triangles = options.max_triangles;
                    if triangles > max_triangles || vertices > u64::from(u32::MAX) {
                        return Err(IsosurfaceError::TooLarge { triangles, vertices, max_triangles });
                    }
                    if layer { layers[r].place(first) } else { planes[r].place(first) }
                }
                let (vertices, triangles) = (vertices - before.0, triangles - before.1);
                if vertices + triangles > 0 {
                    let (vertices, triangles) = (vertices as usize, triangles as usize);
                    tasks.push(Task { layer, p, rows, vertices, triangles });
                }
            }
        }
    }
    Ok(tasks)
}

/// Writes all tasks' vertices and triangles behind those of the mesh.
fn append(
    mesh: &mut TriMesh,
    slab: &Slab,
    places: &Places,
    tasks: &[Task],
    monitor: &Monitor,
) -> Result<(), Cancelled> {
    let vertices: usize = tasks.iter().map(|t| t.vertices).sum();
    let triangles: usize = tasks.iter().map(|t| t.triangles).sum();
    mesh.positions.reserve(vertices);
    mesh.triangles.reserve(triangles);
    let mut positions = &mut mesh.positions.spare_capacity_mut()[..vertices];
    let mut corners = &mut mesh.triangles.spare_capacity_mut()[..triangles];
    let mut jobs: Vec<Job> = Vec::with_capacity(tasks.len());
    for task in tasks {
        let (mine, rest) = positions.split_at_mut(task.vertices);
        positions = rest;
        let (own, rest) = corners.split_at_mut(task.triangles);
        corners = rest;
        jobs.push((task, mine, own));
    }
    jobs.into_par_iter().try_for_each(|(task, positions, triangles)| {
        monitor.check()?;
        let mut target = Target { positions: Out::new(positions), triangles: Out::new(triangles) };
        for j in task.rows.clone() {
            match task.layer {
                true => target.layer_row(slab, places, task.p, j),
                false => target.plane_row(slab, places, task.p, j),
            }
        }
        target.positions.finish();
        target.triangles.finish();
        Ok(())
    })?;
    // SAFETY: the jobs cover these stretches and each has written all of its own, or panicked.
    unsafe {
        mesh.positions.set_len(mesh.positions.len() + vertices);
        mesh.triangles.set_len(mesh.triangles.len() + triangles);
    }
    Ok(())
}

/// Leaves out the first `triangles` and what comes before the vertices of a plane, the first `ny` of these rows; returns how many vertices
/// the plane has.
fn leave_out(mesh: &mut TriMesh, triangles: usize, rows: &mut [PlaneRow], ny: usize) -> usize {
    let (first, end) = (rows[0].x, rows[ny - 1].end);
    mesh.positions.drain(..first as usize);
    mesh.triangles.drain(..triangles);
    mesh.triangles.iter_mut().flatten().for_each(|v| *v -= first);
    rows.iter_mut().for_each(|row| row.renumber(first));
    (end - first) as usize
}
