//! The audit log as the server and the commands beside it open it.

use crate::settings::Settings;
use anyhow::Context;
use fieldstone_server::{AuditConfig, AuditLog, Event};

/// The log that the settings ask for.
pub fn open(settings: &Settings) -> anyhow::Result<Option<AuditLog>> {
    settings.audit().map(open_at).transpose()
}

fn open_at(config: AuditConfig) -> anyhow::Result<AuditLog> {
    let path = config.path.clone();
    AuditLog::open(config).with_context(|| format!("cannot open the audit log {}", path.display()))
}

/// Writes down what a command has done. It has been done, so a log that cannot be written is told and no more.
pub fn note(settings: &Settings, event: Event) {
    let Some(config) = settings.audit() else { return };
    // The server that may be writing the same file begins new ones; a command only appends.
    match open_at(AuditConfig { max_bytes: u64::MAX, ..config }) {
        Ok(log) => log.write(&event.with("with", Some("command")).with("os_user", os_user())),
        Err(e) => eprintln!("warning: {e:#}"),
    }
}

/// The number of the user who runs this command.
fn os_user() -> Option<u32> {
    #[cfg(unix)]
    return Some(rustix::process::getuid().as_raw());
    #[cfg(not(unix))]
    None
}
