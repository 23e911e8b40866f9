//! Holds every blob against its checksum and every row against its blob, beside a server that may be running.

use super::read_all::read_all_of;
use crate::blobs::files::BlobFile;
use crate::blobs::{Blobs, GRACE};
use crate::error::{EngineError, Result};
use crate::location::Location;
use crate::model::{State, WorkflowId};
use crate::store::Store;
use crate::store::upkeep::LedgerSnapshot;
use crate::workflow::dag::{self, Node, Step};
use std::collections::HashMap;
use std::io::ErrorKind;
use std::time::SystemTime;

/// What a check saw and found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What is wrong, a line each; empty when all is well.
    pub findings: Vec<String>,
    /// Rows that were looked at.
    pub assets: usize,
    /// Rows that were looked at.
    pub jobs: usize,
    /// Rows that were looked at.
    pub workflows: usize,
    /// Blobs that were read to their end.
    pub blobs: usize,
    /// Bytes of these.
    pub bytes: u64,
    /// Blobs that no row names yet or any more. Those younger than an hour are what a crash leaves, and no finding.
    pub unnamed: usize,
}

/// Checks a data folder and its ledger and changes nothing in them. What a running server deletes meanwhile is no finding.
pub async fn check(at: impl Into<Location<'_>>) -> Result<Report> {
    let at = at.into();
    let store = Store::open_read_only(at).await?;
    let report = check_with(at, &store).await;
    store.close().await;
    report
}

async fn check_with(at: Location<'_>, store: &Store) -> Result<Report> {
    let (data, blobs) = (at.data, Blobs::attach(at)?);
    // The rows first: every blob that they name is on disk by now.
    let snapshot = store.snapshot().await?;
    let files = blobs.list().await?;
    let mut report = Report {
        findings: snapshot.faults.clone(),
        assets: snapshot.assets,
        jobs: snapshot.jobs,
        workflows: snapshot.workflows.len(),
        ..Report::default()
    };
    for (id, state) in snapshot.workflows.iter().filter(|(_, state)| !state.is_final()) {
        let nodes = snapshot.nodes.get(id).map_or(&[][..], Vec::as_slice);
        report.findings.extend(stuck(*id, *state, nodes));
    }
    unnamed((&blobs, store), &snapshot, &files, &mut report).await?;
    let (files, read) = read_all_of(&blobs, files).await?;
    let mut sizes: HashMap<&str, u64> = HashMap::new();
    for (file, read) in files.iter().zip(read) {
        let place = file.path.strip_prefix(data).unwrap_or(&file.path).display();
        match (&file.sha256, read) {
            (None, _) => report.findings.push(format!("{place}: no blob has such a name")),
            (Some(_), Err(e)) if e.kind() == ErrorKind::NotFound => {}
            (Some(_), Err(e)) => report.findings.push(format!("{place}: cannot be read: {e}")),
            (Some(expected), Ok((found, size))) => {
                report.blobs += 1;
                report.bytes += size;
                sizes.insert(expected, size);
                if *expected != found {
                    report.findings.push(format!("{place}: its bytes have the checksum sha256:{found}"));
                }
            }
        }
    }
    for named in &snapshot.named {
        let (by, sha256, size) = (named.by, &named.sha256, named.size);
        match sizes.get(sha256.as_str()) {
            Some(found) if *found == size => {}
            Some(found) => report.findings.push(format!("{by}: {size} bytes, its blob {sha256} has {found}")),
            // Deleted since the snapshot, blob and all?
            None if !store.still_named(by, sha256).await? => {}
            None => report.findings.push(format!("{by}: its blob {sha256} is missing or cannot be read")),
        }
    }
    Ok(report)
}

/// Blobs without a row: findings once they are so old that a running server would have swept them.
async fn unnamed(
    (blobs, store): (&Blobs, &Store),
    snapshot: &LedgerSnapshot,
    files: &[BlobFile],
    report: &mut Report,
) -> Result<()> {
    let named: std::collections::HashSet<&str> = snapshot.named.iter().map(|n| n.sha256.as_str()).collect();
    let now = SystemTime::now();
    for file in files {
        let Some(sha256) = &file.sha256 else { continue };
        if file.is_quarantined || named.contains(sha256.as_str()) || store.needs_blob(sha256).await? {
            continue;
        }
        if matches!(blobs.size(sha256).await, Err(EngineError::NotFound(_))) {
            continue;
        }
        report.unnamed += 1;
        // Twice the age at which the server sweeps: it looks once an hour.
        if now.duration_since(file.modified).unwrap_or_default() > 2 * GRACE {
            let size = file.size;
            report
                .findings
                .push(format!("blob {sha256}: no row names its {size} bytes; gc moves it to quarantine"));
        }
    }
    Ok(())
}

/// What keeps an unfinished workflow from ever ending, if anything does. Whatever changes the states of its jobs also
/// writes down what follows from them, in one transaction: nothing may be left to follow.
fn stuck(id: WorkflowId, state: State, nodes: &[Node]) -> Vec<String> {
    let state = state.as_str();
    let mut found: Vec<String> = dag::progress(nodes)
        .into_iter()
        .map(|step| match step {
            Step::Ready(job) => format!("job {job}: all its needs succeeded, and it was not made ready"),
            Step::Cancel(job) => format!("job {job}: a need of it did not succeed, and it was not canceled"),
            Step::Done(end) => {
                format!("workflow {id}: it is {state}, and its jobs have ended: {}", end.as_str())
            }
        })
        .collect();
    let moves = |node: &Node| node.state == State::Started || node.state == State::Pending && node.ready;
    if found.is_empty() && !nodes.iter().any(moves) {
        found.push(format!("workflow {id}: it is {state}, and none of its jobs can ever start"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::JobId;

    fn node(id: i64, state: State, ready: bool, needs: &[i64]) -> Node {
        Node { id: JobId(id), state, ready, needs: needs.iter().copied().map(JobId).collect() }
    }

    #[test]
    fn workflows_that_wait_for_nothing_are_found() {
        use State::*;
        let lines = |nodes: &[Node]| stuck(WorkflowId(7), Started, nodes);
        assert!(lines(&[node(1, Started, true, &[]), node(2, Pending, false, &[1])]).is_empty());
        assert!(lines(&[node(1, Pending, true, &[])]).is_empty());
        let forgotten = lines(&[node(1, Success, true, &[]), node(2, Pending, false, &[1])]);
        assert_eq!(forgotten, ["job 2: all its needs succeeded, and it was not made ready"]);
        let left = lines(&[node(1, Failure, true, &[]), node(2, Pending, false, &[1])]);
        assert!(left[0].starts_with("job 2: a need of it did not succeed"), "{left:?}");
        let over = lines(&[node(1, Success, true, &[])]);
        assert_eq!(over, ["workflow 7: it is started, and its jobs have ended: success"]);
        let ring = lines(&[node(1, Pending, false, &[2]), node(2, Pending, false, &[1])]);
        assert_eq!(ring, ["workflow 7: it is started, and none of its jobs can ever start"]);
    }
}
