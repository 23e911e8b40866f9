//! A ledger in PostgreSQL: connecting, and what is asked of the database first.

use super::connect::{PATIENCE, connect_one, connect_options};
use super::db::{self, BUSY_TIMEOUT, Pool, pool_options};
use super::schema::{applied_version, refuse_other};
use super::{migrations, schema_lock, sql};
use crate::error::{EngineError, Result};
use crate::heads::HeadId;
use crate::location::DatabaseUrl;
use anyhow::Context;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{Connection, Executor};
use std::time::Duration;

/// Transactions that are open at the same time; and as many readers. A server takes both of the database's `max_connections`.
const CONNECTIONS: u32 = 8;
/// A connection that nobody has used for so long is tried before it is used: shorter than a database takes to start again.
const STALE: Duration = Duration::from_millis(50);

/// A server that was stopped in the middle of a transaction holds up the others no longer than this, in milliseconds: none of its transactions
/// computes anything between two statements.
const ABANDONED: &str = "SET idle_in_transaction_session_timeout = 5000";

/// What a ledger is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// By this server, or by a command.
    Write(Option<HeadId>),
    Read,
}

/// Those who wait for a user's lock while they read hold no reader.
pub(super) struct Pools {
    pub(super) write: Pool,
    pub(super) read: Pool,
}

/// Opens a ledger. With `migrate` its schema is made, or brought up to date.
pub(super) async fn open(url: &DatabaseUrl, migrate: bool, usage: Use) -> Result<Pools> {
    let options = connect_options(url)?;
    check_server(url, &options, usage).await?;
    let write = connect(url, &options, usage).await?;
    check_version(url, &write, migrate).await?;
    let read = match usage {
        Use::Write(_) => connect(url, &options, Use::Read).await?,
        Use::Read => write.clone(),
    };
    Ok(Pools { write: Pool::Postgres(write), read: Pool::Postgres(read) })
}

/// Schema version of the ledger; 0 when there is none.
pub(super) async fn schema_version(url: &DatabaseUrl) -> Result<i64> {
    let options = connect_options(url)?;
    connect_one(url, &options).await?.close().await?;
    let pool = Pool::Postgres(connect(url, &options, Use::Read).await?);
    let version = applied_version(&mut pool.acquire().await?).await;
    pool.close().await;
    version
}

/// Texts are Unicode and sorted by its code points; what is committed should be on disk.
async fn check_server(url: &DatabaseUrl, options: &PgConnectOptions, usage: Use) -> Result<()> {
    let mut connection = connect_one(url, options).await?;
    let setting = async |connection: &mut PgConnection, name: &str| -> Result<String> {
        let asked = sqlx::query_scalar("SELECT current_setting($1)").bind(name);
        Ok(asked.fetch_one(connection).await?)
    };
    let encoding = setting(&mut connection, "server_encoding").await?;
    if encoding != "UTF8" {
        return Err(EngineError::Conflict(format!(
            "the database {url} has the encoding {encoding}, a ledger needs UTF8: createdb -E UTF8 -T template0 makes one"
        )));
    }
    for name in ["fsync", "synchronous_commit"] {
        if usage != Use::Read && setting(&mut connection, name).await? == "off" {
            tracing::warn!(
                "the database {url} has {name} = off: what was acknowledged may be lost when its machine fails"
            );
        }
    }
    connection.close().await?;
    Ok(())
}

async fn connect(url: &DatabaseUrl, options: &PgConnectOptions, usage: Use) -> Result<PgPool> {
    let pool: PgPoolOptions = pool_options();
    let pool = pool.max_connections(CONNECTIONS).acquire_timeout(PATIENCE);
    let pool = pool.before_acquire(|connection, meta| {
        Box::pin(async move { Ok(meta.idle_for < STALE || connection.ping().await.is_ok()) })
    });
    let pool = pool.after_connect(move |connection, _| {
        Box::pin(async move {
            let wait = BUSY_TIMEOUT.as_millis();
            connection.execute(sqlx::AssertSqlSafe(format!("SET lock_timeout = {wait}"))).await?;
            match usage {
                Use::Read => {
                    connection.execute("SET default_transaction_read_only = on").await?;
                }
                Use::Write(Some(HeadId(id))) => {
                    connection.execute(sqlx::AssertSqlSafe(format!("SET fieldstone.head = {id}"))).await?;
                    connection.execute(ABANDONED).await?;
                }
                Use::Write(None) => {}
            }
            Ok(())
        })
    });
    let connected = pool.connect_with(options.clone()).await;
    Ok(connected.with_context(|| format!("cannot connect to the database {url}"))?)
}

async fn check_version(url: &DatabaseUrl, pool: &PgPool, migrate: bool) -> Result<()> {
    let migrations = &migrations::POSTGRES;
    let known = migrations::known(migrations);
    let found = applied_version(&mut Pool::Postgres(pool.clone()).acquire().await?).await?;
    refuse_other(&format!("database {url}"), found, known, migrate)?;
    if found < known {
        // No server uses it meanwhile, and of several that start one makes it.
        let _alone = schema_lock::alone(url).await?;
        make_schema(pool).await?;
        migrations.run(pool).await.context("cannot bring the ledger's schema up to date")?;
    }
    Ok(())
}

/// Makes the schema that the URL names (`options=-c search_path=…`), where it is not there.
async fn make_schema(pool: &PgPool) -> Result<()> {
    let (there, named): (Option<String>, String) =
        sqlx::query_as("SELECT current_schema()::text, current_setting('search_path')")
            .fetch_one(pool)
            .await?;
    if there.is_some() {
        return Ok(());
    }
    if named.is_empty() || !named.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
        return Err(EngineError::invalid(
            "database",
            format!("search_path is {named:?}, expected one schema: a-z, 0-9, _"),
        ));
    }
    pool.execute(sqlx::AssertSqlSafe(format!("CREATE SCHEMA IF NOT EXISTS {named}"))).await?;
    Ok(())
}

/// What a transaction changes together: on PostgreSQL it has that alone, as with SQLite it has all.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Of<'a> {
    /// The projects of whoever owns this one.
    Project(crate::model::ProjectId),
    /// The projects of whoever owns the project of this job.
    Job(crate::model::JobId),
    /// The projects of this user.
    User(&'a str),
    /// Single rows, in an order of locks that all others keep, too.
    Rows,
}

impl Of<'_> {
    pub(super) async fn lock(self, connection: &mut db::Connection) -> Result<(), sqlx::Error> {
        let lock = match self {
            Of::Rows => return Ok(()),
            Of::Project(id) => db::query(sql::LOCK_OWNER_OF_PROJECT).bind(id.0),
            Of::Job(id) => db::query(sql::LOCK_OWNER_OF_JOB).bind(id.0),
            Of::User(name) => db::query(sql::LOCK_USER).bind(name),
        };
        lock.execute(connection).await
    }
}
