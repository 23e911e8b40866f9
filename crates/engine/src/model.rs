//! The nouns: identifiers, resources, states.

pub use crate::caller::{Caller, Credential, CredentialKind, NewKey};
pub use crate::resumable::{NewResumable, PieceChecksum, PieceHash, ResumableUpload};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

macro_rules! id {
    ($(#[$doc:meta] $name:ident),+ $(,)?) => {$(
        #[$doc]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                s.parse().map($name)
            }
        }
    )+};
}

id! {
    /// A project.
    ProjectId,
    /// An asset.
    AssetId,
    /// A job.
    JobId,
    /// A workflow.
    WorkflowId,
    /// An upload that goes on after a cut.
    UploadId,
}

/// Microseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The wall clock. The engine's logic takes `now` as an argument; only its edges call this.
    pub fn now() -> Timestamp {
        Timestamp(jiff::Timestamp::now().as_microsecond())
    }
}

/// Who may see a project. Only its user may change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Its user.
    Private,
    /// Whoever signs in to this server, for reading.
    Org,
    /// Everybody, for reading, signed in or not.
    Public,
}

/// A container of assets, jobs and workflows.
#[derive(Clone, Debug, PartialEq)]
pub struct Project {
    /// Identifier.
    pub id: ProjectId,
    /// Owner.
    pub user: String,
    /// Label.
    pub name: String,
    /// Who may see it.
    pub access: Access,
    /// One of [`PROJECT_KINDS`].
    pub kind: String,
    /// The client's own document.
    pub project: Option<Value>,
    /// The client's shape graph.
    pub graph: Option<Value>,
    /// Creation.
    pub created: Timestamp,
    /// Last change of the project itself.
    pub modified: Timestamp,
}

/// A project to be made, or with `source` a copy of one (its data, its assets; not its jobs).
#[derive(Clone, Debug)]
pub struct NewProject {
    /// Label, 1 to 255 characters.
    pub name: String,
    /// Who may see it.
    pub access: Access,
    /// See [`Project::kind`].
    pub kind: String,
    /// See [`Project::project`].
    pub project: Option<Value>,
    /// Project to copy.
    pub source: Option<ProjectId>,
}

/// Values of [`Project::kind`], the usual one first.
pub const PROJECT_KINDS: &[&str] = &["unspecified", "digital_test_bench_experiment"];

impl NewProject {
    /// A project that only its user sees, of the usual kind and empty.
    pub fn private(name: &str) -> NewProject {
        NewProject {
            name: name.to_owned(),
            access: Access::Private,
            kind: PROJECT_KINDS[0].to_owned(),
            project: None,
            source: None,
        }
    }
}

/// A change of a project; `None` leaves a field alone.
#[derive(Clone, Debug, Default)]
pub struct ProjectChange {
    /// New label.
    pub name: Option<String>,
    /// New access.
    pub access: Option<Access>,
    /// New document.
    pub project: Option<Value>,
    /// New shape graph.
    pub graph: Option<Value>,
}

/// A file in a project. Its bytes are an immutable blob named by the checksum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asset {
    /// Identifier.
    pub id: AssetId,
    /// Project.
    pub project_id: ProjectId,
    /// The job that made it; `None` for an upload.
    pub job_id: Option<JobId>,
    /// Name; need not be unique, a reference means the newest.
    pub filename: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the bytes, 64 lower-case hex digits (the wire adds `sha256:`).
    pub sha256: String,
    /// Creation.
    pub created: Timestamp,
    /// Last replacement of the bytes.
    pub modified: Timestamp,
    /// What the job that made these bytes said: its parameters out, those of a few words. Nothing for an upload.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub made: IndexMap<String, String>,
}

/// State of a job or a workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Waiting for upstream jobs or for a worker.
    Pending,
    /// Running.
    Started,
    /// Done.
    Success,
    /// Ended with an error.
    Failure,
    /// Cancelled, or an upstream job did not succeed.
    Canceled,
}

impl State {
    /// All of them.
    pub const ALL: [State; 5] =
        [State::Pending, State::Started, State::Success, State::Failure, State::Canceled];

    /// Whether it can change no more.
    pub fn is_final(self) -> bool {
        matches!(self, State::Success | State::Failure | State::Canceled)
    }

    /// Wire word.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Started => "started",
            State::Success => "success",
            State::Failure => "failure",
            State::Canceled => "canceled",
        }
    }
}

/// What went into or came out of a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JobData {
    /// Assets by slot, in order, as they were when bound. A list-valued slot holds several.
    pub assets: IndexMap<String, Vec<Asset>>,
    /// Parameters as sent (inputs: strings or native JSON) or as made (outputs: strings).
    pub params: IndexMap<String, Value>,
}

