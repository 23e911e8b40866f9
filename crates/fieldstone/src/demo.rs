//! `fieldstone demo`: the whole way of a part, over HTTP as a user goes it.

use crate::INTERRUPTED;
use crate::picture::{Field, write_picture};
use crate::progress::{JobLines, Standing};
use crate::remote::{Client, fetch, text};
use crate::run::file_name;
use crate::scratch::Scratch;
use crate::serve::shutdown_signal;
use crate::settings::Settings;
use crate::size::Size;
use anyhow::{Context, bail, ensure};
use fieldstone_engine::model::{Caller, JobId, NewKey, ProjectId};
use fieldstone_engine::{Engine, EngineConfig};
use fieldstone_kernel::Patch;
use reqwest::multipart::Part;
use serde_json::{Value, json};
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// The part of a demo without one.
const BRACKET: &[u8] = include_bytes!("../../../testdata/parts/bracket.stl");
const BRACKET_NAME: &str = "bracket.stl";
/// The workflow that the demo posts.
const WORKFLOW: &str = include_str!("../../../docs/sample-mesh.yaml");
const POLL: Duration = Duration::from_millis(50);

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fieldstone demo
  fieldstone demo part.stl --resolution 128 --out field

Serves on a free port, uploads the part (STL, OBJ, PLY or 3MF, in mm), runs the workflow of docs/sample-mesh.yaml,
prints the last job as the REST API shows it, and leaves volume.bin, job.json and slices.png.")]
pub struct DemoArgs {
    /// Mesh file; without it a CAD bracket that is part of the program
    part: Option<PathBuf>,
    /// Samples on the longest axis
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(2..=1024))]
    resolution: u32,
    /// Folder for the results; made when absent
    #[arg(long, value_name = "DIR", default_value = "fieldstone-demo")]
    out: PathBuf,
    /// Threads that geometry uses; 0 means one per core
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// A server of the demo's own, and the way to look at its jobs' progress.
struct Stage {
    engine: Engine,
    caller: Arc<Caller>,
    client: Client,
    url: String,
    stop: oneshot::Sender<()>,
    serving: tokio::task::JoinHandle<std::io::Result<()>>,
}

/// Runs the demo.
pub async fn demo(args: DemoArgs, settings: Settings) -> anyhow::Result<ExitCode> {
    let interrupted = shutdown_signal()?;
    if let Some(part) = &args.part {
        ensure!(part.is_file(), "{} is not a file", part.display());
    }
    let scratch = Scratch::inside(&args.out)?;
    let stage = Stage::open(scratch.path(), &settings).await?;
    eprintln!("serving on {}", stage.url);
    let done = tokio::select! {
        result = stage.show(&args) => Some(result),
        () = interrupted => None,
    };
    stage.close().await?;
    match done {
        Some(result) => {
            result?;
            farewell(&args.out);
            Ok(ExitCode::SUCCESS)
        }
        None => {
            eprintln!("error: interrupted");
            Ok(ExitCode::from(INTERRUPTED))
        }
    }
}

