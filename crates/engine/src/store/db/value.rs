//! What is bound to a statement.

use sqlx::error::BoxDynError;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, Database, Encode, Type};
use std::borrow::Cow;

/// A value of one of the three types that columns have, or nothing, which has a type, too: PostgreSQL asks for it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'q> {
    Integer(Option<i64>),
    Float(f64),
    Text(Option<Cow<'q, str>>),
    /// A text for people, of which PostgreSQL gets what it can hold.
    Lossy(Cow<'q, str>),
}

/// A text for people, whatever is in it.
pub(crate) fn lossy<'q>(text: impl Into<Cow<'q, str>>) -> Value<'q> {
    Value::Lossy(text.into())
}

/// A text that PostgreSQL cannot hold.
#[derive(Debug, thiserror::Error)]
#[error("a text has the character U+0000, which the ledger's database cannot hold: {0:?}")]
pub(crate) struct NulInText(String);

impl Value<'_> {
    /// The text itself when it can be held.
    fn checked(text: Cow<'_, str>) -> Result<Cow<'_, str>, NulInText> {
        match text.find('\0') {
            None => Ok(text),
            Some(at) => {
                Err(NulInText(text[text[..at].floor_char_boundary(at.saturating_sub(20))..=at].to_owned()))
            }
        }
    }

    fn add_to<A: Arguments>(self, arguments: &mut A) -> Result<(), BoxDynError>
    where
        for<'t> Option<i64>: Encode<'t, A::Database> + Type<A::Database>,
        for<'t> f64: Encode<'t, A::Database> + Type<A::Database>,
        for<'t> &'t str: Encode<'t, A::Database> + Type<A::Database>,
        for<'t> String: Encode<'t, A::Database> + Type<A::Database>,
        for<'t> Option<String>: Encode<'t, A::Database> + Type<A::Database>,
        A::Database: Database,
    {
        match self {
            Value::Integer(value) => arguments.add(value),
            Value::Float(value) => arguments.add(value),
            Value::Text(None) => arguments.add(None::<String>),
            Value::Text(Some(Cow::Borrowed(text))) | Value::Lossy(Cow::Borrowed(text)) => arguments.add(text),
            Value::Text(Some(Cow::Owned(text))) | Value::Lossy(Cow::Owned(text)) => arguments.add(text),
        }
    }
}

/// The values as SQLite takes them.
pub(super) fn for_sqlite(values: Vec<Value<'_>>) -> Result<SqliteArguments, BoxDynError> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(values.len(), 0);
    values.into_iter().try_for_each(|value| value.add_to(&mut arguments))?;
    Ok(arguments)
}

/// The values as PostgreSQL takes them.
pub(super) fn for_postgres(values: Vec<Value<'_>>) -> Result<PgArguments, BoxDynError> {
    let mut arguments = PgArguments::default();
    for value in values {
        let value = match value {
            Value::Text(Some(text)) => Value::Text(Some(Value::checked(text)?)),
            Value::Lossy(text) if text.contains('\0') => Value::Lossy(text.replace('\0', "\u{fffd}").into()),
            value => value,
        };
        value.add_to(&mut arguments)?;
    }
    Ok(arguments)
}

macro_rules! values {
    ($($from:ty => |$value:ident| $to:expr;)+) => {
        $(impl<'q> From<$from> for Value<'q> {
            fn from($value: $from) -> Value<'q> {
                $to
            }
        })+
    };
}

values! {
    i64 => |value| Value::Integer(Some(value));
    u32 => |value| Value::Integer(Some(value.into()));
    Option<i64> => |value| Value::Integer(value);
    f64 => |value| Value::Float(value);
    &'q str => |value| Value::Text(Some(value.into()));
    &'q String => |value| Value::Text(Some(value.as_str().into()));
    String => |value| Value::Text(Some(value.into()));
    Option<&'q str> => |value| Value::Text(value.map(Cow::from));
    Option<String> => |value| Value::Text(value.map(Cow::from));
    &'q Option<String> => |value| Value::Text(value.as_deref().map(Cow::from));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_postgresql_cannot_hold_is_refused_or_replaced_there_alone() {
        let texts = || vec![Value::from("a\0b")];
        assert!(for_sqlite(texts()).is_ok());
        let refused = for_postgres(texts()).unwrap_err().to_string();
        assert!(refused.ends_with(r#"cannot hold: "a\0""#), "{refused}");
        assert!(for_postgres(vec![lossy("a\0b"), Value::from(None::<&str>)]).is_ok());
    }
}
