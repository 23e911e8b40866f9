//! A process of previews, from outside.

use crate::child_process::{Group, start, tell_once};
use crate::config::Program;
use crate::error::Result;
use anyhow::Context;
use fieldstone_jobs::preview::talk::{Header, Order, Said, Start};
use serde::Serialize;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// A process that was asked to end its preview is killed after this.
const GRACE: Duration = Duration::from_millis(700);

/// What a preview shows.
#[derive(Clone, Debug)]
pub struct Preview {
    /// What the samples are.
    pub header: Header,
    /// The samples.
    pub samples: Vec<u8>,
}

/// Why a preview is to end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stop {
    /// It goes on.
    No,
    /// The same tab wants another.
    Replaced,
    /// Whoever wanted it has gone.
    Gone,
}

/// A process that computes a preview at a time; killed when dropped.
pub(super) struct Previewer {
    child: Child,
    _group: Group,
    orders: ChildStdin,
    said: Lines<BufReader<ChildStdout>>,
    /// Whether it has answered all that it was asked.
    is_fit: bool,
}

/// What came of a preview.
pub(super) enum Verdict {
    Done(Box<Preview>),
    /// A picture, as PNG.
    Pictured(Vec<u8>),
    Refused(String),
    TooLarge(String),
    Failed(String),
    /// Another took its place, or nobody waits for it.
    Stopped,
    /// It took too long.
    Late,
    /// The process is gone; how it ended.
    Dead(String),
}

impl Previewer {
    pub(super) async fn start(program: &Program, begin: &Start) -> anyhow::Result<Previewer> {
        let mut child = start(program, Stdio::piped(), Stdio::piped(), Stdio::inherit())?;
        let group = Group::of(&child);
        let orders = child.stdin.take().context("its input is piped")?;
        let said = BufReader::new(child.stdout.take().context("its output is piped")?).lines();
        let mut previewer = Previewer { child, _group: group, orders, said, is_fit: true };
        // One that dies at once tells why by its exit.
        previewer.order(begin).await.unwrap_or_default();
        Ok(previewer)
    }

    async fn order(&mut self, what: &impl Serialize) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(what)?;
        line.push(b'\n');
        self.orders.write_all(&line).await
    }

    /// Itself, if it runs and owes nobody an answer.
    pub(super) fn if_fit(mut self) -> Option<Previewer> {
        (self.is_fit && matches!(self.child.try_wait(), Ok(None))).then_some(self)
    }

    /// Has one computed, a preview or a picture; errors are ours.
    pub(super) async fn compute(
        &mut self,
        wanted: Order,
        place: &(impl Fn(&str) -> Result<PathBuf> + Sync),
        limit: Duration,
        stop: &mut watch::Receiver<Stop>,
    ) -> anyhow::Result<Verdict> {
        self.is_fit = false;
        // A process that is gone is noticed by what it says: nothing.
        self.order(&wanted).await.unwrap_or_default();
        let deadline = Instant::now() + limit;
        let mut asked: Option<(Verdict, Instant)> = None;
        loop {
            let kill_at = asked.as_ref().map_or(deadline, |(_, at)| *at);
            let line = tokio::select! {
                line = self.said.next_line() => line?,
                _ = stop.changed(), if asked.is_none() => {
                    asked = Some((Verdict::Stopped, Instant::now() + GRACE));
                    self.order(&Order::Cancel).await.unwrap_or_default();
                    continue;
                }
                () = sleep_until(kill_at) => match asked {
                    // It did not hear it: it is not fit for another.
                    Some((why, _)) => return Ok(why),
                    None => {
                        asked = Some((Verdict::Late, Instant::now() + GRACE));
                        self.order(&Order::Cancel).await.unwrap_or_default();
                        continue;
                    }
                },
            };
            let Some(line) = line else { return Ok(self.died().await) };
            let verdict = match serde_json::from_str(&line) {
                Ok(Said::Needs(checksums)) => {
                    self.send_files(&checksums, place).await?;
                    continue;
                }
                Ok(Said::Lacks(what)) => {
                    tell_once(what);
                    continue;
                }
                Ok(Said::Done { header, bytes }) => {
                    let mut samples = vec![0; usize::try_from(bytes)?];
                    self.said.get_mut().read_exact(&mut samples).await?;
                    Verdict::Done(Box::new(Preview { header: *header, samples }))
                }
                Ok(Said::Pictured { bytes }) => {
                    let mut png = vec![0; usize::try_from(bytes)?];
                    self.said.get_mut().read_exact(&mut png).await?;
                    Verdict::Pictured(png)
                }
                Ok(Said::Refused(text)) => Verdict::Refused(text),
                Ok(Said::TooLarge(text)) => Verdict::TooLarge(text),
                Ok(Said::Cancelled) => Verdict::Stopped,
                Ok(Said::Failed(text)) => Verdict::Failed(text),
                Err(_) => {
                    tracing::debug!("a process of previews says {line:?}");
                    continue;
                }
            };
            self.is_fit = true;
            // One that was asked to end may have been faster; nobody wants it all the same.
            return Ok(asked.map_or(verdict, |(why, _)| why));
        }
    }

    async fn send_files(
        &mut self,
        checksums: &[String],
        place: &(impl Fn(&str) -> Result<PathBuf> + Sync),
    ) -> anyhow::Result<()> {
        for checksum in checksums {
            let path = place(checksum)?;
            let file = tokio::fs::File::open(&path).await;
            let file = file.with_context(|| format!("cannot read the stored bytes of {checksum}"))?;
            let bytes = file.metadata().await?.len();
            self.order(&Order::File { checksum: checksum.clone(), bytes }).await?;
            tokio::io::copy(&mut file.take(bytes), &mut self.orders).await?;
        }
        Ok(())
    }

    async fn died(&mut self) -> Verdict {
        // One that only closed its output is of no use either.
        self.child.start_kill().unwrap_or_default();
        let status = self.child.wait().await.map_or_else(|e| e.to_string(), |status| status.to_string());
        Verdict::Dead(status)
    }
}
