//! Previews: processes that stay and compute them, a few at a time, and the tabs in which a newer one ends the older.

mod process;

pub use process::Preview;

use crate::config::EngineConfig;
use crate::error::{EngineError, Result};
use fieldstone_jobs::child::threads_of;
use fieldstone_jobs::preview::talk::{File, Order, Request, Start};
use process::{Previewer, Stop, Verdict};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, SemaphorePermit, watch};

/// Previews that may wait for a process; more are told to come again.
const MOST_WAITING: usize = 32;

/// Who sees one preview at a time: a user's window, by a name of its own choice.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tab {
    pub(crate) user: String,
    pub(crate) name: String,
}

/// The processes of previews.
pub(crate) struct Previews {
    slots: Arc<Semaphore>,
    /// Of pictures there is one at a time, beside previews.
    picture: Semaphore,
    waiting: AtomicUsize,
    idle: Mutex<Vec<Previewer>>,
    tabs: Mutex<HashMap<Tab, (u64, watch::Sender<Stop>)>>,
    /// Number of the last preview.
    last: AtomicU64,
}

impl Previews {
    /// As many at a time as half of the processors.
    pub(crate) fn new(config: &EngineConfig) -> Previews {
        Previews {
            slots: Arc::new(Semaphore::new((threads_of(config.threads) / 2).max(1))),
            picture: Semaphore::new(1),
            waiting: AtomicUsize::new(0),
            idle: Mutex::default(),
            tabs: Mutex::default(),
            last: AtomicU64::new(0),
        }
    }

    /// Ends the processes that wait for work.
    pub(crate) fn close(&self) {
        lock(&self.idle).clear();
    }

    /// Computes a preview; `place` says where the bytes of a checksum lie. Dropped, it ends within a moment.
    pub(crate) async fn compute(
        self: &Arc<Self>,
        config: &EngineConfig,
        request: Request,
        tab: Option<Tab>,
        place: impl Fn(&str) -> Result<PathBuf> + Send + Sync + 'static,
    ) -> Result<Preview> {
        let (turn, mut stop) = self.enter(tab);
        let replaced = || EngineError::Conflict("a newer preview of this tab has taken its place".into());
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= MOST_WAITING {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            let message = format!("{MOST_WAITING} previews are waiting already");
            return Err(EngineError::Busy { message, retry_after_s: 1 });
        }
        let slot = tokio::select! {
            slot = self.slots.clone().acquire_owned() => Some(slot),
            _ = stop.changed() => None,
        };
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        let Some(slot) = slot else { return Err(replaced()) };
        let slot = slot.map_err(|e| EngineError::Internal(e.into()))?;
        let program = config.previewer.clone();
        let program = program.ok_or_else(|| EngineError::NotFound("a program for previews".into()))?;
        let start = start_of(config);
        let limit = config.preview_time_limit;
        let previews = self.clone();
        // A task of its own: when whoever waits goes away, the process is told, and is fit for the next.
        let work = tokio::spawn(async move {
            let _slot = slot;
            let idle = lock(&previews.idle).pop();
            let mut previewer = match idle.and_then(Previewer::if_fit) {
                Some(previewer) => previewer,
                None => Previewer::start(&program, &start).await?,
            };
            let verdict =
                previewer.compute(Order::Preview(Box::new(request)), &place, limit, &mut stop).await?;
            lock(&previews.idle).extend(previewer.if_fit());
            anyhow::Ok(verdict)
        });
        let verdict = work.await??;
        drop(turn);
        match verdict {
            Verdict::Done(preview) => Ok(*preview),
            Verdict::Pictured(_) => Err(anyhow::anyhow!("a preview was answered with a picture").into()),
            Verdict::Refused(text) => Err(EngineError::invalid("graph", text)),
            Verdict::TooLarge(text) => Err(EngineError::TooLarge(text)),
            Verdict::Stopped => Err(replaced()),
            Verdict::Late => Err(EngineError::TooLarge(format!(
                "the preview took more than the {} s of setting preview_time: take a lower resolution",
                limit.as_secs_f64()
            ))),
            Verdict::Failed(text) => Err(anyhow::anyhow!("a preview failed: {text}").into()),
            Verdict::Dead(how) => {
                tracing::warn!("a process of previews died: {how}");
                let text = "its preview ended the process that computed it, for want of memory or by a fault of ours";
                Err(EngineError::invalid("graph", text))
            }
        }
    }

    /// Waits for the turn to make a picture. One at a time is made; only so many wait.
    pub(crate) async fn picture_turn(&self) -> Result<SemaphorePermit<'_>> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= MOST_WAITING {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            let message = format!("{MOST_WAITING} previews and pictures are waiting already");
            return Err(EngineError::Busy { message, retry_after_s: 1 });
        }
        let turn = self.picture.acquire().await;
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        turn.map_err(|e| EngineError::Internal(e.into()))
    }

    /// Makes a small picture (PNG) of a file in a process of its own; `Err` inside is why there is none.
    pub(crate) async fn picture(
        &self,
        config: &EngineConfig,
        file: File,
        place: impl Fn(&str) -> Result<PathBuf> + Send + Sync + 'static,
    ) -> Result<Result<Vec<u8>, String>> {
        let program = config.previewer.clone();
        let program = program.ok_or_else(|| EngineError::NotFound("a program for pictures".into()))?;
        let (_stay, mut stop) = watch::channel(Stop::No);
        let mut previewer = Previewer::start(&program, &start_of(config)).await?;
        let limit = config.preview_time_limit;
        match previewer.compute(Order::Picture(Box::new(file)), &place, limit, &mut stop).await? {
            Verdict::Pictured(png) => Ok(Ok(png)),
            Verdict::Refused(text) | Verdict::TooLarge(text) => Ok(Err(text)),
            Verdict::Late => {
                Ok(Err(format!("it took more than the {} s of setting preview_time", limit.as_secs_f64())))
            }
            Verdict::Dead(how) => Ok(Err(format!("the process that made it ended: {how}"))),
            Verdict::Failed(text) => Err(anyhow::anyhow!("a picture failed: {text}").into()),
            Verdict::Done(_) | Verdict::Stopped => {
                Err(anyhow::anyhow!("a picture was answered otherwise").into())
            }
        }
    }

    /// Takes the tab: what was computed for it until now ends.
    fn enter(self: &Arc<Self>, tab: Option<Tab>) -> (Turn, watch::Receiver<Stop>) {
        let (sender, receiver) = watch::channel(Stop::No);
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        let own = sender.clone();
        if let Some(tab) = &tab
            && let Some((_, older)) = lock(&self.tabs).insert(tab.clone(), (number, sender))
        {
            older.send_replace(Stop::Replaced);
        }
        (Turn { previews: self.clone(), tab, number, stop: own }, receiver)
    }
}

fn start_of(config: &EngineConfig) -> Start {
    Start { limits: config.job_limits, threads: config.threads, memory_bytes: config.preview_memory_bytes }
}

/// A preview that somebody waits for.
struct Turn {
    previews: Arc<Previews>,
    tab: Option<Tab>,
    number: u64,
    stop: watch::Sender<Stop>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.stop.send_replace(Stop::Gone);
        if let Some(tab) = &self.tab {
            let mut tabs = lock(&self.previews.tabs);
            if tabs.get(tab).is_some_and(|(number, _)| *number == self.number) {
                tabs.remove(tab);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
