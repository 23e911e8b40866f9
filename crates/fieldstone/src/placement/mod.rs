//! Workers that a batch system starts and ends, as many as there is work for: pilots, which ask for jobs by themselves. The batch system
//! places, limits and accounts them; the ledger alone knows what is to be done.

mod plan;
mod slurm;

use crate::settings::Settings;
use anyhow::{Context, ensure};
use fieldstone_engine::{Engine, Pilot, Pilots};
use plan::{Demand, Step, Supply};
use sha2::{Digest, Sha256};
use slurm::Slurm;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// After pilots that ended before they came, the next ones are asked for this much later, twice as much each time.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
/// The longest of these pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// Keeps as many pilots as there is work for, until it is dropped. Those that run then go by themselves.
pub async fn place(engine: Engine, settings: Settings) -> anyhow::Result<()> {
    let mut placement = Placement::new(engine, &settings).await?;
    let mut look = tokio::time::interval(Duration::from_secs(settings.slurm_interval));
    loop {
        look.tick().await;
        placement.look().await;
    }
}

/// What the settings say is wrong, if anything is, before anything is started.
pub fn check(settings: &Settings) -> anyhow::Result<()> {
    if settings.slurm_workers == 0 {
        return Ok(());
    }
    slurm_of(settings)?;
    ensure!(
        settings.slurm_time >= 120,
        "setting slurm_time is {}, expected at least 120",
        settings.slurm_time
    );
    ensure!(settings.slurm_cores > 0, "setting slurm_cores is 0, expected at least 1");
    ensure!(settings.slurm_interval > 0, "setting slurm_interval is 0, expected at least 1");
    Ok(())
}

fn slurm_of(settings: &Settings) -> anyhow::Result<Slurm> {
    let missing = |name: &str| format!("setting slurm_workers asks for workers, but {name} is not set");
    let token_file = settings.slurm_token_file.clone();
    let server = settings.slurm_server.clone().or_else(|| settings.public_url.clone());
    let words = settings.slurm_options.as_deref().unwrap_or_default();
    Ok(Slurm {
        partition: settings.slurm_partition.clone(),
        account: settings.slurm_account.clone(),
        cores: settings.slurm_cores,
        memory: settings.slurm_memory,
        time: settings.slurm_time,
        idle_exit: settings.slurm_idle_exit,
        options: words.split_whitespace().map(str::to_owned).collect(),
        server: server.with_context(|| missing("slurm_server (or public_url)"))?,
        token_file: token_file.with_context(|| missing("slurm_token_file"))?,
        program: match &settings.slurm_program {
            Some(program) => program.clone(),
            None => std::env::current_exe()?,
        },
    })
}

struct Placement {
    engine: Engine,
    slurm: Slurm,
    least: u32,
    most: u32,
    /// What names of our pilots begin with: that of the ledger, so that servers which share it know each other's.
    begin: String,
    /// Jobs that waited at the last look: what waits only for a moment is not asked for.
    waited: u32,
    /// Names of pilots that were asked for or seen, and have not been seen to end.
    live: BTreeSet<String>,
    /// Those of them that had a machine at the last look.
    ran: BTreeSet<String>,
    /// How many have failed, one after the other.
    failed: u32,
    /// None is asked for before.
    pause_until: Instant,
    /// When Slurm was last asked; pilots of an earlier server may be there until then.
    looked: Option<Instant>,
    known: Pilots,
    /// Some time of a core that is not a whole second yet.
    core_time: f64,
}

impl Placement {
    async fn new(engine: Engine, settings: &Settings) -> anyhow::Result<Placement> {
        let key = engine.signing_key().await?;
        let site = hex::encode(&Sha256::digest([b"pilots of ", &key[..]].concat())[..4]);
        Ok(Placement {
            slurm: slurm_of(settings)?,
            least: settings.slurm_least,
            most: settings.slurm_workers,
            begin: format!("fieldstone-{site}-"),
            engine,
            waited: 0,
            live: BTreeSet::new(),
            ran: BTreeSet::new(),
            failed: 0,
            pause_until: Instant::now(),
            looked: None,
            known: Pilots::default(),
            core_time: 0.0,
        })
    }

