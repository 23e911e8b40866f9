//! What the process of previews is told and says: lines of JSON on its standard input and output, bytes behind some of them.
//!
//! The first line in is a [`Start`]. Then comes an [`Order`] at a time, and what it is answered with ends it; only [`Order::Cancel`] may
//! come in between.

use crate::context::JobLimits;
use crate::ticket::Limits;
use fieldstone_shape::MakerParams;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The first line in.
#[derive(Debug, Serialize, Deserialize)]
pub struct Start {
    /// What graphs and meshes may be.
    #[serde(with = "Limits")]
    pub limits: JobLimits,
    /// Threads that geometry uses; 0 means one per core.
    pub threads: usize,
    /// Bytes of memory that the process may write to; it ends with an error beyond.
    pub memory_bytes: u64,
}

/// A line in.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Wants a preview.
    Preview(Box<Request>),
    /// Wants a small picture of a file.
    Picture(Box<File>),
    /// So many bytes follow the line: those of the file with this checksum.
    File {
        /// `sha256:<64 hex>`.
        checksum: String,
        /// How many.
        bytes: u64,
    },
    /// Nobody wants the preview any more that is being computed.
    Cancel,
}

/// What is to be seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    /// The graph's document.
    pub graph: Value,
    /// The operator whose values are wanted; `None`: the result, without a last Threshold.
    pub node: Option<usize>,
    /// Samples on the longest axis.
    pub resolution: u32,
    /// A plane instead of the volume.
    pub section: Option<Section>,
    /// Whether a volume is looked over for what its samples do not hold, as jobs do; that takes longer.
    pub watch: bool,
    /// Files by the path that the graph has for them.
    pub files: IndexMap<String, File>,
}

/// A plane across the grid.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Section {
    /// The axis that it is at right angles to: 0, 1, 2 for x, y, z.
    pub axis: usize,
    /// Where it crosses that axis, mm.
    pub offset: f64,
}

/// A file that a graph names.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct File {
    /// Its name in the project.
    pub filename: String,
    /// `sha256:<64 hex>` of its bytes.
    pub checksum: String,
    /// Its size.
    pub bytes: u64,
    /// What the job that made it said.
    pub made: MakerParams,
}

/// A line out.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// The files with these checksums are to come, in this order, before it can go on.
    Needs(Vec<String>),
    /// So many bytes of samples follow the line.
    Done {
        /// What they are.
        header: Box<Header>,
        /// How many.
        bytes: u64,
    },
    /// So many bytes of a picture (PNG) follow the line.
    Pictured {
        /// How many.
        bytes: u64,
    },
    /// The request is at fault.
    Refused(String),
    /// It would take more memory than there is for previews.
    TooLarge(String),
    /// Nobody wanted it any more.
    Cancelled,
    /// We are at fault or the machine is.
    Failed(String),
    /// What this system lacks to confine the process.
    Lacks(String),
}

/// What the samples of a preview are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// `int8` (value/127 · band, of the volume) or `float32` (mm, of a section), little-endian, x fastest.
    pub samples: String,
    /// Samples per axis; of a section 1 across it.
    pub resolution: [u32; 3],
    /// Lowest corner in the world, mm.
    pub offset: [f64; 3],
    /// Extent in the world, mm.
    pub size: [f64; 3],
    /// The longest edge of a cell, mm.
    pub cell: f64,
    /// The value that an int8 saturates at; `None` of a section.
    pub band: Option<f64>,
    /// What the values promise: `distance`, `pieces`, `bound` or `sign`.
    pub promise: String,
    /// Lowest and highest corner of the cells that hold samples inside, mm; `None` where none is, and of a section.
    pub bounds: Option<[[f64; 3]; 2]>,
    /// What should be known of it, as a job's output `warnings` has it.
    pub warnings: Vec<Value>,
    /// Milliseconds: to read the graph, to load what it names, to compute.
    pub milliseconds: [f64; 3],
}
