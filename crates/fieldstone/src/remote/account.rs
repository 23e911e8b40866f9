//! Which server, with which key: flags over `FIELDSTONE_*` over what `fieldstone login` kept.

use super::client::Client;
use super::failure::Failure;
use anyhow::{Context, ensure};
use clap::Subcommand;
use fieldstone_engine::private_file;
use serde::{Deserialize, Serialize};
use std::io::{IsTerminal, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Where `fieldstone serve` listens when nothing is said.
const DEFAULT_SERVER: &str = "http://127.0.0.1:8080";
/// A key is short; a wrong file is not read to its end.
const LONGEST_KEY: u64 = 4096;

/// What every command that talks to a server takes.
#[derive(clap::Args, Clone, Default)]
pub struct ServerArgs {
    /// Server [default: that of `fieldstone login`, else http://127.0.0.1:8080]
    #[arg(long, value_name = "URL", env = "FIELDSTONE_SERVER", global = true)]
    pub server: Option<String>,
    /// Certificates (PEM) to trust beside the system's
    #[arg(long, value_name = "FILE", env = "FIELDSTONE_CA", global = true)]
    pub ca: Option<PathBuf>,
    /// JSON on stdout, errors as JSON on stderr
    #[arg(long, global = true)]
    pub json: bool,
}

/// A command with commands of its own, which all talk to a server.
#[derive(clap::Args)]
pub struct On<A: Subcommand> {
    #[command(flatten)]
    pub server: ServerArgs,
    #[command(subcommand)]
    pub action: A,
}

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fieldstone login                                       asks for the key
  fieldstone login --server https://fields.example < key.txt
  FIELDSTONE_TOKEN=fst_… fieldstone projects list        no login at all

The key is tried, then kept with the server's address in a file that only you may read. FIELDSTONE_SERVER, FIELDSTONE_TOKEN
and FIELDSTONE_PROJECT stand above what is kept.")]
pub struct LoginArgs {
    #[command(flatten)]
    pub server: ServerArgs,
}

/// What `fieldstone login` keeps.
#[derive(Default, Serialize, Deserialize)]
struct Kept {
    server: String,
    token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca: Option<PathBuf>,
}

/// The server that the arguments mean, with the key to it.
pub fn connect(args: &ServerArgs) -> anyhow::Result<Client> {
    let kept = kept()?;
    let server = args.server.clone().or_else(|| kept.as_ref().map(|k| k.server.clone()));
    let server = tidy(server.unwrap_or_else(|| DEFAULT_SERVER.into()))?;
    let token = std::env::var("FIELDSTONE_TOKEN").ok().filter(|token| !token.is_empty());
    // A key is for the server that it was given for, and for no other.
    let kept = kept.filter(|kept| kept.server == server);
    let ca = args.ca.clone().or_else(|| kept.as_ref().and_then(|k| k.ca.clone()));
    let token = token.or_else(|| kept.map(|k| k.token)).ok_or_else(|| {
        Failure::SignIn(format!(
            "there is no key for {server}: use `fieldstone login`, or set FIELDSTONE_TOKEN"
        ))
    })?;
    Client::new(server, token, ca.as_deref())
}

/// `fieldstone login`.
pub async fn login(args: LoginArgs) -> anyhow::Result<ExitCode> {
    let server = tidy(args.server.server.clone().unwrap_or_else(|| DEFAULT_SERVER.into()))?;
    let token = match std::env::var("FIELDSTONE_TOKEN") {
        Ok(token) if !token.is_empty() => token,
        _ => asked(&server)?,
    };
    let token = token.trim().to_owned();
    ensure!(
        !token.is_empty() && !token.contains(char::is_whitespace),
        "that is no key: one word is expected"
    );
    let ca = args.server.ca.as_deref().map(std::path::absolute).transpose()?;
    Client::new(server.clone(), token.clone(), ca.as_deref())?.get("/user/license").await?;
    let path = file()?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make folder {}", folder.display()))?;
    }
    let text = serde_json::to_string_pretty(&Kept { server: server.clone(), token, ca })? + "\n";
    // A new file under another name: what is kept is the old or the new, and never open to others.
    let new = path.with_extension("new");
    let unwritable = || format!("cannot write {}", new.display());
    let mut written = private_file().truncate(true).open(&new).with_context(unwritable)?;
    written.write_all(text.as_bytes()).and_then(|()| written.sync_all()).with_context(unwritable)?;
    std::fs::rename(&new, &path).with_context(|| format!("cannot write {}", path.display()))?;
    eprintln!("signed in to {server}; the key is kept in {}", path.display());
    Ok(ExitCode::SUCCESS)
}

/// `fieldstone logout`: the key is forgotten here, and goes on working elsewhere.
pub fn logout() -> anyhow::Result<ExitCode> {
    let path = file()?;
    match std::fs::remove_file(&path) {
        Ok(()) => {
            eprintln!("the key in {} is forgotten; `fieldstone keys revoke` ends it for all", path.display())
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => eprintln!("there is no key to forget"),
        Err(e) => return Err(e).with_context(|| format!("cannot remove {}", path.display())),
    }
    Ok(ExitCode::SUCCESS)
}

/// The key from the terminal, unseen, or from a pipe.
fn asked(server: &str) -> anyhow::Result<String> {
    if std::io::stdin().is_terminal() {
        return rpassword::prompt_password(format!("key for {server}: ")).context("cannot read the key");
    }
    let mut text = String::new();
    std::io::stdin().take(LONGEST_KEY).read_to_string(&mut text).context("cannot read the key")?;
    Ok(text)
}

fn kept() -> anyhow::Result<Option<Kept>> {
    let path = file()?;
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e).with_context(|| format!("cannot read {}", path.display())),
    };
    let kept = serde_json::from_str(&text);
    kept.map(Some).with_context(|| format!("cannot read {}: use `fieldstone login` again", path.display()))
}

/// `$XDG_CONFIG_HOME/fieldstone/login.json`, by default in `~/.config`.
fn file() -> anyhow::Result<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let config = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")));
    Ok(config.context("neither XDG_CONFIG_HOME nor HOME is set")?.join("fieldstone/login.json"))
}

/// A server's address without the slash at its end.
fn tidy(server: String) -> anyhow::Result<String> {
    let known = server.starts_with("http://") || server.starts_with("https://");
    ensure!(known, "expected an http:// or https:// URL as the server, got {server:?}");
    Ok(server.trim_end_matches('/').to_owned())
}
