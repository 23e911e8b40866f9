//! `fieldstone run`: one job on local files, through the same engine that serves, in a folder of its own.

use crate::INTERRUPTED;
use crate::progress::{JobLines, Standing};
use crate::scratch::Scratch;
use crate::serve::shutdown_signal;
use crate::settings::Settings;
use crate::size::Size;
use anyhow::{Context, anyhow, bail, ensure};
use fieldstone_engine::model::*;
use fieldstone_engine::{Engine, EngineConfig, EngineError, Isolation};
use futures::StreamExt;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const CHUNK: usize = 1 << 20;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fieldstone run mesh/preprocess --input mesh=part.stl --out prepared
  fieldstone run implicit/from-mesh --input mesh=part.stl --param resolution=128 --out field
  fieldstone run implicit/evaluate --param graph=\"$(cat graph.json)\" --explain
  fieldstone run sample_triangle_mesh --input mesh=part.obj --param max_resolution=64 --out field

The folder gets each output under its asset name and result.json, the job as the REST API shows it.
docs/jobs.md lists job types, inputs and parameters.")]
pub struct RunArgs {
    /// Job type, such as implicit/from-mesh
    #[arg(value_name = "TYPE")]
    job_type: String,
    /// An input file; may be given several times
    #[arg(long = "input", value_name = "SLOT=FILE", value_parser = pair)]
    inputs: Vec<(String, String)>,
    /// A parameter; may be given several times
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = pair)]
    params: Vec<(String, String)>,
    /// Folder for outputs and result.json; made when absent
    #[arg(long, value_name = "DIR", required_unless_present = "explain")]
    out: Option<PathBuf>,
    /// Show how the job's shape graph would be computed, and run nothing: order, what is kept, halo, memory
    #[arg(long)]
    explain: bool,
    /// Threads that geometry uses; 0 means one per core
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// `NAME=VALUE`, as arguments give it.
pub fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok((name.into(), value.into())),
        _ => Err(format!("expected NAME=VALUE, got {text:?}")),
    }
}

/// One engine with one project, for one job.
struct Bench {
    engine: Engine,
    caller: Caller,
    project: ProjectId,
}

/// A job on local files.
pub struct LocalJob {
    /// Its type.
    pub job_type: String,
    /// Inputs: slot and file.
    pub inputs: Vec<(String, String)>,
    /// Parameters.
    pub params: Vec<(String, String)>,
}

/// Runs the job; the exit code says whether it succeeded.
pub async fn run(args: RunArgs, settings: Settings) -> anyhow::Result<ExitCode> {
    let job = LocalJob { job_type: args.job_type, inputs: args.inputs, params: args.params };
    if args.explain {
        println!("{}", explain(&job, &settings)?);
        return Ok(ExitCode::SUCCESS);
    }
    let out = args.out.context("--out is required")?;
    let Some(done) = job.run(&out, settings).await? else {
        eprintln!("error: interrupted");
        return Ok(ExitCode::from(INTERRUPTED));
    };
    for (name, asset) in products(&done) {
        println!("{name}\t{}\t{}", out.join(&asset.filename).display(), Size(asset.size).rounded());
    }
    let result = out.join("result.json");
    let text = serde_json::to_string_pretty(&fieldstone_server::job_document(&done))? + "\n";
    std::fs::write(&result, text).with_context(|| format!("cannot write {}", result.display()))?;
    match done.state {
        State::Success => Ok(ExitCode::SUCCESS),
        state => {
            eprintln!("error: {}", done.error.as_deref().unwrap_or(state.as_str()));
            Ok(ExitCode::FAILURE)
        }
    }
}

/// What a job made, by slot.
pub fn products(job: &Job) -> impl Iterator<Item = (&String, &Asset)> {
    job.outputs.assets.iter().flat_map(|(name, list)| list.iter().map(move |asset| (name, asset)))
}

impl LocalJob {
    /// Runs it and leaves its outputs in the folder; `None` when it was interrupted.
    pub async fn run(&self, out: &Path, settings: Settings) -> anyhow::Result<Option<Arc<Job>>> {
        let interrupted = shutdown_signal()?;
        let files = input_files(&self.inputs)?;
        let scratch = Scratch::inside(out)?;
        let config = EngineConfig {
            data: scratch.path().to_owned(),
            isolation: Isolation::Threads,
            shutdown_grace: Duration::ZERO,
            project_quota_bytes: None,
            user_quota_bytes: None,
            ..settings.engine()
        };
        let bench = Bench::open(config).await?;
        let work = bench.execute(self, out, &files);
        let done = tokio::select! {
            job = work => Some(job),
            () = interrupted => None,
        };
        bench.engine.stop().await;
        done.transpose()
    }
}

