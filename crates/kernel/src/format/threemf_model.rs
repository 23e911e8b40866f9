//! A model part of a 3MF package: its objects, and for the root model the build.

use super::text::excerpt;
use super::threemf_package::attribute;
use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesStart, Event};
use std::collections::HashMap;

/// Extensions that add data beside the mesh but leave its meaning alone: production, materials, slices, triangle sets.
const HARMLESS_EXTENSIONS: &[&str] = &[
    "http://schemas.microsoft.com/3dmanufacturing/production/",
    "http://schemas.microsoft.com/3dmanufacturing/material/",
    "http://schemas.microsoft.com/3dmanufacturing/slice/",
    "http://schemas.microsoft.com/3dmanufacturing/trianglesets/",
];

/// Row-vector affine map as 3MF writes it: p' = p·M, rows of three, translation last.
pub(super) type Transform = [f64; 12];

pub(super) const IDENTITY: Transform = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0];

/// An object placed somewhere: a build item or a component.
#[derive(Debug)]
pub(super) struct Placed {
    /// The part that defines the object, if another (production extension).
    pub part: Option<String>,
    pub object: u32,
    pub transform: Transform,
}

#[derive(Debug, Default)]
pub(super) struct Object {
    pub positions: Vec<[f32; 3]>,
    pub triangles: Vec<[u32; 3]>,
    pub components: Vec<Placed>,
    /// Support structure for printing, not the part itself.
    pub is_support: bool,
}

/// So many of something may still come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quota {
    what: &'static str,
    limit: u64,
    left: u64,
}

impl Quota {
    pub fn new(what: &'static str, limit: u64) -> Quota {
        Quota { what, limit, left: limit }
    }

    fn take(&mut self, too_large: &mut Option<(&'static str, u64)>) -> Result<(), String> {
        if self.left == 0 {
            *too_large = Some((self.what, self.limit));
            return Err(format!("too many {}", self.what));
        }
        self.left -= 1;
        Ok(())
    }
}

#[derive(Debug)]
pub(super) struct Model {
    /// Millimetres of the model's unit.
    pub unit_mm: f64,
    pub objects: HashMap<u32, Object>,
    pub items: Vec<Placed>,
    /// What may still be read, over all parts.
    pub triangles: Quota,
    pub vertices: Quota,
    /// Which of the two was used up, and how much it was.
    pub too_large: Option<(&'static str, u64)>,
    /// What element names of the core specification begin with, for example `m:`; usually nothing.
    prefix: String,
    open: Option<(u32, Object)>,
}

impl Model {
    pub fn new(triangles: Quota, vertices: Quota) -> Model {
        Model {
            unit_mm: 1.0,
            objects: HashMap::new(),
            items: Vec::new(),
            triangles,
            vertices,
            too_large: None,
            prefix: String::new(),
            open: None,
        }
    }

    /// Takes the next piece of XML.
    pub fn visit(&mut self, event: &Event, depth: usize) -> Result<(), String> {
        match event {
            Event::Start(tag) => self.start(tag, depth),
            Event::Empty(tag) => {
                self.start(tag, depth)?;
                self.end(tag.name().as_ref())
            }
            Event::End(tag) => self.end(tag.name().as_ref()),
            _ => Ok(()),
        }
    }

