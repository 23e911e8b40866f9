//! 3MF: a zip with XML parts that hold objects; what the build places and a slicer would make is read, in millimetres.
//!
//! Objects may consist of other objects (components), in other parts too (production extension). A mirroring
//! transform turns the triangles round, so that outside stays outside. The unit is the root model's.
//!
//! # What is left out
//! Objects of another type than `model`, items that are not `printable`, and what the settings of a slicer call a
//! modifier, a support, or a support's blocker or enforcer. Negative parts are taken away from the other parts of
//! the object that the build places. Each of these is noted, by the object's id and name.
//!
//! # Extensions
//! An element or attribute of an extension that the part requires and that is not known here is refused; elements of
//! other unknown extensions are passed over, and noted.
//!
//! # Limits
//! Placed objects are counted ([`MAX_PLACED`]) and so are triangles after placing, because a few lines of
//! components can ask for any number of copies.
//!
//! # Source
//! 3MF Core Specification 1.3 (3MF Consortium 2022), 3.3 transforms, 4 objects; Production Extension 1.1.2. What slicers
//! write beside it is their own: see `settings` and `role`.

mod build;
mod model;
mod namespaces;
mod package;
mod role;
mod settings;
mod subtract;
mod xml;

use super::entry::MeshFormat;
use super::error::{FormatError, MeshLimits, malformed};
use super::notes::Notes;
use super::write;
use crate::mesh::TriMesh;
use crate::monitor::Monitor;
use build::MAX_PLACED;
use model::{Model, Placed, Quota, Quotas};
use package::Package;
use std::collections::HashMap;

/// 3D Manufacturing Format: a zip with an XML model part.
pub const ENTRY: MeshFormat =
    MeshFormat { extension: "3mf", name: "3MF", read: Some(read), write: Some(write::threemf) };

impl MeshFormat {
    /// 3D Manufacturing Format: a zip with an XML model part.
    pub const THREE_MF: &MeshFormat = &ENTRY;
}

const MAX_PARTS: usize = 4096;

pub(super) fn read(
    bytes: &[u8],
    limits: &MeshLimits,
    monitor: &Monitor,
    notes: &mut Notes,
) -> Result<TriMesh, FormatError> {
    let mut package = Package::open(bytes, limits, monitor)?;
    let root = package.root_model()?;
    let parts = read_models(&mut package, &root, limits)?;
    if parts[&root].items.is_empty() {
        let what = format!(
            "the build has no items, so none of the {} objects is to be made",
            parts[&root].objects.len()
        );
        return Err(malformed("3MF", root, what));
    }
    let settings = settings::read(&mut package, notes)?;
    let mut names: Vec<&String> = parts.keys().collect();
    names.sort();
    for name in names {
        for uri in parts[name].ignored() {
            notes.add(format!(
                "{name}: elements of the extension {uri} are not read here and were passed over"
            ));
        }
    }
    build::build(&parts, &root, &settings, limits, monitor, notes)
}

/// Reads the model part `root` and all that it refers to; their references are names in the zip afterwards.
fn read_models(
    package: &mut Package,
    root: &str,
    limits: &MeshLimits,
) -> Result<HashMap<String, Model>, FormatError> {
    // A mesh needs at most three vertices a triangle; more would only fill the memory.
    let vertices = limits.max_triangles.saturating_mul(3).min(u64::from(u32::MAX));
    let mut quotas = Quotas {
        triangles: Quota::new("triangles", limits.max_triangles),
        vertices: Quota::new("vertices", vertices),
        objects: Quota::new("objects and components", MAX_PLACED),
    };
    let mut parts: HashMap<String, Model> = HashMap::new();
    let mut wanted = vec![root.to_owned()];
    while let Some(name) = wanted.pop() {
        if parts.contains_key(&name) {
            continue;
        }
        if parts.len() == MAX_PARTS {
            let what = format!("{} model parts", MAX_PARTS + 1);
            return Err(FormatError::TooLarge { what, limit: MAX_PARTS as u64 });
        }
        let mut model = Model::new(quotas);
        let read = package.read(&name, |event, depth| model.visit(event, depth));
        if let Some((what, limit)) = model.too_large {
            let what = format!("at least {} {what}", limit.saturating_add(1));
            return Err(FormatError::TooLarge { what, limit });
        }
        read?;
        quotas = model.quotas;
        let components = model.objects.values_mut().flat_map(|o| &mut o.components);
        for part in model.items.iter_mut().chain(components).filter_map(|p: &mut Placed| p.part.as_mut()) {
            // A part that is missing keeps its name, for the error.
            *part = package.find(part).unwrap_or_else(|| part.trim_start_matches('/').to_owned());
            wanted.push(part.clone());
        }
        parts.insert(name, model);
    }
    Ok(parts)
}
