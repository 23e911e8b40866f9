//! What stands around the text of a page: the list of chapters, the search, the ways on and back.

use super::place::{ROOT, address_of};
use super::summary::Entry;
use std::fmt::Write;

/// The whole page of a chapter, the `at`th of all.
pub fn page(chapters: &[Entry], chapter: &Entry, text: &str, at: usize) -> String {
    let title = escaped(&chapter.title);
    let list = chapter_list(chapters, chapter);
    let mut ways = String::new();
    let neighbours = [(at.checked_sub(1), "prev", "Before"), (at.checked_add(1), "next", "Next")];
    for (index, rel, word) in neighbours {
        if let Some(other) = index.and_then(|i| chapters.get(i)) {
            let address = address_of(&other.path);
            // Writing to a String cannot fail.
            let _ = write!(
                ways,
                "<a rel=\"{rel}\" href=\"{address}\"><span>{word}</span> {}</a>",
                escaped(&other.title)
            );
        }
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} · Fieldstone guide</title>\n\
         <link rel=\"stylesheet\" href=\"{ROOT}/guide.css\">\n\
         <script src=\"{ROOT}/guide.js\" defer></script>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#content\">Skip to the text</a>\n\
         <header><a class=\"brand\" href=\"{ROOT}\">Fieldstone guide</a>\n\
         <a class=\"narrow\" href=\"#chapters\">Chapters</a>\n\
         <form role=\"search\"><input type=\"search\" aria-label=\"Search the guide\" placeholder=\"Search\" autocomplete=\"off\"></form>\n\
         <a href=\"/\">App</a> <a href=\"/docs\">API</a></header>\n\
         <ol class=\"found\" aria-live=\"polite\" hidden></ol>\n\
         <div class=\"parts\">\n<main id=\"content\" tabindex=\"-1\">\n{text}\n\
         <nav class=\"ways\" aria-label=\"Neighbouring chapters\">{ways}</nav>\n</main>\n\
         <nav id=\"chapters\" aria-label=\"Chapters\">\n{list}</nav>\n</div>\n</body>\n</html>\n"
    )
}

fn chapter_list(chapters: &[Entry], now: &Entry) -> String {
    let mut list = String::new();
    for (i, chapter) in chapters.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|i| chapters.get(i));
        if before.is_none_or(|before| before.part != chapter.part) {
            list.push_str(if i == 0 { "" } else { "</ul>\n" });
            if !chapter.part.is_empty() {
                let _ = writeln!(list, "<p>{}</p>", escaped(&chapter.part));
            }
            list.push_str("<ul>\n");
        }
        let current = if chapter == now { " aria-current=\"page\"" } else { "" };
        let address = address_of(&chapter.path);
        let _ = writeln!(list, "<li><a href=\"{address}\"{current}>{}</a></li>", escaped(&chapter.title));
    }
    list + "</ul>\n"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
