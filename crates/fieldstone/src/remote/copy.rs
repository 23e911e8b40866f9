//! `fieldstone assets cp`: files into a project, assets out of it.

use super::client::Client;
use super::failure::Failure;
use super::find::{asset, project};
use super::table::{field, plain, print_json};
use super::transfer::{fetch, read_to_stdout, send, send_stdin};
use crate::run::file_name;
use anyhow::{Context, bail, ensure};
use glob::Pattern;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Standard input or output.
const STREAM: &str = "-";
/// Assets among which a pattern is looked for.
const MOST: usize = 100_000;

#[derive(clap::Args)]
#[command(after_help = "\
PROJECT:NAME is an asset: the project by id or name, the asset by filename or id; * ? [ab] in NAME mean several. A local file
with a colon in its name is written ./a:b.stl.

Examples:
  fieldstone assets cp part.stl lid.stl brackets:
  fieldstone assets cp part.stl brackets:bracket-v2.stl
  fieldstone assets cp brackets:volume.bin field/
  fieldstone assets cp 'brackets:*.stl' .
  cat part.stl | fieldstone assets cp - brackets:part.stl
  fieldstone assets cp brackets:part.stl - | head -c 80

A download that broke off goes on where it was (its part of the file lies beside, as NAME.CHECKSUM.part). A file has its name
once all of it is there and its checksum is the asset's.")]
pub struct CopyArgs {
    /// Files, or assets as PROJECT:NAME; - is standard input
    #[arg(required = true, value_name = "FROM")]
    from: Vec<String>,
    /// PROJECT: or PROJECT:NAME, or a file or folder; - is standard output
    #[arg(value_name = "TO")]
    to: String,
}

/// One end of a copy.
#[derive(Debug, PartialEq)]
enum End<'a> {
    /// A project, and an asset of it where one is named.
    Asset(&'a str, &'a str),
    Local(&'a str),
}

impl End<'_> {
    fn of(text: &str) -> End<'_> {
        match text.split_once(':') {
            // A slash in front of the colon, or a drive's letter, is part of a path.
            Some((project, name)) if !project.is_empty() && !project.contains(['/', '\\']) => {
                End::Asset(project, name)
            }
            _ => End::Local(text),
        }
    }
}

/// Copies.
pub async fn execute(client: &Client, args: CopyArgs, json: bool) -> anyhow::Result<ExitCode> {
    match End::of(&args.to) {
        End::Asset(named, name) => upload(client, &args.from, named, name, json).await,
        End::Local(to) => download(client, &args.from, to, json).await,
    }
    .map(|()| ExitCode::SUCCESS)
}

async fn upload(client: &Client, from: &[String], named: &str, name: &str, json: bool) -> anyhow::Result<()> {
    ensure!(
        name.is_empty() || from.len() == 1,
        "several files cannot all be called {name:?}: write {named}:"
    );
    let mut files = Vec::new();
    for file in from {
        let End::Local(file) = End::of(file) else {
            bail!("{file} is an asset and so is the target: one of them must be a local file");
        };
        ensure!(
            file != STREAM || !name.is_empty(),
            "what comes from standard input needs a name: {named}:NAME"
        );
        let called = if name.is_empty() { file_name(Path::new(file))? } else { name.to_owned() };
        files.push((file, called));
    }
    let id = project(client, named).await?;
    let mut made = Vec::new();
    for (file, called) in files {
        let asset = match file {
            STREAM => send_stdin(client, &id, called).await?,
            file => send(client, &id, Path::new(file), called).await?,
        };
        if !json {
            println!("{}", field(&asset, "id"));
        }
        made.push(asset);
    }
    match &made[..] {
        _ if !json => {}
        [one] => print_json(one),
        several => print_json(several),
    }
    Ok(())
}

async fn download(client: &Client, from: &[String], to: &str, json: bool) -> anyhow::Result<()> {
    let mut assets = Vec::new();
    for named in from {
        let End::Asset(named_project, name) = End::of(named) else {
            bail!("{named} and {to} are both local: an asset is written PROJECT:NAME");
        };
        let id = project(client, named_project).await?;
        let found = matching(client, &id, name).await?;
        assets.extend(found.into_iter().map(|asset| (id.clone(), asset)));
    }
    if to == STREAM {
        ensure!(assets.len() == 1, "{} assets cannot all go to standard output", assets.len());
        let (project, asset) = &assets[0];
        return read_to_stdout(client, project, asset).await;
    }
    let folder = Path::new(to).is_dir() || to.ends_with('/');
    ensure!(folder || assets.len() == 1, "{to} is no folder, and {} assets are to be copied", assets.len());
    let targets: Vec<PathBuf> =
        assets.iter().map(|(_, asset)| target(asset, to, folder)).collect::<Result<_, _>>()?;
    if folder {
        std::fs::create_dir_all(to).with_context(|| format!("cannot make folder {to}"))?;
    }
    for ((project, asset), path) in assets.iter().zip(&targets) {
        fetch(client, project, asset, path).await?;
        if !json {
            println!("{}", path.display());
        }
    }
    if json {
        let documents: Vec<Value> = assets.into_iter().map(|(_, asset)| asset).collect();
        print_json(&documents);
    }
    Ok(())
}

/// Where an asset is to be written. Its name is its maker's: only a plain one may be a file's.
fn target(asset: &Value, to: &str, folder: bool) -> anyhow::Result<PathBuf> {
    if !folder {
        return Ok(to.into());
    }
    let name = field(asset, "filename");
    let plain_name = Path::new(&name).file_name().is_some_and(|n| n == name.as_str()) && plain(&name) == name;
    ensure!(
        plain_name,
        "asset {} is called {name:?}: name the file it is to be written to",
        field(asset, "id")
    );
    Ok(Path::new(to).join(name))
}

/// The asset that `name` means, or all that match it: of each name the newest.
async fn matching(client: &Client, project: &str, name: &str) -> anyhow::Result<Vec<Value>> {
    ensure!(!name.is_empty(), "which asset? {project}:NAME, or '{project}:*' for all");
    if !name.contains(['*', '?', '[']) {
        return Ok(vec![asset(client, project, name).await?]);
    }
    let pattern = Pattern::new(name).with_context(|| format!("{name:?} is no pattern"))?;
    let (mut found, _) = client.list(&format!("/projects/{project}/assets?sort=id%3A-1"), MOST).await?;
    let mut seen = std::collections::HashSet::new();
    found.retain(|asset| {
        let name = field(asset, "filename");
        pattern.matches(&name) && seen.insert(name)
    });
    if found.is_empty() {
        return Err(Failure::NotFound(format!("project {project} has no asset that matches {name:?}")).into());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_end_is_an_asset_where_it_has_a_project_in_front() {
        assert_eq!(End::of("brackets:part.stl"), End::Asset("brackets", "part.stl"));
        assert_eq!(End::of("7:"), End::Asset("7", ""));
        for local in ["part.stl", "./a:b.stl", "/x/a:b", ":a", "-", ".", "c/d:e"] {
            assert_eq!(End::of(local), End::Local(local));
        }
    }

    #[test]
    fn a_name_that_leaves_the_folder_is_refused() {
        let asset = |name: &str| json!({"id": "1", "filename": name});
        assert_eq!(target(&asset("a.stl"), "out", true).unwrap(), Path::new("out/a.stl"));
        for bad in ["../a", "/etc/passwd", "..", "a/b", "a\nb", "."] {
            assert!(target(&asset(bad), "out", true).is_err(), "{bad:?}");
        }
    }
}
