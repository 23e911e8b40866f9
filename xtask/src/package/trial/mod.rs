//! `cargo xtask package --try`: each package in a clean root, from its installation to a finished job, step by step with times.

mod root;
mod service;

use super::tree::Tree;
use crate::python;
use crate::run::{must, output_of, target};
use anyhow::Context;
use root::Root;
use service::{Steps, serve_and_run};
use std::path::Path;
use std::process::Command;

/// The archive in a root that holds nothing else.
pub fn archive(path: &Path) -> anyhow::Result<()> {
    let mut steps = Steps::new("archive in an empty root");
    let root = Root::empty()?;
    steps.step("unpack", || {
        must(Command::new("tar").args(["--strip-components=1", "-xf"]).arg(path).arg("-C").arg(root.path()))
    })?;
    root.data("data")?;
    serve_and_run(&mut steps, |args| root.command("/fieldstone", args, &[("FIELDSTONE_DATA", "/data")]))?;
    steps.show();
    Ok(())
}

/// The image as a container runs it: its layer as a root that cannot be written, its user, its settings, a folder for its volume.
pub fn container(path: &Path) -> anyhow::Result<()> {
    let mut steps = Steps::new("container, root read-only");
    let image = Tree::new()?;
    let root = Root::empty()?;
    let config = steps.step("unpack", || {
        must(Command::new("tar").arg("-xf").arg(path).arg("-C").arg(image.path()))?;
        let layers = super::container::layers(image.path())?;
        for layer in &layers.paths {
            must(Command::new("tar").args(["--same-owner", "-xf"]).arg(layer).arg("-C").arg(root.path()))?;
        }
        Ok(layers.config)
    })?;
    root.data("data")?;
    let variables: Vec<(&str, &str)> = config["Env"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one.as_str()?.split_once('='))
        .filter(|(name, _)| *name != "FIELDSTONE_LISTEN")
        .collect();
    let program = config["Entrypoint"][0].as_str().context("the image has no entry point")?;
    serve_and_run(&mut steps, |args| root.command(program, args, &variables))?;
    steps.show();
    Ok(())
}

/// The .deb in a fresh Debian.
pub fn deb(path: &Path) -> anyhow::Result<()> {
    let mut steps = Steps::new("deb in a fresh Debian");
    let root = steps.step("debootstrap", || Root::debian(&["ca-certificates"]))?;
    steps.step("dpkg --install", || {
        std::fs::copy(path, root.path().join("fieldstone.deb"))?;
        root.inside("dpkg", &["--install", "/fieldstone.deb"])
    })?;
    // There is no init in a folder: the unit is read by the systemd of this machine and its command is run as its user would.
    let unit = root.path().join("usr/lib/systemd/system/fieldstone.service");
    steps.step("systemd-analyze verify", || {
        let mut verify = Command::new("systemd-analyze");
        verify.args(["verify", "--man=no", "--recursive-errors=no"]).arg("--root").arg(root.path());
        must(verify.arg("fieldstone.service"))
    })?;
    let text = std::fs::read_to_string(&unit)?;
    let start = text.lines().find_map(|line| line.strip_prefix("ExecStart=")).context("no ExecStart")?;
    let words: Vec<&str> = start.split_whitespace().collect();
    let data = words.iter().skip_while(|word| **word != "--data").nth(1).context("no --data")?;
    let folder = Path::new(data).parent().and_then(|parent| parent.strip_prefix("/").ok());
    root.data(&folder.context("--data has no folder above")?.to_string_lossy())?;
    let variables = [("FIELDSTONE_CONFIG", "/etc/fieldstone.toml"), ("FIELDSTONE_DATA", data)];
    serve_and_run(&mut steps, |args| root.command(words[0], args, &variables))?;
    steps.step("dpkg --purge", || root.inside("dpkg", &["--purge", "fieldstone"]))?;
    steps.show();
    Ok(())
}

/// The wheel in a fresh Debian that has Python, without a network; then its notebook's module in an environment of this machine.
pub fn wheel(path: &Path) -> anyhow::Result<()> {
    let mut steps = Steps::new("wheel in a fresh Debian");
    let root = steps.step("debootstrap", || Root::debian(&["python3-venv"]))?;
    let name = path.file_name().and_then(|name| name.to_str()).context("the wheel has no name")?;
    std::fs::copy(path, root.path().join(name))?;
    let home = "/opt/fieldstone";
    steps.step("python3 -m venv", || root.inside("python3", &["-m", "venv", home]))?;
    steps.step("pip install", || {
        let install = ["install", "--quiet", "--no-index", &format!("/{name}")];
        root.inside(&format!("{home}/bin/pip"), &install)
    })?;
    root.data("data")?;
    let program = format!("{home}/bin/fieldstone");
    serve_and_run(&mut steps, |args| root.command(&program, args, &[("FIELDSTONE_DATA", "/data")]))?;
    steps.show();
    notebook(path)
}

/// The wheel with what its notebook's module needs, from where this machine's pip gets packages.
fn notebook(path: &Path) -> anyhow::Result<()> {
    let mut steps = Steps::new("wheel with notebooks in a fresh environment");
    let home = target().join("package-try-venv");
    steps.step("python -m venv", || {
        must(Command::new(python::interpreter()?).args(["-m", "venv", "--clear"]).arg(&home))
    })?;
    steps.step("pip install [notebook]", || {
        let mut pip = Command::new(home.join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check"]);
        must(pip.arg(format!("{}[notebook]", path.display())))
    })?;
    steps.step("import fieldstone.notebook", || {
        output_of(Command::new(home.join("bin/python")).args(["-c", "import fieldstone.notebook"])).map(drop)
    })?;
    steps.show();
    std::fs::remove_dir_all(&home).with_context(|| home.display().to_string())
}
