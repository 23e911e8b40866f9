//! `fieldstone worker`: runs attempts for a server, each of its slots over a connection of its own, in the confined processes that a server
//! uses for its own.

mod attempt;
mod connection;
mod folder;
mod shared;
mod slot;

use crate::settings::{self, Settings};
use crate::size::Size;
use anyhow::{Context, ensure};
use connection::Server;
use fieldstone_engine::Attempts;
use fieldstone_engine::blob_cache::Cache;
use fieldstone_engine::talk::Hello;
use folder::{InputsFolder, WorkerFolder};
use shared::{Phase, Usage, Worker};
use slot::Slot;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// A token is short; a wrong file is not read to its end.
const LONGEST_TOKEN: u64 = 4096;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fieldstone keys create --worker --name cluster > worker.token       on the server
  fieldstone worker --server https://fields.example --token-file worker.token
  srun fieldstone worker --server http://head:8080 --token-file worker.token --idle-exit 300 --time-left 3500

At SIGTERM or Ctrl-C a worker asks for no more attempts, finishes those it runs within --grace and gives the others back, which costs
their jobs nothing. The log goes to stderr, as the setting `log` says.")]
pub struct WorkerArgs {
    /// Server to work for
    #[arg(long, value_name = "URL", env = "FIELDSTONE_SERVER")]
    server: String,
    /// File with a worker's token (fieldstone keys create --worker)
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
    /// Certificates (PEM) to trust beside the system's
    #[arg(long, value_name = "FILE", env = "FIELDSTONE_CA")]
    ca: Option<PathBuf>,
    /// What it is called in lists and logs [default: the name of the machine]
    #[arg(long)]
    name: Option<String>,
    /// Attempts that run at the same time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    slots: u16,
    /// Threads of each attempt; 0: the cores, shared out among the slots
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
    /// Memory that attempts may need together, by their own estimates, the same for each slot [default: three quarters of what there is]
    #[arg(long, value_name = "SIZE")]
    memory: Option<Size>,
    /// Folder for outputs, and for inputs without --cache, in one of its own there, removed at the end [default: the system's for temporary files]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// Folder where inputs stay for the next worker, in one of this worker's own there; without it they are in --scratch and go with the worker
    #[arg(long, value_name = "DIR", env = "FIELDSTONE_WORKER_CACHE")]
    cache: Option<PathBuf>,
    /// Bytes of inputs that are kept for later attempts; those of one attempt must fit, too
    #[arg(long, value_name = "SIZE", default_value_t = Size(10 << 30))]
    cache_bytes: Size,
    /// Seconds that attempts get to end by themselves when the worker is to go
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    grace: u64,
    /// Ends after so many seconds without an attempt
    #[arg(long, value_name = "SECONDS")]
    idle_exit: Option<u64>,
    /// Seconds until the machine is taken away: the worker goes so long before as --grace says
    #[arg(long, value_name = "SECONDS")]
    time_left: Option<u64>,
}

/// Works until it is told to go, its time is over, or the server does not want it.
pub async fn work(args: WorkerArgs, settings: &Settings) -> anyhow::Result<ExitCode> {
    settings.start_log()?;
    // Before anything is made or an attempt can come: from here on a signal ends the worker in order.
    let told = crate::serve::shutdown_signal()?;
    let base = args.server.trim_end_matches('/').to_owned();
    let is_url = base.starts_with("http://") || base.starts_with("https://");
    ensure!(is_url, "expected an http:// or https:// URL as the server, got {:?}", args.server);
    let server = Server::new(base, read_token(&args.token_file)?, args.ca.as_deref())?;
    let folder = WorkerFolder::make(&args.scratch.clone().unwrap_or_else(std::env::temp_dir))?;
    let work = folder.make_inside("work")?;
    // Nobody else uses it as long as this is held.
    let kept = args.cache.as_deref().map(InputsFolder::take).transpose()?;
    let cache = match &kept {
        Some(kept) => Cache::reopen(kept.path().to_owned(), args.cache_bytes.0)
            .with_context(|| format!("cannot use {}", kept.path().display()))?,
        None => Cache::new(folder.make_inside("inputs")?, args.cache_bytes.0),
    };
    let (phase, seen) = watch::channel(Phase::Working);
    let memory = args.memory.map_or_else(settings::three_quarters_of_memory, |size| size.0);
    let slots = usize::from(args.slots);
    let threads = match args.threads {
        0 => (std::thread::available_parallelism().map_or(1, usize::from) / slots).max(1),
        threads => threads,
    };
    let name = args.name.clone().unwrap_or_else(machine_name);
    let worker = Arc::new(Worker {
        server,
        hello: Hello::new(fieldstone_jobs::JOB_TYPES, name, threads, memory / slots as u64),
        attempts: Attempts::new(settings::own_program(crate::ATTEMPT)),
        cache: Arc::new(cache),
        work,
        phase: seen,
        usage: Usage::new(),
    });
    let mut running = JoinSet::new();
    for number in 0..slots {
        running.spawn(Slot::new(worker.clone(), number).serve());
    }
    let going = go(&args, told, &worker.usage, &phase);
    tokio::pin!(going);
    let mut gone = false;
    let mut failed = None;
    while !running.is_empty() {
        tokio::select! {
            Some(ended) = running.join_next() => if let Err(e) = ended? {
                // What one slot is refused, all are.
                failed = Some(e);
                let _ = phase.send(Phase::Ending);
            },
            result = &mut going, if !gone => {
                gone = true;
                result?;
            }
        }
    }
    drop((folder, kept));
    match failed {
        Some(e) => Err(e),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// Waits for a reason to go, then leads the worker to its end.
async fn go(
    args: &WorkerArgs,
    told: impl Future<Output = ()>,
    usage: &Usage,
    phase: &watch::Sender<Phase>,
) -> anyhow::Result<()> {
    let grace = Duration::from_secs(args.grace);
    let later = |seconds: Option<u64>| seconds.map(Duration::from_secs);
    let at_end = async {
        match later(args.time_left) {
            Some(left) => sleep(left.saturating_sub(grace)).await,
            None => std::future::pending().await,
        }
    };
    let idle = async {
        match later(args.idle_exit) {
            Some(most) => usage.idle_for(most).await,
            None => std::future::pending().await,
        }
    };
    let why = tokio::select! {
        () = told => "it was told to",
        () = at_end => "its time is over",
        () = idle => "there is nothing to do",
    };
    tracing::info!("the worker goes: {why}");
    // Nobody listens when all slots have ended.
    let _ = phase.send(Phase::Leaving);
    tokio::select! {
        () = crate::serve::shutdown_signal()? => {}
        () = sleep(grace) => {}
    }
    let _ = phase.send(Phase::Ending);
    Ok(())
}

fn read_token(path: &Path) -> anyhow::Result<String> {
    use std::io::Read;
    let mut text = String::new();
    let file = std::fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    file.take(LONGEST_TOKEN)
        .read_to_string(&mut text)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let token = text.trim();
    ensure!(
        token.starts_with("fsw_") && !token.contains(char::is_whitespace),
        "{} holds no worker's token (fieldstone keys create --worker)",
        path.display()
    );
    Ok(token.to_owned())
}

fn machine_name() -> String {
    #[cfg(unix)]
    return rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    std::env::var("COMPUTERNAME").unwrap_or_else(|_| "worker".into())
}
