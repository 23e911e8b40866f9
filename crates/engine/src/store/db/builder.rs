//! Statements that are put together for one request.

use super::query::Query;
use super::value::Value;
use std::fmt::{Display, Write};

/// Text of ours and values of the caller, in their order.
pub(crate) struct Builder<'q> {
    text: String,
    values: Vec<Value<'q>>,
}

impl<'q> Builder<'q> {
    pub(crate) fn new(head: &'static str) -> Builder<'q> {
        Builder { text: head.to_owned(), values: Vec::new() }
    }

    /// Adds text, which is ours.
    pub(crate) fn push(&mut self, text: impl Display) -> &mut Self {
        write!(self.text, "{text}").expect("a text grows without errors");
        self
    }

    /// The same with more text.
    pub(crate) fn and(mut self, text: impl Display) -> Builder<'q> {
        self.push(text);
        self
    }

    /// Adds a value, whoever it comes from.
    pub(crate) fn push_bind(&mut self, value: impl Into<Value<'q>>) -> &mut Self {
        self.values.push(value.into());
        let place = self.values.len();
        self.push(format_args!("${place}"))
    }

    /// The text so far.
    pub(crate) fn sql(&self) -> &str {
        &self.text
    }

    pub(crate) fn build(self) -> Query<'q> {
        Query::built(self.text, self.values)
    }
}
