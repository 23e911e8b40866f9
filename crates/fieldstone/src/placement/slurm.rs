//! Slurm, by its own commands: sbatch(1), squeue(1), scancel(1).
//!
//! A pilot is known by its name, never by its number alone: after a crash a controller may have forgotten jobs that it had acknowledged,
//! and give their numbers to others.

use crate::size::Size;
use anyhow::{Context, bail, ensure};
use fieldstone_engine::Pilot;
use fieldstone_engine::model::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// A command that says nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(60);
/// Seconds that a worker has less than its allocation: it goes before its machine does.
const MARGIN: u64 = 30;
/// States of a job that waits for its machine, and of one that has it.
const WAITING: [&str; 4] = ["PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD"];
const RUNNING: [&str; 3] = ["RUNNING", "SUSPENDED", "STOPPED"];
/// States of one that ended otherwise than by itself, by an order or at the end of its time.
const FAILED: [&str; 5] = ["FAILED", "BOOT_FAIL", "NODE_FAIL", "OUT_OF_MEMORY", "LAUNCH_FAILED"];

/// Begins names of variables that are this server's own: its settings, and what opens its database and its bucket.
const OWN: [&str; 3] = ["FIELDSTONE_", "AWS_", "PG"];
/// Those of them that are for workers, too.
const FOR_WORKERS: [&str; 4] =
    ["FIELDSTONE_WORKER_CACHE", "FIELDSTONE_CA", "FIELDSTONE_LOG", "FIELDSTONE_LOG_FORMAT"];

/// How pilots are asked for.
#[derive(Clone, Debug)]
pub struct Slurm {
    pub partition: Option<String>,
    pub account: Option<String>,
    pub cores: u32,
    pub memory: Size,
    /// Seconds of an allocation.
    pub time: u64,
    pub idle_exit: u64,
    /// Further options of sbatch.
    pub options: Vec<String>,
    /// Where workers find the server.
    pub server: String,
    pub token_file: PathBuf,
    /// This program, as machines of the cluster see it.
    pub program: PathBuf,
}

impl Slurm {
    /// Bytes of memory that a job at a pilot may need: three quarters of what it has, as everywhere.
    pub fn memory_of_jobs(&self) -> u64 {
        self.memory.0 / 4 * 3
    }

    /// Asks for a worker of this name.
    pub async fn ask(&self, name: &str) -> anyhow::Result<Pilot> {
        let mut sbatch = Command::new("sbatch");
        // It hands its variables on to what it starts, and Slurm writes them down.
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        names.filter(|name| is_own(name)).for_each(|name| {
            sbatch.env_remove(name);
        });
        sbatch.args(["--parsable", "--no-requeue", "--nodes=1", "--ntasks=1", "--output=/dev/null"]);
        sbatch.arg(format!("--job-name={name}")).arg(format!("--cpus-per-task={}", self.cores));
        sbatch.arg(format!("--mem={}M", self.memory.0.div_ceil(1 << 20)));
        sbatch.arg(format!("--time={}", self.time.div_ceil(60)));
        sbatch.args(self.partition.iter().map(|name| format!("--partition={name}")));
        sbatch.args(self.account.iter().map(|name| format!("--account={name}")));
        // Last: of an option that is given twice the last one counts.
        sbatch.args(&self.options);
        // Its number; with several clusters, a semicolon and a name follow.
        let said = run(sbatch, self.script(name).as_bytes()).await?;
        let said = String::from_utf8_lossy(&said);
        let number = said.trim().split(';').next().and_then(|number| number.parse().ok()).unwrap_or_default();
        let since = Some(Timestamp::now());
        Ok(Pilot { name: name.into(), number, runs: false, reason: None, since, cores: self.cores.into() })
    }

    /// What runs in the allocation. The worker takes the shell's place, so that signals come to it.
    fn script(&self, name: &str) -> String {
        let words = [
            self.program.display().to_string(),
            "worker".into(),
            format!("--server={}", self.server),
            format!("--token-file={}", self.token_file.display()),
            format!("--name={name}"),
            format!("--threads={}", self.cores),
            format!("--memory={}", self.memory_of_jobs()),
            format!("--idle-exit={}", self.idle_exit),
            format!("--time-left={}", self.time.saturating_sub(MARGIN)),
        ];
        let quoted: Vec<String> =
            words.iter().map(|word| format!("'{}'", word.replace('\'', r"'\''"))).collect();
        format!("#!/bin/sh\nexec {}\n", quoted.join(" "))
    }

    /// Pilots whose names begin so: those that wait or run, and the names of those that have failed, as long as Slurm remembers them.
    pub async fn pilots(&self, begin: &str) -> anyhow::Result<(Vec<Pilot>, BTreeSet<String>)> {
        let mut squeue = Command::new("squeue");
        squeue.args(["--json", "--me", "--states=all"]);
        let said = run(squeue, b"").await?;
        let queue: Value = serde_json::from_slice(&said).context("squeue says what is no JSON")?;
        let jobs = queue["jobs"].as_array().context("squeue lists no jobs")?;
        let failed =
            jobs.iter().filter(|job| FAILED.contains(&state(job))).filter_map(|job| name(job, begin));
        Ok((jobs.iter().filter_map(|job| pilot(job, begin)).collect(), failed.map(str::to_owned).collect()))
    }

