//! The order of the book: a SUMMARY.md as mdBook has it, links in lists, a step further in below their chapter, and headings of parts.

/// A chapter.
#[derive(Debug, PartialEq)]
pub struct Entry {
    /// The part that it stands in; empty in front of the first.
    pub part: String,
    /// What it is called.
    pub title: String,
    /// Its file, below `docs/`.
    pub path: String,
}

/// The chapters of a SUMMARY.md.
pub fn entries(summary: &str) -> Vec<Entry> {
    let mut part = String::new();
    let mut entries = Vec::new();
    for line in summary.lines().skip(1) {
        if let Some(title) = line.strip_prefix("# ") {
            title.clone_into(&mut part);
        }
        let link = line.trim_start().trim_start_matches("- ");
        if let Some((title, path)) = link.strip_prefix('[').and_then(|link| link.split_once("](")) {
            let path = path.trim_end().trim_end_matches(')');
            entries.push(Entry { part: part.clone(), title: title.to_owned(), path: path.to_owned() });
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chapters_are_read_with_their_parts() {
        let text = "# Summary\n\n[First](a.md)\n\n# Part two\n\n- [B](b.md)\n- [C](c/d.md)\n";
        let read: Vec<_> = entries(text).into_iter().map(|e| [e.part, e.title, e.path].join("|")).collect();
        assert_eq!(read, ["|First|a.md", "Part two|B|b.md", "Part two|C|c/d.md"]);
    }
}
