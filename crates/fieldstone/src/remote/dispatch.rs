//! Sending work to a server: `fieldstone jobs run` and `fieldstone workflows run`.

use super::client::{Client, text};
use super::failure::Failure;
use super::find::ProjectArg;
use super::follow::{Awaited, Kind, all_succeeded, jobs_of, tell_warnings, until_ended};
use super::table::{field, print_json};
use super::transfer::{fetch, send};
use super::wait::seconds;
use crate::excerpt::Excerpt;
use crate::run::{file_name, pair};
use anyhow::Context;
use indexmap::IndexMap;
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// A value that begins so is the name of a local file.
const FILE: char = '@';

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fieldstone jobs run implicit/from-mesh -p brackets --input mesh=@part.stl --param resolution=128 --out field
  fieldstone jobs run export_triangle_mesh -p brackets --param graph=@infill.json --wait
  fieldstone jobs run mesh/preprocess -p brackets --input mesh=part.stl        an asset that is there already

docs/jobs.md lists job types, inputs and parameters. Exit codes as of fieldstone wait.")]
pub struct RunArgs {
    /// Job type, such as implicit/from-mesh
    #[arg(value_name = "TYPE")]
    job_type: String,
    #[command(flatten)]
    project: ProjectArg,
    /// An input: the newest asset of this filename, or @FILE, which is uploaded first; may be given several times
    #[arg(long = "input", value_name = "SLOT=ASSET", value_parser = pair)]
    inputs: Vec<(String, String)>,
    /// A parameter, or NAME=@FILE for a file's text; may be given several times
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = pair)]
    params: Vec<(String, String)>,
    /// What it is to be called
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    end: EndArgs,
}

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fieldstone workflows run sample-mesh.yaml -p brackets --input preprocess.mesh=@part.stl --out field
  fieldstone workflows run sample-mesh.yaml -p brackets --input preprocess.mesh=part.stl --param sample-mesh.resolution=128

Exit codes as of fieldstone wait.")]
pub struct RunWorkflowArgs {
    /// The definition, in YAML
    #[arg(value_name = "FILE")]
    definition: PathBuf,
    #[command(flatten)]
    project: ProjectArg,
    /// An input of one of its jobs: an asset by filename, or @FILE, which is uploaded first; may be given several times
    #[arg(long = "input", value_name = "JOB.SLOT=ASSET", value_parser = pair)]
    inputs: Vec<(String, String)>,
    /// A parameter of one of its jobs, or @FILE for a file's text; may be given several times
    #[arg(long = "param", value_name = "JOB.NAME=VALUE", value_parser = pair)]
    params: Vec<(String, String)>,
    #[command(flatten)]
    end: EndArgs,
}

/// What is to be done once it is dispatched.
#[derive(clap::Args)]
struct EndArgs {
    /// Wait until it has ended
    #[arg(long)]
    wait: bool,
    /// Wait, and copy what it made to this folder, made when absent
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Seconds to wait at most
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
}

/// `jobs run`.
pub async fn run_job(client: &Client, args: RunArgs, json: bool) -> anyhow::Result<ExitCode> {
    let project = args.project.find(client).await?;
    let params = parameters(&args.params)?;
    let assets = assets(client, &project, &args.inputs).await?;
    let body = json!({"type": args.job_type, "name": args.name, "parameters": params, "assets": assets});
    let job = client.post(&format!("/projects/{project}/jobs"), &body).await;
    let documents = documents(&args.params)?;
    let job = job.map_err(|e| with_lines(e, &documents))?;
    finish(client, &project, Kind::Job, job, &args.end, json).await
}

/// `workflows run`.
pub async fn run_workflow(client: &Client, args: RunWorkflowArgs, json: bool) -> anyhow::Result<ExitCode> {
    let definition = local_text(&args.definition)?;
    let project = args.project.find(client).await?;
    let params = parameters(&args.params)?;
    let assets = assets(client, &project, &args.inputs).await?;
    let body = json!({"definition": definition, "parameters": params, "assets": assets});
    let workflow = client.post(&format!("/projects/{project}/workflows"), &body).await;
    let mut documents = documents(&args.params)?;
    documents.insert(0, (&args.definition, definition));
    let workflow = workflow.map_err(|e| with_lines(e, &documents))?;
    finish(client, &project, Kind::Workflow, workflow, &args.end, json).await
}

