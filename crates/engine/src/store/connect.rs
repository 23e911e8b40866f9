//! How a connection to PostgreSQL is made.

use crate::error::{EngineError, Result};
use crate::location::DatabaseUrl;
use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use std::str::FromStr;
use std::time::Duration;

/// How long a request waits for a connection, which is made where there is none, and for what the database answers on one that others wait for.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn connect_options(url: &DatabaseUrl) -> Result<PgConnectOptions> {
    let options = PgConnectOptions::from_str(url.with_secret());
    let options = options.map_err(|e| EngineError::invalid("database", format!("{url}: {e}")))?;
    Ok(options.application_name("fieldstone"))
}

/// One connection, at once or with the reason why there is none.
pub(super) async fn connect_one(url: &DatabaseUrl, options: &PgConnectOptions) -> Result<PgConnection> {
    let connecting = tokio::time::timeout(PATIENCE, PgConnection::connect_with(options));
    let said = match connecting.await {
        Ok(Ok(connection)) => return Ok(connection),
        Ok(Err(e)) => e.to_string(),
        Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
    };
    Err(EngineError::Unreachable(format!("the database {url} cannot be reached: {said}")))
}
