//! What can go wrong between a command and a server, each with the exit code that scripts see.

use std::fmt;
use std::process::ExitCode;

/// Exit code of a command that failed in a way that scripts may want to tell from others. Usage is 2, as `clap` has it.
#[derive(Debug)]
pub enum Failure {
    /// The server knows no such thing, or does not show it to this key: 3.
    NotFound(String),
    /// No key, or one that does not open it: 4.
    SignIn(String),
    /// No answer: 5.
    Unreachable(String),
    /// `--timeout` has passed: 124, as `timeout(1)` has it.
    Timeout(String),
    /// The server refused the request, or the job failed: 1.
    Refused(String),
}

impl Failure {
    /// The same kind with another text.
    pub fn saying(self, text: String) -> Failure {
        match self {
            Failure::NotFound(_) => Failure::NotFound(text),
            Failure::SignIn(_) => Failure::SignIn(text),
            Failure::Unreachable(_) => Failure::Unreachable(text),
            Failure::Timeout(_) => Failure::Timeout(text),
            Failure::Refused(_) => Failure::Refused(text),
        }
    }

    /// As the table in `fieldstone --help` says.
    pub fn code(&self) -> u8 {
        match self {
            Failure::Refused(_) => 1,
            Failure::NotFound(_) => 3,
            Failure::SignIn(_) => 4,
            Failure::Unreachable(_) => 5,
            Failure::Timeout(_) => 124,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::NotFound(text)
            | Failure::SignIn(text)
            | Failure::Unreachable(text)
            | Failure::Timeout(text)
            | Failure::Refused(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Failure {}

/// The exit code of an error: that of the [`Failure`] in its chain, else 1.
pub fn code_of(error: &anyhow::Error) -> u8 {
    error.downcast_ref::<Failure>().map_or(1, Failure::code)
}

/// The error on stderr: a line for people, or `{"error", "code"}` for programs.
pub fn tell(error: &anyhow::Error, json: bool) -> ExitCode {
    let code = code_of(error);
    if json {
        eprintln!("{}", serde_json::json!({"error": format!("{error:#}"), "code": code}));
    } else {
        eprintln!("error: {error:#}");
    }
    ExitCode::from(code)
}
