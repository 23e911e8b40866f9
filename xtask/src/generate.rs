//! `cargo xtask gen`: the files that are made from the code and committed for readers.

use crate::run::{cargo, must, root};
use anyhow::Context;
use fieldstone_jobs::Kind;
use fieldstone_jobs::job_type::JobEntry;
use fieldstone_jobs::types::JOB_TYPES;
use std::fmt::Write;

type Maker = fn() -> String;

/// Path from the root and maker of each generated file.
const FILES: &[(&str, Maker)] = &[("docs/jobs.md", jobs)];

/// Writes every generated file, and has the tests write the pages whose source is the binary.
pub fn run() -> anyhow::Result<()> {
    for (name, make) in FILES {
        let path = root().join(name);
        std::fs::write(&path, make()).with_context(|| path.display().to_string())?;
        eprintln!("wrote {name}");
    }
    let mut pages = cargo();
    pages.args(["test", "--quiet", "--package", "fieldstone", "--bin", "fieldstone", "docs"]);
    must(pages.env("UPDATE_DOCS", "1"))
}

/// The reference of job types, from the registry.
fn jobs() -> String {
    let mut page = String::from(
        "# Job types\n\nMade by `cargo xtask gen` from the registry in `crates/jobs/src/types`. Parameter values are\n\
         strings on the wire; native JSON is accepted too.\n",
    );
    for entry in JOB_TYPES {
        job(&mut page, entry);
    }
    page
}

fn job(page: &mut String, entry: &JobEntry) {
    let _ = write!(page, "\n## `{}`\n\n{}\n", entry.type_name, sentence(entry.doc));
    let required = |yes| if yes { "required" } else { "optional" };
    let inputs = entry.inputs.iter().map(|slot| {
        let older = slot.from_param.map(|p| format!(", by parameter `{p}`")).unwrap_or_default();
        [
            format!("`{}`", slot.name),
            format!("asset, {}{older}", required(slot.required)),
            slot.doc.to_owned(),
        ]
    });
    let params = entry.params.iter().map(|param| {
        let default = param.default.map(|d| format!(", default {d}")).unwrap_or_default();
        [format!("`{}`", param.name), format!("{}{default}", kind(&param.kind)), param.doc.to_owned()]
    });
    table(page, "In", inputs.chain(params).collect());
    let products = entry.products.iter().map(|product| {
        [format!("`{}`", product.name), format!("asset, .{}", product.extension), product.doc.to_owned()]
    });
    table(page, "Out", products.collect());
    if !entry.results.is_empty() {
        let names: Vec<String> = entry.results.iter().map(|name| format!("`{name}`")).collect();
        let _ = write!(page, "\nParameters out: {}.\n", names.join(", "));
    }
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
