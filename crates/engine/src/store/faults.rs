//! Faults as their causes tell them apart: a full disk, no descriptor left, a locked ledger, one that does not answer, anything else.

use super::db::NulInText;
use crate::error::EngineError;
use sqlx::postgres::PgDatabaseError;

/// What the causes of a fault have in common decides: a full disk, a process without a descriptor and a locked ledger are told
/// apart from all others, through whatever layer they come.
impl From<anyhow::Error> for EngineError {
    fn from(error: anyhow::Error) -> Self {
        let is_full = |e: &std::io::Error| {
            use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
            // A file that may not grow (ulimit -f) is a disk that is full for us.
            matches!(e.kind(), StorageFull | FileTooLarge | QuotaExceeded)
        };
        for cause in error.chain() {
            if cause.downcast_ref().is_some_and(is_full) {
                return EngineError::Full;
            }
            if cause.downcast_ref().is_some_and(lacks_descriptors) {
                return EngineError::NoDescriptors;
            }
            match cause.downcast_ref::<sqlx::Error>() {
                Some(sqlx::Error::PoolTimedOut) => return EngineError::Locked,
                Some(sqlx::Error::Encode(e)) => {
                    if let Some(e) = e.downcast_ref::<NulInText>() {
                        return EngineError::invalid("", e.to_string());
                    }
                }
                Some(sqlx::Error::Io(e)) => return unreachable(&e.to_string()),
                Some(sqlx::Error::Database(e)) if e.try_downcast_ref::<PgDatabaseError>().is_some() => {
                    if let Some(fault) = postgres_fault(&e.code().unwrap_or_default(), e.message()) {
                        return fault;
                    }
                }
                Some(sqlx::Error::Database(e)) => match sqlite_code(e.code().as_deref()) {
                    Some(SQLITE_FULL | SQLITE_IOERR_SHMSIZE) => return EngineError::Full,
                    Some(code) if matches!(code & 0xff, SQLITE_BUSY | SQLITE_LOCKED) => {
                        return EngineError::Locked;
                    }
                    // SQLite does not say why; whether another file can be opened does.
                    Some(code) if code & 0xff == SQLITE_CANTOPEN && cannot_open() => {
                        return EngineError::NoDescriptors;
                    }
                    _ => {}
                },
                _ => {}
            }
        }
        EngineError::Internal(error)
    }
}

/// Extended result codes of SQLite (sqlite.org/rescode.html); the low byte is the class.
const SQLITE_BUSY: u32 = 5;
const SQLITE_LOCKED: u32 = 6;
const SQLITE_FULL: u32 = 13;
const SQLITE_CANTOPEN: u32 = 14;
/// The index of the write-ahead log cannot grow.
const SQLITE_IOERR_SHMSIZE: u32 = 10 | (19 << 8);

/// What a condition of PostgreSQL is for who asked (postgresql.org/docs/current/errcodes-appendix.html), if it is none of ours.
fn postgres_fault(code: &str, message: &str) -> Option<EngineError> {
    match code {
        // A deadlock, or a lock that was waited for in vain.
        "40001" | "40P01" | "55P03" => Some(EngineError::Locked),
        "53100" => Some(EngineError::NoRoom("the disk of the ledger's database is full".into())),
        // It stops, starts, has too many connections or is a copy that only reads; or it has given up a transaction of a server that
        // slept in the middle of it.
        "57P01" | "57P02" | "57P03" | "57P05" | "53300" | "25006" | "25P03" => Some(unreachable(message)),
        code if code.starts_with("08") => Some(unreachable(message)),
        _ => None,
    }
}

fn unreachable(why: &str) -> EngineError {
    EngineError::Unreachable(format!("the database of the ledger does not answer: {why}"))
}

/// Whether no file can be opened now.
fn cannot_open() -> bool {
    std::fs::File::open("/dev/null").is_err_and(|e| lacks_descriptors(&e))
}

/// Whether this process, or the machine, has no descriptor left.
fn lacks_descriptors(e: &std::io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        [Errno::MFILE, Errno::NFILE].iter().any(|errno| e.raw_os_error() == Some(errno.raw_os_error()))
    }
    #[cfg(not(unix))]
    {
        let _ = e;
        false
    }
}

fn sqlite_code(code: Option<&str>) -> Option<u32> {
    code?.parse().ok()
}

impl From<sqlx::Error> for EngineError {
    fn from(e: sqlx::Error) -> Self {
        anyhow::Error::from(e).into()
    }
}

impl From<sqlx::migrate::MigrateError> for EngineError {
    fn from(e: sqlx::migrate::MigrateError) -> Self {
        anyhow::Error::from(e).into()
    }
}
