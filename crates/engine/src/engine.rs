//! The engine: the one object that the server and the commands talk to.

use crate::blobs::Blobs;
use crate::child::Program;
use crate::draft::{Drafted, JobTypes};
use crate::keys::{self, Grant, Keys};
use crate::lock;
use crate::metrics::Counters;
use crate::model::*;
use crate::runner::{Runner, Running};
use crate::store::{Limits, Result, Store};
use bytes::Bytes;
use fieldstone_jobs::JobLimits;
use futures::stream::BoxStream;
use std::fs::File;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tracing::Instrument;

/// Where state lives and how much of the machine may be used.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Data folder; made when absent.
    pub data: PathBuf,
    /// Jobs that run at the same time.
    pub concurrent_jobs: usize,
    /// Threads that geometry uses; 0 means one per core.
    pub threads: usize,
    /// Attempts lost to crashes after which a job fails.
    pub max_attempts: u32,
    /// Memory in bytes that running jobs may need together, by their own estimates.
    pub memory_limit_bytes: u64,
    /// Jobs in one workflow at most.
    pub max_workflow_jobs: usize,
    /// Bytes that the assets of one project may have together; `None`: no limit.
    pub project_quota_bytes: Option<u64>,
    /// Jobs of one project that may wait; `None`: no limit.
    pub max_queue: Option<u64>,
    /// Bytes of one upload at most.
    pub max_upload_bytes: u64,
    /// Limits inside jobs.
    pub job_limits: JobLimits,
    /// What keeps a job from harming others.
    pub isolation: Isolation,
    /// Time that one attempt may take, where it has a process of its own; `None`: no limit.
    pub job_time_limit: Option<Duration>,
    /// Time that running jobs get to end by themselves when the service stops.
    pub shutdown_grace: Duration,
    /// Whether a job that repeats finished work of its project gets its results.
    pub reuse_results: bool,
}

/// Where an attempt runs.
#[derive(Clone, Debug)]
pub enum Isolation {
    /// In threads of this process. A crash, a stack overflow or too much memory ends all of it.
    Threads,
    /// In a process of its own, which this program starts.
    Process(Program),
}

/// The service without HTTP. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) config: EngineConfig,
    pub(crate) types: JobTypes,
    pub(crate) store: Store,
    pub(crate) blobs: Blobs,
    pub(crate) running: Running,
    /// What was read of jobs whose memory is known only once their upstream jobs have ended.
    pub(crate) drafted: Drafted,
    pub(crate) counters: Counters,
    keys: Keys,
    signing_key: [u8; 32],
    /// Number of the last generated filename.
    last_name: AtomicU64,
    runner: Mutex<Option<JoinHandle<()>>>,
    /// When writing was last seen to work.
    written: tokio::sync::Mutex<Option<Instant>>,
    /// Last: released when all else is gone.
    _lock: File,
}

/// A blob's bytes, or a range of them.
pub struct Blob {
    /// Size of the whole blob.
    pub size: u64,
    /// What `bytes` covers.
    pub range: Range<u64>,
    /// The content.
    pub bytes: BoxStream<'static, std::io::Result<Bytes>>,
}

/// One probe of the disk serves all questions within this time: anybody may ask.
const PROBE_EVERY: Duration = Duration::from_secs(1);

impl Engine {
    /// Opens the data folder, alone (a lock), migrates it and takes back what a killed process left.
    pub async fn open(config: EngineConfig) -> Result<Engine> {
        Self::open_with_types(config, fieldstone_jobs::JOB_TYPES).await
    }

    /// [`Engine::open`] with a job type table of the caller's choice.
    pub async fn open_with_types(config: EngineConfig, types: JobTypes) -> Result<Engine> {
        lock::make_folder(&config.data)?;
        let lock = lock::lock(&config.data)?;
        let limits = Limits {
            bytes: config.project_quota_bytes,
            waiting: config.max_queue,
            memory: config.memory_limit_bytes,
        };
        let store = Store::open(&config.data, true).await?.limited(limits);
        let blobs = Blobs::open(&config.data)?;
        let fresh = hex::encode(rand::random::<[u8; 32]>());
        let kept = store.meta_or_init("signing_key", &fresh).await?;
        let signing_key = hex::decode(kept).ok().and_then(|k| k.try_into().ok());
        let signing_key =
            signing_key.ok_or_else(|| anyhow::anyhow!("the ledger's signing key is damaged"))?;
        let now = Timestamp::now();
        store.expire_all().await?;
        store.reap(config.max_attempts, now, now).await?;
        store.advance_all(now).await?;
        let inner = Inner {
            config,
            types,
            store,
            blobs,
            running: Running::default(),
            drafted: Drafted::default(),
            counters: Counters::default(),
            keys: Keys::new(signing_key),
            signing_key,
            last_name: AtomicU64::new(0),
            runner: Mutex::default(),
            written: tokio::sync::Mutex::default(),
            _lock: lock,
        };
        Ok(Engine { inner: Arc::new(inner) })
    }

    /// Starts running jobs; call it inside a tokio runtime.
    pub fn start(&self) {
        let mut runner = self.inner.runner.lock().unwrap_or_else(PoisonError::into_inner);
        if runner.is_none() {
            self.inner.running.go();
            *runner = Some(tokio::spawn(Runner::new(self.inner.clone()).run()));
        }
    }

