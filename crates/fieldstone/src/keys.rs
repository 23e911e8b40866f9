//! `fieldstone keys`: API keys, made in the data folder beside a server that may be running on it.

use crate::settings::{Flags, Settings};
use anyhow::Context;
use clap::Subcommand;
use fieldstone_engine::keys;
use fieldstone_engine::model::NewKey;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
pub struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Subcommand)]
enum KeysCommand {
    /// Makes a key and prints its token, alone, on stdout; it is stored nowhere and cannot be shown again
    #[command(after_help = "\
Examples:
  fieldstone keys create --name laptop
  fieldstone keys create --name viewer --scope jobs:read --scope assets:read
  fieldstone keys create --name old-scripts --dialect sdk-legacy
  TOKEN=$(fieldstone keys create --name ci --data /srv/fieldstone)")]
    Create(CreateArgs),
}

#[derive(clap::Args)]
struct CreateArgs {
    /// A label for people
    #[arg(long)]
    name: String,
    /// Whose projects it sees; without it the built-in owner's, as all such keys do
    #[arg(long)]
    user: Option<String>,
    /// Answers in this dialect whatever the client is
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(keys::DIALECTS))]
    dialect: Option<String>,
    /// Grants this alone; may be given several times; without it the key may do everything
    #[arg(long = "scope", value_name = "SCOPE", value_parser = clap::builder::PossibleValuesParser::new(keys::SCOPES))]
    scopes: Vec<String>,
    /// Data folder
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl KeysArgs {
    /// The settings among the arguments.
    pub fn flags(&self) -> Flags {
        let KeysCommand::Create(args) = &self.command;
        Flags { data: args.data.clone(), ..Flags::default() }
    }
}

/// Makes the key.
pub async fn execute(args: KeysArgs, settings: Settings) -> anyhow::Result<ExitCode> {
    let KeysCommand::Create(args) = args.command;
    let new = NewKey { name: args.name, user: args.user, scopes: args.scopes, dialect: args.dialect };
    let token = keys::create(&settings.data, new)
        .await
        .with_context(|| format!("cannot make a key in {}", settings.data.display()))?;
    println!("{token}");
    Ok(ExitCode::SUCCESS)
}
