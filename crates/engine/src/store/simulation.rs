//! The ledger under chaos: seeded workers that crash, sleep past their lease, commit twice, stop,
//! fail and are cancelled, while the wall clock jumps. Time is simulated. Whatever happens, every job ends exactly once. On PostgreSQL
//! they are those of two servers, of which now one does something and now the other, and what one did the other sees at once.

use super::Store;
use super::head::HeadInfo;
use super::ledger::{Claim, Lease, Loss, Outcome};
use super::made::PlacedOutput;
use crate::blobs::PlacedBlob;
use crate::draft::{AssetSource, Draft, ParamSource};
use crate::heads::HeadId;
use crate::location::Location;
use crate::model::*;
use crate::testing::TestLocation;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};

const SEEDS: u64 = 120;
/// Each has a schema of its own there, which takes longer than what is done in it.
const SEEDS_ON_POSTGRES: u64 = 25;
const SERVERS: usize = 2;
const LEASE: i64 = 1000;
const MAX_ATTEMPTS: u32 = 3;

struct World {
    rng: StdRng,
    /// Of each server.
    stores: Vec<Store>,
    project: ProjectId,
    /// The leases' clock.
    now: i64,
    /// How far the wall clock is ahead of it.
    ahead: i64,
    workflows: Vec<Workflow>,
    /// Claims of workers that believe in them, rightly or not.
    held: Vec<Claim>,
    /// All (job, attempt) ever claimed.
    claimed: HashSet<(JobId, u32)>,
    /// How often each job's end was accepted.
    ended: HashMap<JobId, usize>,
    succeeded: HashSet<JobId>,
}

impl World {
    async fn new(seed: u64, folder: &std::path::Path) -> World {
        let stores = servers(folder).await;
        let store = &stores[0];
        let caller = Caller::of("u");
        let new = NewProject::private("p");
        let project = store.insert_project(&caller, &new, Timestamp(0)).await.unwrap().id;
        let mut world = World {
            rng: StdRng::seed_from_u64(seed),
            stores,
            project,
            now: 1,
            ahead: 0,
            workflows: Vec::new(),
            held: Vec::new(),
            claimed: HashSet::new(),
            ended: HashMap::new(),
            succeeded: HashSet::new(),
        };
        for _ in 0..world.rng.random_range(1..4) {
            let drafts = world.random_graph();
            let store = world.store();
            let sent = store.insert_workflow(project, "", &drafts, Timestamp(0)).await.unwrap();
            world.workflows.push(sent);
        }
        world
    }

    /// Jobs that need earlier ones, in a shuffled order, some taking an asset or a parameter.
    fn random_graph(&mut self) -> Vec<Draft> {
        let count = self.rng.random_range(0..8);
        let mut drafts = Vec::new();
        for i in 0..count {
            let mut draft = Draft { name: Some(format!("j{i}")), type_name: "t".into(), ..Draft::default() };
            for j in 0..i {
                if self.rng.random_bool(0.35) {
                    let job = format!("j{j}");
                    draft.needs.push(job.clone());
                    let asset = AssetSource::Upstream { job: job.clone(), asset: Some("out".into()) };
                    draft.assets.insert(format!("a{j}"), vec![asset]);
                    let parameter = ParamSource::Upstream { job, parameter: "value".into() };
                    draft.params.insert(format!("p{j}"), parameter);
                }
            }
            drafts.insert(self.rng.random_range(0..=drafts.len()), draft);
        }
        drafts
    }

    /// The ledger, by one of the servers.
    fn store(&mut self) -> Store {
        self.stores[self.rng.random_range(0..self.stores.len())].clone()
    }

    fn wall(&self) -> Timestamp {
        Timestamp(self.now + self.ahead)
    }

    fn until(&self) -> Timestamp {
        Timestamp(self.now + LEASE)
    }

