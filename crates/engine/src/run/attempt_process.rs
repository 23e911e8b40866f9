//! What there is of an attempt's process from outside.

use crate::child_process::Group;
use futures::future::BoxFuture;
use std::process::ExitStatus;
use tokio::io::{AsyncRead, AsyncWrite};

/// A process that waits for its ticket.
pub(super) struct AttemptProcess {
    /// Its standard input. At its end the process ends.
    pub(super) orders: Box<dyn AsyncWrite + Send + Unpin>,
    /// Its standard output.
    pub(super) reports: Box<dyn AsyncRead + Send + Unpin>,
    /// Its standard error.
    pub(super) errors: Box<dyn AsyncRead + Send + Unpin>,
    /// Itself and all that it starts.
    pub(super) group: Group,
    /// Its end and that of all that it has started. An error says that it cannot be known.
    pub(super) exit: BoxFuture<'static, anyhow::Result<ExitStatus>>,
}
