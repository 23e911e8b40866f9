//! Statements with what is bound to them, run on either database.

use super::connection::On;
use super::row::{Cell, Row};
use super::text::Text;
use super::value::{Value, for_postgres, for_sqlite};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Postgres, SqlSafeStr, SqlStr, Sqlite};

/// A statement and its values.
pub(crate) struct Query<'q> {
    text: Made,
    values: Vec<Value<'q>>,
}

/// Of the ledger, or made for one request: then everything that came with the request is bound.
enum Made {
    Fixed(Text),
    Built(String),
}

/// A statement with one column.
pub(crate) struct Scalar<'q>(Query<'q>);

pub(crate) fn query<'q>(text: impl Into<Text>) -> Query<'q> {
    Query { text: Made::Fixed(text.into()), values: Vec::new() }
}

pub(crate) fn query_scalar<'q>(text: impl Into<Text>) -> Scalar<'q> {
    Scalar(query(text))
}

/// Runs `$run` on whatever database it is, with `$query` as that database has it and `$wrap` for its rows.
macro_rules! run {
    ($statement:expr, $on:expr, |$query:ident, $at:ident, $wrap:ident| $run:expr) => {
        match $on.into() {
            On::SqlitePool($at) => run!(@ $statement.sqlite()?, Row::Sqlite, |$query, $wrap| $run),
            On::Sqlite($at) => run!(@ $statement.sqlite()?, Row::Sqlite, |$query, $wrap| $run),
            On::PostgresPool($at) => run!(@ $statement.postgres()?, Row::Postgres, |$query, $wrap| $run),
            On::Postgres($at) => run!(@ $statement.postgres()?, Row::Postgres, |$query, $wrap| $run),
        }
    };
    (@ $statement:expr, $row:path, |$query:ident, $wrap:ident| $run:expr) => {{
        let ($query, $wrap) = ($statement, $row);
        $run
    }};
}

impl<'q> Query<'q> {
    pub(super) fn built(text: String, values: Vec<Value<'q>>) -> Query<'q> {
        Query { text: Made::Built(text), values }
    }

    /// The value of the next placeholder: `$1`, `$2` and so on.
    pub(crate) fn bind(mut self, value: impl Into<Value<'q>>) -> Query<'q> {
        self.values.push(value.into());
        self
    }

    fn sqlite(self) -> Result<sqlx::query::Query<'q, Sqlite, SqliteArguments>, sqlx::Error> {
        let text = self.text.of(|text| text.sqlite);
        Ok(sqlx::query_with(text, for_sqlite(self.values).map_err(sqlx::Error::Encode)?))
    }

    fn postgres(self) -> Result<sqlx::query::Query<'q, Postgres, PgArguments>, sqlx::Error> {
        // One that was made for a request would only push out of a connection's memory those that come again.
        let comes_again = matches!(self.text, Made::Fixed(_));
        let text = self.text.of(|text| text.postgres);
        let values = for_postgres(self.values).map_err(sqlx::Error::Encode)?;
        Ok(sqlx::query_with(text, values).persistent(comes_again))
    }

    pub(crate) async fn execute<'c>(self, on: impl Into<On<'c>>) -> Result<(), sqlx::Error> {
        run!(self, on, |query, at, _wrap| query.execute(at).await.map(|_| ()))
    }

    pub(crate) async fn fetch_optional<'c>(self, on: impl Into<On<'c>>) -> Result<Option<Row>, sqlx::Error> {
        run!(self, on, |query, at, wrap| Ok(query.fetch_optional(at).await?.map(wrap)))
    }

    pub(crate) async fn fetch_one<'c>(self, on: impl Into<On<'c>>) -> Result<Row, sqlx::Error> {
        self.fetch_optional(on).await?.ok_or(sqlx::Error::RowNotFound)
    }

    /// All rows; the statement is read to its end.
    pub(crate) async fn fetch_all<'c>(self, on: impl Into<On<'c>>) -> Result<Vec<Row>, sqlx::Error> {
        run!(self, on, |query, at, wrap| {
            let (mut found, mut rows) = (Vec::new(), query.fetch(at));
            while let Some(row) = rows.try_next().await? {
                found.push(wrap(row));
            }
            Ok(found)
        })
    }

    /// Rows one after the other.
    pub(crate) fn fetch<'e>(
        self,
        on: impl Into<On<'e>>,
    ) -> Result<BoxStream<'e, Result<Row, sqlx::Error>>, sqlx::Error>
    where
        'q: 'e,
    {
        Ok(run!(self, on, |query, at, wrap| query.fetch(at).map_ok(wrap).boxed()))
    }
}

impl Made {
    fn of(self, fixed: impl Fn(Text) -> &'static str) -> SqlStr {
        match self {
            Made::Fixed(text) => fixed(text).into_sql_str(),
            Made::Built(text) => AssertSqlSafe(text).into_sql_str(),
        }
    }
}

impl<'q> Scalar<'q> {
    pub(crate) fn bind(self, value: impl Into<Value<'q>>) -> Scalar<'q> {
        Scalar(self.0.bind(value))
    }

    pub(crate) async fn fetch_optional<'c, T>(self, on: impl Into<On<'c>>) -> Result<Option<T>, sqlx::Error>
    where
        T: for<'r> Cell<'r>,
    {
        self.0.fetch_optional(on).await?.map(|row| row.try_get(0)).transpose()
    }

    pub(crate) async fn fetch_one<'c, T>(self, on: impl Into<On<'c>>) -> Result<T, sqlx::Error>
    where
        T: for<'r> Cell<'r>,
    {
        self.0.fetch_one(on).await?.try_get(0)
    }

    pub(crate) async fn fetch_all<'c, T>(self, on: impl Into<On<'c>>) -> Result<Vec<T>, sqlx::Error>
    where
        T: for<'r> Cell<'r>,
    {
        self.0.fetch_all(on).await?.iter().map(|row| row.try_get(0)).collect()
    }
}