    async fn claim(&mut self) -> bool {
        let Some(job) = self.store().ready_jobs().await.unwrap().into_iter().next() else { return false };
        let store = self.store();
        let claim = store.claim(job.id, self.until(), self.wall()).await.unwrap().unwrap();
        let job = claim.job();
        assert!(self.claimed.insert((job.id, job.attempt)), "an attempt is claimed once");
        assert!(!self.ended.contains_key(&job.id), "what has ended does not start again");
        for need in &job.needs {
            assert!(self.succeeded.contains(need), "a job starts after all it needs");
        }
        let bound: Vec<Value> = job.needs.iter().map(|n| json!(n.to_string())).collect();
        assert_eq!(job.inputs.params.values().cloned().collect::<Vec<_>>(), bound, "references are bound");
        let makers: Vec<_> = job.inputs.assets.values().flatten().filter_map(|a| a.job_id).collect();
        assert_eq!(makers, job.needs);
        self.held.push(claim);
        true
    }

    fn take(&mut self) -> Option<Claim> {
        let n = self.held.len();
        (n > 0).then(|| self.held.swap_remove(self.rng.random_range(0..n)))
    }

    /// A worker that finishes, rightly or not, and sometimes says so twice.
    async fn finish(&mut self, claim: Claim) {
        let id = claim.id();
        let failure = self.rng.random_bool(0.1);
        let outcome = if failure { Outcome::Failure("no".into()) } else { success(id) };
        let again = self.rng.random_bool(0.3).then(|| claim.duplicate());
        let current = self.store().job(self.project, id).await.unwrap();
        let valid = current.state == State::Started && current.attempt == claim.job().attempt;
        let accepted = self.store().finish(claim, outcome, self.wall()).await.unwrap();
        assert_eq!(accepted, valid, "only the current attempt may end job {id}");
        if accepted {
            *self.ended.entry(id).or_default() += 1;
            if !failure {
                self.succeeded.insert(id);
            }
        }
        if let Some(again) = again {
            assert!(!self.store().finish(again, success(id), self.wall()).await.unwrap());
        }
    }

    async fn step(&mut self) {
        self.now += self.rng.random_range(1..LEASE / 3);
        match self.rng.random_range(0..100) {
            0..35 => {
                self.claim().await;
            }
            35..60 => {
                if let Some(claim) = self.take() {
                    self.finish(claim).await;
                }
            }
            60..67 => drop(self.take()),
            67..72 => {
                if let Some(claim) = self.take() {
                    self.store().give_back(claim, Loss::Stopped, self.wall()).await.unwrap();
                }
            }
            72..76 => {
                if let Some(claim) = self.take() {
                    let loss = Loss::Fault { error: "disk".into(), max_attempts: MAX_ATTEMPTS };
                    self.store().give_back(claim, loss, self.wall()).await.unwrap();
                }
            }
            76..86 => self.beat().await,
            86..94 => {
                let store = self.store();
                store.reap(MAX_ATTEMPTS, Timestamp(self.now), self.wall()).await.unwrap();
            }
            94..97 => self.restart().await,
            97..98 => self.cancel_one().await,
            98..99 => self.ahead = self.rng.random_range(-20 * LEASE..20 * LEASE),
            _ => self.now += 2 * LEASE,
        }
    }

    async fn beat(&mut self) {
        let held: Vec<_> = self.held.iter().map(|claim| (claim.id(), claim.job().attempt)).collect();
        for (id, attempt) in held {
            let store = self.store();
            let lease = store.renew_lease(id, attempt, 0.5, self.until()).await.unwrap();
            let current = self.store().job(self.project, id).await.unwrap();
            let valid = current.state == State::Started && current.attempt == attempt;
            assert_eq!(lease == Lease::Held, valid);
            assert_eq!(lease == Lease::Canceled, current.state == State::Canceled);
        }
    }

    /// A process dies; its workers are zombies that still hold their claims. Another server takes over.
    async fn restart(&mut self) {
        let store = self.store();
        if self.stores.len() == 1 {
            store.expire_all().await.unwrap();
        } else {
            let dead = self.rng.random_range(0..self.stores.len());
            store.take_over(Some(number(dead))).await.unwrap();
        }
        store.reap(MAX_ATTEMPTS, Timestamp(self.now), self.wall()).await.unwrap();
        store.advance_all(self.wall()).await.unwrap();
    }

    async fn cancel_one(&mut self) {
        let n = self.rng.random_range(0..self.workflows.len());
        let id = self.workflows[n].id;
        let open = !self.store().workflow(self.project, id).await.unwrap().state.is_final();
        let canceled = self.store().cancel_workflow(self.project, id, self.wall()).await;
        assert_eq!(canceled.is_ok(), open);
    }

