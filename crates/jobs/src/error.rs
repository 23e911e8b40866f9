//! How a job's run ends when it does not succeed.

use fieldstone_kernel::Cancelled;
use fieldstone_shape::params::ParamError;

/// How a run ends when it does not succeed.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The input is at fault; the text is for its sender.
    #[error("{0}")]
    Invalid(String),
    /// Cancelled; nothing to say.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// We are at fault or the machine is; the job is tried again.
    #[error("internal error: {0:#}")]
    Internal(#[from] anyhow::Error),
}

impl From<std::io::Error> for JobError {
    fn from(e: std::io::Error) -> Self {
        JobError::Internal(e.into())
    }
}

impl From<ParamError> for JobError {
    fn from(e: ParamError) -> Self {
        JobError::Invalid(e.to_string())
    }
}
