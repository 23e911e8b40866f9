//! The package of a 3MF file: its parts by name, unpacked as a stream under a limit.
//!
//! A part is never held whole. [`Part`] counts what it unpacks, so that a small file that unpacks to
//! terabytes stops at the limit, and refuses a single piece of XML above [`MAX_PIECE_BYTES`], so that a tag or a
//! text that never ends is not collected in memory.

use super::{FormatError, MeshLimits, malformed};
use crate::monitor::{Cancelled, Monitor};
use quick_xml::Reader;
use quick_xml::events::Event;
use std::io::{BufRead, BufReader, Cursor, Read};
use zip::ZipArchive;

const MAX_PIECE_BYTES: u64 = 1 << 20;
const MAX_DEPTH: usize = 64;
const WELL_KNOWN_MODEL: &str = "3D/3dmodel.model";

/// The zip, and how many bytes may still be unpacked.
pub(super) struct Package<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    limit: u64,
    left: u64,
    monitor: &'a Monitor,
}

impl<'a> Package<'a> {
    pub fn open(bytes: &'a [u8], limits: &MeshLimits, monitor: &'a Monitor) -> Result<Self, FormatError> {
        let zip = ZipArchive::new(Cursor::new(bytes))
            .map_err(|e| malformed("3MF", "package", format!("not a readable zip: {e}")))?;
        let limit = limits.max_unpacked_bytes;
        Ok(Package { zip, limit, left: limit, monitor })
    }

    /// The name of the root model: what `_rels/.rels` says, or else the name that everybody uses.
    pub fn root_model(&mut self) -> Result<String, FormatError> {
        let mut target = None;
        if self.position("_rels/.rels").is_some() {
            self.read("_rels/.rels", |event, _| {
                if let Event::Start(tag) | Event::Empty(tag) = event {
                    let value = |name| attribute(tag, name);
                    if tag.local_name().as_ref() == "Relationship"
                        && value("Type")?.is_some_and(|t| t.ends_with("/3dmodel"))
                    {
                        target = target.take().or(value("Target")?);
                    }
                }
                Ok(())
            })?;
        }
        let found =
            target.map(|t| t.trim_start_matches('/').to_owned()).filter(|t| self.position(t).is_some());
        found.or_else(|| self.position(WELL_KNOWN_MODEL).map(|_| WELL_KNOWN_MODEL.to_owned())).ok_or_else(
            || {
                malformed(
                    "3MF",
                    "package",
                    format!("there is no model part, neither by _rels/.rels nor {WELL_KNOWN_MODEL}"),
                )
            },
        )
    }

    /// Part names differ in more than case (OPC, ISO/IEC 29500-2, 6.2.2).
    fn position(&self, name: &str) -> Option<usize> {
        self.zip.index_for_name(name).or_else(|| {
            (0..self.zip.len())
                .find(|&i| matches!(self.zip.name_for_index(i), Some(Ok(n)) if n.eq_ignore_ascii_case(name)))
        })
    }

    /// Streams the XML part `name` to `visit`, which also gets the depth of the element (the root's is 1).
    pub fn read(
        &mut self,
        name: &str,
        mut visit: impl FnMut(&Event, usize) -> Result<(), String>,
    ) -> Result<(), FormatError> {
        let index = self
            .position(name)
            .ok_or_else(|| malformed("3MF", "package", format!("there is no part {name:?}")))?;
        let too_large = |limit: u64| FormatError::TooLarge {
            what: format!("at least {} unpacked bytes in {name}", limit.saturating_add(1)),
            limit,
        };
        let file = self.zip.by_index(index).map_err(|e| malformed("3MF", name, e.to_string()))?;
        if file.size() > self.left {
            let what = format!("{} unpacked bytes in {name}", file.size());
            return Err(FormatError::TooLarge { what, limit: self.limit });
        }
        let source = BufReader::with_capacity(1 << 16, file);
        let part = Part { source, left: self.left, piece: 0, line: 1, stop: None, monitor: self.monitor };
        let mut xml = Reader::from_reader(part);
        let mut buffer = Vec::new();
        let mut depth = 0;
        let done = loop {
            buffer.clear();
            xml.get_mut().piece = 0;
            let event = match xml.read_event_into(&mut buffer) {
                Ok(event) => event,
                Err(e) => break Err(e.to_string().trim_start_matches("I/O error: ").to_owned()),
            };
            match &event {
                Event::Start(_) if depth == MAX_DEPTH => {
                    break Err(format!("more than {MAX_DEPTH} nested elements"));
                }
                Event::Start(_) => depth += 1,
                Event::DocType(_) => break Err("a document type declaration, which 3MF forbids".to_owned()),
                Event::Eof if depth > 0 => break Err("the part ends inside an element".to_owned()),
                Event::Eof => break Ok(()),
                _ => {}
            }
            if let Err(what) = visit(&event, depth + usize::from(matches!(event, Event::Empty(_)))) {
                break Err(what);
            }
            depth -= usize::from(matches!(event, Event::End(_)));
        };
        let part = xml.into_inner();
        self.left = part.left;
        match (part.stop, done) {
            (Some(Stop::Cancelled(c)), _) => Err(c.into()),
            (Some(Stop::TooLarge), _) => Err(too_large(self.limit)),
            (None, Err(what)) => Err(malformed("3MF", format!("{name} line {}", part.line), what)),
            (None, Ok(())) => Ok(()),
        }
    }
}

/// The value of the attribute `name` (any prefix), if `tag` has it.
pub(super) fn attribute(tag: &quick_xml::events::BytesStart, name: &str) -> Result<Option<String>, String> {
    for a in tag.attributes().with_checks(false) {
        let a = a.map_err(|e| e.to_string())?;
        if a.key.local_name().as_ref() == name {
            return a
                .normalized_value(quick_xml::XmlVersion::Implicit1_0)
                .map(|v| Some(v.into_owned()))
                .map_err(|e| e.to_string());
        }
    }
    Ok(None)
}

enum Stop {
    Cancelled(Cancelled),
    TooLarge,
}

/// A part that is being unpacked: lines are counted for errors, bytes for limits.
struct Part<'a, R> {
    source: BufReader<R>,
    /// Bytes of the package that may still be unpacked.
    left: u64,
    /// Bytes since the last complete piece of XML.
    piece: u64,
    line: usize,
    /// Why reading stopped; an `io::Error` cannot carry it through the XML reader.
    stop: Option<Stop>,
    monitor: &'a Monitor,
}

impl<R: Read> Read for Part<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let n = self.fill_buf()?.read(out)?;
        self.consume(n);
        Ok(n)
    }
}

impl<R: Read> BufRead for Part<'_, R> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if self.source.buffer().is_empty()
            && let Err(c) = self.monitor.check()
        {
            self.stop = Some(Stop::Cancelled(c));
            return Err(std::io::Error::other("canceled"));
        }
        if self.piece > MAX_PIECE_BYTES {
            let what = format!("a tag, text or comment of more than {MAX_PIECE_BYTES} bytes");
            return Err(std::io::Error::other(what));
        }
        let buffer = self.source.fill_buf()?;
        if self.left == 0 && !buffer.is_empty() {
            self.stop = Some(Stop::TooLarge);
            return Err(std::io::Error::other("limit reached"));
        }
        Ok(&buffer[..buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX))])
    }

    fn consume(&mut self, n: usize) {
        self.line += memchr::memchr_iter(b'\n', &self.source.buffer()[..n]).count();
        self.left -= n as u64;
        self.piece += n as u64;
        self.source.consume(n);
    }
}
