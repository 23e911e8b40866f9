//! A data folder, an engine on it, and job types made for tests.
#![allow(dead_code)]

pub mod workers;

use bytes::Bytes;
use fieldstone_engine::model::*;
use fieldstone_engine::testing::{self, bucket_of, database_of, is_on_postgres};
use fieldstone_engine::{Engine, EngineConfig, EngineError, JobTypes};
use fieldstone_jobs::job_type::Product;
use fieldstone_jobs::{JobContext, JobEntry, JobError, Kind, KnownInputs, Param, Slot, Values, Work};
use futures::StreamExt;
use indexmap::IndexMap;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const MESH: Slot = Slot { name: "mesh", required: true, from_param: Some("mesh_filename"), doc: "a mesh" };
const BVH: Slot = Slot { name: "bvh", required: false, from_param: None, doc: "its tree" };
const RESOLUTION: Param = Param {
    name: "resolution",
    kind: Kind::Integer { min: 2, max: 1024 },
    default: Some("256"),
    doc: "samples",
};
pub const GIB: u64 = 1 << 30;

const fn entry(
    type_name: &'static str,
    inputs: &'static [Slot],
    params: &'static [Param],
    products: &'static [Product],
    results: &'static [&'static str],
    run: fn(&Values, &mut JobContext) -> Result<(), JobError>,
) -> JobEntry {
    fn memory(_: &Values, sizes: &KnownInputs) -> u64 {
        sizes.values().map(|input| input.bytes).sum()
    }
    JobEntry {
        type_name,
        inputs,
        params,
        products,
        results,
        work: Work::plain(memory, run),
        ..JobEntry::DEFAULT
    }
}

const fn product(name: &'static str, extension: &'static str) -> Product {
    Product { name, extension, doc: "" }
}

static PREPROCESS: JobEntry =
    entry("test/preprocess", &[MESH], &[], &[product("mesh", "ply")], &["count"], |_, cx| {
        let bytes = std::fs::read(&cx.input("mesh")?.path)?;
        if bytes.is_empty() {
            return Err(JobError::Invalid("the mesh is empty".into()));
        }
        write_all(cx.output("mesh", "ply")?, &bytes)?;
        cx.set_param("count", bytes.len());
        Ok(())
    });

static TREE: JobEntry = entry("test/bvh", &[MESH], &[], &[product("bvh", "bin")], &[], |_, cx| {
    let mut bytes = std::fs::read(&cx.input("mesh")?.path)?;
    bytes.reverse();
    write_all(cx.output("bvh", "bin")?, &bytes)
});

static SAMPLE: JobEntry = entry(
    "test/sample",
    &[MESH, BVH],
    &[RESOLUTION],
    &[product("volume", "bin"), product("log", "txt")],
    &["patch"],
    |values, cx| {
        let resolution = values.integer("resolution").unwrap_or(0);
        let mut bytes = std::fs::read(&cx.input("mesh")?.path)?;
        if let Some(bvh) = cx.optional_input("bvh") {
            bytes.extend(std::fs::read(&bvh.path)?);
        }
        bytes.extend(resolution.to_le_bytes());
        cx.monitor().progress(0.5);
        write_all(cx.output("volume", "bin")?, &bytes)?;
        write_all(cx.output("log", "txt")?, b"done")?;
        cx.set_param("patch", format!("{{\"resolution\": {resolution}}}"));
        Ok(())
    },
);

static PANICS: JobEntry = entry("test/panics", &[], &[], &[], &[], |_, _| panic!("index 7 of 3"));
static FAULTY: JobEntry =
    entry("test/faulty", &[], &[], &[], &[], |_, _| Err(std::io::Error::other("disk on fire").into()));

/// Runs until it is cancelled.
static ENDLESS: JobEntry = entry("test/endless", &[], &[], &[product("volume", "bin")], &[], |values, cx| {
    write_all(cx.output("volume", "bin")?, b"half")?;
    endless(values, cx)
});

/// Runs until it is cancelled, and only one of it fits into memory.
static LARGE: JobEntry =
    JobEntry { type_name: "test/large", work: Work::plain(|_, _| 600 << 20, endless), ..JobEntry::DEFAULT };

