//! Which sign-ins are worth a line: the first one in an hour from an address, and so many failures a minute; the others are counted.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Who has signed in is news again after this.
const NEWS_AFTER: Duration = Duration::from_secs(3600);
/// Failures of one address in one minute that get a line each.
const FAILURES: u64 = 10;
const MINUTE: Duration = Duration::from_secs(60);
/// Addresses, and pairs of credential and address, that are remembered.
const MOST: usize = 10_000;

/// `None`: a request that came without a connection, or one of more addresses than are remembered.
type From = Option<IpAddr>;

#[derive(Default)]
pub(super) struct SignIns {
    hasher: RandomState,
    seen: Mutex<HashMap<u64, Instant>>,
    failures: Mutex<HashMap<From, Failures>>,
}

struct Failures {
    since: Instant,
    times: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SignIns {
    /// Whether this credential was not used from there of late; it is from now on.
    pub(super) fn is_news(&self, credential: &str, address: From, now: Instant) -> bool {
        let mut hash = self.hasher.build_hasher();
        (credential, address).hash(&mut hash);
        let key = std::hash::Hasher::finish(&hash);
        let mut seen = lock(&self.seen);
        let is_old = |at: &Instant| now.saturating_duration_since(*at) >= NEWS_AFTER;
        if seen.get(&key).is_some_and(|at| !is_old(at)) {
            return false;
        }
        if seen.len() >= MOST {
            seen.retain(|_, at| !is_old(at));
        }
        if seen.len() >= MOST {
            // Told once too often rather than remembered without end.
            seen.clear();
        }
        seen.insert(key, now);
        true
    }

    /// Counts a failure. Whether it gets a line of its own; and how many of whom got none in minutes that are over.
    pub(super) fn failed(&self, address: From, now: Instant) -> (bool, Vec<(From, u64)>) {
        let mut failures = lock(&self.failures);
        let mut untold = Vec::new();
        if failures.values().any(|f| now.saturating_duration_since(f.since) >= MINUTE) {
            failures.retain(|address, f| {
                let is_over = now.saturating_duration_since(f.since) >= MINUTE;
                if is_over && f.times > FAILURES {
                    untold.push((*address, f.times - FAILURES));
                }
                !is_over
            });
        }
        let address = if failures.len() >= MOST { None } else { address };
        let of_this = failures.entry(address).or_insert(Failures { since: now, times: 0 });
        of_this.times += 1;
        (of_this.times <= FAILURES, untold)
    }

    /// All that got no line yet.
    pub(super) fn untold(&self) -> Vec<(From, u64)> {
        let all = lock(&self.failures).drain().collect::<Vec<_>>();
        all.into_iter().filter(|(_, f)| f.times > FAILURES).map(|(a, f)| (a, f.times - FAILURES)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_sign_in_is_news_once_an_hour() {
        let (sign_ins, start) = (SignIns::default(), Instant::now());
        let here: From = Some([127, 0, 0, 1].into());
        assert!(sign_ins.is_news("key a", here, start));
        assert!(!sign_ins.is_news("key a", here, start + Duration::from_secs(3599)));
        assert!(sign_ins.is_news("key b", here, start) && sign_ins.is_news("key a", None, start));
        assert!(sign_ins.is_news("key a", here, start + NEWS_AFTER));
        for n in 0..2 * MOST {
            sign_ins.is_news(&n.to_string(), here, start);
        }
        assert!(lock(&sign_ins.seen).len() <= MOST);
    }

    #[test]
    fn one_who_fails_all_the_time_gets_few_lines_and_is_counted() {
        let (sign_ins, start) = (SignIns::default(), Instant::now());
        let (here, there): (From, From) = (Some([10, 0, 0, 1].into()), Some([10, 0, 0, 2].into()));
        let told = (0..1000).filter(|_| sign_ins.failed(here, start).0).count();
        assert_eq!(told as u64, FAILURES);
        assert_eq!(sign_ins.failed(there, start), (true, vec![]), "another address has lines of its own");
        let (tell, untold) = sign_ins.failed(there, start + MINUTE);
        assert_eq!((tell, untold), (true, vec![(here, 1000 - FAILURES)]));
        for n in 0..2 * MOST as u32 {
            sign_ins.failed(Some(IpAddr::from(n.to_be_bytes())), start + MINUTE);
        }
        assert!(lock(&sign_ins.failures).len() <= MOST + 1);
        let untold = sign_ins.untold();
        assert_eq!(untold.len(), 1, "those beyond what is remembered, together");
        assert_eq!(untold[0].0, None);
        assert!(sign_ins.untold().is_empty());
    }
}
