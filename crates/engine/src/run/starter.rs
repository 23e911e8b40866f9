//! How the process of an attempt is started: forked from one that is loaded once, where the system can.

use super::attempt_process::AttemptProcess;
#[cfg(target_os = "linux")]
use super::fork_server::ForkServer;
use crate::config::Program;

/// Starts the processes of attempts.
#[derive(Default)]
pub(crate) struct Starter {
    #[cfg(target_os = "linux")]
    forks: ForkServer,
}

impl Starter {
    /// A process that runs this program.
    pub(super) async fn start(&self, program: &Program) -> anyhow::Result<AttemptProcess> {
        #[cfg(target_os = "linux")]
        return self.forks.fork(program).await;
        #[cfg(not(target_os = "linux"))]
        loaded(program)
    }
}

/// A process that loads the program for itself.
#[cfg(not(target_os = "linux"))]
fn loaded(program: &Program) -> anyhow::Result<AttemptProcess> {
    use crate::child_process::{Group, start};
    use anyhow::Context;
    use std::process::Stdio;
    let mut child = start(program, Stdio::piped(), Stdio::piped(), Stdio::piped())?;
    Ok(AttemptProcess {
        orders: Box::new(child.stdin.take().context("its input is piped")?),
        reports: Box::new(child.stdout.take().context("its output is piped")?),
        errors: Box::new(child.stderr.take().context("its errors are piped")?),
        group: Group::of(&child),
        exit: Box::pin(async move {
            let _rest = Group::of(&child);
            Ok(child.wait().await?)
        }),
    })
}
