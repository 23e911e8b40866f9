//! Lanes for lists: so many of one user and so many in all are read at a time, so that others always find a reader.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// Batches of lists that are read at the same time; the store has more readers.
const IN_ALL: usize = 3;
/// Of one user.
const OF_ONE: usize = 2;

/// Who reads lists now.
pub(crate) struct Lanes {
    all: Semaphore,
    of_one: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Default for Lanes {
    fn default() -> Self {
        Lanes { all: Semaphore::new(IN_ALL), of_one: Mutex::default() }
    }
}

/// The right to read one batch, given back when dropped.
pub(crate) struct Lane<'a> {
    _in_all: SemaphorePermit<'a>,
    _of_one: OwnedSemaphorePermit,
}

impl Lanes {
    /// Waits for a turn. A user's own come first in, first out; between users they alternate, because each stands in line with few.
    pub(crate) async fn enter(&self, user: &str) -> Lane<'_> {
        let of_one = self.of(user);
        let of_one = of_one.acquire_owned().await.expect("nobody closes it");
        let in_all = self.all.acquire().await.expect("nobody closes it");
        Lane { _in_all: in_all, _of_one: of_one }
    }

    fn of(&self, user: &str) -> Arc<Semaphore> {
        let mut users = self.of_one.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = users.get(user) {
            return known.clone();
        }
        // Those whom nobody waits for are forgotten: the map is as long as requests are under way.
        users.retain(|_, lane| Arc::strong_count(lane) > 1);
        users.entry(user.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(OF_ONE))).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn one_user_leaves_room_for_another() {
        let lanes = Lanes::default();
        let enter = |user: &'static str| lanes.enter(user).now_or_never();
        let (first, second) = (enter("eve").unwrap(), enter("eve").unwrap());
        assert!(enter("eve").is_none());
        let other = enter("alice").unwrap();
        assert!(enter("bob").is_none(), "the store keeps a reader for all else");
        drop(first);
        assert!(enter("bob").is_some());
        drop((second, other));
        assert!(enter("carol").is_some());
        assert_eq!(lanes.of_one.lock().unwrap().len(), 1, "who is not there is forgotten");
    }
}
