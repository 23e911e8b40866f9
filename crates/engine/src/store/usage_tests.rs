//! What is counted of a project is what its rows have, whatever is done.

use super::*;
use crate::blobs::PlacedBlob;
use crate::data_folder::LEDGER;
use crate::draft::{AssetSource, Draft, ParamSource};
use crate::model::*;
use crate::store::PlacedOutput;
use crate::store::ledger::Outcome;
use indexmap::IndexMap;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

const NOW: Timestamp = Timestamp(1);

pub(super) struct Doings {
    rng: StdRng,
    store: Store,
    projects: Vec<ProjectId>,
    jobs: Vec<(ProjectId, JobId)>,
    workflows: Vec<(ProjectId, WorkflowId)>,
    assets: Vec<(ProjectId, AssetId)>,
}

impl Doings {
    /// Chosen by a seed, in a ledger without any.
    pub(super) fn new(seed: u64, store: Store) -> Doings {
        let (projects, jobs, workflows, assets) = Default::default();
        Doings { rng: StdRng::seed_from_u64(seed), store, projects, jobs, workflows, assets }
    }

    /// A text of a few bytes, of some thousand, or one that becomes a document.
    fn text(&mut self) -> String {
        let most = [10, 3_000, 200_000][self.rng.random_range(0..3)];
        "ü".repeat(self.rng.random_range(0..most))
    }

    fn blob(&mut self) -> PlacedBlob {
        let sha256 = format!("{:064x}", self.rng.random::<u64>());
        PlacedBlob { sha256, size: self.rng.random_range(0..1 << 40) }
    }

    fn draft(&mut self, name: Option<&str>) -> Draft {
        let value = ParamSource::Value(Value::String(self.text()).into());
        Draft {
            name: name.map(str::to_owned),
            type_name: "t".into(),
            params: [("p".to_owned(), value)].into(),
            request: self.rng.random_bool(0.5).then(|| "r".into()),
            ..Draft::default()
        }
    }

    /// A job that waits, and reads an asset.
    pub(super) async fn waiting_job_with_an_input(&mut self) {
        let project =
            self.store.insert_project(&Caller::of("u"), &NewProject::private("p"), NOW).await.unwrap().id;
        let blob = self.blob();
        self.store.insert_asset(project, "g", &blob, None, NOW).await.unwrap();
        let mut draft = self.draft(None);
        let source = AssetSource::File { filename: "g".into(), field: "a".into() };
        draft.assets = [("mesh".to_owned(), vec![source])].into();
        self.store.insert_job(project, draft, NOW).await.unwrap();
        self.projects.push(project);
    }

    /// What a job reads, now and then.
    fn inputs(&mut self, source: AssetSource) -> IndexMap<String, Vec<AssetSource>> {
        self.rng.random_bool(0.7).then(|| ("mesh".to_owned(), vec![source])).into_iter().collect()
    }

    fn one<T: Copy>(&mut self, of: impl Fn(&Self) -> &Vec<T>) -> Option<T> {
        let count = of(self).len();
        (count > 0).then(|| self.rng.random_range(0..count)).map(|n| of(self)[n])
    }

    pub(super) async fn step(&mut self) {
        let store = self.store.clone();
        let Some(project) = self.one(|d| &d.projects) else { return self.project(None).await };
        match self.rng.random_range(0..14) {
            0 => self.project(None).await,
            1 => self.project(Some(project)).await,
            2 => {
                let change = ProjectChange { graph: Some(json!(self.text())), ..ProjectChange::default() };
                store.update_project(project, change, NOW).await.unwrap();
            }
            3 | 4 => {
                let mut draft = self.draft(None);
                if self.assets.iter().any(|(of, _)| *of == project) {
                    draft.assets = self.inputs(AssetSource::File { filename: "f".into(), field: "a".into() });
                }
                match store.insert_job(project, draft, NOW).await {
                    Ok(job) => self.jobs.push((project, job.id)),
                    // It was deleted meanwhile.
                    Err(e) => assert!(e.to_string().contains("no asset called"), "{e}"),
                }
            }
            5 => {
                let (mut drafts, definition) = ([self.draft(Some("a")), self.draft(Some("b"))], self.text());
                drafts[1].assets =
                    self.inputs(AssetSource::Upstream { job: "a".into(), asset: Some("out".into()) });
                let sent = store.insert_workflow(project, &definition, &drafts, NOW).await.unwrap();
                self.workflows.push((project, sent.id));
            }
            6 => {
                let blob = self.blob();
                let asset = store.insert_asset(project, "f", &blob, None, NOW).await.unwrap();
                self.assets.push((project, asset.id));
            }
            7 | 8 => self.run_one().await,
            9 => {
                if let Some((_, job)) = self.one(|d| &d.jobs) {
                    let line = LogLine { at: NOW, attempt: 1, level: LogLevel::Info, text: self.text() };
                    store.add_log(job, &[line]).await.unwrap();
                }
            }
            10 => {
                if let Some((project, asset)) = self.one(|d| &d.assets) {
                    let blob = self.blob();
                    let _ = store.replace_asset(project, asset, "f", &blob, NOW).await;
                }
            }
            11 => {
                if let Some((project, asset)) = self.one(|d| &d.assets) {
                    let _ = store.delete_asset(project, asset).await;
                }
            }
            12 => {
                if let Some((project, job)) = self.one(|d| &d.jobs) {
                    let _ = store.delete_job(project, job, NOW).await;
                } else if let Some((project, workflow)) = self.one(|d| &d.workflows) {
                    let _ = store.delete_workflow(project, workflow).await;
                }
            }
            _ => {
                if self.rng.random_bool(0.3) {
                    store.delete_project(project).await.unwrap();
                    self.projects.retain(|one| *one != project);
                    self.jobs.retain(|(of, _)| *of != project);
                }
            }
        }
    }

