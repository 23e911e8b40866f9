//! Who does the harm: processes are killed and stopped, and come again as whoever looks after a service would have them.

use crate::served::{Choices, Served, Worker, command};
use crate::site::{HEADS, Site};
use fieldstone_engine::testing::Presence;
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

/// Workers, each at one of the servers.
const WORKERS: usize = 4;

/// What is harmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Head(usize),
    Worker(usize),
    Database,
    Store,
}

/// What is done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Harm {
    Killed,
    Stopped,
    /// In order, as for an upgrade.
    Ended,
}

/// All processes of a site.
pub struct Crew<'a> {
    site: &'a Site,
    choices: Choices,
    heads: Vec<Served>,
    workers: Vec<Worker>,
    /// Who is harmed, how, and until when.
    ill: BTreeMap<Target, (Harm, Instant)>,
    /// How often what was done.
    done: BTreeMap<(String, Harm), usize>,
    /// What servers that were killed have said.
    said: Vec<String>,
}

impl Crew<'_> {
    /// Starts all of them.
    pub fn new(site: &Site, seed: u64) -> Crew<'_> {
        let settings = site.settings();
        let heads = (0..HEADS).map(|n| Served::start_at(&site.data, &site.listen[n], &settings)).collect();
        let workers = (0..WORKERS).map(|n| worker(site, n)).collect();
        let (ill, done) = (BTreeMap::new(), BTreeMap::new());
        Crew { site, choices: Choices(seed), heads, workers, ill, done, said: Vec::new() }
    }

    /// Does so much harm, or less where there is no work left.
    pub fn harm(&mut self, faults: usize, work_is_left: impl Fn() -> bool) {
        for _ in 0..faults {
            let next = Instant::now() + Duration::from_millis(200 + self.choices.below(900));
            while Instant::now() < next {
                std::thread::park_timeout(Duration::from_millis(20));
                self.heal_due(Instant::now());
            }
            if !work_is_left() {
                return;
            }
            match self.choices.below(20) {
                0 => self.look(),
                _ => self.harm_one(),
            }
        }
    }

    /// Everything is well again.
    pub fn heal(&mut self) {
        while let Some(last) = self.ill.values().map(|(_, until)| *until).max() {
            self.heal_due(last.max(Instant::now()));
        }
    }

    /// What checks and cleans up beside the servers finds nothing wrong, at any moment.
    fn look(&mut self) {
        // A server that is stopped in the middle of storing a file keeps whoever sweeps waiting.
        let sleeps =
            self.ill.iter().any(|(one, (harm, _))| matches!(one, Target::Head(_)) && *harm == Harm::Stopped);
        if sleeps || [Target::Database, Target::Store].iter().any(|need| self.ill.contains_key(need)) {
            return;
        }
        for arguments in [&["gc"], &["check"]] {
            let found = command(&self.site.data, arguments, &self.site.settings());
            assert_eq!(found, "", "{arguments:?} beside the servers");
        }
        *self.done.entry(("Check and gc".into(), Harm::Ended)).or_default() += 1;
    }

    fn harm_one(&mut self) {
        let harm = match self.choices.below(5) {
            0..2 => Harm::Killed,
            2..4 => Harm::Stopped,
            _ => Harm::Ended,
        };
        let target = match self.choices.below(8) {
            0..3 => Target::Head(self.choices.below(HEADS as u64) as usize),
            3..6 => Target::Worker(self.choices.below(WORKERS as u64) as usize),
            6 => Target::Database,
            _ => Target::Store,
        };
        let millis = match (target, harm) {
            // A connection lives for 20 seconds without a word.
            (Target::Worker(_), Harm::Stopped) if self.choices.below(3) == 0 => 21_000,
            (_, Harm::Killed | Harm::Ended) => self.choices.below(2500),
            (_, Harm::Stopped) => 1500 + self.choices.below(4000),
        };
        let is_absent = target == Target::Store && self.site.store.is_none();
        if is_absent || self.ill.contains_key(&target) {
            return;
        }
        match (target, harm) {
            (Target::Head(n), Harm::Killed) => {
                self.heads[n].kill();
                self.said.push(self.heads[n].log());
            }
            (Target::Head(n), Harm::Ended) => signal(self.heads[n].pid(), Signal::TERM),
            (Target::Head(n), Harm::Stopped) => {
                signal(self.heads[n].pid(), Signal::STOP);
                self.let_leases_end(n);
            }
            (Target::Worker(n), Harm::Killed) => self.workers[n].signal(Signal::KILL),
            (Target::Worker(n), Harm::Ended) => self.workers[n].signal(Signal::TERM),
            (Target::Worker(n), Harm::Stopped) => self.workers[n].signal(Signal::STOP),
            (Target::Database, Harm::Killed | Harm::Ended) => self.site.database.stop().expect("it ends"),
            (Target::Database, Harm::Stopped) => self.signal_database(Signal::STOP),
            (Target::Store, Harm::Killed | Harm::Ended) => self.be(Presence::Gone),
            (Target::Store, Harm::Stopped) => self.be(Presence::Asleep),
        }
        let kind = format!("{target:?}").split('(').next().unwrap_or_default().to_owned();
        *self.done.entry((kind, harm)).or_default() += 1;
        self.ill.insert(target, (harm, Instant::now() + Duration::from_millis(millis)));
    }

    /// As if the time of its leases had passed, by the only clock that counts.
    fn let_leases_end(&self, head: usize) {
        if self.ill.contains_key(&Target::Database) {
            return;
        }
        let ended = self.site.sql(&format!(
            "SET lock_timeout = 2000;
             UPDATE jobs SET lease_until = lease_clock() - 1 WHERE state = 'started' AND owner =
                 (SELECT id FROM heads WHERE address = '{}' ORDER BY started DESC LIMIT 1)",
            self.site.url(head)
        ));
        if let Err(e) = ended {
            println!("leases of a stopped server stay: {e}");
        }
    }

    fn heal_due(&mut self, now: Instant) {
        let due: Vec<_> =
            self.ill.iter().filter(|(_, (_, until))| *until <= now).map(|(t, (h, _))| (*t, *h)).collect();
        // What others need to start comes first.
        for (target, harm) in due.into_iter().rev() {
            let needs = [Target::Database, Target::Store];
            let starts = matches!(target, Target::Head(_)) && harm != Harm::Stopped;
            if starts && needs.iter().any(|need| self.ill.contains_key(need)) {
                continue;
            }
            self.heal_one(target, harm);
            self.ill.remove(&target);
        }
    }

    fn heal_one(&mut self, target: Target, harm: Harm) {
        match (target, harm) {
            (Target::Head(n), Harm::Killed | Harm::Ended) => {
                if harm == Harm::Ended {
                    let (said, in_order) = self.heads[n].ended();
                    self.said.push(said);
                    assert!(in_order, "a server that was told to go does not: {:?}", self.said.last());
                }
                let (site, settings) = (self.site, self.site.settings());
                // A database that has only just begun may not answer yet.
                let start = |_| Served::try_start_at(&site.data, &site.listen[n], &settings);
                let tried =
                    (0..20).map(start).find_map(|started| started.map_err(|e| self.said.push(e)).ok());
                self.heads[n] =
                    tried.unwrap_or_else(|| panic!("a server does not start again: {:?}", self.said.last()));
            }
            (Target::Head(n), Harm::Stopped) => signal(self.heads[n].pid(), Signal::CONT),
            (Target::Worker(n), Harm::Killed) => self.workers[n] = worker(self.site, n),
            (Target::Worker(n), Harm::Ended) => {
                let ended = self.workers[n].ended();
                assert!(ended.success(), "a worker that was told to go: {ended}");
                self.workers[n] = worker(self.site, n);
            }
            (Target::Worker(n), Harm::Stopped) => self.workers[n].signal(Signal::CONT),
            (Target::Database, Harm::Killed | Harm::Ended) => self.site.database.go_on().expect("it starts"),
            (Target::Database, Harm::Stopped) => self.signal_database(Signal::CONT),
            (Target::Store, _) => self.be(Presence::There),
        }
    }

    fn be(&self, presence: Presence) {
        self.site.store.iter().for_each(|store| store.be(presence));
    }

    /// To all processes of the database, its first one before those that it starts.
    fn signal_database(&self, what: Signal) {
        let first = self.site.database.pid().expect("it runs");
        signal(first, what);
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        numbers.filter(|pid| parent(*pid) == Some(first)).for_each(|pid| signal(pid, what));
    }
}

impl fmt::Display for Crew<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = self.done.iter().map(|((kind, harm), times)| format!("{kind} {harm:?} {times}"));
        f.write_str(&texts.collect::<Vec<_>>().join(", "))
    }
}

impl Drop for Crew<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.said.extend(self.heads.iter().map(Served::log));
            self.said.iter().for_each(|text| println!("a server said: {text}"));
            self.be(Presence::There);
        }
        // One that sleeps could not be ended.
        if matches!(self.ill.get(&Target::Database), Some((Harm::Stopped, _))) {
            self.signal_database(Signal::CONT);
        }
    }
}

fn worker(site: &Site, number: usize) -> Worker {
    let name = format!("w{number}");
    Worker::start(&site.url(number % HEADS), &site.worker_key, &["--name", &name])
}

/// A process that has just ended hears nothing.
fn signal(pid: u32, what: Signal) {
    if let Some(pid) = Pid::from_raw(pid.cast_signed()) {
        let _ = kill_process(pid, what);
    }
}

/// The parent of a process (proc(5): the second word after the name in brackets).
fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}
