//! What the build of a package makes: its items' meshes in their places, without what slicers leave out.

use super::super::error::{FormatError, MeshLimits, check_triangles, check_vertices, malformed};
use super::super::notes::Notes;
use super::super::text::excerpt;
use super::model::{IDENTITY, Model, Object, Placed, Transform};
use super::role::{ObjectType, Role, Volume};
use super::settings::{ObjectSettings, Part, Settings};
use super::subtract::{Refusal, subtract};
use crate::mesh::TriMesh;
use crate::monitor::Monitor;
use std::collections::{HashMap, HashSet};

/// Items and components placed at most.
pub(super) const MAX_PLACED: u64 = 1_000_000;
const MAX_DEPTH: usize = 32;
/// Notes told apart, to say each once however often its object is placed.
const MAX_DISTINCT_NOTES: usize = 1000;

/// Places the items of the model part `root`.
///
/// # Errors
/// Nothing is left to be made, what is placed is no sound mesh, or exceeds a limit.
pub(super) fn build(
    parts: &HashMap<String, Model>,
    root: &str,
    settings: &Settings,
    limits: &MeshLimits,
    monitor: &Monitor,
    notes: &mut Notes,
) -> Result<TriMesh, FormatError> {
    let model = &parts[root];
    let mut build = Build {
        parts,
        settings,
        unit: model.unit_mm,
        limits,
        monitor,
        notes,
        noted: HashSet::new(),
        left_out: Vec::new(),
        placed: 0,
        triangles: 0,
        mesh: TriMesh::default(),
        parts_of_item: Vec::new(),
        negatives: Vec::new(),
        meshes_of_item: 0,
    };
    for (i, item) in model.items.iter().enumerate() {
        if item.printable {
            build.item(root, item)?;
        } else {
            build.leave_out(format!("{root} item {} (object {}): not printable", i + 1, item.object));
        }
    }
    match build.mesh.triangles.is_empty() && !build.left_out.is_empty() {
        true => {
            Err(malformed("3MF", root, format!("nothing is left to be made: {}", build.left_out.join("; "))))
        }
        false => Ok(build.mesh),
    }
}

struct Build<'a> {
    parts: &'a HashMap<String, Model>,
    settings: &'a Settings,
    unit: f64,
    limits: &'a MeshLimits,
    monitor: &'a Monitor,
    notes: &'a mut Notes,
    noted: HashSet<String>,
    /// The first few of the reasons, for when nothing is left.
    left_out: Vec<String>,
    placed: u64,
    /// Placed so far, with those left out of a mesh: each takes time.
    triangles: u64,
    mesh: TriMesh,
    /// Where the parts of the item that is being placed begin in `mesh`: vertices, triangles and name.
    parts_of_item: Vec<(usize, usize, Place<'a>)>,
    /// What is to be taken away from it, with its name.
    negatives: Vec<(TriMesh, Place<'a>)>,
    /// How many meshes of the item were met.
    meshes_of_item: usize,
}

/// What holds for everything below one build item, and below one component of it.
#[derive(Clone, Copy)]
struct Below<'a> {
    settings: Option<&'a ObjectSettings>,
    /// What the settings say about a component on the way down.
    part: Option<&'a Part>,
    transform: Transform,
    depth: usize,
}

impl<'a> Build<'a> {
    fn item(&mut self, root: &'a str, item: &'a Placed) -> Result<(), FormatError> {
        self.meshes_of_item = 0;
        let settings = self.settings.get(&item.object);
        self.parts_of_item.clear();
        self.place(root, item, Below { settings, part: None, transform: IDENTITY, depth: 0 })?;
        if self.negatives.is_empty() || self.parts_of_item.is_empty() {
            self.negatives.clear();
            return Ok(());
        }
        self.take_negatives(root, item.object)
    }

