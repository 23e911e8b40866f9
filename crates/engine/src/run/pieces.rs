//! A job that is cut: its pieces run at several places, each a ticket of its own, and come together in one more run.
//!
//! Pieces are no rows: the server holds the job's lease as for any attempt, and whatever happens to a piece changes nothing but what this one task
//! does next. A piece that is lost is run again alone. The job keeps one place, that of its turn; pieces are given more of them,
//! of workers, while nobody waits for these.

use super::join;
use super::place::{Order, Place};
use super::publish::WorkFolder;
use super::remote::{self, GivenBack};
use super::running::AttemptHandle;
use super::whole::{PIECES_SHARE, Whole};
use crate::blobs::{PassingFile, pieces_of};
use crate::core::on_worker;
use crate::model::LogLevel;
use fieldstone_jobs::share::PIECE_FILE;
use fieldstone_jobs::ticket::Ended;
use fieldstone_jobs::{Cut, JobError, Share};
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;
use tokio::time::interval;

/// How often progress is noted and it is looked for more places.
const TICK: Duration = Duration::from_millis(50);
/// Runs all pieces, the first of them at `place`, then joins them. `disk` bytes may be taken by their files.
pub(super) async fn run(
    whole: Whole<'_>,
    place: Box<dyn Place>,
    cut: &Cut,
    disk: u64,
) -> Result<Ended, JobError> {
    let name = pieces_of(&format!("{}-{}", whole.id, whole.attempt));
    let folder = WorkFolder(whole.core.blobs.work_folder(&name));
    std::fs::create_dir(&folder.0)?;
    whole.log(LogLevel::Info, format!("cut into {} pieces", cut.pieces.len())).await;
    let pieces = Pieces::new(whole, cut, &folder.0, disk, place);
    match pieces.all().await? {
        Came::All(files, place) => join::run(whole, place, cut, files).await,
        Came::Ended(ended) => Ok(ended),
    }
}

/// What came of all pieces.
enum Came {
    /// Their files in order, and the place that the job keeps.
    All(Vec<PassingFile>, Option<Box<dyn Place>>),
    /// The job's end.
    Ended(Ended),
}

/// What came of one.
struct Back {
    number: usize,
    place: Box<dyn Place>,
    ended: Result<Ended, JobError>,
    /// Bytes that were kept for its file.
    disk: u64,
}

struct Pieces<'a> {
    whole: Whole<'a>,
    cut: &'a Cut,
    folder: &'a Path,
    /// Bytes that files may still take.
    disk: u64,
    waiting: VecDeque<usize>,
    /// By piece: how often it was lost.
    lost: Vec<u32>,
    files: Vec<Option<PassingFile>>,
    handles: Vec<AttemptHandle>,
    running: FuturesUnordered<BoxFuture<'a, Back>>,
    /// A place that is free now.
    idle: Option<Box<dyn Place>>,
}

impl<'a> Pieces<'a> {
    fn new(whole: Whole<'a>, cut: &'a Cut, folder: &'a Path, disk: u64, place: Box<dyn Place>) -> Self {
        let count = cut.pieces.len();
        Pieces {
            whole,
            cut,
            folder,
            disk,
            waiting: (0..count).collect(),
            lost: vec![0; count],
            files: vec![None; count],
            handles: (0..count).map(|_| AttemptHandle::default()).collect(),
            running: FuturesUnordered::new(),
            idle: Some(place),
        }
    }

    async fn all(mut self) -> Result<Came, JobError> {
        let (handle, mut tick) = (self.whole.handle, interval(TICK));
        loop {
            self.start()?;
            if self.running.is_empty() && self.waiting.is_empty() {
                break;
            }
            tokio::select! {
                Some(back) = self.running.next() => if let Err(end) = self.came_back(back).await {
                    self.end().await;
                    return end.map(Came::Ended);
                },
                () = handle.cancelled() => {
                    self.end().await;
                    return Ok(Came::Ended(Ended::Cancelled));
                }
                _ = tick.tick() => self.tell(),
            }
        }
        self.tell();
        let files = self.files.into_iter().flatten().collect();
        Ok(Came::All(files, self.idle))
    }

    /// Starts pieces where there are places for them.
    fn start(&mut self) -> Result<(), JobError> {
        while let Some(number) = self.waiting.front().copied() {
            let Some(place) = self.idle.take().or_else(|| self.another()) else { return Ok(()) };
            self.waiting.pop_front();
            self.begin(number, place)?;
        }
        Ok(())
    }

