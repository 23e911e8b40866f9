//! The namespaces of a model part: which names are the core specification's, and which extensions the part uses.

use super::super::text::excerpt;
use super::xml::{attribute, value};
use quick_xml::events::BytesStart;

/// Extensions that add data beside the mesh but leave its meaning alone: production, materials, slices, triangle sets;
/// and Slic3r's ranges of triangles, which are read here.
const KNOWN: [&str; 5] = [
    "http://schemas.microsoft.com/3dmanufacturing/production/2015/",
    "http://schemas.microsoft.com/3dmanufacturing/material/",
    "http://schemas.microsoft.com/3dmanufacturing/slice/",
    "http://schemas.microsoft.com/3dmanufacturing/trianglesets/",
    "http://schemas.slic3r.org/3mf/",
];
const MAX_IGNORED: usize = 64;

/// An element's name without its prefix.
#[derive(Debug, PartialEq)]
pub(super) enum Name<'a> {
    Core(&'a str),
    Other(&'a str),
}

#[derive(Debug)]
struct Declared {
    /// Of the element that declares it.
    depth: usize,
    /// Empty for the default namespace.
    prefix: String,
    uri: String,
}

/// What is declared where the reader is, and what was met so far.
#[derive(Debug)]
pub(super) struct Namespaces {
    /// The namespace of the root element, whatever its address: that of the core specification.
    core: String,
    /// What names of the core namespace begin with, for example `m:`; usually nothing.
    own: String,
    /// The root's first, the innermost last.
    declared: Vec<Declared>,
    at_root: usize,
    /// Prefixes and addresses of the extensions that the part requires and that are not known here.
    required: Vec<(String, String)>,
    /// Unknown namespaces of elements, in the order they were met.
    pub ignored: Vec<String>,
}

impl Namespaces {
    /// Reads the root element, which must be a `model`.
    pub fn of_root(tag: &BytesStart) -> Result<Namespaces, String> {
        let name = tag.name();
        let name = name.as_ref();
        let Some(own) = name.strip_suffix("model").filter(|p| p.is_empty() || p.ends_with(':')) else {
            return Err(format!("expected the element \"model\", found {}", excerpt(name.as_bytes())));
        };
        let mut spaces = Namespaces {
            core: String::new(),
            own: own.to_owned(),
            declared: Vec::new(),
            at_root: 0,
            required: Vec::new(),
            ignored: Vec::new(),
        };
        spaces.declare(tag, 1)?;
        spaces.at_root = spaces.declared.len();
        spaces.core = spaces.address(own.trim_end_matches(':')).to_owned();
        for prefix in attribute(tag, "requiredextensions")?.unwrap_or_default().split_ascii_whitespace() {
            let uri = spaces.address(prefix).to_owned();
            if !spaces.is_known(&uri) {
                spaces.required.push((prefix.to_owned(), uri));
            }
        }
        Ok(spaces)
    }

    /// Takes the element `tag`, which lies `depth` deep: what it declares holds until the next of that depth.
    ///
    /// # Errors
    /// The element or one of its attributes belongs to an extension that is required and not known.
    pub fn enter<'a>(&mut self, tag: &'a BytesStart, depth: usize) -> Result<Name<'a>, String> {
        while self.declared.len() > self.at_root && self.declared.last().is_some_and(|d| d.depth >= depth) {
            self.declared.pop();
        }
        let name = tag.name().into_inner();
        let local = name.strip_prefix(&*self.own);
        if self.declared.len() == self.at_root
            && let Some(local @ ("vertex" | "triangle")) = local
        {
            return Ok(Name::Core(local));
        }
        if tag.attributes_raw().contains("xmlns") {
            self.declare(tag, depth)?;
        }
        if !self.required.is_empty() {
            for a in tag.attributes().with_checks(false) {
                self.attribute(a.map_err(|e| e.to_string())?.key.as_ref())?;
            }
        }
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        let uri = self.address(prefix);
        if uri == self.core {
            return Ok(Name::Core(local));
        }
        if !self.is_known(uri) {
            self.refuse_required(uri, name)?;
            if self.ignored.len() < MAX_IGNORED && !self.ignored.iter().any(|i| i == uri) {
                self.ignored.push(uri.to_owned());
            }
        }
        Ok(Name::Other(local))
    }

    /// Refuses the attribute `name` if it belongs to an extension that is required and not known.
    pub fn attribute(&self, name: &str) -> Result<(), String> {
        match name.split_once(':') {
            Some((prefix, _)) if prefix != "xmlns" && !self.required.is_empty() => {
                self.refuse_required(self.address(prefix), name)
            }
            _ => Ok(()),
        }
    }

    fn refuse_required(&self, uri: &str, name: &str) -> Result<(), String> {
        match self.required.iter().find(|r| r.1 == uri) {
            Some((prefix, uri)) => Err(format!(
                "the file requires the extension {prefix} ({uri}), which is not read here, for {}",
                excerpt(name.as_bytes())
            )),
            None => Ok(()),
        }
    }

    fn declare(&mut self, tag: &BytesStart, depth: usize) -> Result<(), String> {
        for a in tag.attributes().with_checks(false) {
            let a = a.map_err(|e| e.to_string())?;
            let key = a.key.as_ref();
            let prefix = if key == "xmlns" { Some("") } else { key.strip_prefix("xmlns:") };
            if let Some(prefix) = prefix {
                self.declared.push(Declared { depth, prefix: prefix.to_owned(), uri: value(&a)? });
            }
        }
        Ok(())
    }

    /// What `prefix` stands for; itself if nothing declares it.
    fn address<'a>(&'a self, prefix: &'a str) -> &'a str {
        let declared = self.declared.iter().rev().find(|d| d.prefix == prefix);
        declared.map_or(prefix, |d| &d.uri)
    }

    fn is_known(&self, uri: &str) -> bool {
        uri == self.core || KNOWN.iter().any(|known| uri.starts_with(known))
    }
}
