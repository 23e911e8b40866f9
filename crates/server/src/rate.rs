//! Requests per second of one key or client: a bucket of tokens for each, refilled with time. Servers that share the work share the rate.

use crate::wire::error::ApiError;
use axum::extract::MatchedPath;
use axum::http::header::RETRY_AFTER;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use fieldstone_engine::model::Caller;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Seconds' worth of requests that may come at once.
const BURST_S: f64 = 2.0;

/// Keys that are remembered; beyond that, those who have been idle are forgotten.
const MOST_KEYS: usize = 10_000;

/// What a client polls is never counted: one job, one workflow. Lists are.
const POLLED: [&str; 2] = ["/projects/{projectId}/jobs/{", "/projects/{projectId}/workflows/{"];

/// The buckets of all keys.
pub struct Rates {
    per_second: u32,
    hasher: RandomState,
    buckets: Mutex<HashMap<u64, Bucket>>,
}

struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Rates {
    /// At most so many requests a second for each key in the long run; 0: no limit.
    pub fn new(per_second: u32) -> Rates {
        Rates { per_second, hasher: RandomState::new(), buckets: Mutex::default() }
    }

    /// Counts a request of `caller`: a 429 if there were too many of late. All tokens of an OAuth client count together. Of `servers` that
    /// share the work each gives its part of the rate.
    pub fn count(&self, request: &Parts, caller: &Caller, servers: usize) -> Result<(), ApiError> {
        if self.per_second == 0 || is_poll(request) {
            return Ok(());
        }
        self.take(caller.credential.as_bytes(), servers, Instant::now()).map_err(|seconds| {
            let text = format!(
                "more than {} requests a second with this key, the limit that setting max_request_rate sets; try \
                 again in {seconds} s",
                self.per_second
            );
            let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, text);
            error.with_header(RETRY_AFTER, HeaderValue::from(seconds))
        })
    }

    /// Counts so many requests more for one that was counted and turned out to be as much work. They are never refused, only missed
    /// later.
    pub fn spend(&self, caller: &Caller, requests: usize) {
        if self.per_second == 0 || requests == 0 {
            return;
        }
        let key = self.hasher.hash_one(caller.credential.as_bytes());
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get_mut(&key) {
            // No deeper in debt than a bucket is high: it is paid off within seconds.
            let least = -f64::from(self.per_second) * BURST_S;
            bucket.tokens = (bucket.tokens - requests as f64).max(least);
        }
    }

    /// Takes a token of `key`, or says in how many seconds there will be one.
    fn take(&self, key: &[u8], servers: usize, now: Instant) -> Result<(), u64> {
        let rate = f64::from(self.per_second) / servers.max(1) as f64;
        // Of a small part a whole request still comes through, in its time.
        let most = (rate * BURST_S).max(1.0);
        let filled = |bucket: &Bucket| {
            let time = now.saturating_duration_since(bucket.filled).as_secs_f64();
            (bucket.tokens + time * rate).min(most)
        };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST_KEYS {
            buckets.retain(|_, bucket| filled(bucket) < most);
        }
        if buckets.len() >= MOST_KEYS {
            // All of them are busy: they start anew rather than grow without end.
            buckets.clear();
        }
        let key = self.hasher.hash_one(key);
        let bucket = buckets.entry(key).or_insert(Bucket { tokens: most, filled: now });
        bucket.tokens = filled(bucket);
        bucket.filled = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        Err(((1.0 - bucket.tokens) / rate).ceil().max(1.0) as u64)
    }
}

fn is_poll(request: &Parts) -> bool {
    let path = request.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    matches!(request.method, Method::GET | Method::HEAD) && is_polled(path)
}

/// Whether reading this route is polling.
pub fn is_polled(path: &str) -> bool {
    POLLED.iter().any(|start| path.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_bucket_empties_and_fills_again() {
        let rates = Rates::new(10);
        let start = Instant::now();
        let taken = (0..100).filter(|_| rates.take(b"a", 1, start).is_ok()).count();
        assert_eq!(taken, 20, "two seconds' worth at once");
        assert_eq!(rates.take(b"a", 1, start), Err(1));
        assert_eq!(rates.take(b"b", 1, start), Ok(()), "another key has a bucket of its own");
        let later = start + Duration::from_millis(510);
        let taken = (0..100).filter(|_| rates.take(b"a", 1, later).is_ok()).count();
        assert_eq!(taken, 5, "half a second's worth came back");
        assert_eq!(rates.take(b"a", 1, start), Err(1), "a clock that goes back gives nothing");
    }

    #[test]
    fn what_turns_out_to_be_more_work_is_missed_later() {
        let rates = Rates::new(10);
        let caller = Caller::of("a");
        let start = Instant::now();
        let later = |seconds: f64| start + Duration::from_secs_f64(seconds);
        rates.spend(&caller, 5);
        assert_eq!(rates.take(b"a", 1, start), Ok(()), "who was not counted owes nothing");
        rates.spend(&caller, 15);
        let taken = (0..100).filter(|_| rates.take(b"a", 1, start).is_ok()).count();
        assert_eq!(taken, 4, "of twenty, one was taken and fifteen were spent");
        rates.spend(&caller, 1_000_000);
        assert_eq!(rates.take(b"a", 1, later(2.0)), Err(1), "the debt is two seconds' worth at most");
        assert_eq!(rates.take(b"a", 1, later(2.2)), Ok(()));
    }

    #[test]
    fn servers_share_the_rate() {
        let rates = Rates::new(10);
        let start = Instant::now();
        let taken = |servers, at| (0..100).filter(|_| rates.take(b"a", servers, at).is_ok()).count();
        assert_eq!(taken(4, start), 5, "two seconds' worth of a quarter");
        assert_eq!(taken(4, start + Duration::from_secs(2)), 5);
        let other = (0..100).filter(|_| rates.take(b"b", 1000, start).is_ok()).count();
        assert_eq!(other, 1, "of however many");
        assert!(rates.take(b"b", 1000, start + Duration::from_secs(99)).is_err());
        assert_eq!(rates.take(b"b", 1000, start + Duration::from_secs(101)), Ok(()));
    }

    #[test]
    fn idle_keys_are_forgotten() {
        let rates = Rates::new(1);
        let start = Instant::now();
        for n in 0..3 * MOST_KEYS as u64 {
            let at = start + Duration::from_micros(n);
            assert_eq!(rates.take(&n.to_le_bytes(), 1, at), Ok(()));
        }
        assert!(rates.buckets.lock().unwrap().len() <= MOST_KEYS);
    }
}
