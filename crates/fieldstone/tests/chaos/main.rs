//! One service of two servers, four workers, PostgreSQL and (by seed) a bucket of S3, all of which are killed, stopped and started again at
//! random while clients upload and dispatch workflows. In the end everything that was acknowledged is there, right, and once.
//!
//! `FIELDSTONE_CHAOS_SEED` repeats a run's choices, `FIELDSTONE_CHAOS_WORKFLOWS` (of ten jobs each) and `FIELDSTONE_CHAOS_FAULTS` change
//! how much happens.
#![cfg(target_os = "linux")]

mod clients;
mod faults;
#[path = "../served/mod.rs"]
mod served;
mod site;
mod verdict;
mod work;

use clients::{Client, Promises};
use faults::Crew;
use served::{Choices, command};
use site::Site;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use verdict::Verdict;

/// Clients at work at the same time.
const CLIENTS: usize = 4;

#[test]
fn whatever_is_killed_or_stopped_what_was_acknowledged_ends_right_and_once() {
    let number = |name: &str| std::env::var(name).ok().map(|v| v.parse::<u64>().expect("a number"));
    let seed = number("FIELDSTONE_CHAOS_SEED").unwrap_or(20_261_127);
    let workflows = number("FIELDSTONE_CHAOS_WORKFLOWS").unwrap_or(28) as usize;
    let faults = number("FIELDSTONE_CHAOS_FAULTS").unwrap_or(40) as usize;
    let Some(site) = Site::new(seed) else {
        return eprintln!("left out: no PostgreSQL is installed (Debian: apt-get install postgresql)");
    };
    println!("seed {seed}: {workflows} workflows, {faults} faults, {site}");
    let begun = Instant::now();
    let calm = work::calm();
    let mut crew = Crew::new(&site, seed);
    let project = site.api(0).project("chaos");
    work::upload_parts(&site.api(1), &project);
    site.count_ends();
    let (promises, at_work) = (Mutex::new(Promises::default()), AtomicUsize::new(CLIENTS));
    std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            let share = workflows / CLIENTS + usize::from(number < workflows % CLIENTS);
            let choices = Choices(seed.wrapping_add(1 + number as u64));
            let mut client = Client::new(&site, &project, choices, &promises);
            let at_work = &at_work;
            scope.spawn(move || {
                let left = Left(at_work);
                client.work(share);
                drop(left);
            });
        }
        crew.harm(faults, || at_work.load(Ordering::Relaxed) > 0);
        crew.heal();
    });
    let promises = promises.into_inner().unwrap();
    let verdict = Verdict { site: &site, project: &project, promises: &promises, calm: &calm };
    let jobs = verdict.pass();
    // Beside the servers, then alone; and once more when what was torn has been swept.
    for arguments in [&["check"], &["gc"], &["check"]] {
        assert_eq!(command(&site.data, arguments, &site.settings()), "", "{arguments:?}");
    }
    println!("{crew}");
    drop(crew);
    assert_eq!(command(&site.data, &["check"], &site.settings()), "");
    println!(
        "{} uploads, {} of them deleted, {} workflows, {} of them cancelled, {jobs} jobs, {} requests sent again, {:.0?}",
        promises.uploads.len() + promises.deleted.len(),
        promises.deleted.len(),
        promises.workflows.len(),
        promises.cancelled.len(),
        promises.again,
        begun.elapsed()
    );
}

/// A client that has left, whether it ended well or not.
struct Left<'a>(&'a AtomicUsize);

impl Drop for Left<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