    /// One more place: of a worker, where nobody else waits for it; without any place whatever there is.
    fn another(&self) -> Option<Box<dyn Place>> {
        let core = self.whole.core;
        let has_none = self.running.is_empty();
        if !has_none && !core.running.nobody_waits() {
            return None;
        }
        let lent = core.workers.lend(self.cut.piece_memory).map(remote::at_worker);
        match lent {
            None if has_none && self.whole.move_here(self.cut.piece_memory) => Some(self.whole.here()),
            lent => lent,
        }
    }

    fn begin(&mut self, number: usize, mut place: Box<dyn Place>) -> Result<(), JobError> {
        let (whole, planes) = (self.whole, self.cut.pieces[number].clone());
        // Half of what is left for each, as for jobs of which nothing is known.
        let disk = self.disk / 2;
        self.disk -= disk;
        let folder = self.folder.join(number.to_string());
        std::fs::create_dir(&folder)?;
        let ticket = whole.share(Share::Piece(planes), self.cut.piece_memory, &folder, disk);
        let handle = self.handles[number].clone();
        let Whole { core, entry, output_limit, .. } = whole;
        self.running.push(Box::pin(async move {
            let ended = place.run(Order { core, entry, ticket, output_limit, handle: &handle }).await;
            Back { number, place, ended, disk }
        }));
        Ok(())
    }

    /// Takes in what came of a piece. An error is the job's end.
    async fn came_back(&mut self, back: Back) -> Result<(), Result<Ended, JobError>> {
        let Back { number, place, ended, disk } = back;
        let at = place.name().map_or(String::new(), |worker| format!(" at worker {worker:?}"));
        // Who gives a piece back has to go.
        let is_given_back = matches!(&ended, Err(JobError::Internal(e)) if e.is::<GivenBack>());
        if !is_given_back {
            self.give_back(place);
        }
        self.disk += disk;
        let lost = match ended {
            Ok(Ended::Success { .. }) => return self.keep(number).await.map_err(Err),
            Ok(Ended::Internal(text)) => JobError::Internal(anyhow::anyhow!(text)),
            Ok(Ended::Cancelled) => JobError::Internal(anyhow::anyhow!("it ended without being asked to")),
            Ok(ended) => return Err(Ok(ended)),
            Err(JobError::Internal(e)) => JobError::Internal(e),
            Err(e) => return Err(Err(e)),
        };
        self.lost[number] += u32::from(!is_given_back);
        if self.lost[number] >= self.whole.core.config.max_attempts {
            return Err(Err(lost));
        }
        let text = format!("piece {number}{at} was lost and is done again: {lost}");
        self.whole.log(LogLevel::Warning, text).await;
        std::fs::remove_dir_all(self.folder.join(number.to_string())).map_err(|e| Err(e.into()))?;
        self.handles[number] = AttemptHandle::default();
        self.waiting.push_front(number);
        Ok(())
    }

    /// Keeps the file of a piece.
    async fn keep(&mut self, number: usize) -> Result<(), JobError> {
        let (name, extension) = PIECE_FILE;
        let own = self.folder.join(number.to_string());
        let (file, folder) = (own.join(format!("{name}.{extension}")), self.folder.to_owned());
        let kept = on_worker(move || {
            let kept = PassingFile::adopt(&file, &folder)?;
            std::fs::remove_dir_all(own)?;
            Ok(kept)
        });
        let kept = kept.await.map_err(anyhow::Error::from)?;
        self.disk = self.disk.saturating_sub(kept.bytes);
        self.files[number] = Some(kept);
        Ok(())
    }

    /// Keeps a place for the next piece if it is the job's only one or nobody waits for it.
    fn give_back(&mut self, place: Box<dyn Place>) {
        let core = self.whole.core;
        let is_last = self.running.is_empty();
        let is_wanted = !self.waiting.is_empty() && core.running.nobody_waits();
        // A place here is the job's own, by its turn.
        let is_own = place.memory().is_none();
        if place.is_usable() && self.idle.is_none() && (is_own || is_last || is_wanted) {
            self.idle = Some(place);
        } else {
            drop(place);
            core.running.ring();
        }
    }

    /// Ends all that run, and waits for that.
    async fn end(&mut self) {
        self.handles.iter().for_each(AttemptHandle::cancel);
        while self.running.next().await.is_some() {}
    }

    /// Notes how much is done, and how many more workers could help.
    fn tell(&self) {
        let Whole { core, id, .. } = self.whole;
        core.running.set_waiting_pieces(id, self.waiting.len(), self.cut.piece_memory);
        let share = |n: usize| if self.files[n].is_some() { 1.0 } else { self.handles[n].progress() };
        let planes = |n: usize| self.cut.pieces[n].len() as f32;
        let all = 0..self.files.len();
        let done: f32 = all.clone().map(|n| share(n) * planes(n)).sum();
        self.whole.handle.note(PIECES_SHARE * done / all.map(planes).sum::<f32>());
    }
}
