//! The lock of a database's schema: servers share it, whoever changes the schema or copies the whole ledger has it alone.

use super::connect::{connect_one, connect_options};
use super::{MISSED, sql};
use crate::error::{EngineError, Result};
use crate::location::{DatabaseUrl, Location};
use sqlx::{Executor, PgConnection};

/// How long the lock is waited for, in milliseconds: a server that ends, or a schema that is being changed.
const PATIENCE: &str = "SET lock_timeout = 2000";
/// By the name of a schema, which may be made only afterwards.
const ALONE: &str = "SELECT pg_advisory_lock(70196, hashtext(COALESCE(current_schema()::text, current_setting('search_path'))))";
const SHARED: &str = "SELECT pg_advisory_lock_shared(70196, hashtext(current_schema()))";
/// A lock that was waited for in vain (lock_not_available).
const NOT_AVAILABLE: &str = "55P03";

/// That no server uses a ledger, and none may begin to.
pub(crate) struct Unused(Option<PgConnection>);

impl Unused {
    /// Refuses a ledger that a server uses. Of one in a folder the folder's lock says so.
    pub(crate) async fn take(at: Location<'_>) -> Result<Unused> {
        Ok(Unused(match at.database {
            Some(url) => Some(alone(url).await?),
            None => None,
        }))
    }

    /// Lets servers begin again.
    pub(crate) async fn end(self) {
        if let Some(connection) = self.0 {
            // It ends with the connection, however that ends.
            let _ = sqlx::Connection::close(connection).await;
        }
    }
}

/// A connection that has the lock alone.
pub(super) async fn alone(url: &DatabaseUrl) -> Result<PgConnection> {
    let mut connection = connect_one(url, &connect_options(url)?).await?;
    take(url, ALONE, &mut connection).await?;
    Ok(connection)
}

/// Takes the lock together with other servers.
pub(super) async fn share(url: &DatabaseUrl, connection: &mut PgConnection) -> Result<()> {
    take(url, SHARED, connection).await
}

async fn take(url: &DatabaseUrl, statement: &'static str, connection: &mut PgConnection) -> Result<()> {
    connection.execute(PATIENCE).await?;
    match connection.execute(statement).await {
        Ok(_) => Ok(()),
        Err(sqlx::Error::Database(e)) if e.code().as_deref() == Some(NOT_AVAILABLE) => {
            let text = format!("the database {url} is in use by another server");
            Err(EngineError::Conflict(match who(connection).await {
                Some(who) => format!("{text}: {who}"),
                None => text,
            }))
        }
        Err(e) => Err(e.into()),
    }
}

/// The servers that have said of late that they live. None where the schema knows of none.
async fn who(connection: &mut PgConnection) -> Option<String> {
    let asked = sqlx::query_scalar(sql::HEADS_SHOWN.postgres).bind(MISSED.as_micros() as i64);
    asked.fetch_one(connection).await.ok()
}
