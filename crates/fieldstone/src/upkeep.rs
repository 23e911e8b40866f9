//! `fieldstone check`, `gc`, `backup`: looking after a data folder, beside a server that may be running on it.

use crate::audit;
use crate::settings::{Flags, Settings};
use crate::size::Size;
use anyhow::Context;
use fieldstone_engine::{BucketUrl, DatabaseUrl, WAITING, upkeep};
use fieldstone_server::Event;
use std::path::PathBuf;
use std::process::ExitCode;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Which data folder, with which ledger.
#[derive(clap::Args)]
pub struct DataFlag {
    /// Data folder
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// PostgreSQL database of the ledger
    #[arg(long, value_name = "URL")]
    pub database: Option<DatabaseUrl>,
    /// Bucket of the stored files
    #[arg(long, value_name = "URL")]
    pub blobs: Option<BucketUrl>,
}

impl DataFlag {
    /// The settings among the arguments.
    pub fn flags(&self) -> Flags {
        Flags {
            data: self.data.clone(),
            database: self.database.clone(),
            blobs: self.blobs.clone(),
            ..Flags::default()
        }
    }
}

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fieldstone check
  fieldstone check --data /srv/fieldstone && echo all is well

Reads everything and changes nothing; works beside a running server. One line on stdout for each thing that is wrong,
and exit code 1 if there is one: a blob whose bytes are not what its name says, a row without its blob or with another
size, damage in the database, a workflow that can never end, bytes older than two hours that nothing refers to.")]
pub struct CheckArgs {
    #[command(flatten)]
    pub data: DataFlag,
}

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fieldstone gc
  fieldstone gc --data /srv/fieldstone

What is found goes to quarantine/ of the data folder and is deleted from there after quarantine_days. The server does the same
once an hour, for what is older than an hour. Safe beside a running server.")]
pub struct GcArgs {
    #[command(flatten)]
    pub data: DataFlag,
}

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fieldstone backup /backups/fieldstone-$(date +%F)
  fieldstone backup --data /srv/fieldstone /mnt/disk2/fieldstone
  fieldstone check --data /backups/fieldstone-2026-11-24
  fieldstone serve --data /backups/fieldstone-2026-11-24     # a backup is a data folder

Made at one moment, beside a running server that goes on serving. On the same file system stored bytes are hard links
(no space, but also no second copy of them); on another they are copied. All of them are read through. DIR appears when the
backup is complete. Exit code 1, and a line on stdout for each, when stored bytes are missing or damaged, or were found so
since the last backup, even if they are whole again.")]
pub struct BackupArgs {
    #[command(flatten)]
    pub data: DataFlag,
    /// Where to: a folder that does not exist yet
    #[arg(value_name = "DIR")]
    to: PathBuf,
}

/// Checks, and prints what it finds.
pub async fn check(settings: Settings) -> anyhow::Result<ExitCode> {
    let at = settings.location();
    let report = upkeep::check(at).await.with_context(|| format!("cannot check {at}"))?;
    for finding in &report.findings {
        println!("{finding}");
    }
    eprintln!(
        "{} assets, {} jobs, {} workflows, {} blobs ({}), {} of them unnamed: {} findings",
        report.assets,
        report.jobs,
        report.workflows,
        report.blobs,
        Size(report.bytes).rounded(),
        report.unnamed,
        report.findings.len()
    );
    Ok(if report.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Lets a command say that it waits, on stderr.
fn tell_of_waiting() {
    let filter = tracing_subscriber::filter::Targets::new().with_target(WAITING, tracing::Level::WARN);
    let text =
        tracing_subscriber::fmt::layer().without_time().with_target(false).with_writer(std::io::stderr);
    tracing_subscriber::registry().with(text.with_filter(filter)).init();
}

/// Sweeps.
pub async fn gc(settings: Settings) -> anyhow::Result<ExitCode> {
    tell_of_waiting();
    let at = settings.location();
    let swept =
        upkeep::gc(at, settings.quarantine_days).await.with_context(|| format!("cannot sweep {at}"))?;
    let event = Event::new("data.gc", "done")
        .with("quarantined", Some(swept.blobs))
        .with("deleted", Some(swept.purged));
    audit::note(&settings, event);
    eprintln!(
        "{} blobs ({}) moved to quarantine, {} ({}) deleted from it, {} kept",
        swept.blobs,
        Size(swept.bytes).rounded(),
        swept.purged,
        Size(swept.purged_bytes).rounded(),
        swept.kept
    );
    Ok(ExitCode::SUCCESS)
}

/// Backs up.
pub async fn backup(args: BackupArgs, settings: Settings) -> anyhow::Result<ExitCode> {
    tell_of_waiting();
    let data = &settings.data;
    let made = upkeep::backup(settings.location(), &args.to)
        .await
        .with_context(|| format!("cannot back up {} to {}", data.display(), args.to.display()))?;
    for sha256 in &made.missing {
        println!("blob {sha256}: it is missing in {} too", data.display());
    }
    for (sha256, found) in &made.damaged {
        println!("blob {sha256}: its bytes have the checksum sha256:{found}, in {} too", data.display());
    }
    for line in &made.noted {
        println!("{line}; backups made before that may hold it so, this one was read through");
    }
    for folder in &made.removed {
        eprintln!("{}: removed, a backup that was killed had left it", folder.display());
    }
    let bytes = Size(made.bytes).rounded();
    eprintln!("{}: {} blobs linked, {} copied ({bytes})", args.to.display(), made.linked, made.copied);
    Ok(if made.missing.is_empty() && made.damaged.is_empty() && made.noted.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
