//! Attempts forked from a process that is loaded once: loading and linking the program takes longer than many a job.
//!
//! Standard input is a socket then. A byte on it asks for an attempt and comes with three files (SCM_RIGHTS, unix(7)), which the
//! attempt has as its standard input, output and errors; [`Answer`]s go back. At the end of the input the fork server ends, and the
//! attempts end by their own inputs.

use crate::confine;
use anyhow::Context;
use fieldstone_kernel::simd::Level;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitOptions, kill_process_group, setpgid, waitid, waitpid,
};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout, stdin};
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

/// What asks for an attempt.
pub const FORK: u8 = b'f';

/// What a fork server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Of the attempts that were asked for, the one that waits longest is this process, the leader of a group of its own.
    Forked(i32),
    /// It cannot be: an errno.
    Refused(i32),
    /// This process has ended, with this status as of wait(2), and none of its group is left.
    Ended(i32, i32),
}

impl Answer {
    /// Bytes of one.
    pub const SIZE: usize = 12;

    /// Itself on the wire, in the machine's own byte order.
    pub fn bytes(self) -> [u8; Answer::SIZE] {
        let words = match self {
            Answer::Forked(pid) => [0, pid, 0],
            Answer::Refused(errno) => [1, errno, 0],
            Answer::Ended(pid, status) => [2, pid, status],
        };
        bytemuck::cast(words)
    }

    /// The answer of these bytes, if they are one.
    pub fn read(bytes: [u8; Answer::SIZE]) -> Option<Answer> {
        match bytemuck::cast::<_, [i32; 3]>(bytes) {
            [0, pid, 0] => Some(Answer::Forked(pid)),
            [1, errno, 0] => Some(Answer::Refused(errno)),
            [2, pid, status] => Some(Answer::Ended(pid, status)),
            _ => None,
        }
    }
}

/// What a process goes on as.
pub(crate) enum Role {
    /// An attempt: its ticket comes on standard input.
    Attempt,
    /// Nothing: nobody asks for attempts any more.
    Ended,
}

/// Whether standard input is a socket: whoever started this process wants a fork server.
pub(crate) fn is_asked_for() -> bool {
    rustix::net::sockopt::socket_type(stdin()).is_ok()
}

/// Forks until nobody asks any more. Returns in each attempt as well.
///
/// This process may have no other thread: of those, an attempt would have none, but their locks.
pub(crate) fn serve() -> anyhow::Result<Role> {
    // Once for all attempts.
    Level::detect();
    confine::prepare();
    let ends = tell_of_ends()?;
    let mut attempts: Vec<Pid> = Vec::new();
    loop {
        let (is_asked, some_ended) = wait(&ends)?;
        if some_ended {
            attempts.retain(|attempt| !has_ended(*attempt));
        }
        if !is_asked {
            continue;
        }
        let Some(files) = receive()? else { return Ok(Role::Ended) };
        match fork() {
            Ok(Some(attempt)) => {
                say(Answer::Forked(attempt.as_raw_nonzero().get()));
                attempts.push(attempt);
            }
            Ok(None) => return become_attempt(files),
            Err(errno) => say(Answer::Refused(errno.raw_os_error())),
        }
    }
}

/// A pipe with bytes whenever a process that this one has forked has ended.
fn tell_of_ends() -> anyhow::Result<OwnedFd> {
    let (ends, teller) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    let tell = move || {
        // A full pipe tells enough.
        let _ = rustix::io::write(&teller, &[1]);
    };
    // SAFETY: write(2) is all that it does, which a signal handler may.
    unsafe { signal_hook_registry::register(libc::SIGCHLD, tell) }.context("cannot hear of ends")?;
    Ok(ends)
}

/// Waits until somebody asks or a process ends; which of these has happened.
fn wait(ends: &OwnedFd) -> anyhow::Result<(bool, bool)> {
    let input = stdin();
    let mut both = [PollFd::new(&input, PollFlags::IN), PollFd::new(ends, PollFlags::IN)];
    loop {
        match poll(&mut both, None) {
            Err(Errno::INTR) => {}
            Err(e) => return Err(e).context("cannot wait for orders"),
            Ok(_) => break,
        }
    }
    let [is_asked, some_ended] = both.map(|one| !one.revents().is_empty());
    if some_ended {
        // Before anybody is asked whether it has ended: an end after this line is told again.
        while rustix::io::read(ends, &mut [0; 64]).is_ok_and(|count| count > 0) {}
    }
    Ok((is_asked, some_ended))
}

/// The files of the attempt that is asked for; `None` when nobody asks any more.
fn receive() -> anyhow::Result<Option<[OwnedFd; 3]>> {
    let mut order = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC;
    let got = loop {
        match recvmsg(stdin(), &mut [IoSliceMut::new(&mut order)], &mut ancillary, flags) {
            Err(Errno::INTR) => {}
            // Whoever asked was killed while answers were on their way.
            Err(Errno::CONNRESET) => return Ok(None),
            other => break other.context("cannot read an order")?,
        }
    };
    if got.bytes == 0 {
        return Ok(None);
    }
    let files = ancillary.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(files) => files.collect(),
        _ => Vec::new(),
    });
    let files: Vec<OwnedFd> = files.collect();
    match files.try_into() {
        Ok(files) if order == [FORK] => Ok(Some(files)),
        _ => anyhow::bail!("an order is not one: {order:?}"),
    }
}

/// A process more: its number for this one, and `None` in itself.
fn fork() -> Result<Option<Pid>, Errno> {
    // SAFETY: this process has one thread (see `serve`), so no lock is held by another that the new process lacks.
    let new = unsafe { libc::fork() };
    if new < 0 {
        return Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::AGAIN));
    }
    let new = Pid::from_raw(new);
    if let Some(pid) = new {
        // Both do it, so that it is done for whichever comes first. An error says that the process is gone already.
        let _ = setpgid(Some(pid), Some(pid));
    }
    Ok(new)
}

fn become_attempt([input, output, errors]: [OwnedFd; 3]) -> anyhow::Result<Role> {
    setpgid(None, None).context("cannot lead a group of processes")?;
    dup2_stdin(input).and_then(|()| dup2_stdout(output)).and_then(|()| dup2_stderr(errors))?;
    Ok(Role::Attempt)
}

/// Whether an attempt has ended; if so, ends what it has left behind and tells. As long as nobody has waited for it, its number is
/// its group's.
fn has_ended(attempt: Pid) -> bool {
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    if matches!(waitid(WaitId::Pid(attempt), look), Ok(None)) {
        return false;
    }
    // An error says that there is nobody left.
    let _ = kill_process_group(attempt, Signal::KILL);
    if let Ok(Some((_, status))) = waitpid(Some(attempt), WaitOptions::NOHANG) {
        say(Answer::Ended(attempt.as_raw_nonzero().get(), status.as_raw()));
    }
    true
}

/// Whoever does not listen any more has closed the input as well: that ends us.
fn say(answer: Answer) {
    let bytes = answer.bytes();
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        match rustix::io::write(stdin(), rest) {
            Ok(written) => rest = &rest[written..],
            Err(Errno::INTR) => {}
            Err(_) => return,
        }
    }
}