    /// Takes one back, by its name.
    pub async fn take_back(&self, name: &str) -> anyhow::Result<()> {
        let mut scancel = Command::new("scancel");
        scancel.args(["--me", "--state=PENDING"]).arg(format!("--name={name}"));
        run(scancel, b"").await?;
        Ok(())
    }
}

/// Whether a variable is not for workers.
fn is_own(name: &str) -> bool {
    OWN.iter().any(|begin| name.starts_with(begin)) && !FOR_WORKERS.contains(&name)
}

fn name<'a>(job: &'a Value, begin: &str) -> Option<&'a str> {
    job["name"].as_str().filter(|name| name.starts_with(begin))
}

fn state(job: &Value) -> &str {
    job["job_state"].as_str().or_else(|| job["job_state"][0].as_str()).unwrap_or_default()
}

/// A job of the queue, if it is one of these and lives. Versions of Slurm write numbers and states in two ways.
fn pilot(job: &Value, begin: &str) -> Option<Pilot> {
    let number = |name: &str| job[name].as_u64().or_else(|| job[name]["number"].as_u64());
    let (name, state) = (name(job, begin)?, state(job));
    let runs = RUNNING.contains(&state);
    if !runs && !WAITING.contains(&state) {
        return None;
    }
    let since = number(if runs { "start_time" } else { "submit_time" }).filter(|seconds| *seconds > 0);
    let seconds = since.and_then(|seconds| i64::try_from(seconds).ok());
    Some(Pilot {
        name: name.to_owned(),
        number: number("job_id").unwrap_or_default(),
        runs,
        reason: job["state_reason"].as_str().filter(|reason| !runs && *reason != "None").map(str::to_owned),
        since: seconds.and_then(|seconds| seconds.checked_mul(1_000_000)).map(Timestamp),
        cores: number("cpus").unwrap_or_default(),
    })
}

/// What a command says that ends well.
async fn run(mut command: Command, input: &[u8]) -> anyhow::Result<Vec<u8>> {
    let name = command.as_std().get_program().display().to_string();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
    let mut stdin = child.stdin.take().context("its input is piped")?;
    let answer = async {
        // One that does not read tells why by its exit.
        stdin.write_all(input).await.unwrap_or_default();
        drop(stdin);
        child.wait_with_output().await
    };
    let Ok(output) = tokio::time::timeout(PATIENCE, answer).await else {
        bail!("{name} has said nothing for {} s", PATIENCE.as_secs());
    };
    let output = output?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name} fails ({}): {}", output.status, said.trim());
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn jobs_are_read_as_old_and_new_versions_write_them() {
        let old = json!({"name": "fs-1-a", "job_id": 7, "job_state": "PENDING", "state_reason": "Resources",
            "submit_time": 5, "start_time": 0, "cpus": 4});
        let waits = Pilot {
            name: "fs-1-a".into(),
            number: 7,
            runs: false,
            reason: Some("Resources".into()),
            since: Some(Timestamp(5_000_000)),
            cores: 4,
        };
        assert_eq!(pilot(&old, "fs-1-"), Some(waits.clone()));
        let number = |n: u64| json!({"set": true, "infinite": false, "number": n});
        let new = json!({"name": "fs-1-a", "job_id": 7, "job_state": ["RUNNING"], "state_reason": "None",
            "submit_time": number(5), "start_time": number(6), "cpus": number(4)});
        let runs = Pilot { runs: true, reason: None, since: Some(Timestamp(6_000_000)), ..waits };
        assert_eq!(pilot(&new, "fs-1-"), Some(runs));
        let ended = json!({"name": "fs-1-a", "job_state": "COMPLETED"});
        assert_eq!((pilot(&ended, "fs-1-"), pilot(&old, "fs-2-")), (None, None));
    }

    #[test]
    fn whatever_a_path_holds_is_one_word_of_the_script() {
        let slurm = Slurm {
            partition: None,
            account: None,
            cores: 2,
            memory: Size(8 << 30),
            time: 3600,
            idle_exit: 9,
            options: Vec::new(),
            server: "http://head:8080".into(),
            token_file: "/home/o'neill; rm -rf/$HOME".into(),
            program: "/bin/echo".into(),
        };
        let script = slurm.script("fs-1-a");
        let said = std::process::Command::new("sh").args(["-c", &script]).output().unwrap().stdout;
        assert_eq!(
            String::from_utf8(said).unwrap(),
            "worker --server=http://head:8080 --token-file=/home/o'neill; rm -rf/$HOME --name=fs-1-a --threads=2 \
             --memory=6442450944 --idle-exit=9 --time-left=3570\n"
        );
    }
}
