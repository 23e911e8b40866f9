//! What pages are called in the book, and where they are.

/// Where the book is.
pub const ROOT: &str = "/guide";

/// Pages that lie above `docs/`: their paths from there, their names in the book, their sources.
pub const ABOVE: &[(&str, &str, &str)] =
    &[("../SECURITY.md", "security", include_str!("../../../../SECURITY.md"))];

/// What a page is called in the book: its path without `.md`.
pub fn name_of(path: &str) -> String {
    match ABOVE.iter().find(|(above, _, _)| *above == path) {
        Some((_, name, _)) => (*name).to_owned(),
        None => path.strip_suffix(".md").unwrap_or(path).to_owned(),
    }
}

/// The address of a page or a file of the book.
pub fn address_of(path: &str) -> String {
    format!("{ROOT}/{}", name_of(path))
}
