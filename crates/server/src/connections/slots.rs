//! So many connections in all, and so many from one address. When there is no slot left, the connection that has waited for its
//! client longest gives its up; one that works for its client never does.

use super::activity::{Activity, Bell};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A connection that waits for its client gives way to one from elsewhere after this: its first request may be on its way.
const LEAST_WAIT: Duration = Duration::from_millis(250);
/// Refusals are told in the log no more often than this.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Whom connections are counted for: an address, or the 64 bits in front of an IPv6 address, which one customer has all of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Origin {
    V4([u8; 4]),
    V6([u8; 8]),
}

impl Origin {
    fn of(address: IpAddr) -> Origin {
        match address.to_canonical() {
            IpAddr::V4(address) => Origin::V4(address.octets()),
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                Origin::V6([a, b, c, d, e, f, g, h])
            }
        }
    }
}

/// All slots.
pub(crate) struct Slots {
    most: usize,
    most_of_one: usize,
    least_wait: Duration,
    began: Instant,
    open: Mutex<Open>,
    bell: Arc<Bell>,
    /// Connections that gave way to others.
    pub(crate) gave_way: AtomicU64,
    /// Connections that were refused because their address had no slot left.
    pub(crate) refused: AtomicU64,
}

#[derive(Default)]
struct Open {
    last: u64,
    total: usize,
    by_origin: HashMap<Origin, BTreeMap<u64, Arc<Activity>>>,
    told: Option<Instant>,
}

/// The right to be connected, given back when dropped.
pub(crate) struct Slot {
    slots: Arc<Slots>,
    origin: Origin,
    number: u64,
    pub(crate) activity: Arc<Activity>,
}

enum Admission {
    Taken(Slot),
    /// One was asked to give way, or all are at work.
    Later,
    Refused,
}

