//! The book at `/guide`: `docs/` of the project, in the order of its SUMMARY.md, as pages. The binary holds the sources; they become pages
//! when the first one is asked for, so that there is nothing that could be stale.

mod markdown;
mod place;
mod shell;
mod summary;

use markdown::Text;
pub use place::ROOT;
use place::{ABOVE, address_of, name_of};
use rust_embed::RustEmbed;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;
use summary::{Entry, entries};

/// The sources, as they lie in the project.
#[derive(RustEmbed)]
#[folder = "../../docs"]
struct Sources;

static BOOK: LazyLock<Book> = LazyLock::new(Book::read);

/// All pages, whole.
pub struct Book {
    /// By their names, without `/guide/`; the first chapter is the empty name, too.
    pages: HashMap<String, String>,
    /// What the search looks through: a JSON list of sections.
    search: String,
}

/// The page of this name.
pub fn page(name: &str) -> Option<&'static str> {
    BOOK.pages.get(name).map(String::as_str)
}

/// What the search looks through.
pub fn search() -> &'static str {
    &BOOK.search
}

/// A picture or an example of the book.
pub fn file(name: &str) -> Option<Cow<'static, [u8]>> {
    if name.ends_with(".md") { None } else { Sources::get(name).map(|file| file.data) }
}

impl Book {
    fn read() -> Book {
        let chapters = entries(&source("SUMMARY.md").unwrap_or_default());
        let texts: Vec<(&Entry, Text)> = chapters
            .iter()
            .filter_map(|chapter| Some((chapter, Text::of(&source(&chapter.path)?, &chapter.path))))
            .collect();
        let search = texts.iter().flat_map(|(chapter, text)| sections(chapter, text)).collect::<Value>();
        let mut pages: HashMap<String, String> = HashMap::new();
        for (i, (chapter, text)) in texts.iter().enumerate() {
            let page = shell::page(&chapters, chapter, &text.html, i);
            pages.insert(name_of(&chapter.path), page.clone());
            if i == 0 {
                pages.insert(String::new(), page);
            }
        }
        Book { pages, search: search.to_string() }
    }
}

/// What the search knows of a chapter: each of its sections with its address and its words.
fn sections<'a>(chapter: &'a Entry, text: &'a Text) -> impl Iterator<Item = Value> + 'a {
    text.sections.iter().map(move |section| {
        let anchor = if section.id.is_empty() { String::new() } else { format!("#{}", section.id) };
        let address = address_of(&chapter.path) + &anchor;
        json!({"page": chapter.title, "title": section.title, "url": address, "text": section.text})
    })
}

/// The text of a page by its path below `docs/`.
fn source(path: &str) -> Option<String> {
    match ABOVE.iter().find(|(above, _, _)| *above == path) {
        Some((_, _, text)) => Some((*text).to_owned()),
        None => Some(String::from_utf8_lossy(&Sources::get(path)?.data).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The values of an attribute in a page.
    fn values<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
        let mark = format!(" {attribute}=\"");
        html.split(&mark).skip(1).filter_map(|rest| rest.split('"').next()).collect()
    }

    #[test]
    fn every_link_and_picture_of_the_book_leads_somewhere() {
        let is_route =
            |path: &str| ["/", "/docs", "/guide", "/guide/guide.css", "/guide/guide.js"].contains(&path);
        for (name, html) in &BOOK.pages {
            for target in values(html, "href").into_iter().chain(values(html, "src")) {
                if target.starts_with("https://") || is_route(target) {
                    continue;
                }
                let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
                let inside = path.strip_prefix("/guide/");
                let aim = match inside {
                    None if path.is_empty() => Some(html.as_str()),
                    None => panic!("{name}: {target} leads out of the book"),
                    Some(path) if file(path).is_some() => continue,
                    Some(path) => BOOK.pages.get(path).map(String::as_str),
                };
                let aim = aim.unwrap_or_else(|| panic!("{name}: {target} leads nowhere"));
                assert!(
                    anchor.is_empty() || values(aim, "id").contains(&anchor),
                    "{name}: no {anchor} in {path}"
                );
            }
        }
    }

    #[test]
    fn the_summary_lists_every_page_once_and_none_that_is_not_there() {
        let listed: Vec<String> =
            entries(&source("SUMMARY.md").unwrap()).into_iter().map(|entry| entry.path).collect();
        let once: BTreeSet<&String> = listed.iter().collect();
        assert_eq!(once.len(), listed.len());
        let there: BTreeSet<String> = Sources::iter()
            .map(Cow::into_owned)
            .chain(ABOVE.iter().map(|(path, _, _)| (*path).to_owned()))
            .filter(|path| path.ends_with(".md") && path != "SUMMARY.md")
            .collect();
        assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), there);
    }

    #[test]
    fn pages_keep_to_the_policy_and_have_one_title_each() {
        for (name, html) in &BOOK.pages {
            for inline in [" style=\"", "<style", " onclick=", "javascript:"] {
                assert!(!html.contains(inline), "{name}: {inline}");
            }
            assert_eq!(
                html.matches("<script").count(),
                html.matches("<script src=\"/guide/guide.js\"").count()
            );
            assert_eq!(html.matches("<h1").count(), 1, "{name}");
            let mut ids = values(html, "id");
            let all = ids.len();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), all, "{name}: an id twice");
        }
    }

    #[test]
    fn the_search_finds_what_a_page_says() {
        let sections: Vec<Value> = serde_json::from_str(search()).unwrap();
        let gyroid = |s: &Value| s["text"].as_str().unwrap().contains("Gyroid");
        assert!(sections.iter().any(|s| s["page"] == "Operators" && gyroid(s)));
        assert!(sections.iter().all(|s| s["url"].as_str().unwrap().starts_with("/guide/")));
    }
}
