//! Where state lives and how much of the machine may be used.

use crate::location::{BucketUrl, DatabaseUrl, Location};
use fieldstone_jobs::JobLimits;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// How an engine is set up. `EngineConfig { data, ..EngineConfig::default() }` is a small one.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Data folder; made when absent.
    pub data: PathBuf,
    /// Database of the ledger; `None`: it is in the data folder, in SQLite.
    pub database: Option<DatabaseUrl>,
    /// Bucket of the stored files; `None`: they are in the data folder.
    pub blobs: Option<BucketUrl>,
    /// Bytes of copies of a bucket's files that are kept in the data folder: those that a job, a preview or a picture needs at a time
    /// must fit.
    pub cache_bytes: u64,
    /// Where this server listens, for those that share its database; `None`: it does not.
    pub address: Option<String>,
    /// Jobs that run at the same time here; 0: all run at workers.
    pub concurrent_jobs: usize,
    /// Jobs of one user that run at the same time; `None`: as many as there are slots.
    pub user_slots: Option<usize>,
    /// Threads that geometry uses; 0 means one per core.
    pub threads: usize,
    /// Attempts lost to crashes after which a job fails.
    pub max_attempts: u32,
    /// Memory in bytes that running jobs may need together, by their own estimates.
    pub memory_limit_bytes: u64,
    /// Samples of a grid above which a job is cut into pieces of at most so many, where its type can be; `None`: none is.
    pub piece_samples: Option<u64>,
    /// Jobs in one workflow at most.
    pub max_workflow_jobs: usize,
    /// Bytes that one project may have, assets and rows of the ledger together; `None`: no limit.
    pub project_quota_bytes: Option<u64>,
    /// Bytes that all projects of one user may have together; `None`: no limit.
    pub user_quota_bytes: Option<u64>,
    /// Bytes of the data folder's disk that uploads and outputs leave free, for the ledger; `None`: 64 MiB, or a twentieth of a
    /// disk that is smaller than 1.25 GiB.
    pub min_free_bytes: Option<u64>,
    /// Jobs of one project that may wait; `None`: no limit.
    pub max_queue: Option<u64>,
    /// Bytes of one upload at most.
    pub max_upload_bytes: u64,
    /// Uploads of one project that may have begun and not ended.
    pub max_open_uploads: u64,
    /// Time without a byte after which an upload that was cut is forgotten.
    pub upload_lifetime: Duration,
    /// Limits inside jobs.
    pub job_limits: JobLimits,
    /// What keeps a job from harming others.
    pub isolation: Isolation,
    /// The program that computes previews: it calls [`fieldstone_jobs::preview::serve`]; `None`: there are none.
    pub previewer: Option<Program>,
    /// Bytes of memory that a process of previews may have.
    pub preview_memory_bytes: u64,
    /// Time that one preview may take.
    pub preview_time_limit: Duration,
    /// Bytes of small pictures of assets that are kept; with 0 none are made.
    pub thumbnail_cache_bytes: u64,
    /// Time that one attempt may take, where it has a process of its own; `None`: no limit.
    pub job_time_limit: Option<Duration>,
    /// Time that running jobs get to end by themselves when the service stops.
    pub shutdown_grace: Duration,
    /// Whether a job that repeats finished work of its project gets its results.
    pub reuse_results: bool,
    /// Days that bytes without a row stay in quarantine before they are deleted.
    pub quarantine_days: u32,
    /// Time in which every stored file is read once to find rot; `None`: they are not read for that.
    pub scrub_period: Option<Duration>,
    /// Opens a folder whose ledger is gone or older than its blobs, too.
    pub accept_lost_rows: bool,
}

impl Default for EngineConfig {
    fn default() -> Self {
        EngineConfig {
            data: "fieldstone-data".into(),
            database: None,
            blobs: None,
            cache_bytes: 16 << 30,
            address: None,
            concurrent_jobs: 2,
            user_slots: None,
            threads: 0,
            max_attempts: 3,
            memory_limit_bytes: 1 << 30,
            piece_samples: None,
            max_workflow_jobs: 1000,
            project_quota_bytes: None,
            user_quota_bytes: None,
            min_free_bytes: None,
            max_queue: None,
            max_upload_bytes: 1 << 30,
            max_open_uploads: 100,
            upload_lifetime: Duration::from_secs(86_400),
            job_limits: JobLimits::default(),
            isolation: Isolation::Threads,
            previewer: None,
            preview_memory_bytes: 1 << 30,
            preview_time_limit: Duration::from_secs(10),
            thumbnail_cache_bytes: 64 << 20,
            job_time_limit: None,
            shutdown_grace: Duration::ZERO,
            reuse_results: true,
            quarantine_days: 30,
            scrub_period: None,
            accept_lost_rows: false,
        }
    }
}

impl EngineConfig {
    /// Where everything is kept.
    pub fn location(&self) -> Location<'_> {
        Location { data: &self.data, database: self.database.as_ref(), blobs: self.blobs.as_ref() }
    }
}

/// Where an attempt runs.
#[derive(Clone, Debug)]
pub enum Isolation {
    /// In threads of this process. A crash, a stack overflow or too much memory ends all of it.
    Threads,
    /// In a process of its own, which this program starts.
    Process(Program),
}

/// A program of ours: for an attempt it calls [`fieldstone_jobs::child::run`].
#[derive(Clone, Debug)]
pub struct Program {
    /// Its file.
    pub path: PathBuf,
    /// Arguments.
    pub args: Vec<OsString>,
}
