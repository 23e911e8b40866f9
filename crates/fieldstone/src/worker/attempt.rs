//! One attempt at a worker: inputs fetched, run in its process, its files sent.

use super::connection::Connection;
use super::shared::{Phase, Worker};
use super::slot::Slot;
use anyhow::{Context, ensure};
use fieldstone_engine::Watch;
use fieldstone_engine::blob_cache::Pinned;
use fieldstone_engine::talk::{Errand, Order, PIECE, Word};
use fieldstone_jobs::ticket::{Ended, MadeFile, Report, Ticket};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::time::{Instant, interval, sleep_until};

/// How often it is looked what the attempt has to tell.
const LOOK: Duration = Duration::from_millis(200);
/// An attempt that was asked to end is left alone after this; its process is killed before.
const GRACE: Duration = Duration::from_millis(1200);

/// What came of an attempt.
enum Outcome {
    Ended(Ended, Option<usize>),
    GivenBack,
}

/// The attempt's folder, gone when dropped.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(e) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!("cannot remove {}: {e}", self.0.display());
        }
    }
}

impl Slot {
    /// Runs it and says how it ended. Errors are those of the connection: then nothing of the attempt is left.
    pub(super) async fn run(&mut self, connection: &mut Connection, errand: Errand) -> anyhow::Result<()> {
        let folder = self.worker.work.join(self.number.to_string());
        let made = std::fs::create_dir(&folder);
        let folder = Folder(folder);
        let outcome = match made {
            Ok(()) => self.outcome(connection, errand, &folder.0).await?,
            Err(e) => failed(&anyhow::Error::new(e).context("no folder for the attempt")),
        };
        match outcome {
            Outcome::GivenBack => connection.say(&Word::GivenBack).await,
            Outcome::Ended(how, died) => {
                if let Ended::Success { files, .. } = &how {
                    for file in files {
                        send(connection, &folder.0, file).await?;
                    }
                }
                connection.say(&Word::Ended { how, died }).await
            }
        }
    }

    async fn outcome(
        &mut self,
        connection: &mut Connection,
        errand: Errand,
        folder: &Path,
    ) -> anyhow::Result<Outcome> {
        let (watch, mut told) = (Watch::default(), 0.0);
        let work = work(&self.worker, errand, folder.to_owned(), &watch);
        tokio::pin!(work);
        let mut look = interval(LOOK);
        let mut give_up: Option<Instant> = None;
        let outcome = loop {
            let late = async {
                match give_up {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                done = &mut work => break done.map_or_else(|e| failed(&e), |(how, died)| Outcome::Ended(how, died)),
                order = connection.order() => {
                    ensure!(matches!(order?, Order::Cancel), "the server says something else in an attempt");
                    watch.cancel();
                    give_up.get_or_insert(Instant::now() + GRACE);
                }
                () = late => return Ok(Outcome::Ended(Ended::Cancelled, None)),
                _ = look.tick() => tell(connection, &watch, &mut told).await?,
                _ = self.phase.changed() => if *self.phase.borrow_and_update() == Phase::Ending {
                    return Ok(Outcome::GivenBack);
                },
            }
        };
        tell(connection, &watch, &mut told).await?;
        Ok(outcome)
    }
}

fn failed(error: &anyhow::Error) -> Outcome {
    Outcome::Ended(Ended::Internal(format!("{error:#}")), None)
}

/// Fetches the inputs, then runs the attempt.
async fn work(
    worker: &Worker,
    mut errand: Errand,
    folder: PathBuf,
    watch: &Watch,
) -> anyhow::Result<(Ended, Option<usize>)> {
    let inputs = fetch(worker, &mut errand.ticket, &errand.links).await?;
    errand.ticket.folder = folder;
    let ended = worker.attempts.run(errand, worker.hello.threads, watch).await;
    drop(inputs);
    ended
}

/// Fetches the inputs of a ticket and writes into it where they are.
async fn fetch(worker: &Worker, ticket: &mut Ticket, links: &[String]) -> anyhow::Result<Vec<Pinned>> {
    let mut pinned = Vec::new();
    let mut links = links.iter();
    for input in ticket.inputs.values_mut().flatten() {
        let link = links.next().context("an input has no link")?;
        let sha256 = input.checksum.strip_prefix("sha256:").context("an input has no checksum")?;
        let kept = worker.cache.get(sha256, || worker.server.input(link)).await;
        let kept = kept.with_context(|| format!("input {:?}", input.filename))?;
        input.path.clone_from(kept.path());
        pinned.push(kept);
    }
    Ok(pinned)
}

/// Tells what is new.
async fn tell(connection: &mut Connection, watch: &Watch, told: &mut f32) -> anyhow::Result<()> {
    for text in watch.take_warnings() {
        connection.say(&Word::Report(Report::Warning(text))).await?;
    }
    let progress = watch.progress();
    if progress > *told {
        *told = progress;
        connection.say(&Word::Report(Report::Progress(progress))).await?;
    }
    Ok(())
}

async fn send(connection: &mut Connection, folder: &Path, made: &MadeFile) -> anyhow::Result<()> {
    let MadeFile { name, extension } = made.clone();
    let path = folder.join(format!("{name}.{extension}"));
    let file =
        tokio::fs::File::open(&path).await.with_context(|| format!("cannot open {}", path.display()))?;
    let mut left = file.metadata().await?.len();
    connection.say(&Word::File { name, extension, bytes: left }).await?;
    let mut file = tokio::io::BufReader::with_capacity(PIECE, file);
    while left > 0 {
        let mut piece = vec![0; left.min(PIECE as u64) as usize];
        file.read_exact(&mut piece).await.with_context(|| format!("cannot read {}", path.display()))?;
        left -= piece.len() as u64;
        connection.send_bytes(piece).await?;
    }
    Ok(())
}
