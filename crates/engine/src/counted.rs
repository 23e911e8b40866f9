//! Counts of the ledger for whoever watches the service: a ledger of millions of jobs is not counted at every question.

use crate::error::Result;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// One count serves all questions within this time at least.
const EVERY: Duration = Duration::from_secs(1);
/// A count that takes long is made more seldom: it takes one part in so many of the time at most.
const SHARE: u32 = 20;
/// Whoever asks waits so long for a new count, then takes the last one.
const PATIENCE: Duration = Duration::from_secs(2);

/// What was counted.
#[derive(Debug)]
pub struct Look<T> {
    /// What was found.
    pub found: Arc<T>,
    /// When the count began.
    pub at: Instant,
    took: Duration,
}

impl<T> Clone for Look<T> {
    fn clone(&self) -> Look<T> {
        Look { found: self.found.clone(), ..*self }
    }
}

/// Something that is counted, by one at a time.
pub(crate) struct Counted<T> {
    last: Mutex<Option<Look<T>>>,
    counting: tokio::sync::Mutex<()>,
}

impl<T> Default for Counted<T> {
    fn default() -> Counted<T> {
        Counted { last: Mutex::default(), counting: tokio::sync::Mutex::default() }
    }
}

impl<T: Send + Sync + 'static> Counted<T> {
    fn last(&self) -> MutexGuard<'_, Option<Look<T>>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fresh(&self) -> Option<Look<T>> {
        let is_fresh = |look: &&Look<T>| look.at.elapsed() < EVERY.max(look.took * SHARE);
        self.last().as_ref().filter(is_fresh).cloned()
    }

    /// The last count, or what `count` finds where that is too old. A count goes on where nobody waits for it any more, and serves whoever
    /// asks next.
    pub(crate) async fn look(
        self: &Arc<Self>,
        count: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<Look<T>> {
        if let Some(fresh) = self.fresh() {
            return Ok(fresh);
        }
        let this = self.clone();
        let mut counting = tokio::spawn(async move {
            let _alone = this.counting.lock().await;
            if let Some(fresh) = this.fresh() {
                return Ok(fresh);
            }
            let at = Instant::now();
            let found = Arc::new(count.await?);
            let look = Look { found, at, took: at.elapsed() };
            *this.last() = Some(look.clone());
            Ok(look)
        });
        if let Ok(counted) = timeout(PATIENCE, &mut counting).await {
            return counted?;
        }
        let last = self.last().clone();
        match last {
            Some(last) => Ok(last),
            None => counting.await?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};
    use tokio::time::sleep;

    /// Counts how often it was counted; each count takes so long.
    fn count(times: &Arc<AtomicU64>, takes: Duration) -> impl Future<Output = Result<u64>> + Send + use<> {
        let times = times.clone();
        async move {
            sleep(takes).await;
            Ok(times.fetch_add(1, Ordering::Relaxed) + 1)
        }
    }

    #[tokio::test]
    async fn who_asks_at_once_or_goes_has_one_count_and_nobody_waits_long_for_another() {
        let (counted, times) = (Arc::new(Counted::default()), Arc::default());
        let takes = Duration::from_millis(300);
        // Nobody waits to its end for the first one.
        let gone = timeout(Duration::from_millis(20), counted.look(count(&times, takes))).await;
        assert!(gone.is_err());
        let looks = futures::future::join_all((0..5).map(|_| counted.look(count(&times, takes)))).await;
        assert!(looks.into_iter().all(|look| *look.unwrap().found == 1));
        // It may take a twentieth of the time: for six seconds that one serves.
        let first = counted.look(count(&times, takes)).await.unwrap();
        assert!(first.took >= takes && times.load(Ordering::Relaxed) == 1);
        // Once it is too old, one that takes too long is not waited for.
        counted.last().as_mut().unwrap().took = Duration::ZERO;
        counted.last().as_mut().unwrap().at -= EVERY;
        let begun = Instant::now();
        let old = counted.look(count(&times, 2 * PATIENCE)).await.unwrap();
        assert_eq!(*old.found, 1);
        assert!(begun.elapsed() < 2 * PATIENCE);
    }
}
