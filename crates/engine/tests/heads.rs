//! Several servers on one database and one folder: what one has acknowledged all answer, what one runs another can cancel, and what one
//! leaves another takes over.

mod common;
use common::*;
use fieldstone_engine::model::*;
use fieldstone_engine::testing::{self, database_of, is_on_postgres};
use fieldstone_engine::{Engine, EngineConfig, EngineError, Location, News, keys};
use futures::StreamExt;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// Ends the connections on which servers hear of one another, and no other.
const CUT: &str = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = 70196 \
                   AND objid::bigint = (hashtext(current_schema())::bigint & 4294967295)";

#[test]
fn on_postgresql() {
    testing::again_on_postgres(&["heads_"], &[]);
}

/// Two servers; the second does not run jobs until it is started. `None` where there is no PostgreSQL: there is one server then.
async fn two(change: impl Fn(&mut EngineConfig)) -> Option<(Bench, Bench)> {
    if !is_on_postgres() {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let open = async || {
        let mut config = config(&folder);
        change(&mut config);
        Engine::open_with_types(config, TYPES).await.unwrap()
    };
    let (one, other) = (open().await, open().await);
    let caller = caller("owner");
    let project = one.create_project(&caller, NewProject::private("p")).await.unwrap().id;
    let elsewhere =
        Bench { folder: tempfile::tempdir().unwrap(), engine: other, caller: caller.clone(), project };
    Some((Bench { folder, engine: one, caller, project }, elsewhere))
}

async fn close(a: Bench, b: Bench) {
    for bench in [&a, &b] {
        bench.engine.close().await;
    }
    for folder in ["heads", "tmp", "work"] {
        assert_eq!(
            std::fs::read_dir(a.folder.path().join("data").join(folder)).unwrap().count(),
            0,
            "{folder}"
        );
    }
}

async fn within<T>(seconds: u64, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(seconds), work).await.expect("it took too long")
}

/// A job that only a cancel ends.
async fn endless(at: &Bench) -> JobId {
    at.dispatch(new_job("test/endless", &[], json!({}))).await.unwrap().id
}

/// The same, once it has begun.
async fn endless_at_work(at: &Bench) -> JobId {
    let job = endless(at).await;
    at.job_when(job, |job| job.state == State::Started && job.progress > 0.0).await;
    job
}

/// The ledger, without a server.
async fn ledger(a: &Bench) -> sqlx::PgConnection {
    let data = a.folder.path().join("data");
    let url = String::from(database_of(&data).unwrap());
    <sqlx::PgConnection as sqlx::Connection>::connect(&url).await.unwrap()
}

