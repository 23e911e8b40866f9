//! Workers that are connected: each of their slots has a seat here, and is lent to one attempt at a time.

mod pilots;
pub mod talk;

pub(crate) use pilots::PilotBoard;
pub use pilots::{Pilot, Pilots};

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use talk::{Heard, Hello, Order};
use tokio::sync::mpsc;

/// Messages on their way before the sender waits: outputs come no faster than they are written.
const UNDERWAY: usize = 4;

/// A slot of a worker, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerSlot {
    /// Number of the connection, since the server began.
    pub number: u64,
    /// What the worker calls itself.
    pub worker: String,
    /// Version of its program.
    pub version: String,
    /// Threads of a job.
    pub threads: usize,
    /// Bytes of memory that a job may need.
    pub memory_bytes: u64,
    /// Whether it runs an attempt.
    pub busy: bool,
}

/// All seats.
#[derive(Default)]
pub(crate) struct Workers(Mutex<Seats>);

#[derive(Default)]
struct Seats {
    last: u64,
    taken: BTreeMap<u64, Seated>,
}

struct Seated {
    slot: WorkerSlot,
    /// While it is idle.
    link: Option<Link>,
    leaving: bool,
}

/// Both ends of what a server and a slot say to each other, the runner's side.
pub(crate) struct Link {
    pub(crate) orders: mpsc::Sender<Order>,
    pub(crate) heard: mpsc::Receiver<Heard>,
}

/// The connection's side. The slot is gone when this is dropped.
pub struct Seat {
    /// What is to be sent; ends when the connection is to be closed.
    pub orders: mpsc::Receiver<Order>,
    /// Takes what the worker has said.
    pub heard: mpsc::Sender<Heard>,
    number: u64,
    workers: Arc<Workers>,
}

impl Seat {
    /// The worker wants no more attempts: the orders end once it is idle.
    pub fn leave(&self) {
        let mut seats = self.workers.lock();
        if let Some(seated) = seats.taken.get_mut(&self.number) {
            seated.leaving = true;
            seated.link = None;
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.workers.lock().taken.remove(&self.number);
    }
}

/// A slot that is lent to an attempt; idle again when this is dropped, unless its link is spoilt.
pub(crate) struct Lent {
    pub(crate) link: Option<Link>,
    pub(crate) worker: String,
    /// Bytes of memory that what runs there may need.
    pub(crate) memory: u64,
    number: u64,
    workers: Arc<Workers>,
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut seats = self.workers.lock();
        // Without its link the connection is closed.
        let Some(link) = self.link.take() else { return };
        if let Some(seated) = seats.taken.get_mut(&self.number) {
            seated.slot.busy = false;
            seated.link = (!seated.leaving).then_some(link);
        }
    }
}

impl Workers {
    fn lock(&self) -> MutexGuard<'_, Seats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A seat for a slot of a worker.
    pub(crate) fn join(self: &Arc<Self>, hello: &Hello) -> Seat {
        let (orders, for_seat) = mpsc::channel(UNDERWAY);
        let (from_seat, heard) = mpsc::channel(UNDERWAY);
        let mut seats = self.lock();
        seats.last += 1;
        let number = seats.last;
        let slot = WorkerSlot {
            number,
            worker: hello.name.clone(),
            version: hello.version.clone(),
            threads: hello.threads,
            memory_bytes: hello.memory_bytes,
            busy: false,
        };
        let seated = Seated { slot, link: Some(Link { orders, heard }), leaving: false };
        seats.taken.insert(number, seated);
        Seat { orders: for_seat, heard: from_seat, number, workers: self.clone() }
    }

    /// Lends an idle slot where a job may need so much memory, one with little first.
    pub(crate) fn lend(self: &Arc<Self>, memory: u64) -> Option<Lent> {
        let mut seats = self.lock();
        let fits = |seated: &&mut Seated| seated.link.is_some() && seated.slot.memory_bytes >= memory;
        let least = seats.taken.values_mut().filter(fits).min_by_key(|seated| seated.slot.memory_bytes)?;
        let link = least.link.take();
        least.slot.busy = true;
        let (number, worker, memory) =
            (least.slot.number, least.slot.worker.clone(), least.slot.memory_bytes);
        Some(Lent { link, worker, memory, number, workers: self.clone() })
    }

    /// Whether a slot is idle.
    pub(crate) fn is_any_idle(&self) -> bool {
        self.lock().taken.values().any(|seated| seated.link.is_some())
    }

    /// Bytes of memory that a job may need in the largest slot, idle or not; 0 without one.
    pub(crate) fn largest(&self) -> u64 {
        let staying = |seated: &&Seated| !seated.leaving;
        self.lock().taken.values().filter(staying).map(|s| s.slot.memory_bytes).max().unwrap_or(0)
    }

    /// How many slots there are.
    pub(crate) fn count(&self) -> usize {
        self.lock().taken.len()
    }

    /// All slots, those that came first in front.
    pub(crate) fn all(&self) -> Vec<WorkerSlot> {
        self.lock().taken.values().map(|seated| seated.slot.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(name: &str, memory_bytes: u64) -> Hello {
        Hello::new(&[], name.into(), 1, memory_bytes)
    }

    #[tokio::test]
    async fn a_slot_is_lent_to_one_at_a_time_the_smallest_that_is_large_enough() {
        let workers = Arc::new(Workers::default());
        assert!((workers.largest(), workers.is_any_idle()) == (0, false));
        let (_large, mut small) = (workers.join(&hello("large", 9)), workers.join(&hello("small", 3)));
        assert_eq!(workers.largest(), 9);
        assert!(workers.lend(10).is_none());
        let first = workers.lend(2).unwrap();
        assert_eq!(first.worker, "small");
        let second = workers.lend(2).unwrap();
        assert_eq!(second.worker, "large");
        assert!(workers.lend(2).is_none() && !workers.is_any_idle());
        assert_eq!(workers.largest(), 9, "it will be idle again");
        drop((first, second));
        assert_eq!(workers.lend(4).unwrap().worker, "large");
        // One that leaves in the middle of an attempt ends it, and is closed then.
        let lent = workers.lend(2).unwrap();
        small.leave();
        lent.link.as_ref().unwrap().orders.send(Order::Cancel).await.unwrap();
        drop(lent);
        assert!(matches!(small.orders.recv().await, Some(Order::Cancel)));
        assert!(small.orders.recv().await.is_none());
        assert_eq!(workers.all().len(), 2, "until its connection ends");
        drop(small);
        // One whose attempt did not end in order is closed, too.
        let mut lent = workers.lend(2).unwrap();
        lent.link = None;
        drop(lent);
        assert!(workers.lend(2).is_none());
    }
}
