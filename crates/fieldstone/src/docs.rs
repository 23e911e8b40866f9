//! The reference pages docs/jobs.md and docs/configuration.md, written from the code; stale pages fail a test.
//! `UPDATE_DOCS=1 cargo test -p fieldstone docs` rewrites them.

use crate::settings::{Flags, Settings};
use fieldstone_jobs::{JOB_TYPES, JobEntry, Kind, Param};
use figment::providers::{Format, Toml};
use std::fmt::Write;
use std::path::Path;

const UPDATE: &str = "UPDATE_DOCS=1 cargo test -p fieldstone docs";

#[test]
fn the_page_of_job_types_is_current() {
    check("jobs.md", &jobs_page());
}

#[test]
fn the_page_of_settings_is_current() {
    check("configuration.md", &configuration_page());
}

fn check(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "docs/{name} is stale; write it anew with: {UPDATE}");
}

fn jobs_page() -> String {
    let mut page = format!(
        "# Job types\n\n\
         Written from the registry by `{UPDATE}`; do not edit.\n\n\
         Parameters are strings, JSON inside where structured; native JSON is accepted too. Every type can be\n\
         dispatched alone (`POST /projects/{{projectId}}/jobs`), in a workflow, and on local files with\n\
         `fieldstone run`. Lengths are mm. A type that is not listed here dispatches and then fails, with an\n\
         error that says so.\n\n\
         | type | does |\n|---|---|\n"
    );
    for job in JOB_TYPES {
        let anchor: String =
            job.type_name.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect();
        writeln!(page, "| [`{}`](#{anchor}) | {} |", job.type_name, job.doc).unwrap();
    }
    JOB_TYPES.iter().for_each(|job| job_section(&mut page, job));
    page
}

fn job_section(page: &mut String, job: &JobEntry) {
    write!(page, "\n## `{}`\n\n{}\n\nRevision {}.\n", job.type_name, sentence(job.doc), job.revision)
        .unwrap();
    page.push_str("\n| input | | is |\n|---|---|---|\n");
    for slot in job.inputs {
        let need = if slot.required { "required" } else { "optional" };
        let or = slot.from_param.map(|p| format!("; its filename may come as parameter `{p}`"));
        writeln!(page, "| `{}` | {need} | {}{} |", slot.name, slot.doc, or.unwrap_or_default()).unwrap();
    }
    if !job.params.is_empty() {
        page.push_str("\n| parameter | values | default | is |\n|---|---|---|---|\n");
        for p in job.params {
            let default = p.default.map_or("–".to_owned(), |d| format!("`{d}`"));
            writeln!(page, "| `{}` | {} | {default} | {} |", p.name, values(p), p.doc).unwrap();
        }
    }
    page.push_str("\n| output | file | is |\n|---|---|---|\n");
    for product in job.products {
        writeln!(page, "| `{}` | .{} | {} |", product.name, product.extension, product.doc).unwrap();
    }
    let results: Vec<String> = job.results.iter().map(|r| format!("`{r}`")).collect();
    if !results.is_empty() {
        write!(page, "\nOutput parameters: {}.\n", results.join(", ")).unwrap();
    }
}

fn values(p: &Param) -> String {
    match p.kind {
        Kind::Integer { min, max } => format!("integer {min} to {max}"),
        Kind::Number { min, max } => format!("number {min} to {max}"),
        Kind::Choice(words) => words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", "),
    }
}

fn sentence(text: &str) -> String {
    let mut chars = text.trim_end_matches('.').chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}

fn configuration_page() -> String {
    let mut page = format!(
        "# Configuration\n\n\
         Written from the code by `{UPDATE}`; do not edit.\n\n\
         A setting is taken from its flag, else from its environment variable, else from `fieldstone.toml` in the\n\
         working folder (`--config FILE` or `FIELDSTONE_CONFIG` names another), else it has its default. Sizes are\n\
         written `512MiB`, `2GB` or as a number of bytes. `fieldstone serve` takes all of them as flags.\n\n\
         | setting | flag | variable | default | meaning |\n|---|---|---|---|---|\n"
    );
    let defaults = serde_json::to_value(Settings::default()).unwrap();
    let command = <Flags as clap::Args>::augment_args(clap::Command::new(""));
    let mut example = String::new();
    for flag in command.get_arguments() {
        let (name, long) = (flag.get_id().as_str(), flag.get_long().unwrap());
        let value = &defaults[name];
        assert!(defaults.as_object().unwrap().contains_key(name), "flag {name} is not a setting");
        let default = match value {
            serde_json::Value::Null => "–".to_owned(),
            serde_json::Value::String(s) => format!("`{s}`"),
            other => format!("`{other}`"),
        };
        let help = flag.get_help().unwrap().to_string().replace('|', "\\|");
        let variable = name.to_uppercase();
        writeln!(page, "| `{name}` | `--{long}` | `FIELDSTONE_{variable}` | {default} | {help} |").unwrap();
        if !value.is_null() {
            writeln!(example, "{name} = {value}").unwrap();
        }
    }
    let read = figment::Figment::from(Toml::string(&example)).extract::<Settings>().unwrap();
    assert_eq!(read, Settings::default(), "the example is not what it says");
    write!(page, "\n`fieldstone.toml` with every default:\n\n```toml\n{example}```\n").unwrap();
    assert_eq!(command.get_arguments().count(), defaults.as_object().unwrap().len(), "a setting has no flag");
    page
}