/// Prints the id of what was dispatched, or waits for it and leaves what it made.
async fn finish(
    client: &Client,
    project: &str,
    kind: Kind,
    sent: Value,
    end: &EndArgs,
    json: bool,
) -> anyhow::Result<ExitCode> {
    if !end.wait && end.out.is_none() && end.timeout.is_none() {
        if json {
            print_json(&sent)
        } else {
            println!("{}", field(&sent, "id"))
        }
        return Ok(ExitCode::SUCCESS);
    }
    let awaited = Awaited { kind, id: text(&sent, "id")? };
    let ended = until_ended(client, project, &[awaited], end.timeout).await?.remove(0);
    let jobs = match kind {
        Kind::Job => vec![ended.clone()],
        Kind::Workflow => jobs_of(client, project, &ended).await?,
    };
    jobs.iter().for_each(tell_warnings);
    if json || end.out.is_none() {
        print_json(&ended);
    }
    // What failed says more than what waited for it.
    all_succeeded(&jobs.iter().filter(|job| job["state"] == "failure").cloned().collect::<Vec<_>>())?;
    all_succeeded(std::slice::from_ref(&ended))?;
    if let Some(folder) = &end.out {
        leave(client, project, &jobs, folder, json).await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Copies what the jobs made to a folder, each named by its job's name, where it has one, and by what it is.
async fn leave(
    client: &Client,
    project: &str,
    jobs: &[Value],
    folder: &Path,
    json: bool,
) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make folder {}", folder.display()))?;
    for job in jobs {
        for (slot, asset) in job["outputs"]["assets"].as_object().into_iter().flatten() {
            let path = folder.join(output_name(job, slot, &text(asset, "filename")?));
            fetch(client, project, asset, &path).await?;
            if !json {
                println!("{}", path.display());
            }
        }
    }
    Ok(())
}

/// `volume.bin`, or `sample-mesh.volume.bin` of a job that has a name. Names are their makers': none leaves its folder.
fn output_name(job: &Value, slot: &str, filename: &str) -> String {
    let extension = Path::new(filename)
        .extension()
        .and_then(|e| e.to_str())
        .map_or_else(String::new, |e| format!(".{e}"));
    let job = job["name"].as_str().map_or_else(String::new, |name| format!("{name}."));
    let name = format!("{job}{slot}{extension}");
    name.chars().map(|c| if c.is_control() || matches!(c, '/' | '\\' | ':') { '_' } else { c }).collect()
}

/// Parameters; those that name a file have its text.
fn parameters(given: &[(String, String)]) -> anyhow::Result<Map<String, Value>> {
    let value = |(name, value): &(String, String)| {
        let text = match value.strip_prefix(FILE) {
            Some(path) => local_text(Path::new(path)).with_context(|| format!("parameter {name}"))?,
            None => value.clone(),
        };
        Ok((name.clone(), Value::String(text)))
    };
    given.iter().map(value).collect()
}

/// A refusal with the lines of the document that it is about: of the first in which it has a place.
fn with_lines(error: anyhow::Error, documents: &[(&Path, String)]) -> anyhow::Error {
    let message = error.to_string();
    let shown = documents.iter().find_map(|(path, text)| Some(Excerpt::of(&message, text)?.show(path, text)));
    match (shown, error.downcast::<Failure>()) {
        (Some(shown), Ok(failure)) => failure.saying(shown).into(),
        (None, Ok(failure)) => failure.into(),
        (_, Err(other)) => other,
    }
}

/// The files among the parameters, with their text.
fn documents(params: &[(String, String)]) -> anyhow::Result<Vec<(&Path, String)>> {
    let paths = params.iter().filter_map(|(_, value)| value.strip_prefix(FILE)).map(Path::new);
    paths.map(|path| Ok((path, local_text(path)?))).collect()
}

/// Inputs by slot; files are uploaded first, once each.
async fn assets(client: &Client, project: &str, given: &[(String, String)]) -> anyhow::Result<Value> {
    let (mut slots, mut sent) = (IndexMap::<&str, Vec<String>>::new(), HashSet::new());
    for (slot, value) in given {
        let filename = match value.strip_prefix(FILE).map(Path::new) {
            None => value.clone(),
            Some(path) => {
                let filename = file_name(path)?;
                if sent.insert(path) {
                    send(client, project, path, filename.clone()).await?;
                }
                filename
            }
        };
        slots.entry(slot).or_default().push(filename);
    }
    Ok(serde_json::to_value(slots)?)
}

fn local_text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_named_by_its_job_and_slot_and_stays_in_its_folder() {
        assert_eq!(output_name(&json!({"name": null}), "volume", "18eb.bin"), "volume.bin");
        assert_eq!(
            output_name(&json!({"name": "sample-mesh"}), "volume", "18eb.bin"),
            "sample-mesh.volume.bin"
        );
        assert_eq!(output_name(&json!({"name": "../a:b"}), "mesh", "x"), ".._a_b.mesh");
    }
}