impl Slots {
    /// `most` in all, `most_of_one` from one address; at least one each.
    pub(crate) fn new(most: usize, most_of_one: usize) -> Slots {
        Slots {
            most: most.max(1),
            most_of_one: most_of_one.clamp(1, most.max(1)),
            least_wait: LEAST_WAIT,
            began: Instant::now(),
            open: Mutex::default(),
            bell: Arc::default(),
            gave_way: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// Connections that are open now.
    pub(crate) fn open(&self) -> usize {
        self.lock().total
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A slot for a connection from `address`, as soon as there is one. `None` when its address has no more: it must not keep the
    /// others waiting.
    pub(crate) async fn take(self: &Arc<Self>, address: IpAddr) -> Option<Slot> {
        let origin = Origin::of(address);
        let slot = self.bell.until(LEAST_WAIT, || match self.look(origin) {
            Admission::Taken(slot) => Some(Some(slot)),
            Admission::Refused => Some(None),
            Admission::Later => None,
        });
        let slot = slot.await;
        if slot.is_none() {
            self.refuse(address);
        }
        slot
    }

    fn look(self: &Arc<Self>, origin: Origin) -> Admission {
        let mut open = self.lock();
        let of_one = open.by_origin.get(&origin);
        // Where one address may have all slots, there is nobody beside it to be protected.
        let has_share = self.most_of_one < self.most;
        if has_share && of_one.is_some_and(|all| all.len() >= self.most_of_one) {
            // Those of one address are at its own expense, however young: nobody else is to wait for them.
            let leaves = call_oldest(of_one.into_iter(), Duration::ZERO);
            return if leaves { Admission::Later } else { Admission::Refused };
        }
        if open.total >= self.most {
            call_oldest(open.by_origin.values(), self.least_wait);
            return Admission::Later;
        }
        open.last += 1;
        open.total += 1;
        let (number, activity) = (open.last, Arc::new(Activity::new(self.began, self.bell.clone())));
        open.by_origin.entry(origin).or_default().insert(number, activity.clone());
        Admission::Taken(Slot { slots: self.clone(), origin, number, activity })
    }

    /// Asks the connection that has waited longest to end; says whether there is one.
    pub(crate) fn call_oldest(&self) -> bool {
        call_oldest(self.lock().by_origin.values(), self.least_wait)
    }

    fn refuse(&self, address: IpAddr) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        let told = &mut self.lock().told;
        if told.is_none_or(|at| at.elapsed() >= TOLD_EVERY) {
            *told = Some(Instant::now());
            tracing::warn!(
                "{address} has {} connections open and all are at work: more are refused (setting \
                 max_connections_per_address)",
                self.most_of_one
            );
        }
    }
}

/// Asks the one of them that has waited for its client longest, `least` at least; says whether one leaves.
fn call_oldest<'a>(
    origins: impl Iterator<Item = &'a BTreeMap<u64, Arc<Activity>>> + Clone,
    least: Duration,
) -> bool {
    let all = origins.flat_map(BTreeMap::values);
    // One at a time is enough: whoever waits looks again when it has gone.
    if all.clone().any(|activity| activity.is_called()) {
        return true;
    }
    let waiting = all.filter_map(|activity| Some((activity.idle_for(least)?, activity)));
    waiting.min_by_key(|(since, _)| *since).inspect(|(_, activity)| activity.call()).is_some()
}

impl Slot {
    /// Resolves when this connection has to give way to another; not while it works for its client.
    pub(crate) async fn must_go(&self) {
        self.activity.must_go().await;
        self.slots.gave_way.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.slots.lock();
        open.total -= 1;
        if let Some(all) = open.by_origin.get_mut(&self.origin) {
            all.remove(&self.number);
            if all.is_empty() {
                open.by_origin.remove(&self.origin);
            }
        }
        drop(open);
        self.slots.bell.ring();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn now(slots: &Arc<Slots>, from: &str) -> Option<Option<Slot>> {
        slots.take(address(from)).now_or_never()
    }

    #[tokio::test]
    async fn an_address_has_its_share_and_no_more() {
        let slots = Arc::new(Slots::new(5, 2));
        let held: Vec<Slot> = (0..2).filter_map(|_| now(&slots, "10.0.0.1").flatten()).collect();
        held.iter().for_each(|slot| slot.activity.works());
        assert!(now(&slots, "10.0.0.1").unwrap().is_none(), "both are at work");
        assert!(now(&slots, "::ffff:10.0.0.1").unwrap().is_none(), "the same address in another spelling");
        assert_eq!((slots.open(), slots.refused.load(Ordering::Relaxed)), (2, 2));
        let one = now(&slots, "2001:db8:1:2::1").unwrap().unwrap();
        let two = now(&slots, "2001:db8:1:2:ffff::2").unwrap().unwrap();
        [&one, &two].iter().for_each(|slot| slot.activity.works());
        assert!(now(&slots, "2001:db8:1:2::3").unwrap().is_none(), "one customer has all of a /64");
        assert!(now(&slots, "2001:db8:1:3::1").unwrap().is_some());
        drop(held);
        assert_eq!(slots.open(), 2);
        assert!(now(&slots, "10.0.0.1").unwrap().is_some());
    }

    #[tokio::test]
    async fn who_has_just_come_gives_way_to_its_own_address_alone() {
        let slots = Arc::new(Slots { least_wait: Duration::from_secs(3600), ..Slots::new(3, 2) });
        let young = now(&slots, "10.0.0.1").unwrap().unwrap();
        let held = ["10.0.0.2", "10.0.0.3"].map(|from| now(&slots, from).unwrap().unwrap());
        held.iter().for_each(|slot| slot.activity.works());
        assert!(now(&slots, "10.0.0.4").is_none(), "it waits");
        assert!(young.must_go().now_or_never().is_none(), "its request may be on its way");
        drop(held);
        let second = now(&slots, "10.0.0.1").unwrap().unwrap();
        assert!(now(&slots, "10.0.0.1").is_none());
        assert!(young.must_go().now_or_never().is_some());
        drop((young, second));
    }

    #[tokio::test]
    async fn who_has_waited_longest_gives_way_and_who_works_does_not() {
        let slots = Arc::new(Slots { least_wait: Duration::ZERO, ..Slots::new(3, 3) });
        let held: Vec<Slot> =
            ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map(|a| now(&slots, a).unwrap().unwrap()).into();
        held[0].activity.works();
        let mut newcomer = Box::pin(slots.take(address("10.0.0.4")));
        assert!(newcomer.as_mut().now_or_never().is_none());
        let gone: Vec<bool> = held.iter().map(|slot| slot.must_go().now_or_never().is_some()).collect();
        assert_eq!(gone, [false, true, false]);
        assert!(newcomer.as_mut().now_or_never().is_none(), "it has not gone yet");
        let mut held = held;
        held.remove(1);
        let newcomer = newcomer.now_or_never().unwrap().unwrap();
        assert_eq!(slots.open(), 3);

        // One that is asked just when its request comes stays, and another is asked in its place.
        newcomer.activity.works();
        let mut next = Box::pin(slots.take(address("10.0.0.5")));
        assert!(next.as_mut().now_or_never().is_none());
        held[1].activity.works();
        assert!(held[1].must_go().now_or_never().is_none());
        assert!(next.as_mut().now_or_never().is_none(), "all are at work: it waits");
        held[0].activity.awaits_input();
        assert!(next.as_mut().now_or_never().is_none());
        assert!(held[0].must_go().now_or_never().is_some());
        drop(held.remove(0));
        assert!(next.now_or_never().unwrap().is_some());
        assert_eq!(slots.gave_way.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn an_answer_on_its_way_counts_from_its_last_progress() {
        let slots = Arc::new(Slots::new(2, 2));
        let slot = now(&slots, "10.0.0.1").unwrap().unwrap();
        let activity = &slot.activity;
        assert!(activity.idle_since().is_some(), "a connection begins with waiting");
        activity.works();
        assert_eq!(activity.idle_since(), None);
        activity.awaits_reader();
        assert!(activity.idle_since().is_some(), "who does not read is waited for");
        activity.was_read();
        assert_eq!(activity.idle_since(), None);
        activity.call();
        activity.awaits_input();
        assert_eq!(activity.idle_since(), None, "asked already");
    }
}
