//! Documents inside parameters: read once where a job is dispatched and once where it runs, while others go on.

mod common;
use common::{Bench, config, new_job};
use fieldstone_engine::model::*;
use fieldstone_engine::{Engine, EngineConfig, JobTypes};
use fieldstone_jobs::job_type::Product;
use fieldstone_jobs::{
    JobContext, JobEntry, JobError, Kind, KnownInputs, Param, ParamError, Prepared, Reference, Work,
};
use serde_json::json;
use std::collections::HashMap;
use std::io::Write;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

/// How often each document was read, by its text.
static READ: Mutex<Option<HashMap<String, usize>>> = Mutex::new(None);
/// Documents that are not read before they are let through.
static HELD: Mutex<Vec<&str>> = Mutex::new(Vec::new());
static LET_THROUGH: Condvar = Condvar::new();

struct Document(String);

impl Prepared for Document {
    fn references(&self) -> Vec<Reference> {
        let named = self.0.strip_prefix("file:");
        let reference = |path: &str| Reference { param: "document", slot: "named".into(), path: path.into() };
        named.map(reference).into_iter().collect()
    }

    fn check(&self, _: &KnownInputs) -> Result<(), ParamError> {
        Ok(())
    }

    fn memory_bytes(&self, inputs: &KnownInputs) -> u64 {
        1000 + inputs.values().map(|input| input.bytes).sum::<u64>()
    }

    fn run(&self, context: &mut JobContext) -> Result<(), JobError> {
        context.output("text", "txt")?.write_all(self.0.as_bytes())?;
        Ok(())
    }
}

static READER: JobEntry = JobEntry {
    type_name: "test/reader",
    params: &[Param { name: "document", kind: Kind::Json, default: None, doc: "" }],
    products: &[Product { name: "text", extension: "txt", doc: "" }],
    work: Work::Document(|mut values, _| {
        let text = values.take_json("document").unwrap()["text"].as_str().unwrap().to_owned();
        *READ.lock().unwrap().get_or_insert_default().entry(text.clone()).or_default() += 1;
        let held = HELD.lock().unwrap();
        let wait =
            LET_THROUGH.wait_timeout_while(held, Duration::from_secs(60), |held| held.contains(&&*text));
        assert!(!wait.unwrap().1.timed_out(), "nothing goes on while {text} is read");
        Ok(Box::new(Document(text)))
    }),
    ..JobEntry::DEFAULT
};

static TYPES: JobTypes = &[&READER];

fn times(text: &str) -> usize {
    READ.lock().unwrap().as_ref().and_then(|read| read.get(text)).copied().unwrap_or(0)
}

async fn bench(reuse_results: bool) -> Bench {
    let bench = common::bench().await;
    let folder = tempfile::tempdir().unwrap();
    let config = EngineConfig { reuse_results, ..config(&folder) };
    let engine = Engine::open_with_types(config, TYPES).await.unwrap();
    let project = engine.create_project(&bench.caller, NewProject::private("p")).await.unwrap().id;
    Bench { folder, engine, project, ..bench }
}

fn reader(text: &str) -> NewJob {
    new_job("test/reader", &[], json!({"document": {"text": text}}))
}

#[tokio::test]
async fn a_document_is_read_at_dispatch_and_where_the_job_runs() {
    let bench = bench(true).await;
    bench.upload("a.txt", b"12345").await;
    let job = bench.dispatch(reader("file:a.txt")).await.unwrap();
    assert_eq!(job.inputs.assets["named"][0].filename, "a.txt");
    assert_eq!(*bench.job(job.id).await, job, "the reply is the row");
    bench.engine.list_jobs(&bench.caller, bench.project, &ListQuery::default()).await.unwrap();
    assert_eq!(times("file:a.txt"), 1);
    bench.engine.start();
    assert_eq!(bench.finished(job.id).await.state, State::Success);
    assert_eq!(times("file:a.txt"), 2);
    // The same work again: its results are known, it runs nowhere.
    let again = bench.dispatch(reader("file:a.txt")).await.unwrap();
    assert_eq!(bench.finished(again.id).await.state, State::Success);
    assert_eq!(times("file:a.txt"), 3);
}

#[tokio::test]
async fn in_a_workflow_as_well() {
    let bench = bench(false).await;
    let definition = r#"jobs:
        first: {type: test/reader, parameters: {document: {text: upstream}}}
        second: {type: test/reader, assets: {more: first}, parameters: {document: {text: downstream}}}"#;
    let new = NewWorkflow { definition: definition.into(), ..NewWorkflow::default() };
    let workflow = bench.workflow(new).await.unwrap();
    assert_eq!((times("upstream"), times("downstream")), (1, 1));
    bench.engine.start();
    for job in workflow.jobs {
        assert_eq!(bench.finished(job).await.error, None);
    }
    assert_eq!((times("upstream"), times("downstream")), (2, 2));
}

#[tokio::test]
async fn after_a_restart_it_is_read_once_more_to_know_the_memory() {
    let Bench { folder, engine, caller, project } = bench(false).await;
    let definition = r#"jobs:
        first: {type: test/reader, parameters: {document: {text: "before restart"}}}
        second: {type: test/reader, assets: {more: first}, parameters: {document: {text: "after restart"}}}"#;
    let new = NewWorkflow { definition: definition.into(), ..NewWorkflow::default() };
    let workflow = engine.create_workflow(&caller, project, new).await.unwrap();
    drop(engine);
    let engine = Engine::open_with_types(config(&folder), TYPES).await.unwrap();
    engine.start();
    let bench = Bench { folder, engine, caller, project };
    for job in workflow.jobs {
        assert_eq!(bench.finished(job).await.error, None);
    }
    assert_eq!((times("before restart"), times("after restart")), (2, 3));
}

/// One thread answers requests, and it does not read documents.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn while_a_document_is_read_others_go_on() {
    let bench = bench(false).await;
    HELD.lock().unwrap().push("large");
    let (engine, caller, project) = (bench.engine.clone(), bench.caller.clone(), bench.project);
    let first = tokio::spawn(async move { engine.create_job(&caller, project, reader("large")).await });
    // On the same thread, after the first has begun.
    let (engine, caller) = (bench.engine.clone(), bench.caller.clone());
    let second = async move {
        while times("large") == 0 {
            tokio::task::yield_now().await;
        }
        let job = engine.create_job(&caller, project, reader("small")).await.unwrap();
        engine.get_job(&caller, project, job.id).await.unwrap();
        engine.ready().await.unwrap();
    };
    tokio::spawn(second).await.unwrap();
    HELD.lock().unwrap().clear();
    LET_THROUGH.notify_all();
    first.await.unwrap().unwrap();
}
