//! A server started from a package, and a part's way through it, as the command line goes it.

use crate::run::{root, shown};
use crate::ui;
use anyhow::{Context, ensure};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Steps of a trial with their times.
pub struct Steps {
    name: &'static str,
    done: Vec<(&'static str, Duration)>,
}

impl Steps {
    /// None yet.
    pub fn new(name: &'static str) -> Steps {
        Steps { name, done: Vec::new() }
    }

    /// Does one and notes its time.
    pub fn step<T>(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let start = Instant::now();
        let done = work().with_context(|| format!("{}: {name}", self.name))?;
        self.done.push((name, start.elapsed()));
        Ok(done)
    }

    /// Prints them.
    pub fn show(&self) {
        println!("{}", self.name);
        for (name, time) in &self.done {
            println!("  {:>7.2} s  {name}", time.as_secs_f64());
        }
        let all: Duration = self.done.iter().map(|(_, time)| *time).sum();
        println!("  {:>7.2} s  all {} steps", all.as_secs_f64(), self.done.len());
    }
}

/// A server, ended when dropped.
struct Server {
    child: Child,
    url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already ended when it was stopped.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Starts the server, makes a key and a project, uploads the bracket, samples it, looks at that in Chromium, which runs outside, and stops.
/// `command` makes the packaged program with these arguments, all of one data folder.
pub fn serve_and_run(steps: &mut Steps, command: impl Fn(&[&str]) -> Command) -> anyhow::Result<()> {
    let see = ui::seeing();
    let mut server =
        steps.step("start the server", || start(command(&["serve", "--listen", "127.0.0.1:0"])))?;
    let key = steps.step("make a key", || said(&mut command(&["keys", "create", "--name", "trial"])))?;
    let call = |args: &[&str]| {
        let mut call = command(args);
        call.env("FIELDSTONE_SERVER", &server.url).env("FIELDSTONE_TOKEN", key.trim());
        call
    };
    steps.step("make a project", || said(&mut call(&["projects", "create", "trial"])))?;
    steps.step("upload a part", || {
        let part = std::fs::File::open(root().join("testdata/parts/bracket.stl"))?;
        said(call(&["assets", "cp", "-", "trial:part.stl"]).stdin(part))
    })?;
    let job = ["jobs", "run", "implicit/from-mesh", "--project", "trial", "--input", "mesh=part.stl"];
    let job: Vec<&str> = job.into_iter().chain(["--param", "resolution=128", "--wait", "--json"]).collect();
    let done = steps.step("run a job", || said(&mut call(&job)))?;
    let done: serde_json::Value = serde_json::from_str(&done).context("the job's document")?;
    ensure!(done["state"] == "success", "the job ended as {}", done["state"]);
    if let Some(see) = see {
        let id = done["id"].as_str().context("the job has no id")?;
        steps.step("see the job and its volume in Chromium", || see(&server.url, key.trim(), "trial", id))?;
    }
    steps.step("stop the server", || {
        let pid = server.child.id().to_string();
        // The program is the only child of what made its root, if anything did; SIGTERM to the group reaches it.
        ensure!(
            Command::new("kill").args(["-TERM", "--", &format!("-{pid}")]).status()?.success(),
            "kill {pid}"
        );
        server.child.wait().map(drop).context("the server does not end")
    })
}

fn start(mut command: Command) -> anyhow::Result<Server> {
    use std::os::unix::process::CommandExt;
    let name = shown(&command);
    eprintln!("$ {name}");
    let mut child = command.stderr(Stdio::piped()).stdin(Stdio::null()).process_group(0).spawn()?;
    let stderr = child.stderr.take().context("its stderr is piped")?;
    let mut server = Server { child, url: String::new() };
    let mut lines = BufReader::new(stderr).lines();
    let mut log = Vec::new();
    for line in lines.by_ref() {
        let line = line?;
        if let Some((_, url)) = line.split_once("listening on ") {
            server.url = url.trim().to_owned();
            break;
        }
        log.push(line);
    }
    ensure!(!server.url.is_empty(), "`{name}` does not serve:\n{}", log.join("\n"));
    // Whoever does not read a pipe stops who writes to it.
    std::thread::spawn(move || lines.for_each(drop));
    Ok(server)
}

/// What a command prints that must succeed; what it says besides only if it does not.
fn said(command: &mut Command) -> anyhow::Result<String> {
    eprintln!("$ {}", shown(command));
    let output = command.stderr(Stdio::piped()).stdout(Stdio::piped()).output()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{}` ended with {}: {stderr}", shown(command), output.status);
    String::from_utf8(output.stdout).context("its output")
}
