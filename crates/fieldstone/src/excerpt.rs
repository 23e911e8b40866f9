//! The lines of a document that an error is about, with a caret under the place.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::ops::Range;
use std::path::Path;

/// Characters of an operator that are marked; the rest of it is long.
const MARKED: usize = 60;

/// An error that has a place in a text.
pub struct Excerpt {
    message: String,
    span: Range<usize>,
}

/// The parts of a shape graph that errors name, as they stand in its text.
#[derive(Deserialize)]
struct Parts<'a> {
    #[serde(borrow, default)]
    operators: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    edges: Vec<&'a RawValue>,
}

impl Excerpt {
    /// Where `message` points in `text`: by `line N column M` (JSON and YAML readers say so), or by `operators[N]` and
    /// `edges[N]` of a shape graph. `None` where it points nowhere.
    pub fn of(message: &str, text: &str) -> Option<Excerpt> {
        let span = by_line(message, text).or_else(|| by_part(message, text))?;
        Some(Excerpt { message: message.to_owned(), span })
    }

    /// The message, then the lines with the place marked.
    pub fn show(&self, file: &Path, text: &str) -> String {
        let path = file.display().to_string();
        let mark = AnnotationKind::Primary.span(self.span.clone());
        let snippet = Snippet::source(text).path(path.as_str()).annotation(mark);
        let report = [Level::ERROR.primary_title(self.message.as_str()).element(snippet)];
        let shown = Renderer::plain().render(&report);
        shown.strip_prefix("error: ").unwrap_or(&shown).to_owned()
    }
}

fn by_line(message: &str, text: &str) -> Option<Range<usize>> {
    let number =
        |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<usize>().ok();
    let rest = &message[message.find("line ")? + "line ".len()..];
    let column = rest.find("column ").map_or("1", |at| &rest[at + "column ".len()..]);
    let (line, column) = (number(rest)?, number(column).unwrap_or(1));
    let before = text.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum::<usize>();
    let line = text.get(before..)?.lines().next()?;
    let within = line.char_indices().map(|(at, _)| at).nth(column.saturating_sub(1)).unwrap_or(line.len());
    let start = before + within;
    let length = text[start..].chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8);
    Some(start..start + length)
}

fn by_part(message: &str, text: &str) -> Option<Range<usize>> {
    let parts: Parts<'_> = serde_json::from_str(text).ok()?;
    let place = |name: &str, list: &[&RawValue]| {
        let rest = &message[message.find(&format!("{name}["))? + name.len() + 1..];
        let index: usize = rest.split(']').next()?.parse().ok()?;
        let part = list.get(index)?.get();
        // It is borrowed from the text: how far behind its start tells where it stands.
        let start = part.as_ptr() as usize - text.as_ptr() as usize;
        let shown = part.lines().next().unwrap_or_default();
        let length = shown.char_indices().nth(MARKED).map_or(shown.len(), |(at, _)| at);
        Some(start..start + length)
    };
    place("operators", &parts.operators).or_else(|| place("edges", &parts.edges))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRAPH: &str = "{\"operators\": [\n  {\"type\": \"Redistance\"},\n  {\"type\": \"CSG\"}],\n \"edges\": [{\"source\": 0}]}";

    #[test]
    fn an_operator_is_found_in_its_text() {
        let excerpt = Excerpt::of("operators[1] (CSG): parameter \"operation\"", GRAPH).unwrap();
        assert_eq!(&GRAPH[excerpt.span.clone()], "{\"type\": \"CSG\"}");
        let shown = excerpt.show(Path::new("g.json"), GRAPH);
        assert!(shown.starts_with("operators[1] (CSG): parameter"), "{shown}");
        assert!(shown.contains("g.json:3:3") && shown.contains("^^^^^^^^^^^^^^^"), "{shown}");
        let edge = Excerpt::of("edges[0]: has no target", GRAPH).unwrap();
        assert_eq!(&GRAPH[edge.span], "{\"source\": 0}");
        assert!(Excerpt::of("operators[7] (CSG): no", GRAPH).is_none());
        assert!(Excerpt::of("graph: has no result", GRAPH).is_none());
    }

    #[test]
    fn a_line_and_column_are_found_also_behind_long_letters() {
        let text = "a: größe\nb: [1, ß\n";
        let excerpt = Excerpt::of("expected ] at line 2 column 8", text).unwrap();
        assert_eq!(&text[excerpt.span], "ß");
        for outside in ["line 9 column 1", "line 0 column 1", "line"] {
            assert!(Excerpt::of(outside, text).is_none(), "{outside}");
        }
        assert!(Excerpt::of("line 2 column 99", text).is_some_and(|e| e.span.is_empty()));
    }
}