/// How the job would be computed.
fn explain(job: &LocalJob, settings: &Settings) -> anyhow::Result<String> {
    let entry = fieldstone_jobs::find(&job.job_type)
        .with_context(|| format!("{:?} is no job type, docs/jobs.md lists them", job.job_type))?;
    let given = job.params.iter().map(|(n, v)| (n.clone(), Value::String(v.clone()))).collect();
    let prepared = entry.prepare(entry.parse(given)?, &settings.engine().job_limits)?;
    prepared
        .explain()
        .with_context(|| format!("{} computes no shape graph: there is nothing to explain", job.job_type))
}

/// The distinct files among the inputs with their names, which must tell them apart.
fn input_files(inputs: &[(String, String)]) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let mut files: Vec<(PathBuf, String)> = Vec::new();
    for (slot, path) in inputs {
        let path = PathBuf::from(path);
        ensure!(path.is_file(), "input {slot}: {} is not a file", path.display());
        let name = file_name(&path)?;
        match files.iter().find(|(_, n)| *n == name) {
            Some((other, _)) if *other == path => {}
            Some((other, _)) => {
                bail!("input {slot}: {} and {} have the same name", other.display(), path.display())
            }
            None => files.push((path, name)),
        }
    }
    Ok(files)
}

/// The last part of a path as text.
pub fn file_name(path: &Path) -> anyhow::Result<String> {
    let name = path.file_name().and_then(|n| n.to_str());
    Ok(name.ok_or_else(|| anyhow!("{} has no file name that is text", path.display()))?.to_owned())
}

impl Bench {
    async fn open(config: EngineConfig) -> anyhow::Result<Bench> {
        let engine = Engine::open(config).await?;
        let caller = Caller::owner();
        let project = engine.create_project(&caller, NewProject::private("run")).await?.id;
        engine.start();
        Ok(Bench { engine, caller, project })
    }

    /// Uploads, dispatches, waits, and leaves the outputs in the folder.
    async fn execute(
        &self,
        local: &LocalJob,
        out: &Path,
        files: &[(PathBuf, String)],
    ) -> anyhow::Result<Arc<Job>> {
        for (path, name) in files {
            self.upload(path, name).await.with_context(|| format!("cannot read {}", path.display()))?;
        }
        let mut new = NewJob {
            type_name: local.job_type.clone(),
            name: None,
            params: local.params.iter().map(|(n, v)| (n.clone(), Value::String(v.clone()))).collect(),
            assets: Default::default(),
            request: None,
        };
        for (slot, path) in &local.inputs {
            new.assets.entry(slot.clone()).or_default().push(file_name(Path::new(path))?);
        }
        let id = self.engine.create_job(&self.caller, self.project, new).await?.id;
        let job = self.finished(id).await?;
        let log = self.engine.job_log(&self.caller, self.project, id).await?;
        log.iter().filter(|l| l.level == LogLevel::Warning).for_each(|l| eprintln!("warning: {}", l.text));
        for (_, asset) in products(&job) {
            let path = out.join(&asset.filename);
            self.download(asset, &path).await.with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(job)
    }

    async fn finished(&self, id: JobId) -> Result<Arc<Job>, EngineError> {
        let mut lines = JobLines::new();
        let mut looks = pin!(self.engine.watch_job(&self.caller, self.project, id).await?);
        while let Some(job) = looks.next().await {
            lines.show(&Standing::from(&*job));
            if job.state.is_final() {
                return Ok(job);
            }
        }
        Err(EngineError::NotFound(format!("job {id}")))
    }

    async fn upload(&self, path: &Path, name: &str) -> anyhow::Result<()> {
        let mut file = tokio::fs::File::open(path).await?;
        let mut upload = self.engine.begin_upload(self.project, 0).await?;
        loop {
            let mut chunk = Vec::with_capacity(CHUNK);
            if (&mut file).take(CHUNK as u64).read_to_end(&mut chunk).await? == 0 {
                break;
            }
            upload.write(chunk.into()).await?;
        }
        upload.finish(&self.caller, name).await?;
        Ok(())
    }

    async fn download(&self, asset: &Asset, path: &Path) -> anyhow::Result<()> {
        let mut blob = self.engine.open_blob(&asset.sha256, None).await?;
        let mut file = tokio::fs::File::create(path).await?;
        while let Some(chunk) = blob.bytes.next().await {
            file.write_all(&chunk?).await?;
        }
        file.flush().await?;
        Ok(())
    }
}
