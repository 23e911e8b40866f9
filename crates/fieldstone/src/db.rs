//! `fieldstone db copy`: the ledger moves between a data folder and a database.

use anyhow::Context;
use clap::Subcommand;
use fieldstone_engine::{DatabaseUrl, EngineError, Location, upkeep};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

#[derive(clap::Args)]
pub struct DbArgs {
    #[command(subcommand)]
    command: DbCommand,
}

#[derive(Subcommand)]
enum DbCommand {
    /// Copies the ledger from a data folder to a PostgreSQL database, or back
    Copy(CopyArgs),
}

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fieldstone db copy --from fieldstone-data --to postgres://fieldstone@db.example/fieldstone
  fieldstone serve --data fieldstone-data --database postgres://fieldstone@db.example/fieldstone
  fieldstone db copy --from postgres://fieldstone@db.example/fieldstone --to fieldstone-data

No server may use either of them. Every row is copied and then compared, in one transaction: all of it is there in the end or nothing. Where
it goes to must have no ledger yet. The ledger that was copied stays as it is, and is old from then on: put it away. Files of assets stay
in the data folder.")]
struct CopyArgs {
    /// Data folder, or postgres://user:password@host:port/name
    #[arg(long, value_name = "DIR|URL")]
    from: Place,
    /// Data folder, or postgres://user:password@host:port/name
    #[arg(long, value_name = "DIR|URL")]
    to: Place,
}

/// Where a ledger is.
#[derive(Clone)]
enum Place {
    Folder(PathBuf),
    Database(DatabaseUrl),
}

impl FromStr for Place {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Place, EngineError> {
        match text.contains("://") {
            true => text.parse().map(Place::Database),
            false => Ok(Place::Folder(text.into())),
        }
    }
}

impl Place {
    fn location(&self) -> Location<'_> {
        match self {
            Place::Folder(data) => Location::from(data),
            Place::Database(url) => Location { data: Path::new(""), database: Some(url), blobs: None },
        }
    }

    fn shown(&self) -> String {
        match self {
            Place::Folder(data) => data.display().to_string(),
            Place::Database(url) => url.to_string(),
        }
    }
}

/// Does it.
pub async fn execute(args: DbArgs) -> anyhow::Result<ExitCode> {
    let DbCommand::Copy(CopyArgs { from, to }) = args.command;
    let copied = upkeep::copy_ledger(from.location(), to.location()).await;
    let copied =
        copied.with_context(|| format!("cannot copy the ledger from {} to {}", from.shown(), to.shown()))?;
    for (table, rows) in &copied {
        println!("{table} {rows}");
    }
    let rows: u64 = copied.iter().map(|(_, rows)| rows).sum();
    eprintln!("{rows} rows copied and compared");
    Ok(ExitCode::SUCCESS)
}
