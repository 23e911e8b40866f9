//! `fieldstone api`: any request, with the key in place.

use super::account::{ServerArgs, connect};
use super::failure::Failure;
use anyhow::{Context, ensure};
use reqwest::{Method, StatusCode};
use std::io::{Read, Write};
use std::process::ExitCode;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fieldstone api /projects
  fieldstone api /projects/7/jobs/9/status
  fieldstone api POST /projects --body '{\"name\": \"brackets\"}'
  fieldstone api POST /projects/7/jobs --body @job.json
  fieldstone api DELETE /projects/7

The answer's body goes to stdout as it is, also that of a refusal; GET /openapi.json describes all routes.")]
pub struct ApiArgs {
    #[command(flatten)]
    pub server: ServerArgs,
    /// METHOD PATH, or PATH alone for a GET (a POST where there is a body)
    #[arg(required = true, num_args = 1..=2, value_names = ["METHOD", "PATH"])]
    request: Vec<String>,
    /// The body, JSON; @FILE for a file's, - for that on standard input
    #[arg(short, long, value_name = "JSON")]
    body: Option<String>,
}

/// Sends it.
pub async fn execute(args: ApiArgs) -> anyhow::Result<ExitCode> {
    let body = args.body.as_deref().map(read).transpose()?;
    let (method, path) = match &args.request[..] {
        [path] if body.is_some() => ("POST", path),
        [path] => ("GET", path),
        [method, path, ..] => (method.as_str(), path),
        [] => unreachable!("clap asks for one at least"),
    };
    ensure!(path.starts_with('/'), "expected a path that begins with a slash, got {path:?}");
    let method = Method::from_bytes(method.to_uppercase().as_bytes())?;
    let mut response = connect(&args.server)?.any(method, path, body).await?;
    let status = response.status();
    let mut out = std::io::stdout().lock();
    while let Some(piece) = response.chunk().await.context("the answer broke off")? {
        out.write_all(&piece).context("cannot write to standard output")?;
    }
    out.flush().context("cannot write to standard output")?;
    let refused = format!("{path} answered {status}");
    match status {
        _ if status.is_success() => Ok(ExitCode::SUCCESS),
        StatusCode::NOT_FOUND => Err(Failure::NotFound(refused).into()),
        StatusCode::UNAUTHORIZED => Err(Failure::SignIn(refused).into()),
        _ => Err(Failure::Refused(refused).into()),
    }
}

fn read(body: &str) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match body.strip_prefix('@') {
        Some(path) => bytes = std::fs::read(path).with_context(|| format!("cannot read {path}"))?,
        None if body == "-" => {
            std::io::stdin().read_to_end(&mut bytes).context("cannot read standard input")?;
        }
        None => bytes = body.as_bytes().to_vec(),
    }
    Ok(bytes)
}