    /// Lets everything come to its end, with zombies turning up in between.
    async fn drain(&mut self) {
        for _ in 0..1000 {
            self.now += 2 * LEASE;
            let store = self.store();
            store.reap(MAX_ATTEMPTS, Timestamp(self.now), self.wall()).await.unwrap();
            if let Some(zombie) = self.take() {
                self.finish(zombie).await;
            }
            if !self.claim().await && self.held.is_empty() {
                return;
            }
        }
        panic!("jobs are left that nobody ends");
    }

    async fn check(&mut self) {
        let mut made = HashMap::new();
        let listing = Listable::Assets(self.project);
        let store = self.store();
        let listing = store.listing(&Caller::of("u"), listing, &ListQuery::default()).await.unwrap();
        let ids: Vec<i64> = listing.rows.into_iter().map(|(id, _)| id).collect();
        for asset in store.listed_assets(self.project, &ids).await.unwrap() {
            *made.entry(asset.job_id.unwrap()).or_insert(0) += 1;
        }
        for sent in &self.workflows {
            let workflow = store.workflow(self.project, sent.id).await.unwrap();
            assert_eq!(workflow.jobs, sent.jobs);
            let mut states = Vec::new();
            for id in &workflow.jobs {
                let job = store.job(self.project, *id).await.unwrap();
                assert!(job.state.is_final() && job.finished.is_some(), "job {id} never ended");
                assert!(
                    job.started.is_none_or(|at| job.created <= at && Some(at) <= job.finished),
                    "{job:?}"
                );
                assert!(self.ended.get(id).is_none_or(|n| *n == 1), "job {id} ended twice");
                assert_eq!(job.state == State::Success, self.succeeded.contains(id));
                let published = usize::from(job.state == State::Success);
                assert_eq!(made.remove(id).unwrap_or(0), published, "job {id} publishes once or never");
                assert_eq!(job.outputs.assets.len(), published);
                assert_eq!(job.error.is_some(), job.state == State::Failure);
                states.push(job.state);
            }
            let has = |state| states.contains(&state);
            match workflow.state {
                State::Success => assert!(!has(State::Failure) && !has(State::Canceled)),
                State::Failure => assert!(has(State::Failure)),
                State::Canceled => assert!(has(State::Canceled)),
                other => panic!("workflow {} is still {other:?}", workflow.id),
            }
            assert!(workflow.started.is_none_or(|at| workflow.created <= at), "{workflow:?}");
            assert!(
                workflow.started.unwrap_or(workflow.created) <= workflow.finished.unwrap(),
                "{workflow:?}"
            );
        }
        assert!(made.is_empty(), "assets without a job: {made:?}");
    }
}

fn number(server: usize) -> HeadId {
    HeadId(server as i64 + 1)
}

/// The ledger as each of the servers has it open.
async fn servers(folder: &std::path::Path) -> Vec<Store> {
    let first = Store::of_test(folder).await;
    if !first.is_in_postgres() {
        return vec![first];
    }
    first.close().await;
    let mut servers = Vec::new();
    for server in 0..SERVERS {
        let (at, id) = (TestLocation::of(folder), number(server));
        let store = Store::open_for(Location::from(&at), false, Some(id)).await.unwrap();
        let info = HeadInfo { id, name: String::new(), address: String::new() };
        servers.push(store.join(Location::from(&at), info).await.unwrap());
    }
    servers
}

fn success(id: JobId) -> Outcome {
    let blob = PlacedBlob { sha256: format!("{:064x}", id.0), size: 1 };
    let made = PlacedOutput { slot: "out".into(), filename: format!("{id}.bin"), blob };
    Outcome::Success {
        assets: vec![made],
        params: [("value".into(), json!(id.to_string()))].into(),
        work: id.to_string(),
    }
}

#[test]
fn every_job_ends_once_whatever_happens() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let seeds = if crate::testing::is_on_postgres() { SEEDS_ON_POSTGRES } else { SEEDS };
    for seed in 0..seeds {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let story = runtime.spawn(async move {
            let mut world = World::new(seed, &path).await;
            for _ in 0..60 {
                world.step().await;
            }
            world.drain().await;
            world.check().await;
            for store in world.stores {
                store.close().await;
            }
        });
        assert!(runtime.block_on(story).is_ok(), "seed {seed} fails");
    }
}
