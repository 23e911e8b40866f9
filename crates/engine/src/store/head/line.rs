//! The connection on which a server hears what the others change and says that it lives.

use super::news::{self, News};
use super::shared::HeadInfo;
use crate::error::{EngineError, Result};
use crate::heads::HeadId;
use crate::location::DatabaseUrl;
use crate::store::connect::{PATIENCE, connect_one, connect_options};
use crate::store::schema::refuse_other;
use crate::store::{MISSED, migrations, schema_lock, sql};
use sqlx::postgres::{PgListener, PgNotification, PgPool, PgPoolOptions};
use sqlx::{Acquire, Connection};

/// Beats need not outlive the database's machine.
const HASTY: &str = "SET synchronous_commit = off";

/// A line that stands. Dropped, it ends, and with it the locks of this server.
pub(super) struct Line {
    listener: PgListener,
    pool: PgPool,
    us: HeadId,
}

impl Line {
    /// Makes one and says that this server lives. Refused by a schema that this build does not know, and while somebody changes it.
    pub(super) async fn connect(url: &DatabaseUrl, info: &HeadInfo) -> Result<Line> {
        let options = connect_options(url)?;
        // It says why there is none.
        let _ = connect_one(url, &options).await?.close().await;
        let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
        let pool = pool.acquire_timeout(PATIENCE).connect_with(options).await?;
        let mut listener = PgListener::connect_with(&pool).await?;
        // What was missed meanwhile is looked after first.
        listener.eager_reconnect(false);
        let mut line = Line { listener, pool, us: info.id };
        line.set_up(url, info).await?;
        Ok(line)
    }

    async fn set_up(&mut self, url: &DatabaseUrl, info: &HeadInfo) -> Result<()> {
        let connection = (&mut self.listener).acquire().await?;
        schema_lock::share(url, connection).await?;
        let version: i64 = sqlx::query_scalar(sql::VERSION.postgres).fetch_one(&mut *connection).await?;
        refuse_other(&format!("database {url}"), version, migrations::known(&migrations::POSTGRES), false)?;
        sqlx::raw_sql(HASTY).execute(&mut *connection).await?;
        let channel: String =
            sqlx::query_scalar(sql::NEWS_CHANNEL.postgres).fetch_one(&mut *connection).await?;
        self.listener.listen(&channel).await?;
        self.beat(info).await
    }

    /// Says that this server lives.
    pub(super) async fn beat(&mut self, info: &HeadInfo) -> Result<()> {
        let beat = sqlx::query(sql::HEAD_BEAT.postgres).bind(info.id.0).bind(&info.name).bind(&info.address);
        beat.bind(env!("CARGO_PKG_VERSION")).execute(&mut self.listener).await?;
        Ok(())
    }

    /// How many servers live.
    pub(super) async fn living(&mut self) -> Result<usize> {
        let count = sqlx::query_scalar(sql::HEADS_LIVING.postgres).bind(MISSED.as_micros() as i64);
        let count: i64 = count.fetch_one(&mut self.listener).await?;
        Ok(count.max(1) as usize)
    }

    /// Becomes the one that cleans up for all, unless another is; as long as the line stands.
    pub(super) async fn lead(&mut self) -> Result<bool> {
        let leads: i64 = sqlx::query_scalar(sql::LEAD.postgres).fetch_one(&mut self.listener).await?;
        Ok(leads == 1)
    }

    /// What others have changed, as it comes. An error when the line is down. What is lost of a call that is given up: nothing.
    pub(super) async fn news(&mut self) -> Result<Option<News>> {
        match self.listener.try_recv().await? {
            Some(told) => Ok(self.of_others(&told)),
            None => Err(EngineError::Unreachable("the database has ended the connection".to_owned())),
        }
    }

    fn of_others(&self, told: &PgNotification) -> Option<News> {
        let (by, news) = news::read(told.payload());
        (by != Some(self.us)).then_some(news)
    }

    /// Says that this server is gone, and goes.
    pub(super) async fn leave(mut self, info: &HeadInfo) -> Result<()> {
        sqlx::query(sql::HEAD_GONE.postgres).bind(info.id.0).execute(&mut self.listener).await?;
        drop(self.listener);
        self.pool.close().await;
        Ok(())
    }
}
