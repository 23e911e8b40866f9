//! Direct jobs: dispatch, the ways they end, cancel, stop and restart.

mod common;
use common::*;
use fieldstone_engine::model::*;
use fieldstone_engine::{Engine, EngineConfig, EngineError, testing};
use serde_json::json;

#[test]
fn the_same_on_postgresql() {
    testing::again_on_postgres(&[""], &[]);
}

#[test]
fn with_a_bucket_these_are_the_same() {
    testing::again_in_bucket(&[""], &[]);
}

#[tokio::test]
async fn a_job_runs_and_publishes_its_outputs() {
    let b = started().await;
    let mesh = b.upload("part.stl", b"solid").await;
    let sent = b.dispatch(new_job("test/sample", &[("mesh", "part.stl")], json!({"resolution": "64"})));
    let sent = sent.await.unwrap();
    assert_eq!((sent.state, sent.attempt, sent.started), (State::Pending, 0, None));
    let job = b.finished(sent.id).await;
    assert_eq!((job.state, job.attempt, job.error.as_deref()), (State::Success, 1, None));
    assert!(job.created <= job.started.unwrap() && job.started <= job.finished);
    assert_eq!(job.inputs.assets["mesh"], [mesh]);
    assert_eq!(job.inputs.params["resolution"], json!("64"));
    assert_eq!(job.outputs.assets.keys().collect::<Vec<_>>(), ["volume", "log"]);
    assert_eq!(job.outputs.params["patch"], json!("{\"resolution\": 64}"));
    let volume = &job.outputs.assets["volume"][0];
    assert_eq!(volume.job_id, Some(job.id));
    let (stem, extension) = volume.filename.split_once('.').unwrap();
    assert!(extension == "bin" && stem.len() == 16 && stem.bytes().all(|c| c.is_ascii_hexdigit()));
    assert_eq!(b.bytes_of(&volume.sha256).await, [b"solid".as_slice(), &64_i64.to_le_bytes()].concat());
    assert_eq!(b.engine.get_asset(&b.caller, b.project, volume.id).await.unwrap(), *volume);
    let again = b.dispatch(new_job("test/sample", &[("mesh", "part.stl")], json!({"resolution": 64})));
    let again = b.finished(again.await.unwrap().id).await;
    assert_eq!(again.outputs.assets["volume"][0].sha256, volume.sha256);
    b.engine.stop().await;
    let left = files_in(&b.folder.path().join("data/work"));
    assert!(left.is_empty(), "attempts leave nothing behind");
}

#[tokio::test]
async fn the_older_filename_parameter_is_an_asset() {
    let b = started().await;
    b.upload("a b.obj", b"old").await;
    let newest = b.upload("a b.obj", b"new").await;
    let job = b.dispatch(new_job("test/preprocess", &[], json!({"mesh_filename": "a b.obj"}))).await.unwrap();
    let job = b.finished(job.id).await;
    assert_eq!(job.inputs.assets["mesh"], [newest]);
    assert_eq!(job.inputs.params["mesh_filename"], json!("a b.obj"), "parameters stay as sent");
    assert_eq!(job.outputs.params["count"], json!("3"));
    b.engine.stop().await;
}

#[tokio::test]
async fn bad_dispatches_name_the_place() {
    let b = bench().await;
    b.upload("part.stl", b"solid").await;
    let other = b.engine.create_project(&b.caller, NewProject::private("other")).await.unwrap().id;
    let file = [("mesh", "part.stl")];
    let cases = [
        (
            new_job("test/sample", &[("mesh", "../../x")], json!({})),
            "assets.mesh",
            r#"no asset called "../../x" in this project"#,
        ),
        (
            new_job("test/sample", &[], json!({"mesh_filename": "no.stl"})),
            "parameters.mesh_filename",
            r#"no asset called "no.stl" in this project"#,
        ),
        (new_job("test/sample", &[], json!({})), "assets.mesh", "is required: a mesh"),
        (
            new_job("test/sample", &[("mesh", "part.stl"), ("tree", "x")], json!({})),
            "assets.tree",
            "unknown, test/sample takes mesh, bvh",
        ),
        (
            new_job("test/sample", &file, json!({"resolution": 0})),
            "parameters.resolution",
            "expected an integer from 2 to 1024, got 0",
        ),
        (
            new_job("test/sample", &file, json!({"resolution": "5000"})),
            "parameters.resolution",
            r#"expected an integer from 2 to 1024, got "5000""#,
        ),
        (
            new_job("test/sample", &file, json!({"resolution": "abc"})),
            "parameters.resolution",
            r#"expected an integer from 2 to 1024, got "abc""#,
        ),
        (
            new_job("test/sample", &file, json!({"size": 1})),
            "parameters.size",
            "unknown, expected one of resolution",
        ),
    ];
    for (new, field, msg) in cases {
        assert_eq!(invalid(b.dispatch(new).await.unwrap_err()), [(field.to_owned(), msg.to_owned())]);
    }
    let elsewhere = b.engine.create_job(&b.caller, other, new_job("test/preprocess", &file, json!({}))).await;
    assert_eq!(invalid(elsewhere.unwrap_err())[0].0, "assets.mesh", "another project's asset never resolves");
    let jobs = b.engine.list_jobs(&b.caller, b.project, &ListQuery::default()).await.unwrap();
    assert_eq!(jobs, [], "a refused job leaves no row");
}

