//! One attempt in a process of its own: whatever becomes of it, crash, stack overflow or too much memory, the service
//! lives on.

use crate::context::{JobContext, Outputs};
use crate::error::JobError;
use crate::job_type::JobEntry;
use crate::ticket::{CANCEL, Ended, Report, Ticket};
use anyhow::{Context, anyhow};
use fieldstone_kernel::Monitor;
use std::io::{BufRead, BufReader, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Exit code of an attempt that nobody waits for.
const ABANDONED: i32 = 3;
/// The lowest: who asks about jobs is answered first.
const PRIORITY: i32 = 19;
/// Progress that is worth a line.
const STEP: f32 = 0.005;

/// Reads a ticket from standard input, runs it and reports on standard output.
pub fn run(types: &[&'static JobEntry]) -> ExitCode {
    let cancel = Arc::new(AtomicBool::new(false));
    let ended = match receive(cancel.clone()) {
        Ok(ticket) => execute(types, ticket, cancel),
        Err(e) => Err(JobError::Internal(e)),
    };
    send(&Report::Ended(Ended::of(ended)));
    ExitCode::SUCCESS
}

/// The ticket. From then on a thread watches the input: it may ask to cancel, and at its end the service is gone.
fn receive(cancel: Arc<AtomicBool>) -> anyhow::Result<Ticket> {
    let mut lines = BufReader::new(std::io::stdin()).lines();
    let first = lines.next().context("standard input ends before the ticket")??;
    let ticket = serde_json::from_str(&first).context("the ticket cannot be read")?;
    std::thread::Builder::new().name("orders".into()).spawn(move || {
        for line in lines.map_while(Result::ok) {
            if line == CANCEL {
                cancel.store(true, Ordering::Relaxed);
            }
        }
        std::process::exit(ABANDONED)
    })?;
    Ok(ticket)
}

fn execute(
    types: &[&'static JobEntry],
    ticket: Ticket,
    cancel: Arc<AtomicBool>,
) -> Result<Outputs, JobError> {
    confine(ticket.memory_bytes, ticket.file_bytes).context("cannot confine the attempt")?;
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
        .with_log(|text| send(&Report::Warning(text.to_owned())));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(ticket.threads).build();
    pool.context("cannot start threads")?.install(|| entry.execute(&ticket.params, context))
}

/// A service that does not listen any more has closed our input as well: that ends us.
fn send(report: &Report) {
    let mut line = serde_json::to_vec(report).unwrap_or_default();
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&line).and_then(|()| out.flush()).unwrap_or_default();
}

/// Limits the memory and the files of this process, keeps it from dumping cores, lets others go first, and makes it the first to go
/// when the machine runs out of memory.
#[cfg(unix)]
fn confine(memory_bytes: u64, file_bytes: u64) -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setpriority_process, setrlimit};
    let limit = |bytes: u64| Rlimit { current: Some(bytes), maximum: Some(bytes) };
    setrlimit(Resource::Core, limit(0))?;
    // On Linux this counts all private memory that can be written to, other than the main thread's stack.
    setrlimit(Resource::Data, limit(memory_bytes))?;
    // Beyond it a signal ends the process: whoever started it knows why.
    let most = getrlimit(Resource::Fsize).maximum.map_or(file_bytes, |most| most.min(file_bytes));
    setrlimit(Resource::Fsize, limit(most))?;
    setpriority_process(None, PRIORITY)?;
    #[cfg(target_os = "linux")]
    std::fs::write("/proc/self/oom_score_adj", "300").unwrap_or_default();
    Ok(())
}

#[cfg(not(unix))]
fn confine(_memory_bytes: u64, _file_bytes: u64) -> std::io::Result<()> {
    Ok(())
}
