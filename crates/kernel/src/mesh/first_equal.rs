//! For each of many keys the first equal one: a lock-free hash table of indices.
//!
//! Every slot holds the least index of its key seen so far, so that the answer depends neither on the number of
//! threads nor on their order, although which slot a key lands in does.

use crate::monitor::{Cancelled, Monitor};
use rayon::prelude::*;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

const EMPTY: u32 = u32::MAX;
const KEYS_PER_TASK: usize = 1 << 15;
const BATCH: usize = 32;

/// For each `i < n` the least `j` with an equal key. `n` is below 2³²−1.
pub(crate) fn first_equal<K: Eq>(
    n: usize,
    key: impl Fn(usize) -> K + Sync,
    hash: impl Fn(&K) -> u64 + Sync,
    monitor: &Monitor,
) -> Result<Vec<u32>, Cancelled> {
    let slots = n + n / 2 + 1;
    let mut table = Vec::new();
    table.resize_with(slots, || AtomicU32::new(EMPTY));
    let mut slot_of = vec![0u32; n];
    // With more than 2³² slots only the first 2³² would be used, which still are more than n.
    let last = slots.min(u32::MAX as usize);
    let home = |i: usize| ((u128::from(hash(&key(i))) * last as u128) >> 64) as usize;
    let insert = |i: usize, home: usize| {
        let (k, mut slot) = (key(i), home);
        loop {
            // Most keys are there already, from an earlier index: then a plain load is all it takes, where a
            // locked instruction would make every cache miss wait for the one before.
            let mut there = table[slot].load(Relaxed);
            if there == EMPTY {
                match table[slot].compare_exchange(EMPTY, i as u32, Relaxed, Relaxed) {
                    Ok(_) => return slot as u32,
                    Err(other) => there = other,
                }
            }
            if key(there as usize) == k {
                if i < there as usize {
                    table[slot].fetch_min(i as u32, Relaxed);
                }
                return slot as u32;
            }
            slot = if slot + 1 == last { 0 } else { slot + 1 };
        }
    };
    slot_of.par_chunks_mut(KEYS_PER_TASK).enumerate().try_for_each(|(part, out)| {
        monitor.check()?;
        for (batch, out) in out.chunks_mut(BATCH).enumerate() {
            let first = part * KEYS_PER_TASK + batch * BATCH;
            let mut homes = [0; BATCH];
            for (i, home_of) in homes[..out.len()].iter_mut().enumerate() {
                *home_of = home(first + i);
            }
            // Loads that do not wait for each other bring the slots into the cache.
            std::hint::black_box(homes.map(|h| table[h].load(Relaxed)));
            for (i, slot) in out.iter_mut().enumerate() {
                *slot = insert(first + i, homes[i]);
            }
        }
        Ok(())
    })?;
    slot_of.par_iter_mut().for_each(|s| *s = table[*s as usize].load(Relaxed));
    Ok(slot_of)
}

/// Mixes one word into a hash (the finaliser of MurmurHash3, Appleby 2011).
#[inline]
pub(crate) fn mix(hash: u64, word: u64) -> u64 {
    let mut h = hash.rotate_left(23) ^ word.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    h = (h ^ (h >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    h = (h ^ (h >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    h ^ (h >> 33)
}
