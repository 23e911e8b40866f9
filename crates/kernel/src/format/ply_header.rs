//! The PLY header: which elements, how many, made of what; checked against the bytes behind it.

use super::error::{FormatError, malformed};
use super::notes::Notes;
use super::text::excerpt;

const MAX_HEADER_BYTES: usize = 1 << 20;
const MAX_ELEMENTS: usize = 64;
const MAX_PROPERTIES: usize = 1024;

/// How the body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Ascii,
    LittleEndian,
    BigEndian,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    F32,
    F64,
}

impl Scalar {
    fn parse(word: &str) -> Option<Scalar> {
        Some(match word {
            "char" | "int8" => Scalar::I8,
            "uchar" | "uint8" => Scalar::U8,
            "short" | "int16" => Scalar::I16,
            "ushort" | "uint16" => Scalar::U16,
            "int" | "int32" => Scalar::I32,
            "uint" | "uint32" => Scalar::U32,
            "float" | "float32" => Scalar::F32,
            "double" | "float64" => Scalar::F64,
            _ => return None,
        })
    }

    pub fn size(self) -> usize {
        match self {
            Scalar::I8 | Scalar::U8 => 1,
            Scalar::I16 | Scalar::U16 => 2,
            Scalar::I32 | Scalar::U32 | Scalar::F32 => 4,
            Scalar::F64 => 8,
        }
    }

