//! One line per job on stderr: a bar on a terminal, elsewhere a line at its end.

use fieldstone_engine::model::Job;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;
use std::collections::HashMap;
use std::io::IsTerminal;

const STEPS: u64 = 1000;

/// Where a job stands, from the engine or from a server's document.
pub struct Standing {
    id: String,
    name: Option<String>,
    type_name: String,
    state: String,
    progress: f32,
    took: String,
}

impl From<&Job> for Standing {
    fn from(job: &Job) -> Standing {
        let took = job.started.zip(job.finished).map(|(from, to)| (to.0 - from.0) as f64 * 1e-6);
        Standing {
            id: job.id.to_string(),
            name: job.name.clone(),
            type_name: job.type_name.clone(),
            state: job.state.as_str().to_owned(),
            progress: job.progress,
            took: took.map_or_else(String::new, |seconds| format!("{seconds:.2} s")),
        }
    }
}

impl Standing {
    /// Of a job's document and the fraction that is done.
    pub fn of_document(job: &Value, progress: f32) -> Standing {
        let text = |field: &str| job[field].as_str().map(str::to_owned);
        let time = |field: &str| job[field].as_str()?.parse::<jiff::Timestamp>().ok();
        // On the wire dates are whole seconds.
        let took = match time("started").zip(time("finished")).map(|(from, to)| (to - from).as_secs()) {
            None => String::new(),
            Some(..1) => "< 1 s".into(),
            Some(seconds) => format!("{seconds} s"),
        };
        Standing {
            id: text("id").unwrap_or_default(),
            name: text("name"),
            type_name: text("type").unwrap_or_default(),
            state: text("state").unwrap_or_default(),
            progress,
            took,
        }
    }

    fn has_ended(&self) -> bool {
        has_ended(&self.state)
    }

    fn label(&self) -> String {
        match self.name.as_deref() {
            Some(name) => format!("  {name:<14} {:<20} ", self.type_name),
            None => format!("  {:<20} ", self.type_name),
        }
    }
}

/// Whether nothing follows on this state of a job or workflow.
pub fn has_ended(state: &str) -> bool {
    !matches!(state, "pending" | "started")
}

/// The lines of the jobs of one command.
pub struct JobLines {
    lines: MultiProgress,
    bars: HashMap<String, ProgressBar>,
    terminal: bool,
}

impl JobLines {
    /// No lines yet.
    pub fn new() -> JobLines {
        let terminal = std::io::stderr().is_terminal();
        let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        JobLines { lines: MultiProgress::with_draw_target(target), bars: HashMap::new(), terminal }
    }

    /// Shows where a job stands.
    pub fn show(&mut self, job: &Standing) {
        let bar = self.bars.entry(job.id.clone()).or_insert_with(|| self.lines.add(new_bar(job)));
        if bar.is_finished() {
            return;
        }
        bar.set_position((f64::from(job.progress) * STEPS as f64) as u64);
        bar.set_message(job.state.clone());
        if job.has_ended() {
            let end = format!("{:<8} {:>9}", job.state, job.took);
            if job.state == "success" {
                bar.set_position(STEPS);
            }
            bar.abandon_with_message(end.clone());
            if !self.terminal {
                eprintln!("{}{end}", job.label());
            }
        }
    }
}

fn new_bar(job: &Standing) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{prefix}{bar:30.cyan/dim} {msg}").expect("the template is constant");
    ProgressBar::new(STEPS).with_style(style.progress_chars("━╸─")).with_prefix(job.label())
}