fn endless(_: &Values, cx: &mut JobContext) -> Result<(), JobError> {
    cx.monitor().progress(0.25);
    loop {
        cx.monitor().check()?;
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

static HUGE: JobEntry = JobEntry {
    type_name: "test/huge",
    work: Work::plain(|_, _| 100 * GIB, |_, _| Ok(())),
    ..JobEntry::DEFAULT
};

pub static TYPES: JobTypes = &[&PREPROCESS, &TREE, &SAMPLE, &PANICS, &FAULTY, &ENDLESS, &LARGE, &HUGE];

pub struct Bench {
    pub folder: TempDir,
    pub engine: Engine,
    pub caller: Caller,
    pub project: ProjectId,
}

pub fn caller(user: &str) -> Caller {
    Caller::of(user)
}

pub fn config(folder: &TempDir) -> EngineConfig {
    let data = folder.path().join("data");
    EngineConfig {
        database: database_of(&data),
        blobs: bucket_of(&data),
        data,
        threads: 2,
        memory_limit_bytes: GIB,
        max_upload_bytes: 64 << 20,
        reuse_results: false,
        ..EngineConfig::default()
    }
}

/// An engine with one project, not started.
pub async fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open_with_types(config(&folder), TYPES).await.unwrap();
    let caller = caller("owner");
    let project = engine.create_project(&caller, NewProject::private("p")).await.unwrap().id;
    Bench { folder, engine, caller, project }
}

/// The same, with jobs running.
pub async fn started() -> Bench {
    let bench = bench().await;
    bench.engine.start();
    bench
}

impl Bench {
    pub async fn upload(&self, filename: &str, bytes: &[u8]) -> Asset {
        let mut upload = self.engine.begin_upload(self.project, 0).await.unwrap();
        for chunk in bytes.chunks(1000) {
            upload.write(Bytes::copy_from_slice(chunk)).await.unwrap();
        }
        upload.finish(&self.caller, filename).await.unwrap()
    }

    pub async fn dispatch(&self, new: NewJob) -> Result<Job, EngineError> {
        self.engine.create_job(&self.caller, self.project, new).await
    }

    pub async fn job(&self, id: JobId) -> Arc<Job> {
        self.engine.get_job(&self.caller, self.project, id).await.unwrap()
    }

    pub async fn workflow(&self, new: NewWorkflow) -> Result<Workflow, EngineError> {
        self.engine.create_workflow(&self.caller, self.project, new).await
    }

    /// Polls, as clients do, until `done`.
    pub async fn job_when(&self, id: JobId, done: impl Fn(&Job) -> bool) -> Arc<Job> {
        let poll = async {
            let mut every = tokio::time::interval(Duration::from_millis(5));
            loop {
                every.tick().await;
                let job = self.job(id).await;
                if done(&job) {
                    return job;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), poll).await.expect("the job never got there")
    }

    pub async fn finished(&self, id: JobId) -> Arc<Job> {
        self.job_when(id, |j| j.state.is_final()).await
    }

    pub async fn bytes_of(&self, sha256: &str) -> Vec<u8> {
        let mut blob = self.engine.open_blob(sha256, None).await.unwrap();
        let mut bytes = Vec::new();
        while let Some(chunk) = blob.bytes.next().await {
            bytes.extend_from_slice(&chunk.unwrap());
        }
        bytes
    }

    /// All blobs that are stored.
    pub async fn blob_count(&self) -> usize {
        testing::blob_count(config(&self.folder).location()).await.unwrap()
    }
}

pub fn new_job(type_name: &str, assets: &[(&str, &str)], params: Value) -> NewJob {
    NewJob {
        type_name: type_name.into(),
        name: None,
        params: serde_json::from_value(params).unwrap(),
        assets: files(assets),
        request: None,
    }
}

pub fn files(pairs: &[(&str, &str)]) -> IndexMap<String, Vec<String>> {
    pairs.iter().map(|(slot, file)| ((*slot).to_owned(), vec![(*file).to_owned()])).collect()
}

pub fn invalid(error: EngineError) -> Vec<(String, String)> {
    match error {
        EngineError::Invalid { errors, .. } => errors.into_iter().map(|e| (e.field, e.msg)).collect(),
        other => panic!("expected Invalid, got {other:?}"),
    }
}

/// What servers have in a folder of theirs: directly, or each in a folder of its own, where there may be several.
pub fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    match is_on_postgres() {
        true => entries(folder).flat_map(|server| entries(&server)).collect(),
        false => entries(folder).collect(),
    }
}

/// Writes all of `bytes` and flushes, as job types do.
fn write_all(mut out: impl std::io::Write, bytes: &[u8]) -> Result<(), JobError> {
    out.write_all(bytes)?;
    Ok(out.flush()?)
}
