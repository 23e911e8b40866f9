//! Documents of jobs: whole wherever the job is read, small in every transaction, gone with their job.

use super::*;
use crate::draft::ParamSource;
use crate::limits::Needs;
use crate::model::*;
use crate::store::ledger::{Lease, Outcome};
use serde_json::{Value, json};
use std::path::Path;

const NOW: Timestamp = Timestamp(1);

/// A document of about three MB in which no piece ends between characters by chance.
fn large() -> Value {
    json!({"points": vec!["3,5 µm–€𝛼"; 150_000]})
}

fn draft(params: &[(&str, Value)]) -> Draft {
    let source =
        |(name, value): &(&str, Value)| ((*name).to_owned(), ParamSource::Value(value.clone().into()));
    Draft { type_name: "t".into(), params: params.iter().map(source).collect(), ..Draft::default() }
}

async fn store_with_project(folder: &Path) -> (Store, ProjectId) {
    let store = Store::of_test(folder).await;
    let project = store.insert_project(&Caller::of("u"), &NewProject::private("p"), NOW).await.unwrap().id;
    (store, project)
}

async fn count(store: &Store, table: &'static str) -> i64 {
    let mut count = db::Builder::new("SELECT COUNT(*) FROM ");
    count.push(table);
    count.build().fetch_one(store.reader()).await.unwrap().try_get(0).unwrap()
}

/// Pages that each transaction in the log of the database wrote (sqlite.org/fileformat2.html, 4.1: a header of 32 bytes, frames
/// with a header of 24; the last frame of a transaction says how large the database is then).
fn pages_of_transactions(folder: &Path) -> Vec<usize> {
    let log = std::fs::read(folder.join("ledger.sqlite-wal")).unwrap();
    let word = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().unwrap()) as usize;
    let (frame, mut pages) = (24 + word(8), vec![0]);
    for at in (32..log.len()).step_by(frame) {
        // What is left of an earlier round of the log has other salts.
        assert_eq!(log[at + 8..at + 16], log[16..24]);
        *pages.last_mut().unwrap() += 1;
        if word(at + 4) > 0 {
            pages.push(0);
        }
    }
    pages
}

#[tokio::test]
async fn no_transaction_in_the_life_of_a_job_writes_more_than_a_piece_of_its_document() {
    let folder = tempfile::tempdir().unwrap();
    let (store, project) = store_with_project(folder.path()).await;
    // All of the log is looked at.
    db::query("PRAGMA wal_autocheckpoint = 0").execute(store.writer()).await.unwrap();
    let given = [("first", json!(1)), ("graph", large()), ("last", json!("z"))];
    let id = store.insert_job(project, draft(&given), NOW).await.unwrap().id;
    store.set_needs(id, Needs { memory: 7, output: 8 }).await.unwrap();
    let claim = store.claim(id, Timestamp(9), NOW).await.unwrap().unwrap();
    let claimed = claim.job().inputs.params.clone();
    assert!(
        claimed.iter().map(|(name, value)| (name.as_str(), value)).eq(given.iter().map(|(n, v)| (*n, v)))
    );
    assert_eq!(store.renew_lease(id, 1, 0.5, Timestamp(20)).await.unwrap(), Lease::Held);
    assert!(store.finish(claim, Outcome::Failure("no".into()), NOW).await.unwrap());
    assert_eq!(store.rename_job(project, id, "new").await.unwrap().inputs.params, claimed);
    store.delete_job(project, id, NOW).await.unwrap();
    store.sweep_documents().await.unwrap();
    assert_eq!((count(&store, "documents").await, count(&store, "document_pieces").await), (0, 0));
    let most = pages_of_transactions(folder.path()).into_iter().max().unwrap();
    // The piece itself, and what leads to it.
    assert!((PIECE / 4096..PIECE / 4096 + 32).contains(&most), "{most} pages");
    store.close().await;
}

