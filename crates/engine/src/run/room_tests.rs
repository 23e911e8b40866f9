//! Outputs against a disk and quotas that are simulated: seeded jobs that write bit by bit, fail half-way, and are published.

use super::*;
use crate::limits::Needs;
use crate::model::JobId;
use crate::run::queue::Queue;
use crate::run::running::{Loaded, Reserved};
use crate::store::ledger::ReadyJob;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::time::{Duration, Instant};

const SLOTS: usize = 4;
const PROJECTS: usize = 4;

struct Job {
    ready: ReadyJob,
    arrives: u64,
    length: u64,
    /// Bytes that it would write, where nothing is known of them.
    makes: u64,
    /// It breaks off, and what it wrote is gone.
    breaks: bool,
    /// Of the disk, once it has started.
    share: u64,
    started: Option<u64>,
    ended: bool,
    refused: bool,
}

struct Machine {
    jobs: Vec<Job>,
    disk: u64,
    quotas: [u64; PROJECTS],
    /// Published bytes.
    held: [u64; PROJECTS],
}

impl Machine {
    fn new(rng: &mut StdRng) -> Machine {
        let disk = rng.random_range(100..1000);
        let quotas = std::array::from_fn(|_| rng.random_range(50..600));
        let job = |id: i64| {
            let project = rng.random_range(0..PROJECTS as i64);
            // What is known of it is all that it writes; of some nothing is known, and they write what they like, nothing as well.
            let output = if rng.random_bool(0.2) { 0 } else { rng.random_range(1..200) };
            let ready = ReadyJob {
                id: JobId(id),
                project: ProjectId(project),
                user: format!("u{}", project / 2),
                needs: Some(Needs { memory: 0, output }),
            };
            let (arrives, length) = (rng.random_range(0..300), rng.random_range(1..40));
            let makes = if rng.random_bool(0.3) { 0 } else { rng.random_range(0..600) };
            let breaks = rng.random_bool(0.3);
            Job {
                ready,
                arrives,
                length,
                makes,
                breaks,
                share: 0,
                started: None,
                ended: false,
                refused: false,
            }
        };
        Machine { jobs: (0..60).map(job).collect(), disk, quotas, held: [0; PROJECTS] }
    }

    fn output(job: &Job) -> u64 {
        job.ready.needs.unwrap_or_default().output
    }

    /// What it has written by its end: it is stopped where its share ends.
    fn writes(job: &Job) -> u64 {
        match Self::output(job) {
            0 => job.makes.min(job.share),
            known => known,
        }
    }

    fn written(job: &Job, second: u64) -> u64 {
        job.started.map_or(0, |at| Self::writes(job) * (second - at).min(job.length) / job.length)
    }

    fn running(&self) -> impl Iterator<Item = &Job> {
        self.jobs.iter().filter(|job| job.started.is_some() && !job.ended)
    }

    fn free(&self, second: u64) -> u64 {
        let taken: u64 = self.running().map(|job| Self::written(job, second)).sum();
        self.disk.checked_sub(taken + self.held.iter().sum::<u64>()).expect("the disk is never too full")
    }

    fn spaces(&self, project: ProjectId, second: u64) -> Vec<Space> {
        let of_project = self.running().filter(|job| job.ready.project == project);
        let still: u64 = self.running().map(|job| job.share - Self::written(job, second)).sum();
        let quota = self.quotas[project.0 as usize] - self.held[project.0 as usize];
        vec![
            Space { free: self.free(second), reserved: still, quota: None },
            Space {
                free: quota,
                reserved: of_project.map(Self::output).sum(),
                quota: Some(Room::of_project(0, quota)),
            },
        ]
    }

    fn end_those_that_are_done(&mut self, second: u64) {
        for job in self.jobs.iter_mut().filter(|job| !job.ended) {
            if job.started.is_some_and(|at| at + job.length <= second) {
                job.ended = true;
                let project = job.ready.project.0 as usize;
                // What was not known is measured when it is published; here nobody keeps it.
                self.held[project] += if job.breaks { 0 } else { Self::output(job) };
                assert!(
                    self.held[project] <= self.quotas[project],
                    "job {} fitted when it began",
                    job.ready.id
                );
            }
        }
    }

