//! Running other programs: shown, awaited, their verdicts counted.

use crate::stall;
use anyhow::{Context, bail};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// No check of the suite takes a third of it.
const SILENCE: Duration = Duration::from_secs(600);

/// The root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask sits in the workspace").to_path_buf()
}

/// Where builds and scratch data go.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The cargo that runs us.
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}

/// How a command line reads.
pub fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|w| w.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Runs a command that must succeed.
pub fn must(command: &mut Command) -> anyhow::Result<()> {
    eprintln!("$ {}", shown(command));
    let status = command.status().with_context(|| format!("cannot start `{}`", shown(command)))?;
    if !status.success() {
        bail!("`{}` ended with {status}", shown(command));
    }
    Ok(())
}

/// Runs a command that must succeed and returns what it printed on stdout.
pub fn output_of(command: &mut Command) -> anyhow::Result<String> {
    let out = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{}`", shown(command)))?;
    if !out.status.success() {
        bail!("`{}` ended with {}", shown(command), out.status);
    }
    String::from_utf8(out.stdout).with_context(|| format!("output of `{}`", shown(command)))
}

/// What the checks of a suite came to.
#[derive(Debug)]
pub struct Tally {
    /// Checks that held.
    pub passed: u64,
    /// Checks that did not.
    pub failed: u64,
    /// Which steps failed, in words.
    pub failures: Vec<String>,
    /// A program that has not said a line for so long stands still.
    silence: Duration,
}

impl Default for Tally {
    fn default() -> Tally {
        Tally { passed: 0, failed: 0, failures: Vec::new(), silence: SILENCE }
    }
}

impl Tally {
    /// Counts one check.
    pub fn check(&mut self, name: &str, result: anyhow::Result<()>) {
        match result {
            Ok(()) => {
                println!("ok {name}");
                self.passed += 1;
            }
            Err(e) => {
                println!("FAIL {name}: {e:#}");
                self.failed += 1;
                self.failures.push(format!("{name}: {e:#}"));
            }
        }
    }

    /// Runs a program that prints a verdict per line, passes its lines on and counts what `verdict` makes of them:
    /// (passed, failed). A program that fails without saying so counts as one failure. Returns the lines.
    pub fn counted(
        &mut self,
        name: &str,
        command: &mut Command,
        verdict: fn(&str) -> Option<(u64, u64)>,
    ) -> Vec<String> {
        eprintln!("$ {}", shown(command));
        let before = self.failed;
        let mut lines = Vec::new();
        match self.follow(command, verdict, &mut lines) {
            Err(e) => self.check(name, Err(e)),
            Ok(success) if !success && self.failed == before => {
                self.check(name, Err(anyhow::anyhow!("`{}` did not succeed", shown(command))));
            }
            Ok(_) if self.failed > before => {
                let said =
                    lines.iter().filter_map(|line| line.strip_prefix("FAIL ")).collect::<Vec<_>>().join("; ");
                self.failures.push(format!("{name}: {} failed: {said}", self.failed - before));
            }
            Ok(_) => {}
        }
        lines
    }

    fn follow(
        &mut self,
        command: &mut Command,
        verdict: fn(&str) -> Option<(u64, u64)>,
        lines: &mut Vec<String>,
    ) -> anyhow::Result<bool> {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot start it")?;
        let stdout = child.stdout.take().context("its stdout is piped")?;
        let (said, heard) = channel();
        std::thread::spawn(move || BufReader::new(stdout).lines().try_for_each(|line| said.send(line)));
        loop {
            let line = match heard.recv_timeout(self.silence) {
                Ok(line) => line?,
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    self.end_what_stands_still(&mut child)?;
                    continue;
                }
            };
            println!("{line}");
            if let Some((passed, failed)) = verdict(&line) {
                self.passed += passed;
                self.failed += failed;
            }
            lines.push(line);
        }
        Ok(child.wait()?.success())
    }

    /// Ends what a program has started, that it goes on with the next; or itself, where it has started nothing. A failure.
    fn end_what_stands_still(&mut self, child: &mut Child) -> anyhow::Result<()> {
        let started = stall::descendants(child.id());
        let mut text = format!("nothing was said for {} s", self.silence.as_secs());
        for one in &started {
            text += &format!("\n{one}");
        }
        self.check("goes on", Err(anyhow::anyhow!(text)));
        stall::kill(started.iter().map(stall::Descendant::pid));
        if started.is_empty() {
            child.kill()?;
        }
        Ok(())
    }
}

/// `test result: ok. 12 passed; 0 failed; 0 ignored; …`, the summary of each test binary.
pub fn cargo_test_verdict(line: &str) -> Option<(u64, u64)> {
    let rest = line.strip_prefix("test result: ")?;
    let number = |word: &str| -> Option<u64> {
        let at = rest.find(word)?;
        rest[..at].split_whitespace().next_back()?.parse().ok()
    };
    Some((number(" passed;")?, number(" failed;")?))
}

/// `ok NAME` and `FAIL NAME …`, what our scripts print per check.
pub fn script_verdict(line: &str) -> Option<(u64, u64)> {
    match line.split_whitespace().next()? {
        "ok" => Some((1, 0)),
        "FAIL" => Some((0, 1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_read() {
        let line = "test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s";
        assert_eq!(cargo_test_verdict(line), Some((12, 3)));
        assert_eq!(cargo_test_verdict("test foo ... ok"), None);
        assert_eq!(script_verdict("ok uploads a part"), Some((1, 0)));
        assert_eq!(script_verdict("FAIL uploads a part: 404"), Some((0, 1)));
        assert_eq!(script_verdict("okay"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_stands_still_is_a_failure_and_the_rest_goes_on() {
        let mut tally = Tally { silence: Duration::from_secs(1), ..Tally::default() };
        let mut shell = Command::new("sh");
        tally.counted(
            "still",
            shell.args(["-c", "echo ok the first; sleep 1000; echo ok the next"]),
            script_verdict,
        );
        assert_eq!((tally.passed, tally.failed), (2, 1));
        assert!(tally.failures[0].contains("sleep 1000"), "{:?}", tally.failures);
    }

    #[test]
    fn a_silent_failure_counts() {
        let mut tally = Tally::default();
        tally.counted("false", &mut Command::new("false"), script_verdict);
        assert_eq!((tally.passed, tally.failed), (0, 1));
    }
}
