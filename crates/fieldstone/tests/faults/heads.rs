//! Two servers on one database and one folder, of which one is killed or put to sleep in the middle of its work: the other goes on with
//! it, and nothing is done twice.

use crate::served::{Api, Choices, Served, box_stl, checksum, command, patiently};
use fieldstone_engine::testing::{Postgres, S3Peer};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

const SEED: u64 = 20_261_127;
/// Small jobs that run while one server is killed.
const SMALL: usize = 24;

/// A database, a folder, a bucket perhaps, and who may do everything.
struct Site {
    _folder: tempfile::TempDir,
    data: PathBuf,
    database: Postgres,
    settings: Vec<(&'static str, String)>,
    token: String,
}

/// A server of it.
struct Head {
    served: Served,
    api: Api,
    /// Where its attempts write.
    work: PathBuf,
}

impl Site {
    fn new(store: Option<&S3Peer>) -> Option<Site> {
        let database = Postgres::start().expect("PostgreSQL starts")?;
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let mut settings = vec![
            ("FIELDSTONE_LOG", "warn".to_owned()),
            ("FIELDSTONE_DATABASE", database.url()),
            ("FIELDSTONE_CONCURRENT_JOBS", "1".into()),
            ("FIELDSTONE_REUSE_RESULTS", "false".into()),
        ];
        settings.extend(store.map(S3Peer::variables).into_iter().flatten());
        let mut site = Site { data, _folder: folder, database, settings, token: String::new() };
        site.token = site.command(&["keys", "create", "--name", "test"]).trim().to_owned();
        Some(site)
    }

    /// What a command says that finds nothing wrong.
    fn command(&self, arguments: &[&str]) -> String {
        command(&self.data, arguments, &self.settings())
    }

    fn settings(&self) -> Vec<(&str, &str)> {
        self.settings.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    fn start(&self) -> Head {
        let served = Served::start(&self.data, &self.settings());
        let api = Api::new(&served.url, &self.token);
        let page = metrics(&served.url);
        let line = page.lines().find(|line| line.contains("server_info{") && line.contains(&served.url));
        let number =
            line.and_then(|line| line.split_once("server=\"")?.1.split_once('"')).expect("it is listed").0;
        Head { work: self.data.join("work").join(number), served, api }
    }

    /// Runs a statement by itself.
    fn execute(&self, statement: &'static str) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut connection = PgConnection::connect(&self.database.url()).await.unwrap();
            sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
        });
    }
}

fn metrics(url: &str) -> String {
    reqwest::blocking::get(format!("{url}/metrics")).unwrap().text().unwrap()
}

fn number(url: &str, name: &str) -> u64 {
    let page = metrics(url);
    let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("{name}: {page}")).parse().unwrap()
}

fn dispatch(api: &Api, project: &str, resolution: u64) -> String {
    let parameters = json!({"mesh_filename": "part.stl", "max_resolution": resolution});
    let body = json!({"type": "sample_triangle_mesh", "parameters": parameters});
    let (status, job) = api.post(&format!("/projects/{project}/jobs"), &body).unwrap();
    assert_eq!(status, 202, "{job}");
    format!("/projects/{project}/jobs/{}", job["id"].as_str().unwrap())
}

/// How many attempts of a job there were; the line of one whose server was killed may be missing.
fn attempts(api: &Api, job: &str) -> usize {
    let log = api.get(&format!("{job}/log")).unwrap().1;
    let texts = log.as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap());
    let numbers =
        texts.filter_map(|text| text.strip_prefix("attempt ")?.strip_suffix(" started")?.parse().ok());
    numbers.max().unwrap_or_default()
}

/// A job has succeeded once: with as many assets in the project as it says it made.
fn made_once(api: &Api, project: &str, job: &str) {
    let (status, ended) = api.finished(&format!("{job}/status"));
    assert_eq!(status, 201, "{ended}");
    let shown = api.get(job).unwrap().1;
    assert_eq!(shown["state"], "success", "{shown}");
    let (id, assets) =
        (shown["id"].as_str().unwrap(), api.get(&format!("/projects/{project}/assets")).unwrap().1);
    let made = assets.as_array().unwrap().iter().filter(|asset| asset["job_id"] == id).count();
    let said = shown["outputs"]["assets"].as_object().map_or(0, |slots| slots.len());
    assert!(made > 0 && made == said.max(1), "job {id} made {made} assets: {shown}");
}

/// Whether there is something in a folder whose name begins so.
fn has(folder: &Path, begin: &str) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).any(|name| name.to_string_lossy().starts_with(begin))
}

#[test]
fn two_servers_on_one_database_lose_and_double_nothing() {
    nothing_is_lost_or_doubled(None);
}

#[test]
fn two_servers_on_one_bucket_lose_and_double_nothing() {
    nothing_is_lost_or_doubled(Some(&S3Peer::start_alone()));
}

