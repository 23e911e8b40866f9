//! Workflows end to end: references, failure, cancel, deletion.

mod common;
use common::*;
use fieldstone_engine::model::*;
use fieldstone_engine::{EngineError, testing};
use serde_json::json;

const SAMPLE_MESH: &str = "---
jobs:
  sample-mesh:
    type: test/sample
    needs: [preprocess, compute-bvh]
    assets:
      mesh: preprocess
      bvh: {job: compute-bvh, asset: bvh}
    parameters:
      resolution: {job: preprocess, parameter: count}
  compute-bvh:
    type: test/bvh
    assets: {mesh: [{job: preprocess, asset: mesh}]}
  preprocess:
    type: test/preprocess
...
";

#[test]
fn the_same_on_postgresql() {
    testing::again_on_postgres(&[""], &[]);
}

#[test]
fn with_a_bucket_these_are_the_same() {
    testing::again_in_bucket(&[""], &[]);
}

fn new(definition: &str, assets: &[(&str, &str)]) -> NewWorkflow {
    NewWorkflow { definition: definition.into(), assets: files(assets), ..NewWorkflow::default() }
}

async fn finished(b: &Bench, workflow: &Workflow) -> Workflow {
    for job in &workflow.jobs {
        b.finished(*job).await;
    }
    b.engine.get_workflow(&b.caller, b.project, workflow.id).await.unwrap()
}

/// A workflow comes from the ledger, its jobs mostly from memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_job_is_older_than_its_workflow() {
    let b = started().await;
    b.upload("part.stl", b"solid").await;
    for _ in 0..100 {
        let definition = "jobs: {only: {type: test/preprocess}}";
        let sent = b.workflow(new(definition, &[("only.mesh", "part.stl")])).await.unwrap();
        loop {
            let job = b.job(sent.jobs[0]).await;
            let workflow = b.engine.get_workflow(&b.caller, b.project, sent.id).await.unwrap();
            if workflow.state == State::Success {
                let later = b.job(sent.jobs[0]).await;
                assert_eq!((later.state, later.outputs.assets.len()), (State::Success, 1), "before: {job:?}");
                break;
            }
        }
    }
    b.engine.stop().await;
}

#[tokio::test]
async fn the_sample_mesh_workflow() {
    let b = started().await;
    b.upload("part.stl", b"solid").await;
    let sent = b.workflow(new(SAMPLE_MESH, &[("preprocess.mesh", "part.stl")])).await.unwrap();
    assert_eq!((sent.state, sent.started, sent.definition.as_str()), (State::Pending, None, SAMPLE_MESH));
    let waiting = b.job(sent.jobs[0]).await;
    assert_eq!(waiting.needs, [sent.jobs[2], sent.jobs[1]]);
    let done = finished(&b, &sent).await;
    assert_eq!((done.state, done.jobs.len()), (State::Success, 3));
    assert!(done.created <= done.started.unwrap() && done.started < done.finished);
    let sample = b.job(sent.jobs[0]).await;
    assert_eq!((sample.name.as_deref(), sample.workflow_id), (Some("sample-mesh"), Some(sent.id)));
    assert_eq!(sample.inputs.params["resolution"], json!("5"), "bound once it was known");
    assert_eq!(sample.inputs.assets.keys().collect::<Vec<_>>(), ["mesh", "bvh"]);
    let volume = b.bytes_of(&sample.outputs.assets["volume"][0].sha256).await;
    assert_eq!(volume, [b"solid".as_slice(), b"dilos", &5_i64.to_le_bytes()].concat());
    let late = b.engine.cancel_workflow(&b.caller, b.project, sent.id).await.unwrap_err();
    assert_eq!(late.to_string(), "workflow 1 cannot be canceled, it has finished with success");
    b.engine.delete_workflow(&b.caller, b.project, sent.id).await.unwrap();
    let assets = b.engine.list_assets(&b.caller, b.project, &ListQuery::default()).await.unwrap();
    assert_eq!(assets.len(), 5, "assets stay");
    b.engine.stop().await;
}

#[tokio::test]
async fn an_empty_workflow_succeeds_at_once() {
    let b = bench().await;
    let done = b.workflow(new("jobs: {}", &[])).await.unwrap();
    assert_eq!(
        (done.state, done.started, done.finished),
        (State::Success, Some(done.created), Some(done.created))
    );
    let query =
        ListQuery { sort: Some("created:1".into()), q: Some("state:success".into()), ..ListQuery::default() };
    assert_eq!(b.engine.list_workflows(&b.caller, b.project, &query).await.unwrap(), [done]);
}

#[tokio::test]
async fn failure_cancels_downstream_and_spares_the_rest() {
    let b = started().await;
    b.upload("empty.stl", b"").await;
    b.upload("part.stl", b"solid").await;
    let text = "jobs:\n  bad: {type: test/preprocess}\n  good: {type: test/preprocess}\n  sim: {type: sim/custom, needs: good}
  after: {type: test/bvh, assets: {mesh: bad}}\n  last: {type: x, needs: [after]}";
    let files = [("bad.mesh", "empty.stl"), ("good.mesh", "part.stl")];
    let done = finished(&b, &b.workflow(new(text, &files)).await.unwrap()).await;
    assert_eq!(done.state, State::Failure);
    let mut states = Vec::new();
    for id in &done.jobs {
        states.push(b.job(*id).await.state);
    }
    use State::*;
    assert_eq!(states, [Failure, Success, Failure, Canceled, Canceled]);
    b.engine.stop().await;
}

