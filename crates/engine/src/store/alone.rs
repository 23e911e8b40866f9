//! The right to be the only server of a database: an advisory lock, held by a connection that does nothing else.

use super::Store;
use super::postgres::{connect_one, connect_options};
use crate::error::{EngineError, Result};
use crate::location::{DatabaseUrl, Location};
use sqlx::{Executor, PgConnection};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;

/// How often the connection is asked whether it is still there.
const EVERY: Duration = Duration::from_secs(1);
/// How long a server that starts waits for the end of the one before, in milliseconds.
const LOCK: &str = "SET lock_timeout = 2000";
/// By the name of a schema, which may be made only afterwards.
const TAKE: &str = "SELECT pg_advisory_lock(70196, hashtext(COALESCE(current_schema()::text, current_setting('search_path'))))";
/// A lock that was waited for in vain (lock_not_available).
const NOT_AVAILABLE: &str = "55P03";

/// The lock, and who looks after it.
pub(super) struct Alone {
    url: DatabaseUrl,
    held: Arc<AtomicBool>,
    keeper: Mutex<Option<JoinHandle<()>>>,
}

/// The right of a server, before it has a ledger: it is taken before the schema is looked at, which another may be using.
pub(crate) struct Right(Option<(DatabaseUrl, PgConnection)>);

impl Right {
    /// Takes it. Of a ledger in a folder it is the folder's lock.
    pub(crate) async fn take(at: Location<'_>) -> Result<Right> {
        let Some(url) = at.database else { return Ok(Right(None)) };
        Ok(Right(Some((url.clone(), locked(url).await?))))
    }
}

impl Store {
    /// The same ledger, of which this process is the only server as long as it keeps the right.
    pub(crate) fn alone(self, right: Right) -> Store {
        let Some((url, connection)) = right.0 else { return self };
        let (jobs, visibility) = (self.jobs.clone(), self.visibility.clone());
        let forget = move || {
            jobs.clear();
            visibility.clear();
        };
        Store { alone: Some(Arc::new(Alone::new(url, connection, forget))), ..self }
    }
}

impl Alone {
    /// Looks after the lock, and takes it anew when it was lost; `forget` is called before that: another server may have changed anything.
    fn new(url: DatabaseUrl, connection: PgConnection, forget: impl Fn() + Send + 'static) -> Alone {
        let held = Arc::new(AtomicBool::new(true));
        let keeper = tokio::spawn(keep(url.clone(), connection, held.clone(), forget));
        Alone { url, held, keeper: Mutex::new(Some(keeper)) }
    }

    pub(super) fn is_held(&self) -> bool {
        self.held.load(Ordering::Acquire)
    }

    /// Refuses to write while the lock is not held: another server may have it.
    pub(super) fn check(&self) -> Result<()> {
        if self.is_held() {
            return Ok(());
        }
        let url = &self.url;
        Err(EngineError::Unreachable(format!(
            "the database {url} does not answer, or another server has taken it"
        )))
    }

    fn keeper(&self) -> Option<JoinHandle<()>> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Gives the lock back.
    pub(super) async fn end(&self) {
        if let Some(keeper) = self.keeper() {
            keeper.abort();
            // Its connection, and with it the lock, is gone when it is.
            let _ = keeper.await;
        }
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        if let Some(keeper) = self.keeper() {
            keeper.abort();
        }
    }
}

async fn locked(url: &DatabaseUrl) -> Result<PgConnection> {
    let mut connection = connect_one(url, &connect_options(url)?).await?;
    connection.execute(LOCK).await?;
    match connection.execute(TAKE).await {
        Ok(_) => Ok(connection),
        Err(sqlx::Error::Database(e)) if e.code().as_deref() == Some(NOT_AVAILABLE) => {
            Err(EngineError::Conflict(format!("the database {url} is in use by another server")))
        }
        Err(e) => Err(e.into()),
    }
}

/// Asks the connection for ever; when it is gone, takes the lock anew.
async fn keep(
    url: DatabaseUrl,
    mut connection: PgConnection,
    held: Arc<AtomicBool>,
    forget: impl Fn() + Send,
) {
    let mut every = tokio::time::interval(EVERY);
    loop {
        every.tick().await;
        let answer = tokio::time::timeout(5 * EVERY, connection.execute("SELECT 1")).await;
        if matches!(answer, Ok(Ok(_))) {
            continue;
        }
        held.store(false, Ordering::Release);
        tracing::error!("the database {url} does not answer: nothing is written until it does");
        connection = loop {
            every.tick().await;
            match locked(&url).await {
                Ok(connection) => break connection,
                Err(EngineError::Unreachable(_)) => {}
                Err(e) => tracing::error!("{e}: nothing is written"),
            }
        };
        forget();
        held.store(true, Ordering::Release);
        tracing::info!("the database {url} answers again");
    }
}
