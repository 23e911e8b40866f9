//! What every part of a running engine shares.

use crate::blobs::Blobs;
use crate::config::EngineConfig;
use crate::draft::{Drafted, JobTypes};
use crate::error::Result;
use crate::heads::HeadFile;
use crate::keys::KeyGuard;
use crate::lanes::Lanes;
use crate::metrics::Counters;
use crate::model::Timestamp;
use crate::preview::Previews;
use crate::resumable::Writers;
use crate::run::running::Running;
use crate::run::starter::Starter;
use crate::staging::Staging;
use crate::store::Store;
use crate::store::head::{JobNews, News};
use crate::thumbnails::Thumbnails;
use crate::upkeep::Scrubbed;
use crate::workers::{PilotBoard, Workers};
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tracing::Instrument;

/// The parts of an engine: its service and its runner hold one together.
pub(crate) struct Core {
    pub(crate) config: EngineConfig,
    pub(crate) types: JobTypes,
    pub(crate) store: Store,
    pub(crate) blobs: Blobs,
    pub(crate) running: Running,
    pub(crate) starter: Starter,
    pub(crate) workers: Arc<Workers>,
    pub(crate) pilots: PilotBoard,
    /// What was read of jobs whose memory is known only once their upstream jobs have ended.
    pub(crate) drafted: Drafted,
    pub(crate) counters: Counters,
    pub(crate) keys: KeyGuard,
    pub(crate) scrubbed: Scrubbed,
    pub(crate) lanes: Lanes,
    pub(crate) staging: Staging,
    pub(crate) writers: Writers,
    pub(crate) previews: Arc<Previews>,
    pub(crate) thumbnails: Thumbnails,
    /// Number of the last generated filename.
    pub(crate) last_name: AtomicU64,
    /// This server among those that share the folder, where there may be others.
    pub(crate) head: Option<HeadFile>,
    /// Last: released when all else is gone.
    pub(crate) _lock: File,
}

impl Core {
    /// A filename that this folder has not seen: the time in nanoseconds, made unique.
    pub(crate) fn new_filename(&self, extension: &str) -> String {
        // Servers that share a folder do not count together.
        let own = self.head.as_ref().map_or(0, |head| head.id.0.unsigned_abs() % 1000);
        let now = (Timestamp::now().0.max(0) as u64).saturating_mul(1000).saturating_add(own);
        let next = |last: u64| Some(now.max(last + 1));
        let last = self.last_name.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        let name = last.unwrap_or_else(|last| last).saturating_add(1).max(now);
        format!("{name:016x}.{extension}")
    }

    /// Does what follows from what another server has changed.
    pub(crate) fn hear(&self, news: &News) {
        match *news {
            News::Job { is: JobNews::Ready, .. } => self.running.ring(),
            News::Job { is: JobNews::Unwanted, id, .. } => self.running.cancel(&[id]),
            News::Keys => self.keys.forget(),
            News::Upload(id) => self.writers.call(id),
            News::Anything => {
                self.keys.forget();
                self.running.look_again();
            }
            News::Job { .. } | News::Workflow { .. } | News::Asset { .. } => {}
        }
    }

    /// Bytes that may still be written to the disk of the data folder: what is free, less what is kept free for the ledger.
    pub(crate) fn disk_room(&self) -> std::io::Result<u64> {
        self.store.limits().disk_room()
    }
}

/// Runs a write to its end even when its caller goes away (a client that hangs up drops the future
/// of its request): a transaction is not left half open on the only writing connection, and what a
/// commit has changed is forgotten by the caches.
pub(crate) async fn uninterrupted<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    tokio::spawn(work.in_current_span()).await?
}

/// Runs what takes long, such as reading a document of megabytes, on another thread than those that answer requests.
pub(crate) async fn on_worker<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await?
}
