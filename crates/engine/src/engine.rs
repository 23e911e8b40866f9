//! The engine: the one object that the server and the commands talk to.

use crate::error::EngineError;
use crate::model::*;
use bytes::Bytes;
use fieldstone_jobs::JobLimits;
use futures::stream::BoxStream;
use std::ops::Range;
use std::path::PathBuf;

type Result<T, E = EngineError> = std::result::Result<T, E>;

/// Where state lives and how much of the machine may be used.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Data folder; made when absent.
    pub data: PathBuf,
    /// Jobs that run at the same time.
    pub concurrent_jobs: usize,
    /// Threads that geometry uses; 0 means one per core.
    pub threads: usize,
    /// Attempts lost to crashes after which a job fails.
    pub max_attempts: u32,
    /// Memory in bytes that running jobs may need together, by their own estimates.
    pub memory_limit_bytes: u64,
    /// Jobs in one workflow at most.
    pub max_workflow_jobs: usize,
    /// Bytes of one upload at most.
    pub max_upload_bytes: u64,
    /// Limits inside jobs.
    pub job_limits: JobLimits,
}

/// The service without HTTP. Cheap to clone.
#[derive(Clone)]
pub struct Engine {}

/// A blob's bytes, or a range of them.
pub struct Blob {
    /// Size of the whole blob.
    pub size: u64,
    /// What `bytes` covers.
    pub range: Range<u64>,
    /// The content.
    pub bytes: BoxStream<'static, std::io::Result<Bytes>>,
}

/// An upload in progress; dropping it forgets what was written.
pub struct Upload {}

impl Upload {
    /// Appends to the blob; memory stays flat.
    pub async fn write(&mut self, _chunk: Bytes) -> Result<()> {
        todo!()
    }

    /// Makes the upload durable and then visible as a new asset.
    pub async fn finish(self, _caller: &Caller, _project: ProjectId, _filename: &str) -> Result<Asset> {
        todo!()
    }

    /// Makes the upload durable and then the content of an existing asset.
    pub async fn replace(
        self,
        _caller: &Caller,
        _project: ProjectId,
        _asset: AssetId,
        _filename: &str,
    ) -> Result<Asset> {
        todo!()
    }
}

impl Engine {
    /// Opens the data folder, alone (a lock), migrates it and takes back what a killed process left.
    pub async fn open(_config: EngineConfig) -> Result<Engine> {
        todo!()
    }

    /// Starts running jobs.
    pub fn start(&self) {
        todo!()
    }

    /// Stops running jobs; unfinished ones go on after the next start.
    pub async fn stop(&self) {
        todo!()
    }

    /// Whether the ledger and the blobs can be written.
    pub async fn ready(&self) -> Result<()> {
        todo!()
    }

    /// Makes a key and returns its token, which is stored nowhere.
    pub async fn create_key(&self, _new: NewKey) -> Result<String> {
        todo!()
    }

    /// Whether no key exists yet.
    pub async fn has_no_keys(&self) -> Result<bool> {
        todo!()
    }

    /// Whose token this is; `None` when it is nobody's.
    pub async fn authenticate(&self, _token: &str) -> Result<Option<std::sync::Arc<Caller>>> {
        todo!()
    }

    /// A secret of this data folder, for signing links.
    pub fn signing_key(&self) -> [u8; 32] {
        todo!()
    }

    /// Makes or copies a project.
    pub async fn create_project(&self, _caller: &Caller, _new: NewProject) -> Result<Project> {
        todo!()
    }
    /// A project that `caller` may see.
    pub async fn get_project(&self, _caller: &Caller, _id: ProjectId) -> Result<Project> {
        todo!()
    }
    /// All projects that `caller` may see.
    pub async fn list_projects(&self, _caller: &Caller, _query: &ListQuery) -> Result<Vec<Project>> {
        todo!()
    }
    /// Changes a project of `caller`.
    pub async fn update_project(
        &self,
        _caller: &Caller,
        _id: ProjectId,
        _change: ProjectChange,
    ) -> Result<Project> {
        todo!()
    }
    /// Deletes a project of `caller` with all that it holds; running jobs are cancelled.
    pub async fn delete_project(&self, _caller: &Caller, _id: ProjectId) -> Result<()> {
        todo!()
    }

    /// Starts an upload.
    pub async fn begin_upload(&self) -> Result<Upload> {
        todo!()
    }
    /// One asset.
    pub async fn get_asset(&self, _caller: &Caller, _project: ProjectId, _id: AssetId) -> Result<Asset> {
        todo!()
    }
    /// Assets of a project.
    pub async fn list_assets(
        &self,
        _caller: &Caller,
        _project: ProjectId,
        _query: &ListQuery,
    ) -> Result<Vec<Asset>> {
        todo!()
    }
    /// Deletes an asset; its blob stays while anything needs it.
    pub async fn delete_asset(&self, _caller: &Caller, _project: ProjectId, _id: AssetId) -> Result<()> {
        todo!()
    }
    /// The bytes of a blob, or of `range` of it (cut at the end).
    pub async fn open_blob(&self, _sha256: &str, _range: Option<Range<u64>>) -> Result<Blob> {
        todo!()
    }

    /// Dispatches a job.
    pub async fn create_job(&self, _caller: &Caller, _project: ProjectId, _new: NewJob) -> Result<Job> {
        todo!()
    }
    /// One job.
    pub async fn get_job(
        &self,
        _caller: &Caller,
        _project: ProjectId,
        _id: JobId,
    ) -> Result<std::sync::Arc<Job>> {
        todo!()
    }
    /// Jobs of a project.
    pub async fn list_jobs(
        &self,
        _caller: &Caller,
        _project: ProjectId,
        _query: &ListQuery,
    ) -> Result<Vec<Job>> {
        todo!()
    }
    /// Renames a job.
    pub async fn rename_job(
        &self,
        _caller: &Caller,
        _project: ProjectId,
        _id: JobId,
        _name: &str,
    ) -> Result<Job> {
        todo!()
    }
    /// Deletes a finished job; an unfinished one is cancelled first.
    pub async fn delete_job(&self, _caller: &Caller, _project: ProjectId, _id: JobId) -> Result<()> {
        todo!()
    }

    /// Dispatches a workflow.
    pub async fn create_workflow(
        &self,
        _caller: &Caller,
        _project: ProjectId,
        _new: NewWorkflow,
    ) -> Result<Workflow> {
        todo!()
    }
    /// One workflow.
    pub async fn get_workflow(
        &self,
        _caller: &Caller,
        _project: ProjectId,
        _id: WorkflowId,
    ) -> Result<Workflow> {
        todo!()
    }
    /// Workflows of a project.
    pub async fn list_workflows(
        &self,
        _caller: &Caller,
        _project: ProjectId,
        _query: &ListQuery,
    ) -> Result<Vec<Workflow>> {
        todo!()
    }
    /// Cancels a workflow; a finished one is a conflict.
    pub async fn cancel_workflow(
        &self,
        _caller: &Caller,
        _project: ProjectId,
        _id: WorkflowId,
    ) -> Result<Workflow> {
        todo!()
    }
    /// Deletes a workflow with its jobs; an unfinished one is cancelled first. Assets stay.
    pub async fn delete_workflow(
        &self,
        _caller: &Caller,
        _project: ProjectId,
        _id: WorkflowId,
    ) -> Result<()> {
        todo!()
    }
}
