//! What is known of this server and of its line, by whoever asks and by the task that listens.

use super::news::News;
use crate::cache::Cache;
use crate::heads::HeadId;
use crate::model::JobId;
use crate::store::feed::{Changed, Feed};
use crate::store::jobs::KnownJob;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;
use tokio::sync::Notify;

/// Who a server says it is.
#[derive(Clone, Debug)]
pub(crate) struct HeadInfo {
    pub(crate) id: HeadId,
    /// Of its machine.
    pub(crate) name: String,
    /// Where it listens; empty where it does not.
    pub(crate) address: String,
}

/// What is remembered of a ledger, and who is told of its changes.
pub(crate) struct Remembered {
    pub(crate) jobs: Arc<Cache<JobId, KnownJob>>,
    pub(crate) feed: Arc<Feed>,
}

/// Who is told of news.
type Listener = Box<dyn Fn(&News) + Send + Sync>;

/// What the task that listens shares with everybody.
pub(super) struct Shared {
    pub(super) info: HeadInfo,
    pub(super) remembered: Remembered,
    /// Whether the line to the database stands.
    pub(super) hears: AtomicBool,
    /// Since when.
    pub(super) stands_since: Mutex<Instant>,
    /// Why it does not, where another try cannot help.
    pub(super) refused: Mutex<Option<String>>,
    /// Whether this is the one that cleans up for all.
    pub(super) leads: AtomicBool,
    /// Servers that live, this one included.
    pub(super) living: AtomicUsize,
    pub(super) ending: Notify,
    pub(super) listener: OnceLock<Listener>,
}

impl Shared {
    /// Of a server whose line does not stand yet.
    pub(super) fn new(info: HeadInfo, remembered: Remembered) -> Shared {
        Shared {
            info,
            remembered,
            hears: AtomicBool::new(false),
            stands_since: Mutex::new(Instant::now()),
            refused: Mutex::default(),
            leads: AtomicBool::new(false),
            living: AtomicUsize::new(1),
            ending: Notify::new(),
            listener: OnceLock::new(),
        }
    }

    /// Forgets what others have changed and tells of it.
    pub(super) fn hear(&self, news: &News) {
        let Remembered { jobs, feed } = &self.remembered;
        match *news {
            News::Job { project, id, .. } => {
                jobs.forget([id]);
                feed.note(project, [Changed::Job(id)]);
            }
            News::Workflow { project, id } => feed.note(project, [Changed::Workflow(id)]),
            News::Asset { project, id } => feed.note(project, [Changed::Asset(id)]),
            News::Keys | News::Upload(_) => {}
            News::Anything => {
                jobs.clear();
                feed.lose();
            }
        }
        if let Some(listener) = self.listener.get() {
            listener(news);
        }
    }
}
