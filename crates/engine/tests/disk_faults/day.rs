//! A day of a service on a failing disk: what it was asked to do, what it acknowledged, and whether that is still there.

use crate::common::{TYPES, caller, files, new_job};
use crate::disk::Disk;
use bytes::Bytes;
use fieldstone_engine::model::*;
use fieldstone_engine::upkeep::{backup, check, gc};
use fieldstone_engine::{Engine, EngineConfig, EngineError};
use futures::StreamExt;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// Assets that every day begins with.
const KEPT: usize = 3;
const PROJECT: ProjectId = ProjectId(1);
/// The job that a failing disk keeps from its end is waited for so long before the power goes.
const AFTER_FAULT: Duration = Duration::from_millis(100);
/// A job has ended by then, or never does: longer than a lease.
const PATIENCE: Duration = Duration::from_secs(120);

/// Content number `n`.
pub fn bytes(n: u8, size: usize) -> Vec<u8> {
    (0..size).map(|i| (i / 7) as u8 ^ n.wrapping_mul(37)).collect()
}

fn config(data: &Path) -> EngineConfig {
    EngineConfig {
        data: data.to_owned(),
        threads: 1,
        concurrent_jobs: 1,
        reuse_results: false,
        min_free_bytes: Some(0),
        // A job may be unlucky every time.
        max_attempts: u32::MAX,
        ..EngineConfig::default()
    }
}

async fn open(data: &Path) -> Result<Engine, EngineError> {
    Engine::open_with_types(config(data), TYPES).await
}

/// A folder in memory where there is one: nothing here has to outlast the machine.
pub fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Makes the data folder that every day begins with: a few assets, a blob without a row, and one in quarantine that has a row.
pub async fn prepare(template: &Path) {
    let data = template.join("data");
    let engine = open(&data).await.unwrap();
    let owner = caller("owner");
    assert_eq!(engine.create_project(&owner, NewProject::private("p")).await.unwrap().id, PROJECT);
    for n in 0..KEPT {
        put(&engine, &format!("kept-{n}"), &bytes(n as u8, 1000)).await.unwrap();
    }
    engine.close().await;
    let place = |bytes: &[u8]| {
        let sha256 = hex::encode(Sha256::digest(bytes));
        (data.join("blobs/sha256").join(&sha256[..2]).join(&sha256[2..]), sha256)
    };
    let orphan = place(b"orphan").0;
    std::fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    std::fs::write(orphan, "orphan").unwrap();
    let (kept, sha256) = place(&bytes(2, 1000));
    let quarantine = data.join("quarantine/2020-01-01");
    std::fs::create_dir_all(&quarantine).unwrap();
    std::fs::rename(kept, quarantine.join(sha256)).unwrap();
}

async fn put(engine: &Engine, name: &str, bytes: &[u8]) -> Result<Asset, EngineError> {
    let mut upload = engine.begin_upload(PROJECT, 0).await?;
    upload.write(Bytes::copy_from_slice(bytes)).await?;
    upload.finish(&caller("owner"), name).await
}

async fn send(
    engine: &Engine,
    id: UploadId,
    offset: u64,
    bytes: &[u8],
) -> Result<ResumableUpload, EngineError> {
    let owner = caller("owner");
    let mut piece = engine.resume_upload(&owner, PROJECT, id, offset, Some(bytes.len() as u64), None).await?;
    for chunk in bytes.chunks(1 << 20) {
        piece.write(Bytes::copy_from_slice(chunk)).await?;
    }
    piece.end().await
}

