//! What a job type is: one constant [`JobEntry`] and one function, in one file of `types/`.

use crate::context::{JobContext, JobLimits};
use fieldstone_kernel::Cancelled;
use fieldstone_shape::params::{Param, ParamError, Values};
use indexmap::IndexMap;
use serde_json::Value;

/// A named asset that a job takes.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    /// Wire name, for example `mesh`.
    pub name: &'static str,
    /// Whether dispatch fails without it.
    pub required: bool,
    /// The older parameter that carries this asset's filename (`mesh_filename`), if any.
    pub from_param: Option<&'static str>,
    /// What it is, one line.
    pub doc: &'static str,
}

/// A named asset that a job makes.
#[derive(Clone, Copy, Debug)]
pub struct Product {
    /// Wire name, for example `volume`.
    pub name: &'static str,
    /// File extension without the dot.
    pub extension: &'static str,
    /// What it is, one line.
    pub doc: &'static str,
}

/// An asset that a parameter names, as a shape graph does.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// The parameter.
    pub param: &'static str,
    /// The input slot it gets, for example `graph.3.volume_data`.
    pub slot: String,
    /// What it names: an input of the job or a file of the project.
    pub path: String,
}

/// Finds the references in checked parameters; refuses those that cannot be read.
pub type Refers = fn(&Values, &JobLimits) -> Result<Vec<Reference>, ParamError>;

/// Bytes of each input asset, by slot.
pub type InputSizes = IndexMap<String, u64>;

/// One job type: everything about it, as data.
pub struct JobEntry {
    /// Wire name, for example `implicit/from-mesh`.
    pub type_name: &'static str,
    /// Raised when equal inputs give different bytes than before.
    pub revision: u32,
    /// What it does, one line.
    pub doc: &'static str,
    /// Assets in.
    pub inputs: &'static [Slot],
    /// Parameters in.
    pub params: &'static [Param],
    /// Assets out, all of them, every time; the one that clients take first is first.
    pub products: &'static [Product],
    /// Finds the assets that the parameters themselves name; such a job also takes asset inputs of any name, which those
    /// references then mean first. `None`: the parameters name none.
    pub refers: Option<Refers>,
    /// Names of the parameters out.
    pub results: &'static [&'static str],
    /// Parameters as JSON, for the reference and for the laws.
    pub example: &'static str,
    /// Upper bound of the memory a run needs in bytes; what admission counts with.
    pub memory_bytes: fn(&Values, &InputSizes) -> u64,
    /// Does the work.
    pub run: fn(&Values, &mut JobContext) -> Result<(), JobError>,
}

impl JobEntry {
    /// Checks parameters as they arrived (strings or native JSON) and fills in defaults.
    /// A parameter that carries an asset's filename is not a parameter here: remove it first.
    pub fn parse(&self, given: &IndexMap<String, Value>) -> Result<Values, ParamError> {
        Values::parse(self.params, given)
    }
}

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