#[tokio::test]
async fn jobs_that_cannot_succeed_say_why() {
    let b = started().await;
    b.upload("empty.stl", b"").await;
    let known = "test/preprocess, test/bvh, test/sample, test/panics, test/faulty, test/endless, test/large, test/huge";
    let unknown = format!("job type \"sim/custom\" is not available here, expected one of {known}");
    let cases = [
        (new_job("sim/custom", &[], json!({"ups": "<x/>"})), unknown.as_str(), 1),
        (new_job("test/preprocess", &[("mesh", "empty.stl")], json!({})), "the mesh is empty", 1),
        (new_job("test/panics", &[], json!({})), "the job crashed: index 7 of 3", 1),
        (new_job("test/faulty", &[], json!({})), "internal error: disk on fire", 3),
    ];
    for (new, error, attempts) in cases {
        let job = b.finished(b.dispatch(new).await.unwrap().id).await;
        assert_eq!((job.state, job.error.as_deref(), job.attempt), (State::Failure, Some(error), attempts));
        assert_eq!(job.outputs, JobData::default());
    }
    b.engine.stop().await;
}

#[tokio::test]
async fn deleting_a_running_job_ends_it_and_publishes_nothing() {
    let b = started().await;
    let job = b.dispatch(new_job("test/endless", &[], json!({}))).await.unwrap();
    let running = b.job_when(job.id, |j| j.state == State::Started && j.progress > 0.0).await;
    assert_eq!(running.progress, 0.25);
    b.engine.delete_job(&b.caller, b.project, job.id).await.unwrap();
    let gone = b.engine.get_job(&b.caller, b.project, job.id).await.unwrap_err();
    assert_eq!(gone.to_string(), format!("job {} does not exist", job.id));
    b.engine.stop().await;
    assert_eq!(b.blob_count().await, 0);
}

#[tokio::test]
async fn a_job_larger_than_the_machine_is_refused_with_the_number() {
    let b = bench().await;
    let msg = "needs up to 102400 MiB of memory, the limit is 1024 MiB (setting memory_limit)";
    let huge = || new_job("test/huge", &[], json!({}));
    assert_eq!(invalid(b.dispatch(huge()).await.unwrap_err()), [(String::new(), msg.to_owned())]);
    let definition = "jobs: {big: {type: test/huge}}".to_owned();
    let refused = b.workflow(NewWorkflow { definition, ..NewWorkflow::default() }).await.unwrap_err();
    assert_eq!(invalid(refused), [("jobs.big".to_owned(), msg.to_owned())]);

    // Dispatched to a larger machine, it fails on this one.
    let Bench { folder, engine, caller, project } = b;
    drop(engine);
    let larger = EngineConfig { memory_limit_bytes: 200 * GIB, ..config(&folder) };
    let engine = Engine::open_with_types(larger, TYPES).await.unwrap();
    let job = engine.create_job(&caller, project, huge()).await.unwrap();
    drop(engine);
    let engine = Engine::open_with_types(config(&folder), TYPES).await.unwrap();
    engine.start();
    let b = Bench { folder, engine, caller, project };
    let ended = b.finished(job.id).await;
    assert_eq!((ended.state, ended.error.as_deref()), (State::Failure, Some(msg)));
    b.engine.stop().await;
}

