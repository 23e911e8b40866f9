//! The same tests once more, somewhere else.

use std::process::Command;

/// Runs the tests of this program whose names contain one of `these` and none of `but` once more, with these variables; `place` is what
/// messages call that.
pub(super) fn run_again(place: &str, these: &[&str], but: &[&str], variables: &[(&str, String)]) {
    let mut again = Command::new(std::env::current_exe().expect("a program knows its file"));
    again.args(these).args(but.iter().flat_map(|name| ["--skip", name]));
    again.envs(variables.iter().map(|(name, value)| (name, value)));
    let said = again.output().expect("a program can start itself");
    let text = String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success(), "{place}:\n{text}{}", String::from_utf8_lossy(&said.stderr));
    assert!(!text.contains(" 0 passed"), "no such test: {text}");
    let result = text.lines().rfind(|line| line.starts_with("test result")).unwrap_or_default();
    eprintln!("{place}: {result}");
}
