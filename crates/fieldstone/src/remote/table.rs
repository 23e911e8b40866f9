//! What a command prints: the API's own documents as JSON, or columns of the same fields for people.

use serde::Serialize;
use serde_json::Value;

/// A column: its heading and the field of a document that it shows.
pub type Column = (&'static str, fn(&Value) -> String);

/// The list on stdout.
pub fn print_list(rows: &[Value], columns: &[Column], json: bool) {
    if json {
        print_json(rows);
    } else {
        print!("{}", table(rows, columns));
    }
}

/// A document, or several, on stdout as JSON.
pub fn print_json(value: &(impl Serialize + ?Sized)) {
    // What came as JSON can be written as it.
    println!("{}", serde_json::to_string_pretty(value).expect("documents have text keys"));
}

/// Columns as wide as their widest entry; nothing behind the last.
fn table(rows: &[Value], columns: &[Column]) -> String {
    let heading = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
    let cells = rows.iter().map(|row| columns.iter().map(|(_, cell)| plain(&cell(row))).collect());
    let lines: Vec<Vec<String>> = std::iter::once(heading).chain(cells).collect();
    let width = |i: usize| lines.iter().map(|line| line[i].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let row = |line: &Vec<String>| {
        let padded: Vec<String> = line.iter().zip(&widths).map(|(cell, &w)| format!("{cell:<w$}")).collect();
        padded.join("  ").trim_end().to_owned() + "\n"
    };
    lines.iter().map(row).collect()
}

/// The text of a field, a dash where it is null or absent.
pub fn field(document: &Value, name: &str) -> String {
    match &document[name] {
        Value::Null => "–".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Names are their makers': control characters would move a terminal's cursor.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn columns_are_as_wide_as_they_must_be() {
        let rows = [json!({"id": "7", "name": "größe"}), json!({"id": "1234", "name": null})];
        let columns: [Column; 2] = [("ID", |r| field(r, "id")), ("NAME", |r| field(r, "name"))];
        assert_eq!(table(&rows, &columns), "ID    NAME\n7     größe\n1234  –\n");
        let bad = [json!({"id": "\u{1b}[2J", "name": "a\nb"})];
        assert_eq!(table(&bad, &columns), "ID    NAME\n\u{fffd}[2J  a\u{fffd}b\n");
    }
}
