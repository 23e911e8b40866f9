//! `fieldstone keys` and `fieldstone clients`: API keys and OAuth clients, in the data folder beside a server that may be running on it.

use crate::settings::{Flags, Settings};
use crate::upkeep::DataFlag;
use crate::{audit, expiry};
use anyhow::Context;
use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use fieldstone_engine::keys;
use fieldstone_engine::model::{Credential, CredentialKind, NewKey, ProjectId, Timestamp};
use fieldstone_server::Event;
use std::fmt::Write;
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
  fieldstone keys create --name viewer --scope jobs:read --scope assets:read --expires 90d
  fieldstone keys create --name contractor --project 7 --expires 2030-01-31
  fieldstone keys create --name old-scripts --dialect sdk-legacy
  fieldstone keys create --worker --name cluster > worker.token
  TOKEN=$(fieldstone keys create --name ci --data /srv/fieldstone)")]
    Create(CreateKeyArgs),
    /// Lists all keys, a line each; never their secrets
    List(ListArgs),
    /// Revokes a key for ever; a running server refuses it within a second, and ends the connections of a worker's within five
    Revoke(RevokeKeyArgs),
    /// Makes a new signing key: all download links and all tokens that clients bought stop working, within a second on a
    /// running server; keys and clients stay
    RotateSigning(DataFlag),
}

#[derive(clap::Args)]
pub struct ClientsArgs {
    #[command(subcommand)]
    command: ClientsCommand,
}

#[derive(Subcommand)]
enum ClientsCommand {
    /// Makes a client and prints its client_id and client_secret, a line each; the secret is stored nowhere and cannot be
    /// shown again
    #[command(after_help = "\
A client buys tokens at POST /oauth/token (grant_type client_credentials), each good for a day.

Examples:
  fieldstone clients create --name pipeline
  fieldstone clients create --name old-pipeline --dialect sdk-legacy --scope jobs:read --scope jobs:write")]
    Create(CreateArgs),
    /// Lists all clients, a line each; never their secrets
    List(DataFlag),
    /// Revokes a client and every token that it bought; a running server refuses them within a second
    Revoke(RevokeArgs),
}

#[derive(clap::Args)]
struct CreateArgs {
    /// A label for people
    #[arg(long)]
    name: String,
    /// Whose projects it sees; without it the built-in owner's, as all such keys do
    #[arg(long)]
    user: Option<String>,
    /// Answers in this dialect whatever the program is that uses it
    #[arg(long, value_parser = PossibleValuesParser::new(keys::DIALECTS))]
    dialect: Option<String>,
    /// Grants this alone; may be given several times; without it everything is granted
    #[arg(long = "scope", value_name = "SCOPE", value_parser = PossibleValuesParser::new(keys::SCOPES))]
    scopes: Vec<String>,
    /// Limits it to this project; may be given several times
    #[arg(long = "project", value_name = "ID")]
    projects: Vec<ProjectId>,
    /// When it stops working: a span (12h, 90d) or a date (2030-01-31, UTC); without it never
    #[arg(long, value_name = "WHEN", value_parser = expiry::parse)]
    expires: Option<Timestamp>,
    #[command(flatten)]
    place: DataFlag,
}

#[derive(clap::Args)]
struct CreateKeyArgs {
    /// A worker's key: opens a worker's connection (fieldstone worker) and nothing else
    #[arg(long, conflicts_with_all = ["user", "dialect", "scopes", "projects"])]
    worker: bool,
    #[command(flatten)]
    new: CreateArgs,
}

#[derive(clap::Args)]
struct ListArgs {
    /// Those of workers instead
    #[arg(long)]
    worker: bool,
    #[command(flatten)]
    place: DataFlag,
}

#[derive(clap::Args)]
struct RevokeKeyArgs {
    /// One of a worker
    #[arg(long)]
    worker: bool,
    #[command(flatten)]
    which: RevokeArgs,
}

/// Which of both.
fn kind_of_key(is_worker: bool) -> CredentialKind {
    if is_worker { CredentialKind::Worker } else { CredentialKind::Key }
}

#[derive(clap::Args)]
struct RevokeArgs {
    /// Its id, as the list shows it
    #[arg(value_name = "ID", allow_hyphen_values = true)]
    id: String,
    #[command(flatten)]
    place: DataFlag,
}

/// What is to be done with keys or with clients.
enum Action {
    Create(CreateArgs),
    List(DataFlag),
    Revoke(RevokeArgs),
    RotateSigning(DataFlag),
}

/// `keys …` or `clients …`.
pub struct Order {
    kind: CredentialKind,
    action: Action,
}

