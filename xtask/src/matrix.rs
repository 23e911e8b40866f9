//! docs/conformance.md: which release of the official client has which method, and that it works against us.

use crate::run::{Tally, output_of, root};
use anyhow::Context;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::process::Command;

/// Releases in the order they ran, with what became of each of their methods.
#[derive(Default)]
pub struct Matrix {
    releases: Vec<(String, BTreeMap<String, bool>)>,
}

impl Matrix {
    /// Reads the `method NAME ok` and `method NAME failed` among the lines that a release's script printed.
    pub fn add(&mut self, release: &str, lines: &[String]) {
        let methods = lines.iter().filter_map(|line| {
            let (name, verdict) = line.strip_prefix("method ")?.split_once(' ')?;
            Some((name.to_owned(), verdict == "ok"))
        });
        self.releases.push((release.to_owned(), methods.collect()));
    }

    /// A row per method, a column per release, and the totals.
    pub fn table(&self) -> String {
        let names: BTreeSet<&String> = self.releases.iter().flat_map(|(_, methods)| methods.keys()).collect();
        let mut text = String::from("| method |");
        for (release, _) in &self.releases {
            let _ = write!(text, " {} |", release.strip_prefix("0.").unwrap_or(release));
        }
        let _ = write!(text, "\n|---|{}", "---|".repeat(self.releases.len()));
        for name in names {
            let _ = write!(text, "\n| {name} |");
            for (_, methods) in &self.releases {
                let cell = match methods.get(name) {
                    Some(true) => "ok",
                    Some(false) => "**failed**",
                    None => "–",
                };
                let _ = write!(text, " {cell} |");
            }
        }
        let (ok, failed) = self.totals();
        let count = self.releases.len();
        let _ = write!(text, "\n\n{count} releases, {} methods: {ok} ok, {failed} failed.", ok + failed);
        text
    }

    fn totals(&self) -> (usize, usize) {
        let all = self.releases.iter().flat_map(|(_, methods)| methods.values());
        let (ok, failed): (Vec<bool>, Vec<bool>) = all.partition(|ok| **ok);
        (ok.len(), failed.len())
    }

    /// Writes the page.
    pub fn write(&self, tally: &Tally) -> anyhow::Result<()> {
        let date = output_of(Command::new("date").args(["-u", "+%Y-%m-%d"]))?;
        let mut text = format!(
            "# Conformance\n\nWritten by `cargo xtask conformance` on {}. Every final release of `metafold` on PyPI, 0.1.0 to 0.15.0 and\n\
             unmodified, calls each of its methods against a server of ours. Columns are releases without their leading `0.`; a dash\n\
             says that the release has no such method. Releases before 0.8 use a key made with `--dialect sdk-legacy`.\n\n{}\n\n\
             {} checks hold, {} do not; they are in `conformance/every_method.py`. `cargo xtask test` runs some of these releases, three of them also\n\
             against two servers with three workers, PostgreSQL and S3, the client-credentials flow over TLS and a JavaScript client written by hand\n\
             (`conformance/node`).\n",
            date.trim(),
            self.table(),
            tally.passed,
            tally.failed,
        );
        for failure in &tally.failures {
            let _ = writeln!(text, "\n- failed: {failure}");
        }
        let path = root().join("docs/conformance.md");
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_ok_failed_or_absent() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let mut matrix = Matrix::default();
        matrix.add("0.1.0", &lines("ok assets\nmethod assets.list ok"));
        matrix.add("0.2.0", &lines("method assets.list failed\nmethod jobs.run ok"));
        let table =
            "| method | 1.0 | 2.0 |\n|---|---|---|\n| assets.list | ok | **failed** |\n| jobs.run | – | ok |";
        assert_eq!(matrix.table(), format!("{table}\n\n2 releases, 3 methods: 2 ok, 1 failed."));
    }
}
