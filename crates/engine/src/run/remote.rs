//! An attempt at a worker, from the server: its ticket goes out, its reports and files come in.

use super::place::{Order, Place};
use super::running::AttemptHandle;
use crate::child_process::tell_once;
use crate::workers::talk::{Errand, Heard, Order as Said, Word};
use crate::workers::{Lent, Link};
use anyhow::{Context, anyhow, ensure};
use fieldstone_jobs::JobError;
use fieldstone_jobs::ticket::{Ended, MadeFile, Report};
use futures::future::BoxFuture;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep_until};

/// A worker that was asked to end an attempt, and has not, is left alone after this: longer than it waits for the attempt's process.
const GRACE: Duration = Duration::from_secs(2);
/// What an attempt may take beyond its time limit, for its files on their way.
const AFTER_LIMIT: Duration = Duration::from_secs(600);
/// An attempt that is not limited otherwise ends after a year.
const YEAR: Duration = Duration::from_secs(365 * 86_400);
/// Files that one attempt may bring.
const MOST_FILES: usize = 1000;

/// The error of an attempt whose worker has to go; nothing is counted against its job.
#[derive(Debug)]
pub(super) struct GivenBack(String);

impl fmt::Display for GivenBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker {:?} has to go and gives the attempt back", self.0)
    }
}

impl std::error::Error for GivenBack {}

/// A slot of a worker as a place.
pub(super) fn at_worker(lent: Lent) -> Box<dyn Place> {
    Box::new(AtWorker(lent))
}

struct AtWorker(Lent);

impl Place for AtWorker {
    fn run<'a>(&'a mut self, order: Order<'a>) -> BoxFuture<'a, Result<Ended, JobError>> {
        Box::pin(async move {
            let link = self.0.link.take().ok_or_else(|| anyhow!("worker {:?} is gone", self.0.worker))?;
            let (ended, link) = run(link, &self.0.worker, order).await?;
            // One that did not come to its end in order is not lent again.
            self.0.link = link;
            ended
        })
    }

    fn is_usable(&self) -> bool {
        self.0.link.is_some()
    }

    fn memory(&self) -> Option<u64> {
        Some(self.0.memory)
    }

    fn name(&self) -> Option<&str> {
        Some(&self.0.worker)
    }
}

/// How the attempt ended, and the link where it can be used again.
type Outcome = (Result<Ended, JobError>, Option<Link>);

async fn run(mut link: Link, worker: &str, order: Order<'_>) -> anyhow::Result<Outcome> {
    let Order { core, ticket, output_limit, handle, .. } = order;
    let limit = core.config.job_time_limit;
    let mut files = Files::new(ticket.folder.clone(), ticket.file_bytes);
    let errand = Errand {
        ticket,
        links: Vec::new(),
        time_limit_ms: limit.map(|limit| limit.as_millis().try_into().unwrap_or(u64::MAX)),
        output_refusal: output_limit.refusal.clone(),
    };
    let gone = || anyhow!("worker {worker:?} was lost");
    link.orders.send(Said::Run(Box::new(errand))).await.map_err(|_| gone())?;
    let mut end_at = Instant::now() + limit.map_or(YEAR, |limit| limit + AFTER_LIMIT);
    let mut asked = false;
    loop {
        tokio::select! {
            heard = link.heard.recv() => match heard.ok_or_else(gone)? {
                Heard::Bytes(bytes) => files.take(&bytes).await?,
                Heard::Word(Word::Report(report)) => hear(report, handle),
                Heard::Word(Word::File { name, extension, bytes }) => {
                    if files.begin(MadeFile { name, extension }, bytes).await? == Fit::TooLarge {
                        return Ok((Ok(Ended::Invalid(output_limit.refusal.clone())), None));
                    }
                }
                Heard::Word(Word::Ended { how, died }) => {
                    died.into_iter().for_each(|cause| core.counters.died(cause));
                    files.check(&how).await?;
                    return Ok((Ok(how), Some(link)));
                }
                Heard::Word(Word::GivenBack) => {
                    let back = anyhow::Error::new(GivenBack(worker.to_owned()));
                    return Ok((Err(JobError::Internal(back)), Some(link)));
                }
                Heard::Word(word) => return Err(anyhow!("worker {worker:?} says {word:?} in an attempt")),
            },
            () = handle.cancelled(), if !asked => {
                asked = true;
                end_at = end_at.min(Instant::now() + GRACE);
                link.orders.send(Said::Cancel).await.map_err(|_| gone())?;
            }
            () = sleep_until(end_at) => {
                let ended = if asked { Ok(Ended::Cancelled) } else { Err(gone().context("it took too long").into()) };
                return Ok((ended, None));
            }
        }
    }
}

fn hear(report: Report, handle: &AttemptHandle) {
    match report {
        Report::Progress(fraction) => handle.note(fraction),
        Report::Warning(text) => handle.warn(text),
        Report::Lacks(what) => tell_once(what),
        Report::Ended(_) => {}
    }
}

#[derive(PartialEq, Eq)]
enum Fit {
    Fits,
    TooLarge,
}

/// Files that come in, one after the other.
struct Files {
    folder: PathBuf,
    /// Bytes that one may have.
    most: u64,
    whole: Vec<MadeFile>,
    open: Option<(MadeFile, tokio::fs::File, u64)>,
}

impl Files {
    fn new(folder: PathBuf, most: u64) -> Files {
        Files { folder, most, whole: Vec::new(), open: None }
    }

    /// Begins a file of so many bytes.
    async fn begin(&mut self, made: MadeFile, bytes: u64) -> anyhow::Result<Fit> {
        let plain = |text: &str| {
            let known = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
            !text.is_empty() && text.len() <= 100 && text.bytes().all(known)
        };
        ensure!(plain(&made.name) && plain(&made.extension), "a worker sends a file of the name {made:?}");
        ensure!(self.open.is_none(), "a worker sends {made:?} in the middle of another file");
        ensure!(self.whole.len() < MOST_FILES, "a worker sends more than {MOST_FILES} files");
        if bytes > self.most {
            return Ok(Fit::TooLarge);
        }
        let path = place(&self.folder, &made);
        let file = tokio::fs::File::options().write(true).create_new(true).open(&path).await;
        self.open = Some((made, file.with_context(|| format!("cannot make {}", path.display()))?, bytes));
        self.end_if_whole().await?;
        Ok(Fit::Fits)
    }

    async fn take(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let (made, file, left) = self.open.as_mut().context("a worker sends bytes of no file")?;
        *left = left
            .checked_sub(bytes.len() as u64)
            .with_context(|| format!("a worker sends more bytes of {made:?} than it said"))?;
        file.write_all(bytes).await?;
        self.end_if_whole().await
    }

    async fn end_if_whole(&mut self) -> anyhow::Result<()> {
        if let Some((made, mut file, _)) = self.open.take_if(|(_, _, left)| *left == 0) {
            file.flush().await?;
            self.whole.push(made);
        }
        Ok(())
    }

    /// Whether all that an end speaks of has come, and nothing else.
    async fn check(&self, ended: &Ended) -> anyhow::Result<()> {
        if let Ended::Success { files, .. } = ended {
            ensure!(
                self.open.is_none() && self.whole == *files,
                "a worker says it has made {files:?}, but sent {:?}",
                self.whole
            );
        }
        Ok(())
    }
}

fn place(folder: &Path, MadeFile { name, extension }: &MadeFile) -> PathBuf {
    folder.join(format!("{name}.{extension}"))
}
