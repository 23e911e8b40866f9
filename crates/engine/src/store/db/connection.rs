//! Pools, connections and transactions of either database.

use super::text::Text;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgPool};
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use sqlx::{Postgres, Sqlite};
use std::ops::{Deref, DerefMut};

/// Connections to a ledger. Cheap to clone.
#[derive(Clone)]
pub(crate) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// A connection, until it is dropped; or one on which a transaction is open.
pub(crate) enum Connection {
    Sqlite(PoolConnection<Sqlite>),
    SqliteBegun(sqlx::Transaction<'static, Sqlite>),
    Postgres(PoolConnection<Postgres>),
    PostgresBegun(sqlx::Transaction<'static, Postgres>),
}

/// A connection on which a transaction is open. Dropped without a commit, it is rolled back.
pub(crate) struct Transaction(Connection);

/// Where a statement runs.
pub(crate) enum On<'c> {
    SqlitePool(&'c SqlitePool),
    Sqlite(&'c mut SqliteConnection),
    PostgresPool(&'c PgPool),
    Postgres(&'c mut PgConnection),
}

impl Pool {
    pub(crate) async fn acquire(&self) -> Result<Connection, sqlx::Error> {
        Ok(match self {
            Pool::Sqlite(pool) => Connection::Sqlite(pool.acquire().await?),
            Pool::Postgres(pool) => Connection::Postgres(pool.acquire().await?),
        })
    }

    /// Begins a transaction with a statement that says which kind.
    pub(crate) async fn begin(&self, statement: Text) -> Result<Transaction, sqlx::Error> {
        Ok(Transaction(match self {
            Pool::Sqlite(pool) => Connection::SqliteBegun(pool.begin_with(statement.sqlite).await?),
            Pool::Postgres(pool) => Connection::PostgresBegun(pool.begin_with(statement.postgres).await?),
        }))
    }

    /// Closes every connection, once it is given back.
    pub(crate) async fn close(&self) {
        match self {
            Pool::Sqlite(pool) => pool.close().await,
            Pool::Postgres(pool) => pool.close().await,
        }
    }
}

impl Connection {
    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self, Connection::Postgres(_) | Connection::PostgresBegun(_))
    }
}

impl Transaction {
    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        match self.0 {
            Connection::SqliteBegun(begun) => begun.commit().await,
            Connection::PostgresBegun(begun) => begun.commit().await,
            // Nothing was begun on these.
            Connection::Sqlite(_) | Connection::Postgres(_) => Ok(()),
        }
    }
}

impl Deref for Transaction {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}

impl<'c> From<&'c Pool> for On<'c> {
    fn from(pool: &'c Pool) -> On<'c> {
        match pool {
            Pool::Sqlite(pool) => On::SqlitePool(pool),
            Pool::Postgres(pool) => On::PostgresPool(pool),
        }
    }
}

impl<'c> From<&'c mut Connection> for On<'c> {
    fn from(connection: &'c mut Connection) -> On<'c> {
        match connection {
            Connection::Sqlite(one) => On::Sqlite(one),
            Connection::SqliteBegun(one) => On::Sqlite(one),
            Connection::Postgres(one) => On::Postgres(one),
            Connection::PostgresBegun(one) => On::Postgres(one),
        }
    }
}