    /// The first whose turn it is and that fits, or is told that it does not; false when there is none.
    fn start_one(&mut self, queue: &mut Queue, second: u64, now: Instant) -> bool {
        let load = Load::of(self.running().map(|job| Loaded {
            id: job.ready.id,
            attempt: 1,
            user: job.ready.user.clone(),
            project: job.ready.project,
            reserved: Reserved { memory: 0, output: Self::output(job), disk: job.share, away: false },
            is_ending: false,
        }));
        let waits = |job: &Job| job.started.is_none() && !job.refused && job.arrives <= second;
        let waiting: Vec<usize> = (0..self.jobs.len()).filter(|n| waits(&self.jobs[*n])).collect();
        let ready: Vec<ReadyJob> = waiting.iter().map(|n| self.jobs[*n].ready.clone()).collect();
        if load.slots == SLOTS {
            return false;
        }
        for n in queue.order(&ready, &load, None, now) {
            let (job, spaces) = (&ready[n], self.spaces(ready[n].project, second));
            let output = job.needs.unwrap_or_default().output;
            match fit(output, &spaces) {
                Fit::Now => {
                    let share = disk_share(output, &spaces, SLOTS);
                    let job = &mut self.jobs[waiting[n]];
                    (job.started, job.share) = (Some(second), share);
                }
                Fit::Later => {
                    assert!(load.slots > 0, "somebody must end for it");
                    queue.pass_over(job.id, now);
                    continue;
                }
                // As the attempt: with nothing to write it runs all the same.
                Fit::Never if output == 0 => self.jobs[waiting[n]].started = Some(second),
                Fit::Never => {
                    let fits_alone = spaces.iter().all(|space| output <= space.free);
                    assert!(!fits_alone, "job {} would have had its turn", job.id);
                    self.jobs[waiting[n]].refused = true;
                }
            }
            queue.took_turn(job);
            return true;
        }
        false
    }
}

#[test]
fn what_runs_together_never_fills_the_disk_or_a_quota_and_everything_starts_or_is_refused() {
    let mut refused = 0;
    for seed in 0..200 {
        let mut machine = Machine::new(&mut StdRng::seed_from_u64(seed));
        let (mut queue, begun) = (Queue::default(), Instant::now());
        let mut second = 0;
        while machine.jobs.iter().any(|job| !job.ended && !job.refused) {
            assert!(second < 10_000, "seed {seed}: jobs are left that never start");
            machine.end_those_that_are_done(second);
            while machine.start_one(&mut queue, second, begun + Duration::from_secs(second)) {}
            machine.free(second);
            second += 1;
        }
        refused += machine.jobs.iter().filter(|job| job.refused).count();
    }
    assert!(refused > 100, "{refused} refusals were looked at");
}

#[test]
fn the_reason_names_the_limit_what_is_held_and_what_was_asked() {
    let quota = |reserved| Space { free: 50, reserved, quota: Some(Room::of_project(30, 80)) };
    let disk = |reserved| Space { free: 60, reserved, quota: None };
    let said = |spaces: &[Space], output| output_limit(spaces, ProjectId(3), output, u64::MAX);
    let limit = said(&[disk(0), quota(0)], 51);
    assert_eq!(limit.bytes, 50);
    assert_eq!(
        limit.refusal,
        "project 3 holds 30 bytes, the outputs of this job (51 bytes or more) do not fit into the 80 that setting project_quota allows"
    );
    let limit = said(&[disk(20), quota(0)], 0);
    assert_eq!(limit.bytes, 40);
    assert_eq!(
        limit.refusal,
        "the outputs of this job do not fit, beside 20 bytes that running jobs may still write, on the disk of the data folder, which has \
         room for 60 bytes (setting min_free)"
    );
    let limit = output_limit(&[disk(0), quota(0)], ProjectId(3), 0, 20);
    assert_eq!(limit.bytes, 20);
    assert_eq!(
        limit.refusal,
        "the outputs of this job do not fit on the disk of the data folder, where 20 bytes are kept for them: the rest is for jobs beside it \
         (setting min_free)"
    );
    assert_eq!(disk_share(0, &[disk(20), quota(0)], 2), 20, "half of what is left");
    assert_eq!((disk_share(0, &[disk(20)], 1), disk_share(7, &[disk(20)], 2)), (40, 7));
    // With nothing free there is nothing to wait for; a job that makes nothing needs nothing.
    let full = Space { free: 0, reserved: 0, quota: None };
    assert_eq!((full.fit(0), said(&[full], 0).bytes), (Fit::Never, 0));
}

#[test]
fn a_job_of_unknown_outputs_waits_for_more_than_a_scrap_of_the_disk() {
    let disk = |free, reserved| Space { free, reserved, quota: None };
    assert_eq!(disk(1 << 30, (1 << 30) - 2048).fit(0), Fit::Later);
    assert_eq!(disk(1 << 30, 1 << 29).fit(0), Fit::Now);
    // Nobody will leave more.
    assert_eq!(disk(2048, 0).fit(0), Fit::Now);
    // It says what it needs.
    assert_eq!(disk(1 << 30, (1 << 30) - 2048).fit(1024), Fit::Now);
}
