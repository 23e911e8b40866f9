//! `fieldstone eval`: a shape graph to a file, without a server; the file's extension says what is made.

use crate::INTERRUPTED;
use crate::excerpt::Excerpt;
use crate::run::{LocalJob, pair, products};
use crate::scratch::Scratch;
use crate::settings::Settings;
use anyhow::{Context, bail, ensure};
use fieldstone_engine::model::State;
use fieldstone_jobs::{JOB_TYPES, JobEntry, Kind};
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The parameter that a shape graph is.
pub const GRAPH: &str = "graph";
/// The parameter that says which of several formats a job writes.
const FORMAT: &str = "file_type";
/// What is asked for where no file of its own is: the measures, as text.
const MEASURES: &str = "json";

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fieldstone eval infill.json -o infill.stl
  fieldstone eval infill.json --input part=bracket.stl -o infill.stl
  fieldstone eval infill.json -o infill.3mf --param feature_preserving=true
  fieldstone eval infill.json -o layers.zip --param layer_height=0.05
  fieldstone eval infill.json -o measures.json
  fieldstone eval infill.json --as stl -o - | other-program

Meshes: stl, obj, ply, 3mf, glb. Layers: zip, cli. Samples: bin, vti. Measures: json. Files that the graph names are looked for
beside it. docs/operators.md lists operators, docs/jobs.md the parameters.")]
pub struct EvalArgs {
    /// The graph, JSON
    graph: PathBuf,
    /// The file to write; - is standard output
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// What to make, by extension, where the name of the file does not say it
    #[arg(long = "as", value_name = "EXTENSION")]
    format: Option<String>,
    /// Which file a `path` of the graph means, where it does not lie beside the graph under that name; may be given several times
    #[arg(long = "input", value_name = "PATH=FILE", value_parser = pair)]
    inputs: Vec<(String, String)>,
    /// A parameter of the job that makes it; may be given several times
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = pair)]
    params: Vec<(String, String)>,
    /// Threads that geometry uses; 0 means one per core
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// Evaluates.
pub async fn eval(args: EvalArgs, settings: Settings) -> anyhow::Result<ExitCode> {
    let to_stdout = args.out.as_os_str() == "-";
    let named = args.out.extension().and_then(|e| e.to_str()).map(str::to_lowercase);
    let format = args.format.map(|f| f.to_lowercase()).or(named);
    let format =
        format.with_context(|| format!("{} has no extension: --as says what to make", args.out.display()))?;
    let (entry, format_param) = maker(&format)?;
    let text = std::fs::read_to_string(&args.graph);
    let text = text.with_context(|| format!("cannot read {}", args.graph.display()))?;
    let mut params = args.params;
    params.extend(format_param.map(|value| (FORMAT.to_owned(), value)));
    params.push((GRAPH.to_owned(), text.clone()));
    let inputs = files(entry, &params, args.inputs, &args.graph, &settings)
        .map_err(|e| shown(e, &args.graph, &text))?;
    let job = LocalJob { job_type: entry.type_name.to_owned(), inputs, params };
    let beside = if to_stdout { std::env::temp_dir() } else { folder_of(&args.out) };
    let scratch = Scratch::inside(&beside)?;
    let Some(done) = job.run(scratch.path(), settings).await.map_err(|e| shown(e, &args.graph, &text))?
    else {
        eprintln!("error: interrupted");
        return Ok(ExitCode::from(INTERRUPTED));
    };
    if done.state != State::Success {
        let error = done.error.as_deref().unwrap_or(done.state.as_str());
        return Err(shown(anyhow::anyhow!("{error}"), &args.graph, &text));
    }
    let measures = serde_json::to_string_pretty(&done.outputs.params)? + "\n";
    let made = products(&done).next().map(|(_, asset)| scratch.path().join(&asset.filename));
    match (made, to_stdout) {
        (Some(made), false) => std::fs::rename(made, &args.out).with_context(|| unwritable(&args.out))?,
        (Some(made), true) => {
            std::io::copy(&mut std::fs::File::open(made)?, &mut std::io::stdout().lock())?;
        }
        (None, false) => std::fs::write(&args.out, measures).with_context(|| unwritable(&args.out))?,
        (None, true) => std::io::stdout().lock().write_all(measures.as_bytes())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn unwritable(path: &Path) -> String {
    format!("cannot write {}", path.display())
}

fn folder_of(path: &Path) -> PathBuf {
    path.parent().filter(|p| !p.as_os_str().is_empty()).map_or_else(|| ".".into(), Path::to_owned)
}

/// The job type that makes a file of this extension of a graph, and what its format must be where it has several.
pub fn maker(extension: &str) -> anyhow::Result<(&'static JobEntry, Option<String>)> {
    let mut known = vec![MEASURES.to_owned()];
    for entry in JOB_TYPES.iter().filter(|entry| entry.params.iter().any(|param| param.name == GRAPH)) {
        let formats = entry.params.iter().find(|param| param.name == FORMAT).map(|param| param.kind);
        match (entry.products.first(), formats) {
            (None, _) if extension == MEASURES => return Ok((entry, None)),
            (Some(_), Some(Kind::Choice(choices))) if choices.contains(&extension) => {
                return Ok((entry, Some(extension.to_owned())));
            }
            (Some(product), None) if product.extension == extension => return Ok((entry, None)),
            (Some(_), Some(Kind::Choice(choices))) => known.extend(choices.iter().map(|&c| c.to_owned())),
            (Some(product), _) => known.push(product.extension.to_owned()),
            (None, _) => {}
        }
    }
    known.sort();
    known.dedup();
    bail!("nothing is known that makes a .{extension} of a graph, expected one of {}", known.join(", "))
}

/// The files that the graph among `params` names: those that are given, the others where they lie beside it.
pub fn files(
    entry: &JobEntry,
    params: &[(String, String)],
    mut inputs: Vec<(String, String)>,
    graph: &Path,
    settings: &Settings,
) -> anyhow::Result<Vec<(String, String)>> {
    let given = params.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect();
    let prepared = entry.prepare(entry.parse(given)?, &settings.engine().job_limits)?;
    for path in prepared.references().into_iter().map(|reference| reference.path) {
        if !inputs.iter().any(|(named, _)| *named == path) {
            let file = folder_of(graph).join(&path);
            ensure!(
                file.is_file(),
                "the graph names {path:?}, and there is no {}: --input {path}=FILE",
                file.display()
            );
            inputs.push((path, file.display().to_string()));
        }
    }
    Ok(inputs)
}

/// An error with the lines of the graph that it is about.
pub fn shown(error: anyhow::Error, file: &Path, text: &str) -> anyhow::Error {
    match Excerpt::of(&format!("{error:#}"), text) {
        Some(excerpt) => anyhow::anyhow!("{}", excerpt.show(file, text)),
        None => error,
    }
}
