//! Rows of either database.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{ColumnIndex, Decode, FromRow, Postgres, Row as _, Sqlite, Type};

/// A row as it came: it is read where it lies.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// What a column may be read as.
pub(crate) trait Cell<'r>:
    Type<Sqlite> + Decode<'r, Sqlite> + Type<Postgres> + Decode<'r, Postgres>
{
}

impl<'r, T> Cell<'r> for T where T: Type<Sqlite> + Decode<'r, Sqlite> + Type<Postgres> + Decode<'r, Postgres> {}

/// Name or place of a column.
pub(crate) trait Place: ColumnIndex<SqliteRow> + ColumnIndex<PgRow> {}

impl<T> Place for T where T: ColumnIndex<SqliteRow> + ColumnIndex<PgRow> {}

impl Row {
    /// What a column holds.
    pub(crate) fn try_get<'r, T: Cell<'r>, P: Place>(&'r self, column: P) -> Result<T, sqlx::Error> {
        match self {
            Row::Sqlite(row) => row.try_get(column),
            Row::Postgres(row) => row.try_get(column),
        }
    }

    /// The bytes of a text, which need be none.
    pub(crate) fn bytes(&self, column: &str) -> Result<&[u8], sqlx::Error> {
        match self {
            Row::Sqlite(row) => row.try_get_unchecked(column),
            Row::Postgres(row) => row.try_get_unchecked(column),
        }
    }

    /// All columns.
    pub(crate) fn read<T>(&self) -> Result<T, sqlx::Error>
    where
        T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>,
    {
        match self {
            Row::Sqlite(row) => T::from_row(row),
            Row::Postgres(row) => T::from_row(row),
        }
    }
}