    /// Replaces the parts of the item by what the negatives leave of them.
    fn take_negatives(&mut self, root: &str, id: u32) -> Result<(), FormatError> {
        let (negatives, taken): (Vec<_>, Vec<_>) = std::mem::take(&mut self.negatives).into_iter().unzip();
        let mut parts = Vec::new();
        let mut names = Vec::new();
        for (vertices, triangles, name) in self.parts_of_item.drain(..).rev() {
            let positions = self.mesh.positions.split_off(vertices);
            let triangles = self.mesh.triangles.split_off(triangles);
            let base = vertices as u32;
            parts.push(TriMesh {
                positions,
                triangles: triangles.iter().map(|t| t.map(|i| i - base)).collect(),
            });
            names.push(name);
        }
        names.extend(taken);
        let left = subtract(parts, negatives, self.limits.max_contacts, self.monitor).map_err(|refusal| {
            match refusal {
                Refusal::Cancelled(cancelled) => cancelled.into(),
                Refusal::Open(i) => {
                    let what = "is open or one-sided, so that negative parts cannot be taken away";
                    malformed("3MF", root, format!("{} {what}", names[i]))
                }
                Refusal::TooManyContacts => {
                    let limit = self.limits.max_contacts;
                    let what = format!(
                        "the parts of object {id} and its negative parts touch in more than {limit} places"
                    );
                    malformed("3MF", root, what)
                }
            }
        })?;
        if left.triangles.is_empty() {
            return Err(malformed(
                "3MF",
                root,
                format!("the negative parts of object {id} leave nothing of it"),
            ));
        }
        check_vertices((self.mesh.positions.len() + left.positions.len()) as u64)?;
        check_triangles((self.mesh.triangles.len() + left.triangles.len()) as u64, self.limits)?;
        let base = self.mesh.positions.len() as u32;
        self.mesh.positions.extend(left.positions);
        self.mesh.triangles.extend(left.triangles.iter().map(|t| t.map(|i| base + i)));
        Ok(())
    }

    fn place(&mut self, part: &'a str, placed: &'a Placed, mut below: Below<'a>) -> Result<(), FormatError> {
        self.placed += 1;
        if self.placed > MAX_PLACED {
            let what = format!("{} placed objects", self.placed);
            return Err(FormatError::TooLarge { what, limit: MAX_PLACED });
        }
        if self.placed.is_multiple_of(1024) {
            self.monitor.check()?;
        }
        let part = placed.part.as_deref().unwrap_or(part);
        let id = placed.object;
        if below.depth == MAX_DEPTH {
            let what = format!("object {id} lies more than {MAX_DEPTH} components deep, or contains itself");
            return Err(malformed("3MF", part, what));
        }
        let object = self.parts.get(part).and_then(|m| m.objects.get(&id));
        let object = object.ok_or_else(|| malformed("3MF", part, format!("there is no object {id}")))?;
        below.transform = compose(&placed.transform, &below.transform);
        if !object.triangles.is_empty() {
            self.mesh(part, id, object, &below)?;
        }
        if below.depth > 0 {
            below.part = below.settings.and_then(|s| s.part(usize::MAX, id)).or(below.part);
        }
        below.depth += 1;
        object.components.iter().try_for_each(|c| self.place(part, c, below))
    }

    /// Adds the mesh of `object` to what its role says.
    fn mesh(
        &mut self,
        part: &'a str,
        id: u32,
        object: &'a Object,
        below: &Below<'a>,
    ) -> Result<(), FormatError> {
        self.monitor.check()?;
        let nth = self.meshes_of_item;
        self.meshes_of_item += 1;
        let setting = below.settings.and_then(|s| s.part(nth, id)).or(below.part);
        let name = setting.map(|p| &p.name).filter(|n| !n.is_empty()).unwrap_or(&object.name);
        let at = Place { part, id, name };
        let role = match (object.object_type, setting.and_then(|p| p.role).or(object.role)) {
            // Slicers write "other" for what is no part, and say beside it what it is.
            (ObjectType::Model | ObjectType::Other, Some(role)) => role,
            (ObjectType::Model, None) => Role::Part,
            (other, _) => {
                self.leave_out(format!("{at}: of type {}", other.name()));
                return Ok(());
            }
        };
        if let Some(attribute) = &object.stand_in {
            let what =
                format!("{at}: {attribute} says that its mesh stands in for a shape that is not read here");
            return Err(malformed("3MF", part, what));
        }
        let volumes = self.settings.get(&id).map_or(&object.volumes, |s| &s.volumes);
        match role {
            Role::Part if !volumes.is_empty() => self.volumes(at, object, volumes, &below.transform),
            role => self.add(at, object, 0..object.triangles.len(), role, &below.transform),
        }
    }