impl Stage {
    async fn open(data: &Path, settings: &Settings) -> anyhow::Result<Stage> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot listen on a free port")?;
        let url = fieldstone_server::url_of(listener.local_addr()?);
        let engine = Engine::open(EngineConfig { data: data.to_owned(), ..settings.engine() }).await?;
        let token = engine.create_key(NewKey { name: "demo".into(), ..NewKey::default() }).await?;
        let caller = engine.authenticate(&token).await?.context("the server does not know its own key")?;
        engine.start();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async { stopped.await.unwrap_or_default() };
        let config = fieldstone_server::ServerConfig { public_url: None, ..settings.server() };
        let serving = tokio::spawn(fieldstone_server::serve(listener, engine.clone(), config, shutdown));
        let client = Client::new(url.clone(), token, None)?;
        Ok(Stage { engine, caller, client, url, stop, serving })
    }

    async fn close(self) -> anyhow::Result<()> {
        drop(self.client);
        drop(self.stop);
        self.engine.stop().await;
        self.serving.await?.context("the server failed")
    }

    /// Uploads, runs, and leaves the results in the folder.
    async fn show(&self, args: &DemoArgs) -> anyhow::Result<()> {
        let client = &self.client;
        let project = client.post("/projects", &json!({"name": "demo", "access": "private"})).await?;
        let project = text(&project, "id")?;
        let part = self.upload(&project, args).await?;
        let body = json!({
            "definition": WORKFLOW,
            "assets": {"preprocess.mesh": part},
            "parameters": {"sample-mesh.resolution": args.resolution.to_string()},
        });
        let workflow = client.post(&format!("/projects/{project}/workflows"), &body).await?;
        let jobs = self.finished(&project, &text(&workflow, "id")?).await?;
        let job = jobs.last().context("the workflow has no jobs")?;
        println!("{job:#}");
        self.leave(&project, job, &part, &args.out).await
    }

    async fn upload(&self, project: &str, args: &DemoArgs) -> anyhow::Result<String> {
        let (name, size, body) = match &args.part {
            None => (BRACKET_NAME.to_owned(), BRACKET.len() as u64, Part::bytes(BRACKET)),
            Some(path) => {
                let unreadable = || format!("cannot read {}", path.display());
                let file = tokio::fs::File::open(path).await.with_context(unreadable)?;
                let size = file.metadata().await.with_context(unreadable)?.len();
                (file_name(path)?, size, Part::stream_with_length(file, size))
            }
        };
        let asset = self.client.upload(project, name, body).await?;
        let name = text(&asset, "filename")?;
        eprintln!("uploaded {name}, {}", Size(size).rounded());
        Ok(name)
    }

    /// Waits for the workflow with a line per job; the jobs' documents in the order of the workflow.
    async fn finished(&self, project: &str, workflow: &str) -> anyhow::Result<Vec<Value>> {
        let mut lines = JobLines::new();
        let mut ticks = tokio::time::interval(POLL);
        loop {
            ticks.tick().await;
            let workflow = self.client.get(&format!("/projects/{project}/workflows/{workflow}")).await?;
            let ids = workflow["jobs"].as_array().context("the workflow has no list of jobs")?;
            let ids: Vec<&str> = ids.iter().filter_map(Value::as_str).collect();
            for id in &ids {
                let id: JobId = id.parse()?;
                let job = self.engine.get_job(&self.caller, project.parse::<ProjectId>()?, id).await?;
                lines.show(&Standing::from(&*job));
            }
            if matches!(workflow["state"].as_str(), Some("pending" | "started")) {
                continue;
            }
            let mut jobs = Vec::new();
            for id in &ids {
                let job = self.client.get(&format!("/projects/{project}/jobs/{id}")).await?;
                if let Some(error) = job["error"].as_str() {
                    bail!("job {} failed: {error}", job["name"].as_str().unwrap_or(id));
                }
                jobs.push(job);
            }
            ensure!(workflow["state"] == "success", "the workflow ended as {}", workflow["state"]);
            return Ok(jobs);
        }
    }

    /// The volume, the job's document and the picture.
    async fn leave(&self, project: &str, job: &Value, part: &str, out: &Path) -> anyhow::Result<()> {
        let volume = out.join("volume.bin");
        fetch(&self.client, project, &job["outputs"]["assets"]["volume"], &volume).await?;
        std::fs::write(out.join("job.json"), format!("{job:#}\n")).context("cannot write job.json")?;
        let patch = patch_of(&job["outputs"]["params"])?;
        let bytes = std::fs::read(&volume).with_context(|| format!("cannot read {}", volume.display()))?;
        let samples: Vec<f32> = bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
        let expected = patch.sample_count() * 4;
        ensure!(bytes.len() as u64 == expected, "volume.bin has {} bytes, expected {expected}", bytes.len());
        let picture = File::create(out.join("slices.png")).context("cannot write slices.png")?;
        let field = Field { samples: &samples, patch: &patch };
        write_picture(field, part, BufWriter::new(picture))
    }
}

/// The grid that a job's output parameters describe.
fn patch_of(params: &Value) -> anyhow::Result<Patch> {
    fn list<T: serde::de::DeserializeOwned>(params: &Value, name: &str) -> anyhow::Result<T> {
        serde_json::from_str(&text(params, name)?)
            .with_context(|| format!("cannot read output parameter {name}"))
    }
    let (size, offset) = (list(params, "patch_size")?, list(params, "patch_offset")?);
    Ok(Patch::new(size, offset, list(params, "patch_resolution")?)?)
}

fn farewell(out: &Path) {
    let program = std::env::args().next().unwrap_or_else(|| "fieldstone".into());
    let out = out.display();
    eprintln!("left {out}/volume.bin  the field: float32, little-endian, x fastest, negative inside");
    eprintln!("     {out}/job.json    the job as GET /projects/{{projectId}}/jobs/{{jobId}} answers it");
    eprintln!("     {out}/slices.png  three sections of the field");
    eprintln!("next: {program} serve       then use the REST API or the Python SDK, see README.md");
}