#[tokio::test]
async fn cancel_ends_running_and_waiting_jobs() {
    let b = started().await;
    let text = "jobs:\n  a: {type: test/endless}\n  b: {type: test/endless, needs: [a]}";
    let sent = b.workflow(new(text, &[])).await.unwrap();
    b.job_when(sent.jobs[0], |j| j.state == State::Started).await;
    let canceled = b.engine.cancel_workflow(&b.caller, b.project, sent.id).await.unwrap();
    assert_eq!(canceled.state, State::Canceled);
    for id in &sent.jobs {
        assert_eq!(b.job(*id).await.state, State::Canceled);
    }
    // The slot is free again.
    b.upload("part.stl", b"solid").await;
    let job = b.dispatch(new_job("test/preprocess", &[("mesh", "part.stl")], json!({}))).await.unwrap();
    assert_eq!(b.finished(job.id).await.state, State::Success);
    b.engine.stop().await;
    assert_eq!(b.job(sent.jobs[0]).await.state, State::Canceled, "stopping does not revive it");
}

#[tokio::test]
async fn a_canceled_job_takes_those_that_need_it_with_it_and_spares_the_rest() {
    let b = started().await;
    b.upload("part.stl", b"solid").await;
    let text = "jobs:\n  a: {type: test/endless}\n  b: {type: x, needs: [a]}\n  c: {type: x, needs: [b]}
  d: {type: test/preprocess}";
    let sent = b.workflow(new(text, &[("d.mesh", "part.stl")])).await.unwrap();
    b.job_when(sent.jobs[0], |j| j.state == State::Started).await;
    let cancel = async |n: usize| b.engine.cancel_job(&b.caller, b.project, sent.jobs[n]).await;
    let canceled = cancel(0).await.unwrap();
    assert_eq!((canceled.state, canceled.progress, &canceled.error), (State::Canceled, 0.0, &None));
    assert!(canceled.finished >= canceled.started);
    // The last of the others has done its work before the workflow has ended.
    let done = finished(&b, &sent).await;
    let mut states = Vec::new();
    for id in &done.jobs {
        states.push(b.job(*id).await.state);
    }
    use State::*;
    assert_eq!((done.state, states), (Canceled, vec![Canceled, Canceled, Canceled, Success]));
    // Once more, and one that ended as a consequence of another: nothing changes.
    let before = b.job(sent.jobs[1]).await;
    assert_eq!(*cancel(0).await.unwrap(), *canceled);
    assert_eq!(*cancel(1).await.unwrap(), *before);
    let late = cancel(3).await.unwrap_err();
    assert!(matches!(late, EngineError::Conflict(_)), "{late}");
    assert_eq!(
        late.to_string(),
        format!("job {} cannot be canceled, it has finished with success", sent.jobs[3])
    );
    // The slot is free again, and a restart revives nothing.
    let job = b.dispatch(new_job("test/preprocess", &[("mesh", "part.stl")], json!({}))).await.unwrap();
    assert_eq!(b.finished(job.id).await.state, Success);
    b.engine.stop().await;
    assert_eq!(b.job(sent.jobs[0]).await.state, Canceled);
}

#[tokio::test]
async fn only_who_may_change_a_project_cancels_its_jobs() {
    let b = bench().await;
    let job = b.dispatch(new_job("x", &[], json!({}))).await.unwrap();
    let stranger = b.engine.cancel_job(&Caller::of("somebody else"), b.project, job.id).await.unwrap_err();
    assert!(matches!(stranger, EngineError::NotFound(_)), "{stranger}");
    let elsewhere = b.engine.create_project(&b.caller, NewProject::private("q")).await.unwrap().id;
    let elsewhere = b.engine.cancel_job(&b.caller, elsewhere, job.id).await.unwrap_err();
    assert!(matches!(elsewhere, EngineError::NotFound(_)), "{elsewhere}");
    assert_eq!(b.job(job.id).await.state, State::Pending);
}

#[tokio::test]
async fn deleting_an_upstream_job_cancels_what_waits_for_it() {
    let b = bench().await;
    let text = "jobs:\n  a: {type: x}\n  b: {type: x, needs: [a]}\n  c: {type: x}";
    let sent = b.workflow(new(text, &[])).await.unwrap();
    b.engine.delete_job(&b.caller, b.project, sent.jobs[0]).await.unwrap();
    assert_eq!(b.job(sent.jobs[1]).await.state, State::Canceled);
    assert_eq!(b.job(sent.jobs[2]).await.state, State::Pending);
    let left = b.engine.get_workflow(&b.caller, b.project, sent.id).await.unwrap();
    assert_eq!(left.jobs, sent.jobs[1..]);
    let renamed = b.engine.rename_job(&b.caller, b.project, sent.jobs[2], "d").await.unwrap_err();
    assert!(matches!(renamed, EngineError::Conflict(_)));
    b.engine.delete_workflow(&b.caller, b.project, sent.id).await.unwrap();
    assert_eq!(b.engine.list_jobs(&b.caller, b.project, &ListQuery::default()).await.unwrap(), []);
}

#[tokio::test]
async fn files_are_looked_for_at_dispatch() {
    let b = bench().await;
    let missing = b.workflow(new(SAMPLE_MESH, &[("preprocess.mesh", "no.stl")])).await.unwrap_err();
    let expected =
        ("assets.preprocess.mesh".to_owned(), "no asset called \"no.stl\" in this project".to_owned());
    assert_eq!(invalid(missing), [expected]);
    assert_eq!(b.engine.list_workflows(&b.caller, b.project, &ListQuery::default()).await.unwrap(), []);
}
