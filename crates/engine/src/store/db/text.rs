//! Statements as they are written.

/// A statement; one text for both databases, but for a few.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text {
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
}

impl Text {
    /// In SQL that both read.
    pub(crate) const fn both(text: &'static str) -> Text {
        Text { sqlite: text, postgres: text }
    }
}

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Text {
        Text::both(text)
    }
}
