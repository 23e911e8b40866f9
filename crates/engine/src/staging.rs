//! Bytes of uploads that are on the way, by the project they go to: they count towards its quota before they have a row.

use crate::model::ProjectId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes on the way.
#[derive(Clone, Default)]
pub(crate) struct Staging(Arc<Mutex<HashMap<ProjectId, u64>>>);

/// The bytes of one upload; they are on the way until it is dropped.
pub(crate) struct StagedBytes {
    staging: Staging,
    project: ProjectId,
    bytes: u64,
}

impl Staging {
    /// An upload that has no bytes yet.
    pub(crate) fn begin(&self, project: ProjectId) -> StagedBytes {
        StagedBytes { staging: self.clone(), project, bytes: 0 }
    }

    fn change(&self, project: ProjectId, change: impl FnOnce(&mut u64)) -> u64 {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = all.entry(project).or_default();
        change(held);
        let held = *held;
        if held == 0 {
            all.remove(&project);
        }
        held
    }
}

impl StagedBytes {
    /// Adds bytes; how many are on the way to the project now, those of its other uploads included.
    pub(crate) fn add(&mut self, bytes: u64) -> u64 {
        self.bytes += bytes;
        self.staging.change(self.project, |held| *held += bytes)
    }
}

impl StagedBytes {
    /// Takes bytes away that did not come after all.
    pub(crate) fn remove(&mut self, bytes: u64) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.staging.change(self.project, |held| *held = held.saturating_sub(bytes));
    }

    /// How many they are.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for StagedBytes {
    fn drop(&mut self) {
        self.staging.change(self.project, |held| *held = held.saturating_sub(self.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_of_a_project_count_together_until_they_end() {
        let staging = Staging::default();
        let (mut one, mut two) = (staging.begin(ProjectId(1)), staging.begin(ProjectId(1)));
        assert_eq!((one.add(5), two.add(7), one.add(1)), (5, 12, 13));
        assert_eq!(staging.begin(ProjectId(2)).add(3), 3);
        drop(one);
        assert_eq!(two.add(0), 7);
        drop(two);
        assert!(staging.0.lock().unwrap().is_empty());
    }
}