    /// Adds each of `volumes` to what its own role says, and the triangles in none of them to the part.
    fn volumes(
        &mut self,
        at: Place<'a>,
        object: &'a Object,
        volumes: &'a [Volume],
        transform: &Transform,
    ) -> Result<(), FormatError> {
        let count = object.triangles.len();
        let mut free = vec![true; count];
        for volume in volumes {
            let (first, last) = (volume.first as usize, volume.last as usize);
            if first > last || last >= count {
                let what = format!("{at}: a volume of triangles {first} to {last}, the object has {count}");
                return Err(malformed("3MF", at.part, what));
            }
            let name = if volume.name.is_empty() { at.name } else { &volume.name };
            if !free[first..=last].iter().all(|f| *f) {
                let what = format!("{at}: triangles {first} to {last} are in two volumes");
                return Err(malformed("3MF", at.part, what));
            }
            free[first..=last].fill(false);
            self.add(Place { name, ..at }, object, first..last + 1, volume.role, transform)?;
        }
        let mut from = 0;
        for run in free.chunk_by(|a, b| a == b) {
            let to = from + run.len();
            if run[0] {
                self.note(format!("{at}: triangles {from} to {} are in no volume, taken as a part", to - 1));
                self.add(at, object, from..to, Role::Part, transform)?;
            }
            from = to;
        }
        Ok(())
    }

    fn add(
        &mut self,
        at: Place<'a>,
        object: &Object,
        range: std::ops::Range<usize>,
        role: Role,
        transform: &Transform,
    ) -> Result<(), FormatError> {
        self.triangles += range.len() as u64;
        check_triangles(self.triangles, self.limits)?;
        match role {
            Role::Part => {
                let start = (self.mesh.positions.len(), self.mesh.triangles.len(), at);
                self.parts_of_item.push(start);
                append(&mut self.mesh, at, object, range, transform, self.unit)
            }
            Role::Negative => {
                self.note(format!("{at}: a negative part, taken away from the parts of its object"));
                let mut negative = TriMesh::default();
                append(&mut negative, at, object, range, transform, self.unit)?;
                self.negatives.push((negative, at));
                Ok(())
            }
            other => {
                self.leave_out(format!("{at}: {}", other.name()));
                Ok(())
            }
        }
    }

    fn leave_out(&mut self, what: String) {
        if self.left_out.len() < 3 && !self.left_out.contains(&what) {
            self.left_out.push(what.clone());
        }
        self.note(what + ", left out");
    }

    fn note(&mut self, note: String) {
        if self.noted.len() < MAX_DISTINCT_NOTES && self.noted.insert(note.clone()) {
            self.notes.add(note);
        }
    }
}

/// Which mesh is meant, for notes and errors: `3D/3dmodel.model object 2 "peg"`.
#[derive(Clone, Copy)]
struct Place<'a> {
    part: &'a str,
    id: u32,
    name: &'a str,
}

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} object {}", self.part, self.id)?;
        match self.name {
            "" => Ok(()),
            name => write!(f, " {}", excerpt(name.as_bytes())),
        }
    }
}

/// Adds the triangles `range` of `object` to `target`, in millimetres of `unit`, with the vertices that they use.
fn append(
    target: &mut TriMesh,
    at: Place,
    object: &Object,
    range: std::ops::Range<usize>,
    m: &Transform,
    unit: f64,
) -> Result<(), FormatError> {
    check_vertices((target.positions.len() + object.positions.len()) as u64)?;
    let same = *m == IDENTITY && unit == 1.0;
    let place = |p: [f32; 3]| {
        let q = if same { p } else { apply(m, p, unit) };
        match q.iter().all(|v| v.is_finite()) {
            true => Ok(q),
            false => {
                let what = format!("a transform takes the vertex {p:?} beyond every finite number");
                Err(malformed("3MF", at.part, what))
            }
        }
    };
    let mirrored = determinant(m) < 0.0;
    let turned = |[a, b, c]: [u32; 3]| if mirrored { [a, c, b] } else { [a, b, c] };
    let base = target.positions.len() as u32;
    if range.len() == object.triangles.len() {
        for p in &object.positions {
            target.positions.push(place(*p)?);
        }
        target.triangles.extend(object.triangles.iter().map(|t| turned(t.map(|i| base + i))));
        return Ok(());
    }
    let mut renamed: HashMap<u32, u32> = HashMap::new();
    for t in &object.triangles[range] {
        let mut corners = [0; 3];
        for (corner, &i) in corners.iter_mut().zip(t) {
            *corner = match renamed.get(&i) {
                Some(&known) => known,
                None => {
                    target.positions.push(place(object.positions[i as usize])?);
                    let new = base + renamed.len() as u32;
                    renamed.insert(i, new);
                    new
                }
            };
        }
        target.triangles.push(turned(corners));
    }
    Ok(())
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
