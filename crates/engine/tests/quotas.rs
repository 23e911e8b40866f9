//! What projects and users may hold counts from the first byte on, and a job cannot write what there is no room for.

mod common;
use bytes::Bytes;
use common::*;
use fieldstone_engine::model::{NewJob, NewProject, NewWorkflow, ProjectChange, State};
use fieldstone_engine::{Engine, EngineConfig, EngineError, JobTypes, testing};
use serde_json::{Value, json};

const KIB: u64 = 1 << 10;
/// What a row counts beside its texts, that of a project among them.
const ROW: u64 = 512;
/// What a dispatch asks for a job's log and results.
const JOB_END: u64 = 4 * KIB;

#[test]
fn the_same_on_postgresql() {
    testing::again_on_postgres(&[""], &[]);
}

#[test]
fn with_a_bucket_these_are_the_same() {
    testing::again_in_bucket(&[""], &[]);
}

async fn limited(change: impl FnOnce(EngineConfig) -> EngineConfig) -> Bench {
    with_types(TYPES, change).await
}

async fn with_types(types: JobTypes, change: impl FnOnce(EngineConfig) -> EngineConfig) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open_with_types(change(config(&folder)), types).await.unwrap();
    let caller = caller("owner");
    let project = engine.create_project(&caller, NewProject::private("p")).await.unwrap().id;
    Bench { folder, engine, caller, project }
}

impl Bench {
    /// Bytes in `tmp/`.
    fn staged(&self) -> u64 {
        let files = files_in(&self.folder.path().join("data/tmp"));
        files.iter().map(|file| file.metadata().unwrap().len()).sum()
    }
}

fn piece() -> Bytes {
    Bytes::from(vec![7; 64 * KIB as usize])
}

#[tokio::test]
async fn an_upload_of_unknown_length_ends_at_the_quota() {
    let quota = 3 << 20;
    let b = limited(|c| EngineConfig { project_quota_bytes: Some(quota + ROW), ..c }).await;
    let mut one = b.engine.begin_upload(b.project, 0).await.unwrap();
    let mut two = b.engine.begin_upload(b.project, 0).await.unwrap();
    let mut written = 0;
    let refused = loop {
        let (to, other) = (one.write(piece()).await, two.write(piece()).await);
        match to.and(other) {
            Ok(()) => written += 2 * 64 * KIB,
            Err(e) => break e,
        }
        assert!(b.staged() <= quota, "{} bytes on the disk", b.staged());
    };
    assert!(
        matches!(&refused, EngineError::Quota(text) if text.contains("setting project_quota")),
        "{refused}"
    );
    assert_eq!(written, quota, "both count together");
    drop((one, two));
    let asset = b.upload("fits.bin", &vec![1; 2 << 20]).await;
    // What takes the place of old bytes may be as large as they were and as large as what is left.
    let mut new = b.engine.begin_upload(b.project, asset.size).await.unwrap();
    for _ in 0..quota / (64 * KIB) {
        new.write(piece()).await.unwrap();
    }
    assert!(new.write(piece()).await.is_err());
}

#[tokio::test]
async fn a_user_has_a_quota_over_all_projects() {
    let b = limited(|c| EngineConfig { user_quota_bytes: Some(100 * KIB), ..c }).await;
    b.upload("a.bin", &[1; 60 << 10]).await;
    let second = b.engine.create_project(&b.caller, NewProject::private("q")).await.unwrap().id;
    let mut upload = b.engine.begin_upload(second, 0).await.unwrap();
    let refused = upload.write(piece()).await.unwrap_err().to_string();
    assert!(refused.starts_with("the projects of user \"owner\" hold 62464 bytes"), "{refused}");
    let other = caller("other");
    let own = b.engine.create_project(&other, NewProject::private("o")).await.unwrap().id;
    let mut upload = b.engine.begin_upload(own, 0).await.unwrap();
    upload.write(piece()).await.unwrap();
    upload.finish(&other, "o.bin").await.unwrap();
}

