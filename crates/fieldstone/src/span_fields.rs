//! The fields of spans in a log of JSON.

use std::fmt;
use tracing::field::{Field, Visit};
use tracing::span;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FormatFields, FormattedFields};

/// Writes them as an object of JSON, in their order. Every request has a span, whether anything is logged in it or not, and the formatter
/// that tracing-subscriber has for this makes a tree of values first.
#[derive(Clone, Copy, Debug)]
pub struct SpanFields;

impl<'w> FormatFields<'w> for SpanFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        writer.write_char('{')?;
        put(&mut writer, fields, true)?;
        writer.write_char('}')
    }

    fn add_fields(&self, current: &'w mut FormattedFields<Self>, fields: &span::Record<'_>) -> fmt::Result {
        current.fields.pop();
        let is_first = current.fields.len() < 2;
        put(&mut current.as_writer(), fields, is_first)?;
        current.fields.push('}');
        Ok(())
    }
}

fn put(writer: &mut Writer<'_>, fields: impl RecordFields, is_first: bool) -> fmt::Result {
    let mut members = Members { writer, is_first, result: Ok(()) };
    fields.record(&mut members);
    members.result
}

/// Members of an object.
struct Members<'a, 'w> {
    writer: &'a mut Writer<'w>,
    is_first: bool,
    result: fmt::Result,
}

impl Members<'_, '_> {
    fn put(&mut self, field: &Field, value: impl fmt::Display) {
        let comma = if std::mem::take(&mut self.is_first) { "" } else { "," };
        let written = write!(self.writer, "{comma}\"{}\":{value}", field.name().trim_start_matches("r#"));
        self.result = self.result.and(written);
    }

    fn put_text(&mut self, field: &Field, text: &str) {
        // As a string of JSON, escaped where it must be.
        match text.bytes().all(|b| b >= 0x20 && b != b'"' && b != b'\\') {
            true => self.put(field, format_args!("\"{text}\"")),
            false => self.put(field, serde_json::Value::from(text)),
        }
    }
}

impl Visit for Members<'_, '_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put_text(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put_text(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::io;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::fmt::MakeWriter;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Lines {
        type Writer = Lines;

        fn make_writer(&'a self) -> Lines {
            self.clone()
        }
    }

    #[test]
    fn a_line_in_a_span_has_the_fields_of_the_span_whatever_is_in_them() {
        let lines = Lines::default();
        let log = tracing_subscriber::fmt().with_writer(lines.clone()).json().with_span_list(false);
        tracing::subscriber::with_default(log.fmt_fields(SpanFields).finish(), || {
            let (path, id) = ("/a\"\\\n\u{1}/ü", Some("5-1"));
            let span =
                tracing::info_span!("request", id, path, n = 7u64, ok = true, later = tracing::field::Empty);
            span.record("later", tracing::field::debug(Some(1.5)));
            span.in_scope(|| tracing::warn!("hm"));
            tracing::info_span!("bare").in_scope(|| tracing::warn!("hm"));
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let spans: Vec<Value> =
            text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["span"].clone()).collect();
        let full = json!({"name": "request", "id": "5-1", "path": "/a\"\\\n\u{1}/ü", "n": 7, "ok": true,
            "later": "Some(1.5)"});
        assert_eq!(spans, [full, json!({"name": "bare"})]);
    }
}
