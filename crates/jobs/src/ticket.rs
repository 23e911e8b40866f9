//! What an attempt in a process of its own is told and tells: lines of JSON on its standard input and output.
//!
//! The first line in is a [`Ticket`]; a later line [`CANCEL`] asks it to end, and the end of the input means that nobody
//! waits for it any more. Lines out are [`Report`]s, the last one [`Report::Ended`]; other lines are noise.

use crate::context::{Input, JobLimits, Output, Outputs};
use crate::error::JobError;
use crate::share::{Cut, Share};
use fieldstone_kernel::format::MeshLimits;
use fieldstone_shape::GraphLimits;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;

/// The line that asks an attempt to end.
pub const CANCEL: &str = "cancel";

/// One attempt of a job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ticket {
    /// Wire name of its type.
    pub type_name: String,
    /// Parameters as they arrived, filenames taken out.
    pub params: IndexMap<String, Value>,
    /// Input assets by slot.
    pub inputs: IndexMap<String, Vec<Input>>,
    /// What of the job is to be done.
    pub share: Share,
    /// A job of more samples than this is cut into pieces of at most so many, if it can be; `None`: none is.
    pub piece_samples: Option<u64>,
    /// Where outputs go; exists, is empty, belongs to this attempt alone.
    pub folder: PathBuf,
    /// What it may read.
    #[serde(with = "Limits")]
    pub limits: JobLimits,
    /// Threads that geometry uses; 0 means one per core.
    pub threads: usize,
    /// Bytes of memory that the process may write to; it ends with an error beyond.
    pub memory_bytes: u64,
    /// Bytes that a file it writes may have; it ends beyond.
    pub file_bytes: u64,
    /// Seconds of all its processors together; `None`: no limit.
    pub cpu_seconds: Option<u64>,
}

/// A file that an attempt has made, in its folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MadeFile {
    /// Name of the product, for example `volume`.
    pub name: String,
    /// File extension without the dot; the file is `name.extension`.
    pub extension: String,
}

/// How an attempt ended by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// All that it made, in order.
    Success {
        /// Files.
        files: Vec<MadeFile>,
        /// Parameters.
        params: IndexMap<String, String>,
    },
    /// Nothing was done: it is to be done in pieces.
    Cut(Cut),
    /// The input is at fault.
    Invalid(String),
    /// Asked to.
    Cancelled,
    /// We are at fault or the machine is.
    Internal(String),
}

impl Ended {
    /// What came of a run, for whoever waits for it.
    pub fn of(result: Result<Outputs, JobError>) -> Ended {
        let file = |o: Output| MadeFile { name: o.name.to_owned(), extension: o.extension.to_owned() };
        match result {
            Ok(Outputs { cut: Some(cut), .. }) => Ended::Cut(cut),
            Ok(Outputs { assets, params, .. }) => {
                Ended::Success { files: assets.into_iter().map(file).collect(), params }
            }
            Err(JobError::Invalid(text)) => Ended::Invalid(text),
            Err(JobError::Cancelled(_)) => Ended::Cancelled,
            Err(JobError::Internal(e)) => Ended::Internal(format!("{e:#}")),
        }
    }
}

/// One line out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Report {
    /// The fraction done.
    Progress(f32),
    /// A line for the job's log.
    Warning(String),
    /// What this system lacks to confine the attempt, for the service's log.
    Lacks(String),
    /// The last line.
    Ended(Ended),
}

/// [`JobLimits`] on the wire: the kernel's types know no serde.
#[derive(Serialize, Deserialize)]
pub(crate) struct Limits {
    mesh_triangles: u64,
    mesh_unpacked_bytes: u64,
    mesh_contacts: u64,
    graph_operators: usize,
    graph_samples: u64,
}

impl Limits {
    pub(crate) fn serialize<S: serde::Serializer>(limits: &JobLimits, to: S) -> Result<S::Ok, S::Error> {
        let JobLimits { mesh, graph } = limits;
        let limits = Limits {
            mesh_triangles: mesh.max_triangles,
            mesh_unpacked_bytes: mesh.max_unpacked_bytes,
            mesh_contacts: mesh.max_contacts,
            graph_operators: graph.operators,
            graph_samples: graph.samples,
        };
        Serialize::serialize(&limits, to)
    }

    pub(crate) fn deserialize<'a, D: serde::Deserializer<'a>>(from: D) -> Result<JobLimits, D::Error> {
        let limits: Limits = Deserialize::deserialize(from)?;
        Ok(JobLimits {
            mesh: MeshLimits {
                max_triangles: limits.mesh_triangles,
                max_unpacked_bytes: limits.mesh_unpacked_bytes,
                max_contacts: limits.mesh_contacts,
            },
            graph: GraphLimits { operators: limits.graph_operators, samples: limits.graph_samples },
        })
    }
}
