//! `fieldstone demo`: the whole way of a part, over HTTP as a user goes it.

use crate::INTERRUPTED;
use crate::picture::{Field, write_picture};
use crate::remote::{fetch, text};
use crate::run::file_name;
use crate::scratch::Scratch;
use crate::serve::shutdown_signal;
use crate::settings::Settings;
use crate::size::Size;
use crate::stage::Stage;
use anyhow::{Context, ensure};
use fieldstone_kernel::Patch;
use reqwest::multipart::Part;
use serde_json::{Value, json};
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The part of a demo without one.
const BRACKET: &[u8] = include_bytes!("../../../testdata/parts/bracket.stl");
const BRACKET_NAME: &str = "bracket.stl";
/// The workflow that the demo posts.
const WORKFLOW: &str = include_str!("../../../docs/sample-mesh.yaml");

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
    eprintln!("next: {program} serve       then use the REST API or the Python SDK, see /guide there");
}