#[tokio::test]
async fn a_job_waits_until_its_memory_is_free() {
    let b = started().await;
    let first = b.dispatch(new_job("test/large", &[], json!({}))).await.unwrap();
    let second = b.dispatch(new_job("test/large", &[], json!({}))).await.unwrap();
    // Progress is noted after a look for work that claimed all that fits.
    b.job_when(first.id, |j| j.progress > 0.0).await;
    assert_eq!(b.job(second.id).await.state, State::Pending);
    b.engine.delete_job(&b.caller, b.project, first.id).await.unwrap();
    assert_eq!(b.job_when(second.id, |j| j.state == State::Started).await.attempt, 1);
    let third = b.dispatch(new_job("test/large", &[], json!({}))).await.unwrap();
    let small = b.dispatch(new_job("test/panics", &[], json!({}))).await.unwrap();
    assert_eq!(b.finished(small.id).await.attempt, 1, "what fits passes it");
    b.engine.stop().await;
    assert_eq!(b.job(third.id).await.attempt, 0);
}

#[tokio::test]
async fn a_stopped_engine_goes_on_after_a_restart() {
    let b = started().await;
    let endless = b.dispatch(new_job("test/endless", &[], json!({}))).await.unwrap();
    b.job_when(endless.id, |j| j.state == State::Started).await;
    b.engine.stop().await;
    let back = b.job(endless.id).await;
    assert_eq!((back.state, back.started, back.progress, back.attempt), (State::Pending, None, 0.0, 1));
    b.upload("part.stl", b"solid").await;
    let waiting = b.dispatch(new_job("test/preprocess", &[("mesh", "part.stl")], json!({}))).await.unwrap();
    let Bench { folder, engine, caller, project } = b;
    // On PostgreSQL it would be the second of two servers.
    if !testing::is_on_postgres() {
        let busy = Engine::open_with_types(config(&folder), TYPES).await.err().unwrap();
        assert!(
            matches!(&busy, EngineError::Conflict(text) if text.ends_with("is in use by another server"))
        );
    }
    drop(engine);
    let engine = Engine::open_with_types(config(&folder), TYPES).await.unwrap();
    let b = Bench { folder, engine, caller, project };
    b.engine.start();
    assert_eq!(b.finished(waiting.id).await.state, State::Success);
    b.job_when(endless.id, |j| j.state == State::Started && j.attempt == 2).await;
    b.engine.stop().await;
}

#[tokio::test]
async fn jobs_are_renamed_listed_and_sorted() {
    let b = bench().await;
    for name in ["alpha", "Beta", "gamma"] {
        let new = NewJob { name: Some(name.into()), ..new_job("x", &[], json!({})) };
        b.dispatch(new).await.unwrap();
    }
    let list = async |sort: &str, q: &str| -> Vec<String> {
        let query = ListQuery { sort: Some(sort.into()), q: Some(q.into()), ..ListQuery::default() };
        let jobs = b.engine.list_jobs(&b.caller, b.project, &query).await.unwrap();
        jobs.into_iter().filter_map(|j| j.name).collect()
    };
    assert_eq!(list("", "").await, ["gamma", "Beta", "alpha"]);
    assert_eq!(list("id:1", "!name:*mm* AND state:PENDING").await, ["alpha", "Beta"]);
    assert_eq!(list("", "name:beta AND type:x").await, ["Beta"]);
    b.job(JobId(2)).await;
    b.engine.rename_job(&b.caller, b.project, JobId(2), "delta").await.unwrap();
    assert_eq!(b.job(JobId(2)).await.name.as_deref(), Some("delta"));
}

#[tokio::test]
async fn one_job_does_not_wait_for_the_many_of_another_user() {
    let folder = tempfile::tempdir().unwrap();
    let config = EngineConfig { concurrent_jobs: 1, ..config(&folder) };
    let engine = Engine::open_with_types(config, TYPES).await.unwrap();
    let (many, one) = (caller("many"), caller("one"));
    let project = engine.create_project(&many, NewProject::private("many")).await.unwrap().id;
    let b = Bench { folder, engine, caller: many, project };
    for _ in 0..40 {
        b.dispatch(new_job("test/panics", &[], json!({}))).await.unwrap();
    }
    let other = b.engine.create_project(&one, NewProject::private("one")).await.unwrap().id;
    let late = b.engine.create_job(&one, other, new_job("test/panics", &[], json!({}))).await.unwrap();
    b.engine.start();
    let b = Bench { caller: one, project: other, ..b };
    let done = b.finished(late.id).await;
    let b = Bench { caller: caller("many"), project, ..b };
    let before = async || {
        let jobs = b.engine.list_jobs(&b.caller, project, &ListQuery::default()).await.unwrap();
        jobs.iter().filter(|j| j.started.is_some() && j.started < done.started).count()
    };
    assert!(before().await <= 1, "it is the second at the latest");
    b.engine.close().await;
}
