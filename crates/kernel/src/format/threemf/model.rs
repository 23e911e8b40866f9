//! A model part of a 3MF package: its objects, and for the root model the build.

use super::super::text::excerpt;
use super::namespaces::{Name, Namespaces};
use super::role::{self, ObjectType, Role, Volume};
use super::xml::{attribute, attributes, number};
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use std::collections::HashMap;

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
    /// Slicers leave out items that are not.
    pub printable: bool,
}

#[derive(Debug, Default)]
pub(super) struct Object {
    pub object_type: ObjectType,
    /// May be empty.
    pub name: String,
    pub positions: Vec<[f32; 3]>,
    pub triangles: Vec<[u32; 3]>,
    pub components: Vec<Placed>,
    /// What Slic3r says about ranges of the triangles.
    pub volumes: Vec<Volume>,
    /// What Cura makes of the object, if no part.
    pub role: Option<Role>,
    /// Why the mesh is not the object's true shape: the attribute that says so, for example `meshresolution="lowres"`.
    pub stand_in: Option<String>,
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

/// What may still be read, over all parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quotas {
    pub triangles: Quota,
    pub vertices: Quota,
    /// Objects, components, items and ranges.
    pub objects: Quota,
}

#[derive(Debug)]
pub(super) struct Model {
    /// Millimetres of the model's unit.
    pub unit_mm: f64,
    pub objects: HashMap<u32, Object>,
    pub items: Vec<Placed>,
    pub quotas: Quotas,
    /// Which of the quotas was used up, and how much it was.
    pub too_large: Option<(&'static str, u64)>,
    namespaces: Option<Namespaces>,
    open: Option<(u32, Object)>,
    /// How deep the element of an extension lies whose content is passed over.
    foreign: Option<usize>,
    /// The role that the metadata gives which is open, if its text is true.
    cura: Option<Role>,
}

impl Model {
    pub fn new(quotas: Quotas) -> Model {
        Model {
            unit_mm: 1.0,
            objects: HashMap::new(),
            items: Vec::new(),
            quotas,
            too_large: None,
            namespaces: None,
            open: None,
            foreign: None,
            cura: None,
        }
    }

    /// Namespaces whose elements were passed over, none of them known to be harmless.
    pub fn ignored(&self) -> &[String] {
        self.namespaces.as_ref().map_or(&[], |n| &n.ignored)
    }

