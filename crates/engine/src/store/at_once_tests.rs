//! What several do at once ends as if one had done it after the other, on either database.

use super::ledger::Outcome;
use super::*;
use crate::blobs::PlacedBlob;
use crate::draft::{AssetSource, Draft};
use crate::error::EngineError;
use crate::model::*;
use futures::future::join_all;

const NOW: Timestamp = Timestamp(1);
const MANY: usize = 8;
const ROUNDS: u64 = 5;

async fn project(store: &Store) -> ProjectId {
    store.insert_project(&Caller::of("u"), &NewProject::private("p"), NOW).await.unwrap().id
}

fn blob(n: usize, size: u64) -> PlacedBlob {
    PlacedBlob { sha256: format!("{n:064x}"), size }
}

/// All of them, each in a task of its own.
async fn at_once<T: Send + 'static>(
    work: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    join_all(work.into_iter().map(tokio::spawn)).await.into_iter().map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_ends_of_a_workflows_jobs_count() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::of_test(folder.path()).await;
    let project = project(&store).await;
    for _ in 0..ROUNDS {
        let named = |name: String| Draft { name: Some(name), type_name: "t".into(), ..Draft::default() };
        let mut drafts: Vec<Draft> = (0..MANY).map(|n| named(format!("j{n}"))).collect();
        let mut last = named("last".into());
        for n in 0..MANY {
            last.needs.push(format!("j{n}"));
            let from = AssetSource::Upstream { job: format!("j{n}"), asset: Some("out".into()) };
            last.assets.insert(format!("a{n}"), vec![from]);
        }
        drafts.push(last);
        let sent = store.insert_workflow(project, "", &drafts, NOW).await.unwrap();
        let (last, first) = sent.jobs.split_last().unwrap();
        // Whoever comes second to a job gets nothing.
        let claims = at_once(first.iter().chain(first).map(|id| {
            let (store, id) = (store.clone(), *id);
            async move { store.claim(id, Timestamp(9), NOW).await.unwrap() }
        }))
        .await;
        let claims: Vec<_> = claims.into_iter().flatten().collect();
        assert_eq!(claims.len(), MANY);
        let ended = at_once(claims.into_iter().enumerate().map(|(n, claim)| {
            let store = store.clone();
            let made = PlacedOutput { slot: "out".into(), filename: format!("{n}"), blob: blob(n, 1) };
            let success = Outcome::Success { assets: vec![made], params: [].into(), work: format!("{n}") };
            async move { store.finish(claim, success, NOW).await.unwrap() }
        }))
        .await;
        assert_eq!(ended, [true; MANY]);
        let claim = store.claim(*last, Timestamp(9), NOW).await.unwrap().expect("all its needs have ended");
        assert_eq!(claim.job().inputs.assets.values().flatten().count(), MANY);
        assert!(store.finish(claim, Outcome::Failure("no".into()), NOW).await.unwrap());
        assert_eq!(store.workflow(project, sent.id).await.unwrap().state, State::Failure);
    }
    assert_eq!(store.snapshot().await.unwrap().faults, [""; 0]);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_quota_is_passed_by_coming_together() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { user_bytes: Some(100_000), ..Limits::NONE };
    let store = Store::of_test(folder.path()).await.limited(limits);
    // Of several projects, too: the quota is the user's.
    let projects = [project(&store).await, project(&store).await];
    let put = at_once((0..2 * MANY).map(|n| {
        let store = store.clone();
        async move { store.insert_asset(projects[n % 2], "f", &blob(n, 19_000), None, NOW).await }
    }))
    .await;
    let refused = put.iter().filter(|put| matches!(put, Err(EngineError::Quota(_)))).count();
    assert_eq!((put.iter().filter(|put| put.is_ok()).count(), refused), (5, 2 * MANY - 5));
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_workflow_that_is_deleted_while_its_jobs_start_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::of_test(folder.path()).await;
    for round in 0..ROUNDS {
        let project = project(&store).await;
        let named = |n| Draft { name: Some(format!("j{n}")), type_name: "t".into(), ..Draft::default() };
        let drafts: Vec<Draft> = (0..MANY).map(named).collect();
        let sent = store.insert_workflow(project, "", &drafts, NOW).await.unwrap();
        let claims = at_once(sent.jobs.iter().map(|id| {
            let (store, id) = (store.clone(), *id);
            async move { store.claim(id, Timestamp(9), NOW).await }
        }));
        let deleted = async {
            match round % 2 {
                0 => store.delete_workflow(project, sent.id).await,
                _ => store.delete_project(project).await,
            }
        };
        let (claims, deleted) = tokio::join!(claims, deleted);
        deleted.unwrap();
        claims.into_iter().for_each(|claim| drop(claim.unwrap()));
        assert!(store.workflow(project, sent.id).await.is_err());
        assert_eq!(store.ready_jobs().await.unwrap(), []);
    }
    assert_eq!(store.snapshot().await.unwrap().faults, [""; 0]);
    store.close().await;
}
