//! The job's only door to the world: its inputs, its output folder, its monitor.

use crate::error::JobError;
use crate::share::{Cut, PIECE_FILE, PieceFile, PieceWriter, Share};
use crate::warning::{MOST, WARNINGS, Warning};
use fieldstone_kernel::Monitor;
use fieldstone_kernel::format::MeshLimits;
use fieldstone_shape::{GraphLimits, MakerParams};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// An input asset, staged as a local file that does not change while the job runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Input {
    /// Where the bytes are.
    pub path: PathBuf,
    /// The asset's name in the project; its extension names the format.
    pub filename: String,
    /// `sha256:<64 hex>` of the bytes.
    pub checksum: String,
    /// What the job that made it said; nothing for an upload.
    pub made: MakerParams,
}

/// Limits that the service sets on what a job may read.
#[derive(Clone, Copy, Debug, Default)]
pub struct JobLimits {
    /// For mesh readers.
    pub mesh: MeshLimits,
    /// For shape graphs.
    pub graph: GraphLimits,
}

/// A file that a job made.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Name of the product, for example `volume`.
    pub name: &'static str,
    /// Where the bytes are, inside the output folder.
    pub path: PathBuf,
    /// File extension without the dot.
    pub extension: &'static str,
}

/// All that a run made, in the order it was made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outputs {
    /// Files.
    pub assets: Vec<Output>,
    /// Parameters: text, JSON inside when structured.
    pub params: IndexMap<String, String>,
    /// It has made nothing: it is to be done in pieces.
    pub cut: Option<Cut>,
}

/// What a running job sees.
pub struct JobContext {
    inputs: IndexMap<String, Vec<Input>>,
    folder: PathBuf,
    outputs: Outputs,
    monitor: Monitor,
    limits: JobLimits,
    log: Log,
    warnings: Mutex<Vec<Warning>>,
    share: Share,
    /// Files of the pieces that are to be joined.
    pieces: Vec<Input>,
    /// Samples of a piece at most, where it may be cut.
    piece_samples: Option<u64>,
}

/// Takes a line for the job's log.
type Log = Box<dyn Fn(&str) + Send + Sync>;

impl JobContext {
    /// `folder` exists, is empty and belongs to this run alone.
    pub fn new(
        inputs: IndexMap<String, Vec<Input>>,
        folder: PathBuf,
        monitor: Monitor,
        limits: JobLimits,
    ) -> Self {
        let log = Box::new(|text: &str| tracing::warn!("{text}"));
        JobContext {
            inputs,
            folder,
            outputs: Outputs::default(),
            monitor,
            limits,
            log,
            warnings: Mutex::default(),
            share: Share::Whole,
            pieces: Vec::new(),
            piece_samples: None,
        }
    }

    /// For a share of the job.
    pub fn with_share(mut self, share: Share) -> Self {
        if let Share::Join { slot } = &share {
            self.pieces = self.inputs.shift_remove(slot).unwrap_or_default();
        }
        JobContext { share, ..self }
    }

    /// Has a job of more samples than this say how it is cut, instead of running, if it can be.
    pub fn with_piece_samples(self, piece_samples: Option<u64>) -> Self {
        JobContext { piece_samples, ..self }
    }

    /// What of the job is to be done.
    pub fn share(&self) -> &Share {
        &self.share
    }

    /// Samples of a piece at most, where all of the job is to be done and it may be cut.
    pub fn piece_samples(&self) -> Option<u64> {
        self.piece_samples.filter(|_| self.share == Share::Whole)
    }

    /// The files of the pieces that are to be joined, the lowest planes first.
    pub fn pieces(&self) -> Result<Vec<PieceFile>, JobError> {
        self.pieces.iter().map(|piece| PieceFile::open(&piece.path)).collect()
    }

    /// The file of the piece that is to be made.
    pub fn piece_file(&mut self) -> Result<PieceWriter, JobError> {
        let (name, extension) = PIECE_FILE;
        Ok(PieceWriter::new(self.output(name, extension)?))
    }

    /// All inputs by slot.
    pub fn inputs(&self) -> &IndexMap<String, Vec<Input>> {
        &self.inputs
    }

    /// Sends warnings there instead of to the program's own log.
    pub fn with_log(self, log: impl Fn(&str) + Send + Sync + 'static) -> Self {
        JobContext { log: Box::new(log), ..self }
    }

    /// The first input of `slot`.
    pub fn input(&self, slot: &str) -> Result<&Input, JobError> {
        self.optional_input(slot).ok_or_else(|| JobError::Invalid(format!("input {slot:?} is missing")))
    }

    /// The first input of `slot`, if any was given.
    pub fn optional_input(&self, slot: &str) -> Option<&Input> {
        self.inputs.get(slot).and_then(|list| list.first())
    }

    /// The input that a reference inside a parameter means: the slot of that name, else the file.
    pub fn referred(&self, path: &str) -> Option<&Input> {
        let file = || self.inputs.values().flatten().find(|input| input.filename == path);
        self.optional_input(path).or_else(file)
    }

    /// Starts the output `name`; dropped or not, what was written to it counts once the job succeeds.
    pub fn output(
        &mut self,
        name: &'static str,
        extension: &'static str,
    ) -> Result<BufWriter<File>, JobError> {
        let path = self.folder.join(format!("{name}.{extension}"));
        let file = File::options().write(true).create_new(true).open(&path)?;
        self.outputs.assets.push(Output { name, path, extension });
        Ok(BufWriter::with_capacity(1 << 20, file))
    }

    /// Sets the output parameter `name`.
    pub fn set_param(&mut self, name: &str, value: impl ToString) {
        self.outputs.params.insert(name.to_owned(), value.to_string());
    }

    /// Notes something that the job's owner may want to know, though nothing failed: in the job's log and in its output
    /// parameter `warnings`.
    pub fn warn(&self, text: &str) {
        self.warn_of(Warning::new("note", text));
    }

    /// The same with more for programs.
    pub fn warn_of(&self, warning: Warning) {
        // The run that joins the pieces finds it again.
        if matches!(self.share, Share::Piece(_)) {
            return;
        }
        (self.log)(warning.message());
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if warnings.len() < MOST {
            warnings.push(warning);
        }
    }

    /// Cancel and progress.
    pub fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    /// The service's limits.
    pub fn limits(&self) -> &JobLimits {
        &self.limits
    }

    /// Ends the run and hands over what it made, its warnings among the parameters.
    pub fn into_outputs(mut self) -> Outputs {
        let warnings =
            std::mem::take(&mut self.warnings).into_inner().unwrap_or_else(PoisonError::into_inner);
        let warnings = serde_json::Value::from_iter(warnings.into_iter().map(Warning::into_json));
        self.set_param(WARNINGS, warnings);
        self.outputs
    }
}
