//! What a job type is: one constant [`JobEntry`] and one function, in one file of `types/`.

use crate::context::{JobContext, JobLimits, Outputs};
use fieldstone_kernel::Cancelled;
use fieldstone_shape::params::{Param, ParamError, Values};
use indexmap::IndexMap;
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};

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
    /// Refuses parameters that are wrong together, and inputs of a wrong size: at dispatch, with the sizes of those that
    /// are there by then.
    pub check: fn(&Values, &InputSizes) -> Result<(), ParamError>,
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

    /// Does the work; a panic becomes an error.
    pub fn execute(&self, values: &Values, mut context: JobContext) -> Result<Outputs, JobError> {
        match catch_unwind(AssertUnwindSafe(|| (self.run)(values, &mut context))) {
            Ok(result) => result.map(|()| context.into_outputs()),
            Err(panic) => Err(JobError::Invalid(format!("the job crashed: {}", panic_text(panic.as_ref())))),
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message")
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
