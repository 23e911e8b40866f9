//! Listens for what other servers change, for as long as this one lives.

use super::line::Line;
use super::news::News;
use super::shared::Shared;
use crate::error::{EngineError, Result};
use crate::location::DatabaseUrl;
use crate::store::connect::PATIENCE;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// How often a server says that it lives, and how often it tries to where the line is down.
const EVERY: Duration = Duration::from_secs(1);

/// Listens until the end is asked for. When the line breaks another is made, and nothing is believed that was remembered before it.
pub(super) async fn listen(url: DatabaseUrl, first: Line, shared: Arc<Shared>) {
    let mut line = Some(first);
    loop {
        if let Some(line) = line.take() {
            if let Err(e) = stand(line, &shared).await {
                shared.hears.store(false, Ordering::Release);
                tracing::error!("the database {url} does not answer ({e}): nothing is written until it does");
            } else {
                return;
            }
        }
        shared.leads.store(false, Ordering::Release);
        tokio::select! {
            () = shared.ending.notified() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        match Line::connect(&url, &shared.info).await {
            Ok(stands) => {
                // First what was missed, then what comes.
                shared.hear(&News::Anything);
                set_refused(&shared, None);
                *shared.stands_since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
                shared.hears.store(true, Ordering::Release);
                tracing::info!("the database {url} answers again");
                line = Some(stands);
            }
            Err(EngineError::Unreachable(_)) => {}
            Err(e) => {
                tracing::error!("{e}: nothing is written");
                set_refused(&shared, Some(e.to_string()));
            }
        }
    }
}

fn set_refused(shared: &Shared, why: Option<String>) {
    *shared.refused.lock().unwrap_or_else(PoisonError::into_inner) = why;
}

/// Listens on a line. An error when it breaks; else the end was asked for.
async fn stand(mut line: Line, shared: &Shared) -> Result<()> {
    let mut every = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            () = shared.ending.notified() => {
                shared.hears.store(false, Ordering::Release);
                if let Err(e) = line.leave(&shared.info).await {
                    tracing::debug!("the other servers were not told that this one ends: {e}");
                }
                return Ok(());
            }
            news = line.news() => news?.iter().for_each(|news| shared.hear(news)),
            _ = every.tick() => {
                answered(line.beat(&shared.info)).await?;
                shared.living.store(answered(line.living()).await?, Ordering::Relaxed);
                if !shared.leads.load(Ordering::Acquire) && answered(line.lead()).await? {
                    shared.leads.store(true, Ordering::Release);
                }
            }
        }
    }
}

async fn answered<T>(asked: impl Future<Output = Result<T>>) -> Result<T> {
    let late = || EngineError::Unreachable(format!("no answer within {} s", PATIENCE.as_secs()));
    tokio::time::timeout(PATIENCE, asked).await.map_err(|_| late())?
}
