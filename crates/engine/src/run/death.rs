//! How an attempt's process can end without a result, and what that means for its job.

use fieldstone_jobs::ticket::Ended;
use std::process::ExitStatus;
use std::time::Duration;

/// The signal of a process that writes beyond its limit for files; of Linux on all its common machines and of macOS.
#[cfg(unix)]
const SIGXFSZ: i32 = 25;

/// Why a process is gone without a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    /// It needed more than these bytes, which were set aside for it.
    Memory(u64),
    /// Its stack was full.
    Stack,
    /// It wrote a larger file than there is room for.
    Output,
    /// It took longer than it may.
    Time(Duration),
    /// A signal that a fault of its own raises.
    Crash(i32),
    /// A signal that nobody here sent: an operator did, or the system ran out of memory.
    Killed(i32),
    /// It left by itself.
    Exit(ExitStatus),
}

impl Death {
    /// One word for each, in the order of their numbers.
    pub(crate) const CAUSES: [&str; 7] = ["memory", "stack", "output", "time", "crash", "killed", "exit"];

    /// What the exit and the last words on standard error tell.
    pub(crate) fn of(status: ExitStatus, last_words: &str, memory_bytes: u64) -> Death {
        if last_words.contains("memory allocation of") {
            return Death::Memory(memory_bytes);
        }
        if last_words.contains("has overflowed its stack") {
            return Death::Stack;
        }
        #[cfg(unix)]
        if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
            if signal == SIGXFSZ {
                return Death::Output;
            }
            return if matches!(signal, 9 | 15) { Death::Killed(signal) } else { Death::Crash(signal) };
        }
        Death::Exit(status)
    }

    /// Its place in [`Death::CAUSES`].
    pub(crate) fn number(&self) -> usize {
        match self {
            Death::Memory(_) => 0,
            Death::Stack => 1,
            Death::Output => 2,
            Death::Time(_) => 3,
            Death::Crash(_) => 4,
            Death::Killed(_) => 5,
            Death::Exit(_) => 6,
        }
    }

    /// What becomes of the job: its own fault, or worth another attempt. `output_limit` says what limits its files.
    pub(crate) fn verdict(&self, output_limit: &str) -> Ended {
        match self {
            Death::Memory(bytes) => {
                let mib = bytes >> 20;
                Ended::Invalid(format!("needed more memory than the {mib} MiB that were set aside for it"))
            }
            Death::Output => Ended::Invalid(output_limit.to_owned()),
            Death::Stack => Ended::Invalid("the job crashed: its stack overflowed".into()),
            Death::Time(limit) => {
                let seconds = limit.as_secs();
                Ended::Invalid(format!("took longer than the {seconds} seconds that a job may take"))
            }
            Death::Crash(signal) => Ended::Invalid(format!("the job crashed (signal {signal})")),
            Death::Killed(signal) => {
                Ended::Internal(format!("the job was killed from outside (signal {signal})"))
            }
            Death::Exit(status) => {
                Ended::Internal(format!("the job's process ended without a result ({status})"))
            }
        }
    }
}
