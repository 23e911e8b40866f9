//! What can go wrong, as the caller needs to tell it apart.

/// What the engine's functions return.
pub(crate) type Result<T, E = EngineError> = std::result::Result<T, E>;

/// One refused field of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Path of the field, for example `jobs.sample-mesh.parameters.resolution`; empty for the whole.
    pub field: String,
    /// What is wrong with it, with the value.
    pub msg: String,
}

/// Why the engine refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No such resource, or not this caller's.
    #[error("{0} does not exist")]
    NotFound(String),
    /// The request is wrong; `message` summarises `errors`.
    #[error("{message}")]
    Invalid {
        /// For people.
        message: String,
        /// Field by field, may be empty.
        errors: Vec<FieldError>,
    },
    /// The caller's key does not reach that far.
    #[error("{0}")]
    Denied(String),
    /// The request is right but not now: cancelling what is finished, deleting what runs.
    #[error("{0}")]
    Conflict(String),
    /// Larger than a limit.
    #[error("{0}")]
    TooLarge(String),
    /// More than its project may hold.
    #[error("{0}")]
    Quota(String),
    /// It was there and is no more, for it has grown too old.
    #[error("{0}")]
    Gone(String),
    /// What came has another checksum than its sender said.
    #[error("{0}")]
    Mismatch(String),
    /// Too much is waiting already; the same request may succeed later.
    #[error("{message}")]
    Busy {
        /// For people.
        message: String,
        /// Seconds to wait before the next try.
        retry_after_s: u64,
    },
    /// More than there is room for on the disk: nothing of the request was kept.
    #[error("{0}")]
    NoRoom(String),
    /// Nothing of the request was kept, for want of room.
    #[error("the disk of the data folder is full")]
    Full,
    /// Nothing of the request was kept: this process has as many files and connections open as it may. The same request may
    /// succeed later.
    #[error("the server has no file descriptor left")]
    NoDescriptors,
    /// Nothing of the request was kept: others have been writing all the time. The same request may succeed later.
    #[error(
        "the ledger is locked by another process, does not answer, or too much waits to be written to it"
    )]
    Locked,
    /// Nothing of the request was kept, or it is not known whether: the database of the ledger does not answer. The same
    /// request may succeed later.
    #[error("{0}")]
    Unreachable(String),
    /// Our fault or the machine's.
    #[error("internal error: {0:#}")]
    Internal(anyhow::Error),
}

impl EngineError {
    /// A request that is wrong in one place.
    pub fn invalid(field: impl Into<String>, msg: impl Into<String>) -> Self {
        let (field, msg) = (field.into(), msg.into());
        let message = if field.is_empty() { msg.clone() } else { format!("{field}: {msg}") };
        EngineError::Invalid { message, errors: vec![FieldError { field, msg }] }
    }
}

/// A row of a job that cannot be read: it was damaged, or written by something else.
#[derive(Debug, thiserror::Error)]
#[error("its row in the ledger cannot be read: {0:#}")]
pub(crate) struct UnreadableJob(pub(crate) anyhow::Error);

impl EngineError {
    /// What is wrong with the row of a job, if it is that.
    pub(crate) fn unreadable_job(&self) -> Option<String> {
        let EngineError::Internal(e) = self else { return None };
        e.downcast_ref::<UnreadableJob>().map(UnreadableJob::to_string)
    }
}

/// Faults of a disk or of ours, never the caller's.
macro_rules! internal {
    ($($source:ty),+ $(,)?) => {$(
        impl From<$source> for EngineError {
            fn from(e: $source) -> Self {
                anyhow::Error::from(e).into()
            }
        }
    )+};
}

internal!(serde_json::Error, std::io::Error, object_store::Error, tokio::task::JoinError);

/// Wrong places of one request, collected so that its sender sees all of them at once.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<FieldError>);

impl Problems {
    /// Most places that one answer names.
    const MOST: usize = 20;

    pub(crate) fn push(&mut self, field: impl Into<String>, msg: impl Into<String>) {
        self.0.push(FieldError { field: field.into(), msg: msg.into() });
    }

    /// An error that names every place, if there is one.
    pub(crate) fn check(mut self) -> Result<(), EngineError> {
        let Some(first) = self.0.first().cloned() else { return Ok(()) };
        let EngineError::Invalid { mut message, .. } = EngineError::invalid(first.field, first.msg) else {
            return Ok(());
        };
        if self.0.len() > 1 {
            message.push_str(&format!(" (and {} more)", self.0.len() - 1));
        }
        self.0.truncate(Self::MOST);
        Err(EngineError::Invalid { message, errors: self.0 })
    }
}