/// One unit of work.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Identifier.
    pub id: JobId,
    /// Project.
    pub project_id: ProjectId,
    /// Workflow it is part of.
    pub workflow_id: Option<WorkflowId>,
    /// Label; inside a workflow its key in the definition.
    pub name: Option<String>,
    /// Type name as dispatched.
    pub type_name: String,
    /// Where it stands.
    pub state: State,
    /// Dispatch.
    pub created: Timestamp,
    /// Start of the last attempt.
    pub started: Option<Timestamp>,
    /// End.
    pub finished: Option<Timestamp>,
    /// Why it failed.
    pub error: Option<String>,
    /// What went in; references to upstream jobs appear once these have finished.
    pub inputs: JobData,
    /// What came out.
    pub outputs: JobData,
    /// Upstream jobs.
    pub needs: Vec<JobId>,
    /// Fraction done of the running attempt, 0..=1.
    pub progress: f32,
    /// How often it was started.
    pub attempt: u32,
}

/// A line of a job's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When.
    pub at: Timestamp,
    /// During which attempt; 0 before the first.
    pub attempt: u32,
    /// How grave.
    pub level: LogLevel,
    /// What, in one line.
    pub text: String,
}

/// How grave a line of a job's log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// As it should be.
    Info,
    /// Something that the job's owner may want to know, though nothing failed.
    Warning,
    /// Why it failed or has to start again.
    Error,
}

impl LogLevel {
    /// Wire word.
    pub fn as_str(self) -> &'static str {
        match self {
            LogLevel::Info => "info",
            LogLevel::Warning => "warning",
            LogLevel::Error => "error",
        }
    }

    pub(crate) fn of(word: &str) -> LogLevel {
        match word {
            "info" => LogLevel::Info,
            "warning" => LogLevel::Warning,
            _ => LogLevel::Error,
        }
    }
}

/// A job to be dispatched directly.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Type name; an unknown one dispatches and then fails.
    pub type_name: String,
    /// Label.
    pub name: Option<String>,
    /// Parameters, strings or native JSON, filename parameters of older types included.
    pub params: IndexMap<String, Value>,
    /// Filenames by slot.
    pub assets: IndexMap<String, Vec<String>>,
    /// The request that asks for it, for the job's log.
    pub request: Option<String>,
}

/// A graph of jobs.
#[derive(Clone, Debug, PartialEq)]
pub struct Workflow {
    /// Identifier.
    pub id: WorkflowId,
    /// Project.
    pub project_id: ProjectId,
    /// Its jobs, in the order of the definition.
    pub jobs: Vec<JobId>,
    /// Where it stands.
    pub state: State,
    /// Dispatch.
    pub created: Timestamp,
    /// Start of its first job.
    pub started: Option<Timestamp>,
    /// End of its last job.
    pub finished: Option<Timestamp>,
    /// The YAML text as sent.
    pub definition: String,
}

/// A workflow to be dispatched.
#[derive(Clone, Debug, Default)]
pub struct NewWorkflow {
    /// YAML text.
    pub definition: String,
    /// `job.input` to filenames.
    pub assets: IndexMap<String, Vec<String>>,
    /// `job.param` to a value (a string, or a list of strings).
    pub parameters: IndexMap<String, Value>,
    /// The request that asks for it, for the logs of its jobs.
    pub request: Option<String>,
}

/// The raw `sort` and `q` of a list request, parsed against the resource's fields; and which part of the list is wanted.
#[derive(Clone, Debug, Default)]
pub struct ListQuery {
    /// `field:1` or `field:-1`.
    pub sort: Option<String>,
    /// `field:value AND !field:"va*"`.
    pub q: Option<String>,
    /// So many at most; `None` for all.
    pub limit: Option<u32>,
    /// What comes after the one with this id.
    pub after: Option<i64>,
}

/// What is listed.
#[derive(Clone, Copy, Debug)]
pub enum Listable {
    /// Projects that a caller may see.
    Projects,
    /// Assets of a project.
    Assets(ProjectId),
    /// Jobs of a project.
    Jobs(ProjectId),
    /// Workflows of a project.
    Workflows(ProjectId),
}

/// Which rows a list has, in its order; they are read afterwards, a batch at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Ids, each with about the bytes of what it names.
    pub rows: Vec<(i64, u64)>,
    /// Where there are more than were asked for: the id of the last of these, to go on after.
    pub next: Option<i64>,
}

impl Listing {
    /// Bytes of all of it.
    pub fn bytes(&self) -> u64 {
        self.rows.iter().map(|(_, bytes)| bytes).sum()
    }
}