    fn is_float(self) -> bool {
        matches!(self, Scalar::F32 | Scalar::F64)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Property {
    pub name: String,
    pub item: Scalar,
    /// The type of the length in front, if this is a list.
    pub length: Option<Scalar>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Element {
    pub name: String,
    pub count: u64,
    pub properties: Vec<Property>,
    /// The header line that declares it.
    line: usize,
}

impl Element {
    /// Bytes of a row when no property is a list.
    pub fn stride(&self) -> Option<usize> {
        self.properties.iter().map(|p| p.length.is_none().then(|| p.item.size())).sum()
    }

    /// The index of the scalar property `name`.
    fn scalar(&self, name: &str) -> Option<usize> {
        self.properties.iter().position(|p| p.name == name && p.length.is_none())
    }

    fn least_row_bytes(&self, encoding: Encoding) -> u64 {
        match encoding {
            // A digit and a blank or line break.
            Encoding::Ascii => 2 * self.properties.len() as u64,
            _ => self.properties.iter().map(|p| p.length.unwrap_or(p.item).size() as u64).sum(),
        }
    }
}

/// An element whose rows make triangles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FaceElement {
    /// Which of the elements.
    pub element: usize,
    /// Which of its properties lists the corners.
    pub corners: usize,
    /// Whether a row is not a polygon but strips: each corner from the third on makes a triangle with the two before
    /// it, every other one turned round; a negative number begins a new strip.
    pub is_strips: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Header {
    pub encoding: Encoding,
    pub elements: Vec<Element>,
    /// Which element is `vertex`, and which of its properties are x, y, z.
    pub vertex: usize,
    pub xyz: [usize; 3],
    /// The elements that make triangles, in file order; at least one.
    pub faces: Vec<FaceElement>,
    /// Where the body begins.
    pub body: usize,
}

impl Header {
    pub fn vertex_count(&self) -> u64 {
        self.elements[self.vertex].count
    }

    /// What that element is among those that make triangles.
    pub fn face_element(&self, element: usize) -> Option<FaceElement> {
        self.faces.iter().copied().find(|f| f.element == element)
    }
}

/// Parses the header at the beginning of `bytes`, which may be a byte order mark.
pub(super) fn parse(bytes: &[u8], notes: &mut Notes) -> Result<Header, FormatError> {
    let start = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let mut lines = Lines { bytes, at: start, number: 0, has_line_feeds: false };
    let first = lines.next()?;
    if first != "ply" {
        return Err(lines.refuse(format!("expected \"ply\", found {}", excerpt(first.as_bytes()))));
    }
    let mut encoding = None;
    let mut elements: Vec<Element> = Vec::new();
    loop {
        let line = lines.next()?;
        let words: Vec<&str> = line.split_ascii_whitespace().take(6).collect();
        match words[..] {
            ["end_header"] => break,
            ["comment" | "obj_info", ..] | [] => {}
            ["format", kind, _] => encoding = Some(lines.encoding(kind)?),
            ["element", name, count] => elements.push(lines.element(name, count, elements.len())?),
            ["property", ref rest @ ..] => {
                let Some(element) = elements.last_mut() else {
                    return Err(lines.refuse("a property before the first element".to_owned()));
                };
                element.properties.push(lines.property(rest, line, element.properties.len())?);
            }
            ["format" | "element", ..] => {
                return Err(lines.refuse(format!("unexpected {}", excerpt(line.as_bytes()))));
            }
            // Old exporters write comments without the keyword.
            _ => notes.add(format!(
                "line {}: {} was taken for a comment",
                lines.number,
                excerpt(line.as_bytes())
            )),
        }
    }
    let encoding = encoding.ok_or_else(|| malformed("PLY", "header", "there is no format line"))?;
    let body = lines.at;
    check_room(&elements, encoding, (bytes.len() - body) as u64)?;
    roles(elements, encoding, body)
}

/// Refuses counts that the bytes behind the header cannot hold: nothing is allocated before this.
fn check_room(elements: &[Element], encoding: Encoding, present: u64) -> Result<(), FormatError> {
    let mut needed = 0u128;
    for e in elements {
        let row = e.least_row_bytes(encoding);
        needed += u128::from(e.count) * u128::from(row);
        // The last line of a text may lack its line break.
        if needed > u128::from(present) + u128::from(encoding == Encoding::Ascii) {
            let what = format!(
                "element {} promises {} rows of at least {row} bytes, the file has {present} bytes behind its header",
                e.name, e.count
            );
            return Err(malformed("PLY", format!("line {}", e.line), what));
        }
    }
    Ok(())
}

fn roles(elements: Vec<Element>, encoding: Encoding, body: usize) -> Result<Header, FormatError> {
    let lacks = |e: &Element, what: &str| {
        malformed("PLY", format!("line {}", e.line), format!("element {} has no {what}", e.name))
    };
    let missing = |name: &str| {
        let names: Vec<_> = elements.iter().map(|e| e.name.as_str()).collect();
        malformed("PLY", "header", format!("there is no element {name:?}, only [{}]", names.join(", ")))
    };
    let find = |name: &str| elements.iter().position(|e| e.name == name);
    let vertex = find("vertex").ok_or_else(|| missing("vertex"))?;
    let axis = |name| {
        elements[vertex].scalar(name).ok_or_else(|| lacks(&elements[vertex], &format!("property {name}")))
    };
    let xyz = [axis("x")?, axis("y")?, axis("z")?];
    let is_corners = |p: &Property| {
        p.length.is_some() && !p.item.is_float() && matches!(&*p.name, "vertex_indices" | "vertex_index")
    };
    let mut faces = Vec::new();
    for (name, is_strips) in [("face", false), ("tristrips", true)] {
        let Some(element) = find(name) else { continue };
        let corners = elements[element].properties.iter().position(is_corners);
        let corners = corners.ok_or_else(|| lacks(&elements[element], "integer list vertex_indices"))?;
        faces.push(FaceElement { element, corners, is_strips });
    }
    faces.sort_unstable_by_key(|f| f.element);
    if faces.is_empty() {
        return Err(missing("face"));
    }
    Ok(Header { encoding, elements, vertex, xyz, faces, body })
}

/// The lines of a header, which end in line feeds, carriage returns or both.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    number: usize,
    /// Whether a line before this one ended in a line feed. Else a line feed behind a carriage return, even behind
    /// `end_header`, could be the body's first byte.
    has_line_feeds: bool,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Result<&'a str, FormatError> {
        let rest = &self.bytes[self.at..self.bytes.len().min(MAX_HEADER_BYTES).max(self.at)];
        let Some(n) = memchr::memchr2(b'\n', b'\r', rest) else {
            let what = match (self.number, self.bytes.len() > MAX_HEADER_BYTES) {
                (0, _) => format!("expected \"ply\", found {}", excerpt(&rest[..rest.len().min(20)])),
                (_, true) => format!("the header is longer than {MAX_HEADER_BYTES} bytes"),
                (_, false) => "the file ends inside the header".to_owned(),
            };
            return Err(malformed("PLY", format!("line {}", self.number + 1), what));
        };
        let is_pair = rest[n] == b'\r' && rest.get(n + 1) == Some(&b'\n');
        let takes_pair = is_pair && (self.number == 0 || self.has_line_feeds);
        self.has_line_feeds |= rest[n] == b'\n' || takes_pair;
        self.at += n + 1 + usize::from(takes_pair);
        self.number += 1;
        std::str::from_utf8(rest[..n].trim_ascii()).or_else(|_| {
            // Comments may hold any encoding, the rest is ASCII.
            let is_ours = |word: &[u8]| rest.trim_ascii_start().starts_with(word);
            match [&b"format"[..], b"element", b"property"].into_iter().any(is_ours) {
                true => Err(self.refuse(format!("unexpected {}", excerpt(&rest[..n])))),
                false => Ok("comment"),
            }
        })
    }

    fn refuse(&self, what: String) -> FormatError {
        malformed("PLY", format!("line {}", self.number), what)
    }

    fn encoding(&self, word: &str) -> Result<Encoding, FormatError> {
        match word {
            "ascii" => Ok(Encoding::Ascii),
            "binary_little_endian" => Ok(Encoding::LittleEndian),
            "binary_big_endian" => Ok(Encoding::BigEndian),
            _ => Err(self.refuse(format!("unknown format {}", excerpt(word.as_bytes())))),
        }
    }

    fn element(&self, name: &str, count: &str, before: usize) -> Result<Element, FormatError> {
        let bad = || self.refuse(format!("element count {} is no whole number", excerpt(count.as_bytes())));
        if before == MAX_ELEMENTS {
            return Err(self.refuse(format!("more than {MAX_ELEMENTS} elements")));
        }
        let count = count.parse::<u64>().map_err(|_| bad())?;
        Ok(Element { name: name.to_owned(), count, properties: Vec::new(), line: self.number })
    }

    fn property(&self, words: &[&str], line: &str, before: usize) -> Result<Property, FormatError> {
        let bad = || self.refuse(format!("not a property: {}", excerpt(line.as_bytes())));
        if before == MAX_PROPERTIES {
            return Err(self.refuse(format!("more than {MAX_PROPERTIES} properties")));
        }
        let scalar = |word: &str| Scalar::parse(word).ok_or_else(bad);
        match *words {
            ["list", length, item, name] => {
                let length = scalar(length)?;
                if length.is_float() {
                    return Err(bad());
                }
                Ok(Property { name: name.to_owned(), item: scalar(item)?, length: Some(length) })
            }
            [item, name] => Ok(Property { name: name.to_owned(), item: scalar(item)?, length: None }),
            _ => Err(bad()),
        }
    }
}