    /// Takes the next piece of XML; the root element is 1 deep.
    pub fn visit(&mut self, event: &Event, depth: usize) -> Result<(), String> {
        match event {
            Event::Start(tag) => self.start(tag, depth),
            Event::Empty(tag) => {
                self.start(tag, depth)?;
                self.end(tag.local_name().as_ref(), depth)
            }
            Event::End(tag) => self.end(tag.local_name().as_ref(), depth),
            Event::Text(text) => {
                if let (Some(role), Some((_, object))) = (self.cura, &mut self.open)
                    && text.xml_content(XmlVersion::Implicit1_0).trim().eq_ignore_ascii_case("true")
                {
                    object.role = Some(role);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn start(&mut self, tag: &BytesStart, depth: usize) -> Result<(), String> {
        let Some(namespaces) = &mut self.namespaces else {
            self.namespaces = Some(Namespaces::of_root(tag)?);
            if let Some(unit) = attribute(tag, "unit")? {
                self.unit_mm = unit_mm(&unit)?;
            }
            return Ok(());
        };
        match namespaces.enter(tag, depth)? {
            Name::Other(local) => {
                self.foreign = self.foreign.or(Some(depth));
                match local {
                    "volume" => self.volume(tag),
                    _ => Ok(()),
                }
            }
            // Other namespaces may have vertices and triangles of their own.
            Name::Core(_) if self.foreign.is_some() => Ok(()),
            Name::Core("vertex") => self.vertex(tag),
            Name::Core("triangle") => self.triangle(tag),
            Name::Core("component") => self.component(tag),
            Name::Core("object") => self.object(tag),
            Name::Core("item") if self.open.is_none() => {
                self.quotas.objects.take(&mut self.too_large)?;
                self.items.push(placed(tag)?);
                Ok(())
            }
            Name::Core("metadata") => {
                self.cura = attribute(tag, "name")?.and_then(|name| role::of_cura(&name));
                Ok(())
            }
            Name::Core(_) => Ok(()),
        }
    }

    fn end(&mut self, local: &str, depth: usize) -> Result<(), String> {
        match self.foreign {
            Some(foreign) if depth > foreign => return Ok(()),
            Some(_) => {
                self.foreign = None;
                return Ok(());
            }
            None => {}
        }
        if local == "metadata" {
            self.cura = None;
        }
        if local == "object"
            && let Some((id, object)) = self.open.take()
            && self.objects.insert(id, object).is_some()
        {
            return Err(format!("object id {id} is used twice"));
        }
        Ok(())
    }

    fn object(&mut self, tag: &BytesStart) -> Result<(), String> {
        let id = number(tag, "id", "an object id")?;
        if self.open.is_some() {
            return Err(format!("object {id} inside an object"));
        }
        self.quotas.objects.take(&mut self.too_large)?;
        let mut object = Object { name: attribute(tag, "name")?.unwrap_or_default(), ..Object::default() };
        if let Some(word) = attribute(tag, "type")? {
            object.object_type = ObjectType::of(&word)?;
        }
        // Slice extension 1.0.2, 3.2, and production extension 1.2, 4: the true shape is slices, or another object.
        for name in ["meshresolution", "modelresolution"] {
            if let Some(value) = attribute(tag, name)?.filter(|v| v != "fullres") {
                object.stand_in = Some(format!("{name}={}", excerpt(value.as_bytes())));
            }
        }
        self.open = Some((id, object));
        Ok(())
    }

    fn vertex(&mut self, tag: &BytesStart) -> Result<(), String> {
        let (Some((_, object)), Some(spaces)) = (&mut self.open, &self.namespaces) else { return Ok(()) };
        let p = attributes(
            tag,
            ["x", "y", "z"],
            |a| {
                let text = a.value.trim();
                match fast_float2::parse::<f32, _>(text) {
                    Ok(v) if v.is_finite() => Ok(v),
                    Ok(_) => Err(format!("the coordinate {} is not finite", excerpt(text.as_bytes()))),
                    Err(_) => Err(format!("expected a coordinate, found {}", excerpt(text.as_bytes()))),
                }
            },
            |name| spaces.attribute(name),
        )?;
        object.positions.push(p);
        self.quotas.vertices.take(&mut self.too_large)
    }

    fn triangle(&mut self, tag: &BytesStart) -> Result<(), String> {
        let (Some((_, object)), Some(spaces)) = (&mut self.open, &self.namespaces) else { return Ok(()) };
        let vertices = object.positions.len();
        let corners = attributes(
            tag,
            ["v1", "v2", "v3"],
            |a| match a.value.trim().parse::<u32>() {
                Ok(i) if (i as usize) < vertices => Ok(i),
                Ok(i) => Err(format!("vertex index {i} is out of range, the object has {vertices} vertices")),
                Err(_) => Err(format!("expected a vertex index, found {}", excerpt(a.value.as_bytes()))),
            },
            |name| spaces.attribute(name),
        )?;
        object.triangles.push(corners);
        self.quotas.triangles.take(&mut self.too_large)
    }

    fn component(&mut self, tag: &BytesStart) -> Result<(), String> {
        if let Some((_, object)) = &mut self.open {
            self.quotas.objects.take(&mut self.too_large)?;
            object.components.push(placed(tag)?);
        }
        Ok(())
    }

    /// Slic3r's `<slic3r:volume ts="0" te="11" modifier="0">`: the first triangle and the last.
    fn volume(&mut self, tag: &BytesStart) -> Result<(), String> {
        let Some((_, object)) = &mut self.open else { return Ok(()) };
        if let Some(modifier) = attribute(tag, "modifier")?
            && let Some(role) = role::of_word(&modifier)
        {
            self.quotas.objects.take(&mut self.too_large)?;
            let index = |name| number(tag, name, "a triangle index");
            object.volumes.push(Volume {
                first: index("ts")?,
                last: index("te")?,
                role,
                name: String::new(),
            });
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

fn placed(tag: &BytesStart) -> Result<Placed, String> {
    let part = attribute(tag, "path")?.map(|p| p.trim_start_matches('/').to_owned());
    let transform = attribute(tag, "transform")?.map_or(Ok(IDENTITY), |t| transform(&t))?;
    let printable = match attribute(tag, "printable")?.as_deref().map(str::trim) {
        None | Some("1" | "true") => true,
        Some("0" | "false") => false,
        Some(other) => {
            return Err(format!("printable is 0 or 1, found {}", excerpt(other.as_bytes())));
        }
    };
    Ok(Placed { part, object: number(tag, "objectid", "an object id")?, transform, printable })
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