#[tokio::test]
async fn a_document_is_whole_in_jobs_lists_and_workflows_and_after_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let (store, project) = store_with_project(folder.path()).await;
    let direct = store.insert_job(project, draft(&[("graph", large())]), NOW).await.unwrap();
    let mut first = draft(&[("graph", large())]);
    first.name = Some("first".into());
    let mut second = draft(&[("graph", large()), ("size", json!("2"))]);
    second.name = Some("second".into());
    second.needs.push("first".into());
    let upstream = ParamSource::Upstream { job: "first".into(), parameter: "value".into() };
    second.params.insert("bound".into(), upstream);
    let sent = store.insert_workflow(project, "", &[first, second], NOW).await.unwrap();
    let claim = store.claim(sent.jobs[0], Timestamp(9), NOW).await.unwrap().unwrap();
    let params = [("value".to_owned(), json!("5"))].into();
    let success = Outcome::Success { assets: Vec::new(), params, work: "w".into() };
    assert!(store.finish(claim, success, NOW).await.unwrap());
    store.close().await;
    let store = Store::of_test(folder.path()).await;
    store.drop_drafts().await.unwrap();
    store.sweep_documents().await.unwrap();
    assert_eq!(store.job(project, direct.id).await.unwrap().inputs, direct.inputs);
    let second = store.job(project, sent.jobs[1]).await.unwrap();
    let whole = [("graph", large()), ("size", json!("2")), ("bound", json!("5"))];
    assert!(second.inputs.params.iter().map(|(n, v)| (n.as_str(), v)).eq(whole.iter().map(|(n, v)| (*n, v))));
    let ids = [direct.id.0, sent.jobs[1].0];
    let listed = store.listed_jobs(project, &ids).await.unwrap();
    assert_eq!((&listed[0].inputs, &listed[1].inputs), (&direct.inputs, &second.inputs));
    let listing =
        store.listing(&Caller::of("u"), Listable::Jobs(project), &ListQuery::default()).await.unwrap();
    assert!(listing.rows.iter().all(|(_, bytes)| *bytes > large().to_string().len() as u64), "{listing:?}");
    store.close().await;
}

#[tokio::test]
async fn nothing_is_left_of_a_dispatch_that_was_refused_or_cut() {
    let folder = tempfile::tempdir().unwrap();
    let (store, project) = store_with_project(folder.path()).await;
    let refused = store.insert_job(ProjectId(99), draft(&[("graph", large())]), NOW).await;
    assert!(refused.is_err());
    assert_eq!((count(&store, "documents").await, count(&store, "document_pieces").await), (0, 0));
    // Killed between the document and the job: a draft that no sweep may touch while its process lives.
    store.write_documents(&[draft(&[("graph", large())])]).await.unwrap();
    let kept = store.insert_job(project, draft(&[("graph", large())]), NOW).await.unwrap();
    store.sweep_documents().await.unwrap();
    assert_eq!(count(&store, "documents").await, 2);
    store.close().await;
    let store = Store::of_test(folder.path()).await;
    store.drop_drafts().await.unwrap();
    store.sweep_documents().await.unwrap();
    assert_eq!(count(&store, "documents").await, 1);
    assert_eq!(store.job(project, kept.id).await.unwrap().inputs, kept.inputs);
    store.delete_project(project).await.unwrap();
    store.sweep_documents().await.unwrap();
    assert_eq!((count(&store, "documents").await, count(&store, "document_pieces").await), (0, 0));
    store.close().await;
}

#[tokio::test]
async fn a_job_that_lacks_its_document_cannot_be_read_and_fails_with_that() {
    let folder = tempfile::tempdir().unwrap();
    let (store, project) = store_with_project(folder.path()).await;
    let id = store.insert_job(project, draft(&[("graph", large())]), NOW).await.unwrap().id;
    db::query("DELETE FROM document_pieces WHERE id % 2 = 0").execute(store.writer()).await.unwrap();
    let unreadable = store.claim(id, Timestamp(9), NOW).await.unwrap_err().unreadable_job().unwrap();
    store.fail_unreadable(id, &unreadable, NOW).await.unwrap();
    let job = store.job(project, id).await.unwrap();
    assert_eq!((job.state, job.inputs.params.len()), (State::Failure, 0));
    store.close().await;
}
