//! The engine: the one object that the server and the commands talk to.

use crate::blobs::Blobs;
use crate::config::EngineConfig;
use crate::core::{Core, uninterrupted};
use crate::data_folder;
use crate::draft::{Drafted, JobTypes};
use crate::error::Result;
use crate::keys::KeyGuard;
use crate::limits::Limits;
use crate::metrics::Counters;
use crate::model::Timestamp;
use crate::run::Runner;
use crate::run::running::Running;
use crate::store::Store;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// The service without HTTP. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) core: Arc<Core>,
    state: Arc<ServiceState>,
}

/// What the service has beside the parts that its runner needs, too.
#[derive(Default)]
struct ServiceState {
    runner: Mutex<Option<JoinHandle<()>>>,
    /// When writing was last seen to work.
    written: tokio::sync::Mutex<Option<Instant>>,
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
        data_folder::make_folder(&config.data)?;
        let lock = data_folder::lock(&config.data)?;
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
        let core = Core {
            config,
            types,
            store,
            blobs,
            running: Running::default(),
            drafted: Drafted::default(),
            counters: Counters::default(),
            keys: KeyGuard::new(signing_key),
            last_name: AtomicU64::new(0),
            _lock: lock,
        };
        Ok(Engine { core: Arc::new(core), state: Arc::default() })
    }

    /// Starts running jobs; call it inside a tokio runtime.
    pub fn start(&self) {
        let mut runner = self.state.runner.lock().unwrap_or_else(PoisonError::into_inner);
        if runner.is_none() {
            self.core.running.resume();
            *runner = Some(tokio::spawn(Runner::new(self.core.clone()).run()));
        }
    }

    /// Stops running jobs; unfinished ones go on after the next start.
    pub async fn stop(&self) {
        self.core.running.stop();
        let runner = self.state.runner.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(e)) = match runner {
            Some(runner) => Some(runner.await),
            None => None,
        } {
            tracing::error!("the runner ended badly: {e}");
        }
    }

    /// Whether the ledger and the blobs can be written.
    pub async fn ready(&self) -> Result<()> {
        let mut written = self.state.written.lock().await;
        if written.is_some_and(|at| at.elapsed() < PROBE_EVERY) {
            return Ok(());
        }
        let store = self.core.store.clone();
        uninterrupted(async move { store.set_meta("ready", &Timestamp::now().0.to_string()).await }).await?;
        let blobs = self.core.blobs.clone();
        tokio::task::spawn_blocking(move || blobs.stage()?.write(b"ready")).await??;
        *written = Some(Instant::now());
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::draft::Draft;
    use crate::model::*;
    use crate::upkeep::sweep_old;
    use std::path::PathBuf;

    pub(crate) fn config(data: PathBuf) -> EngineConfig {
        EngineConfig { data, concurrent_jobs: 1, threads: 1, ..EngineConfig::default() }
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
        let job = engine.core.store.insert_job(project, draft, Timestamp::now()).await.unwrap().id;
        let mut engine = Some(engine);
        for attempt in 1..=3 {
            // Claimed, with a lease far into the future, and then the process is gone.
            let store = engine.take().unwrap().core.store.clone();
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
        let Core { blobs, store, .. } = &*engine.core;
        let mut staged = blobs.stage().unwrap();
        staged.write(b"orphan").unwrap();
        let placing = blobs.placing().await.unwrap();
        let orphan = blobs.place(staged, &placing).await.unwrap();
        drop(placing);
        let now = std::time::SystemTime::now();
        assert_eq!(sweep_old(blobs, store, now).await.unwrap(), 0, "it may get its row yet");
        assert!(blobs.read(&orphan.sha256, None).await.is_ok());
        assert_eq!(sweep_old(blobs, store, now + Duration::from_secs(7200)).await.unwrap(), 1);
        assert!(blobs.read(&orphan.sha256, None).await.is_err());
    }
}
