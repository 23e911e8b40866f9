//! What the slots of a worker share.

use super::connection::Server;
use fieldstone_engine::Attempts;
use fieldstone_engine::blob_cache::Cache;
use fieldstone_engine::talk::Hello;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

/// How far a worker is with its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub enum Phase {
    /// Attempts are asked for.
    Working,
    /// No more are.
    Leaving,
    /// Those that run are given back.
    Ending,
}

/// What all slots share.
pub struct Worker {
    pub server: Server,
    pub hello: Hello,
    pub attempts: Attempts,
    pub cache: Arc<Cache>,
    pub work: PathBuf,
    pub phase: watch::Receiver<Phase>,
    pub usage: Usage,
}

/// How many attempts run, and since when none does.
pub struct Usage(Mutex<(usize, Instant)>);

impl Usage {
    /// Nothing runs yet.
    pub fn new() -> Usage {
        Usage(Mutex::new((0, Instant::now())))
    }

    /// An attempt begins.
    pub fn begin(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0 += 1;
    }

    /// It has ended.
    pub fn end(&self) {
        let mut usage = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *usage = (usage.0 - 1, Instant::now());
    }

    fn idle_since(&self) -> Option<Instant> {
        let (running, since) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (running == 0).then_some(since)
    }

    /// Returns once there was no attempt for so long.
    pub async fn idle_for(&self, most: Duration) {
        loop {
            match self.idle_since() {
                Some(since) if since.elapsed() >= most => return,
                Some(since) => sleep_until(since + most).await,
                None => sleep(most.min(Duration::from_secs(1))).await,
            }
        }
    }
}
