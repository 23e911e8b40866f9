//! The engine: the one object that the server and the commands talk to.

use crate::blobs::Blobs;
use crate::config::EngineConfig;
use crate::core::{Core, uninterrupted};
use crate::data_folder;
use crate::draft::{Drafted, JobTypes};
use crate::error::Result;
use crate::heads::{self, HeadFile};
use crate::keys::{self, KeyGuard};
use crate::lanes::Lanes;
use crate::limits::{DiskLimit, Limits};
use crate::metrics::Counters;
use crate::model::Timestamp;
use crate::preview::Previews;
use crate::resumable::Writers;
use crate::run::Runner;
use crate::run::lease_clock::LeaseClock;
use crate::run::running::Running;
use crate::run::starter::Starter;
use crate::staging::Staging;
use crate::store::Store;
use crate::store::head::HeadInfo;
use crate::thumbnails::Thumbnails;
use crate::upkeep::{self, Scrubbed};
use crate::workers::PilotBoard;
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
    scrubbing: Mutex<Option<JoinHandle<()>>>,
    /// When writing was last seen to work.
    written: tokio::sync::Mutex<Option<Instant>>,
}

/// One probe of the disk serves all questions within this time: anybody may ask.
const PROBE_EVERY: Duration = Duration::from_secs(1);

impl Engine {
    /// Opens the data folder, migrates its ledger and takes back what a killed process left. Alone (a lock); where the ledger is in a
    /// database, beside other servers of the same folder and database.
    pub async fn open(config: EngineConfig) -> Result<Engine> {
        Self::open_with_types(config, fieldstone_jobs::JOB_TYPES).await
    }

    /// [`Engine::open`] with a job type table of the caller's choice.
    pub async fn open_with_types(config: EngineConfig, types: JobTypes) -> Result<Engine> {
        let data = &config.data;
        data_folder::make_data_folder(data)?;
        let making = data_folder::lock_ledger(data).await?;
        let (lock, head) = match &config.database {
            None => (data_folder::lock(data)?, None),
            Some(_) => (data_folder::lock_shared(data)?, Some(HeadFile::make(data)?)),
        };
        let opened = open_store(&config, head.as_ref()).await;
        if let (Err(_), Some(head)) = (&opened, &head) {
            heads::forget(data, head.id)?;
        }
        let store = opened?;
        // Servers that share a folder begin one after the other.
        let _making = head.is_some().then_some(making);
        let blobs = Blobs::open(config.location(), config.cache_bytes, head.as_ref().map(|head| head.id))?;
        let (is_shared, accepts) = (head.is_some(), config.accept_lost_rows);
        let mark = upkeep::mark(&blobs, &store, is_shared, accepts).await?;
        let store = store.limited(limits(&config)).marking(mark);
        let restored = upkeep::restore_quarantined(&blobs, &store).await?;
        if restored > 0 {
            tracing::warn!("{restored} stored files that rows name again are back from quarantine");
        }
        let fresh = hex::encode(keys::new_signing_key());
        let signing_key = keys::parse_signing_key(&store.meta_or_init(keys::SIGNING_KEY, &fresh).await?)?;
        let now = Timestamp::now();
        if head.is_none() {
            store.drop_drafts().await?;
            store.expire_all().await?;
        }
        store.reap(config.max_attempts, LeaseClock::of(&store).given_up(), now).await?;
        store.advance_all(now).await?;
        let previews = Arc::new(Previews::new(&config));
        let thumbnails = Thumbnails::open(&config.data, config.thumbnail_cache_bytes)?;
        let staging = Staging::default();
        let core = Core {
            config,
            types,
            store,
            blobs,
            running: Running::default(),
            starter: Starter::default(),
            workers: Arc::default(),
            pilots: PilotBoard::default(),
            drafted: Drafted::default(),
            lanes: Lanes::default(),
            counters: Counters::default(),
            keys: KeyGuard::new(signing_key),
            scrubbed: Scrubbed::default(),
            writers: Writers::new(staging.clone()),
            staging,
            previews,
            thumbnails,
            last_name: AtomicU64::new(0),
            head,
            _lock: lock,
        };
        upkeep::sweep_uploads(&core.blobs, &core.store, &core.writers, now, true).await?;
        let unfinished = core.store.every_upload().await?.into_iter().filter(|one| one.asset_id.is_none());
        unfinished.for_each(|upload| core.writers.count(&upload));
        let core = Arc::new(core);
        if let Some(head) = core.store.head() {
            let core = Arc::downgrade(&core);
            head.tell(move |news| {
                core.upgrade().inspect(|core| core.hear(news));
            });
        }
        Ok(Engine { core, state: Arc::default() })
    }

    /// The job types that it runs.
    pub fn job_types(&self) -> JobTypes {
        self.core.types
    }

