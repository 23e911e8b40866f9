//! The one binary: `serve`, `worker`, `keys`, `clients`, `run`, `demo`, what looks after a data folder (`check`, `gc`, `backup`, `db`), and the commands
//! that talk to a server.

mod admin_key;
mod audit;
mod blobs;
mod db;
mod demo;
#[cfg(test)]
mod docs;
mod doctor;
mod eval;
mod excerpt;
mod expiry;
mod keys;
mod manual;
mod memory;
mod picture;
mod placement;
mod progress;
mod remote;
mod run;
mod scratch;
mod serve;
mod settings;
mod sign_in;
mod size;
mod span_fields;
mod stage;
mod upkeep;
mod view;
mod worker;

use clap::{CommandFactory, Parser, Subcommand};
use settings::{Flags, Settings};
use std::path::PathBuf;
use std::process::ExitCode;

/// Exit code after Ctrl-C, as shells count it: 128 + SIGINT.
pub const INTERRUPTED: u8 = 130;

/// The command that runs one attempt of a job; the server calls it.
pub const ATTEMPT: &str = "attempt";

/// The command that computes previews; the server calls it.
pub const PREVIEWS: &str = "previews";

/// Implicit geometry as a service: a mesh goes in, a distance field comes out.
#[derive(Parser)]
#[command(name = "fieldstone", version, after_help = AFTER_HELP)]
struct Cli {
    /// Settings file [default: fieldstone.toml, when there is one]
    #[arg(long, global = true, value_name = "FILE", env = "FIELDSTONE_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Settings come from flags, else from FIELDSTONE_* variables, else from fieldstone.toml; docs/configuration.md lists them.
Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted; of commands that talk to a server also 3 no such thing, 4 no key or a
wrong one, 5 no answer, 124 --timeout has passed.";

#[derive(Subcommand)]
enum Command {
    /// Serves the REST API and runs jobs, each in a process of its own
    Serve(Box<serve::ServeArgs>),
    /// Manages API keys
    Keys(keys::KeysArgs),
    /// Manages OAuth clients, which buy tokens at /oauth/token
    Clients(keys::ClientsArgs),
    /// Runs one job on local files, without a server
    Run(run::RunArgs),
    /// Evaluates a shape graph to a mesh, layers, samples or measures, without a server
    Eval(eval::EvalArgs),
    /// Checks that every blob has its checksum and every row its blob
    Check(upkeep::CheckArgs),
    /// Looks whether this machine and its settings are fit to serve
    Doctor(doctor::DoctorArgs),
    /// Deletes stored bytes that nothing refers to any more
    Gc(upkeep::GcArgs),
    /// Copies the data folder as it is at this moment
    Backup(upkeep::BackupArgs),
    /// Moves the ledger between a data folder and a database
    Db(db::DbArgs),
    /// Moves stored files between a data folder and a bucket
    Blobs(blobs::BlobsArgs),
    /// Runs one attempt of a job for a server: a ticket on standard input, reports on standard output
    #[command(hide = true, name = ATTEMPT)]
    Attempt,
    /// Computes previews for a server: orders on standard input, samples on standard output
    #[command(hide = true, name = PREVIEWS)]
    Previews,
    /// Runs attempts of jobs for a server on another machine
    Worker(worker::WorkerArgs),
    /// Shows the whole thing on a part: serves, uploads, samples, draws
    Demo(demo::DemoArgs),
    /// Shows a mesh, a volume or a shape graph in the browser, by a server of its own
    View(view::ViewArgs),
    #[command(flatten)]
    Remote(remote::Remote),
    /// Prints a script that completes these commands in a shell
    Completions(manual::CompletionsArgs),
    /// Writes manual pages
    Man(manual::ManArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match execute(cli) {
        Ok(code) => code,
        Err(e) => {
            eprintln!("error: {e:#}");
            ExitCode::FAILURE
        }
    }
}

/// What is made from now on is for this user alone: secrets lie in a data folder and in its backups. What `run` and `demo`
/// leave is for whoever the user's own settings let in.
fn close_to_others() {
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
}

fn execute(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Attempt => return Ok(fieldstone_jobs::child::run(fieldstone_jobs::JOB_TYPES)),
        Command::Previews => return Ok(fieldstone_jobs::preview::serve()),
        _ => {}
    }
    match &cli.command {
        Command::Completions(args) => return manual::completions(args, Cli::command()),
        Command::Man(args) => return manual::man(args, Cli::command()),
        _ => {}
    }
    let load = |flags: &Flags| Settings::load(cli.config.as_deref(), flags);
    if !matches!(cli.command, Command::Run(_) | Command::Eval(_) | Command::Demo(_) | Command::Remote(_)) {
        close_to_others();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match cli.command {
        Command::Serve(args) => runtime.block_on(serve::serve(load(&args.flags)?, args.accept_lost_rows)),
        Command::Keys(args) => {
            let order = keys::Order::from(args);
            let settings = load(&order.flags())?;
            runtime.block_on(keys::execute(order, settings))
        }
        Command::Clients(args) => {
            let order = keys::Order::from(args);
            let settings = load(&order.flags())?;
            runtime.block_on(keys::execute(order, settings))
        }
        Command::Run(args) => {
            let settings = load(&Flags { threads: args.threads, ..Flags::default() })?;
            runtime.block_on(run::run(args, settings))
        }
        Command::Check(args) => runtime.block_on(upkeep::check(load(&args.data.flags())?)),
        Command::Doctor(args) => {
            let settings = load(&args.data.flags())?;
            runtime.block_on(doctor::doctor(args, settings))
        }
        Command::Gc(args) => runtime.block_on(upkeep::gc(load(&args.data.flags())?)),
        Command::Backup(args) => {
            let settings = load(&args.data.flags())?;
            runtime.block_on(upkeep::backup(args, settings))
        }
        Command::Db(args) => runtime.block_on(db::execute(args)),
        Command::Blobs(args) => runtime.block_on(blobs::execute(args)),
        Command::View(args) => {
            let settings = load(&Flags { threads: args.threads, ..Flags::default() })?;
            runtime.block_on(view::view(args, settings))
        }
        Command::Worker(args) => runtime.block_on(worker::work(args, &load(&Flags::default())?)),
        Command::Remote(remote) => Ok(runtime.block_on(remote::execute(remote))),
        Command::Eval(args) => {
            let settings = load(&Flags { threads: args.threads, ..Flags::default() })?;
            runtime.block_on(eval::eval(args, settings))
        }
        Command::Attempt | Command::Previews | Command::Completions(_) | Command::Man(_) => {
            unreachable!("done above, without a runtime")
        }
        Command::Demo(args) => {
            let settings = load(&Flags { threads: args.threads, ..Flags::default() })?;
            runtime.block_on(demo::demo(args, settings))
        }
    }
}
