//! What follows in a workflow from the states of its jobs: a pure function.

use crate::model::{JobId, State};
use std::collections::HashMap;

/// A job as the graph sees it.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) id: JobId,
    pub(crate) state: State,
    /// Whether it was made ready before.
    pub(crate) ready: bool,
    pub(crate) needs: Vec<JobId>,
}

/// Something to write down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// All needs succeeded: the job may be claimed.
    Ready(JobId),
    /// A need did not succeed, so this job never can.
    Cancel(JobId),
    /// All jobs are final: the workflow ends so.
    Done(State),
}

/// The steps that bring a workflow up to date with `nodes`; none when it already is, apart from
/// `Done`, which repeats.
///
/// A need that is not among `nodes` was deleted after it had succeeded: deleting an unfinished job
/// cancels it, and what depends on it, first.
pub(crate) fn progress(nodes: &[Node]) -> Vec<Step> {
    let mut states: HashMap<JobId, State> = nodes.iter().map(|n| (n.id, n.state)).collect();
    let mut dependants: HashMap<JobId, Vec<JobId>> = HashMap::new();
    for node in nodes {
        for need in &node.needs {
            dependants.entry(*need).or_default().push(node.id);
        }
    }
    let mut steps = Vec::new();
    let lost = |s: State| matches!(s, State::Failure | State::Canceled);
    let mut spreading: Vec<JobId> = nodes.iter().filter(|n| lost(n.state)).map(|n| n.id).collect();
    while let Some(id) = spreading.pop() {
        for dependant in dependants.get(&id).into_iter().flatten() {
            if states.get(dependant) == Some(&State::Pending) {
                states.insert(*dependant, State::Canceled);
                steps.push(Step::Cancel(*dependant));
                spreading.push(*dependant);
            }
        }
    }
    for node in nodes.iter().filter(|n| !n.ready && states[&n.id] == State::Pending) {
        let satisfied = |need: &JobId| states.get(need).is_none_or(|s| *s == State::Success);
        if node.needs.iter().all(satisfied) {
            steps.push(Step::Ready(node.id));
        }
    }
    steps.extend(outcome(states.values().copied()).map(Step::Done));
    steps
}

/// How a workflow ends whose jobs have these states; `None` while one is unfinished.
fn outcome(states: impl Iterator<Item = State>) -> Option<State> {
    let mut end = State::Success;
    for state in states {
        match (state, end) {
            (State::Pending | State::Started, _) => return None,
            (State::Failure, _) => end = State::Failure,
            (State::Canceled, State::Success) => end = State::Canceled,
            _ => {}
        }
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use State::*;

    fn graph(rows: &[(i64, State, &[i64])]) -> Vec<Node> {
        let node = |(id, state, needs): &(i64, State, &[i64])| Node {
            id: JobId(*id),
            state: *state,
            ready: *state != Pending,
            needs: needs.iter().copied().map(JobId).collect(),
        };
        rows.iter().map(node).collect()
    }

    #[test]
    fn roots_are_ready_and_an_empty_workflow_succeeds() {
        let steps = progress(&graph(&[(1, Pending, &[]), (2, Pending, &[1])]));
        assert_eq!(steps, [Step::Ready(JobId(1))]);
        assert_eq!(progress(&[]), [Step::Done(Success)]);
    }

    #[test]
    fn a_job_waits_for_all_its_needs() {
        let waits = graph(&[(1, Success, &[]), (2, Started, &[]), (3, Pending, &[1, 2])]);
        assert_eq!(progress(&waits), []);
        let goes = graph(&[(1, Success, &[]), (2, Success, &[]), (3, Pending, &[1, 2])]);
        assert_eq!(progress(&goes), [Step::Ready(JobId(3))]);
        let deleted = graph(&[(2, Success, &[]), (3, Pending, &[1, 2])]);
        assert_eq!(progress(&deleted), [Step::Ready(JobId(3))]);
    }

    #[test]
    fn failure_cancels_downstream_only() {
        let steps = progress(&graph(&[
            (1, Failure, &[]),
            (2, Pending, &[1]),
            (3, Pending, &[2]),
            (4, Started, &[]),
            (5, Pending, &[4]),
        ]));
        assert_eq!(steps, [Step::Cancel(JobId(2)), Step::Cancel(JobId(3))]);
        let end = graph(&[(1, Failure, &[]), (2, Canceled, &[1]), (4, Success, &[])]);
        assert_eq!(progress(&end), [Step::Done(Failure)]);
        assert_eq!(progress(&graph(&[(1, Canceled, &[]), (2, Success, &[])])), [Step::Done(Canceled)]);
    }
}