    /// Starts running jobs; call it inside a tokio runtime.
    pub fn start(&self) {
        let mut runner = self.state.runner.lock().unwrap_or_else(PoisonError::into_inner);
        if runner.is_none() {
            self.core.running.resume();
            *runner = Some(tokio::spawn(Runner::new(self.core.clone()).run()));
            self.start_scrubbing();
        }
    }

    fn start_scrubbing(&self) {
        let Some(period) = self.core.config.scrub_period else { return };
        let core = self.core.clone();
        let scrubbing = tokio::spawn(async move {
            upkeep::scrub(&core.blobs, &core.store, period, &core.scrubbed).await;
        });
        *self.state.scrubbing.lock().unwrap_or_else(PoisonError::into_inner) = Some(scrubbing);
    }

    /// Stops running jobs; unfinished ones go on after the next start.
    pub async fn stop(&self) {
        self.core.running.stop();
        self.core.previews.close();
        if let Some(scrubbing) = self.state.scrubbing.lock().unwrap_or_else(PoisonError::into_inner).take() {
            scrubbing.abort();
        }
        let runner = self.state.runner.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(e)) = match runner {
            Some(runner) => Some(runner.await),
            None => None,
        } {
            tracing::error!("the runner ended badly: {e}");
        }
    }

    /// [`Engine::stop`], and then the ledger is one whole file again. Nothing can be asked of the engine afterwards.
    pub async fn close(&self) {
        self.stop().await;
        self.core.store.settle_mark().await;
        self.core.store.fold_and_close().await;
        if let Some(head) = &self.core.head {
            let left = self.core.blobs.remove_scratch();
            if let Err(e) = left.and_then(|()| heads::forget(self.core.blobs.folder(), head.id)) {
                tracing::warn!("what this server was writing stays for the next to remove: {e}");
            }
        }
    }

    /// Whether jobs can run and the ledger and the blobs can be written.
    pub async fn ready(&self) -> Result<()> {
        if let Some(trouble) = self.core.running.trouble() {
            return Err(anyhow::anyhow!("jobs do not run: {trouble}").into());
        }
        let mut written = self.state.written.lock().await;
        if written.is_some_and(|at| at.elapsed() < PROBE_EVERY) {
            return Ok(());
        }
        let store = self.core.store.clone();
        uninterrupted(async move { store.set_meta("ready", &Timestamp::now().0.to_string()).await }).await?;
        let blobs = self.core.blobs.clone();
        tokio::task::spawn_blocking(move || blobs.stage()?.write(b"ready")).await??;
        self.core.blobs.reach().await?;
        *written = Some(Instant::now());
        Ok(())
    }
}

/// The ledger, if it is the one that the folder's blobs were stored under or the loss is accepted.
async fn open_store(config: &EngineConfig, head: Option<&HeadFile>) -> Result<Store> {
    let at = config.location();
    let unused = at.data.join(data_folder::LEDGER);
    if let Some(url) = at.database.filter(|_| unused.exists()) {
        tracing::warn!(
            "the ledger {} is not used, the one in the database {url} is: put it away",
            unused.display()
        );
    }
    if !config.accept_lost_rows {
        upkeep::check_ledger_is_there(at).await?;
    }
    let store = Store::open_for(at, true, head.map(|head| head.id)).await?;
    let joined = async {
        if !config.accept_lost_rows {
            upkeep::check_ledger_is_current(at, &store).await?;
        }
        let Some(head) = head else { return Ok(store.clone()) };
        let (name, address) = (machine_name(), config.address.clone().unwrap_or_default());
        let store = store.clone().join(at, HeadInfo { id: head.id, name, address }).await?;
        match upkeep::settle(at.data, &store, head.id).await {
            Ok(()) => Ok(store),
            Err(e) => {
                store.close().await;
                Err(e)
            }
        }
    };
    let joined = joined.await;
    if joined.is_err() {
        store.close().await;
    }
    joined
}

/// What the machine calls itself.
fn machine_name() -> String {
    #[cfg(unix)]
    return rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    std::env::var("COMPUTERNAME").unwrap_or_default()
}

fn limits(config: &EngineConfig) -> Limits {
    Limits {
        piece_samples: config.piece_samples,
        bytes: config.project_quota_bytes,
        user_bytes: config.user_quota_bytes,
        waiting: config.max_queue,
        memory: config.memory_limit_bytes,
        disk: Some(DiskLimit { data: config.data.clone(), min_free: config.min_free_bytes }),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::draft::Draft;
    use crate::model::*;
    use std::path::PathBuf;

    pub(crate) fn config(data: PathBuf) -> EngineConfig {
        EngineConfig { data, concurrent_jobs: 1, threads: 1, ..EngineConfig::default() }
    }

    pub(crate) async fn project(engine: &Engine) -> ProjectId {
        engine.create_project(&Caller::of("u"), NewProject::private("p")).await.unwrap().id
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
}
