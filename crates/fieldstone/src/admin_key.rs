//! The first key of a new data folder, handed to whoever started the server and to nobody else: never to a log.

use anyhow::Context;
use fieldstone_engine::private_file;
use std::io::{IsTerminal, Write};
use std::path::Path;

/// The file in the data folder that gets the key when standard error is read by others.
const FILE: &str = "admin.key";

/// Shows the key on standard error when that is a terminal or a file that only its owner may read; else, as under a service
/// manager that keeps a log, writes it to a file of the data folder.
pub fn hand_over(token: &str, data: &Path) -> anyhow::Result<()> {
    if std::io::stderr().is_terminal() || is_private_file() {
        eprintln!("admin key, shown only now: {token}");
        return Ok(());
    }
    let path = data.join(FILE);
    let file = private_file().truncate(true).open(&path);
    let mut file = file.with_context(|| format!("cannot write {}", path.display()))?;
    writeln!(file, "{token}").and_then(|()| file.sync_all()).with_context(|| path.display().to_string())?;
    eprintln!("admin key: in {}, which only its owner may read", path.display());
    Ok(())
}

/// Whether standard error is a file that nobody but its owner may read.
#[cfg(unix)]
fn is_private_file() -> bool {
    let Ok(found) = rustix::fs::fstat(std::io::stderr()) else { return false };
    rustix::fs::FileType::from_raw_mode(found.st_mode) == rustix::fs::FileType::RegularFile
        && found.st_mode & 0o077 == 0
}

#[cfg(not(unix))]
fn is_private_file() -> bool {
    false
}
