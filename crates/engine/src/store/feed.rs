//! What writes have changed, in their order: the last of it, for those who follow a project.

use crate::model::{AssetId, JobId, ProjectId, WorkflowId};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Changes of all projects that are kept: who was away for longer reads the lists again.
const KEPT: usize = 8192;

/// Something that was made, changed or deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Changed {
    Job(JobId),
    Workflow(WorkflowId),
    Asset(AssetId),
}

/// A place between two changes of one run of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// Tells runs apart.
    pub(crate) run: u64,
    /// Changes before it.
    pub(crate) number: u64,
}

#[derive(Default)]
struct Kept {
    /// Number of the first.
    first: u64,
    changes: VecDeque<(ProjectId, Changed)>,
}

/// The changes of this run.
pub(crate) struct Feed {
    run: u64,
    kept: Mutex<Kept>,
    end: watch::Sender<u64>,
}

impl Feed {
    /// None yet.
    pub(crate) fn new() -> Feed {
        Feed { run: rand::random(), kept: Mutex::default(), end: watch::channel(0).0 }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes changes that have been committed.
    pub(crate) fn note(&self, project: ProjectId, changes: impl IntoIterator<Item = Changed>) {
        let mut kept = self.kept();
        kept.changes.extend(changes.into_iter().map(|change| (project, change)));
        let surplus = kept.changes.len().saturating_sub(KEPT);
        kept.changes.drain(..surplus);
        kept.first += surplus as u64;
        self.end.send_replace(kept.first + kept.changes.len() as u64);
    }

    /// Notes that anything may have changed: whoever follows a project reads it again.
    pub(crate) fn lose(&self) {
        let mut kept = self.kept();
        kept.first += kept.changes.len() as u64 + 1;
        kept.changes.clear();
        self.end.send_replace(kept.first);
    }

    /// Now.
    pub(crate) fn end(&self) -> Position {
        Position { run: self.run, number: *self.end.borrow() }
    }

    /// Hears of every change from now on.
    pub(crate) fn bell(&self) -> watch::Receiver<u64> {
        self.end.subscribe()
    }

    /// Waits until something of `project` has changed behind a position, or may have; the position to wait from next.
    pub(crate) async fn hear(&self, project: ProjectId, wanted: Changed, mut from: Position) -> Position {
        let mut bell = self.bell();
        loop {
            match self.after(project, from) {
                Err(()) => return self.end(),
                Ok((Some(changed), at)) if changed == wanted => return at,
                Ok((Some(_), at)) => from = at,
                Ok((None, at)) => {
                    from = at;
                    bell.changed().await.expect("its sender is this feed's");
                }
            }
        }
    }

    /// The first change of `project` behind a position, with the position behind it; or where to look from next time. `Err` when it is
    /// not known any more what has changed since.
    pub(crate) fn after(
        &self,
        project: ProjectId,
        from: Position,
    ) -> Result<(Option<Changed>, Position), ()> {
        let kept = self.kept();
        let end = kept.first + kept.changes.len() as u64;
        if from.run != self.run || !(kept.first..=end).contains(&from.number) {
            return Err(());
        }
        let skipped = (from.number - kept.first) as usize;
        let found = kept.changes.iter().skip(skipped).position(|(of, _)| *of == project);
        Ok(match found {
            Some(at) => {
                let number = from.number + at as u64 + 1;
                (Some(kept.changes[skipped + at].1), Position { number, ..from })
            }
            None => (None, Position { number: end, ..from }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_told_its_own_changes_in_their_order_until_they_are_forgotten() {
        let feed = Feed::new();
        let (ours, other) = (ProjectId(1), ProjectId(2));
        let start = feed.end();
        feed.note(ours, [Changed::Job(JobId(1))]);
        feed.note(other, [Changed::Job(JobId(2))]);
        feed.note(ours, [Changed::Asset(AssetId(3))]);
        let (first, next) = feed.after(ours, start).unwrap();
        assert_eq!((first, next.number), (Some(Changed::Job(JobId(1))), 1));
        let (second, next) = feed.after(ours, next).unwrap();
        assert_eq!((second, next.number), (Some(Changed::Asset(AssetId(3))), 3));
        assert_eq!(feed.after(ours, next), Ok((None, feed.end())));
        feed.note(other, (0..KEPT as i64).map(|n| Changed::Job(JobId(n))));
        assert_eq!(feed.after(ours, next), Ok((None, feed.end())));
        assert_eq!(feed.after(ours, start), Err(()), "what came then is forgotten");
        let before = feed.end();
        feed.lose();
        assert_eq!(feed.after(ours, before), Err(()), "anything may have changed");
        assert_eq!(feed.after(ours, feed.end()), Ok((None, feed.end())));
        let of_another_run = Position { run: start.run ^ 1, ..feed.end() };
        assert_eq!(feed.after(ours, of_another_run), Err(()));
    }
}