fn nothing_is_lost_or_doubled(store: Option<&S3Peer>) {
    let Some(site) = Site::new(store) else {
        return eprintln!("left out: no PostgreSQL is installed (Debian: apt-get install postgresql)");
    };
    let mut heads = [site.start(), site.start()];
    let project = heads[0].api.project("shared");
    let part = box_stl([10.0, 20.0, 30.0], 8);
    let asset = heads[0].api.must_upload(&project, "part.stl", &part);
    let bytes = heads[1].api.download(&project, asset["id"].as_str().unwrap());
    assert_eq!(checksum(&bytes), checksum(&part));
    hears_the_other(&site, &heads, &project);
    one_is_killed(&site, &mut heads, &project);
    one_sleeps_for_longer_than_its_lease(&site, &heads, &project);
    many_jobs_go_on_when_one_is_killed(&site, &mut heads, &project);
    for command in ["check", "gc"] {
        assert_eq!(site.command(&[command]), "", "{command}");
    }
    // A key that is revoked ends at both.
    let listed = site.command(&["keys", "list"]);
    let id = listed
        .lines()
        .find(|line| line.contains("test"))
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .to_owned();
    site.command(&["keys", "revoke", &id]);
    for head in &heads {
        patiently("it still opens", || (head.api.get("/projects").unwrap().0 == 401).then_some(()));
    }
}

/// Who follows a project at one server hears of what is dispatched at the other.
fn hears_the_other(site: &Site, heads: &[Head; 2], project: &str) {
    let client = reqwest::blocking::Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
    let url = format!("{}/projects/{project}/events", heads[0].served.url);
    let stream = client.get(url).bearer_auth(&site.token).send().unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    assert!(lines.by_ref().any(|line| line == "event: ready"));
    let job = dispatch(&heads[1].api, project, 16);
    let id = format!("\"id\":\"{}\"", job.rsplit('/').next().unwrap());
    assert!(lines.any(|line| line.contains(&id) && line.contains("\"success\"")));
    made_once(&heads[0].api, project, &job);
}

/// The server that runs a job which is dispatched at one of them, as a place in the list.
fn run_long(heads: &[Head; 2], project: &str, at: usize) -> (String, usize) {
    let job = dispatch(&heads[at].api, project, 300);
    let begin = format!("{}-", job.rsplit('/').next().unwrap());
    let runs = patiently("it never starts", || heads.iter().position(|head| has(&head.work, &begin)));
    (job, runs)
}

fn one_is_killed(site: &Site, heads: &mut [Head; 2], project: &str) {
    let (job, runs) = run_long(heads, project, 1);
    heads[runs].served.kill();
    let other = &heads[1 - runs].api;
    made_once(other, project, &job);
    assert_eq!(attempts(other, &job), 2);
    heads[runs] = site.start();
    assert_eq!(
        std::fs::read_dir(site.data.join("work")).unwrap().count(),
        2,
        "nothing is left of the dead one"
    );
    assert_eq!(heads[runs].api.get(&job).unwrap().1["state"], "success");
}

fn one_sleeps_for_longer_than_its_lease(site: &Site, heads: &[Head; 2], project: &str) {
    let (job, runs) = run_long(heads, project, 0);
    let (sleeper, other) = (&heads[runs], &heads[1 - runs]);
    let pid = Pid::from_raw(sleeper.served.pid().cast_signed()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    // As if the time of its lease had passed, by the only clock that counts.
    site.execute("UPDATE jobs SET lease_until = lease_clock() - 1 WHERE state = 'started'");
    made_once(&other.api, project, &job);
    assert_eq!(attempts(&other.api, &job), 2);
    kill_process(pid, Signal::CONT).unwrap();
    // What it brings comes too late, and it knows nothing old.
    assert_eq!(sleeper.api.get(&job).unwrap().1["state"], "success");
    let refused = "fieldstone_attempts_total{end=\"superseded\"}";
    patiently("it is not refused", || (number(&sleeper.served.url, refused) == 1).then_some(()));
    made_once(&sleeper.api, project, &job);
}

fn many_jobs_go_on_when_one_is_killed(site: &Site, heads: &mut [Head; 2], project: &str) {
    let mut choices = Choices(SEED);
    let jobs: Vec<String> = (0..SMALL)
        .map(|_| dispatch(&heads[choices.below(2) as usize].api, project, 12 + choices.below(30)))
        .collect();
    let killed = choices.below(2) as usize;
    heads[killed].api.finished(&format!("{}/status", jobs[choices.below(SMALL as u64 / 2) as usize]));
    heads[killed].served.kill();
    let other = &heads[1 - killed].api;
    jobs.iter().for_each(|job| made_once(other, project, job));
    let again: usize = jobs.iter().map(|job| attempts(other, job) - 1).sum();
    assert!(again <= 2, "it ran one at a time, while what the one before had made was written down");
    heads[killed] = site.start();
    let states: Vec<Value> =
        jobs.iter().map(|job| heads[killed].api.get(job).unwrap().1["state"].clone()).collect();
    assert!(states.iter().all(|state| state == "success"), "{states:?}");
}
