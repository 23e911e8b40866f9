//! `fieldstone view`: a file in the app, by a server that lives as long as it is looked at.

use crate::eval::{GRAPH, files, maker, shown};
use crate::remote::{Client, text};
use crate::run::{file_name, pair};
use crate::scratch::Scratch;
use crate::serve::shutdown_signal;
use crate::settings::Settings;
use crate::stage::Stage;
use anyhow::{Context, bail, ensure};
use reqwest::multipart::Part;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Repairs a mesh of a format that browsers do not read, and writes it in one that they do.
const PART: &str = include_str!("part.yaml");
/// The job `shape` evaluates a graph.
const SHAPE: &str = include_str!("shape.yaml");
/// A volume at its own samples: its file is `volume`, where it lies is put into the first two operators.
const VOLUME: &str = include_str!("volume.json");
/// Where the document of the job that made a volume may lie, beside it.
const RESULTS: [&str; 2] = ["result.json", "job.json"];

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fieldstone view part.stl
  fieldstone view fieldstone-demo/volume.bin
  fieldstone view docs/infill.json --input part=part.stl
  fieldstone view part.3mf --no-open

Meshes: stl, obj, ply, 3mf. Volumes: bin, with the document of the job that made them beside (result.json of fieldstone run, job.json of
fieldstone demo) or given by --job. Shape graphs: json; they are evaluated first.

Prints a link that signs in by itself and opens it. Serves on a free port of this machine from a folder that goes when it ends, by Ctrl-C.")]
pub struct ViewArgs {
    /// A mesh, a volume or a shape graph
    file: PathBuf,
    /// Print the link and open nothing
    #[arg(long)]
    no_open: bool,
    /// The document of the job that made a volume
    #[arg(long, value_name = "FILE")]
    job: Option<PathBuf>,
    /// Which file a `path` of a graph means, where it does not lie beside the graph under that name; may be given several times
    #[arg(long = "input", value_name = "PATH=FILE", value_parser = pair)]
    inputs: Vec<(String, String)>,
    /// Threads that geometry uses; 0 means one per core
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// Serves until Ctrl-C.
pub async fn view(args: ViewArgs, settings: Settings) -> anyhow::Result<ExitCode> {
    let mut interrupted = Box::pin(shutdown_signal()?);
    ensure!(args.file.is_file(), "{} is not a file", args.file.display());
    let order = Order::of(&args, &settings)?;
    let scratch = Scratch::inside(&std::env::temp_dir())?;
    close_to_others(scratch.path())?;
    let stage = Stage::open(&scratch.path().join("data"), &settings).await?;
    let ready = tokio::select! {
        place = order.carry_out(&stage) => Some(place),
        () = &mut interrupted => None,
    };
    let shown = match ready {
        Some(Ok(place)) => {
            let link = format!("{}{place}#key={}", stage.url, stage.token);
            println!("{link}");
            eprintln!("showing {}; Ctrl-C ends it", args.file.display());
            if !args.no_open {
                open(&link, scratch.path());
            }
            interrupted.await;
            Ok(())
        }
        Some(Err(e)) => Err(e),
        None => Ok(()),
    };
    stage.close().await?;
    shown.map(|()| ExitCode::SUCCESS)
}

/// What has to be done before there is something to look at.
enum Order {
    /// The file is shown as it is.
    Mesh(PathBuf),
    /// Its only job's product is shown.
    Work { definition: &'static str, inputs: Vec<(String, PathBuf)>, graph: Option<(PathBuf, String)> },
}

impl Order {
    fn of(args: &ViewArgs, settings: &Settings) -> anyhow::Result<Order> {
        let file = &args.file;
        let extension = file.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
        match extension.as_str() {
            "stl" | "obj" | "ply" => Ok(Order::Mesh(file.clone())),
            "3mf" => {
                let inputs = vec![("prepare.mesh".to_owned(), file.clone())];
                Ok(Order::Work { definition: PART, inputs, graph: None })
            }
            "bin" => {
                let graph = volume_graph(file, args.job.as_deref())?.to_string();
                let inputs = vec![("shape.volume".to_owned(), file.clone())];
                Ok(Order::Work { definition: SHAPE, inputs, graph: Some((file.clone(), graph)) })
            }
            "json" => {
                let graph = std::fs::read_to_string(file)
                    .with_context(|| format!("cannot read {}", file.display()))?;
                let (entry, _) = maker("bin")?;
                let params = [(GRAPH.to_owned(), graph.clone())];
                let inputs = files(entry, &params, args.inputs.clone(), file, settings)
                    .map_err(|e| shown(e, file, &graph))?;
                let inputs = inputs.into_iter().map(|(path, file)| (format!("shape.{path}"), file.into()));
                Ok(Order::Work {
                    definition: SHAPE,
                    inputs: inputs.collect(),
                    graph: Some((file.clone(), graph)),
                })
            }
            _ => bail!(
                "{}: expected a mesh (stl, obj, ply, 3mf), a volume (bin) or a shape graph (json)",
                file.display()
            ),
        }
    }

