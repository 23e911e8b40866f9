//! What happens in a project, as it happens: jobs, workflows and assets.

use super::Engine;
use crate::error::{EngineError, Result};
use crate::model::*;
use crate::store::Store;
use crate::store::feed::{Changed, Feed, Position};
use futures::Stream;
use std::collections::VecDeque;
use std::sync::Arc;

/// Something that happened in a project.
#[derive(Clone, Debug)]
pub struct ProjectEvent {
    /// Names the place behind it, to go on from.
    pub id: String,
    /// What happened.
    pub news: News,
}

/// How something is now that was made or has changed.
#[derive(Clone, Debug)]
pub enum News {
    /// All that happens from here on is told.
    Ready,
    /// Something may have happened that was not told: what is known is to be read again.
    Lost,
    /// A job.
    Job(Arc<Job>),
    /// A workflow.
    Workflow(Workflow),
    /// An asset.
    Asset(Asset),
    /// A job was deleted.
    JobGone(JobId),
    /// A workflow was deleted.
    WorkflowGone(WorkflowId),
    /// An asset was deleted.
    AssetGone(AssetId),
}

/// Things of which one stream remembers what it told last.
const REMEMBERED: usize = 1024;

/// What an event tells of a job or workflow: state, progress, name.
type Shown = (State, f32, Option<String>);

/// What a stream goes on from, and what it has told.
struct Follower {
    store: Store,
    feed: Arc<Feed>,
    project: ProjectId,
    at: Position,
    /// Its place is still to be told, or to be told anew.
    lost: Option<bool>,
    told: VecDeque<(Changed, Shown)>,
}

impl Engine {
    /// What happens in a project from now on, or since `after`, the id of an event that was told before. The first event says whether
    /// anything may have been missed.
    pub async fn watch_project(
        &self,
        caller: &Caller,
        project: ProjectId,
        after: Option<&str>,
    ) -> Result<impl Stream<Item = ProjectEvent> + Send + use<>> {
        self.core.store.check_project(caller, project, false).await?;
        let (store, feed) = (self.core.store.clone(), self.core.store.feed());
        let known = after.and_then(position).filter(|at| feed.after(project, *at).is_ok());
        let at = known.unwrap_or_else(|| feed.end());
        let lost = Some(after.is_some() && known.is_none());
        let follower = Follower { store, feed, project, at, lost, told: VecDeque::new() };
        Ok(futures::stream::unfold(follower, |mut follower| async move {
            let news = follower.next().await?;
            Some((ProjectEvent { id: id_of(follower.at), news }, follower))
        }))
    }
}

fn id_of(at: Position) -> String {
    format!("{:016x}-{}", at.run, at.number)
}

/// The place that an event's id names.
fn position(id: &str) -> Option<Position> {
    let (run, number) = id.split_once('-')?;
    Some(Position { run: u64::from_str_radix(run, 16).ok()?, number: number.parse().ok()? })
}

impl Follower {
    /// `None` when the ledger cannot be read: whoever follows comes again.
    async fn next(&mut self) -> Option<News> {
        if let Some(lost) = self.lost.take() {
            return Some(if lost { News::Lost } else { News::Ready });
        }
        let mut bell = self.feed.bell();
        loop {
            match self.feed.after(self.project, self.at) {
                Err(()) => {
                    self.at = self.feed.end();
                    self.told.clear();
                    return Some(News::Lost);
                }
                Ok((None, at)) => {
                    self.at = at;
                    bell.changed().await.ok()?;
                }
                Ok((Some(changed), at)) => {
                    self.at = at;
                    if let Some(news) = self.read(changed).await.ok()? {
                        return Some(news);
                    }
                }
            }
        }
    }

    /// How it is now; nothing where that was told already.
    async fn read(&mut self, changed: Changed) -> Result<Option<News>> {
        let found = match changed {
            Changed::Job(id) => self.store.job(self.project, id).await.map(News::Job),
            Changed::Workflow(id) => self.store.workflow(self.project, id).await.map(News::Workflow),
            Changed::Asset(id) => self.store.asset(self.project, id).await.map(News::Asset),
        };
        let news = match (found, changed) {
            (Ok(news), _) => news,
            (Err(EngineError::NotFound(_)), Changed::Job(id)) => News::JobGone(id),
            (Err(EngineError::NotFound(_)), Changed::Workflow(id)) => News::WorkflowGone(id),
            (Err(EngineError::NotFound(_)), Changed::Asset(id)) => News::AssetGone(id),
            (Err(e), _) => return Err(e),
        };
        let shown = match &news {
            News::Job(job) => Some((job.state, job.progress, job.name.clone())),
            News::Workflow(workflow) => Some((workflow.state, 0.0, None)),
            _ => None,
        };
        Ok(shown.is_none_or(|shown| self.is_news(changed, shown)).then_some(news))
    }

    fn is_news(&mut self, changed: Changed, shown: Shown) -> bool {
        let now = (changed, shown);
        if self.told.contains(&now) {
            return false;
        }
        self.told.retain(|(other, ..)| *other != changed);
        if self.told.len() >= REMEMBERED {
            self.told.pop_front();
        }
        self.told.push_back(now);
        true
    }
}