    /// Stops running jobs; unfinished ones go on after the next start.
    pub async fn stop(&self) {
        self.inner.running.stop();
        let runner = self.inner.runner.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(e)) = match runner {
            Some(runner) => Some(runner.await),
            None => None,
        } {
            tracing::error!("the runner ended badly: {e}");
        }
    }

    /// Whether the ledger and the blobs can be written.
    pub async fn ready(&self) -> Result<()> {
        let mut written = self.inner.written.lock().await;
        if written.is_some_and(|at| at.elapsed() < PROBE_EVERY) {
            return Ok(());
        }
        let store = self.inner.store.clone();
        uninterrupted(async move { store.set_meta("ready", &Timestamp::now().0.to_string()).await }).await?;
        let blobs = self.inner.blobs.clone();
        tokio::task::spawn_blocking(move || blobs.stage()?.write(b"ready")).await??;
        *written = Some(Instant::now());
        Ok(())
    }

    /// Makes a key and returns its token, which is stored nowhere.
    pub async fn create_key(&self, new: NewKey) -> Result<String> {
        let store = self.inner.store.clone();
        let insert = async move { keys::insert(&store, CredentialKind::Key, new, Timestamp::now()).await };
        Ok(uninterrupted(insert).await?.token())
    }

    /// Whether no key exists yet.
    pub async fn has_no_keys(&self) -> Result<bool> {
        keys::none(&self.inner.store).await
    }

    /// Whose token this is; `None` when it is nobody's, was revoked or has expired.
    pub async fn authenticate(&self, token: &str) -> Result<Option<Arc<Caller>>> {
        self.inner.keys.authenticate(&self.inner.store, token, Timestamp::now()).await
    }

    /// A token for the client with this id and secret; `None` when there is no such client.
    pub async fn grant_token(&self, client_id: &str, client_secret: &str) -> Result<Option<Grant>> {
        self.inner.keys.grant(&self.inner.store, client_id, client_secret, Timestamp::now()).await
    }

    /// A secret of this data folder, for signing links.
    pub fn signing_key(&self) -> [u8; 32] {
        self.inner.signing_key
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
pub(crate) async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await?
}

impl Inner {
    /// A filename that this folder has not seen: the time in nanoseconds, made unique.
    pub(crate) fn new_filename(&self, extension: &str) -> String {
        let now = (Timestamp::now().0.max(0) as u64).saturating_mul(1000);
        let next = |last: u64| Some(now.max(last + 1));
        let last = self.last_name.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        let name = last.unwrap_or_else(|last| last).saturating_add(1).max(now);
        format!("{name:016x}.{extension}")
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::draft::Draft;

    pub(crate) fn config(data: PathBuf) -> EngineConfig {
        EngineConfig {
            data,
            concurrent_jobs: 1,
            threads: 1,
            max_attempts: 3,
            memory_limit_bytes: 1 << 30,
            max_workflow_jobs: 10,
            project_quota_bytes: None,
            max_queue: None,
            max_upload_bytes: 1 << 20,
            job_limits: JobLimits::default(),
            isolation: Isolation::Threads,
            job_time_limit: None,
            shutdown_grace: Duration::ZERO,
            reuse_results: true,
        }
    }

    pub(crate) async fn project(engine: &Engine) -> ProjectId {
        let new = NewProject {
            name: "p".into(),
            access: Access::Private,
            kind: "unspecified".into(),
            project: None,
            source: None,
        };
        engine.create_project(&Caller::of("u"), new).await.unwrap().id
    }

    #[tokio::test]
    async fn a_job_that_takes_the_process_down_fails_in_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let caller = Caller::of("u");
        let open = async || Engine::open_with_types(config(folder.path().join("d")), &[]).await.unwrap();
        let engine = open().await;
        let project = project(&engine).await;
        let draft = Draft { type_name: "t".into(), ..Draft::default() };
        let job = engine.inner.store.insert_job(project, draft, Timestamp::now()).await.unwrap().id;
        let mut engine = Some(engine);
        for attempt in 1..=3 {
            // Claimed, with a lease far into the future, and then the process is gone.
            let store = engine.take().unwrap().inner.store.clone();
            let claim = store.claim(job, Timestamp(i64::MAX), Timestamp::now()).await.unwrap();
            assert_eq!(claim.unwrap().job().attempt, attempt);
            let reopened = open().await;
            let state = reopened.get_job(&caller, project, job).await.unwrap().state;
            assert_eq!(state, if attempt < 3 { State::Pending } else { State::Failure });
            engine = Some(reopened);
        }
        let error = engine.unwrap().get_job(&caller, project, job).await.unwrap().error.clone();
        assert_eq!(error.as_deref(), Some("the job was started 3 times and never finished"));
    }

    #[tokio::test]
    async fn old_blobs_without_a_row_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open_with_types(config(folder.path().join("d")), &[]).await.unwrap();
        let Inner { blobs, store, .. } = &*engine.inner;
        let mut staged = blobs.stage().unwrap();
        staged.write(b"orphan").unwrap();
        let placing = blobs.placing().await.unwrap();
        let orphan = blobs.place(staged, &placing).await.unwrap();
        drop(placing);
        let now = std::time::SystemTime::now();
        assert_eq!(blobs.sweep_old(store, now).await.unwrap(), 0, "it may get its row yet");
        assert!(blobs.read(&orphan.sha256, None).await.is_ok());
        assert_eq!(blobs.sweep_old(store, now + Duration::from_secs(7200)).await.unwrap(), 1);
        assert!(blobs.read(&orphan.sha256, None).await.is_err());
    }
}
