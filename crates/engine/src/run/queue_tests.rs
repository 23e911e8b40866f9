//! The queue against a machine that is simulated: seeded users, jobs, memory and lengths.

use super::*;
use crate::limits::Needs;
use crate::run::running::{Loaded, Reserved};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const MEMORY: u64 = 100;
const SLOTS: usize = 3;
/// Seconds that the longest job takes.
const LONGEST: u64 = 60;

struct Job {
    ready: ReadyJob,
    arrives: u64,
    length: u64,
    started: Option<u64>,
}

fn job(id: i64, user: usize, project: i64, memory: u64, arrives: u64, length: u64) -> Job {
    let ready = ReadyJob {
        id: JobId(id),
        project: ProjectId(project),
        user: format!("u{user}"),
        needs: Some(Needs { memory, output: 0 }),
    };
    Job { ready, arrives, length, started: None }
}

fn loaded(job: &ReadyJob) -> Loaded {
    let reserved = Reserved { memory: job.needs.unwrap_or_default().memory, ..Reserved::default() };
    Loaded {
        id: job.id,
        attempt: 1,
        user: job.user.clone(),
        project: job.project,
        reserved,
        is_ending: false,
    }
}

/// Runs everything, second by second, the way the runner does; when each job started.
fn simulate(mut jobs: Vec<Job>, user_slots: Option<usize>) -> Vec<Job> {
    let (mut queue, begun) = (Queue::default(), Instant::now());
    for second in 0..1_000_000 {
        let now = begun + Duration::from_secs(second);
        loop {
            let running = jobs.iter().filter(|j| j.started.is_some_and(|at| at + j.length > second));
            let load = Load::of(running.map(|j| loaded(&j.ready)));
            assert!(load.memory <= MEMORY && load.slots <= SLOTS);
            for n in 0..10 {
                assert!(load.of_user(&format!("u{n}")) <= user_slots.unwrap_or(SLOTS));
            }
            if load.slots == SLOTS {
                break;
            }
            let waiting: Vec<usize> = (0..jobs.len())
                .filter(|n| jobs[*n].started.is_none() && jobs[*n].arrives <= second)
                .collect();
            let ready: Vec<ReadyJob> = waiting.iter().map(|n| jobs[*n].ready.clone()).collect();
            let next = queue.order(&ready, &load, user_slots, now).into_iter().find(|n| {
                let fits = load.memory + ready[*n].needs.unwrap_or_default().memory <= MEMORY;
                if !fits {
                    queue.pass_over(ready[*n].id, now);
                }
                fits
            });
            let Some(next) = next else { break };
            queue.took_turn(&ready[next]);
            jobs[waiting[next]].started = Some(second);
        }
        if jobs.iter().all(|j| j.started.is_some()) {
            return jobs;
        }
    }
    panic!("jobs are left that never start");
}

#[test]
fn one_job_beside_thousands_of_another_user_starts_within_two_job_lengths() {
    for user_slots in [None, Some(2)] {
        let mut jobs: Vec<Job> = (0..600).map(|n| job(n, 0, n % 3, 1, 0, LONGEST)).collect();
        jobs.push(job(600, 1, 9, 1, 130, LONGEST));
        jobs.push(job(601, 1, 8, 1, 500, LONGEST));
        let done = simulate(jobs, user_slots);
        for late in &done[600..] {
            let waited = late.started.unwrap() - late.arrives;
            assert!(waited <= 2 * LONGEST, "waited {waited} s");
        }
    }
}

#[test]
fn projects_of_a_user_take_turns_and_the_older_job_goes_first() {
    let mut jobs: Vec<Job> = (0..90).map(|n| job(n, 0, 1, 1, 0, 10)).collect();
    jobs.extend((90..93).map(|n| job(n, 0, 2, 1, 0, 10)));
    let done = simulate(jobs, None);
    assert!(
        done[90..].iter().all(|j| j.started.unwrap() <= 20),
        "the small project is not behind the large one"
    );
    assert!(done[..90].is_sorted_by_key(|j| j.started));
}

#[test]
fn a_job_that_waits_for_memory_holds_up_nobody_at_first_and_is_not_starved() {
    // Small jobs without end, two users; one job that needs nearly all.
    let mut jobs: Vec<Job> = (0..400).map(|n| job(n, n as usize % 2, n % 2, 30, n as u64 * 3, 10)).collect();
    jobs.push(job(400, 2, 7, 95, 20, 10));
    let done = simulate(jobs, None);
    let large = done[400].started.unwrap() - 20;
    let reserved = RESERVED_AFTER.as_secs();
    assert!(large <= reserved + 2 * 10, "waited {large} s");
    let meanwhile = done[..400].iter().filter(|j| (21..20 + reserved).contains(&j.started.unwrap())).count();
    assert!(meanwhile >= 5, "{meanwhile} small jobs started while it was passed over");
}

#[test]
fn whatever_comes_everything_starts_and_no_user_waits_for_all_of_another() {
    for seed in 0..30 {
        let mut rng = StdRng::seed_from_u64(seed);
        let slots = [None, Some(1), Some(2)][rng.random_range(0..3)];
        let jobs = (0..150)
            .map(|n| {
                let user = rng.random_range(0..5);
                let memory = if rng.random_bool(0.1) {
                    rng.random_range(60..=MEMORY)
                } else {
                    rng.random_range(0..30)
                };
                let project = user as i64 * 3 + rng.random_range(0..3);
                job(n, user, project, memory, rng.random_range(0..400), rng.random_range(1..LONGEST))
            })
            .collect();
        simulate(jobs, slots);
    }
}

#[test]
fn turns_that_are_remembered_are_bounded() {
    let mut queue = Queue::default();
    for n in 0..(3 * REMEMBERED as i64) {
        queue.took_turn(&job(n, n as usize, n, 0, 0, 1).ready);
    }
    assert!(queue.users.len() <= REMEMBERED && queue.projects.len() <= REMEMBERED);
    assert!(queue.users.contains_key(&format!("u{}", 3 * REMEMBERED - 1)));
}
