//! `cargo xtask gen`: the files that are made from the code and committed for readers.

mod densities;
mod jobs;
mod lettering;
mod operators;
mod pictures;
mod showcase;
mod struts;

use crate::run::{cargo, must, root};
use anyhow::Context;
use fieldstone_shape::ops::OPERATORS;
use fieldstone_shape::{Kind, Param};
use std::fmt::Write;

type Maker = fn() -> String;

/// Path from the root and maker of each generated file.
const FILES: &[(&str, Maker)] = &[
    ("docs/jobs.md", jobs::page),
    ("docs/operators.md", operators::page),
    ("ui/src/pages/graph/lattices.json", densities::page),
    ("ui/src/pages/graph/struts.json", struts::page),
];

/// Writes every generated file, and has the tests write the pages whose source is the binary.
pub fn run() -> anyhow::Result<()> {
    for (name, make) in FILES {
        let path = root().join(name);
        std::fs::write(&path, make()).with_context(|| path.display().to_string())?;
        eprintln!("wrote {name}");
    }
    pictures::write()?;
    lettering::write()?;
    showcase::write(OPERATORS)?;
    let mut revisions = cargo();
    revisions.args(["test", "--quiet", "--package", "fieldstone-jobs", "--test", "revisions"]);
    must(revisions.env("UPDATE_DOCS", "1"))?;
    let mut pages = cargo();
    pages.args(["test", "--quiet", "--package", "fieldstone", "--bin", "fieldstone", "docs"]);
    must(pages.env("UPDATE_DOCS", "1"))
}

/// A row of a table for each parameter.
fn param_row(param: &Param) -> [String; 3] {
    let default = param.default.map(|d| format!(", default {d}")).unwrap_or_default();
    [format!("`{}`", param.name), format!("{}{default}", kind(&param.kind)), param.doc.to_owned()]
}

fn table(page: &mut String, title: &str, rows: Vec<[String; 3]>) {
    if rows.is_empty() {
        return;
    }
    let _ = write!(page, "\n| {title} | | |\n|---|---|---|\n");
    for row in rows {
        let _ = writeln!(page, "| {} |", row.map(|cell| cell.replace('|', "\\|")).join(" | "));
    }
}

fn kind(kind: &Kind) -> String {
    match kind {
        Kind::Integer { min, max } => format!("whole number {min}..={max}"),
        Kind::Number { min, max } => format!("number {min}..={max}"),
        Kind::Choice(words) => words.join(" · "),
        Kind::Numbers(16) => "16 numbers or 4×4".to_owned(),
        Kind::Numbers(n) => format!("{n} numbers"),
        Kind::Integers { count, min, max } => format!("{count} whole numbers {min}..={max}"),
        Kind::Points => "list of points".to_owned(),
        Kind::Asset { file_type: Some(t) } => format!("asset: file_type {t}, path"),
        Kind::Asset { file_type: None } => "asset: path".to_owned(),
        Kind::Json => "JSON".to_owned(),
        Kind::Text { most } => format!("text, at most {most} characters"),
    }
}

fn sentence(text: &str) -> String {
    format!("{}.", text.trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_files_are_current() {
        for (name, make) in FILES {
            let text = std::fs::read_to_string(root().join(name)).unwrap_or_default();
            assert!(text == make(), "{name} is stale, run `cargo xtask gen`");
        }
    }
}
