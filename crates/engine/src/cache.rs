//! A bounded cache that never serves what a committed write has replaced.

use quick_cache::Weighter;
use quick_cache::sync::Cache as Inner;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// Values by key, at most `bytes` of them by their own account.
///
/// The rule: read [`Cache::generation`] before reading the ledger, hand it to [`Cache::insert`] with
/// what was read, and hold the keys ([`Cache::hold`]) while a write of them is committed. A value read before
/// a write and inserted after it is then dropped, and not served for ever; and none is served from before a write whose
/// other effects can be read already.
pub(crate) struct Cache<K, V> {
    map: Inner<K, Entry<V>, ByBytes>,
    writes: Mutex<Writes<K>>,
}

struct Writes<K> {
    /// How often anything was forgotten.
    generation: u64,
    /// Keys that are held, and how often.
    held: HashMap<K, usize>,
}

/// While this lives, nothing is kept for its keys, and nothing that was read in its time is kept later.
pub(crate) struct Held<'a, K: Eq + Hash + Clone, V: Clone> {
    cache: &'a Cache<K, V>,
    keys: Vec<K>,
}

#[derive(Clone)]
struct Entry<V> {
    value: V,
    bytes: u64,
}

#[derive(Clone)]
struct ByBytes;

impl<K, V> Weighter<K, Entry<V>> for ByBytes {
    fn weight(&self, _: &K, entry: &Entry<V>) -> u64 {
        entry.bytes.max(1)
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Cache<K, V> {
    pub(crate) fn new(items: usize, bytes: u64) -> Self {
        let writes = Mutex::new(Writes { generation: 0, held: HashMap::new() });
        Cache { map: Inner::with_weighter(items, bytes, ByBytes), writes }
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        self.map.get(key).map(|e| e.value)
    }

    /// How often anything was forgotten.
    pub(crate) fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// Keeps `value` of about `bytes` if nothing was forgotten since `generation` and the key is not held.
    pub(crate) fn insert(&self, generation: u64, key: K, value: V, bytes: u64) {
        let writes = self.lock();
        if writes.generation == generation && !writes.held.contains_key(&key) {
            self.map.insert(key, Entry { value, bytes });
        }
    }

    /// Forgets these keys and keeps nothing for them until what is returned is dropped.
    pub(crate) fn hold(&self, keys: Vec<K>) -> Held<'_, K, V> {
        let mut writes = self.lock();
        for key in &keys {
            *writes.held.entry(key.clone()).or_default() += 1;
            self.map.remove(key);
        }
        drop(writes);
        Held { cache: self, keys }
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        let mut writes = self.lock();
        writes.generation += 1;
        self.map.clear();
    }

    pub(crate) fn forget(&self, keys: impl IntoIterator<Item = K>) {
        let mut writes = self.lock();
        writes.generation += 1;
        for key in keys {
            self.map.remove(&key);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Writes<K>> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Drop for Held<'_, K, V> {
    fn drop(&mut self) {
        let mut writes = self.cache.lock();
        writes.generation += 1;
        for key in &self.keys {
            if let Some(times) = writes.held.get_mut(key) {
                *times -= 1;
                if *times == 0 {
                    writes.held.remove(key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_write_is_not_kept() {
        let cache = Cache::new(10, 1000);
        let before = cache.generation();
        cache.forget([1]);
        cache.insert(before, 1, "old", 3);
        assert_eq!(cache.get(&1), None);
        cache.insert(cache.generation(), 1, "new", 3);
        assert_eq!(cache.get(&1), Some("new"));
        cache.forget([1]);
        assert_eq!(cache.get(&1), None);
    }

    #[test]
    fn what_is_being_written_is_not_kept() {
        let cache = Cache::new(10, 1000);
        let keep = |value| cache.insert(cache.generation(), 1, value, 3);
        keep("old");
        let held = cache.hold(vec![1]);
        assert_eq!(cache.get(&1), None);
        // Read before the commit, or behind it: nobody knows.
        keep("old");
        assert_eq!(cache.get(&1), None);
        let other = cache.hold(vec![1]);
        drop(other);
        let generation = cache.generation();
        drop(held);
        cache.insert(generation, 1, "old", 3);
        assert_eq!(cache.get(&1), None);
        keep("new");
        assert_eq!(cache.get(&1), Some("new"));
    }
}
