//! The process that the attempts of this one are forked from ([`fieldstone_jobs::fork_server`]), from outside.

use super::attempt_process::AttemptProcess;
use crate::child_process::{Group, start};
use crate::config::Program;
use anyhow::{Context, anyhow};
use fieldstone_jobs::fork_server::{Answer, FORK};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::pipe::{PipeFlags, pipe_with};
use std::collections::HashMap;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use tokio::io::{AsyncReadExt, Interest};
use tokio::net::UnixStream;
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::Child;
use tokio::sync::{Mutex, mpsc, oneshot};

/// At most one fork server, started when the first attempt is. It ends with this process, and another takes its place when it has died.
#[derive(Default)]
pub(super) struct ForkServer(Mutex<Option<Connection>>);

struct Connection {
    socket: OwnedWriteHalf,
    /// Who waits for an attempt, in the order in which they have asked.
    asking: mpsc::UnboundedSender<Asking>,
    /// Killed when this is dropped; its attempts end by their own inputs.
    _process: Child,
}

type Asking = oneshot::Sender<anyhow::Result<Forked>>;

/// A process that has been forked.
struct Forked {
    group: Group,
    exit: oneshot::Receiver<ExitStatus>,
}

impl ForkServer {
    /// A process that runs this program.
    pub(super) async fn fork(&self, program: &Program) -> anyhow::Result<AttemptProcess> {
        let (input, orders) = pipe_with(PipeFlags::CLOEXEC)?;
        let (reports, output) = pipe_with(PipeFlags::CLOEXEC)?;
        let (last_words, errors) = pipe_with(PipeFlags::CLOEXEC)?;
        let asked = self.ask(program, &[input, output, errors]).await?;
        let Forked { group, exit } = asked.await.unwrap_or_else(|_| Err(died()))?;
        Ok(AttemptProcess {
            orders: Box::new(Sender::from_owned_fd(orders)?),
            reports: Box::new(Receiver::from_owned_fd(reports)?),
            errors: Box::new(Receiver::from_owned_fd(last_words)?),
            group,
            exit: Box::pin(async move { exit.await.map_err(|_| died()) }),
        })
    }

    async fn ask(
        &self,
        program: &Program,
        files: &[OwnedFd; 3],
    ) -> anyhow::Result<oneshot::Receiver<anyhow::Result<Forked>>> {
        let mut connection = self.0.lock().await;
        // Nobody listens to one that has died.
        if let Some(dead) = connection.take_if(|connection| connection.asking.is_closed()) {
            tracing::warn!("the process that attempts are forked from has died: another is started");
            drop(dead);
        }
        let connection = match &mut *connection {
            Some(connection) => connection,
            none => none.insert(Connection::open(program)?),
        };
        let (asking, asked) = oneshot::channel();
        // First: the answer may come before the next line.
        connection.asking.send(asking).map_err(|_| died())?;
        hand_over(&connection.socket, &files.each_ref().map(AsFd::as_fd)).await?;
        Ok(asked)
    }
}

fn died() -> anyhow::Error {
    anyhow!("the process that attempts are forked from has died")
}

impl Connection {
    fn open(program: &Program) -> anyhow::Result<Connection> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        let process = start(program, OwnedFd::from(theirs).into(), Stdio::null(), Stdio::inherit())?;
        ours.set_nonblocking(true)?;
        let (answers, socket) = UnixStream::from_std(ours)?.into_split();
        let (asking, asked) = mpsc::unbounded_channel();
        tokio::spawn(listen(answers, asked));
        Ok(Connection { socket, asking, _process: process })
    }
}

/// Sends an order with its files.
async fn hand_over(socket: &OwnedWriteHalf, files: &[BorrowedFd<'_>; 3]) -> anyhow::Result<()> {
    let socket: &UnixStream = socket.as_ref();
    let send = || {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        ancillary.push(SendAncillaryMessage::ScmRights(files));
        let flags = SendFlags::NOSIGNAL;
        Ok(sendmsg(socket, &[IoSlice::new(&[FORK])], &mut ancillary, flags)?)
    };
    socket.async_io(Interest::WRITABLE, send).await.context("cannot ask for an attempt's process")?;
    Ok(())
}

/// Passes on what the fork server says, until it dies: whoever waits then hears that.
async fn listen(mut answers: OwnedReadHalf, mut asked: mpsc::UnboundedReceiver<Asking>) {
    let mut running: HashMap<i32, oneshot::Sender<ExitStatus>> = HashMap::new();
    let mut bytes = [0; Answer::SIZE];
    while answers.read_exact(&mut bytes).await.is_ok() {
        match Answer::read(bytes) {
            Some(Answer::Forked(pid)) => {
                let (ended, exit) = oneshot::channel();
                running.insert(pid, ended);
                answer(&mut asked, Ok(Forked { group: Group::led_by(pid), exit }));
            }
            Some(Answer::Refused(errno)) => {
                let e = std::io::Error::from_raw_os_error(errno);
                answer(&mut asked, Err(anyhow!("cannot fork an attempt's process: {e}")));
            }
            Some(Answer::Ended(pid, status)) => {
                if let Some(ended) = running.remove(&pid) {
                    // Whoever does not listen has given it up.
                    let _ = ended.send(ExitStatus::from_raw(status));
                }
            }
            None => break,
        }
    }
}

/// Answers whoever has asked first; a process that nobody waits for any more is killed as its group is dropped.
fn answer(asked: &mut mpsc::UnboundedReceiver<Asking>, what: anyhow::Result<Forked>) {
    if let Ok(first) = asked.try_recv() {
        let _ = first.send(what);
    }
}