    /// Looks at what waits and what is there, and takes the next step. Trouble is told once, and tried again at the next look.
    async fn look(&mut self) {
        if !self.engine.asks_for_pilots() {
            return;
        }
        let trouble = self.step().await.err().map(|e| format!("{e:#}")).or_else(|| self.trouble_of_pilots());
        match (&trouble, &self.known.trouble) {
            (Some(now), before) if before.as_ref() != Some(now) => tracing::warn!("Slurm: {now}"),
            (None, Some(_)) => tracing::info!("Slurm: workers come again"),
            _ => {}
        }
        self.known.trouble = trouble;
        self.engine.set_pilots(self.known.clone());
    }

    fn trouble_of_pilots(&self) -> Option<String> {
        let failed = self.failed;
        (failed > 0).then(|| {
            format!(
                "workers that it started have failed, {failed} one after the other: see what `--output=FILE` in \
                 slurm_options lets them say"
            )
        })
    }

    async fn step(&mut self) -> anyhow::Result<()> {
        let most = self.most.saturating_mul(2);
        let jobs = self.engine.waiting_jobs(self.slurm.memory_of_jobs(), most).await?;
        let steady = jobs.min(std::mem::replace(&mut self.waited, jobs));
        // Whose controller is shared by many is not asked for nothing.
        if self.live.is_empty() && jobs == 0 && self.least == 0 && self.looked.is_some() {
            return Ok(());
        }
        let (pilots, failed) = self.slurm.pilots(&self.begin).await?;
        let busy = if steady > 0 { self.busy(&pilots) } else { 0 };
        self.count(&pilots, &failed);
        let demand = Demand { least: self.least, most: self.most, jobs: steady, busy };
        let running = pilots.iter().filter(|pilot| pilot.runs).count() as u32;
        let supply = Supply { waiting: pilots.len() as u32 - running, running };
        self.known.all = pilots;
        match plan::step(demand, supply) {
            Step::Ask(more) if Instant::now() >= self.pause_until => {
                for _ in 0..more {
                    let name = format!("{}{:08x}", self.begin, rand::random::<u32>());
                    let pilot = self.slurm.ask(&name).await?;
                    self.known.all.push(pilot);
                    tracing::info!("Slurm is asked for worker {name}");
                    self.live.insert(name);
                }
            }
            // A job that came since the last look may want them.
            Step::TakeBack(fewer) if jobs <= steady => {
                let waiting = self.known.all.iter().filter(|pilot| !pilot.runs);
                let latest: Vec<String> =
                    waiting.map(|pilot| pilot.name.clone()).rev().take(fewer as usize).collect();
                for name in latest {
                    self.slurm.take_back(&name).await?;
                }
            }
            Step::Ask(_) | Step::TakeBack(_) | Step::Nothing => {}
        }
        Ok(())
    }

    /// Pilots that run an attempt: where jobs have waited for longer than from one look to the next, all that had a machine then, but those
    /// which are connected here and idle. (Of those at other servers nothing more is known.)
    fn busy(&self, pilots: &[Pilot]) -> u32 {
        let slots = self.engine.workers();
        let idle: BTreeSet<&str> = slots.iter().filter(|s| !s.busy).map(|s| s.worker.as_str()).collect();
        let names = pilots.iter().filter(|pilot| pilot.runs).map(|pilot| pilot.name.as_str());
        names.filter(|name| self.ran.contains(*name) && !idle.contains(name)).count() as u32
    }

    /// Takes note of who lives and who has failed, and of the time of cores.
    fn count(&mut self, pilots: &[Pilot], failed: &BTreeSet<String>) {
        let passed = self.looked.replace(Instant::now()).map_or(0.0, |at| at.elapsed().as_secs_f64());
        let cores: u64 = pilots.iter().filter(|pilot| pilot.runs).map(|pilot| pilot.cores).sum();
        self.core_time += passed * cores as f64;
        self.known.core_seconds = self.core_time as u64;
        let newly = self.live.iter().filter(|name| failed.contains(*name)).count() as u32;
        if self.engine.workers().iter().any(|slot| slot.worker.starts_with(&self.begin)) {
            self.failed = 0;
        }
        if newly > 0 {
            self.failed = self.failed.saturating_add(newly);
            let pause = FIRST_PAUSE.saturating_mul(1 << self.failed.min(10));
            self.pause_until = Instant::now() + pause.min(LONGEST_PAUSE);
        }
        let names = |all: &mut dyn Iterator<Item = &Pilot>| all.map(|pilot| pilot.name.clone()).collect();
        self.ran = names(&mut pilots.iter().filter(|pilot| pilot.runs));
        self.live = names(&mut pilots.iter());
    }
}
