//! One attempt in a process of its own: whatever becomes of it, crash, stack overflow or too much memory, the service
//! lives on.

use crate::confine::{Confinement, confine};
use crate::context::{JobContext, Outputs};
use crate::error::JobError;
#[cfg(target_os = "linux")]
use crate::fork_server;
use crate::job_type::JobEntry;
use crate::ticket::{CANCEL, Ended, Report, Ticket};
use anyhow::{Context, anyhow};
use fieldstone_kernel::Monitor;
use std::io::{BufRead, Write};
use std::num::NonZero;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

/// Exit code of an attempt that nobody waits for.
pub(crate) const ABANDONED: i32 = 3;
/// Progress that is worth a line.
const STEP: f32 = 0.005;

/// Reads a ticket from standard input, runs it and reports on standard output. Where standard input is a socket, this process
/// forks one that does so whenever it is asked to ([`crate::fork_server`]); it may have one thread then.
pub fn run(types: &[&'static JobEntry]) -> ExitCode {
    #[cfg(target_os = "linux")]
    if fork_server::is_asked_for() {
        // The cores are counted once for all attempts.
        threads_of(0);
        match fork_server::serve() {
            Ok(fork_server::Role::Attempt) => {}
            Ok(fork_server::Role::Ended) => return ExitCode::SUCCESS,
            Err(e) => {
                eprintln!("error: {e:#}");
                return ExitCode::FAILURE;
            }
        }
    }
    let cancel = Arc::new(AtomicBool::new(false));
    let ended = match receive() {
        Ok(ticket) => execute(types, ticket, cancel),
        Err(e) => Err(JobError::Internal(e)),
    };
    send(&Report::Ended(Ended::of(ended)));
    ExitCode::SUCCESS
}

/// The ticket, and no byte more: what follows it is another's to read.
fn receive() -> anyhow::Result<Ticket> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("cannot read the ticket")?;
    anyhow::ensure!(line.ends_with('\n'), "standard input ends before the ticket");
    serde_json::from_str(&line).context("the ticket cannot be read")
}

/// Watches the input: it may ask to cancel, and at its end the service is gone. Then all that this attempt has started goes with it.
fn watch_orders(cancel: Arc<AtomicBool>) -> anyhow::Result<()> {
    std::thread::Builder::new().name("orders".into()).spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if line == CANCEL {
                cancel.store(true, Ordering::Relaxed);
            }
        }
        end_group();
        std::process::exit(ABANDONED)
    })?;
    Ok(())
}

/// Kills the group of processes that this one leads, itself included.
pub(crate) fn end_group() {
    #[cfg(unix)]
    {
        use rustix::process::{Signal, getpgrp, getpid, kill_process_group};
        // Somebody else's group is not ours to end.
        if getpgrp() == getpid() {
            // There is nobody left to tell when it fails; the process ends all the same.
            let _ = kill_process_group(getpid(), Signal::KILL);
        }
    }
}

fn execute(
    types: &[&'static JobEntry],
    ticket: Ticket,
    cancel: Arc<AtomicBool>,
) -> Result<Outputs, JobError> {
    // What the number of threads depends on cannot be read afterwards.
    let threads = threads_of(ticket.threads);
    for lack in confine(&Confinement::from(&ticket)).context("cannot confine the attempt")? {
        send(&Report::Lacks(lack));
    }
    watch_orders(cancel.clone())?;
    let entry = types.iter().find(|e| e.type_name == ticket.type_name);
    let entry = entry.ok_or_else(|| anyhow!("job type {:?} is not known", ticket.type_name))?;
    let noted = AtomicU32::new(0);
    let monitor = Monitor::new(cancel, move |fraction| {
        let told = f32::from_bits(noted.load(Ordering::Relaxed));
        // Of two threads that come at once, one tells.
        if fraction >= told + STEP
            && noted
                .compare_exchange(told.to_bits(), fraction.to_bits(), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            send(&Report::Progress(fraction));
        }
    });
    let context = JobContext::new(ticket.inputs, ticket.folder, monitor, ticket.limits)
        .with_share(ticket.share)
        .with_piece_samples(ticket.piece_samples)
        .with_log(|text| send(&Report::Warning(text.to_owned())));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.context("cannot start threads")?.install(|| entry.execute(ticket.params, context))
}

/// How many threads a setting means: 0 is one per core. The cores are counted once: that reads files of the system.
pub fn threads_of(setting: usize) -> usize {
    static CORES: LazyLock<usize> =
        LazyLock::new(|| std::thread::available_parallelism().map_or(1, NonZero::get));
    match setting {
        0 => *CORES,
        threads => threads,
    }
}

/// A service that does not listen any more has closed our input as well: that ends us.
fn send(report: &Report) {
    let mut line = serde_json::to_vec(report).unwrap_or_default();
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&line).and_then(|()| out.flush()).unwrap_or_default();
}
