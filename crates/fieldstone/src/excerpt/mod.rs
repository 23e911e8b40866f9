//! The lines of a document that an error is about, with carets under its places.

mod yaml;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::ops::Range;
use std::path::Path;

/// Characters of an operator or a line that are marked; the rest of it is long.
const MARKED: usize = 60;

/// An error that has places in a text, at least one.
pub struct Excerpt {
    message: String,
    spans: Vec<Range<usize>>,
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
    /// Where the lines of `message` point in `text`: by `line N column M` (JSON and YAML readers say so), by `operators[N]` and
    /// `edges[N]` of a shape graph, or by `jobs.NAME.KEY` of a workflow. `None` where it points nowhere.
    pub fn of(message: &str, text: &str) -> Option<Excerpt> {
        let place =
            |line: &str| by_line(line, text).or_else(|| by_part(line, text)).or_else(|| by_job(line, text));
        let mut spans = Vec::new();
        for span in message.lines().filter_map(place) {
            if !spans.contains(&span) {
                spans.push(span);
            }
        }
        (!spans.is_empty()).then(|| Excerpt { message: message.to_owned(), spans })
    }

    /// The message, then the lines of the document with the places marked.
    pub fn show(&self, file: &Path, text: &str) -> String {
        let path = file.display().to_string();
        let marks = self.spans.iter().map(|span| AnnotationKind::Primary.span(span.clone()));
        let snippet = Snippet::source(text).path(path.as_str()).annotations(marks);
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
    let start = offset(text, number(rest)?, number(column).unwrap_or(1))?;
    let length = text[start..].chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8);
    Some(start..start + length)
}

/// Bytes before a line and column, which count from 1 and in characters; the line's end where it is shorter.
fn offset(text: &str, line: usize, column: usize) -> Option<usize> {
    let before = text.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum::<usize>();
    let line = text.get(before..)?.lines().next()?;
    let within = line.char_indices().map(|(at, _)| at).nth(column.saturating_sub(1)).unwrap_or(line.len());
    Some(before + within)
}

/// The first line of what begins there, as much of it as is marked.
fn first_line(text: &str, start: usize) -> Range<usize> {
    let shown = text[start..].lines().next().unwrap_or_default();
    let length = shown.char_indices().nth(MARKED).map_or(shown.len(), |(at, _)| at);
    start..start + length
}

fn by_job(message: &str, text: &str) -> Option<Range<usize>> {
    let path = &message[message.find("jobs.")?..];
    // What is wrong follows a colon and a space, which no name of a job holds.
    let path = path.split_once(": ").map_or(path, |(path, _)| path);
    let (line, column) = yaml::place(text, path)?;
    Some(first_line(text, offset(text, line, column)?))
}

fn by_part(message: &str, text: &str) -> Option<Range<usize>> {
    let parts: Parts<'_> = serde_json::from_str(text).ok()?;
    let place = |name: &str, list: &[&RawValue]| {
        let rest = &message[message.find(&format!("{name}["))? + name.len() + 1..];
        let index: usize = rest.split(']').next()?.parse().ok()?;
        let part = list.get(index)?.get();
        // It is borrowed from the text: how far behind its start tells where it stands.
        let start = part.as_ptr() as usize - text.as_ptr() as usize;
        Some(start..first_line(text, start).end.min(start + part.len()))
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
        assert_eq!(&GRAPH[excerpt.spans[0].clone()], "{\"type\": \"CSG\"}");
        let shown = excerpt.show(Path::new("g.json"), GRAPH);
        assert!(shown.starts_with("operators[1] (CSG): parameter"), "{shown}");
        assert!(shown.contains("g.json:3:3") && shown.contains("^^^^^^^^^^^^^^^"), "{shown}");
        let edge = Excerpt::of("edges[0]: has no target", GRAPH).unwrap();
        assert_eq!(&GRAPH[edge.spans[0].clone()], "{\"source\": 0}");
        assert!(Excerpt::of("operators[7] (CSG): no", GRAPH).is_none());
        assert!(Excerpt::of("graph: has no result", GRAPH).is_none());
    }

    #[test]
    fn what_is_wrong_with_a_job_is_found_in_its_yaml() {
        let text = "jobs:\n  größe.x: {type: a/b}\n  größe:\n    type: implicit/from-mehs\n    parameters:\n      list: [1, {a: 2}]\n      \
                    resolution: 12\n";
        for (message, marked) in [
            ("jobs.größe.type: got \"implicit/from-mehs\"", "type: implicit/from-mehs"),
            ("jobs.größe.parameters.resolution: expected", "resolution: 12"),
            ("jobs.größe.assets.mesh: is missing", "größe:"),
            ("jobs.größe.x.type: unknown", "type: a/b}"),
            ("jobs.other: unknown", "jobs:"),
        ] {
            let excerpt = Excerpt::of(message, text).unwrap_or_else(|| panic!("{message}"));
            assert_eq!(&text[excerpt.spans[0].clone()], marked, "{message}");
        }
        let two = Excerpt::of("refused: jobs.größe.type: is odd\n  jobs.größe.x: too", text).unwrap();
        let shown = two.show(Path::new("w.yaml"), text);
        assert!(shown.contains("4 |     type: implicit") && shown.contains("2 |   größe.x: {"), "{shown}");
        assert!(Excerpt::of("assets.größe.mesh: no such input", text).is_none());
        assert!(Excerpt::of("jobs.größe: wrong", "no: [mapping").is_none());
    }

    #[test]
    fn a_line_and_column_are_found_also_behind_long_letters() {
        let text = "a: größe\nb: [1, ß\n";
        let excerpt = Excerpt::of("expected ] at line 2 column 8", text).unwrap();
        assert_eq!(&text[excerpt.spans[0].clone()], "ß");
        for outside in ["line 9 column 1", "line 0 column 1", "line"] {
            assert!(Excerpt::of(outside, text).is_none(), "{outside}");
        }
        assert!(Excerpt::of("line 2 column 99", text).is_some_and(|e| e.spans[0].is_empty()));
    }
}
