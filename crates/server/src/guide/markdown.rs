//! A page's text: from Markdown to HTML that keeps to the policy of the pages, with an anchor for each heading.

use super::place::address_of;
use pulldown_cmark::{Alignment, CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd, html};
use std::collections::HashMap;

/// A page.
pub struct Text {
    /// What stands between its borders.
    pub html: String,
    /// What it says, by heading.
    pub sections: Vec<Section>,
}

/// A heading and what stands below it.
#[derive(Default)]
pub struct Section {
    /// Its anchor; empty for the page's title.
    pub id: String,
    /// The heading's words.
    pub title: String,
    /// The words below it.
    pub text: String,
}

impl Text {
    /// Reads the Markdown of the file `path`, which its links start from.
    pub fn of(source: &str, path: &str) -> Text {
        let options = Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_STRIKETHROUGH;
        let mut events: Vec<Event> = Parser::new_ext(source, options).collect();
        let mut sections = vec![Section::default()];
        let mut taken = HashMap::new();
        for i in 0..events.len() {
            if let Event::Start(Tag::Heading { level, .. }) = events[i] {
                let title = words(&events[i + 1..]);
                let id = if level == HeadingLevel::H1 { String::new() } else { anchor(&title, &mut taken) };
                sections.push(Section { id: id.clone(), title, text: String::new() });
                if let Event::Start(Tag::Heading { id: own, .. }) = &mut events[i] {
                    *own = (!id.is_empty()).then(|| CowStr::from(id));
                }
            } else if let (Event::Text(text) | Event::Code(text), Some(section)) =
                (&events[i], sections.last_mut())
            {
                section.text.push_str(text);
                section.text.push(' ');
            }
        }
        let events = events.into_iter().map(|event| adapted(event, path));
        let mut page = String::with_capacity(source.len() * 2);
        html::push_html(&mut page, events);
        // A heading without a word names nothing to whom tables are read aloud; and what is moved sideways must be reached by keys.
        let page = page
            .replace("<th></th>", "<td></td>")
            .replace("<table>", "<div class=\"wide\" tabindex=\"0\"><table>")
            .replace("</table>", "</table></div>");
        sections.retain(|section| !section.title.is_empty());
        Text { html: page, sections }
    }
}

/// The words up to the end of a heading.
fn words(events: &[Event]) -> String {
    let inside = events.iter().take_while(|event| !matches!(event, Event::End(TagEnd::Heading(_))));
    inside
        .filter_map(|event| match event {
            Event::Text(text) | Event::Code(text) => Some(&**text),
            _ => None,
        })
        .collect()
}

/// A heading's anchor as GitHub makes it, so that links work there, too.
fn anchor(title: &str, taken: &mut HashMap<String, usize>) -> String {
    let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    let anchor: String = kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect();
    let times = taken.entry(anchor.clone()).or_default();
    *times += 1;
    if *times == 1 { anchor } else { format!("{anchor}-{}", *times - 1) }
}

/// What the pages' policy and their addresses change.
fn adapted<'a>(event: Event<'a>, path: &str) -> Event<'a> {
    match event {
        // HTML in a page is shown, not taken.
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        // Their alignment would be inline style.
        Event::Start(Tag::Table(columns)) => Event::Start(Tag::Table(vec![Alignment::None; columns.len()])),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) if link_type != LinkType::Email => {
            Event::Start(Tag::Link { link_type, dest_url: target(&dest_url, path).into(), title, id })
        }
        Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Image { link_type, dest_url: target(&dest_url, path).into(), title, id })
        }
        other => other,
    }
}

/// Where a link of the file `path` leads to in the book.
fn target(link: &str, path: &str) -> String {
    if link.starts_with('#') || link.starts_with('/') || link.contains("://") {
        return link.to_owned();
    }
    let (file, anchor) = link.split_once('#').map_or((link, ""), |(file, anchor)| (file, anchor));
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in file.split('/') {
        match part {
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            "." | "" => {}
            part => parts.push(part),
        }
    }
    let address = address_of(&parts.join("/"));
    if anchor.is_empty() { address } else { format!("{address}#{anchor}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_of_the_book_and_headings_have_githubs_anchors() {
        let source = "# Title\n\n## `A` and B?\n\n[x](../jobs.md#a-b) [y](pictures/p.png) [z](#here) [w](https://a.example/b.md)\n\n## `A` and B?\n";
        let text = Text::of(source, "tutorials/one.md");
        for part in [
            "<h1>Title</h1>",
            "<h2 id=\"a-and-b\">",
            "<h2 id=\"a-and-b-1\">",
            "href=\"/guide/jobs#a-b\"",
            "href=\"/guide/tutorials/pictures/p.png\"",
            "href=\"#here\"",
            "href=\"https://a.example/b.md\"",
        ] {
            assert!(text.html.contains(part), "{part} is not in {}", text.html);
        }
        assert_eq!(
            text.sections.iter().map(|s| s.title.as_str()).collect::<Vec<_>>(),
            ["Title", "A and B?", "A and B?"]
        );
        assert_eq!(target("../SECURITY.md", "api.md"), "/guide/security");
    }

    #[test]
    fn nothing_of_a_page_is_taken_as_html_or_style() {
        let text = Text::of("# T\n\n<b onclick=\"x\">b</b>\n\n| a |\n|--:|\n| 1 |\n", "a.md");
        assert!(text.html.contains("&lt;b onclick") && !text.html.contains("style"), "{}", text.html);
    }
}
