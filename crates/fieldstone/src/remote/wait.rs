//! `fieldstone wait`.

use super::account::{ServerArgs, connect};
use super::find::ProjectArg;
use super::follow::{Awaited, Kind, all_succeeded, until_ended};
use super::table::print_json;
use std::process::ExitCode;
use std::time::Duration;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fieldstone wait -p brackets 12 13
  fieldstone wait -p brackets workflow/3 --timeout 600 && echo done

Exit codes: 0 all succeeded, 1 one failed or was cancelled, 124 the time is up. Ctrl-C ends the waiting, not the job.")]
pub struct WaitArgs {
    #[command(flatten)]
    pub server: ServerArgs,
    #[command(flatten)]
    project: ProjectArg,
    /// Jobs by id, workflows as workflow/ID
    #[arg(required = true, value_name = "ID", value_parser = awaited)]
    ids: Vec<Awaited>,
    /// Seconds to wait at most
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
}

/// A number of seconds, as `--timeout` takes it.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("expected a number of seconds, got {text:?}"))?;
    Duration::try_from_secs_f64(seconds).map_err(|e| format!("{text} seconds: {e}"))
}

fn awaited(text: &str) -> Result<Awaited, String> {
    let (kind, id) = match text.split_once('/') {
        None => (Kind::Job, text),
        Some(("job", id)) => (Kind::Job, id),
        Some(("workflow", id)) => (Kind::Workflow, id),
        Some((noun, _)) => return Err(format!("expected job/ID or workflow/ID, got {noun:?} in front")),
    };
    match !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()) {
        true => Ok(Awaited { kind, id: id.to_owned() }),
        false => Err(format!("expected a number as the id, got {id:?}")),
    }
}

/// Waits.
pub async fn execute(args: WaitArgs) -> anyhow::Result<ExitCode> {
    let client = connect(&args.server)?;
    let project = args.project.find(&client).await?;
    let documents = until_ended(&client, &project, &args.ids, args.timeout).await?;
    if args.server.json {
        print_json(&documents);
    }
    all_succeeded(&documents)?;
    Ok(ExitCode::SUCCESS)
}