impl From<KeysArgs> for Order {
    fn from(args: KeysArgs) -> Order {
        let (worker, action) = match args.command {
            KeysCommand::Create(args) => (args.worker, Action::Create(args.new)),
            KeysCommand::List(args) => (args.worker, Action::List(args.place)),
            KeysCommand::Revoke(args) => (args.worker, Action::Revoke(args.which)),
            KeysCommand::RotateSigning(args) => (false, Action::RotateSigning(args)),
        };
        Order { kind: kind_of_key(worker), action }
    }
}

impl From<ClientsArgs> for Order {
    fn from(args: ClientsArgs) -> Order {
        let action = match args.command {
            ClientsCommand::Create(args) => Action::Create(args),
            ClientsCommand::List(args) => Action::List(args),
            ClientsCommand::Revoke(args) => Action::Revoke(args),
        };
        Order { kind: CredentialKind::Client, action }
    }
}

impl Order {
    /// The settings among the arguments.
    pub fn flags(&self) -> Flags {
        let place = match &self.action {
            Action::Create(args) => &args.place,
            Action::List(place) | Action::RotateSigning(place) => place,
            Action::Revoke(args) => &args.place,
        };
        place.flags()
    }
}

/// Does it.
pub async fn execute(order: Order, settings: Settings) -> anyhow::Result<ExitCode> {
    let (kind, at) = (order.kind, settings.location());
    let noun = kind.as_str();
    let audited = noun.replace(' ', "_");
    match order.action {
        Action::Create(args) => {
            let made = Event::new(&format!("{audited}.create"), "done").with("name", Some(args.name.clone()));
            let made = made.with("for", args.user.clone()).with("scopes", Some(args.scopes.clone()));
            let new = NewKey {
                name: args.name,
                user: args.user,
                scopes: args.scopes,
                projects: args.projects,
                dialect: args.dialect,
                expires: args.expires,
            };
            let secret = keys::create(at, kind, new).await;
            let secret = secret.with_context(|| format!("cannot make a {noun} in {at}"))?;
            audit::note(&settings, made.with(&audited, Some(secret.id.clone())));
            match kind {
                CredentialKind::Key => println!("{}", secret.token()),
                CredentialKind::Worker => println!("{}", secret.worker_token()),
                CredentialKind::Client => {
                    println!("client_id={}\nclient_secret={}", secret.id, secret.secret);
                }
            }
        }
        Action::List(_) => {
            let all = keys::list(at, kind).await;
            let all = all.with_context(|| format!("cannot list the {noun}s of {at}"))?;
            print!("{}", table(&all, Timestamp::now()));
        }
        Action::Revoke(args) => {
            let revoked = keys::revoke(at, kind, &args.id).await;
            revoked.with_context(|| format!("cannot revoke a {noun} of {at}"))?;
            let event = Event::new(&format!("{audited}.revoke"), "done");
            audit::note(&settings, event.with(&audited, Some(args.id.clone())));
            eprintln!("revoked {noun} {}", args.id);
        }
        Action::RotateSigning(_) => {
            let rotated = keys::rotate_signing(at).await;
            rotated.with_context(|| format!("cannot change the signing key of {at}"))?;
            audit::note(&settings, Event::new("signing_key.rotate", "done"));
            eprintln!("links and tokens signed until now are worth nothing any more");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A line each under a line of titles, in columns.
fn table(all: &[Credential], now: Timestamp) -> String {
    const TITLES: [&str; 9] =
        ["ID", "NAME", "USER", "SCOPES", "PROJECTS", "CREATED", "EXPIRES", "LAST USED", "STATE"];
    let time = |time: Option<Timestamp>| time.map_or("never".to_owned(), expiry::show);
    let mut lines = vec![TITLES.map(str::to_owned)];
    for one in all {
        let scopes = if one.scopes.is_empty() { "all".to_owned() } else { one.scopes.join(",") };
        let projects =
            one.projects.as_ref().map(|ids| ids.iter().map(ProjectId::to_string).collect::<Vec<_>>());
        let state = match one.expires {
            _ if one.revoked.is_some() => "revoked",
            Some(at) if at <= now => "expired",
            _ => "active",
        };
        lines.push([
            one.id.clone(),
            one.name.clone(),
            one.user.clone(),
            scopes,
            projects.map_or("all".to_owned(), |ids| ids.join(",")),
            expiry::show(one.created),
            time(one.expires),
            time(one.last_used),
            state.to_owned(),
        ]);
    }
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..TITLES.len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let mut row = String::new();
        for (cell, width) in line.iter().zip(&widths) {
            // A text takes every write.
            let _ = write!(row, "{cell:<width$}  ");
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}
