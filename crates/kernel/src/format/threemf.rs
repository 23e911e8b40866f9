//! 3MF: a zip with XML parts that hold objects; what the build places is read, in millimetres.
//!
//! Objects may consist of other objects (components), in other parts too (production extension). A mirroring
//! transform turns the triangles round, so that outside stays outside. Support objects are left out. The
//! unit is the root model's.
//!
//! # Limits
//! Placed objects are counted ([`MAX_PLACED`]) and so are triangles after placing, because a few lines of
//! components can ask for any number of copies.
//!
//! # Source
//! 3MF Core Specification 1.3 (3MF Consortium 2022), 3.3 transforms, 4 objects; Production Extension 1.1.2.

use super::notes::Notes;
use super::threemf_model::{IDENTITY, Model, Object, Placed, Quota, Transform};
use super::threemf_package::Package;
use super::{FormatError, MeshLimits, check_triangles, check_vertices, malformed};
use crate::mesh::TriMesh;
use crate::monitor::Monitor;
use std::collections::HashMap;

const MAX_PLACED: u64 = 1_000_000;
const MAX_DEPTH: usize = 32;
const MAX_PARTS: usize = 4096;

pub(super) fn read(
    bytes: &[u8],
    limits: &MeshLimits,
    monitor: &Monitor,
    _notes: &mut Notes,
) -> Result<TriMesh, FormatError> {
    let mut package = Package::open(bytes, limits, monitor)?;
    let root = package.root_model()?;
    let mut parts: HashMap<String, Model> = HashMap::new();
    let mut wanted = vec![root.clone()];
    // A mesh needs at most three vertices a triangle; more would only fill the memory.
    let mut triangles = Quota::new("triangles", limits.max_triangles);
    let mut vertices =
        Quota::new("vertices", limits.max_triangles.saturating_mul(3).min(u64::from(u32::MAX)));
    while let Some(name) = wanted.pop() {
        if parts.contains_key(&name) {
            continue;
        }
        if parts.len() == MAX_PARTS {
            return Err(FormatError::TooLarge {
                what: format!("{} model parts", MAX_PARTS + 1),
                limit: MAX_PARTS as u64,
            });
        }
        let mut model = Model::new(triangles, vertices);
        let read = package.read(&name, |event, depth| model.visit(event, depth));
        if let Some((what, limit)) = model.too_large {
            return Err(FormatError::TooLarge {
                what: format!("at least {} {what}", limit.saturating_add(1)),
                limit,
            });
        }
        read?;
        (triangles, vertices) = (model.triangles, model.vertices);
        let placed = model.items.iter().chain(model.objects.values().flat_map(|o| &o.components));
        wanted.extend(placed.filter_map(|p| p.part.clone()));
        parts.insert(name, model);
    }
    let unit = parts[&root].unit_mm;
    let mut build = Build { parts: &parts, unit, limits, monitor, placed: 0, mesh: TriMesh::default() };
    if parts[&root].items.is_empty() {
        return Err(malformed("3MF", root.clone(), "the build has no items"));
    }
    for item in &parts[&root].items {
        build.place(&root, item, &IDENTITY, 0)?;
    }
    Ok(build.mesh)
}

struct Build<'a> {
    parts: &'a HashMap<String, Model>,
    unit: f64,
    limits: &'a MeshLimits,
    monitor: &'a Monitor,
    placed: u64,
    mesh: TriMesh,
}

impl Build<'_> {
    fn place(
        &mut self,
        part: &str,
        placed: &Placed,
        outer: &Transform,
        depth: usize,
    ) -> Result<(), FormatError> {
        self.placed += 1;
        if self.placed > MAX_PLACED {
            return Err(FormatError::TooLarge {
                what: format!("{} placed objects", self.placed),
                limit: MAX_PLACED,
            });
        }
        if self.placed.is_multiple_of(1024) {
            self.monitor.check()?;
        }
        let part = placed.part.as_deref().unwrap_or(part);
        let id = placed.object;
        if depth == MAX_DEPTH {
            let what = format!("object {id} lies more than {MAX_DEPTH} components deep, or contains itself");
            return Err(malformed("3MF", part, what));
        }
        let object = self.parts.get(part).and_then(|m| m.objects.get(&id));
        let object = object.ok_or_else(|| malformed("3MF", part, format!("there is no object {id}")))?;
        if object.is_support {
            return Ok(());
        }
        let transform = compose(&placed.transform, outer);
        self.append(part, object, &transform)?;
        object.components.iter().try_for_each(|c| self.place(part, c, &transform, depth + 1))
    }

    fn append(&mut self, part: &str, object: &Object, m: &Transform) -> Result<(), FormatError> {
        if object.triangles.is_empty() {
            return Ok(());
        }
        self.monitor.check()?;
        check_triangles((self.mesh.triangles.len() + object.triangles.len()) as u64, self.limits)?;
        check_vertices((self.mesh.positions.len() + object.positions.len()) as u64)?;
        let base = self.mesh.positions.len() as u32;
        let same = *m == IDENTITY && self.unit == 1.0;
        for p in &object.positions {
            let q = if same { *p } else { apply(m, *p, self.unit) };
            if q.iter().any(|v| !v.is_finite()) {
                let what = format!("a transform takes the vertex {p:?} beyond every finite number");
                return Err(malformed("3MF", part, what));
            }
            self.mesh.positions.push(q);
        }
        let mirrored = determinant(m) < 0.0;
        self.mesh.triangles.extend(object.triangles.iter().map(|t| {
            let [a, b, c] = t.map(|i| base + i);
            if mirrored { [a, c, b] } else { [a, b, c] }
        }));
        Ok(())
    }
}

/// First `inner`, then `outer`.
fn compose(inner: &Transform, outer: &Transform) -> Transform {
    std::array::from_fn(|i| {
        let (row, column) = (i / 3, i % 3);
        let sum: f64 = (0..3).map(|k| inner[3 * row + k] * outer[3 * k + column]).sum();
        if row == 3 { sum + outer[9 + column] } else { sum }
    })
}

fn apply(m: &Transform, p: [f32; 3], unit: f64) -> [f32; 3] {
    let p = p.map(f64::from);
    std::array::from_fn(|c| (unit * (p[0] * m[c] + p[1] * m[3 + c] + p[2] * m[6 + c] + m[9 + c])) as f32)
}

fn determinant(m: &Transform) -> f64 {
    m[0] * (m[4] * m[8] - m[5] * m[7]) - m[1] * (m[3] * m[8] - m[5] * m[6])
        + m[2] * (m[3] * m[7] - m[4] * m[6])
}
