//! Whose turn it is: round robin over users, then over projects of a user, then by age; and what becomes of a job that waits
//! for memory, or for room for its outputs.
//!
//! A job that does not fit beside those that run is passed over, so that it holds up nobody. Once it has been passed over for a
//! while it gets a reservation: from then on nothing else is started until it fits, so that it does not wait for ever either.
//! It then waits no longer than the jobs that run.

use super::running::Load;
use crate::model::{JobId, ProjectId};
use crate::store::ledger::ReadyJob;
use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// A job that waits so long for memory or room is the next to get some.
pub(super) const RESERVED_AFTER: Duration = Duration::from_secs(30);
/// Users and projects whose last turn is remembered.
const REMEMBERED: usize = 10_000;

/// Turns taken and jobs passed over, since the process began.
#[derive(Default)]
pub(super) struct Queue {
    turn: u64,
    users: HashMap<String, u64>,
    projects: HashMap<ProjectId, u64>,
    /// Since when a job was passed over for want of memory or room.
    passed_over: HashMap<JobId, Instant>,
}

impl Queue {
    /// Indices into `ready`, first come first: fewer running jobs first, then the longer ago the last turn was, of the user,
    /// then of the project, then the older job. Users who have `user_slots` jobs running have no turn. One that has a
    /// reservation comes alone.
    pub(super) fn order(
        &mut self,
        ready: &[ReadyJob],
        load: &Load,
        user_slots: Option<usize>,
        now: Instant,
    ) -> Vec<usize> {
        self.passed_over.retain(|id, _| ready.iter().any(|job| job.id == *id));
        let has_turn = |job: &ReadyJob| user_slots.is_none_or(|most| load.of_user(&job.user) < most);
        let reserved = |job: &ReadyJob| {
            let since = self.passed_over.get(&job.id).copied();
            since.filter(|since| now.duration_since(*since) >= RESERVED_AFTER)
        };
        let mut order: Vec<usize> = (0..ready.len()).filter(|n| has_turn(&ready[*n])).collect();
        let oldest = order.iter().filter_map(|n| Some((reserved(&ready[*n])?, *n))).min();
        if let Some((_, alone)) = oldest {
            return vec![alone];
        }
        order.sort_by_key(|n| {
            let job = &ready[*n];
            let user = (load.of_user(&job.user), self.users.get(&job.user).copied());
            let project = (load.of_project(job.project), self.projects.get(&job.project).copied());
            (user, project, job.id)
        });
        order
    }

    /// Notes that a job does not fit beside those that run now.
    pub(super) fn pass_over(&mut self, job: JobId, now: Instant) {
        self.passed_over.entry(job).or_insert(now);
    }

    /// Notes that a job was started: its user and its project have had their turn.
    pub(super) fn took_turn(&mut self, job: &ReadyJob) {
        self.turn += 1;
        self.passed_over.remove(&job.id);
        remember(&mut self.users, job.user.clone(), self.turn);
        remember(&mut self.projects, job.project, self.turn);
    }
}

/// Keeps the newest half when there are too many: who was served long ago is served as if never.
fn remember<K: Eq + Hash>(turns: &mut HashMap<K, u64>, key: K, turn: u64) {
    turns.insert(key, turn);
    if turns.len() > REMEMBERED {
        let mut all: Vec<u64> = turns.values().copied().collect();
        all.sort_unstable();
        let middle = all[all.len() / 2];
        turns.retain(|_, turn| *turn > middle);
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