#[tokio::test]
async fn what_is_kept_free_for_the_ledger_is_not_given_to_uploads() {
    let b = limited(|c| EngineConfig { min_free_bytes: Some(u64::MAX), ..c }).await;
    let mut upload = b.engine.begin_upload(b.project, 0).await.unwrap();
    upload.write(Bytes::from_static(b"x")).await.unwrap();
    let refused = upload.finish(&b.caller, "x").await.unwrap_err();
    assert!(matches!(refused, EngineError::Full), "{refused}");
}

/// What 20 × 20 × 20 samples of four bytes have.
const VOLUME: u64 = 32_000;

/// A graph whose values have [`VOLUME`] bytes.
fn graph() -> Value {
    json!({"operators": [
        {"type": "GenerateSamplePoints", "parameters": {"size": [2, 2, 2], "resolution": [20, 20, 20]}},
        {"type": "SampleBox", "parameters": {"size": [1, 1, 1]}}],
      "edges": [{"source": 0, "target": [1, "Points"]}]})
}

/// What its dispatch asks for: its row with its parameters, its end, its volume.
fn volume_job_asks() -> u64 {
    ROW + json!({"graph": {"is": graph()}}).to_string().len() as u64 + JOB_END + VOLUME
}

fn volume_job() -> NewJob {
    new_job("implicit/evaluate", &[], json!({"graph": graph()}))
}

/// Two jobs that each make a volume.
fn volume_workflow() -> NewWorkflow {
    let job = json!({"type": "implicit/evaluate", "parameters": {"graph": graph()}});
    NewWorkflow { definition: json!({"jobs": {"a": job, "b": job}}).to_string(), ..NewWorkflow::default() }
}

#[tokio::test]
async fn a_job_fails_at_its_dispatch_when_there_is_no_room_for_what_it_makes() {
    type Change = Box<dyn FnOnce(EngineConfig) -> EngineConfig>;
    let (asked, quota) = (volume_job_asks(), Some(ROW + volume_job_asks() - 1));
    let allows = format!("{asked} more do not fit into the {} that setting", ROW + asked - 1);
    let cases: [(Change, String); 3] = [
        (
            Box::new(move |c| EngineConfig { project_quota_bytes: quota, ..c }),
            format!("project 1 holds 512 bytes, {allows} project_quota allows"),
        ),
        (
            Box::new(move |c| EngineConfig { user_quota_bytes: quota, ..c }),
            format!("the projects of user \"owner\" hold 512 bytes, {allows} user_quota allows"),
        ),
        (
            Box::new(|c| EngineConfig { min_free_bytes: Some(u64::MAX), ..c }),
            "what is asked for makes 32000 bytes or more, the disk of the data folder has room for 0 (setting min_free)".into(),
        ),
    ];
    for (change, reason) in cases {
        let b = with_types(fieldstone_jobs::JOB_TYPES, change).await;
        let told = b.dispatch(volume_job()).await.unwrap();
        b.engine.start();
        let kept = b.finished(told.id).await;
        for job in [&told, &*kept] {
            let seen = (job.state, job.error.as_deref(), job.attempt, job.started);
            assert_eq!(seen, (State::Failure, Some(reason.as_str()), 0, None));
        }
        let log = b.engine.job_log(&b.caller, b.project, told.id).await.unwrap();
        assert_eq!(log.last().map(|line| line.text.as_str()), Some(reason.as_str()));
        b.engine.stop().await;
    }
}

#[tokio::test]
async fn what_fits_to_the_byte_is_run_and_a_workflow_needs_room_for_all_its_jobs() {
    let quota = |bytes| move |c| EngineConfig { project_quota_bytes: Some(bytes), ..c };
    let asked = volume_job_asks();
    let b = with_types(fieldstone_jobs::JOB_TYPES, quota(ROW + asked)).await;
    let job = b.dispatch(volume_job()).await.unwrap();
    b.engine.start();
    let volume = b.finished(job.id).await;
    assert_eq!(volume.outputs.assets["volume"][0].size, VOLUME, "{:?}", volume.error);
    b.engine.stop().await;
    let both = ROW + volume_workflow().definition.len() as u64 + 2 * asked;
    let b = with_types(fieldstone_jobs::JOB_TYPES, quota(ROW + both - 1)).await;
    let refused = b.workflow(volume_workflow()).await.unwrap_err().to_string();
    assert!(refused.contains(&format!("{both} more do not fit into the {}", ROW + both - 1)), "{refused}");
    let b = with_types(fieldstone_jobs::JOB_TYPES, quota(ROW + both)).await;
    b.workflow(volume_workflow()).await.unwrap();
}

