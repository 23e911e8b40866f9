//! What previews keep from one to the next, up to a number of bytes: files, and what was made of them.

use fieldstone_shape::operator::{Asset, Assets, BuildError};
use indexmap::IndexMap;
use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::talk::File;
use crate::context::JobLimits;
use crate::mesh_input::limits_of;
use fieldstone_kernel::format::MeshLimits;

/// A value, with its bytes.
type Value = (Arc<dyn Any + Send + Sync>, u64);

/// Values by name, the one that was asked for longest ago first.
pub(super) struct Kept {
    most_bytes: u64,
    values: Mutex<IndexMap<String, Value>>,
}

impl Kept {
    pub(super) fn new(most_bytes: u64) -> Kept {
        Kept { most_bytes, values: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, IndexMap<String, Value>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value of this name, which is now the last to go.
    pub(super) fn get(&self, name: &str) -> Option<Arc<dyn Any + Send + Sync>> {
        let mut values = self.lock();
        let (name, value) = values.shift_remove_entry(name)?;
        let found = value.0.clone();
        values.insert(name, value);
        Some(found)
    }

    /// Takes a value; others go for it.
    pub(super) fn put(&self, name: String, value: Arc<dyn Any + Send + Sync>, bytes: u64) {
        let mut values = self.lock();
        values.shift_remove(&name);
        let mut sum: u64 = values.values().map(|(_, bytes)| bytes).sum();
        while sum.saturating_add(bytes) > self.most_bytes && !values.is_empty() {
            if let Some((_, (_, gone))) = values.shift_remove_index(0) {
                sum -= gone;
            }
        }
        // One that is larger than all there is would only drive out the rest.
        if bytes <= self.most_bytes {
            values.insert(name, (value, bytes));
        }
    }
}

/// The bytes of a file, as [`Kept`] has them.
pub(super) type Bytes = Vec<u8>;

/// The files of one request, and what was made of their bytes before.
pub(super) struct Files<'a> {
    pub(super) kept: &'a Kept,
    pub(super) limits: &'a JobLimits,
    /// By path.
    pub(super) named: &'a IndexMap<String, File>,
    /// By checksum: held as long as the request.
    pub(super) bytes: IndexMap<String, Arc<Bytes>>,
    pub(super) notes: Mutex<Vec<String>>,
}

impl Assets for Files<'_> {
    fn open(&self, path: &str) -> Result<Asset, BuildError> {
        let missing = || BuildError::Input(format!("there is no file {path:?}"));
        let file = self.named.get(path).ok_or_else(missing)?;
        let bytes = self.bytes.get(&file.checksum).ok_or_else(missing)?.clone();
        let checksum = digits(&file.checksum).ok_or_else(missing)?;
        Ok(Asset { filename: file.filename.clone(), bytes: Arc::new(Shared(bytes)), checksum })
    }

    fn mesh_limits(&self, bytes: u64) -> MeshLimits {
        limits_of(&self.limits.mesh, bytes)
    }

    fn note(&self, path: &str, note: &str) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.push(format!("{path}: {note}"));
    }

    fn kept(&self, name: &str) -> Option<Arc<dyn Any + Send + Sync>> {
        self.kept.get(name)
    }

    fn keep(&self, name: String, made: Arc<dyn Any + Send + Sync>, bytes: u64) {
        self.kept.put(name, made, bytes);
    }
}

struct Shared(Arc<Bytes>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// The 32 bytes of `sha256:<64 hex>`.
fn digits(checksum: &str) -> Option<[u8; 32]> {
    hex::decode(checksum.strip_prefix("sha256:")?).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_longest_ago_goes_first() {
        let kept = Kept::new(10);
        for name in ["a", "b"] {
            kept.put(name.into(), Arc::new(name), 4);
        }
        assert!(kept.get("a").is_some());
        kept.put("c".into(), Arc::new("c"), 4);
        assert!(kept.get("b").is_none() && kept.get("a").is_some() && kept.get("c").is_some());
        kept.put("large".into(), Arc::new("large"), 11);
        assert!(kept.get("large").is_none());
        kept.put("all".into(), Arc::new("all"), 10);
        assert!(kept.get("all").is_some() && kept.get("a").is_none());
    }
}