    /// Makes a project with what is to be seen; the page of the app that shows it.
    async fn carry_out(&self, stage: &Stage) -> anyhow::Result<String> {
        let client = &stage.client;
        let project = client.post("/projects", &json!({"name": "view", "access": "private"})).await?;
        let project = text(&project, "id")?;
        let (definition, inputs, graph) = match self {
            Order::Mesh(file) => {
                let asset = upload(client, &project, file, file_name(file)?).await?;
                return Ok(format!("/p/{project}/a/{}", text(&asset, "id")?));
            }
            Order::Work { definition, inputs, graph } => (definition, inputs, graph),
        };
        let mut assets = Map::new();
        for (i, (slot, file)) in inputs.iter().enumerate() {
            // Two files of one name, from two folders, stay two.
            let asset = upload(client, &project, file, format!("{i}-{}", file_name(file)?)).await?;
            assets.insert(slot.clone(), asset["filename"].clone());
        }
        let mut parameters = Map::new();
        if let Some((_, graph)) = graph {
            parameters.insert(format!("shape.{GRAPH}"), Value::String(graph.clone()));
        }
        let body = json!({"definition": definition, "assets": assets, "parameters": parameters});
        let done = async {
            let workflow = client.post(&format!("/projects/{project}/workflows"), &body).await?;
            stage.finished(&project, &text(&workflow, "id")?).await
        };
        let with_lines = |e| match graph {
            Some((file, graph)) => shown(e, file, graph),
            None => e,
        };
        let jobs = done.await.map_err(with_lines)?;
        let products = jobs.last().and_then(|job| job["outputs"]["assets"].as_object());
        let product = products.and_then(|all| all.values().next()).context("nothing was made of it")?;
        Ok(format!("/p/{project}/a/{}", text(product, "id")?))
    }
}

async fn upload(client: &Client, project: &str, path: &Path, name: String) -> anyhow::Result<Value> {
    let unreadable = || format!("cannot read {}", path.display());
    let file = tokio::fs::File::open(path).await.with_context(unreadable)?;
    let size = file.metadata().await.with_context(unreadable)?.len();
    client.upload(project, name, Part::stream_with_length(file, size)).await
}

/// The graph that shows a volume, where the job that made it says it lies.
fn volume_graph(file: &Path, job: Option<&Path>) -> anyhow::Result<Value> {
    let beside = RESULTS.map(|name| file.with_file_name(name));
    let job = job.or_else(|| beside.iter().map(PathBuf::as_path).find(|path| path.is_file()));
    let job = job.with_context(|| {
        let [result, job] = RESULTS;
        format!(
            "{}: there is no {result} or {job} beside it: --job says where its samples lie",
            file.display()
        )
    })?;
    let unreadable = || format!("cannot read {}", job.display());
    let document = std::fs::read(job).with_context(unreadable)?;
    let document: Value = serde_json::from_slice(&document).with_context(unreadable)?;
    let mut graph: Value = serde_json::from_str(VOLUME)?;
    for (key, [points, volume]) in [
        ("size", ["size", "volume_size"]),
        ("offset", ["offset", "volume_offset"]),
        ("resolution", ["resolution", "resolution"]),
    ] {
        let name = format!("patch_{key}");
        let said = &document["outputs"]["params"][&name];
        let said =
            said.as_str().with_context(|| format!("{} has no output parameter {name}", job.display()))?;
        let said: Value =
            serde_json::from_str(said).with_context(|| format!("{name} of {}", job.display()))?;
        graph["operators"][0]["parameters"][points] = said.clone();
        graph["operators"][1]["parameters"][volume] = said;
    }
    Ok(graph)
}

/// Opens the link. Others on the machine can read arguments of programs, and the link signs in: the browser is given a file, which only
/// this user may read.
fn open(link: &str, scratch: &Path) {
    let page = scratch.join("open.html");
    let text = format!(
        "<!doctype html><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"0;url={link}\"><title>Fieldstone</title>"
    );
    let opened = std::fs::write(&page, text).and_then(|()| open::that_detached(&page));
    if let Err(e) = opened {
        eprintln!("no browser could be opened ({e}): follow the link");
    }
}

/// The folder and what is in it are for this user alone.
fn close_to_others(folder: &Path) -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(folder, mode).with_context(|| folder.display().to_string())?;
    }
    Ok(())
}
