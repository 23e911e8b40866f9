//! The package of a 3MF file: its parts by name, unpacked as a stream under a limit.
//!
//! A part is never held whole. [`Part`] counts what it unpacks, so that a small file that unpacks to
//! terabytes stops at the limit, and refuses a single piece of XML above [`MAX_PIECE_BYTES`], so that a tag or a
//! text that never ends is not collected in memory.

use super::super::error::{FormatError, MeshLimits, malformed};
use super::xml::attribute;
use crate::monitor::{Cancelled, Monitor};
use encoding_rs::Encoding;
use encoding_rs_io::DecodeReaderBytesBuilder;
use percent_encoding::percent_decode_str;
use quick_xml::Reader;
use quick_xml::events::Event;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Cursor, Read};
use zip::ZipArchive;

const MAX_PIECE_BYTES: u64 = 1 << 20;
const MAX_DEPTH: usize = 64;
const RELATIONSHIPS: &str = "_rels/.rels";
const WELL_KNOWN_MODEL: &str = "3D/3dmodel.model";

/// The zip, and how many bytes may still be unpacked.
pub(super) struct Package<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    /// Where in the zip the part lies whose [`canonical`] name this is.
    parts: HashMap<String, usize>,
    limit: u64,
    left: u64,
    monitor: &'a Monitor,
}

impl<'a> Package<'a> {
    pub fn open(bytes: &'a [u8], limits: &MeshLimits, monitor: &'a Monitor) -> Result<Self, FormatError> {
        let zip = ZipArchive::new(Cursor::new(bytes))
            .map_err(|e| malformed("3MF", "package", format!("not a readable zip: {e}")))?;
        let limit = limits.max_unpacked_bytes;
        let mut parts = HashMap::with_capacity(zip.len());
        for i in 0..zip.len() {
            if let Some(Ok(name)) = zip.name_for_index(i) {
                parts.entry(canonical(&name)).or_insert(i);
            }
        }
        Ok(Package { zip, parts, limit, left: limit, monitor })
    }

    /// The name of the root model: what `_rels/.rels` says, or else the name that everybody uses.
    pub fn root_model(&mut self) -> Result<String, FormatError> {
        let mut target = None;
        if self.position(RELATIONSHIPS).is_some() {
            self.read(RELATIONSHIPS, |event, _| {
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
        let named = target.and_then(|t| self.find(&t));
        named.or_else(|| self.find(WELL_KNOWN_MODEL)).ok_or_else(|| {
            let what = format!("there is no model part, neither by {RELATIONSHIPS} nor {WELL_KNOWN_MODEL}");
            malformed("3MF", "package", what)
        })
    }

    /// The name in the zip of the part that `name` means, however it is spelled.
    pub fn find(&self, name: &str) -> Option<String> {
        Some(self.zip.name_for_index(self.position(name)?)?.ok()?.into_owned())
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.zip.index_for_name(name).or_else(|| self.parts.get(&canonical(name)).copied())
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
        let source = utf8(file).map_err(|e| malformed("3MF", format!("{name} line 1"), e.to_string()))?;
        let source = BufReader::with_capacity(1 << 16, source);
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

/// `name` as all spellings of a part's name have it: no slash before it, slashes forward, nothing percent-encoded, no
/// empty, `.` or `..` segments, lower case (OPC, ISO/IEC 29500-2, 6.2.2 and 6.3).
fn canonical(name: &str) -> String {
    let decoded = percent_decode_str(name).decode_utf8_lossy().replace('\\', "/").to_ascii_lowercase();
    let mut segments = Vec::new();
    for segment in decoded.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(other),
        }
    }
    segments.join("/")
}

/// `source` in UTF-8: parts may be UTF-16, too (OPC, ISO/IEC 29500-2, 6.1.4), which a byte-order mark or the zero byte
/// beside the first `<` tells.
fn utf8(mut source: impl Read) -> std::io::Result<impl Read> {
    let mut start = Vec::with_capacity(4);
    source.by_ref().take(4).read_to_end(&mut start)?;
    let encoding: Option<&Encoding> = match *start {
        [b'<', 0, ..] => Some(encoding_rs::UTF_16LE),
        [0, b'<', ..] => Some(encoding_rs::UTF_16BE),
        _ => None,
    };
    let whole = Cursor::new(start).chain(source);
    Ok(DecodeReaderBytesBuilder::new().encoding(encoding).utf8_passthru(true).build(whole))
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