    fn start(&mut self, tag: &BytesStart, depth: usize) -> Result<(), String> {
        let name = tag.name();
        if depth == 1 {
            return self.root(tag);
        }
        // Other namespaces have vertices and triangles of their own.
        let Some(local) = name.as_ref().strip_prefix(&*self.prefix) else { return Ok(()) };
        match (local, &mut self.open) {
            ("vertex", Some((_, object))) => {
                object.positions.push(vertex(tag)?);
                self.vertices.take(&mut self.too_large)
            }
            ("triangle", Some((_, object))) => {
                object.triangles.push(triangle(tag, object.positions.len())?);
                self.triangles.take(&mut self.too_large)
            }
            ("component", Some((_, object))) => {
                object.components.push(placed(tag)?);
                Ok(())
            }
            ("object", open) => {
                let id = number_attribute(tag, "id")?;
                let is_support =
                    attribute(tag, "type")?.is_some_and(|t| matches!(&*t, "support" | "solidsupport"));
                if open.is_some() {
                    return Err(format!("object {id} inside an object"));
                }
                *open = Some((id, Object { is_support, ..Object::default() }));
                Ok(())
            }
            ("item", None) => {
                self.items.push(placed(tag)?);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn end(&mut self, name: &str) -> Result<(), String> {
        if name.strip_prefix(&*self.prefix) == Some("object")
            && let Some((id, object)) = self.open.take()
            && self.objects.insert(id, object).is_some()
        {
            return Err(format!("object id {id} is used twice"));
        }
        Ok(())
    }

    fn root(&mut self, tag: &BytesStart) -> Result<(), String> {
        let name = tag.name();
        let name = name.as_ref();
        let Some(prefix) = name.strip_suffix("model").filter(|p| p.is_empty() || p.ends_with(':')) else {
            return Err(format!("expected the element \"model\", found {}", excerpt(name.as_bytes())));
        };
        self.prefix = prefix.to_owned();
        if let Some(unit) = attribute(tag, "unit")? {
            self.unit_mm = unit_mm(&unit)?;
        }
        for prefix in attribute(tag, "requiredextensions")?.unwrap_or_default().split_ascii_whitespace() {
            let uri = attribute(tag, prefix)?.unwrap_or_default();
            if !HARMLESS_EXTENSIONS.iter().any(|known| uri.starts_with(known)) {
                return Err(format!(
                    "the file requires the extension {prefix} ({uri}), which is not read here"
                ));
            }
        }
        Ok(())
    }
}

/// 3MF core specification 1.3, 3.4: units of a model.
fn unit_mm(unit: &str) -> Result<f64, String> {
    Ok(match unit {
        "micron" => 0.001,
        "millimeter" => 1.0,
        "centimeter" => 10.0,
        "inch" => 25.4,
        "foot" => 304.8,
        "meter" => 1000.0,
        _ => return Err(format!("unknown unit {}", excerpt(unit.as_bytes()))),
    })
}

/// Fills `out` with the attributes called `names`, one pass, no copies.
fn read_attributes<T, const N: usize>(
    tag: &BytesStart,
    names: [&str; N],
    parse: impl Fn(&Attribute) -> Result<T, String>,
) -> Result<[T; N], String> {
    let mut out = [const { None }; N];
    for a in tag.attributes().with_checks(false) {
        let a = a.map_err(|e| e.to_string())?;
        if let Some(k) = names.iter().position(|n| *n == a.key.as_ref()) {
            out[k] = Some(parse(&a)?);
        }
    }
    match out.iter().position(Option::is_none) {
        Some(k) => Err(format!("{} has no attribute {}", tag.name().as_ref(), names[k])),
        None => Ok(out.map(|v| v.expect("none is missing"))),
    }
}

fn vertex(tag: &BytesStart) -> Result<[f32; 3], String> {
    read_attributes(tag, ["x", "y", "z"], |a| {
        let text = a.value.trim();
        match fast_float2::parse::<f32, _>(text) {
            Ok(v) if v.is_finite() => Ok(v),
            Ok(_) => Err(format!("the coordinate {} is not finite", excerpt(text.as_bytes()))),
            Err(_) => Err(format!("expected a coordinate, found {}", excerpt(text.as_bytes()))),
        }
    })
}

fn triangle(tag: &BytesStart, vertices: usize) -> Result<[u32; 3], String> {
    read_attributes(tag, ["v1", "v2", "v3"], |a| match a.value.trim().parse::<u32>() {
        Ok(i) if (i as usize) < vertices => Ok(i),
        Ok(i) => Err(format!("vertex index {i} is out of range, the object has {vertices} vertices")),
        Err(_) => Err(format!("expected a vertex index, found {}", excerpt(a.value.as_bytes()))),
    })
}

fn number_attribute(tag: &BytesStart, name: &str) -> Result<u32, String> {
    let [id] = read_attributes(tag, [name], |a| {
        a.value
            .trim()
            .parse()
            .map_err(|_| format!("expected an object id, found {}", excerpt(a.value.as_bytes())))
    })?;
    Ok(id)
}

fn placed(tag: &BytesStart) -> Result<Placed, String> {
    let part = attribute(tag, "path")?.map(|p| p.trim_start_matches('/').to_owned());
    let transform = attribute(tag, "transform")?.map_or(Ok(IDENTITY), |t| transform(&t))?;
    Ok(Placed { part, object: number_attribute(tag, "objectid")?, transform })
}

fn transform(text: &str) -> Result<Transform, String> {
    let numbers: Option<Vec<f64>> = text
        .split_ascii_whitespace()
        .map(|w| fast_float2::parse(w).ok().filter(|v: &f64| v.is_finite()))
        .take(13)
        .collect();
    numbers
        .and_then(|n| Transform::try_from(n).ok())
        .ok_or_else(|| format!("a transform is 12 finite numbers, found {}", excerpt(text.as_bytes())))
}