#[tokio::test]
async fn documents_in_the_ledger_count_like_bytes_on_the_disk() {
    let quota = 1 << 20;
    let b = limited(|c| EngineConfig { user_quota_bytes: Some(quota), ..c }).await;
    let text = "x".repeat(200 << 10);
    // Parameters of jobs of an unknown type, a project's document, a workflow's definition: each until it is refused.
    let mut jobs = Vec::new();
    let refused = loop {
        match b.dispatch(new_job("no/such-type", &[], json!({"x": text}))).await {
            Ok(job) => jobs.push(job.id),
            Err(e) => break e.to_string(),
        }
    };
    assert_eq!(jobs.len(), 5);
    // The parameter is a document beside its job's row.
    let written = json!({"x": {"is": null}}).to_string() + &json!({"x": text}).to_string();
    let asked = ROW + written.len() as u64 + JOB_END;
    let names = format!("{asked} more do not fit into the {quota} that setting user_quota allows");
    assert!(refused.contains(&names), "{refused}");
    let document = ProjectChange { project: Some(json!(text)), ..ProjectChange::default() };
    let refused = b.engine.update_project(&b.caller, b.project, document.clone()).await.unwrap_err();
    assert!(matches!(refused, EngineError::Quota(_)), "{refused:?}");
    let new = NewProject { project: Some(json!(text)), ..NewProject::private("q") };
    let refused = b.engine.create_project(&b.caller, new).await.unwrap_err();
    assert!(matches!(refused, EngineError::Quota(_)), "{refused:?}");
    let definition = format!("jobs: {{}}\n#{text}");
    let workflow = NewWorkflow { definition, ..NewWorkflow::default() };
    assert!(matches!(b.workflow(workflow.clone()).await.unwrap_err(), EngineError::Quota(_)));
    // The project's own quota holds what comes on top of its documents, not these.
    let small = limited(|c| EngineConfig { project_quota_bytes: Some(100 * KIB), ..c }).await;
    small.engine.update_project(&small.caller, small.project, document.clone()).await.unwrap();
    let refused = small.dispatch(new_job("no/such-type", &[], json!({}))).await.unwrap_err();
    assert!(matches!(refused, EngineError::Quota(_)), "{refused:?}");
    // Room is made by what is deleted, and nothing of what was refused stayed.
    b.engine.delete_job(&b.caller, b.project, jobs[0]).await.unwrap();
    b.workflow(workflow).await.unwrap();
    b.engine.delete_job(&b.caller, b.project, jobs[1]).await.unwrap();
    b.engine.update_project(&b.caller, b.project, document).await.unwrap();
}

#[tokio::test]
async fn a_job_that_fitted_when_it_was_dispatched_and_fits_no_more_fails_before_it_computes() {
    let quota = ROW + volume_job_asks() + 2 * JOB_END;
    let change =
        |c| EngineConfig { project_quota_bytes: Some(quota), concurrent_jobs: 2, reuse_results: false, ..c };
    let b = with_types(fieldstone_jobs::JOB_TYPES, change).await;
    // Each has room, by itself.
    let jobs = [b.dispatch(volume_job()).await.unwrap().id, b.dispatch(volume_job()).await.unwrap().id];
    b.engine.start();
    let (first, second) = (b.finished(jobs[0]).await, b.finished(jobs[1]).await);
    let (done, refused) = if first.state == State::Success { (first, second) } else { (second, first) };
    assert_eq!(done.outputs.assets["volume"][0].size, VOLUME, "{:?}", done.error);
    // What was asked is named by the one who asked before it ran.
    let asked = format!(
        "the outputs of this job ({VOLUME} bytes or more) do not fit into the {quota} that setting project_quota allows"
    );
    assert!(refused.error.as_deref().is_some_and(|text| text.ends_with(&asked)), "{:?}", refused.error);
    b.engine.stop().await;
}