async fn execute(a: &Bench, statement: &str) {
    let mut connection = ledger(a).await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_answer_what_another_has_acknowledged() {
    let Some((a, b)) = two(|_| {}).await else { return };
    let mut rng = StdRng::seed_from_u64(1);
    let job = endless(&a).await;
    let stranger = caller("stranger");
    for n in 0..100 {
        let (writer, reader) = if rng.random() { (&a, &b) } else { (&b, &a) };
        // Both remember it.
        assert_eq!(writer.job(job).await, reader.job(job).await);
        let name = format!("name {n}");
        writer.engine.rename_job(&a.caller, a.project, job, &name).await.unwrap();
        assert_eq!(reader.job(job).await.name.as_deref(), Some(name.as_str()), "round {n}");
        let access = if n % 2 == 0 { Access::Public } else { Access::Private };
        let change = ProjectChange { access: Some(access), ..ProjectChange::default() };
        writer.engine.update_project(&a.caller, a.project, change).await.unwrap();
        let seen = reader.engine.get_job(&stranger, a.project, job).await.is_ok();
        assert_eq!(seen, access == Access::Public, "round {n}");
    }
    b.engine.delete_job(&a.caller, a.project, job).await.unwrap();
    assert!(a.engine.get_job(&a.caller, a.project, job).await.is_err());
    close(a, b).await;
}

/// As with one server: no job is older than its workflow, wherever either is asked for and wherever it runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_have_no_job_that_is_older_than_its_workflow() {
    let Some((a, b)) = two(|_| {}).await else { return };
    a.engine.start();
    b.engine.start();
    a.upload("part.stl", b"solid").await;
    for n in 0..30 {
        let (asked, other) = if n % 2 == 0 { (&a, &b) } else { (&b, &a) };
        let new = NewWorkflow {
            definition: "jobs: {only: {type: test/preprocess}}".into(),
            assets: files(&[("only.mesh", "part.stl")]),
            ..NewWorkflow::default()
        };
        let sent = asked.workflow(new).await.unwrap();
        within(60, async {
            loop {
                let before = other.job(sent.jobs[0]).await;
                let workflow = asked.engine.get_workflow(&a.caller, a.project, sent.id).await.unwrap();
                if workflow.state == State::Success {
                    let later = other.job(sent.jobs[0]).await;
                    assert_eq!(
                        (later.state, later.outputs.assets.len()),
                        (State::Success, 1),
                        "before: {before:?}"
                    );
                    break;
                }
            }
        })
        .await;
    }
    close(a, b).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_hear_of_what_another_runs_and_cancel_it() {
    let Some((a, b)) = two(|_| {}).await else { return };
    a.engine.start();
    let events = b.engine.watch_project(&b.caller, b.project, None).await.unwrap();
    let mut events = Box::pin(events);
    assert!(matches!(within(60, events.next()).await.unwrap().news, News::Ready));
    // The one that runs jobs is rung by the other, long before it would look.
    let sent = endless(&b).await;
    let started = async {
        while let Some(event) = events.next().await {
            if matches!(event.news, News::Job(job) if job.id == sent && job.state == State::Started) {
                return;
            }
        }
        panic!("the events end");
    };
    within(60, started).await;
    let watched = a.engine.watch_job(&a.caller, a.project, sent).await.unwrap();
    let canceled = b.engine.cancel_job(&b.caller, b.project, sent).await.unwrap();
    assert_eq!(canceled.state, State::Canceled);
    assert_eq!(a.job(sent).await.state, State::Canceled);
    // Its lease would be renewed after 10 s.
    within(8, async {
        while a.engine.metrics().await.unwrap().running > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let last = within(60, watched.fold(None, |_, job| async move { Some(job) })).await.unwrap();
    assert_eq!(last.state, State::Canceled);
    let metrics = b.engine.metrics().await.unwrap();
    assert_eq!(metrics.servers.len(), 2, "{metrics:?}");
    close(a, b).await;
}

/// Who slept for longer than a lease finds that another has its job, and what it brings is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_take_what_another_has_lost() {
    let Some((a, b)) = two(|_| {}).await else { return };
    a.engine.start();
    let job = endless_at_work(&a).await;
    // By the database's clock, the only one that counts.
    execute(&a, "UPDATE jobs SET lease_until = lease_clock() - 1").await;
    b.engine.start();
    let taken = b.job_when(job, |job| job.attempt == 2 && job.state == State::Started).await;
    assert_eq!(a.job(job).await.attempt, taken.attempt);
    // It hears so when it renews its lease, at once where it may have missed something, and ends its attempt, which changes nothing.
    execute(&a, CUT).await;
    within(30, async {
        while a.engine.metrics().await.unwrap().running > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let now = a.job(job).await;
    assert_eq!((now.state, now.attempt), (State::Started, 2));
    let lines = a.engine.job_log(&a.caller, a.project, job).await.unwrap();
    assert!(lines.iter().any(|line| line.text == "attempt 1 was cancelled or superseded"), "{lines:?}");
    close(a, b).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_believe_nothing_that_they_remember_while_they_hear_nothing() {
    let Some((a, b)) = two(|_| {}).await else { return };
    let job = endless(&a).await;
    let mut events = Box::pin(b.engine.watch_project(&b.caller, b.project, None).await.unwrap());
    within(60, events.next()).await.unwrap();
    for round in 0..2 {
        assert_eq!(a.job(job).await, b.job(job).await);
        execute(&a, CUT).await;
        let name = format!("after {round}");
        execute(&a, &format!("UPDATE jobs SET name = '{name}'")).await;
        for bench in [&a, &b] {
            assert_eq!(bench.job(job).await.name.as_deref(), Some(name.as_str()));
        }
        let lost = async { while !matches!(events.next().await.unwrap().news, News::Lost) {} };
        within(60, lost).await;
        // From here on all is heard again.
        a.job_when(job, |_| true).await;
        within(60, async { while a.engine.ready().await.is_err() {} }).await;
        a.engine.rename_job(&a.caller, a.project, job, "again").await.unwrap();
        assert_eq!(b.job(job).await.name.as_deref(), Some("again"));
    }
    close(a, b).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_stop_to_write_to_a_schema_that_is_newer_than_they_are() {
    let Some((a, b)) = two(|_| {}).await else { return };
    execute(&a, "UPDATE _sqlx_migrations SET version = 999 WHERE version = 13").await;
    execute(&a, CUT).await;
    let refused = async {
        loop {
            let made = b.engine.create_project(&b.caller, NewProject::private("q")).await;
            match made {
                Err(e) if e.to_string().contains("has schema version 999") => return,
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    within(60, refused).await;
    assert!(b.engine.ready().await.is_err());
    execute(&a, "UPDATE _sqlx_migrations SET version = 13 WHERE version = 999").await;
    within(60, async { while b.engine.ready().await.is_err() {} }).await;
    within(60, async { while a.engine.ready().await.is_err() {} }).await;
    close(a, b).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_keep_others_from_changing_the_schema() {
    let named = |config: &mut EngineConfig| config.address = Some("http://here:1".into());
    let Some((a, b)) = two(named).await else { return };
    execute(&a, "CREATE TABLE kept AS SELECT * FROM _sqlx_migrations WHERE version = 13").await;
    execute(&a, "DELETE FROM _sqlx_migrations WHERE version = 13").await;
    let refused = Engine::open_with_types(config(&a.folder), TYPES).await.err().unwrap().to_string();
    assert!(refused.contains("is in use by another server: http://here:1 on "), "{refused}");
    execute(&a, "INSERT INTO _sqlx_migrations SELECT * FROM kept").await;
    execute(&a, "DROP TABLE kept").await;
    close(a, b).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_let_a_user_have_no_more_jobs_together_than_with_one() {
    let slots = |config: &mut EngineConfig| (config.user_slots, config.concurrent_jobs) = (Some(1), 3);
    let Some((a, b)) = two(slots).await else { return };
    let mut jobs = Vec::new();
    for _ in 0..4 {
        jobs.push(endless(&a).await);
    }
    let other = caller("other");
    let project = a.engine.create_project(&other, NewProject::private("o")).await.unwrap().id;
    a.engine.start();
    b.engine.start();
    for n in 0..jobs.len() {
        let first = a.job_when(jobs[n], |job| job.state == State::Started).await;
        assert_eq!(first.attempt, 1);
        // Another user's comes through meanwhile, and so would these if they might.
        let between =
            b.engine.create_job(&other, project, new_job("test/endless", &[], json!({}))).await.unwrap();
        let of_other = Bench {
            folder: tempfile::tempdir().unwrap(),
            engine: b.engine.clone(),
            caller: other.clone(),
            project,
        };
        of_other.job_when(between.id, |job| job.state == State::Started).await;
        let mut started = 0;
        for job in &jobs {
            started += usize::from(b.job(*job).await.state == State::Started);
        }
        assert_eq!(started, 1);
        b.engine.cancel_job(&other, project, between.id).await.unwrap();
        b.engine.cancel_job(&b.caller, b.project, jobs[n]).await.unwrap();
    }
    close(a, b).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_go_on_with_an_upload_that_another_was_receiving() {
    let Some((a, b)) = two(|_| {}).await else { return };
    let bytes: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    let new = NewResumable {
        filename: "pieces.bin".into(),
        metadata: String::new(),
        sha256: None,
        size: bytes.len() as u64,
    };
    let upload = a.engine.begin_resumable(&a.caller, a.project, new).await.unwrap();
    let (caller, project, id) = (a.caller.clone(), a.project, upload.id);
    let mut piece = a.engine.resume_upload(&caller, project, id, 0, None, None).await.unwrap();
    piece.write(bytes[..1_500_000].to_vec().into()).await.unwrap();
    // Its client is gone, and the server does not know: as a request does, it waits for more or for another who wants to go on.
    let receiving = tokio::spawn(async move {
        piece.is_wanted().await;
        piece.end().await.unwrap().received
    });
    let refused =
        within(15, b.engine.resume_upload(&caller, project, id, 0, None, None)).await.err().unwrap();
    assert!(
        matches!(&refused, EngineError::Conflict(text) if text.contains("goes on at byte 1500000")),
        "{refused}"
    );
    assert_eq!(receiving.await.unwrap(), 1_500_000);
    let mut piece = b.engine.resume_upload(&caller, project, id, 1_500_000, None, None).await.unwrap();
    piece.write(bytes[1_500_000..].to_vec().into()).await.unwrap();
    assert!(piece.end().await.unwrap().is_whole());
    let whole = a.engine.get_upload(&caller, project, id).await.unwrap();
    let asset = b.engine.get_asset(&caller, project, whole.asset_id.unwrap()).await.unwrap();
    assert_eq!(a.bytes_of(&asset.sha256).await, bytes);
    assert_eq!(std::fs::read_dir(a.folder.path().join("data/uploads")).unwrap().count(), 0);
    close(a, b).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_refuse_a_key_that_was_revoked_at_another() {
    let Some((a, b)) = two(|_| {}).await else { return };
    let token = a.engine.create_key(NewKey { name: "k".into(), ..NewKey::default() }).await.unwrap();
    for bench in [&a, &b] {
        assert!(bench.engine.authenticate(&token).await.unwrap().is_some());
    }
    let data = a.folder.path().join("data");
    let database = database_of(&data);
    let at = Location { data: &data, database: database.as_ref(), blobs: None };
    let key = keys::list(at, CredentialKind::Key).await.unwrap().remove(0);
    keys::revoke(at, CredentialKind::Key, &key.id).await.unwrap();
    for bench in [&a, &b] {
        within(10, async { while bench.engine.authenticate(&token).await.unwrap().is_some() {} }).await;
    }
    close(a, b).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_that_begin_touch_nothing_of_those_that_live() {
    let Some((a, b)) = two(|_| {}).await else { return };
    a.engine.start();
    let job = endless_at_work(&a).await;
    let mut upload = b.engine.begin_upload(b.project, 0).await.unwrap();
    upload.write(vec![7; 2_000_000].into()).await.unwrap();
    // Drafts of documents: of a server that lives, of one that nobody knows, of one that was alone.
    let draft = "INSERT INTO documents (draft, bytes, owner) SELECT 1, n, owner FROM (VALUES (1, (SELECT MIN(id) FROM heads)), \
                 (2, 99::bigint), (3, NULL)) AS drafts (n, owner)";
    execute(&a, draft).await;
    let third = Engine::open_with_types(config(&a.folder), TYPES).await.unwrap();
    third.start();
    let mut connection = ledger(&a).await;
    let left: Vec<i64> = sqlx::query_scalar("SELECT bytes FROM documents WHERE draft = 1")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    assert_eq!(left, [1]);
    let asset = upload.finish(&b.caller, "seven.bin").await.unwrap();
    assert_eq!(third.get_asset(&b.caller, b.project, asset.id).await.unwrap().size, 2_000_000);
    let now = b.job(job).await;
    assert_eq!((now.state, now.attempt), (State::Started, 1));
    // A server that must be alone does not begin, nor one with a folder of its own.
    let data = a.folder.path().join("data");
    let alone =
        Engine::open(EngineConfig { data: data.clone(), ..EngineConfig::default() }).await.err().unwrap();
    assert!(alone.to_string().ends_with("is in use by another server"), "{alone}");
    let own = tempfile::tempdir().unwrap();
    let apart = EngineConfig {
        data: own.path().join("d"),
        database: database_of(&data),
        accept_lost_rows: true,
        ..EngineConfig::default()
    };
    let apart = Engine::open(apart).await.err().unwrap().to_string();
    assert!(apart.contains("uses the same database with another data folder than"), "{apart}");
    third.close().await;
    close(a, b).await;
}

/// One that ends without a word: its file says so at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_take_over_from_one_that_is_gone() {
    let Some((a, b)) = two(|_| {}).await else { return };
    // Nothing of it goes on: as a process that is killed, but for its threads.
    let gone = Engine::open_with_types(config(&a.folder), TYPES).await.unwrap();
    let job = a.dispatch(new_job("test/preprocess", &[("mesh", "part.stl")], json!({}))).await;
    assert!(job.is_err(), "there is no such file");
    a.upload("part.stl", b"solid").await;
    let job = a.dispatch(new_job("test/preprocess", &[("mesh", "part.stl")], json!({}))).await.unwrap().id;
    let number =
        a.engine.metrics().await.unwrap().servers.into_iter().map(|server| server.number).collect::<Vec<_>>();
    assert_eq!(number.len(), 3);
    let mut connection = ledger(&a).await;
    let ours: Vec<i64> = sqlx::query_scalar("SELECT id FROM heads ORDER BY started DESC")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let owned = format!(
        "UPDATE jobs SET state = 'started', attempt = 1, started = created, lease_until = lease_clock() + 1000000000, owner = {}",
        ours[0]
    );
    execute(&a, &owned).await;
    drop(Arc::new(gone));
    b.engine.start();
    let done = b.finished(job).await;
    assert_eq!((done.state, done.attempt), (State::Success, 2));
    close(a, b).await;
}
