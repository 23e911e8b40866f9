//! One line per job on stderr: a bar on a terminal, elsewhere a line at its end.

use fieldstone_engine::model::{Job, JobId};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::HashMap;
use std::io::IsTerminal;

const STEPS: u64 = 1000;

/// The lines of the jobs of one command.
pub struct JobLines {
    lines: MultiProgress,
    bars: HashMap<JobId, ProgressBar>,
    terminal: bool,
}

impl JobLines {
    /// No lines yet.
    pub fn new() -> JobLines {
        let terminal = std::io::stderr().is_terminal();
        let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        JobLines { lines: MultiProgress::with_draw_target(target), bars: HashMap::new(), terminal }
    }

    /// Shows where `job` stands.
    pub fn show(&mut self, job: &Job) {
        let bar = self.bars.entry(job.id).or_insert_with(|| self.lines.add(new_bar(job)));
        if bar.is_finished() {
            return;
        }
        bar.set_position((f64::from(job.progress) * STEPS as f64) as u64);
        bar.set_message(job.state.as_str());
        if job.state.is_final() {
            let seconds = match (job.started, job.finished) {
                (Some(from), Some(to)) => format!("{:.2} s", (to.0 - from.0) as f64 * 1e-6),
                _ => String::new(),
            };
            let end = format!("{:<8} {seconds:>9}", job.state.as_str());
            if job.state == fieldstone_engine::model::State::Success {
                bar.set_position(STEPS);
            }
            bar.abandon_with_message(end.clone());
            if !self.terminal {
                eprintln!("{}{end}", label(job));
            }
        }
    }
}

fn label(job: &Job) -> String {
    match job.name.as_deref() {
        Some(name) => format!("  {name:<14} {:<20} ", job.type_name),
        None => format!("  {:<20} ", job.type_name),
    }
}

fn new_bar(job: &Job) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{prefix}{bar:30.cyan/dim} {msg}").expect("the template is constant");
    ProgressBar::new(STEPS).with_style(style.progress_chars("━╸─")).with_prefix(label(job))
}
