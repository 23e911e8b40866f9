//! Completions, asked of the shells themselves, and manual pages.

use crate::harness::{call, names};
use std::path::Path;
use std::process::Command;

/// What follows `fieldstone jobs `.
const JOBS: [&str; 3] = ["cancel", "logs", "rename"];

const BASH: &str = r#"
source "$1"
COMP_WORDS=(fieldstone jobs "") COMP_CWORD=2
_fieldstone fieldstone "" jobs
printf '%s\n' "${COMPREPLY[@]}"
"#;

const FISH: &str = r#"
set PATH $argv[2] $PATH
source $argv[1]
complete -C "fieldstone jobs "
"#;

/// Completion is a matter of its line editor, which wants a terminal; reading waits for what is asked for.
const ZSH: &str = r#"
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "fpath=($1:h \$fpath); autoload -U compinit; compinit -u -D; LISTMAX=1000; PS1=; print read''y"
zpty -r shell shown '*ready*'
zpty -w -n shell $'fieldstone jobs \t\t'
zpty -r shell shown '*cancel*logs*rename*'
print -r -- $shown
zpty -d shell
"#;

/// What a shell offers behind `fieldstone jobs `; `None` where it is not installed.
fn offered(shell: &str, arguments: &[&str], question: &str, script: &Path) -> Option<String> {
    if Command::new(shell).arg("--version").output().is_err() {
        eprintln!("left out: no {shell} is installed (Debian: apt-get install {shell})");
        return None;
    }
    // Whoever waits for words that never come is ended.
    let mut command = Command::new("timeout");
    command.args(["60", shell]).args(arguments).args(["-c", question]);
    // The others take the word behind a command for their own name.
    if shell != "fish" {
        command.arg(shell);
    }
    let programs = Path::new(env!("CARGO_BIN_EXE_fieldstone")).parent().unwrap();
    let out = command.arg(script).arg(programs).output().unwrap();
    assert!(out.status.success(), "{shell}: {}", String::from_utf8_lossy(&out.stderr));
    Some(String::from_utf8(out.stdout).unwrap())
}

#[test]
fn every_shell_completes() {
    let dir = tempfile::tempdir().unwrap();
    for (shell, arguments, question) in
        [("bash", &["--norc"][..], BASH), ("fish", &["-N"][..], FISH), ("zsh", &["-f"][..], ZSH)]
    {
        let script = dir.path().join("_fieldstone");
        std::fs::write(&script, call(dir.path(), &["completions", shell]).stdout).unwrap();
        if let Some(offered) = offered(shell, arguments, question, &script) {
            assert!(JOBS.iter().all(|word| offered.contains(word)), "{shell}: {offered}");
        }
    }
    // There is no PowerShell to ask.
    let script = String::from_utf8(call(dir.path(), &["completions", "powershell"]).stdout).unwrap();
    assert!(JOBS.iter().all(|word| script.contains(&format!("CompletionResult]::new('{word}'"))), "{script}");
}

#[test]
fn man_knows_every_command() {
    let dir = tempfile::tempdir().unwrap();
    assert!(call(dir.path(), &["man", "man1"]).status.success());
    let pages = names(&dir.path().join("man1"));
    assert!(pages.contains(&"fieldstone-assets-cp.1".to_owned()), "{pages:?}");
}
