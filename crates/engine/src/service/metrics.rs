//! Numbers about the work at hand and done.

use super::Engine;
use crate::error::Result;
use crate::metrics::{AttemptEnd, Metrics, Server};
use crate::run::death::Death;
use crate::store::{KnownHead, MISSED};
use std::sync::atomic::Ordering;

impl Engine {
    /// Counts everything.
    pub async fn metrics(&self) -> Result<Metrics> {
        let counters = &self.core.counters;
        let core = self.core.clone();
        let queue = counters.queue.look(async move { core.store.count_queue().await }).await?;
        let core = self.core.clone();
        let count = async move {
            let known: Vec<&str> = core.types.iter().map(|entry| entry.type_name).collect();
            core.store.count(&known).await
        };
        let ledger = counters.ledger.look(count).await?;
        let count = |end: AttemptEnd| (end, counters.ends[end as usize].load(Ordering::Relaxed));
        let deaths = Death::CAUSES.into_iter().zip(&counters.deaths);
        Ok(Metrics {
            ledger,
            queue,
            attempts: AttemptEnd::ALL.into_iter().map(count).collect(),
            deaths: deaths.map(|(cause, n)| (cause, n.load(Ordering::Relaxed))).collect(),
            leases_lost: counters.leases_lost.load(Ordering::Relaxed),
            damaged_blobs: self.core.blobs.damage.count(),
            scrubbed_blobs: self.core.scrubbed.blobs.load(Ordering::Relaxed),
            scrubbed_bytes: self.core.scrubbed.bytes.load(Ordering::Relaxed),
            servers: self.servers().await?,
            running: self.core.running.load().slots as u64,
        })
    }

    /// Servers that share the database and live.
    async fn servers(&self) -> Result<Vec<Server>> {
        let known = self.core.store.known_heads().await?;
        let lives = known.into_iter().filter(|head| head.silence < MISSED.as_micros() as i64);
        Ok(lives
            .map(|KnownHead { id, name, address, version, .. }| Server {
                number: id.0,
                name,
                address,
                version,
            })
            .collect())
    }

    /// How many servers share the work, this one included.
    pub fn server_count(&self) -> usize {
        self.core.store.head().map_or(1, |head| head.living())
    }
}
