//! Workers: who may work for this engine, and who does.

use super::Engine;
use crate::blobs::Blob;
use crate::caller::Caller;
use crate::error::Result;
use crate::model::Timestamp;
use crate::workers::talk::Hello;
use crate::workers::{Pilots, Seat, WorkerSlot};
use std::sync::Arc;

impl Engine {
    /// The worker's key behind a token; `None` when it is none, or is revoked or has expired. It opens nothing else.
    pub async fn authenticate_worker(&self, token: &str) -> Result<Option<Arc<Caller>>> {
        self.core.keys.authenticate_worker(&self.core.store, token, Timestamp::now()).await
    }

    /// Why whoever says this cannot work here; `None` if it can.
    pub fn refuse_worker(&self, hello: &Hello) -> Option<String> {
        hello.refusal(self.core.types)
    }

    /// Takes in a slot of a worker: from now on attempts may come.
    pub fn join_worker(&self, hello: &Hello) -> Seat {
        let seat = self.core.workers.join(hello);
        self.core.running.ring();
        seat
    }

    /// Slots of workers that are connected to this server.
    pub fn workers(&self) -> Vec<WorkerSlot> {
        self.core.workers.all()
    }

    /// How many of them there are.
    pub fn worker_slots(&self) -> usize {
        self.core.workers.count()
    }

    /// Jobs, and pieces of jobs, that wait for a place and need no more memory than this; no more than `most` are counted.
    pub async fn waiting_jobs(&self, memory_bytes: u64, most: u32) -> Result<u32> {
        let pieces = u32::try_from(self.core.running.waiting_pieces(memory_bytes)).unwrap_or(u32::MAX);
        let jobs = self.core.store.waiting_jobs(memory_bytes, most).await?;
        Ok(jobs.saturating_add(pieces).min(most))
    }

    /// Whether this server, of those that share a ledger, is the one that asks for pilots.
    pub fn asks_for_pilots(&self) -> bool {
        self.core.store.cleans_up()
    }

    /// Notes what is known of pilots now.
    pub fn set_pilots(&self, pilots: Pilots) {
        self.core.pilots.write(pilots);
    }

    /// What is known of pilots; `None` where this server asks for none.
    pub fn pilots(&self) -> Option<Pilots> {
        self.core.pilots.read()
    }

    /// The bytes of an input, for a worker that holds a link to them.
    pub async fn open_input(&self, sha256: &str) -> Result<Blob> {
        if let Some(piece) = self.core.blobs.open_piece(sha256).await? {
            return Ok(piece);
        }
        // Deleted assets have no rows: the bytes of those that jobs wait for are there all the same.
        let size = self.core.blobs.size(sha256).await?;
        self.core.blobs.read(sha256, size, None).await
    }
}
