//! What a job type is: one constant [`JobEntry`] and one function, in one file of `types/`.
//!
//! A job's parameters are read twice in its life: where it is dispatched and where it runs. What was read is
//! [`Prepared`]; whatever is to be known of the job is asked of that, so that a document of megabytes inside a parameter
//! is not read for every question.

use crate::context::{Input, JobContext, JobLimits, Outputs};
use crate::error::JobError;
use crate::share::Cut;
use crate::warning::WARNINGS;
use fieldstone_shape::MakerParams;
use fieldstone_shape::params::{Given, Param, ParamError, Values};
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

/// What is known of an input asset before it is read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KnownInput {
    /// Its size.
    pub bytes: u64,
    /// What the job that made it said; nothing for an upload.
    pub made: MakerParams,
}

/// What is known of the input assets by slot: of all that are there.
pub type KnownInputs = IndexMap<String, KnownInput>;

/// The parameters of one job, read to the bottom: documents inside them too.
pub trait Prepared: Send + Sync {
    /// The assets that the parameters themselves name.
    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }

    /// Refuses parameters that are wrong together, and inputs of a wrong size: at dispatch, with what is known of those
    /// that are there by then. Nothing that takes long: the ledger waits.
    fn check(&self, inputs: &KnownInputs) -> Result<(), ParamError>;

    /// Upper bound of the memory a run needs in bytes; what admission counts with.
    fn memory_bytes(&self, inputs: &KnownInputs) -> u64;

    /// Bytes that the outputs of a run have together at least, as far as that is known before it: who has no room for
    /// them is told before anything is computed.
    fn least_output_bytes(&self, _inputs: &KnownInputs) -> u64 {
        0
    }

    /// How it is cut into pieces of at most so many samples, or of as few as can be, whose runs ([`crate::share::Share`]) come to the same
    /// bytes; `None`: it has no more samples, or cannot be cut.
    fn cut(&self, _inputs: &KnownInputs, _samples: u64) -> Option<Cut> {
        None
    }

    /// How it will be computed, where there is a choice: `fieldstone run … --explain`.
    fn explain(&self) -> Option<String> {
        None
    }

    /// Does the work, or the share of it that the context says: one other than the whole only if it can be cut.
    fn run(&self, context: &mut JobContext) -> Result<(), JobError>;
}

/// How parameters become a job.
#[derive(Clone, Copy)]
pub enum Work {
    /// The parameters say it all.
    Plain {
        /// [`Prepared::check`].
        check: fn(&Values, &KnownInputs) -> Result<(), ParamError>,
        /// [`Prepared::memory_bytes`].
        memory_bytes: fn(&Values, &KnownInputs) -> u64,
        /// [`Prepared::run`].
        run: fn(&Values, &mut JobContext) -> Result<(), JobError>,
    },
    /// A parameter is a document that names assets itself. Such a job also takes asset inputs of any name, which those
    /// references then mean first.
    Document(Prepare),
}

/// Reads parameters to the bottom; refuses those that cannot be read.
pub type Prepare = fn(Values, &JobLimits) -> Result<Box<dyn Prepared>, ParamError>;

impl Work {
    /// Work whose parameters cannot be wrong together.
    pub const fn plain(
        memory_bytes: fn(&Values, &KnownInputs) -> u64,
        run: fn(&Values, &mut JobContext) -> Result<(), JobError>,
    ) -> Work {
        Work::Plain { check: |_, _| Ok(()), memory_bytes, run }
    }
}

/// [`Work::Plain`] with its parameters.
struct Plain {
    values: Values,
    check: fn(&Values, &KnownInputs) -> Result<(), ParamError>,
    memory_bytes: fn(&Values, &KnownInputs) -> u64,
    run: fn(&Values, &mut JobContext) -> Result<(), JobError>,
}

impl Prepared for Plain {
    fn check(&self, inputs: &KnownInputs) -> Result<(), ParamError> {
        (self.check)(&self.values, inputs)
    }

    fn memory_bytes(&self, inputs: &KnownInputs) -> u64 {
        (self.memory_bytes)(&self.values, inputs)
    }

    fn run(&self, context: &mut JobContext) -> Result<(), JobError> {
        (self.run)(&self.values, context)
    }
}

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
    /// Names of the parameters out, but for those of every job ([`JobEntry::params_out`]).
    pub results: &'static [&'static str],
    /// Parameters as JSON, for the reference and for the laws.
    pub example: &'static str,
    /// What it does with them.
    pub work: Work,
}

impl JobEntry {
    /// What an entry need not say, for `..JobEntry::DEFAULT`. The laws refuse an entry that leaves out its name, its doc
    /// or its work.
    pub const DEFAULT: JobEntry = JobEntry {
        type_name: "",
        revision: 1,
        doc: "",
        inputs: &[],
        params: &[],
        products: &[],
        results: &[],
        example: "{}",
        work: Work::plain(|_, _| 0, |_, _| Err(anyhow::anyhow!("this job type does nothing").into())),
    };

    /// Checks parameters as they arrived (strings or native JSON) and fills in defaults.
    /// A parameter that carries an asset's filename is not a parameter here: remove it first.
    pub fn parse(&self, given: IndexMap<String, impl Given>) -> Result<Values, ParamError> {
        Values::parse(self.params, given)
    }

    /// Reads checked parameters to the bottom. With a document of megabytes this takes a while.
    pub fn prepare(&self, values: Values, limits: &JobLimits) -> Result<Box<dyn Prepared>, ParamError> {
        match self.work {
            Work::Plain { check, memory_bytes, run } => {
                Ok(Box::new(Plain { values, check, memory_bytes, run }))
            }
            Work::Document(prepare) => prepare(values, limits),
        }
    }

    /// Names of the parameters out, the warnings last.
    pub fn params_out(&self) -> Vec<&'static str> {
        self.results.iter().copied().chain([WARNINGS]).collect()
    }

    /// Whether assets may have other names than those of [`JobEntry::inputs`].
    pub fn takes_any_input(&self) -> bool {
        matches!(self.work, Work::Document(_))
    }

    /// Reads the parameters as they arrived and does the work, or says how it is cut, if the context asks for that; a panic becomes an error.
    pub fn execute(
        &self,
        given: IndexMap<String, Value>,
        mut context: JobContext,
    ) -> Result<Outputs, JobError> {
        let work = move || {
            let prepared = self.prepare(self.parse(given)?, context.limits())?;
            if let Some(samples) = context.piece_samples()
                && let Some(cut) = prepared.cut(&known_inputs(&context)?, samples)
            {
                return Ok(Outputs { cut: Some(cut), ..Outputs::default() });
            }
            prepared.run(&mut context)?;
            Ok(context.into_outputs())
        };
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(result) => result,
            Err(panic) => Err(JobError::Invalid(format!("the job crashed: {}", panic_text(panic.as_ref())))),
        }
    }
}

/// What is known of the inputs, as when the job was dispatched.
fn known_inputs(context: &JobContext) -> Result<KnownInputs, JobError> {
    let known = |(slot, list): (&String, &Vec<Input>)| {
        let sizes = list.iter().map(|input| Ok(std::fs::metadata(&input.path)?.len()));
        let bytes = sizes.sum::<std::io::Result<u64>>()?;
        let made = list.first().map(|first| first.made.clone()).unwrap_or_default();
        Ok((slot.clone(), KnownInput { bytes, made }))
    };
    context.inputs().iter().map(known).collect()
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}
