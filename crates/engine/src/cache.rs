//! A bounded cache that never serves what a committed write has replaced.

use quick_cache::Weighter;
use quick_cache::sync::Cache as Inner;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// Values by key, at most `bytes` of them by their own account.
///
/// The rule: read [`Cache::generation`] before reading the ledger, hand it to [`Cache::insert`] with
/// what was read, and call [`Cache::forget`] after a write has been committed. A value read before
/// a write and inserted after it is then dropped, and not served for ever.
pub(crate) struct Cache<K, V> {
    map: Inner<K, Entry<V>, ByBytes>,
    generation: Mutex<u64>,
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
        Cache { map: Inner::with_weighter(items, bytes, ByBytes), generation: Mutex::new(0) }
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        self.map.get(key).map(|e| e.value)
    }

    /// How often anything was forgotten.
    pub(crate) fn generation(&self) -> u64 {
        *self.lock()
    }

    /// Keeps `value` of about `bytes` if nothing was forgotten since `generation`.
    pub(crate) fn insert(&self, generation: u64, key: K, value: V, bytes: u64) {
        let current = self.lock();
        if *current == generation {
            self.map.insert(key, Entry { value, bytes });
        }
    }

    pub(crate) fn forget(&self, keys: impl IntoIterator<Item = K>) {
        let mut current = self.lock();
        *current += 1;
        for key in keys {
            self.map.remove(&key);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, u64> {
        self.generation.lock().unwrap_or_else(PoisonError::into_inner)
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
}
