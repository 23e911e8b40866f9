//! What can go wrong, as the caller needs to tell it apart.

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
    /// The request is right but not now: cancelling what is finished, deleting what runs.
    #[error("{0}")]
    Conflict(String),
    /// Larger than a limit.
    #[error("{0}")]
    TooLarge(String),
    /// Our fault or the machine's.
    #[error("internal error: {0:#}")]
    Internal(#[from] anyhow::Error),
}

impl EngineError {
    /// A request that is wrong in one place.
    pub fn invalid(field: impl Into<String>, msg: impl Into<String>) -> Self {
        let (field, msg) = (field.into(), msg.into());
        let message = if field.is_empty() { msg.clone() } else { format!("{field}: {msg}") };
        EngineError::Invalid { message, errors: vec![FieldError { field, msg }] }
    }
}