fn copy_files(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            if std::fs::read_dir(entry.path()).unwrap().next().is_some() {
                copy_files(&entry.path(), &to.join(entry.file_name()));
            }
        } else {
            // Not by `std::fs::copy`: the kernel's copying between files in memory is now and then told to try again, and says so.
            std::fs::write(to.join(entry.file_name()), std::fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

/// An asset, and what it may hold: more than one content where a change of it was not acknowledged.
struct Kept {
    id: AssetId,
    contents: Vec<Vec<u8>>,
    /// Whether it must be there; `None` where its end was asked for and not acknowledged.
    is_there: Option<bool>,
}

/// A text that is no part of its job's row.
fn document() -> String {
    "€".repeat(60_000)
}

pub struct Day {
    pub disk: Disk,
    /// `None` while it is stopped.
    engine: Option<Engine>,
    folder: TempDir,
    kept: Vec<Kept>,
    /// Jobs that were dispatched, and whether their success was seen.
    jobs: Vec<(JobId, bool)>,
    /// Jobs with a document that were dispatched.
    documents: Vec<JobId>,
    /// Whether a backup was made.
    backed_up: bool,
    /// An upload in pieces that is no asset yet: all its bytes, and how many of them were acknowledged.
    pieces: Option<(UploadId, Vec<u8>, u64)>,
}

impl Day {
    pub async fn new(template: &Path) -> Day {
        let folder = folder();
        copy_files(template, folder.path());
        let engine = open(&folder.path().join("data")).await.unwrap();
        let first = |n: usize| Kept {
            id: AssetId(n as i64 + 1),
            contents: vec![bytes(n as u8, 1000)],
            is_there: Some(true),
        };
        let kept = (0..KEPT).map(first).collect();
        Day {
            disk: Disk::of(folder.path()),
            engine: Some(engine),
            folder,
            kept,
            jobs: Vec::new(),
            documents: Vec::new(),
            backed_up: false,
            pieces: None,
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn engine(&self) -> Engine {
        self.engine.clone().expect("it runs")
    }

    pub async fn upload(&mut self, name: &str, bytes: &[u8]) {
        if let Ok(asset) = put(&self.engine(), name, bytes).await {
            self.kept.push(Kept { id: asset.id, contents: vec![bytes.to_vec()], is_there: Some(true) });
        }
    }

    /// Sends a file in pieces, the last of which makes it an asset, until one is refused.
    pub async fn upload_in_pieces(&mut self, name: &str, bytes: &[u8], piece: usize) {
        let engine = self.engine();
        let new = NewResumable {
            filename: name.into(),
            metadata: String::new(),
            sha256: None,
            size: bytes.len() as u64,
        };
        let Ok(mut upload) = engine.begin_resumable(&caller("owner"), PROJECT, new).await else { return };
        for (n, sent) in bytes.chunks(piece).enumerate() {
            match send(&engine, upload.id, (n * piece) as u64, sent).await {
                Ok(received) => upload = received,
                Err(_) => {
                    // As its client would: it asks how far it has come. What it hears counts as acknowledged.
                    if let Ok(now) = engine.get_upload(&caller("owner"), PROJECT, upload.id).await {
                        upload = now;
                    }
                    break;
                }
            }
        }
        let sent = (upload.id, bytes.to_vec(), upload.received);
        match engine.publish_upload(upload).await {
            Ok(ResumableUpload { asset_id: Some(id), .. }) => {
                self.kept.push(Kept { id, contents: vec![bytes.to_vec()], is_there: Some(true) });
            }
            _ => self.pieces = Some(sent),
        }
    }

    /// The rest of an upload in pieces is taken after a loss of power, and all of it is as it was sent.
    async fn goes_on_with_pieces(&mut self, engine: &Engine, failed: Option<&str>) {
        let Some((id, bytes, acknowledged)) = self.pieces.take() else { return };
        let upload = engine.get_upload(&caller("owner"), PROJECT, id).await;
        let upload = upload.unwrap_or_else(|e| panic!("{failed:?}: upload {id} is lost: {e:#}"));
        assert!(upload.received >= acknowledged, "{failed:?}: {acknowledged} were acknowledged: {upload:?}");
        let whole = match upload.is_whole() {
            true => upload,
            false => {
                let sent = send(engine, id, upload.received, &bytes[upload.received as usize..]).await;
                let sent = sent.unwrap_or_else(|e| panic!("{failed:?}: the rest is not taken: {e:#}"));
                engine.publish_upload(sent).await.unwrap()
            }
        };
        let asset = whole.asset_id.unwrap_or_else(|| panic!("{failed:?}: no asset: {whole:?}"));
        self.kept.push(Kept { id: asset, contents: vec![bytes], is_there: Some(true) });
    }

    /// Gives the asset other bytes.
    pub async fn replace(&mut self, n: usize, bytes: &[u8]) {
        let (engine, kept) = (self.engine(), &mut self.kept[n]);
        let replaced = async {
            let mut upload = engine.begin_upload(PROJECT, 1000).await?;
            upload.write(Bytes::copy_from_slice(bytes)).await?;
            upload.replace(&caller("owner"), kept.id, "replaced.bin").await
        };
        if replaced.await.is_ok() {
            kept.contents.clear();
        }
        kept.contents.push(bytes.to_vec());
    }

    pub async fn delete(&mut self, n: usize) {
        let (engine, kept) = (self.engine(), &mut self.kept[n]);
        let deleted = engine.delete_asset(&caller("owner"), PROJECT, kept.id).await;
        kept.is_there = deleted.is_ok().then_some(false);
    }

    /// Dispatches a job and waits for its end; where the disk fails, for a moment.
    pub async fn run_job(&mut self) {
        let engine = self.engine();
        engine.start();
        let new = NewJob {
            type_name: "test/sample".into(),
            name: None,
            params: Default::default(),
            assets: files(&[("mesh", "kept-0")]),
            request: None,
        };
        let Ok(job) = engine.create_job(&caller("owner"), PROJECT, new).await else { return };
        let mut after_fault = None;
        let gives_up = || {
            let is_over = after_fault.is_some_and(|at: tokio::time::Instant| at.elapsed() > AFTER_FAULT);
            if self.disk.has_failed() {
                after_fault.get_or_insert_with(tokio::time::Instant::now);
            }
            is_over
        };
        let ended = finished(&engine, job.id, gives_up).await;
        self.jobs.push((job.id, ended.is_some_and(|job| job.state == State::Success)));
    }

    /// Dispatches a job with a parameter that has a place of its own in the ledger.
    pub async fn dispatch_document(&mut self) {
        let new = new_job("no/such-type", &[], json!({"text": document()}));
        if let Ok(job) = self.engine().create_job(&caller("owner"), PROJECT, new).await {
            self.documents.push(job.id);
        }
    }

    pub async fn gc(&mut self, days: u32) {
        // What it could not do stays for the next.
        _ = gc(&self.data(), days).await;
    }

    pub async fn back_up(&mut self) {
        if let Ok(made) = backup(&self.data(), &self.folder.path().join("backup")).await {
            assert!(made.missing.is_empty() && made.damaged.is_empty(), "{made:?}");
            self.backed_up = true;
        }
    }

    /// Stops the service and starts it again, until it does.
    pub async fn restart(&mut self) {
        if let Some(engine) = self.engine.take() {
            engine.close().await;
        }
        self.engine = match open(&self.data()).await {
            Ok(engine) => Some(engine),
            // What failed has passed.
            Err(_) => Some(open(&self.data()).await.expect("a second start succeeds")),
        };
    }

    /// The same service takes an upload after what has failed.
    pub async fn goes_on(&mut self, failed: Option<&str>) {
        let bytes = bytes(9, 2000);
        let asset = put(&self.engine(), "after.bin", &bytes).await;
        let asset = asset.unwrap_or_else(|e| panic!("{failed:?}: nothing is taken any more: {e:#}"));
        self.kept.push(Kept { id: asset.id, contents: vec![bytes], is_there: Some(true) });
    }

    /// What was acknowledged is there after a loss of power, and all is in order.
    pub async fn survives_a_loss_of_power(&mut self, failed: Option<&str>) {
        let after = folder();
        self.disk.lose_power(after.path());
        self.engine().close().await;
        let data = after.path().join("data");
        let engine =
            open(&data).await.unwrap_or_else(|e| panic!("{failed:?}: it does not start again: {e:#}"));
        engine.start();
        for (id, succeeded) in &self.jobs {
            let job = finished(&engine, *id, || false).await.expect("nobody gives up");
            assert!(job.state == State::Success || !succeeded, "{failed:?}: {job:?}");
            if job.state == State::Success {
                assert_eq!(job.outputs.assets.len(), 2, "{failed:?}");
                for made in job.outputs.assets.values().flatten() {
                    assert!(read(&engine, &made.sha256).await.is_ok(), "{failed:?}: {made:?}");
                }
            }
        }
        self.goes_on_with_pieces(&engine, failed).await;
        for id in &self.documents {
            let job = engine.get_job(&caller("owner"), PROJECT, *id).await.unwrap();
            assert!(job.inputs.params["text"] == json!(document()), "{failed:?}: job {id} lost its document");
        }
        for kept in &self.kept {
            kept.check(&engine, failed).await;
        }
        engine.close().await;
        let mut folders = vec![data];
        folders.extend(self.backed_up.then(|| after.path().join("backup")));
        for folder in folders {
            let report = check(&folder).await.unwrap_or_else(|e| panic!("{failed:?}: {e:#}"));
            assert_eq!(report.findings, Vec::<String>::new(), "{failed:?}");
            assert!(report.assets >= KEPT - 1, "{failed:?}: {report:?}");
        }
    }
}

/// Looks at a job until it has ended or one gives up waiting for it.
async fn finished(
    engine: &Engine,
    id: JobId,
    mut gives_up: impl FnMut() -> bool,
) -> Option<std::sync::Arc<Job>> {
    let owner = caller("owner");
    let mut every = tokio::time::interval(Duration::from_millis(2));
    let looks = async {
        loop {
            every.tick().await;
            match engine.get_job(&owner, PROJECT, id).await {
                Ok(job) if job.state.is_final() => return Some(job),
                _ if gives_up() => return None,
                _ => {}
            }
        }
    };
    if let Ok(ended) = tokio::time::timeout(PATIENCE, looks).await {
        return ended;
    }
    let look = async {
        let job = engine.get_job(&owner, PROJECT, id).await;
        (job, engine.job_log(&owner, PROJECT, id).await, engine.ready().await)
    };
    let seen = tokio::time::timeout(PATIENCE, look).await;
    panic!("job {id} does not end: the job, its log, the service: {seen:#?}")
}

async fn read(engine: &Engine, sha256: &str) -> Result<Vec<u8>, String> {
    let mut blob = engine.open_blob(sha256, None).await.map_err(|e| format!("{e:#}"))?;
    let mut bytes = Vec::new();
    while let Some(chunk) = blob.bytes.next().await {
        bytes.extend_from_slice(&chunk.map_err(|e| e.to_string())?);
    }
    Ok(bytes)
}

impl Kept {
    async fn check(&self, engine: &Engine, failed: Option<&str>) {
        let id = self.id;
        let asset = match engine.get_asset(&caller("owner"), PROJECT, id).await {
            Ok(asset) => asset,
            Err(e) => return assert_ne!(self.is_there, Some(true), "{failed:?}: asset {id} is lost: {e:#}"),
        };
        assert_ne!(self.is_there, Some(false), "{failed:?}: asset {id} is there again");
        let got = read(engine, &asset.sha256).await;
        let got = got.unwrap_or_else(|e| panic!("{failed:?}: the bytes of asset {id} are lost: {e}"));
        assert!(
            self.contents.contains(&got),
            "{failed:?}: asset {id} has {} bytes of something else",
            got.len()
        );
    }
}
