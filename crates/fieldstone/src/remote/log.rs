//! `fieldstone jobs logs`.

use super::client::Client;
use super::find::{JOBS, OneArg};
use super::table::{field, plain, print_json};
use crate::progress::has_ended;
use serde_json::Value;
use std::process::ExitCode;
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(250);

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fieldstone jobs logs -p brackets 12
  fieldstone jobs logs -p brackets 12 --follow")]
pub struct LogArgs {
    #[command(flatten)]
    job: OneArg,
    /// Go on with new lines until the job has ended; with --json a line of JSON each
    #[arg(short, long)]
    follow: bool,
}

/// Shows the log.
pub async fn execute(client: &Client, args: LogArgs, json: bool) -> anyhow::Result<ExitCode> {
    let job = args.job.path(client, JOBS).await?;
    let mut shown = 0;
    loop {
        // The state first: what is said before a job ends is in the log that is read after.
        let over = !args.follow || has_ended(client.get(&job).await?["state"].as_str().unwrap_or_default());
        let log = client.get(&format!("{job}/log")).await?;
        let lines = log.as_array().map_or(&[][..], Vec::as_slice);
        if json && !args.follow {
            print_json(lines);
        } else {
            let new = lines.get(shown..).unwrap_or_default();
            new.iter().for_each(|line| if json { println!("{line}") } else { println!("{}", written(line)) });
        }
        if over {
            return Ok(ExitCode::SUCCESS);
        }
        shown = lines.len();
        tokio::time::sleep(PAUSE).await;
    }
}

fn written(line: &Value) -> String {
    let [time, attempt, level, text] =
        ["time", "attempt", "level", "text"].map(|name| plain(&field(line, name)));
    format!("{time} {attempt:>2} {level:<7} {text}")
}