    async fn project(&mut self, source: Option<ProjectId>) {
        let new = NewProject { source, project: Some(json!(self.text())), ..NewProject::private("p") };
        self.projects.push(self.store.insert_project(&Caller::of("u"), &new, NOW).await.unwrap().id);
    }

    async fn run_one(&mut self) {
        let ready = self.store.ready_jobs().await.unwrap();
        let Some(job) = ready.first() else { return };
        let claim = self.store.claim(job.id, Timestamp(9), NOW).await.unwrap().unwrap();
        let made = PlacedOutput { slot: "out".into(), filename: "o".into(), blob: self.blob() };
        let params = [("said".to_owned(), json!(self.text()))].into();
        let outcome = match self.rng.random_bool(0.5) {
            true => Outcome::Success { assets: vec![made], params, work: "w".into() },
            false => Outcome::Failure(self.text()),
        };
        assert!(self.store.finish(claim, outcome, NOW).await.unwrap());
    }
}

#[tokio::test]
async fn what_is_counted_is_what_is_there() {
    let (mut found, mut read_and_not_noted) = (0, 0);
    for seed in 0..6 {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::of_test(folder.path()).await;
        let mut doings = Doings::new(seed, store.clone());
        for step in 0..60 {
            doings.step().await;
            if step % 10 == 9 {
                assert_eq!(store.snapshot().await.unwrap().faults, [""; 0], "seed {seed}, step {step}");
                let done = "SELECT COUNT(*) FROM job_inputs JOIN jobs ON jobs.id = job_id WHERE state NOT IN ('pending', 'started')";
                let done = db::query_scalar(done).fetch_one::<i64>(store.reader()).await.unwrap();
                assert_eq!(done, 0, "a job that is done needs its inputs no more: seed {seed}, step {step}");
            }
        }
        doings.waiting_job_with_an_input().await;
        let row = "UPDATE project_usage SET row_bytes = row_bytes + 1";
        db::query(row).execute(store.writer()).await.unwrap();
        assert_eq!(store.snapshot().await.unwrap().faults.len(), doings.projects.len(), "a check sees it");
        read_and_not_noted += db::query_scalar("SELECT COUNT(*) FROM job_inputs")
            .fetch_one::<i64>(store.reader())
            .await
            .unwrap();
        db::query("DELETE FROM job_inputs").execute(store.writer()).await.unwrap();
        let faults = store.snapshot().await.unwrap().faults;
        found += faults.iter().filter(|fault| fault.contains("is not noted with it")).count() as i64;
        store.close().await;
    }
    assert!(found > 0 && found == read_and_not_noted, "a check sees {found} of {read_and_not_noted} jobs");
}

/// A ledger of the version before, with something of everything.
#[tokio::test]
async fn what_an_older_ledger_has_is_counted_when_it_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteConnectOptions::new().filename(folder.path().join(LEDGER)).create_if_missing(true);
    let old = SqlitePoolOptions::new().connect_with(options).await.unwrap();
    let before = migrations::SQLITE.iter().filter(|m| m.version < 10).cloned().collect();
    sqlx::migrate::Migrator::with_migrations(before).run(&old).await.unwrap();
    for row in [
        "INSERT INTO projects VALUES (1, 'u', 'p', 'private', 'k', '\"ü\"', NULL, 1, 1), (2, 'u', 'q', 'private', 'k', NULL, '1', 1, 1)",
        "INSERT INTO assets (project_id, filename, size, sha256, created, modified) VALUES (1, 'f', 1000, 'x', 1, 1)",
        "INSERT INTO workflows (project_id, state, created, definition) VALUES (1, 'success', 1, 'jobs: {}')",
        "INSERT INTO jobs (id, project_id, type_name, state, ready, created, inputs, outputs, needs, progress, attempt, losses, \
         lease_until, error) VALUES (7, 1, 't', 'failure', 1, 1, '{\"assets\":{},\"params\":{}}', '{\"assets\":{},\"params\":{}}', '[]', \
         0, 1, 0, 0, 'no')",
        "INSERT INTO documents (job_id, draft, bytes) VALUES (7, 0, 5000)",
        "INSERT INTO job_log (job_id, at, attempt, level, text) VALUES (7, 1, 1, 'info', 'started')",
    ] {
        sqlx::query(row).execute(&old).await.unwrap();
    }
    old.close().await;
    let store = Store::of_test(folder.path()).await;
    assert_eq!(store.snapshot().await.unwrap().faults, [""; 0]);
    let bytes = |id: i64| db::query_scalar(sql::PROJECT_BYTES).bind(id).fetch_one::<i64>(store.reader());
    let job = 512 + 2 * 25 + 2 + 5000 + 64 + 7;
    assert_eq!(bytes(1).await.unwrap(), 512 + 4 + 1000 + (512 + 8) + job);
    assert_eq!(bytes(2).await.unwrap(), 512 + 1);
    store.close().await;
}
