//! The last run of a job that was cut: it makes the outputs of the pieces' files, where there is memory for that.

use super::place::{Order, Place};
use super::remote;
use super::running::AttemptHandle;
use super::whole::{PIECES_SHARE, Whole};
use crate::blobs::PassingFile;
use crate::model::LogLevel;
use fieldstone_jobs::ticket::{Ended, Ticket};
use fieldstone_jobs::{Cut, Input, JobError, MakerParams, Share};
use std::time::Duration;
use tokio::time::interval;

/// How often it is looked for a place, and progress is noted.
const TICK: Duration = Duration::from_millis(50);

/// Joins `files`, at `place` if it is large enough.
pub(super) async fn run(
    whole: Whole<'_>,
    place: Option<Box<dyn Place>>,
    cut: &Cut,
    files: Vec<PassingFile>,
) -> Result<Ended, JobError> {
    let memory = cut.join_memory_bytes(files.iter().map(|file| file.bytes).sum());
    let mut place = match place_for(whole, place, memory).await? {
        Found::Place(place) => place,
        Found::Ended(ended) => return Ok(ended),
    };
    let at = place.name().map_or(String::new(), |worker| format!(" at worker {worker:?}"));
    whole.log(LogLevel::Info, format!("all {} pieces are there and are joined{at}", files.len())).await;
    let ticket = ticket(whole, memory, files);
    let Whole { core, entry, output_limit, handle: all, .. } = whole;
    let own = AttemptHandle::default();
    let work = place.run(Order { core, entry, ticket, output_limit, handle: &own });
    let ended = attended(all, &own, work).await;
    own.take_warnings().into_iter().for_each(|text| all.warn(text));
    ended
}

fn ticket(whole: Whole<'_>, memory: u64, files: Vec<PassingFile>) -> Ticket {
    let mut slot = "pieces".to_owned();
    while whole.ticket.inputs.contains_key(&slot) {
        slot.push('_');
    }
    let Ticket { folder, file_bytes, .. } = whole.ticket;
    let mut ticket = whole.share(Share::Join { slot: slot.clone() }, memory, folder, *file_bytes);
    let input = |file: PassingFile| Input {
        path: file.path,
        filename: "piece".to_owned(),
        checksum: format!("sha256:{}", file.sha256),
        made: MakerParams::new(),
    };
    ticket.inputs.insert(slot, files.into_iter().map(input).collect());
    ticket
}

/// Passes a cancel on to the run of `own` and its progress to that of all.
async fn attended<T>(all: &AttemptHandle, own: &AttemptHandle, work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    let (mut tick, mut asked) = (interval(TICK), false);
    loop {
        tokio::select! {
            done = &mut work => return done,
            () = all.cancelled(), if !asked => {
                asked = true;
                own.cancel();
            }
            _ = tick.tick() => all.note(PIECES_SHARE + (1.0 - PIECES_SHARE) * own.progress()),
        }
    }
}

enum Found {
    Place(Box<dyn Place>),
    Ended(Ended),
}

/// A place with so much memory: the one that the job has, another worker's, or one here.
async fn place_for(whole: Whole<'_>, place: Option<Box<dyn Place>>, memory: u64) -> Result<Found, JobError> {
    let core = whole.core;
    if let Some(place) = place
        && place.is_usable()
        && place.memory().is_some_and(|most| memory <= most)
    {
        return Ok(Found::Place(place));
    }
    // What the pieces needed is free meanwhile: two jobs that come to their ends do not wait for each other.
    core.running.keep(whole.id, Some(0), 0);
    let mut tick = interval(TICK);
    loop {
        if whole.move_here(memory) {
            return Ok(Found::Place(whole.here()));
        }
        if let Some(lent) = core.workers.lend(memory) {
            return Ok(Found::Place(remote::at_worker(lent)));
        }
        let here = if core.config.concurrent_jobs > 0 { core.config.memory_limit_bytes } else { 0 };
        let most = here.max(core.workers.largest());
        if memory > most {
            let [needed, most] = [memory, most].map(|bytes| bytes.div_ceil(1 << 20));
            return Ok(Found::Ended(Ended::Invalid(format!(
                "joining its pieces needs {needed} MiB of memory, the largest place has {most} MiB"
            ))));
        }
        tokio::select! {
            () = whole.handle.cancelled() => return Ok(Found::Ended(Ended::Cancelled)),
            _ = tick.tick() => {}
        }
    }
}
