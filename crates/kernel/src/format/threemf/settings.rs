//! What slicers write beside the model about its parts: which of them are negative, modifiers or for supports.
//!
//! * `Metadata/model_settings.config` of Bambu Studio and OrcaSlicer: for an object that the build places, a `part` for
//!   each mesh among its components, by that mesh's object id.
//! * `Metadata/Slic3r_PE_model.config` of PrusaSlicer and its kin: for an object, a `volume` for each range of triangles.

use super::super::error::FormatError;
use super::super::notes::Notes;
use super::super::text::excerpt;
use super::package::Package;
use super::role::{self, Role, Volume};
use super::xml::{attribute, number};
use quick_xml::events::{BytesStart, Event};
use std::collections::HashMap;

const FILES: [&str; 2] = ["Metadata/model_settings.config", "Metadata/Slic3r_PE_model.config"];
const MAX_ENTRIES: usize = 1_000_000;
/// Words kept for notes, which are few.
const MAX_UNKNOWN: usize = 100;

/// A mesh among an object's components.
#[derive(Debug)]
pub(super) struct Part {
    /// Of the mesh, in the model part that has it.
    pub object: u32,
    /// None where the settings do not say: then its object's type does.
    pub role: Option<Role>,
    /// May be empty.
    pub name: String,
}

/// What the settings say about one object.
#[derive(Debug, Default)]
pub(super) struct ObjectSettings {
    parts: Vec<Part>,
    /// The first of the parts with this object.
    first: HashMap<u32, usize>,
    pub volumes: Vec<Volume>,
}

impl ObjectSettings {
    /// The part for the mesh `object`, which is the `nth` among the components: instances of one mesh have a part each.
    pub fn part(&self, nth: usize, object: u32) -> Option<&Part> {
        let own = self.parts.get(nth).filter(|p| p.object == object);
        own.or_else(|| self.first.get(&object).map(|&i| &self.parts[i]))
    }
}

/// By the object's id in the root model.
pub(super) type Settings = HashMap<u32, ObjectSettings>;

/// Reads the settings that `package` has.
pub(super) fn read(package: &mut Package, notes: &mut Notes) -> Result<Settings, FormatError> {
    let mut settings = Settings::default();
    for file in FILES {
        let Some(name) = package.find(file) else { continue };
        let mut reader = Reader { settings, object: None, open: None, entries: 0, unknown: Vec::new() };
        package.read(&name, |event, _| reader.visit(event))?;
        for (object, word) in reader.unknown {
            let word = excerpt(word.as_bytes());
            notes.add(format!(
                "{name} object {object}: {word} is unknown as the type of a part, so its object's counts"
            ));
        }
        settings = reader.settings;
    }
    Ok(settings)
}

enum Open {
    Part(Part),
    Volume(Volume),
}

struct Reader {
    settings: Settings,
    object: Option<u32>,
    open: Option<Open>,
    entries: usize,
    /// Words that name no role, with the object they are for.
    unknown: Vec<(u32, String)>,
}

impl Reader {
    fn visit(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::Empty(tag) => {
                self.start(tag)?;
                self.end(tag.local_name().as_ref());
                Ok(())
            }
            Event::End(tag) => {
                self.end(tag.local_name().as_ref());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn start(&mut self, tag: &BytesStart) -> Result<(), String> {
        let local = tag.local_name();
        match (local.as_ref(), self.object) {
            ("object", None) => self.object = Some(number(tag, "id", "an object id")?),
            ("part" | "volume", Some(object)) => {
                self.entries += 1;
                if self.entries > MAX_ENTRIES {
                    return Err(format!("more than {MAX_ENTRIES} parts"));
                }
                self.open = Some(self.entry(tag, local.as_ref(), object)?);
            }
            ("metadata", Some(object)) if self.open.is_some() => {
                let key = attribute(tag, "key")?.unwrap_or_default();
                let value = attribute(tag, "value")?.unwrap_or_default();
                self.metadata(&key, value, object);
            }
            _ => {}
        }
        Ok(())
    }

    fn entry(&mut self, tag: &BytesStart, local: &str, object: u32) -> Result<Open, String> {
        if local == "volume" {
            let index = |name| number(tag, name, "a triangle index");
            let (first, last) = (index("firstid")?, index("lastid")?);
            return Ok(Open::Volume(Volume { first, last, role: Role::Part, name: String::new() }));
        }
        let role = attribute(tag, "subtype")?.and_then(|word| self.role(word, object));
        Ok(Open::Part(Part { object: number(tag, "id", "an object id")?, role, name: String::new() }))
    }

    fn metadata(&mut self, key: &str, value: String, object: u32) {
        let says_role = match key {
            "volume_type" | "part_type" => true,
            // Before there were types: 1 for a modifier, else nothing.
            "modifier" => value == "1",
            _ => false,
        };
        let found = if says_role { self.role(value.clone(), object) } else { None };
        let (role, name) = match &mut self.open {
            Some(Open::Part(part)) => {
                part.role = found.or(part.role);
                return if key == "name" {
                    part.name = value
                };
            }
            Some(Open::Volume(volume)) => (&mut volume.role, &mut volume.name),
            None => return,
        };
        *role = found.unwrap_or(*role);
        if key == "name" {
            *name = value;
        }
    }

    fn role(&mut self, word: String, object: u32) -> Option<Role> {
        let role = role::of_word(&word);
        if role.is_none() && self.unknown.len() < MAX_UNKNOWN {
            self.unknown.push((object, word));
        }
        role
    }

    fn end(&mut self, local: &str) {
        match local {
            "part" | "volume" => {
                let Some(object) = self.object else { return };
                let settings = self.settings.entry(object).or_default();
                match self.open.take() {
                    Some(Open::Part(part)) => {
                        settings.first.entry(part.object).or_insert(settings.parts.len());
                        settings.parts.push(part);
                    }
                    Some(Open::Volume(volume)) => settings.volumes.push(volume),
                    None => {}
                }
            }
            "object" => self.object = None,
            _ => {}
        }
    }
}
