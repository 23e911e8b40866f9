//! A throw-away PostgreSQL for tests, and the same tests once more on it.

use super::again::run_again;
use crate::location::DatabaseUrl;
use sha2::{Digest, Sha256};
use std::io::{Error, Result};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Names a database for tests. Each data folder has a schema of its own in it.
pub const DATABASE: &str = "FIELDSTONE_TEST_DATABASE";

/// Whether this run of the tests is on PostgreSQL.
pub fn is_on_postgres() -> bool {
    std::env::var_os(DATABASE).is_some()
}

/// The database of a data folder in this run of the tests; `None`: it is in the folder.
pub fn database_of(data: &Path) -> Option<DatabaseUrl> {
    let url = std::env::var(DATABASE).ok()?;
    let schema = hex::encode(&Sha256::digest(data.as_os_str().as_encoded_bytes())[..8]);
    let joined = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{joined}options=-c%20search_path%3Dt_{schema}");
    Some(url.parse().unwrap_or_else(|e| panic!("{DATABASE}: {e}")))
}

/// Runs the tests of this program whose names contain one of `these` and none of `but` once more, on PostgreSQL: the one that the
/// environment names, or one that lives as long as they run. Where there is none they are left out, with a word.
pub fn again_on_postgres(these: &[&str], but: &[&str]) {
    if is_on_postgres() && std::env::var_os(AGAIN).is_some() {
        return;
    }
    let server = match std::env::var(DATABASE) {
        Ok(_) => None,
        Err(_) => match Postgres::start() {
            Ok(Some(server)) => Some(server),
            Ok(None) => {
                return eprintln!(
                    "left out: no PostgreSQL is installed (Debian: apt-get install postgresql)"
                );
            }
            Err(e) => panic!("PostgreSQL does not start: {e}"),
        },
    };
    let url = server.as_ref().map(|server| (DATABASE, server.url()));
    let variables: Vec<_> = url.into_iter().chain([(AGAIN, "1".to_owned())]).collect();
    run_again("on PostgreSQL", these, but, &variables);
}

/// Keeps the second run from beginning a third.
const AGAIN: &str = "FIELDSTONE_TEST_AGAIN";

/// A PostgreSQL of our own, on a socket in a folder of its own. It ends, and is gone, when this is dropped.
pub struct Postgres {
    programs: PathBuf,
    folder: PathBuf,
    /// For root, whom it refuses, another user.
    user: Option<&'static str>,
}

impl Postgres {
    /// Starts one; `None` where none is installed.
    pub fn start() -> Result<Option<Postgres>> {
        let Some(programs) = programs() else { return Ok(None) };
        let user = is_root().then_some("postgres");
        let folder = std::env::temp_dir().join(format!("fs-pg-{:x}", rand::random::<u64>()));
        let server = Postgres { programs, folder, user };
        said(server.command("mkdir").arg("-m700").arg(&server.folder).output()?)?;
        let init = || {
            let mut init = server.command(server.programs.join("initdb"));
            init.arg("-D").arg(server.data()).args([
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-sync",
            ]);
            init
        };
        // A language whose order is another than that of code points, so that nobody leans on it.
        let spoken =
            init().args(["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"]).output()?;
        if !spoken.status.success() {
            said(server.command("rm").arg("-rf").arg(server.data()).output()?)?;
            said(init().arg("--locale=C.UTF-8").output()?)?;
        }
        server.go_on()?;
        Ok(Some(server))
    }

    /// Its database.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// Starts it again.
    pub fn go_on(&self) -> Result<()> {
        // Nobody cuts the power of a test: what is committed has only to outlive the server.
        let options = format!(
            "-k {} -c listen_addresses='' -c fsync=off -c full_page_writes=off \
             -c max_connections=400",
            self.folder.display()
        );
        let mut start = self.control("start");
        start.arg("-w").arg("-l").arg(self.folder.join("log")).arg("-o").arg(options);
        // Its own child would hold the pipes of this one.
        let status =
            start.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).status()?;
        let log = || std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        if status.success() { Ok(()) } else { Err(Error::other(log())) }
    }

    /// Ends it, as a crash would.
    pub fn stop(&self) -> Result<()> {
        said(self.control("stop").args(["-m", "immediate"]).output()?)
    }

    /// Number of its first process, whose children are all others.
    pub fn pid(&self) -> Result<u32> {
        let text = std::fs::read_to_string(self.data().join("postmaster.pid"))?;
        text.lines().next().and_then(|line| line.trim().parse().ok()).ok_or_else(|| Error::other(text))
    }

    /// One of its programs, for this server.
    pub fn program(&self, name: &str) -> Command {
        let mut program = self.command(self.programs.join(name));
        program.args(["-U", "postgres", "-h"]).arg(&self.folder);
        program
    }

    /// Another of its databases.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@localhost/{database}?host={}", self.folder.display())
    }

    fn control(&self, what: &str) -> Command {
        let mut control = self.command(self.programs.join("pg_ctl"));
        control.arg(what).arg("-D").arg(self.data());
        control
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = match self.user {
            None => Command::new(program.as_ref()),
            Some(user) => {
                let mut command = Command::new("runuser");
                command.args(["-u", user, "--"]).arg(program.as_ref());
                command
            }
        };
        command.current_dir("/");
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // What cannot be ended or removed is left, in a folder for what is left.
        let _ = self.stop();
        let _ = self.command("rm").arg("-rf").arg(&self.folder).output();
    }
}

fn said(output: Output) -> Result<()> {
    match output.status.success() {
        true => Ok(()),
        false => Err(Error::other(String::from_utf8_lossy(&output.stderr).into_owned())),
    }
}

fn is_root() -> bool {
    #[cfg(unix)]
    {
        rustix::process::geteuid().is_root()
    }
    #[cfg(not(unix))]
    {
        false
    }
}

/// The folder of the newest PostgreSQL's programs: Debian has one for each version, others have them where all programs are.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.filter_map(|version| {
        let number: u32 = version.file_name().to_str()?.parse().ok()?;
        Some((number, version.path().join("bin")))
    });
    let on_path = || std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect::<Vec<_>>();
    let has_all = |folder: &PathBuf| folder.join("initdb").is_file() && folder.join("pg_ctl").is_file();
    newest
        .filter(|(_, folder)| has_all(folder))
        .max()
        .map(|(_, folder)| folder)
        .or_else(|| on_path().into_iter().find(has_all))
}
