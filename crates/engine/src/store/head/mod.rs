//! This server among those that share a database: what it hears of the others' changes, and that it lives.

mod doorbell;
mod line;
mod news;
mod shared;

use crate::error::{EngineError, Result};
use crate::heads::HeadId;
use crate::location::DatabaseUrl;
use crate::store::connect::PATIENCE;
pub(crate) use news::{JobNews, News};
use shared::Shared;
pub(crate) use shared::{HeadInfo, Remembered};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;

/// This server. Its place among the others ends with [`Head::end`], or when it is dropped.
pub(crate) struct Head {
    url: DatabaseUrl,
    shared: Arc<Shared>,
    ringer: Mutex<Option<JoinHandle<()>>>,
}

impl Head {
    /// Joins the servers of a ledger.
    pub(super) async fn join(url: DatabaseUrl, info: HeadInfo, remembered: Remembered) -> Result<Head> {
        let shared = Arc::new(Shared::new(info, remembered));
        let mut line = line::Line::connect(&url, &shared.info).await?;
        shared.leads.store(line.lead().await?, Ordering::Release);
        shared.hears.store(true, Ordering::Release);
        let ringer = tokio::spawn(doorbell::listen(url.clone(), line, shared.clone()));
        Ok(Head { url, shared, ringer: Mutex::new(Some(ringer)) })
    }

    /// Has this called with all that others change, as it is heard.
    pub(crate) fn tell(&self, listener: impl Fn(&News) + Send + Sync + 'static) {
        // The first is the only one.
        let _ = self.shared.listener.set(Box::new(listener));
    }

    pub(crate) fn id(&self) -> HeadId {
        self.shared.info.id
    }

    /// Refuses to write while the line is down: others may think that this server is gone, and nobody would hear of what it writes that
    /// its own connections tell of.
    pub(super) fn check(&self) -> Result<()> {
        if self.shared.hears.load(Ordering::Acquire) {
            return Ok(());
        }
        let url = &self.url;
        let refused = self.shared.refused.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Err(EngineError::Unreachable(match refused {
            Some(why) => format!("nothing is written: {why}"),
            None => format!("the database {url} does not answer"),
        }))
    }

    /// How long the line to the database has stood, or did before it broke.
    pub(crate) fn stands_for(&self) -> Duration {
        self.shared.stands_since.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// Whether this is the server that cleans up for all.
    pub(crate) fn leads(&self) -> bool {
        self.shared.leads.load(Ordering::Acquire)
    }

    /// Servers that live, this one included.
    pub(crate) fn living(&self) -> usize {
        self.shared.living.load(Ordering::Relaxed)
    }

    fn ringer(&self) -> Option<JoinHandle<()>> {
        self.ringer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Leaves the others.
    pub(super) async fn end(&self) {
        if let Some(mut ringer) = self.ringer() {
            self.shared.ending.notify_one();
            if tokio::time::timeout(PATIENCE, &mut ringer).await.is_err() {
                ringer.abort();
            }
        }
    }
}

impl Drop for Head {
    fn drop(&mut self) {
        if let Some(ringer) = self.ringer() {
            ringer.abort();
        }
    }
}
