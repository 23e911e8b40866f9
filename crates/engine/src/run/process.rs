//! An attempt in a process of its own, from outside: its ticket goes in, its reports come out, and it is killed when it
//! does not end.

use super::attempt_process::AttemptProcess;
use super::death::Death;
use super::running::AttemptHandle;
use super::starter::Starter;
use crate::child_process::tell_once;
use crate::config::Program;
use fieldstone_jobs::ticket::{CANCEL, Ended, Report, Ticket};
use std::process::ExitStatus;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

/// An attempt that was asked to end is killed after this.
const GRACE: Duration = Duration::from_millis(700);
/// What is kept of the last words of an attempt.
const LAST_WORDS: usize = 64 << 10;
/// An attempt that is not limited otherwise ends after a year.
const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// Runs the attempt, to its end or death; errors are ours.
pub(super) async fn run(
    program: &Program,
    starter: &Starter,
    ticket: Ticket,
    time_limit: Option<Duration>,
    handle: &AttemptHandle,
) -> anyhow::Result<Result<Ended, Death>> {
    let AttemptProcess { mut orders, reports, errors, mut group, mut exit } = starter.start(program).await?;
    let mut reports = BufReader::new(reports).lines();
    let last_words = tokio::spawn(last_words(errors));
    let memory_bytes = ticket.memory_bytes;
    hand_over(ticket, &mut orders).await?;
    let deadline = Instant::now() + time_limit.unwrap_or(YEAR);
    let mut kill_at = deadline;
    let mut asked = false;
    let mut ended = None;
    let mut exited = None;
    loop {
        tokio::select! {
            line = reports.next_line() => match line? {
                None => break,
                Some(line) => ended = hear(&line, handle).or(ended),
            },
            () = handle.cancelled(), if !asked => {
                asked = true;
                kill_at = kill_at.min(Instant::now() + GRACE);
                orders.write_all(format!("{CANCEL}\n").as_bytes()).await.unwrap_or_default();
            }
            // What it started may go on writing to its output; nobody waits for that.
            status = &mut exit, if exited.is_none() => {
                exited = Some(status?);
                group.forget();
                kill_at = Instant::now() + GRACE;
            }
            () = sleep_until(kill_at) => {
                group.kill();
                break;
            }
        }
    }
    let late = exited.is_none() && Instant::now() >= deadline;
    let status = match exited {
        Some(status) => status,
        None => {
            // It says nothing more: it has ended, or is to.
            group.kill();
            exit.await?
        }
    };
    // All that it started and left behind.
    drop(group);
    drop(orders);
    if let Some(ended) = ended {
        return Ok(Ok(ended));
    }
    if asked {
        return Ok(Ok(Ended::Cancelled));
    }
    match time_limit.filter(|_| late) {
        Some(limit) => Ok(Err(Death::Time(limit))),
        None => Ok(Err(death(status, last_words, memory_bytes).await?)),
    }
}

/// Tells a process what to do.
async fn hand_over(ticket: Ticket, orders: &mut (impl AsyncWrite + Unpin)) -> anyhow::Result<()> {
    // Parameters may be megabytes.
    let line = tokio::task::spawn_blocking(move || serde_json::to_vec(&ticket));
    let mut line = line.await??;
    line.push(b'\n');
    // One that dies at once tells why by its exit.
    orders.write_all(&line).await.unwrap_or_default();
    Ok(())
}

/// Takes in a line that an attempt says; returns how it ended, if that is what it says.
fn hear(line: &str, handle: &AttemptHandle) -> Option<Ended> {
    match serde_json::from_str(line) {
        Ok(Report::Progress(fraction)) => handle.note(fraction),
        Ok(Report::Warning(text)) => handle.warn(text),
        Ok(Report::Lacks(what)) => tell_once(what),
        Ok(Report::Ended(how)) => return Some(how),
        Err(_) => tracing::debug!("an attempt says {line:?}"),
    }
    None
}

/// Why it died, by its exit and its last words, as far as these come to an end.
async fn death(
    status: ExitStatus,
    last_words: JoinHandle<String>,
    memory_bytes: u64,
) -> anyhow::Result<Death> {
    let last_words = tokio::time::timeout(GRACE, last_words).await.unwrap_or(Ok(String::new()))?;
    if !last_words.is_empty() {
        tracing::warn!("an attempt died ({status}): {last_words}");
    }
    Ok(Death::of(status, &last_words, memory_bytes))
}

async fn last_words(mut from: impl AsyncRead + Unpin) -> String {
    let mut kept = Vec::new();
    let mut chunk = vec![0; LAST_WORDS];
    while let Ok(n @ 1..) = from.read(&mut chunk).await {
        kept.extend_from_slice(&chunk[..n]);
        kept.drain(..kept.len().saturating_sub(LAST_WORDS));
    }
    String::from_utf8_lossy(&kept).into_owned()
}
