//! Processes of ours that compute: started with little of our environment, ended with all that they start.

use crate::config::Program;
use anyhow::Context;
use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use tokio::process::{Child, Command};

/// What a process needs of our environment: how much a panic tells, and where libraries are when they are not in their usual place.
/// All else is ours: settings, and whatever secrets whoever started us keeps there.
const ENVIRONMENT: [&str; 3] = ["RUST_BACKTRACE", "LD_LIBRARY_PATH", "SystemRoot"];

/// Starts a program of ours as the leader of a group of processes.
pub(crate) fn start(program: &Program, input: Stdio, output: Stdio, errors: Stdio) -> anyhow::Result<Child> {
    let mut command = Command::new(&program.path);
    command.args(&program.args).stdin(input).stdout(output).stderr(errors);
    command.env_clear();
    command.envs(ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    #[cfg(unix)]
    command.process_group(0);
    let child = command.kill_on_drop(true).spawn();
    child.with_context(|| format!("cannot start {}", program.path.display()))
}

/// The processes of one that was started and all that it starts. They are killed when this is dropped.
pub(crate) struct Group(Option<u32>);

impl Group {
    pub(crate) fn of(child: &Child) -> Group {
        Group(child.id())
    }

    /// That of a process which another has started for us.
    #[cfg(target_os = "linux")]
    pub(crate) fn led_by(leader: i32) -> Group {
        Group(u32::try_from(leader).ok())
    }

    /// Nobody is left of it: its number may be another's from now on.
    pub(crate) fn forget(&mut self) {
        self.0 = None;
    }

    pub(crate) fn kill(&self) {
        #[cfg(unix)]
        if let Some(leader) = self.0.and_then(|id| rustix::process::Pid::from_raw(id as i32)) {
            // An error says that there is nobody left.
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Tells of each thing that the system lacks once, not for every process.
pub(crate) fn tell_once(what: String) {
    static TOLD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    // What computes says it: it may say anything, but not without end.
    if told.len() < 16 && !told.contains(&what) {
        tracing::warn!("jobs are confined less than they could be: {what}");
        told.insert(what);
    }
}
